// SPDX-License-Identifier: GPL-2.0
/* The steps of both halves of spapr_tce_fail_nth. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fail_nth.h"

struct dut dut = {
	.v = TCE_VFIO_CLOSED,
	.v2 = TCE_VFIO_CLOSED,
};

void *unit(unsigned int n)
{
	return dut.mem.va + n * UNIT;
}

void *other(void)
{
	return unit(MAIN_UNITS);
}

/* The memory before this stays mapped in the process */
int new_memory(void)
{
	int ret;

	ret = tce_mem_anon(&dut.mem, (MAIN_UNITS + OTHER_UNITS + 2) * UNIT);
	if (!ret)
		memset(dut.mem.va, 1, dut.mem.size);
	return ret;
}

int close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return 0;
}

int fd_result(int fd, int *where)
{
	if (fd < 0)
		return fd;
	*where = fd;
	return 0;
}

int close_all(void)
{
	edu_close(&dut.v2.edu);
	close_fd(&dut.v2.device);
	close_fd(&dut.v2.group);
	tce_vfio_close(&dut.v);
	tce_mem_free(&dut.huge);
	tce_mem_free(&dut.file);
	return 0;
}

/* The stages */

int with_container(void)
{
	dut.v.dev = &tce_devs[0];
	return fd_result(tce_open_container(), &dut.v.container);
}

int with_group(void)
{
	return with_container() ?:
	       fd_result(tce_open_group(dut.v.dev), &dut.v.group);
}

int set_container(void)
{
	return tce_ioctl(dut.v.group, VFIO_GROUP_SET_CONTAINER,
			 &dut.v.container);
}

int unset_container(void)
{
	return tce_ioctl(dut.v.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

int with_attached(void) { return with_group() ?: set_container(); }
int with_v2(void) { return tce_vfio_open(&dut.v, &tce_devs[0], 2); }

int with_v2_memory(void)
{
	int ret = with_v2();

	dut.start = tce_def_start(&dut.v);
	return ret ?: reg(dut.mem.va, dut.mem.size);
}

/* The default window has been created, and is empty */
int with_default(void)
{
	return with_v2_memory() ?:
	       tce_map(dut.v.container, dut.mem.va, dut.start, UNIT, TCE_RW) ?:
	       tce_unmap(dut.v.container, dut.start, UNIT);
}

int create(void)
{
	return tce_create(dut.v.container, dut.shift, GiB, 1, &dut.start);
}

int remove_window(void) { return tce_remove(dut.v.container, dut.start); }

int reg(void *va, uint64_t size)
{
	return tce_register(dut.v.container, va, size);
}

int unreg(void *va, uint64_t size)
{
	return tce_unregister(dut.v.container, va, size);
}

int map(void *va, uint64_t offset, uint64_t size)
{
	return tce_map(dut.v.container, va, dut.start + offset, size, TCE_RW);
}

int unmap(uint64_t offset, uint64_t size)
{
	return tce_unmap(dut.v.container, dut.start + offset, size);
}

/* A window can be created beside the default one, which is empty */
int with_shift(unsigned int page_shift)
{
	int ret = with_default();

	if (ret)
		return ret;
	dut.shift = page_shift;
	return tce_has_shift(&dut.v, dut.shift) ? 0 : -ENOTSUP;
}

int with_shift_4k(void) { return with_shift(12); }

int with_window(unsigned int page_shift)
{
	return with_shift(page_shift) ?: create();
}

int with_window_4k(void) { return with_window(12); }

/* DMA that the device must be able to do, or must not */

int reached(void *va)
{
	return tce_dma_ok(&dut.v, dut.start, va, LEN);
}

int out_of_reach(void *va)
{
	return tce_dma_write_denied(&dut.v, dut.start, va, LEN, NULL);
}

int main_reached(void) { return reached(dut.mem.va); }
int other_reached(void) { return reached(other()); }
int main_denied(void) { return out_of_reach(dut.mem.va); }
int map_unit(void) { return map(dut.mem.va, 0, UNIT); }
int unmap_unit(void) { return unmap(0, UNIT); }
int map_other_unit(void) { return map(other(), 0, UNIT); }
int map_long(void) { return map(dut.mem.va, ODD, MAIN_UNITS * UNIT); }
int map_main(void) { return map(dut.mem.va, 0, MAIN_UNITS * UNIT); }
int with_mapped(void) { return with_default() ?: map_main(); }

/* A second group in the container */
int join(void)
{
	return tce_ioctl(dut.v2.group, VFIO_GROUP_SET_CONTAINER,
			 &dut.v.container);
}

int leave(void)
{
	return tce_ioctl(dut.v2.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

int with_second(void)
{
	int ret;

	if (!dut.second)
		return -ENOTSUP;
	ret = with_default() ?: map_main();
	dut.shift = 12;
	if (!ret && tce_has_shift(&dut.v, dut.shift))
		ret = create() ?: map_long();
	dut.v2.dev = dut.second;
	return ret ?: fd_result(tce_open_group(dut.second), &dut.v2.group);
}

int with_joined(void) { return with_second() ?: join(); }

int two_reached(void)
{
	int ret;

	dut.v2.device = tce_open_device(dut.v2.group, dut.second);
	if (dut.v2.device < 0)
		return dut.v2.device;
	ret = dut.second->edu ? edu_open(&dut.v2.edu, dut.v2.device) : 0;
	ret = ret ?:
	      tce_dma_ok(&dut.v2, tce_def_start(&dut.v), dut.mem.va, LEN);
	edu_close(&dut.v2.edu);
	close_fd(&dut.v2.device);
	return ret;
}

int again(int (*setup)(void))
{
	return close_all() ?: setup();
}

bool sane(int err)
{
	switch (err) {
	case -ENOMEM:
	case -EFAULT:
	case -EIO:
	case -EINVAL:
	case -ENOSPC:
	case -ENXIO:
	case -EADDRNOTAVAIL:
		return true;
	}
	return false;
}
