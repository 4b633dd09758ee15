// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA windows of a partitionable endpoint (PE) for VFIO and KVM
 *
 * The iommu_table_group_ops of pSeries. A user of the table group creates
 * tables and sets them as windows of one PE or of several at the same bus
 * address. The table keeps no TCEs, these are the hypervisor's: it holds the
 * userspace view, and it knows the PEs where it is set.
 *
 * Locking: user_table::lock protects the list of PEs and makes each exchange
 * atomic. It nests in pseries_pe::lock.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "dma_windows.h"
#include "pseries.h"

/*
 * The view is sparse whatever number of levels the user asks for, so each is
 * as good as another. Users compute a number from the window size, or count
 * up to the maximum until one is taken.
 */
#define PSERIES_TCE_MAX_LEVELS	5

/**
 * struct user_table - a table that a user can set as window
 * @tbl: for the user; must come first, iommu_tce_table_put() frees it
 * @lock: see the head of this file
 * @links: the PEs where it is a window, as &struct user_table_link
 */
struct user_table {
	struct iommu_table tbl;
	struct mutex lock;	/* for links, and each exchange */
	struct list_head links;
};

/**
 * struct user_table_link - a PE where a table is set
 * @next: in user_table::links
 * @pe: the PE
 * @liobn: the window in the PE
 */
struct user_table_link {
	struct list_head next;
	struct pseries_pe *pe;
	u32 liobn;
};

static struct user_table *to_user_table(struct iommu_table *tbl)
{
	return container_of(tbl, struct user_table, tbl);
}

static u64 user_table_ioba(struct iommu_table *tbl, unsigned long index)
{
	return (u64)index << tbl->it_page_shift;
}

static bool user_table_has(struct iommu_table *tbl, unsigned long index)
{
	return index >= tbl->it_offset &&
	       index - tbl->it_offset < tbl->it_size;
}

/* iommu_table_ops::xchg_no_kill, on all PEs or none; may sleep */
static int user_table_xchg(struct iommu_table *tbl, long index,
			   unsigned long *hpa, enum dma_data_direction *dir)
{
	struct user_table *ut = to_user_table(tbl);
	u64 ioba = user_table_ioba(tbl, index);
	u64 new = *hpa | iommu_direction_to_tce_perm(*dir);
	struct user_table_link *link;
	u64 old;
	int ret;

	if (!user_table_has(tbl, index))
		return -EINVAL;

	mutex_lock(&ut->lock);

	link = list_first_entry_or_null(&ut->links, struct user_table_link,
					next);
	if (!link) {
		ret = -ENXIO;
		goto unlock;
	}

	ret = ddw_tce_get(link->liobn, ioba, &old);
	if (ret)
		goto unlock;

	list_for_each_entry(link, &ut->links, next) {
		ret = ddw_tce_put(link->liobn, ioba, new);
		if (ret)
			goto undo;
	}

	*dir = iommu_tce_direction(old);
	*hpa = old & ~(TCE_PCI_READ | TCE_PCI_WRITE);
	goto unlock;

undo:
	list_for_each_entry_continue_reverse(link, &ut->links, next)
		ddw_tce_put(link->liobn, ioba, old);
unlock:
	mutex_unlock(&ut->lock);
	return ret;
}

/* iommu_table_ops::get */
static unsigned long user_table_get(struct iommu_table *tbl, long index)
{
	struct user_table *ut = to_user_table(tbl);
	struct user_table_link *link;
	u64 tce = 0;

	mutex_lock(&ut->lock);
	link = list_first_entry_or_null(&ut->links, struct user_table_link,
					next);
	if (link && user_table_has(tbl, index))
		ddw_tce_get(link->liobn, user_table_ioba(tbl, index), &tce);
	mutex_unlock(&ut->lock);
	return tce;
}

/*
 * Leave no entry of the table in a window that is about to go. Goes on after
 * a failure, of which it returns the first one.
 */
static int user_table_empty(struct iommu_table *tbl, u32 liobn)
{
	long end = tbl->it_offset + tbl->it_size;
	long index = tbl->it_offset;
	int err, ret = 0;
	long n;

	while ((index = tce_view_next(tbl, index, end)) < end) {
		n = min_t(long, end - index, DDW_TCE_LIST_MAX);
		err = ddw_tce_clear(liobn, user_table_ioba(tbl, index),
				    tbl->it_page_shift, n);
		if (err)
			pr_err_ratelimited("cannot clear window %x at %llx: %d\n",
					   liobn, user_table_ioba(tbl, index),
					   err);
		ret = ret ?: err;
		index += n;
	}

	return ret;
}

/* Bring a window that joins to what the other windows of the table hold */
static int user_table_replay(struct iommu_table *tbl, u32 from, u32 to)
{
	long end = tbl->it_offset + tbl->it_size;
	long index = tbl->it_offset;
	u64 tce;
	int ret;

	/* KVM notes an entry after it has written it: the view tells where to look */
	for (; (index = tce_view_next(tbl, index, end)) < end; index++) {
		ret = ddw_tce_get(from, user_table_ioba(tbl, index), &tce);
		if (!ret && tce)
			ret = ddw_tce_put(to, user_table_ioba(tbl, index), tce);
		if (ret)
			return ret;
		cond_resched();
	}

	return 0;
}

/* iommu_table_ops::free, before the table itself is freed */
static void user_table_free(struct iommu_table *tbl)
{
	struct user_table *ut = to_user_table(tbl);

	WARN_ON(!list_empty(&ut->links));
	mutex_destroy(&ut->lock);
	tce_view_destroy(tbl);
}

static struct iommu_table_ops user_table_ops = {
	.xchg_no_kill = user_table_xchg,
	.useraddrptr = tce_view_entry,
	.next_entry = tce_view_next,
	.get = user_table_get,
	.free = user_table_free,
};

/*
 * What a new table takes at once and is charged for. The view grows later and
 * is charged then.
 */
static unsigned long pseries_get_table_size(__u32 page_shift,
					    __u64 window_size, __u32 levels)
{
	if (page_shift < IOMMU_PAGE_SHIFT_4K || page_shift >= BITS_PER_LONG ||
	    levels > PSERIES_TCE_MAX_LEVELS || !window_size ||
	    !IS_ALIGNED(window_size, 1ULL << page_shift))
		return 0;

	return sizeof(struct user_table);
}

/*
 * The table gets its place when it is first set as a window, since only the
 * platform decides where that will be. Called in the context of the user.
 */
static long pseries_create_table(struct iommu_table_group *table_group,
				 int num, __u32 page_shift, __u64 window_size,
				 __u32 levels, struct iommu_table **ptbl)
{
	struct user_table *ut;
	int ret;

	if (!pseries_get_table_size(page_shift, window_size, levels))
		return -EINVAL;

	ut = kzalloc(sizeof(*ut), GFP_KERNEL_ACCOUNT);
	if (!ut)
		return -ENOMEM;

	mutex_init(&ut->lock);
	INIT_LIST_HEAD(&ut->links);
	INIT_LIST_HEAD_RCU(&ut->tbl.it_group_list);
	kref_init(&ut->tbl.it_kref);
	ut->tbl.it_page_shift = page_shift;
	ut->tbl.it_size = window_size >> page_shift;
	ut->tbl.it_type = TCE_PCI;
	ut->tbl.it_ops = &user_table_ops;
	ut->tbl.it_allocated_size = sizeof(*ut);

	ret = tce_view_init(&ut->tbl, current->mm);
	if (ret) {
		kfree(ut);
		return ret;
	}

	*ptbl = &ut->tbl;
	return 0;
}

/*
 * A table that other PEs have as window keeps its place: the platform must
 * give this PE a window at the same address.
 */
static int user_table_link(struct user_table *ut, struct user_table_link *link,
			   struct pe_window *win)
{
	struct iommu_table *tbl = &ut->tbl;
	struct user_table_link *first;
	int ret = 0;

	mutex_lock(&ut->lock);

	first = list_first_entry_or_null(&ut->links, struct user_table_link,
					 next);
	if (!first) {
		tbl->it_offset = win->start >> win->page_shift;
		tbl->it_index = win->liobn;
	} else if (tbl->it_offset != win->start >> win->page_shift) {
		ret = -EADDRNOTAVAIL;
	} else {
		ret = user_table_replay(tbl, first->liobn, win->liobn);
		if (ret && user_table_empty(tbl, win->liobn))
			win->dirty = true;
	}

	if (!ret)
		list_add_tail(&link->next, &ut->links);

	mutex_unlock(&ut->lock);
	return ret;
}

static long pseries_set_window(struct iommu_table_group *table_group, int num,
			       struct iommu_table *tbl)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	struct user_table_link *link;
	int ret;

	link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);
	if (!link)
		return -ENOMEM;

	mutex_lock(&pe->lock);

	ret = pe_window_open(pe, num, tbl->it_page_shift,
			     (u64)tbl->it_size << tbl->it_page_shift);
	if (ret)
		goto free_link;

	link->pe = pe;
	link->liobn = pe->window[num].liobn;
	ret = user_table_link(to_user_table(tbl), link, &pe->window[num]);
	if (ret)
		goto close_window;

	table_group->tables[num] = iommu_tce_table_get(tbl);
	mutex_unlock(&pe->lock);
	return 0;

close_window:
	pe_window_close(pe, num);
free_link:
	mutex_unlock(&pe->lock);
	kfree(link);
	return ret;
}

static long pseries_unset_window(struct iommu_table_group *table_group, int num)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	struct user_table_link *link, *tmp;
	struct iommu_table *tbl;
	struct user_table *ut;
	int ret = 0;

	mutex_lock(&pe->lock);

	tbl = table_group->tables[num];
	if (!tbl)
		goto unlock;

	ut = to_user_table(tbl);
	mutex_lock(&ut->lock);
	list_for_each_entry_safe(link, tmp, &ut->links, next) {
		if (link->pe != pe || link->liobn != pe->window[num].liobn)
			continue;
		if (user_table_empty(tbl, link->liobn))
			pe->window[num].dirty = true;
		list_del(&link->next);
		kfree(link);
	}
	mutex_unlock(&ut->lock);

	ret = pe_window_close(pe, num);
	table_group->tables[num] = NULL;
	iommu_tce_table_put(tbl);

unlock:
	mutex_unlock(&pe->lock);
	return ret;
}

/* What a PE without windows can have, for the user to know */
static void pseries_describe(struct pseries_pe *pe)
{
	struct iommu_table_group *table_group = &pe->table_group;
	struct ddw_query query;

	table_group->pgsizes = 0;
	table_group->max_dynamic_windows_supported = 0;
	table_group->max_levels = PSERIES_TCE_MAX_LEVELS;
	if (pe->boot.size)
		table_group->pgsizes = 1ULL << pe->boot.page_shift;

	if (ddw_query(&pe->fw, &query))
		return;

	table_group->pgsizes |= query.pgsizes;
	table_group->max_dynamic_windows_supported =
		min_t(u32, query.windows + pe->boot_present,
		      IOMMU_TABLE_GROUP_MAX_TABLES);
}

static int pseries_take_ownership(struct iommu_table_group *table_group,
				  struct device *dev)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	int ret = 0;

	mutex_lock(&pe->lock);

	if (pe->owner == PE_OWNER_HOST) {
		ddw_firmware_init(&pe->fw, pe->dn);
		ddw_firmware_set_device(&pe->fw, to_pci_dev(dev));
		iommu_pseries_host_leave(pe, to_pci_dev(dev));
		ret = pe_windows_block(pe);
		if (ret) {
			pe_windows_restore(pe);
			iommu_pseries_host_return(pe);
			goto unlock;
		}
		pseries_describe(pe);
	}

	set_iommu_table_base(dev, NULL);
	dev->archdata.dma_offset = 0;
	dev->bus_dma_limit = 0;
	dev->dma_ops_bypass = false;

unlock:
	mutex_unlock(&pe->lock);
	return ret;
}

static void pseries_release_ownership(struct iommu_table_group *table_group,
				      struct device *dev)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);

	mutex_lock(&pe->lock);

	/* Each device is another chance to get a window */
	ddw_firmware_init(&pe->fw, pe->dn);
	ddw_firmware_set_device(&pe->fw, to_pci_dev(dev));
	pe_windows_restore(pe);
	iommu_pseries_host_return(pe);
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
