// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to the platform: which DMA windows are there?
 *
 * LoPAR has no call that lists the windows of a PE. After kexec, and when the
 * platform may have brought the default window back by itself, only the hypercalls
 * for single entries show which windows exist. This file keeps no state, and
 * changes nothing but one entry, for a moment.
 *
 * Context: all functions may sleep.
 */

#include <linux/align.h>
#include <linux/errno.h>

#include <asm/iommu.h>
#include <asm/tce.h>

#include "dma_windows.h"

/**
 * pe_probe_entry - is there a window that has this entry?
 * @liobn: number of the window
 * @ioba: bus address of the entry, in bytes
 *
 * Return: false if there is none. If the answer is unclear the window counts as
 * there, because it would be forgotten otherwise.
 */
bool pe_probe_entry(u32 liobn, u64 ioba)
{
	u64 tce;
	int ret = ddw_tce_get(liobn, ioba, &tce);

	return ret != -EINVAL && ret != -ENXIO;
}

/* Is there a window of this number, with the described start and end? */
static bool pe_probe_range(const struct pe_window *win)
{
	u64 end = win->start + win->size;
	bool first, last;
	u64 tce;
	int ret;

	first = pe_probe_entry(win->liobn, win->start);
	last = pe_probe_entry(win->liobn, end - (1ULL << win->page_shift));
	ret = ddw_tce_get(win->liobn, end, &tce);

	return first && last && ret;
}

/*
 * Are the I/O pages of the window as small as described? If they are larger, one
 * entry answers for several addresses. Where these entries are empty that shows
 * only after one of them has been written.
 */
static bool pe_probe_pages(const struct pe_window *win, u64 page)
{
	u64 step = 1ULL << win->page_shift;
	u64 first, tce;
	int i, ret;

	ret = ddw_tce_get(win->liobn, win->start, &first);
	for (i = 1; !ret && i < 16; i++) {
		ret = ddw_tce_get(win->liobn, win->start + i * step, &tce);
		if (!ret && tce != first)
			return true;
	}
	if (ret)
		return true;
	if (first)
		return false;

	ret = ddw_tce_put(win->liobn, win->start + step, page | TCE_PCI_READ);
	if (ret)
		return true;
	ret = ddw_tce_get(win->liobn, win->start, &tce);
	ddw_tce_put(win->liobn, win->start + step, 0);

	return ret || !tce;
}

/* Does the window map this page to its own address? */
static bool pe_probe_maps(const struct pe_window *win, u64 page)
{
	u64 start = ALIGN_DOWN(page, 1ULL << win->page_shift);
	u64 tce;
	int ret = ddw_tce_get(win->liobn, win->start + start, &tce);

	if (ret)
		return ret != -EINVAL && ret != -ENXIO;

	return (tce & (IOMMU_PAGE_MASK_4K | TCE_PCI_READ | TCE_PCI_WRITE)) ==
	       (start | TCE_PCI_READ | TCE_PCI_WRITE);
}

/**
 * pe_probe_boot_window - is a default window there as described?
 * @win: the default window
 * @page: real address of a page, which devices may read
 *
 * An entry is written and cleared again if that is the only way to find out.
 *
 * Return: true if it is, or if the answers are unclear.
 */
bool pe_probe_boot_window(const struct pe_window *win, u64 page)
{
	return pe_probe_range(win) && pe_probe_pages(win, page);
}

/**
 * pe_probe_window - is a dynamic window there as described?
 * @win: the window
 * @direct: it maps all memory, each page to its own address
 * @page: real address of a page of memory
 *
 * Return: true if it is, or if the answers are unclear.
 */
bool pe_probe_window(const struct pe_window *win, bool direct, u64 page)
{
	return pe_probe_range(win) && (!direct || pe_probe_maps(win, page));
}
