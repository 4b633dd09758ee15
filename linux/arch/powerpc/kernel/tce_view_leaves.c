// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Userspace view of a TCE table: leaves and runs
 *
 * A leaf has the notes of 512 successive entries, as many as a hypercall takes.
 * It exists from the first entry that is to be noted in it until the last one has
 * been cleared. So the memory that a view takes depends on what is mapped and not
 * on the size of the window, and parts that were never mapped are skipped.
 *
 * A run is a number of successive entries, up to a list of them, that are worked
 * on together. It may begin anywhere, so it is in one leaf or in two, and these are
 * locked as long as the run is used.
 *
 * The user pays. The first leaves of a view are part of the price of the table, and
 * they stay when they are empty, so that maps and unmaps of little memory need no
 * allocation. The others are charged to locked_vm as they are added, and returned
 * as they are freed.
 *
 * Locking: leaves are found under RCU. Those that do not stay are counted by
 * tce_leaf::refs. The last reference is dropped under the lock of the xarray, and
 * the leaf is taken out with it, so a leaf that is found under that lock is alive.
 * tce_view::lock serialises the adding of leaves and protects the charge. It nests
 * in tce_leaf::lock; mmap_lock, under which the user is charged, nests in it.
 */

#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <asm/tce.h>

#include "tce_view_internal.h"

static struct lock_class_key tce_leaf_uncharged_key;

static unsigned long tce_leaves_pages(unsigned long nr_leaves)
{
	return DIV_ROUND_UP(nr_leaves * TCE_LEAF_BYTES, PAGE_SIZE);
}

/* For a task that works on it. False if it is about to be freed. */
static bool tce_leaf_hold(struct tce_leaf *leaf)
{
	return leaf->kept || refcount_inc_not_zero(&leaf->refs);
}

/* The first leaf from @number on, up to @last; NULL if there is none */
static struct tce_leaf *tce_leaf_find(struct tce_view *view,
				      unsigned long number, unsigned long last)
{
	struct tce_leaf *leaf;

	rcu_read_lock();
	leaf = xa_find(&view->leaves, &number, last, XA_PRESENT);
	/* One that is about to be freed has nothing in it */
	while (leaf && !tce_leaf_hold(leaf))
		leaf = xa_find_after(&view->leaves, &number, last, XA_PRESENT);
	rcu_read_unlock();

	return leaf;
}

static struct tce_leaf *tce_leaf_get(struct tce_view *view,
				     unsigned long number)
{
	struct tce_leaf *leaf;

	rcu_read_lock();
	leaf = xa_load(&view->leaves, number);
	if (leaf && !tce_leaf_hold(leaf))
		leaf = NULL;
	rcu_read_unlock();

	return leaf;
}

static void tce_leaf_free(struct tce_leaf *leaf)
{
	mutex_destroy(&leaf->lock);
	kfree(leaf->notes);
	kfree_rcu(leaf, rcu);
}

static void tce_leaf_put(struct tce_view *view, struct tce_leaf *leaf)
{
	unsigned long pages;
	bool last;

	if (leaf->kept || refcount_dec_not_one(&leaf->refs))
		return;

	xa_lock(&view->leaves);
	last = refcount_dec_and_test(&leaf->refs);
	if (last)
		__xa_erase(&view->leaves, leaf->number);
	xa_unlock(&view->leaves);
	if (!last)
		return;

	mutex_lock(&view->lock);
	pages = tce_leaves_pages(view->nr_charged) -
		tce_leaves_pages(view->nr_charged - 1);
	view->nr_charged--;
	tce_view_charge(view, pages, false);
	mutex_unlock(&view->lock);

	tce_leaf_free(leaf);
}

static struct tce_leaf *tce_leaf_alloc(unsigned long number, bool kept)
{
	struct tce_leaf *leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT);

	if (!leaf)
		return NULL;

	leaf->notes = kcalloc(TCE_LEAF_ENTRIES, sizeof(*leaf->notes),
			      GFP_KERNEL_ACCOUNT);
	if (!leaf->notes) {
		kfree(leaf);
		return NULL;
	}

	mutex_init(&leaf->lock);
	refcount_set(&leaf->refs, 1);
	leaf->kept = kept;
	leaf->number = number;
	return leaf;
}

static struct tce_leaf *tce_leaf_add(struct tce_view *view,
				     unsigned long number)
{
	struct tce_leaf *leaf;
	unsigned long pages = 0;

	mutex_lock(&view->lock);

	leaf = tce_leaf_get(view, number);
	if (leaf)
		goto unlock;

	leaf = tce_leaf_alloc(number, view->nr_kept < TCE_VIEW_KEEP);
	if (!leaf)
		goto unlock;
	/* See tce_view_init() */
	if (!view->mm)
		lockdep_set_class(&leaf->lock, &tce_leaf_uncharged_key);

	if (!leaf->kept) {
		pages = tce_leaves_pages(view->nr_charged + 1) -
			tce_leaves_pages(view->nr_charged);
		if (tce_view_charge(view, pages, true))
			goto free_leaf;
	}

	/* A leaf that was there, about to be freed, has been taken out by now */
	if (xa_insert(&view->leaves, number, leaf, GFP_KERNEL_ACCOUNT)) {
		tce_view_charge(view, pages, false);
		goto free_leaf;
	}

	if (leaf->kept)
		view->nr_kept++;
	else
		view->nr_charged++;
	goto unlock;

free_leaf:
	tce_leaf_free(leaf);
	leaf = NULL;
unlock:
	mutex_unlock(&view->lock);
	return leaf;
}

/**
 * tce_leaves_reserve - make room for the notes of entries
 * @view: the view
 * @entry: the first entry
 * @count: how many, any number
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock;
 * -EINTR if the process is being killed. Nothing is reserved then.
 */
int tce_leaves_reserve(struct tce_view *view, unsigned long entry,
		       unsigned long count)
{
	unsigned long first = entry >> TCE_LEAF_SHIFT;
	unsigned long last = (entry + count - 1) >> TCE_LEAF_SHIFT;
	unsigned long i;
	int ret;

	for (i = first; i <= last; i++) {
		ret = fatal_signal_pending(current) ? -EINTR : 0;
		if (!ret && !tce_leaf_get(view, i) && !tce_leaf_add(view, i))
			ret = -ENOMEM;
		if (ret) {
			if (i > first)
				tce_leaves_unreserve(view, entry,
						     (i << TCE_LEAF_SHIFT) -
						     entry);
			return ret;
		}
		cond_resched();
	}

	return 0;
}

/**
 * tce_leaves_unreserve - give room back that no note needs
 * @view: the view
 * @entry: as for tce_leaves_reserve()
 * @count: as for tce_leaves_reserve()
 */
void tce_leaves_unreserve(struct tce_view *view, unsigned long entry,
			  unsigned long count)
{
	unsigned long last = (entry + count - 1) >> TCE_LEAF_SHIFT;
	unsigned long i;

	for (i = entry >> TCE_LEAF_SHIFT; i <= last; i++) {
		tce_leaf_put(view, xa_load(&view->leaves, i));
		cond_resched();
	}
}

/**
 * tce_leaves_note - the note of an entry that does not change meanwhile
 * @view: the view
 * @entry: the entry
 *
 * Return: the note.
 */
u64 tce_leaves_note(struct tce_view *view, unsigned long entry)
{
	struct tce_leaf *leaf = tce_leaf_get(view, entry >> TCE_LEAF_SHIFT);
	u64 note;

	if (!leaf)
		return 0;

	note = READ_ONCE(leaf->notes[entry % TCE_LEAF_ENTRIES]);
	tce_leaf_put(view, leaf);
	return note;
}

/**
 * tce_leaves_free - free all leaves of a view that nobody uses any more
 * @view: the view
 *
 * What is noted is released.
 */
void tce_leaves_free(struct tce_view *view)
{
	struct tce_release rel = { };
	struct tce_leaf *leaf;
	unsigned long i;

	xa_for_each(&view->leaves, i, leaf) {
		if (leaf->noted)
			tce_release_notes(view, &rel, leaf->notes,
					  TCE_LEAF_ENTRIES);
		tce_leaf_free(leaf);
		cond_resched();
	}
	tce_release_end(view, &rel);
	xa_destroy(&view->leaves);
	tce_view_charge(view, tce_leaves_pages(view->nr_charged), false);
}

static void tce_run_lock(struct tce_run *run)
{
	mutex_lock(&run->leaf[0]->lock);
	if (run->leaf[1])
		mutex_lock_nested(&run->leaf[1]->lock, SINGLE_DEPTH_NESTING);
}

/* Makes the leaves of a run, as far as they are not there */
static int tce_run_get(struct tce_view *view, struct tce_run *run)
{
	unsigned long first = run->entry >> TCE_LEAF_SHIFT;
	unsigned long last = (run->entry + run->count - 1) >> TCE_LEAF_SHIFT;

	run->leaf[0] = tce_leaf_get(view, first) ?: tce_leaf_add(view, first);
	if (!run->leaf[0])
		return -ENOMEM;
	if (last == first)
		return 0;

	run->leaf[1] = tce_leaf_get(view, last) ?: tce_leaf_add(view, last);
	if (run->leaf[1])
		return 0;

	tce_leaf_put(view, run->leaf[0]);
	return -ENOMEM;
}

/**
 * tce_run_begin - lock entries, and make the leaves that are not there
 * @view: the view
 * @run: has the entry and the count, which is at most %TCE_LIST_MAX, and no leaves
 *
 * Return: 0; -ENOMEM if there is no memory, or none that the user may lock, and
 * nothing is locked then. This does not fail for entries that are reserved.
 */
int tce_run_begin(struct tce_view *view, struct tce_run *run)
{
	int ret = tce_run_get(view, run);

	if (!ret)
		tce_run_lock(run);

	return ret;
}

/**
 * tce_run_end - unlock entries
 * @view: the view
 * @run: from tce_run_begin() or tce_run_next()
 *
 * Leaves without a note are freed, but for those that stay or are reserved.
 */
void tce_run_end(struct tce_view *view, struct tce_run *run)
{
	if (run->leaf[1])
		mutex_unlock(&run->leaf[1]->lock);
	mutex_unlock(&run->leaf[0]->lock);

	if (run->leaf[1])
		tce_leaf_put(view, run->leaf[1]);
	tce_leaf_put(view, run->leaf[0]);
}

static struct tce_leaf *tce_run_leaf(const struct tce_run *run, unsigned long i)
{
	unsigned long number = (run->entry + i) >> TCE_LEAF_SHIFT;

	return run->leaf[number - run->leaf[0]->number];
}

/**
 * tce_run_note - what does an entry map?
 * @run: a run
 * @i: number of the entry in it
 *
 * Return: the note.
 */
u64 tce_run_note(const struct tce_run *run, unsigned long i)
{
	return tce_run_leaf(run, i)->notes[(run->entry + i) %
					   TCE_LEAF_ENTRIES];
}

/* The notes of the run from the entry @i on that are in one leaf: @count of them */
static u64 *tce_run_part(struct tce_run *run, unsigned long i,
			 unsigned long *count)
{
	unsigned long n = (run->entry + i) % TCE_LEAF_ENTRIES;

	*count = min(run->count - i, TCE_LEAF_ENTRIES - n);
	return tce_run_leaf(run, i)->notes + n;
}

/* @change more of its entries are noted than before, or less if it is negative */
static void tce_leaf_count(struct tce_leaf *leaf, long change)
{
	unsigned int before = leaf->noted;

	lockdep_assert_held(&leaf->lock);

	leaf->noted += change;
	if (leaf->kept)
		return;
	if (!before && leaf->noted)
		refcount_inc(&leaf->refs);
	/* Not the last reference, the caller has one */
	else if (before && !leaf->noted)
		refcount_dec(&leaf->refs);
}

/**
 * tce_run_set_note - note what one entry maps
 * @run: a run
 * @i: number of the entry in it
 * @note: the note; nothing is released that the old one stood for
 */
void tce_run_set_note(struct tce_run *run, unsigned long i, u64 note)
{
	unsigned long count;
	u64 *p = tce_run_part(run, i, &count);

	tce_leaf_count(tce_run_leaf(run, i), !!note - !!*p);
	*p = note;
}

/**
 * tce_run_note_all - note what all entries of a run map
 * @run: the run
 * @notes: their notes
 *
 * Return: whether any entry may have been noted before. The old notes, for the
 * caller to release, are in @notes then.
 */
bool tce_run_note_all(struct tce_run *run, u64 *notes)
{
	bool fresh = !run->leaf[0]->noted &&
		     !(run->leaf[1] && run->leaf[1]->noted);
	unsigned long i, n, is, was, first;
	u64 *p, old;

	for (first = 0; first < run->count; first += n, notes += n) {
		p = tce_run_part(run, first, &n);
		is = 0;
		was = 0;
		for (i = 0; fresh && i < n; i++) {
			p[i] = notes[i];
			is += !!p[i];
		}
		for (; i < n; i++) {
			old = p[i];
			p[i] = notes[i];
			notes[i] = old;
			is += !!p[i];
			was += !!old;
		}
		tce_leaf_count(tce_run_leaf(run, first), is - was);
	}

	return !fresh;
}

/**
 * tce_run_clear - note that no entry of a run maps anything
 * @view: the view
 * @run: the run
 * @rel: collects what the entries have mapped
 */
void tce_run_clear(struct tce_view *view, struct tce_run *run,
		   struct tce_release *rel)
{
	unsigned long i, n;
	u64 *p;

	for (i = 0; i < run->count; i += n) {
		p = tce_run_part(run, i, &n);
		tce_leaf_count(tce_run_leaf(run, i),
			       -tce_release_notes(view, rel, p, n));
	}
}

/* The first entry of a leaf from @entry on that is noted, or @end */
static unsigned long tce_leaf_next(struct tce_leaf *leaf, unsigned long entry,
				   unsigned long end)
{
	lockdep_assert_held(&leaf->lock);

	if (!leaf->noted)
		return end;

	while (entry < end && !leaf->notes[entry % TCE_LEAF_ENTRIES])
		entry++;

	return entry;
}

/**
 * tce_run_next - find and lock the next entries that are noted
 * @view: the view
 * @entry: the first entry to look at
 * @end: where to stop; this one is not looked at
 * @run: set to the run
 *
 * The run begins and ends with an entry that is noted. Those between that are not
 * noted are empty in the table as well.
 *
 * Return: false if there is none.
 */
bool tce_run_next(struct tce_view *view, unsigned long entry,
		  unsigned long end, struct tce_run *run)
{
	unsigned long leaf_end, limit;

	for (; entry < end; entry = leaf_end) {
		limit = entry >> TCE_LEAF_SHIFT;
		run->leaf[1] = NULL;
		run->leaf[0] = tce_leaf_get(view, limit) ?:
			       tce_leaf_find(view, limit,
					     (end - 1) >> TCE_LEAF_SHIFT);
		if (!run->leaf[0])
			return false;

		tce_run_lock(run);
		limit = run->leaf[0]->number << TCE_LEAF_SHIFT;
		leaf_end = min(end, limit + TCE_LEAF_ENTRIES);
		run->entry = tce_leaf_next(run->leaf[0], max(entry, limit),
					   leaf_end);
		if (run->entry < leaf_end)
			break;

		tce_run_end(view, run);
		cond_resched();
	}
	if (entry >= end)
		return false;

	limit = min(end, run->entry + TCE_LIST_MAX);
	if (limit > leaf_end) {
		run->leaf[1] = tce_leaf_get(view, leaf_end >> TCE_LEAF_SHIFT);
		if (run->leaf[1])
			mutex_lock_nested(&run->leaf[1]->lock,
					  SINGLE_DEPTH_NESTING);
		else
			limit = leaf_end;
	}

	run->count = limit - run->entry;
	while (!tce_run_note(run, run->count - 1))
		run->count--;
	return true;
}
