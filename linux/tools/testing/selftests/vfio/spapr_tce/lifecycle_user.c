// SPDX-License-Identifier: GPL-2.0
/* Users of a device for spapr_tce_lifecycle, and the ways in which they end. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lifecycle_user.h"

static const struct tce_dev *dev = &tce_devs[0];

int map_and_use(struct tce_vfio *v, struct tce_mem *mem)
{
	return tce_ready(v, mem) ?:
	       tce_map(v->container, mem->va, tce_def_start(v), UNIT, TCE_RW) ?:
	       tce_dma_ok(v, tce_def_start(v), mem->va, LEN);
}

int not_the_owner(int container, uint64_t iova)
{
	struct vfio_iommu_spapr_tce_info info;
	static uint8_t page[UNIT];

	return tce_get_info(container, &info) == -EPERM &&
	       tce_map(container, page, iova, UNIT, TCE_RW) == -EPERM &&
	       tce_unmap(container, iova, UNIT) == -EPERM ? 0 : 1;
}

/* Opens and maps all that a user has. The process ends without closing it. */
static int own(struct tce_vfio *v, struct tce_mem *mem, int version)
{
	return tce_mem_anon(mem, 16 * MiB) ||
	       tce_vfio_open_quick(v, dev, version) || tce_ready(v, mem) ||
	       tce_map(v->container, mem->va, tce_def_start(v), 16 * MiB,
		       TCE_RW);
}

void own_until_killed(int version, int result)
{
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t start;
	char c;

	c = own(&v, &mem, version);
	if (!c && tce_max_windows(&v) > 1)
		c = tce_create(v.container, 12, 1 * GiB, 1, &start) ||
		    tce_map(v.container, mem.va, start, 16 * MiB, TCE_RW);
	if (write(result, &c, 1) == 1)
		pause();
	_exit(1);
}

void own_and_exec(int version)
{
	char container[16], iova[32];
	struct tce_mem mem;
	struct tce_vfio v;

	if (own(&v, &mem, version))
		_exit(2);
	snprintf(container, sizeof(container), "%d", v.container);
	snprintf(iova, sizeof(iova), "%llu",
		 (unsigned long long)tce_def_start(&v));
	execl("/proc/self/exe", "spapr_tce_lifecycle", "--not-the-owner",
	      container, iova, NULL);
	_exit(3);
}

void own_and_leave(int version, int result)
{
	struct tce_mem mem;
	struct tce_vfio v;
	pid_t owner;
	char c;

	if (own(&v, &mem, version))
		_exit(2);
	owner = getpid();
	if (fork())
		_exit(0);
	while (getppid() == owner)
		usleep(1000);
	c = not_the_owner(v.container, tce_def_start(&v));
	_exit(write(result, &c, 1) != 1);
}

int one_round(int version)
{
	struct tce_mem mem = { .fd = -1 }, huge = { .fd = -1 };
	struct tce_vfio v;
	uint64_t start;
	int ret;

	tce_host_ready(dev->group);
	ret = tce_bind_group(dev->group);
	if (ret)
		return ret;
	ret = tce_vfio_open(&v, dev, version);
	if (ret)
		return ret;
	ret = tce_mem_anon(&mem, 16 * MiB) ?: tce_ready(&v, &mem) ?:
	      tce_map(v.container, mem.va, tce_def_start(&v), mem.size, TCE_RW) ?:
	      tce_dma_ok(&v, tce_def_start(&v), mem.va, LEN);
	if (!ret && version == 2 && tce_max_windows(&v) > 1) {
		ret = tce_create(v.container, tce_has_shift(&v, 16) ? 16 : 12,
				 1 * GiB, 1, &start);
		if (!ret && !tce_mem_hugetlb(&huge, 4 * MiB, 2 * MiB))
			ret = tce_register(v.container, huge.va, huge.size) ?:
			      tce_map(v.container, huge.va, start, huge.size,
				      TCE_RW) ?:
			      tce_dma_ok(&v, start, huge.va, LEN);
	}
	/* All of it is still mapped here */
	tce_vfio_close(&v);
	tce_mem_free(&mem);
	tce_mem_free(&huge);
	return ret ?: tce_restore_group(dev->group);
}
