// SPDX-License-Identifier: GPL-2.0
/*
 * The pages that are pinned for a device, and their charge as locked memory.
 * Each page is pinned once, and no more are pinned than the process may lock.
 * It is the page that the process itself sees. If it cannot be pinned nothing
 * is mapped.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define IO_PAGE		(4 * KiB)
#define LEN		1024

/* A number of pages: more than one, where one could be right by chance */
#define FEW		16

/* The largest window for which there is a page of memory for each I/O page */
#define SMALL_WINDOW	(256 * MiB)

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A v1 container is enabled, and nothing is mapped in its default window */
FIXTURE(v1) {
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t start;
	uint64_t size;
	size_t page;
	size_t paid;			/* pages that ENABLE charges */
	long locked_kb;
	long pinned;
};

FIXTURE_SETUP(v1)
{
	self->page = page_size();
	ASSERT_EQ(0, tce_vfio_open(&self->v, &tce_devs[0], 1));
	self->start = tce_def_start(&self->v);
	self->size = self->v.info.dma32_window_size;
	if (!self->size)
		SKIP(return, "v1 has no window here");
	self->paid = self->size / self->page;
	ASSERT_EQ(0, tce_enable(self->v.container));
	ASSERT_EQ(0, tce_unmap(self->v.container, self->start, IO_PAGE));
	self->locked_kb = tce_vmlck_kb();
	self->pinned = tce_pinned();
}

FIXTURE_TEARDOWN(v1)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

/* Maps the first I/O page of page @n, as entry @entry of the window */
#define map_4k(n, entry)						\
	tce_map(self->v.container,					\
		(uint8_t *)self->mem.va + (n) * self->page,		\
		self->start + (entry) * IO_PAGE, IO_PAGE, TCE_RW)

#define unmap_4k(entry, count)						\
	tce_unmap(self->v.container, self->start + (entry) * IO_PAGE,	\
		  (count) * IO_PAGE)

#define pinned_since() (tce_pinned() - self->pinned)
#define locked_since() ((tce_vmlck_kb() - self->locked_kb) * 1024)

static const char *cannot_exceed(uint64_t window, size_t page)
{
	if (page == IO_PAGE)
		return "a page is no larger than an I/O page";
	if (window > SMALL_WINDOW)
		return "the window is too large to have a page for each entry";
	return NULL;
}

TEST_F_TIMEOUT(v1, pages_beyond_the_window_are_charged, 120)
{
	const char *why = cannot_exceed(self->size, self->page);
	size_t i;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, tce_mem_anon(&self->mem, (self->paid + FEW) * self->page));

	for (i = 0; i < self->paid; i++)
		ASSERT_EQ(0, map_4k(i, i));
	EXPECT_EQ(self->paid, pinned_since());
	EXPECT_EQ(0, locked_since());

	for (; i < self->paid + FEW; i++)
		ASSERT_EQ(0, map_4k(i, i));
	EXPECT_EQ(self->paid + FEW, pinned_since());
	EXPECT_EQ(FEW * self->page, locked_since());

	/* They stay pinned and charged when the process gives them up */
	ASSERT_EQ(0, madvise(self->mem.va, self->mem.size, MADV_DONTNEED));
	EXPECT_EQ(self->paid + FEW, pinned_since());
	EXPECT_EQ(FEW * self->page, locked_since());

	/* The charge depends on the number of pages, not on which they are */
	ASSERT_EQ(0, unmap_4k(0, FEW / 2));
	EXPECT_EQ(FEW / 2 * self->page, locked_since());
	ASSERT_EQ(0, tce_disable(self->v.container));
	EXPECT_EQ(0, pinned_since());
	EXPECT_EQ(-self->size, locked_since());
}

TEST_F_TIMEOUT(v1, no_more_is_pinned_than_may_be_locked, 120)
{
	const char *why = cannot_exceed(self->size, self->page);
	size_t i, max = self->paid + FEW;
	uint64_t end;
	uint8_t *more;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, tce_mem_anon(&self->mem, (max + FEW) * self->page));
	ASSERT_EQ(0, tce_limit_locked(self->locked_kb * 1024 +
				      FEW * self->page));

	for (i = 0; i < max; i++)
		ASSERT_EQ(0, map_4k(i, i));
	EXPECT_EQ(-ENOMEM, map_4k(i, i));
	/* A page that is pinned already can be mapped again */
	EXPECT_EQ(0, map_4k(0, i));
	EXPECT_EQ(0, unmap_4k(i, 1));
	EXPECT_EQ(max, pinned_since());
	EXPECT_EQ(FEW * self->page, locked_since());

	/*
	 * A request fails if the limit allows a part of it only, and changes
	 * nothing
	 */
	ASSERT_EQ(0, unmap_4k(0, FEW / 2));
	end = self->start + self->size - FEW * self->page;
	more = self->mem.va + max * self->page;
	EXPECT_EQ(-ENOMEM, tce_map(self->v.container, more, end,
				   FEW * self->page, TCE_RW));
	EXPECT_EQ(max - FEW / 2, pinned_since());
	EXPECT_EQ(FEW / 2 * self->page, locked_since());
	EXPECT_EQ(0, tce_map(self->v.container, more, end,
			     FEW / 2 * self->page, TCE_RW));
	EXPECT_EQ(max, pinned_since());
	EXPECT_EQ(FEW * self->page, locked_since());
	EXPECT_EQ(0, tce_limit_locked(RLIM_INFINITY));
}

/* A page is larger than an I/O page, and is pinned once all the same */
TEST_F(v1, page_is_pinned_once_by_a_request)
{
	ASSERT_EQ(0, tce_mem_anon(&self->mem, FEW * self->page));
	ASSERT_EQ(0, tce_map(self->v.container, self->mem.va, self->start,
			     FEW * self->page, TCE_RW));
	EXPECT_EQ(FEW, pinned_since());
	EXPECT_EQ(0, tce_dma_ok(&self->v, self->start + FEW * self->page - LEN,
				self->mem.va + FEW * self->page - LEN, LEN));

	/* Unmapping an I/O page at either end leaves the other pages pinned */
	ASSERT_EQ(0, unmap_4k(0, 1));
	ASSERT_EQ(0, unmap_4k(FEW * self->page / IO_PAGE - 1, 1));
	EXPECT_EQ(self->page == IO_PAGE ? FEW - 2 : FEW, pinned_since());
	ASSERT_EQ(0, unmap_4k(0, FEW * self->page / IO_PAGE));
	EXPECT_EQ(0, pinned_since());
}

/*
 * Each pin of a small page takes a thousand of its two billion references. If
 * each entry had a pin, the entries of a few windows would take all of them.
 */
TEST_F_TIMEOUT(v1, page_behind_many_entries_is_pinned_once, 120)
{
	size_t i, n = self->size / IO_PAGE, views = FEW;
	uint8_t *area;

	if (n > 4096)
		n = 4096;
	ASSERT_EQ(0, tce_mem_memfd(&self->mem, UNIT));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, map_4k(0, i));
	EXPECT_EQ(1, pinned_since());
	EXPECT_EQ(0, locked_since());

	/* The same page at many addresses, in one request */
	area = tce_reserve(views * UNIT, UNIT);
	ASSERT_NE(MAP_FAILED, area);
	for (i = 0; i < views; i++)
		ASSERT_NE(MAP_FAILED,
			  mmap(area + i * self->page, self->page,
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			       self->mem.fd, 0));
	ASSERT_EQ(0, tce_map(self->v.container, area, self->start,
			     views * self->page, TCE_RW));
	EXPECT_EQ(1, pinned_since());

	/* The page is pinned until the last entry is cleared */
	ASSERT_EQ(0, unmap_4k(0, n - 1));
	EXPECT_EQ(1, pinned_since());
	EXPECT_EQ(0, tce_dma_ok(&self->v, self->start + (n - 1) * IO_PAGE,
				self->mem.va, LEN));
	ASSERT_EQ(0, unmap_4k(n - 1, 1));
	EXPECT_EQ(0, pinned_since());
}

/* A page is unpinned when another one takes its place */
TEST_F(v1, page_that_is_mapped_over_is_unpinned)
{
	size_t i;

	ASSERT_EQ(0, tce_mem_anon(&self->mem, 2 * UNIT));
	for (i = 0; i < FEW; i++)
		ASSERT_EQ(0, map_4k(0, i));
	EXPECT_EQ(1, pinned_since());
	for (i = 0; i < FEW; i++)
		ASSERT_EQ(0, map_4k(1, i));
	EXPECT_EQ(1, pinned_since());
	EXPECT_EQ(0, unmap_4k(0, FEW));
	EXPECT_EQ(0, pinned_since());
}

/*
 * Memory for a device that only reads. The process cannot write to it when it
 * is mapped, but can later.
 */
enum kind {
	PRIVATE_FILE,			/* not written to */
	SHARED_FILE,
	WRITTEN,			/* anonymous */
	FORKED,				/* anonymous, a child has it too */
	UNTOUCHED,			/* anonymous, only the zero page */
	NR_KINDS
};

FIXTURE(read_only) {
	struct tce_vfio v;
	struct tce_mem mem;		/* the file, which can be written to */
	struct tce_scratch scratch;
	uint8_t *va;
	pid_t child;
};

FIXTURE_VARIANT(read_only) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(read_only, private_file) { .kind = PRIVATE_FILE };
FIXTURE_VARIANT_ADD(read_only, shared_file) { .kind = SHARED_FILE };
FIXTURE_VARIANT_ADD(read_only, written) { .kind = WRITTEN };
FIXTURE_VARIANT_ADD(read_only, forked) { .kind = FORKED };
FIXTURE_VARIANT_ADD(read_only, untouched) { .kind = UNTOUCHED };

FIXTURE_SETUP(read_only)
{
	int flags = variant->kind == SHARED_FILE ? MAP_SHARED : MAP_PRIVATE;
	bool file = variant->kind == SHARED_FILE ||
		    variant->kind == PRIVATE_FILE;

	self->child = -1;
	ASSERT_EQ(0, tce_mem_memfd(&self->mem, 2 * UNIT));
	tce_fill(self->mem.va, 2 * UNIT, 1);
	self->va = tce_reserve(UNIT, UNIT);
	ASSERT_NE(MAP_FAILED, self->va);
	ASSERT_NE(MAP_FAILED, mmap(self->va, UNIT, PROT_READ | PROT_WRITE,
				   (file ? 0 : MAP_ANONYMOUS) | flags |
				   MAP_FIXED,
				   file ? self->mem.fd : -1, 0));

	if (variant->kind == WRITTEN || variant->kind == FORKED)
		tce_fill(self->va, UNIT, 1);
	if (variant->kind == FORKED) {
		self->child = fork();
		ASSERT_LE(0, self->child);
		if (!self->child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (1)
				pause();
		}
	}
	ASSERT_EQ(0, mprotect(self->va, UNIT, PROT_READ));
}

FIXTURE_TEARDOWN(read_only)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
	if (self->child > 0) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
}

TEST_F(read_only, device_reads_what_is_written_later)
{
	struct tce_vfio *v = &self->v;
	uint64_t start;
	long pinned;

	ASSERT_EQ(0, tce_vfio_open(v, &tce_devs[0], 1));
	start = tce_def_start(v);
	ASSERT_EQ(0, tce_enable(v->container));
	self->scratch.va = self->mem.va + UNIT;
	self->scratch.iova = start + UNIT;
	ASSERT_EQ(0, tce_map(v->container, self->scratch.va, self->scratch.iova,
			     UNIT, TCE_RW));
	pinned = tce_pinned();

	EXPECT_EQ(-EFAULT, tce_map(v->container, self->va, start, UNIT,
				   TCE_RW));
	EXPECT_EQ(pinned, tce_pinned());
	ASSERT_EQ(0, tce_map(v->container, self->va, start, UNIT,
			     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(pinned + UNIT / page_size(), tce_pinned());

	/* The device reads the present data */
	if (v->edu.bar) {
		EXPECT_EQ(0, edu_dma_read(&v->edu, start, LEN));
		EXPECT_EQ(0, edu_dma_write(&v->edu, self->scratch.iova, LEN));
		EXPECT_EQ(0, memcmp(self->va, self->scratch.va, LEN));
		EXPECT_EQ(variant->kind != UNTOUCHED,
			  tce_match(self->va, LEN, 1));
	}

	ASSERT_EQ(0, mprotect(self->va, UNIT, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, tce_dma_from(v, start, self->va, LEN, &self->scratch));
	EXPECT_EQ(0, tce_dma_from(v, start + UNIT - LEN,
				  self->va + UNIT - LEN, LEN, &self->scratch));

	ASSERT_EQ(0, tce_unmap(v->container, start, UNIT));
	EXPECT_EQ(pinned, tce_pinned());
	/* A private mapping of a file has not changed the file */
	if (variant->kind == PRIVATE_FILE)
		EXPECT_TRUE(tce_match(self->mem.va, LEN, 1));
}

/* At registration v2 does not know yet whether the device will write */
TEST_F(read_only, cannot_be_registered)
{
	long pinned = tce_pinned();

	ASSERT_EQ(0, tce_vfio_open_iommu(&self->v, &tce_devs[0], 2));
	EXPECT_EQ(-EFAULT, tce_register(self->v.container, self->va, UNIT));
	EXPECT_EQ(pinned, tce_pinned());
	ASSERT_EQ(0, mprotect(self->va, UNIT, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, tce_register(self->v.container, self->va, UNIT));
	EXPECT_EQ(0, tce_unregister(self->v.container, self->va, UNIT));
	EXPECT_EQ(pinned, tce_pinned());
}

/*
 * Of a request, a part can be written to, a part only be read, and a part
 * neither
 */
TEST_F(v1, mixed_request)
{
	uint8_t *va;

	ASSERT_EQ(0, tce_mem_anon(&self->mem, 4 * UNIT));
	va = self->mem.va;
	tce_fill(va, 4 * UNIT, 1);
	ASSERT_EQ(0, mprotect(va + UNIT, UNIT, PROT_READ));
	ASSERT_EQ(0, mprotect(va + 3 * UNIT, UNIT, PROT_NONE));

	EXPECT_EQ(-EFAULT, tce_map(self->v.container, va, self->start, 3 * UNIT,
				   TCE_RW));
	EXPECT_EQ(-EFAULT, tce_map(self->v.container, va, self->start, 4 * UNIT,
				   VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(-EFAULT, tce_map(self->v.container, va + 3 * UNIT,
				   self->start, UNIT, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, pinned_since());
	EXPECT_EQ(0, tce_map(self->v.container, va, self->start, 3 * UNIT,
			     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(3 * UNIT / self->page, pinned_since());
}

/*
 * A kernel that cannot give the process a page of its own in place of these
 * refuses them. Otherwise the device reads what the process writes later.
 */
TEST_F(v1, private_huge_pages_that_are_read_only)
{
	struct tce_scratch scratch = { .iova = self->start + UNIT };
	int ret;

	if (tce_mem_hugetlb(&self->mem, 2 * MiB, 2 * MiB))
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, mprotect(self->mem.va, 2 * MiB, PROT_READ));
	ret = tce_map(self->v.container, self->mem.va, self->start, UNIT,
		      VFIO_DMA_MAP_FLAG_READ);
	ASSERT_EQ(0, mprotect(self->mem.va, 2 * MiB, PROT_READ | PROT_WRITE));
	if (ret) {
		EXPECT_EQ(-EFAULT, ret);
		ASSERT_EQ(0, tce_map(self->v.container, self->mem.va,
				     self->start, UNIT,
				     VFIO_DMA_MAP_FLAG_READ));
	}
	scratch.va = self->mem.va + UNIT;
	ASSERT_EQ(0, tce_map(self->v.container, scratch.va, scratch.iova, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_from(&self->v, self->start, self->mem.va, LEN,
				  &scratch));
	EXPECT_EQ(0, unmap_4k(0, 2 * UNIT / IO_PAGE));
	EXPECT_EQ(0, pinned_since());
}

/*
 * Memory that the process can write to, but there is no huge page for a copy
 * when it is mapped. Then MAP has to fail, and must not map the page of the
 * file.
 */
TEST_F(v1, private_huge_page_that_cannot_be_copied)
{
	struct tce_scratch scratch = { .iova = self->start + UNIT };
	struct tce_stat stat;
	struct stat st;
	uint8_t *va, *rest;
	int fd;

	ASSERT_EQ(0, tce_stat_get(&stat));
	fd = memfd_create("spapr_tce", MFD_HUGETLB);
	if (stat.huge_free < 2 || fd < 0)
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, ftruncate(fd, st.st_blksize));
	va = mmap(NULL, st.st_blksize, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  0);
	ASSERT_NE(MAP_FAILED, va);
	tce_fill(va, UNIT, 1);
	ASSERT_EQ(0, munmap(va, st.st_blksize));
	va = mmap(NULL, st.st_blksize, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, va);

	/* All other huge pages are reserved */
	rest = mmap(NULL, (stat.huge_free - 1) * st.st_blksize,
		    PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_NE(MAP_FAILED, rest);
	EXPECT_EQ(-EFAULT, tce_map(self->v.container, va, self->start, UNIT,
				   VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, pinned_since());

	ASSERT_EQ(0, munmap(rest, (stat.huge_free - 1) * st.st_blksize));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, UNIT));
	scratch.va = self->mem.va;
	ASSERT_EQ(0, tce_map(self->v.container, scratch.va, scratch.iova, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_map(self->v.container, va, self->start, UNIT,
			     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, tce_dma_from(&self->v, self->start, va, LEN, &scratch));
	tce_vfio_close(&self->v);
	munmap(va, st.st_blksize);
	close(fd);
}

/* v2 */
FIXTURE(region) {
	struct tce_vfio v;
	struct tce_mem mem;
	long pinned;
};

FIXTURE_SETUP(region)
{
	ASSERT_EQ(0, tce_vfio_open(&self->v, &tce_devs[0], 2));
	self->pinned = tce_pinned();
}

FIXTURE_TEARDOWN(region)
{
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

/*
 * The kernel has a list of eight bytes for each page of a region. The list of
 * this one would take most of the memory, so that another process would be
 * killed.
 */
TEST_F_TIMEOUT(region, far_beyond_what_is_mapped, 120)
{
	size_t memory = sysconf(_SC_PHYS_PAGES) * page_size();
	uint64_t size = memory / 8 * 15 / 16 * page_size();
	struct tce_stat before, after;
	int status, ready[2];
	pid_t child;

	ASSERT_EQ(0, tce_mem_anon(&self->mem, UNIT));
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/*
		 * It has all descriptors of the test, and must not outlive it
		 */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		tce_write_text("/proc/self/oom_score_adj", "1000");
		mmap(NULL, memory / 8, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		while (1)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &status, 1));
	ASSERT_EQ(0, tce_stat_get(&before));

	EXPECT_EQ(-EFAULT, tce_register(self->v.container, self->mem.va, size));

	EXPECT_EQ(0, tce_stat_settle(&before, &after, 1024));
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG)) {
		TH_LOG("another process has been killed");
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(0, tce_register(self->v.container, self->mem.va, UNIT));
}

/* A file is mapped so often that the list of the region has to grow */
#define FILE_PAGES	512
#define MANY_PAGES	(40 * FILE_PAGES)

TEST_F_TIMEOUT(region, large, 120)
{
	size_t file = FILE_PAGES * page_size(), size = MANY_PAGES * page_size();
	uint64_t start = tce_def_start(&self->v);
	int container = self->v.container;
	uint8_t *va, *last;
	size_t i;

	ASSERT_EQ(0, tce_mem_memfd(&self->mem, file));
	memset(self->mem.va, 1, file);
	va = tce_reserve(size, UNIT);
	ASSERT_NE(MAP_FAILED, va);
	for (i = 0; i < size; i += file)
		ASSERT_NE(MAP_FAILED,
			  mmap(va + i, file, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, self->mem.fd, 0));
	last = va + size - UNIT;

	ASSERT_EQ(0, tce_register(container, va, size));
	EXPECT_EQ(self->pinned + MANY_PAGES, tce_pinned());
	EXPECT_EQ(0, tce_map(container, va, start, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_map(container, last, start + UNIT, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start, va, LEN));
	EXPECT_EQ(0, tce_dma_ok(&self->v, start + UNIT, last, LEN));
	EXPECT_EQ(0, tce_unmap(container, start, 2 * UNIT));
	EXPECT_EQ(0, tce_unregister(container, va, size));
	EXPECT_EQ(self->pinned, tce_pinned());

	/* The end is missing: the pages before it are unpinned again */
	ASSERT_EQ(0, munmap(last, UNIT));
	EXPECT_EQ(-EFAULT, tce_register(container, va, size));
	EXPECT_EQ(self->pinned, tce_pinned());
}

/*
 * Memory is mapped in a container, but not registered any more. One thread
 * clears its last entry, so that the region is freed, while another registers
 * it again.
 */
struct again {
	struct tce_vfio *v;
	struct tce_mem *mem;
	uint64_t iova;
	pthread_barrier_t barrier;
	bool stop;
	int ret;
};

static void *unmap_last(void *arg)
{
	struct again *a = arg;

	pthread_barrier_wait(&a->barrier);
	a->ret = tce_unmap(a->v->container, a->iova, UNIT);
	return NULL;
}

/* Registers another region all the time, so that the lock is contended */
static void *others(void *arg)
{
	struct again *a = arg;
	uint8_t *va = a->mem->va + UNIT;

	while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED) && !a->ret) {
		a->ret = tce_register(a->v->container, va, UNIT);
		if (!a->ret)
			a->ret = tce_unregister(a->v->container, va, UNIT);
	}
	return NULL;
}

TEST_F_TIMEOUT(region, registered_as_the_last_one_ends, 120)
{
	const struct tce_dev *second = tce_second_group();
	struct again busy = {}, last = {};
	struct tce_vfio *a = &self->v, b;
	pthread_t t, u;
	void *va;
	int i, ret;

	if (!second)
		SKIP(return, "needs two IOMMU groups");
	ASSERT_EQ(0, tce_mem_anon(&self->mem, 2 * UNIT));
	va = self->mem.va;
	last.v = a;
	last.mem = &self->mem;
	last.iova = tce_def_start(a);
	ASSERT_EQ(0, pthread_barrier_init(&last.barrier, NULL, 2));
	busy.v = &b;
	busy.mem = &self->mem;

	for (i = 0; i < 100; i++) {
		/* The container with the last registration is closed */
		ASSERT_EQ(0, tce_vfio_open_iommu(&b, second, 2));
		ASSERT_EQ(0, tce_register(a->container, va, UNIT));
		ASSERT_EQ(0, tce_register(b.container, va, UNIT));
		ASSERT_EQ(0, tce_map(a->container, va, last.iova, UNIT,
				     TCE_RW));
		ASSERT_EQ(0, tce_unregister(a->container, va, UNIT));
		tce_vfio_close(&b);

		ASSERT_EQ(0, tce_vfio_open_iommu(&b, second, 2));
		busy.stop = false;
		ASSERT_EQ(0, pthread_create(&u, NULL, others, &busy));
		ASSERT_EQ(0, pthread_create(&t, NULL, unmap_last, &last));
		pthread_barrier_wait(&last.barrier);
		ret = tce_register(a->container, va, UNIT);
		pthread_join(t, NULL);
		__atomic_store_n(&busy.stop, true, __ATOMIC_RELAXED);
		pthread_join(u, NULL);
		tce_vfio_close(&b);
		ASSERT_EQ(0, last.ret);
		ASSERT_EQ(0, busy.ret);
		ASSERT_EQ(0, ret) {
			TH_LOG("round %d", i);
		}
		ASSERT_EQ(0, tce_unregister(a->container, va, UNIT));
	}
}

TCE_MAIN(true)
