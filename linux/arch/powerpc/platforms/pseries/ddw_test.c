// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of the firmware interface, ddw.c
 */

#include <kunit/test.h>

#include <linux/kernel.h>
#include <linux/of.h>
#include <linux/slab.h>

#include <asm/hvcall.h>
#include <asm/iommu.h>
#include <asm/tce.h>

#include "ddw.h"
#include "ddw_fake.h"

#define TEST_WINDOW_SHIFT	30

static int ddw_test_init(struct kunit *test)
{
	test->priv = ddw_fake_init(test);
	return 0;
}

static void ddw_test_exit(struct kunit *test)
{
	ddw_fake_exit(test->priv);
}

/* A node with "ibm,ddw-applicable" and "ibm,ddw-extensions", or one, or none */
static void ddw_test_node(struct kunit *test, struct ddw_firmware *fw,
			  int applicable, int extensions, const __be32 *cells)
{
	struct property ext = {
		.name = "ibm,ddw-extensions",
		.length = extensions * sizeof(*cells),
		.value = (void *)(cells + 3),
	};
	struct property app = {
		.name = "ibm,ddw-applicable",
		.length = applicable * sizeof(*cells),
		.value = (void *)cells,
		.next = extensions ? &ext : NULL,
	};
	struct device_node dn = {
		.full_name = "test",
		.properties = applicable ? &app : NULL,
	};

	ddw_firmware_init(fw, &dn);
}

static void ddw_test_firmware(struct kunit *test)
{
	const __be32 cells[] = {
		cpu_to_be32(11), cpu_to_be32(12), cpu_to_be32(13),
		cpu_to_be32(2), cpu_to_be32(14), cpu_to_be32(1),
	};
	const __be32 one[] = {
		cpu_to_be32(11), cpu_to_be32(12), cpu_to_be32(13),
		cpu_to_be32(1), cpu_to_be32(14), cpu_to_be32(1),
	};
	const __be32 limited[] = {
		cpu_to_be32(11), cpu_to_be32(12), cpu_to_be32(13),
		cpu_to_be32(3), cpu_to_be32(14), cpu_to_be32(0), cpu_to_be32(1),
	};
	const __be32 unlimited[] = {
		cpu_to_be32(11), cpu_to_be32(12), cpu_to_be32(13),
		cpu_to_be32(3), cpu_to_be32(14), cpu_to_be32(1), cpu_to_be32(0),
	};
	struct ddw_firmware fw;

	/* No DDW at all, and a property that is too short */
	ddw_test_node(test, &fw, 0, 0, cells);
	KUNIT_EXPECT_FALSE(test, fw.dynamic);
	KUNIT_EXPECT_FALSE(test, fw.resettable);
	ddw_test_node(test, &fw, 2, 0, cells);
	KUNIT_EXPECT_FALSE(test, fw.dynamic);

	/* No extensions */
	ddw_test_node(test, &fw, 3, 0, cells);
	KUNIT_EXPECT_TRUE(test, fw.dynamic);
	KUNIT_EXPECT_FALSE(test, fw.resettable);
	KUNIT_EXPECT_EQ(test, fw.query_token, 11);
	KUNIT_EXPECT_EQ(test, fw.create_token, 12);
	KUNIT_EXPECT_EQ(test, fw.remove_token, 13);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 5);

	/* Both, one of them, and a count that promises more than there is */
	ddw_test_node(test, &fw, 3, 3, cells);
	KUNIT_EXPECT_TRUE(test, fw.resettable);
	KUNIT_EXPECT_EQ(test, fw.reset_token, 14);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 6);
	ddw_test_node(test, &fw, 3, 3, one);
	KUNIT_EXPECT_TRUE(test, fw.resettable);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 5);
	ddw_test_node(test, &fw, 3, 1, cells);
	KUNIT_EXPECT_FALSE(test, fw.resettable);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 5);

	/* The third one, which may say no, and not without the first */
	ddw_test_node(test, &fw, 3, 4, limited);
	KUNIT_EXPECT_TRUE(test, fw.limitable);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 5);
	ddw_test_node(test, &fw, 3, 4, unlimited);
	KUNIT_EXPECT_FALSE(test, fw.limitable);
	KUNIT_EXPECT_EQ(test, fw.query_outputs, 6);
	ddw_test_node(test, &fw, 3, 3, limited);
	KUNIT_EXPECT_FALSE(test, fw.limitable);
	ddw_test_node(test, &fw, 3, 3, cells);
	KUNIT_EXPECT_FALSE(test, fw.limitable);
}

static void ddw_test_no_ddw(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct ddw_firmware fw = { };
	struct ddw_query query;
	u64 start;
	u32 liobn;
	int i;

	KUNIT_EXPECT_EQ(test, ddw_query(&fw, &query), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ddw_create(&fw, 12, 30, &liobn, &start),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ddw_remove(&fw, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ddw_reset(&fw), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, ddw_reset_limited(&fw), -EOPNOTSUPP);
	for (i = 0; i < DDW_FAKE_CALLS; i++)
		KUNIT_EXPECT_EQ(test, fake->calls[i], 0);
}

static void ddw_test_query(struct kunit *test)
{
	static const u8 shift[] = { 12, 16, 24, 25, 26, 27, 28, 34, 21 };
	struct ddw_fake *fake = test->priv;
	struct ddw_firmware fw = { };
	struct ddw_query query;
	int i;

	ddw_fake_firmware(&fw, 0);
	fake->max_windows = 3;
	fake->largest_block = 1ULL << 31;

	for (i = 0; i < ARRAY_SIZE(shift); i++) {
		fake->pgsizes = BIT(i);
		KUNIT_ASSERT_EQ(test, ddw_query(&fw, &query), 0);
		KUNIT_EXPECT_EQ(test, query.pgsizes, 1ULL << shift[i]);
		KUNIT_EXPECT_EQ(test, query.windows, 2);
		KUNIT_EXPECT_EQ(test, query.largest_block, 1ULL << 31);
	}

	/* No more than hypervisors are known to count */
	fake->largest_block = 1ULL << 40;
	KUNIT_ASSERT_EQ(test, ddw_query(&fw, &query), 0);
	KUNIT_EXPECT_EQ(test, query.largest_block, 1ULL << 31);

	/* Unknown sizes are ignored */
	fake->pgsizes = ~0;
	KUNIT_ASSERT_EQ(test, ddw_query(&fw, &query), 0);
	KUNIT_EXPECT_EQ(test, hweight64(query.pgsizes), ARRAY_SIZE(shift));

	fw.query_outputs = 5;
	fake->pgsizes = BIT(1);
	fake->largest_block = 4096;
	KUNIT_ASSERT_EQ(test, ddw_query(&fw, &query), 0);
	KUNIT_EXPECT_EQ(test, query.pgsizes, 1ULL << 16);
	KUNIT_EXPECT_EQ(test, query.largest_block, 4096);
}

/* Make all calls once, and note the result of each */
static void ddw_test_call_all(int ret[DDW_FAKE_CALLS])
{
	struct ddw_firmware fw = { };
	struct ddw_query query;
	u32 liobn = ddw_fake_liobn(0, 1);
	__be64 *list;
	u64 tce, start;

	list = (__be64 *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);
	list[0] = cpu_to_be64(0x1003);
	list[1] = cpu_to_be64(0x2003);

	ddw_fake_firmware(&fw, 0);
	ret[DDW_FAKE_QUERY] = ddw_query(&fw, &query);
	ret[DDW_FAKE_CREATE] = ddw_create(&fw, 16, TEST_WINDOW_SHIFT, &liobn,
					  &start);
	start = 1ULL << 59;
	ret[DDW_FAKE_GET] = ddw_tce_get(liobn, start, &tce);
	ret[DDW_FAKE_PUT] = ddw_tce_put(liobn, start, 0x1003);
	ret[DDW_FAKE_PUT_LIST] = ddw_tce_put_list(liobn, start, 16, list, 2);
	ret[DDW_FAKE_STUFF] = ddw_tce_clear(liobn, start, 16, 1);
	ret[DDW_FAKE_REMOVE] = ddw_remove(&fw, liobn);
	ret[DDW_FAKE_RESET] = ddw_reset(&fw);

	free_page((unsigned long)list);
}

static void ddw_test_statuses(struct kunit *test)
{
	static const struct {
		long status;
		int ret;
	} rtas[] = {
		{ 0, 0 }, { -1, -EIO }, { -3, -EINVAL }, { -4, -EIO },
		{ -7, -EIO }, { -9000, -EIO }, { 1, -EIO },
	}, hcall[] = {
		{ H_SUCCESS, 0 }, { H_HARDWARE, -EIO },
		{ H_FUNCTION, -EOPNOTSUPP }, { H_PRIVILEGE, -EIO },
		{ H_PARAMETER, -EINVAL }, { H_P2, -EINVAL },
		{ H_P3, -EINVAL }, { H_P4, -EINVAL }, { H_P5, -EINVAL },
		{ H_NOT_ENOUGH_RESOURCES, -ENOMEM }, { H_RESCINDED, -ENXIO },
		{ H_CONSTRAINED, -ENXIO }, { H_AUTHORITY, -EPERM },
		{ H_PARTIAL, -EIO }, { H_PERMISSION, -EIO },
	};
	struct ddw_fake *fake = test->priv;
	int i, call, ret[DDW_FAKE_CALLS];

	for (i = 0; i < ARRAY_SIZE(rtas); i++) {
		ddw_fake_fail(fake, DDW_FAKE_RTAS, 1, UINT_MAX, rtas[i].status);
		ddw_test_call_all(ret);
		for (call = DDW_FAKE_QUERY; call <= DDW_FAKE_RESET; call++)
			KUNIT_EXPECT_EQ_MSG(test, ret[call], rtas[i].ret,
					    "call %d, status %ld", call,
					    rtas[i].status);
	}

	for (i = 0; i < ARRAY_SIZE(hcall); i++) {
		ddw_fake_fail(fake, DDW_FAKE_HCALL, 1, UINT_MAX,
			      hcall[i].status);
		ddw_test_call_all(ret);
		for (call = DDW_FAKE_GET; call <= DDW_FAKE_STUFF; call++)
			KUNIT_EXPECT_EQ_MSG(test, ret[call], hcall[i].ret,
					    "call %d, status %ld", call,
					    hcall[i].status);
	}
}

/* A call that is busy is made again until it is done */
static void ddw_test_busy(struct kunit *test)
{
	static const long rtas[] = { -2, 9900, 9901 };
	static const long hcall[] = { H_BUSY, H_LONG_BUSY_ORDER_1_MSEC,
				      H_LONG_BUSY_ORDER_10_MSEC };
	struct ddw_fake *fake = test->priv;
	struct ddw_firmware fw = { };
	struct ddw_query query;
	u64 start, tce;
	u32 liobn;
	int i;

	ddw_fake_firmware(&fw, 0);
	fake->busy = 3;

	for (i = 0; i < ARRAY_SIZE(rtas); i++) {
		fake->busy_status = rtas[i];
		KUNIT_EXPECT_EQ(test, ddw_query(&fw, &query), 0);
		KUNIT_EXPECT_EQ(test, ddw_create(&fw, 16, TEST_WINDOW_SHIFT,
						 &liobn, &start), 0);
		KUNIT_EXPECT_EQ(test, ddw_remove(&fw, liobn), 0);
		KUNIT_EXPECT_EQ(test, ddw_reset(&fw), 0);
	}
	/* But not more often than that */
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_CREATE], ARRAY_SIZE(rtas));

	liobn = ddw_fake_liobn(0, DDW_FAKE_DEFAULT);
	for (i = 0; i < ARRAY_SIZE(hcall); i++) {
		fake->busy_status = hcall[i];
		KUNIT_EXPECT_EQ(test, ddw_tce_put(liobn, 0x5000, 0x1003), 0);
		KUNIT_EXPECT_EQ(test, ddw_tce_get(liobn, 0x5000, &tce), 0);
		KUNIT_EXPECT_EQ(test, tce, 0x1003);
		KUNIT_EXPECT_EQ(test, ddw_tce_clear(liobn, 0x5000, 12, 1), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	}
}

static void ddw_test_create(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct ddw_firmware fw = { };
	u64 start;
	u32 liobn;

	ddw_fake_firmware(&fw, 1);
	KUNIT_ASSERT_EQ(test, ddw_create(&fw, 21, 47, &liobn, &start), 0);
	KUNIT_EXPECT_EQ(test, liobn, ddw_fake_liobn(1, 1));
	KUNIT_EXPECT_EQ(test, start, 1ULL << 59);
	KUNIT_EXPECT_EQ(test, fake->window[1][1].size, 1ULL << 47);
	KUNIT_EXPECT_EQ(test, fake->window[1][1].page_shift, 21);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
}

/* A reset begins the mode, another one ends it */
static void ddw_test_limited(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct ddw_firmware fw = { };
	u64 start;
	u32 liobn;

	ddw_fake_firmware(&fw, 0);
	KUNIT_ASSERT_EQ(test, ddw_reset_limited(&fw), 0);
	KUNIT_ASSERT_EQ(test, ddw_create(&fw, 16, 32, &liobn, &start), 0);
	KUNIT_EXPECT_EQ(test, start, DDW_FAKE_LIMITED);

	/* Both resets remove all windows but the default one */
	KUNIT_ASSERT_EQ(test, ddw_reset_limited(&fw), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_ASSERT_EQ(test, ddw_reset(&fw), 0);
	KUNIT_ASSERT_EQ(test, ddw_create(&fw, 16, 32, &liobn, &start), 0);
	KUNIT_EXPECT_EQ(test, start, 1ULL << 59);

	/* A platform that does not have the mode is not called */
	fw.limitable = false;
	fake->calls[DDW_FAKE_RESET] = 0;
	KUNIT_EXPECT_EQ(test, ddw_reset_limited(&fw), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_RESET], 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);

	fw.limitable = true;
	ddw_fake_fail(fake, BIT(DDW_FAKE_RESET), 1, 1, -1);
	KUNIT_EXPECT_EQ(test, ddw_reset_limited(&fw), -EIO);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);
}

/* Lists and ranges, in all lengths around the limit of one hypercall */
static void ddw_test_ranges(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 2, 511, 512, 513, 1024, 1025 };
	u32 liobn = ddw_fake_liobn(0, DDW_FAKE_DEFAULT);
	struct ddw_fake *fake = test->priv;
	__be64 *list = (__be64 *)get_zeroed_page(GFP_KERNEL);
	unsigned int i, n, done;

	KUNIT_ASSERT_NOT_NULL(test, list);
	for (i = 0; i < TCE_LIST_MAX; i++)
		list[i] = cpu_to_be64(i << 12 | 3);

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (done = 0; done < counts[i]; done += n) {
			n = min_t(unsigned int, counts[i] - done, TCE_LIST_MAX);
			KUNIT_EXPECT_EQ(test, ddw_tce_put_list(liobn, done << 12,
							       12, list, n), 0);
		}
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), counts[i]);
		KUNIT_EXPECT_EQ(test, ddw_fake_tce(fake, 0,
						   (counts[i] - 1) << 12),
				(counts[i] - 1) % TCE_LIST_MAX << 12 | 3);
		/* Clear all but the last one, and then that one */
		KUNIT_EXPECT_EQ(test, ddw_tce_clear(liobn, 0, 12,
						    counts[i] - 1), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
		KUNIT_EXPECT_EQ(test, ddw_tce_clear(liobn, 0, 12, counts[i]),
				0);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	}

	free_page((unsigned long)list);
}

static void ddw_test_clear_fails(struct kunit *test)
{
	u32 liobn = ddw_fake_liobn(0, DDW_FAKE_DEFAULT);
	struct ddw_fake *fake = test->priv;
	unsigned int i;

	for (i = 0; i < 2048; i++)
		ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, i << 12, 0x1003);

	/* The entries of the call that fails and of those after it stay */
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 3, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, ddw_tce_clear(liobn, 0, 12, 2048), -EIO);
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_STUFF], 3);
	KUNIT_EXPECT_LT(test, ddw_fake_reached(fake, 0), 2048);
	KUNIT_EXPECT_EQ(test, ddw_fake_tce(fake, 0, 2047 << 12), 0x1003);

	KUNIT_EXPECT_EQ(test, ddw_tce_clear(liobn, 0, 12, 2048), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
}

static struct kunit_case ddw_test_cases[] = {
	KUNIT_CASE(ddw_test_firmware),
	KUNIT_CASE(ddw_test_no_ddw),
	KUNIT_CASE(ddw_test_query),
	KUNIT_CASE(ddw_test_statuses),
	KUNIT_CASE(ddw_test_busy),
	KUNIT_CASE(ddw_test_create),
	KUNIT_CASE(ddw_test_limited),
	KUNIT_CASE(ddw_test_ranges),
	KUNIT_CASE(ddw_test_clear_fails),
	{ }
};

static struct kunit_suite ddw_test_suite = {
	.name = "pseries_ddw",
	.init = ddw_test_init,
	.exit = ddw_test_exit,
	.test_cases = ddw_test_cases,
};

kunit_test_suite(ddw_test_suite);
