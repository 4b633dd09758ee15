// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, copy from or to the user and call of the platform that a
 * step makes fails once: the first, then the second, until the step gets
 * through without one. Whatever failed, the step either did all it had to, or
 * it says so and nothing has changed, and the next try succeeds.
 *
 * Unchanged means: locked and pinned memory, GET_INFO, where a device can tell
 * what it reaches, and that the step can be done again. With LAB_TRACE=1 there
 * is a mark before and after each try that failed (STEP, STEP_END), and a line
 * that names it: what the hypervisor has at both must be the same.
 *
 * Calls of the platform fail by fail_function, one function at a time, with a
 * hardware error and with a parameter error. All of them are made by five
 * functions of ddw.c; those that the kernel does not have are left out.
 *
 * The second half makes all calls of a kind fail for a while. Then the platform
 * may be unable to let go of a page: it must not be released.
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

/* The count of tests is this file's: kselftest.h has it in each that includes it */
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
