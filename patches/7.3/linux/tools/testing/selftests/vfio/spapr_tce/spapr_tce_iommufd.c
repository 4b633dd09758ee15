// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMUFD in a partition: a program has devices by their cdevs, and they reach
 * what is mapped in the IOAS that they are attached to, and nothing else.
 *
 * The kernel's own tests of IOMMUFD and of VFIO do not know what a device reaches.
 * These tell the device to read and to write, by the library of the SPAPR TCE
 * tests. The container of SPAPR TCE stays what /dev/vfio/vfio is.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "../../kselftest_harness.h"
#include "iommufd_user.h"
#include "spapr_tce.h"

#define LEN		EDU_DMA_MAX
#define UNITS		8
#define MAX_RANGES	16

/* Memory and an iommufd with an IOAS, and a device that is attached to nothing yet */
FIXTURE(iommufd) {
	struct tce_mem mem;
	struct tce_stat before;
	struct cdev cdev;
	struct cdev other;
	int fd;
	uint32_t ioas;
	uint64_t iova;
};

FIXTURE_SETUP(iommufd)
{
	self->cdev = (struct cdev)CDEV_CLOSED;
	self->other = (struct cdev)CDEV_CLOSED;
	ASSERT_EQ(0, tce_mem_anon(&self->mem, UNITS * UNIT));
	memset(self->mem.va, 0xa5, self->mem.size);
	ASSERT_EQ(0, tce_stat_get(&self->before));

	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ioas_alloc(self->fd, &self->ioas));
	ASSERT_EQ(0, cdev_open(&self->cdev, &tce_devs[0], self->fd));
}

FIXTURE_TEARDOWN(iommufd)
{
	cdev_close(&self->cdev);
	cdev_close(&self->other);
	close(self->fd);
	EXPECT_EQ(self->before.pinned, tce_pinned());
	tce_mem_free(&self->mem);
}

static void *unit(const struct tce_mem *mem, unsigned int n)
{
	return (char *)mem->va + n * UNIT;
}

/* The first address of the IOAS, for whose ranges a device has to be attached */
static int first_iova(int fd, uint32_t ioas, uint64_t *iova)
{
	struct ioas_range range;
	int ret = ioas_ranges(fd, ioas, &range, 1);

	if (ret < 1)
		return ret ?: -ENOSPC;
	*iova = range.first;
	return range.last - range.first + 1 < UNITS * UNIT ? -ENOSPC : 0;
}

static int denied(struct cdev *cdev, uint64_t iova, void *victim)
{
	return tce_dma_write_denied(&cdev->v, iova, victim, LEN, NULL);
}

/* Maps, uses and unmaps each unit. What is not mapped is out of reach. */
TEST_F(iommufd, dma)
{
	struct cdev *cdev = &self->cdev;
	uint64_t iova;
	int i;

	ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	for (i = 0; i < UNITS; i++) {
		ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, i),
				      iova + i * UNIT, UNIT, MAY_BOTH));
		EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + i * UNIT,
					unit(&self->mem, i), LEN));
		EXPECT_EQ(0, denied(cdev, iova + (i + 1) * UNIT, NULL));
	}
	for (i = 0; i < UNITS; i++) {
		EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, iova + i * UNIT,
					UNIT));
		EXPECT_EQ(0, denied(cdev, iova + i * UNIT, unit(&self->mem, i)));
	}
	EXPECT_EQ(-ENOENT, ioas_unmap(self->fd, self->ioas, iova, UNIT));
}

/* The device reads what may be read only, and does not write it */
TEST_F(iommufd, permissions)
{
	struct tce_scratch scratch = { .va = unit(&self->mem, 1) };
	struct cdev *cdev = &self->cdev;
	uint64_t iova;

	ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	scratch.iova = iova + UNIT;
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, scratch.va, scratch.iova,
			      UNIT, MAY_BOTH));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 0), iova,
			      UNIT, MAY_READ));
	EXPECT_EQ(0, tce_dma_from(&cdev->v, iova, unit(&self->mem, 0), LEN,
				  &scratch));
	EXPECT_EQ(0, tce_dma_write_denied(&cdev->v, iova, unit(&self->mem, 0),
					  LEN, &scratch));
}

/* A device that is not attached reaches nothing, whatever the IOAS maps */
TEST_F(iommufd, detached)
{
	struct cdev *cdev = &self->cdev;
	uint64_t iova;
	int i;

	ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, self->mem.va, iova,
			      self->mem.size, MAY_BOTH));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + i * UNIT,
					unit(&self->mem, i), LEN));
		ASSERT_EQ(0, cdev_detach(cdev));
		EXPECT_EQ(0, denied(cdev, iova + i * UNIT,
				    unit(&self->mem, i)));
		ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	}
}

/* The device reaches what the new page table has, and nothing of the old one */
TEST_F(iommufd, replace)
{
	struct cdev *cdev = &self->cdev;
	uint32_t ioas, one, two;
	uint64_t iova;

	ASSERT_EQ(0, hwpt_alloc(self->fd, cdev, self->ioas, NULL, &one));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 0), iova,
			      UNIT, MAY_BOTH));
	ASSERT_EQ(0, cdev_attach(cdev, one));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova, unit(&self->mem, 0), LEN));

	ASSERT_EQ(0, ioas_alloc(self->fd, &ioas));
	ASSERT_EQ(0, ioas_map(self->fd, ioas, unit(&self->mem, 1), iova + UNIT,
			      UNIT, MAY_BOTH));
	ASSERT_EQ(0, hwpt_alloc(self->fd, cdev, ioas, NULL, &two));
	ASSERT_EQ(0, cdev_attach(cdev, two));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + UNIT, unit(&self->mem, 1),
				LEN));
	EXPECT_EQ(0, denied(cdev, iova, unit(&self->mem, 0)));

	ASSERT_EQ(0, cdev_attach(cdev, one));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova, unit(&self->mem, 0), LEN));
	EXPECT_EQ(0, denied(cdev, iova + UNIT, unit(&self->mem, 1)));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, one));
	EXPECT_EQ(0, iommufd_destroy(self->fd, two));
}

/* Two PEs share an IOAS: each is attached and detached on its own */
TEST_F(iommufd, two_groups)
{
	const struct tce_dev *dev = tce_second_group();
	struct cdev *cdev = &self->cdev, *other = &self->other;
	uint64_t iova;

	if (!dev)
		SKIP(return, "needs two groups");

	ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 0), iova,
			      UNIT, MAY_BOTH));

	/* What is mapped before and after it joins */
	ASSERT_EQ(0, cdev_open(other, dev, self->fd));
	EXPECT_EQ(0, denied(other, iova, unit(&self->mem, 0)));
	ASSERT_EQ(0, cdev_attach(other, self->ioas));
	EXPECT_EQ(0, tce_dma_ok(&other->v, iova, unit(&self->mem, 0), LEN));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 1),
			      iova + UNIT, UNIT, MAY_BOTH));
	EXPECT_EQ(0, tce_dma_ok(&other->v, iova + UNIT, unit(&self->mem, 1),
				LEN));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + UNIT, unit(&self->mem, 1),
				LEN));

	ASSERT_EQ(0, cdev_detach(cdev));
	EXPECT_EQ(0, denied(cdev, iova, unit(&self->mem, 0)));
	EXPECT_EQ(0, tce_dma_ok(&other->v, iova, unit(&self->mem, 0), LEN));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, iova, UNIT));
	EXPECT_EQ(0, denied(other, iova, unit(&self->mem, 0)));
}

/* The devices of a PE have the same page table: to replace it concerns all of them */
TEST_F(iommufd, two_devices)
{
	struct cdev *cdev = &self->cdev, *other = &self->other;
	const struct tce_dev *dev = NULL;
	uint32_t ioas, hwpt;
	uint64_t iova;
	int i;

	for (i = 1; i < tce_ndevs && !dev; i++)
		if (tce_devs[i].group == tce_devs[0].group)
			dev = &tce_devs[i];
	if (!dev)
		SKIP(return, "needs two devices in one group");

	ASSERT_EQ(0, cdev_attach(cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, self->mem.va, iova, UNIT,
			      MAY_BOTH));
	ASSERT_EQ(0, cdev_open(other, dev, self->fd));
	ASSERT_EQ(0, cdev_attach(other, self->ioas));
	EXPECT_EQ(0, tce_dma_ok(&other->v, iova, self->mem.va, LEN));

	ASSERT_EQ(0, ioas_alloc(self->fd, &ioas));
	ASSERT_EQ(0, ioas_map(self->fd, ioas, unit(&self->mem, 1), iova + UNIT,
			      UNIT, MAY_BOTH));
	ASSERT_EQ(0, hwpt_alloc(self->fd, other, ioas, NULL, &hwpt));
	ASSERT_EQ(0, cdev_attach(other, hwpt));
	EXPECT_EQ(0, denied(cdev, iova, self->mem.va));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + UNIT, unit(&self->mem, 1),
				LEN));
	EXPECT_EQ(0, tce_dma_ok(&other->v, iova + UNIT, unit(&self->mem, 1),
				LEN));

	/* The first device that leaves takes nothing from the other one */
	ASSERT_EQ(0, cdev_detach(other));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, iova + UNIT, unit(&self->mem, 1),
				LEN));
	ASSERT_EQ(0, cdev_detach(cdev));
	EXPECT_EQ(0, denied(cdev, iova + UNIT, unit(&self->mem, 1)));
}

/* What the group's reserved regions have is no part of the ranges */
TEST_F(iommufd, ranges)
{
	struct ioas_range ranges[MAX_RANGES];
	uint64_t start, end;
	char path[PATH_MAX], type[16];
	int i, n, regions = 0;
	FILE *f;

	ASSERT_EQ(0, cdev_attach(&self->cdev, self->ioas));
	n = ioas_ranges(self->fd, self->ioas, ranges, MAX_RANGES);
	ASSERT_LE(1, n);
	for (i = 0; i < n; i++)
		tce_log("range %#llx to %#llx", (long long)ranges[i].first,
			(long long)ranges[i].last);

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions",
		 self->cdev.v.dev->group);
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	while (fscanf(f, "%lx %lx %15s", &start, &end, type) == 3) {
		regions++;
		for (i = 0; i < n; i++)
			EXPECT_TRUE(end < ranges[i].first ||
				    start > ranges[i].last);
	}
	fclose(f);
	EXPECT_LE(1, regions);

	/* Nothing is mapped beyond the last range */
	EXPECT_GT(0, ioas_map(self->fd, self->ioas, self->mem.va,
			      ranges[n - 1].last + 1, UNIT, MAY_BOTH));
}

/* The program says which windows the page table has: the default one and another one */
TEST_F(iommufd, windows)
{
	struct cdev *cdev = &self->cdev;
	struct iommu_hwpt_spapr_tce windows = { .nr_windows = 2 };
	struct ioas_range ranges[MAX_RANGES];
	struct iommu_hw_info_spapr_tce info;
	uint64_t low, high, gap;
	uint32_t hwpt, other;
	int n;

	ASSERT_EQ(0, cdev_info(self->fd, cdev, &info));
	tce_log("%u windows of pages %#llx, default %#llx at %#llx, pages 2^%u",
		info.max_windows, (long long)info.page_sizes,
		(long long)info.default_size, (long long)info.default_start,
		info.default_page_shift);
	if (info.max_windows < 2 || !info.default_size)
		SKIP(return, "needs the default window and another one");

	windows.windows[0].start = info.default_start;
	windows.windows[0].size = info.default_size;
	windows.windows[0].page_shift = info.default_page_shift;
	windows.windows[1].start = IOMMU_SPAPR_TCE_ANYWHERE;
	windows.windows[1].size = GiB;
	windows.windows[1].page_shift = 63 - __builtin_clzll(info.page_sizes);
	tce_step(cdev->v.dev, "iommufd: two windows");
	ASSERT_EQ(0, hwpt_alloc(self->fd, cdev, self->ioas, &windows, &hwpt));
	ASSERT_EQ(0, cdev_attach(cdev, hwpt));
	tce_step_end(cdev->v.dev);

	n = ioas_ranges(self->fd, self->ioas, ranges, MAX_RANGES);
	ASSERT_LE(2, n);
	low = ranges[0].first;
	gap = ranges[0].last + 1;
	high = ranges[n - 1].first;
	tce_log("windows at %#llx and %#llx", (long long)low, (long long)high);
	EXPECT_EQ(info.default_size, gap - low);
	EXPECT_EQ(info.default_start, low);
	EXPECT_LT(gap, high);

	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 0), low,
			      UNIT, MAY_BOTH));
	ASSERT_EQ(0, ioas_map(self->fd, self->ioas, unit(&self->mem, 1), high,
			      UNIT, MAY_BOTH));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, low, unit(&self->mem, 0), LEN));
	EXPECT_EQ(0, tce_dma_ok(&cdev->v, high, unit(&self->mem, 1), LEN));
	EXPECT_EQ(-EINVAL, ioas_map(self->fd, self->ioas, self->mem.va, gap, UNIT,
				    MAY_BOTH));
	EXPECT_EQ(0, denied(cdev, gap, NULL));
	EXPECT_EQ(0, denied(cdev, high + UNIT, NULL));

	/* The device has what it asked for, so nothing else can be tried */
	windows.windows[1].size = 2 * GiB;
	EXPECT_EQ(-EBUSY, hwpt_alloc(self->fd, cdev, self->ioas, &windows,
				     &other));
	ASSERT_EQ(0, cdev_detach(cdev));
	EXPECT_EQ(0, denied(cdev, low, unit(&self->mem, 0)));
	EXPECT_EQ(0, denied(cdev, high, unit(&self->mem, 1)));
	windows.windows[1].start = high + 1;
	EXPECT_EQ(-EADDRNOTAVAIL, hwpt_alloc(self->fd, cdev, self->ioas,
					     &windows, &other));
}

/* The group is the iommufd's, until the device is closed */
TEST_F(iommufd, group_is_busy)
{
	struct tce_vfio v = TCE_VFIO_CLOSED;

	EXPECT_EQ(-EBUSY, tce_open_group(self->cdev.v.dev));
	cdev_close(&self->cdev);
	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	EXPECT_GT(0, cdev_open(&self->cdev, &tce_devs[0], self->fd));
	EXPECT_EQ(0, tce_ready(&v, &self->mem));
	EXPECT_EQ(0, tce_map(v.container, self->mem.va, tce_def_start(&v), UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&v, tce_def_start(&v), self->mem.va, LEN));
	tce_vfio_close(&v);
	EXPECT_EQ(0, cdev_open(&self->cdev, &tce_devs[0], self->fd));
}

/* What clients ask for, in order, before they choose */
TEST_F(iommufd, default_container)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_IOMMU));
	close(fd);

	EXPECT_EQ(1, ioctl(self->fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, ioctl(self->fd, VFIO_CHECK_EXTENSION,
			   VFIO_SPAPR_TCE_v2_IOMMU));
}

/* 64 MiB: what the hypervisor is called for is counted from outside */
TEST_F(iommufd, cost)
{
	const struct tce_dev *dev = self->cdev.v.dev;
	struct tce_mem mem;
	uint64_t iova;

	if (tce_mem_hugetlb(&mem, 64 * MiB, 2 * MiB))
		SKIP(return, "needs 64 MiB of huge pages of 2M");

	ASSERT_EQ(0, cdev_attach(&self->cdev, self->ioas));
	ASSERT_EQ(0, first_iova(self->fd, self->ioas, &iova));
	tce_step(dev, "iommufd: map 64 MiB");
	EXPECT_EQ(0, ioas_map(self->fd, self->ioas, mem.va, iova, mem.size,
			      MAY_BOTH));
	tce_step(dev, "iommufd: unmap 64 MiB");
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas, iova, mem.size));
	tce_step_end(dev);
	tce_mem_free(&mem);
}

TCE_MAIN(true)
