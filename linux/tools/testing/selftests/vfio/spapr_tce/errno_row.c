// SPDX-License-Identifier: GPL-2.0
/* Rows of spapr_tce_errno: the states before them, and the ioctls. */

#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "errno_row.h"

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

/* Fills in the arguments of a row; returns the ioctl */
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

int row_call(const struct ctx *c, const struct row *r)
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

int row_call_in_child(const struct ctx *c, const struct row *r)
{
	int status, ret;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ret = row_call(c, r);
		_exit(ret > 0 ? 0 : -ret);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1001;
	return -WEXITSTATUS(status);
}

bool row_expects(const struct row *r, int ret)
{
	return ret && (ret == r->err || ret == r->or[0] || ret == r->or[1]);
}

int row_bring_up(struct ctx *c, enum state state)
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
	/* PowerNV rounds a table up to a page of memory */
	c->second_size = 64 * MiB;
	return tce_create(c->v.container, 12, c->second_size, 1, &c->second);
}

int row_remove_second(struct ctx *c)
{
	return c->second_size ? tce_remove(c->v.container, c->second) : 0;
}

int row_take_down(struct ctx *c)
{
	int ret;

	ret = tce_unmap(c->v.container, tce_def_start(&c->v), UNIT);
	if (ret)
		return ret;
	return c->v.version == 1 ? tce_disable(c->v.container) :
		tce_unregister(c->v.container, c->mem.va, 4 * UNIT);
}

int row_try_good(struct ctx *c, enum op op)
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
		if (tce_max_windows(&c->v) < 2)
			return 0;
		ret = tce_create(c->v.container, 12, 16 * MiB, 1, &start);
		return ret ? ret : tce_remove(c->v.container, start);
	default:
		return 0;
	}
}
