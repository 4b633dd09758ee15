// SPDX-License-Identifier: GPL-2.0
/*
 * The state that the kernel should have: windows, the mapping of each entry,
 * registered memory, and the part of it that counts as locked. The model
 * predicts the result of an ioctl, and then changes as the ioctl has changed
 * the kernel.
 *
 * A window is divided into places, and each place into one slice for each
 * thread. A thread maps its own memory in its own slices, so its results do not
 * depend on the other threads, as long as windows and groups stay where they
 * are.
 */

#include <string.h>

#include "fuzz.h"

struct fz fz;

uint64_t fz_rnd(struct fz_thread *t)
{
	uint64_t x = t->rnd += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t fz_below(struct fz_thread *t, uint64_t n)
{
	return n ? fz_rnd(t) % n : 0;
}

bool fz_one_in(struct fz_thread *t, unsigned int n)
{
	return !fz_below(t, n);
}

enum fz_ret fz_ret_of(int ret)
{
	static const int errnos[] = {
		0, EPERM, ENOENT, EINTR, EIO, ENXIO, EBADF, ENOMEM, EFAULT,
		EBUSY, ENODEV, EINVAL, ENOSPC, ENOTTY, EADDRNOTAVAIL,
		EOPNOTSUPP, ESTALE, EEXIST, EBADFD, 1000 - H_PARAMETER,
		1000 - LEFT,
	};
	int i;

	for (i = 0; i < FZ_OTHER; i++)
		if (ret == -errnos[i] || (!i && ret > 0))
			return i;
	return FZ_OTHER;
}

int fz_hcall_ret(long status)
{
	return status ? status - 1000 : 0;
}

/*
 * Large windows have one place with thousands of entries for each thread, and
 * many small places in more leaves than the kernel keeps allocated. Small
 * places do not begin at a leaf, so threads share leaves. The first place is at
 * the start of the window, and the last one ends with the window.
 */
void fz_window_init(struct fz_window *w, unsigned int shift, uint64_t start,
		    uint64_t pages)
{
	unsigned int i, n, small, base = 0;
	struct fz_place *p = w->place;
	uint64_t first = 0, step;

	w->shift = shift;
	w->start = start;
	w->pages = pages;
	w->number++;
	w->nleaves = 0;
	for (i = 0; i < fz.threads; i++)
		memset(w->notes[i], 0, FZ_NOTES * sizeof(*w->notes[i]));

	if (pages >= 1 << 16) {
		p->first = 0;
		p->each = FZ_BIG;
		p->base = 0;
		first = FZ_BIG * fz.threads;
		base = FZ_BIG;
		p++;
		n = FZ_SMALL_PLACES;
		small = FZ_SMALL;
	} else if (pages >= 1 << 12) {
		n = 16;
		small = 16;
	} else {
		n = 1;
		small = pages / fz.threads;
	}

	step = n > 1 ? (pages - first - small * fz.threads) / (n - 1) : 0;
	for (i = 0; small && i < n; i++, p++) {
		p->first = i < n - 1 ? first + i * step :
				       pages - small * fz.threads;
		p->each = small;
		p->base = base;
		base += small;
	}
	w->nplaces = p - w->place;
}

/* As the kernel does it: the default window counts before it has been made */
struct fz_window *fz_window_at(struct fz_container *c, uint64_t iova)
{
	struct fz_window *w;
	uint64_t entry;
	int i;

	for (i = 0; i < FZ_WINDOWS; i++) {
		w = &c->win[i];
		if (!w->on && (i || !c->pending || !fz.def_size))
			continue;
		entry = iova >> w->shift;
		if (entry >= w->start >> w->shift &&
		    entry - (w->start >> w->shift) < w->pages)
			return w;
	}
	return NULL;
}

/* NULL at a place where no thread maps memory */
uint64_t *fz_note(struct fz_window *w, uint64_t entry, int *owner)
{
	struct fz_place *p;

	for (p = w->place; p < w->place + w->nplaces; p++) {
		if (entry < p->first ||
		    entry - p->first >= (uint64_t)p->each * fz.threads)
			continue;
		*owner = (entry - p->first) / p->each;
		return &w->notes[*owner][p->base +
					 (entry - p->first) % p->each];
	}
	return NULL;
}

/* The notes of entries that are in one slice of the thread, or NULL */
uint64_t *fz_own(struct fz_thread *t, struct fz_window *w, uint64_t entry,
		 uint64_t n)
{
	struct fz_place *p;
	uint64_t first;

	for (p = w->place; p < w->place + w->nplaces; p++) {
		first = p->first + (uint64_t)t->id * p->each;
		if (entry >= first && entry - first < p->each &&
		    n <= p->each - (entry - first))
			return &w->notes[t->id][p->base + entry - first];
	}
	return NULL;
}

/* Whether any of the entries belongs to another thread */
bool fz_others(struct fz_thread *t, struct fz_window *w, uint64_t entry,
	       uint64_t n)
{
	uint64_t own, end, last = entry + n;
	struct fz_place *p;

	for (p = w->place; p < w->place + w->nplaces; p++) {
		own = p->first + (uint64_t)t->id * p->each;
		end = p->first + (uint64_t)fz.threads * p->each;
		if (entry < own && last > p->first)
			return true;
		if (entry < end && last > own + p->each)
			return true;
	}
	return false;
}

struct fz_region *fz_region_at(struct fz_thread *t, uint64_t ua)
{
	struct fz_region *r;

	for (r = t->regions; r < t->regions + FZ_REGIONS; r++)
		if (r->size && ua - r->ua < r->size)
			return r;
	return NULL;
}

static struct fz_region *region_exact(struct fz_thread *t, uint64_t ua,
				      uint64_t size)
{
	struct fz_region *r = fz_region_at(t, ua);

	return r && r->ua == ua && r->size == size ? r : NULL;
}

static bool region_overlaps(struct fz_thread *t, uint64_t ua, uint64_t size)
{
	struct fz_region *r;

	for (r = t->regions; r < t->regions + FZ_REGIONS; r++)
		if (r->size && ua < r->ua + r->size && r->ua < ua + size)
			return true;
	return false;
}

struct fz_region *fz_region_free(struct fz_thread *t)
{
	struct fz_region *r;

	for (r = t->regions; r < t->regions + FZ_REGIONS; r++)
		if (!r->size)
			return r;
	return NULL;
}

static bool within(uint64_t va, uint64_t size, uint64_t start, uint64_t len)
{
	return va >= start && va - start < len && size <= len - (va - start);
}

bool fz_is_rw(struct fz_thread *t, uint64_t va, uint64_t size)
{
	return within(va, size, t->rw, t->rw_size) ||
	       within(va, size, (uintptr_t)t->huge.va, t->huge.size);
}

bool fz_is_ro(struct fz_thread *t, uint64_t va, uint64_t size)
{
	/* It follows the writable part */
	return within(va, size, t->rw, t->rw_size + t->ro_size);
}

static unsigned int log2_of(uint64_t x)
{
	return 63 - __builtin_clzll(x);
}

/* The kernel uses the largest page size that all of the memory has */
static unsigned int region_shift(struct fz_thread *t, uint64_t ua,
				 uint64_t size)
{
	unsigned int align = __builtin_ctzll(ua | size);
	unsigned int page = log2_of(fz.page);

	if (within(ua, size, (uintptr_t)t->huge.va, t->huge.size))
		page = log2_of(t->huge.page);
	return align < page ? align : page;
}

static bool readable(struct fz_op *op)
{
	return op->where <= FZ_RDONLY;
}

/* The errno for arguments of MAP and UNMAP that are wrong in any state, or 0 */
static uint32_t map_args(struct fz_op *op)
{
	const struct vfio_iommu_type1_dma_map *m = &op->a.map;

	if (!readable(op))
		return BIT_OF(EFAULT);
	if (op->kind == FZ_UNMAP)
		return op->a.argsz < 24 || op->a.unmap.flags ||
		       !op->a.unmap.size ? BIT_OF(EINVAL) : 0;
	if (m->argsz < 32 || !m->flags || m->flags & ~TCE_RW || !m->size ||
	    m->vaddr + m->size < m->vaddr)
		return BIT_OF(EINVAL);
	return 0;
}

static bool pinnable(struct fz_thread *t, uint64_t va, uint64_t size,
		     uint32_t flags)
{
	return fz_is_rw(t, va, size) ||
	       (!(flags & VFIO_DMA_MAP_FLAG_WRITE) && fz_is_ro(t, va, size));
}

static bool registered(struct fz_thread *t, int c, uint64_t va, uint64_t size,
		       unsigned int shift)
{
	uint64_t len, done = 0;
	struct fz_region *r;

	while (done < size) {
		r = fz_region_at(t, va + done);
		if (!r || !(r->in >> c & 1) || shift > r->shift)
			return false;
		len = r->ua + r->size - (va + done);
		if (len < 1ULL << shift)
			return false;
		done += len >> shift << shift;
	}
	return true;
}

static uint32_t expect_map(struct fz_thread *t, struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	uint64_t iova, size, entry, va = 0, mask;
	struct fz_window *w;
	uint32_t bad;

	if (!c->enabled)
		return BIT_OF(EPERM);
	bad = map_args(op);
	if (bad)
		return bad;

	op->makes_default = c->pending;
	if (op->kind == FZ_MAP) {
		iova = op->a.map.iova;
		size = op->a.map.size;
		va = op->a.map.vaddr;
	} else {
		iova = op->a.unmap.iova;
		size = op->a.unmap.size;
	}
	w = fz_window_at(c, iova);
	if (!w)
		return BIT_OF(ENXIO);
	mask = (1ULL << w->shift) - 1;
	entry = (iova - w->start) >> w->shift;
	if ((size | va | iova) & mask || size >> w->shift > w->pages - entry)
		return BIT_OF(EINVAL);

	if (op->kind == FZ_UNMAP)
		return OK;
	if (c->version == 1)
		return pinnable(t, va, size, op->a.map.flags) ? OK :
								BIT_OF(EFAULT);
	return registered(t, op->c, va, size, w->shift) ? OK : BIT_OF(EINVAL);
}

static uint32_t create_args(struct fz_op *op)
{
	const struct vfio_iommu_spapr_tce_create *cr = &op->a.create;

	if (!readable(op))
		return BIT_OF(EFAULT);
	if (cr->argsz < 40 || cr->flags || cr->page_shift >= 64 ||
	    !(fz.pgsizes >> cr->page_shift & 1) || !cr->window_size ||
	    cr->window_size & (cr->window_size - 1) ||
	    cr->window_size < 1ULL << cr->page_shift || cr->levels > fz.levels)
		return BIT_OF(EINVAL);
	/* A partition has its own limit, whatever the platform announces */
	if (!tce_is_powernv() &&
	    cr->window_size >> cr->page_shift > FZ_MAX_ENTRIES)
		return BIT_OF(EINVAL);
	return 0;
}

static uint32_t expect_create(struct fz_op *op)
{
	const struct vfio_iommu_spapr_tce_create *cr = &op->a.create;
	struct fz_container *c = &fz.c[op->c];
	uint32_t ret = create_args(op);
	struct fz_pe saved[FZ_GROUPS];
	bool used;
	int i;

	if (c->version == 1)
		return BIT_OF(ENOTTY);
	if (ret)
		return ret;
	used = c->win[0].on || (c->pending && fz.def_size);
	if (used && c->win[1].on)
		return BIT_OF(ENOSPC);
	if (!fz.ddw)
		return OK | BIT_OF(EOPNOTSUPP) | BIT_OF(EFAULT);
	op->reached = true;
	if (!fz_pe_known() && cr->window_size >> cr->page_shift >> 32)
		return BIT_OF(ENOSPC);
	if (!fz_pe_known())
		return (op->where == FZ_RDONLY ? BIT_OF(EFAULT) : OK) |
		       BIT_OF(EADDRNOTAVAIL);

	for (i = 0; i < fz.groups; i++)
		saved[i] = fz.g[i].pe;
	ret = 1U << fz_ret_of(fz_pe_create(op, &op->start));
	for (i = 0; i < fz.groups; i++)
		fz.g[i].pe = saved[i];
	return ret;
}

static uint32_t expect_remove(struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	uint64_t start = op->a.remove.start_addr;
	struct fz_window *w;

	if (c->version == 1)
		return BIT_OF(ENOTTY);
	if (!readable(op))
		return BIT_OF(EFAULT);
	if (op->a.argsz < 16 || op->a.remove.flags)
		return BIT_OF(EINVAL);
	if (c->pending)
		return start == fz.def_start ? OK : BIT_OF(EINVAL);
	w = fz_window_at(c, start);
	return w && w->start == start ? OK : BIT_OF(EINVAL);
}

static uint32_t region_args(struct fz_op *op)
{
	const struct vfio_iommu_spapr_register_memory *reg = &op->a.reg;

	if (!readable(op))
		return BIT_OF(EFAULT);
	if (reg->argsz < 24 || reg->flags ||
	    (reg->vaddr | reg->size) & (fz.page - 1))
		return BIT_OF(EINVAL);
	if (op->kind == FZ_REGISTER &&
	    (!reg->size || reg->vaddr + reg->size < reg->vaddr))
		return BIT_OF(EINVAL);
	return 0;
}

static uint32_t expect_region(struct fz_thread *t, struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	uint64_t va = op->a.reg.vaddr, size = op->a.reg.size;
	uint32_t bad = region_args(op);
	struct fz_region *r;

	if (c->version == 1)
		return BIT_OF(ENOTTY);
	if (op->kind == FZ_UNREGISTER && !c->mm)
		return BIT_OF(EPERM);
	if (bad)
		return bad;

	r = region_exact(t, va, size);
	if (op->kind == FZ_UNREGISTER) {
		if (!r || !(r->in >> op->c & 1))
			return BIT_OF(ENOENT);
		return r->in == 1U << op->c && r->mapped ? BIT_OF(EBUSY) : OK;
	}
	if (r)
		return r->in >> op->c & 1 ? BIT_OF(EBUSY) : OK;
	if (!fz_is_rw(t, va, size))
		return BIT_OF(EFAULT);
	return region_overlaps(t, va, size) ? BIT_OF(EINVAL) : OK;
}

static uint32_t expect_info(struct fz_op *op)
{
	if (!readable(op))
		return BIT_OF(EFAULT);
	if (op->a.argsz < 16)
		return BIT_OF(EINVAL);
	return op->where == FZ_RDONLY ? BIT_OF(EFAULT) : OK;
}

/* The arguments are always wrong, some of them only for this PE */
static uint32_t expect_eeh(struct fz_op *op)
{
	uint32_t set = readable(op) ? 0 : BIT_OF(EFAULT);

	if (op->a.eeh.argsz < 12 || op->a.eeh.flags)
		return set | BIT_OF(EINVAL);
	if (fz.eeh)
		set |= BIT_OF(EINVAL);
	return set | BIT_OF(ENODEV);
}

/* The set of possible results of the ioctl; most often a single one */
uint32_t fz_expect(struct fz_thread *t, struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];

	op->makes_default = false;
	op->reached = false;
	if (!c->version)
		return BIT_OF(EINVAL);

	switch (op->kind) {
	case FZ_MAP:
	case FZ_UNMAP:
		return expect_map(t, op);
	case FZ_CREATE:
		return expect_create(op);
	case FZ_REMOVE:
		return expect_remove(op);
	case FZ_REGISTER:
	case FZ_UNREGISTER:
		return expect_region(t, op);
	case FZ_INFO:
		return expect_info(op);
	case FZ_ENABLE:
		if (c->version == 2)
			return BIT_OF(ENOTTY);
		if (c->enabled)
			return BIT_OF(EBUSY);
		return fz.def_size ? OK : BIT_OF(EPERM);
	case FZ_DISABLE:
		return c->version == 2 ? BIT_OF(ENOTTY) : OK;
	case FZ_EEH:
		return expect_eeh(op);
	default:
		return BIT_OF(ENOTTY);
	}
}

/* Further results that are possible while other threads change the state */
uint32_t fz_expect_racy(struct fz_op *op)
{
	/* The last group may have left meanwhile */
	uint32_t bad = 0, set = BIT_OF(EINVAL) | BIT_OF(EFAULT) |
				BIT_OF(ENXIO) | BIT_OF(ENODEV);

	switch (op->kind) {
	case FZ_MAP:
		bad = map_args(op);
		set |= OK | BIT_OF(EPERM) | BIT_OF(ESTALE);
		break;
	case FZ_UNMAP:
		bad = map_args(op);
		set |= OK | BIT_OF(EPERM);
		break;
	case FZ_CREATE:
		bad = create_args(op);
		set |= OK | BIT_OF(ENOTTY) | BIT_OF(ENOSPC) |
		       BIT_OF(EADDRNOTAVAIL);
		if (!fz.ddw)
			set |= BIT_OF(EOPNOTSUPP);
		break;
	case FZ_REMOVE:
		set |= OK | BIT_OF(ENOTTY);
		break;
	case FZ_REGISTER:
		bad = region_args(op);
		set |= OK | BIT_OF(ENOTTY) | BIT_OF(EBUSY);
		break;
	case FZ_UNREGISTER:
		bad = region_args(op);
		set |= OK | BIT_OF(ENOTTY) | BIT_OF(EBUSY) | BIT_OF(ENOENT) |
		       BIT_OF(EPERM);
		break;
	case FZ_INFO:
		set |= OK;
		break;
	case FZ_ENABLE:
		set |= OK | BIT_OF(ENOTTY) | BIT_OF(EBUSY);
		if (!fz.def_size)
			set |= BIT_OF(EPERM);
		break;
	case FZ_DISABLE:
		set |= OK | BIT_OF(ENOTTY);
		break;
	case FZ_EEH:
		break;
	default:
		set |= BIT_OF(ENOTTY);
	}
	return bad ? set & ~OK : set;
}

static void region_check(struct fz_region *r)
{
	if (!r->in && !r->mapped)
		memset(r, 0, sizeof(*r));
}

void fz_release(struct fz_thread *t, uint64_t note)
{
	struct fz_region *r;

	if (!note || note & FZ_PINNED)
		return;
	r = fz_region_at(t, note & ~FZ_FLAGS);
	if (!r)
		return;
	r->mapped--;
	region_check(r);
}

void fz_leaves_add(struct fz_window *w, uint64_t entry, uint64_t n)
{
	uint64_t no, last = (entry + n - 1) >> FZ_LEAF_SHIFT;
	unsigned int i;

	pthread_mutex_lock(&w->lock);
	for (no = entry >> FZ_LEAF_SHIFT; no <= last; no++) {
		for (i = 0; i < w->nleaves; i++)
			if (w->leaf[i] == no)
				break;
		if (i == w->nleaves && i < FZ_LEAVES)
			w->leaf[w->nleaves++] = no;
	}
	pthread_mutex_unlock(&w->lock);
}

static void apply_map(struct fz_thread *t, struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	struct fz_window *w = fz_window_at(c, op->a.map.iova);
	uint64_t entry = (op->a.map.iova - w->start) >> w->shift;
	uint64_t i, old, va, n = op->a.map.size >> w->shift;
	uint64_t *notes = fz_own(t, w, entry, n);
	struct fz_region *r;

	fz_leaves_add(w, entry, n);
	for (i = 0; i < n; i++) {
		va = op->a.map.vaddr + (i << w->shift);
		old = notes[i];
		notes[i] = va | op->a.map.flags;
		if (c->version == 1) {
			notes[i] |= FZ_PINNED;
		} else {
			r = fz_region_at(t, va);
			r->mapped++;
		}
		fz_release(t, old);
	}
	t->last.c = op->c;
	t->last.iova = op->a.map.iova;
	t->last.size = op->a.map.size;
}

void fz_window_clear(struct fz_container *c, struct fz_window *w,
		     uint64_t entry, uint64_t n)
{
	uint64_t i, from, to, last = entry + n;
	struct fz_thread *t;
	struct fz_place *p;
	struct fz_gone *gone;
	uint64_t *note;

	for (p = w->place; p < w->place + w->nplaces; p++) {
		from = p->first > entry ? p->first : entry;
		to = p->first + (uint64_t)p->each * fz.threads;
		if (last < to)
			to = last;
		for (i = from; i < to; i++) {
			t = &fz.t[(i - p->first) / p->each];
			note = &w->notes[t->id][p->base +
						(i - p->first) % p->each];
			if (!*note)
				continue;
			gone = &t->gone[t->ngone++ % FZ_GONE];
			gone->c = c - fz.c;
			gone->iova = w->start + (i << w->shift);
			gone->va = *note & ~FZ_FLAGS;
			fz_release(t, *note);
			*note = 0;
		}
	}
}

static void apply_unmap(struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	struct fz_window *w = fz_window_at(c, op->a.unmap.iova);

	fz_window_clear(c, w, (op->a.unmap.iova - w->start) >> w->shift,
			op->a.unmap.size >> w->shift);
}

void fz_window_drop(struct fz_container *c, struct fz_window *w)
{
	if (w->on && !fz.racy)
		fz_window_clear(c, w, 0, w->pages);
	w->on = false;
}

/* The container has no group any more, or has a new one */
void fz_container_reset(struct fz_container *c)
{
	struct fz_region *r;
	int i;

	for (i = 0; i < FZ_WINDOWS; i++)
		fz_window_drop(c, &c->win[i]);
	for (i = 0; i < fz.threads; i++) {
		for (r = fz.t[i].regions; r < fz.t[i].regions + FZ_REGIONS;
		     r++) {
			r->in &= ~(1U << (c - fz.c));
			region_check(r);
		}
	}
	c->norder = 0;
	c->version = 0;
	c->mm = false;
	c->enabled = false;
	c->pending = false;
}

static void apply_create(struct fz_op *op)
{
	const struct vfio_iommu_spapr_tce_create *cr = &op->a.create;
	struct fz_container *c = &fz.c[op->c];
	struct fz_window *w;

	/* The default window is made first, unless it was removed */
	if (c->pending && fz.def_size)
		c->win[0].on = true;
	c->pending = false;
	/* Racy: by now there may be too many windows */
	w = &c->win[c->win[0].on ? 1 : 0];
	fz_window_init(w, cr->page_shift, cr->start_addr,
		       cr->window_size >> cr->page_shift);
	w->on = true;
}

static void apply_region(struct fz_thread *t, struct fz_op *op)
{
	uint64_t va = op->a.reg.vaddr, size = op->a.reg.size;
	struct fz_region *r = region_exact(t, va, size);

	if (op->kind == FZ_UNREGISTER) {
		if (r) {
			r->in &= ~(1U << op->c);
			region_check(r);
		}
		return;
	}
	if (!r)
		r = fz_region_free(t);
	/* Racy: there may be no window; the next sync point finds out */
	if (!r)
		return;
	r->ua = va;
	r->size = size;
	r->shift = region_shift(t, va, size);
	r->in |= 1U << op->c;
	fz.c[op->c].enabled = true;
}

/* Changes the model after the ioctl */
void fz_apply(struct fz_thread *t, struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];
	struct fz_window *w;
	uint64_t start;
	int i;

	if (!c->version && !fz.racy)
		return;
	if (op->makes_default) {
		c->pending = false;
		c->win[0].on = fz.def_size;
		if (fz.def_size)
			fz_pe_open(c, 0, 12, fz.def_size, &start);
	}
	if (op->reached && fz_pe_known())
		fz_pe_create(op, &start);
	switch (op->kind) {
	case FZ_CREATE:
	case FZ_REMOVE:
	case FZ_REGISTER:
		c->mm |= c->version == 2;
		break;
	default:
		break;
	}
	/* Racy: it was freed with its container */
	if (fz.racy && op->kind == FZ_UNREGISTER &&
	    (op->got == -ENOENT || op->got == -EINVAL))
		apply_region(t, op);
	if (op->got < 0)
		return;

	switch (op->kind) {
	case FZ_MAP:
		if (!fz.racy)
			apply_map(t, op);
		break;
	case FZ_UNMAP:
		if (!fz.racy)
			apply_unmap(op);
		break;
	case FZ_CREATE:
		apply_create(op);
		break;
	case FZ_REMOVE:
		if (c->pending && op->a.remove.start_addr == fz.def_start) {
			c->pending = false;
			break;
		}
		w = fz_window_at(c, op->a.remove.start_addr);
		if (!w)
			break;
		fz_window_drop(c, w);
		fz_pe_close(c, w - c->win);
		break;
	case FZ_REGISTER:
	case FZ_UNREGISTER:
		apply_region(t, op);
		break;
	case FZ_ENABLE:
		c->enabled = true;
		c->mm = true;
		break;
	case FZ_DISABLE:
		c->enabled = false;
		for (i = 0; i < FZ_WINDOWS && !fz.racy; i++)
			if (c->win[i].on)
				fz_window_clear(c, &c->win[i], 0,
						c->win[i].pages);
		break;
	default:
		break;
	}
}

/*
 * Leaves beyond the first ones are charged while they have notes. With several
 * threads, the model cannot know which leaves were first.
 */
static void charged_leaves(struct fz_window *w, unsigned int *least,
			   unsigned int *most)
{
	unsigned int i, j, t, beyond = 0, live = 0, kept = FZ_KEPT;
	bool seen[FZ_LEAVES] = {};
	struct fz_place *p;
	uint64_t no;

	*least = 0;
	*most = 0;
	if (w->nleaves <= kept)
		return;

	for (p = w->place; p < w->place + w->nplaces; p++) {
		for (i = 0; i < p->each * fz.threads; i++) {
			t = i / p->each;
			if (!w->notes[t][p->base + i % p->each])
				continue;
			no = (p->first + i) >> FZ_LEAF_SHIFT;
			for (j = 0; j < w->nleaves && w->leaf[j] != no; j++)
				;
			if (j < w->nleaves && !seen[j]) {
				seen[j] = true;
				live++;
				beyond += j >= kept;
			}
		}
	}
	if (fz.threads == 1) {
		*least = beyond;
		*most = beyond;
		return;
	}
	*least = live > kept ? live - kept : 0;
	*most = live < w->nleaves - kept ? live : w->nleaves - kept;
}

/* The number of pages that the process should have locked */
void fz_locked_pages(unsigned long *least, unsigned long *most)
{
	unsigned int few, many;
	unsigned long sum = 0;
	struct fz_container *c;
	struct fz_window *w;
	int i, j;

	for (i = 0; i < fz.threads; i++)
		for (j = 0; j < FZ_REGIONS; j++)
			sum += fz.t[i].regions[j].size / fz.page;
	sum += fz_kvm_locked_pages();
	*least = sum;
	*most = sum;

	for (i = 0; i < fz.containers; i++) {
		c = &fz.c[i];
		if (c->version == 1 && c->enabled) {
			*least += fz.def_size / fz.page;
			*most += fz.def_size / fz.page;
		}
		for (w = c->win; w < c->win + FZ_WINDOWS; w++) {
			if (!w->on)
				continue;
			charged_leaves(w, &few, &many);
			*least += fz.view_pages + fz.charge[few];
			*most += fz.view_pages + fz.charge[many];
		}
	}
}
