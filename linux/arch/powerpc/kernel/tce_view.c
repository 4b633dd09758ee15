// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Userspace view of a TCE table
 *
 * VFIO and KVM note for each entry of a user's DMA window which page of the
 * user they have put there: iommu_table::it_userspace. The view is sparse.
 * It is an xarray of leaves with 512 entries each, one for what a hypercall
 * takes in a list, and a leaf exists from the first entry that is noted in
 * it. So a window costs nothing but what is mapped, whatever its size, and
 * walks skip what was never mapped.
 *
 * The user pays: leaves are charged to locked_vm of the mm that the view was
 * made for, in whole pages.
 *
 * Locking: lookups need none, leaves live as long as the view. Leaves are
 * added under tce_view::lock. What is in an entry is the business of the one
 * who updates the table.
 */

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <asm/iommu.h>
#include <asm/tce_view.h>

#define TCE_VIEW_LEAF_SHIFT	9
#define TCE_VIEW_LEAF_ENTRIES	BIT(TCE_VIEW_LEAF_SHIFT)
#define TCE_VIEW_LEAF_SIZE	(TCE_VIEW_LEAF_ENTRIES * sizeof(__be64))

/**
 * struct tce_view - userspace view of a table
 * @leaves: &__be64 arrays of TCE_VIEW_LEAF_ENTRIES, by entry number divided
 *	by that
 * @lock: serialises the adding of leaves, protects @nr_leaves
 * @nr_leaves: how many there are
 * @mm: who is charged for them
 * @work: frees the view where that cannot be done at once
 */
struct tce_view {
	struct xarray leaves;
	struct mutex lock;	/* for new leaves */
	unsigned long nr_leaves;
	struct mm_struct *mm;
	struct work_struct work;
};

static unsigned long tce_view_pages(unsigned long nr_leaves)
{
	return DIV_ROUND_UP(nr_leaves * TCE_VIEW_LEAF_SIZE, PAGE_SIZE);
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
	mutex_init(&view->lock);
	view->mm = mm;
	mmgrab(mm);
	tbl->it_userspace = view;
	return 0;
}

static void tce_view_free(struct work_struct *work)
{
	struct tce_view *view = container_of(work, struct tce_view, work);
	unsigned long i;
	void *leaf;

	xa_for_each(&view->leaves, i, leaf)
		kfree(leaf);
	xa_destroy(&view->leaves);
	account_locked_vm(view->mm, tce_view_pages(view->nr_leaves), false);
	mmdrop(view->mm);
	mutex_destroy(&view->lock);
	kfree(view);
}

/**
 * tce_view_destroy - free the view of a table
 * @tbl: the table, which nobody updates any more; may have no view
 *
 * Context: any. KVM drops tables in an RCU callback, and if it had the last
 * reference the view is freed later: to uncharge its owner takes mmap_lock.
 */
void tce_view_destroy(struct iommu_table *tbl)
{
	struct tce_view *view = tbl->it_userspace;

	if (!view)
		return;

	tbl->it_userspace = NULL;
	INIT_WORK(&view->work, tce_view_free);
	if (in_interrupt())
		schedule_work(&view->work);
	else
		tce_view_free(&view->work);
}

static __be64 *tce_view_add_leaf(struct tce_view *view, unsigned long i)
{
	unsigned long pages;
	__be64 *leaf;

	mutex_lock(&view->lock);

	leaf = xa_load(&view->leaves, i);
	if (leaf)
		goto unlock;

	pages = tce_view_pages(view->nr_leaves + 1) -
		tce_view_pages(view->nr_leaves);
	if (account_locked_vm(view->mm, pages, true))
		goto unlock;

	leaf = kzalloc(TCE_VIEW_LEAF_SIZE, GFP_KERNEL_ACCOUNT);
	if (!leaf || xa_err(xa_store(&view->leaves, i, leaf,
				     GFP_KERNEL_ACCOUNT))) {
		kfree(leaf);
		leaf = NULL;
		account_locked_vm(view->mm, pages, false);
		goto unlock;
	}

	view->nr_leaves++;

unlock:
	mutex_unlock(&view->lock);
	return leaf;
}

/**
 * tce_view_entry - find an entry; iommu_table_ops::useraddrptr
 * @tbl: the table
 * @index: number of the entry, counted as in iommu_table::it_offset
 * @alloc: make room for the entry if there is none yet; may sleep then
 *
 * Return: the entry, or NULL if it is outside of the table, was never noted,
 * or there is no memory for it or none that the user may lock.
 */
__be64 *tce_view_entry(struct iommu_table *tbl, long index, bool alloc)
{
	unsigned long entry = index - tbl->it_offset;
	struct tce_view *view = tbl->it_userspace;
	__be64 *leaf;

	if (entry >= tbl->it_size)
		return NULL;

	leaf = xa_load(&view->leaves, entry >> TCE_VIEW_LEAF_SHIFT);
	if (!leaf && alloc)
		leaf = tce_view_add_leaf(view, entry >> TCE_VIEW_LEAF_SHIFT);
	if (!leaf)
		return NULL;

	return leaf + (entry & (TCE_VIEW_LEAF_ENTRIES - 1));
}

/**
 * tce_view_next - skip what was never noted; iommu_table_ops::next_entry
 * @tbl: the table
 * @index: number of the first entry to look at
 * @end: number of the entry to stop at
 *
 * Return: the number of the first entry from @index on for which there is
 * room in the view, @end if there is none.
 */
long tce_view_next(struct iommu_table *tbl, long index, long end)
{
	unsigned long entry = index - tbl->it_offset;
	unsigned long last = end - tbl->it_offset - 1;
	struct tce_view *view = tbl->it_userspace;
	unsigned long i = entry >> TCE_VIEW_LEAF_SHIFT;

	if (index >= end)
		return end;

	if (!xa_find(&view->leaves, &i, last >> TCE_VIEW_LEAF_SHIFT,
		     XA_PRESENT))
		return end;

	return tbl->it_offset + max(entry, i << TCE_VIEW_LEAF_SHIFT);
}
