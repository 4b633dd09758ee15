// SPDX-License-Identifier: GPL-2.0
/*
 * The second half of spapr_tce_fail_nth: calls of the platform fail during a
 * whole step. Memory that the device may still reach must not be released. When
 * the platform has recovered all works again.
 */

#include <errno.h>
#include <string.h>

#include "kselftest.h"
#include "fail_nth.h"

static const char *const clearing[] = {
	"ddw_call_tce_put", "ddw_call_tce_stuff", NULL
};

static const char *const writing[] = {
	"ddw_call_tce_put", "ddw_call_tce_put_list", "ddw_call_tce_stuff", NULL
};

static const char *const rtas[] = { "ddw_call_rtas", NULL };

static const char *const everything[] = {
	"ddw_call_rtas", "ddw_call_tce_get", "ddw_call_tce_put",
	"ddw_call_tce_put_list", "ddw_call_tce_stuff", NULL
};

/* Does a step while these functions fail */
static int broken(const char *const *names, int (*step)(void))
{
	int ret, err;

	err = tce_fail_break(names);
	if (err)
		return err;
	ret = step();
	err = tce_fail_heal(TCE_FAIL_FUNCTION);
	return err ?: ret;
}

/* Returns 0 if @ret is an errno that the platform may cause, or 0, as wanted */
static int wants(const char *what, bool error, int ret)
{
	if (ret == -ENOTSUP)
		return ret;
	if (error ? sane(ret) : !ret)
		return 0;
	tce_log("%s returned %d", what, ret);
	return -EBADE;
}

/* The memory must be counted as mapped */
static int held(const char *what, void *va)
{
	int ret = unreg(va, UNIT);

	if (ret == -EBUSY)
		return 0;
	tce_log("%s: UNREGISTER returned %d", what, ret);
	return -EBADE;
}

/* Two units are registered, as two regions */
static int with_two_regions(void)
{
	int ret = with_v2();

	dut.start = tce_def_start(&dut.v);
	return ret ?: reg(dut.mem.va, UNIT) ?: reg(other(), UNIT);
}

static int stuck_unmap(void)
{
	return with_two_regions() ?: map_unit() ?:
	       wants("UNMAP", true, broken(clearing, unmap_unit)) ?:
	       held("still mapped", dut.mem.va) ?: main_reached() ?:
	       wants("UNMAP again", false, unmap_unit()) ?: main_denied() ?:
	       unreg(dut.mem.va, UNIT);
}

static int stuck_map(void)
{
	return with_two_regions() ?: map_unit() ?: unmap_unit() ?:
	       wants("MAP", true, broken(writing, map_unit)) ?:
	       held("may be mapped", dut.mem.va) ?: main_denied() ?:
	       wants("MAP again", false, map_other_unit()) ?:
	       other_reached() ?: unreg(dut.mem.va, UNIT) ?:
	       held("mapped", other()) ?: unmap_unit() ?:
	       unreg(other(), UNIT);
}

/* The kernel cannot know whether the device still reaches the old page */
static int stuck_map_over(void)
{
	return with_two_regions() ?: map_unit() ?:
	       wants("MAP", true, broken(writing, map_other_unit)) ?:
	       held("the old page", dut.mem.va) ?:
	       held("the new page", other()) ?: main_reached() ?:
	       wants("UNMAP", false, unmap_unit()) ?: main_denied() ?:
	       held("the old page, later", dut.mem.va) ?:
	       unreg(other(), UNIT);
}

/* The platform does not clear the window, but removes it */
static int stuck_clear_at_remove(void)
{
	return with_window_4k() ?: map_unit() ?: main_reached() ?:
	       wants("REMOVE", false, broken(clearing, remove_window)) ?:
	       main_denied() ?: create() ?: map_other_unit() ?:
	       other_reached() ?: main_denied();
}

/* The platform neither clears the window nor removes it */
static int stuck_remove(void)
{
	const char *const calls[] = {
		"ddw_call_tce_put", "ddw_call_tce_stuff", "ddw_call_rtas", NULL
	};
	long pinned;
	uint64_t at;
	int ret;

	ret = with_v2() ?: reg(dut.mem.va, UNIT) ?: reg(other(), UNIT);
	dut.shift = 12;
	if (!ret && !tce_has_shift(&dut.v, dut.shift))
		return -ENOTSUP;
	ret = ret ?: create() ?: map_unit() ?: main_reached();
	if (ret)
		return ret;
	at = dut.start;
	pinned = tce_pinned();
	ret = wants("REMOVE", true, broken(calls, remove_window)) ?:
	      held("in a window that stays", dut.mem.va) ?: main_reached();
	close_all();
	if (!ret)
		tce_log("%ld pages were pinned, %ld are", pinned, tce_pinned());
	/* The next user has the default window, and no mapping of this one */
	ret = ret ?: with_v2() ?: reg(other(), UNIT);
	dut.start = tce_def_start(&dut.v);
	ret = ret ?: map_other_unit() ?: other_reached() ?: unmap_unit();
	dut.start = at;
	ret = ret ?: main_denied();
	return ret ?: create() ?: map_other_unit() ?: other_reached();
}

/*
 * If the platform failed while the last user left, the next one may be refused
 * once. The refusal has the kernel reset the PE.
 */
static int after_outage(int (*setup)(void))
{
	int ret = again(setup);

	return ret == -EIO ? again(setup) : ret;
}

static int stuck_close(void)
{
	long pinned;
	int ret;

	ret = with_window_4k() ?: map_unit() ?: main_reached();
	if (ret)
		return ret;
	pinned = tce_pinned();
	ret = wants("close", false, broken(everything, close_all));
	/* The region stays pinned, since its entries may not be cleared */
	if (!ret && tce_pinned() < pinned) {
		tce_log("pinned %ld, %ld before", tce_pinned(), pinned);
		ret = -EBADE;
	}
	return ret ?: after_outage(with_window_4k) ?: main_denied() ?:
	       map_other_unit() ?: other_reached();
}

static int stuck_take(void)
{
	return with_group() ?:
	       wants("SET_CONTAINER", true,
		     broken(everything, set_container)) ?:
	       set_container() ?: tce_set_iommu(dut.v.container, 2) ?:
	       unset_container() ?: again(with_mapped) ?: main_reached();
}

static int stuck_release(void)
{
	return with_attached() ?:
	       wants("UNSET_CONTAINER", false,
		     broken(everything, unset_container)) ?:
	       after_outage(with_mapped) ?: main_reached();
}

static int stuck_create(void)
{
	return with_shift_4k() ?:
	       wants("CREATE", true, broken(rtas, create)) ?: create() ?:
	       map_unit() ?: main_reached();
}

static int stuck_join(void)
{
	return with_second() ?:
	       wants("SET_CONTAINER", true, broken(everything, join)) ?:
	       join() ?: two_reached() ?:
	       wants("UNSET_CONTAINER", false, broken(everything, leave)) ?:
	       after_outage(with_joined) ?: two_reached();
}

/* The disk in the group, with the host's driver */
static int stuck_host(void)
{
	struct tce_bdf bdfs[16];
	char disk[64];
	int i, n, ret, group = tce_devs[0].group;

	n = tce_find_class(TCE_CLASS_NVME, bdfs, 16);
	for (i = 0; i < n; i++)
		if (tce_group_of(bdfs[i].s) == group)
			break;
	if (n <= 0 || i == n)
		return -ENOTSUP;

	ret = with_attached() ?: broken(everything, unset_container);
	close_all();
	/* The next user that comes and leaves gives the host its window back */
	ret = ret ?: with_attached() ?: unset_container();
	close_all();
	ret = ret ?: tce_restore_group(group) ?:
	      tce_nvme_disk(bdfs[i].s, disk, sizeof(disk)) ?:
	      tce_disk_io(disk);
	return ret ?: tce_bind_group(group) ?: with_mapped() ?: main_reached();
}

const struct stuck stuck[] = {
	{ "unmap", stuck_unmap },
	{ "map", stuck_map },
	{ "map_over", stuck_map_over },
	{ "create", stuck_create },
	{ "clear_at_remove", stuck_clear_at_remove },
	{ "remove", stuck_remove },
	{ "close", stuck_close },
	{ "take", stuck_take },
	{ "release", stuck_release },
	{ "join", stuck_join },
	{ "host", stuck_host },
	{ }
};

int run_stuck(const struct stuck *s)
{
	int ret;

	tce_fail_choose(false, NULL, 0);
	close_all();
	/*
	 * Memory of an earlier test may stay pinned: this test has other memory
	 */
	ret = new_memory() ?: s->test();
	tce_fail_heal(TCE_FAIL_FUNCTION);
	close_all();
	tce_fail_choose(false, NULL, 0);
	if (ret == -ENOTSUP)
		return KSFT_SKIP;
	if (ret)
		tce_log("stuck.%s: %s", s->name, strerror(-ret));
	return ret ? KSFT_FAIL : KSFT_PASS;
}

