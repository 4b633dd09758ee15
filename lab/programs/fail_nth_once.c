// SPDX-License-Identifier: GPL-2.0
/*
 * The first half of spapr_tce_fail_nth: one operation fails in a step, once.
 * The step must have done all or nothing.
 */

#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "fail_nth.h"

/* The state that is compared */

struct state {
	long vmlck_kb;
	long pinned;
	struct vfio_iommu_spapr_tce_info info;
};

/* The scenario, and the states before and after its step */
static const struct scenario *sc;
static struct state before, after;

static void get_info_of(struct state *st)
{
	memset(&st->info, 0, sizeof(st->info));
	if (dut.v.container >= 0 && dut.v.group >= 0)
		tce_get_info(dut.v.container, &st->info);
}

static void get_state(struct state *st)
{
	st->vmlck_kb = tce_vmlck_kb();
	st->pinned = tce_pinned();
	get_info_of(st);
}

static bool same_info(const struct state *a, const struct state *b)
{
	return !memcmp(&a->info, &b->info, sizeof(a->info));
}

static bool same_state(const char *when, const struct state *want, bool partial)
{
	struct state now;
	int i;

	/* The kernel itself pins pages for a moment: this waits for them */
	for (i = 0; i < 50; i++) {
		get_state(&now);
		if (!same_info(want, &now))
			break;
		if (want->vmlck_kb == now.vmlck_kb &&
		    want->pinned == now.pinned)
			return true;
		if (partial && now.vmlck_kb <= want->vmlck_kb &&
		    now.pinned <= want->pinned)
			return true;
		if (sc->lazy &&
		    now.vmlck_kb <= after.vmlck_kb &&
		    want->pinned == now.pinned)
			return true;
		usleep(20000);
	}
	tce_log("%s %s: VmLck %ld, not %ld; pinned %ld, not %ld; info %s",
		sc->name, when, now.vmlck_kb, want->vmlck_kb, now.pinned,
		want->pinned, same_info(want, &now) ? "same" : "differs");
	return false;
}

static unsigned long tries, reopened, count[TCE_FAIL_CLASSES];
static unsigned int seen;		/* kinds of failures, as bits */

static bool good(const char *what, int ret)
{
	if (ret)
		tce_log("%s: %s: %s", sc->name, what,
			strerror(ret < 0 ? -ret : ret));
	return !ret;
}

static bool reopen(void)
{
	close_all();
	return good("setup", sc->setup());
}

/*
 * Goes back to the state before the step, for the next failure. After a failed
 * call of the platform this user may not get back all that it had. The next
 * user does.
 */
static bool take_back(enum tce_fail class)
{
	int ret;

	if (!sc->undo)
		return reopen();
	ret = sc->undo();
	if (ret && class == TCE_FAIL_FUNCTION) {
		reopened++;
		return reopen();
	}
	return good("undo", ret);
}

/* The step must succeed, and is undone */
static bool succeed(const char *when, enum tce_fail class)
{
	int ret = sc->step();

	if (ret && class == TCE_FAIL_FUNCTION) {
		reopened++;
		if (!reopen())
			return false;
		ret = sc->step();
	}
	return good(when, ret) && take_back(class);
}

struct try {
	bool failed;			/* an operation has failed */
	enum tce_fail class;
	int ret;
};

static bool try_nth(unsigned int nth, struct tce_fail_function *f,
		    struct try *try)
{
	struct tce_dev *dev = &tce_devs[0];
	struct state want;

	tce_mark(dev, TCE_MARK_STEP);
	tce_fail_arm(nth);
	try->ret = sc->step();
	try->failed = tce_fail_disarm();
	tce_mark(dev, TCE_MARK_STEP_END);
	try->class = tce_fail_which();
	if (!try->failed)
		try->class = TCE_FAIL_NONE;
	tries++;
	seen |= 1 << try->class;
	count[try->class]++;
	if (f && try->class == TCE_FAIL_FUNCTION)
		f->injected++;
	/* Names the part of the trace between the two marks */
	tce_log("try %s %s %u: %s: %s%s", sc->name, f ? f->name : "memory",
		nth, tce_fail_name[try->class],
		try->ret ? strerror(try->ret < 0 ? -try->ret : try->ret) : "ok",
		sc->partial ? ", partial" : "");

	if (!try->failed)
		return good("without a failure", try->ret) && take_back(TCE_FAIL_NONE);

	if (!try->ret) {
		/*
		 * If the platform did not answer, GET_INFO reports no windows
		 * for as long as the group is open.
		 */
		want = after;
		if (try->class == TCE_FAIL_FUNCTION)
			get_info_of(&want);
		if (!same_state("after a success", &want, false) ||
		    (sc->done && !good("done in spite of it", sc->done())))
			return false;
		return take_back(try->class);
	}

	if (!sane(try->ret)) {
		tce_log("%s: returned %d", sc->name, try->ret);
		return false;
	}
	if (!same_state("after a failure", &before, sc->partial))
		return false;
	if (sc->check && !(sc->partial && try->class == TCE_FAIL_FUNCTION) &&
	    !good("DMA after a failure", sc->check()))
		return false;
	return succeed("tried again", try->class);
}

/*
 * Has the first operation fail, then the second, until the step has no more.
 * Clearing a large window takes hundreds of calls. Of a long row of such calls
 * the first few fail, some of the others, and the last ones.
 */
static bool fail_each(struct tce_fail_function *f)
{
	unsigned int nth = 1, stride = 1, row = 0, lo, hi;
	struct try try;

	for (seen = 0;; nth += stride) {
		if (!try_nth(nth, f, &try))
			return false;
		if (try.class == TCE_FAIL_FUNCTION) {
			if (++row >= 4 && stride < 128)
				stride *= 2;
			continue;
		}

		/* The row has ended: finds its end, and goes on behind it */
		lo = nth - stride;
		hi = nth;
		while (hi - lo > 1) {
			nth = lo + (hi - lo) / 2;
			if (!try_nth(nth, f, &try))
				return false;
			if (try.class == TCE_FAIL_FUNCTION)
				lo = nth;
			else
				hi = nth;
		}
		if (stride == 1 && !try.failed)
			return true;
		if (stride > 1)
			nth = lo;
		stride = 1;
		row = 0;
	}
}

/* Has all allocations of a kind fail */
static bool fail_memory(enum tce_fail class)
{
	int ret;

	if (!good("choose", tce_fail_choose(true, NULL, 0)))
		return false;
	tce_mark(&tce_devs[0], TCE_MARK_STEP);
	ret = tce_fail_all(class);
	if (!good("fail all", ret))
		return false;
	ret = sc->step();
	tce_fail_heal(class);
	tce_mark(&tce_devs[0], TCE_MARK_STEP_END);
	tce_fail_which();
	tries++;
	tce_log("try %s memory all: %s: %s%s", sc->name, tce_fail_name[class],
		ret ? strerror(ret < 0 ? -ret : ret) : "ok",
		sc->partial ? ", partial" : "");

	if (!ret)
		return same_state("done without memory", &after, false) &&
		       take_back(class);
	return sane(ret) && same_state("without memory", &before, false) &&
	       succeed("with memory again", class);
}

int run_once(const struct scenario *scenario)
{
	struct tce_fail_function *f;
	unsigned int i;
	bool pass;
	int ret;

	sc = scenario;
	tce_fail_choose(false, NULL, 0);
	close_all();
	ret = sc->setup();
	if (ret == -ENOTSUP) {
		close_all();
		return KSFT_SKIP;
	}
	pass = good("setup", ret);

	/*
	 * The states without a failure. Twice, since the first time fills
	 * caches.
	 */
	for (i = 0; pass && i < 2; i++) {
		get_state(&before);
		pass = good("step", sc->step());
		get_state(&after);
		if (pass && sc->done)
			pass = good("DMA after the step", sc->done());
		if (pass && !sc->undo)
			pass = (close_all(), good("setup", sc->setup()));
		else if (pass)
			pass = good("undo", sc->undo());
	}
	get_state(&before);
	if (pass && sc->check)
		pass = good("DMA before the step", sc->check());

	pass = pass && good("choose", tce_fail_choose(true, NULL, 0)) &&
	       fail_each(NULL) && fail_memory(TCE_FAIL_SLAB) &&
	       fail_memory(TCE_FAIL_PAGE);
	f = tce_fail_functions;
	for (i = 0; pass && i < TCE_FAIL_FUNCTIONS; i++, f++) {
		if (!f->present)
			continue;
		pass = good("choose", tce_fail_choose(false, f, 0)) &&
		       fail_each(f);
		/* The other status, if the step calls this function */
		if (pass && seen & 1 << TCE_FAIL_FUNCTION)
			pass = good("choose", tce_fail_choose(false, f, 1)) &&
			       fail_each(f);
	}

	tce_fail_choose(false, NULL, 0);
	close_all();
	/*
	 * After a failure the memory may stay pinned: the next scenario has
	 * other memory
	 */
	if (!pass && new_memory())
		ksft_exit_fail_msg("no memory\n");
	return pass ? KSFT_PASS : KSFT_FAIL;
}

void report_once(void)
{
	const struct tce_fail_function *f = tce_fail_functions;
	unsigned int i;

	if (!tries)
		return;
	tce_log("%lu tries, set up again %lu times", tries, reopened);
	for (i = TCE_FAIL_SLAB; i < TCE_FAIL_CLASSES; i++)
		tce_log("injected %s: %lu", tce_fail_name[i], count[i]);
	for (i = 0; i < TCE_FAIL_FUNCTIONS; i++, f++)
		tce_log("injected %s: %lu%s", f->name, f->injected,
			f->present ? "" : ", not in this kernel");
}
