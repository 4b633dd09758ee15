// SPDX-License-Identifier: GPL-2.0
/* The scenarios of the first half of spapr_tce_fail_nth, and their steps. */

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "fail_nth.h"

/*
 * The charge of a window of 4K pages includes so many leaves, of 512 entries
 * each: TCE_VIEW_KEEP and TCE_LEAF_ENTRIES of the kernel's
 * arch/powerpc/kernel/tce_view.c.
 */
#define KEPT_LEAVES	64
#define LEAF_BYTES	(512 * 4 * KiB)

#define READ_WRITE	(PROT_READ | PROT_WRITE)

/* The last units of the memory */
#define SPARE		(2 * UNIT)

static void *spare(void)
{
	return unit(MAIN_UNITS + OTHER_UNITS);
}

static int nothing(void) { return 0; }

static int with_v1_iommu(void)
{
	dut.v.version = 1;
	return with_attached() ?: tce_set_iommu(dut.v.container, 1) ?:
	       tce_get_info(dut.v.container, &dut.v.info);
}

static int with_v2_iommu(void)
{
	dut.v.version = 2;
	return with_attached() ?: tce_set_iommu(dut.v.container, 2) ?:
	       tce_get_info(dut.v.container, &dut.v.info);
}

static int with_v1(void) { return tce_vfio_open(&dut.v, &tce_devs[0], 1); }

static int with_v1_enabled(void)
{
	int ret = with_v1();

	dut.start = tce_def_start(&dut.v);
	return ret ?: tce_enable(dut.v.container);
}

static int with_v1_default(void)
{
	return with_v1_enabled() ?:
	       tce_map(dut.v.container, dut.mem.va, dut.start, UNIT, TCE_RW) ?:
	       tce_unmap(dut.v.container, dut.start, UNIT);
}

/* On 4K pages nothing of the ordinary memory is as large */
static bool has_64k(void) { return sysconf(_SC_PAGESIZE) >= 64 * KiB; }
static int with_shift_64k(void) { return has_64k() ? with_shift(16) : -ENOTSUP; }
static int with_shift_2m(void) { return with_shift(21); }
static int with_shift_16m(void) { return with_shift(24); }

/* The default window is not created yet */
static int with_no_window(void)
{
	dut.shift = 16;
	return with_v2_memory() ?:
	       tce_has_shift(&dut.v, dut.shift) ? 0 : -ENOTSUP;
}

static int with_window_64k(void)
{
	return has_64k() ? with_window(16) : -ENOTSUP;
}

/* A window, and a registered huge page of the size of its pages */
static int with_huge(unsigned int page_shift)
{
	int ret = with_window(page_shift);

	if (ret)
		return ret;
	if (tce_mem_for_shift(&dut.huge, 1ULL << dut.shift, dut.shift))
		return -ENOTSUP;
	return reg(dut.huge.va, dut.huge.size);
}

static int with_huge_2m(void) { return with_huge(21); }
static int with_huge_16m(void) { return with_huge(24); }
static int huge_reached(void) { return reached(dut.huge.va); }
static int huge_denied(void) { return out_of_reach(dut.huge.va); }

static int last_denied(void)
{
	return tce_dma_write_denied(&dut.v, dut.start + (MAIN_UNITS - 1) * UNIT,
				    unit(MAIN_UNITS - 1), LEN, NULL);
}

static int open_container(void)
{
	return fd_result(tce_open_container(), &dut.v.container);
}

static int close_container(void) { return close_fd(&dut.v.container); }

static int open_group(void)
{
	return fd_result(tce_open_group(dut.v.dev), &dut.v.group);
}

static int close_group(void) { return close_fd(&dut.v.group); }
static int set_iommu_v1(void) { return tce_set_iommu(dut.v.container, 1); }
static int set_iommu_v2(void) { return tce_set_iommu(dut.v.container, 2); }

/* The container has no IOMMU any more after its last group has left */
static int reattach(void) { return unset_container() ?: set_container(); }
static int reset_iommu_v1(void) { return set_container() ?: set_iommu_v1(); }
static int reset_iommu_v2(void) { return set_container() ?: set_iommu_v2(); }

static int get_info(void)
{
	struct vfio_iommu_spapr_tce_info info;
	int ret = tce_get_info(dut.v.container, &info);

	return ret ?: memcmp(&info, &dut.v.info, sizeof(info)) ? -EBADE : 0;
}

static int open_device(void)
{
	return fd_result(tce_open_device(dut.v.group, dut.v.dev), &dut.v.device);
}

static int close_device(void) { return close_fd(&dut.v.device); }
static int enable(void) { return tce_enable(dut.v.container); }
static int disable(void) { return tce_disable(dut.v.container); }
static int register_spare(void) { return reg(spare(), SPARE); }
static int unregister_spare(void) { return unreg(spare(), SPARE); }
static int register_all(void) { return reg(dut.mem.va, dut.mem.size); }
static int unregister_all(void) { return unreg(dut.mem.va, dut.mem.size); }

/* Frees the pages of the spare memory: pinning it allocates new ones */
static int forget_spare(void)
{
	return madvise(spare(), SPARE, MADV_DONTNEED) ? -errno : 0;
}

static int with_fresh(void) { return with_v2() ?: forget_spare(); }

static int unregister_fresh(void)
{
	return unregister_spare() ?: forget_spare();
}

static int map_fresh(void) { return map(spare(), 0, UNIT); }
static int unmap_fresh(void) { return unmap(0, UNIT) ?: forget_spare(); }
static int with_v1_fresh(void) { return with_v1_default() ?: forget_spare(); }

/*
 * Memory for a device that only reads: a private mapping of a file, to which
 * the process has not written yet. MAP has to make copies of its pages for the
 * process.
 */
static int with_private(int prot)
{
	int ret = with_v1_default() ?: tce_mem_memfd(&dut.file, 2 * UNIT);

	if (ret)
		return ret;
	memset(dut.file.va, 1, dut.file.size);
	return mmap(dut.file.va, dut.file.size, prot, MAP_PRIVATE | MAP_FIXED,
		    dut.file.fd, 0) == MAP_FAILED ? -errno : 0;
}

static int with_v1_private(void) { return with_private(READ_WRITE); }
static int with_v1_read_only(void) { return with_private(PROT_READ); }

static int map_private(void)
{
	return tce_map(dut.v.container, dut.file.va, dut.start, UNIT,
		       VFIO_DMA_MAP_FLAG_READ);
}

static int unmap_private(void)
{
	int ret = unmap(0, UNIT);

	return ret ?: madvise(dut.file.va, dut.file.size, MADV_DONTNEED) ? -errno : 0;
}

/*
 * The device reads data that the process writes now. Another unit shows them.
 */
static int private_read(int prot)
{
	struct tce_scratch scratch = { .iova = dut.start + UNIT, .va = unit(1) };
	int ret = mprotect(dut.file.va, UNIT, READ_WRITE) ? -errno : 0;

	ret = ret ?: map(scratch.va, UNIT, UNIT) ?:
	      tce_dma_from(&dut.v, dut.start, dut.file.va, LEN, &scratch) ?:
	      unmap(UNIT, UNIT);
	return ret ?: mprotect(dut.file.va, UNIT, prot) ? -errno : 0;
}

static int private_reached(void) { return private_read(READ_WRITE); }
static int read_only_reached(void) { return private_read(PROT_READ); }

/*
 * As many bytes are pinned as the size of the window, so that further pages are
 * charged. If a page is no larger than an I/O page the window is full then.
 */
static int with_v1_full(void)
{
	uint64_t page = sysconf(_SC_PAGESIZE), size, i;
	int ret = with_v1_default();

	size = tce_def_end(&dut.v) - dut.start;
	if (!ret && (page <= 4 * KiB || size > 256 * MiB))
		return -ENOTSUP;
	ret = ret ?: tce_mem_anon(&dut.file, size);
	for (i = 0; !ret && i < size / page; i++)
		ret = tce_map(dut.v.container, dut.file.va + i * page,
			      dut.start + size - (i + 1) * 4 * KiB, 4 * KiB,
			      TCE_RW);
	return ret;
}

/* A region with so many pages that its list has to grow */
static int with_large(void)
{
	size_t size = 10240 * sysconf(_SC_PAGESIZE), i;
	int ret = with_v2() ?: tce_mem_memfd(&dut.file, size / 20);
	uint8_t *va;

	if (ret)
		return ret;
	memset(dut.file.va, 1, dut.file.size);
	va = mmap(NULL, size, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	for (i = 0; i < size; i += dut.file.size)
		if (mmap(va + i, dut.file.size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, dut.file.fd,
			 0) == MAP_FAILED)
			return -errno;
	munmap(dut.file.va, dut.file.size);
	dut.file.va = va;
	dut.file.size = size;
	return 0;
}

static int register_file(void) { return reg(dut.file.va, dut.file.size); }
static int unregister_file(void) { return unreg(dut.file.va, dut.file.size); }

/*
 * So many regions that the kernel has a tree of them; one in the middle, with
 * gaps
 */
#define ONE_OF_MANY	20

static int register_one(void) { return reg(unit(ONE_OF_MANY), UNIT); }
static int unregister_one(void) { return unreg(unit(ONE_OF_MANY), UNIT); }

static int with_many_regions(void)
{
	int i, ret = with_v2();

	for (i = 0; !ret && i < MAIN_UNITS; i += 2)
		ret = reg(unit(i), UNIT);
	return ret;
}

static int register_main(void) { return reg(dut.mem.va, MAIN_UNITS * UNIT); }
static int unregister_main(void) { return unreg(dut.mem.va, MAIN_UNITS * UNIT); }

static int create_default(void)
{
	dut.shift = 12;
	return tce_create(dut.v.container, dut.shift,
			  tce_def_end(&dut.v) - tce_def_start(&dut.v), 1, &dut.start);
}

static int map_huge(void) { return map(dut.huge.va, 0, dut.huge.size); }
static int unmap_huge(void) { return unmap(0, dut.huge.size); }
static int unmap_long(void) { return unmap(ODD, MAIN_UNITS * UNIT); }
static int unmap_main(void) { return unmap(0, MAIN_UNITS * UNIT); }
static int map_other(void) { return map(other(), 0, OTHER_UNITS * UNIT); }

/* Maps into a window, and uses it, although an allocation failed in CREATE */
static int window_usable(void)
{
	return map_unit() ?: main_reached() ?: unmap_unit();
}

/* A window keeps leaves that have been used, so a new one is created */
static int unmap_long_fresh(void)
{
	return unmap_long() ?: remove_window() ?: create();
}

static int unmap_huge_fresh(void)
{
	return unmap_huge() ?: remove_window() ?: create();
}

static int with_kept_leaves(void)
{
	int i, ret = with_window_4k();

	for (i = 0; !ret && i < KEPT_LEAVES; i++)
		ret = map(dut.mem.va, i * LEAF_BYTES, UNIT);
	return ret;
}

static int map_charged(void)
{
	return map(dut.mem.va, KEPT_LEAVES * LEAF_BYTES + ODD, MAIN_UNITS * UNIT);
}

static int unmap_charged(void)
{
	return unmap(KEPT_LEAVES * LEAF_BYTES + ODD, MAIN_UNITS * UNIT);
}

static int with_charged(void) { return with_kept_leaves() ?: map_charged(); }
static int with_v1_mapped_unit(void) { return with_v1_default() ?: map_unit(); }
static int with_mapped_unit(void) { return with_default() ?: map_unit(); }
static int with_v1_mapped(void) { return with_v1_default() ?: map_main(); }
static int with_window_mapped(void) { return with_window_4k() ?: map_main(); }
static int with_spare(void) { return with_v2() ?: register_spare(); }
static int create_mapped(void) { return create() ?: map_main(); }

static int create_default_mapped(void)
{
	return create_default() ?: map_main();
}

/* The default window has been removed, as the last one */
static int with_default_removed(void)
{
	return with_default() ?: remove_window();
}

/* Another window is the only one */
static int with_last_window(void)
{
	int ret = with_default_removed();

	dut.shift = 16;
	if (!ret && !tce_has_shift(&dut.v, dut.shift))
		return -ENOTSUP;
	return ret ?: create();
}

static int map_two(void)
{
	return tce_map(dut.v.container, other(), tce_def_start(&dut.v) + 64 * UNIT,
		       8 * UNIT, TCE_RW);
}

static int unmap_two(void)
{
	return tce_unmap(dut.v.container, tce_def_start(&dut.v) + 64 * UNIT,
			 8 * UNIT);
}

/* The group that stays has its mappings, and can map more */
static int one_usable(void)
{
	return map_two() ?:
	       tce_dma_ok(&dut.v, tce_def_start(&dut.v), dut.mem.va, LEN) ?:
	       unmap_two();
}

static int with_two_mapped(void) { return with_joined() ?: map_two(); }

#define S(n, s, t, u, ...) \
	{ .name = n, .setup = s, .step = t, .undo = u, __VA_ARGS__ }

const struct scenario scenarios[] = {
	S("open_container", nothing, open_container, close_container),
	S("open_group", with_container, open_group, close_group),
	S("set_container", with_group, set_container, unset_container),
	S("unset_container", with_attached, unset_container, set_container),
	S("v1.set_iommu", with_attached, set_iommu_v1, reattach),
	S("v2.set_iommu", with_attached, set_iommu_v2, reattach),
	S("v1.get_info", with_v1_iommu, get_info, nothing),
	S("v2.get_info", with_v2_iommu, get_info, nothing),
	S("v2.open_device", with_v2_iommu, open_device, close_device),
	S("v2.close_device", with_v2, close_device, open_device),
	S("v1.leave_all", with_v1_iommu, unset_container, reset_iommu_v1),
	S("v2.leave_all", with_v2_iommu, unset_container, reset_iommu_v2),
	S("v1.enable", with_v1, enable, disable),
	S("v1.disable", with_v1_enabled, disable, enable),
	S("v1.disable_mapped", with_v1_mapped, disable, NULL, .partial = true),
	S("v2.register", with_v2, register_spare, unregister_spare),
	S("v2.register_large", with_v2, register_all, unregister_all),
	S("v2.register_second", with_spare, register_main, unregister_main),
	S("v2.register_fresh", with_fresh, register_spare, unregister_fresh),
	S("v2.register_many", with_large, register_file, unregister_file),
	S("v2.unregister", with_spare, unregister_spare, register_spare),
	S("v1.first_map", with_v1_enabled, map_unit, NULL, .lazy = true),
	S("v2.first_map", with_v2_memory, map_unit, NULL, .lazy = true),
	S("v1.map", with_v1_default, map_unit, unmap_unit,
	  .check = main_denied, .done = main_reached),
	S("v1.map_fresh", with_v1_fresh, map_fresh, unmap_fresh),
	S("v1.map_private", with_v1_private, map_private, unmap_private,
	  .done = private_reached),
	S("v1.map_read_only", with_v1_read_only, map_private, unmap_private,
	  .done = read_only_reached),
	S("v1.map_beyond", with_v1_full, map_long, unmap_long),
	S("v2.map", with_default, map_unit, unmap_unit,
	  .check = main_denied, .done = main_reached),
	S("v1.map_long", with_v1_default, map_long, unmap_long),
	S("v2.map_long", with_window_4k, map_long, unmap_long_fresh),
	S("v2.map_charged", with_kept_leaves, map_charged, unmap_charged),
	S("v1.map_over", with_v1_mapped_unit, map_other_unit, map_unit,
	  .check = main_reached, .done = other_reached),
	S("v2.map_over", with_mapped_unit, map_other_unit, map_unit,
	  .check = main_reached, .done = other_reached),
	S("v1.map_over_long", with_v1_mapped, map_other, map_main,
	  .check = main_reached, .done = other_reached, .partial = true),
	S("v2.map_over_long", with_mapped, map_other, map_main,
	  .check = main_reached, .done = other_reached, .partial = true),
	S("v2.map_64k", with_window_64k, map_long, unmap_long_fresh),
	S("v2.map_2m", with_huge_2m, map_huge, unmap_huge_fresh,
	  .check = huge_denied, .done = huge_reached),
	S("v2.map_16m", with_huge_16m, map_huge, unmap_huge_fresh),
	S("v1.unmap", with_v1_mapped, unmap_main, map_main,
	  .done = last_denied, .partial = true),
	S("v2.unmap", with_mapped, unmap_main, map_main,
	  .done = last_denied, .partial = true),
	S("v2.unmap_charged", with_charged, unmap_charged, map_charged,
	  .partial = true),
	S("v2.create_first", with_no_window, create, NULL),
	S("v2.create_4k", with_shift_4k, create, remove_window,
	  .done = window_usable),
	S("v2.create_64k", with_shift_64k, create, remove_window,
	  .done = window_usable),
	S("v2.create_2m", with_shift_2m, create, remove_window),
	S("v2.create_16m", with_shift_16m, create, remove_window),
	S("v2.create_default", with_default_removed, create_default,
	  remove_window, .done = window_usable),
	S("v2.remove", with_window_4k, remove_window, create),
	S("v2.remove_mapped", with_window_mapped, remove_window,
	  create_mapped),
	S("v2.remove_last", with_last_window, remove_window, create),
	S("v2.remove_default", with_mapped, remove_window,
	  create_default_mapped),
	S("v2.join", with_second, join, leave, .done = two_reached),
	S("v2.leave", with_joined, leave, join, .done = one_usable),
	S("v2.map_for_two", with_joined, map_two, unmap_two),
	S("v2.unmap_for_two", with_two_mapped, unmap_two, map_two,
	  .partial = true),
	S("v2.unregister_one", with_many_regions, unregister_one,
	  register_one),
	{ }
};
