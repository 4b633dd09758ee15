// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA windows of a partitionable endpoint (PE)
 *
 * This is the only place that creates, removes or resets a window, and it
 * knows at any time which ones there are. The invariants:
 *
 *  - a window that no slot refers to holds no entry, so the device reaches
 *    nothing through it, or it is marked as dirty, because the hypervisor did
 *    not clear it, and is not used before that has succeeded;
 *  - the default window is removed only if the platform can bring it back.
 *
 * LoPAR makes the default window special. ibm,reset-pe-dma-windows is the one
 * call that restores it, and takes all other windows away. And it returns by
 * itself when the last window is removed and was another one. Neither clears
 * its entries.
 *
 * Locking: all functions want pseries_pe::lock held, but for the first ones and
 * the last one in the life of a PE: pe_windows_init(), pe_windows_inherit() and
 * pe_windows_abandon().
 */

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/of.h>
#include <linux/printk.h>

#include <asm/prom.h>
#include <asm/tce.h>

#include "dma_windows.h"

/**
 * pe_windows_init - initial state of a PE, at boot or hotplug
 * @pe: zeroed by the caller, not yet visible to others
 * @dn: node with the "ibm,dma-window" of the PE, if it has one
 *
 * Slot 0 gets the default window, for the host. It may hold entries of an
 * earlier kernel.
 */
void pe_windows_init(struct pseries_pe *pe, struct device_node *dn)
{
	unsigned long liobn, start, size;
	const __be32 *cells;

	pe->dn = dn;
	pe->owner = PE_OWNER_HOST;
	ddw_firmware_init(&pe->fw, dn);

	pe->default_prop = of_find_property(dn, "ibm,dma-window", NULL);
	if (!pe->default_prop)
		return;

	cells = pe->default_prop->value;
	of_parse_dma_window(dn, cells, &liobn, &start, &size);
	pe->boot.kind = PE_WINDOW_DEFAULT;
	pe->boot.liobn = liobn;
	pe->boot.page_shift = IOMMU_PAGE_SHIFT_4K;
	pe->boot.start = start;
	pe->boot.size = size;
	pe->boot_present = true;
	pe->window[0] = pe->boot;
}

/* If nobody can tell it is there: it would be forgotten otherwise */
static bool pe_entry_found(u32 liobn, u64 ioba)
{
	u64 tce;
	int ret = ddw_tce_get(liobn, ioba, &tce);

	return ret != -EINVAL && ret != -ENXIO;
}

static bool pe_windows_in_use(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		if (pe->window[i].kind != PE_WINDOW_NONE)
			return true;

	return false;
}

static bool pe_boot_window_used(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		if (pe->window[i].kind == PE_WINDOW_DEFAULT)
			return true;

	return false;
}

/**
 * pe_window_clear - clear all entries of a window, mapped or not
 * @pe: the PE
 * @win: a window that the platform has
 *
 * Return: 0, or an errno of ddw_tce_clear() and the window is dirty.
 */
int pe_window_clear(struct pseries_pe *pe, struct pe_window *win)
{
	int ret = ddw_tce_clear(win->liobn, win->start, win->page_shift,
				win->size >> win->page_shift);

	if (ret)
		pr_err_ratelimited("PE %x of PHB %llx: cannot clear window %x: %d\n",
				   pe->fw.config_addr, pe->fw.buid, win->liobn, ret);
	win->dirty = ret;
	return ret;
}

/*
 * Does the platform have the default window, whether we asked for it or not?
 * Another window may have got its number meanwhile, but that one has been
 * removed when it comes to this, or is known to have stayed.
 */
static bool pe_boot_window_found(struct pseries_pe *pe)
{
	return !pe->stale_boot_liobn &&
	       pe_entry_found(pe->boot.liobn, pe->boot.start);
}

/*
 * Take the default window away, unless a slot uses it or it could not be
 * brought back. Where it has to stay it is emptied and does no harm.
 */
static void pe_boot_window_remove(struct pseries_pe *pe)
{
	if (!pe->boot_present || pe_boot_window_used(pe))
		return;

	if ((pe->fw.resettable && !ddw_remove(&pe->fw, pe->boot.liobn)) ||
	    (pe->boot.dirty && pe_window_clear(pe, &pe->boot) &&
	     !pe_boot_window_found(pe))) {
		pe->boot_present = false;
		pe->boot.dirty = false;
	}
}

/*
 * Back to the default window and nothing else. Only for a PE without windows
 * in use: the platform takes them all.
 */
static int pe_windows_reset(struct pseries_pe *pe)
{
	int ret;

	ret = ddw_reset(&pe->fw);
	if (!ret) {
		pe->stale = false;
		pe->stale_dirty = false;
		pe->stale_boot_liobn = false;
	} else if (!pe_boot_window_found(pe)) {
		pr_err_ratelimited("PE %x of PHB %llx: cannot restore the default DMA window: %d\n",
				   pe->fw.config_addr, pe->fw.buid, ret);
		return ret;
	}

	pe->boot_present = true;
	return pe_window_clear(pe, &pe->boot);
}

/* Have the default window, empty, and no others if they are not in use */
static int pe_boot_window_prepare(struct pseries_pe *pe)
{
	bool used = pe_windows_in_use(pe);
	bool reset = !pe->boot_present || (pe->stale && !used);
	int ret = 0;

	if (!reset && pe->boot.dirty) {
		ret = pe_window_clear(pe, &pe->boot);
		reset = ret && !used;
	}

	return reset ? pe_windows_reset(pe) : ret;
}

static bool pe_window_overlaps(struct pseries_pe *pe, u64 start, u64 size)
{
	const struct pe_window *win;
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++) {
		win = &pe->window[i];
		if (win->kind != PE_WINDOW_NONE && start < win->start + win->size &&
		    win->start < start + size)
			return true;
	}

	return false;
}

/* Remove a dynamic window, which is empty, or remember that it stays */
static int pe_window_discard(struct pseries_pe *pe, u32 liobn)
{
	int ret = ddw_remove(&pe->fw, liobn);

	if (!ret)
		return 0;

	pr_warn_ratelimited("PE %x of PHB %llx: cannot remove window %x: %d\n",
			    pe->fw.config_addr, pe->fw.buid, liobn, ret);
	pe->stale = true;
	if (liobn == pe->boot.liobn)
		pe->stale_boot_liobn = true;
	return ret;
}

/**
 * pe_window_open_dynamic - create a window
 * @pe: the PE
 * @slot: an unused slot
 * @page_shift: log2 of the I/O page size in bytes
 * @window_shift: log2 of the size in bytes
 *
 * pseries_pe::window[@slot] describes the new window, which is empty.
 *
 * Return: 0; -EOPNOTSUPP without DDW; -EINVAL if the platform does not have
 * the page size; -ENOSPC if it has no window left or none as large;
 * -EADDRNOTAVAIL if it puts the window where there is another; -EIO if it
 * fails. The other windows in use are as they were; a default window that is
 * not in use may have gone.
 */
int pe_window_open_dynamic(struct pseries_pe *pe, int slot, u32 page_shift,
			   u32 window_shift)
{
	struct pe_window *win = &pe->window[slot];
	struct ddw_query query;
	u32 liobn;
	u64 start;
	int ret;

	lockdep_assert_held(&pe->lock);

	ret = ddw_query(&pe->fw, &query);
	if (ret)
		return ret;

	if (page_shift >= BITS_PER_LONG || window_shift >= BITS_PER_LONG ||
	    window_shift < page_shift || !(query.pgsizes & (1ULL << page_shift)))
		return -EINVAL;

	/* The default window may be in the way, unused */
	if (!query.windows && pe->boot_present) {
		pe_boot_window_remove(pe);
		ret = ddw_query(&pe->fw, &query);
		if (ret)
			return ret;
	}
	if (!query.windows ||
	    query.largest_block < 1ULL << (window_shift - page_shift))
		return -ENOSPC;

	ret = ddw_create(&pe->fw, page_shift, window_shift, &liobn, &start);
	if (ret)
		return ret;

	/* QEMU has one address for all windows but the first of a PE */
	if (pe_window_overlaps(pe, start, 1ULL << window_shift)) {
		pe_window_discard(pe, liobn);
		return -EADDRNOTAVAIL;
	}

	win->kind = PE_WINDOW_DYNAMIC;
	win->liobn = liobn;
	win->page_shift = page_shift;
	win->start = start;
	win->size = 1ULL << window_shift;
	win->dirty = false;
	return 0;
}

/*
 * The default window answers for a first window of 4K pages that it can hold,
 * since PowerVM has no other at a low address. It serves later as well where
 * it had to stay.
 */
static bool pe_boot_window_fits(struct pseries_pe *pe, u32 page_shift, u64 size)
{
	if (page_shift != pe->boot.page_shift || size > pe->boot.size)
		return false;

	if (pe_boot_window_used(pe))
		return false;

	return pe->boot_present ||
	       (pe->fw.resettable && !pe_windows_in_use(pe));
}

/**
 * pe_window_open - give a user a window
 * @pe: the PE
 * @slot: an unused slot
 * @page_shift: log2 of the I/O page size in bytes
 * @size: bytes; a power of two or the size of the default window
 *
 * pseries_pe::window[@slot] describes the new window, which is empty. It is
 * the default window where that fits, or else a dynamic one.
 *
 * Return: 0, or an errno of pe_window_open_dynamic().
 */
int pe_window_open(struct pseries_pe *pe, int slot, u32 page_shift, u64 size)
{
	int ret;

	lockdep_assert_held(&pe->lock);

	if (pe_boot_window_fits(pe, page_shift, size)) {
		ret = pe_boot_window_prepare(pe);
		if (!ret) {
			pe->window[slot] = pe->boot;
			pe->window[slot].size = size;
		}
		return ret;
	}

	if (!is_power_of_2(size))
		return -EINVAL;

	/* A first window cannot be kept from its place by what is left over */
	if (pe->stale && !pe_windows_in_use(pe))
		pe_windows_reset(pe);
	if (pe->boot.dirty || !pe_windows_in_use(pe))
		pe_boot_window_remove(pe);
	if (pe->stale_dirty || (pe->boot_present && pe->boot.dirty))
		return -EIO;

	return pe_window_open_dynamic(pe, slot, page_shift, ilog2(size));
}

/**
 * pe_window_close - take a window away
 * @pe: the PE
 * @slot: a slot in use; the caller has cleared all its entries
 *
 * A window that the platform does not remove stays, empty. The default window
 * goes with the last one; pe_window_open() and pe_windows_restore() bring it
 * back.
 *
 * Return: 0, or -EIO if the window is dirty and stays.
 */
int pe_window_close(struct pseries_pe *pe, int slot)
{
	struct pe_window *win = &pe->window[slot];
	enum pe_window_kind kind = win->kind;
	int ret = 0;

	lockdep_assert_held(&pe->lock);

	win->kind = PE_WINDOW_NONE;

	if (kind == PE_WINDOW_DEFAULT) {
		pe->boot.dirty = win->dirty;
	} else if (kind == PE_WINDOW_DYNAMIC) {
		if (pe_window_discard(pe, win->liobn) && win->dirty) {
			pe->stale_dirty = true;
			ret = -EIO;
		}

		/*
		 * The default window may have come in place of the last one,
		 * with whatever it holds. It goes again below.
		 */
		if (!pe->boot_present && pe->boot.size &&
		    !pe_windows_in_use(pe) && pe_boot_window_found(pe)) {
			pe->boot_present = true;
			pe->boot.dirty = true;
		}
	}

	/*
	 * Beside another window it stays if it is empty, for the next one of 4K
	 * pages. A first window has its place only if there is none at all.
	 */
	if (pe->boot.dirty || !pe_windows_in_use(pe))
		pe_boot_window_remove(pe);

	return pe->boot_present && pe->boot.dirty ? -EIO : ret;
}

/**
 * pe_windows_block - take all windows from the host, for a user
 * @pe: the PE; no driver of the host uses it any more
 *
 * The device reaches nothing afterwards. All windows are emptied first; what
 * the platform does not remove then stays as an empty window. The default
 * window is the last to go because it would return otherwise.
 *
 * Return: 0, or -EIO if a window could be neither emptied nor removed. The
 * caller gives the PE back to the host then.
 */
int pe_windows_block(struct pseries_pe *pe)
{
	int ret = 0;
	int i;

	lockdep_assert_held(&pe->lock);

	pe->owner = PE_OWNER_USER;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		if (pe->window[i].kind != PE_WINDOW_NONE)
			pe_window_clear(pe, &pe->window[i]);

	for (i = ARRAY_SIZE(pe->window) - 1; i >= 0; i--)
		if (pe->window[i].kind != PE_WINDOW_NONE &&
		    pe_window_close(pe, i))
			ret = -EIO;

	/* What an earlier user has left behind, and no slot refers to */
	if (pe->stale)
		pe_windows_reset(pe);
	pe_boot_window_remove(pe);
	if (pe->stale_dirty || (pe->boot_present && pe->boot.dirty))
		ret = -EIO;

	return ret;
}

/**
 * pe_windows_restore - give the host its default window back
 * @pe: the PE; its user has closed all windows
 *
 * The default window is in slot 0 afterwards, empty, and it is the only one.
 * Does nothing if the host has a window.
 *
 * Return: 0, or an errno with which the host has no window. The next call
 * tries again.
 */
int pe_windows_restore(struct pseries_pe *pe)
{
	int ret;

	lockdep_assert_held(&pe->lock);

	pe->owner = PE_OWNER_HOST;
	if (pe_windows_in_use(pe))
		return 0;

	ret = pe_boot_window_prepare(pe);
	if (!ret)
		pe->window[0] = pe->boot;

	return ret;
}

/* Is there a window of this number, from here to there and not beyond? */
static bool pe_window_found(const struct pe_window *win)
{
	u64 end = win->start + win->size;
	u64 tce;

	return pe_entry_found(win->liobn, win->start) &&
	       pe_entry_found(win->liobn, end - (1ULL << win->page_shift)) &&
	       ddw_tce_get(win->liobn, end, &tce);
}

/*
 * Are its pages as small as they should be? An entry of larger ones answers for
 * several. If these are empty that shows only in what is written to one of them.
 */
static bool pe_window_pages_found(const struct pe_window *win, u64 page)
{
	u64 second = win->start + (1ULL << win->page_shift);
	u64 first, tce;
	int i;

	if (ddw_tce_get(win->liobn, win->start, &first))
		return true;
	for (i = 1; i < 16; i++)
		if (ddw_tce_get(win->liobn, win->start +
				((u64)i << win->page_shift), &tce) ||
		    tce != first)
			return true;
	if (first)
		return false;

	if (ddw_tce_put(win->liobn, second, page | TCE_PCI_READ))
		return true;
	if (ddw_tce_get(win->liobn, win->start, &tce))
		tce = 0;
	ddw_tce_put(win->liobn, second, 0);
	return !tce;
}

/* Does the window map this page to its own address? */
static bool pe_window_maps(const struct pe_window *win, u64 page)
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
 * pe_windows_inherit - find out what an earlier kernel has left
 * @pe: after pe_windows_init(), its firmware interface complete; slot 1 has the
 *	dynamic window of the device tree, if there is one
 * @direct: that window maps all memory, each page to its own address
 * @page: real address of a page of this kernel, which devices may read
 *
 * A kernel that was started by kexec knows the windows as they were when it was
 * loaded. Since then a user may have had the PE, whose windows it does not know,
 * and one of them may have got the number of one that it does. No user has ever
 * mapped a page of this kernel, so a direct window that does is the host's.
 *
 * What is as described stays as it is: after a crash devices may still use it.
 * Otherwise the PE goes back to the default window. Other windows, which nobody
 * tells of, go when a user gets the PE.
 */
void pe_windows_inherit(struct pseries_pe *pe, bool direct, u64 page)
{
	struct pe_window *win = &pe->window[1];
	bool boot = pe->boot.size && pe_window_found(&pe->boot) &&
		    pe_window_pages_found(&pe->boot, page);

	pe->stale = true;

	if ((boot || !pe->boot.size) &&
	    (win->kind == PE_WINDOW_NONE ||
	     (pe_window_found(win) && (!direct || pe_window_maps(win, page)))))
		return;

	pr_info("PE %x of PHB %llx: other DMA windows than in the device tree\n",
		pe->fw.config_addr, pe->fw.buid);
	win->kind = PE_WINDOW_NONE;
	pe->window[0].kind = PE_WINDOW_NONE;
	pe->boot_present = boot;
	pe->stale_boot_liobn = !boot;
	pe->stale_dirty = true;
	if (pe->boot.size && !pe_windows_reset(pe))
		pe->window[0] = pe->boot;
}

/**
 * pe_windows_abandon - take the windows along that leave with a PE
 * @pe: the PE, whose devices have gone, and which nobody else can reach
 *
 * The default window stays, for who gets the PE next.
 */
void pe_windows_abandon(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++) {
		if (pe->window[i].kind != PE_WINDOW_DYNAMIC)
			continue;

		pe_window_clear(pe, &pe->window[i]);
		pe_window_discard(pe, pe->window[i].liobn);
		pe->window[i].kind = PE_WINDOW_NONE;
	}
}
