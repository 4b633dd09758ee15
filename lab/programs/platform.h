/* SPDX-License-Identifier: GPL-2.0 */
/* Questions of spapr_tce_platform to a platform, and commands for it. */

#ifndef PLATFORM_H
#define PLATFORM_H

#include "spapr_tce.h"

/* Ends with one that has no name */
extern const struct page_size {
	unsigned int shift;
	unsigned int bit;		/* in the answer of the firmware */
	const char *name;
} page_sizes[];

/* The answers of the device tree and the firmware */
struct platform {
	bool has_default;
	uint64_t start, size;		/* of the default window */
	bool ddw;
	bool reset;
	unsigned int outputs;		/* of the query */
	bool asked;			/* what follows is known */
	unsigned int windows;		/* of a PE that has none */
	uint64_t pgsizes;
};

int ask_platform(const struct tce_dev *dev, struct platform *p);

/*
 * A platform that can be told to fail. The state of the PE, and the next call
 * that fails, are written to the vendor ID of a device of the PE.
 */
enum {
	SHIM_FAIL_QUERY = 1,		/* the next call ends with status -value */
	SHIM_FAIL_CREATE,
	SHIM_FAIL_REMOVE,
	SHIM_FAIL_RESET,
	SHIM_SHORT,			/* the next window is 2^value times smaller */
	SHIM_EEH,			/* the PE is in this state */
};

#define SHIM_EEH_FROZEN	2

int shim(const struct tce_dev *dev, unsigned int what, unsigned int value);

#endif /* PLATFORM_H */
