// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA windows of a partitionable endpoint (PE)
 *
 * This is the only place that creates, removes or resets a window. It knows at
 * any time which windows there are: those in use, by slot, and those that the
 * platform may have beside them. The latter are "left". A window that is left is
 * "dirty" until it is proved that it holds no entry. The invariants:
 *
 *  - a window that is not proved empty is dirty, and while any window is dirty
 *    no user gets the PE, nor another window of it;
 *  - the default window is removed only if the platform can bring it back.
 *
 * LoPAR makes the default window special. ibm,reset-pe-dma-windows is the one
 * call that restores it, and removes all other windows. The platform also
 * restores it by itself when the last window is removed and was another one.
 * Neither clears its entries. A reset is also the only proof of which windows a PE
 * has after another kernel, or another PE with the same numbers, may have changed
 * them: afterwards there is the default window, and nothing else.
 *
 * Locking: callers of all functions hold pseries_pe::lock, except where a PE is
 * not yet, or no longer, visible to others: pe_windows_init(),
 * pe_windows_inherit() and pe_windows_abandon().
 */

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/of.h>
#include <linux/printk.h>

#include <asm/prom.h>
#include <asm/tce.h>

#include "dma_windows.h"

/* The place of the default window in pseries_pe::left; the others follow */
#define PE_LEFT_DEFAULT		0
#define PE_LEFT_OTHERS		1

/**
 * pe_windows_init - initial state of a PE, at boot or hotplug
 * @pe: zeroed by the caller, not yet visible to others
 * @dn: node with the "ibm,dma-window" of the PE, if it has one
 *
 * Slot 0 gets the default window, for the host. It may hold entries of an
 * earlier kernel. If that kernel has given it up for another window there is
 * "ibm,dma-window-saved" instead, and slot 0 stays empty.
 */
void pe_windows_init(struct pseries_pe *pe, struct device_node *dn)
{
	unsigned long liobn, start, size;
	const __be32 *cells;

	pe->dn = dn;
	pe->owner = PE_OWNER_HOST;
	ddw_firmware_init(&pe->fw, dn);

	pe->default_prop = of_find_property(dn, "ibm,dma-window", NULL);
	pe->saved_prop = of_find_property(dn, "ibm,dma-window-saved", NULL);
	if (pe->default_prop)
		cells = pe->default_prop->value;
	else if (pe->saved_prop)
		cells = pe->saved_prop->value;
	else
		return;

	of_parse_dma_window(dn, cells, &liobn, &start, &size);
	pe->boot.kind = PE_WINDOW_DEFAULT;
	pe->boot.liobn = liobn;
	pe->boot.page_shift = IOMMU_PAGE_SHIFT_4K;
	pe->boot.start = start;
	pe->boot.size = size;
	if (pe->default_prop)
		pe->window[0] = pe->boot;
}

static unsigned int pe_windows_in_use(struct pseries_pe *pe)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		n += pe->window[i].kind != PE_WINDOW_NONE;

	return n;
}

static bool pe_boot_window_used(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		if (pe->window[i].kind == PE_WINDOW_DEFAULT)
			return true;

	return false;
}

/* The default window if the platform has it and no slot uses it, or NULL */
static struct pe_window *pe_left_default(struct pseries_pe *pe)
{
	struct pe_window *boot = &pe->left[PE_LEFT_DEFAULT];

	return boot->kind == PE_WINDOW_NONE ? NULL : boot;
}

static bool pe_left_others(struct pseries_pe *pe)
{
	int i;

	for (i = PE_LEFT_OTHERS; i < ARRAY_SIZE(pe->left); i++)
		if (pe->left[i].kind != PE_WINDOW_NONE)
			return true;

	return false;
}

/**
 * pe_windows_left_default - whether the default window is there, unused
 * @pe: the PE
 */
bool pe_windows_left_default(struct pseries_pe *pe)
{
	return pe_left_default(pe);
}

/**
 * pe_windows_left_dirty - whether a device may reach memory that it should not
 * @pe: the PE
 *
 * Return: whether there may be entries outside of the windows in use.
 */
bool pe_windows_left_dirty(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->left); i++)
		if (pe->left[i].kind != PE_WINDOW_NONE && pe->left[i].dirty)
			return true;

	return false;
}

static void pe_left_set_default(struct pseries_pe *pe, bool dirty)
{
	pe->left[PE_LEFT_DEFAULT] = pe->boot;
	pe->left[PE_LEFT_DEFAULT].dirty = dirty;
}

static void pe_left_add_unknown(struct pseries_pe *pe)
{
	struct pe_window *last = &pe->left[ARRAY_SIZE(pe->left) - 1];

	memset(last, 0, sizeof(*last));
	last->kind = PE_WINDOW_UNKNOWN;
	last->dirty = true;
}

/* Note a dynamic window that stays. If there is no room it counts as unknown. */
static void pe_left_add(struct pseries_pe *pe, const struct pe_window *win)
{
	int i;

	for (i = PE_LEFT_OTHERS; i < ARRAY_SIZE(pe->left) - 1; i++) {
		if (pe->left[i].kind == PE_WINDOW_NONE) {
			pe->left[i] = *win;
			return;
		}
	}

	pe_left_add_unknown(pe);
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
 * Remove the default window, unless a slot uses it or it could not be brought
 * back. Where it has to stay it is emptied and does no harm.
 */
static void pe_boot_window_remove(struct pseries_pe *pe)
{
	struct pe_window *boot = pe_left_default(pe);
	int ret = -EOPNOTSUPP;

	if (!boot)
		return;

	if (pe->fw.resettable)
		ret = ddw_remove(&pe->fw, boot->liobn);
	if (!ret)
		boot->kind = PE_WINDOW_NONE;
	else if (boot->dirty)
		pe_window_clear(pe, boot);
}

/*
 * Reset the PE to the default window and nothing else. No window may be in use,
 * because the platform removes them all.
 */
static int pe_windows_reset(struct pseries_pe *pe)
{
	int ret = ddw_reset(&pe->fw);

	if (ret)
		return ret;

	memset(pe->left, 0, sizeof(pe->left));
	pe->limited = false;
	pe_left_set_default(pe, true);
	return 0;
}

/**
 * pe_windows_limit - put new windows at 4G, for devices that reach no farther
 * @pe: the PE, of the host, which has the default window and no mapping in it
 *
 * The next reset ends this mode. The default window is empty afterwards.
 *
 * Return: 0; an errno of ddw_reset_limited(), and nothing has changed; or one of
 * ddw_tce_clear(), and the default window is dirty: the caller closes it.
 */
int pe_windows_limit(struct pseries_pe *pe)
{
	int ret;

	lockdep_assert_held(&pe->lock);

	ret = ddw_reset_limited(&pe->fw);
	if (ret)
		return ret;

	memset(pe->left, 0, sizeof(pe->left));
	pe->limited = true;
	return pe_window_clear(pe, &pe->window[0]);
}

/*
 * Make sure that the default window is there and empty, and that there is no
 * other window unless one is in use.
 */
static int pe_boot_window_prepare(struct pseries_pe *pe)
{
	bool used = pe_windows_in_use(pe);
	struct pe_window *boot = pe_left_default(pe);
	int ret;

	if (!pe->boot.size)
		return -ENODEV;

	ret = boot && boot->dirty ? pe_window_clear(pe, boot) : 0;
	if (used || (boot && !ret && !pe_left_others(pe) && !pe->limited))
		return boot ? ret : -EIO;

	ret = pe_windows_reset(pe);
	boot = pe_left_default(pe);
	if (!boot) {
		pr_err_ratelimited("PE %x of PHB %llx: cannot restore the default DMA window: %d\n",
				   pe->fw.config_addr, pe->fw.buid, ret);
		return ret;
	}

	/* Without a reset it can be used, beside the windows that are left */
	return boot->dirty ? pe_window_clear(pe, boot) : 0;
}

/* Put the prepared default window, or the beginning of it, into a slot */
static void pe_boot_window_use(struct pseries_pe *pe, int slot, u64 size)
{
	pe->left[PE_LEFT_DEFAULT].kind = PE_WINDOW_NONE;
	pe->window[slot] = pe->boot;
	pe->window[slot].size = size;
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

/* Remove a dynamic window, or note that it stays */
static int pe_window_discard(struct pseries_pe *pe, const struct pe_window *win)
{
	int ret = ddw_remove(&pe->fw, win->liobn);

	if (ret) {
		pr_warn_ratelimited("PE %x of PHB %llx: cannot remove window %x: %d\n",
				    pe->fw.config_addr, pe->fw.buid, win->liobn,
				    ret);
		pe_left_add(pe, win);
	}

	return ret;
}

/**
 * pe_window_open_dynamic - create a window
 * @pe: the PE
 * @slot: an unused slot
 * @page_shift: log2 of the I/O page size in bytes
 * @window_shift: log2 of the size in bytes
 *
 * The host calls this after ddw_firmware_init(), users call pe_window_open().
 * pseries_pe::window[@slot] describes the new window, which is empty.
 *
 * Return: 0; -EOPNOTSUPP without DDW; -EINVAL if the platform does not have
 * the page size; -ENOSPC if it has no window left or none as large;
 * -EADDRNOTAVAIL if it puts the window where there is another; -EIO if it
 * fails. The other windows in use are as they were; a default window that is
 * not in use may have been removed.
 */
int pe_window_open_dynamic(struct pseries_pe *pe, int slot, u32 page_shift,
			   u32 window_shift)
{
	struct pe_window win = { .kind = PE_WINDOW_DYNAMIC };
	struct ddw_query query;
	int ret;

	lockdep_assert_held(&pe->lock);

	ret = ddw_query(&pe->fw, &query);
	if (ret)
		return ret;

	if (page_shift >= BITS_PER_LONG || window_shift >= BITS_PER_LONG ||
	    window_shift < page_shift || !(query.pgsizes & (1ULL << page_shift)))
		return -EINVAL;

	/* The default window may be in the way, unused */
	if (!query.windows && pe_left_default(pe)) {
		pe_boot_window_remove(pe);
		ret = ddw_query(&pe->fw, &query);
		if (ret)
			return ret;
	}
	if (!query.windows ||
	    query.largest_block < 1ULL << (window_shift - page_shift))
		return -ENOSPC;

	win.page_shift = page_shift;
	win.size = 1ULL << window_shift;
	ret = ddw_create(&pe->fw, page_shift, window_shift, &win.liobn,
			 &win.start);
	if (ret)
		return ret;

	/* QEMU has one address for all windows but the first of a PE */
	if (pe_window_overlaps(pe, win.start, win.size)) {
		pe_window_discard(pe, &win);
		return -EADDRNOTAVAIL;
	}

	pe->window[slot] = win;
	return 0;
}

/*
 * A request for a first window of 4K pages gets the default window if that is
 * large enough, since PowerVM has no other window at a low address. Where the
 * default window had to stay it serves later requests as well.
 */
static bool pe_boot_window_fits(struct pseries_pe *pe, u32 page_shift, u64 size)
{
	if (page_shift != pe->boot.page_shift || size > pe->boot.size)
		return false;

	if (pe_boot_window_used(pe))
		return false;

	return pe_left_default(pe) ||
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
 * the default window if that fits, or else a dynamic one.
 *
 * Return: 0; -EIO if a window is left in the platform that may hold entries; or
 * an errno of pe_window_open_dynamic().
 */
int pe_window_open(struct pseries_pe *pe, int slot, u32 page_shift, u64 size)
{
	bool first = !pe_windows_in_use(pe);
	struct pe_window *boot;
	int ret;

	lockdep_assert_held(&pe->lock);

	ddw_firmware_init(&pe->fw, pe->dn);
	if (pe_boot_window_fits(pe, page_shift, size)) {
		ret = pe_boot_window_prepare(pe);
		if (ret)
			return ret;
		if (pe_windows_left_dirty(pe))
			return -EIO;
		pe_boot_window_use(pe, slot, size);
		return 0;
	}

	if (!is_power_of_2(size))
		return -EINVAL;

	/*
	 * Windows that are left would keep a first window from its place. If
	 * they cannot be removed, but are empty, it gets another place.
	 */
	if (first && pe_left_others(pe)) {
		ret = pe_windows_reset(pe);
		if (ret && pe_windows_left_dirty(pe))
			return -EIO;
	}
	boot = pe_left_default(pe);
	if (boot && (boot->dirty || first))
		pe_boot_window_remove(pe);
	if (pe_windows_left_dirty(pe))
		return -EIO;

	return pe_window_open_dynamic(pe, slot, page_shift, ilog2(size));
}

/*
 * The last window of a PE has been closed. If an entry of the default window can
 * be read, that window may have come back, with any entries. Or its number is that
 * of another PE's window by now. Only a reset, which names this PE, can tell. It
 * also removes the windows that could not be removed one by one.
 */
static void pe_windows_settle(struct pseries_pe *pe)
{
	bool found = false;
	int ret;

	if (!pe_left_default(pe) && pe->boot.size)
		found = pe_probe_entry(pe->boot.liobn, pe->boot.start);
	if (!found && !pe_left_others(pe))
		return;

	ret = pe_windows_reset(pe);
	if (ret && found)
		pe_left_add_unknown(pe);
}

/**
 * pe_window_close - take a window away
 * @pe: the PE
 * @slot: a slot in use; the caller has cleared all its entries
 *
 * A window that the platform does not remove is left, empty. The default window
 * is removed with the last window; pe_window_open() and pe_windows_restore() bring
 * it back.
 *
 * Return: 0, or -EIO if this window is left and may hold entries.
 */
int pe_window_close(struct pseries_pe *pe, int slot)
{
	struct pe_window win = pe->window[slot];
	struct pe_window *boot;
	bool dirty = win.dirty;
	int ret;

	lockdep_assert_held(&pe->lock);

	ddw_firmware_init(&pe->fw, pe->dn);
	pe->window[slot].kind = PE_WINDOW_NONE;

	if (win.kind == PE_WINDOW_DEFAULT) {
		pe_left_set_default(pe, win.dirty);
	} else {
		ret = pe_window_discard(pe, &win);
		dirty = dirty && ret;
	}

	if (!pe_windows_in_use(pe))
		pe_windows_settle(pe);

	/*
	 * Beside another window it stays if it is empty, for the next request
	 * of 4K pages. Otherwise it would keep a first window from its place.
	 */
	boot = pe_left_default(pe);
	if (boot && (boot->dirty || !pe_windows_in_use(pe)))
		pe_boot_window_remove(pe);

	return dirty && pe_windows_left_dirty(pe) ? -EIO : 0;
}

/**
 * pe_windows_block - take all windows from the host, for a user
 * @pe: the PE; no driver of the host uses it any more
 *
 * The device reaches nothing afterwards. All windows are emptied first, so a
 * window that the platform does not remove then is empty. The default window is
 * removed last because it would come back otherwise.
 *
 * Return: 0, or -EIO if there may be entries left. The caller gives the PE back
 * to the host then.
 */
int pe_windows_block(struct pseries_pe *pe)
{
	int i;

	lockdep_assert_held(&pe->lock);

	pe->owner = PE_OWNER_USER;
	ddw_firmware_init(&pe->fw, pe->dn);

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		if (pe->window[i].kind != PE_WINDOW_NONE)
			pe_window_clear(pe, &pe->window[i]);

	/* A window that is not removed here is left, dirty or not */
	for (i = ARRAY_SIZE(pe->window) - 1; i >= 0; i--)
		if (pe->window[i].kind != PE_WINDOW_NONE)
			pe_window_close(pe, i);

	/* Windows that an earlier user or another kernel has left, in any mode */
	if (pe_left_others(pe) || pe->limited)
		pe_windows_reset(pe);
	pe_boot_window_remove(pe);

	return pe_windows_left_dirty(pe) ? -EIO : 0;
}

/**
 * pe_windows_restore - give the host its default window back
 * @pe: the PE; its user has closed all windows
 *
 * The default window is in slot 0 afterwards, empty. It is the only one unless the
 * platform fails to reset the PE. Nothing is done if the host has a window.
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

	ddw_firmware_init(&pe->fw, pe->dn);
	ret = pe_boot_window_prepare(pe);
	if (!ret)
		pe_boot_window_use(pe, 0, pe->boot.size);

	return ret;
}

/*
 * Are the windows in use all there are? They are where no window can be created,
 * and where the platform offers as many more as are missing of @count.
 */
static bool pe_windows_counted(struct pseries_pe *pe, u32 count)
{
	struct ddw_query query;
	int ret;

	if (!pe->fw.dynamic)
		return true;
	if (!count)
		return false;

	ret = ddw_query(&pe->fw, &query);

	return !ret && query.windows + pe_windows_in_use(pe) == count;
}

/**
 * pe_windows_inherit - find out which windows an earlier kernel has left
 * @pe: after pe_windows_init(), its firmware interface complete; slot 1 has the
 *	dynamic window of the device tree, if there is one
 * @direct: that window maps all memory, each page to its own address
 * @page: real address of a page of this kernel, which devices may read
 * @count: how many windows the PE can have, or 0 if that is not known
 *
 * A kernel that was started by kexec knows the windows as they were when it was
 * loaded. Since then a user may have had the PE. This kernel does not know the
 * user's windows, and one of them may have the number of a window that it does
 * know. No user has ever mapped a page of this kernel, so a direct window that
 * maps one is the host's.
 *
 * If all is as described nothing is changed: after a crash devices may still use
 * it. Otherwise the PE gets its default window back, by a reset where there is
 * one. Unless @count shows that there are no windows beside these, there may be
 * others, with any entries: the PE is dirty until a reset has succeeded.
 */
void pe_windows_inherit(struct pseries_pe *pe, bool direct, u64 page, u32 count)
{
	struct pe_window *win = &pe->window[1];
	bool boot = pe->window[0].kind != PE_WINDOW_NONE;
	bool boot_found = boot && pe_probe_boot_window(&pe->boot, page);
	bool found = boot == boot_found;
	int ret;

	if (found && win->kind != PE_WINDOW_NONE)
		found = pe_probe_window(win, direct, page);

	if (found && pe_windows_in_use(pe)) {
		if (!pe_windows_counted(pe, count))
			pe_left_add_unknown(pe);
		return;
	}

	pr_info("PE %x of PHB %llx: other DMA windows than in the device tree\n",
		pe->fw.config_addr, pe->fw.buid);
	win->kind = PE_WINDOW_NONE;
	pe->window[0].kind = PE_WINDOW_NONE;
	if (boot_found)
		pe_left_set_default(pe, true);
	pe_left_add_unknown(pe);
	ret = pe_boot_window_prepare(pe);
	if (!ret)
		pe_boot_window_use(pe, 0, pe->boot.size);
}

/**
 * pe_windows_abandon - remove the dynamic windows of a PE that is unplugged
 * @pe: the PE, whose devices have been removed, and which is not visible any more
 *
 * The default window stays, for the next partition or kernel that gets the PE.
 */
void pe_windows_abandon(struct pseries_pe *pe)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++) {
		if (pe->window[i].kind != PE_WINDOW_DYNAMIC)
			continue;

		pe_window_clear(pe, &pe->window[i]);
		pe_window_discard(pe, &pe->window[i]);
		pe->window[i].kind = PE_WINDOW_NONE;
	}
}
