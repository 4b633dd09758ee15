// SPDX-License-Identifier: GPL-2.0
/*
 * Containers, groups and devices come and go in every order, and nothing is
 * left of them.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define UNIT		(64 * KiB)
#define LEN		2048

/* MemFree moves by itself; a leak of what a test maps is far above this */
#define TOLERANCE_KB	(12 * 1024)

static const struct tce_dev *dev = &tce_devs[0];

/* Maps a unit at the start of the default window and uses it */
static int map_and_use(struct tce_vfio *v, struct tce_mem *mem)
{
	int ret;

	ret = tce_ready(v, mem);
	if (!ret)
		ret = tce_map(v->container, mem->va, tce_def_start(v), UNIT,
			      TCE_RW);
	if (!ret)
		ret = tce_dma_ok(v, tce_def_start(v), mem->va, LEN);
	return ret;
}

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
	/* One user at a time */
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
		/* The answer is the same with a group in the container */
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

/* A group leaves only when its devices are closed */
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
		/* Either version, whichever it was before */
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

/* The open device keeps its mappings, whatever else has been closed */
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

	/* Now it is free */
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

/* Memory that the process gives up while it is mapped stays for the device */
TEST_F_TIMEOUT(life, memory_unmapped_by_the_process, 120)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;

	tce_vfio_close(v);
	ASSERT_EQ(0, tce_stat_get(&before));
	ASSERT_EQ(0, tce_vfio_open(v, dev, variant->version));
	ASSERT_EQ(0, map_and_use(v, &self->mem));
	munmap((uint8_t *)self->mem.va + UNIT, UNIT);
	munmap(self->mem.va, UNIT);
	if (dev->edu) {
		/* To pages that nobody else may have by now */
		EXPECT_EQ(0, edu_dma_read(&v->edu, tce_def_start(v), LEN));
		EXPECT_EQ(0, edu_dma_write(&v->edu, tce_def_start(v), LEN));
	}
	EXPECT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	EXPECT_EQ(0, tce_unready(v, &self->mem));
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
}

/* What does not need the device, which PowerNV is slow to open and close */
FIXTURE(account) {
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE_VARIANT(account) {
	int version;
};

FIXTURE_VARIANT_ADD(account, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(account, v2) { .version = 2 };

static int open_account(struct tce_vfio *v, int version)
{
	return tce_is_powernv() ? tce_vfio_open_iommu(v, dev, version) :
				  tce_vfio_open(v, dev, version);
}

FIXTURE_SETUP(account)
{
	ASSERT_EQ(0, open_account(&self->v, variant->version));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 4 * UNIT));
}

FIXTURE_TEARDOWN(account)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The window that the firmware gave to the device or to a node above it */
static int firmware_window(uint64_t *start, uint64_t *size, bool *ddw)
{
	char path[PATH_MAX], prop[PATH_MAX + 32], *slash;
	unsigned char value[64];
	FILE *f;
	size_t n;

	snprintf(prop, sizeof(prop), "/sys/bus/pci/devices/%s/of_node",
		 dev->bdf);
	if (!realpath(prop, path))
		return -ENOENT;
	while (strstr(path, "/devicetree/base/")) {
		snprintf(prop, sizeof(prop), "%s/ibm,dma-window", path);
		f = fopen(prop, "r");
		if (f) {
			n = fread(value, 1, sizeof(value), f);
			fclose(f);
			if (n != 20)
				return -EPROTO;
			*start = (uint64_t)be32(value + 4) << 32 |
				 be32(value + 8);
			*size = (uint64_t)be32(value + 12) << 32 |
				be32(value + 16);
			snprintf(prop, sizeof(prop), "%s/ibm,ddw-applicable",
				 path);
			*ddw = !access(prop, F_OK);
			return 0;
		}
		slash = strrchr(path, '/');
		*slash = '\0';
	}
	return -ENOENT;
}

TEST_F(account, info_is_true)
{
	struct vfio_iommu_spapr_tce_info *info = &self->v.info;
	bool has_ddw = info->flags & VFIO_IOMMU_SPAPR_INFO_DDW;
	uint64_t start, size;
	bool ddw;

	EXPECT_EQ(sizeof(*info), info->argsz);
	EXPECT_EQ(0, info->flags & ~VFIO_IOMMU_SPAPR_INFO_DDW);
	EXPECT_LT(0, info->dma32_window_size);
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
	if (tce_is_powernv() || firmware_window(&start, &size, &ddw))
		return;
	/* The interface has 32 bits for them */
	if (start <= UINT32_MAX && size <= UINT32_MAX) {
		EXPECT_EQ(start, info->dma32_window_start);
		EXPECT_EQ(size, info->dma32_window_size);
	}
	EXPECT_EQ(ddw && variant->version == 2, has_ddw);
}

/* The process is killed with everything open */
TEST_F_TIMEOUT(account, killed, 120)
{
	struct tce_vfio *v = &self->v;
	struct tce_stat before, after;
	int fds[2], status, i;
	struct tce_mem mem;
	uint64_t start;
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
		if (!pid) {
			c = tce_mem_anon(&mem, 16 * MiB) ||
			    open_account(v, variant->version) ||
			    tce_ready(v, &mem) ||
			    tce_map(v->container, mem.va, tce_def_start(v),
				    16 * MiB, TCE_RW);
			if (!c && (v->info.flags & VFIO_IOMMU_SPAPR_INFO_DDW) &&
			    v->info.ddw.max_dynamic_windows_supported > 1)
				c = tce_create(v->container, 12, 1 * GiB, 1,
					       &start) ||
				    tce_map(v->container, mem.va, start,
					    16 * MiB, TCE_RW);
			if (write(fds[1], &c, 1) == 1)
				pause();
			_exit(1);
		}
		close(fds[1]);
		c = 1;
		EXPECT_EQ(1, read(fds[0], &c, 1));
		EXPECT_EQ(0, c);
		close(fds[0]);
		kill(pid, SIGKILL);
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
	}
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
	ASSERT_EQ(0, open_account(v, variant->version));
	EXPECT_EQ(0, map_and_use(v, &self->mem));
}

/* v1 charges the whole window while enabled, v2 what is registered */
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
	/* With mappings: whatever else that costs goes when they go */
	ASSERT_EQ(0, map_and_use(v, &self->mem));
	EXPECT_LE(expected, tce_vmlck_kb());
	ASSERT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	ASSERT_EQ(0, tce_unready(v, &self->mem));
	tce_vfio_close(v);
	EXPECT_EQ(0, tce_vmlck_kb());
}

/* Several regions, in and out in any order, also identical ones in turn */
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
	/* The window itself may cost something */
	locked = tce_vmlck_kb() - 4 * UNIT / 1024;
	EXPECT_EQ(0, tce_unregister(v->container, mem + 3 * UNIT, UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem, UNIT));
	EXPECT_EQ(-EBUSY, tce_unregister(v->container, mem + 2 * UNIT, UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem + 1 * UNIT, UNIT));
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), mem + 2 * UNIT, LEN));
	EXPECT_EQ(0, tce_unmap(v->container, tce_def_start(v), UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem + 2 * UNIT, UNIT));
	/* All of it as one, now that the parts are gone */
	EXPECT_EQ(0, tce_register(v->container, mem, 4 * UNIT));
	EXPECT_EQ(0, tce_unregister(v->container, mem, 4 * UNIT));
	EXPECT_EQ(locked, tce_vmlck_kb());
}

/*
 * Ten rounds from the host's driver to VFIO and back with windows, mappings
 * and DMA; then nothing is left over.
 */
FIXTURE(rounds) {
	struct tce_stat before;
};

FIXTURE_SETUP(rounds)
{
}

FIXTURE_TEARDOWN(rounds)
{
	/* As this program's other tests found it */
	tce_bind_group(dev->group);
}

static int one_round(int version)
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
	ret = tce_mem_anon(&mem, 16 * MiB);
	if (!ret)
		ret = tce_ready(&v, &mem);
	if (!ret)
		ret = tce_map(v.container, mem.va, tce_def_start(&v), mem.size,
			      TCE_RW);
	if (!ret)
		ret = tce_dma_ok(&v, tce_def_start(&v), mem.va, LEN);
	if (!ret && version == 2 &&
	    (v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW) &&
	    v.info.ddw.max_dynamic_windows_supported > 1) {
		ret = tce_create(v.container, tce_has_shift(&v, 16) ? 16 : 12,
				 1 * GiB, 1, &start);
		if (!ret && !tce_mem_hugetlb(&huge, 4 * MiB, 2 * MiB)) {
			ret = tce_register(v.container, huge.va, huge.size);
			if (!ret)
				ret = tce_map(v.container, huge.va, start,
					      huge.size, TCE_RW);
			if (!ret)
				ret = tce_dma_ok(&v, start, huge.va, LEN);
		}
	}
	/* All of it is still mapped */
	tce_vfio_close(&v);
	tce_mem_free(&mem);
	tce_mem_free(&huge);
	if (!ret)
		ret = tce_restore_group(dev->group);
	return ret;
}

TEST_F_TIMEOUT(rounds, leave_nothing, 300)
{
	struct tce_stat after;
	int i;

	/* The state of the host: before the program bound the group */
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
	tce_begin(true);
	return test_harness_run(argc, argv);
}
