// SPDX-License-Identifier: GPL-2.0
/*
 * Containers, groups and devices are opened and closed in every order. Nothing
 * is left behind.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "lifecycle_user.h"

/* Free memory varies by itself, by less than a leak of the mapped memory */
#define TOLERANCE_KB	(24 * 1024)

static const struct tce_dev *dev = &tce_devs[0];

TEST(device_is_bound)
{
	struct tce_bdf bdfs[64];
	char driver[64], path[64];
	int i, n;

	ASSERT_LE(0, dev->group);
	n = tce_group_members(dev->group, bdfs, 64);
	ASSERT_LT(0, n);
	for (i = 0; i < n; i++) {
		tce_driver_of(bdfs[i].s, driver, sizeof(driver));
		EXPECT_STREQ("vfio-pci", driver);
	}
	snprintf(path, sizeof(path), "/dev/vfio/%d", dev->group);
	EXPECT_EQ(0, access(path, R_OK | W_OK));
}

TEST(group_is_viable)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int group = tce_open_group(dev);

	ASSERT_LE(0, group);
	EXPECT_EQ(0, tce_ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_TRUE(status.flags & VFIO_GROUP_FLAGS_VIABLE);
	EXPECT_FALSE(status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET);
	/* A group has one user at a time */
	EXPECT_EQ(-EBUSY, tce_open_group(dev));
	close(group);
}

TEST(extensions)
{
	int container = tce_open_container();
	unsigned long ext;
	int group;

	ASSERT_LE(0, container);
	for (ext = 0; ext < 2; ext++) {
		EXPECT_EQ(1, ioctl(container, VFIO_CHECK_EXTENSION,
				   VFIO_SPAPR_TCE_IOMMU));
		EXPECT_EQ(1, ioctl(container, VFIO_CHECK_EXTENSION,
				   VFIO_SPAPR_TCE_v2_IOMMU));
		EXPECT_EQ(0, ioctl(container, VFIO_CHECK_EXTENSION, 0xbad));
		if (ext)
			break;
		/* A group in the container does not change the answer */
		group = tce_open_group(dev);
		ASSERT_LE(0, group);
		ASSERT_EQ(0, tce_ioctl(group, VFIO_GROUP_SET_CONTAINER,
				       &container));
		EXPECT_GT(0, tce_ioctl(container, VFIO_SET_IOMMU,
				       (void *)VFIO_TYPE1v2_IOMMU));
		ASSERT_EQ(0, tce_set_iommu(container, 2));
	}
	close(group);
	close(container);
}

FIXTURE(life) {
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE_VARIANT(life) {
	int version;
};

FIXTURE_VARIANT_ADD(life, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(life, v2) { .version = 2 };

FIXTURE_SETUP(life)
{
	ASSERT_EQ(0, tce_vfio_open(&self->v, dev, variant->version));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 4 * UNIT));
}

FIXTURE_TEARDOWN(life)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

TEST_F(life, set_iommu_once)
{
	EXPECT_EQ(-EINVAL, tce_set_iommu(self->v.container, variant->version));
	EXPECT_EQ(-EINVAL, tce_set_iommu(self->v.container,
					 3 - variant->version));
	EXPECT_EQ(0, map_and_use(&self->v, &self->mem));
}

/* A group can leave a container only after its devices are closed */
TEST_F_TIMEOUT(life, unset_container, 120)
{
	struct tce_vfio *v = &self->v;
	int i;

	ASSERT_EQ(0, map_and_use(v, &self->mem));
	EXPECT_EQ(-EBUSY, tce_ioctl(v->group, VFIO_GROUP_UNSET_CONTAINER,
				    NULL));
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va, LEN));

	edu_close(&v->edu);
	close(v->device);
	v->device = -1;
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, tce_ioctl(v->group, VFIO_GROUP_UNSET_CONTAINER,
				       NULL));
		EXPECT_EQ(-EINVAL, tce_ioctl(v->group,
					     VFIO_GROUP_UNSET_CONTAINER, NULL));
		EXPECT_EQ(0, tce_vmlck_kb());
		ASSERT_EQ(0, tce_ioctl(v->group, VFIO_GROUP_SET_CONTAINER,
				       &v->container));
		/* Each version follows the other */
		v->version = 1 + (i & 1);
		ASSERT_EQ(0, tce_set_iommu(v->container, v->version));
		ASSERT_EQ(0, tce_ready(v, &self->mem));
		ASSERT_EQ(0, tce_map(v->container, self->mem.va,
				     tce_def_start(v), UNIT, TCE_RW));
	}
	v->device = tce_open_device(v->group, dev);
	ASSERT_LE(0, v->device);
	if (dev->edu) {
		ASSERT_EQ(0, edu_open(&v->edu, v->device));
		EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va,
					LEN));
	}
}

/*
 * An open device keeps its mappings when the group and the container are closed
 */
TEST_F_TIMEOUT(life, device_outlives_group_and_container, 120)
{
	struct tce_vfio *v = &self->v;

	ASSERT_EQ(0, map_and_use(v, &self->mem));
	close(v->group);
	v->group = -1;
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va, LEN));
	EXPECT_EQ(-EBUSY, tce_open_group(dev));
	close(v->container);
	v->container = -1;
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va, LEN));
	EXPECT_EQ(-EBUSY, tce_open_group(dev));
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_vmlck_kb());

	/* Now the group can be opened again */
	ASSERT_EQ(0, tce_vfio_open(v, dev, variant->version));
	EXPECT_EQ(0, map_and_use(v, &self->mem));
}

TEST_F_TIMEOUT(life, closed_in_any_order, 120)
{
	static const char *const orders[] = {
		"dgc", "dcg", "gdc", "gcd", "cdg", "cgd",
	};
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;
	const char *order;
	size_t i;
	int *fd;

	tce_vfio_close(v);
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		ASSERT_EQ(0, tce_vfio_open(v, dev, variant->version));
		ASSERT_EQ(0, map_and_use(v, &self->mem));
		edu_close(&v->edu);
		for (order = orders[i]; *order; order++) {
			fd = *order == 'd' ? &v->device :
			     *order == 'g' ? &v->group : &v->container;
			close(*fd);
			*fd = -1;
		}
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
}

/* Memory that the process unmaps stays reachable for the device */
TEST_F_TIMEOUT(life, memory_unmapped_by_the_process, 120)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;

	tce_vfio_close(v);
	ASSERT_EQ(0, tce_stat_get(&before));
	ASSERT_EQ(0, tce_vfio_open(v, dev, variant->version));
	ASSERT_EQ(0, map_and_use(v, &self->mem));
	munmap(self->mem.va + UNIT, UNIT);
	munmap(self->mem.va, UNIT);
	if (dev->edu) {
		/* These pages must not belong to another process by now */
		EXPECT_EQ(0, edu_dma_read(&v->edu, tce_def_start(v), LEN));
		EXPECT_EQ(0, edu_dma_write(&v->edu, tce_def_start(v), LEN));
	}
	EXPECT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	EXPECT_EQ(0, tce_unready(v, &self->mem));
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
}

/*
 * Tests that need no open device: PowerNV takes seconds to open and close one
 */
FIXTURE(account) {
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE_VARIANT(account) {
	int version;
};

FIXTURE_VARIANT_ADD(account, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(account, v2) { .version = 2 };

FIXTURE_SETUP(account)
{
	ASSERT_EQ(0, tce_vfio_open_quick(&self->v, dev, variant->version));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 4 * UNIT));
}

FIXTURE_TEARDOWN(account)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

TEST_F(account, info_is_true)
{
	struct vfio_iommu_spapr_tce_info *info = &self->v.info;
	bool has_ddw = info->flags & VFIO_IOMMU_SPAPR_INFO_DDW;
	uint64_t start, size;
	bool ddw;

	EXPECT_EQ(sizeof(*info), info->argsz);
	EXPECT_EQ(0, info->flags & ~VFIO_IOMMU_SPAPR_INFO_DDW);
	EXPECT_EQ(0, info->dma32_window_start & 0xfff);
	EXPECT_EQ(0, info->dma32_window_size & 0xfff);
	EXPECT_TRUE(variant->version == 2 || !has_ddw);
	if (has_ddw) {
		EXPECT_LE(1, info->ddw.max_dynamic_windows_supported);
		EXPECT_GE(2, info->ddw.max_dynamic_windows_supported);
		EXPECT_LE(1, info->ddw.levels);
		EXPECT_NE(0, info->ddw.pgsizes);
	} else {
		EXPECT_EQ(0, info->ddw.max_dynamic_windows_supported);
		EXPECT_EQ(0, info->ddw.levels);
		EXPECT_EQ(0, info->ddw.pgsizes);
	}
	if (tce_is_powernv() || tce_firmware_window(dev->bdf, &start, &size, &ddw))
		return;
	/*
	 * GET_INFO has 32 bits for the window: it reports that much of it, or
	 * none
	 */
	if (start < 4 * GiB) {
		size = min(min(size, 4 * GiB - start), 4 * GiB - 4 * KiB);
		EXPECT_EQ(start, info->dma32_window_start);
		EXPECT_EQ(size, info->dma32_window_size);
	} else {
		EXPECT_EQ(0, info->dma32_window_size);
	}
	EXPECT_EQ(ddw && variant->version == 2, has_ddw);
}

/* The process is killed while everything is open */
TEST_F_TIMEOUT(account, killed, 120)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;
	int fds[2], status, i;
	pid_t pid;
	char c;

	tce_vfio_close(v);
	for (i = 0; i < 4; i++) {
		/* The first round fills caches */
		if (i == 1)
			ASSERT_EQ(0, tce_stat_get(&before));
		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			own_until_killed(variant->version, fds[1]);
		close(fds[1]);
		c = 1;
		EXPECT_EQ(1, read(fds[0], &c, 1));
		EXPECT_EQ(0, c);
		close(fds[0]);
		kill(pid, SIGKILL);
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
	ASSERT_EQ(0, tce_vfio_open_quick(v, dev, variant->version));
	EXPECT_EQ(0, map_and_use(v, &self->mem));
}

/* v1 charges the whole window while enabled, v2 the registered memory */
TEST_F(account, locked_memory_is_charged)
{
	struct tce_vfio *v = &self->v;
	long window = v->info.dma32_window_size / 1024;
	long expected = variant->version == 1 ? window : 4 * UNIT / 1024;
	int i;

	EXPECT_EQ(0, tce_vmlck_kb());
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, tce_ready(v, &self->mem));
		EXPECT_EQ(expected, tce_vmlck_kb());
		ASSERT_EQ(0, tce_unready(v, &self->mem));
		EXPECT_EQ(0, tce_vmlck_kb());
	}
	/* Mappings may cost more, which is given back with them */
	ASSERT_EQ(0, map_and_use(v, &self->mem));
	EXPECT_LE(expected, tce_vmlck_kb());
	ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	ASSERT_EQ(0, tce_unready(v, &self->mem));
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_vmlck_kb());
}

/* Several regions, registered and unregistered in any order */
TEST_F(account, regions)
{
	struct tce_vfio *v = &self->v;
	uint8_t *mem = self->mem.va;
	long locked;
	int i;

	if (variant->version == 1)
		SKIP(return, "v1 has no regions");
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, tce_register(v->container, mem + i * UNIT, UNIT));
	EXPECT_EQ(4 * UNIT / 1024, tce_vmlck_kb());
	ASSERT_EQ(0, tce_map(v->container, mem + 2 * UNIT, tce_def_start(v),
			     UNIT, TCE_RW));
	/* The window itself may be charged too */
	locked = tce_vmlck_kb() - 4 * UNIT / 1024;
	EXPECT_EQ(0, tce_unregister(v->container, mem + 3 * UNIT, UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem, UNIT));
	EXPECT_EQ(-EBUSY, tce_unregister(v->container, mem + 2 * UNIT, UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem + 1 * UNIT, UNIT));
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), mem + 2 * UNIT, LEN));
	EXPECT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem + 2 * UNIT, UNIT));
	/* All of it as one region, after the parts are unregistered */
	EXPECT_EQ(0, tce_register(v->container, mem, 4 * UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem, 4 * UNIT));
	EXPECT_EQ(locked, tce_vmlck_kb());
}

/*
 * A container is closed, with all its regions. The kernel finds regions by a
 * tree. These are the numbers of regions around which its first levels are
 * full.
 */
TEST(many_regions)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const int max = 140;
	struct tce_stat before, after;
	struct tce_vfio v;
	struct tce_mem mem;
	uint8_t *p;
	int n, i;

	ASSERT_EQ(0, tce_mem_anon(&mem, 2 * max * page));
	ASSERT_EQ(0, tce_stat_get(&before));
	p = mem.va;
	for (n = 110; n <= max; n++) {
		ASSERT_EQ(0, tce_vfio_open_iommu(&v, &tce_devs[0], 2));
		/*
		 * There are gaps, or the regions would be one range of the tree
		 */
		for (i = 0; i < n; i++)
			ASSERT_EQ(0, tce_register(v.container, p + 2 * i * page,
						  page));
		tce_vfio_close(&v);
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
	tce_mem_free(&mem);
}

/* DISABLE removes the mappings too, and not only their charge */
TEST_F(account, disable_with_mappings)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before;
	int i;

	if (variant->version == 2)
		SKIP(return, "v2 cannot be disabled");
	/* The window and its charge stay */
	ASSERT_EQ(0, tce_enable(v->container));
	ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	ASSERT_EQ(0, tce_disable(v->container));
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, map_and_use(v, &self->mem));
		EXPECT_LT(before.pinned, tce_pinned());
		ASSERT_EQ(0, tce_disable(v->container));
		EXPECT_EQ(before.vmlck_kb, tce_vmlck_kb());
		EXPECT_EQ(before.pinned, tce_pinned());
		EXPECT_EQ(0, tce_dma_write_denied(v, tce_def_start(v),
						  self->mem.va, LEN, NULL));
		EXPECT_EQ(-EPERM, tce_map(v->container, self->mem.va,
					  tce_def_start(v), UNIT, TCE_RW));
	}
}

/* Memory whose charge is given back is unpinned at the same time */
TEST_F(account, unpinned_at_once)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before;
	struct tce_mem mem;
	int i, ret;

	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < 4; i++) {
		/* Huge pages are unpinned in another way */
		ret = i & 1 ? tce_mem_for_shift(&mem, 16 * MiB, 21) :
			      tce_mem_anon(&mem, 16 * MiB);
		if (ret == -ENOENT)
			continue;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, tce_ready(v, &mem));
		ASSERT_EQ(0, tce_map(v->container, mem.va, tce_def_start(v),
				     mem.size, TCE_RW));
		EXPECT_LT(before.pinned, tce_pinned());
		ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v),
				       mem.size));
		ASSERT_EQ(0, tce_unready(v, &mem));
		EXPECT_EQ(before.pinned, tce_pinned());
		tce_mem_free(&mem);
	}
}

/* The memory has a hole at its end: the pages before it are unpinned again */
TEST_F(account, failed_calls_leave_no_pin)
{
	uint8_t *last = self->mem.va + 3 * UNIT;
	struct tce_vfio *v = &self->v;
	struct tce_stat before;
	int i;

	if (variant->version == 1) {
		ASSERT_EQ(0, tce_enable(v->container));
		ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	}
	ASSERT_EQ(0, tce_stat_get(&before));
	ASSERT_EQ(0, munmap(last, UNIT));
	for (i = 0; i < 10; i++) {
		if (variant->version == 1) {
			EXPECT_EQ(-EFAULT, tce_map(v->container, self->mem.va,
						   tce_def_start(v), 4 * UNIT,
						   TCE_RW));
		} else {
			EXPECT_EQ(-EFAULT, tce_register(v->container,
							self->mem.va,
							4 * UNIT));
		}
		EXPECT_EQ(before.pinned, tce_pinned());
		EXPECT_EQ(before.vmlck_kb, tce_vmlck_kb());
	}
}

/* So many calls that a small leak in each shows at the end */
TEST_F_TIMEOUT(account, failed_creates_leave_nothing, 120)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;
	uint64_t start;
	int i;

	if (!tce_has_ddw(v))
		SKIP(return, "no windows to create");
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < 20000; i++) {
		ASSERT_GT(0, tce_create(v->container, 12, 1ULL << 62, 1 + i % 2,
					&start));
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
	/* A window can still be created */
	EXPECT_EQ(0, tce_create(v->container, 12, 16 * MiB, 1, &start));
}

/* The kernel's notes of mappings are charged to the user */
TEST_F(account, notes_of_mappings_are_charged)
{
	struct tce_vfio *v = &self->v;
	uint64_t iova, n = 128;
	long before, locked;

	if (variant->version == 1)
		SKIP(return, "v1 is charged for all of the window");
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	if (tce_def_end(v) - tce_def_start(v) < n * 2 * MiB)
		SKIP(return, "the window is too small");
	ASSERT_EQ(0, tce_ready(v, &self->mem));
	before = tce_vmlck_kb();
	/* One page in each of many parts of the window */
	for (iova = tce_def_start(v); n; n--, iova += 2 * MiB)
		ASSERT_EQ(0, tce_map(v->container, self->mem.va, iova, 4 * KiB,
				     TCE_RW));
	/* At least eight bytes for each entry of such a part */
	locked = tce_vmlck_kb();
	EXPECT_LE(before + 128 * 4, locked);
	ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v), 256 * MiB));
	EXPECT_GT(locked, tce_vmlck_kb());
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_vmlck_kb());
}

/* After exec() the process is no owner any more. All is freed when it ends. */
TEST_F_TIMEOUT(account, inherited_by_exec, 60)
{
	struct tce_stat before, after;
	int i, status;
	pid_t pid;

	tce_vfio_close(&self->v);
	for (i = 0; i < 4; i++) {
		/* The first round fills caches */
		if (i == 1)
			ASSERT_EQ(0, tce_stat_get(&before));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			own_and_exec(variant->version);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, 2 * TOLERANCE_KB));
	ASSERT_EQ(0, tce_vfio_open_quick(&self->v, dev, variant->version));
	EXPECT_EQ(0, map_and_use(&self->v, &self->mem));
}

/* After the owner has ended, its child has the last descriptors */
TEST_F_TIMEOUT(account, outlived_by_a_child, 60)
{
	struct tce_stat before, after;
	int i, status, fds[2];
	pid_t pid;
	char c;

	tce_vfio_close(&self->v);
	for (i = 0; i < 4; i++) {
		if (i == 1)
			ASSERT_EQ(0, tce_stat_get(&before));
		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			own_and_leave(variant->version, fds[1]);
		close(fds[1]);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		c = 1;
		EXPECT_EQ(1, read(fds[0], &c, 1));
		EXPECT_EQ(0, c);
		/* The child has ended too */
		EXPECT_EQ(0, read(fds[0], &c, 1));
		close(fds[0]);
		usleep(100000);
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, 2 * TOLERANCE_KB));
	ASSERT_EQ(0, tce_vfio_open_quick(&self->v, dev, variant->version));
	EXPECT_EQ(0, map_and_use(&self->v, &self->mem));
}

/*
 * Ten rounds from the host's driver to VFIO and back, with windows, mappings
 * and DMA. Nothing is left behind.
 */
FIXTURE(rounds) {
	struct tce_stat before;
};

FIXTURE_SETUP(rounds)
{
}

FIXTURE_TEARDOWN(rounds)
{
	/* The other tests of this program need vfio-pci */
	tce_bind_group(dev->group);
}

TEST_F_TIMEOUT(rounds, leave_nothing, 300)
{
	struct tce_stat after;
	int i;

	/* The host's driver, as before the program */
	tce_restore_group(dev->group);
	/* The first round fills caches */
	ASSERT_EQ(0, one_round(2));
	ASSERT_EQ(0, one_round(1));
	ASSERT_EQ(0, tce_stat_get(&self->before));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, one_round(2 - i % 2)) {
			TH_LOG("round %d", i);
		}
	}
	EXPECT_EQ(0, tce_stat_settle(&self->before, &after, 2 * TOLERANCE_KB));
}

int main(int argc, char **argv)
{
	/* See own_and_exec() */
	if (argc == 4 && !strcmp(argv[1], "--not-the-owner"))
		return not_the_owner(atoi(argv[2]),
				     strtoull(argv[3], NULL, 0));

	tce_begin(true);
	return test_harness_run(argc, argv);
}
