/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A platform with DMA windows for KUnit tests
 */
#ifndef _PSERIES_DDW_FAKE_H
#define _PSERIES_DDW_FAKE_H

#include <linux/of.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct ddw_firmware;
struct kunit;

/* Number of the default window of a PE, the most windows of a PE, and the PEs */
#define DDW_FAKE_DEFAULT	0
#define DDW_FAKE_WINDOWS	3
#define DDW_FAKE_PES		2

/* Bytes of the default window */
#define DDW_FAKE_SIZE		SZ_8M
#define DDW_FAKE_PROPERTIES	5

/* Bus address of windows in limited addressing mode */
#define DDW_FAKE_LIMITED	SZ_4G

/* The calls of the platform */
enum ddw_fake_call {
	DDW_FAKE_QUERY,
	DDW_FAKE_CREATE,
	DDW_FAKE_REMOVE,
	DDW_FAKE_RESET,
	DDW_FAKE_GET,
	DDW_FAKE_PUT,
	DDW_FAKE_PUT_LIST,
	DDW_FAKE_STUFF,
	DDW_FAKE_CALLS
};

#define DDW_FAKE_ANY	(BIT(DDW_FAKE_CALLS) - 1)
#define DDW_FAKE_RTAS	(BIT(DDW_FAKE_QUERY) | BIT(DDW_FAKE_CREATE) | \
			 BIT(DDW_FAKE_REMOVE) | BIT(DDW_FAKE_RESET))
#define DDW_FAKE_HCALL	(DDW_FAKE_ANY & ~DDW_FAKE_RTAS)
#define DDW_FAKE_WRITE	(BIT(DDW_FAKE_PUT) | BIT(DDW_FAKE_PUT_LIST))
#define DDW_FAKE_CLEAR	BIT(DDW_FAKE_STUFF)

/**
 * struct ddw_fake_window - a window of a PE
 * @exists: the PE has it now
 * @dynamic: it has been made by create
 * @page_shift: log2 of its I/O page size in bytes
 * @start: bus address of its first byte
 * @size: in bytes
 * @tces: entries that are not 0, by I/O page of the bus address; the default
 *	window keeps them while it is removed
 */
struct ddw_fake_window {
	bool exists;
	bool dynamic;
	u32 page_shift;
	u64 start;
	u64 size;
	struct xarray tces;
};

/**
 * struct ddw_fake - a platform
 * @max_windows: how many windows a PE can have, with the default one
 * @pgsizes: the page sizes that query returns
 * @largest_block: the largest window that query returns
 * @first: the lowest number of a window that is created
 * @start: bus address of each window of a PE, by its number
 * @limited: a PE is in limited addressing mode
 * @restores_default: the default window returns when the last window is removed
 * @busy: how often a call is answered with @busy_status before it is done
 * @busy_status: RTAS status or hypercall code
 * @fail: calls that fail, a mask of enum ddw_fake_call
 * @fail_from: the first of them that does, counted from 1
 * @fail_count: how many of them fail
 * @fail_status: the answer to a call that fails
 * @fail_after: how many entries a failing call writes or clears all the same
 * @failed: how many calls have failed
 * @matched: how many calls of @fail there were
 * @waited: how often the current call has been answered as busy
 * @calls: how many calls there were, by kind, without those answered as busy
 * @window: the windows of each PE
 * @dn: the node of each PE
 * @prop: the properties of each node, for ddw_fake_node()
 * @cells: the values of these properties
 *
 * A test sets what it needs after ddw_fake_init().
 */
struct ddw_fake {
	unsigned int max_windows;
	u32 pgsizes;
	u64 largest_block;
	unsigned int first;
	u64 start[DDW_FAKE_WINDOWS];
	bool limited[DDW_FAKE_PES];
	bool restores_default;

	unsigned int busy;
	long busy_status;

	unsigned long fail;
	unsigned int fail_from;
	unsigned int fail_count;
	long fail_status;
	unsigned int fail_after;

	unsigned int failed;
	unsigned int matched;
	unsigned int waited;
	unsigned int calls[DDW_FAKE_CALLS];
	struct ddw_fake_window window[DDW_FAKE_PES][DDW_FAKE_WINDOWS];

	struct device_node dn[DDW_FAKE_PES];
	struct property prop[DDW_FAKE_PES][DDW_FAKE_PROPERTIES];
	__be32 cells[DDW_FAKE_PES][16];
};

struct ddw_fake *ddw_fake_init(struct kunit *test);
void ddw_fake_exit(struct ddw_fake *fake);
struct device_node *ddw_fake_node(struct ddw_fake *fake, unsigned int pe);
void ddw_fake_hide(struct ddw_fake *fake, unsigned int pe, const char *name);
void ddw_fake_firmware(struct ddw_firmware *fw, unsigned int pe);
u64 ddw_fake_buid(unsigned int pe);
u32 ddw_fake_liobn(unsigned int pe, unsigned int num);
void ddw_fake_fail(struct ddw_fake *fake, unsigned long calls,
		   unsigned int from, unsigned int count, long status);
void ddw_fake_mend(struct ddw_fake *fake);
unsigned int ddw_fake_count(struct ddw_fake *fake, unsigned int pe);
unsigned long ddw_fake_reached(struct ddw_fake *fake, unsigned int pe);
u64 ddw_fake_tce(struct ddw_fake *fake, unsigned int pe, u64 ioba);
void ddw_fake_set_tce(struct ddw_fake *fake, unsigned int pe, unsigned int num,
		      u64 ioba, u64 tce);

#endif /* _PSERIES_DDW_FAKE_H */
