/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Userspace view of a TCE table: what the files of the view share
 *
 * tce_view.c has the view as its users see it, and writes the table.
 * tce_view_leaves.c keeps the notes. tce_view_pages.c lets go of what they stand
 * for.
 *
 * Inside of the view an entry is counted from the start of its table: an @entry
 * is an @index, as users of the view have it, less iommu_table::it_offset.
 * tce_view.c converts one into the other.
 */
#ifndef _TCE_VIEW_INTERNAL_H
#define _TCE_VIEW_INTERNAL_H

#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct iommu_table;
struct mm_iommu_table_group_mem_t;
struct mm_struct;
struct page;

#define TCE_LEAF_SHIFT		9
#define TCE_LEAF_ENTRIES	BIT(TCE_LEAF_SHIFT)

/* What a leaf is charged for: a node of the xarray, which neighbours share, too */
#define TCE_LEAF_BYTES		(sizeof(struct tce_leaf) + \
				 TCE_LEAF_ENTRIES * sizeof(u64) + \
				 sizeof(struct xa_node))

/* How many leaves of a view stay: 128 MiB of 4K pages, 2 GiB of 64K pages */
#define TCE_VIEW_KEEP		64

/**
 * struct tce_leaf - what 512 entries map
 * @lock: protects @noted, @notes and the entries of the table that they are of.
 *	Of two leaves the lower one is locked first.
 * @kept: the leaf stays as long as the view does
 * @refs: one for each task that works on the leaf, and one while @noted is not 0.
 *	Not used if @kept. The last one is dropped under the lock of
 *	tce_view::leaves.
 * @number: the first entry of the leaf, divided by 512
 * @noted: how many notes are not 0
 * @rcu: frees the leaf after a grace period
 * @notes: the notes of the entries, see %TCE_NOTE_PINNED
 */
struct tce_leaf {
	struct mutex lock;	/* for noted, notes and the table's entries */
	bool kept;
	refcount_t refs;
	unsigned long number;
	unsigned int noted;
	struct rcu_head rcu;
	u64 *notes;
};

/**
 * struct tce_view - userspace view of a table
 * @leaves: &struct tce_leaf by tce_leaf::number
 * @lock: protects what follows up to @nr_paid, and that leaves are added. It nests
 *	in tce_leaf::lock.
 * @nr_kept: how many leaves stay
 * @nr_charged: how many other leaves there are
 * @pages: how many entries map a pinned page, by its pfn
 * @nr_pages: how many pages are in @pages
 * @nr_paid: how many of these are charged by the owner of the container
 * @page_shift: log2 of the I/O page size
 * @mm: the address space that is mapped, and that is charged; NULL if the owner of
 *	the table keeps what is mapped. Nothing is charged or released then.
 * @tbl: the table, or NULL if it has been freed
 * @ref: for the structure: one for the table, one for each tce_view_get()
 */
struct tce_view {
	struct xarray leaves;
	struct mutex lock;	/* for new leaves and all that follows */
	unsigned long nr_kept;
	unsigned long nr_charged;
	struct xarray pages;
	unsigned long nr_pages;
	unsigned long nr_paid;
	unsigned int page_shift;
	struct mm_struct *mm;
	struct iommu_table __rcu *tbl;
	struct kref ref;
};

/**
 * struct tce_release - pages that are about to be released
 * @mem: a region, and
 * @mapped: how many entries that have mapped it are released
 * @page: or a pinned page, and
 * @entries: how many entries that have mapped it are released
 * @dirty: a device may have written to @page
 *
 * Neighbouring entries that map the same region, or the same pinned page, are
 * collected here, so that there is one look-up and one update for all of them.
 */
struct tce_release {
	struct mm_iommu_table_group_mem_t *mem;
	unsigned long mapped;
	struct page *page;
	unsigned long entries;
	bool dirty;
};

int tce_view_charge(struct tce_view *view, unsigned long pages, bool inc);
unsigned long tce_release_notes(struct tce_view *view, struct tce_release *rel,
				u64 *notes, unsigned long count);
void tce_release_end(struct tce_view *view, struct tce_release *rel);

/**
 * struct tce_run - successive entries that are locked, in one leaf or two
 * @entry: the first one
 * @count: how many, at most %TCE_LIST_MAX
 * @leaf: the leaves; the second one is NULL if all entries are in the first
 */
struct tce_run {
	unsigned long entry;
	unsigned long count;
	struct tce_leaf *leaf[2];
};

int tce_leaves_reserve(struct tce_view *view, unsigned long entry,
		       unsigned long count);
void tce_leaves_unreserve(struct tce_view *view, unsigned long entry,
			  unsigned long count);
u64 tce_leaves_note(struct tce_view *view, unsigned long entry);
void tce_leaves_free(struct tce_view *view);

int tce_run_begin(struct tce_view *view, struct tce_run *run);
bool tce_run_next(struct tce_view *view, unsigned long entry,
		  unsigned long end, struct tce_run *run);
void tce_run_end(struct tce_view *view, struct tce_run *run);
u64 tce_run_note(const struct tce_run *run, unsigned long i);
void tce_run_set_note(struct tce_run *run, unsigned long i, u64 note);
bool tce_run_note_all(struct tce_run *run, u64 *notes);
void tce_run_clear(struct tce_view *view, struct tce_run *run,
		   struct tce_release *rel);

#endif /* _TCE_VIEW_INTERNAL_H */
