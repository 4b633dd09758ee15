/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which DMA windows a paging domain has: see paging_layout.c
 */
#ifndef _PSERIES_PAGING_LAYOUT_H
#define _PSERIES_PAGING_LAYOUT_H

#include <asm/iommu.h>

#include "dma_windows.h"

struct iommu_hwpt_spapr_tce;

/**
 * struct paging_layout - the windows of a domain
 * @nr: how many there are
 * @win: their sizes, and also their places once they have been opened
 */
struct paging_layout {
	unsigned int nr;
	struct pe_window win[IOMMU_TABLE_GROUP_MAX_TABLES];
};

int paging_layout_find(struct pseries_pe *pe,
		       const struct iommu_hwpt_spapr_tce *request,
		       struct paging_layout *layout);

#endif /* _PSERIES_PAGING_LAYOUT_H */
