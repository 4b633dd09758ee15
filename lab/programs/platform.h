/* SPDX-License-Identifier: GPL-2.0 */
/* How spapr_tce_platform asks a platform, and has it fail. */

#ifndef PLATFORM_H
#define PLATFORM_H

#include "spapr_tce.h"

/* I/O page sizes of the platform; the last one has no name */
extern const struct page_size {
	unsigned int shift;		/* base-2 logarithm of the size */
	unsigned int bit;		/* of the firmware's mask */
	const char *name;
} page_sizes[];

/**
 * struct platform - The answers of the device tree and the firmware
 * @has_default: there is a default window
 * @start: I/O address of the default window
 * @size: its size in bytes
 * @ddw: the firmware can create windows
 * @reset: the firmware can restore the default window
 * @outputs: number of values that the firmware's query returns, 5 or 6
 * @asked: the query was made, so that the rest is known
 * @windows: number of windows that can be created while the PE has none
 * @pgsizes: mask of the sizes of I/O pages
 */
struct platform {
	bool has_default;
	uint64_t start, size;
	bool ddw;
	bool reset;
	unsigned int outputs;
	bool asked;
	unsigned int windows;
	uint64_t pgsizes;
};

/**
 * ask_platform() - Ask the device tree and the firmware about a PE
 * @dev: a device of the PE
 * @p: filled in
 *
 * Return: 0 or a negative errno.
 */
int ask_platform(const struct tce_dev *dev, struct platform *p);

/*
 * The RTAS shim of the lab is a platform that can be told to fail: a write to
 * the vendor ID of a device sets the state of its PE, or the next call that
 * fails.
 */
enum {
	SHIM_FAIL_QUERY = 1,		/* the next call ends with status -value */
	SHIM_FAIL_CREATE,
	SHIM_FAIL_REMOVE,
	SHIM_FAIL_RESET,
	SHIM_SHORT,			/* the next window is 2^value times smaller */
	SHIM_EEH,			/* the PE is in the state value */
};

#define SHIM_EEH_FROZEN	2

/**
 * shim() - Tell the RTAS shim
 * @dev: a device of the PE
 * @what: one of the numbers above
 * @value: from 0 to 255
 *
 * Return: 0 or a negative errno.
 */
int shim(const struct tce_dev *dev, unsigned int what, unsigned int value);

#endif /* PLATFORM_H */
