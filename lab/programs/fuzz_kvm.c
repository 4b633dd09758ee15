// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of KVM: its hypercalls map and unmap memory of one thread, in windows
 * of all containers, and the model predicts KVM's result of each.
 *
 * Each table of the guest follows the windows that were attached to it. The
 * ioctls can map only memory that their own container has registered. The guest
 * can map memory that the process has registered in any container.
 */

#include <endian.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "fuzz.h"

/*
 * Guest memory beside that of the library's kvm.c: a memory slot for each piece
 */
#define GPA_RW		(64 * MiB)
#define GPA_HUGE	(256 * MiB)
#define SMALL		(1 * MiB)

#define TCE_LIST_MAX	512
#define TABLE_MAX	0x100000	/* entries */

int fz_kvm_init(struct fz_thread *t)
{
	struct guest *g = &fz.kvm.g;

	return vm_boot(g, SMALL) ?:
	       vm_slot(g, 1, GPA_RW, (void *)t->rw, t->rw_size) ?:
	       (t->huge.va ? vm_slot(g, 2, GPA_HUGE, t->huge.va, t->huge.size) :
			     0);
}

unsigned long fz_kvm_locked_pages(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < FZ_TABLES; i++)
		if (fz.kvm.table[i].on)
			sum += fz.kvm.table[i].locked;
	return sum;
}

static bool follows(const struct fz_follower *f)
{
	return f->w->on && f->w->number == f->number;
}

static void drop_follower(struct fz_table *table, int i)
{
	table->nr--;
	memmove(&table->follower[i], &table->follower[i + 1],
		(table->nr - i) * sizeof(table->follower[0]));
}

static void drop_removed(struct fz_table *table)
{
	int i;

	for (i = table->nr - 1; i >= 0; i--)
		if (!follows(&table->follower[i]))
			drop_follower(table, i);
}

/* The first window of the group that KVM takes for the table */
static struct fz_window *fitting(struct fz_table *table, int g)
{
	struct fz_window *w;
	int i, c = fz.g[g].c;

	for (i = 0; c >= 0 && i < FZ_WINDOWS; i++) {
		w = &fz.c[c].win[i];
		if (w->on && w->shift <= table->shift &&
		    w->start == table->start &&
		    w->pages << w->shift >= table->size)
			return w;
	}
	return NULL;
}

static void follow(struct fz_table *table, int g, struct fz_window *w)
{
	struct fz_follower *f;
	int i;

	drop_removed(table);
	for (i = 0; i < table->nr; i++) {
		f = &table->follower[i];
		if (f->w == w) {
			f->groups |= 1U << g;
			return;
		}
	}
	memmove(&table->follower[1], &table->follower[0],
		table->nr * sizeof(*f));
	table->nr++;
	table->follower[0] = (struct fz_follower) {
		.c = &fz.c[fz.g[g].c],
		.w = w,
		.number = w->number,
		.groups = 1U << g,
	};
}

static void group_gone(int g)
{
	struct fz_table *table;
	int i;

	fz.kvm.groups &= ~(1U << g);
	for (table = fz.kvm.table; table < fz.kvm.table + FZ_TABLES; table++) {
		for (i = table->nr - 1; i >= 0; i--) {
			table->follower[i].groups &= ~(1U << g);
			if (!table->follower[i].groups)
				drop_follower(table, i);
		}
	}
}

/*
 * Calls of KVM's VFIO device: a group is added, attached to a table, or removed
 */
static int attr(struct fz_thread *t, enum fz_kind kind, int g,
		struct fz_table *table, uint32_t expect)
{
	static const unsigned long which[] = {
		[FZ_KVM_ADD] = KVM_DEV_VFIO_GROUP_ADD,
		[FZ_KVM_DEL] = KVM_DEV_VFIO_GROUP_DEL,
		[FZ_KVM_ATTACH] = KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
	};
	struct fz_op op = {
		.kind = kind,
		.c = -1,
		.g = g,
		.expect = expect,
	};
	struct guest guest = fz.kvm.g;
	int fd = fz.g[g].fd;

	if (table) {
		op.a.table.liobn = table->liobn;
		op.a.table.start = table->start;
		op.a.table.size = table->size;
		op.a.table.shift = table->shift;
		guest.table = table->fd;
	}
	if (fz.racy) {
		op.expect = OK | BIT_OF(EEXIST) | BIT_OF(ENOENT) |
			    BIT_OF(EINVAL) | BIT_OF(ENODEV);
		fz_unlock(t);
	}
	op.got = vm_attr(&guest, which[kind], fd);
	if (fz.racy)
		fz_lock(t, false);
	fz_compare(t, &op);
	return op.got;
}

/*
 * Racy: no thread may close the group meanwhile, KVM would keep its file open
 */
static void add_group(struct fz_thread *t, int g)
{
	bool there = fz.kvm.groups >> g & 1;

	fz.g[g].busy = true;
	if (!attr(t, FZ_KVM_ADD, g, NULL, there ? BIT_OF(EEXIST) : OK))
		fz.kvm.groups |= 1U << g;
	fz.g[g].busy = false;
}

static void del_group(struct fz_thread *t, int g)
{
	bool there = fz.kvm.groups >> g & 1;

	if (!attr(t, FZ_KVM_DEL, g, NULL, there ? OK : BIT_OF(ENOENT)))
		group_gone(g);
}

static void attach(struct fz_thread *t, int g, struct fz_table *table)
{
	struct fz_window *w = fitting(table, g);
	uint32_t expect = w ? OK : BIT_OF(EINVAL);

	if (!(fz.kvm.groups >> g & 1))
		expect = BIT_OF(ENOENT);
	/* Racy: the window may just have been removed, or created */
	if (!attr(t, FZ_KVM_ATTACH, g, table, expect) && w && !fz.racy)
		follow(table, g, w);
}

/* Before the group is closed. The lock is held. */
void fz_kvm_leave(struct fz_thread *t, int g)
{
	if (fz.kvm.groups >> g & 1)
		del_group(t, g);
}

/* Only the guest's thread uses these */
static void close_table(struct fz_table *table)
{
	if (table->on)
		close(table->fd);
	memset(table, 0, sizeof(*table));
}

/* All threads have stopped, or this is the only one */
void fz_kvm_close_all(struct fz_thread *t)
{
	int i;

	for (i = 0; fz.kvm.t && i < FZ_TABLES; i++)
		close_table(&fz.kvm.table[i]);
	for (i = 0; fz.kvm.t && i < fz.groups; i++)
		fz_kvm_leave(t, i);
}

static void new_table(struct fz_thread *t, struct fz_table *table,
		      unsigned int shift, uint64_t start, uint64_t size)
{
	struct guest *guest = &fz.kvm.g;
	struct fz_op op = {
		.kind = FZ_KVM_TABLE,
		.c = -1,
		.g = -1,
		.expect = OK,
	};
	long kb = tce_vmlck_kb();

	guest->table = -1;
	if (fz.racy)
		fz_unlock(t);
	op.got = vm_new_table(guest, shift, start, size);
	if (fz.racy)
		fz_lock(t, false);
	op.a.table.liobn = guest->liobn;
	op.a.table.start = start;
	op.a.table.size = size;
	op.a.table.shift = shift;
	fz_compare(t, &op);
	if (op.got)
		return;
	*table = (struct fz_table) {
		.on = true,
		.fd = guest->table,
		.liobn = guest->liobn,
		.shift = shift,
		.start = start,
		.size = size,
	};
	if (!fz.racy)
		table->locked = (tce_vmlck_kb() - kb) * KiB / fz.page;
}

/* A table for a window of a group; now and then one that does not fit */
void fz_kvm_table_op(struct fz_thread *t)
{
	int g = fz_below(t, fz.groups);
	struct fz_table *table = &fz.kvm.table[fz_below(t, FZ_TABLES)];
	struct fz_window *w;
	unsigned int shift;
	uint64_t start, size;

	fz_lock(t, true);
	if (fz.g[g].c < 0 || fz.g[g].busy)
		goto unlock;
	w = &fz.c[fz.g[g].c].win[fz_below(t, FZ_WINDOWS)];
	if (!w->on && !fz_one_in(t, 8))
		w = &fz.c[fz.g[g].c].win[0];
	shift = w->shift;
	/* The pages of the table may be larger than those of the window */
	if (fz_one_in(t, 3))
		shift = w->shift == 12 ? 16 : w->shift == 21 ? 24 : shift;
	if (fz_one_in(t, 16))
		shift = 12;
	start = w->start;
	size = w->pages << w->shift;
	if (fz_one_in(t, 16))
		size <<= 1;
	else if (fz_one_in(t, 4))
		size >>= 1;
	if (fz_one_in(t, 16))
		start += 1ULL << 24;
	if (!shift || size >> shift == 0 || start & ((1ULL << shift) - 1))
		goto unlock;
	if (size >> shift > TABLE_MAX)
		size = (uint64_t)TABLE_MAX << shift;

	if (!table->on || fz_one_in(t, 2)) {
		close_table(table);
		new_table(t, table, shift, start, size);
	}
	if (!(fz.kvm.groups >> g & 1) && !fz_failed() && !fz_one_in(t, 16))
		add_group(t, g);
	if (table->on && !fz_failed())
		attach(t, g, table);
unlock:
	fz_unlock(t);
}

void fz_kvm_group_op(struct fz_thread *t)
{
	int g = fz_below(t, fz.groups);

	fz_lock(t, true);
	if (fz.g[g].busy)
		goto unlock;
	if (fz_one_in(t, 2))
		add_group(t, g);
	else
		del_group(t, g);
unlock:
	fz_unlock(t);
}

/*
 * The address of so much memory of the guest, all in one slot; 0 if there is
 * none
 */
static uint64_t user_address(struct fz_thread *t, uint64_t gpa, uint64_t size)
{
	const struct {
		uint64_t gpa, va, size;
	} slots[] = {
		{ 0, (uintptr_t)fz.kvm.g.mem.va, SMALL },
		{ GPA_RW, t->rw, t->rw_size },
		{ GPA_HUGE, (uintptr_t)t->huge.va, t->huge.size },
	};
	uint64_t first = gpa & ~(fz.page - 1), last = (gpa + size - 1) &
						      ~(fz.page - 1);
	int i;

	for (i = 0; i < 3; i++)
		if (first >= slots[i].gpa &&
		    first - slots[i].gpa < slots[i].size &&
		    last - slots[i].gpa < slots[i].size)
			return slots[i].va + (gpa - slots[i].gpa);
	return 0;
}

static bool in_table(const struct fz_table *table, uint64_t ioba, uint64_t n)
{
	uint64_t entry = ioba >> table->shift, offset = table->start >>
							table->shift;
	uint64_t size = table->size >> table->shift;

	return !(ioba & ((1ULL << table->shift) - 1)) && entry >= offset &&
	       entry - offset <= size && n <= size - (entry - offset);
}

/* A TCE of the guest, and the memory that it maps */
struct tce {
	uint64_t tce;
	uint64_t ua;
};

static unsigned int per_tce(const struct fz_table *table,
			    const struct fz_window *w)
{
	return table->shift - w->shift;
}

/* The note of a window's entry; 0: not mapped; -1: KVM cannot map it */
static int make_note(struct fz_thread *t, const struct fz_window *w,
		     const struct tce *tce, uint64_t subpage, uint64_t *note)
{
	uint64_t ua = tce->ua + (subpage << w->shift);
	struct fz_region *r;

	*note = 0;
	if (!(tce->tce & TCE_RW))
		return 0;
	r = fz_region_at(t, ua);
	if (!r || r->size - (ua - r->ua) < 1ULL << w->shift ||
	    w->shift > r->shift || ua & ((1ULL << w->shift) - 1))
		return -1;
	*note = ua | (tce->tce & TCE_RW);
	return 0;
}

/*
 * A list, window by window, in pieces of the size that KVM uses. If KVM cannot
 * handle an entry, it leaves out the rest. Returns the result of the hypercall.
 */
static enum fz_ret put_list(struct fz_thread *t, struct fz_table *table,
			    uint64_t first, struct tce *tces, uint64_t n,
			    bool apply)
{
	uint64_t i, j, chunk, note[TCE_LIST_MAX], *notes;
	struct fz_window *w;
	struct fz_region *r;
	unsigned int shift;
	int k;

	for (i = 0; i < n; i++) {
		uint64_t gpa = tces[i].tce & ~(uint64_t)TCE_RW;

		if (!(tces[i].tce & TCE_RW))
			continue;
		if (gpa & ((1ULL << table->shift) - 1))
			return FZ_H_TOO_HARD;
		tces[i].ua = user_address(t, gpa, 1ULL << table->shift);
		if (!tces[i].ua)
			return FZ_H_TOO_HARD;
	}

	for (k = 0; k < table->nr; k++) {
		w = table->follower[k].w;
		if (!follows(&table->follower[k]))
			continue;
		shift = per_tce(table, w);
		for (i = 0; i < n << shift; i += chunk) {
			chunk = (n << shift) - i;
			if (chunk > TCE_LIST_MAX)
				chunk = TCE_LIST_MAX;
			for (j = i; j < i + chunk; j++)
				if (make_note(t, w, &tces[j >> shift],
					      j & ((1 << shift) - 1),
					      &note[j - i]))
					return FZ_H_TOO_HARD;
			if (!apply)
				continue;
			fz_leaves_add(w, (first << shift) + i, chunk);
			notes = fz_own(t, w, (first << shift) + i, chunk);
			for (j = 0; j < chunk; j++) {
				uint64_t old = notes[j];

				notes[j] = note[j];
				if (note[j]) {
					r = fz_region_at(t, note[j] & ~FZ_FLAGS);
					r->mapped++;
				}
				fz_release(t, old);
			}
		}
	}
	return FZ_0;
}

static enum fz_ret stuff(struct fz_table *table, uint64_t first, uint64_t n,
			 bool apply)
{
	struct fz_window *w;
	unsigned int shift;
	int i;

	for (i = 0; apply && i < table->nr; i++) {
		w = table->follower[i].w;
		if (!follows(&table->follower[i]))
			continue;
		shift = per_tce(table, w);
		fz_window_clear(table->follower[i].c, w, first << shift,
				n << shift);
	}
	return FZ_0;
}

/*
 * Predicts the result of the hypercall; with applied, changes the model as well
 */
static enum fz_ret outcome(struct fz_thread *t, const struct fz_op *op,
			   struct fz_table *table, struct tce *tces, bool apply)
{
	uint64_t n = op->a.hcall.pages, tce = op->a.hcall.tce, first;

	if (!table)
		return FZ_H_TOO_HARD;
	if (op->a.hcall.nr == H_PUT_TCE)
		n = 1;
	if (op->a.hcall.nr == H_PUT_TCE_INDIRECT &&
	    (n > TCES || tce & (4 * KiB - 1)))
		return FZ_H_PARAMETER;
	if (!in_table(table, op->a.hcall.ioba, n))
		return FZ_H_PARAMETER;

	first = (op->a.hcall.ioba - table->start) >> table->shift;
	switch (op->a.hcall.nr) {
	case H_PUT_TCE:
		tces[0].tce = tce;
		if (tce & TCE_RW)
			return put_list(t, table, first, tces, 1, apply);
		return stuff(table, first, 1, apply);
	case H_PUT_TCE_INDIRECT:
		if (!user_address(t, tce, 4 * KiB))
			return FZ_H_TOO_HARD;
		return put_list(t, table, first, tces, n, apply);
	default:
		return tce & TCE_RW ? FZ_H_PARAMETER :
				      stuff(table, first, n, apply);
	}
}

/*
 * Are all entries those of the thread? It may not map entries of other threads,
 * and may clear them only while these have stopped.
 */
static bool in_sight(struct fz_thread *t, const struct fz_op *op,
		     struct fz_table *table)
{
	bool clears = op->a.hcall.nr == H_STUFF_TCE ||
		      (op->a.hcall.nr == H_PUT_TCE &&
		       !(op->a.hcall.tce & TCE_RW));
	uint64_t first, n = op->a.hcall.pages;
	struct fz_window *w;
	unsigned int shift;
	int i;

	if (op->a.hcall.nr == H_PUT_TCE)
		n = 1;
	if (fz.racy || !table || !n || !in_table(table, op->a.hcall.ioba, n))
		return true;
	for (i = 0; i < table->nr; i++) {
		w = table->follower[i].w;
		if (!follows(&table->follower[i]))
			continue;
		shift = per_tce(table, w);
		first = (op->a.hcall.ioba - table->start) >> table->shift <<
			shift;
		if (!clears && !fz_own(t, w, first, n << shift))
			return false;
		if (clears && !t->exclusive &&
		    fz_others(t, w, first, n << shift))
			return false;
	}
	return true;
}

/* Entries of the thread that make whole pages, if there are any */
static void pick_entries(struct fz_thread *t, struct fz_table *table,
			 uint64_t *ioba, uint64_t *n)
{
	struct fz_window *w = NULL;
	struct fz_place *p;
	uint64_t first, last;
	unsigned int shift;
	int i;

	for (i = 0; i < table->nr; i++)
		if (follows(&table->follower[i]) && fz_one_in(t, i + 1))
			w = table->follower[i].w;
	*n = 1 + fz_below(t, 1 << fz_below(t, 10));
	first = fz_below(t, table->size >> table->shift);
	last = table->size >> table->shift;
	if (w && w->nplaces) {
		p = &w->place[fz_below(t, w->nplaces)];
		if (fz_one_in(t, 4))
			p = w->place;
		shift = per_tce(table, w);
		first = (p->first + (uint64_t)t->id * p->each +
			 (1 << shift) - 1) >> shift;
		last = (p->first + (uint64_t)(t->id + 1) * p->each) >> shift;
	}
	if (first < last && *n < last - first)
		first += fz_below(t, last - first - *n + 1);
	else
		*n = first < last ? last - first : 1;
	if (*n > TCES)
		*n = TCES;
	*ioba = table->start + (first << table->shift);
}

/* Guest memory for up to *n TCEs; most often it is registered */
static uint64_t pick_memory(struct fz_thread *t, unsigned int shift,
			    uint64_t *n)
{
	uint64_t max = t->rw_size >> shift, va = t->rw;
	struct fz_region *r, *found = NULL;
	unsigned int i, seen = 0;

	for (i = 0; i < FZ_REGIONS; i++) {
		r = &t->regions[i];
		if (r->size >> shift && fz_one_in(t, ++seen))
			found = r;
	}
	if (found) {
		va = found->ua;
		max = found->size >> shift;
	}
	if (*n > max && !fz_one_in(t, 8))
		*n = max;
	if (max > *n)
		va += fz_below(t, max - *n + 1) << shift;
	return va - t->rw < t->rw_size ? va - t->rw + GPA_RW :
					 va - (uintptr_t)t->huge.va + GPA_HUGE;
}

static uint64_t odd_tce(struct fz_thread *t, uint64_t tce)
{
	switch (fz_below(t, 5)) {
	case 0:
		return tce & ~(uint64_t)TCE_RW;
	case 1:
		return tce ^ 1ULL << (12 + fz_below(t, 52));
	case 2:
		return tce ^ 1ULL << fz_below(t, 12);
	case 3:
		return (GPA_RW + t->rw_size) | TCE_RW;
	default:
		return fz_rnd(t);
	}
}

static void gen(struct fz_thread *t, struct fz_op *op, struct fz_table *table,
		struct tce *tces)
{
	static const uint64_t nr[] = {
		H_PUT_TCE, H_PUT_TCE_INDIRECT, H_STUFF_TCE,
	};
	uint64_t gpa, n, i, perm = 1 + fz_below(t, 3);

	op->kind = FZ_HCALL_TCE;
	op->c = -1;
	op->g = -1;
	op->a.hcall.nr = nr[fz_below(t, 3)];
	op->a.hcall.liobn = table->liobn;
	pick_entries(t, table, &op->a.hcall.ioba, &n);
	gpa = pick_memory(t, table->shift, &n);
	op->a.hcall.pages = n;
	for (i = 0; i < n; i++)
		tces[i].tce = (gpa + (i << table->shift)) | perm;
	if (fz_one_in(t, 6))
		tces[fz_below(t, n)].tce = odd_tce(t, tces[0].tce);

	switch (op->a.hcall.nr) {
	case H_PUT_TCE:
		op->a.hcall.tce = fz_one_in(t, 4) ? 0 : tces[0].tce;
		break;
	case H_PUT_TCE_INDIRECT:
		op->a.hcall.tce = LIST;
		break;
	case H_STUFF_TCE:
		op->a.hcall.tce = fz_one_in(t, 8) ? fz_rnd(t) : 0;
		if (!fz_one_in(t, 64))
			break;
		op->a.hcall.ioba = table->start;
		op->a.hcall.pages = table->size >> table->shift;
		break;
	}

	if (!fz_one_in(t, 8))
		return;
	switch (fz_below(t, 5)) {
	case 0:
		op->a.hcall.liobn ^= 1ULL << fz_below(t, 64);
		break;
	case 1:
		op->a.hcall.ioba ^= 1ULL << fz_below(t, 64);
		break;
	case 2:
		op->a.hcall.ioba = table->start + table->size;
		break;
	case 3:
		op->a.hcall.pages = fz_one_in(t, 2) ? 0 : TCES + fz_rnd(t);
		break;
	case 4:
		op->a.hcall.tce ^= 1ULL << fz_below(t, 64);
		break;
	}
}

/*
 * The list is the guest's memory at that place, or all of it if more is
 * requested
 */
static void write_list(struct fz_op *op, struct tce *tces, uint64_t n)
{
	uint64_t *list = vm_va(&fz.kvm.g, LIST);
	uint64_t i;

	for (i = 0; i < n; i++)
		list[i] = htobe64(tces[i].tce);
	if (op->a.hcall.nr != H_PUT_TCE_INDIRECT)
		return;
	/*
	 * A list at another place, or the rest of this one, has unknown entries
	 */
	for (i = 0; i < op->a.hcall.pages && i < TCES; i++) {
		uint64_t gpa = op->a.hcall.tce + i * sizeof(*list);
		uint64_t ua = user_address(fz.kvm.t, gpa, sizeof(*list));

		if (ua)
			tces[i].tce = be64toh(*(uint64_t *)ua);
	}
}

static struct fz_table *find_table(uint64_t liobn)
{
	int i;

	for (i = 0; i < FZ_TABLES; i++)
		if (fz.kvm.table[i].on && fz.kvm.table[i].liobn == liobn)
			return &fz.kvm.table[i];
	return NULL;
}

/* One hypercall */
void fz_kvm_op(struct fz_thread *t)
{
	struct fz_table *table = &fz.kvm.table[fz_below(t, FZ_TABLES)];
	struct guest *guest = &fz.kvm.g;
	struct tce tces[TCES] = {};
	uint64_t last = guest->liobn;	/* of a table that exists */
	struct fz_op op = {};
	long status;

	fz_lock(t, fz_one_in(t, 16));
	if (!table->on)
		goto unlock;
	gen(t, &op, table, tces);
	write_list(&op, tces, op.a.hcall.pages < TCES ? op.a.hcall.pages : TCES);
	table = find_table(op.a.hcall.liobn);
	if (!in_sight(t, &op, table))
		goto unlock;

	op.expect = OK | BIT_OF(H_PARAMETER) | BIT_OF(H_TOO_HARD);
	if (!fz.racy)
		op.expect = 1U << outcome(t, &op, table, tces, false);
	guest->liobn = op.a.hcall.liobn;
	if (fz.racy)
		fz_unlock(t);
	status = vm_hcall(guest, op.a.hcall.nr, op.a.hcall.ioba,
			  op.a.hcall.tce, op.a.hcall.pages);
	guest->liobn = last;
	if (fz.racy)
		fz_lock(t, false);
	op.got = fz_hcall_ret(status);
	fz_compare(t, &op);
	if (!fz.racy && !fz_failed())
		outcome(t, &op, table, tces, true);
unlock:
	fz_unlock(t);
}
