// SPDX-License-Identifier: GPL-2.0
/*
 * An ioctl with bad input returns an errno and changes nothing. The errno is
 * the one in Documentation/driver-api/vfio.rst and include/uapi/linux/vfio.h.
 * Where these have none, it is the one that the driver has always returned.
 *
 * Each row is a test of its own. It brings up a container with a mapping, the
 * canary, and calls one ioctl with bad input. Then the errno has to be right,
 * the canary has to work, and GET_INFO and the locked memory have to be as
 * before. A good ioctl of the same kind has to succeed: no failure is sticky.
 * At last all is taken down: no count is wrong.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../../kselftest_harness.h"
#include "errno_row.h"

/* A row begins with good arguments, and then changes one of them */
#pragma GCC diagnostic ignored "-Woverride-init"

FIXTURE(bad) {
	struct ctx c;
};

FIXTURE_VARIANT(bad) {
	struct row r;
};

/* A row begins with its errno, which may be one of several: see @or */
#define ROW(name) FIXTURE_VARIANT_ADD(bad, name)

/* MAP */
ROW(map_short_argsz) {{ -EINVAL, GOOD_MAP, .short_by = 1 }};
ROW(map_no_argsz) {{ -EINVAL, GOOD_MAP, .short_by = 32 }};
ROW(map_unknown_flag) {{ -EINVAL, GOOD_MAP, .flags = TCE_RW | 1U << 31 }};
ROW(map_type1_flag) {{ -EINVAL, GOOD_MAP, .flags = TCE_RW | 1U << 2 }};
ROW(map_no_direction) {{ -EINVAL, GOOD_MAP, .flags = 0 }};
ROW(map_zero_size) {{ -EINVAL, GOOD_MAP, .size = 0 }};
ROW(map_unaligned_size) {{ -EINVAL, GOOD_MAP, .size = UNIT - 512 }};
ROW(map_unaligned_vaddr) {{ -EINVAL, GOOD_MAP, .va = { MEMORY, UNIT + 512 } }};
ROW(map_unaligned_iova) {{ -EINVAL, GOOD_MAP,
	.iova = { DEFAULT_START, UNIT + 512 } }};
ROW(map_beyond_the_window) {{ -ENXIO, GOOD_MAP, .iova = { DEFAULT_END, 0 } }};
ROW(map_far_from_any_window) {{ -ENXIO, GOOD_MAP,
	.iova = { ABSOLUTE, 1LL << 58 } }};
ROW(map_last_iova_of_all) {{ -ENXIO, GOOD_MAP,
	.iova = { ABSOLUTE, -(int64_t)UNIT }, .or = { -EINVAL } }};
ROW(map_across_the_end) {{ -EINVAL, GOOD_MAP,
	.iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT }};
ROW(map_across_the_end_by_a_page) {{ -EINVAL, GOOD_MAP,
	.iova = { DEFAULT_END, -(int64_t)UNIT }, .size = UNIT + 4 * KiB }};
ROW(map_across_the_end_of_the_second) {{ -EINVAL, GOOD_MAP,
	.state = TWO_WINDOWS, .iova = { SECOND_END, -(int64_t)UNIT },
	.size = 2 * UNIT }};
ROW(map_beyond_the_second) {{ -ENXIO, GOOD_MAP, .state = TWO_WINDOWS,
	.iova = { SECOND_END, 0 } }};
ROW(map_all_of_the_window_and_more) {{ -EINVAL, GOOD_MAP,
	.iova = { DEFAULT_START, 0 }, .size = 1ULL << 62 }};
ROW(map_iova_wraps) {{ -EINVAL, GOOD_MAP, .size = -UNIT }};
ROW(map_iova_wraps_to_itself) {{ -EINVAL, GOOD_MAP, .size = -4 * KiB }};
ROW(map_vaddr_not_registered) {{ -EINVAL, GOOD_MAP,
	.va = { MEMORY, 4 * UNIT } }};
ROW(map_vaddr_partly_registered) {{ -EINVAL, GOOD_MAP,
	.va = { MEMORY, 3 * UNIT }, .size = 2 * UNIT }};
ROW(map_vaddr_null) {{ -EINVAL, GOOD_MAP, .va = { ABSOLUTE, 0 } }};
ROW(map_vaddr_of_the_kernel) {{ -EINVAL, GOOD_MAP,
	.va = { ABSOLUTE, (int64_t)0xc000000000000000ULL } }};
ROW(map_vaddr_wraps) {{ -EINVAL, GOOD_MAP, .va = { ABSOLUTE, -(int64_t)UNIT },
	.size = 2 * UNIT }};
ROW(map_bad_pointer) {{ -EFAULT, GOOD_MAP, .pointer = UNMAPPED }};
/* "v2 needs a first REGISTER before MAP" */
ROW(map_before_register) {{ -EPERM, GOOD_MAP, .state = BARE }};
ROW(map_by_another_process) {{ -EPERM, GOOD_MAP, .state = OTHER_PROCESS }};
ROW(map_in_a_removed_window) {{ -ENXIO, GOOD_MAP, .state = NO_DEFAULT }};
/* The first mapping creates the default window, which is charged */
ROW(map_without_memory_for_the_window) {{ -ENOMEM, GOOD_MAP,
	.state = NO_WINDOW_YET, .limited = true }};

/* UNMAP */
ROW(unmap_short_argsz) {{ -EINVAL, GOOD_UNMAP, .short_by = 1 }};
ROW(unmap_unknown_flag) {{ -EINVAL, GOOD_UNMAP, .flags = 1U << 31 }};
ROW(unmap_type1_flag) {{ -EINVAL, GOOD_UNMAP,
	.flags = VFIO_DMA_UNMAP_FLAG_ALL }};
ROW(unmap_zero_size) {{ -EINVAL, GOOD_UNMAP, .size = 0 }};
ROW(unmap_unaligned_size) {{ -EINVAL, GOOD_UNMAP, .size = 512 }};
ROW(unmap_unaligned_iova) {{ -EINVAL, GOOD_UNMAP,
	.iova = { DEFAULT_START, 512 } }};
ROW(unmap_beyond_the_window) {{ -ENXIO, GOOD_UNMAP,
	.iova = { DEFAULT_END, 0 } }};
ROW(unmap_across_the_end) {{ -EINVAL, GOOD_UNMAP,
	.iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT }};
ROW(unmap_across_the_end_of_the_second) {{ -EINVAL, GOOD_UNMAP,
	.state = TWO_WINDOWS, .iova = { SECOND_END, -(int64_t)UNIT },
	.size = 2 * UNIT }};
ROW(unmap_far_from_any_window) {{ -ENXIO, GOOD_UNMAP,
	.iova = { ABSOLUTE, 1LL << 58 } }};
ROW(unmap_in_a_removed_window) {{ -ENXIO, GOOD_UNMAP, .state = NO_DEFAULT }};
ROW(unmap_bad_pointer) {{ -EFAULT, GOOD_UNMAP, .pointer = UNMAPPED }};
ROW(unmap_before_register) {{ -EPERM, GOOD_UNMAP, .state = BARE }};
ROW(unmap_by_another_process) {{ -EPERM, GOOD_UNMAP, .state = OTHER_PROCESS,
	.iova = { DEFAULT_START, 0 } }};

/* REGISTER */
ROW(register_short_argsz) {{ -EINVAL, GOOD_REGISTER, .short_by = 1 }};
ROW(register_flag) {{ -EINVAL, GOOD_REGISTER, .flags = 1 }};
ROW(register_zero_size) {{ -EINVAL, GOOD_REGISTER, .size = 0 }};
ROW(register_unaligned_size) {{ -EINVAL, GOOD_REGISTER, .size = UNIT - 512 }};
ROW(register_unaligned_vaddr) {{ -EINVAL, GOOD_REGISTER,
	.va = { MEMORY, 4 * UNIT + 512 } }};
ROW(register_vaddr_wraps) {{ -EINVAL, GOOD_REGISTER, .size = -UNIT }};
ROW(register_hole) {{ -EFAULT, GOOD_REGISTER, .va = { MEMORY, 7 * UNIT },
	.or = { -ENOMEM } }};
ROW(register_into_a_hole) {{ -EFAULT, GOOD_REGISTER, .va = { MEMORY, 5 * UNIT },
	.size = 3 * UNIT, .or = { -ENOMEM } }};
ROW(register_kernel_memory) {{ -EFAULT, GOOD_REGISTER,
	.va = { ABSOLUTE, (int64_t)0xc000000000000000ULL },
	.or = { -ENOMEM, -EINVAL } }};
/* More than any machine has: the kernel must not make a list of its pages */
ROW(register_too_much) {{ -EFAULT, GOOD_REGISTER, .size = 1ULL << 50 }};
ROW(register_twice) {{ -EBUSY, GOOD_REGISTER, .va = { MEMORY, 0 },
	.size = 4 * UNIT }};
ROW(register_overlap) {{ -EINVAL, GOOD_REGISTER, .va = { MEMORY, 3 * UNIT },
	.size = 2 * UNIT, .or = { -EBUSY } }};
/* The kernel does not know yet whether the device will write */
ROW(register_read_only_memory) {{ -EFAULT, GOOD_REGISTER,
	.va = { MEMORY, 8 * UNIT } }};
ROW(register_beyond_the_limit) {{ -ENOMEM, GOOD_REGISTER, .limited = true }};
ROW(register_bad_pointer) {{ -EFAULT, GOOD_REGISTER, .pointer = UNMAPPED }};
ROW(register_by_another_process) {{ -EPERM, GOOD_REGISTER,
	.state = OTHER_PROCESS }};

/* UNREGISTER */
ROW(unregister_short_argsz) {{ -EINVAL, GOOD_UNREGISTER, .short_by = 1 }};
ROW(unregister_flag) {{ -EINVAL, GOOD_UNREGISTER, .flags = 1 }};
ROW(unregister_mapped) {{ -EBUSY, GOOD_UNREGISTER }};
ROW(unregister_unknown) {{ -ENOENT, GOOD_UNREGISTER, .va = { MEMORY, 4 * UNIT },
	.size = UNIT }};
/* "Bisecting is not supported": the exact address and size or nothing */
ROW(unregister_a_part) {{ -ENOENT, GOOD_UNREGISTER, .size = 2 * UNIT }};
ROW(unregister_the_end) {{ -ENOENT, GOOD_UNREGISTER, .va = { MEMORY, 2 * UNIT },
	.size = 2 * UNIT }};
ROW(unregister_too_much) {{ -ENOENT, GOOD_UNREGISTER, .size = 5 * UNIT }};
ROW(unregister_zero_size) {{ -EINVAL, GOOD_UNREGISTER, .size = 0,
	.or = { -ENOENT } }};
ROW(unregister_unaligned_size) {{ -EINVAL, GOOD_UNREGISTER,
	.size = 4 * UNIT - 512 }};
ROW(unregister_unaligned_vaddr) {{ -EINVAL, GOOD_UNREGISTER,
	.va = { MEMORY, 512 } }};
ROW(unregister_bad_pointer) {{ -EFAULT, GOOD_UNREGISTER, .pointer = UNMAPPED }};
ROW(unregister_before_register) {{ -EPERM, GOOD_UNREGISTER, .state = BARE,
	.or = { -ENOENT } }};
ROW(unregister_by_another_process) {{ -EPERM, GOOD_UNREGISTER,
	.state = OTHER_PROCESS }};

/* CREATE */
ROW(create_short_argsz) {{ -EINVAL, GOOD_CREATE, .short_by = 1 }};
ROW(create_flag) {{ -EINVAL, GOOD_CREATE, .flags = 1 }};
ROW(create_shift_0) {{ -EINVAL, GOOD_CREATE, .shift = 0 }};
ROW(create_shift_11) {{ -EINVAL, GOOD_CREATE, .shift = 11 }};
ROW(create_shift_13) {{ -EINVAL, GOOD_CREATE, .shift = 13 }};
ROW(create_shift_63) {{ -EINVAL, GOOD_CREATE, .shift = 63 }};
/* From here on 1 << shift depends on the processor */
ROW(create_shift_64) {{ -EINVAL, GOOD_CREATE, .shift = 64 }};
ROW(create_shift_76) {{ -EINVAL, GOOD_CREATE, .shift = 76 }};
ROW(create_zero_size) {{ -EINVAL, GOOD_CREATE, .size = 0 }};
ROW(create_size_1) {{ -EINVAL, GOOD_CREATE, .size = 1 }};
ROW(create_no_power_of_two) {{ -EINVAL, GOOD_CREATE, .size = 48 * MiB }};
ROW(create_size_of_all_ones) {{ -EINVAL, GOOD_CREATE, .size = ~0ULL }};
ROW(create_too_many_levels) {{ -EINVAL, GOOD_CREATE, .levels_beyond = true }};
ROW(create_levels_of_all_ones) {{ -EINVAL, GOOD_CREATE, .levels = ~0U }};
ROW(create_third_window) {{ -ENOSPC, GOOD_CREATE, .state = TWO_WINDOWS }};
ROW(create_beyond_the_limit) {{ -ENOMEM, GOOD_CREATE, .limited = true }};
ROW(create_without_memory_for_the_default) {{ -ENOMEM, GOOD_CREATE,
	.state = NO_WINDOW_YET, .limited = true }};
ROW(create_bad_pointer) {{ -EFAULT, GOOD_CREATE, .pointer = UNMAPPED }};
/* The start cannot be returned, so the window must not stay */
ROW(create_read_only_pointer) {{ -EFAULT, GOOD_CREATE, .pointer = READ_ONLY }};
ROW(create_by_another_process) {{ -EPERM, GOOD_CREATE,
	.state = OTHER_PROCESS }};

/* REMOVE */
ROW(remove_short_argsz) {{ -EINVAL, GOOD_REMOVE, .short_by = 1 }};
ROW(remove_flag) {{ -EINVAL, GOOD_REMOVE, .flags = 1 }};
ROW(remove_no_window) {{ -EINVAL, GOOD_REMOVE,
	.iova = { ABSOLUTE, 1LL << 58 } }};
/* Only its start names a window */
ROW(remove_inside_a_window) {{ -EINVAL, GOOD_REMOVE,
	.iova = { DEFAULT_START, UNIT } }};
ROW(remove_inside_the_second) {{ -EINVAL, GOOD_REMOVE, .state = TWO_WINDOWS,
	.iova = { SECOND_START, 4 * KiB } }};
ROW(remove_end_of_a_window) {{ -EINVAL, GOOD_REMOVE,
	.iova = { DEFAULT_END, 0 } }};
ROW(remove_twice) {{ -EINVAL, GOOD_REMOVE, .state = NO_DEFAULT }};
ROW(remove_bad_pointer) {{ -EFAULT, GOOD_REMOVE, .pointer = UNMAPPED }};
ROW(remove_by_another_process) {{ -EPERM, GOOD_REMOVE,
	.state = OTHER_PROCESS }};

/* GET_INFO */
ROW(info_short_argsz) {{ -EINVAL, GOOD_GET_INFO, .short_by = 17 }};
ROW(info_bad_pointer) {{ -EFAULT, GOOD_GET_INFO, .pointer = UNMAPPED }};
ROW(info_read_only_pointer) {{ -EFAULT, GOOD_GET_INFO, .pointer = READ_ONLY }};
ROW(info_by_another_process) {{ -EPERM, GOOD_GET_INFO,
	.state = OTHER_PROCESS }};

/*
 * EEH: a guest of QEMU has none, so that each of these may return -ENODEV there
 */
ROW(eeh_without_a_pe) {{ -ENODEV, GOOD_EEH }};
ROW(eeh_short_argsz) {{ -EINVAL, GOOD_EEH,
	.short_by = sizeof(struct vfio_eeh_pe_op) - 8, .or = { -ENODEV } }};
ROW(eeh_flag) {{ -EINVAL, GOOD_EEH, .flags = 1, .or = { -ENODEV } }};
ROW(eeh_unknown_op) {{ -EINVAL, GOOD_EEH, .size = 99, .or = { -ENODEV } }};
ROW(eeh_bad_pointer) {{ -EFAULT, GOOD_EEH, .pointer = UNMAPPED,
	.or = { -ENODEV } }};
ROW(eeh_by_another_process) {{ -EPERM, GOOD_EEH, .state = OTHER_PROCESS }};
ROW(v1_eeh_by_another_process) {{ -EPERM, GOOD_EEH, .version = 1,
	.state = OTHER_PROCESS }};

/* Ioctls that a version does not have */
ROW(v2_enable) {{ -ENOTTY, .version = 2, .op = OP_ENABLE }};
ROW(v2_disable) {{ -ENOTTY, .version = 2, .op = OP_DISABLE }};
ROW(v2_unknown_ioctl) {{ -ENOTTY, .version = 2, .op = OP_UNKNOWN }};
ROW(v1_unknown_ioctl) {{ -ENOTTY, .version = 1, .op = OP_UNKNOWN }};
ROW(v1_register) {{ -ENOTTY, GOOD_REGISTER, .version = 1 }};
ROW(v1_unregister) {{ -ENOTTY, GOOD_UNREGISTER, .version = 1 }};
ROW(v1_create) {{ -ENOTTY, GOOD_CREATE, .version = 1 }};
ROW(v1_remove) {{ -ENOTTY, GOOD_REMOVE, .version = 1 }};

/* v1 */
ROW(v1_enable_twice) {{ -EBUSY, .version = 1, .op = OP_ENABLE }};
ROW(v1_enable_by_another_process) {{ -EPERM, .version = 1, .op = OP_ENABLE,
	.state = OTHER_PROCESS }};
ROW(v1_enable_beyond_the_limit) {{ -ENOMEM, .version = 1, .op = OP_ENABLE,
	.state = BARE, .limited = true }};
ROW(v1_disable_by_another_process) {{ -EPERM, .version = 1, .op = OP_DISABLE,
	.state = OTHER_PROCESS }};
ROW(v1_info_by_another_process) {{ -EPERM, GOOD_GET_INFO, .version = 1,
	.state = OTHER_PROCESS }};
ROW(v1_unmap_by_another_process) {{ -EPERM, GOOD_UNMAP, .version = 1,
	.state = OTHER_PROCESS }};
ROW(v1_map_before_enable) {{ -EPERM, GOOD_MAP, .version = 1, .state = BARE }};
ROW(v1_unmap_before_enable) {{ -EPERM, GOOD_UNMAP, .version = 1,
	.state = BARE }};
ROW(v1_map_by_another_process) {{ -EPERM, GOOD_MAP, .version = 1,
	.state = OTHER_PROCESS }};
ROW(v1_map_short_argsz) {{ -EINVAL, GOOD_MAP, .version = 1, .short_by = 1 }};
ROW(v1_map_no_direction) {{ -EINVAL, GOOD_MAP, .version = 1, .flags = 0 }};
ROW(v1_map_zero_size) {{ -EINVAL, GOOD_MAP, .version = 1, .size = 0 }};
ROW(v1_map_unaligned_size) {{ -EINVAL, GOOD_MAP, .version = 1, .size = 512 }};
ROW(v1_map_unaligned_iova) {{ -EINVAL, GOOD_MAP, .version = 1,
	.iova = { DEFAULT_START, UNIT + 512 } }};
ROW(v1_map_beyond_the_window) {{ -ENXIO, GOOD_MAP, .version = 1,
	.iova = { DEFAULT_END, 0 } }};
ROW(v1_map_across_the_end) {{ -EINVAL, GOOD_MAP, .version = 1,
	.iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT }};
ROW(v1_map_iova_wraps) {{ -EINVAL, GOOD_MAP, .version = 1, .size = -UNIT }};
ROW(v1_map_hole) {{ -EFAULT, GOOD_MAP, .version = 1,
	.va = { MEMORY, 7 * UNIT } }};
ROW(v1_map_into_a_hole) {{ -EFAULT, GOOD_MAP, .version = 1,
	.va = { MEMORY, 5 * UNIT }, .size = 3 * UNIT }};
ROW(v1_map_kernel_memory) {{ -EFAULT, GOOD_MAP, .version = 1,
	.va = { ABSOLUTE, (int64_t)0xc000000000000000ULL },
	.or = { -EINVAL } }};
ROW(v1_unmap_zero_size) {{ -EINVAL, GOOD_UNMAP, .version = 1, .size = 0 }};
ROW(v1_unmap_unaligned_iova) {{ -EINVAL, GOOD_UNMAP, .version = 1,
	.iova = { DEFAULT_START, 512 } }};
ROW(v1_unmap_beyond_the_window) {{ -ENXIO, GOOD_UNMAP, .version = 1,
	.iova = { DEFAULT_END, 0 } }};
ROW(v1_unmap_across_the_end) {{ -EINVAL, GOOD_UNMAP, .version = 1,
	.iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT }};

/*
 * Late: a kernel that bars the device after one of these bars the later rows
 * too
 */
ROW(create_larger_than_the_platform_has) {{ -EINVAL, GOOD_CREATE,
	.size = 1ULL << 63, .or = { -ENOSPC, -ENOMEM } }};
ROW(create_smaller_than_its_page) {{ -EINVAL, GOOD_CREATE, .shift = 16,
	.size = 4 * KiB }};
/* The size is that of half an entry */
ROW(create_half_a_page) {{ -EINVAL, GOOD_CREATE, .shift = 16,
	.size = 32 * KiB }};
/* QEMU has 32 bits for the number of entries */
ROW(create_2_to_the_32_pages) {{ -EINVAL, GOOD_CREATE, .size = 1ULL << 44,
	.or = { -ENOMEM } }};
/* The charge of its levels must be given back */
ROW(create_larger_with_two_levels) {{ -EINVAL, GOOD_CREATE, .size = 1ULL << 62,
	.levels = 2, .or = { -ENOSPC, -ENOMEM } }};
ROW(create_shift_of_all_ones) {{ -EINVAL, GOOD_CREATE, .shift = ~0U }};
ROW(create_shift_140) {{ -EINVAL, GOOD_CREATE, .shift = 140 }};

/* Last: a kernel that accepts the size never returns */
ROW(unmap_iova_wraps) {{ -EINVAL, GOOD_UNMAP, .size = -UNIT }};
ROW(v1_unmap_iova_wraps) {{ -EINVAL, GOOD_UNMAP, .version = 1, .size = -UNIT }};

FIXTURE_SETUP(bad)
{
	const struct row *r = &variant->r;
	struct ctx *c = &self->c;

	ASSERT_EQ(0, tce_vfio_open_quick(&c->v, &tce_devs[0], r->version));
	ASSERT_EQ(0, tce_mem_anon(&c->mem, 9 * UNIT));
	memset(c->mem.va, 0xa5, c->mem.size);
	munmap(c->mem.va + 7 * UNIT, UNIT);
	mprotect(c->mem.va + 8 * UNIT, UNIT, PROT_READ);
}

FIXTURE_TEARDOWN(bad)
{
	tce_vfio_close(&self->c.v);
	tce_mem_free(&self->c.mem);
}

TEST_F(bad, is_refused)
{
	const struct row *r = &variant->r;
	struct vfio_iommu_spapr_tce_info info;
	struct ctx *c = &self->c;
	long locked;
	int ret;

	if (r->version == 2 && !tce_has_ddw(&c->v) &&
	    (r->op == OP_CREATE || r->op == OP_REMOVE ||
	     r->state == TWO_WINDOWS || r->state == NO_DEFAULT))
		SKIP(return, "the platform cannot create windows");

	if (r->state == TWO_WINDOWS &&
	    tce_max_windows(&c->v) < 2)
		SKIP(return, "the platform has no second window");

	if (r->op == OP_EEH && r->err == -ENODEV && !r->or[0] &&
	    ioctl(c->v.container, VFIO_CHECK_EXTENSION, VFIO_EEH) > 0)
		SKIP(return, "the platform has EEH");

	ASSERT_EQ(0, row_bring_up(c, r->state));
	locked = tce_vmlck_kb();
	if (r->limited)
		ASSERT_EQ(0, tce_limit_locked(0));

	ret = r->state == OTHER_PROCESS ? row_call_in_child(c, r) : row_call(c, r);
	EXPECT_TRUE(row_expects(r, ret)) {
		TH_LOG("returned %d, expected %d", ret, r->err);
	}

	if (r->limited)
		ASSERT_EQ(0, tce_limit_locked(RLIM_INFINITY));

	/* Nothing has changed */
	EXPECT_EQ(locked, tce_vmlck_kb());
	EXPECT_EQ(0, tce_get_info(c->v.container, &info));
	EXPECT_EQ(0, memcmp(&info, &c->v.info, sizeof(info)));
	if (r->state == NO_DEFAULT)
		return;
	if (r->state == BARE)
		ASSERT_EQ(0, row_bring_up(c, NORMAL));
	if (r->state == NO_WINDOW_YET)
		ASSERT_EQ(0, tce_map(c->v.container, c->mem.va,
				     tce_def_start(&c->v), UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, tce_def_start(&c->v), c->mem.va, 256));

	/* A good ioctl succeeds, and all can be taken down */
	EXPECT_EQ(0, row_remove_second(c));
	EXPECT_EQ(0, row_try_good(c, r->op));
	EXPECT_EQ(0, row_take_down(c));
}

/* Memory that the process may not write to */
TEST(v1_write_mapping_of_read_only_memory)
{
	struct tce_mem mem;
	struct tce_vfio v;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 1));
	ASSERT_EQ(0, tce_mem_anon(&mem, UNIT));
	ASSERT_EQ(0, mprotect(mem.va, UNIT, PROT_READ));
	ASSERT_EQ(0, tce_enable(v.container));
	EXPECT_EQ(-EFAULT, tce_map(v.container, mem.va, tce_def_start(&v),
				   UNIT, TCE_RW));
	EXPECT_EQ(-EFAULT, tce_map(v.container, mem.va, tce_def_start(&v),
				   UNIT, VFIO_DMA_MAP_FLAG_WRITE));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* GET_INFO writes no more than the older, shorter structure has room for */
TEST(info_without_ddw)
{
	struct {
		struct vfio_iommu_spapr_tce_info info;
		uint8_t beyond[16];
	} s;
	size_t size = offsetof(struct vfio_iommu_spapr_tce_info, ddw), i;
	struct tce_vfio v;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	memset(&s, 0x5a, sizeof(s));
	s.info.argsz = size;
	EXPECT_EQ(0, tce_ioctl(v.container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &s));
	EXPECT_EQ(v.info.dma32_window_size, s.info.dma32_window_size);
	for (i = size; i < sizeof(s); i++)
		ASSERT_EQ(0x5a, ((uint8_t *)&s)[i]);

	/* It does not write beyond the end in a longer one either */
	s.info.argsz = sizeof(s);
	EXPECT_EQ(0, tce_ioctl(v.container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &s));
	for (i = 0; i < sizeof(s.beyond); i++)
		ASSERT_EQ(0x5a, s.beyond[i]);
	tce_vfio_close(&v);
}

/* CREATE writes the start, and leaves the rest of its argument as it was */
TEST(create_changes_nothing_but_the_start)
{
	struct {
		struct vfio_iommu_spapr_tce_create create;
		uint8_t beyond[16];
	} s, before;
	struct tce_vfio v;
	struct tce_mem mem;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (!tce_has_ddw(&v))
		SKIP(return, "the platform cannot create windows");
	ASSERT_EQ(0, tce_mem_anon(&mem, UNIT));
	ASSERT_EQ(0, tce_register(v.container, mem.va, UNIT));
	ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
	memset(&s, 0x5a, sizeof(s));
	s.create.argsz = sizeof(s);
	s.create.flags = 0;
	s.create.page_shift = 12;
	s.create.window_size = 16 * MiB;
	s.create.levels = 1;
	before = s;
	ASSERT_EQ(0, tce_ioctl(v.container, VFIO_IOMMU_SPAPR_TCE_CREATE, &s));
	EXPECT_NE(before.create.start_addr, s.create.start_addr);
	EXPECT_EQ(0, tce_remove(v.container, s.create.start_addr));
	s.create.start_addr = before.create.start_addr;
	EXPECT_EQ(0, memcmp(&before, &s, sizeof(s)));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* Mappings in many parts of a window, so that their notes are charged */
TEST(map_beyond_the_limit)
{
	int n, ret = 0;
	struct tce_mem mem;
	struct tce_vfio v;
	uint64_t iova;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (tce_is_powernv())
		SKIP(return, "PowerNV has a table in memory");
	ASSERT_EQ(0, tce_mem_anon(&mem, UNIT));
	ASSERT_EQ(0, tce_ready(&v, &mem));
	iova = tce_def_start(&v);
	ASSERT_EQ(0, tce_map(v.container, mem.va, iova, UNIT, TCE_RW));
	ASSERT_EQ(0, tce_limit_locked(0));
	for (n = 0; !ret && iova < tce_def_end(&v); n++, iova += 2 * MiB)
		ret = tce_map(v.container, mem.va, iova, 4 * KiB, TCE_RW);
	EXPECT_EQ(-ENOMEM, ret);
	/* The first mapping works, and one in the same part can be added */
	iova = tce_def_start(&v);
	EXPECT_EQ(0, tce_dma_ok(&v, iova, mem.va, 256));
	EXPECT_EQ(0, tce_map(v.container, mem.va, iova + UNIT, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&v, iova + UNIT, mem.va, 256));
	EXPECT_EQ(0, tce_unmap(v.container, iova, tce_def_end(&v) - iova));
	EXPECT_EQ(0, tce_unready(&v, &mem));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/*
 * Without dynamic windows CREATE can only make the default one, and only once
 */
TEST(create_without_ddw)
{
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t start;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (tce_has_ddw(&v))
		SKIP(return, "the platform has dynamic windows");
	ASSERT_EQ(0, tce_mem_anon(&mem, UNIT));
	ASSERT_EQ(0, tce_register(v.container, mem.va, UNIT));
	EXPECT_EQ(-EOPNOTSUPP, tce_create(v.container, 12, 16 * MiB, 1,
					  &start));
	ASSERT_EQ(0, tce_remove(v.container, tce_def_start(&v)));
	EXPECT_EQ(-EINVAL, tce_create(v.container, 16, 16 * MiB, 1, &start));
	EXPECT_EQ(-EOPNOTSUPP, tce_create(v.container, 12, 1ULL << 40, 1,
					  &start));
	EXPECT_EQ(0, tce_create(v.container, 12, 16 * MiB, 1, &start));
	EXPECT_EQ(tce_def_start(&v), start);
	EXPECT_EQ(0, tce_remove(v.container, start));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* The default window is beyond 32 bits, so that v1 has none */
TEST(v1_without_a_window)
{
	struct tce_vfio v;
	uint64_t start;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 1));
	if (v.info.dma32_window_size)
		SKIP(return, "the platform has its default window below 4G");
	EXPECT_EQ(-EPERM, tce_enable(v.container));
	EXPECT_EQ(-EPERM, tce_map(v.container, &v, 0, UNIT, TCE_RW));
	EXPECT_EQ(-EPERM, tce_unmap(v.container, 0, UNIT));
	tce_vfio_close(&v);

	/* v2 has dynamic windows */
	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (tce_has_ddw(&v)) {
		EXPECT_EQ(0, tce_create(v.container, 12, 16 * MiB, 1, &start));
		EXPECT_EQ(0, tce_remove(v.container, start));
	}
	tce_vfio_close(&v);
}

TEST(set_container)
{
	struct tce_vfio v;
	int fd = -1, ret;

	ASSERT_EQ(0, tce_vfio_open_iommu(&v, &tce_devs[0], 2));
	EXPECT_EQ(-EINVAL, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
				     &v.container));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	EXPECT_EQ(-EBADF, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER, &fd));
	ret = tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER, &v.group);
	EXPECT_TRUE(ret == -EBADFD || ret == -EINVAL);
	EXPECT_EQ(-EFAULT, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER, NULL));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
			       &v.container));
	EXPECT_EQ(0, tce_set_iommu(v.container, 2));
	tce_vfio_close(&v);
}

TEST(set_iommu)
{
	struct tce_vfio v;

	ASSERT_EQ(0, tce_vfio_open_iommu(&v, &tce_devs[0], 2));
	EXPECT_EQ(-EINVAL, tce_set_iommu(v.container, 2));
	EXPECT_EQ(-EINVAL, tce_set_iommu(v.container, 1));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	/* There is no group in the container */
	EXPECT_EQ(-EINVAL, tce_set_iommu(v.container, 2));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
			       &v.container));
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)0xbadUL));
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)VFIO_TYPE1_IOMMU));
	/* An extension, but no type of an IOMMU */
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)VFIO_EEH));
	EXPECT_EQ(0, tce_set_iommu(v.container, 1));
	tce_vfio_close(&v);
}

/* The kernel logs neither good calls nor bad ones */
TEST(nothing_is_logged)
{
	static const struct row bad[] = {
		{ GOOD_MAP, .size = 0 },
		{ GOOD_MAP, .iova = { ABSOLUTE, 1LL << 58 } },
		{ GOOD_MAP, .va = { MEMORY, 4 * UNIT } },
		{ GOOD_UNMAP, .size = 512 },
		{ GOOD_REGISTER, .size = 1ULL << 50 },
		{ GOOD_UNREGISTER },
		{ GOOD_CREATE, .shift = 13 },
		{ GOOD_CREATE, .size = 1ULL << 62 },
		{ GOOD_REMOVE, .iova = { ABSOLUTE, 1LL << 58 } },
	};
	struct ctx c = {};
	int kmsg, i, version;

	kmsg = tce_kmsg_open();
	if (kmsg < 0)
		SKIP(return, "no /dev/kmsg");
	for (version = 1; version <= 2; version++) {
		ASSERT_EQ(0, tce_vfio_open(&c.v, &tce_devs[0], version));
		ASSERT_EQ(0, tce_mem_anon(&c.mem, 5 * UNIT));
		c.second_size = 0;
		ASSERT_EQ(0, row_bring_up(&c, NORMAL));
		EXPECT_EQ(0, row_try_good(&c, OP_CREATE));
		EXPECT_EQ(0, row_take_down(&c));
		tce_vfio_close(&c.v);
		EXPECT_EQ(0, tce_kmsg_lines(kmsg, TCE_KMSG_WARNING));
		if (version == 1)
			tce_mem_free(&c.mem);
	}

	ASSERT_EQ(0, tce_vfio_open(&c.v, &tce_devs[0], 2));
	ASSERT_EQ(0, row_bring_up(&c, NORMAL));
	for (i = 0; i < ARRAY_SIZE(bad) * 10; i++)
		EXPECT_GT(0, row_call(&c, &bad[i % ARRAY_SIZE(bad)]));
	tce_vfio_close(&c.v);
	tce_mem_free(&c.mem);
	ASSERT_EQ(0, tce_vfio_open_iommu(&c.v, &tce_devs[0], 2));
	ASSERT_EQ(0, tce_ioctl(c.v.group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	ASSERT_EQ(0, tce_ioctl(c.v.group, VFIO_GROUP_SET_CONTAINER,
			       &c.v.container));
	EXPECT_GT(0, tce_ioctl(c.v.container, VFIO_SET_IOMMU,
			       (void *)VFIO_EEH));
	tce_vfio_close(&c.v);
	EXPECT_EQ(0, tce_kmsg_lines(kmsg, TCE_KMSG_WARNING));
	close(kmsg);
}

/*
 * A container has an IOMMU only while it has a group. Without one VFIO returns
 * an errno before the driver is called.
 */
TEST(no_group)
{
	struct vfio_iommu_spapr_tce_info info;
	int container, group, i;
	uint64_t start;

	container = tce_open_container();
	ASSERT_LE(0, container);
	EXPECT_EQ(-EINVAL, tce_set_iommu(container, 2));
	EXPECT_EQ(-EINVAL, tce_set_iommu(container, 1));

	group = tce_open_group(&tce_devs[0]);
	ASSERT_LE(0, group);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, tce_get_info(container, &info));
		EXPECT_EQ(-EINVAL, tce_create(container, 12, 16 * MiB, 1,
					      &start));
		EXPECT_EQ(-EINVAL, tce_remove(container, 0));
		EXPECT_EQ(-EINVAL, tce_map(container, &start, 0, UNIT, TCE_RW));
		EXPECT_EQ(-EINVAL, tce_unmap(container, 0, UNIT));
		EXPECT_EQ(-EINVAL, tce_enable(container));
		EXPECT_EQ(-EINVAL, tce_disable(container));
		EXPECT_EQ(-EINVAL, tce_register(container, &start, UNIT));
		EXPECT_EQ(-EINVAL, tce_unregister(container, &start, UNIT));
		if (i)
			break;

		/* The same after a group has joined and left */
		ASSERT_EQ(0, tce_ioctl(group, VFIO_GROUP_SET_CONTAINER,
				       &container));
		ASSERT_EQ(0, tce_set_iommu(container, 2));
		ASSERT_EQ(0, tce_ioctl(group, VFIO_GROUP_UNSET_CONTAINER,
				       NULL));
	}
	close(group);
	close(container);
}

TCE_MAIN(true)
