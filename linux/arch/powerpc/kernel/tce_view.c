// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Userspace view of a TCE table
 *
 * The view of a table, iommu_table::it_userspace, has a note for each entry of a
 * user's DMA window: which page of the user the entry maps, and with what
 * permission. VFIO and KVM map and unmap through the view: for up to TCE_LIST_MAX
 * entries at a time it has the platform write the table, by
 * iommu_table_ops::put_tces and clear_tces, and changes their notes, while the
 * entries are locked. What an entry mapped before is released once the platform
 * has let go of it. So the table need never be read.
 *
 * The view is sparse: notes are in leaves, see tce_view_leaves.c. What a note
 * stands for is a reference to a page, see tce_view_pages.c.
 *
 * An entry is stuck if the platform has refused to write it, to bring the old one
 * back and to clear it. Nobody knows which page it maps, so neither the old nor the
 * new one is released.
 *
 * Locking: tce_leaf::lock protects the notes of a leaf and the entries of the table
 * that they are of. The locks of the platform's ops, of registered regions, and
 * tce_view::lock nest in it.
 *
 * A view can outlive its table: VFIO decides when a table is freed, and KVM has
 * references to views only. tce_view::tbl is the table until the last reference
 * to the table is dropped. It is NULL afterwards, and all notes have been freed by
 * then. A table that is found there may be about to be freed, so it is used only
 * if iommu_tce_table_get() still gets a reference.
 *
 * Context: all functions may sleep.
 */

#include <linux/kref.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "tce_view_internal.h"

static struct lock_class_key tce_view_uncharged_key;

/* Inside of the view entries are counted from the start of the table */
static unsigned long tce_view_entry(const struct iommu_table *tbl,
				    unsigned long index)
{
	return index - tbl->it_offset;
}

/* Users of the view and the platform count from the start of the bus */
static unsigned long tce_view_index(const struct iommu_table *tbl,
				    unsigned long entry)
{
	return tbl->it_offset + entry;
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
 * @mm: the address space that is mapped, and that is charged for the view; or NULL
 *
 * Without an @mm the owner of the table keeps what is mapped, until it is unmapped:
 * the notes that tce_view_map() takes are the TCEs, in the byte order of the
 * processor. Nothing is charged or released.
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
	/* mmap_lock nests in the lock of a view that charges a user, and only there */
	if (!mm)
		lockdep_set_class(&view->lock, &tce_view_uncharged_key);
	view->nr_paid = (u64)tbl->it_size << tbl->it_page_shift >> PAGE_SHIFT;
	view->page_shift = tbl->it_page_shift;
	view->mm = mm;
	if (mm)
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
 * tce_view_put - drop a reference to a view
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
 * tce_view_destroy - free the view of a table
 * @tbl: the table, which nobody updates any more; may have no view
 *
 * What is noted is released: no device reaches the table by now, or somebody
 * would keep it. To uncharge the user takes mmap_lock, so this may sleep.
 */
void tce_view_destroy(struct iommu_table *tbl)
{
	struct tce_view *view = tbl->it_userspace;

	if (!view)
		return;

	tbl->it_userspace = NULL;
	rcu_assign_pointer(view->tbl, NULL);
	tce_leaves_free(view);
	/* Empty, but for pages of which nobody knows whether they are mapped */
	xa_destroy(&view->pages);
	if (view->mm)
		mmdrop(view->mm);
	mutex_destroy(&view->lock);
	tce_view_put(view);
}

/**
 * tce_view_belongs_to - does a table map the memory of this process?
 * @tbl: the table
 * @mm: address space of the process
 *
 * Return: true if it does. Tables of the host have no view.
 */
bool tce_view_belongs_to(struct iommu_table *tbl, struct mm_struct *mm)
{
	struct tce_view *view = tbl->it_userspace;

	return view && view->mm == mm;
}
EXPORT_SYMBOL_GPL(tce_view_belongs_to);

/**
 * tce_view_reserve - make room for entries to be mapped
 * @tbl: the table
 * @index: the first entry
 * @npages: how many, any number; they are in the table
 *
 * tce_view_map() finds room for all of them until tce_view_unreserve() is called.
 * For what a single tce_view_map() writes this need not be called.
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock;
 * -EINTR if the process is being killed. Nothing is reserved then.
 */
int tce_view_reserve(struct iommu_table *tbl, unsigned long index,
		     unsigned long npages)
{
	return tce_leaves_reserve(tbl->it_userspace,
				  tce_view_entry(tbl, index), npages);
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
	tce_leaves_unreserve(tbl->it_userspace, tce_view_entry(tbl, index),
			     npages);
}
EXPORT_SYMBOL_GPL(tce_view_unreserve);

/* What the table has for a note */
static u64 tce_view_tce(struct tce_view *view, struct iommu_table *tbl,
			u64 note)
{
	struct mm_iommu_table_group_mem_t *mem;
	unsigned long hpa;
	u64 addr = note & ~TCE_NOTE_FLAGS;

	if (!note || !view->mm || note & TCE_NOTE_PINNED)
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
 * tce_view_lookup - what does an entry map?
 * @tbl: a table whose view has no address space
 * @index: the entry, which is in the table and does not change meanwhile
 *
 * Return: the TCE, or 0.
 */
u64 tce_view_lookup(struct iommu_table *tbl, unsigned long index)
{
	return tce_leaves_note(tbl->it_userspace, tce_view_entry(tbl, index));
}

/*
 * The platform refused some of the entries: bring the old ones back. Where it
 * refuses that too the entry is cleared, and what is noted stays until it is
 * unmapped. If not even that works the entry is stuck: the device may reach the
 * new page or the old one, and neither is released.
 */
static void tce_view_undo(struct iommu_table *tbl, struct tce_run *run,
			  u64 *notes)
{
	struct tce_view *view = tbl->it_userspace;
	unsigned long i, index;
	__be64 old;

	for (i = 0; i < run->count; i++) {
		index = tce_view_index(tbl, run->entry) + i;
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
 * @index: the first entry
 * @npages: how many, at most %TCE_LIST_MAX
 * @tces: the entries, as for iommu_table_ops::put_tces
 * @notes: their notes. The caller has a reference for each: the region is counted
 *	as mapped, or the page is added by tce_view_add_page().
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
	struct tce_view *view = tbl->it_userspace;
	struct tce_run run = { .entry = tce_view_entry(tbl, index),
			       .count = npages };
	bool replaced = false;
	int ret;

	ret = tce_run_begin(view, &run);
	if (ret)
		return ret;

	ret = tbl->it_ops->put_tces(tbl, index, npages, tces);
	if (!ret)
		replaced = tce_run_note_all(&run, notes);
	/* -ESTALE: nothing has been written */
	else if (ret != -ESTALE)
		tce_view_undo(tbl, &run, notes);

	tce_run_end(view, &run);

	if (replaced)
		tce_view_release(tbl, notes, npages);
	return ret;
}
EXPORT_SYMBOL_GPL(tce_view_map);

/**
 * tce_view_unmap - clear entries and release what they map
 * @tbl: the table
 * @index: the first entry
 * @npages: how many, any number; they are in the table
 *
 * Only what is noted is cleared. A failure does not end this: the entries after it
 * are cleared all the same. Pages whose entries may still be in the table are kept,
 * and noted.
 *
 * Return: 0 or the first errno of iommu_table_ops::clear_tces.
 */
int tce_view_unmap(struct iommu_table *tbl, unsigned long index,
		   unsigned long npages)
{
	unsigned long entry = tce_view_entry(tbl, index);
	unsigned long end = entry + npages;
	struct tce_view *view = tbl->it_userspace;
	struct tce_release rel = { };
	struct tce_run run;
	int err, ret = 0;

	while (entry < end && tce_run_next(view, entry, end, &run)) {
		err = tbl->it_ops->clear_tces(tbl, tce_view_index(tbl, run.entry),
					      run.count);
		ret = ret ?: err;
		if (!err)
			tce_run_clear(view, &run, &rel);
		tce_release_end(view, &rel);

		tce_run_end(view, &run);
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
		ret = fn(tbl, tce_view_index(tbl, run.entry), run.count, tces,
			 data);
		tce_run_end(view, &run);
		cond_resched();
	}

	return ret;
}
