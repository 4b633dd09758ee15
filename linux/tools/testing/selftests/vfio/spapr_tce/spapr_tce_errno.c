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

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
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
	uint64_t size;			/* also the window's of CREATE */
	uint32_t flags;
	uint32_t shift;
	uint32_t levels;
	bool levels_beyond;		/* one more than the platform has */
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

/*
 * Eight units: the first four are registered (v2), the next three are not, the
 * last is a hole in the address space. The canary is the first.
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
	GOOD_REGISTER, .size = 1ULL << 50, .err = { -ENOMEM, -EFAULT }
}};

ROW(register_twice) {{
	GOOD_REGISTER, .va = { MEMORY, 0 }, .size = 4 * UNIT,
	.err = { -EBUSY }
}};

ROW(register_overlap) {{
	GOOD_REGISTER, .va = { MEMORY, 3 * UNIT }, .size = 2 * UNIT,
	.err = { -EINVAL, -EBUSY }
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
	ASSERT_EQ(0, tce_mem_anon(&c->mem, 8 * UNIT));
	munmap((uint8_t *)c->mem.va + 7 * UNIT, UNIT);
	c->mem.size = 7 * UNIT;
	memset(c->mem.va, 0xa5, c->mem.size);
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

	ASSERT_EQ(0, bring_up(c, r->state));
	locked = tce_vmlck_kb();

	ret = r->state == OTHER_PROCESS ? call_in_child(c, r) : call(c, r);
	EXPECT_TRUE(expected(r, ret)) {
		TH_LOG("returned %d, expected %d", ret, r->err[0]);
	}

	/* Nothing has changed */
	EXPECT_EQ(locked, tce_vmlck_kb());
	EXPECT_EQ(0, tce_get_info(c->v.container, &info));
	EXPECT_EQ(0, memcmp(&info, &c->v.info, sizeof(info)));
	if (r->state == NO_DEFAULT)
		return;
	if (r->state == BARE)
		ASSERT_EQ(0, bring_up(c, NORMAL));
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

/*
 * A container has its IOMMU only as long as it has a group, so without one
 * VFIO itself answers (-EINVAL) before the driver could (-ENXIO).
 */
TEST(no_group)
{
	struct vfio_iommu_spapr_tce_info info;
	int container, group, ret, i;
	uint64_t start;

	container = tce_open_container();
	ASSERT_LE(0, container);
	EXPECT_EQ(-EINVAL, tce_set_iommu(container, 2));
	EXPECT_EQ(-EINVAL, tce_set_iommu(container, 1));

	group = tce_open_group(&tce_devs[0]);
	ASSERT_LE(0, group);
	for (i = 0; i < 2; i++) {
		ret = tce_get_info(container, &info);
		EXPECT_TRUE(ret == -ENXIO || ret == -EINVAL);
		ret = tce_create(container, 12, 16 * MiB, 1, &start);
		EXPECT_TRUE(ret == -ENXIO || ret == -EINVAL);
		ret = tce_remove(container, 0);
		EXPECT_TRUE(ret == -ENXIO || ret == -EINVAL);
		ret = tce_map(container, &start, 0, UNIT, TCE_RW);
		EXPECT_GT(0, ret);
		ret = tce_unmap(container, 0, UNIT);
		EXPECT_GT(0, ret);
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
