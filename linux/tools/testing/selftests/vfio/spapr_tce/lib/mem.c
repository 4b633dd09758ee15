// SPDX-License-Identifier: GPL-2.0
/* Memory of each kind that can be mapped, and patterns in it. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "spapr_tce.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

#define SYS_HUGEPAGES	"/sys/kernel/mm/hugepages"

void *tce_reserve(size_t size, size_t align)
{
	uint8_t *area, *va;

	area = mmap(NULL, size + align, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return area;
	va = (uint8_t *)(((uintptr_t)area + align - 1) & ~(align - 1));
	if (va > area)
		munmap(area, va - area);
	munmap(va + size, area + align - va);
	return va;
}

static int map_aligned(struct tce_mem *mem, size_t size, int flags, int fd)
{
	void *va;

	memset(mem, 0, sizeof(*mem));
	mem->fd = -1;
	va = tce_reserve(size, UNIT);
	if (va == MAP_FAILED)
		return -errno;
	if (mmap(va, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
		 0) == MAP_FAILED)
		return -errno;

	mem->va = va;
	mem->size = size;
	mem->page = sysconf(_SC_PAGESIZE);
	mem->fd = fd;
	return 0;
}

int tce_mem_anon(struct tce_mem *mem, size_t size)
{
	return map_aligned(mem, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int map_file(struct tce_mem *mem, size_t size, int fd)
{
	int ret;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = map_aligned(mem, size, MAP_SHARED, fd);
	if (ret)
		close(fd);
	return ret;
}

int tce_mem_memfd(struct tce_mem *mem, size_t size)
{
	return map_file(mem, size, memfd_create("spapr_tce", 0));
}

int tce_mem_tmpfs(struct tce_mem *mem, size_t size)
{
	char dir[] = "/tmp/spapr_tce.XXXXXX", path[64];
	int ret;

	if (!mkdtemp(dir))
		return -errno;
	if (mount("spapr_tce", dir, "tmpfs", 0, NULL)) {
		ret = -errno;
		rmdir(dir);
		return ret;
	}
	snprintf(path, sizeof(path), "%s/memory", dir);
	ret = map_file(mem, size, open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return ret;
}

/*
 * An attribute of the pool of huge pages: written, or read if @value is
 * negative
 */
static long pool(size_t page, const char *attr, long value)
{
	char path[PATH_MAX], buf[32];
	int ret;

	snprintf(path, sizeof(path), SYS_HUGEPAGES "/hugepages-%zukB/%s",
		 page / 1024, attr);
	if (value < 0) {
		ret = tce_read_text(path, buf, sizeof(buf));
		return ret ? ret : atol(buf);
	}
	snprintf(buf, sizeof(buf), "%ld", value);
	return tce_write_text(path, buf);
}

int tce_mem_hugetlb(struct tce_mem *mem, size_t size, size_t page)
{
	int log = __builtin_ctzll(page);
	long total, avail, want;
	long reserved = 0;
	void *va;

	memset(mem, 0, sizeof(*mem));
	mem->fd = -1;
	size = (size + page - 1) & ~(page - 1);
	want = size / page;
	total = pool(page, "nr_hugepages", -1);
	avail = pool(page, "free_hugepages", -1);
	if (total < 0 || avail < 0)
		return -ENOENT;
	if (avail < want) {
		reserved = want - avail;
		pool(page, "nr_hugepages", total + reserved);
		avail = pool(page, "free_hugepages", -1);
		if (avail < want) {
			pool(page, "nr_hugepages", total);
			return -ENOMEM;
		}
	}
	va = mmap(NULL, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		  log << MAP_HUGE_SHIFT, -1, 0);
	if (va == MAP_FAILED) {
		pool(page, "nr_hugepages", total);
		return -ENOMEM;
	}
	mem->va = va;
	mem->size = size;
	mem->page = page;
	mem->reserved = reserved;
	return 0;
}

int tce_mem_for_shift(struct tce_mem *mem, size_t size, unsigned int shift)
{
	size_t page;
	int ret = -ENOENT;

	if (1ULL << shift <= (unsigned long)sysconf(_SC_PAGESIZE))
		return tce_mem_anon(mem, size);

	/* There are no huge pages of 64K: the next larger ones serve */
	for (page = 1ULL << shift; page <= 16 * MiB; page <<= 1) {
		ret = tce_mem_hugetlb(mem, size, page);
		if (ret != -ENOENT)
			break;
	}
	return ret;
}

void tce_mem_free(struct tce_mem *mem)
{
	long total;

	if (!mem->va)
		return;
	munmap(mem->va, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	if (mem->reserved) {
		total = pool(mem->page, "nr_hugepages", -1);
		if (total >= mem->reserved)
			pool(mem->page, "nr_hugepages",
			     total - mem->reserved);
	}
	memset(mem, 0, sizeof(*mem));
	mem->fd = -1;
}

int tce_phys_of(const void *va, uint64_t *phys)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint64_t entry;
	int fd, ret = 0;

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0)
		return -errno;
	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)va / page * sizeof(entry)) != sizeof(entry))
		ret = -EIO;
	close(fd);
	if (ret)
		return ret;
	/*
	 * bit 63: present; bits 0 to 54: page frame number, or 0 if it is
	 * hidden
	 */
	if (!(entry >> 63) || !(entry & ((1ULL << 55) - 1)))
		return -EPERM;
	*phys = (entry & ((1ULL << 55) - 1)) * page + (uintptr_t)va % page;
	return 0;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

uint64_t tce_seed(void)
{
	static uint64_t count;

	return mix(((uint64_t)getpid() << 32) + ++count);
}

static uint64_t word(uint64_t seed, size_t i)
{
	return mix(seed + i * 0x9e3779b97f4a7c15ULL) | 1;
}

void tce_fill(void *va, size_t len, uint64_t seed)
{
	uint64_t *p = va;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		p[i] = word(seed, i);
}

bool tce_match(const void *va, size_t len, uint64_t seed)
{
	const uint64_t *p = va;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		if (p[i] != word(seed, i))
			return false;
	return true;
}

bool tce_resembles(const void *va, size_t len, uint64_t seed)
{
	const uint64_t *p = va;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		if (p[i] == word(seed, i))
			return true;
	return false;
}
