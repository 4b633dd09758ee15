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
 * found under RCU and, but for those that stay, counted: one reference for each
 * task that works on the leaf, one while an entry is noted. The last one is
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
 * @kept: it stays as long as the view
 * @refs: see the head of this file
 * @number: of its first entry, counted from the start of the table, divided by
 *	512
 * @noted: how many notes are not 0
 * @rcu: for tce_leaf_put()
 * @notes: see %TCE_NOTE_PINNED
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
	unsigned long mapped;
	struct page *page;
	unsigned long entries;
	bool dirty;
};

static void tce_release_end(struct tce_view *view, struct tce_release *rel)
{
	/* The region may go now */
	if (rel->mem)
		mm_iommu_mapped_sub(rel->mem, rel->mapped);
	if (rel->page)
		tce_view_del_page(view, rel->page, rel->entries, rel->dirty);
	rel->mem = NULL;
	rel->mapped = 0;
	rel->page = NULL;
}

static void tce_release_pinned(struct tce_view *view, struct tce_release *rel,
			       u64 note)
{
	unsigned long addr = note & ~TCE_NOTE_FLAGS;
	struct page *page = pfn_to_page(addr >> PAGE_SHIFT);

	if (rel->page != page) {
		tce_release_end(view, rel);
		rel->page = page;
		rel->entries = 0;
		rel->dirty = false;
	}
	rel->entries++;
	rel->dirty |= !!(note & TCE_PCI_WRITE);
}

/* The first notes, as many as map the same region. Returns how many. */
static unsigned long tce_release_registered(struct tce_view *view,
					    struct tce_release *rel,
					    u64 *notes, unsigned long count)
{
	unsigned long n = 0;

	/* Most often in the same region as the one before */
	if (rel->mem)
		n = mm_iommu_clear_notes(rel->mem, notes, view->page_shift,
					 count);
	if (!n) {
		if (rel->mem || rel->page)
			tce_release_end(view, rel);
		rel->mem = mm_iommu_lookup(view->mm, notes[0] & ~TCE_NOTE_FLAGS,
					   1UL << view->page_shift);
		if (rel->mem)
			n = mm_iommu_clear_notes(rel->mem, notes,
						 view->page_shift, count);
	}
	rel->mapped += n;

	if (WARN_ON_ONCE(!n)) {
		notes[0] = 0;
		return 1;
	}

	return n;
}

/* Returns how many of the notes were not 0, which they are now */
static unsigned long tce_release_notes(struct tce_view *view,
				       struct tce_release *rel, u64 *notes,
				       unsigned long count)
{
	unsigned long i, n, noted = 0;

	for (i = 0; i < count; i += n) {
		n = 1;
		if (!notes[i])
			continue;

		if (notes[i] & TCE_NOTE_PINNED) {
			tce_release_pinned(view, rel, notes[i]);
			notes[i] = 0;
		} else {
			n = tce_release_registered(view, rel, notes + i,
						   count - i);
		}
		noted += n;
	}

	return noted;
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
	unsigned long i;

	xa_for_each(&view->leaves, i, leaf) {
		if (leaf->noted)
			tce_release_notes(view, &rel, leaf->notes,
					  TCE_LEAF_ENTRIES);
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

/* For a task that works on it. False if it is about to be freed. */
static bool tce_leaf_hold(struct tce_leaf *leaf)
{
	return leaf->kept || refcount_inc_not_zero(&leaf->refs);
}

/* The first leaf from *number on, up to @last; NULL if there is none */
static struct tce_leaf *tce_leaf_find(struct tce_view *view,
				      unsigned long number, unsigned long last)
{
	struct tce_leaf *leaf;

	rcu_read_lock();
	leaf = xa_find(&view->leaves, &number, last, XA_PRESENT);
	/* One that is about to be freed has nothing in it */
	while (leaf && !tce_leaf_hold(leaf))
		leaf = xa_find_after(&view->leaves, &number, last, XA_PRESENT);
	rcu_read_unlock();

	return leaf;
}

static struct tce_leaf *tce_leaf_get(struct tce_view *view,
				     unsigned long number)
{
	struct tce_leaf *leaf;

	rcu_read_lock();
	leaf = xa_load(&view->leaves, number);
	if (leaf && !tce_leaf_hold(leaf))
		leaf = NULL;
	rcu_read_unlock();

	return leaf;
}

static void tce_leaf_put(struct tce_view *view, struct tce_leaf *leaf)
{
	unsigned long pages;
	bool last;

	if (leaf->kept || refcount_dec_not_one(&leaf->refs))
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

static struct tce_leaf *tce_leaf_alloc(unsigned long number, bool kept)
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
	leaf->kept = kept;
	leaf->number = number;
	return leaf;
}

static struct tce_leaf *tce_leaf_add(struct tce_view *view,
				     unsigned long number)
{
	struct tce_leaf *leaf;
	unsigned long pages = 0;

	mutex_lock(&view->lock);

	leaf = tce_leaf_get(view, number);
	if (leaf)
		goto unlock;

	leaf = tce_leaf_alloc(number, view->nr_kept < TCE_VIEW_KEEP);
	if (!leaf)
		goto unlock;

	if (!leaf->kept) {
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

	if (leaf->kept)
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
 * tce_view_map() finds room for all of them until tce_view_unreserve() is called.
 * It need not be called for what one tce_view_map() does.
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

static void tce_run_unlock(struct tce_run *run)
{
	if (run->leaf[1])
		mutex_unlock(&run->leaf[1]->lock);
	mutex_unlock(&run->leaf[0]->lock);
}

/* Lets go of the leaves */
static void tce_run_put(struct tce_view *view, struct tce_run *run)
{
	if (run->leaf[1])
		tce_leaf_put(view, run->leaf[1]);
	tce_leaf_put(view, run->leaf[0]);
}

/* Makes the leaves of a run, as far as they are not there */
static int tce_run_get(struct tce_view *view, struct tce_run *run)
{
	unsigned long first = run->entry >> TCE_LEAF_SHIFT;
	unsigned long last = (run->entry + run->count - 1) >> TCE_LEAF_SHIFT;

	run->leaf[0] = tce_leaf_get(view, first) ?: tce_leaf_add(view, first);
	if (!run->leaf[0])
		return -ENOMEM;
	if (last == first)
		return 0;

	run->leaf[1] = tce_leaf_get(view, last) ?: tce_leaf_add(view, last);
	if (run->leaf[1])
		return 0;

	tce_leaf_put(view, run->leaf[0]);
	return -ENOMEM;
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

/* The notes of the run from the entry @i on that are in one leaf: @count of them */
static u64 *tce_run_part(struct tce_run *run, unsigned long i,
			 unsigned long *count)
{
	unsigned long n = (run->entry + i) % TCE_LEAF_ENTRIES;

	*count = min(run->count - i, TCE_LEAF_ENTRIES - n);
	return tce_run_leaf(run, i)->notes + n;
}

/* So many of its entries are noted that were not, or no longer */
static void tce_leaf_count(struct tce_leaf *leaf, long change)
{
	unsigned int before = leaf->noted;

	lockdep_assert_held(&leaf->lock);

	leaf->noted += change;
	if (leaf->kept)
		return;
	if (!before && leaf->noted)
		refcount_inc(&leaf->refs);
	/* Not the last reference, the caller has one */
	else if (before && !leaf->noted)
		refcount_dec(&leaf->refs);
}

static void tce_run_set_note(struct tce_run *run, unsigned long i, u64 note)
{
	unsigned long count;
	u64 *p = tce_run_part(run, i, &count);

	tce_leaf_count(tce_run_leaf(run, i), !!note - !!*p);
	*p = note;
}

/*
 * Note all entries of the run. Returns whether some were noted before: in @notes
 * are the old notes then.
 */
static bool tce_run_note_all(struct tce_run *run, u64 *notes)
{
	bool fresh = !run->leaf[0]->noted &&
		     !(run->leaf[1] && run->leaf[1]->noted);
	unsigned long i, n, is, was, first;
	u64 *p, old;

	for (first = 0; first < run->count; first += n, notes += n) {
		p = tce_run_part(run, first, &n);
		is = 0;
		was = 0;
		for (i = 0; fresh && i < n; i++) {
			p[i] = notes[i];
			is += !!p[i];
		}
		for (; i < n; i++) {
			old = p[i];
			p[i] = notes[i];
			notes[i] = old;
			is += !!p[i];
			was += !!old;
		}
		tce_leaf_count(tce_run_leaf(run, first), is - was);
	}

	return !fresh;
}

/* Note that no entry of the run maps anything, and let go of what they mapped */
static void tce_run_clear(struct tce_view *view, struct tce_run *run,
			  struct tce_release *rel)
{
	unsigned long i, n;
	u64 *p;

	for (i = 0; i < run->count; i += n) {
		p = tce_run_part(run, i, &n);
		tce_leaf_count(tce_run_leaf(run, i),
			       -tce_release_notes(view, rel, p, n));
	}
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
		limit = entry >> TCE_LEAF_SHIFT;
		run->leaf[1] = NULL;
		run->leaf[0] = tce_leaf_get(view, limit) ?:
			       tce_leaf_find(view, limit,
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

		tce_run_unlock(run);
		tce_run_put(view, run);
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
 * @count: how many notes; those that are 0 are skipped, the others become 0
 *
 * Pages that no entry maps any more are unpinned, regions are told that they are
 * mapped so many times less. Pages that the device could write to are marked
 * dirty.
 */
void tce_view_release(struct iommu_table *tbl, u64 *notes,
		      unsigned long count)
{
	struct tce_view *view = tbl->it_userspace;
	struct tce_release rel = { };
	unsigned long n;

	for (; count; count -= n, notes += n) {
		n = min_t(unsigned long, count, TCE_LIST_MAX);
		tce_release_notes(view, &rel, notes, n);
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
			  u64 *notes)
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
		if (notes[i]) {
			tce_run_set_note(run, i, notes[i]);
			notes[i] = 0;
		}
	}
}

/**
 * tce_view_map - write successive entries
 * @tbl: the table
 * @index: number of the first entry, counted as in iommu_table::it_offset
 * @npages: how many, at most %TCE_LIST_MAX
 * @tces: the entries, as for iommu_table_ops::put_tces
 * @notes: for each what is to be noted, to which the caller has a reference: the
 *	page is pinned, or the region counted as mapped
 *
 * What was mapped there before is released once all new entries are in place.
 * On success the references belong to the view. On failure those in @notes are
 * the caller's to release, and the entries are as before, as far as the platform
 * lets them be.
 *
 * Return: 0; an errno of iommu_table_ops::put_tces; -ENOMEM if there is no room in
 * the view, as tce_view_reserve() has made.
 */
int tce_view_map(struct iommu_table *tbl, unsigned long index,
		 unsigned long npages, const __be64 *tces, u64 *notes)
{
	unsigned long entry = index - tbl->it_offset;
	struct tce_view *view = tbl->it_userspace;
	struct tce_run run = { .entry = entry, .count = npages };
	bool replaced = false;
	int ret;

	ret = tce_run_get(view, &run);
	if (ret)
		return ret;

	tce_run_lock(&run);

	ret = tbl->it_ops->put_tces(tbl, index, npages, tces);
	if (!ret)
		replaced = tce_run_note_all(&run, notes);
	/* -ESTALE: nothing has been written */
	else if (ret != -ESTALE)
		tce_view_undo(tbl, &run, notes);

	tce_run_unlock(&run);
	tce_run_put(view, &run);

	if (replaced)
		tce_view_release(tbl, notes, npages);
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
	int err, ret = 0;

	while (entry < end && tce_run_next(view, entry, end, &run)) {
		err = tbl->it_ops->clear_tces(tbl, tbl->it_offset + run.entry,
					      run.count);
		ret = ret ?: err;
		if (!err)
			tce_run_clear(view, &run, &rel);
		tce_release_end(view, &rel);

		tce_run_unlock(&run);
		tce_run_put(view, &run);
		entry = run.entry + run.count;
		if (entry < end)
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
		tce_run_unlock(&run);
		tce_run_put(view, &run);
		cond_resched();
	}

	return ret;
}
