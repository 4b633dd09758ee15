/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Userspace view of a TCE table
 */
#ifndef _ASM_POWERPC_TCE_VIEW_H
#define _ASM_POWERPC_TCE_VIEW_H

#include <linux/types.h>

struct iommu_table;
struct mm_struct;

int tce_view_init(struct iommu_table *tbl, struct mm_struct *mm);
void tce_view_destroy(struct iommu_table *tbl);
__be64 *tce_view_entry(struct iommu_table *tbl, long index, bool alloc);
long tce_view_next(struct iommu_table *tbl, long index, long end);

#endif /* _ASM_POWERPC_TCE_VIEW_H */
