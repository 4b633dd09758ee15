// SPDX-License-Identifier: GPL-2.0
/* The begin and the end of every program. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../kselftest.h"
#include "spapr_tce.h"

struct tce_dev tce_devs[TCE_MAX_DEVS];
int tce_ndevs;

static pid_t main_pid;

static void restore(void)
{
	int i;

	/*
	 * A test is a forked process: if it calls exit(), the device stays
	 * bound
	 */
	if (getpid() != main_pid)
		return;
	for (i = 0; i < tce_ndevs; i++)
		tce_restore_group(tce_devs[i].group);
}

void tce_begin(bool bind)
{
	int i, ret;

	/* Tests end in _exit(), which does not write buffered lines */
	setvbuf(stdout, NULL, _IOLBF, 0);

	tce_ndevs = tce_find_devices(tce_devs, TCE_MAX_DEVS);
	if (!tce_ndevs) {
		printf("TAP version 13\n");
		ksft_exit_skip("no edu device and VFIO_TCE_DEVICE is not set\n");
	}

	main_pid = getpid();
	atexit(restore);
	for (i = 0; bind && i < tce_ndevs; i++) {
		ret = tce_bind_group(tce_devs[i].group);
		if (ret)
			tce_log("group %d of %s: %s", tce_devs[i].group,
				tce_devs[i].bdf, strerror(-ret));
	}
}

uint64_t tce_max_window(void)
{
	const char *env = getenv("VFIO_TCE_MAX_WINDOW");

	return env && *env ? strtoull(env, NULL, 0) : ~0ULL;
}

const struct tce_dev *tce_second_group(void)
{
	int i;

	for (i = 1; i < tce_ndevs; i++)
		if (tce_devs[i].group >= 0 &&
		    tce_devs[i].group != tce_devs[0].group)
			return &tce_devs[i];
	return NULL;
}
