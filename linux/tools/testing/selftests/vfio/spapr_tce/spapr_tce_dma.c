// SPDX-License-Identifier: GPL-2.0
/*
 * A device reaches the memory that is mapped, in the direction that it is
 * mapped for, and no other memory. The device moves data, or fails to, to prove
 * it.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define UNITS		16
#define LEN		EDU_DMA_MAX

struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	struct tce_scratch scratch;
	uint64_t base;			/* I/O address of the default window */
};

/* The address of the n-th unit of memory. Unit 0 is the scratch memory. */
static void *va(struct ctx *c, int n)
{
	return c->mem.va + n * UNIT;
}

FIXTURE(dma) {
	struct ctx c;
};

FIXTURE_VARIANT(dma) {
	int version;
};

FIXTURE_VARIANT_ADD(dma, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(dma, v2) { .version = 2 };

FIXTURE_SETUP(dma)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], variant->version));
	ASSERT_EQ(0, tce_mem_anon(&c->mem, (UNITS + 1) * UNIT));
	/*
	 * Behind the memory is a unit that can be neither read nor registered
	 */
	c->mem.size -= UNIT;
	ASSERT_EQ(0, mprotect(va(c, UNITS), UNIT, PROT_NONE));
	ASSERT_EQ(0, tce_ready(&c->v, &c->mem));
	c->base = tce_def_start(&c->v);
	c->scratch.iova = c->base;
	c->scratch.va = c->mem.va;
}

FIXTURE_TEARDOWN(dma)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
}

/* The I/O address of the n-th unit of the window */
static uint64_t iova(struct ctx *c, int n)
{
	return c->base + n * UNIT;
}

static int map(struct ctx *c, int from, int to, unsigned int flags)
{
	return tce_map(c->v.container, va(c, from), iova(c, to), UNIT, flags);
}

static int unmap(struct ctx *c, int n)
{
	return tce_unmap(c->v.container, iova(c, n), UNIT);
}

static int map_scratch(struct ctx *c)
{
	return map(c, 0, 0, TCE_RW);
}

static int write_denied(struct ctx *c, uint64_t addr, void *victim)
{
	return tce_dma_write_denied(&c->v, addr, victim, LEN, &c->scratch);
}

static int read_denied(struct ctx *c, uint64_t addr, void *secret)
{
	return tce_dma_read_denied(&c->v, addr, secret, LEN, &c->scratch);
}

TEST_F(dma, both_directions)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1) + UNIT - 64,
				(uint8_t *)va(c, 1) + UNIT - 64, 64));
	EXPECT_EQ(0, unmap(c, 1));
}

TEST_F(dma, read_only_is_not_written)
{
	struct ctx *c = &self->c;

	memset(va(c, 1), 1, UNIT);
	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_from(&c->v, iova(c, 1), va(c, 1), LEN,
				  &c->scratch));
	EXPECT_EQ(0, write_denied(c, iova(c, 1), va(c, 1)));
}

/*
 * Memory is mapped for reading before it has a page of its own, or while a
 * child shares the page. If the kernel pinned the present page then, a later
 * write of the process would replace it, and the device would not see that
 * write.
 */
TEST_F(dma, read_only_follows_the_process)
{
	struct ctx *c = &self->c;
	int status;
	pid_t pid;

	ASSERT_EQ(0, map_scratch(c));
	/* Never touched before (v1) */
	ASSERT_EQ(0, map(c, 1, 1, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_from(&c->v, iova(c, 1), va(c, 1), LEN,
				  &c->scratch));

	/* Only read before, so that it has the zero page */
	EXPECT_EQ(0, *(uint8_t *)va(c, 2));
	ASSERT_EQ(0, map(c, 2, 2, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_from(&c->v, iova(c, 2), va(c, 2), LEN,
				  &c->scratch));

	/* Shared with a child when it is mapped, and when it is written */
	memset(va(c, 3), 1, UNIT);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(0, map(c, 3, 3, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_from(&c->v, iova(c, 3), va(c, 3), LEN,
				  &c->scratch));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* After a fork the process still has the pages that the device writes to */
TEST_F(dma, fork_leaves_mappings_alone)
{
	struct ctx *c = &self->c;
	int status;
	pid_t pid;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	memset(va(c, 1), 1, UNIT);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
}

TEST_F(dma, write_only_is_not_read)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, tce_dma_to(&c->v, iova(c, 1), va(c, 1), LEN, &c->scratch));
	/* Its hardware cannot have the write permission alone */
	if (tce_is_powernv())
		SKIP(return, "PowerNV cannot map write-only");
	EXPECT_EQ(0, read_denied(c, iova(c, 1), va(c, 1)));
}

/* A write before the memory is mapped has no effect later either */
TEST_F(dma, nothing_before_the_first_map)
{
	struct ctx *c = &self->c;

	memset(va(c, 1), 0xa5, UNIT);
	EXPECT_EQ(0, tce_dma_write_denied(&c->v, iova(c, 1), va(c, 1),
					  LEN, NULL));
	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	EXPECT_EQ(0xa5, *(uint8_t *)va(c, 1));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
}

TEST_F(dma, nothing_outside_mappings)
{
	struct ctx *c = &self->c;
	uint64_t end = tce_def_end(&c->v);

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 2, 2, TCE_RW));
	/* Units 1 and 3 are the neighbours, in memory as well */
	EXPECT_EQ(0, write_denied(c, iova(c, 1), va(c, 1)));
	EXPECT_EQ(0, read_denied(c, iova(c, 1), va(c, 1)));
	EXPECT_EQ(0, write_denied(c, iova(c, 3), va(c, 3)));
	EXPECT_EQ(0, read_denied(c, iova(c, 3), va(c, 3)));
	/* Behind the window, and where platforms have 64-bit windows */
	EXPECT_EQ(0, write_denied(c, end, va(c, 2)));
	EXPECT_EQ(0, write_denied(c, 0x800000000000000ULL, va(c, 2)));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 2), va(c, 2), LEN));
}

TEST_F(dma, nothing_after_unmap)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	ASSERT_EQ(0, map(c, 2, 2, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	tce_mark(c->v.dev, TCE_MARK_UNMAP);
	ASSERT_EQ(0, unmap(c, 1));
	tce_mark(c->v.dev, TCE_MARK_UNMAPPED);
	EXPECT_EQ(0, write_denied(c, iova(c, 1), va(c, 1)));
	EXPECT_EQ(0, read_denied(c, iova(c, 1), va(c, 1)));
	/* Its neighbour is still mapped, and it can be mapped again */
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 2), va(c, 2), LEN));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
}

/* A part of a mapping is unmapped, and the rest stays */
TEST_F(dma, unmap_a_part)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, tce_map(c->v.container, va(c, 1), iova(c, 1),
			     3 * UNIT, TCE_RW));
	ASSERT_EQ(0, unmap(c, 2));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 3), va(c, 3), LEN));
	EXPECT_EQ(0, write_denied(c, iova(c, 2), va(c, 2)));
	/* A range with a hole unmaps like any other */
	EXPECT_EQ(0, tce_unmap(c->v.container, iova(c, 1), 3 * UNIT));
	EXPECT_EQ(0, write_denied(c, iova(c, 1), va(c, 1)));
	EXPECT_EQ(0, write_denied(c, iova(c, 3), va(c, 3)));
}

/*
 * A range where nothing is mapped can be unmapped: programs do so at their end
 */
TEST_F(dma, unmap_of_nothing)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	EXPECT_EQ(0, tce_unmap(c->v.container, iova(c, 1), 8 * MiB));
	EXPECT_EQ(0, tce_dma_ok(&c->v, c->base, va(c, 0), LEN));
}

/*
 * The interface does not say whether a mapping may replace another one. The
 * kernel may refuse it or do it, but must do either completely.
 */
TEST_F(dma, map_over_a_live_mapping)
{
	struct ctx *c = &self->c;
	int ret;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	ret = map(c, 2, 1, TCE_RW);
	if (ret) {
		EXPECT_LT(ret, 0);
		EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	} else {
		EXPECT_EQ(0, write_denied(c, iova(c, 1), va(c, 1)));
		EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 2), LEN));
	}
	ASSERT_EQ(0, unmap(c, 1));
	ASSERT_EQ(0, unmap(c, 0));
	/* No page is counted as mapped any more */
	EXPECT_EQ(0, tce_unready(&c->v, &c->mem));
}

/* A MAP that fails in the middle leaves the older mapping as it was */
TEST_F(dma, failed_map_over_a_live_mapping)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, UNITS - 1, UNITS - 1, TCE_RW));
	EXPECT_GT(0, tce_map(c->v.container, va(c, UNITS - 1),
			     iova(c, UNITS - 1), 2 * UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, UNITS - 1),
				va(c, UNITS - 1), LEN));
	EXPECT_EQ(0, write_denied(c, iova(c, UNITS), NULL));
}

/*
 * One transfer across two I/O pages, whose memory is elsewhere and in another
 * order
 */
TEST_F(dma, across_two_pages)
{
	struct ctx *c = &self->c;
	uint64_t edge = iova(c, 2);
	uint8_t *low = (uint8_t *)va(c, 8) + UNIT - 1024;
	uint8_t *high = va(c, 4);
	uint64_t seed = tce_seed();
	uint8_t expected[2048];

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 8, 1, TCE_RW));
	ASSERT_EQ(0, map(c, 4, 2, TCE_RW));
	if (!c->v.dev->edu)
		SKIP(return, "the device cannot be told to do DMA");

	tce_fill(expected, sizeof(expected), seed);
	memcpy(low, expected, 1024);
	memcpy(high, expected + 1024, 1024);
	ASSERT_EQ(0, edu_dma_read(&c->v.edu, edge - 1024, 2048));
	memset(low, 0, 1024);
	memset(high, 0, 1024);
	ASSERT_EQ(0, edu_dma_write(&c->v.edu, edge - 1024, 2048));
	EXPECT_EQ(0, memcmp(low, expected, 1024));
	EXPECT_EQ(0, memcmp(high, expected + 1024, 1024));

	/* The device has both parts */
	ASSERT_EQ(0, edu_dma_write(&c->v.edu, c->base, 2048));
	EXPECT_TRUE(tce_match(va(c, 0), 2048, seed));
}

/* An I/O page of 4K reaches its part of a larger page of memory, and no more */
TEST_F(dma, small_io_pages)
{
	struct ctx *c = &self->c;
	uint8_t *page = va(c, 4);

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, tce_map(c->v.container, page + 4 * KiB, iova(c, 2),
			     4 * KiB, TCE_RW));
	ASSERT_EQ(0, tce_map(c->v.container, page,
			     iova(c, 2) + 4 * KiB, 4 * KiB, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 2), page + 4 * KiB, LEN));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 2) + 4 * KiB, page, LEN));
	EXPECT_EQ(0, write_denied(c, iova(c, 2) + 8 * KiB, page + 8 * KiB));
	EXPECT_EQ(0, tce_unmap(c->v.container, iova(c, 2), 4 * KiB));
	EXPECT_EQ(0, write_denied(c, iova(c, 2), page + 4 * KiB));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 2) + 4 * KiB, page, LEN));
}

TEST_F(dma, first_and_last_page_of_the_window)
{
	struct ctx *c = &self->c;
	uint64_t last = tce_def_end(&c->v) - UNIT;

	ASSERT_EQ(0, map(c, 1, 0, TCE_RW));
	ASSERT_EQ(0, tce_map(c->v.container, va(c, 2), last, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, c->base, va(c, 1), LEN));
	EXPECT_EQ(0, tce_dma_ok(&c->v, last + UNIT - LEN,
				(uint8_t *)va(c, 2) + UNIT - LEN, LEN));
	EXPECT_EQ(0, tce_unmap(c->v.container, last, UNIT));
	EXPECT_EQ(0, unmap(c, 0));
}

/* The same memory at two addresses, with different permissions */
TEST_F(dma, one_memory_at_two_addresses)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, map_scratch(c));
	ASSERT_EQ(0, map(c, 1, 1, TCE_RW));
	ASSERT_EQ(0, map(c, 1, 2, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_ok(&c->v, iova(c, 1), va(c, 1), LEN));
	EXPECT_EQ(0, write_denied(c, iova(c, 2), va(c, 1)));
	EXPECT_EQ(0, unmap(c, 1));
	EXPECT_EQ(0, tce_dma_from(&c->v, iova(c, 2), va(c, 1), LEN,
				  &c->scratch));
}

/* Much memory is mapped by one call */
FIXTURE(large) {
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE_VARIANT(large) {
	int version;
};

FIXTURE_VARIANT_ADD(large, v1) { .version = 1 };
FIXTURE_VARIANT_ADD(large, v2) { .version = 2 };

FIXTURE_SETUP(large)
{
	ASSERT_EQ(0, tce_vfio_open(&self->v, &tce_devs[0], variant->version));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 64 * MiB));
	ASSERT_EQ(0, tce_ready(&self->v, &self->mem));
}

FIXTURE_TEARDOWN(large)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

TEST_F_TIMEOUT(large, map_64_mib, 120)
{
	static const uint64_t places[] = {
		0, 1 * MiB - 2048, 31 * MiB + 4096, 64 * MiB - LEN,
	};
	uint64_t start = tce_def_start(&self->v);
	uint8_t *mem = self->mem.va;
	size_t i;

	ASSERT_GE(tce_def_end(&self->v) - start, self->mem.size);
	ASSERT_EQ(0, tce_map(self->v.container, mem, start, self->mem.size,
			     TCE_RW));
	for (i = 0; i < ARRAY_SIZE(places); i++)
		EXPECT_EQ(0, tce_dma_ok(&self->v, start + places[i],
					mem + places[i], LEN));
	ASSERT_EQ(0, tce_unmap(self->v.container, start, self->mem.size));
	EXPECT_EQ(0, tce_dma_write_denied(&self->v, start + places[2],
					  mem + places[2], LEN, NULL));
	EXPECT_EQ(0, tce_unready(&self->v, &self->mem));
}

/* The kinds of memory that can be mapped */
FIXTURE(memory) {
	struct tce_vfio v;
	struct tce_mem mem;
};

FIXTURE_VARIANT(memory) {
	int version;
	int (*alloc)(struct tce_mem *mem, size_t size);
};

static int alloc_hugetlb(struct tce_mem *mem, size_t size)
{
	int ret = tce_mem_hugetlb(mem, size, 2 * MiB);

	return ret == -ENOENT ? tce_mem_hugetlb(mem, size, 16 * MiB) : ret;
}

#define MEMORY(name) FIXTURE_VARIANT_ADD(memory, name)

MEMORY(v1_anonymous) { .version = 1, .alloc = tce_mem_anon };
MEMORY(v1_memfd) { .version = 1, .alloc = tce_mem_memfd };
MEMORY(v1_tmpfs) { .version = 1, .alloc = tce_mem_tmpfs };
MEMORY(v1_hugetlb) { .version = 1, .alloc = alloc_hugetlb };
MEMORY(v2_anonymous) { .version = 2, .alloc = tce_mem_anon };
MEMORY(v2_memfd) { .version = 2, .alloc = tce_mem_memfd };
MEMORY(v2_tmpfs) { .version = 2, .alloc = tce_mem_tmpfs };
MEMORY(v2_hugetlb) { .version = 2, .alloc = alloc_hugetlb };

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, tce_vfio_open(&self->v, &tce_devs[0], variant->version));
}

FIXTURE_TEARDOWN(memory)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

TEST_F(memory, can_be_mapped)
{
	uint64_t start = tce_def_start(&self->v);
	size_t last;
	int ret;

	ret = variant->alloc(&self->mem, 4 * MiB);
	if (ret == -ENOENT)
		SKIP(return, "the machine has no huge pages");
	ASSERT_EQ(0, ret);
	last = self->mem.size - LEN;

	ASSERT_EQ(0, tce_ready(&self->v, &self->mem));
	ASSERT_EQ(0, tce_map(self->v.container, self->mem.va, start,
			     self->mem.size, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start, self->mem.va, LEN));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start + last, self->mem.va + last,
				LEN));

	/* The file has the data that the device wrote */
	if (self->mem.fd >= 0) {
		uint8_t copy[LEN];

		EXPECT_EQ(LEN, pread(self->mem.fd, copy, LEN, last));
		EXPECT_EQ(0, memcmp(copy, self->mem.va + last, LEN));
	}

	ASSERT_EQ(0, tce_unmap(self->v.container, start, self->mem.size));
	EXPECT_EQ(0, tce_unready(&self->v, &self->mem));
}

#define HUGE		(2 * MiB)

/*
 * Reserves address space, with a huge page at its start and as much memory of
 * small pages behind it. -ENOENT if the machine has no such huge page.
 */
static int huge_and_small(struct tce_mem *mem, size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	const int prot = PROT_READ | PROT_WRITE;
	/* The pool grows by one page */
	int ret = tce_mem_hugetlb(mem, HUGE, HUGE);
	uint8_t *va;

	if (ret)
		return ret;
	munmap(mem->va, mem->size);
	va = tce_reserve(size, HUGE);
	if (va == MAP_FAILED ||
	    mmap(va, HUGE, prot, flags | MAP_HUGETLB, -1, 0) != va ||
	    mmap(va + HUGE, HUGE, prot, flags, -1, 0) != va + HUGE)
		return -errno;
	mem->va = va;
	mem->size = size;
	return 0;
}

/*
 * A region has a huge page, and small pages behind it. A large I/O page can map
 * the huge page only. Over a small page, it would also reach the neighbours of
 * that page in physical memory.
 */
TEST(large_io_page_over_small_pages)
{
	size_t huge = HUGE;
	struct tce_mem mem;
	struct tce_vfio v;
	uint64_t start;
	uint8_t *va;
	int ret;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (!tce_has_shift(&v, 21))
		SKIP(return, "the platform has no 2M pages");
	ret = huge_and_small(&mem, 2 * huge);
	if (ret == -ENOENT)
		SKIP(return, "the machine has no 2M pages");
	ASSERT_EQ(0, ret);
	va = mem.va;
	madvise(va + huge, huge, MADV_NOHUGEPAGE);
	memset(va, 1, 2 * huge);
	ASSERT_EQ(0, tce_register(v.container, va, 2 * huge));
	ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
	ASSERT_EQ(0, tce_create(v.container, 21, 64 * MiB, 1, &start));

	/* The kernel may treat the region as one of small pages */
	ret = tce_map(v.container, va, start, huge, TCE_RW);
	EXPECT_TRUE(!ret || ret == -EINVAL);
	if (!ret)
		EXPECT_EQ(0, tce_dma_ok(&v, start + huge - LEN,
					va + huge - LEN, LEN));
	EXPECT_GT(0, tce_map(v.container, va + huge, start + huge, huge,
			     TCE_RW));
	EXPECT_GT(0, tce_map(v.container, va, start + 2 * huge, 2 * huge,
			     TCE_RW));
	EXPECT_EQ(0, tce_unmap(v.container, start, 3 * huge));
	EXPECT_EQ(0, tce_unregister(v.container, va, 2 * huge));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/*
 * Behind the huge page of a region is another one, of which the region does not
 * have the first page. An I/O page over it would begin at that page in physical
 * memory, so that the device would reach data one page away from the right
 * ones.
 */
TEST(large_io_page_over_shifted_huge_page)
{
	size_t huge = HUGE, page = sysconf(_SC_PAGESIZE);
	struct tce_mem mem;
	struct tce_vfio v;
	uint8_t *va, *thp;
	uint64_t start;
	int ret;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (!tce_has_shift(&v, 21))
		SKIP(return, "the platform has no 2M pages");
	ret = huge_and_small(&mem, 8 * huge);
	if (ret == -ENOENT)
		SKIP(return, "the machine has no 2M pages");
	ASSERT_EQ(0, ret);
	va = mem.va;
	thp = va + 4 * huge;
	/* Without transparent huge pages these are small ones */
	ASSERT_EQ(thp, mmap(thp, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	madvise(thp, huge, MADV_HUGEPAGE);
	memset(thp, 1, huge);
	/* Moves all but its first page, in the page tables only */
	ASSERT_EQ(va + huge, mremap(thp + page, huge - page, huge - page,
				    MREMAP_MAYMOVE | MREMAP_FIXED, va + huge));
	memset(va, 1, 2 * huge);

	ASSERT_EQ(0, tce_register(v.container, va, 2 * huge));
	ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
	ASSERT_EQ(0, tce_create(v.container, 21, 64 * MiB, 1, &start));
	ret = tce_map(v.container, va + huge, start, huge, TCE_RW);
	EXPECT_GT(0, ret);
	/* This then shows that the device reached other memory */
	if (!ret)
		EXPECT_EQ(0, tce_dma_ok(&v, start, va + huge, LEN));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* The device may read memory that the process may read, but not write */
TEST_F(dma, read_only_memory)
{
	struct ctx *c = &self->c;

	/* At registration v2 does not know the direction of a later mapping */
	if (variant->version == 2)
		SKIP(return, "regions must be writable");
	ASSERT_EQ(0, map_scratch(c));
	tce_fill(va(c, 1), UNIT, 1);
	ASSERT_EQ(0, mprotect(va(c, 1), UNIT, PROT_READ));
	ASSERT_EQ(0, map(c, 1, 1, VFIO_DMA_MAP_FLAG_READ));
	if (c->v.dev->edu) {
		EXPECT_EQ(0, edu_dma_read(&c->v.edu, iova(c, 1), LEN));
		EXPECT_EQ(0, edu_dma_write(&c->v.edu, iova(c, 0), LEN));
		EXPECT_TRUE(tce_match(va(c, 0), LEN, 1));
	}
	EXPECT_EQ(0, unmap(c, 1));
}

TCE_MAIN(true)
