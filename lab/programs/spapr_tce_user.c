// SPDX-License-Identifier: GPL-2.0
/*
 * The effects of a VFIO user on others: it causes no line in the kernel's log,
 * and the memory of its windows is charged to its cgroup.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "spapr_tce.h"

FIXTURE(log) {
	struct tce_vfio v;
	int fd;
};

FIXTURE_SETUP(log)
{
	self->fd = tce_kmsg_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, tce_vfio_open_iommu(&self->v, &tce_devs[0], 2));
}

FIXTURE_TEARDOWN(log)
{
	tce_vfio_close(&self->v);
	EXPECT_EQ(0, tce_kmsg_lines(self->fd, TCE_KMSG_INFO));
	close(self->fd);
}

/*
 * The group is attached and detached, and its windows are created and removed
 */
TEST_F_TIMEOUT(log, good_calls, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t start;
	int i;

	for (i = 0; i < 3; i++) {
		if (tce_has_shift(v, 16)) {
			ASSERT_EQ(0, tce_create(v->container, 16, GiB, 1,
						&start));
			EXPECT_EQ(0, tce_remove(v->container, start));
		}
		tce_vfio_close(v);
		ASSERT_EQ(0, tce_vfio_open_iommu(v, v->dev, 2));
	}
	EXPECT_EQ(0, tce_kmsg_lines(self->fd, TCE_KMSG_INFO));
}

/* Too large for the platform, or for the existing memory */
TEST_F_TIMEOUT(log, refused_calls, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t size, start;
	int ret;

	/* Beyond 2^31 entries QEMU 7.2 has been seen to fail */
	for (size = GiB; size <= 8 * TiB; size <<= 1) {
		ret = tce_create(v->container, 12, size, 1, &start);
		if (!ret)
			ret = tce_remove(v->container, start);
		EXPECT_GE(0, ret);
	}
	EXPECT_EQ(0, tce_kmsg_lines(self->fd, TCE_KMSG_INFO));
}

#define CGROUPS		"/tmp/spapr_tce_cgroup"

FIXTURE(charge) {
	struct tce_vfio v;
	struct tce_mem mem;
};

static long charged_kb(void)
{
	char text[32] = "";

	if (tce_read_text(CGROUPS "/user/memory.current", text, sizeof(text)))
		return -1;
	return strtoull(text, NULL, 10) / 1024;
}

/* The process enters a cgroup of its own, and leaves it when it ends */
FIXTURE_SETUP(charge)
{
	char pid[16];

	mkdir(CGROUPS, 0700);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL) ||
	    tce_write_text(CGROUPS "/cgroup.subtree_control", "+memory")) {
		umount(CGROUPS);
		SKIP(return, "no cgroups");
	}
	mkdir(CGROUPS "/user", 0700);
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, tce_write_text(CGROUPS "/user/cgroup.procs", pid));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, MiB));
	memset(self->mem.va, 0, self->mem.size);
	ASSERT_EQ(0, tce_vfio_open_iommu(&self->v, &tce_devs[0], 2));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va,
				  self->mem.size));
	ASSERT_LT(0, charged_kb());
}

FIXTURE_TEARDOWN(charge)
{
	char pid[16];

	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
	snprintf(pid, sizeof(pid), "%d", getpid());
	tce_write_text(CGROUPS "/cgroup.procs", pid);
	rmdir(CGROUPS "/user");
	umount(CGROUPS);
	rmdir(CGROUPS);
}

/*
 * Charges are made for up to 64 pages in advance, and returned so late, by each
 * CPU
 */
#define MARGIN_KB	(64 * sysconf(_SC_PAGESIZE) / 1024)
#define RETURNED_KB	(MARGIN_KB * sysconf(_SC_NPROCESSORS_ONLN))

/* Charges of memory that is freed after a grace period are returned then */
static bool is_returned(long before)
{
	int i;

	for (i = 0; i < 50 && charged_kb() > before + RETURNED_KB; i++)
		usleep(100000);
	return charged_kb() <= before + RETURNED_KB;
}

/* The table of the IOMMU, if it is in memory of the host */
TEST_F(charge, tables)
{
	struct tce_vfio *v = &self->v;
	long before, after;
	uint64_t start;

	if (!tce_is_powernv())
		SKIP(return, "the hypervisor has the table");
	/* 2M entries are 16 MiB */
	before = charged_kb();
	ASSERT_EQ(0, tce_create(v->container, 12, 8 * GiB, 1, &start));
	after = charged_kb();
	tce_log("%ld KiB before, %ld KiB after", before, after);
	EXPECT_LE(before + 16 * 1024 - MARGIN_KB, after);
	EXPECT_EQ(0, tce_remove(v->container, start));
	EXPECT_TRUE(is_returned(before));
}

/* Levels that are allocated with the first entry, and the notes of entries */
TEST_F_TIMEOUT(charge, mappings, 60)
{
	struct tce_vfio *v = &self->v;
	unsigned long i, n = 4096;
	long before, after;
	uint64_t start;

	/* 512 entries map 2 MiB, and have 4 KiB of notes */
	if (!tce_has_shift(v, 12) ||
	    tce_create(v->container, 12, n * 2 * MiB, 2, &start))
		SKIP(return, "no such window");
	before = charged_kb();
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, tce_map(v->container, self->mem.va,
				     start + i * 2 * MiB, 4 * KiB, TCE_RW));
	after = charged_kb();
	tce_log("%ld KiB before, %ld KiB after", before, after);
	/* PowerNV has 4 KiB of its table as well */
	EXPECT_LE(before + n * (tce_is_powernv() ? 8 : 4) - MARGIN_KB, after);
	EXPECT_EQ(0, tce_remove(v->container, start));
	EXPECT_TRUE(is_returned(before));
}

TCE_MAIN(true)
