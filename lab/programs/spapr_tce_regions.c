// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of small regions, each registered and mapped by itself as DPDK and
 * QEMU with many memory slots do it. The time must grow in proportion to their
 * number. The program is meant for a machine whose clock counts instructions;
 * elsewhere the load of other programs is measured too.
 */

#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "spapr_tce.h"

#define REGION		(64 * KiB)
#define FEW		16384
#define MANY		(2 * FEW)
#define ROUNDS		2

/* All regions are the same few pages, at many addresses */
#define FILE_SIZE	(64 * MiB)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

FIXTURE(regions) {
	struct tce_vfio v;
	struct tce_mem mem;
	uint8_t *va;
	uint64_t start;
	long locked_kb;
};

FIXTURE_SETUP(regions)
{
	unsigned int shift = sysconf(_SC_PAGESIZE) < REGION ? 12 : 16;
	uint64_t size = MANY * REGION, i;

	self->locked_kb = tce_vmlck_kb();
	ASSERT_EQ(0, tce_mem_memfd(&self->mem, FILE_SIZE));
	memset(self->mem.va, 1, FILE_SIZE);
	self->va = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->va);
	for (i = 0; i < size; i += FILE_SIZE) {
		ASSERT_NE(MAP_FAILED,
			  mmap(self->va + i, FILE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED | MAP_POPULATE,
			       self->mem.fd, 0));
	}

	ASSERT_EQ(0, tce_vfio_open_iommu(&self->v, &tce_devs[0], 2));
	if (!tce_has_shift(&self->v, shift) ||
	    size > tce_max_window())
		SKIP(return, "the platform has no such window");
	ASSERT_EQ(0, tce_remove(self->v.container, tce_def_start(&self->v)));
	ASSERT_EQ(0, tce_create(self->v.container, shift, size, 1,
				&self->start));
}

FIXTURE_TEARDOWN(regions)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
	EXPECT_EQ(self->locked_kb, tce_vmlck_kb());
}

/* The seconds to register and map so many regions, or a negative errno */
static double add(struct tce_vfio *v, uint8_t *va, uint64_t start, int n)
{
	double begin = seconds();
	int i, ret;

	for (i = 0; i < n; i++) {
		ret = tce_register(v->container, va + i * REGION, REGION);
		if (!ret)
			ret = tce_map(v->container, va + i * REGION,
				      start + i * REGION, REGION, TCE_RW);
		if (ret)
			return ret;
	}
	return seconds() - begin;
}

/* The oldest first: the worst order for code that looks at the newest first */
static double del(struct tce_vfio *v, uint8_t *va, uint64_t start, int n)
{
	double begin = seconds();
	int i, ret;

	for (i = 0; i < n; i++) {
		ret = tce_unmap(v->container, start + i * REGION, REGION);
		if (!ret)
			ret = tce_unregister(v->container, va + i * REGION,
					     REGION);
		if (ret)
			return ret;
	}
	return seconds() - begin;
}

TEST_F_TIMEOUT(regions, are_not_searched_one_by_one, 600)
{
	static const int numbers[] = { FEW, MANY };
	double up[2] = { 1e9, 1e9 }, down[2] = { 1e9, 1e9 };
	double t;
	int i, n;

	for (i = 0; i < ROUNDS; i++) {
		for (n = 0; n < 2; n++) {
			t = add(&self->v, self->va, self->start, numbers[n]);
			ASSERT_LE(0, t);
			if (t < up[n])
				up[n] = t;
			t = del(&self->v, self->va, self->start, numbers[n]);
			ASSERT_LE(0, t);
			if (t < down[n])
				down[n] = t;
		}
	}
	for (n = 0; n < 2; n++)
		tce_log("%d regions: %.3f s to map, %.3f s to unmap",
			numbers[n], up[n], down[n]);
	EXPECT_LT(up[0], 5);
	EXPECT_LE(up[1], 2.3 * up[0]);
	EXPECT_LT(down[0], 5);
	EXPECT_LE(down[1], 2.3 * down[0]);
}

TCE_MAIN(true)
