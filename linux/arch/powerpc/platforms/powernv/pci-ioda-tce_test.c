// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of TCE tables of several levels, pci-ioda-tce.c
 *
 * The tables are ordinary memory, so that the tests need neither OPAL nor a PHB.
 * The table of each test has two levels. Each part of the second level is
 * allocated when the first entry in it is written.
 */

#include <kunit/test.h>

#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/numa.h>
#include <linux/sizes.h>

#include <asm/iommu.h>
#include <asm/opal.h>
#include <asm/tce.h>

#include "pci.h"

#define TCE_TEST_OFFSET		0x1000
#define TCE_TEST_LEVELS		4UL

static int tce_test_init(struct kunit *test)
{
	struct iommu_table *tbl = kunit_kzalloc(test, sizeof(*tbl), GFP_KERNEL);
	/* Each part of the second level is a page */
	u64 entries = TCE_TEST_LEVELS * PAGE_SIZE / sizeof(u64);

	KUNIT_ASSERT_NOT_NULL(test, tbl);
	test->priv = tbl;

	return pnv_pci_ioda2_table_alloc_pages(NUMA_NO_NODE,
					       TCE_TEST_OFFSET << 12, 12,
					       entries << 12, 2, GFP_KERNEL,
					       tbl);
}

static void tce_test_exit(struct kunit *test)
{
	pnv_pci_ioda2_table_free_pages(test->priv);
}

static void tce_test_set(struct kunit *test, unsigned long entry)
{
	__be64 tce = cpu_to_be64(entry << 12 | TCE_PCI_READ | TCE_PCI_WRITE);

	KUNIT_ASSERT_EQ(test, pnv_tce_put(test->priv, TCE_TEST_OFFSET + entry,
					  1, &tce), 1);
}

static bool tce_test_is_set(struct kunit *test, unsigned long entry)
{
	u64 tce = pnv_tce_get(test->priv, TCE_TEST_OFFSET + entry);

	KUNIT_EXPECT_TRUE(test, !tce || tce >> 12 == entry);
	return tce;
}

static void tce_test_clear(struct kunit *test, unsigned long entry,
			   unsigned long npages)
{
	pnv_tce_free(test->priv, TCE_TEST_OFFSET + entry, npages);
}

static void tce_test_put(struct kunit *test)
{
	struct iommu_table *tbl = test->priv;
	unsigned long level = tbl->it_level_size;

	KUNIT_EXPECT_EQ(test, level, PAGE_SIZE / sizeof(u64));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, level));
	tce_test_set(test, level);
	tce_test_set(test, level - 1);
	KUNIT_EXPECT_TRUE(test, tce_test_is_set(test, level - 1));
	KUNIT_EXPECT_TRUE(test, tce_test_is_set(test, level));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, level + 1));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, 3 * level));
}

/* The range begins within a missing level and ends where the next one ends */
static void tce_test_clear_across(struct kunit *test)
{
	struct iommu_table *tbl = test->priv;
	unsigned long level = tbl->it_level_size;

	tce_test_set(test, level);
	tce_test_set(test, level + 5);
	tce_test_set(test, 2 * level - 1);
	tce_test_set(test, 2 * level);

	tce_test_clear(test, 10, 2 * level - 10);
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, level));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, level + 5));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, 2 * level - 1));
	KUNIT_EXPECT_TRUE(test, tce_test_is_set(test, 2 * level));
}

/* Entries before and after the range stay */
static void tce_test_clear_some(struct kunit *test)
{
	struct iommu_table *tbl = test->priv;
	unsigned long level = tbl->it_level_size;

	tce_test_set(test, level - 1);
	tce_test_set(test, 3 * level + 3);
	tce_test_set(test, 3 * level + 4);

	/* The two levels between them are missing */
	tce_test_clear(test, level, 2 * level + 4);
	KUNIT_EXPECT_TRUE(test, tce_test_is_set(test, level - 1));
	KUNIT_EXPECT_FALSE(test, tce_test_is_set(test, 3 * level + 3));
	KUNIT_EXPECT_TRUE(test, tce_test_is_set(test, 3 * level + 4));
}

static struct kunit_case tce_test_cases[] = {
	KUNIT_CASE(tce_test_put),
	KUNIT_CASE(tce_test_clear_across),
	KUNIT_CASE(tce_test_clear_some),
	{ }
};

static struct kunit_suite tce_test_suite = {
	.name = "powernv_tce",
	.init = tce_test_init,
	.exit = tce_test_exit,
	.test_cases = tce_test_cases,
};

kunit_test_suite(tce_test_suite);
