// SPDX-License-Identifier: GPL-2.0
/*
 * The host's driver works before VFIO and after it, any number of times, and
 * has the same DMA windows. The device is an NVMe disk.
 *
 * The disk is written only if VFIO_TCE_SCRATCH_DISK=1 says that its data are
 * not needed. Otherwise it is read.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define LEN		2048
#define ROUNDS		10

/* The host's driver may keep some more memory after a round than before */
#define TOLERANCE_KB	(16 * 1024)

struct ctx {
	char nvme[TCE_BDF_LEN];
	struct tce_dev dev;		/* for VFIO: an edu if possible */
	char windows[1024];
};

static int host_io(const char *bdf)
{
	char disk[64];
	int ret;

	ret = tce_nvme_disk(bdf, disk, sizeof(disk));
	if (ret) {
		tce_log("%s: no disk appears", bdf);
		return ret;
	}
	ret = tce_disk_io(disk);
	if (ret)
		tce_log("%s: I/O: %s", disk, strerror(-ret));
	return ret;
}

/* The disk works before VFIO; its windows are kept for a comparison */
static int host_is_there(struct ctx *c)
{
	return host_io(c->nvme) ?:
	       tce_host_windows(c->nvme, c->windows, sizeof(c->windows));
}

/* The disk works after VFIO, with the same windows */
static int host_is_back(struct ctx *c)
{
	char windows[sizeof(c->windows)];
	int ret;

	ret = host_io(c->nvme) ?:
	      tce_host_windows(c->nvme, windows, sizeof(windows));
	if (!ret && strcmp(windows, c->windows)) {
		tce_log("windows were %s", c->windows);
		tce_log("windows are  %s", windows);
		ret = -EBADE;
	}
	return ret;
}

FIXTURE(host) {
	struct ctx c;
	bool have_disk;
};

FIXTURE_VARIANT(host) {
	int version;
};

FIXTURE_VARIANT_ADD(host, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(host, v2) { .version = 2 };

FIXTURE_SETUP(host)
{
	struct ctx *c = &self->c;
	struct tce_bdf bdfs[16];
	int i, n;

	/* A disk in the group of a device under test, or else any disk */
	n = tce_find_class(TCE_CLASS_NVME, bdfs, 16);
	if (n <= 0)
		return;
	self->have_disk = true;
	strcpy(c->nvme, bdfs[0].s);
	strcpy(c->dev.bdf, c->nvme);
	c->dev.group = tce_group_of(c->nvme);
	for (i = 0; i < n; i++) {
		if (tce_group_of(bdfs[i].s) == tce_devs[0].group) {
			strcpy(c->nvme, bdfs[i].s);
			c->dev = tce_devs[0];
			break;
		}
	}
}

FIXTURE_TEARDOWN(host)
{
	/* In case that the test has failed in between */
	if (self->have_disk)
		tce_restore_group(self->c.dev.group);
}

/* From the host's driver to VFIO */
static int take(struct ctx *c, struct tce_vfio *v, int version)
{
	return host_is_there(c) ?: tce_bind_group(c->dev.group) ?:
	       tce_vfio_open(v, &c->dev, version);
}

/* And back */
static int give_back(struct ctx *c, struct tce_vfio *v)
{
	tce_vfio_close(v);
	return tce_restore_group(c->dev.group) ?: host_is_back(c);
}

/* One round from the host's driver to VFIO and back, with marks */
static int round_trip(struct ctx *c, int version)
{
	struct tce_mem mem = { .fd = -1 };
	struct tce_vfio v;
	uint64_t start;
	int ret, err;

	tce_mark(&c->dev, TCE_MARK_HOST_UNBIND);
	ret = tce_bind_group(c->dev.group);
	tce_mark(&c->dev, TCE_MARK_HOST_UNBOUND);
	if (ret)
		return ret;

	tce_mark(&c->dev, TCE_MARK_TAKE);
	ret = tce_vfio_open(&v, &c->dev, version);
	tce_mark(&c->dev, TCE_MARK_TAKEN);
	ret = ret ?: tce_mem_anon(&mem, 2 * UNIT) ?: tce_ready(&v, &mem) ?:
	      tce_map(v.container, mem.va, tce_def_start(&v), UNIT, TCE_RW) ?:
	      tce_dma_ok(&v, tce_def_start(&v), mem.va, LEN);
	if (!ret && version == 2 && tce_max_windows(&v) > 1)
		ret = tce_create(v.container, 12, 1 * GiB, 1, &start) ?:
		      tce_map(v.container, mem.va + UNIT, start, UNIT, TCE_RW) ?:
		      tce_dma_ok(&v, start, mem.va + UNIT, LEN);
	tce_mark(&c->dev, TCE_MARK_RELEASE);
	tce_vfio_close(&v);
	tce_mark(&c->dev, TCE_MARK_RELEASED);
	tce_mem_free(&mem);

	tce_mark(&c->dev, TCE_MARK_HOST_BIND);
	err = tce_restore_group(c->dev.group);
	tce_mark(&c->dev, TCE_MARK_HOST_BOUND);
	return ret ?: err ?: host_is_back(c);
}

TEST_F_TIMEOUT(host, driver_comes_back, 300)
{
	struct tce_stat before, after;
	struct ctx *c = &self->c;
	char driver[64], now[64];
	int i, group;

	if (!self->have_disk)
		SKIP(return, "no NVMe disk");
	ASSERT_LE(0, c->dev.group);
	tce_driver_of(c->nvme, driver, sizeof(driver));
	if (strcmp(driver, "nvme"))
		SKIP(return, "the disk has no host driver");

	ASSERT_EQ(0, host_is_there(c));
	group = tce_group_of(c->nvme);

	/* The first round fills caches */
	ASSERT_EQ(0, round_trip(c, variant->version));
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, round_trip(c, variant->version)) {
			TH_LOG("round %d", i);
		}
		ASSERT_EQ(group, tce_group_of(c->nvme));
	}
	tce_driver_of(c->nvme, now, sizeof(now));
	EXPECT_STREQ(driver, now);
	EXPECT_EQ(0, tce_stat_settle(&before, &after, TOLERANCE_KB));
}

/* A user opens the device and does nothing else */
TEST_F_TIMEOUT(host, driver_comes_back_from_nothing, 60)
{
	struct ctx *c = &self->c;
	struct tce_vfio v;

	if (!self->have_disk)
		SKIP(return, "no NVMe disk");
	ASSERT_EQ(0, take(c, &v, variant->version));
	EXPECT_EQ(0, give_back(c, &v));
}

/* The calls of the user are refused, which must not matter to the host */
TEST_F_TIMEOUT(host, driver_comes_back_after_refused_calls, 60)
{
	struct ctx *c = &self->c;
	struct tce_vfio v;
	uint64_t start;

	if (!self->have_disk)
		SKIP(return, "no NVMe disk");
	if (variant->version == 1)
		SKIP(return, "v1 has no windows to create");
	ASSERT_EQ(0, take(c, &v, 2));
	/* No such page size, too small, too large, and one window too many */
	EXPECT_GT(0, tce_create(v.container, 140, 1 * GiB, 1, &start));
	EXPECT_GT(0, tce_create(v.container, 16, 32 * KiB, 1, &start));
	EXPECT_GT(0, tce_create(v.container, 12, 1ULL << 62, 1, &start));
	tce_create(v.container, 16, 1 * GiB, 1, &start);
	EXPECT_GT(0, tce_create(v.container, 16, 1 * GiB, 1, &start));
	tce_remove(v.container, tce_def_start(&v));
	tce_create(v.container, 16, 1 * GiB, 1, &start);
	EXPECT_GT(0, tce_create(v.container, 16, 1 * GiB, 1, &start));
	EXPECT_EQ(0, give_back(c, &v));
	EXPECT_EQ(0, round_trip(c, 2));
}

/* VFIO cannot have the group while the host's driver has a device of it */
TEST_F_TIMEOUT(host, driver_keeps_the_group, 60)
{
	struct ctx *c = &self->c;
	struct tce_vfio v = TCE_VFIO_CLOSED;
	int ret;

	if (!self->have_disk || !strcmp(c->nvme, c->dev.bdf))
		SKIP(return, "no NVMe disk in the group");
	ASSERT_EQ(0, tce_bind_group(c->dev.group));
	ASSERT_EQ(0, tce_vfio_open(&v, &c->dev, variant->version));
	tce_vfio_close(&v);
	/* The disk alone is given back */
	ASSERT_EQ(0, tce_restore_device(c->nvme));
	EXPECT_EQ(0, host_io(c->nvme));
	v.container = tce_open_container();
	ASSERT_LE(0, v.container);
	ret = tce_open_group(&c->dev);
	v.group = ret;
	if (ret >= 0)
		ret = tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
				&v.container);
	EXPECT_EQ(-EPERM, ret);
	tce_vfio_close(&v);
	EXPECT_EQ(0, host_io(c->nvme));
}

/*
 * Another device writes to pages of the disk's page cache, which are clean. If
 * the kernel did not mark them dirty at the end, the data would not reach the
 * disk.
 */
TEST_F_TIMEOUT(host, device_writes_make_pages_dirty, 60)
{
	struct tce_mem mem = { .fd = -1 }, out = { .fd = -1 };
	const struct tce_dev *dev = NULL;
	struct ctx *c = &self->c;
	char disk[64], *buf;
	struct tce_vfio v;
	uint64_t iova;
	int i, ret;

	if (!self->have_disk || !tce_disk_is_scratch())
		SKIP(return, "no NVMe disk that may be written");
	for (i = 0; i < tce_ndevs && !dev; i++)
		if (tce_devs[i].edu &&
		    tce_devs[i].group != tce_group_of(c->nvme))
			dev = &tce_devs[i];
	if (!dev)
		SKIP(return, "no device in another group");
	ASSERT_EQ(0, tce_nvme_disk(c->nvme, disk, sizeof(disk)));
	ASSERT_EQ(0, tce_bind_group(dev->group));
	ASSERT_EQ(0, tce_vfio_open(&v, dev, variant->version));

	mem.fd = open(disk, O_RDWR);
	ASSERT_LE(0, mem.fd);
	mem.size = 2 * UNIT;
	mem.va = mmap(NULL, mem.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      mem.fd, 0);
	ASSERT_NE(MAP_FAILED, mem.va);
	memset(mem.va, 0, mem.size);

	iova = tce_def_start(&v);
	ret = tce_ready(&v, &mem);
	if (!ret)
		ret = tce_map(v.container, mem.va, iova, mem.size, TCE_RW);
	if (ret == -EFAULT) {
		tce_vfio_close(&v);
		tce_restore_group(dev->group);
		SKIP(return, "the kernel does not pin pages of files");
	}
	ASSERT_EQ(0, ret);

	/*
	 * The data come from other memory: the process must not dirty the pages
	 */
	ASSERT_EQ(0, tce_mem_anon(&out, UNIT));
	if (v.version == 2)
		ASSERT_EQ(0, tce_register(v.container, out.va, UNIT));
	ASSERT_EQ(0, tce_map(v.container, out.va, iova + 2 * UNIT, UNIT,
			     TCE_RW));
	tce_fill(out.va, LEN, 7);
	ASSERT_EQ(0, edu_dma_read(&v.edu, iova + 2 * UNIT, LEN));

	/* The pages are clean from here on */
	ASSERT_EQ(0, fsync(mem.fd));
	ASSERT_EQ(0, edu_dma_write(&v.edu, iova + UNIT, LEN));
	tce_vfio_close(&v);
	munmap(mem.va, mem.size);
	ASSERT_EQ(0, fsync(mem.fd));
	ASSERT_EQ(0, tce_restore_group(dev->group));

	/* Read without the page cache */
	buf = out.va;
	memset(buf, 0, UNIT);
	close(mem.fd);
	mem.fd = open(disk, O_RDONLY | O_DIRECT);
	ASSERT_LE(0, mem.fd);
	ASSERT_EQ(UNIT, pread(mem.fd, buf, UNIT, UNIT));
	EXPECT_TRUE(tce_match(buf, LEN, 7));
	close(mem.fd);
	tce_mem_free(&out);
}

/* A user removes every window, and leaves */
TEST_F_TIMEOUT(host, driver_comes_back_after_all_windows_went, 60)
{
	struct ctx *c = &self->c;
	struct tce_vfio v;
	uint64_t start;

	if (!self->have_disk)
		SKIP(return, "no NVMe disk");
	if (variant->version == 1)
		SKIP(return, "v1 has no windows to remove");
	ASSERT_EQ(0, take(c, &v, 2));
	if (tce_has_ddw(&v)) {
		ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
		ASSERT_EQ(0, tce_create(v.container, 12, 1 * GiB, 1, &start));
		ASSERT_EQ(0, tce_remove(v.container, start));
	}
	EXPECT_EQ(0, give_back(c, &v));
}

TCE_MAIN(false)
