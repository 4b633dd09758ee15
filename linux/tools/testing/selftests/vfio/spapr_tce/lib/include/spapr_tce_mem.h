/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mem.c: memory to map, and patterns to put there.
 * stat.c: numbers that must be the same before and after a test.
 */

#ifndef SPAPR_TCE_MEM_H
#define SPAPR_TCE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct tce_mem - Memory to map
 * @va: address in the process, or NULL
 * @size: size in bytes
 * @page: size of the pages behind it, in bytes
 * @fd: descriptor of the file behind it, or -1
 * @reserved: number of huge pages that were added to the pool for it
 */
struct tce_mem {
	void *va;
	size_t size;
	size_t page;
	int fd;
	long reserved;
};

/**
 * tce_reserve() - Reserve address space without memory
 * @size: in bytes
 * @align: alignment in bytes, a power of two
 *
 * Return: an address, or MAP_FAILED.
 */
void *tce_reserve(size_t size, size_t align);

/**
 * tce_mem_anon() - Anonymous private memory
 * @mem: filled in
 * @size: in bytes, a multiple of the page size
 *
 * This memory, that of tce_mem_memfd() and that of tce_mem_tmpfs() begins at a
 * multiple of 64K, so that the tests can count in units on every kernel.
 *
 * Return: 0 or a negative errno.
 */
int tce_mem_anon(struct tce_mem *mem, size_t size);

/**
 * tce_mem_memfd() - Shared memory of memfd_create()
 * @mem: filled in
 * @size: in bytes, a multiple of the page size
 *
 * Return: 0 or a negative errno.
 */
int tce_mem_memfd(struct tce_mem *mem, size_t size);

/**
 * tce_mem_tmpfs() - A shared file in a tmpfs that is mounted for it
 * @mem: filled in
 * @size: in bytes, a multiple of the page size
 *
 * Return: 0 or a negative errno.
 */
int tce_mem_tmpfs(struct tce_mem *mem, size_t size);

/**
 * tce_mem_hugetlb() - Private huge pages
 * @mem: filled in
 * @size: in bytes, rounded up to @page
 * @page: size of a huge page in bytes, a power of two
 *
 * The pool of huge pages grows for as long as they are in use.
 *
 * Return: 0, -ENOENT if the machine has no such pages, or -ENOMEM.
 */
int tce_mem_hugetlb(struct tce_mem *mem, size_t size, size_t page);

/**
 * tce_mem_for_shift() - Memory that I/O pages of a size can map
 * @mem: filled in
 * @size: in bytes
 * @shift: base-2 logarithm of the size of an I/O page
 *
 * These are huge pages if an I/O page is larger than a page of memory.
 *
 * Return: 0, -ENOENT if the machine has no pages of that size, or -ENOMEM.
 */
int tce_mem_for_shift(struct tce_mem *mem, size_t size, unsigned int shift);

/**
 * tce_mem_free() - Free memory
 * @mem: may be free already
 */
void tce_mem_free(struct tce_mem *mem);

/**
 * tce_phys_of() - The physical address of memory
 * @va: address in the process
 * @phys: physical address
 *
 * For tests of memory that a device must not reach.
 *
 * Return: 0, -EPERM if there is no page or root may not know, or a negative
 * errno.
 */
int tce_phys_of(const void *va, uint64_t *phys);

/**
 * tce_seed() - A number for a pattern that no test has used before
 *
 * Return: any number of 64 bits.
 */
uint64_t tce_seed(void);

/**
 * tce_fill() - Fill memory with a pattern
 * @va: address, a multiple of 8
 * @len: in bytes; the rest beyond a multiple of 8 is left alone
 * @seed: which pattern
 */
void tce_fill(void *va, size_t len, uint64_t seed);

/**
 * tce_match() - Whether memory has a pattern, all of it
 * @va: address, a multiple of 8
 * @len: in bytes; the rest beyond a multiple of 8 is not looked at
 * @seed: which pattern
 *
 * Return: true if it has.
 */
bool tce_match(const void *va, size_t len, uint64_t seed);

/**
 * tce_resembles() - Whether memory has any word of a pattern, at its place
 * @va: address, a multiple of 8
 * @len: in bytes; the rest beyond a multiple of 8 is not looked at
 * @seed: which pattern
 *
 * Return: true if it has.
 */
bool tce_resembles(const void *va, size_t len, uint64_t seed);

/**
 * struct tce_stat - Numbers that must be the same before and after a test
 * @vmlck_kb: memory that this process has locked, in KiB
 * @pinned: number of pages that are pinned for any process
 * @huge_total: number of huge pages in the pool
 * @huge_free: number of those that are free
 * @memfree_kb: memory that can be allocated, in KiB
 */
struct tce_stat {
	long vmlck_kb;
	long pinned;
	long huge_total;
	long huge_free;
	long memfree_kb;
};

/**
 * tce_stat_get() - Measure before a test
 * @st: filled in
 *
 * Pages of an earlier test may be freed late. This waits until the numbers do
 * not change any more, for five seconds at most.
 *
 * Return: 0 or -EIO.
 */
int tce_stat_get(struct tce_stat *st);

/**
 * tce_stat_settle() - Measure after a test, and compare
 * @before: the numbers of tce_stat_get()
 * @after: filled in
 * @tolerance_kb: how much less memory may be free, in KiB
 *
 * Pages are freed after a grace period, which takes long on a busy machine.
 * This waits for them, for a minute at most, and then logs each number.
 *
 * Return: 0, -EBUSY if a number is still different, or -EIO.
 */
int tce_stat_settle(const struct tce_stat *before, struct tce_stat *after,
		    long tolerance_kb);

/**
 * tce_limit_locked() - Limit the memory that this process may lock
 * @bytes: RLIMIT_MEMLOCK, in bytes
 *
 * Root may lock any amount, so this also drops the capability for that.
 *
 * Return: 0 or a negative errno.
 */
int tce_limit_locked(uint64_t bytes);

/**
 * tce_vmlck_kb() - The memory that this process has locked
 *
 * Return: VmLck in KiB, or -1.
 */
long tce_vmlck_kb(void);

/**
 * tce_pinned() - Count the pages that are pinned now, for any process
 *
 * Return: number of pages, with those that a grace period still keeps pinned.
 */
long tce_pinned(void);

/* Levels of the kernel's log, as in its include/linux/kern_levels.h */
#define TCE_KMSG_WARNING	4
#define TCE_KMSG_INFO		6

/**
 * tce_kmsg_open() - Open the kernel's log at its end
 *
 * Return: a descriptor, or a negative errno.
 */
int tce_kmsg_open(void);

/**
 * tce_kmsg_lines() - Count the lines that the kernel has logged, and print them
 * @fd: descriptor of tce_kmsg_open()
 * @level: lines of this level or a more severe one (a lower number) count
 *
 * Return: number of such lines since the last call.
 */
int tce_kmsg_lines(int fd, int level);

#endif /* SPAPR_TCE_MEM_H */
