// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA windows of a partitionable endpoint (PE) for VFIO and KVM
 *
 * The iommu_table_group_ops of pSeries. A user of the table group creates
 * tables, and sets each as a window of one PE or of several PEs, at the same bus
 * address. The hypervisor has the TCEs. The table has the userspace view, see
 * arch/powerpc/kernel/tce_view.c, and a list of the PEs where it is set.
 *
 * A table is placed when it is first set as a window: that gives it its bus
 * address, which it keeps.
 *
 * A PE is leaving a table while it is still on the list, but its window gets no
 * new entries. The entries that the window has are cleared meanwhile.
 *
 * A table is stuck while the platform has a window of it that it has neither
 * emptied nor removed. Devices may still reach what that window holds, so nothing
 * is mapped in a stuck table, and nothing is released that it maps.
 *
 * Locking: user_table::lock protects the list of PEs, and is held for reading
 * while entries are written. It nests in the locks of the view, and these nest in
 * pseries_pe::lock.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "dma_windows.h"
#include "pseries.h"
#include "table_group.h"

/*
 * The view is sparse whatever number of levels the user asks for, so each is
 * as good as another. Users compute a number from the window size, or count
 * up to the maximum until one is taken.
 */
#define PSERIES_TCE_MAX_LEVELS	5

/* Bus address of an entry, whose number counts from the start of the bus */
static u64 user_table_ioba(struct iommu_table *tbl, unsigned long index)
{
	return (u64)index << tbl->it_page_shift;
}

/**
 * user_table_write - write entries in all PEs of a table
 * @ut: the table, with user_table::lock; it is not stuck
 * @index: as for iommu_table_ops::put_tces
 * @npages: as for iommu_table_ops::put_tces
 * @tces: as for iommu_table_ops::put_tces
 *
 * A PE that is leaving gets no new entry, but the old one is cleared: the page that
 * it maps is about to be released.
 *
 * Return: 0; -ESTALE if no PE gets entries; or an errno of the hypercall.
 */
int user_table_write(struct user_table *ut, unsigned long index,
		     unsigned long npages, const __be64 *tces)
{
	struct iommu_table *tbl = &ut->tbl;
	u64 ioba = user_table_ioba(tbl, index);
	struct user_table_link *link;
	int err, ret = -ESTALE;

	list_for_each_entry(link, &ut->links, next) {
		if (link->leaving) {
			err = ddw_tce_clear(link->liobn, ioba,
					    tbl->it_page_shift, npages);
		} else {
			err = ddw_tce_put_list(link->liobn, ioba,
					       tbl->it_page_shift, tces,
					       npages);
			ret = 0;
		}
		if (err)
			return err;
	}

	return ret;
}

/* iommu_table_ops::put_tces */
static int user_table_put(struct iommu_table *tbl, unsigned long index,
			  unsigned long npages, const __be64 *tces)
{
	struct user_table *ut = to_user_table(tbl);
	int ret = -ESTALE;

	down_read(&ut->lock);
	if (!ut->stuck)
		ret = user_table_write(ut, index, npages, tces);
	up_read(&ut->lock);

	return ret;
}

/*
 * iommu_table_ops::clear_tces, for all PEs of a table, also after one of them has
 * failed. A table that is set nowhere has nothing to clear.
 */
int user_table_clear(struct iommu_table *tbl, unsigned long index,
		     unsigned long npages)
{
	struct user_table *ut = to_user_table(tbl);
	struct user_table_link *link;
	int err, ret;

	down_read(&ut->lock);

	ret = ut->stuck ? -EIO : 0;
	list_for_each_entry(link, &ut->links, next) {
		err = ddw_tce_clear(link->liobn, user_table_ioba(tbl, index),
				    tbl->it_page_shift, npages);
		ret = ret ?: err;
	}

	up_read(&ut->lock);
	return ret;
}

/* For tce_view_walk(): clear what a window holds of the table */
static int user_window_clear(struct iommu_table *tbl, unsigned long index,
			     unsigned long npages, const __be64 *tces,
			     void *data)
{
	struct pe_window *win = data;
	int ret = ddw_tce_clear(win->liobn, user_table_ioba(tbl, index),
				tbl->it_page_shift, npages);

	if (ret) {
		pr_err_ratelimited("cannot clear window %x at %llx: %d\n",
				   win->liobn, user_table_ioba(tbl, index),
				   ret);
		win->dirty = true;
	}

	return 0;
}

/* For tce_view_walk(): put what the table holds into a window */
static int user_window_fill(struct iommu_table *tbl, unsigned long index,
			    unsigned long npages, const __be64 *tces,
			    void *data)
{
	struct pe_window *win = data;

	return ddw_tce_put_list(win->liobn, user_table_ioba(tbl, index),
				tbl->it_page_shift, tces, npages);
}

/* iommu_table_ops::free, before user_table_release() */
void user_table_free(struct iommu_table *tbl)
{
	struct user_table *ut = to_user_table(tbl);

	WARN_ON(!list_empty(&ut->links));
	tce_view_destroy(tbl);
}

/* iommu_table_ops::release */
void user_table_release(struct iommu_table *tbl)
{
	kfree_rcu(to_user_table(tbl), tbl.it_rcu);
}

static struct iommu_table_ops user_table_ops = {
	.put_tces = user_table_put,
	.clear_tces = user_table_clear,
	.free = user_table_free,
	.release = user_table_release,
};

/*
 * How much memory a new table takes, which is what its user is charged for at
 * once. The view is charged for the rest as it grows.
 */
static unsigned long pseries_get_table_size(__u32 page_shift,
					    __u64 window_size, __u32 levels)
{
	if (page_shift < IOMMU_PAGE_SHIFT_4K || page_shift >= BITS_PER_LONG ||
	    levels > PSERIES_TCE_MAX_LEVELS || !window_size ||
	    window_size >> page_shift > DDW_MAX_TCES ||
	    !IS_ALIGNED(window_size, 1ULL << page_shift))
		return 0;

	return sizeof(struct user_table) + tce_view_size();
}

struct user_table *user_table_alloc(void)
{
	struct user_table *ut = kzalloc(sizeof(*ut), GFP_KERNEL_ACCOUNT);

	if (!ut)
		return NULL;

	init_rwsem(&ut->lock);
	INIT_LIST_HEAD(&ut->links);
	INIT_LIST_HEAD_RCU(&ut->tbl.it_group_list);
	kref_init(&ut->tbl.it_kref);
	ut->tbl.it_type = TCE_PCI;
	ut->tbl.it_ops = &user_table_ops;

	return ut;
}

/*
 * Called by the user, whose memory the table will map. The table is not placed:
 * the platform decides later where the window is.
 */
static long pseries_create_table(struct iommu_table_group *table_group,
				 int num, __u32 page_shift, __u64 window_size,
				 __u32 levels, struct iommu_table **ptbl)
{
	struct user_table *ut;
	int ret;

	if (!pseries_get_table_size(page_shift, window_size, levels))
		return -EINVAL;

	ut = user_table_alloc();
	if (!ut)
		return -ENOMEM;

	ut->tbl.it_page_shift = page_shift;
	ut->tbl.it_size = window_size >> page_shift;
	ut->tbl.it_allocated_size = sizeof(*ut) + tce_view_size();

	ret = tce_view_init(&ut->tbl, current->mm);
	if (ret) {
		kfree(ut);
		return ret;
	}

	*ptbl = &ut->tbl;
	return 0;
}

/*
 * Add a PE, whose window is open, to the list. The first PE places the table. Users
 * know the address from then on, so the platform must give each other PE a window
 * at the same address.
 */
static int user_table_join(struct user_table *ut, struct user_table_link *link,
			   const struct pe_window *win)
{
	struct iommu_table *tbl = &ut->tbl;
	int ret = 0;

	down_write(&ut->lock);

	if (!ut->placed) {
		tbl->it_offset = win->start >> win->page_shift;
		tbl->it_index = win->liobn;
		ut->placed = true;
	} else if (tbl->it_offset != win->start >> win->page_shift) {
		ret = -EADDRNOTAVAIL;
	}

	if (!ret)
		list_add_tail(&link->next, &ut->links);

	up_write(&ut->lock);
	return ret;
}

/*
 * Empty a window and take its PE off the list. If the window could not be emptied
 * the table is stuck, until user_window_close() has removed the window.
 */
static void user_table_leave(struct user_table *ut,
			     struct user_table_link *link,
			     struct pe_window *win)
{
	down_write(&ut->lock);
	link->leaving = true;
	up_write(&ut->lock);

	tce_view_walk(&ut->tbl, NULL, user_window_clear, win);

	down_write(&ut->lock);
	list_del(&link->next);
	if (win->dirty)
		ut->stuck++;
	up_write(&ut->lock);
}

/* Close the window of a slot that has left its table */
static int user_window_close(struct user_table *ut, struct pseries_pe *pe,
			     int slot)
{
	bool dirty = pe->window[slot].dirty;
	int ret = pe_window_close(pe, slot);

	if (dirty && !ret) {
		down_write(&ut->lock);
		ut->stuck--;
		up_write(&ut->lock);
	}

	return ret;
}

/*
 * Put what the table holds into a window that has just joined. The window is on
 * the list already, so it also gets what is mapped or unmapped meanwhile.
 */
static int user_table_replay(struct user_table *ut, struct pe_window *win)
{
	__be64 *tces = kmalloc_array(TCE_LIST_MAX, sizeof(*tces),
				     GFP_KERNEL_ACCOUNT);
	int ret;

	if (!tces)
		return -ENOMEM;

	ret = tce_view_walk(&ut->tbl, tces, user_window_fill, win);
	kfree(tces);
	return ret;
}

static long pseries_set_window(struct iommu_table_group *table_group, int num,
			       struct iommu_table *tbl)
{
	struct user_table_link *link = kzalloc(sizeof(*link),
					       GFP_KERNEL_ACCOUNT);
	struct pseries_pe *pe = to_pseries_pe(table_group);
	struct pe_window *win = &pe->window[num];
	struct user_table *ut = to_user_table(tbl);
	int ret;

	if (!link)
		return -ENOMEM;

	mutex_lock(&pe->lock);

	if (pe->owner != PE_OWNER_USER) {
		ret = -ESHUTDOWN;
		goto free_link;
	}

	ret = pe_window_open(pe, num, tbl->it_page_shift,
			     (u64)tbl->it_size << tbl->it_page_shift);
	if (ret)
		goto free_link;

	link->pe = pe;
	link->liobn = win->liobn;
	ret = user_table_join(ut, link, win);
	if (ret)
		goto close_window;

	ret = user_table_replay(ut, win);
	if (ret)
		goto leave_table;

	/* KVM may look at it from now on */
	smp_store_release(&table_group->tables[num], iommu_tce_table_get(tbl));
	mutex_unlock(&pe->lock);
	return 0;

leave_table:
	user_table_leave(ut, link, win);
close_window:
	user_window_close(ut, pe, num);
free_link:
	mutex_unlock(&pe->lock);
	kfree(link);
	return ret;
}

/* With pseries_pe::lock, which keeps the link for as long as the caller uses it */
static struct user_table_link *user_table_find(struct user_table *ut,
					       struct pseries_pe *pe, u32 liobn)
{
	struct user_table_link *link, *found = NULL;

	down_read(&ut->lock);
	list_for_each_entry(link, &ut->links, next)
		if (link->pe == pe && link->liobn == liobn)
			found = link;
	up_read(&ut->lock);

	return found;
}

/* Take the window of a slot from its table and close it */
static int user_window_unset(struct pseries_pe *pe, int num)
{
	struct iommu_table_group *table_group = &pe->table_group;
	struct iommu_table *tbl = table_group->tables[num];
	struct pe_window *win = &pe->window[num];
	struct user_table_link *link;
	struct user_table *ut;
	int ret;

	lockdep_assert_held(&pe->lock);

	if (!tbl)
		return 0;

	ut = to_user_table(tbl);
	link = user_table_find(ut, pe, win->liobn);
	user_table_leave(ut, link, win);
	kfree(link);

	ret = user_window_close(ut, pe, num);
	WRITE_ONCE(table_group->tables[num], NULL);
	iommu_tce_table_put(tbl);
	return ret;
}

static long pseries_unset_window(struct iommu_table_group *table_group, int num)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	int ret = 0;

	mutex_lock(&pe->lock);

	/* Otherwise the tables are the host's, as the user's windows are closed */
	if (pe->owner == PE_OWNER_USER)
		ret = user_window_unset(pe, num);

	mutex_unlock(&pe->lock);
	return ret;
}

/**
 * pseries_table_group_close - take a PE from its user for good
 * @pe: any PE; what the host has stays as it is
 *
 * For kexec. The user may still run, but its calls fail from now on. If the host's
 * window cannot be restored the functions called here say so in the log, and the
 * next kernel finds out as well.
 */
void pseries_table_group_close(struct pseries_pe *pe)
{
	int i;

	mutex_lock(&pe->lock);

	if (pe->owner == PE_OWNER_USER) {
		for (i = 0; i < IOMMU_TABLE_GROUP_MAX_TABLES; i++)
			user_window_unset(pe, i);
		iommu_pseries_take_back(pe);
	}
	pe->owner = PE_OWNER_NONE;

	mutex_unlock(&pe->lock);
}

/* Find out, for the user, which windows a PE without windows can have */
static void pseries_describe(struct pseries_pe *pe)
{
	struct iommu_table_group *table_group = &pe->table_group;
	struct ddw_query query;

	table_group->pgsizes = 0;
	table_group->max_dynamic_windows_supported = 0;
	table_group->max_levels = PSERIES_TCE_MAX_LEVELS;
	if (pe->boot.size)
		table_group->pgsizes = 1ULL << pe->boot.page_shift;

	/* Without a page size, or a window, the default window is all there is */
	if (ddw_query(&pe->fw, &query) || !query.windows || !query.pgsizes)
		return;

	table_group->pgsizes |= query.pgsizes;
	table_group->max_dynamic_windows_supported =
		min_t(u32, query.windows + pe_windows_left_default(pe),
		      IOMMU_TABLE_GROUP_MAX_TABLES);
}

static long pseries_take_ownership(struct iommu_table_group *table_group,
				   struct device *dev)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	int ret = 0;

	mutex_lock(&pe->lock);

	switch (pe->owner) {
	case PE_OWNER_HOST:
		ddw_firmware_set_device(&pe->fw, to_pci_dev(dev));
		ret = iommu_pseries_lend(pe, to_pci_dev(dev));
		if (!ret)
			pseries_describe(pe);
		break;
	case PE_OWNER_USER:
		break;
	case PE_OWNER_NONE:
		ret = -ESHUTDOWN;
		break;
	}
	if (!ret)
		iommu_pseries_forget(dev);

	mutex_unlock(&pe->lock);
	return ret;
}

static void pseries_release_ownership(struct iommu_table_group *table_group,
				      struct device *dev)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);

	mutex_lock(&pe->lock);

	/* With each device the platform is asked once more to restore the window */
	if (pe->owner != PE_OWNER_NONE) {
		ddw_firmware_set_device(&pe->fw, to_pci_dev(dev));
		iommu_pseries_take_back(pe);
	}
	set_iommu_table_base(dev, table_group->tables[0]);

	mutex_unlock(&pe->lock);
}

struct iommu_table_group_ops pseries_table_group_ops = {
	.get_table_size = pseries_get_table_size,
	.create_table = pseries_create_table,
	.set_window = pseries_set_window,
	.unset_window = pseries_unset_window,
	.take_ownership = pseries_take_ownership,
	.release_ownership = pseries_release_ownership,
};
