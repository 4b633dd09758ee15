// SPDX-License-Identifier: GPL-2.0
/*
 * The device of a user reaches no memory but the user's. From the moment when
 * VFIO has the group to the user's first mapping it reaches nothing: no mapping
 * of the host, and none of an earlier user. When a window is removed or the
 * group is released, all entries are cleared.
 *
 * With LAB_TRACE=1 each test leaves marks (spapr_tce_marks.h), so that the
 * trace of the hypervisor can be compared with the data. Between DMA_DENIED and
 * DMA_END no access may find a permission.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define LEN		EDU_DMA_MAX

/* Where pSeries platforms and PowerNV have 64-bit windows */
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
	c->v = (struct tce_vfio)TCE_VFIO_CLOSED;
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

/* Takes the group, maps a unit to the second one of the window, and uses it */
static int take_and_map(struct ctx *c, int version, uint64_t *iova)
{
	int ret = take(c, version);

	if (ret)
		return ret;
	*iova = tce_def_start(&c->v) + UNIT;
	return tce_ready(&c->v, &c->mem) ?: map(c, c->mem.va, *iova) ?:
	       tce_dma_ok(&c->v, *iova, c->mem.va, LEN);
}

/* The device must not be able to write where @victim was mapped, or would be */
static int denied(struct ctx *c, uint64_t iova, void *victim)
{
	return tce_dma_write_denied(&c->v, iova, victim, LEN, NULL);
}

/*
 * The device of the user reaches none of the host's windows, one of which may
 * map all memory. A page of the user stands for the memory of the host: in such
 * a window it would be reached at its physical address.
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

	EXPECT_EQ(0, denied(c, WINDOW64 + phys, secret));
	EXPECT_EQ(0, denied(c, phys, secret));
	EXPECT_EQ(0, denied(c, tce_def_start(&c->v), secret));

	/* Reading: the data show when there is a mapping to write them to */
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

	/* The first mapping has made nothing else reachable */
	EXPECT_EQ(0, tce_dma_read_denied(&c->v, WINDOW64 + phys, secret,
					 LEN, &scratch));
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, WINDOW64 + phys, secret,
					  LEN, &scratch));
}

/* The next user has none of the mappings of an earlier one */
TEST_F_TIMEOUT(seams, entries_of_an_earlier_user_are_gone, 120)
{
	struct ctx *c = &self->c;
	uint64_t iova;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	ASSERT_EQ(0, take_and_map(c, variant->version, &iova));
	release(c);

	ASSERT_EQ(0, take(c, variant->version));
	EXPECT_EQ(0, denied(c, iova, c->mem.va));

	/* After the second user has mapped memory elsewhere */
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, map(c, c->mem.va + UNIT, iova + UNIT));
	EXPECT_EQ(0, denied(c, iova, c->mem.va));
	release(c);

	/* A third user has the other version of the interface */
	ASSERT_EQ(0, take(c, 3 - variant->version));
	EXPECT_EQ(0, denied(c, iova, c->mem.va));
	EXPECT_EQ(0, denied(c, iova + UNIT, c->mem.va + UNIT));
	release(c);
}

/* The device has no mapping any more after the last descriptor is closed */
TEST_F(seams, released_device_reaches_nothing)
{
	struct ctx *c = &self->c;
	uint64_t iova;

	if (!c->dev->edu)
		SKIP(return, "the device cannot be told to do DMA");
	ASSERT_EQ(0, take_and_map(c, variant->version, &iova));
	release(c);

	ASSERT_EQ(0, edu_open_sysfs(&c->v.edu, c->dev->bdf));
	EXPECT_EQ(0, denied(c, iova, c->mem.va));
}

/* The group is closed while the device writes */
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
		/* The device starts a tenth of a second after its command */
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

/*
 * A window is removed with its entries, and is empty when it is created again
 */
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
	/* The mapping in the default window still works */
	EXPECT_EQ(0, tce_dma_ok(&self->v, self->scratch.iova, self->scratch.va,
				LEN));
}

/*
 * Without a window the device reaches nothing. The platform may restore its
 * default window when the last one is removed, with or without older entries.
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
	/*
	 * The default window is removed first, so that the other one is the
	 * last
	 */
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

	/* A window can be created again */
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

/* Takes a block of memory from the kernel: its number, or -ENOENT */
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
 * New memory is mapped in the direct windows of the host, but in no window of a
 * user. The trace shows it: no entry may be set in these steps.
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
	/* As large as a direct window, which maps all memory */
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

TCE_MAIN(false)
