// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of paging domains, paging_domain.c
 *
 * The view, the table group and the window state below are the real ones, and
 * ddw_fake.c is the platform. These tests are in the place of the IOMMU core and of
 * a user that has claimed the groups of two PEs.
 */

#include <kunit/test.h>

#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/hvcall.h>
#include <asm/iommu.h>
#include <asm/tce.h>

#include "ddw_fake.h"
#include "dma_windows.h"
#include "pe_fake.h"
#include "pseries.h"

/* Pages that belong to the test: only these are looked at */
#define PD_TEST_ORDER	4

/* Pages that are mapped at once: more than one list of entries */
#define PD_TEST_PAGES	1024

/**
 * struct pd_test - two PEs that a user has claimed, and memory to map
 * @fake: the platform
 * @pe: the PEs
 * @page: the first of the test's pages
 * @phys: its address
 * @user: user memory, of one page
 */
struct pd_test {
	struct ddw_fake *fake;
	struct pe_fake pe[DDW_FAKE_PES];
	struct page *page;
	phys_addr_t phys;
	void __user *user;
};

static int pd_test_take(struct pd_test *pd, unsigned int pe)
{
	return pseries_table_group_ops.take_ownership(&pd->pe[pe].pe.table_group,
						      &pd->pe[pe].pdev.dev);
}

static void pd_test_release(struct pd_test *pd, unsigned int pe)
{
	pseries_table_group_ops.release_ownership(&pd->pe[pe].pe.table_group,
						  &pd->pe[pe].pdev.dev);
}

static struct iommu_domain *pd_test_alloc(struct pd_test *pd, unsigned int pe)
{
	return pseries_paging_domain_ops.alloc(&pd->pe[pe].pe.table_group, NULL);
}

/* As a user does that asks for windows */
static struct iommu_domain *
pd_test_request(struct kunit *test, const struct iommu_hwpt_spapr_tce *request)
{
	struct pd_test *pd = test->priv;
	struct iommu_user_data data = {
		.type = IOMMU_HWPT_DATA_SPAPR_TCE,
		.uptr = pd->user,
		.len = sizeof(*request),
	};

	KUNIT_ASSERT_EQ(test, copy_to_user(pd->user, request, sizeof(*request)),
			0);
	return pseries_paging_domain_ops.alloc(&pd->pe[0].pe.table_group, &data);
}

static int pd_test_attach(struct pd_test *pd, struct iommu_domain *domain,
			  unsigned int pe)
{
	return domain->ops->attach_dev(domain, &pd->pe[pe].pdev.dev, NULL);
}

static void pd_test_block(struct pd_test *pd, struct iommu_domain *domain,
			  unsigned int pe)
{
	pseries_paging_domain_ops.block(&pd->pe[pe].pe.table_group, domain);
}

/* A domain that is attached to the first PE */
static struct iommu_domain *pd_test_open(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_alloc(pd, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, domain, 0), 0);
	return domain;
}

static void pd_test_close(struct pd_test *pd, struct iommu_domain *domain)
{
	pd_test_block(pd, domain, 0);
	domain->ops->free(domain);
}

static int pd_test_map(struct pd_test *pd, struct iommu_domain *domain, u64 iova,
		       size_t npages, size_t *mapped)
{
	*mapped = 0;
	return domain->ops->map_pages(domain, iova, pd->phys,
				      domain->pgsize_bitmap, npages,
				      IOMMU_READ | IOMMU_WRITE, GFP_KERNEL,
				      mapped);
}

static size_t pd_test_unmap(struct iommu_domain *domain, u64 iova,
			    size_t npages)
{
	return domain->ops->unmap_pages(domain, iova, domain->pgsize_bitmap,
					npages, NULL);
}

/* How many references keep the memory for ever */
static unsigned int pd_test_kept(struct pd_test *pd)
{
	return page_count(pd->page) - 1;
}

static int pd_test_init(struct kunit *test)
{
	struct pd_test *pd = kunit_kzalloc(test, sizeof(*pd), GFP_KERNEL);
	struct iommu_group *group;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pd);
	test->priv = pd;
	pd->fake = ddw_fake_init(test);
	pd->page = alloc_pages(GFP_KERNEL | __GFP_COMP, PD_TEST_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, pd->page);
	pd->phys = page_to_phys(pd->page);
	pd->user = (void __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
						PROT_READ | PROT_WRITE,
						MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_LT(test, (unsigned long)pd->user, TASK_SIZE);

	for (i = 0; i < DDW_FAKE_PES; i++) {
		pe_fake_init(&pd->pe[i], pd->fake, i);
		pd->pe[i].pe.table_group.ops = &pseries_table_group_ops;
		group = iommu_group_alloc();
		KUNIT_ASSERT_FALSE(test, IS_ERR(group));
		iommu_group_set_iommudata(group, &pd->pe[i].pe.table_group,
					  NULL);
		pd->pe[i].pdev.dev.iommu_group = group;
		KUNIT_ASSERT_EQ(test, pd_test_take(pd, i), 0);
	}

	return 0;
}

static void pd_test_exit(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	int i;

	for (i = 0; i < DDW_FAKE_PES; i++) {
		KUNIT_EXPECT_NULL(test, pd->pe[i].pe.table_group.tables[0]);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(pd->fake, i), 0);
		iommu_group_put(pd->pe[i].pdev.dev.iommu_group);
	}
	while (pd_test_kept(pd))
		put_page(pd->page);
	__free_pages(pd->page, PD_TEST_ORDER);
	ddw_fake_exit(pd->fake);
}

/* Everything that a domain cannot map, as text */
struct pd_gaps {
	char text[128];
	size_t len;
};

static int pd_test_gap(dma_addr_t start, dma_addr_t last, void *data)
{
	struct pd_gaps *gaps = data;

	gaps->len += scnprintf(gaps->text + gaps->len,
			       sizeof(gaps->text) - gaps->len, "%llx-%llx ",
			       start, last);
	return 0;
}

static void pd_test_expect_gaps(struct kunit *test, struct iommu_domain *domain,
				const char *expected)
{
	struct pd_gaps gaps = {};

	KUNIT_EXPECT_EQ(test, iommu_domain_walk_gaps(domain, pd_test_gap,
						     &gaps), 0);
	KUNIT_EXPECT_STREQ(test, gaps.text, expected);
}

/*
 * The domain has a window with room for all memory, and also the default window if
 * the other one is not at 0. The PE has neither yet.
 */
static void pd_test_geometry(struct kunit *test)
{
	static const struct {
		unsigned int windows;
		u64 start, block;
		u32 pgsizes;
		u64 first, last;
		u32 page_shift;
		const char *gaps;
	} row[] = {
		/* this machine has less than 32 GiB */
		{ 2, 0, BIT_ULL(40), BIT(0) | BIT(1), 0, SZ_64G - 1, PAGE_SHIFT,
		  "1000000000-ffffffffffffffff " },
		{ 2, BIT_ULL(59), BIT_ULL(40), BIT(0) | BIT(1),
		  0, BIT_ULL(59) + SZ_64G - 1, PAGE_SHIFT,
		  "800000-7ffffffffffffff 800001000000000-ffffffffffffffff " },
		{ 2, BIT_ULL(59), 3 * BIT_ULL(20), BIT(0),
		  0, BIT_ULL(59) + SZ_8G - 1, 12,
		  "800000-7ffffffffffffff 800000200000000-ffffffffffffffff " },
		/* one window at a time */
		{ 1, BIT_ULL(59), BIT_ULL(40), BIT(0) | BIT(1),
		  BIT_ULL(59), BIT_ULL(59) + SZ_64G - 1, PAGE_SHIFT,
		  "0-7ffffffffffffff 800001000000000-ffffffffffffffff " },
	};
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain;
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		pd->fake->max_windows = row[i].windows;
		pd->fake->first = row[i].start ? 1 : 0;
		pd->fake->start[pd->fake->first] = row[i].start;
		pd->fake->largest_block = row[i].block;
		pd->fake->pgsizes = row[i].pgsizes;
		pd_test_release(pd, 0);
		KUNIT_ASSERT_EQ(test, pd_test_take(pd, 0), 0);

		domain = pd_test_alloc(pd, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
		KUNIT_EXPECT_EQ(test, ddw_fake_count(pd->fake, 0), 0);
		KUNIT_EXPECT_EQ(test, domain->geometry.aperture_start,
				row[i].first);
		KUNIT_EXPECT_EQ(test, domain->geometry.aperture_end,
				row[i].last);
		KUNIT_EXPECT_TRUE(test, domain->geometry.force_aperture);
		KUNIT_EXPECT_EQ(test, domain->pgsize_bitmap,
				1UL << row[i].page_shift);
		pd_test_expect_gaps(test, domain, row[i].gaps);
		domain->ops->free(domain);
	}
}

/* Two windows, of which the second one may be below the first */
static void pd_test_two_windows(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	const struct iommu_domain_ops *ops;
	struct iommu_domain *domain;
	size_t pgsize, mapped;
	u64 first, second;

	pd->fake->first = 1;
	domain = pd_test_open(test);
	ops = domain->ops;
	pgsize = domain->pgsize_bitmap;
	first = 0;
	second = BIT_ULL(59);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(pd->fake, 0), 2);

	/* A page of the processor takes several entries of the default window */
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, first, 4, &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, 4 * pgsize);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 4 * pgsize / SZ_4K);
	KUNIT_EXPECT_EQ(test, ddw_fake_tce(pd->fake, 0, first + SZ_4K),
			(pd->phys + SZ_4K) | TCE_PCI_READ | TCE_PCI_WRITE);
	KUNIT_EXPECT_EQ(test, ops->iova_to_phys(domain, first + SZ_4K + 1),
			pd->phys + SZ_4K + 1);

	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, second, 2, &mapped), 0);
	KUNIT_EXPECT_NE(test, ddw_fake_tce(pd->fake, 0, second + pgsize), 0);
	KUNIT_EXPECT_EQ(test, ops->iova_to_phys(domain, second + pgsize),
			pd->phys + pgsize);

	/* Nothing is mapped between them, nor across an end */
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, DDW_FAKE_SIZE, 1, &mapped),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, DDW_FAKE_SIZE - pgsize, 2,
					  &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, second - pgsize, 2,
					  &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->iova_to_phys(domain, DDW_FAKE_SIZE), 0);

	/* Another PE gets both */
	KUNIT_EXPECT_EQ(test, pd_test_attach(pd, domain, 1), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 1),
			4 * pgsize / SZ_4K + 2);
	pd_test_block(pd, domain, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 1), 0);

	/* Where the second window fails there is none */
	ddw_fake_fail(pd->fake, BIT(DDW_FAKE_CREATE), 1, UINT_MAX, -1);
	KUNIT_EXPECT_LT(test, pd_test_attach(pd, domain, 1), 0);
	ddw_fake_mend(pd->fake);
	KUNIT_EXPECT_NULL(test, pd->pe[1].pe.table_group.tables[0]);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 1), 0);

	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, first, 4), 4 * pgsize);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 2);
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, second, 2), 2 * pgsize);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	pd_test_close(pd, domain);
	KUNIT_EXPECT_EQ(test, pd_test_kept(pd), 0);
}

/* What a user asks for, and what it gets: an errno, or gaps */
static void pd_test_requests(struct kunit *test)
{
	const u64 any = IOMMU_SPAPR_TCE_ANYWHERE;
	const struct {
		const char *name;
		struct iommu_hwpt_spapr_tce request;
		int ret;
		const char *gaps;
	} row[] = {
		{ "one, anywhere",
		  { .nr_windows = 1, .windows = { { any, SZ_1G, 12 } } },
		  0, "0-3ffffffff 440000000-ffffffffffffffff " },
		{ "the default one",
		  { .nr_windows = 1, .windows = { { 0, DDW_FAKE_SIZE, 12 } } },
		  0, "800000-ffffffffffffffff " },
		{ "both",
		  { .nr_windows = 2, .windows = { { 0, DDW_FAKE_SIZE, 12 },
						  { SZ_16G, SZ_1G, PAGE_SHIFT } } },
		  0, "800000-3ffffffff 440000000-ffffffffffffffff " },
		{ "two that are not the default one",
		  { .nr_windows = 2, .windows = { { any, SZ_1G, 12 },
						  { any, SZ_2G, 12 } } },
		  0, "0-3ffffffff 440000000-fffffffff 1080000000-ffffffffffffffff " },
		{ "elsewhere",
		  { .nr_windows = 1, .windows = { { SZ_4G, SZ_1G, 12 } } },
		  -EADDRNOTAVAIL },
		{ "none", { .nr_windows = 0 }, -EINVAL },
		{ "three", { .nr_windows = 3 }, -EINVAL },
		{ "a flag", { .flags = 1, .nr_windows = 1,
			      .windows = { { any, SZ_1G, 12 } } }, -EOPNOTSUPP },
		{ "padding", { .nr_windows = 1, .windows = { { any, SZ_1G, 12, 1 } } },
		  -EINVAL },
		{ "no bytes", { .nr_windows = 1, .windows = { { any, 0, 12 } } },
		  -EINVAL },
		{ "no power of 2", { .nr_windows = 1,
				     .windows = { { any, 3ULL * SZ_1G, 12 } } }, -EINVAL },
		{ "large pages", { .nr_windows = 1, .windows = { { any, SZ_1G, 24 } } },
		  -EINVAL },
		{ "no such pages", { .nr_windows = 1,
				     .windows = { { any, SZ_1G, 13 } } }, -EINVAL },
		{ "a shift of a word", { .nr_windows = 1,
					 .windows = { { any, SZ_1G, 64 } } }, -EINVAL },
		{ "too large", { .nr_windows = 1,
				 .windows = { { any, BIT_ULL(63), 12 } } }, -EINVAL },
		{ "larger than there is", { .nr_windows = 1,
					    .windows = { { any, SZ_2T, 12 } } }, -ENOSPC },
	};
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain;
	int i;

	pd->fake->first = 1;
	pd->fake->start[1] = SZ_16G;
	pd->fake->start[2] = SZ_64G;
	pd->fake->max_windows = 3;
	pd->fake->largest_block = SZ_1T >> 12;
	pd_test_release(pd, 0);
	KUNIT_ASSERT_EQ(test, pd_test_take(pd, 0), 0);

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		domain = pd_test_request(test, &row[i].request);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(domain), row[i].ret,
				    "%s", row[i].name);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(pd->fake, 0), 0);
		if (IS_ERR(domain))
			continue;
		pd_test_expect_gaps(test, domain, row[i].gaps);
		KUNIT_EXPECT_EQ_MSG(test, pd_test_attach(pd, domain, 0), 0, "%s",
				    row[i].name);
		pd_test_close(pd, domain);
	}
}

/* While a PE has a domain its windows can be asked for, and no others */
static void pd_test_request_in_use(struct kunit *test)
{
	struct iommu_hwpt_spapr_tce request = {
		.nr_windows = 1,
		.windows = { { IOMMU_SPAPR_TCE_ANYWHERE, SZ_1G, 12 } },
	};
	struct pd_test *pd = test->priv;
	struct iommu_domain *one, *two;
	size_t mapped;

	one = pd_test_request(test, &request);
	KUNIT_ASSERT_FALSE(test, IS_ERR(one));
	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, one, 0), 0);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, one, one->geometry.aperture_start,
					  1, &mapped), 0);

	two = pd_test_request(test, &request);
	KUNIT_ASSERT_FALSE(test, IS_ERR(two));
	KUNIT_EXPECT_EQ(test, pd_test_attach(pd, two, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pd_test_attach(pd, one, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 1);
	two->ops->free(two);

	request.windows[0].size = SZ_2G;
	two = pd_test_request(test, &request);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(two), -EBUSY);
	request.nr_windows = 2;
	request.windows[0].size = SZ_1G;
	request.windows[1] = request.windows[0];
	two = pd_test_request(test, &request);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(two), -EBUSY);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 1);
	pd_test_close(pd, one);
}

static void pd_test_hw_info(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_hw_info_spapr_tce *info;
	u32 length = 0;

	info = pseries_paging_domain_ops.hw_info(&pd->pe[0].pe.table_group,
						 &length);
	KUNIT_ASSERT_FALSE(test, IS_ERR(info));
	KUNIT_EXPECT_EQ(test, length, sizeof(*info));
	KUNIT_EXPECT_EQ(test, info->max_windows, 2);
	KUNIT_EXPECT_EQ(test, info->page_sizes, SZ_4K | PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, info->default_start, 0);
	KUNIT_EXPECT_EQ(test, info->default_size, DDW_FAKE_SIZE);
	KUNIT_EXPECT_EQ(test, info->default_page_shift, 12);
	kfree(info);
}

/* A PE that can have the default window only */
static void pd_test_default_window(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain;
	size_t mapped;

	ddw_fake_fail(pd->fake, BIT(DDW_FAKE_QUERY), 1, UINT_MAX, -1);
	domain = pd_test_open(test);
	KUNIT_EXPECT_EQ(test, domain->geometry.aperture_start, 0);
	KUNIT_EXPECT_EQ(test, domain->geometry.aperture_end, DDW_FAKE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, domain->pgsize_bitmap, SZ_4K);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, 0, 16, &mapped), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 16);
	pd_test_close(pd, domain);
}

/* Without a claim there is no domain, and none is attached */
static void pd_test_unclaimed(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_alloc(pd, 1);

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pd_test_release(pd, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pd_test_alloc(pd, 0)), -EBUSY);
	KUNIT_EXPECT_EQ(test, pd_test_attach(pd, domain, 0), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, pd->pe[0].pe.table_group.tables[0],
			    &pd->pe[0].host_table);
	KUNIT_EXPECT_EQ(test, pd_test_take(pd, 0), 0);
	domain->ops->free(domain);
}

/* Lists; what is mapped before and after the domain is attached; two PEs */
static void pd_test_two_pes(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	unsigned int *calls = pd->fake->calls;
	const size_t n = PD_TEST_PAGES;
	struct iommu_domain *domain;
	size_t pgsize, mapped;
	u64 iova;

	domain = pd_test_alloc(pd, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pgsize = domain->pgsize_bitmap;
	iova = domain->geometry.aperture_start;

	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, iova, n, &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, n * pgsize);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	KUNIT_EXPECT_EQ(test,
			domain->ops->iova_to_phys(domain, iova + n * pgsize - 1),
			pd->phys + n * pgsize - 1);
	KUNIT_EXPECT_EQ(test,
			domain->ops->iova_to_phys(domain, iova + n * pgsize), 0);

	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, domain, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), n);
	KUNIT_EXPECT_EQ(test, ddw_fake_tce(pd->fake, 0, iova + 5 * pgsize),
			(pd->phys + 5 * pgsize) | TCE_PCI_READ | TCE_PCI_WRITE);
	/* For the next device of the PE nothing is left to do */
	memset(calls, 0, sizeof(pd->fake->calls));
	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, domain, 0), 0);
	KUNIT_EXPECT_EQ(test, calls[DDW_FAKE_CREATE], 0);

	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, domain, 1), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 1), n);

	/* 512 entries in a call, for each PE, and none is read */
	memset(calls, 0, sizeof(pd->fake->calls));
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, iova, n), n * pgsize);
	KUNIT_EXPECT_EQ(test, calls[DDW_FAKE_STUFF], 2 * n / TCE_LIST_MAX);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, iova, n, &mapped), 0);
	KUNIT_EXPECT_EQ(test, calls[DDW_FAKE_PUT_LIST], 2 * n / TCE_LIST_MAX);
	KUNIT_EXPECT_EQ(test, calls[DDW_FAKE_PUT], 0);
	KUNIT_EXPECT_EQ(test, calls[DDW_FAKE_GET], 0);

	/* One PE is blocked, and the other keeps what it has */
	pd_test_block(pd, domain, 0);
	pd_test_block(pd, domain, 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 1), n);
	pd_test_block(pd, domain, 1);
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, iova, n), n * pgsize);
	domain->ops->free(domain);
	KUNIT_EXPECT_EQ(test, pd_test_kept(pd), 0);
}

/* One domain in the place of another, and back where that fails */
static void pd_test_replace(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *one, *two;
	size_t mapped;
	u64 iova;

	one = pd_test_open(test);
	iova = one->geometry.aperture_start;
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, one, iova, 4, &mapped), 0);

	/* The window of the second is that of the first */
	two = pd_test_alloc(pd, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(two));
	KUNIT_EXPECT_EQ(test, two->geometry.aperture_start, iova);
	KUNIT_EXPECT_EQ(test, two->geometry.aperture_end,
			one->geometry.aperture_end);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, two, iova + SZ_1M, 2, &mapped), 0);

	KUNIT_ASSERT_EQ(test, pd_test_attach(pd, two, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 2);
	KUNIT_EXPECT_EQ(test, ddw_fake_tce(pd->fake, 0, iova), 0);
	KUNIT_EXPECT_NE(test, ddw_fake_tce(pd->fake, 0, iova + SZ_1M), 0);

	/* There is no window for the first one: the second one is back */
	ddw_fake_fail(pd->fake, BIT(DDW_FAKE_CREATE), 1, 1, -1);
	KUNIT_EXPECT_LT(test, pd_test_attach(pd, one, 0), 0);
	KUNIT_EXPECT_EQ(test, pd->fake->failed, 1);
	ddw_fake_mend(pd->fake);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 2);
	KUNIT_EXPECT_NE(test, ddw_fake_tce(pd->fake, 0, iova + SZ_1M), 0);

	pd_test_close(pd, two);
	one->ops->free(one);
	KUNIT_EXPECT_EQ(test, pd_test_kept(pd), 0);
}

/* The platform has another place for the window: the user tries another domain */
static void pd_test_other_place(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_alloc(pd, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pd->fake->first = 1;
	KUNIT_EXPECT_EQ(test, pd_test_attach(pd, domain, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(pd->fake, 1), 0);
	domain->ops->free(domain);
}

/* What cannot be mapped */
static void pd_test_refused(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_open(test);
	const struct iommu_domain_ops *ops = domain->ops;
	size_t pgsize = domain->pgsize_bitmap, mapped = 0;
	u64 start = domain->geometry.aperture_start;
	u64 end = domain->geometry.aperture_end + 1;

	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, end, 1, &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, start - pgsize, 2,
					  &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, pd_test_map(pd, domain, end - pgsize, 2, &mapped),
			-EINVAL);
	/* device memory, by flag and by address */
	KUNIT_EXPECT_EQ(test, ops->map_pages(domain, start, pd->phys, pgsize, 1,
					     IOMMU_READ | IOMMU_MMIO,
					     GFP_KERNEL, &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->map_pages(domain, start, BIT_ULL(55), pgsize,
					     1, IOMMU_READ, GFP_KERNEL,
					     &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->map_pages(domain, start, pd->phys, pgsize, 1,
					     0, GFP_KERNEL, &mapped), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->map_pages(domain, start, pd->phys, pgsize, 1,
					     IOMMU_READ, GFP_ATOMIC, &mapped),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, mapped, 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	KUNIT_EXPECT_EQ(test, ops->iova_to_phys(domain, end), 0);

	/* The direction is the device's */
	KUNIT_EXPECT_EQ(test, ops->map_pages(domain, start, pd->phys, pgsize, 1,
					     IOMMU_READ, GFP_KERNEL, &mapped),
			0);
	KUNIT_EXPECT_EQ(test, ddw_fake_tce(pd->fake, 0, start),
			pd->phys | TCE_PCI_READ);
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, start, 1), pgsize);
	pd_test_close(pd, domain);
}

/* The second list fails: the first one is mapped, and said to be */
static void pd_test_map_fails(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_open(test);
	u64 iova = domain->geometry.aperture_start;
	size_t mapped;

	ddw_fake_fail(pd->fake, BIT(DDW_FAKE_PUT_LIST), 2, 1, H_PARAMETER);
	pd->fake->fail_after = 100;
	KUNIT_EXPECT_LT(test, pd_test_map(pd, domain, iova, PD_TEST_PAGES,
					  &mapped), 0);
	ddw_fake_mend(pd->fake);
	KUNIT_EXPECT_EQ(test, mapped, TCE_LIST_MAX * domain->pgsize_bitmap);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), TCE_LIST_MAX);
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, iova, TCE_LIST_MAX), mapped);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pd_test_kept(pd), 0);
	pd_test_close(pd, domain);
}

/* A list fails in the middle, and what it wrote cannot be cleared */
static void pd_test_map_stuck(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_open(test);
	u64 iova = domain->geometry.aperture_start;
	size_t mapped;

	ddw_fake_fail(pd->fake, DDW_FAKE_WRITE | DDW_FAKE_CLEAR, 1, UINT_MAX,
		      H_HARDWARE);
	pd->fake->fail_after = 3;
	KUNIT_EXPECT_LT(test, pd_test_map(pd, domain, iova, 8, &mapped), 0);
	KUNIT_EXPECT_EQ(test, mapped, 0);
	/* At least what the device reaches is kept */
	KUNIT_EXPECT_GE(test, pd_test_kept(pd),
			ddw_fake_reached(pd->fake, 0));
	ddw_fake_mend(pd->fake);
	pd_test_close(pd, domain);
}

/* The platform does not clear entries: what they map is kept, whoever unpins it */
static void pd_test_unmap_fails(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_open(test);
	u64 iova = domain->geometry.aperture_start;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pd_test_map(pd, domain, iova, 8, &mapped), 0);
	ddw_fake_fail(pd->fake, DDW_FAKE_WRITE | DDW_FAKE_CLEAR, 1, UINT_MAX,
		      H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pd_test_unmap(domain, iova, 8), mapped);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 8);
	KUNIT_EXPECT_EQ(test, pd_test_kept(pd), 8);
	ddw_fake_mend(pd->fake);

	pd_test_close(pd, domain);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
}

/* Nor can the window be removed: blocking does not fail, and the memory is kept */
static void pd_test_block_fails(struct kunit *test)
{
	struct pd_test *pd = test->priv;
	struct iommu_domain *domain = pd_test_open(test);
	u64 iova = domain->geometry.aperture_start;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, pd_test_map(pd, domain, iova, 8, &mapped), 0);
	ddw_fake_fail(pd->fake, DDW_FAKE_ANY & ~BIT(DDW_FAKE_QUERY), 1,
		      UINT_MAX, -1);
	pd_test_close(pd, domain);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 8);
	KUNIT_EXPECT_GE(test, pd_test_kept(pd), 8);
	/* No window beside one that may hold entries */
	KUNIT_EXPECT_TRUE(test, IS_ERR(pd_test_alloc(pd, 0)));
	ddw_fake_mend(pd->fake);

	/* The next window needs a reset of the PE, which proves it to be clean */
	domain = pd_test_open(test);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(pd->fake, 0), 0);
	pd_test_close(pd, domain);
}

static struct kunit_case pd_test_cases[] = {
	KUNIT_CASE(pd_test_geometry),
	KUNIT_CASE(pd_test_two_windows),
	KUNIT_CASE(pd_test_requests),
	KUNIT_CASE(pd_test_request_in_use),
	KUNIT_CASE(pd_test_hw_info),
	KUNIT_CASE(pd_test_default_window),
	KUNIT_CASE(pd_test_unclaimed),
	KUNIT_CASE(pd_test_two_pes),
	KUNIT_CASE(pd_test_replace),
	KUNIT_CASE(pd_test_other_place),
	KUNIT_CASE(pd_test_refused),
	KUNIT_CASE(pd_test_map_fails),
	KUNIT_CASE(pd_test_map_stuck),
	KUNIT_CASE(pd_test_unmap_fails),
	KUNIT_CASE(pd_test_block_fails),
	{}
};

static struct kunit_suite pd_test_suite = {
	.name = "pseries_paging_domain",
	.init = pd_test_init,
	.exit = pd_test_exit,
	.test_cases = pd_test_cases,
};

kunit_test_suite(pd_test_suite);
