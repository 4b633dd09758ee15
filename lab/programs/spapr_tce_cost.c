// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of mapping, of unmapping, and of large windows. The program takes
 * the steps, and checks locked and free memory itself. Each step is between two
 * marks, so that its hypercalls can be counted in the hypervisor's trace.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "spapr_tce.h"

#define SIZE		(64 * MiB)

/* Free memory changes by itself, so the least of so many differences counts */
#define ROUNDS		4
#define MAX_KB		1024

struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	long locked_kb;			/* before the test */
};

static void begin(struct ctx *c, const char *name)
{
	tce_step(c->v.dev, "v%d %s", c->v.version, name);
}

static void end(struct ctx *c)
{
	tce_step_end(c->v.dev);
}

/*
 * Touches the pages before, so that they are not allocated while others are
 * counted
 */
static int touched(struct tce_mem *mem, int ret)
{
	if (!ret)
		memset(mem->va, 1, mem->size);
	return ret;
}

/* The first call that needs the default window makes it */
static int make_default(struct ctx *c)
{
	return tce_unmap(c->v.container, tce_def_start(&c->v), 4 * KiB);
}

static int map(struct ctx *c, uint64_t offset, uint64_t iova, uint64_t size)
{
	return tce_map(c->v.container, c->mem.va + offset, iova, size, TCE_RW);
}

static int unmap(struct ctx *c, uint64_t iova, uint64_t size)
{
	return tce_unmap(c->v.container, iova, size);
}

/* The default window, which has pages of 4K */
FIXTURE(pages_4k) {
	struct ctx c;
};

FIXTURE_VARIANT(pages_4k) {
	int version;
};

FIXTURE_VARIANT_ADD(pages_4k, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(pages_4k, v2) { .version = 2 };

FIXTURE_SETUP(pages_4k)
{
	struct ctx *c = &self->c;

	c->locked_kb = tce_vmlck_kb();
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], variant->version));
	ASSERT_EQ(0, touched(&c->mem, tce_mem_anon(&c->mem, SIZE + UNIT)));
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, make_default(c));
}

FIXTURE_TEARDOWN(pages_4k)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
	EXPECT_EQ(c->locked_kb, tce_vmlck_kb());
}

TEST_F_TIMEOUT(pages_4k, map_and_unmap, 60)
{
	struct ctx *c = &self->c;
	uint64_t start = tce_def_start(&c->v);

	begin(c, "4K: map 64M");
	ASSERT_EQ(0, map(c, 0, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&c->v, start + SIZE - KiB,
				c->mem.va + SIZE - KiB, KiB));

	/* Other memory, so that each entry changes */
	begin(c, "4K: map 64M over 64M");
	ASSERT_EQ(0, map(c, UNIT, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&c->v, start + SIZE - KiB,
				c->mem.va + UNIT + SIZE - KiB, KiB));

	begin(c, "4K: unmap 64M");
	ASSERT_EQ(0, unmap(c, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, start + SIZE - KiB,
					  c->mem.va + UNIT + SIZE - KiB, KiB,
					  NULL));

	begin(c, "4K: unmap 64M of nothing");
	ASSERT_EQ(0, unmap(c, start, SIZE));
	end(c);
}

/*
 * Lists do not begin at a convenient place, neither in the window nor in memory
 */
TEST_F_TIMEOUT(pages_4k, map_and_unmap_unaligned, 60)
{
	uint64_t at = tce_def_start(&self->c.v) + 4 * KiB;
	struct ctx *c = &self->c;

	begin(c, "4K: map 64M at 4K");
	ASSERT_EQ(0, map(c, 4 * KiB, at, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&c->v, at + SIZE - KiB,
				c->mem.va + 4 * KiB + SIZE - KiB, KiB));

	begin(c, "4K: unmap 64M at 4K");
	ASSERT_EQ(0, unmap(c, at, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, at + SIZE - KiB,
					  c->mem.va + 4 * KiB + SIZE - KiB, KiB,
					  NULL));
}

TEST_F(pages_4k, one_page)
{
	struct ctx *c = &self->c;
	uint64_t at = tce_def_start(&c->v) + 5 * UNIT;

	begin(c, "4K: map one page");
	ASSERT_EQ(0, map(c, 0, at, 4 * KiB));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&c->v, at, c->mem.va, KiB));

	begin(c, "4K: map one page over another");
	ASSERT_EQ(0, map(c, UNIT, at, 4 * KiB));
	end(c);

	begin(c, "4K: unmap one page");
	ASSERT_EQ(0, unmap(c, at, 4 * KiB));
	end(c);
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, at, c->mem.va + UNIT, KiB,
					  NULL));
}

/* Windows that are too large for a table in memory */
FIXTURE(large) {
	struct ctx c;
};

FIXTURE_VARIANT(large) {
	const char *name;
	unsigned int shift;
	uint64_t size;
};

FIXTURE_VARIANT_ADD(large, 64k_1t) {
	.name = "1T of 64K", .shift = 16, .size = 1 * TiB,
};

FIXTURE_VARIANT_ADD(large, 2m_128t) {
	.name = "128T of 2M", .shift = 21, .size = 128 * TiB,
};

FIXTURE_SETUP(large)
{
	struct ctx *c = &self->c;

	c->locked_kb = tce_vmlck_kb();
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
}

FIXTURE_TEARDOWN(large)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
	EXPECT_EQ(c->locked_kb, tce_vmlck_kb());
}

/* Registers memory for a window; returns why there cannot be one, or NULL */
static const char *prepare(struct ctx *c, unsigned int shift, uint64_t size,
			   int *err)
{
	*err = 0;
	if (!tce_has_ddw(&c->v))
		return "the platform cannot create windows";
	if (tce_is_powernv())
		return "PowerNV has a table in memory";
	if (!tce_has_shift(&c->v, shift))
		return "the platform has no such pages";
	if (size > tce_max_window())
		return "larger than VFIO_TCE_MAX_WINDOW";

	*err = tce_mem_for_shift(&c->mem, SIZE, shift);
	if (*err == -ENOENT) {
		*err = 0;
		return "no memory for such pages";
	}
	*err = touched(&c->mem, *err);
	if (!*err)
		*err = tce_register(c->v.container, c->mem.va, c->mem.size);
	/* Before the first use of the window: none is made then */
	if (!*err)
		*err = tce_remove(c->v.container, tce_def_start(&c->v));
	return NULL;
}

static void begin_large(struct ctx *c, const char *what, const char *name)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s: %s", name, what);
	begin(c, buf);
}

TEST_F_TIMEOUT(large, costs_what_is_mapped, 60)
{
	struct ctx *c = &self->c;
	uint64_t start;
	const char *why;
	int err;

	why = prepare(c, variant->shift, variant->size, &err);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, err);

	begin_large(c, "create", variant->name);
	ASSERT_EQ(0, tce_create(c->v.container, variant->shift, variant->size,
				1, &start));
	end(c);

	begin_large(c, "unmap all of nothing", variant->name);
	ASSERT_EQ(0, unmap(c, start, variant->size));
	end(c);

	begin_large(c, "map 64M", variant->name);
	ASSERT_EQ(0, map(c, 0, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&c->v, start + SIZE - KiB,
				c->mem.va + SIZE - KiB, KiB));

	begin_large(c, "unmap all with 64M in it", variant->name);
	ASSERT_EQ(0, unmap(c, start, variant->size));
	end(c);
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, start + SIZE - KiB,
					  c->mem.va + SIZE - KiB, KiB, NULL));

	/* This time at the other end */
	start += variant->size - SIZE;
	ASSERT_EQ(0, map(c, 0, start, SIZE));
	EXPECT_EQ(0, tce_dma_ok(&c->v, start + SIZE - KiB,
				c->mem.va + SIZE - KiB, KiB));
	start -= variant->size - SIZE;
	begin_large(c, "remove with 64M in it", variant->name);
	ASSERT_EQ(0, tce_remove(c->v.container, start));
	end(c);
}

static long max(long a, long b)
{
	return a > b ? a : b;
}

/*
 * From before the window is created until after it is removed, no table is
 * allocated
 */
TEST_F_TIMEOUT(large, takes_no_memory, 120)
{
	long locked, least = LONG_MAX, most_locked = 0, drop;
	struct tce_stat before, now;
	struct ctx *c = &self->c;
	uint64_t start;
	const char *why;
	int i, err;

	why = prepare(c, variant->shift, variant->size, &err);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, err);

	locked = tce_vmlck_kb();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, tce_stat_get(&before));
		EXPECT_EQ(locked, before.vmlck_kb);
		ASSERT_EQ(0, tce_create(c->v.container, variant->shift,
					variant->size, 1, &start));
		ASSERT_EQ(0, map(c, 0, start, SIZE));
		ASSERT_EQ(0, tce_stat_get(&now));
		most_locked = max(most_locked, now.vmlck_kb - locked);
		drop = before.memfree_kb - now.memfree_kb;

		ASSERT_EQ(0, unmap(c, start, variant->size));
		ASSERT_EQ(0, tce_stat_get(&now));
		drop = max(drop, before.memfree_kb - now.memfree_kb);

		ASSERT_EQ(0, tce_remove(c->v.container, start));
		EXPECT_EQ(locked, tce_vmlck_kb());
		if (drop < least)
			least = drop;
	}
	tce_log("%s: %ld kB locked, %ld kB of free memory", variant->name,
		most_locked, least);
	EXPECT_LT(most_locked, MAX_KB);
	EXPECT_LT(least, MAX_KB);
}

/* The following tests need no variants */
FIXTURE(cost) {
	struct ctx c;
};

FIXTURE_SETUP(cost)
{
	struct ctx *c = &self->c;

	c->locked_kb = tce_vmlck_kb();
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
}

FIXTURE_TEARDOWN(cost)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
	EXPECT_EQ(c->locked_kb, tce_vmlck_kb());
}

TEST_F(cost, sparse)
{
	struct ctx *c = &self->c;
	uint64_t start;
	const char *why;
	int i, err;

	why = prepare(c, 12, 4 * GiB, &err);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, err);

	ASSERT_EQ(0, tce_create(c->v.container, 12, 4 * GiB, 1, &start));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map(c, i * UNIT, start + i * GiB, 4 * KiB));
	begin(c, "sparse: unmap all");
	ASSERT_EQ(0, unmap(c, start, 4 * GiB));
	end(c);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, tce_dma_write_denied(&c->v, start + i * GiB,
						  c->mem.va + i * UNIT, KiB,
						  NULL));
	/* No region counts as mapped any more */
	EXPECT_EQ(0, tce_unregister(c->v.container, c->mem.va, c->mem.size));
}

/* A second group joins existing mappings; each entry is then set for both */
TEST_F_TIMEOUT(cost, two_groups, 60)
{
	const struct tce_dev *second = tce_second_group();
	struct ctx *c = &self->c;
	uint64_t start;
	struct tce_vfio w;
	int ret;

	if (!second)
		SKIP(return, "only one group");

	start = tce_def_start(&c->v);
	ASSERT_EQ(0, touched(&c->mem, tce_mem_anon(&c->mem, SIZE)));
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	ASSERT_EQ(0, map(c, 0, start, SIZE));

	w = c->v;
	w.dev = second;
	w.group = tce_open_group(second);
	ASSERT_LE(0, w.group);
	begin(c, "two groups: join");
	ret = tce_ioctl(w.group, VFIO_GROUP_SET_CONTAINER, &w.container);
	end(c);
	if (ret) {
		close(w.group);
		SKIP(return, "a second group is refused");
	}
	w.device = tce_open_device(w.group, second);
	ASSERT_LE(0, w.device);
	if (second->edu)
		ASSERT_EQ(0, edu_open(&w.edu, w.device));
	EXPECT_EQ(0, tce_dma_ok(&w, start + SIZE - KiB, c->mem.va + SIZE - KiB,
				KiB));

	begin(c, "two groups: unmap 64M");
	EXPECT_EQ(0, unmap(c, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_write_denied(&w, start + SIZE - KiB,
					  c->mem.va + SIZE - KiB, KiB, NULL));
	begin(c, "two groups: map 64M");
	EXPECT_EQ(0, map(c, 0, start, SIZE));
	end(c);
	EXPECT_EQ(0, tce_dma_ok(&w, start + SIZE - KiB, c->mem.va + SIZE - KiB,
				KiB));
	EXPECT_EQ(0, unmap(c, start, SIZE));

	begin(c, "two groups: map one page");
	EXPECT_EQ(0, map(c, 0, start, 4 * KiB));
	end(c);
	begin(c, "two groups: unmap one page");
	EXPECT_EQ(0, unmap(c, start, 4 * KiB));
	end(c);

	edu_close(&w.edu);
	close(w.device);
	close(w.group);
}

/* A process maps so much, and is killed */
static int be_killed(uint64_t size, int ready)
{
	struct ctx c = {};
	int ret;

	ret = tce_vfio_open(&c.v, &tce_devs[0], 2);
	if (!ret)
		ret = touched(&c.mem, tce_mem_anon(&c.mem, SIZE));
	if (!ret)
		ret = tce_ready(&c.v, &c.mem);
	if (!ret)
		ret = make_default(&c);
	if (!ret && size)
		ret = map(&c, 0, tce_def_start(&c.v), size);
	if (write(ready, &ret, sizeof(ret)) == sizeof(ret))
		pause();
	return ret;
}

static int kill_with(struct ctx *c, uint64_t size, const char *name)
{
	int status, ret, fds[2];
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(be_killed(size, fds[1]) ? 1 : 0);
	close(fds[1]);
	if (read(fds[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EPIPE;
	close(fds[0]);

	begin(c, name);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	end(c);
	return ret;
}

/* The difference of the two is the cost of the mappings */
TEST_F_TIMEOUT(cost, killed, 60)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	EXPECT_EQ(0, kill_with(c, 0, "killed with nothing mapped"));
	EXPECT_EQ(0, kill_with(c, SIZE, "killed with 64M mapped"));
	/* No earlier process blocks the next user */
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
}

TCE_MAIN(true)
