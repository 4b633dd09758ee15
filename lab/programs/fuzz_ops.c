// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the IOMMU: their arguments, which are good, at a limit or
 * random, the call, and the comparison with the model.
 */

#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

void fz_lock(struct fz_thread *t, bool exclusive)
{
	t->exclusive = exclusive;
	if (fz.racy)
		pthread_mutex_lock(&fz.mutex);
	else if (exclusive)
		pthread_rwlock_wrlock(&fz.rwlock);
	else
		pthread_rwlock_rdlock(&fz.rwlock);
}

void fz_unlock(struct fz_thread *t)
{
	t->exclusive = false;
	if (fz.racy)
		pthread_mutex_unlock(&fz.mutex);
	else
		pthread_rwlock_unlock(&fz.rwlock);
}

/* The thread is alone from here on. The state may have changed before. */
void fz_exclude(struct fz_thread *t)
{
	if (t->exclusive || fz.racy)
		return;
	fz_unlock(t);
	fz_lock(t, true);
}

bool fz_failed(void)
{
	return __atomic_load_n(&fz.failed, __ATOMIC_RELAXED);
}

static void *place_arg(struct fz_thread *t, struct fz_op *op)
{
	uint8_t *p;

	if (!op->len)
		return (void *)op->value;

	switch (op->where) {
	case FZ_EDGE:
		p = t->arg + fz.page - op->len;
		memcpy(p, &op->a, op->len);
		return p;
	case FZ_RDONLY:
		memcpy(t->arg, &op->a, op->len);
		return t->arg_ro;
	case FZ_CUT:
		p = t->arg + fz.page - op->value;
		memcpy(p, &op->a, op->value);
		return p;
	case FZ_NONE:
		return t->arg + fz.page;
	case FZ_NULL:
		return NULL;
	case FZ_KERNEL:
		return (void *)0xc000000000001000ULL;
	default:
		memcpy(t->arg, &op->a, op->len);
		return t->arg;
	}
}

/* Counts and compares a result; in a racy run, with the possible results */
void fz_compare(struct fz_thread *t, struct fz_op *op)
{
	fz_note_op(t, op);
	if (!(op->expect >> fz_ret_of(op->got) & 1))
		fz_diverge(t, op, "other result than expected");
}

/* Makes the ioctl, and compares its result */
int fz_call(struct fz_thread *t, struct fz_op *op)
{
	void *arg = place_arg(t, op);
	int fd = op->g >= 0 ? fz.g[op->g].fd : fz.c[op->c].fd;

	if (fz.racy)
		fz_unlock(t);
	op->got = tce_ioctl(fd, op->cmd, arg);
	if (fz.racy)
		fz_lock(t, false);

	if (op->got >= 0 && op->len && op->where <= FZ_EDGE)
		memcpy(&op->a, arg, op->len);
	fz_compare(t, op);
	if (op->got > 0 && op->kind != FZ_CHECK && op->kind != FZ_DEVICE)
		fz_diverge(t, op, "neither 0 nor an errno");
	return op->got;
}

static int pick_container(struct fz_thread *t)
{
	int i, n = fz_below(t, fz.containers);

	if (fz_one_in(t, 24))
		return n;
	for (i = 0; i < fz.containers; i++, n++)
		if (fz.c[n % fz.containers].version)
			break;
	return n % fz.containers;
}

/* Chooses entries of a slice of the thread; false if there is no window */
static bool pick_range(struct fz_thread *t, int c, struct fz_window **win,
		       uint64_t *entry, uint64_t *n)
{
	struct fz_window *w = fz.c[c].win;
	struct fz_place *p;
	uint64_t limit;
	int id = t->id;

	if (fz.c[c].win[1].on && (!w->on || fz_one_in(t, 2)))
		w = &fz.c[c].win[1];
	else if (!w->on && !(fz.c[c].pending && fz.def_size))
		return false;
	if (!w->nplaces)
		return false;

	p = &w->place[fz_below(t, w->nplaces)];
	if (fz_one_in(t, 6))
		p = w->place;
	else if (fz_one_in(t, 6))
		p = &w->place[w->nplaces - 1];
	if (fz_one_in(t, 24))
		limit = p->each;
	else
		limit = 1 << fz_below(t, 7);
	if (limit > p->each)
		limit = p->each;

	*n = 1 + fz_below(t, limit);
	*entry = fz_below(t, p->each - *n + 1);
	if (fz_one_in(t, 4))
		*entry = fz_one_in(t, 2) ? 0 : p->each - *n;
	/* Racy: over mappings of another thread */
	if (fz.racy && fz_one_in(t, 8))
		id = fz_below(t, fz.threads);
	*entry += p->first + (uint64_t)id * p->each;
	*win = w;
	return true;
}

/* Memory for up to *n entries; most often it can be mapped */
static uint64_t pick_memory(struct fz_thread *t, int c, unsigned int shift,
			    uint64_t *n)
{
	uint64_t start = t->rw, size = t->rw_size, max;
	struct fz_region *r, *found = NULL;
	unsigned int i, seen = 0;

	if (fz.racy && fz_one_in(t, 8))
		t = &fz.t[fz_below(t, fz.threads)];
	if (fz.c[c].version == 1) {
		if (fz_one_in(t, 8) && t->huge.va) {
			start = (uintptr_t)t->huge.va;
			size = t->huge.size;
		} else if (fz_one_in(t, 12)) {
			size += t->ro_size;
		}
	} else {
		for (i = 0; i < FZ_REGIONS; i++) {
			r = &t->regions[i];
			if (r->size && r->in >> c & 1 && r->shift >= shift &&
			    fz_one_in(t, ++seen))
				found = r;
		}
		if (found) {
			start = found->ua;
			size = found->size;
		}
	}
	max = size >> shift;
	/* Now and then it extends into the next region, if there is one */
	if (*n > max && !fz_one_in(t, 8))
		*n = max ? max : 1;
	return start + (fz_below(t, max > *n ? max - *n + 1 : 1) << shift);
}

static uint64_t odd_address(struct fz_thread *t)
{
	switch (fz_below(t, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return ~0ULL & ~(fz.page - 1);
	case 3:
		return 0xc000000000000000ULL;
	case 4:
		return t->rw - fz.page;
	case 5:
		return t->ro;
	case 6:
		return t->ro + t->ro_size;
	default:
		return 1ULL << fz_below(t, 64) & ~0xffffffffULL;
	}
}

static void twist(struct fz_thread *t, uint64_t *value, uint64_t unit)
{
	static const int steps[] = { -1, 1, -8, 8 };

	switch (fz_below(t, 6)) {
	case 0:
		*value += unit;
		break;
	case 1:
		*value -= unit;
		break;
	case 2:
		*value += steps[fz_below(t, 4)];
		break;
	case 3:
		*value = fz_one_in(t, 2) ? 0 : ~0ULL;
		break;
	case 4:
		*value ^= 1ULL << fz_below(t, 64);
		break;
	case 5:
		*value = -unit;
		break;
	}
}

static void twist_head(struct fz_thread *t, uint32_t *argsz, uint32_t *flags)
{
	if (fz_one_in(t, 2))
		*flags ^= 1U << fz_below(t, 32);
	else
		*argsz = fz_one_in(t, 2) ? *argsz - 1 - fz_below(t, *argsz) :
					   *argsz + fz_rnd(t) % 4096;
}

static void gen_map(struct fz_thread *t, struct fz_op *op)
{
	struct vfio_iommu_type1_dma_map *m = &op->a.map;
	struct fz_window *w;
	unsigned int shift = 12;
	uint64_t entry, n = 1;

	op->cmd = VFIO_IOMMU_MAP_DMA;
	op->len = sizeof(*m);
	m->argsz = sizeof(*m);
	m->flags = 1 + fz_below(t, 3);
	m->iova = fz.def_start + (fz_below(t, 4096) << 12);
	if (pick_range(t, op->c, &w, &entry, &n)) {
		shift = w->shift;
		m->iova = w->start + (entry << shift);
	}
	m->vaddr = pick_memory(t, op->c, shift, &n);
	m->size = n << shift;
	if (!fz_is_rw(t, m->vaddr, m->size))
		m->flags = VFIO_DMA_MAP_FLAG_READ;

	if (!fz_one_in(t, 5))
		return;
	switch (fz_below(t, 6)) {
	case 0:
		twist_head(t, &m->argsz, &m->flags);
		break;
	case 1:
		twist(t, &m->iova, 1ULL << shift);
		break;
	case 2:
		twist(t, &m->size, 1ULL << shift);
		break;
	case 3:
		m->vaddr = odd_address(t);
		break;
	case 4:
		m->vaddr += fz_one_in(t, 2) ? 1 << fz_below(t, 12) : 1ULL << shift;
		break;
	case 5:
		/* Sums that overflow */
		if (fz_one_in(t, 2))
			m->vaddr = -m->size;
		else
			m->size = -m->vaddr + fz_below(t, 2) * 4096;
		break;
	}
}

static void gen_unmap(struct fz_thread *t, struct fz_op *op)
{
	struct vfio_iommu_type1_dma_unmap *u = &op->a.unmap;
	struct fz_window *w;
	unsigned int shift = 12;
	uint64_t entry, n = 1;

	op->cmd = VFIO_IOMMU_UNMAP_DMA;
	op->len = sizeof(*u);
	u->argsz = sizeof(*u);
	u->iova = fz.def_start + (fz_below(t, 4096) << 12);
	if (pick_range(t, op->c, &w, &entry, &n)) {
		shift = w->shift;
		u->iova = w->start + (entry << shift);
		if (fz_one_in(t, 512)) {
			u->iova = w->start;
			n = w->pages;
		}
	}
	u->size = n << shift;
	if (t->last.c == op->c && fz_one_in(t, 3)) {
		u->iova = t->last.iova;
		u->size = t->last.size;
	}

	if (!fz_one_in(t, 6))
		return;
	switch (fz_below(t, 3)) {
	case 0:
		twist_head(t, &u->argsz, &u->flags);
		break;
	case 1:
		twist(t, &u->iova, 1ULL << shift);
		break;
	case 2:
		twist(t, &u->size, 1ULL << shift);
		break;
	}
}

static void gen_create(struct fz_thread *t, struct fz_op *op)
{
	static const unsigned int shifts[] = { 12, 12, 16, 16, 21, 24 };
	struct vfio_iommu_spapr_tce_create *cr = &op->a.create;
	unsigned int pages = 3 + fz_below(t, 18);

	op->cmd = VFIO_IOMMU_SPAPR_TCE_CREATE;
	op->len = sizeof(*cr);
	cr->argsz = sizeof(*cr);
	cr->page_shift = shifts[fz_below(t, 6)];
	if (fz_one_in(t, 24))
		pages = 26;
	cr->window_size = 1ULL << (cr->page_shift + pages);
	cr->levels = fz_below(t, 4);
	cr->start_addr = fz_rnd(t);

	if (!fz_one_in(t, 4))
		return;
	switch (fz_below(t, 6)) {
	case 0:
		twist_head(t, &cr->argsz, &cr->flags);
		break;
	case 1:
		cr->page_shift = fz_one_in(t, 2) ? fz_below(t, 11) :
						   fz_rnd(t) | 64;
		break;
	case 2:
		cr->window_size -= 1ULL << fz_below(t, cr->page_shift);
		break;
	case 3:
		cr->window_size = fz_one_in(t, 2) ? 0 :
				  1ULL << fz_below(t, cr->page_shift);
		break;
	case 4:
		cr->window_size = 1ULL << 63;
		break;
	case 5:
		cr->levels = fz_below(t, 12);
		break;
	}
}

static void gen_remove(struct fz_thread *t, struct fz_op *op)
{
	struct vfio_iommu_spapr_tce_remove *rm = &op->a.remove;
	struct fz_container *c = &fz.c[op->c];

	op->cmd = VFIO_IOMMU_SPAPR_TCE_REMOVE;
	op->len = sizeof(*rm);
	rm->argsz = sizeof(*rm);
	rm->start_addr = c->win[fz_below(t, FZ_WINDOWS)].start;
	if (c->pending)
		rm->start_addr = fz.def_start;
	if (!fz_one_in(t, 3))
		return;
	if (fz_one_in(t, 2))
		twist(t, (uint64_t *)&rm->start_addr, 4096);
	else
		twist_head(t, &rm->argsz, &rm->flags);
}

static void gen_region(struct fz_thread *t, struct fz_op *op)
{
	struct vfio_iommu_spapr_register_memory *reg = &op->a.reg;
	uint64_t pages, size, start = t->rw, all = t->rw_size;
	struct fz_region *r = &t->regions[fz_below(t, FZ_REGIONS)];
	bool huge = t->huge.va && fz_one_in(t, 4);

	op->cmd = op->kind == FZ_REGISTER ? VFIO_IOMMU_SPAPR_REGISTER_MEMORY :
					    VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY;
	op->len = sizeof(*reg);
	reg->argsz = sizeof(*reg);

	if (huge) {
		start = (uintptr_t)t->huge.va;
		all = t->huge.size;
	}
	pages = 1 + fz_below(t, 1 << fz_below(t, 6));
	if (fz_one_in(t, 200))
		pages = all / fz.page;
	else if (huge && fz_one_in(t, 2))
		pages = t->huge.page / fz.page;
	size = pages * fz.page < all ? pages * fz.page : all;
	start += fz_below(t, (all - size) / fz.page + 1) * fz.page;
	if (huge && size >= t->huge.page)
		start &= ~(t->huge.page - 1);
	if (r->size && fz_below(t, op->kind == FZ_REGISTER ? 3 : 12)) {
		start = r->ua;
		size = r->size;
	}
	reg->vaddr = start;
	reg->size = size;

	if (!fz_one_in(t, 6))
		return;
	switch (fz_below(t, 6)) {
	case 0:
		twist_head(t, &reg->argsz, &reg->flags);
		break;
	case 1:
		reg->vaddr += fz_one_in(t, 2) ? 1 << fz_below(t, 12) : fz.page;
		break;
	case 2:
		reg->size += fz_one_in(t, 2) ? 1 << fz_below(t, 12) : fz.page;
		break;
	case 3:
		reg->vaddr = odd_address(t);
		break;
	case 4:
		reg->size = fz_one_in(t, 2) ? 0 : -reg->vaddr;
		break;
	case 5:
		/* A half of it can be written to */
		reg->vaddr = t->ro - fz.page;
		reg->size = 2 * fz.page;
		break;
	}
}

static void gen_other(struct fz_thread *t, struct fz_op *op)
{
	struct vfio_eeh_pe_op *eeh = &op->a.eeh;

	switch (op->kind) {
	case FZ_INFO:
		op->cmd = VFIO_IOMMU_SPAPR_TCE_GET_INFO;
		op->len = sizeof(op->a.info);
		op->a.argsz = fz_one_in(t, 2) ? op->len : fz_below(t, 48);
		break;
	case FZ_EEH:
		op->cmd = VFIO_EEH_PE_OP;
		op->len = sizeof(*eeh);
		eeh->argsz = fz_one_in(t, 2) ? sizeof(*eeh) : fz_below(t, 12);
		eeh->flags = eeh->argsz < 12 ? 0 : fz_below(t, 3);
		eeh->op = eeh->argsz < 12 || eeh->flags ? fz_below(t, 10) :
							  100 + fz_below(t, 9);
		break;
	case FZ_ENABLE:
		op->cmd = VFIO_IOMMU_ENABLE;
		break;
	case FZ_DISABLE:
		op->cmd = VFIO_IOMMU_DISABLE;
		break;
	default:
		/* Numbers that VFIO does not use, or of other types of IOMMU */
		op->cmd = fz_one_in(t, 2) ?
			  _IO(VFIO_TYPE, VFIO_BASE + 30 + fz_below(t, 100)) :
			  _IO(1 + fz_below(t, VFIO_TYPE - 1), fz_below(t, 256));
		op->value = fz_rnd(t);
	}
}

static void gen(struct fz_thread *t, struct fz_op *op, enum fz_kind kind, int c)
{
	static const enum fz_where odd[] = {
		FZ_EDGE, FZ_RDONLY, FZ_CUT, FZ_NONE, FZ_NULL, FZ_KERNEL,
	};

	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->c = c;
	op->g = -1;

	switch (kind) {
	case FZ_MAP:
		gen_map(t, op);
		break;
	case FZ_UNMAP:
		gen_unmap(t, op);
		break;
	case FZ_CREATE:
		gen_create(t, op);
		break;
	case FZ_REMOVE:
		gen_remove(t, op);
		break;
	case FZ_REGISTER:
	case FZ_UNREGISTER:
		gen_region(t, op);
		break;
	default:
		gen_other(t, op);
	}
	if (op->len && fz_one_in(t, kind == FZ_CREATE ? 8 : 32)) {
		op->where = odd[fz_below(t, 6)];
		op->value = op->where == FZ_CUT ? 4 + 4 * fz_below(t, 2) : 0;
	}
}

/* Does the ioctl change state on which other threads rely? */
static bool alters(struct fz_op *op)
{
	struct fz_container *c = &fz.c[op->c];

	if (!c->version)
		return false;
	switch (op->kind) {
	case FZ_MAP:
	case FZ_UNMAP:
	case FZ_REGISTER:
	case FZ_UNREGISTER:
		return !c->mm || !c->enabled || c->pending;
	case FZ_CREATE:
	case FZ_REMOVE:
	case FZ_ENABLE:
	case FZ_DISABLE:
		return true;
	default:
		return false;
	}
}

/* Valid arguments, with an effect that the model cannot follow? */
static bool out_of_sight(struct fz_thread *t, struct fz_op *op)
{
	struct fz_window *w;
	uint64_t size;

	/* Also in racy runs, or their number would grow without limit */
	if (op->kind == FZ_REGISTER)
		return !fz_region_at(t, op->a.reg.vaddr) && !fz_region_free(t);
	if (fz.racy || !(op->expect & OK))
		return false;
	switch (op->kind) {
	case FZ_MAP:
		w = fz_window_at(&fz.c[op->c], op->a.map.iova);
		size = op->a.map.size >> w->shift;
		return !fz_own(t, w, (op->a.map.iova - w->start) >> w->shift,
			       size);
	case FZ_UNMAP:
		w = fz_window_at(&fz.c[op->c], op->a.unmap.iova);
		size = op->a.unmap.size >> w->shift;
		if (fz_others(t, w, (op->a.unmap.iova - w->start) >> w->shift,
			      size))
			fz_exclude(t);
		return false;
	default:
		return false;
	}
}

static void check_result(struct fz_thread *t, struct fz_op *op)
{
	const struct vfio_iommu_spapr_tce_info *info = &op->a.info;
	struct vfio_iommu_spapr_tce_create *cr = &op->a.create;
	struct fz_container *c = &fz.c[op->c];
	struct fz_window *w;
	uint64_t last;

	if (op->got < 0 || fz.racy || fz_failed())
		return;
	if (op->kind == FZ_INFO &&
	    (info->dma32_window_start != fz.def_start ||
	     info->dma32_window_size != fz.def_size ||
	     info->flags != (fz.ddw && c->version == 2) ||
	     (op->a.argsz >= sizeof(*info) &&
	      info->ddw.pgsizes != (info->flags ? fz.pgsizes : 0))))
		fz_diverge(t, op, "other information than at first");
	if (op->kind != FZ_CREATE)
		return;

	if (fz_pe_known() && cr->start_addr != op->start)
		fz_diverge(t, op, "the window is at another place");
	last = cr->start_addr + cr->window_size - 1;
	if (last < cr->start_addr ||
	    cr->start_addr & ((1ULL << cr->page_shift) - 1))
		fz_diverge(t, op, "the window is at an odd place");
	for (w = c->win; w < c->win + FZ_WINDOWS; w++)
		if ((w->on || (w == c->win && c->pending && fz.def_size)) &&
		    cr->start_addr <= w->start - 1 + (w->pages << w->shift) &&
		    w->start <= last)
			fz_diverge(t, op, "the window is over another one");
}

static void do_op(struct fz_thread *t, struct fz_op *op)
{
	op->expect = fz.racy ? fz_expect_racy(op) : fz_expect(t, op);
	fz_call(t, op);
	if (fz_failed())
		return;
	check_result(t, op);
	fz_apply(t, op);
	/* Racy: the model was wrong, which is a hint then */
	if (fz.racy && op->kind == FZ_INFO && !op->got)
		fz.c[op->c].version = 2 - !(op->a.info.flags & fz.ddw);
}

/* One ioctl of this kind */
void fz_iommu_op(struct fz_thread *t, enum fz_kind kind)
{
	struct fz_op op;
	int c;

	fz_lock(t, false);
	c = pick_container(t);
	gen(t, &op, kind, c);
	if (!fz.racy && alters(&op)) {
		fz_exclude(t);
		gen(t, &op, kind, c);
	}
	op.expect = fz_expect(t, &op);
	if (!fz_failed() && !out_of_sight(t, &op)) {
		/* Other threads may have changed it: the model knows */
		op.expect = fz_expect(t, &op);
		do_op(t, &op);
	}
	fz_unlock(t);
}

static void unmap(struct fz_thread *t, int c, uint64_t iova, uint64_t size)
{
	struct fz_op op = {
		.kind = FZ_UNMAP,
		.c = c,
		.g = -1,
		.cmd = VFIO_IOMMU_UNMAP_DMA,
		.len = sizeof(op.a.unmap),
		.a.unmap = {
			.argsz = sizeof(op.a.unmap),
			.iova = iova,
			.size = size,
		},
	};

	do_op(t, &op);
}

static void unregister(struct fz_thread *t, int c, uint64_t ua, uint64_t size)
{
	struct fz_op op = {
		.kind = FZ_UNREGISTER,
		.c = c,
		.g = -1,
		.cmd = VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
		.len = sizeof(op.a.reg),
		.a.reg = {
			.argsz = sizeof(op.a.reg),
			.vaddr = ua,
			.size = size,
		},
	};

	do_op(t, &op);
}

/* All mappings of a region that the thread has in one place of a window */
static void evict_place(struct fz_thread *t, int c, struct fz_window *w,
			struct fz_place *p, struct fz_region *r)
{
	uint64_t *notes = w->notes[t->id] + p->base;
	unsigned int i, first = p->each, last = 0;

	for (i = 0; i < p->each; i++) {
		if (!fz.racy && (!notes[i] || notes[i] & FZ_PINNED ||
				 (notes[i] & ~FZ_FLAGS) - r->ua >= r->size))
			continue;
		if (first > i)
			first = i;
		last = i;
	}
	if (first < p->each)
		unmap(t, c, w->start + ((p->first + t->id * p->each +
					 first) << w->shift),
		      (uint64_t)(last - first + 1) << w->shift);
}

/* Unmaps a region at all places, and unregisters it */
void fz_evict(struct fz_thread *t)
{
	struct fz_region *r = &t->regions[fz_below(t, FZ_REGIONS)], copy;
	struct fz_window *w;
	unsigned int p;
	int c, i;

	fz_lock(t, false);
	copy = *r;
	for (c = 0; copy.size && c < fz.containers; c++) {
		for (i = 0; i < FZ_WINDOWS; i++) {
			w = &fz.c[c].win[i];
			if (fz.c[c].version != 2 || !w->on)
				continue;
			for (p = 0; p < w->nplaces && !fz_failed(); p++)
				evict_place(t, c, w, &w->place[p], &copy);
		}
	}
	for (c = 0; c < fz.containers && !fz_failed(); c++)
		if (copy.in >> c & 1)
			unregister(t, c, copy.ua, copy.size);
	fz_unlock(t);
}

/*
 * The device of a group reaches memory of the first thread. The lock is held.
 */
void fz_prove(struct fz_thread *t, int g)
{
	struct fz_group *grp = &fz.g[g];
	struct fz_op op = {
		.c = grp->c,
		.g = -1,
	};
	int v = fz.c[grp->c].version;

	if (v == 1) {
		op.kind = FZ_ENABLE;
		op.cmd = VFIO_IOMMU_ENABLE;
	} else {
		op.kind = FZ_REGISTER;
		op.cmd = VFIO_IOMMU_SPAPR_REGISTER_MEMORY;
		op.len = sizeof(op.a.reg);
		op.a.reg.argsz = sizeof(op.a.reg);
		op.a.reg.vaddr = t->rw;
		op.a.reg.size = 64 * KiB;
	}
	do_op(t, &op);
	if (!fz.def_size)
		return;

	memset(&op.a, 0, sizeof(op.a));
	op.kind = FZ_MAP;
	op.cmd = VFIO_IOMMU_MAP_DMA;
	op.len = sizeof(op.a.map);
	op.a.map.argsz = sizeof(op.a.map);
	op.a.map.flags = TCE_RW;
	op.a.map.vaddr = t->rw;
	op.a.map.iova = fz.def_start;
	op.a.map.size = 64 * KiB;
	do_op(t, &op);
	if (!fz_failed() && tce_dma_ok(&grp->v, fz.def_start, (void *)t->rw,
				       1024))
		fz_diverge(t, &op, "DMA");
	unmap(t, grp->c, fz.def_start, 64 * KiB);
	if (v == 2) {
		unregister(t, grp->c, t->rw, 64 * KiB);
		return;
	}
	memset(&op, 0, sizeof(op));
	op.kind = FZ_DISABLE;
	op.c = grp->c;
	op.g = -1;
	op.cmd = VFIO_IOMMU_DISABLE;
	do_op(t, &op);
}

/* Unmaps whole windows. The lock is held. */
void fz_unmap_all(struct fz_thread *t)
{
	struct fz_window *w;
	int c;

	for (c = 0; c < fz.containers; c++)
		for (w = fz.c[c].win; w < fz.c[c].win + FZ_WINDOWS; w++)
			if (w->on && fz.c[c].enabled && !fz_failed())
				unmap(t, c, w->start, w->pages << w->shift);
}

/* With the lock held: the regions of all threads */
void fz_unregister_all(struct fz_thread *t)
{
	struct fz_region *r;
	int c, i, j;

	for (i = 0; i < fz.threads; i++) {
		for (j = 0; j < FZ_REGIONS; j++) {
			r = &fz.t[i].regions[j];
			for (c = 0; c < fz.containers && !fz_failed(); c++)
				if (r->in >> c & 1)
					unregister(&fz.t[i], c, r->ua, r->size);
		}
	}
}
