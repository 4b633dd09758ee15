// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Userspace view of a TCE table
 *
 * VFIO and KVM note for each entry of a user's DMA window which page of the
 * user it maps: iommu_table::it_userspace. Whoever maps or unmaps goes through
 * the view, which updates the platform's table and its notes as one, up to
 * TCE_LIST_MAX entries at a time, and releases what was mapped there before
 * once the platform has let go of it. What is in the table need never be read.
 *
 * The view is sparse: an xarray of leaves, each with the notes of 512 entries.
 * A leaf exists from the first entry that is to be noted in it until the last
 * one has been cleared. So a window costs nothing but what is mapped, whatever
 * its size, and what was never mapped is skipped.
 *
 * The user pays. The first leaves are part of the price of the table, and they
 * stay when they are empty, so that maps and unmaps of little memory need no
 * allocation. Leaves beyond are charged to locked_vm as they come and go.
 *
 * A pinned page (v1) is pinned and charged once for a view, however many entries
 * map it: tce_view::pages counts them. As many pages as fit into the window have
 * been charged when the container was enabled; each page beyond is charged as
 * it is pinned and returned as it is unpinned. That happens where a page of the
 * processor has several I/O pages, and entries map one I/O page of each.
 *
 * Locking: tce_leaf::lock protects the notes of a leaf and the entries of the
 * table that go with them; who needs two takes the lower one first. Leaves are
 * found under RCU and counted: one reference for each task that works on the
 * leaf, one while an entry is noted, one if it is to stay. The last one is
 * dropped under the lock of the xarray, so that a leaf which is found under
 * that lock is alive. tce_view::lock serialises the adding of leaves and
 * protects what is charged for them, and the pinned pages and their charge. It
 * nests in tce_leaf::lock, as do the locks of the platform's ops, of registered
 * regions, and mmap_lock.
 *
 * A view can outlive its table: KVM keeps views of tables, not the tables, whose
 * end is up to VFIO. tce_view::tbl is the table until the last reference to it
 * is dropped, and NULL then; what the view had has been freed by that time. A
 * table that is found there may be about to be freed, so it is used only if
 * iommu_tce_table_get() still gets a reference.
 *
 * Context: all functions may sleep. tce_view_destroy() can be called by RCU.
 */

#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#define TCE_LEAF_SHIFT		9
#define TCE_LEAF_ENTRIES	BIT(TCE_LEAF_SHIFT)

/* With a node of the xarray, which neighbours share */
#define TCE_LEAF_BYTES		(sizeof(struct tce_leaf) + \
				 TCE_LEAF_ENTRIES * sizeof(u64) + \
				 sizeof(struct xa_node))

/* How many leaves of a view stay: 128 MiB of 4K pages, 2 GiB of 64K pages */
#define TCE_VIEW_KEEP		64

/**
 * struct tce_leaf - what 512 entries map
 * @lock: see the head of this file
 * @refs: see the head of this file
 * @number: of its first entry, counted from the start of the table, divided by
 *	512
 * @noted: how many notes are not 0
 * @rcu: for tce_leaf_put()
 * @notes: see %TCE_NOTE_PINNED
 */
struct tce_leaf {
	struct mutex lock;	/* for noted, notes and the table's entries */
	refcount_t refs;
	unsigned long number;
	unsigned int noted;
	struct rcu_head rcu;
	u64 *notes;
};

/**
 * struct tce_view - userspace view of a table
 * @leaves: &struct tce_leaf by tce_leaf::number
 * @lock: see the head of this file
 * @nr_kept: how many leaves stay
 * @nr_charged: how many others there are
 * @pages: how many entries map a pinned page, by its pfn
 * @nr_pages: how many pages these are
 * @nr_paid: how many of them are charged by the owner of the container
 * @page_shift: of the table
 * @mm: whose memory is mapped, and who is charged
 * @tbl: the table, NULL when it has been freed
 * @ref: for the structure: one of the table, one for each tce_view_get()
 * @work: frees the contents where that cannot be done at once
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
	struct work_struct work;
};

/**
 * struct tce_run - neighbouring entries, in one leaf or two
 * @entry: number of the first, counted from the start of the table
 * @count: how many, at most %TCE_LIST_MAX
 * @leaf: where they are noted
 */
struct tce_run {
	unsigned long entry;
	unsigned long count;
	struct tce_leaf *leaf[2];
};

static unsigned long tce_view_pages(unsigned long nr_leaves)
{
	return DIV_ROUND_UP(nr_leaves * TCE_LEAF_BYTES, PAGE_SIZE);
}

/**
 * tce_view_size - what a view takes before anything has been mapped
 *
 * For iommu_table_group_ops::get_table_size: the owner of the table charges
 * its user for that.
 *
 * Return: size in bytes.
 */
unsigned long tce_view_size(void)
{
	return sizeof(struct tce_view) + TCE_VIEW_KEEP * TCE_LEAF_BYTES;
}

/**
 * tce_view_init - give a table an empty view
 * @tbl: the table
 * @mm: address space that the view is of and that is charged for it
 *
 * Return: 0 or -ENOMEM.
 */
int tce_view_init(struct iommu_table *tbl, struct mm_struct *mm)
{
	struct tce_view *view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);

	if (!view)
		return -ENOMEM;

	xa_init_flags(&view->leaves, XA_FLAGS_ACCOUNT);
	xa_init_flags(&view->pages, XA_FLAGS_ACCOUNT);
	mutex_init(&view->lock);
	view->nr_paid = (u64)tbl->it_size << tbl->it_page_shift >> PAGE_SHIFT;
	view->page_shift = tbl->it_page_shift;
	view->mm = mm;
	mmgrab(mm);
	kref_init(&view->ref);
	RCU_INIT_POINTER(view->tbl, tbl);
	tbl->it_userspace = view;
	return 0;
}

/**
 * tce_view_get - keep the view of a table for longer than the table
 * @tbl: a table that has a view, and to which the caller has a reference
 *
 * Return: the view, for tce_view_table() and tce_view_put().
 */
struct tce_view *tce_view_get(struct iommu_table *tbl)
{
	struct tce_view *view = tbl->it_userspace;

	kref_get(&view->ref);
	return view;
}
EXPORT_SYMBOL_GPL(tce_view_get);

static void tce_view_kfree(struct kref *ref)
{
	struct tce_view *view = container_of(ref, struct tce_view, ref);

	kfree(view);
}

/**
 * tce_view_put - let go of a view
 * @view: from tce_view_get(); its table may have been freed
 */
void tce_view_put(struct tce_view *view)
{
	kref_put(&view->ref, tce_view_kfree);
}
EXPORT_SYMBOL_GPL(tce_view_put);

/**
 * tce_view_table - is there still a table?
 * @view: from tce_view_get()
 *
 * Return: the table, with a reference for the caller, or NULL if its owner has
 * dropped it: no window refers to it then, and there will never be one again.
 */
struct iommu_table *tce_view_table(struct tce_view *view)
{
	struct iommu_table *tbl;

	rcu_read_lock();
	tbl = rcu_dereference(view->tbl);
	if (tbl)
		tbl = iommu_tce_table_get(tbl);
	rcu_read_unlock();

	return tbl;
}
EXPORT_SYMBOL_GPL(tce_view_table);

/**
 * tce_view_add_page - entries that are to come map a pinned page
 * @tbl: the table
 * @page: pinned for the caller, by pin_user_pages() or the like
 * @count: how many entries
 *
 * Each of them has a reference to the page then, which its note stands for: see
 * %TCE_NOTE_PINNED and tce_view_release(). The pin is the view's in any case.
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock.
 */
int tce_view_add_page(struct iommu_table *tbl, struct page *page,
		      unsigned long count)
{
	struct tce_view *view = tbl->it_userspace;
	unsigned long old, pfn = page_to_pfn(page);
	int ret;

	mutex_lock(&view->lock);
	old = xa_to_value(xa_load(&view->pages, pfn));
	ret = xa_err(xa_store(&view->pages, pfn, xa_mk_value(old + count),
			      GFP_KERNEL_ACCOUNT));
	if (!ret && !old && view->nr_pages >= view->nr_paid) {
		ret = account_locked_vm(view->mm, 1, true);
		if (ret)
			xa_erase(&view->pages, pfn);
	}
	if (!ret && !old)
		view->nr_pages++;
	mutex_unlock(&view->lock);

	if (ret || old)
		unpin_user_page(page);
	return ret;
}
EXPORT_SYMBOL_GPL(tce_view_add_page);

static void tce_view_del_page(struct tce_view *view, struct page *page,
			      unsigned long count, bool dirty)
{
	unsigned long left, pfn = page_to_pfn(page);

	/* While it is pinned */
	if (dirty && !PageDirty(compound_head(page)))
		set_page_dirty_lock(page);

	mutex_lock(&view->lock);
	left = xa_to_value(xa_load(&view->pages, pfn)) - count;
	if (left) {
		xa_store(&view->pages, pfn, xa_mk_value(left), GFP_KERNEL);
	} else {
		xa_erase(&view->pages, pfn);
		if (--view->nr_pages >= view->nr_paid)
			account_locked_vm(view->mm, 1, false);
		unpin_user_page(page);
	}
	mutex_unlock(&view->lock);
}

/*
 * Pages on their way out: one lookup and one update for neighbouring entries
 * that map the same region, or the same pinned page
 */
struct tce_release {
	struct mm_iommu_table_group_mem_t *mem;
	unsigned long start;
	unsigned long size;
	unsigned long mapped;
	struct page *page;
	unsigned long entries;
	bool dirty;
};

static void tce_release_end(struct tce_view *view, struct tce_release *rel)
{
	if (rel->mapped)
		mm_iommu_mapped_sub(rel->mem, rel->mapped);
	if (rel->page)
		tce_view_del_page(view, rel->page, rel->entries, rel->dirty);
	memset(rel, 0, sizeof(*rel));
}

static void tce_release_note(struct tce_view *view, struct tce_release *rel,
			     u64 note)
{
	unsigned long addr = note & ~TCE_NOTE_FLAGS;
	unsigned long size = 1UL << view->page_shift;
	struct page *page;

	if (!note)
		return;

	if (note & TCE_NOTE_PINNED) {
		page = pfn_to_page(addr >> PAGE_SHIFT);
		if (rel->page != page) {
			tce_release_end(view, rel);
			rel->page = page;
		}
		rel->entries++;
		rel->dirty |= !!(note & TCE_PCI_WRITE);
		return;
	}

	/* Most often in the same region as the one before */
	if (addr - rel->start >= rel->size) {
		tce_release_end(view, rel);
		rel->mem = mm_iommu_lookup(view->mm, addr, size);
		if (WARN_ON_ONCE(!rel->mem))
			return;
		mm_iommu_get_range(rel->mem, &rel->start, &rel->size);
	}

	if (note & TCE_PCI_WRITE)
		mm_iommu_mark_dirty(rel->mem, addr, size);
	rel->mapped++;
}

static void tce_leaf_free(struct tce_leaf *leaf)
{
	mutex_destroy(&leaf->lock);
	kfree(leaf->notes);
	kfree_rcu(leaf, rcu);
}

static void tce_view_free(struct work_struct *work)
{
	struct tce_view *view = container_of(work, struct tce_view, work);
	struct tce_release rel = { };
	struct tce_leaf *leaf;
	unsigned long i, n;

	xa_for_each(&view->leaves, i, leaf) {
		for (n = 0; leaf->noted && n < TCE_LEAF_ENTRIES; n++)
			tce_release_note(view, &rel, leaf->notes[n]);
		tce_leaf_free(leaf);
		cond_resched();
	}
	tce_release_end(view, &rel);
	xa_destroy(&view->leaves);
	/* Empty, but for pages of which nobody knows whether they are mapped */
	xa_destroy(&view->pages);
	account_locked_vm(view->mm, tce_view_pages(view->nr_charged), false);
	mmdrop(view->mm);
	mutex_destroy(&view->lock);
	tce_view_put(view);
}

/**
 * tce_view_destroy - free the view of a table
 * @tbl: the table, which nobody updates any more; may have no view
 *
 * What is noted is released: no device reaches the table by now, or somebody
 * would keep it.
 *
 * Context: may sleep, or a softirq. KVM drops tables in an RCU callback, and if
 * it had the last reference the view is freed later: to uncharge its owner
 * takes mmap_lock.
 */
void tce_view_destroy(struct iommu_table *tbl)
{
	struct tce_view *view = tbl->it_userspace;

	if (!view)
		return;

	tbl->it_userspace = NULL;
	rcu_assign_pointer(view->tbl, NULL);
	INIT_WORK(&view->work, tce_view_free);
	if (in_interrupt())
		schedule_work(&view->work);
	else
		tce_view_free(&view->work);
}

/**
 * tce_view_belongs_to - whose memory does a table map?
 * @tbl: the table
 * @mm: an address space
 *
 * Return: true if it is that of @mm. Tables of the host have no view.
 */
bool tce_view_belongs_to(struct iommu_table *tbl, struct mm_struct *mm)
{
	struct tce_view *view = tbl->it_userspace;

	return view && view->mm == mm;
}
EXPORT_SYMBOL_GPL(tce_view_belongs_to);

/* The first leaf from *number on, up to @last; NULL if there is none */
static struct tce_leaf *tce_leaf_find(struct tce_view *view,
				      unsigned long number, unsigned long last)
{
	struct tce_leaf *leaf;

	rcu_read_lock();
	leaf = xa_find(&view->leaves, &number, last, XA_PRESENT);
	/* One that is about to be freed has nothing in it */
	while (leaf && !refcount_inc_not_zero(&leaf->refs))
		leaf = xa_find_after(&view->leaves, &number, last, XA_PRESENT);
	rcu_read_unlock();

	return leaf;
}

static struct tce_leaf *tce_leaf_get(struct tce_view *view,
				     unsigned long number)
{
	return tce_leaf_find(view, number, number);
}

static void tce_leaf_put(struct tce_view *view, struct tce_leaf *leaf)
{
	unsigned long pages;
	bool last;

	if (refcount_dec_not_one(&leaf->refs))
		return;

	xa_lock(&view->leaves);
	last = refcount_dec_and_test(&leaf->refs);
	if (last)
		__xa_erase(&view->leaves, leaf->number);
	xa_unlock(&view->leaves);
	if (!last)
		return;

	mutex_lock(&view->lock);
	pages = tce_view_pages(view->nr_charged) -
		tce_view_pages(view->nr_charged - 1);
	view->nr_charged--;
	account_locked_vm(view->mm, pages, false);
	mutex_unlock(&view->lock);

	tce_leaf_free(leaf);
}

static struct tce_leaf *tce_leaf_alloc(unsigned long number)
{
	struct tce_leaf *leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT);

	if (!leaf)
		return NULL;

	leaf->notes = kcalloc(TCE_LEAF_ENTRIES, sizeof(*leaf->notes),
			      GFP_KERNEL_ACCOUNT);
	if (!leaf->notes) {
		kfree(leaf);
		return NULL;
	}

	mutex_init(&leaf->lock);
	refcount_set(&leaf->refs, 1);
	leaf->number = number;
	return leaf;
}

static struct tce_leaf *tce_leaf_add(struct tce_view *view,
				     unsigned long number)
{
	struct tce_leaf *leaf;
	unsigned long pages = 0;
	bool kept;

	mutex_lock(&view->lock);

	leaf = tce_leaf_get(view, number);
	if (leaf)
		goto unlock;

	leaf = tce_leaf_alloc(number);
	if (!leaf)
		goto unlock;

	kept = view->nr_kept < TCE_VIEW_KEEP;
	if (kept) {
		refcount_inc(&leaf->refs);
	} else {
		pages = tce_view_pages(view->nr_charged + 1) -
			tce_view_pages(view->nr_charged);
		if (account_locked_vm(view->mm, pages, true))
			goto free_leaf;
	}

	/* The place is free by now, if a leaf was there that had to go */
	if (xa_insert(&view->leaves, number, leaf, GFP_KERNEL_ACCOUNT)) {
		account_locked_vm(view->mm, pages, false);
		goto free_leaf;
	}

	if (kept)
		view->nr_kept++;
	else
		view->nr_charged++;
	goto unlock;

free_leaf:
	tce_leaf_free(leaf);
	leaf = NULL;
unlock:
	mutex_unlock(&view->lock);
	return leaf;
}

/**
 * tce_view_reserve - make room for entries to be mapped
 * @tbl: the table
 * @index: number of the first entry, counted as in iommu_table::it_offset
 * @npages: how many, any number; they are in the table
 *
 * What tce_view_map() needs; undone by tce_view_unreserve().
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock;
 * -EINTR if the process is being killed. Nothing is reserved then.
 */
int tce_view_reserve(struct iommu_table *tbl, unsigned long index,
		     unsigned long npages)
{
	unsigned long entry = index - tbl->it_offset;
	unsigned long first = entry >> TCE_LEAF_SHIFT;
	unsigned long last = (entry + npages - 1) >> TCE_LEAF_SHIFT;
	struct tce_view *view = tbl->it_userspace;
	unsigned long i;
	int ret;

	for (i = first; i <= last; i++) {
		ret = fatal_signal_pending(current) ? -EINTR : 0;
		if (!ret && !tce_leaf_get(view, i) && !tce_leaf_add(view, i))
			ret = -ENOMEM;
		if (ret) {
			if (i > first)
				tce_view_unreserve(tbl, index,
						   (i << TCE_LEAF_SHIFT) -
						   entry);
			return ret;
		}
		cond_resched();
	}

	return 0;
}
EXPORT_SYMBOL_GPL(tce_view_reserve);

/**
 * tce_view_unreserve - give room back that no entry needs
 * @tbl: the table
 * @index: as for tce_view_reserve()
 * @npages: as for tce_view_reserve()
 */
void tce_view_unreserve(struct iommu_table *tbl, unsigned long index,
			unsigned long npages)
{
	unsigned long entry = index - tbl->it_offset;
	unsigned long last = (entry + npages - 1) >> TCE_LEAF_SHIFT;
	struct tce_view *view = tbl->it_userspace;
	unsigned long i;

	for (i = entry >> TCE_LEAF_SHIFT; i <= last; i++) {
		tce_leaf_put(view, xa_load(&view->leaves, i));
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(tce_view_unreserve);

static void tce_run_lock(struct tce_run *run)
{
	mutex_lock(&run->leaf[0]->lock);
	if (run->leaf[1])
		mutex_lock_nested(&run->leaf[1]->lock, SINGLE_DEPTH_NESTING);
}

/* Lets go of the leaves as well */
static void tce_run_unlock(struct tce_view *view, struct tce_run *run)
{
	int i;

	for (i = 1; i >= 0; i--) {
		if (!run->leaf[i])
			continue;
		mutex_unlock(&run->leaf[i]->lock);
		tce_leaf_put(view, run->leaf[i]);
	}
}

static struct tce_leaf *tce_run_leaf(struct tce_run *run, unsigned long i)
{
	unsigned long number = (run->entry + i) >> TCE_LEAF_SHIFT;

	return run->leaf[number - run->leaf[0]->number];
}

static u64 tce_run_note(struct tce_run *run, unsigned long i)
{
	return tce_run_leaf(run, i)->notes[(run->entry + i) %
					   TCE_LEAF_ENTRIES];
}

/* Returns what was noted before */
static u64 tce_run_set_note(struct tce_run *run, unsigned long i, u64 note)
{
	struct tce_leaf *leaf = tce_run_leaf(run, i);
	u64 *p = &leaf->notes[(run->entry + i) % TCE_LEAF_ENTRIES];
	u64 old = *p;

	lockdep_assert_held(&leaf->lock);

	*p = note;
	if (!old && note) {
		if (!leaf->noted++)
			refcount_inc(&leaf->refs);
	} else if (old && !note) {
		/* Not the last reference, the caller has one */
		if (!--leaf->noted)
			refcount_dec(&leaf->refs);
	}

	return old;
}

/* The first entry of a leaf from @entry on that is noted, or @end */
static unsigned long tce_leaf_next(struct tce_leaf *leaf, unsigned long entry,
				   unsigned long end)
{
	lockdep_assert_held(&leaf->lock);

	if (!leaf->noted)
		return end;

	while (entry < end && !leaf->notes[entry % TCE_LEAF_ENTRIES])
		entry++;

	return entry;
}

/*
 * Find and lock the next entries that are noted. The run begins and ends with
 * one; those between that are not noted are empty in the table as well.
 */
static bool tce_run_next(struct tce_view *view, unsigned long entry,
			 unsigned long end, struct tce_run *run)
{
	unsigned long leaf_end, limit;

	for (; entry < end; entry = leaf_end) {
		run->leaf[1] = NULL;
		run->leaf[0] = tce_leaf_find(view, entry >> TCE_LEAF_SHIFT,
					     (end - 1) >> TCE_LEAF_SHIFT);
		if (!run->leaf[0])
			return false;

		tce_run_lock(run);
		limit = run->leaf[0]->number << TCE_LEAF_SHIFT;
		leaf_end = min(end, limit + TCE_LEAF_ENTRIES);
		run->entry = tce_leaf_next(run->leaf[0], max(entry, limit),
					   leaf_end);
		if (run->entry < leaf_end)
			break;

		tce_run_unlock(view, run);
		cond_resched();
	}
	if (entry >= end)
		return false;

	limit = min(end, run->entry + TCE_LIST_MAX);
	if (limit > leaf_end) {
		run->leaf[1] = tce_leaf_get(view, leaf_end >> TCE_LEAF_SHIFT);
		if (run->leaf[1])
			mutex_lock_nested(&run->leaf[1]->lock,
					  SINGLE_DEPTH_NESTING);
		else
			limit = leaf_end;
	}

	run->count = limit - run->entry;
	while (!tce_run_note(run, run->count - 1))
		run->count--;
	return true;
}

/* What the table has for a note */
static u64 tce_view_tce(struct tce_view *view, struct iommu_table *tbl,
			u64 note)
{
	struct mm_iommu_table_group_mem_t *mem;
	unsigned long hpa;
	u64 addr = note & ~TCE_NOTE_FLAGS;

	if (!note || note & TCE_NOTE_PINNED)
		return note & ~TCE_NOTE_PINNED;

	/* The region stays as long as it is mapped */
	mem = mm_iommu_lookup(view->mm, addr, IOMMU_PAGE_SIZE(tbl));
	if (WARN_ON_ONCE(!mem) ||
	    WARN_ON_ONCE(mm_iommu_ua_to_hpa(mem, addr, tbl->it_page_shift,
					    &hpa)))
		return 0;

	return hpa | (note & (TCE_PCI_READ | TCE_PCI_WRITE));
}

/**
 * tce_view_release - let go of pages that no entry maps any more, or yet
 * @tbl: the table
 * @notes: the pages
 * @count: how many notes; those that are 0 are skipped
 *
 * Pages that no entry maps any more are unpinned, regions are told that they are
 * mapped so many times less. Pages that the device could write to are marked
 * dirty.
 */
void tce_view_release(struct iommu_table *tbl, const u64 *notes,
		      unsigned long count)
{
	struct tce_view *view = tbl->it_userspace;
	struct tce_release rel = { };
	unsigned long i;

	for (i = 0; i < count; i++) {
		tce_release_note(view, &rel, notes[i]);
		cond_resched();
	}
	tce_release_end(view, &rel);
}
EXPORT_SYMBOL_GPL(tce_view_release);

/*
 * The platform refused some of the entries: bring the old ones back. Where it
 * refuses that too the entry is cleared, and what is noted stays until it is
 * unmapped. If not even that works the device may reach the new page or the
 * old one, and neither is released.
 */
static void tce_view_undo(struct iommu_table *tbl, struct tce_run *run,
			  struct tce_batch *batch)
{
	struct tce_view *view = tbl->it_userspace;
	unsigned long i, index;
	__be64 old;

	for (i = 0; i < run->count; i++) {
		index = tbl->it_offset + run->entry + i;
		old = cpu_to_be64(tce_view_tce(view, tbl,
					       tce_run_note(run, i)));
		if (old && !tbl->it_ops->put_tces(tbl, index, 1, &old))
			continue;
		if (!tbl->it_ops->clear_tces(tbl, index, 1))
			continue;

		pr_err_ratelimited("TCE %lx of table %lx is stuck\n", index,
				   tbl->it_index);
		if (batch->notes[i]) {
			tce_run_set_note(run, i, batch->notes[i]);
			batch->notes[i] = 0;
		}
	}
}

/**
 * tce_view_map - write successive entries
 * @tbl: the table
 * @index: number of the first entry, counted as in iommu_table::it_offset
 * @npages: how many, at most %TCE_LIST_MAX; they have been reserved
 * @batch: the entries, and for each what is to be noted, to which the caller
 *	has a reference: the page is pinned, or the region counted as mapped
 *
 * What was mapped there before is released once all new entries are in place.
 * On success the references belong to the view. On failure those in
 * tce_batch::notes are the caller's to release, and the entries are as before,
 * as far as the platform lets them be.
 *
 * Return: 0 or an errno of iommu_table_ops::put_tces.
 */
int tce_view_map(struct iommu_table *tbl, unsigned long index,
		 unsigned long npages, struct tce_batch *batch)
{
	unsigned long entry = index - tbl->it_offset;
	unsigned long first = entry >> TCE_LEAF_SHIFT;
	unsigned long last = (entry + npages - 1) >> TCE_LEAF_SHIFT;
	struct tce_view *view = tbl->it_userspace;
	struct tce_run run = { .entry = entry, .count = npages };
	unsigned long i;
	int ret;

	run.leaf[0] = tce_leaf_get(view, first);
	if (last > first)
		run.leaf[1] = tce_leaf_get(view, last);
	tce_run_lock(&run);

	ret = tbl->it_ops->put_tces(tbl, index, npages, batch->tces);
	/* -ESTALE: nothing has been written */
	if (ret && ret != -ESTALE)
		tce_view_undo(tbl, &run, batch);
	for (i = 0; !ret && i < npages; i++)
		batch->notes[i] = tce_run_set_note(&run, i, batch->notes[i]);

	tce_run_unlock(view, &run);

	if (!ret)
		tce_view_release(tbl, batch->notes, npages);
	return ret;
}
EXPORT_SYMBOL_GPL(tce_view_map);

/**
 * tce_view_unmap - clear entries and release what they map
 * @tbl: the table
 * @index: number of the first entry, counted as in iommu_table::it_offset
 * @npages: how many, any number; they are in the table
 *
 * Only what is noted is cleared. Goes on after a failure; pages whose entries
 * may still be in the table are kept, and noted.
 *
 * Return: 0 or the first errno of iommu_table_ops::clear_tces.
 */
int tce_view_unmap(struct iommu_table *tbl, unsigned long index,
		   unsigned long npages)
{
	unsigned long entry = index - tbl->it_offset;
	unsigned long end = entry + npages;
	struct tce_view *view = tbl->it_userspace;
	struct tce_release rel = { };
	struct tce_run run;
	unsigned long i;
	int err, ret = 0;

	for (; tce_run_next(view, entry, end, &run);
	     entry = run.entry + run.count) {
		err = tbl->it_ops->clear_tces(tbl, tbl->it_offset + run.entry,
					      run.count);
		ret = ret ?: err;
		for (i = 0; !err && i < run.count; i++)
			tce_release_note(view, &rel,
					 tce_run_set_note(&run, i, 0));
		tce_release_end(view, &rel);

		tce_run_unlock(view, &run);
		cond_resched();
	}

	return ret;
}
EXPORT_SYMBOL_GPL(tce_view_unmap);

/**
 * tce_view_walk - look at all entries that are noted
 * @tbl: the table
 * @tces: room for %TCE_LIST_MAX entries, 4K-aligned, or NULL
 * @fn: called for up to %TCE_LIST_MAX successive entries, with what the table
 *	has for them if there is room; they do not change meanwhile
 * @data: for @fn
 *
 * Return: 0, or what @fn returned to end the walk.
 */
int tce_view_walk(struct iommu_table *tbl, __be64 *tces, tce_view_fn fn,
		  void *data)
{
	struct tce_view *view = tbl->it_userspace;
	unsigned long i, entry = 0;
	struct tce_run run;
	int ret = 0;

	for (; !ret && tce_run_next(view, entry, tbl->it_size, &run);
	     entry = run.entry + run.count) {
		for (i = 0; tces && i < run.count; i++)
			tces[i] = cpu_to_be64(tce_view_tce(view, tbl,
							   tce_run_note(&run,
									i)));
		ret = fn(tbl, tbl->it_offset + run.entry, run.count, tces,
			 data);
		tce_run_unlock(view, &run);
		cond_resched();
	}

	return ret;
}
