// SPDX-License-Identifier: GPL-2.0
/*
 * The addresses of a PE's windows under QEMU: one address for the first window,
 * and another for all others. Together with the kernel's own rules, this
 * determines whether one more window fits. On other platforms both answers are
 * accepted.
 */

#include <string.h>

#include "fuzz.h"

bool fz_pe_known(void)
{
	return fz.ddw && fz.def_size && fz.dma64_start;
}

static bool pe_in_use(const struct fz_pe *pe)
{
	return pe->win[0].on || pe->win[1].on;
}

static int pe_open(struct fz_pe *pe, int slot, unsigned int shift,
		   uint64_t size, uint64_t *start)
{
	struct fz_pe_window *other = &pe->win[!slot], *win = &pe->win[slot];
	bool boot_used = other->on && other->boot;
	int active;

	win->size = size;
	if (shift == 12 && size <= fz.def_size && !boot_used &&
	    (pe->boot || !pe_in_use(pe))) {
		/* The platform's default window, restored if it was removed */
		pe->boot = true;
		win->on = true;
		win->boot = true;
		win->start = fz.def_start;
		*start = win->start;
		return 0;
	}

	active = pe->boot + (other->on && !other->boot);
	/*
	 * It makes room for the new window, even if that window cannot be
	 * created
	 */
	if (active == 2 && !boot_used) {
		pe->boot = false;
		active--;
	}
	/* No platform has that many entries */
	if (active == 2 || size >> shift >> 32)
		return -ENOSPC;
	win->start = active ? fz.dma64_start : fz.def_start;
	if (other->on && win->start < other->start + other->size &&
	    other->start < win->start + size)
		return -EADDRNOTAVAIL;
	win->on = true;
	win->boot = false;
	*start = win->start;
	return 0;
}

static void pe_close(struct fz_pe *pe, int slot)
{
	pe->win[slot].on = false;
	if (!pe_in_use(pe))
		pe->boot = false;
}

/*
 * Creates a window in a PE; its address must be *start unless it is the first
 * PE
 */
static int pe_set(struct fz_pe *pe, int slot, unsigned int shift, uint64_t size,
		  bool first, uint64_t *start)
{
	uint64_t here;
	int ret = pe_open(pe, slot, shift, size, &here);

	if (ret)
		return ret;
	if (!first && here != *start) {
		pe_close(pe, slot);
		return -EADDRNOTAVAIL;
	}
	*start = here;
	return 0;
}

void fz_pe_close(struct fz_container *c, int slot)
{
	int i;

	for (i = 0; i < c->norder; i++)
		pe_close(&fz.g[c->order[i]].pe, slot);
}

/* Creates a window in all PEs of the container, or in none */
int fz_pe_open(struct fz_container *c, int slot, unsigned int shift,
	       uint64_t size, uint64_t *start)
{
	int i, ret;

	for (i = 0; i < c->norder; i++) {
		ret = pe_set(&fz.g[c->order[i]].pe, slot, shift, size, !i,
			     start);
		if (!ret)
			continue;
		while (--i >= 0)
			pe_close(&fz.g[c->order[i]].pe, slot);
		return ret;
	}
	return 0;
}

/*
 * The effect of TCE_CREATE on PEs, also if it fails in the end. The default
 * window is made first, and is removed again if this call had made it.
 */
int fz_pe_create(struct fz_op *op, uint64_t *start)
{
	const struct vfio_iommu_spapr_tce_create *cr = &op->a.create;
	struct fz_container *c = &fz.c[op->c];
	int ret, slot = c->win[0].on || c->pending;
	uint64_t def;

	if (c->pending)
		fz_pe_open(c, 0, 12, fz.def_size, &def);
	ret = fz_pe_open(c, slot, cr->page_shift, cr->window_size, start);
	if (!ret && op->where == FZ_RDONLY) {
		fz_pe_close(c, slot);
		ret = -EFAULT;
	}
	if (ret && c->pending)
		fz_pe_close(c, 0);
	return ret;
}

/* A group joins a container that may have windows */
int fz_pe_join(struct fz_container *c, struct fz_pe *pe)
{
	struct fz_window *w;
	uint64_t start;
	int i, ret;

	memset(pe, 0, sizeof(*pe));
	for (i = 0; i < FZ_WINDOWS; i++) {
		w = &c->win[i];
		if (!w->on)
			continue;
		start = w->start;
		ret = pe_set(pe, i, w->shift, w->pages << w->shift, false,
			     &start);
		if (ret)
			return ret;
	}
	return 0;
}
