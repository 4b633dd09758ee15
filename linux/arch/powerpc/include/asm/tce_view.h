/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Userspace view of a TCE table
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

/*
 * A note says what an entry maps: its permission, %TCE_PCI_READ and
 * %TCE_PCI_WRITE, and the user address of a page in a registered region, or,
 * with %TCE_NOTE_PINNED, the real address of a page that has been pinned, see
 * tce_view_add_page(). 0 stands for an empty entry.
 */
#define TCE_NOTE_PINNED		0x4
#define TCE_NOTE_FLAGS		0x7

/**
 * struct tce_batch - room for entries that are written together
 * @tces: what the table gets; 4K-aligned in memory of kmalloc(), as hypercalls
 *	want their list
 * @notes: what the view gets
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
