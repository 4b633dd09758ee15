/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Userspace view of a TCE table: see arch/powerpc/kernel/tce_view.c
 *
 * Wherever a function here takes or passes an @index, that is the bus address of
 * an entry divided by the size of an I/O page, as in &struct iommu_table_ops. So
 * the first entry of a table has the index iommu_table::it_offset.
 */
#ifndef _ASM_POWERPC_TCE_VIEW_H
#define _ASM_POWERPC_TCE_VIEW_H

#include <linux/errno.h>
#include <linux/types.h>

#include <asm/tce.h>

struct iommu_table;
struct mm_struct;
struct page;
struct tce_view;

/**
 * struct tce_batch - room for entries that are written together
 * @tces: the TCEs, for the table. They are 4K-aligned in memory from kmalloc(),
 *	as the hypercalls require it of a list.
 * @notes: the notes of these entries, for the view
 */
struct tce_batch {
	__be64 tces[TCE_LIST_MAX];
	u64 notes[TCE_LIST_MAX];
};

#ifdef CONFIG_SPAPR_TCE_IOMMU

typedef int (*tce_view_fn)(struct iommu_table *tbl, unsigned long index,
			   unsigned long npages, const __be64 *tces,
			   void *data);

unsigned long tce_view_size(void);
int tce_view_init(struct iommu_table *tbl, struct mm_struct *mm);
void tce_view_destroy(struct iommu_table *tbl);
bool tce_view_belongs_to(struct iommu_table *tbl, struct mm_struct *mm);

struct tce_view *tce_view_get(struct iommu_table *tbl);
void tce_view_put(struct tce_view *view);
struct iommu_table *tce_view_table(struct tce_view *view);

int tce_view_reserve(struct iommu_table *tbl, unsigned long index,
		     unsigned long npages);
void tce_view_unreserve(struct iommu_table *tbl, unsigned long index,
			unsigned long npages);
int tce_view_add_page(struct iommu_table *tbl, struct page *page,
		      unsigned long count);
int tce_view_map(struct iommu_table *tbl, unsigned long index,
		 unsigned long npages, const __be64 *tces, u64 *notes);
int tce_view_unmap(struct iommu_table *tbl, unsigned long index,
		   unsigned long npages);
u64 tce_view_lookup(struct iommu_table *tbl, unsigned long index);
void tce_view_release(struct iommu_table *tbl, u64 *notes,
		      unsigned long count);
int tce_view_walk(struct iommu_table *tbl, __be64 *tces, tce_view_fn fn,
		  void *data);

#else

static inline unsigned long tce_view_size(void)
{
	return 0;
}

static inline int tce_view_init(struct iommu_table *tbl, struct mm_struct *mm)
{
	return -ENODEV;
}

static inline void tce_view_destroy(struct iommu_table *tbl)
{
}

#endif /* CONFIG_SPAPR_TCE_IOMMU */

#endif /* _ASM_POWERPC_TCE_VIEW_H */
