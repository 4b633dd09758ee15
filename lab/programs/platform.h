/* SPDX-License-Identifier: GPL-2.0 */
/* Questions of spapr_tce_platform to a platform, and commands for it. */

#ifndef PLATFORM_H
#define PLATFORM_H

#include "../shim/commands.h"
#include "spapr_tce.h"

/* I/O page sizes of the platform; the last one has no name */
extern const struct page_size {
	unsigned int shift;		/* base-2 logarithm of the size */
	unsigned int bit;		/* of the firmware's mask */
	const char *name;
} page_sizes[];

/* The answers of the device tree and the firmware */
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
 * Sends a command to the RTAS shim, which makes the platform fail. The command is
 * for the PE of the device.
 */
int shim(const struct tce_dev *dev, unsigned int what, unsigned int value);

#endif /* PLATFORM_H */
