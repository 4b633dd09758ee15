// SPDX-License-Identifier: GPL-2.0
/*
 * Several groups at once: each in a container of its own, and several in one
 * container where the kernel accepts them.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define LEN		2048
#define MAX_GROUPS	4

/* Finds the first device of each group; returns the number of groups */
static int first_of_groups(const struct tce_dev **devs)
{
	int i, j, n = 0;

	for (i = 0; i < tce_ndevs && n < MAX_GROUPS; i++) {
		for (j = 0; j < n; j++)
			if (devs[j]->group == tce_devs[i].group)
				break;
		if (j == n)
			devs[n++] = &tce_devs[i];
	}
	return n;
}

FIXTURE(groups) {
	const struct tce_dev *devs[MAX_GROUPS];
	struct tce_vfio v[MAX_GROUPS];
	struct tce_mem mem[MAX_GROUPS];
	int n;
};

FIXTURE_VARIANT(groups) {
	int version;
};

FIXTURE_VARIANT_ADD(groups, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(groups, v2) { .version = 2 };

FIXTURE_SETUP(groups)
{
	int i;

	self->n = first_of_groups(self->devs);
	for (i = 0; i < self->n; i++)
		self->v[i] = (struct tce_vfio)TCE_VFIO_CLOSED;
	/*
	 * The first group is opened in tests that are skipped for one group,
	 * too
	 */
	ASSERT_EQ(0, tce_vfio_open(&self->v[0], self->devs[0],
				   variant->version));
	for (i = 0; i < self->n; i++)
		ASSERT_EQ(0, tce_mem_anon(&self->mem[i], 2 * UNIT));
}

FIXTURE_TEARDOWN(groups)
{
	int i;

	for (i = 0; i < self->n; i++) {
		tce_vfio_close(&self->v[i]);
		tce_mem_free(&self->mem[i]);
	}
}

static int map_first(struct tce_vfio *v, struct tce_mem *mem)
{
	int ret = tce_ready(v, mem);

	return ret ? ret : tce_map(v->container, mem->va, tce_def_start(v),
				   UNIT, TCE_RW);
}

static int use_first(struct tce_vfio *v, struct tce_mem *mem)
{
	return tce_dma_ok(v, tce_def_start(v), mem->va, LEN);
}

TEST_F_TIMEOUT(groups, each_in_its_container, 120)
{
	struct tce_scratch scratch;
	int i;

	if (self->n < 2)
		SKIP(return, "only one group");
	for (i = 1; i < self->n; i++)
		ASSERT_EQ(0, tce_vfio_open(&self->v[i], self->devs[i],
					   variant->version));
	for (i = 0; i < self->n; i++)
		ASSERT_EQ(0, map_first(&self->v[i], &self->mem[i]));
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(0, use_first(&self->v[i], &self->mem[i]));

	/* The second group does not reach another page of the first */
	ASSERT_EQ(0, tce_map(self->v[0].container, self->mem[0].va + UNIT,
			     tce_def_start(&self->v[0]) + UNIT, UNIT, TCE_RW));
	scratch.va = self->mem[1].va;
	scratch.iova = tce_def_start(&self->v[1]);
	EXPECT_EQ(0, tce_dma_write_denied(&self->v[1],
					  tce_def_start(&self->v[0]) + UNIT,
					  self->mem[0].va + UNIT, LEN,
					  &scratch));

	/* One group is closed, and the others work */
	tce_vfio_close(&self->v[0]);
	for (i = 1; i < self->n; i++)
		EXPECT_EQ(0, use_first(&self->v[i], &self->mem[i]));
	ASSERT_EQ(0, tce_vfio_open(&self->v[0], self->devs[0],
				   variant->version));
	ASSERT_EQ(0, map_first(&self->v[0], &self->mem[0]));
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(0, use_first(&self->v[i], &self->mem[i]));
}

TEST_F(groups, windows_of_each_are_its_own)
{
	uint64_t start[MAX_GROUPS];
	int i;

	if (self->n < 2)
		SKIP(return, "only one group");
	if (variant->version == 1)
		SKIP(return, "v1 has no windows to create");
	for (i = 1; i < self->n; i++)
		ASSERT_EQ(0, tce_vfio_open(&self->v[i], self->devs[i], 2));
	for (i = 0; i < self->n; i++) {
		if (!tce_has_ddw(&self->v[i]))
			SKIP(return, "the platform cannot create windows");
		ASSERT_EQ(0, map_first(&self->v[i], &self->mem[i]));
		ASSERT_EQ(0, tce_create(self->v[i].container, 12, GiB << i, 1,
					&start[i])) {
			TH_LOG("group %d", i);
		}
		ASSERT_EQ(0, tce_map(self->v[i].container,
				     self->mem[i].va + UNIT, start[i], UNIT,
				     TCE_RW));
	}
	EXPECT_EQ(0, tce_remove(self->v[0].container, start[0]));
	for (i = 0; i < self->n; i++)
		EXPECT_EQ(0, use_first(&self->v[i], &self->mem[i]));
	for (i = 1; i < self->n; i++)
		EXPECT_EQ(0, tce_dma_ok(&self->v[i], start[i],
					self->mem[i].va + UNIT, LEN));
}

/*
 * A container may have several groups if the platform supports it, as
 * Documentation/driver-api/vfio.rst says. If not, the second is refused, and
 * the first works as before.
 */
TEST_F(groups, two_in_one_container)
{
	struct tce_vfio *first = &self->v[0], *second = &self->v[1];
	int ret;

	if (self->n < 2)
		SKIP(return, "only one group");
	ASSERT_EQ(0, map_first(first, &self->mem[0]));
	EXPECT_EQ(0, use_first(first, &self->mem[0]));

	second->dev = self->devs[1];
	second->group = tce_open_group(second->dev);
	ASSERT_LE(0, second->group);
	ret = tce_ioctl(second->group, VFIO_GROUP_SET_CONTAINER,
			&first->container);
	EXPECT_TRUE(!ret || ret == -EPERM || ret == -EBUSY || ret == -EINVAL) {
		TH_LOG("returned %d", ret);
	}
	EXPECT_EQ(0, use_first(first, &self->mem[0]));
	if (ret) {
		tce_log("a second group is refused: %s", strerror(-ret));
		/* It can be put into a container of its own */
		close(second->group);
		second->group = -1;
		ASSERT_EQ(0, tce_vfio_open(second, self->devs[1],
					   variant->version));
		ASSERT_EQ(0, map_first(second, &self->mem[1]));
		EXPECT_EQ(0, use_first(second, &self->mem[1]));
		EXPECT_EQ(0, use_first(first, &self->mem[0]));
		return;
	}

	/* A mapping is for both groups */
	second->info = first->info;
	second->version = first->version;
	second->device = tce_open_device(second->group, second->dev);
	ASSERT_LE(0, second->device);
	if (second->dev->edu)
		ASSERT_EQ(0, edu_open(&second->edu, second->device));
	EXPECT_EQ(0, use_first(second, &self->mem[0]));
	ASSERT_EQ(0, tce_unmap(first->container, tce_def_start(first), UNIT));
	EXPECT_EQ(0, tce_dma_write_denied(first, tce_def_start(first),
					  self->mem[0].va, LEN, NULL));
	EXPECT_EQ(0, tce_dma_write_denied(second, tce_def_start(first),
					  self->mem[0].va, LEN, NULL));
	ASSERT_EQ(0, tce_map(first->container, self->mem[0].va,
			     tce_def_start(first), UNIT, TCE_RW));
	EXPECT_EQ(0, use_first(first, &self->mem[0]));
	EXPECT_EQ(0, use_first(second, &self->mem[0]));

	/* The second leaves, and the first keeps its mappings */
	tce_leave(second);
	EXPECT_EQ(0, use_first(first, &self->mem[0]));
}

/* A window is for all groups of a container, also for those that join later */
TEST_F_TIMEOUT(groups, one_window_for_two, 120)
{
	struct tce_vfio *first = &self->v[0], *second = &self->v[1];
	uint8_t *va = self->mem[0].va;
	uint64_t start;
	int i;

	if (self->n < 2)
		SKIP(return, "only one group");
	if (variant->version == 1)
		SKIP(return, "v1 has no windows to create");
	if (tce_max_windows(first) < 2)
		SKIP(return, "the platform has no second window");
	ASSERT_EQ(0, map_first(first, &self->mem[0]));

	for (i = 0; i < 3; i++) {
		/*
		 * The second group joins before the window is created, or after
		 */
		if (i & 1)
			ASSERT_EQ(0, tce_join(second, first, self->devs[1]));
		ASSERT_EQ(0, tce_create(first->container, 12, 1 * GiB, 1,
					&start));
		ASSERT_EQ(0, tce_map(first->container, va + UNIT, start, UNIT,
				     TCE_RW));
		if (!(i & 1))
			ASSERT_EQ(0, tce_join(second, first, self->devs[1]));
		EXPECT_EQ(0, tce_dma_ok(first, start, va + UNIT, LEN));
		EXPECT_EQ(0, tce_dma_ok(second, start, va + UNIT, LEN));
		EXPECT_EQ(0, use_first(second, &self->mem[0]));

		/*
		 * With both groups, memory is mapped, and other memory unmapped
		 */
		ASSERT_EQ(0, tce_map(first->container, va, start + UNIT, UNIT,
				     TCE_RW));
		EXPECT_EQ(0, tce_dma_ok(second, start + UNIT, va, LEN));
		ASSERT_EQ(0, tce_unmap(first->container, start, UNIT));
		EXPECT_EQ(0, tce_dma_write_denied(second, start, va + UNIT,
						  LEN, NULL));

		ASSERT_EQ(0, tce_remove(first->container, start));
		EXPECT_EQ(0, tce_dma_write_denied(first, start + UNIT, va, LEN,
						  NULL));
		EXPECT_EQ(0, tce_dma_write_denied(second, start + UNIT, va,
						  LEN, NULL));
		EXPECT_EQ(0, use_first(second, &self->mem[0]));
		tce_leave(second);
		EXPECT_EQ(0, use_first(first, &self->mem[0]));
	}
	EXPECT_EQ(0, tce_unmap(first->container, tce_def_start(first), UNIT));
	EXPECT_EQ(0, tce_unregister(first->container, self->mem[0].va,
				    self->mem[0].size));
}

/* The group that was first leaves, and the second keeps the windows */
TEST_F_TIMEOUT(groups, first_leaves_the_second_alone, 120)
{
	struct tce_vfio *first = &self->v[0], *second = &self->v[1];
	uint8_t *va = self->mem[0].va;
	uint64_t start = tce_def_start(first);

	if (self->n < 2)
		SKIP(return, "only one group");
	ASSERT_EQ(0, map_first(first, &self->mem[0]));
	ASSERT_EQ(0, tce_join(second, first, self->devs[1]));
	tce_leave(first);
	EXPECT_EQ(0, use_first(second, &self->mem[0]));
	ASSERT_EQ(0, tce_map(second->container, va + UNIT, start + UNIT, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(second, start + UNIT, va + UNIT, LEN));

	/* In another container it has none of the mappings that it had here */
	second->container = first->container;
	first->container = -1;
	ASSERT_EQ(0, tce_vfio_open(first, self->devs[0], variant->version));
	EXPECT_EQ(0, tce_dma_write_denied(first, start, va, LEN, NULL));
	EXPECT_EQ(0, use_first(second, &self->mem[0]));
}

/* A device moves data all the time, by way of a second page */
struct mover {
	struct tce_vfio *v;
	struct tce_mem *mem;
	atomic_int ret, rounds;
	atomic_bool stop;
};

static void *move(void *arg)
{
	struct mover *m = arg;

	do {
		m->ret = tce_dma_ok(m->v, tce_def_start(m->v) + UNIT,
				    m->mem->va + UNIT, LEN);
		m->rounds++;
	} while (!m->ret && !m->stop);
	return NULL;
}

/* Waits for at least one transfer from begin to end */
static int moves_on(struct mover *m)
{
	int rounds = m->rounds + 2;

	while (!m->ret && m->rounds < rounds)
		usleep(1000);
	return m->ret;
}

/*
 * Groups join and leave in many orders, and the DMA of the first is not
 * disturbed
 */
TEST_F_TIMEOUT(groups, others_come_and_go_during_dma, 300)
{
	/*
	 * The groups that have joined, as bits, beside the one that moves data
	 */
	static const int steps[] = { 1, 3, 7, 6, 4, 5, 7, 3, 2, 6, 4, 5, 1, 0 };
	struct mover m = { .v = &self->v[0], .mem = &self->mem[0] };
	pthread_t thread;
	int i, j, have = 0;

	if (self->n < 2)
		SKIP(return, "only one group");
	ASSERT_EQ(0, map_first(m.v, m.mem));
	ASSERT_EQ(0, tce_map(m.v->container, m.mem->va + UNIT,
			     tce_def_start(m.v) + UNIT, UNIT, TCE_RW));
	ASSERT_EQ(0, pthread_create(&thread, NULL, move, &m));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (j = 0; j < 3 && j + 1 < self->n; j++) {
			struct tce_vfio *v = &self->v[j + 1];
			int bit = 1 << j;

			if ((have ^ steps[i]) & have & bit) {
				tce_leave(v);
				/* The first group will close the container */
				v->container = -1;
			} else if ((have ^ steps[i]) & bit) {
				EXPECT_EQ(0, tce_join(v, m.v, self->devs[j + 1]));
			}
		}
		have = steps[i];
		EXPECT_EQ(0, moves_on(&m)) {
			TH_LOG("step %d", i);
		}
		for (j = 0; j < 3 && j + 1 < self->n; j++)
			if (have & (1 << j))
				EXPECT_EQ(0, use_first(&self->v[j + 1],
						       m.mem));
	}
	m.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, m.ret);
}

static bool refusal(int ret)
{
	return ret == -EADDRNOTAVAIL || ret == -ENOSPC || ret == -EINVAL ||
	       ret == -EOPNOTSUPP;
}

/*
 * A group can join a container if its platform has the same windows at the same
 * addresses. If not it is refused, and nothing has changed: the first group
 * works as before, and the second can be used alone.
 */
TEST_F_TIMEOUT(groups, join_where_windows_are_alike, 600)
{
	struct tce_vfio *first = &self->v[0], *second = &self->v[1];
	/* An I/O page cannot be larger than the pages of the memory */
	unsigned int shift = getpagesize() < UNIT ? 12 : 16;
	int i, j, ret, joined = 0, refused = 0;
	uint8_t *va = self->mem[0].va;
	uint64_t start = 0;

	if (self->n < 2)
		SKIP(return, "only one group");
	if (variant->version == 1)
		SKIP(return, "v1 has no windows to create");
	ASSERT_EQ(0, map_first(first, &self->mem[0]));
	if (tce_max_windows(first) > 1 && tce_has_shift(first, shift)) {
		ASSERT_EQ(0, tce_create(first->container, shift, GiB, 1,
					&start));
		ASSERT_EQ(0, tce_map(first->container, va + UNIT, start, UNIT,
				     TCE_RW));
	}
	for (i = 1; i < tce_ndevs; i++) {
		for (j = 0; j < i; j++)
			if (tce_devs[j].group == tce_devs[i].group)
				break;
		if (j < i || !tce_devs[i].edu)
			continue;
		ret = tce_join(second, first, &tce_devs[i]);
		if (!ret) {
			joined++;
			EXPECT_EQ(0, use_first(second, &self->mem[0]));
			if (start)
				EXPECT_EQ(0, tce_dma_ok(second, start,
							va + UNIT, LEN));
			tce_leave(second);
		} else {
			refused++;
			tce_log("%s: %s", tce_devs[i].bdf, strerror(-ret));
			EXPECT_TRUE(refusal(ret));
			close(second->group);
			EXPECT_EQ(0, tce_vfio_open(second, &tce_devs[i], 2));
			tce_vfio_close(second);
		}
		second->group = -1;
		second->container = -1;
		EXPECT_EQ(0, use_first(first, &self->mem[0]));
		if (start)
			EXPECT_EQ(0, tce_dma_ok(first, start, va + UNIT, LEN));
	}
	tce_log("groups that joined: %d, refused: %d", joined, refused);
}

/* The other devices of a group have the same windows */
TEST_F(groups, several_devices_in_one)
{
	const struct tce_dev *other = NULL;
	struct tce_vfio v2;
	int i;

	for (i = 1; i < tce_ndevs; i++)
		if (tce_devs[i].group == tce_devs[0].group &&
		    tce_devs[i].edu)
			other = &tce_devs[i];
	if (!other)
		SKIP(return, "the group has no second edu device");

	ASSERT_EQ(0, map_first(&self->v[0], &self->mem[0]));
	v2 = self->v[0];
	v2.dev = other;
	v2.device = tce_open_device(self->v[0].group, other);
	ASSERT_LE(0, v2.device);
	ASSERT_EQ(0, edu_open(&v2.edu, v2.device));
	EXPECT_EQ(0, use_first(&v2, &self->mem[0]));
	EXPECT_EQ(0, use_first(&self->v[0], &self->mem[0]));
	ASSERT_EQ(0, tce_unmap(self->v[0].container,
			       tce_def_start(&self->v[0]), UNIT));
	EXPECT_EQ(0, tce_dma_write_denied(&v2, tce_def_start(&v2),
					  self->mem[0].va, LEN, NULL));
	edu_close(&v2.edu);
	close(v2.device);
}

TCE_MAIN(true)
