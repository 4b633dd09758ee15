// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the kind of a device's PE, and checks that GET_INFO is true.
 *
 * Platforms differ in the windows that they have for a PE: a default window at
 * some address or none, one window at a time or two, some page sizes, with or
 * without a call that restores the default window. The program expects no
 * particular kind. GET_INFO has to announce the windows that the device tree
 * and the firmware describe, all of these have to work, and all others have to
 * be refused.
 *
 * Each property of the PE is printed as "# pe PROPERTY: VALUE".
 *
 * The program also tests errors of the platform: a PE that is frozen (EEH), and
 * calls that fail. Only an emulated platform can be made to fail, by writing to
 * the vendor ID of a device, which the RTAS shim intercepts.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "platform.h"

#define LEN		2048
#define MAX_WINDOWS	2

/* Larger than any default window, so that it has to be a dynamic window */
#define WINDOW_SIZE	(8 * GiB)

static const struct tce_dev *dev;
static char nvme[TCE_BDF_LEN];		/* a disk of the PE, or empty */
static char host_before[1024];
static int host_io_before;

#define fact(name, fmt, ...) tce_log("pe " name ": " fmt, ##__VA_ARGS__)

static const char *size_name(uint64_t size, char buf[24])
{
	if (size >= GiB && !(size % GiB))
		snprintf(buf, 24, "%lluG", (unsigned long long)(size / GiB));
	else if (size >= MiB && !(size % MiB))
		snprintf(buf, 24, "%lluM", (unsigned long long)(size / MiB));
	else
		snprintf(buf, 24, "%lluK", (unsigned long long)(size / KiB));
	return buf;
}

static uint64_t window_size(unsigned int shift)
{
	return WINDOW_SIZE < 2ULL << shift ? 2ULL << shift : WINDOW_SIZE;
}

/*
 * No window is described: this is no PE, and neither the host nor VFIO can use
 * it
 */
TEST(no_window_at_all)
{
	char path[128], driver[64];
	struct platform p;
	int ret;

	if (dev->group >= 0)
		SKIP(return, "the device is in a PE");
	ASSERT_EQ(0, ask_platform(dev, &p));
	EXPECT_FALSE(p.has_default);
	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/driver_override", dev->bdf);
	ASSERT_EQ(0, tce_write_text(path, "vfio-pci"));
	ret = tce_write_text("/sys/bus/pci/drivers/vfio-pci/bind", dev->bdf);
	EXPECT_EQ(-EINVAL, ret);
	ASSERT_EQ(0, tce_write_text(path, "\n"));
	tce_driver_of(dev->bdf, driver, sizeof(driver));
	EXPECT_STREQ("", driver);
	fact("default", "none");
	fact("bind", "%s", strerrorname_np(-ret));
	fact("host", "none");
}

FIXTURE(pe) {
	struct tce_vfio v;
	struct tce_mem mem;		/* of small pages, registered */
	bool ddw;
	unsigned int max_windows;
};

FIXTURE_SETUP(pe)
{
	self->v = (struct tce_vfio)TCE_VFIO_CLOSED;
	if (dev->group < 0)
		return;
	ASSERT_EQ(0, tce_vfio_open(&self->v, dev, 2));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 2 * UNIT));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va,
				  self->mem.size));
	self->ddw = self->v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW;
	self->max_windows = self->ddw ?
		self->v.info.ddw.max_dynamic_windows_supported : 0;
}

FIXTURE_TEARDOWN(pe)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

/* GET_INFO, compared with the platform's own answers */
TEST_F(pe, info_is_true)
{
	struct vfio_iommu_spapr_tce_info *info = &self->v.info;
	uint64_t size = 0, pgsizes = 0;
	const struct page_size *ps;
	unsigned int windows = 0;
	char text[128] = "";
	struct platform p;
	char buf[24];

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	ASSERT_EQ(0, ask_platform(dev, &p));
	ASSERT_TRUE(p.has_default);
	if (p.start < 4 * GiB) {
		size = p.size;
		if (size > 4 * GiB - p.start)
			size = 4 * GiB - p.start;
		if (size > 4 * GiB - 4 * KiB)
			size = 4 * GiB - 4 * KiB;
		EXPECT_EQ(p.start, info->dma32_window_start);
	}
	EXPECT_EQ(size, info->dma32_window_size);
	if (!size)
		EXPECT_EQ(0, info->dma32_window_start);

	/*
	 * No window was in use during the query. But a default window that
	 * cannot be restored is not removed, and was counted then.
	 */
	if (p.asked) {
		if (p.windows && p.pgsizes) {
			windows = p.windows + !p.reset;
			if (windows > MAX_WINDOWS)
				windows = MAX_WINDOWS;
			pgsizes = p.pgsizes | 1 << 12;
		}
		EXPECT_EQ(windows, self->max_windows);
		EXPECT_EQ(pgsizes, self->ddw ? info->ddw.pgsizes : 0);
	}
	if (!p.ddw)
		EXPECT_FALSE(self->ddw);
	if (self->ddw)
		EXPECT_LE(1, info->ddw.levels);

	fact("default", "%s at 0x%llx", size_name(p.size, buf),
	     (unsigned long long)p.start);
	if (size)
		fact("told", "%s at 0x%x", size_name(info->dma32_window_size, buf),
		     info->dma32_window_start);
	else
		fact("told", "none");
	fact("query", "%s", !p.ddw ? "none" : p.outputs == 6 ? "6 outputs" :
	     "5 outputs");
	fact("reset", "%s", p.reset ? "yes" : "no");
	fact("windows", "%u", self->ddw ? self->max_windows : 1);
	for (ps = page_sizes; ps->name; ps++)
		if (self->ddw && info->ddw.pgsizes >> ps->shift & 1)
			sprintf(text + strlen(text), " %s", ps->name);
	fact("pages", "%s", *text ? text + 1 : "4K");
}

/* Both ends of a window work, and no address beyond */
static int use_window(struct tce_vfio *v, struct tce_mem *mem, uint64_t start,
		      uint64_t size, uint64_t page)
{
	uint64_t last = start + size - page;
	uint8_t *va = mem->va;
	int ret;

	ret = tce_map(v->container, va, start, page, TCE_RW);
	if (!ret)
		ret = tce_map(v->container, va + page, last, page, TCE_RW);
	if (!ret)
		ret = tce_dma_ok(v, start, va, LEN);
	if (!ret)
		ret = tce_dma_ok(v, last + page - LEN, va + 2 * page - LEN, LEN);
	if (ret) {
		tce_log("window at 0x%llx: %s", (unsigned long long)start,
			strerror(-ret));
		return ret;
	}
	ret = tce_map(v->container, va, last, 2 * page, TCE_RW);
	if (ret != -EINVAL)
		return -ERANGE;
	return 0;
}

static int use_default(struct tce_vfio *v, struct tce_mem *mem)
{
	return use_window(v, mem, tce_def_start(v), v->info.dma32_window_size,
			  4 * KiB);
}

TEST_F_TIMEOUT(pe, default_window, 120)
{
	struct tce_vfio *v = &self->v;
	int ret, again, v1;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	if (v->info.dma32_window_size) {
		ASSERT_EQ(0, use_default(v, &self->mem));
		EXPECT_EQ(-ENXIO, tce_map(v->container, self->mem.va,
					  tce_def_end(v), UNIT, TCE_RW));
		ret = 0;
		ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	} else {
		/* After a failed look-up there is no window to remove */
		ASSERT_EQ(0, tce_remove(v->container, 0));
		ret = tce_map(v->container, self->mem.va, 0, UNIT, TCE_RW);
		EXPECT_EQ(-ENXIO, ret);
	}
	/* It was removed, and cannot be removed twice */
	EXPECT_EQ(-ENXIO, tce_map(v->container, self->mem.va, tce_def_start(v),
				  UNIT, TCE_RW));
	again = tce_remove(v->container, tce_def_start(v));
	EXPECT_EQ(-EINVAL, again);
	tce_vfio_close(v);

	ASSERT_EQ(0, tce_vfio_open(v, dev, 1));
	v1 = tce_enable(v->container);
	if (v->info.dma32_window_size) {
		ASSERT_EQ(0, v1);
		EXPECT_EQ(0, use_default(v, &self->mem));
	} else {
		EXPECT_EQ(-EPERM, v1);
	}
	fact("default window", "%s", ret ? strerrorname_np(-ret) : "works");
	fact("type 1", "%s", v1 ? strerrorname_np(-v1) : "works");
}

/*
 * A window of one page size, used if there is memory of such pages. Returns the
 * result of the creation; *@start is the window's address, and *@used tells
 * whether it was used.
 */
static int try_pages(struct tce_vfio *v, unsigned int shift, uint64_t *start,
		     bool *used)
{
	struct tce_mem mem = { .fd = -1 };
	uint64_t size = 2ULL << shift;
	int ret;

	*used = false;
	ret = tce_create(v->container, shift, window_size(shift), 1, start);
	if (ret)
		return ret;
	if (tce_mem_for_shift(&mem, size < UNIT ? UNIT : size, shift))
		return 0;
	ret = tce_register(v->container, mem.va, mem.size);
	if (!ret)
		ret = use_window(v, &mem, *start, window_size(shift),
				 1ULL << shift);
	if (!ret) {
		*used = true;
		ret = tce_unmap(v->container, *start, window_size(shift));
	}
	if (!ret)
		ret = tce_unregister(v->container, mem.va, mem.size);
	tce_mem_free(&mem);
	return ret;
}

/* A window in place of the default one, of each page size, twice */
TEST_F_TIMEOUT(pe, dynamic_window_alone, 120)
{
	struct tce_vfio *v = &self->v;
	uint64_t start, first = ~0ULL;
	const struct page_size *ps;
	char text[128] = "";
	int i, ret = 0;
	bool used;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	if (!self->ddw)
		SKIP(return, "the platform cannot create windows");
	ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	for (ps = page_sizes; ps->name; ps++) {
		if (!(v->info.ddw.pgsizes >> ps->shift & 1))
			continue;
		for (i = 0; i < 2; i++) {
			ret = try_pages(v, ps->shift, &start, &used);
			/* only the default window may have 4K pages */
			if (ps->shift == 12 && ret == -EINVAL)
				break;
			ASSERT_EQ(0, ret);
			if (first == ~0ULL)
				first = start;
			EXPECT_EQ(first, start);
			ASSERT_EQ(0, tce_remove(v->container, start));
		}
		if (!ret)
			sprintf(text + strlen(text), " %s%s", ps->name,
				used ? "" : ":unused");
	}
	if (*text)
		fact("alone", "0x%llx,%s", (unsigned long long)first, text);

	/*
	 * The last window was removed: the default window serves requests that
	 * fit it again
	 */
	if (v->info.dma32_window_size) {
		ASSERT_EQ(0, tce_create(v->container, 12, 16 * MiB, 1, &start));
		EXPECT_EQ(tce_def_start(v), start);
		EXPECT_EQ(0, use_window(v, &self->mem, start, 16 * MiB,
					4 * KiB));
		ASSERT_EQ(0, tce_remove(v->container, start));
	}
}

/*
 * A window of 4K pages, no larger than the default one, is the default window
 */
TEST_F_TIMEOUT(pe, default_window_again, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t start;
	struct platform p;
	int ret;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	ASSERT_EQ(0, ask_platform(dev, &p));
	ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	ret = tce_create(v->container, 12, 16 * MiB, 1, &start);
	/* Without DDW, no field tells the user of 4K pages */
	ASSERT_EQ(0, ret);
	EXPECT_EQ(p.start, start);
	EXPECT_EQ(0, use_window(v, &self->mem, start, 16 * MiB, 4 * KiB));
	fact("16M of 4K pages", "0x%llx", (unsigned long long)start);
	ASSERT_EQ(0, tce_remove(v->container, start));
}

/*
 * Both windows at once, for each page size; or the second one is refused, and
 * the default one is as before. Users get a default window that they are not
 * told of by asking for 4K pages.
 */
TEST_F_TIMEOUT(pe, dynamic_window_beside_the_default, 120)
{
	uint64_t start, first = ~0ULL, third, base, base_size;
	struct tce_vfio *v = &self->v;
	const struct page_size *ps;
	char text[128] = "";
	int ret = 0;
	bool used;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	if (!self->ddw)
		SKIP(return, "the platform cannot create windows");
	base = tce_def_start(v);
	base_size = v->info.dma32_window_size;
	if (!base_size) {
		base_size = 16 * MiB;
		ASSERT_EQ(0, tce_remove(v->container, 0));
		ASSERT_EQ(0, tce_create(v->container, 12, base_size, 1, &base));
	}
	for (ps = page_sizes; ps->name; ps++) {
		if (!(v->info.ddw.pgsizes >> ps->shift & 1))
			continue;
		ret = try_pages(v, ps->shift, &start, &used);
		if (ps->shift == 12 && ret == -EINVAL)
			continue;
		if (self->max_windows < 2) {
			EXPECT_EQ(-ENOSPC, ret);
			continue;
		}
		ASSERT_EQ(0, ret);
		if (first == ~0ULL)
			first = start;
		EXPECT_EQ(first, start);
		EXPECT_TRUE(start >= base + base_size ||
			    start + window_size(ps->shift) <= base);
		/* Both are in use, and a third window is refused */
		ASSERT_EQ(0, tce_map(v->container, self->mem.va, base, UNIT,
				     TCE_RW));
		EXPECT_EQ(-ENOSPC, tce_create(v->container, ps->shift,
					      window_size(ps->shift), 1,
					      &third));
		EXPECT_EQ(0, tce_dma_ok(v, base, self->mem.va, LEN));
		ASSERT_EQ(0, tce_remove(v->container, start));
		sprintf(text + strlen(text), " %s%s", ps->name,
			used ? "" : ":unused");
	}
	EXPECT_EQ(0, use_window(v, &self->mem, base, base_size, 4 * KiB));
	if (self->max_windows < 2)
		fact("beside the default", "%s", strerrorname_np(-ret));
	else
		fact("beside the default", "0x%llx,%s",
		     (unsigned long long)first, text);
	if (self->max_windows > 1)
		fact("third window", "ENOSPC");
}

/* Windows that the platform does not have */
TEST_F_TIMEOUT(pe, the_rest_is_refused, 60)
{
	struct tce_vfio *v = &self->v;
	const struct page_size *ps;
	bool other = false;
	unsigned int shift;
	uint64_t pgsizes;
	struct platform p;
	uint64_t start;
	int ret;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	for (ps = page_sizes; ps->name; ps++) {
		if (self->ddw ? v->info.ddw.pgsizes >> ps->shift & 1 :
				ps->shift == 12)
			continue;
		other = true;
		EXPECT_EQ(-EINVAL, tce_create(v->container, ps->shift,
					      window_size(ps->shift), 1,
					      &start)) {
			TH_LOG("pages of %s", ps->name);
		}
	}
	if (other)
		fact("other page size", "EINVAL");

	ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	if (!self->ddw) {
		/*
		 * The firmware may have the calls, but no page size or no
		 * window
		 */
		ASSERT_EQ(0, ask_platform(dev, &p));
		ret = tce_create(v->container, 12, WINDOW_SIZE, 1, &start);
		if (!p.ddw || p.asked) {
			EXPECT_EQ(!p.ddw ? -EOPNOTSUPP :
				  !p.pgsizes ? -EINVAL : -ENOSPC, ret);
		}
		fact("larger than the default", "%s", strerrorname_np(-ret));
	} else {
		/*
		 * The largest number of pages; the default window may serve 4K
		 */
		pgsizes = v->info.ddw.pgsizes & ~(1ULL << 12);
		shift = __builtin_ctzll(pgsizes ? pgsizes : 1ULL << 12);
		ret = tce_create(v->container, shift, 1ULL << 62, 1, &start);
		/* No hypervisor is known to have as many entries */
		EXPECT_EQ(-EINVAL, ret);
		fact("larger than there is", "%s", strerrorname_np(-ret));
	}

	/* No refusal has changed the state */
	ASSERT_EQ(0, tce_create(v->container, 12, 16 * MiB, 1, &start));
	EXPECT_EQ(0, use_window(v, &self->mem, start, 16 * MiB, 4 * KiB));
}

/* All devices of the PE reach the mapped memory */
TEST_F_TIMEOUT(pe, each_device, 120)
{
	struct tce_dev devs[64];
	struct tce_vfio v = self->v;
	int i, n, used = 1;
	uint64_t start;

	if (dev->group < 0)
		SKIP(return, "the device is in no PE");
	ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
	ASSERT_EQ(0, tce_create(v.container, 12, 16 * MiB, 1, &start));
	ASSERT_EQ(0, tce_map(v.container, self->mem.va, start, UNIT, TCE_RW));
	unsetenv("VFIO_TCE_DEVICE");
	n = tce_find_devices(devs, 64);
	for (i = 0; i < n; i++) {
		if (devs[i].group != dev->group || !devs[i].edu ||
		    !strcmp(devs[i].bdf, dev->bdf))
			continue;
		v.device = tce_open_device(v.group, &devs[i]);
		ASSERT_LE(0, v.device);
		ASSERT_EQ(0, edu_open(&v.edu, v.device));
		EXPECT_EQ(0, tce_dma_ok(&v, start, self->mem.va, LEN));
		edu_close(&v.edu);
		close(v.device);
		used++;
	}
	EXPECT_EQ(0, tce_dma_ok(&self->v, start, self->mem.va, LEN));
	fact("devices with DMA", "%d", used);
}

FIXTURE(shim) {
	struct tce_vfio v;
	struct tce_mem mem;
	const char *why;
};

FIXTURE_SETUP(shim)
{
	const char *env = getenv("VFIO_TCE_RTAS_SHIM");

	self->v = (struct tce_vfio)TCE_VFIO_CLOSED;
	self->why = dev->group < 0 ? "the device is in no PE" :
		    !env || *env != '1' ? "VFIO_TCE_RTAS_SHIM is not set" : NULL;
	if (self->why)
		return;
	ASSERT_EQ(0, tce_vfio_open(&self->v, dev, 2));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 1 * MiB));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va,
				  self->mem.size));
}

FIXTURE_TEARDOWN(shim)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

static int eeh(struct tce_vfio *v, unsigned int what)
{
	struct vfio_eeh_pe_op op = {
		.argsz = sizeof(op),
		.op = what,
	};

	return tce_ioctl(v->container, VFIO_EEH_PE_OP, &op);
}

/*
 * The class of the device, as a user of VFIO reads it; VFIO knows the IDs
 * itself
 */
static uint32_t class(struct tce_vfio *v)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint32_t value = 0;

	if (tce_ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &region) ||
	    pread(v->device, &value, sizeof(value), region.offset + 8) !=
	    sizeof(value))
		return 0;
	return le32toh(value);
}

/*
 * A user's recovery of a device that has failed: detect it, reset it, continue
 */
TEST_F_TIMEOUT(shim, eeh_reset, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t iova = tce_def_start(v);
	uint32_t value;

	if (self->why)
		SKIP(return, "%s", self->why);
	EXPECT_EQ(1, tce_ioctl(v->container, VFIO_CHECK_EXTENSION,
			       (void *)VFIO_EEH));
	ASSERT_EQ(0, eeh(v, VFIO_EEH_PE_ENABLE));
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, eeh(v, VFIO_EEH_PE_GET_STATE));
	ASSERT_EQ(0, tce_map(v->container, self->mem.va, iova, UNIT, TCE_RW));
	ASSERT_EQ(0, tce_dma_ok(v, iova, self->mem.va, LEN));
	value = class(v);
	EXPECT_NE(0, value);

	ASSERT_EQ(0, shim(dev, SHIM_EEH, EEH_FROZEN));
	EXPECT_EQ(VFIO_EEH_PE_STATE_STOPPED, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(~0U, class(v));
	/* Entries can be changed while the device is frozen */
	EXPECT_EQ(0, tce_unmap(v->container, iova, UNIT));
	EXPECT_EQ(0, tce_map(v->container, self->mem.va, iova, UNIT, TCE_RW));

	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_RESET_HOT));
	EXPECT_EQ(VFIO_EEH_PE_STATE_RESET, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_RESET_DEACTIVATE));
	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_CONFIGURE));
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(value, class(v));
	EXPECT_EQ(0, tce_dma_ok(v, iova, self->mem.va, LEN));
	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_DISABLE));
}

/* The firmware has a call for this, which the kernel does not make */
TEST_F_TIMEOUT(shim, eeh_inject, 60)
{
	struct vfio_eeh_pe_op op = {
		.argsz = sizeof(op),
		.op = VFIO_EEH_PE_INJECT_ERR,
		.err.type = 1,			/* 64 bits */
	};
	struct tce_vfio *v = &self->v;
	int ret;

	if (self->why)
		SKIP(return, "%s", self->why);
	ASSERT_EQ(0, eeh(v, VFIO_EEH_PE_ENABLE));
	/* From v6.12 on the kernel reads where no device answers */
	ret = tce_ioctl(v->container, VFIO_EEH_PE_OP, &op);
	EXPECT_TRUE(!ret || ret == -ENOENT);
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, eeh(v, VFIO_EEH_PE_GET_STATE));
}

/* Thawed without a reset: first the registers, then DMA */
TEST_F_TIMEOUT(shim, eeh_thaw, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t iova = tce_def_start(v);

	if (self->why)
		SKIP(return, "%s", self->why);
	ASSERT_EQ(0, eeh(v, VFIO_EEH_PE_ENABLE));
	ASSERT_EQ(0, tce_map(v->container, self->mem.va, iova, UNIT, TCE_RW));
	ASSERT_EQ(0, shim(dev, SHIM_EEH, EEH_FROZEN));
	EXPECT_EQ(VFIO_EEH_PE_STATE_STOPPED, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_UNFREEZE_IO));
	EXPECT_EQ(VFIO_EEH_PE_STATE_STOPPED_DMA, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(0, eeh(v, VFIO_EEH_PE_UNFREEZE_DMA));
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, eeh(v, VFIO_EEH_PE_GET_STATE));
	EXPECT_EQ(0, tce_dma_ok(v, iova, self->mem.va, LEN));
}

/*
 * A user that opens a device gets a working one, also if the last user left it
 * frozen
 */
TEST_F_TIMEOUT(shim, eeh_frozen_when_opened, 60)
{
	struct tce_vfio *v = &self->v;

	if (self->why)
		SKIP(return, "%s", self->why);
	ASSERT_EQ(0, eeh(v, VFIO_EEH_PE_ENABLE));
	ASSERT_EQ(0, shim(dev, SHIM_EEH, EEH_FROZEN));
	tce_vfio_close(v);
	ASSERT_EQ(0, tce_vfio_open(v, dev, 2));
	EXPECT_EQ(VFIO_EEH_PE_STATE_NORMAL, eeh(v, VFIO_EEH_PE_GET_STATE));
	ASSERT_EQ(0, tce_register(v->container, self->mem.va, self->mem.size));
	ASSERT_EQ(0, tce_map(v->container, self->mem.va, tce_def_start(v), UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va, LEN));
}

/* Creates a window of 64K pages, uses it and removes it */
static int make_and_use(struct tce_vfio *v, struct tce_mem *mem)
{
	uint64_t start;
	int ret;

	ret = tce_create(v->container, 16, WINDOW_SIZE, 1, &start);
	if (!ret)
		ret = use_window(v, mem, start, WINDOW_SIZE, 64 * KiB);
	return ret ? ret : tce_remove(v->container, start);
}

/* The platform fails a call once: the ioctl fails, and the next one works */
TEST_F_TIMEOUT(shim, calls_fail_once, 120)
{
	static const struct {
		unsigned int status;
		int err;
	} failures[] = { { 1, -EIO }, { 3, -EINVAL } };
	struct tce_vfio *v = &self->v;
	uint64_t start, iova;
	int i;

	if (self->why)
		SKIP(return, "%s", self->why);
	iova = tce_def_start(v);
	for (i = 0; i < 2; i++) {
		/* A call restores the default window */
		ASSERT_EQ(0, shim(dev, SHIM_FAIL_RESET, failures[i].status));
		EXPECT_EQ(failures[i].err, tce_map(v->container, self->mem.va,
						   iova, UNIT, TCE_RW));
		EXPECT_EQ(0, tce_map(v->container, self->mem.va, iova, UNIT,
				     TCE_RW));

		/* A window beside it */
		ASSERT_EQ(0, shim(dev, SHIM_FAIL_QUERY, failures[i].status));
		EXPECT_EQ(failures[i].err, tce_create(v->container, 16,
						      WINDOW_SIZE, 1, &start));
		ASSERT_EQ(0, shim(dev, SHIM_FAIL_CREATE, failures[i].status));
		EXPECT_EQ(failures[i].err, tce_create(v->container, 16,
						      WINDOW_SIZE, 1, &start));
		EXPECT_EQ(0, tce_dma_ok(v, iova, self->mem.va, LEN));
		EXPECT_EQ(0, make_and_use(v, &self->mem));

		/*
		 * Alone; a window that the platform does not remove stays,
		 * empty
		 */
		ASSERT_EQ(0, tce_remove(v->container, iova));
		ASSERT_EQ(0, shim(dev, SHIM_FAIL_CREATE, failures[i].status));
		EXPECT_EQ(failures[i].err, tce_create(v->container, 16,
						      WINDOW_SIZE, 1, &start));
		ASSERT_EQ(0, tce_create(v->container, 16, WINDOW_SIZE, 1,
					&start));
		ASSERT_EQ(0, shim(dev, SHIM_FAIL_REMOVE, failures[i].status));
		EXPECT_EQ(0, tce_remove(v->container, start));
		EXPECT_EQ(0, make_and_use(v, &self->mem));

		tce_vfio_close(v);
		ASSERT_EQ(0, tce_vfio_open(v, dev, 2));
		ASSERT_EQ(0, tce_register(v->container, self->mem.va,
					  self->mem.size));
	}
}

/* Status -2 means that the platform is busy: the call is made again */
TEST_F_TIMEOUT(shim, busy_calls_are_made_again, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t start, iova;

	if (self->why)
		SKIP(return, "%s", self->why);
	iova = tce_def_start(v);
	ASSERT_EQ(0, shim(dev, SHIM_FAIL_RESET, 2));
	EXPECT_EQ(0, tce_map(v->container, self->mem.va, iova, UNIT, TCE_RW));
	ASSERT_EQ(0, shim(dev, SHIM_FAIL_QUERY, 2));
	EXPECT_EQ(0, make_and_use(v, &self->mem));
	ASSERT_EQ(0, shim(dev, SHIM_FAIL_CREATE, 2));
	ASSERT_EQ(0, tce_create(v->container, 16, WINDOW_SIZE, 1, &start));
	ASSERT_EQ(0, shim(dev, SHIM_FAIL_REMOVE, 2));
	EXPECT_EQ(0, tce_remove(v->container, start));
	EXPECT_EQ(0, make_and_use(v, &self->mem));
	EXPECT_EQ(0, tce_dma_ok(v, iova, self->mem.va, LEN));
}

/* The host has no window for one device; the next device has it again */
TEST_F_TIMEOUT(shim, reset_fails_on_the_way_back, 60)
{
	struct tce_vfio *v = &self->v;

	if (self->why)
		SKIP(return, "%s", self->why);
	ASSERT_EQ(0, tce_map(v->container, self->mem.va, tce_def_start(v),
			     UNIT, TCE_RW));
	ASSERT_EQ(0, shim(dev, SHIM_FAIL_RESET, 1));
	tce_vfio_close(v);
	ASSERT_EQ(0, tce_vfio_open(v, dev, 2));
	ASSERT_EQ(0, tce_register(v->container, self->mem.va, self->mem.size));
	EXPECT_EQ(0, use_default(v, &self->mem));
}

/*
 * The platform takes no entries in the upper half of a window that it has given
 */
TEST_F_TIMEOUT(shim, window_shorter_than_it_says, 60)
{
	const uint64_t size = 16 * MiB, half = size / 2;
	struct tce_vfio *v = &self->v;
	struct tce_scratch scratch;
	uint64_t start;

	if (self->why)
		SKIP(return, "%s", self->why);
	ASSERT_EQ(0, tce_remove(v->container, tce_def_start(v)));
	ASSERT_EQ(0, shim(dev, SHIM_SHORT, 1));
	ASSERT_EQ(0, tce_create(v->container, 16, size, 1, &start));
	/* A mapping begins to fail in its middle: all of it is unmapped */
	EXPECT_EQ(-EINVAL, tce_map(v->container, self->mem.va,
				   start + half - 4 * UNIT, 8 * UNIT, TCE_RW));
	ASSERT_EQ(0, tce_map(v->container, self->mem.va, start, UNIT, TCE_RW));
	scratch.iova = start;
	scratch.va = self->mem.va;
	EXPECT_EQ(0, tce_dma_read_denied(v, start + half - 4 * UNIT,
					 self->mem.va + UNIT, LEN, &scratch));
	EXPECT_EQ(0, tce_dma_ok(v, start, self->mem.va, LEN));
	EXPECT_EQ(-EINVAL, tce_map(v->container, self->mem.va, start + size -
				   UNIT, UNIT, TCE_RW));
	/*
	 * Absent entries are not cleared, and count as mapped until the
	 * window is removed
	 */
	EXPECT_EQ(-EINVAL, tce_unmap(v->container, start, size));
	EXPECT_EQ(0, tce_remove(v->container, start));
	EXPECT_EQ(0, tce_unregister(v->container, self->mem.va,
				    self->mem.size));
	ASSERT_EQ(0, tce_register(v->container, self->mem.va,
				  self->mem.size));
	EXPECT_EQ(0, make_and_use(v, &self->mem));
}

/* The kinds of windows that the host has, by their properties */
static void describe_host(const char *windows)
{
	bool boot = strstr(windows, "dma-window=");
	bool direct = strstr(windows, "linux,direct64");
	bool dynamic = strstr(windows, "linux,dma64");

	fact("host", "%s%s%s", boot ? "default" : "",
	     boot && (direct || dynamic) ? " and " : "",
	     direct ? "direct" : dynamic ? "dynamic" : boot ? "" : "none");
}

/*
 * The last one, since it ends the use by VFIO: tests without a fixture come
 * first
 */
FIXTURE(host) {
};

FIXTURE_SETUP(host)
{
}

FIXTURE_TEARDOWN(host)
{
}

TEST_F_TIMEOUT(host, comes_back, 60)
{
	char windows[1024], disk[64];

	if (!*nvme)
		SKIP(return, "no NVMe disk in the PE");
	EXPECT_EQ(0, host_io_before);
	ASSERT_EQ(0, tce_restore_group(dev->group));
	tce_host_ready(dev->group);
	ASSERT_EQ(0, tce_nvme_disk(nvme, disk, sizeof(disk)));
	EXPECT_EQ(0, tce_disk_io(disk));
	ASSERT_EQ(0, tce_host_windows(nvme, windows, sizeof(windows)));
	EXPECT_STREQ(host_before, windows);
	describe_host(windows);
}

static void look_at_the_host(void)
{
	struct tce_bdf bdfs[64];
	char disk[64];
	int i, n;

	n = dev->group < 0 ? 0 : tce_find_class(TCE_CLASS_NVME, bdfs, 64);
	for (i = 0; i < n; i++)
		if (tce_group_of(bdfs[i].s) == dev->group)
			strcpy(nvme, bdfs[i].s);
	if (!*nvme)
		return;
	host_io_before = tce_nvme_disk(nvme, disk, sizeof(disk));
	if (!host_io_before)
		host_io_before = tce_disk_io(disk);
	if (!host_io_before)
		host_io_before = tce_host_windows(nvme, host_before,
						  sizeof(host_before));
}

int main(int argc, char **argv)
{
	int ret;

	tce_begin(false);
	if (tce_is_powernv()) {
		printf("TAP version 13\n");
		ksft_exit_skip("bare metal has no platform to ask\n");
	}
	dev = &tce_devs[0];
	look_at_the_host();
	ret = dev->group < 0 ? 0 : tce_bind_group(dev->group);
	if (ret)
		tce_log("group %d: %s", dev->group, strerror(-ret));
	return test_harness_run(argc, argv);
}
