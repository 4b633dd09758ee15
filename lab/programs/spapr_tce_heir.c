// SPDX-License-Identifier: GPL-2.0
/*
 * The first user of a group after another kernel was started by kexec or after
 * a crash. spapr_tce_hold was the last user under the previous kernel.
 *
 * Prints "heir ADDRESS: ok", or the first error:
 *
 *  - "claim: ERRNO": the kernel keeps the group, since it cannot prove that the
 *    device reaches no memory. With an argument N the claim is tried N times.
 *  - "reaches ...": the device has read memory of the earlier user.
 *  - "default window", "other window": the window is missing or does not work.
 *  - "disk", "windows": the host's disk or windows do not work after the
 *    release.
 *
 * The device's transfers before this user's first mapping are between the marks
 * TCE_MARK_HEIR + 2 * domain and the next number.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "spapr_tce.h"

#define LEN	1024

/* The addresses of the earlier user's windows, under QEMU */
static const uint64_t places[] = { 0, 0x800000000000000ULL };

static char problems[256];

#define failed(ret, fmt, ...) ({					\
	int __ret = (ret);						\
	size_t __len = strlen(problems);				\
	if (__ret)							\
		snprintf(problems + __len, sizeof(problems) - __len,	\
			 "%s" fmt ": %s", __len ? ", " : "",		\
			 ##__VA_ARGS__, strerrorname_np(-__ret));	\
	__ret;								\
})

static enum tce_mark mark_of(const struct tce_dev *dev, int end)
{
	return TCE_MARK_HEIR + 2 * strtoul(dev->bdf, NULL, 16) + end;
}

/* No memory is mapped yet. Only the hypervisor sees the device's transfers. */
static void look_around(struct tce_vfio *v)
{
	int i;

	tce_mark(v->dev, mark_of(v->dev, 0));
	for (i = 0; i < 2; i++)
		edu_dma_read(&v->edu, places[i] + HELD_TEXT_AT, LEN);
	tce_mark(v->dev, mark_of(v->dev, 1));
}

/* The same with a window, so that the data can be checked */
static int reach_earlier(struct tce_vfio *v, struct tce_mem *mem, uint64_t iova)
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		memset(mem->va, 0, LEN);
		ret = edu_dma_read(&v->edu, iova, LEN);
		if (!ret)
			ret = edu_dma_read(&v->edu, places[i] + HELD_TEXT_AT,
					   LEN);
		if (!ret)
			ret = edu_dma_write(&v->edu, iova, LEN);
		if (ret)
			return failed(ret, "the device");
		if (!memcmp(mem->va, HELD_TEXT, sizeof(HELD_TEXT)))
			return failed(-EACCES, "reaches 0x%llx",
				      (unsigned long long)places[i]);
	}
	return 0;
}

static int default_window(struct tce_vfio *v, struct tce_mem *mem)
{
	uint64_t iova = tce_def_start(v);
	int ret;

	ret = tce_map(v->container, mem->va, iova, UNIT, TCE_RW);
	if (!ret)
		ret = tce_dma_ok(v, iova, mem->va, LEN);
	if (failed(ret, "default window"))
		return ret;
	ret = reach_earlier(v, mem, iova);
	if (!ret)
		ret = failed(tce_remove(v->container, iova), "default window");
	return ret;
}

static int other_window(struct tce_vfio *v, struct tce_mem *mem)
{
	uint64_t iova;
	int ret;

	if (!tce_has_shift(v, 16))
		return 0;
	ret = tce_create(v->container, 16, 8 * GiB, 1, &iova);
	if (!ret)
		ret = tce_map(v->container, mem->va, iova, UNIT, TCE_RW);
	if (!ret)
		ret = tce_dma_ok(v, iova, mem->va, LEN);
	if (!ret)
		ret = tce_remove(v->container, iova);
	return failed(ret, "other window");
}

static int use(const struct tce_dev *dev, int tries)
{
	struct tce_mem mem = { .fd = -1 };
	struct tce_vfio v;
	int ret;

	do {
		ret = tce_vfio_open(&v, dev, 2);
	} while (ret == -EIO && --tries > 0);
	if (failed(ret, "claim"))
		return ret;

	look_around(&v);
	ret = tce_mem_for_shift(&mem, UNIT, 16);
	if (!ret)
		ret = tce_register(v.container, mem.va, mem.size);
	if (failed(ret, "memory"))
		goto close;
	ret = default_window(&v, &mem);
	if (!ret)
		ret = other_window(&v, &mem);
close:
	tce_vfio_close(&v);
	tce_mem_free(&mem);
	return ret;
}

/* Uses the host's disks in the group, and describes their windows */
static int disks(const struct tce_dev *dev, char *windows, size_t len)
{
	struct tce_bdf bdfs[16];
	char disk[64];
	int i, n, ret;

	n = tce_find_class(TCE_CLASS_NVME, bdfs, 16);
	*windows = '\0';
	for (i = 0; i < n; i++) {
		if (tce_group_of(bdfs[i].s) != dev->group)
			continue;
		ret = tce_nvme_disk(bdfs[i].s, disk, sizeof(disk));
		if (!ret)
			ret = tce_disk_io(disk);
		if (!ret)
			ret = tce_host_windows(bdfs[i].s, windows, len);
		if (ret)
			return failed(ret, "disk %s", bdfs[i].s);
	}
	return 0;
}

int main(int argc, char **argv)
{
	char before[1024], after[1024];
	const struct tce_dev *dev = &tce_devs[0];

	tce_begin(false);
	if (!failed(dev->group < 0 ? -ENODEV : 0, "group") &&
	    !disks(dev, before, sizeof(before))) {
		if (!failed(tce_bind_group(dev->group), "bind"))
			use(dev, argc > 1 ? atoi(argv[1]) : 1);
		failed(tce_restore_group(dev->group), "back to the host");
		if (!disks(dev, after, sizeof(after)) && strcmp(before, after)) {
			tce_log("before: %s", before);
			tce_log("after: %s", after);
			failed(-EIO, "windows");
		}
	}
	printf("heir %s: %s\n", dev->bdf, *problems ? problems : "ok");
	return *problems != 0;
}
