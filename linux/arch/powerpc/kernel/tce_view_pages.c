// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Userspace view of a TCE table: the pages that its entries map
 *
 * A note stands for a reference. If it has a user address, the registered region
 * there counts the entry as one that maps it. If it is %TCE_NOTE_PINNED, the view
 * counts the entry as one that maps the page. This file lets go of both.
 *
 * A pinned page (v1) is pinned and charged once for a view, however many entries
 * map it: tce_view::pages has the number of these entries. As many pages as fit
 * into the window have been charged when the container was enabled. Each page
 * beyond is charged as it is pinned, and returned as it is unpinned. There are
 * such pages only where a page of the processor has several I/O pages, and entries
 * map one I/O page of each.
 *
 * Locking: tce_view::lock protects the pinned pages and their charge. It nests in
 * tce_leaf::lock; mmap_lock, under which the user is charged, nests in it.
 */

#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "tce_view_internal.h"

/**
 * tce_view_charge - charge the user, if there is one, for pages
 * @view: the view
 * @pages: how many
 * @inc: charge them, or return them
 *
 * Return: 0, or -ENOMEM if the user may not lock so many.
 */
int tce_view_charge(struct tce_view *view, unsigned long pages, bool inc)
{
	return view->mm ? account_locked_vm(view->mm, pages, inc) : 0;
}

/**
 * tce_view_add_page - entries that are to come map a pinned page
 * @tbl: the table
 * @page: pinned for the caller, by pin_user_pages() or the like
 * @count: how many entries
 *
 * On success the notes of these entries, with %TCE_NOTE_PINNED, have a reference
 * to the page each, which tce_view_release() drops. The caller's pin becomes the
 * view's, also on failure, and the view has one for each page.
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock.
 */
int tce_view_add_page(struct iommu_table *tbl, struct page *page,
		      unsigned long count)
{
	struct tce_view *view = tbl->it_userspace;
	unsigned long old, pfn = page_to_pfn(page);
	int ret;

	mutex_lock(&view->lock);
	old = xa_to_value(xa_load(&view->pages, pfn));
	ret = xa_err(xa_store(&view->pages, pfn, xa_mk_value(old + count),
			      GFP_KERNEL_ACCOUNT));
	if (!ret && !old && view->nr_pages >= view->nr_paid) {
		ret = tce_view_charge(view, 1, true);
		if (ret)
			xa_erase(&view->pages, pfn);
	}
	if (!ret && !old)
		view->nr_pages++;
	mutex_unlock(&view->lock);

	if (ret || old)
		unpin_user_page(page);
	return ret;
}
EXPORT_SYMBOL_GPL(tce_view_add_page);

static void tce_view_del_page(struct tce_view *view, struct page *page,
			      unsigned long count, bool dirty)
{
	unsigned long left, pfn = page_to_pfn(page);

	/* While it is pinned */
	if (dirty && !PageDirty(compound_head(page)))
		set_page_dirty_lock(page);

	mutex_lock(&view->lock);
	left = xa_to_value(xa_load(&view->pages, pfn)) - count;
	if (left) {
		xa_store(&view->pages, pfn, xa_mk_value(left), GFP_KERNEL);
	} else {
		xa_erase(&view->pages, pfn);
		if (--view->nr_pages >= view->nr_paid)
			tce_view_charge(view, 1, false);
		unpin_user_page(page);
	}
	mutex_unlock(&view->lock);
}

/**
 * tce_release_end - release what has been collected
 * @view: the view
 * @rel: what tce_release_notes() has collected; may be nothing
 */
void tce_release_end(struct tce_view *view, struct tce_release *rel)
{
	/* The region may be freed by this */
	if (rel->mem)
		mm_iommu_mapped_sub(rel->mem, rel->mapped);
	if (rel->page)
		tce_view_del_page(view, rel->page, rel->entries, rel->dirty);
	rel->mem = NULL;
	rel->mapped = 0;
	rel->page = NULL;
}

static void tce_release_pinned(struct tce_view *view, struct tce_release *rel,
			       u64 note)
{
	unsigned long addr = note & ~TCE_NOTE_FLAGS;
	struct page *page = pfn_to_page(addr >> PAGE_SHIFT);

	if (rel->page != page) {
		tce_release_end(view, rel);
		rel->page = page;
		rel->entries = 0;
		rel->dirty = false;
	}
	rel->entries++;
	rel->dirty |= !!(note & TCE_PCI_WRITE);
}

/* The first notes, as many as map the same region. Returns how many. */
static unsigned long tce_release_registered(struct tce_view *view,
					    struct tce_release *rel,
					    u64 *notes, unsigned long count)
{
	unsigned long n = 0;

	/* Most often in the same region as the one before */
	if (rel->mem)
		n = mm_iommu_clear_notes(rel->mem, notes, view->page_shift,
					 count);
	if (!n) {
		if (rel->mem || rel->page)
			tce_release_end(view, rel);
		rel->mem = mm_iommu_lookup(view->mm, notes[0] & ~TCE_NOTE_FLAGS,
					   1UL << view->page_shift);
		if (rel->mem)
			n = mm_iommu_clear_notes(rel->mem, notes,
						 view->page_shift, count);
	}
	rel->mapped += n;

	if (WARN_ON_ONCE(!n)) {
		notes[0] = 0;
		return 1;
	}

	return n;
}

/**
 * tce_release_notes - collect what no entry maps any more
 * @view: the view
 * @rel: the collection; its pages are released here or by tce_release_end()
 * @notes: what has been mapped; becomes 0
 * @count: how many notes
 *
 * Return: how many of the notes were not 0.
 */
unsigned long tce_release_notes(struct tce_view *view, struct tce_release *rel,
				u64 *notes, unsigned long count)
{
	unsigned long i, n, noted = 0;

	for (i = 0; i < count; i += n) {
		n = 1;
		if (!notes[i])
			continue;

		if (!view->mm) {
			notes[i] = 0;
		} else if (notes[i] & TCE_NOTE_PINNED) {
			tce_release_pinned(view, rel, notes[i]);
			notes[i] = 0;
		} else {
			n = tce_release_registered(view, rel, notes + i,
						   count - i);
		}
		noted += n;
	}

	return noted;
}

/**
 * tce_view_release - let go of pages that no entry maps any more, or yet
 * @tbl: the table
 * @notes: the pages
 * @count: how many notes; those that are 0 are skipped, the others become 0
 *
 * The last reference to a pinned page unpins it. A region is told that so many
 * entries less map it. Pages that a device could write to are marked dirty.
 */
void tce_view_release(struct iommu_table *tbl, u64 *notes,
		      unsigned long count)
{
	struct tce_view *view = tbl->it_userspace;
	struct tce_release rel = { };
	unsigned long n;

	for (; count; count -= n, notes += n) {
		n = min_t(unsigned long, count, TCE_LIST_MAX);
		tce_release_notes(view, &rel, notes, n);
		cond_resched();
	}
	tce_release_end(view, &rel);
}
EXPORT_SYMBOL_GPL(tce_view_release);
