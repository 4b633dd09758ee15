/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that can be set as windows of PEs: see table_group.c
 */
#ifndef _PSERIES_TABLE_GROUP_H
#define _PSERIES_TABLE_GROUP_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/types.h>

#include <asm/iommu.h>

struct pseries_pe;

/**
 * struct user_table - a table that a user can set as window
 * @tbl: the table as its user sees it
 * @lock: see the head of table_group.c
 * @links: the PEs where the table is set, as &struct user_table_link
 * @placed: @tbl has its bus address
 * @stuck: how many windows the platform has neither emptied nor removed
 */
struct user_table {
	struct iommu_table tbl;
	struct rw_semaphore lock;	/* for all below */
	struct list_head links;
	bool placed;
	unsigned int stuck;
};

/**
 * struct user_table_link - a PE where a table is set
 * @next: in user_table::links
 * @pe: the PE
 * @liobn: number of the window in the PE
 * @leaving: the window is being emptied and gets no new entries
 */
struct user_table_link {
	struct list_head next;
	struct pseries_pe *pe;
	u32 liobn;
	bool leaving;
};

static inline struct user_table *to_user_table(struct iommu_table *tbl)
{
	return container_of(tbl, struct user_table, tbl);
}

struct user_table *user_table_alloc(void);
int user_table_write(struct user_table *ut, unsigned long index,
		     unsigned long npages, const __be64 *tces);
int user_table_clear(struct iommu_table *tbl, unsigned long index,
		     unsigned long npages);
void user_table_free(struct iommu_table *tbl);
void user_table_release(struct iommu_table *tbl);

#endif /* _PSERIES_TABLE_GROUP_H */
