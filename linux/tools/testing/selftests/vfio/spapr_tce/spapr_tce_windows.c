// SPDX-License-Identifier: GPL-2.0
/*
 * DMA windows of v2: of each page size and of many sizes, alone and beside the
 * default window, created and removed in every order.
 */

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

/* How much data a DMA moves, in bytes */
#define LEN		2048

/* The canary is a mapping that has to survive: see try_canary() */
struct ctx {
	struct tce_vfio v;
	struct tce_mem canary;		/* for the default window */
	struct tce_mem mem;		/* for windows of larger pages */
};

static int setup(struct ctx *c, bool with_device)
{
	int ret;

	ret = with_device ? tce_vfio_open(&c->v, &tce_devs[0], 2) :
			    tce_vfio_open_iommu(&c->v, &tce_devs[0], 2);
	if (!ret)
		ret = tce_mem_anon(&c->canary, 2 * UNIT);
	if (!ret)
		ret = tce_register(c->v.container, c->canary.va,
				   c->canary.size);
	return ret;
}

static void teardown(struct ctx *c)
{
	tce_vfio_close(&c->v);
	tce_mem_free(&c->canary);
	tce_mem_free(&c->mem);
}

static uint64_t def(struct ctx *c)
{
	return tce_def_start(&c->v);
}

static int map_canary(struct ctx *c)
{
	return tce_map(c->v.container, c->canary.va, def(c), UNIT, TCE_RW);
}

static int try_canary(struct ctx *c)
{
	return tce_dma_ok(&c->v, def(c), c->canary.va, LEN);
}

/* Why a window cannot be created beside @others windows; NULL if it can */
static const char *cannot_have(struct ctx *c, unsigned int shift,
			       uint64_t size, unsigned int others)
{
	if (!tce_has_ddw(&c->v))
		return "the platform cannot create windows";
	if (!tce_has_shift(&c->v, shift))
		return "the platform has no such pages";
	if (tce_max_windows(&c->v) <= others)
		return "the platform has no second window";
	if (size > tce_max_window())
		return "larger than VFIO_TCE_MAX_WINDOW";
	return NULL;
}

/* PowerNV has tables in memory. A large table needs more than one level. */
static int create(struct ctx *c, unsigned int shift, uint64_t size,
		  uint64_t *start)
{
	unsigned int levels;
	int ret;

	ret = tce_create(c->v.container, shift, size, 1, start);
	for (levels = 2; ret && tce_is_powernv() &&
	     levels <= c->v.info.ddw.levels; levels++)
		ret = tce_create(c->v.container, shift, size, levels, start);
	return ret;
}

/* Memory for I/O pages of a size; -ENOENT if the machine has none */
static int get_memory(struct ctx *c, unsigned int shift)
{
	size_t size = 2ULL << shift;
	int ret;

	ret = tce_mem_for_shift(&c->mem, size < UNIT ? UNIT : size, shift);
	if (ret == -ENOENT)
		tce_log("no memory for I/O pages of 2^%u: not mapped", shift);
	return ret ? ret : tce_register(c->v.container, c->mem.va,
					c->mem.size);
}

/* Uses the first and the last page of a window; there is no page beyond */
static int try_window(struct ctx *c, unsigned int shift, uint64_t size,
		      uint64_t start)
{
	uint64_t page = 1ULL << shift, last = start + size - page;
	uint8_t *mem = c->mem.va;
	int ret;

	ret = tce_map(c->v.container, mem, start, page, TCE_RW) ?:
	      tce_map(c->v.container, mem + page, last, page, TCE_RW) ?:
	      tce_dma_ok(&c->v, start, mem, LEN) ?:
	      tce_dma_ok(&c->v, start + size - LEN, mem + 2 * page - LEN, LEN);
	if (ret)
		return ret;

	/* PowerNV rounds a table up to a page of memory */
	if (tce_is_powernv() &&
	    size / page * 8 < (uint64_t)sysconf(_SC_PAGESIZE))
		return 0;
	ret = tce_map(c->v.container, mem, start + size, page, TCE_RW);
	if (ret != -ENXIO) {
		tce_log("mapping a page beyond the window returned %d", ret);
		return -ERANGE;
	}
	ret = tce_map(c->v.container, mem, last, 2 * page, TCE_RW);
	if (ret != -EINVAL) {
		tce_log("mapping across the end returned %d", ret);
		return -ERANGE;
	}
	return 0;
}

/* Each page size, from small windows to large ones */
FIXTURE(window) {
	struct ctx c;
};

FIXTURE_VARIANT(window) {
	unsigned int shift;
	uint64_t size;
};

#define WINDOW(name) FIXTURE_VARIANT_ADD(window, name)

WINDOW(4k_16m) { .shift = 12, .size = 16 * MiB };
WINDOW(4k_1g) { .shift = 12, .size = 1 * GiB };
WINDOW(4k_64g) { .shift = 12, .size = 64 * GiB };
WINDOW(4k_1t) { .shift = 12, .size = 1 * TiB };
WINDOW(64k_16m) { .shift = 16, .size = 16 * MiB };
WINDOW(64k_1g) { .shift = 16, .size = 1 * GiB };
WINDOW(64k_64g) { .shift = 16, .size = 64 * GiB };
WINDOW(64k_1t) { .shift = 16, .size = 1 * TiB };
WINDOW(2m_16m) { .shift = 21, .size = 16 * MiB };
WINDOW(2m_1g) { .shift = 21, .size = 1 * GiB };
WINDOW(2m_64g) { .shift = 21, .size = 64 * GiB };
WINDOW(2m_1t) { .shift = 21, .size = 1 * TiB };

FIXTURE_SETUP(window)
{
	ASSERT_EQ(0, setup(&self->c, true));
}

FIXTURE_TEARDOWN(window)
{
	teardown(&self->c);
}

/* It is the only window: the default one is removed, as DPDK and QEMU do */
TEST_F_TIMEOUT(window, alone, 60)
{
	const char *why = cannot_have(&self->c, variant->shift, variant->size,
				      0);
	struct ctx *c = &self->c;
	long locked;
	uint64_t start;
	int ret;

	if (why)
		SKIP(return, "%s", why);
	ret = get_memory(c, variant->shift);
	ASSERT_TRUE(!ret || ret == -ENOENT);
	locked = tce_vmlck_kb();

	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	EXPECT_EQ(-ENXIO, map_canary(c));
	tce_mark(c->v.dev, TCE_MARK_CREATE);
	ASSERT_EQ(0, create(c, variant->shift, variant->size, &start));
	tce_mark(c->v.dev, TCE_MARK_CREATED);
	EXPECT_EQ(0, start & ((1ULL << variant->shift) - 1));
	/* QEMU puts it in the place of the default window, which is removed */
	EXPECT_TRUE(!tce_is_qemu() || start == def(c)) {
		TH_LOG("window at 0x%llx", (unsigned long long)start);
	}

	if (!ret)
		EXPECT_EQ(0, try_window(c, variant->shift, variant->size,
					start));

	tce_mark(c->v.dev, TCE_MARK_REMOVE);
	ASSERT_EQ(0, tce_remove(c->v.container, start));
	tce_mark(c->v.dev, TCE_MARK_REMOVED);
	EXPECT_EQ(locked, tce_vmlck_kb());
	EXPECT_EQ(-ENXIO, tce_map(c->v.container, c->canary.va, start, UNIT,
				  TCE_RW));
	if (!ret)
		EXPECT_EQ(0, tce_unregister(c->v.container, c->mem.va,
					    c->mem.size));
}

/* Two windows at once, each with its own mappings */
TEST_F_TIMEOUT(window, beside_the_default, 60)
{
	const char *why = cannot_have(&self->c, variant->shift, variant->size,
				      1);
	struct ctx *c = &self->c;
	uint64_t start;
	long locked;
	int ret;

	if (why)
		SKIP(return, "%s", why);
	ret = get_memory(c, variant->shift);
	ASSERT_TRUE(!ret || ret == -ENOENT);

	ASSERT_EQ(0, map_canary(c));
	locked = tce_vmlck_kb();
	ASSERT_EQ(0, create(c, variant->shift, variant->size, &start));
	EXPECT_TRUE(start >= tce_def_end(&c->v) ||
		    start + variant->size <= def(c)) {
		TH_LOG("the windows overlap at 0x%llx",
		       (unsigned long long)start);
	}
	if (!ret)
		EXPECT_EQ(0, try_window(c, variant->shift, variant->size,
					start));
	EXPECT_EQ(0, try_canary(c));
	ASSERT_EQ(0, tce_remove(c->v.container, start));
	EXPECT_EQ(locked, tce_vmlck_kb());
	EXPECT_EQ(0, try_canary(c));
}

/* The user may ask for any number of levels */
FIXTURE(levels) {
	struct ctx c;
};

FIXTURE_VARIANT(levels) {
	unsigned int levels;		/* ~0: as many as GET_INFO says */
	uint64_t size;
};

#define LEVELS(name) FIXTURE_VARIANT_ADD(levels, name)

LEVELS(0_of_16m) { .levels = 0, .size = 16 * MiB };
LEVELS(0_of_1t) { .levels = 0, .size = 1 * TiB };
LEVELS(1_of_16m) { .levels = 1, .size = 16 * MiB };
LEVELS(1_of_1t) { .levels = 1, .size = 1 * TiB };
LEVELS(2_of_16m) { .levels = 2, .size = 16 * MiB };
LEVELS(2_of_1t) { .levels = 2, .size = 1 * TiB };
LEVELS(max_of_16m) { .levels = ~0U, .size = 16 * MiB };
LEVELS(max_of_1t) { .levels = ~0U, .size = 1 * TiB };

FIXTURE_SETUP(levels)
{
	ASSERT_EQ(0, setup(&self->c, !tce_is_powernv()));
}

FIXTURE_TEARDOWN(levels)
{
	teardown(&self->c);
}

TEST_F_TIMEOUT(levels, are_accepted, 60)
{
	const char *why = cannot_have(&self->c, 12, variant->size, 0);
	unsigned int levels = variant->levels;
	struct ctx *c = &self->c;
	uint64_t start;

	if (why)
		SKIP(return, "%s", why);
	EXPECT_LE(1, c->v.info.ddw.levels);
	if (levels == ~0U)
		levels = c->v.info.ddw.levels;
	if (levels > c->v.info.ddw.levels)
		SKIP(return, "the kernel has %u levels", c->v.info.ddw.levels);
	if (tce_is_powernv() &&
	    (!levels || levels > 2 || variant->size > 1 * GiB))
		SKIP(return, "PowerNV counts the levels of the real table");

	ASSERT_EQ(0, get_memory(c, 12));
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	ASSERT_EQ(0, tce_create(c->v.container, 12, variant->size, levels,
				&start));
	EXPECT_EQ(0, try_window(c, 12, variant->size, start));
	ASSERT_EQ(0, tce_remove(c->v.container, start));
}

/* The rest is about the order of calls */
FIXTURE(order) {
	struct ctx c;
};

FIXTURE_SETUP(order)
{
	ASSERT_EQ(0, setup(&self->c, true));
}

FIXTURE_TEARDOWN(order)
{
	teardown(&self->c);
}

/* The default window is created at the first mapping, and not before */
TEST_F(order, default_is_lazy)
{
	struct ctx *c = &self->c;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot remove windows");
	/* It does not exist yet, and is not to be created any more */
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	EXPECT_EQ(-ENXIO, map_canary(c));
	EXPECT_EQ(-ENXIO, tce_unmap(c->v.container, def(c), UNIT));
	EXPECT_EQ(-EINVAL, tce_remove(c->v.container, def(c)));
}

TEST_F(order, default_removed_while_mapped)
{
	struct ctx *c = &self->c;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot remove windows");
	ASSERT_EQ(0, map_canary(c));
	EXPECT_EQ(0, try_canary(c));
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, def(c), c->canary.va, LEN,
					  NULL));
	EXPECT_EQ(-ENXIO, map_canary(c));
	/* Its mappings have been removed with it */
	EXPECT_EQ(0, tce_unregister(c->v.container, c->canary.va,
				    c->canary.size));
}

/* A window of the same size and page size takes the place of the default one */
TEST_F(order, default_again)
{
	struct ctx *c = &self->c;
	uint64_t start, size = tce_def_end(&c->v) - def(c);
	int i;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot remove windows");
	if (size & (size - 1))
		SKIP(return, "the default window's size is no power of two");
	ASSERT_EQ(0, map_canary(c));
	start = def(c);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, try_canary(c));
		ASSERT_EQ(0, tce_remove(c->v.container, start));
		ASSERT_EQ(0, create(c, 12, size, &start));
		if (start != def(c))
			SKIP(return, "the platform puts it at 0x%llx",
			     (unsigned long long)start);
		EXPECT_EQ(0, tce_dma_write_denied(&c->v, start, c->canary.va,
						  LEN, NULL));
		ASSERT_EQ(0, map_canary(c));
	}
	EXPECT_EQ(0, try_canary(c));
}

/* The default window is removed and created again while another one stays */
TEST_F(order, default_again_beside_another)
{
	const char *why = cannot_have(&self->c, 12, 4 * GiB, 1);
	uint64_t start, other, size;
	struct ctx *c = &self->c;
	int ret;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, map_canary(c));
	ASSERT_EQ(0, create(c, 12, 4 * GiB, &other));
	ASSERT_EQ(0, tce_map(c->v.container, c->canary.va + UNIT, other, UNIT,
			     TCE_RW));
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	EXPECT_EQ(-ENXIO, map_canary(c));
	EXPECT_EQ(0, tce_dma_ok(&c->v, other, c->canary.va + UNIT, LEN));

	/* The platform may put it anywhere, or have no place for it */
	size = tce_def_end(&c->v) - def(c);
	ret = create(c, 12, size, &start);
	if (!ret) {
		/* The windows must not overlap */
		ASSERT_TRUE(start >= other + 4 * GiB || start + size <= other) {
			TH_LOG("windows at 0x%llx and 0x%llx",
			       (unsigned long long)start,
			       (unsigned long long)other);
		}
		ASSERT_EQ(0, tce_map(c->v.container, c->canary.va, start, UNIT,
				     TCE_RW));
		EXPECT_EQ(0, tce_dma_ok(&c->v, start, c->canary.va, LEN));
	} else {
		EXPECT_GT(0, ret);
		tce_log("no second window beside the first: %s",
			strerror(-ret));
	}
	EXPECT_EQ(0, tce_dma_ok(&c->v, other, c->canary.va + UNIT, LEN));
	if (!ret)
		EXPECT_EQ(0, tce_remove(c->v.container, start));
	EXPECT_EQ(0, tce_remove(c->v.container, other));
}

/* One window too many is refused, and the others still work */
TEST_F(order, third_is_refused)
{
	const char *why = cannot_have(&self->c, 12, 1 * GiB, 1);
	struct ctx *c = &self->c;
	uint64_t second, third;
	int i;

	if (why)
		SKIP(return, "%s", why);
	if (tce_max_windows(&c->v) > 2)
		SKIP(return, "the platform has more than two windows");
	ASSERT_EQ(0, map_canary(c));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, create(c, 12, 1 * GiB, &second));
		ASSERT_EQ(0, tce_map(c->v.container, c->canary.va + UNIT,
				     second, UNIT, TCE_RW));
		EXPECT_EQ(-ENOSPC, tce_create(c->v.container, 12, 1 * GiB, 1,
					      &third));
		EXPECT_EQ(0, try_canary(c));
		EXPECT_EQ(0, tce_dma_ok(&c->v, second, c->canary.va + UNIT,
					LEN));
		ASSERT_EQ(0, tce_remove(c->v.container, second));
	}
	EXPECT_EQ(0, try_canary(c));
}

/* All windows are removed and created again, in both orders, many times */
TEST_F_TIMEOUT(order, all_removed_and_created_again, 120)
{
	const char *why = cannot_have(&self->c, 12, 1 * GiB, 1);
	uint64_t first = def(&self->c), second = 0, again;
	struct ctx *c = &self->c;
	int i;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, map_canary(c));
	ASSERT_EQ(0, create(c, 12, 1 * GiB, &second));
	for (i = 0; i < 6; i++) {
		/* The older one is removed first, or last */
		ASSERT_EQ(0, tce_remove(c->v.container, i & 1 ? second :
								first));
		ASSERT_EQ(0, tce_remove(c->v.container, i & 1 ? first :
								second));
		ASSERT_EQ(0, create(c, 12, 1 * GiB, &first));
		ASSERT_EQ(0, create(c, 12, 1 * GiB, &second));
		EXPECT_NE(first, second);
		ASSERT_EQ(0, tce_map(c->v.container, c->canary.va, first, UNIT,
				     TCE_RW));
		ASSERT_EQ(0, tce_map(c->v.container, c->canary.va + UNIT,
				     second, UNIT, TCE_RW));
		if (i < 4)
			continue;
		EXPECT_EQ(0, tce_dma_ok(&c->v, first, c->canary.va, LEN));
		EXPECT_EQ(0, tce_dma_ok(&c->v, second, c->canary.va + UNIT,
					LEN));
	}
	ASSERT_EQ(0, tce_remove(c->v.container, first));
	ASSERT_EQ(0, tce_remove(c->v.container, second));

	/* After a close the default window is there as at the first time */
	tce_vfio_close(&c->v);
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
	ASSERT_EQ(0, tce_register(c->v.container, c->canary.va,
				  c->canary.size));
	again = def(c);
	ASSERT_EQ(0, tce_map(c->v.container, c->canary.va, again, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, try_canary(c));
}

/* Neither of them is the default window, which cannot have pages of 64K */
TEST_F(order, two_dynamic_windows)
{
	const char *why = cannot_have(&self->c, 16, 1 * GiB, 1);
	uint8_t *va = self->c.canary.va;
	struct ctx *c = &self->c;
	uint64_t first, second;
	int i;

	if (why)
		SKIP(return, "%s", why);
	if (sysconf(_SC_PAGESIZE) < 64 * KiB) {
		ASSERT_EQ(0, tce_unregister(c->v.container, va,
					    c->canary.size));
		if (get_memory(c, 16))
			SKIP(return, "no memory for pages of 64K");
		va = c->mem.va;
	}
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, create(c, 16, 1 * GiB, &first));
		ASSERT_EQ(0, create(c, 16, 1 * GiB, &second));
		ASSERT_TRUE(second >= first + 1 * GiB ||
			    first >= second + 1 * GiB);
		ASSERT_EQ(0, tce_map(c->v.container, va, first, UNIT, TCE_RW));
		ASSERT_EQ(0, tce_map(c->v.container, va + UNIT, second, UNIT,
				     TCE_RW));
		EXPECT_EQ(0, tce_dma_ok(&c->v, first, va, LEN));
		EXPECT_EQ(0, tce_dma_ok(&c->v, second, va + UNIT, LEN));
		ASSERT_EQ(0, tce_remove(c->v.container, first));
		EXPECT_EQ(0, tce_dma_ok(&c->v, second, va + UNIT, LEN));
		ASSERT_EQ(0, tce_remove(c->v.container, second));
	}
}

/*
 * The calls of DPDK when it ends. It unmaps with a wrong structure, so that the
 * kernel unmaps the range below the address that was meant, in which nothing is
 * mapped. Then it unregisters memory that is still mapped, and ends.
 */
TEST_F_TIMEOUT(order, exit_of_dpdk, 60)
{
	const char *why = cannot_have(&self->c, 21, 1 * GiB, 0);
	struct tce_stat before, after;
	struct ctx *c = &self->c;
	struct timespec a, b;
	uint64_t start, iova;
	int i;

	if (why)
		SKIP(return, "%s", why);
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < 3; i++) {
		if (tce_mem_hugetlb(&c->mem, 8 * MiB, 2 * MiB))
			SKIP(return, "no huge pages of 2M");
		tce_fill(c->mem.va, c->mem.size, i + 1);
		ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
		ASSERT_EQ(0, tce_create(c->v.container, 21, 1 * GiB, 1,
					&start));
		iova = start + 1 * GiB - c->mem.size;
		ASSERT_EQ(0, tce_register(c->v.container, c->mem.va,
					  c->mem.size));
		ASSERT_EQ(0, tce_map(c->v.container, c->mem.va, iova,
				     c->mem.size, TCE_RW));

		clock_gettime(CLOCK_MONOTONIC, &a);
		EXPECT_EQ(0, tce_unmap(c->v.container, start, iova - start));
		clock_gettime(CLOCK_MONOTONIC, &b);
		EXPECT_LT(b.tv_sec - a.tv_sec, 3);
		EXPECT_EQ(-EBUSY, tce_unregister(c->v.container, c->mem.va,
						 c->mem.size));
		EXPECT_EQ(0, tce_dma_ok(&c->v, iova, c->mem.va, LEN));
		tce_vfio_close(&c->v);
		tce_mem_free(&c->mem);
		EXPECT_EQ(0, tce_vmlck_kb());
		ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
	}
	ASSERT_EQ(0, tce_register(c->v.container, c->canary.va,
				  c->canary.size));
	before.vmlck_kb = tce_vmlck_kb();
	EXPECT_EQ(0, tce_stat_settle(&before, &after, 16 * 1024));
}

/* Windows that a user leaves are removed, and their charge is given back */
TEST_F_TIMEOUT(order, close_with_windows_open, 120)
{
	const char *why = cannot_have(&self->c, 12, 1 * GiB, 1);
	struct ctx *c = &self->c;
	uint64_t start, first = 0;
	int i;

	if (why)
		SKIP(return, "%s", why);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, map_canary(c));
		ASSERT_EQ(0, create(c, 12, 1 * GiB, &start));
		if (!i)
			first = start;
		EXPECT_EQ(first, start);
		tce_vfio_close(&c->v);
		EXPECT_EQ(0, tce_vmlck_kb());
		ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
		ASSERT_EQ(0, tce_register(c->v.container, c->canary.va,
					  c->canary.size));
		EXPECT_EQ(-ENXIO, tce_map(c->v.container, c->canary.va, start,
					  UNIT, TCE_RW));
	}
}

/* GET_INFO reports the page sizes that windows can have */
TEST_F_TIMEOUT(order, page_sizes_as_reported, 60)
{
	struct ctx *c = &self->c;
	unsigned int shift;
	uint64_t start;
	int ret;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot create windows");
	EXPECT_TRUE(tce_has_shift(&c->v, 12));
	EXPECT_EQ(0, c->v.info.ddw.pgsizes >> 35);
	EXPECT_EQ(0, c->v.info.ddw.pgsizes & 0xfff);
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	for (shift = 12; shift <= 34; shift++) {
		ret = create(c, shift, 64ULL << shift, &start);
		if (!tce_has_shift(&c->v, shift)) {
			EXPECT_EQ(-EINVAL, ret) {
				TH_LOG("pages of 2^%u", shift);
			}
			continue;
		}
		/* The platform's bus may be too small for large pages */
		if (shift <= 21) {
			EXPECT_EQ(0, ret) {
				TH_LOG("pages of 2^%u", shift);
			}
		}
		EXPECT_GE(0, ret);
		if (!ret)
			EXPECT_EQ(0, tce_remove(c->v.container, start));
	}
}

/* The time to unmap a range depends on the mappings, and not on its size */
TEST_F_TIMEOUT(order, unmap_of_a_sparse_window, 60)
{
	const char *why = cannot_have(&self->c, 12, 1 * TiB, 0);
	struct ctx *c = &self->c;
	struct timespec a, b;
	uint64_t start;

	if (why)
		SKIP(return, "%s", why);
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	ASSERT_EQ(0, get_memory(c, 12));
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	clock_gettime(CLOCK_MONOTONIC, &a);
	ASSERT_EQ(0, tce_create(c->v.container, 12, 1 * TiB, 1, &start));
	EXPECT_EQ(0, try_window(c, 12, 1 * TiB, start));
	ASSERT_EQ(0, tce_unmap(c->v.container, start, 1 * TiB));
	ASSERT_EQ(0, tce_unregister(c->v.container, c->mem.va, c->mem.size));
	ASSERT_EQ(0, tce_remove(c->v.container, start));
	clock_gettime(CLOCK_MONOTONIC, &b);
	EXPECT_LT(b.tv_sec - a.tv_sec, 10);
}

/*
 * A hypervisor may have 32 bits for the number of entries. QEMU does, and
 * aborts when it resets a window of 2^32 entries. So the kernel refuses such a
 * window.
 */
TEST_F_TIMEOUT(order, more_entries_than_there_can_be, 60)
{
	struct ctx *c = &self->c;
	unsigned int shift, bits;
	uint64_t start;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot create windows");
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	ASSERT_EQ(0, tce_remove(c->v.container, def(c)));
	for (shift = 12; shift <= 16; shift += 4) {
		for (bits = 32; bits < 64 - shift; bits++) {
			EXPECT_EQ(-EINVAL, create(c, shift,
						  1ULL << (bits + shift),
						  &start)) {
				TH_LOG("2^%u pages of 2^%u", bits, shift);
			}
		}
	}
	/* Nothing has changed */
	ASSERT_EQ(0, create(c, 12, 16 * MiB, &start));
	EXPECT_EQ(def(c), start);
	ASSERT_EQ(0, map_canary(c));
	EXPECT_EQ(0, try_canary(c));
	EXPECT_EQ(0, tce_remove(c->v.container, start));
}

TCE_MAIN(true)
