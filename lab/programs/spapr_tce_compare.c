// SPDX-License-Identifier: GPL-2.0
/*
 * What `make demo` shows beside spapr_tce_demo: what users need that kernels
 * differ in. Needs two PEs. Prints "demo: NAME: RESULT" for each line; the exit
 * status is 0 if all could be done.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spapr_tce.h"

#define SHIFT	16
#define SIZE	(64 * MiB)
#define LARGE	(64 * GiB)

static int failures;

static void result(const char *name, int ret)
{
	if (ret)
		failures++;
	printf("demo: %s: %s%s\n", name, ret ? "FAIL " : "ok",
	       ret ? strerror(abs(ret)) : "");
}

/* As DPDK does it: the default window makes room for one that begins at 0 */
static int window_at_0(const struct tce_dev *dev)
{
	struct tce_mem mem = { .fd = -1 };
	uint64_t start = 0;
	struct tce_vfio v;
	int ret;

	ret = tce_vfio_open(&v, dev, 2);
	if (ret)
		return ret;
	ret = tce_mem_anon(&mem, UNIT);
	if (!ret)
		ret = tce_register(v.container, mem.va, mem.size);
	if (!ret)
		ret = tce_remove(v.container, tce_def_start(&v));
	if (!ret)
		ret = tce_create(v.container, SHIFT, 8 * GiB, 1, &start);
	if (!ret && start) {
		tce_log("it is at 0x%llx", (unsigned long long)start);
		ret = -EADDRNOTAVAIL;
	}
	if (!ret)
		ret = tce_map(v.container, mem.va, 5 * GiB, UNIT, TCE_RW);
	if (!ret)
		ret = tce_dma_ok(&v, 5 * GiB, mem.va, EDU_DMA_MAX);
	tce_vfio_close(&v);
	tce_mem_free(&mem);
	return ret;
}

static int two_groups(const struct tce_dev *devs)
{
	struct tce_vfio first, second;
	int ret;

	ret = tce_vfio_open(&first, &devs[0], 2);
	if (ret)
		return ret;
	ret = tce_join(&second, &first, &devs[1]);
	if (second.group >= 0)
		tce_leave(&second);
	tce_vfio_close(&first);
	return ret;
}

/* Between marks, so that the hypervisor's trace has the number of calls */
static int map_64mib(const struct tce_dev *dev)
{
	struct tce_mem mem = { .fd = -1 };
	struct tce_vfio v;
	int ret;

	ret = tce_vfio_open(&v, dev, 2);
	if (ret)
		return ret;
	ret = tce_mem_anon(&mem, SIZE);
	if (!ret)
		ret = tce_register(v.container, mem.va, mem.size);
	/* This has the kernel create the default window */
	if (!ret)
		ret = tce_unmap(v.container, tce_def_start(&v), 4 * KiB);
	tce_mark(dev, TCE_MARK_STEP);
	if (!ret)
		ret = tce_map(v.container, mem.va, tce_def_start(&v), SIZE,
			      TCE_RW);
	if (!ret)
		ret = tce_unmap(v.container, tce_def_start(&v), SIZE);
	tce_mark(dev, TCE_MARK_STEP_END);
	tce_vfio_close(&v);
	tce_mem_free(&mem);
	return ret;
}

static int remove_large(const struct tce_dev *dev, unsigned int *ms)
{
	struct timespec a, b;
	struct tce_vfio v;
	uint64_t start;
	int ret;

	ret = tce_vfio_open(&v, dev, 2);
	if (ret)
		return ret;
	ret = tce_create(v.container, SHIFT, LARGE, 1, &start);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (!ret)
		ret = tce_remove(v.container, start);
	clock_gettime(CLOCK_MONOTONIC, &b);
	*ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	tce_vfio_close(&v);
	return ret;
}

int main(void)
{
	static const char large[] = "64 GiB window removed";
	unsigned int ms;
	int ret, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tce_ndevs = tce_find_devices(tce_devs, TCE_MAX_DEVS);
	ret = tce_ndevs < 2 ? -ENODEV : 0;
	for (i = 0; i < 2 && !ret; i++)
		ret = tce_bind_group(tce_devs[i].group);
	if (ret) {
		result("two PEs bound", ret);
		return 1;
	}
	result("64-bit window at 0", window_at_0(&tce_devs[0]));
	result("64 MiB in 4K pages", map_64mib(&tce_devs[0]));
	ret = remove_large(&tce_devs[0], &ms);
	if (ret)
		result(large, ret);
	else
		printf("demo: %s: in %u ms\n", large, ms);
	/* The last one: a kernel that refuses it may not survive the attempt */
	result("two PEs in one container", two_groups(tce_devs));
	for (i = 0; i < 2; i++)
		if (tce_restore_group(tce_devs[i].group))
			failures++;
	return failures || ret ? 1 : 0;
}
