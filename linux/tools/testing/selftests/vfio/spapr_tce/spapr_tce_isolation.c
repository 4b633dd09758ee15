// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing leaks through the seams: from the moment VFIO has the group until the
 * user's first mapping the device reaches nothing, neither what the host had
 * mapped nor what an earlier user had; and when a window or the group goes, it
 * takes all entries with it.
 *
 * With LAB_TRACE=1 each test leaves marks (spapr_tce_marks.h), so that the
 * hypervisor's own record can be held against what the data say. Between
 * DMA_DENIED and DMA_END no access may find a permission.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define UNIT		(64 * KiB)
#define LEN		EDU_DMA_MAX

/* Where pSeries platforms and PowerNV have their 64-bit windows */
#define WINDOW64	0x800000000000000ULL

struct ctx {
	const struct tce_dev *dev;
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE(seams) {
	struct ctx c;
};

FIXTURE_VARIANT(seams) {
	int version;
};

FIXTURE_VARIANT_ADD(seams, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(seams, v2) { .version = 2 };

FIXTURE_SETUP(seams)
{
	struct ctx *c = &self->c;

	c->dev = &tce_devs[0];
	c->v.container = -1;
	c->v.group = -1;
	c->v.device = -1;
	ASSERT_EQ(0, tce_mem_anon(&c->mem, 8 * UNIT));
	memset(c->mem.va, 0xa5, c->mem.size);

	tce_host_ready(c->dev->group);
	tce_mark(c->dev, TCE_MARK_HOST_UNBIND);
	ASSERT_EQ(0, tce_bind_group(c->dev->group)) {
		tce_restore_group(c->dev->group);
	}
	tce_mark(c->dev, TCE_MARK_HOST_UNBOUND);
}

FIXTURE_TEARDOWN(seams)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
	tce_mark(c->dev, TCE_MARK_HOST_BIND);
	EXPECT_EQ(0, tce_restore_group(c->dev->group));
	tce_mark(c->dev, TCE_MARK_HOST_BOUND);
}

static int take(struct ctx *c, int version)
{
	int ret;

	tce_mark(c->dev, TCE_MARK_TAKE);
	ret = tce_vfio_open(&c->v, c->dev, version);
	tce_mark(c->dev, TCE_MARK_TAKEN);
	return ret;
}

static void release(struct ctx *c)
{
	tce_mark(c->dev, TCE_MARK_RELEASE);
	tce_vfio_close(&c->v);
	tce_mark(c->dev, TCE_MARK_RELEASED);
}

static int map(struct ctx *c, void *va, uint64_t iova)
{
	int ret;

	tce_mark(c->dev, TCE_MARK_MAP);
	ret = tce_map(c->v.container, va, iova, UNIT, TCE_RW);
	tce_mark(c->dev, TCE_MARK_MAPPED);
	return ret;
}

/*
 * The device reads and writes at an address where nothing may be. @victim is
 * memory that would be there if something were.
 */
static void poke(struct __test_metadata *_metadata, struct ctx *c,
		 uint64_t iova, void *victim)
{
	uint8_t sentinel[LEN];

	memset(sentinel, 0xa5, LEN);
	memset(victim, 0xa5, LEN);
	tce_mark(c->dev, TCE_MARK_DMA_DENIED);
	EXPECT_EQ(0, edu_dma_write(&c->v.edu, iova, LEN));
	tce_mark(c->dev, TCE_MARK_DMA_END);
	EXPECT_EQ(0, memcmp(victim, sentinel, LEN)) {
		TH_LOG("the device wrote 0x%llx", (unsigned long long)iova);
	}
}

/*
 * Whatever windows the host had, among them one that maps all memory, are
 * closed for the device of the user. The user's own page stands for all that
 * the host has in memory: it would be reached at its physical address.
 */
TEST_F(seams, host_mappings_are_gone)
{
	struct ctx *c = &self->c;
	struct tce_scratch scratch;
	uint8_t *secret = c->mem.va, *out = secret + UNIT;
	uint64_t seed = tce_seed(), phys;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	ASSERT_EQ(0, tce_phys_of(secret, &phys));
	ASSERT_EQ(0, take(c, variant->version));

	poke(_metadata, c, WINDOW64 + phys, secret);
	poke(_metadata, c, phys, secret);
	poke(_metadata, c, tce_def_start(&c->v), secret);

	/* And reading: what the device has got shows once something is mapped */
	tce_fill(secret, LEN, seed);
	tce_mark(c->dev, TCE_MARK_DMA_DENIED);
	ASSERT_EQ(0, edu_dma_read(&c->v.edu, WINDOW64 + phys, LEN));
	tce_mark(c->dev, TCE_MARK_DMA_END);

	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	scratch.va = out;
	scratch.iova = tce_def_start(&c->v);
	ASSERT_EQ(0, map(c, scratch.va, scratch.iova));
	ASSERT_EQ(0, edu_dma_write(&c->v.edu, scratch.iova, LEN));
	EXPECT_FALSE(tce_resembles(out, LEN, seed));
	EXPECT_EQ(0, tce_dma_ok(&c->v, scratch.iova, out, LEN));

	/* The first mapping opened nothing else */
	EXPECT_EQ(0, tce_dma_read_denied(&c->v, WINDOW64 + phys, secret,
					 LEN, &scratch));
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, WINDOW64 + phys, secret,
					  LEN, &scratch));
}

/* What one user had mapped, the next one does not have */
TEST_F_TIMEOUT(seams, entries_of_an_earlier_user_are_gone, 120)
{
	struct ctx *c = &self->c;
	uint64_t iova;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	ASSERT_EQ(0, take(c, variant->version));
	iova = tce_def_start(&c->v) + UNIT;
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, map(c, c->mem.va, iova));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova, c->mem.va, LEN));
	release(c);

	ASSERT_EQ(0, take(c, variant->version));
	poke(_metadata, c, iova, c->mem.va);

	/* Nor when the second has mapped something elsewhere */
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, map(c, c->mem.va + UNIT, iova + UNIT));
	poke(_metadata, c, iova, c->mem.va);
	release(c);

	/* ... with the other version of the interface */
	ASSERT_EQ(0, take(c, 3 - variant->version));
	poke(_metadata, c, iova, c->mem.va);
	poke(_metadata, c, iova + UNIT, c->mem.va + UNIT);
	release(c);
}

/* After the last descriptor is closed the device has none of the mappings */
TEST_F(seams, released_device_reaches_nothing)
{
	struct ctx *c = &self->c;
	uint64_t iova;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	ASSERT_EQ(0, take(c, variant->version));
	iova = tce_def_start(&c->v) + UNIT;
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, map(c, c->mem.va, iova));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova, c->mem.va, LEN));
	release(c);

	ASSERT_EQ(0, edu_open_sysfs(&c->v.edu, c->dev->bdf));
	poke(_metadata, c, iova, c->mem.va);
}

/* Closing the group while the device writes, in whatever order */
TEST_F_TIMEOUT(seams, dma_in_flight_at_release, 120)
{
	struct ctx *c = &self->c;
	uint8_t sentinel[LEN];
	uint64_t iova;
	int i;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	memset(sentinel, 0xa5, LEN);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, take(c, variant->version));
		iova = tce_def_start(&c->v);
		ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
		ASSERT_EQ(0, map(c, c->mem.va, iova));
		ASSERT_EQ(0, tce_dma_ok(&c->v, iova, c->mem.va, LEN));
		ASSERT_EQ(0, edu_dma_start_write(&c->v.edu, iova, LEN));
		memset(c->mem.va, 0xa5, LEN);
		release(c);
		/* The device starts a tenth of a second after it was told */
		usleep(300000);
		EXPECT_EQ(0, memcmp(c->mem.va, sentinel, LEN));
	}
}

FIXTURE(window) {
	struct tce_vfio v;
	struct tce_mem mem;
	struct tce_scratch scratch;
};

FIXTURE_SETUP(window)
{
	ASSERT_EQ(0, tce_bind_group(tce_devs[0].group));
	ASSERT_EQ(0, tce_vfio_open(&self->v, &tce_devs[0], 2)) {
		tce_restore_group(tce_devs[0].group);
	}
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 8 * UNIT));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va,
				  self->mem.size));
	self->scratch.va = self->mem.va;
	self->scratch.iova = tce_def_start(&self->v);
}

FIXTURE_TEARDOWN(window)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
	EXPECT_EQ(0, tce_restore_group(tce_devs[0].group));
}

/* A window takes its entries with it, and comes back without them */
TEST_F(window, removed_and_created_again_is_empty)
{
	uint8_t *victim = self->mem.va + UNIT;
	uint64_t start, again;

	if (tce_max_windows(&self->v) < 2)
		SKIP(return, "the platform has no second window");

	ASSERT_EQ(0, tce_map(self->v.container, self->scratch.va,
			     self->scratch.iova, UNIT, TCE_RW));
	tce_mark(self->v.dev, TCE_MARK_CREATE);
	ASSERT_EQ(0, tce_create(self->v.container, 12, 4 * GiB, 1, &start));
	tce_mark(self->v.dev, TCE_MARK_CREATED);
	/* A new window is empty */
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + UNIT, victim, LEN,
					  &self->scratch));
	ASSERT_EQ(0, tce_map(self->v.container, victim, start + UNIT, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start + UNIT, victim, LEN));

	tce_mark(self->v.dev, TCE_MARK_REMOVE);
	ASSERT_EQ(0, tce_remove(self->v.container, start));
	tce_mark(self->v.dev, TCE_MARK_REMOVED);
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + UNIT, victim, LEN,
					  &self->scratch));
	EXPECT_EQ(0, tce_dma_read_denied(&self->v, start + UNIT, victim, LEN,
					 &self->scratch));

	ASSERT_EQ(0, tce_create(self->v.container, 12, 4 * GiB, 1, &again));
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + UNIT, victim, LEN,
					  &self->scratch));
	EXPECT_EQ(0, tce_dma_read_denied(&self->v, start + UNIT, victim, LEN,
					 &self->scratch));
	/* What is left in the default window still works */
	EXPECT_EQ(0, tce_dma_ok(&self->v, self->scratch.iova, self->scratch.va,
				LEN));
}

/*
 * With the last window gone the device is blocked, even where the platform
 * then restores its default window, with or without old entries.
 */
TEST_F(window, none_left)
{
	uint8_t *victim = self->mem.va + UNIT;
	uint64_t def = tce_def_start(&self->v), start;
	struct tce_scratch scratch = { .va = self->mem.va };

	if (!tce_has_ddw(&self->v))
		SKIP(return, "the platform cannot create windows");
	if (!self->v.dev->edu)
		SKIP(return, "the device cannot be told to do DMA");

	ASSERT_EQ(0, tce_map(self->v.container, victim, def, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, def, victim, LEN));
	/* The default window first, so that the other is the last to go */
	if (tce_max_windows(&self->v) > 1) {
		ASSERT_EQ(0, tce_create(self->v.container, 12, 4 * GiB, 1,
					&start));
	}
	ASSERT_EQ(0, tce_remove(self->v.container, def));
	if (tce_max_windows(&self->v) <= 1) {
		ASSERT_EQ(0, tce_create(self->v.container, 12, 4 * GiB, 1,
					&start));
	}
	ASSERT_EQ(0, tce_map(self->v.container, victim, start + UNIT, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start + UNIT, victim, LEN));
	tce_mark(self->v.dev, TCE_MARK_REMOVE);
	ASSERT_EQ(0, tce_remove(self->v.container, start));
	tce_mark(self->v.dev, TCE_MARK_REMOVED);

	EXPECT_EQ(0, tce_dma_write_denied(&self->v, def, victim, LEN, NULL));
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + UNIT, victim, LEN,
					  NULL));

	/* And it can start again */
	ASSERT_EQ(0, tce_create(self->v.container, 12, 1 * GiB, 1, &start));
	scratch.iova = start + 2 * UNIT;
	ASSERT_EQ(0, tce_map(self->v.container, scratch.va, scratch.iova, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start, victim, LEN,
					  &scratch));
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + UNIT, victim, LEN,
					  &scratch));
	EXPECT_EQ(0, tce_dma_ok(&self->v, scratch.iova, scratch.va, LEN));
}

#define SYS_MEMORY	"/sys/devices/system/memory"

/* A block of memory that the kernel can do without, or -ENOENT */
static int offline_block(void)
{
	char path[64];
	int i;

	for (i = 4096; i > 0; i--) {
		snprintf(path, sizeof(path), SYS_MEMORY "/memory%d/state", i);
		if (!access(path, W_OK) && !tce_write_text(path, "offline"))
			return i;
	}
	return -ENOENT;
}

/*
 * Memory that comes goes into the direct windows of the host, and into none of
 * a user. It is the trace that tells: no entry may be set in the steps.
 */
TEST_F_TIMEOUT(window, memory_that_comes_is_not_mapped, 120)
{
	uint8_t *va = self->mem.va + UNIT;
	uint64_t start;
	char path[64];
	int i, block;

	if (!tce_has_ddw(&self->v) ||
	    !tce_has_shift(&self->v, 16))
		SKIP(return, "the platform cannot create windows");
	if (tce_is_powernv())
		SKIP(return, "PowerNV has no window of the host's for it");
	/* As large as all memory */
	ASSERT_EQ(0, tce_remove(self->v.container, tce_def_start(&self->v)));
	ASSERT_EQ(0, tce_create(self->v.container, 12, 4 * GiB, 1, &start));
	self->scratch.iova = start + 3 * GiB;
	ASSERT_EQ(0, tce_map(self->v.container, self->scratch.va,
			     self->scratch.iova, UNIT, TCE_RW));
	block = offline_block();
	if (block < 0)
		SKIP(return, "the kernel cannot do without any memory");
	snprintf(path, sizeof(path), SYS_MEMORY "/memory%d/state", block);

	for (i = 0; i < 3; i++) {
		tce_step(self->v.dev, "memory comes, round %d", i);
		EXPECT_EQ(0, tce_write_text(path, "online"));
		tce_step_end(self->v.dev);
		if (i < 2)
			EXPECT_EQ(0, tce_write_text(path, "offline"));
	}
	EXPECT_EQ(0, tce_dma_ok(&self->v, self->scratch.iova, self->scratch.va,
				LEN));
	/* The window is as usable as before */
	ASSERT_EQ(0, tce_map(self->v.container, va, start, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start, va, LEN));
	ASSERT_EQ(0, tce_remove(self->v.container, start));
}

int main(int argc, char **argv)
{
	tce_begin(false);
	return test_harness_run(argc, argv);
}
