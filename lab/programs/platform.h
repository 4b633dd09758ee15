/* SPDX-License-Identifier: GPL-2.0 */
/* Questions of spapr_tce_platform to a platform, and commands for it. */

#ifndef PLATFORM_H
#define PLATFORM_H

#include "../shim/commands.h"
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
 * Sends a command to the RTAS shim, which makes the platform fail. The command is
 * for the PE of the device.
 */
int shim(const struct tce_dev *dev, unsigned int what, unsigned int value);

#endif /* PLATFORM_H */
