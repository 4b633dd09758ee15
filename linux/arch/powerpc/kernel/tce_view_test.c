// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KUnit tests of the userspace view of a TCE table, tce_view*.c
 *
 * The platform's table is an xarray here, and a test can make writing or clearing
 * it fail. The entries map a few pages that count as pinned. A page may be mapped
 * by one entry, by all entries, or by any number between.
 */

#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#define VIEW_TEST_PAGES		4UL
#define VIEW_TEST_OFFSET	0x1000
#define VIEW_TEST_LEAF		512UL
/* As many leaves as a view keeps, see TCE_VIEW_KEEP */
#define VIEW_TEST_KEPT		64UL

/**
 * struct view_test - a table and its platform
 * @tbl: the table
 * @ops: the ops of the platform
 * @tces: entries of the platform's table that are not 0, by index
 * @mm: the address space whose memory the table maps
 * @page: the pages that can be mapped
 * @batch: for view_test_map()
 * @put_fail: which call of put_tces() is the first to fail, counted from 1
 * @put_fails: how many calls of put_tces() fail
 * @put_after: how many entries the first call that fails writes all the same
 * @clear_fail: which call of clear_tces() is the first to fail, counted from 1
 * @clear_fails: how many calls of clear_tces() fail
 * @puts: calls of put_tces() so far
 * @clears: calls of clear_tces() so far
 * @cleared: how many entries these calls were for
 * @watched: a page
 * @watched_pins: how often @watched was pinned when put_tces() was last called
 */
struct view_test {
	struct iommu_table tbl;
	struct iommu_table_ops ops;
	struct xarray tces;
	struct mm_struct *mm;
	struct page *page[VIEW_TEST_PAGES];
	struct tce_batch *batch;
	unsigned int put_fail;
	unsigned int put_fails;
	unsigned int put_after;
	unsigned int clear_fail;
	unsigned int clear_fails;
	unsigned int puts;
	unsigned int clears;
	unsigned long cleared;
	struct page *watched;
	int watched_pins;
};

static int view_test_pins(struct page *page)
{
	return (page_count(page) - 1) / GUP_PIN_COUNTING_BIAS;
}

/* As pin_user_pages() does it */
static void view_test_pin(struct page *page)
{
	page_ref_add(page, GUP_PIN_COUNTING_BIAS);
	mod_node_page_state(page_pgdat(page), NR_FOLL_PIN_ACQUIRED, 1);
}

static int view_test_all_pins(struct view_test *vt)
{
	int i, pins = 0;

	for (i = 0; i < VIEW_TEST_PAGES; i++)
		pins += view_test_pins(vt->page[i]);

	return pins;
}

static void view_test_store(struct view_test *vt, unsigned long index, u64 tce)
{
	if (tce)
		xa_store(&vt->tces, index, xa_mk_value(tce), GFP_KERNEL);
	else
		xa_erase(&vt->tces, index);
}

static bool view_test_fails(unsigned int call, unsigned int first,
			    unsigned int count)
{
	return first && call >= first && call - first < count;
}

static int view_test_put_tces(struct iommu_table *tbl, unsigned long index,
			      unsigned long npages, const __be64 *tces)
{
	struct view_test *vt = container_of(tbl, struct view_test, tbl);
	unsigned long i, n = npages;
	bool fail;

	vt->puts++;
	fail = view_test_fails(vt->puts, vt->put_fail, vt->put_fails);
	if (fail)
		n = vt->puts == vt->put_fail ? vt->put_after : 0;
	if (vt->watched)
		vt->watched_pins = view_test_pins(vt->watched);

	for (i = 0; i < n; i++)
		view_test_store(vt, index + i, be64_to_cpu(tces[i]));

	return fail ? -EIO : 0;
}

static int view_test_clear_tces(struct iommu_table *tbl, unsigned long index,
				unsigned long npages)
{
	struct view_test *vt = container_of(tbl, struct view_test, tbl);
	unsigned long i;

	vt->clears++;
	vt->cleared += npages;
	if (view_test_fails(vt->clears, vt->clear_fail, vt->clear_fails))
		return -EIO;

	for (i = 0; i < npages; i++)
		view_test_store(vt, index + i, 0);

	return 0;
}

/* How many pages does the platform's table have? */
static int view_test_mapped(struct view_test *vt)
{
	unsigned long index;
	int i, n = 0;
	void *p;

	for (i = 0; i < VIEW_TEST_PAGES; i++) {
		xa_for_each(&vt->tces, index, p) {
			if (xa_to_value(p) >> PAGE_SHIFT ==
			    page_to_pfn(vt->page[i])) {
				n++;
				break;
			}
		}
	}

	return n;
}

static unsigned long view_test_entries(struct view_test *vt)
{
	unsigned long index, n = 0;
	void *p;

	xa_for_each(&vt->tces, index, p)
		n++;

	return n;
}

static u64 view_test_tce(struct view_test *vt, unsigned long entry)
{
	return xa_to_value(xa_load(&vt->tces, VIEW_TEST_OFFSET + entry));
}

/* The page that an entry maps: neighbours map different pages */
static struct page *view_test_page(struct view_test *vt, unsigned long entry,
				   unsigned int shift)
{
	return vt->page[(entry + shift) % VIEW_TEST_PAGES];
}

static u64 view_test_note(struct page *page, unsigned int perm)
{
	return page_to_phys(page) | TCE_NOTE_PINNED | perm;
}

/* As VFIO maps up to 512 entries; another @shift chooses other pages */
static int view_test_map(struct view_test *vt, struct tce_batch *batch,
			 unsigned long entry, unsigned long npages,
			 unsigned int shift, unsigned int perm)
{
	struct iommu_table *tbl = &vt->tbl;
	unsigned long i, index = VIEW_TEST_OFFSET + entry;
	struct page *page;
	int ret;

	ret = tce_view_reserve(tbl, index, npages);
	if (ret)
		return ret;

	for (i = 0; i < npages; i++) {
		page = view_test_page(vt, entry + i, shift);
		view_test_pin(page);
		ret = tce_view_add_page(tbl, page, 1);
		if (ret) {
			tce_view_release(tbl, batch->notes, i);
			goto unreserve;
		}
		batch->notes[i] = view_test_note(page, perm);
		batch->tces[i] = cpu_to_be64(page_to_phys(page) | perm);
	}

	ret = tce_view_map(tbl, index, npages, batch->tces, batch->notes);
	if (ret)
		tce_view_release(tbl, batch->notes, npages);
unreserve:
	tce_view_unreserve(tbl, index, npages);
	return ret;
}

static int view_test_map_rw(struct view_test *vt, unsigned long entry,
			    unsigned long npages, unsigned int shift)
{
	return view_test_map(vt, vt->batch, entry, npages, shift,
			     TCE_PCI_READ | TCE_PCI_WRITE);
}

static int view_test_unmap(struct view_test *vt, unsigned long entry,
			   unsigned long npages)
{
	return tce_view_unmap(&vt->tbl, VIEW_TEST_OFFSET + entry, npages);
}

/* The table has @n entries, from @entry on, which map the pages that @shift chooses */
static void view_test_expect(struct kunit *test, unsigned long entry,
			     unsigned long n, unsigned int shift)
{
	struct view_test *vt = test->priv;
	unsigned long i, bad = 0;

	for (i = entry; i < entry + n; i++)
		bad += view_test_tce(vt, i) !=
		       (page_to_phys(view_test_page(vt, i, shift)) | 3);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static int view_test_init(struct kunit *test)
{
	struct view_test *vt = kunit_kzalloc(test, sizeof(*vt), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vt);
	test->priv = vt;
	xa_init(&vt->tces);
	vt->batch = kunit_kzalloc(test, sizeof(*vt->batch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vt->batch);
	vt->mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, vt->mm);
	for (i = 0; i < VIEW_TEST_PAGES; i++) {
		vt->page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, vt->page[i]);
	}

	vt->ops.put_tces = view_test_put_tces;
	vt->ops.clear_tces = view_test_clear_tces;
	kref_init(&vt->tbl.it_kref);
	vt->tbl.it_ops = &vt->ops;
	vt->tbl.it_offset = VIEW_TEST_OFFSET;
	vt->tbl.it_size = 1UL << 35;
	vt->tbl.it_page_shift = 12;
	KUNIT_ASSERT_EQ(test, tce_view_init(&vt->tbl, vt->mm), 0);
	return 0;
}

static void view_test_exit(struct kunit *test)
{
	struct view_test *vt = test->priv;
	int i;

	if (!vt)
		return;

	tce_view_destroy(&vt->tbl);
	/* Nothing stays charged, whatever the test has done */
	if (vt->mm) {
		KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
		mmput(vt->mm);
	}
	for (i = 0; i < VIEW_TEST_PAGES; i++)
		if (vt->page[i])
			__free_page(vt->page[i]);
	xa_destroy(&vt->tces);
}

static void view_test_map_and_unmap(struct kunit *test)
{
	static const struct {
		unsigned long entry, npages;
	} runs[] = {
		{ 0, 1 }, { 511, 1 }, { 512, 1 }, { 510, 4 }, { 0, 512 },
		{ 1, 512 }, { 511, 512 }, { 700, 300 },
		{ (1UL << 35) - 512, 512 },
	};
	struct view_test *vt = test->priv;
	unsigned long entry, npages;
	int i;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		entry = runs[i].entry;
		npages = runs[i].npages;

		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, entry, npages, 0), 0);
		KUNIT_EXPECT_EQ(test, view_test_entries(vt), npages);
		KUNIT_EXPECT_EQ(test, view_test_all_pins(vt),
				min(npages, VIEW_TEST_PAGES));
		view_test_expect(test, entry, npages, 0);

		KUNIT_EXPECT_EQ(test, view_test_unmap(vt, entry, npages), 0);
		KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);
		KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	}
}

/* A view without an address space: the owner of the table keeps the memory */
static void view_test_not_owned(struct kunit *test)
{
	const unsigned long n = (VIEW_TEST_KEPT + 2) * TCE_LIST_MAX;
	struct view_test *vt = test->priv;
	struct iommu_table *tbl = &vt->tbl;
	u64 tce = page_to_phys(vt->page[0]) | TCE_PCI_READ | TCE_PCI_WRITE;
	unsigned long i, entry;
	int refs = page_count(vt->page[0]);

	tce_view_destroy(tbl);
	KUNIT_ASSERT_EQ(test, tce_view_init(tbl, NULL), 0);
	KUNIT_EXPECT_FALSE(test, tce_view_belongs_to(tbl, vt->mm));

	/* More leaves than stay, and nobody is charged for the others */
	for (entry = 1; entry < n; entry += TCE_LIST_MAX) {
		for (i = 0; i < TCE_LIST_MAX; i++) {
			vt->batch->notes[i] = tce;
			vt->batch->tces[i] = cpu_to_be64(tce);
		}
		KUNIT_ASSERT_EQ(test, tce_view_map(tbl, VIEW_TEST_OFFSET + entry,
						   TCE_LIST_MAX, vt->batch->tces,
						   vt->batch->notes), 0);
	}
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), n);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET), 0);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + 1), tce);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + n), tce);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + n + 1), 0);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + (1 << 30)),
			0);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, n), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 1);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + n), tce);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, n, 1), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);
	KUNIT_EXPECT_EQ(test, tce_view_lookup(tbl, VIEW_TEST_OFFSET + 1), 0);
	KUNIT_EXPECT_EQ(test, page_count(vt->page[0]), refs);
}

/* All that is mapped in a range is cleared, and nothing else, whatever the range */
static void view_test_sparse(struct kunit *test)
{
	static const unsigned long at[] = {
		0, 1, 511, 512, 5000, 1UL << 20, (1UL << 30) + 511,
		(1UL << 30) + 512, (1UL << 35) - 1,
	};
	struct view_test *vt = test->priv;
	int i;

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);
	KUNIT_EXPECT_EQ(test, vt->clears, 0);

	for (i = 0; i < ARRAY_SIZE(at); i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, at[i], 1, 0), 0);

	/* Between two entries that are mapped */
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 513, 5000 - 513), 0);
	KUNIT_EXPECT_EQ(test, vt->clears, 0);
	/* From the middle of a leaf to the middle of another */
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 1, 4999), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), ARRAY_SIZE(at) - 3);
	KUNIT_EXPECT_LE(test, vt->clears, 3);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	KUNIT_EXPECT_LE(test, vt->clears, ARRAY_SIZE(at));
	KUNIT_EXPECT_LT(test, vt->cleared, 1024);
}

/* An old page is pinned until the new one is in the table */
static void view_test_map_over(struct kunit *test)
{
	struct view_test *vt = test->priv;

	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 7, 1, 0), 0);
	vt->watched = view_test_page(vt, 7, 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 7, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, vt->watched_pins, 1);
	KUNIT_EXPECT_EQ(test, view_test_pins(vt->watched), 0);
	view_test_expect(test, 7, 1, 1);
	KUNIT_EXPECT_EQ(test, vt->clears, 0);

	/* Some entries are new, some replace others */
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 512, 2), 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 256, 512, 3), 0);
	view_test_expect(test, 0, 256, 2);
	view_test_expect(test, 256, 512, 3);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), VIEW_TEST_PAGES);
}

static void view_test_dirty(struct kunit *test)
{
	struct view_test *vt = test->priv;

	KUNIT_ASSERT_EQ(test, view_test_map(vt, vt->batch, 0, 1, 0,
					    TCE_PCI_READ), 0);
	KUNIT_ASSERT_EQ(test, view_test_map(vt, vt->batch, 1, 1, 0,
					    TCE_PCI_WRITE), 0);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 2), 0);
	KUNIT_EXPECT_FALSE(test, PageDirty(view_test_page(vt, 0, 0)));
	KUNIT_EXPECT_TRUE(test, PageDirty(view_test_page(vt, 1, 0)));
}

/* The platform refuses a list, having written none, some or all of it */
static void view_test_put_refused(struct kunit *test)
{
	static const unsigned int written[] = { 0, 1, 5, 511, 512 };
	struct view_test *vt = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(written); i++) {
		/* Half of it over other pages */
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 100, 256, 0), 0);
		vt->put_fail = vt->puts + 1;
		vt->put_fails = 1;
		vt->put_after = written[i];
		KUNIT_EXPECT_EQ(test, view_test_map_rw(vt, 100, 512, 1), -EIO);
		KUNIT_EXPECT_EQ(test, view_test_entries(vt), 256);
		view_test_expect(test, 100, 256, 0);
		KUNIT_EXPECT_EQ(test, view_test_all_pins(vt),
				VIEW_TEST_PAGES);

		/* It works the next time */
		KUNIT_EXPECT_EQ(test, view_test_map_rw(vt, 100, 512, 1), 0);
		view_test_expect(test, 100, 512, 1);
		KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 1024), 0);
		KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	}
}

/*
 * The platform refuses a list and does not take the old entries back: these are
 * cleared, and their pages stay pinned until they are unmapped.
 */
static void view_test_undo_refused(struct kunit *test)
{
	struct view_test *vt = test->priv;

	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 4, 0), 0);
	vt->put_fail = vt->puts + 1;
	vt->put_fails = 3;
	vt->put_after = 4;
	KUNIT_EXPECT_EQ(test, view_test_map_rw(vt, 0, 4, 1), -EIO);
	KUNIT_EXPECT_EQ(test, view_test_tce(vt, 0), 0);
	KUNIT_EXPECT_EQ(test, view_test_tce(vt, 1), 0);
	view_test_expect(test, 2, 2, 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 4);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
}

/*
 * The platform refuses a list, and does not clear its entries either: pages that
 * the device may reach stay pinned.
 */
static void view_test_stuck(struct kunit *test)
{
	struct view_test *vt = test->priv;
	struct page *page;

	vt->put_fail = 1;
	vt->put_fails = UINT_MAX;
	vt->put_after = 2;
	vt->clear_fail = 1;
	vt->clear_fails = UINT_MAX;
	KUNIT_EXPECT_EQ(test, view_test_map_rw(vt, 0, 2, 0), -EIO);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 2);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 2), -EIO);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 2);

	/* The platform clears entries again */
	vt->put_fail = 0;
	vt->clear_fail = 0;
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);

	/*
	 * Over another page: nobody knows which of both the entry maps, so one is
	 * noted and the other is never released.
	 */
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 1, 0), 0);
	vt->put_fail = vt->puts + 1;
	vt->clear_fail = vt->clears + 1;
	KUNIT_EXPECT_EQ(test, view_test_map_rw(vt, 0, 1, 1), -EIO);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 2);
	vt->clear_fail = 0;
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 1);

	page = view_test_page(vt, 0, 0);
	KUNIT_EXPECT_EQ(test, view_test_pins(page), 1);
	unpin_user_page(page);
}

static void view_test_clear_refused(struct kunit *test)
{
	struct view_test *vt = test->priv;

	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 4, 0), 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 2000, 4, 0), 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 4000, 4, 0), 0);

	/* The others are cleared all the same */
	vt->clear_fail = 2;
	vt->clear_fails = 1;
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 5000), -EIO);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 4);
	view_test_expect(test, 2000, 4, 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 4);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, 5000), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
}

/* The first leaves are paid with the table, others as they are added and freed */
static void view_test_charged(struct kunit *test)
{
	struct view_test *vt = test->priv;
	unsigned long i, locked;

	for (i = 0; i < VIEW_TEST_KEPT; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i * VIEW_TEST_LEAF,
						       1, 0), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);

	for (; i < 3 * VIEW_TEST_KEPT; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i * VIEW_TEST_LEAF,
						       1, 0), 0);
	locked = vt->mm->locked_vm;
	KUNIT_EXPECT_GE(test, locked << PAGE_SHIFT,
			2 * VIEW_TEST_KEPT * VIEW_TEST_LEAF * sizeof(u64));
	KUNIT_EXPECT_LE(test, locked << PAGE_SHIFT,
			3 * VIEW_TEST_KEPT * VIEW_TEST_LEAF * sizeof(u64));

	/* A leaf that is there is not charged again */
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, (i - 1) * VIEW_TEST_LEAF,
					       512, 1), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, locked);

	/* Room that was reserved is charged until it is given back */
	KUNIT_ASSERT_EQ(test, tce_view_reserve(&vt->tbl, VIEW_TEST_OFFSET,
					       1 << 20), 0);
	KUNIT_EXPECT_GT(test, vt->mm->locked_vm, locked);
	tce_view_unreserve(&vt->tbl, VIEW_TEST_OFFSET, 1 << 20);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, locked);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
}

/* The same page behind many entries is pinned once, until the last is cleared */
static void view_test_one_pin(struct kunit *test)
{
	struct view_test *vt = test->priv;
	struct page *page = view_test_page(vt, 0, 0);
	unsigned long i;

	for (i = 0; i < 3 * VIEW_TEST_LEAF; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i * VIEW_TEST_PAGES,
						       1, 0), 0);
	KUNIT_EXPECT_EQ(test, view_test_pins(page), 1);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 1);

	/* Several times in one list */
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 512, 0), 0);
	KUNIT_EXPECT_EQ(test, view_test_pins(page), 1);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), VIEW_TEST_PAGES);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, (i - 1) *
					      VIEW_TEST_PAGES), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 1);
	KUNIT_EXPECT_EQ(test, view_test_pins(page), 1);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 1);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
}

/* As many pages as fit into the window are paid with it, others are charged */
static void view_test_pages_charged(struct kunit *test)
{
	struct view_test *vt = test->priv;
	unsigned long i, entries = 2 * PAGE_SIZE >> vt->tbl.it_page_shift;

	/* Two pages fit; the view does not mind entries beyond the end */
	tce_view_destroy(&vt->tbl);
	vt->tbl.it_size = entries;
	KUNIT_ASSERT_EQ(test, tce_view_init(&vt->tbl, vt->mm), 0);

	for (i = 0; i < VIEW_TEST_PAGES; i++) {
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i, 1, 0), 0);
		KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, i < 2 ? 0 : i - 1);
	}
	/* The same pages once more */
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i, VIEW_TEST_PAGES, 0), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 2);

	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, VIEW_TEST_PAGES), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 2);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, i, 1), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 1);
	/* A view that is freed returns what is left */
	tce_view_destroy(&vt->tbl);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
}

struct view_test_walk {
	struct view_test *vt;
	unsigned int calls;
	unsigned long entries;
	unsigned long wrong;
	unsigned int stop;
};

static int view_test_see(struct iommu_table *tbl, unsigned long index,
			 unsigned long npages, const __be64 *tces, void *data)
{
	struct view_test_walk *walk = data;
	unsigned long i;

	for (i = 0; i < npages; i++) {
		if (be64_to_cpu(tces[i]))
			walk->entries++;
		if (be64_to_cpu(tces[i]) !=
		    xa_to_value(xa_load(&walk->vt->tces, index + i)))
			walk->wrong++;
	}

	return ++walk->calls == walk->stop ? -EIO : 0;
}

static void view_test_walk(struct kunit *test)
{
	struct view_test *vt = test->priv;
	struct view_test_walk walk = { .vt = vt };

	KUNIT_EXPECT_EQ(test, tce_view_walk(&vt->tbl, vt->batch->tces,
					    view_test_see, &walk), 0);
	KUNIT_EXPECT_EQ(test, walk.calls, 0);

	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 0, 512, 0), 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 700, 400, 0), 0);
	KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, 1UL << 30, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 100, 50), 0);

	KUNIT_EXPECT_EQ(test, tce_view_walk(&vt->tbl, vt->batch->tces,
					    view_test_see, &walk), 0);
	KUNIT_EXPECT_EQ(test, walk.entries, 512 + 400 + 1 - 50);
	KUNIT_EXPECT_EQ(test, walk.wrong, 0);
	KUNIT_EXPECT_LE(test, walk.calls, 4);

	walk.calls = 0;
	walk.stop = 2;
	KUNIT_EXPECT_EQ(test, tce_view_walk(&vt->tbl, vt->batch->tces,
					    view_test_see, &walk), -EIO);
	KUNIT_EXPECT_EQ(test, walk.calls, 2);
}

/* A table that is freed with entries, which no device reaches */
static void view_test_destroy(struct kunit *test)
{
	struct view_test *vt = test->priv;
	int i;

	for (i = 0; i < 3 * VIEW_TEST_KEPT; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i * VIEW_TEST_LEAF,
						       2, 0), 0);
	tce_view_destroy(&vt->tbl);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
	KUNIT_EXPECT_NULL(test, vt->tbl.it_userspace);
	/* A table that has no view, or no longer, does no harm */
	tce_view_destroy(&vt->tbl);
}

/* A view that is kept says whether its table is there, and keeps nothing else */
static void view_test_outlives(struct kunit *test)
{
	struct view_test *vt = test->priv;
	struct tce_view *view;
	int i;

	view = tce_view_get(&vt->tbl);
	for (i = 0; i < 3 * VIEW_TEST_KEPT; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, i * VIEW_TEST_LEAF,
						       2, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, tce_view_table(view), &vt->tbl);
	KUNIT_EXPECT_EQ(test, kref_read(&vt->tbl.it_kref), 2);
	KUNIT_EXPECT_EQ(test, iommu_tce_table_put(&vt->tbl), 0);

	/* Nobody has a reference to the table any more: it is about to be freed */
	refcount_set(&vt->tbl.it_kref.refcount, 0);
	KUNIT_EXPECT_NULL(test, tce_view_table(view));
	KUNIT_EXPECT_EQ(test, kref_read(&vt->tbl.it_kref), 0);

	tce_view_destroy(&vt->tbl);
	KUNIT_EXPECT_NULL(test, tce_view_table(view));
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
	tce_view_put(view);
}

struct view_test_thread {
	struct view_test *vt;
	struct tce_batch batch;
	struct completion done;
	u64 seed;
	int ret;
};

/* Maps and unmaps in a few leaves, where other threads do the same */
static int view_test_run(void *data)
{
	struct view_test_thread *th = data;
	unsigned long entry, npages;
	struct rnd_state rnd;
	u32 r;
	int i;

	prandom_seed_state(&rnd, th->seed);
	for (i = 0; i < 500 && !th->ret; i++) {
		r = prandom_u32_state(&rnd);
		entry = r % 1500;
		npages = 1 + (r >> 11) % (r & BIT(30) ? 16 : 512);
		/* Far beyond the first ones, where leaves do not stay */
		if (r & BIT(29))
			entry += 1UL << 30;
		if (r & BIT(31))
			th->ret = view_test_unmap(th->vt, entry, npages);
		else
			th->ret = view_test_map(th->vt, &th->batch, entry,
						npages, r >> 27, 3);
	}
	complete(&th->done);

	return 0;
}

static void view_test_threads(struct kunit *test)
{
	struct view_test *vt = test->priv;
	struct view_test_thread *th;
	struct task_struct *task;
	unsigned long i;

	/* With these as the leaves that stay, others are added and freed */
	for (i = 0; i < VIEW_TEST_KEPT; i++)
		KUNIT_ASSERT_EQ(test, view_test_map_rw(vt, (1000 + i) *
						       VIEW_TEST_LEAF, 1, 0), 0);
	KUNIT_ASSERT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);

	th = kunit_kzalloc(test, 4 * sizeof(*th), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, th);
	for (i = 0; i < 4; i++) {
		th[i].vt = vt;
		th[i].seed = 1 + i;
		init_completion(&th[i].done);
		task = kthread_run(view_test_run, &th[i], "tce_view_test");
		if (IS_ERR(task)) {
			th[i].ret = PTR_ERR(task);
			complete(&th[i].done);
		}
	}
	for (i = 0; i < 4; i++) {
		wait_for_completion(&th[i].done);
		KUNIT_EXPECT_EQ(test, th[i].ret, 0);
	}

	/* Each page that is mapped has one pin, and no other has any */
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), view_test_mapped(vt));
	KUNIT_EXPECT_EQ(test, view_test_unmap(vt, 0, vt->tbl.it_size), 0);
	KUNIT_EXPECT_EQ(test, view_test_entries(vt), 0);
	KUNIT_EXPECT_EQ(test, view_test_all_pins(vt), 0);
	KUNIT_EXPECT_EQ(test, vt->mm->locked_vm, 0);
}

static struct kunit_case view_test_cases[] = {
	KUNIT_CASE(view_test_map_and_unmap),
	KUNIT_CASE(view_test_not_owned),
	KUNIT_CASE(view_test_sparse),
	KUNIT_CASE(view_test_map_over),
	KUNIT_CASE(view_test_dirty),
	KUNIT_CASE(view_test_put_refused),
	KUNIT_CASE(view_test_undo_refused),
	KUNIT_CASE(view_test_stuck),
	KUNIT_CASE(view_test_clear_refused),
	KUNIT_CASE(view_test_charged),
	KUNIT_CASE(view_test_one_pin),
	KUNIT_CASE(view_test_pages_charged),
	KUNIT_CASE(view_test_walk),
	KUNIT_CASE(view_test_destroy),
	KUNIT_CASE(view_test_outlives),
	KUNIT_CASE(view_test_threads),
	{ }
};

static struct kunit_suite view_test_suite = {
	.name = "tce_view",
	.init = view_test_init,
	.exit = view_test_exit,
	.test_cases = view_test_cases,
};

kunit_test_suite(view_test_suite);
