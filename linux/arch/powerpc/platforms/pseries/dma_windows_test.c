// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of the windows of a PE, dma_windows.c
 */

#include <kunit/test.h>

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include <asm/hvcall.h>
#include <asm/iommu.h>

#include "ddw_fake.h"
#include "dma_windows.h"

/* A PE as it is at boot, owned by the host */
static struct pseries_pe *pe_test_pe(struct kunit *test)
{
	struct pseries_pe *pe = kunit_kzalloc(test, sizeof(*pe), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pe);
	mutex_init(&pe->lock);
	pe_windows_init(pe, ddw_fake_node(test->priv, 0));
	pe->fw.buid = ddw_fake_buid(0);
	return pe;
}

static int pe_test_block(struct pseries_pe *pe)
{
	int ret;

	mutex_lock(&pe->lock);
	ret = pe_windows_block(pe);
	mutex_unlock(&pe->lock);
	return ret;
}

static int pe_test_restore(struct pseries_pe *pe)
{
	int ret;

	mutex_lock(&pe->lock);
	ret = pe_windows_restore(pe);
	mutex_unlock(&pe->lock);
	return ret;
}

static int pe_test_open(struct pseries_pe *pe, int slot, u32 page_shift,
			u64 size)
{
	int ret;

	mutex_lock(&pe->lock);
	ret = pe_window_open(pe, slot, page_shift, size);
	mutex_unlock(&pe->lock);
	return ret;
}

/* Clear all entries before closing a window, as users of the table group do */
static int pe_test_close(struct pseries_pe *pe, int slot)
{
	int ret;

	mutex_lock(&pe->lock);
	pe_window_clear(pe, &pe->window[slot]);
	ret = pe_window_close(pe, slot);
	mutex_unlock(&pe->lock);
	return ret;
}

/* Put an entry into a window that is open */
static void pe_test_map(struct kunit *test, struct pseries_pe *pe, int slot)
{
	struct pe_window *win = &pe->window[slot];

	KUNIT_EXPECT_EQ(test, ddw_tce_put(win->liobn, win->start, 0x10003), 0);
}

/* A PE that a user owns, without windows */
static struct pseries_pe *pe_test_blocked(struct kunit *test)
{
	struct pseries_pe *pe = pe_test_pe(test);

	KUNIT_ASSERT_EQ(test, pe_test_block(pe), 0);
	KUNIT_ASSERT_EQ(test, ddw_fake_count(test->priv, 0), 0);
	return pe;
}

/* The number of windows that are left */
static int pe_test_left(struct pseries_pe *pe)
{
	int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(pe->left); i++)
		n += pe->left[i].kind != PE_WINDOW_NONE;

	return n;
}

/* Expect the platform, and the state of the PE, to be as at boot */
static void pe_test_expect_host(struct kunit *test, struct pseries_pe *pe)
{
	struct ddw_fake *fake = test->priv;

	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_TRUE(test, fake->window[0][DDW_FAKE_DEFAULT].exists);
	KUNIT_EXPECT_FALSE(test, fake->window[0][DDW_FAKE_DEFAULT].dynamic);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe->owner, PE_OWNER_HOST);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_FALSE(test, pe->window[0].dirty);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);
}

static void pe_test_init(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	pe_test_expect_host(test, pe);
	KUNIT_EXPECT_EQ(test, pe->boot.liobn,
			ddw_fake_liobn(0, DDW_FAKE_DEFAULT));
	KUNIT_EXPECT_EQ(test, pe->boot.start, 0);
	KUNIT_EXPECT_EQ(test, pe->boot.size, DDW_FAKE_SIZE);
	KUNIT_EXPECT_EQ(test, pe->boot.page_shift, IOMMU_PAGE_SHIFT_4K);
	KUNIT_EXPECT_TRUE(test, pe->fw.dynamic);
	KUNIT_EXPECT_TRUE(test, pe->fw.resettable);

	/* A PE without "ibm,dma-window" has no window and is not touched */
	pe = kunit_kzalloc(test, sizeof(*pe), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pe);
	pe_windows_init(pe, &fake->dn[1]);
	KUNIT_EXPECT_EQ(test, pe->boot.size, 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);
}

/* The host's windows are removed with their entries, the default one comes back */
static void pe_test_block_and_restore(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);
	int i;

	for (i = 0; i < 3; i++) {
		mutex_lock(&pe->lock);
		KUNIT_EXPECT_EQ(test, pe_window_open_dynamic(pe, 1, 16, 32), 0);
		mutex_unlock(&pe->lock);
		pe_test_map(test, pe, 0);
		pe_test_map(test, pe, 1);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 2);

		KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
		KUNIT_EXPECT_EQ(test, pe->owner, PE_OWNER_USER);

		/* It comes back with the entries that it had, and is emptied */
		ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, 0x5000, 0x1003);
		KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
		pe_test_expect_host(test, pe);
		/* A second call changes nothing */
		KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	}
}

/* Without a reset the default window stays, and is emptied */
static void pe_test_no_reset(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	ddw_fake_hide(fake, 0, "ibm,ddw-extensions");
	pe_test_map(test, pe, 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);

	/* A user can have the default window, and another one beside it */
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 12, DDW_FAKE_SIZE / 2), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
	KUNIT_EXPECT_EQ(test, pe->window[0].size, DDW_FAKE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	pe_test_map(test, pe, 1);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 1), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);

	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* Without DDW there is only the default window */
static void pe_test_no_ddw(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	ddw_fake_hide(fake, 0, "ibm,ddw-applicable");
	pe_test_map(test, pe, 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 12, DDW_FAKE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 12, DDW_FAKE_SIZE), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* Which kind of window a request gets */
static void pe_test_choice(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	/* The default window, for a first window of 4K pages that is no larger */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, DDW_FAKE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);

	/* A dynamic one, for a larger window, or one of other pages */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, 2 * DDW_FAKE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, pe->window[0].start, 0);

	/* Or for a second window, since a reset would remove the first one */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 1, 12, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);
}

static void pe_test_refused(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);
	int i;

	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 24, SZ_1G), -EINVAL);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1M + SZ_64K),
			-EINVAL);
	mutex_lock(&pe->lock);
	KUNIT_EXPECT_EQ(test, pe_window_open_dynamic(pe, 0, 140, 150), -EINVAL);
	KUNIT_EXPECT_EQ(test, pe_window_open_dynamic(pe, 0, 64, 64), -EINVAL);
	KUNIT_EXPECT_EQ(test, pe_window_open_dynamic(pe, 0, 16, 12), -EINVAL);
	KUNIT_EXPECT_EQ(test, pe_window_open_dynamic(pe, 0, 16, 64), -EINVAL);
	mutex_unlock(&pe->lock);

	fake->largest_block = 1024;
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -ENOSPC);
	fake->largest_block = U32_MAX;
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_CREATE], 0);

	/* The platform refuses a window that it has offered, several times */
	ddw_fake_fail(fake, BIT(DDW_FAKE_CREATE), 1, 3, -1);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -EIO);
	ddw_fake_fail(fake, BIT(DDW_FAKE_QUERY), 1, 1, -1);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -EIO);

	/* None of these failures has lasting effects */
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 1), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* The platform puts a new window where there is another one */
static void pe_test_overlap(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	fake->start[1] = 2 * DDW_FAKE_SIZE;
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_NONE);

	/* If the new window cannot be removed it is left, empty, and does no harm */
	ddw_fake_fail(fake, BIT(DDW_FAKE_REMOVE), 1, 1, -1);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 1);
	KUNIT_EXPECT_FALSE(test, pe_windows_left_dirty(pe));
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), -ENOSPC);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].start, 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
}

/*
 * A PE that can have one window, as virtual functions have: the default window
 * makes room for another one, and the other way round.
 */
static void pe_test_single_window(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe;
	int i;

	fake->max_windows = 1;
	pe = pe_test_blocked(test);

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
		pe_test_map(test, pe, 0);
		KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 12, SZ_1M), -ENOSPC);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
		/* The default window comes back in its place and is removed, too */
		KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);

		KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, DDW_FAKE_SIZE), 0);
		KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
		KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), -ENOSPC);
		KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	}

	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);

	/* The default window stays if it could not be brought back */
	ddw_fake_hide(fake, 0, "ibm,ddw-extensions");
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -ENOSPC);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 12, SZ_1M), 0);
}

/* The default window is left, and keeps another window from being created */
static void pe_test_default_in_the_way(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	/* It is closed beside another window, and stays for a later request */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, SZ_1M), 0);
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);

	/* The next request is for other pages, so it is removed */
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 21, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);
}

/* The platform may not bring the default window back by itself */
static void pe_test_not_restored(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	fake->restores_default = false;
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* The default window comes back with entries: the device must not reach them */
static void pe_test_restored_with_entries(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	fake->first = 1;
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, 0x5000, 0x1003);

	/* It cannot be removed again, so it is emptied */
	ddw_fake_fail(fake, BIT(DDW_FAKE_REMOVE), 2, 1, -1);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 1), 0);
	KUNIT_EXPECT_EQ(test, fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);

	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* A window is neither emptied nor removed: no user gets the PE until it is */
static void pe_test_block_fails(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR | BIT(DDW_FAKE_REMOVE), 1, UINT_MAX,
		      -1);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
	KUNIT_EXPECT_LT(test, pe_test_restore(pe), 0);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);

	/* When the platform has recovered the host, and then a user, gets the PE */
	ddw_fake_mend(fake);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
}

/* It is enough if a window is either emptied or removed */
static void pe_test_block_half(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	ddw_fake_mend(fake);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);

	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, BIT(DDW_FAKE_REMOVE), 1, UINT_MAX, -1);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* The window of a user stays with its entries: the user gets an errno */
static void pe_test_close_fails(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR | BIT(DDW_FAKE_REMOVE) |
		      BIT(DDW_FAKE_RESET), 1, UINT_MAX, -1);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), -EIO);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
	KUNIT_EXPECT_TRUE(test, pe_windows_left_dirty(pe));

	/* There is no other window beside it, and no other user gets the PE */
	KUNIT_EXPECT_LT(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_LT(test, pe_test_open(pe, 0, 12, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);

	/* A reset ends that */
	ddw_fake_mend(fake);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	pe_test_map(test, pe, 0);

	/* Also for the next user of the PE */
	ddw_fake_fail(fake, DDW_FAKE_CLEAR | BIT(DDW_FAKE_REMOVE) |
		      BIT(DDW_FAKE_RESET), 1, UINT_MAX, -1);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), -EIO);
	ddw_fake_mend(fake);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* A window that was not emptied is removed: its entries are removed with it */
static void pe_test_close_dirty(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_FALSE(test, pe_windows_left_dirty(pe));

	/* The default window keeps its entries, and is emptied before it is used */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, SZ_1M), 0);
	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);

	/* If it could not be emptied it is removed beside another window, too */
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->failed, 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
}

/* The host gets no window while that fails, and then it does */
static void pe_test_restore_fails(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	ddw_fake_fail(fake, BIT(DDW_FAKE_RESET), 1, 2, -1);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);

	/* The window is there, but has entries that cannot be cleared */
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, 0x5000, 0x1003);
	ddw_fake_fail(fake, DDW_FAKE_CLEAR, 1, 1, H_HARDWARE);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);

	/* A reset that failed may have been done all the same: it is repeated */
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	fake->window[0][DDW_FAKE_DEFAULT].exists = true;
	ddw_fake_fail(fake, BIT(DDW_FAKE_RESET), 1, 1, -1);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* A PE that is unplugged leaves its default window, but no dynamic one */
static void pe_test_abandon(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);

	mutex_lock(&pe->lock);
	KUNIT_ASSERT_EQ(test, pe_window_open_dynamic(pe, 1, 16, 32), 0);
	mutex_unlock(&pe->lock);
	pe_test_map(test, pe, 1);
	pe_windows_abandon(pe);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_TRUE(test, fake->window[0][DDW_FAKE_DEFAULT].exists);
}

/* A device reaches only entries of windows in use, or the PE is known to be dirty */
static void pe_test_invariant(struct kunit *test, struct pseries_pe *pe,
			      const char *step)
{
	struct ddw_fake *fake = test->priv;
	unsigned int i, num, open = 0;
	struct pe_window *win;
	bool used;

	for (i = 0; i < ARRAY_SIZE(pe->window); i++)
		open += pe->window[i].kind != PE_WINDOW_NONE;

	for (num = 0; num < DDW_FAKE_WINDOWS; num++) {
		if (!fake->window[0][num].exists ||
		    xa_empty(&fake->window[0][num].tces))
			continue;

		used = false;
		for (i = 0; i < ARRAY_SIZE(pe->window); i++) {
			win = &pe->window[i];
			used |= win->kind != PE_WINDOW_NONE &&
				win->liobn == ddw_fake_liobn(0, num);
		}
		KUNIT_EXPECT_TRUE_MSG(test, used || pe_windows_left_dirty(pe),
				      "%s: window %u, call %u failed", step,
				      num, fake->fail_from);
	}

	/* The windows in use exist */
	for (i = 0; i < ARRAY_SIZE(pe->window); i++) {
		win = &pe->window[i];
		num = win->liobn - ddw_fake_liobn(0, 0);
		if (win->kind != PE_WINDOW_NONE)
			KUNIT_EXPECT_TRUE_MSG(test,
					      num < DDW_FAKE_WINDOWS &&
					      fake->window[0][num].exists,
					      "%s: slot %u, call %u failed",
					      step, i, fake->fail_from);
	}
}

/* The life of a PE, in which errors are handled as the callers handle them */
static void pe_test_life(struct kunit *test, struct pseries_pe *pe)
{
	struct ddw_fake *fake = test->priv;

	ddw_tce_put(pe->window[0].liobn, 0, 0x10003);
	if (pe_test_block(pe)) {
		pe_test_invariant(test, pe, "block");
		goto restore;
	}
	pe_test_invariant(test, pe, "block");

	if (!pe_test_open(pe, 0, 12, DDW_FAKE_SIZE))
		ddw_tce_put(pe->window[0].liobn, pe->window[0].start, 0x10003);
	pe_test_invariant(test, pe, "open the default window");

	if (!pe_test_open(pe, 1, 16, SZ_1G))
		ddw_tce_put(pe->window[1].liobn, pe->window[1].start, 0x10003);
	pe_test_invariant(test, pe, "open a second");

	if (pe->window[0].kind != PE_WINDOW_NONE)
		pe_test_close(pe, 0);
	pe_test_invariant(test, pe, "close the default window");

	if (!pe_test_open(pe, 0, 21, SZ_1G))
		ddw_tce_put(pe->window[0].liobn, pe->window[0].start,
			    0x200003);
	pe_test_invariant(test, pe, "open a third");

	if (pe->window[1].kind != PE_WINDOW_NONE)
		pe_test_close(pe, 1);
	pe_test_invariant(test, pe, "close the second");

	/* The default window may come back next, with entries that it has kept */
	if (!fake->window[0][DDW_FAKE_DEFAULT].exists)
		ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, 0x7000, 0x10003);
	if (pe->window[0].kind != PE_WINDOW_NONE)
		pe_test_close(pe, 0);
	pe_test_invariant(test, pe, "close the last");
restore:
	pe_test_restore(pe);
	pe_test_invariant(test, pe, "restore");
}

/*
 * Each call in the life of a PE fails in turn, alone or with all that follow. When
 * the platform has recovered the host gets its window back, and a user the PE.
 */
static void pe_test_each_call(struct kunit *test, unsigned int first,
			      unsigned int count)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_pe(test);
	unsigned int n, total = 0;

	fake->first = first;
	for (n = 1; n < 1000; n++) {
		ddw_fake_fail(fake, DDW_FAKE_ANY, n, count, -1);
		pe_test_life(test, pe);
		ddw_fake_mend(fake);
		if (!fake->failed)
			break;

		total += fake->failed;
		KUNIT_EXPECT_EQ_MSG(test, pe_test_restore(pe), 0,
				    "call %u failed", n);
		KUNIT_EXPECT_EQ_MSG(test, pe_test_block(pe), 0,
				    "call %u failed", n);
		KUNIT_EXPECT_EQ_MSG(test, pe_test_restore(pe), 0,
				    "call %u failed", n);
		pe_test_expect_host(test, pe);
	}

	KUNIT_EXPECT_GT(test, n, 20);
	kunit_info(test, "%u calls, each failed once, %u failures in all\n",
		   n - 1, total);
}

static void pe_test_each_call_once(struct kunit *test)
{
	pe_test_each_call(test, 0, 1);
}

static void pe_test_each_call_and_all_after(struct kunit *test)
{
	pe_test_each_call(test, 0, UINT_MAX);
}

/* The same where no new window gets the number of the default window */
static void pe_test_each_call_once_new_number(struct kunit *test)
{
	pe_test_each_call(test, 1, 1);
}

static void pe_test_each_call_and_all_after_new_number(struct kunit *test)
{
	pe_test_each_call(test, 1, UINT_MAX);
}

/* A page of this kernel, and a PE after kexec; @described is in the device tree */
#define PE_TEST_PAGE	0x2000000

static struct pseries_pe *pe_test_inherit(struct kunit *test,
					  const struct pe_window *described,
					  bool direct)
{
	struct pseries_pe *pe = pe_test_pe(test);

	if (described)
		pe->window[1] = *described;
	pe_windows_inherit(pe, direct, PE_TEST_PAGE, 0);
	return pe;
}

/* Make a window of 64K pages as another kernel, which may map its memory there */
static struct pe_window pe_test_earlier(struct kunit *test, bool direct)
{
	struct pseries_pe *pe = pe_test_pe(test);
	struct pe_window *win = &pe->window[1];
	u64 ioba;

	mutex_lock(&pe->lock);
	KUNIT_ASSERT_EQ(test, pe_window_open_dynamic(pe, 1, 16, 32), 0);
	mutex_unlock(&pe->lock);

	ioba = win->start + PE_TEST_PAGE;
	if (direct)
		ddw_tce_put(win->liobn, ioba, PE_TEST_PAGE | 3);
	return *win;
}

/* The windows are as the device tree describes them, and stay with their entries */
static void pe_test_inherit_host(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe;
	struct pe_window win;
	u64 ioba;
	int i;

	/* The default window, empty or not, even if neighbouring entries are equal */
	for (i = 0; i < 4; i++) {
		pe = pe_test_inherit(test, NULL, false);
		KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), i);
		KUNIT_EXPECT_TRUE(test, pe_windows_left_dirty(pe));
		ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, i * SZ_4K, 0x5003);
	}

	/* A window that drivers map parts of, and a direct one */
	for (i = 0; i < 2; i++) {
		win = pe_test_earlier(test, i);
		pe = pe_test_inherit(test, &win, i);
		KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
		KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_DYNAMIC);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 2);
		KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 4 + i);
		KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_RESET], 0);

		/* A user gets the PE without these windows */
		KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
		KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
		KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
		pe_test_expect_host(test, pe);
		fake->calls[DDW_FAKE_RESET] = 0;
		for (ioba = 0; ioba < 4 * SZ_4K; ioba += SZ_4K)
			ddw_fake_set_tce(fake, 0, DDW_FAKE_DEFAULT, ioba,
					 0x5003);
	}
}

/* The cost does not depend on the size of the windows */
static void pe_test_inherit_calls(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pe_window win = pe_test_earlier(test, true);
	unsigned int i, n = 0;

	memset(fake->calls, 0, sizeof(fake->calls));
	pe_test_inherit(test, &win, true);
	for (i = 0; i < DDW_FAKE_CALLS; i++)
		n += fake->calls[i];
	KUNIT_EXPECT_LE(test, n, 32);
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_RESET], 0);
}

/* The user of an earlier kernel has changed the windows, and that is found out */
static void pe_test_inherit_user(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	const struct {
		const char *name;
		bool described;		/* a direct window, in the device tree */
		bool none;		/* the user has no window */
		bool map;
		u32 page_shift;
		u64 size;
	} cases[] = {
		{ "no window", .none = true },
		{ "no window any more", .described = true, .none = true },
		{ "small", .page_shift = 16, .size = SZ_1M },
		{ "large", .page_shift = 16, .size = SZ_1G, .map = true },
		{ "alike", .page_shift = 16, .size = DDW_FAKE_SIZE },
		{ "alike, mapped", .page_shift = 16, .size = DDW_FAKE_SIZE,
		  .map = true },
		{ "alike, 2M pages", .page_shift = 21, .size = DDW_FAKE_SIZE,
		  .map = true },
		{ "in place of both", .described = true, .page_shift = 16,
		  .size = 1ULL << 32, .map = true },
	};
	const struct pe_window *described;
	struct pseries_pe *pe;
	struct pe_window win;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		win = pe_test_earlier(test, true);
		pe = pe_test_pe(test);
		pe->window[1] = win;
		KUNIT_ASSERT_EQ(test, pe_test_block(pe), 0);
		if (!cases[i].none)
			KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, cases[i].page_shift,
							   cases[i].size), 0);
		if (cases[i].map)
			pe_test_map(test, pe, 0);

		described = NULL;
		if (cases[i].described)
			described = &win;
		pe = pe_test_inherit(test, described, true);
		KUNIT_EXPECT_EQ_MSG(test, ddw_fake_count(fake, 0), 1, "%s",
				    cases[i].name);
		KUNIT_EXPECT_EQ_MSG(test, fake->calls[DDW_FAKE_RESET], i + 1,
				    "%s", cases[i].name);
		pe_test_expect_host(test, pe);
	}
}

/*
 * The user's window is where that of the device tree was, of the same number, and
 * maps other pages there.
 */
static void pe_test_inherit_other(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pe_window win = pe_test_earlier(test, true);
	struct pseries_pe *pe;

	ddw_tce_put(win.liobn, win.start + PE_TEST_PAGE, 0x7770003);
	pe = pe_test_inherit(test, &win, true);
	pe_test_expect_host(test, pe);
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_RESET], 1);
}

/* Without a reset the host uses the windows that exist, and no user gets the PE */
static void pe_test_inherit_no_reset(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pe_window win = pe_test_earlier(test, true);
	struct pseries_pe *pe = pe_test_pe(test);

	/* The host's dynamic window has been removed, the default one has not */
	ddw_remove(&pe->fw, win.liobn);
	pe_test_map(test, pe, 0);
	ddw_fake_hide(fake, 0, "ibm,ddw-extensions");
	pe = pe_test_inherit(test, &win, true);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);

	/* No window is as described: the host has none, and tries again */
	fake->window[0][DDW_FAKE_DEFAULT].exists = false;
	pe = pe_test_inherit(test, NULL, false);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_LT(test, pe_test_restore(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
}

/*
 * A user of the kernel before had a window that this kernel does not know, and the
 * device reaches its entries. The next user gets the PE after a reset.
 */
static void pe_test_inherit_unknown(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 12, DDW_FAKE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), 0);
	pe_test_map(test, pe, 1);

	pe = pe_test_inherit(test, NULL, false);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_DEFAULT);
	/* A reset is tried when the last window is closed, and at the end */
	ddw_fake_fail(fake, BIT(DDW_FAKE_RESET), 1, 3, -1);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
	KUNIT_EXPECT_EQ(test, fake->failed, 3);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);
}

/* Without a reset the number of windows proves that there are no others */
static void pe_test_inherit_counted(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pe_window win;
	struct pseries_pe *pe;

	ddw_fake_hide(fake, 0, "ibm,ddw-extensions");
	pe = pe_test_pe(test);
	pe_windows_inherit(pe, false, PE_TEST_PAGE, 2);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);

	/* There is one more, and it is described */
	win = pe_test_earlier(test, true);
	pe = pe_test_pe(test);
	pe->window[1] = win;
	pe_windows_inherit(pe, true, PE_TEST_PAGE, 2);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);

	/* There is one more, and it is not described */
	pe = pe_test_pe(test);
	pe_windows_inherit(pe, false, PE_TEST_PAGE, 2);
	KUNIT_EXPECT_TRUE(test, pe_windows_left_dirty(pe));
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);

	/* The platform does not say how many more there can be */
	ddw_remove(&pe->fw, win.liobn);
	pe = pe_test_pe(test);
	ddw_fake_fail(fake, BIT(DDW_FAKE_QUERY), 1, 1, -1);
	pe_windows_inherit(pe, false, PE_TEST_PAGE, 2);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), -EIO);
	ddw_fake_mend(fake);

	/* Where no window can be created there is no other */
	ddw_fake_hide(fake, 0, "ibm,ddw-applicable");
	pe = pe_test_inherit(test, NULL, false);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
}

/* The host has exchanged the default window, which the device tree still describes */
static void pe_test_inherit_exchanged(struct kunit *test)
{
	struct property saved = { .name = "ibm,dma-window-saved" };
	struct ddw_fake *fake = test->priv;
	struct pe_window win;
	struct pseries_pe *pe;
	u64 ioba;

	fake->max_windows = 1;
	fake->first = 1;
	pe = pe_test_pe(test);
	saved.value = pe->default_prop->value;
	saved.length = pe->default_prop->length;
	mutex_lock(&pe->lock);
	KUNIT_ASSERT_EQ(test, pe_window_close(pe, 0), 0);
	KUNIT_ASSERT_EQ(test, pe_window_open_dynamic(pe, 1, 16, 32), 0);
	mutex_unlock(&pe->lock);
	win = pe->window[1];
	ioba = win.start + PE_TEST_PAGE;
	ddw_tce_put(win.liobn, ioba, PE_TEST_PAGE | 3);

	ddw_fake_hide(fake, 0, "ibm,dma-window");
	saved.next = fake->dn[0].properties;
	fake->dn[0].properties = &saved;

	/* The next kernel keeps the window that exists */
	pe = pe_test_inherit(test, &win, true);
	KUNIT_EXPECT_EQ(test, pe->boot.size, DDW_FAKE_SIZE);
	KUNIT_EXPECT_EQ(test, pe->window[0].kind, PE_WINDOW_NONE);
	KUNIT_EXPECT_EQ(test, pe->window[1].kind, PE_WINDOW_DYNAMIC);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 0), 1);
	KUNIT_EXPECT_EQ(test, fake->calls[DDW_FAKE_RESET], 0);

	/* A user can have the PE, and the host gets the default window */
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);
	KUNIT_EXPECT_EQ(test, pe_test_restore(pe), 0);
	pe_test_expect_host(test, pe);

	/* A user's window is there instead: the PE is reset to the default window */
	KUNIT_EXPECT_EQ(test, pe_test_block(pe), 0);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe_test_map(test, pe, 0);
	pe = pe_test_inherit(test, &win, true);
	pe_test_expect_host(test, pe);
}

/* The number of the default window is another PE's: that one is not touched */
static void pe_test_foreign_number(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	fake->restores_default = false;
	fake->first = 1;
	KUNIT_ASSERT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe->boot.liobn = ddw_fake_liobn(1, DDW_FAKE_DEFAULT);
	ddw_fake_set_tce(fake, 1, DDW_FAKE_DEFAULT, 0x5000, 0x1003);
	ddw_fake_fail(fake, BIT(DDW_FAKE_RESET), 1, UINT_MAX, -1);
	/* The window is closed, and there is no other one until a reset succeeds */
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 1), 1);
	KUNIT_EXPECT_EQ(test, ddw_fake_reached(fake, 1), 1);
	KUNIT_EXPECT_TRUE(test, pe_windows_left_dirty(pe));
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), -EIO);
}

/* After a migration the calls have other tokens, or do not exist */
static void pe_test_migrated(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);

	pe->fw.query_token = 0;
	pe->fw.create_token = 0;
	pe->fw.remove_token = 0;
	pe->fw.reset_token = 0;
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	pe->fw.remove_token = 0;
	KUNIT_EXPECT_EQ(test, pe_test_close(pe, 0), 0);
	KUNIT_EXPECT_EQ(test, ddw_fake_count(fake, 0), 0);

	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	ddw_fake_hide(fake, 0, "ibm,ddw-applicable");
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 1, 16, SZ_1G), -EOPNOTSUPP);
}

/* More windows are left than can be noted: none is forgotten */
static void pe_test_left_many(struct kunit *test)
{
	struct ddw_fake *fake = test->priv;
	struct pseries_pe *pe = pe_test_blocked(test);
	struct pe_window win = { .kind = PE_WINDOW_DYNAMIC, .page_shift = 16 };
	int i;

	/* Each stands for a window that the platform has refused to remove */
	ddw_fake_fail(fake, BIT(DDW_FAKE_REMOVE) | BIT(DDW_FAKE_RESET), 1,
		      UINT_MAX, -1);
	mutex_lock(&pe->lock);
	for (i = 0; i < 5; i++) {
		pe->window[1] = win;
		pe->window[1].liobn = 0x100 + i;
		KUNIT_EXPECT_EQ(test, pe_window_close(pe, 1), 0);
	}
	mutex_unlock(&pe->lock);
	KUNIT_EXPECT_TRUE(test, pe_windows_left_dirty(pe));
	ddw_fake_mend(fake);
	KUNIT_EXPECT_EQ(test, pe_test_open(pe, 0, 16, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, pe_test_left(pe), 0);
}

static int pe_test_start(struct kunit *test)
{
	test->priv = ddw_fake_init(test);
	return 0;
}

static void pe_test_end(struct kunit *test)
{
	ddw_fake_exit(test->priv);
}

static struct kunit_case pe_test_cases[] = {
	KUNIT_CASE(pe_test_init),
	KUNIT_CASE(pe_test_block_and_restore),
	KUNIT_CASE(pe_test_no_reset),
	KUNIT_CASE(pe_test_no_ddw),
	KUNIT_CASE(pe_test_choice),
	KUNIT_CASE(pe_test_refused),
	KUNIT_CASE(pe_test_overlap),
	KUNIT_CASE(pe_test_single_window),
	KUNIT_CASE(pe_test_default_in_the_way),
	KUNIT_CASE(pe_test_not_restored),
	KUNIT_CASE(pe_test_restored_with_entries),
	KUNIT_CASE(pe_test_block_fails),
	KUNIT_CASE(pe_test_block_half),
	KUNIT_CASE(pe_test_close_fails),
	KUNIT_CASE(pe_test_close_dirty),
	KUNIT_CASE(pe_test_restore_fails),
	KUNIT_CASE(pe_test_abandon),
	KUNIT_CASE(pe_test_inherit_host),
	KUNIT_CASE(pe_test_inherit_calls),
	KUNIT_CASE(pe_test_inherit_user),
	KUNIT_CASE(pe_test_inherit_other),
	KUNIT_CASE(pe_test_inherit_no_reset),
	KUNIT_CASE(pe_test_inherit_unknown),
	KUNIT_CASE(pe_test_inherit_counted),
	KUNIT_CASE(pe_test_inherit_exchanged),
	KUNIT_CASE(pe_test_foreign_number),
	KUNIT_CASE(pe_test_migrated),
	KUNIT_CASE(pe_test_left_many),
	KUNIT_CASE(pe_test_each_call_once),
	KUNIT_CASE(pe_test_each_call_and_all_after),
	KUNIT_CASE(pe_test_each_call_once_new_number),
	KUNIT_CASE(pe_test_each_call_and_all_after_new_number),
	{ }
};

static struct kunit_suite pe_test_suite = {
	.name = "pseries_dma_windows",
	.init = pe_test_start,
	.exit = pe_test_end,
	.test_cases = pe_test_cases,
};

kunit_test_suite(pe_test_suite);
