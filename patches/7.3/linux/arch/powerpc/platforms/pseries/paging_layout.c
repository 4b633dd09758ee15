// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which DMA windows a paging domain has
 *
 * The addresses of a domain have to be known when it is allocated, but where the
 * platform puts a window is not known before there is one. So the windows are opened
 * and closed again, in the PE of the device for which the domain is allocated.
 *
 * That is not possible while the PE has a domain: its windows would have to be
 * closed. Another domain can then have the same windows only.
 *
 * Locking: pseries_pe::lock.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include <asm/iommu.h>

#include "ddw.h"
#include "dma_windows.h"
#include "paging_layout.h"

/*
 * A window takes 8 bytes for each entry in the hypervisor, mapped or not. Twice the
 * memory of the partition leaves room for users that choose the addresses.
 */
#define PAGING_WINDOW_MIN	((u64)SZ_64G)

/*
 * A platform that puts a window at 0 has other addresses of the bus above 1 TiB,
 * those of MSIs among them, and a larger window would hide them.
 */
#define PAGING_WINDOW_LOW	((u64)SZ_1T)

/* Open windows to see where they are, and close them again */
static int paging_layout_try(struct pseries_pe *pe, struct paging_layout *layout)
{
	struct pe_window *win;
	int err, ret = 0;
	unsigned int n;

	for (n = 0; n < layout->nr; n++) {
		win = &layout->win[n];
		ret = pe_window_open(pe, n, win->page_shift, win->size);
		if (ret)
			break;
		*win = pe->window[n];
	}
	while (n--) {
		err = pe_window_close(pe, n);
		ret = ret ?: err;
	}

	return ret;
}

static int paging_window_try(struct pseries_pe *pe, u32 page_shift, u64 size,
			     struct paging_layout *layout)
{
	layout->nr = 1;
	layout->win[0].page_shift = page_shift;
	layout->win[0].size = size;
	return paging_layout_try(pe, layout);
}

/* Bytes of a dynamic window, as far as the platform has one as large */
static u64 paging_window_size(const struct ddw_query *query, u32 page_shift)
{
	u64 size = roundup_pow_of_two(2 * memblock_end_of_DRAM());
	u64 block = min_t(u64, query->largest_block, DDW_MAX_TCES);

	return min(max(size, PAGING_WINDOW_MIN),
		   rounddown_pow_of_two(block) << page_shift);
}

/* A dynamic window, at a high address as large as can be */
static int paging_layout_dynamic(struct pseries_pe *pe,
				 struct paging_layout *layout)
{
	u64 size, pgsizes = pe->table_group.pgsizes & (2 * PAGE_SIZE - 1);
	struct paging_layout large;
	struct ddw_query query;
	u32 page_shift;
	int ret;

	ddw_firmware_init(&pe->fw, pe->dn);
	ret = ddw_query(&pe->fw, &query);
	if (ret)
		return ret;
	if (!pgsizes || !query.largest_block)
		return -ENOSPC;

	page_shift = ilog2(pgsizes);
	size = paging_window_size(&query, page_shift);
	ret = paging_window_try(pe, page_shift, min(size, PAGING_WINDOW_LOW),
				layout);
	if (!ret && size > PAGING_WINDOW_LOW &&
	    layout->win[0].start >= PAGING_WINDOW_LOW &&
	    !paging_window_try(pe, page_shift, size, &large))
		*layout = large;

	return ret;
}

/*
 * If nobody has said what windows a domain should have: a dynamic window with the
 * largest I/O pages that are not larger than a page of the processor, since the
 * core's users map single pages. If it is not at 0 also the default window, for
 * devices that need low addresses, as far as the platform has both at a time.
 */
static int paging_layout_choose(struct pseries_pe *pe,
				struct paging_layout *layout)
{
	int ret = paging_layout_dynamic(pe, layout);
	struct paging_layout both;

	if (!pe->boot.size)
		return ret;
	if (ret)
		return paging_window_try(pe, pe->boot.page_shift, pe->boot.size,
					 layout);

	both.nr = 2;
	both.win[0] = pe->boot;
	both.win[1] = layout->win[0];
	if (both.win[1].start && !paging_layout_try(pe, &both))
		*layout = both;

	return 0;
}

/* The windows of a PE that has a domain: others cannot be tried meanwhile */
static void paging_layout_in_use(struct pseries_pe *pe,
				 struct paging_layout *layout)
{
	unsigned int n;

	for (n = 0; n < IOMMU_TABLE_GROUP_MAX_TABLES; n++) {
		if (!pe->table_group.tables[n])
			break;
		layout->win[n] = pe->window[n];
	}
	layout->nr = n;
}

static bool paging_layout_same(const struct paging_layout *a,
			       const struct paging_layout *b)
{
	unsigned int n;

	for (n = 0; n < a->nr && a->nr == b->nr; n++)
		if (a->win[n].size != b->win[n].size ||
		    a->win[n].page_shift != b->win[n].page_shift)
			return false;

	return a->nr == b->nr;
}

static int paging_layout_check(const struct iommu_hwpt_spapr_tce *request,
			       struct paging_layout *layout)
{
	const struct iommu_hwpt_spapr_tce_window *win;
	unsigned int n;

	if (request->flags)
		return -EOPNOTSUPP;
	if (!request->nr_windows ||
	    request->nr_windows > ARRAY_SIZE(request->windows))
		return -EINVAL;

	layout->nr = request->nr_windows;
	for (n = 0; n < layout->nr; n++) {
		win = &request->windows[n];
		/* The core's users map single pages */
		if (win->__reserved || !win->size ||
		    win->page_shift > PAGE_SHIFT ||
		    win->size >> win->page_shift > DDW_MAX_TCES)
			return -EINVAL;
		layout->win[n].size = win->size;
		layout->win[n].page_shift = win->page_shift;
	}

	return 0;
}

/* The windows that a user has asked for */
static int paging_layout_request(struct pseries_pe *pe,
				 const struct iommu_hwpt_spapr_tce *request,
				 struct paging_layout *layout)
{
	int ret = paging_layout_check(request, layout);
	struct paging_layout used;
	unsigned int n;

	if (ret)
		return ret;

	if (pe->table_group.tables[0]) {
		paging_layout_in_use(pe, &used);
		if (!paging_layout_same(layout, &used))
			return -EBUSY;
		*layout = used;
	} else {
		ret = paging_layout_try(pe, layout);
		if (ret)
			return ret;
	}

	for (n = 0; n < layout->nr; n++)
		if (request->windows[n].start != IOMMU_SPAPR_TCE_ANYWHERE &&
		    request->windows[n].start != layout->win[n].start)
			return -EADDRNOTAVAIL;

	return 0;
}

/**
 * paging_layout_find - find out which windows a new domain has, and where
 * @pe: the PE of a device that will use it
 * @request: what the user has asked for, or %NULL
 * @layout: filled in
 *
 * Return: 0; -EBUSY if the PE belongs to the host, or has a domain with other
 * windows than those of @request; -EADDRNOTAVAIL if the platform puts a window
 * somewhere else; -EOPNOTSUPP if @request has flags; -EINVAL if it is wrong in
 * another way; or an errno of pe_window_open().
 */
int paging_layout_find(struct pseries_pe *pe,
		       const struct iommu_hwpt_spapr_tce *request,
		       struct paging_layout *layout)
{
	guard(mutex)(&pe->lock);

	if (pe->owner != PE_OWNER_USER)
		return -EBUSY;
	if (request)
		return paging_layout_request(pe, request, layout);
	if (!pe->table_group.tables[0])
		return paging_layout_choose(pe, layout);

	paging_layout_in_use(pe, layout);
	return 0;
}
