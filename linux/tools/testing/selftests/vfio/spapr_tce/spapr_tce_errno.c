// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input gets the errno that Documentation/driver-api/vfio.rst and
 * include/uapi/linux/vfio.h promise, or, where they promise none, the one that
 * the driver has always given, and changes nothing.
 *
 * Each row is a test of its own: it brings up a container with a canary
 * mapping, does the one bad thing, and then sees that the answer is as
 * expected, that the canary still works, that GET_INFO and locked_vm are what
 * they were, that a good call of the same kind succeeds (no failure is sticky),
 * and that everything can be taken down again (no count is off).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

/* The rows start from a good call and then say what is wrong */
#pragma GCC diagnostic ignored "-Woverride-init"

#define UNIT		(64 * KiB)

enum op {
	OP_MAP,
	OP_UNMAP,
	OP_REGISTER,
	OP_UNREGISTER,
	OP_CREATE,
	OP_REMOVE,
	OP_GET_INFO,
	OP_ENABLE,
	OP_DISABLE,
	OP_EEH,
	OP_UNKNOWN,
};

/* What an address is relative to */
enum base {
	ABSOLUTE,
	MEMORY,			/* see struct ctx */
	DEFAULT_START,
	DEFAULT_END,
	SECOND_START,
	SECOND_END,
};

struct place {
	enum base base;
	int64_t offset;
};

enum state {
	NORMAL,			/* ready, canary mapped in the default window */
	BARE,			/* nothing registered, not enabled, no canary */
	TWO_WINDOWS,		/* NORMAL and a second window */
	NO_DEFAULT,		/* the default window removed, no canary */
	OTHER_PROCESS,		/* NORMAL, but a child makes the call */
	NO_WINDOW_YET,		/* ready, but nothing has been mapped */
};

enum pointer {
	VALID,
	UNMAPPED,
	READ_ONLY,
};

struct row {
	int version;
	enum op op;
	enum state state;
	enum pointer pointer;
	struct place va;
	struct place iova;		/* also the window of REMOVE */
	uint64_t size;			/* also of a CREATE window; an EEH op */
	uint32_t flags;
	uint32_t shift;
	uint32_t levels;
	bool levels_beyond;		/* one more than the platform has */
	bool limited;			/* no memory may be locked any more */
	int short_by;			/* argsz lacks that many bytes */
	int err[4];			/* any of these will do */
};

#define GOOD_MAP							\
	.version = 2, .op = OP_MAP, .va = { MEMORY, UNIT },		\
	.iova = { DEFAULT_START, UNIT }, .size = UNIT, .flags = TCE_RW
#define GOOD_UNMAP							\
	.version = 2, .op = OP_UNMAP,					\
	.iova = { DEFAULT_START, UNIT }, .size = UNIT
#define GOOD_REGISTER							\
	.version = 2, .op = OP_REGISTER, .va = { MEMORY, 4 * UNIT },	\
	.size = UNIT
#define GOOD_UNREGISTER							\
	.version = 2, .op = OP_UNREGISTER, .va = { MEMORY, 0 },		\
	.size = 4 * UNIT
#define GOOD_CREATE							\
	.version = 2, .op = OP_CREATE, .shift = 12, .size = 16 * MiB,	\
	.levels = 1
#define GOOD_REMOVE							\
	.version = 2, .op = OP_REMOVE, .iova = { DEFAULT_START, 0 }
#define GOOD_GET_INFO							\
	.version = 2, .op = OP_GET_INFO
#define GOOD_EEH							\
	.version = 2, .op = OP_EEH, .size = VFIO_EEH_PE_GET_STATE

/*
 * Nine units: the first four are registered (v2), the next three are not, then
 * comes a hole in the address space, and one that the process may only read. The
 * canary is the first.
 */
struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t second;
	uint64_t second_size;
};

FIXTURE(bad) {
	struct ctx c;
};

FIXTURE_VARIANT(bad) {
	struct row r;
};

#define ROW(name) FIXTURE_VARIANT_ADD(bad, name)

/* MAP */
ROW(map_short_argsz) {{
	GOOD_MAP, .short_by = 1, .err = { -EINVAL }
}};

ROW(map_no_argsz) {{
	GOOD_MAP, .short_by = 32, .err = { -EINVAL }
}};

ROW(map_unknown_flag) {{
	GOOD_MAP, .flags = TCE_RW | 1U << 31, .err = { -EINVAL }
}};

ROW(map_type1_flag) {{
	GOOD_MAP, .flags = TCE_RW | 1U << 2, .err = { -EINVAL }
}};

ROW(map_no_direction) {{
	GOOD_MAP, .flags = 0, .err = { -EINVAL }
}};

ROW(map_zero_size) {{
	GOOD_MAP, .size = 0, .err = { -EINVAL }
}};

ROW(map_unaligned_size) {{
	GOOD_MAP, .size = UNIT - 512, .err = { -EINVAL }
}};

ROW(map_unaligned_vaddr) {{
	GOOD_MAP, .va = { MEMORY, UNIT + 512 }, .err = { -EINVAL }
}};

ROW(map_unaligned_iova) {{
	GOOD_MAP, .iova = { DEFAULT_START, UNIT + 512 }, .err = { -EINVAL }
}};

ROW(map_beyond_the_window) {{
	GOOD_MAP, .iova = { DEFAULT_END, 0 }, .err = { -ENXIO }
}};

ROW(map_far_from_any_window) {{
	GOOD_MAP, .iova = { ABSOLUTE, 1LL << 58 }, .err = { -ENXIO }
}};

ROW(map_last_iova_of_all) {{
	GOOD_MAP, .iova = { ABSOLUTE, -(int64_t)UNIT },
	.err = { -ENXIO, -EINVAL }
}};

ROW(map_across_the_end) {{
	GOOD_MAP, .iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL }
}};

ROW(map_across_the_end_by_a_page) {{
	GOOD_MAP, .iova = { DEFAULT_END, -(int64_t)UNIT },
	.size = UNIT + 4 * KiB, .err = { -EINVAL }
}};

ROW(map_across_the_end_of_the_second) {{
	GOOD_MAP, .state = TWO_WINDOWS, .iova = { SECOND_END, -(int64_t)UNIT },
	.size = 2 * UNIT, .err = { -EINVAL }
}};

ROW(map_beyond_the_second) {{
	GOOD_MAP, .state = TWO_WINDOWS, .iova = { SECOND_END, 0 },
	.err = { -ENXIO }
}};

ROW(map_all_of_the_window_and_more) {{
	GOOD_MAP, .iova = { DEFAULT_START, 0 }, .size = 1ULL << 62,
	.err = { -EINVAL }
}};

ROW(map_iova_wraps) {{
	GOOD_MAP, .size = -UNIT, .err = { -EINVAL }
}};

ROW(map_iova_wraps_to_itself) {{
	GOOD_MAP, .size = -4 * KiB, .err = { -EINVAL }
}};

ROW(map_vaddr_not_registered) {{
	GOOD_MAP, .va = { MEMORY, 4 * UNIT }, .err = { -EINVAL }
}};

ROW(map_vaddr_partly_registered) {{
	GOOD_MAP, .va = { MEMORY, 3 * UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL }
}};

ROW(map_vaddr_null) {{
	GOOD_MAP, .va = { ABSOLUTE, 0 }, .err = { -EINVAL }
}};

ROW(map_vaddr_of_the_kernel) {{
	GOOD_MAP, .va = { ABSOLUTE, (int64_t)0xc000000000000000ULL },
	.err = { -EINVAL }
}};

ROW(map_vaddr_wraps) {{
	GOOD_MAP, .va = { ABSOLUTE, -(int64_t)UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL }
}};

ROW(map_bad_pointer) {{
	GOOD_MAP, .pointer = UNMAPPED, .err = { -EFAULT }
}};

/* "v2 needs a first REGISTER before MAP" */
ROW(map_before_register) {{
	GOOD_MAP, .state = BARE, .err = { -EPERM }
}};

ROW(map_by_another_process) {{
	GOOD_MAP, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(map_in_a_removed_window) {{
	GOOD_MAP, .state = NO_DEFAULT, .err = { -ENXIO }
}};

/* The first mapping makes the default window, which costs something */
ROW(map_without_memory_for_the_window) {{
	GOOD_MAP, .state = NO_WINDOW_YET, .limited = true, .err = { -ENOMEM }
}};

/* UNMAP */
ROW(unmap_short_argsz) {{
	GOOD_UNMAP, .short_by = 1, .err = { -EINVAL }
}};

ROW(unmap_unknown_flag) {{
	GOOD_UNMAP, .flags = 1U << 31, .err = { -EINVAL }
}};

ROW(unmap_type1_flag) {{
	GOOD_UNMAP, .flags = VFIO_DMA_UNMAP_FLAG_ALL, .err = { -EINVAL }
}};

ROW(unmap_zero_size) {{
	GOOD_UNMAP, .size = 0, .err = { -EINVAL }
}};

ROW(unmap_unaligned_size) {{
	GOOD_UNMAP, .size = 512, .err = { -EINVAL }
}};

ROW(unmap_unaligned_iova) {{
	GOOD_UNMAP, .iova = { DEFAULT_START, 512 }, .err = { -EINVAL }
}};

ROW(unmap_beyond_the_window) {{
	GOOD_UNMAP, .iova = { DEFAULT_END, 0 }, .err = { -ENXIO }
}};

ROW(unmap_across_the_end) {{
	GOOD_UNMAP, .iova = { DEFAULT_END, -(int64_t)UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL }
}};

ROW(unmap_across_the_end_of_the_second) {{
	GOOD_UNMAP, .state = TWO_WINDOWS,
	.iova = { SECOND_END, -(int64_t)UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL }
}};

ROW(unmap_far_from_any_window) {{
	GOOD_UNMAP, .iova = { ABSOLUTE, 1LL << 58 }, .err = { -ENXIO }
}};

ROW(unmap_in_a_removed_window) {{
	GOOD_UNMAP, .state = NO_DEFAULT, .err = { -ENXIO }
}};

ROW(unmap_bad_pointer) {{
	GOOD_UNMAP, .pointer = UNMAPPED, .err = { -EFAULT }
}};

ROW(unmap_before_register) {{
	GOOD_UNMAP, .state = BARE, .err = { -EPERM }
}};

ROW(unmap_by_another_process) {{
	GOOD_UNMAP, .state = OTHER_PROCESS, .iova = { DEFAULT_START, 0 },
	.err = { -EPERM }
}};

/* REGISTER */
ROW(register_short_argsz) {{
	GOOD_REGISTER, .short_by = 1, .err = { -EINVAL }
}};

ROW(register_flag) {{
	GOOD_REGISTER, .flags = 1, .err = { -EINVAL }
}};

ROW(register_zero_size) {{
	GOOD_REGISTER, .size = 0, .err = { -EINVAL }
}};

ROW(register_unaligned_size) {{
	GOOD_REGISTER, .size = UNIT - 512, .err = { -EINVAL }
}};

ROW(register_unaligned_vaddr) {{
	GOOD_REGISTER, .va = { MEMORY, 4 * UNIT + 512 }, .err = { -EINVAL }
}};

ROW(register_vaddr_wraps) {{
	GOOD_REGISTER, .size = -UNIT, .err = { -EINVAL }
}};

ROW(register_hole) {{
	GOOD_REGISTER, .va = { MEMORY, 7 * UNIT }, .err = { -EFAULT, -ENOMEM }
}};

ROW(register_into_a_hole) {{
	GOOD_REGISTER, .va = { MEMORY, 5 * UNIT }, .size = 3 * UNIT,
	.err = { -EFAULT, -ENOMEM }
}};

ROW(register_kernel_memory) {{
	GOOD_REGISTER, .va = { ABSOLUTE, (int64_t)0xc000000000000000ULL },
	.err = { -EFAULT, -ENOMEM, -EINVAL }
}};

/* More than any machine has: no attempt may be made to track its pages */
ROW(register_too_much) {{
	GOOD_REGISTER, .size = 1ULL << 50, .err = { -EFAULT }
}};

ROW(register_twice) {{
	GOOD_REGISTER, .va = { MEMORY, 0 }, .size = 4 * UNIT,
	.err = { -EBUSY }
}};

ROW(register_overlap) {{
	GOOD_REGISTER, .va = { MEMORY, 3 * UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL, -EBUSY }
}};

/* No mapping has said yet whether the device will write */
ROW(register_read_only_memory) {{
	GOOD_REGISTER, .va = { MEMORY, 8 * UNIT }, .err = { -EFAULT }
}};

ROW(register_beyond_the_limit) {{
	GOOD_REGISTER, .limited = true, .err = { -ENOMEM }
}};

ROW(register_bad_pointer) {{
	GOOD_REGISTER, .pointer = UNMAPPED, .err = { -EFAULT }
}};

ROW(register_by_another_process) {{
	GOOD_REGISTER, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* UNREGISTER */
ROW(unregister_short_argsz) {{
	GOOD_UNREGISTER, .short_by = 1, .err = { -EINVAL }
}};

ROW(unregister_flag) {{
	GOOD_UNREGISTER, .flags = 1, .err = { -EINVAL }
}};

ROW(unregister_mapped) {{
	GOOD_UNREGISTER, .err = { -EBUSY }
}};

ROW(unregister_unknown) {{
	GOOD_UNREGISTER, .va = { MEMORY, 4 * UNIT }, .size = UNIT,
	.err = { -ENOENT }
}};

/* "Bisecting is not supported": the exact address and size or nothing */
ROW(unregister_a_part) {{
	GOOD_UNREGISTER, .size = 2 * UNIT, .err = { -ENOENT }
}};

ROW(unregister_the_end) {{
	GOOD_UNREGISTER, .va = { MEMORY, 2 * UNIT }, .size = 2 * UNIT,
	.err = { -ENOENT }
}};

ROW(unregister_too_much) {{
	GOOD_UNREGISTER, .size = 5 * UNIT, .err = { -ENOENT }
}};

ROW(unregister_zero_size) {{
	GOOD_UNREGISTER, .size = 0, .err = { -EINVAL, -ENOENT }
}};

ROW(unregister_unaligned_size) {{
	GOOD_UNREGISTER, .size = 4 * UNIT - 512, .err = { -EINVAL }
}};

ROW(unregister_unaligned_vaddr) {{
	GOOD_UNREGISTER, .va = { MEMORY, 512 }, .err = { -EINVAL }
}};

ROW(unregister_bad_pointer) {{
	GOOD_UNREGISTER, .pointer = UNMAPPED, .err = { -EFAULT }
}};

ROW(unregister_before_register) {{
	GOOD_UNREGISTER, .state = BARE, .err = { -EPERM, -ENOENT }
}};

ROW(unregister_by_another_process) {{
	GOOD_UNREGISTER, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* CREATE */
ROW(create_short_argsz) {{
	GOOD_CREATE, .short_by = 1, .err = { -EINVAL }
}};

ROW(create_flag) {{
	GOOD_CREATE, .flags = 1, .err = { -EINVAL }
}};

ROW(create_shift_0) {{
	GOOD_CREATE, .shift = 0, .err = { -EINVAL }
}};

ROW(create_shift_11) {{
	GOOD_CREATE, .shift = 11, .err = { -EINVAL }
}};

ROW(create_shift_13) {{
	GOOD_CREATE, .shift = 13, .err = { -EINVAL }
}};

ROW(create_shift_63) {{
	GOOD_CREATE, .shift = 63, .err = { -EINVAL }
}};

/* From here on 1 << shift may not be what it seems */
ROW(create_shift_64) {{
	GOOD_CREATE, .shift = 64, .err = { -EINVAL }
}};

ROW(create_shift_76) {{
	GOOD_CREATE, .shift = 76, .err = { -EINVAL }
}};

ROW(create_zero_size) {{
	GOOD_CREATE, .size = 0, .err = { -EINVAL }
}};

ROW(create_size_1) {{
	GOOD_CREATE, .size = 1, .err = { -EINVAL }
}};

ROW(create_no_power_of_two) {{
	GOOD_CREATE, .size = 48 * MiB, .err = { -EINVAL }
}};

ROW(create_size_of_all_ones) {{
	GOOD_CREATE, .size = ~0ULL, .err = { -EINVAL }
}};

ROW(create_too_many_levels) {{
	GOOD_CREATE, .levels_beyond = true, .err = { -EINVAL }
}};

ROW(create_levels_of_all_ones) {{
	GOOD_CREATE, .levels = ~0U, .err = { -EINVAL }
}};

ROW(create_third_window) {{
	GOOD_CREATE, .state = TWO_WINDOWS, .err = { -ENOSPC }
}};

ROW(create_beyond_the_limit) {{
	GOOD_CREATE, .limited = true, .err = { -ENOMEM }
}};

ROW(create_without_memory_for_the_default) {{
	GOOD_CREATE, .state = NO_WINDOW_YET, .limited = true, .err = { -ENOMEM }
}};

ROW(create_bad_pointer) {{
	GOOD_CREATE, .pointer = UNMAPPED, .err = { -EFAULT }
}};

/* The start cannot be told, so the window must not stay */
ROW(create_read_only_pointer) {{
	GOOD_CREATE, .pointer = READ_ONLY, .err = { -EFAULT }
}};

ROW(create_by_another_process) {{
	GOOD_CREATE, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* REMOVE */
ROW(remove_short_argsz) {{
	GOOD_REMOVE, .short_by = 1, .err = { -EINVAL }
}};

ROW(remove_flag) {{
	GOOD_REMOVE, .flags = 1, .err = { -EINVAL }
}};

ROW(remove_no_window) {{
	GOOD_REMOVE, .iova = { ABSOLUTE, 1LL << 58 }, .err = { -EINVAL }
}};

/* A window is known by its start only */
ROW(remove_inside_a_window) {{
	GOOD_REMOVE, .iova = { DEFAULT_START, UNIT }, .err = { -EINVAL }
}};

ROW(remove_inside_the_second) {{
	GOOD_REMOVE, .state = TWO_WINDOWS, .iova = { SECOND_START, 4 * KiB },
	.err = { -EINVAL }
}};

ROW(remove_end_of_a_window) {{
	GOOD_REMOVE, .iova = { DEFAULT_END, 0 }, .err = { -EINVAL }
}};

ROW(remove_twice) {{
	GOOD_REMOVE, .state = NO_DEFAULT, .err = { -EINVAL }
}};

ROW(remove_bad_pointer) {{
	GOOD_REMOVE, .pointer = UNMAPPED, .err = { -EFAULT }
}};

ROW(remove_by_another_process) {{
	GOOD_REMOVE, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* GET_INFO */
ROW(info_short_argsz) {{
	GOOD_GET_INFO, .short_by = 17, .err = { -EINVAL }
}};

ROW(info_bad_pointer) {{
	GOOD_GET_INFO, .pointer = UNMAPPED, .err = { -EFAULT }
}};

ROW(info_read_only_pointer) {{
	GOOD_GET_INFO, .pointer = READ_ONLY, .err = { -EFAULT }
}};

ROW(info_by_another_process) {{
	GOOD_GET_INFO, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* EEH: a guest of QEMU has none, so nothing gets further than its absence there */
ROW(eeh_without_a_pe) {{
	GOOD_EEH, .err = { -ENODEV }
}};

ROW(eeh_short_argsz) {{
	GOOD_EEH, .short_by = sizeof(struct vfio_eeh_pe_op) - 8,
	.err = { -EINVAL, -ENODEV }
}};

ROW(eeh_flag) {{
	GOOD_EEH, .flags = 1, .err = { -EINVAL, -ENODEV }
}};

ROW(eeh_unknown_op) {{
	GOOD_EEH, .size = 99, .err = { -EINVAL, -ENODEV }
}};

ROW(eeh_bad_pointer) {{
	GOOD_EEH, .pointer = UNMAPPED, .err = { -EFAULT, -ENODEV }
}};

ROW(eeh_by_another_process) {{
	GOOD_EEH, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(v1_eeh_by_another_process) {{
	GOOD_EEH, .version = 1, .state = OTHER_PROCESS, .err = { -EPERM }
}};

/* What a version does not have */
ROW(v2_enable) {{
	.version = 2, .op = OP_ENABLE, .err = { -ENOTTY }
}};

ROW(v2_disable) {{
	.version = 2, .op = OP_DISABLE, .err = { -ENOTTY }
}};

ROW(v2_unknown_ioctl) {{
	.version = 2, .op = OP_UNKNOWN, .err = { -ENOTTY }
}};

ROW(v1_unknown_ioctl) {{
	.version = 1, .op = OP_UNKNOWN, .err = { -ENOTTY }
}};

ROW(v1_register) {{
	GOOD_REGISTER, .version = 1, .err = { -ENOTTY }
}};

ROW(v1_unregister) {{
	GOOD_UNREGISTER, .version = 1, .err = { -ENOTTY }
}};

ROW(v1_create) {{
	GOOD_CREATE, .version = 1, .err = { -ENOTTY }
}};

ROW(v1_remove) {{
	GOOD_REMOVE, .version = 1, .err = { -ENOTTY }
}};

/* v1 */
ROW(v1_enable_twice) {{
	.version = 1, .op = OP_ENABLE, .err = { -EBUSY }
}};

ROW(v1_enable_by_another_process) {{
	.version = 1, .op = OP_ENABLE, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(v1_enable_beyond_the_limit) {{
	.version = 1, .op = OP_ENABLE, .state = BARE, .limited = true,
	.err = { -ENOMEM }
}};

ROW(v1_disable_by_another_process) {{
	.version = 1, .op = OP_DISABLE, .state = OTHER_PROCESS,
	.err = { -EPERM }
}};

ROW(v1_info_by_another_process) {{
	GOOD_GET_INFO, .version = 1, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(v1_unmap_by_another_process) {{
	GOOD_UNMAP, .version = 1, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(v1_map_before_enable) {{
	GOOD_MAP, .version = 1, .state = BARE, .err = { -EPERM }
}};

ROW(v1_unmap_before_enable) {{
	GOOD_UNMAP, .version = 1, .state = BARE, .err = { -EPERM }
}};

ROW(v1_map_by_another_process) {{
	GOOD_MAP, .version = 1, .state = OTHER_PROCESS, .err = { -EPERM }
}};

ROW(v1_map_short_argsz) {{
	GOOD_MAP, .version = 1, .short_by = 1, .err = { -EINVAL }
}};

ROW(v1_map_no_direction) {{
	GOOD_MAP, .version = 1, .flags = 0, .err = { -EINVAL }
}};

ROW(v1_map_zero_size) {{
	GOOD_MAP, .version = 1, .size = 0, .err = { -EINVAL }
}};

ROW(v1_map_unaligned_size) {{
	GOOD_MAP, .version = 1, .size = 512, .err = { -EINVAL }
}};

ROW(v1_map_unaligned_iova) {{
	GOOD_MAP, .version = 1, .iova = { DEFAULT_START, UNIT + 512 },
	.err = { -EINVAL }
}};

ROW(v1_map_beyond_the_window) {{
	GOOD_MAP, .version = 1, .iova = { DEFAULT_END, 0 }, .err = { -ENXIO }
}};

ROW(v1_map_across_the_end) {{
	GOOD_MAP, .version = 1, .iova = { DEFAULT_END, -(int64_t)UNIT },
	.size = 2 * UNIT, .err = { -EINVAL }
}};

ROW(v1_map_iova_wraps) {{
	GOOD_MAP, .version = 1, .size = -UNIT, .err = { -EINVAL }
}};

ROW(v1_map_hole) {{
	GOOD_MAP, .version = 1, .va = { MEMORY, 7 * UNIT }, .err = { -EFAULT }
}};

ROW(v1_map_into_a_hole) {{
	GOOD_MAP, .version = 1, .va = { MEMORY, 5 * UNIT }, .size = 3 * UNIT,
	.err = { -EFAULT }
}};

ROW(v1_map_kernel_memory) {{
	GOOD_MAP, .version = 1,
	.va = { ABSOLUTE, (int64_t)0xc000000000000000ULL },
	.err = { -EFAULT, -EINVAL }
}};

ROW(v1_unmap_zero_size) {{
	GOOD_UNMAP, .version = 1, .size = 0, .err = { -EINVAL }
}};

ROW(v1_unmap_unaligned_iova) {{
	GOOD_UNMAP, .version = 1, .iova = { DEFAULT_START, 512 },
	.err = { -EINVAL }
}};

ROW(v1_unmap_beyond_the_window) {{
	GOOD_UNMAP, .version = 1, .iova = { DEFAULT_END, 0 }, .err = { -ENXIO }
}};

ROW(v1_unmap_across_the_end) {{
	GOOD_UNMAP, .version = 1, .iova = { DEFAULT_END, -(int64_t)UNIT },
	.size = 2 * UNIT, .err = { -EINVAL }
}};

/* Late, because a kernel that bars the device after these bars all others */
ROW(create_larger_than_the_platform_has) {{
	GOOD_CREATE, .size = 1ULL << 63, .err = { -EINVAL, -ENOSPC, -ENOMEM }
}};

ROW(create_smaller_than_its_page) {{
	GOOD_CREATE, .shift = 16, .size = 4 * KiB, .err = { -EINVAL }
}};

/* It has entries, half of one */
ROW(create_half_a_page) {{
	GOOD_CREATE, .shift = 16, .size = 32 * KiB, .err = { -EINVAL }
}};

/* One more would not fit into the 32 bits that QEMU has for their number */
ROW(create_2_to_the_32_pages) {{
	GOOD_CREATE, .size = 1ULL << 44, .err = { -EINVAL, -ENOMEM }
}};

/* What is charged for levels that are not there must not stay charged */
ROW(create_larger_with_two_levels) {{
	GOOD_CREATE, .size = 1ULL << 62, .levels = 2,
	.err = { -EINVAL, -ENOSPC, -ENOMEM }
}};

ROW(create_shift_of_all_ones) {{
	GOOD_CREATE, .shift = ~0U, .err = { -EINVAL }
}};

ROW(create_shift_140) {{
	GOOD_CREATE, .shift = 140, .err = { -EINVAL }
}};

/* Last, because a kernel that takes the size for real is busy for ever */
ROW(unmap_iova_wraps) {{
	GOOD_UNMAP, .size = -UNIT, .err = { -EINVAL }
}};

ROW(v1_unmap_iova_wraps) {{
	GOOD_UNMAP, .version = 1, .size = -UNIT, .err = { -EINVAL }
}};

static uint64_t resolve(const struct ctx *c, const struct place *p)
{
	switch (p->base) {
	case ABSOLUTE:
		break;
	case MEMORY:
		return (uintptr_t)c->mem.va + p->offset;
	case DEFAULT_START:
		return tce_def_start(&c->v) + p->offset;
	case DEFAULT_END:
		return tce_def_end(&c->v) + p->offset;
	case SECOND_START:
		return c->second + p->offset;
	case SECOND_END:
		return c->second + c->second_size + p->offset;
	}
	return p->offset;
}

union args {
	struct vfio_iommu_type1_dma_map map;
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_iommu_spapr_register_memory reg;
	struct vfio_iommu_spapr_tce_create create;
	struct vfio_iommu_spapr_tce_remove remove;
	struct vfio_iommu_spapr_tce_info info;
	struct vfio_eeh_pe_op eeh;
};

/* Fills in the arguments of a row, returns the ioctl */
static unsigned long prepare(const struct ctx *c, const struct row *r,
			     union args *a)
{
	memset(a, 0, sizeof(*a));
	switch (r->op) {
	case OP_MAP:
		a->map.argsz = sizeof(a->map) - r->short_by;
		a->map.flags = r->flags;
		a->map.vaddr = resolve(c, &r->va);
		a->map.iova = resolve(c, &r->iova);
		a->map.size = r->size;
		return VFIO_IOMMU_MAP_DMA;
	case OP_UNMAP:
		a->unmap.argsz = sizeof(a->unmap) - r->short_by;
		a->unmap.flags = r->flags;
		a->unmap.iova = resolve(c, &r->iova);
		a->unmap.size = r->size;
		return VFIO_IOMMU_UNMAP_DMA;
	case OP_REGISTER:
	case OP_UNREGISTER:
		a->reg.argsz = sizeof(a->reg) - r->short_by;
		a->reg.flags = r->flags;
		a->reg.vaddr = resolve(c, &r->va);
		a->reg.size = r->size;
		return r->op == OP_REGISTER ?
			VFIO_IOMMU_SPAPR_REGISTER_MEMORY :
			VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY;
	case OP_CREATE:
		a->create.argsz = sizeof(a->create) - r->short_by;
		a->create.flags = r->flags;
		a->create.page_shift = r->shift;
		a->create.window_size = r->size;
		a->create.levels = r->levels_beyond ?
			c->v.info.ddw.levels + 1 : r->levels;
		return VFIO_IOMMU_SPAPR_TCE_CREATE;
	case OP_REMOVE:
		a->remove.argsz = sizeof(a->remove) - r->short_by;
		a->remove.flags = r->flags;
		a->remove.start_addr = resolve(c, &r->iova);
		return VFIO_IOMMU_SPAPR_TCE_REMOVE;
	case OP_GET_INFO:
		a->info.argsz = sizeof(a->info) - r->short_by;
		return VFIO_IOMMU_SPAPR_TCE_GET_INFO;
	case OP_ENABLE:
		return VFIO_IOMMU_ENABLE;
	case OP_DISABLE:
		return VFIO_IOMMU_DISABLE;
	case OP_EEH:
		a->eeh.argsz = sizeof(a->eeh) - r->short_by;
		a->eeh.flags = r->flags;
		a->eeh.op = r->size;
		return VFIO_EEH_PE_OP;
	case OP_UNKNOWN:
		break;
	}
	return _IO(VFIO_TYPE, 199);
}

static int call(const struct ctx *c, const struct row *r)
{
	size_t page = sysconf(_SC_PAGESIZE);
	union args *a;
	unsigned long cmd;
	int ret;

	a = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a == MAP_FAILED)
		return 1000;
	cmd = prepare(c, r, a);
	if (r->pointer == READ_ONLY)
		mprotect(a, page, PROT_READ);
	if (r->pointer == UNMAPPED)
		munmap(a, page);
	ret = tce_ioctl(c->v.container, cmd, a);
	if (r->pointer != UNMAPPED)
		munmap(a, page);
	return ret;
}

static int call_in_child(const struct ctx *c, const struct row *r)
{
	int status, ret;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ret = call(c, r);
		_exit(ret > 0 ? 0 : -ret);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1001;
	return -WEXITSTATUS(status);
}

static bool expected(const struct row *r, int ret)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(r->err) && r->err[i]; i++)
		if (r->err[i] == ret)
			return true;
	return false;
}

static int bring_up(struct ctx *c, enum state state)
{
	uint64_t def = tce_def_start(&c->v);
	int ret;

	if (state == BARE)
		return 0;
	ret = c->v.version == 1 ? tce_enable(c->v.container) :
		tce_register(c->v.container, c->mem.va, 4 * UNIT);
	if (ret)
		return ret;
	if (state == NO_DEFAULT)
		return tce_remove(c->v.container, def);
	if (state == NO_WINDOW_YET)
		return 0;
	ret = tce_map(c->v.container, c->mem.va, def, UNIT, TCE_RW);
	if (ret || state != TWO_WINDOWS)
		return ret;
	/* PowerNV rounds what is less than a page of entries up to that */
	c->second_size = 64 * MiB;
	return tce_create(c->v.container, 12, c->second_size, 1, &c->second);
}

static int remove_second(struct ctx *c)
{
	return c->second_size ? tce_remove(c->v.container, c->second) : 0;
}

static int take_down(struct ctx *c)
{
	int ret;

	ret = tce_unmap(c->v.container, tce_def_start(&c->v), UNIT);
	if (ret)
		return ret;
	return c->v.version == 1 ? tce_disable(c->v.container) :
		tce_unregister(c->v.container, c->mem.va, 4 * UNIT);
}

static bool has_ddw(const struct ctx *c)
{
	return c->v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW;
}

FIXTURE_SETUP(bad)
{
	const struct row *r = &variant->r;
	struct ctx *c = &self->c;
	int ret;

	ret = tce_is_powernv() ?
		tce_vfio_open_iommu(&c->v, &tce_devs[0], r->version) :
		tce_vfio_open(&c->v, &tce_devs[0], r->version);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, tce_mem_anon(&c->mem, 9 * UNIT));
	memset(c->mem.va, 0xa5, c->mem.size);
	munmap((uint8_t *)c->mem.va + 7 * UNIT, UNIT);
	mprotect((uint8_t *)c->mem.va + 8 * UNIT, UNIT, PROT_READ);
}

FIXTURE_TEARDOWN(bad)
{
	tce_vfio_close(&self->c.v);
	tce_mem_free(&self->c.mem);
}

/* A good call of the same kind, undone at once */
static int try_good(struct ctx *c, enum op op)
{
	uint8_t *mem = c->mem.va;
	uint64_t iova = tce_def_start(&c->v) + 2 * UNIT, start;
	int ret;

	switch (op) {
	case OP_MAP:
	case OP_UNMAP:
		ret = tce_map(c->v.container, mem + UNIT, iova, UNIT, TCE_RW);
		return ret ? ret : tce_unmap(c->v.container, iova, UNIT);
	case OP_REGISTER:
	case OP_UNREGISTER:
		if (c->v.version == 1)
			return 0;
		ret = tce_register(c->v.container, mem + 4 * UNIT, UNIT);
		return ret ? ret : tce_unregister(c->v.container,
						  mem + 4 * UNIT, UNIT);
	case OP_CREATE:
	case OP_REMOVE:
		if (!has_ddw(c) ||
		    c->v.info.ddw.max_dynamic_windows_supported < 2)
			return 0;
		ret = tce_create(c->v.container, 12, 16 * MiB, 1, &start);
		return ret ? ret : tce_remove(c->v.container, start);
	default:
		return 0;
	}
}

TEST_F(bad, is_refused)
{
	const struct row *r = &variant->r;
	struct vfio_iommu_spapr_tce_info info;
	struct ctx *c = &self->c;
	long locked;
	int ret;

	if (r->version == 2 && !has_ddw(c) &&
	    (r->op == OP_CREATE || r->op == OP_REMOVE ||
	     r->state == TWO_WINDOWS || r->state == NO_DEFAULT))
		SKIP(return, "the platform cannot create windows");

	if (r->state == TWO_WINDOWS &&
	    c->v.info.ddw.max_dynamic_windows_supported < 2)
		SKIP(return, "the platform has no second window");

	if (r->op == OP_EEH && expected(r, -ENODEV) && !r->err[1] &&
	    ioctl(c->v.container, VFIO_CHECK_EXTENSION, VFIO_EEH) > 0)
		SKIP(return, "the platform has EEH");

	ASSERT_EQ(0, bring_up(c, r->state));
	locked = tce_vmlck_kb();
	if (r->limited)
		ASSERT_EQ(0, tce_limit_locked(0));

	ret = r->state == OTHER_PROCESS ? call_in_child(c, r) : call(c, r);
	EXPECT_TRUE(expected(r, ret)) {
		TH_LOG("returned %d, expected %d", ret, r->err[0]);
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
		ASSERT_EQ(0, bring_up(c, NORMAL));
	if (r->state == NO_WINDOW_YET)
		ASSERT_EQ(0, tce_map(c->v.container, c->mem.va,
				     tce_def_start(&c->v), UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, tce_def_start(&c->v), c->mem.va, 256));

	/* Nothing is in the way of what is right, and nothing is left */
	EXPECT_EQ(0, remove_second(c));
	EXPECT_EQ(0, try_good(c, r->op));
	EXPECT_EQ(0, take_down(c));
}

/* Memory that the process itself may not write */
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

/* A caller of the older, shorter structure gets no more than it has room for */
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

	/* Nor does a caller of a longer one */
	s.info.argsz = sizeof(s);
	EXPECT_EQ(0, tce_ioctl(v.container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &s));
	for (i = 0; i < sizeof(s.beyond); i++)
		ASSERT_EQ(0x5a, s.beyond[i]);
	tce_vfio_close(&v);
}

/* What CREATE gives back is the start, beside what it was given */
TEST(create_changes_nothing_but_the_start)
{
	struct {
		struct vfio_iommu_spapr_tce_create create;
		uint8_t beyond[16];
	} s, before;
	struct tce_vfio v;
	struct tce_mem mem;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (!(v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW))
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

/* Notes of mappings in many parts of a window, more than the price included */
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
	/* What was mapped is as it was, and what has room can be mapped */
	iova = tce_def_start(&v);
	EXPECT_EQ(0, tce_dma_ok(&v, iova, mem.va, 256));
	EXPECT_EQ(0, tce_map(v.container, mem.va, iova + UNIT, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&v, iova + UNIT, mem.va, 256));
	EXPECT_EQ(0, tce_unmap(v.container, iova, tce_def_end(&v) - iova));
	EXPECT_EQ(0, tce_unready(&v, &mem));
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* Without dynamic windows there is the default one, and only once */
TEST(create_without_ddw)
{
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t start;

	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW)
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

/* The default window is where 32 bits cannot tell, so there is none */
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

	/* v2 has dynamic ones */
	ASSERT_EQ(0, tce_vfio_open(&v, &tce_devs[0], 2));
	if (v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW) {
		EXPECT_EQ(0, tce_create(v.container, 12, 16 * MiB, 1, &start));
		EXPECT_EQ(0, tce_remove(v.container, start));
	}
	tce_vfio_close(&v);
}

TEST(set_container)
{
	struct tce_vfio v;
	int fd = -1;

	ASSERT_EQ(0, tce_vfio_open_iommu(&v, &tce_devs[0], 2));
	EXPECT_EQ(-EINVAL, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
				     &v.container));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	EXPECT_EQ(-EBADF, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER, &fd));
	EXPECT_EQ(-EINVAL, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
				     &v.group));
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
	/* No group */
	EXPECT_EQ(-EINVAL, tce_set_iommu(v.container, 2));
	ASSERT_EQ(0, tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER,
			       &v.container));
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)0xbadUL));
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)VFIO_TYPE1_IOMMU));
	/* An extension, which is no type */
	EXPECT_EQ(-ENODEV, tce_ioctl(v.container, VFIO_SET_IOMMU,
				     (void *)VFIO_EEH));
	EXPECT_EQ(0, tce_set_iommu(v.container, 1));
	tce_vfio_close(&v);
}

/* Each line that the kernel has logged since it was opened */
static int log_lines(int kmsg, const char *what)
{
	char line[2048];
	ssize_t len;
	int n = 0;

	for (;;) {
		len = read(kmsg, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return n;
		line[len] = '\0';
		/* Level 4 is a warning, in "level,number,time,flags;text" */
		if (strtoul(line, NULL, 10) % 8 > 4)
			continue;
		n++;
		tce_log("logged by %s: %s", what, strchr(line, ';') ?: line);
	}
}

/* Neither what is right nor what a user gets wrong is worth an error message */
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

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0)
		SKIP(return, "no /dev/kmsg");
	lseek(kmsg, 0, SEEK_END);
	for (version = 1; version <= 2; version++) {
		ASSERT_EQ(0, tce_vfio_open(&c.v, &tce_devs[0], version));
		ASSERT_EQ(0, tce_mem_anon(&c.mem, 5 * UNIT));
		c.second_size = 0;
		ASSERT_EQ(0, bring_up(&c, NORMAL));
		EXPECT_EQ(0, try_good(&c, OP_CREATE));
		EXPECT_EQ(0, take_down(&c));
		tce_vfio_close(&c.v);
		EXPECT_EQ(0, log_lines(kmsg, "what is right"));
		if (version == 1)
			tce_mem_free(&c.mem);
	}

	ASSERT_EQ(0, tce_vfio_open(&c.v, &tce_devs[0], 2));
	ASSERT_EQ(0, bring_up(&c, NORMAL));
	for (i = 0; i < ARRAY_SIZE(bad) * 10; i++)
		EXPECT_GT(0, call(&c, &bad[i % ARRAY_SIZE(bad)]));
	tce_vfio_close(&c.v);
	tce_mem_free(&c.mem);
	ASSERT_EQ(0, tce_vfio_open_iommu(&c.v, &tce_devs[0], 2));
	ASSERT_EQ(0, tce_ioctl(c.v.group, VFIO_GROUP_UNSET_CONTAINER, NULL));
	ASSERT_EQ(0, tce_ioctl(c.v.group, VFIO_GROUP_SET_CONTAINER,
			       &c.v.container));
	EXPECT_GT(0, tce_ioctl(c.v.container, VFIO_SET_IOMMU,
			       (void *)VFIO_EEH));
	tce_vfio_close(&c.v);
	EXPECT_EQ(0, log_lines(kmsg, "what is wrong"));
	close(kmsg);
}

/*
 * A container has its IOMMU only as long as it has a group, so without one
 * VFIO itself answers before the driver could.
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

		/* The same after the group has come and gone */
		ASSERT_EQ(0, tce_ioctl(group, VFIO_GROUP_SET_CONTAINER,
				       &container));
		ASSERT_EQ(0, tce_set_iommu(container, 2));
		ASSERT_EQ(0, tce_ioctl(group, VFIO_GROUP_UNSET_CONTAINER,
				       NULL));
	}
	close(group);
	close(container);
}

int main(int argc, char **argv)
{
	tce_begin(true);
	return test_harness_run(argc, argv);
}
