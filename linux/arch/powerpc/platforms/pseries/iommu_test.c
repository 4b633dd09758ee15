// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of the host's table, which is retired with its window
 */

#include <kunit/test.h>

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <asm/iommu.h>

/**
 * struct host_test - a table and a device that uses it
 * @tbl: the table
 * @dev: the device
 */
struct host_test {
	struct iommu_table *tbl;
	struct device dev;
};

/* The number of entries that are set */
static atomic_t host_test_live;

static int host_test_set(struct iommu_table *tbl, long index, long npages,
			 unsigned long uaddr,
			 enum dma_data_direction direction, unsigned long attrs)
{
	atomic_add(npages, &host_test_live);
	return 0;
}

static void host_test_clear(struct iommu_table *tbl, long index, long npages)
{
	atomic_sub(npages, &host_test_live);
}

static unsigned long host_test_get(struct iommu_table *tbl, long index)
{
	return 0;
}

static struct iommu_table_ops host_test_ops = {
	.set = host_test_set,
	.clear = host_test_clear,
	.get = host_test_get,
};

static int host_test_init(struct kunit *test)
{
	struct host_test *ht = kunit_kzalloc(test, sizeof(*ht), GFP_KERNEL);
	struct iommu_table *tbl = kzalloc(sizeof(*tbl), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ht);
	KUNIT_ASSERT_NOT_NULL(test, tbl);

	/* Large enough for all pools */
	kref_init(&tbl->it_kref);
	tbl->it_page_shift = IOMMU_PAGE_SHIFT_4K;
	tbl->it_size = SZ_1G >> IOMMU_PAGE_SHIFT_4K;
	tbl->it_blocksize = 16;
	tbl->it_ops = &host_test_ops;
	KUNIT_ASSERT_NOT_NULL(test, iommu_init_table(tbl, NUMA_NO_NODE, 0, 0));
	KUNIT_ASSERT_GT(test, tbl->nr_pools, 1);
	atomic_set(&host_test_live, 0);

	ht->tbl = tbl;
	test->priv = ht;
	return 0;
}

static void host_test_exit(struct kunit *test)
{
	struct host_test *ht = test->priv;

	iommu_table_reset(ht->tbl, true);
	iommu_tce_table_put(ht->tbl);
}

static dma_addr_t host_test_map(struct host_test *ht, size_t size)
{
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	sg_set_page(&sg, ZERO_PAGE(0), size, 0);
	if (ppc_iommu_map_sg(&ht->dev, ht->tbl, &sg, 1, DMA_BIT_MASK(32),
			     DMA_TO_DEVICE, 0) != 1)
		return DMA_MAPPING_ERROR;

	return sg_dma_address(&sg);
}

static void host_test_unmap(struct host_test *ht, dma_addr_t addr, size_t size)
{
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	sg_dma_address(&sg) = addr;
	sg_dma_len(&sg) = size;
	ppc_iommu_unmap_sg(ht->tbl, &sg, 1, DMA_TO_DEVICE, 0);
}

/* A table is retired if nothing is mapped, in any of its pools */
static void host_test_retire(struct kunit *test)
{
	static const size_t sizes[] = { SZ_4K, SZ_64K };
	struct host_test *ht = test->priv;
	dma_addr_t addr, more;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		addr = host_test_map(ht, sizes[i]);
		KUNIT_ASSERT_NE(test, addr, DMA_MAPPING_ERROR);
		KUNIT_EXPECT_FALSE(test, iommu_table_retire(ht->tbl));
		more = host_test_map(ht, sizes[i]);
		KUNIT_EXPECT_NE(test, more, DMA_MAPPING_ERROR);
		host_test_unmap(ht, more, sizes[i]);
		host_test_unmap(ht, addr, sizes[i]);

		KUNIT_EXPECT_TRUE(test, iommu_table_retire(ht->tbl));
		KUNIT_EXPECT_EQ(test, host_test_map(ht, sizes[i]),
				DMA_MAPPING_ERROR);
		KUNIT_EXPECT_FALSE(test, iommu_table_retire(ht->tbl));

		iommu_table_reset(ht->tbl, true);
		addr = host_test_map(ht, sizes[i]);
		KUNIT_EXPECT_NE(test, addr, DMA_MAPPING_ERROR);
		host_test_unmap(ht, addr, sizes[i]);
	}

	KUNIT_EXPECT_EQ(test, atomic_read(&host_test_live), 0);
}

static int host_test_sibling(void *data)
{
	struct host_test *ht = data;
	dma_addr_t addr;

	while (!kthread_should_stop()) {
		addr = host_test_map(ht, SZ_4K);
		if (addr != DMA_MAPPING_ERROR)
			host_test_unmap(ht, addr, SZ_4K);
		cond_resched();
	}

	return 0;
}

/* While a sibling maps and unmaps: it has no mapping in a retired table */
static void host_test_retire_race(struct kunit *test)
{
	struct host_test *ht = test->priv;
	struct task_struct *sibling;
	int i, retired = 0, kept = 0;

	sibling = kthread_run(host_test_sibling, ht, "host_test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(sibling));

	for (i = 0; i < 100000 && retired < 2000; i++) {
		cond_resched();
		if (!iommu_table_retire(ht->tbl))
			continue;

		retired++;
		udelay(1);
		kept += atomic_read(&host_test_live);
		iommu_table_reset(ht->tbl, true);
	}

	kthread_stop(sibling);
	KUNIT_EXPECT_GT(test, retired, 0);
	KUNIT_EXPECT_EQ(test, kept, 0);
}

static struct kunit_case host_test_cases[] = {
	KUNIT_CASE(host_test_retire),
	KUNIT_CASE(host_test_retire_race),
	{ }
};

static struct kunit_suite host_test_suite = {
	.name = "pseries_host_table",
	.init = host_test_init,
	.exit = host_test_exit,
	.test_cases = host_test_cases,
};

kunit_test_suite(host_test_suite);
