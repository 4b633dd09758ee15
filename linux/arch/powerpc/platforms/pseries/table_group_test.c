// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of the table group ops, table_group.c
 *
 * The view and the window state below the ops are the real ones, and ddw_fake.c is
 * the platform. These tests are in the place of VFIO: they create a table, set it as
 * a window of one PE or two, and map a few pages, which count as pinned as long as
 * an entry maps them.
 */

#include <kunit/test.h>

#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <asm/hvcall.h>
#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "ddw_fake.h"
#include "dma_windows.h"
#include "pe_fake.h"
#include "pseries.h"

#define TG_TEST_PAGES	8

/**
 * struct tg_test - two PEs, a user, and the pages that the user maps
 * @fake: the platform
 * @pe: the PEs
 * @mm: address space of the user, which is this task
 * @page: the pages, one for each entry
 * @batch: for tg_test_map()
 */
struct tg_test {
	struct ddw_fake *fake;
	struct pe_fake pe[DDW_FAKE_PES];
	struct mm_struct *mm;
	struct page *page[TG_TEST_PAGES];
	struct tce_batch *batch;
};

static const struct iommu_table_group_ops *tg_ops = &pseries_table_group_ops;

static int tg_test_pins(struct page *page)
{
	return (page_count(page) - 1) / GUP_PIN_COUNTING_BIAS;
}

static int tg_test_all_pins(struct tg_test *tg)
{
	int i, pins = 0;

	for (i = 0; i < TG_TEST_PAGES; i++)
		pins += tg_test_pins(tg->page[i]);

	return pins;
}

static int tg_test_take(struct pe_fake *tp)
{
	return tg_ops->take_ownership(&tp->pe.table_group, &tp->pdev.dev);
}

static void tg_test_release(struct pe_fake *tp)
{
	tg_ops->release_ownership(&tp->pe.table_group, &tp->pdev.dev);
}

static int tg_test_set(struct pe_fake *tp, int num, struct iommu_table *tbl)
{
	return tg_ops->set_window(&tp->pe.table_group, num, tbl);
}

static int tg_test_unset(struct pe_fake *tp, int num)
{
	return tg_ops->unset_window(&tp->pe.table_group, num);
}

/* A table maps the memory of the process that creates it: this task borrows @mm */
static struct iommu_table *tg_test_table(struct tg_test *tg, u32 page_shift,
					 u64 size)
{
	struct iommu_table *tbl;
	long ret;

	kthread_use_mm(tg->mm);
	ret = tg_ops->create_table(&tg->pe[0].pe.table_group, 0, page_shift,
				   size, 1, &tbl);
	kthread_unuse_mm(tg->mm);
	return ret ? NULL : tbl;
}

static u64 tg_test_ioba(struct iommu_table *tbl, unsigned long i)
{
	return (tbl->it_offset + i) << tbl->it_page_shift;
}

/* Entry i maps page (i + shift) */
static u64 tg_test_tce(struct tg_test *tg, unsigned long i, unsigned int shift)
{
	return page_to_phys(tg->page[(i + shift) % TG_TEST_PAGES]) |
	       TCE_PCI_READ | TCE_PCI_WRITE;
}

static int tg_test_map(struct tg_test *tg, struct iommu_table *tbl,
		       unsigned long first, unsigned long n, unsigned int shift)
{
	unsigned long i, index = tbl->it_offset + first;
	int ret;

	ret = tce_view_reserve(tbl, index, n);
	if (ret)
		return ret;

	for (i = 0; i < n; i++) {
		u64 tce = tg_test_tce(tg, first + i, shift);
		struct page *page = pfn_to_page(tce >> PAGE_SHIFT);

		page_ref_add(page, GUP_PIN_COUNTING_BIAS);
		mod_node_page_state(page_pgdat(page), NR_FOLL_PIN_ACQUIRED, 1);
		ret = tce_view_add_page(tbl, page, 1);
		if (ret) {
			tce_view_release(tbl, tg->batch->notes, i);
			goto unreserve;
		}
		tg->batch->tces[i] = cpu_to_be64(tce);
		tg->batch->notes[i] = tce | TCE_NOTE_PINNED;
	}

	ret = tce_view_map(tbl, index, n, tg->batch->tces, tg->batch->notes);
	if (ret)
		tce_view_release(tbl, tg->batch->notes, n);
unreserve:
	tce_view_unreserve(tbl, index, n);
	return ret;
}

static int tg_test_unmap(struct iommu_table *tbl)
{
	return tce_view_unmap(tbl, tbl->it_offset, tbl->it_size);
}

/* A PE has @n entries and no others: those that tg_test_map() has written from 0 on */
static void tg_test_expect(struct kunit *test, unsigned int pe,
			   struct iommu_table *tbl, unsigned long n,
			   unsigned int shift)
{
	struct tg_test *tg = test->priv;
	unsigned long i;

	KUNIT_EXPECT_EQ(test, ddw_fake_reached(tg->fake, pe), n);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, ddw_fake_tce(tg->fake, pe,
						   tg_test_ioba(tbl, i)),
				tg_test_tce(tg, i, shift));
}

static int tg_test_init(struct kunit *test)
{
	struct tg_test *tg = kunit_kzalloc(test, sizeof(*tg), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, tg);
	test->priv = tg;
	tg->batch = kunit_kzalloc(test, sizeof(*tg->batch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tg->batch);
	tg->fake = ddw_fake_init(test);
	tg->mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, tg->mm);
	for (i = 0; i < TG_TEST_PAGES; i++) {
		tg->page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, tg->page[i]);
	}
	for (i = 0; i < DDW_FAKE_PES; i++)
		pe_fake_init(&tg->pe[i], tg->fake, i);

	return 0;
}

static void tg_test_exit(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	int i;

	KUNIT_EXPECT_EQ(test, tg->mm->locked_vm, 0);
	mmput(tg->mm);
	for (i = 0; i < TG_TEST_PAGES; i++) {
		KUNIT_EXPECT_EQ(test, tg_test_pins(tg->page[i]), 0);
		__free_page(tg->page[i]);
	}
	ddw_fake_exit(tg->fake);
}

/* Take both PEs for a user. Their devices reach nothing then. */
static void tg_test_take_both(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	int i;

	for (i = 0; i < DDW_FAKE_PES; i++) {
		KUNIT_ASSERT_EQ(test, tg_test_take(&tg->pe[i]), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, i), 0);
	}
}

/* Give both PEs back. The host has the windows that it had before. */
static void tg_test_release_both(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct pe_fake *tp;
	int i;

	for (i = 0; i < DDW_FAKE_PES; i++) {
		tp = &tg->pe[i];
		tg_test_release(tp);
		KUNIT_EXPECT_EQ(test, tp->pe.owner, PE_OWNER_HOST);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, i), 1);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(tg->fake, i), 0);
		KUNIT_EXPECT_PTR_EQ(test, tp->pe.table_group.tables[0],
				    &tp->host_table);
		KUNIT_EXPECT_NULL(test, tp->pe.table_group.tables[1]);
		KUNIT_EXPECT_PTR_EQ(test, get_iommu_table_base(&tp->pdev.dev),
				    &tp->host_table);
	}
}

static void tg_test_ownership(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct pe_fake *tp = &tg->pe[0];
	struct device *dev = &tp->pdev.dev;
	int i;

	for (i = 0; i < 3; i++) {
		ddw_fake_set_tce(tg->fake, 0, DDW_FAKE_DEFAULT, 0x5000, 0x1003);
		dev->archdata.dma_offset = 1ULL << 59;
		dev->bus_dma_limit = SZ_2G;

		tg_test_take_both(test);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(tg->fake, 0), 0);
		KUNIT_EXPECT_NULL(test, get_iommu_table_base(dev));
		KUNIT_EXPECT_EQ(test, dev->archdata.dma_offset, 0);
		KUNIT_EXPECT_EQ(test, dev->bus_dma_limit, 0);
		KUNIT_EXPECT_NULL(test, tp->pe.table_group.tables[0]);

		/* Another device of the PE joins: nothing changes for the first */
		KUNIT_EXPECT_EQ(test, tg_test_take(tp), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 0), 0);

		tg_test_release_both(test);
	}
}

/* The user's calls, after the windows have been closed for kexec */
static void tg_test_closed(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct pe_fake *tp = &tg->pe[0];
	struct iommu_table *tbl;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, 16, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);
	KUNIT_ASSERT_EQ(test, tg_test_set(tp, 0, tbl), 0);

	pseries_table_group_close(&tp->pe);
	KUNIT_EXPECT_PTR_EQ(test, tp->pe.table_group.tables[0],
			    &tp->host_table);

	KUNIT_EXPECT_EQ(test, tg_test_unset(tp, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, tp->pe.table_group.tables[0],
			    &tp->host_table);
	KUNIT_EXPECT_EQ(test, tg_test_set(tp, 1, tbl), -ESHUTDOWN);

	iommu_tce_table_put(tbl);
	tg_test_release(&tg->pe[0]);
	tg_test_release(&tg->pe[1]);
}

/* A PE that cannot be taken stays the host's, and can be taken later */
static void tg_test_take_fails(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct pe_fake *tp = &tg->pe[0];

	ddw_fake_set_tce(tg->fake, 0, DDW_FAKE_DEFAULT, 0x5000, 0x1003);
	ddw_fake_fail(tg->fake, DDW_FAKE_CLEAR | BIT(DDW_FAKE_REMOVE), 1,
		      UINT_MAX, -1);
	KUNIT_EXPECT_EQ(test, tg_test_take(tp), -EIO);
	KUNIT_EXPECT_EQ(test, tp->pe.owner, PE_OWNER_HOST);

	ddw_fake_mend(tg->fake);
	tg_test_release_both(test);
	tg_test_take_both(test);
	tg_test_release_both(test);
}

/* What VFIO_IOMMU_SPAPR_TCE_GET_INFO says */
static void tg_test_info(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct pe_fake *tp = &tg->pe[0];
	struct iommu_table_group *group = &tp->pe.table_group;

	KUNIT_ASSERT_EQ(test, tg_test_take(tp), 0);
	KUNIT_EXPECT_EQ(test, group->pgsizes, SZ_4K | SZ_64K | SZ_2M);
	KUNIT_EXPECT_EQ(test, group->max_dynamic_windows_supported, 2);
	KUNIT_EXPECT_EQ(test, group->max_levels, 5);
	tg_test_release(tp);

	/* More windows than slots */
	tg->fake->max_windows = 3;
	KUNIT_ASSERT_EQ(test, tg_test_take(tp), 0);
	KUNIT_EXPECT_EQ(test, group->max_dynamic_windows_supported, 2);
	tg_test_release(tp);

	tg->fake->max_windows = 1;
	tg->fake->pgsizes = BIT(1);
	KUNIT_ASSERT_EQ(test, tg_test_take(tp), 0);
	KUNIT_EXPECT_EQ(test, group->pgsizes, SZ_4K | SZ_64K);
	KUNIT_EXPECT_EQ(test, group->max_dynamic_windows_supported, 1);
	tg_test_release(tp);

	/* No window without a page size */
	tg->fake->pgsizes = 0;
	KUNIT_ASSERT_EQ(test, tg_test_take(tp), 0);
	KUNIT_EXPECT_EQ(test, group->pgsizes, SZ_4K);
	KUNIT_EXPECT_EQ(test, group->max_dynamic_windows_supported, 0);
	tg_test_release(tp);
	tg->fake->pgsizes = BIT(1);

	/* There is the default window in any case */
	ddw_fake_fail(tg->fake, BIT(DDW_FAKE_QUERY), 1, UINT_MAX, -1);
	KUNIT_ASSERT_EQ(test, tg_test_take(tp), 0);
	KUNIT_EXPECT_EQ(test, group->pgsizes, SZ_4K);
	KUNIT_EXPECT_EQ(test, group->max_dynamic_windows_supported, 0);
	tg_test_release(tp);
}

static void tg_test_create(struct kunit *test)
{
	static const struct {
		u32 page_shift;
		u64 size;
		u32 levels;
	} bad[] = {
		{ 11, SZ_1G, 1 }, { 64, SZ_1G, 1 }, { 140, SZ_1G, 1 },
		{ 16, 0, 1 }, { 16, SZ_1G + SZ_4K, 1 }, { 16, SZ_32K, 1 },
		{ 16, SZ_1G, 6 }, { 16, SZ_1G, ~0 }, { 63, SZ_1G, 1 },
		{ 12, 1ULL << 44, 1 }, { 16, 1ULL << 48, 1 },
	};
	struct tg_test *tg = test->priv;
	struct iommu_table_group *group = &tg->pe[0].pe.table_group;
	struct iommu_table *tbl = NULL;
	int i;

	kthread_use_mm(tg->mm);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, tg_ops->get_table_size(bad[i].page_shift,
							     bad[i].size,
							     bad[i].levels), 0);
		KUNIT_EXPECT_EQ(test, tg_ops->create_table(group, 0,
							   bad[i].page_shift,
							   bad[i].size,
							   bad[i].levels, &tbl),
				-EINVAL);
	}

	/* Size and levels make no difference */
	for (i = 0; i <= 5; i++) {
		KUNIT_ASSERT_EQ(test, tg_ops->create_table(group, 0, 21,
							   1ULL << 47, i, &tbl),
				0);
		KUNIT_EXPECT_EQ(test, tbl->it_allocated_size,
				tg_ops->get_table_size(12, SZ_4K, 1));
		KUNIT_EXPECT_EQ(test, tbl->it_size, 1UL << 26);
		iommu_tce_table_put(tbl);
	}
	kthread_unuse_mm(tg->mm);

	for (i = 0; i < DDW_FAKE_CALLS; i++)
		KUNIT_EXPECT_EQ(test, tg->fake->calls[i], 0);
}

/* One table in two PEs: all of it is mapped in both, also for the PE that joins late */
static void tg_test_two_pes(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);

	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 4, 0), 0);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), 0);
	tg_test_expect(test, 1, tbl, 4, 0);

	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 8, 1), 0);
	tg_test_expect(test, 0, tbl, 8, 1);
	tg_test_expect(test, 1, tbl, 8, 1);
	KUNIT_EXPECT_EQ(test, tg_test_all_pins(tg), 8);

	/* The first PE leaves, and the other one keeps its entries and gets new ones */
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 0), 0);
	tg_test_expect(test, 1, tbl, 8, 1);
	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 8, 2), 0);
	tg_test_expect(test, 1, tbl, 8, 2);
	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), 0);
	KUNIT_EXPECT_EQ(test, tg_test_all_pins(tg), 0);

	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	/* The table is set nowhere: nothing can be mapped */
	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 1, 0), -ESTALE);
	iommu_tce_table_put(tbl);
	tg_test_release_both(test);
}

/* The platform has room in the second PE only at another address */
static void tg_test_other_place(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl, *other;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	other = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_TRUE(test, tbl && other);

	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 4, 0), 0);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[1], 0, other), 0);
	KUNIT_EXPECT_EQ(test, tg_test_set(&tg->pe[1], 1, tbl), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 1), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(tg->fake, 1), 0);
	KUNIT_EXPECT_NULL(test, tg->pe[1].pe.table_group.tables[1]);
	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 4, 1), 0);
	tg_test_expect(test, 0, tbl, 4, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(tg->fake, 1), 0);

	/* A table keeps its place: it cannot be set as a second window */
	KUNIT_EXPECT_EQ(test, tg_test_set(&tg->pe[0], 1, tbl), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 0), 1);

	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	iommu_tce_table_put(tbl);
	iommu_tce_table_put(other);
	tg_test_release_both(test);
}

/* A PE does not join if it cannot get what is mapped */
static void tg_test_join_fails(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 6, 0), 0);

	ddw_fake_fail(tg->fake, DDW_FAKE_WRITE, 1, 1, H_HARDWARE);
	tg->fake->fail_after = 3;
	KUNIT_EXPECT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), -EIO);
	KUNIT_EXPECT_EQ(test, tg->fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 1), 0);
	ddw_fake_mend(tg->fake);

	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 6, 1), 0);
	tg_test_expect(test, 0, tbl, 6, 1);
	KUNIT_EXPECT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), 0);
	tg_test_expect(test, 1, tbl, 6, 1);

	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	iommu_tce_table_put(tbl);
	tg_test_release_both(test);
}

/* One of two PEs refuses a list half way: both are as before */
static void tg_test_map_fails(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;
	unsigned int call, after;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 4, 0), 0);

	for (call = 1; call <= 2; call++) {
		for (after = 0; after <= 8; after++) {
			ddw_fake_fail(tg->fake, DDW_FAKE_WRITE, call, 1,
				      H_HARDWARE);
			tg->fake->fail_after = after;
			KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 8, 1),
					-EIO);
			ddw_fake_mend(tg->fake);
			tg_test_expect(test, 0, tbl, 4, 0);
			tg_test_expect(test, 1, tbl, 4, 0);
			KUNIT_EXPECT_EQ(test, tg_test_all_pins(tg), 4);
		}
	}

	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	iommu_tce_table_put(tbl);
	tg_test_release_both(test);
}

/* A window that cannot be emptied, but is removed, does no harm */
static void tg_test_leave_dirty(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 4, 0), 0);

	ddw_fake_fail(tg->fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), 0);
	KUNIT_EXPECT_EQ(test, tg->fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(tg->fake, 0), 0);
	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 4, 1), 0);
	tg_test_expect(test, 1, tbl, 4, 1);

	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	iommu_tce_table_put(tbl);
	tg_test_release_both(test);
}

/*
 * A window that can be neither emptied nor removed keeps what it maps: nothing is
 * released that a device may reach, and nothing new is mapped.
 */
static void tg_test_stuck(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;

	tg_test_take_both(test);
	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	KUNIT_ASSERT_NOT_NULL(test, tbl);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[0], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_set(&tg->pe[1], 0, tbl), 0);
	KUNIT_ASSERT_EQ(test, tg_test_map(tg, tbl, 0, 4, 0), 0);

	ddw_fake_fail(tg->fake, DDW_FAKE_CLEAR | BIT(DDW_FAKE_REMOVE) |
		      BIT(DDW_FAKE_RESET), 1, UINT_MAX, -1);
	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[0], 0), -EIO);
	ddw_fake_mend(tg->fake);

	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), -EIO);
	KUNIT_EXPECT_EQ(test, tg_test_map(tg, tbl, 0, 4, 1), -ESTALE);
	KUNIT_EXPECT_EQ(test, tg_test_all_pins(tg), 4);
	tg_test_expect(test, 0, tbl, 4, 0);

	KUNIT_EXPECT_EQ(test, tg_test_unset(&tg->pe[1], 0), 0);
	KUNIT_EXPECT_EQ(test, tg_test_unmap(tbl), -EIO);

	/* No user gets the PE until the platform has reset it */
	tg_test_release_both(test);
	tg_test_take_both(test);
	tg_test_release_both(test);
	/* VFIO would never drop such a table */
	iommu_tce_table_put(tbl);
}

/* All that a device reaches is pinned */
static void tg_test_invariant(struct kunit *test, struct iommu_table *tbl,
			      const char *step)
{
	struct tg_test *tg = test->priv;
	unsigned long i;
	struct page *page;
	int pe;
	u64 tce;

	for (pe = 0; tbl && pe < DDW_FAKE_PES; pe++) {
		for (i = 0; i < TG_TEST_PAGES; i++) {
			tce = ddw_fake_tce(tg->fake, pe, tg_test_ioba(tbl, i));
			if (!tce)
				continue;
			page = pfn_to_page(tce >> PAGE_SHIFT);
			KUNIT_EXPECT_GT_MSG(test, tg_test_pins(page), 0,
					    "%s: PE %d, entry %lu, call %u failed",
					    step, pe, i, tg->fake->fail_from);
		}
	}
}

/* All that VFIO does, errors included. Returns the table if it has to be kept. */
static struct iommu_table *tg_test_life(struct kunit *test)
{
	struct tg_test *tg = test->priv;
	struct iommu_table *tbl;
	bool keep = false;
	int i;

	if (tg_test_take(&tg->pe[0]))
		return NULL;
	if (tg_test_take(&tg->pe[1]))
		goto release_first;

	tbl = tg_test_table(tg, PAGE_SHIFT, SZ_1G);
	if (!tbl)
		goto release_both;

	if (!tg_test_set(&tg->pe[0], 0, tbl)) {
		tg_test_map(tg, tbl, 0, 4, 0);
		tg_test_invariant(test, tbl, "map");
		tg_test_set(&tg->pe[1], 0, tbl);
		tg_test_invariant(test, tbl, "join");
		tg_test_map(tg, tbl, 2, 6, 1);
		tg_test_invariant(test, tbl, "map over");
		tce_view_unmap(tbl, tbl->it_offset, 3);
		tg_test_invariant(test, tbl, "unmap");
	}

	for (i = 0; i < DDW_FAKE_PES; i++) {
		if (i == DDW_FAKE_PES - 1)
			tg_test_unmap(tbl);
		keep |= tg_test_unset(&tg->pe[i], 0) ||
			(i == DDW_FAKE_PES - 1 && tg_test_unmap(tbl));
		tg_test_invariant(test, tbl, "leave");
	}

	if (!keep) {
		iommu_tce_table_put(tbl);
		tbl = NULL;
	}

release_both:
	tg_test_release(&tg->pe[1]);
release_first:
	tg_test_release(&tg->pe[0]);
	tg_test_invariant(test, tbl, "release");
	return tbl;
}

/*
 * Each call of the platform fails in turn, alone or with all that follow. Then the
 * platform works again.
 */
static void tg_test_each_call(struct kunit *test, unsigned int count)
{
	struct tg_test *tg = test->priv;
	unsigned int n, kept = 0, total = 0;
	struct iommu_table *tbl;
	int p;

	for (n = 1; n < 1000; n++) {
		ddw_fake_fail(tg->fake, DDW_FAKE_ANY, n, count, -1);
		tg->fake->fail_after = 2;
		tbl = tg_test_life(test);
		ddw_fake_mend(tg->fake);
		if (!tg->fake->failed)
			break;

		total += tg->fake->failed;
		tg_test_release_both(test);
		tg_test_take_both(test);
		tg_test_release_both(test);

		/* VFIO would keep it for ever, and the pages that it maps */
		if (tbl) {
			kept++;
			iommu_tce_table_put(tbl);
			for (p = 0; p < TG_TEST_PAGES; p++)
				while (tg_test_pins(tg->page[p]))
					unpin_user_page(tg->page[p]);
		}
		KUNIT_EXPECT_EQ_MSG(test, tg_test_all_pins(tg), 0,
				    "call %u failed", n);
	}

	KUNIT_EXPECT_GT(test, n, 20);
	kunit_info(test, "%u calls, each failed once, %u failures in all, table kept %u times\n",
		   n - 1, total, kept);
	/* A single failure never costs more than the operation */
	if (count == 1)
		KUNIT_EXPECT_EQ(test, kept, 0);
}

static void tg_test_each_call_once(struct kunit *test)
{
	tg_test_each_call(test, 1);
}

static void tg_test_each_call_and_all_after(struct kunit *test)
{
	tg_test_each_call(test, UINT_MAX);
}

static struct kunit_case tg_test_cases[] = {
	KUNIT_CASE(tg_test_ownership),
	KUNIT_CASE(tg_test_closed),
	KUNIT_CASE(tg_test_take_fails),
	KUNIT_CASE(tg_test_info),
	KUNIT_CASE(tg_test_create),
	KUNIT_CASE(tg_test_two_pes),
	KUNIT_CASE(tg_test_other_place),
	KUNIT_CASE(tg_test_join_fails),
	KUNIT_CASE(tg_test_map_fails),
	KUNIT_CASE(tg_test_leave_dirty),
	KUNIT_CASE(tg_test_stuck),
	KUNIT_CASE(tg_test_each_call_once),
	KUNIT_CASE(tg_test_each_call_and_all_after),
	{ }
};

static struct kunit_suite tg_test_suite = {
	.name = "pseries_table_group",
	.init = tg_test_init,
	.exit = tg_test_exit,
	.test_cases = tg_test_cases,
};

kunit_test_suite(tg_test_suite);
