// SPDX-License-Identifier: GPL-2.0
/*
 * Each operation of a step that can fail fails once: each allocation, each copy
 * from or to the user, and each call of the platform. First the first one
 * fails, then the second, until the step has none that fails. After each
 * failure the step has either done all, or it has returned an errno, nothing
 * has changed, and the next try succeeds.
 *
 * Nothing has changed: locked and pinned memory and GET_INFO are as before, a
 * device reaches the same memory, and the step can be done again. With
 * LAB_TRACE=1 there is a mark before and after each try (STEP, STEP_END), and a
 * line that names it. The hypervisor must have the same windows and entries at
 * both marks.
 *
 * Calls of the platform fail by fail_function, one function at a time, with a
 * hardware error and with a parameter error. Five functions of ddw.c make all
 * of them. Those that the kernel does not have are left out.
 *
 * In the second half all calls of a kind fail for a while. Then the platform
 * may be unable to clear an entry, and the page of that entry must not be
 * released.
 *
 * Arguments: "once" or "stuck" for one of the halves, or the names of tests.
 */

#include <string.h>

#include "kselftest.h"
#include "fail_nth.h"

static bool wanted(const char *half, const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], half) || !strcmp(argv[i], name))
			return true;
	return argc == 1;
}

/* In this file, since kselftest.h has a count of tests for each file */
static void report(int status, const char *prefix, const char *name)
{
	if (status == KSFT_SKIP)
		ksft_test_result_skip("%s%s\n", prefix, name);
	else
		ksft_test_result(status == KSFT_PASS, "%s%s\n", prefix, name);
}

int main(int argc, char **argv)
{
	const struct scenario *sc;
	const struct stuck *s;
	unsigned int n = 0;
	int ret;

	tce_begin(true);
	ksft_print_header();
	ret = tce_fail_init();
	if (ret)
		ksft_exit_skip("the kernel cannot inject failures: %s\n",
			       strerror(-ret));
	dut.second = tce_second_group();
	ret = new_memory();
	if (ret)
		ksft_exit_fail_msg("memory: %s\n", strerror(-ret));

	for (sc = scenarios; sc->name; sc++)
		n += wanted("once", sc->name, argc, argv);
	for (s = stuck; s->name; s++)
		n += wanted("stuck", s->name, argc, argv);
	ksft_set_plan(n);

	for (sc = scenarios; sc->name; sc++)
		if (wanted("once", sc->name, argc, argv))
			report(run_once(sc), "", sc->name);
	for (s = stuck; s->name; s++)
		if (wanted("stuck", s->name, argc, argv))
			report(run_stuck(s), "stuck.", s->name);

	report_once();
	ksft_finished();
}
