// SPDX-License-Identifier: GPL-2.0
/*
 * Failures that the kernel injects into allocations, into copies from and to
 * the user, and into calls of the platform.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "spapr_tce.h"
#include "fail_nth_inject.h"

#define DEBUGFS		"/sys/kernel/debug/"

const char *const tce_fail_name[TCE_FAIL_CLASSES] = {
	"none", "slab", "page", "usercopy", "function",
};

static const char *const class_dir[TCE_FAIL_CLASSES] = {
	NULL, "failslab", "fail_page_alloc", "fail_usercopy", "fail_function",
};

/*
 * These functions of the kernel's arch/powerpc/platforms/pseries/ddw.c make all
 * calls of VFIO to the platform. RTAS returns -1 for a hardware error, and -3
 * for a parameter error. The hypervisor returns H_HARDWARE and H_PARAMETER
 * (asm/hvcall.h).
 */
struct tce_fail_function tce_fail_functions[TCE_FAIL_FUNCTIONS] = {
	{ .name = "ddw_call_rtas", .status = { -1, -3 } },
	{ .name = "ddw_call_tce_get", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_put", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_put_list", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_stuff", .status = { -1, -4 } },
};

static int fail_nth_fd = -1;
static int make_it_fail_fd = -1;
/* For each kind, how many failures are left; -1: the kernel has no such kind */
static int last_times[TCE_FAIL_CLASSES];

static int set_attr(const char *dir, const char *attr, const char *value)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", dir, attr);
	ret = tce_write_text(path, value);
	if (ret)
		tce_log("%s: %s", path, strerror(-ret));
	return ret;
}

static int read_times(enum tce_fail class)
{
	char path[PATH_MAX], buf[32];

	snprintf(path, sizeof(path), DEBUGFS "%s/times", class_dir[class]);
	return tce_read_text(path, buf, sizeof(buf)) ? -1 : atoi(buf);
}

/* Each kind has its own count down */
enum tce_fail tce_fail_which(void)
{
	enum tce_fail class, found = TCE_FAIL_NONE;
	int times;

	for (class = TCE_FAIL_SLAB; class < TCE_FAIL_CLASSES; class++) {
		if (last_times[class] < 0)
			continue;
		times = read_times(class);
		if (times != last_times[class])
			found = class;
		last_times[class] = times;
	}
	return found;
}

static int class_init(enum tce_fail class)
{
	const char *dir = class_dir[class];
	int ret;

	ret = set_attr(dir, "probability", "0");
	ret = ret ?: set_attr(dir, "interval", "1");
	ret = ret ?: set_attr(dir, "space", "0");
	ret = ret ?: set_attr(dir, "verbose", "0");
	ret = ret ?: set_attr(dir, "task-filter", "Y");
	ret = ret ?: set_attr(dir, "times", "1000000000");
	last_times[class] = read_times(class);
	return ret;
}

int tce_fail_choose(bool memory, struct tce_fail_function *f, int status)
{
	char dir[128], value[32];
	int ret;

	ret = set_attr("failslab", "cache-filter", memory ? "N" : "Y");
	ret = ret ?: set_attr("failslab", "ignore-gfp-wait",
			      memory ? "N" : "Y");
	ret = ret ?: set_attr("fail_page_alloc", "ignore-gfp-wait",
			      memory ? "N" : "Y");
	ret = ret ?: set_attr("fail_page_alloc", "ignore-gfp-highmem",
			      memory ? "N" : "Y");
	ret = ret ?: set_attr("fail_page_alloc", "min-order",
			      memory ? "0" : "30");
	if (last_times[TCE_FAIL_FUNCTION] >= 0)
		ret = ret ?: set_attr("fail_function", "inject", "\n");
	if (!ret && f) {
		ret = set_attr("fail_function", "inject", f->name);
		snprintf(dir, sizeof(dir), "fail_function/%s", f->name);
		snprintf(value, sizeof(value), "0x%lx", f->status[status]);
		ret = ret ?: set_attr(dir, "retval", value);
	}
	return ret;
}

static bool function_exists(const char *name)
{
	char line[256];
	size_t len = strlen(name);
	bool found = false;
	FILE *f;

	f = fopen(DEBUGFS "error_injection/list", "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, name, len) &&
			(line[len] == ' ' || line[len] == '\t');
	fclose(f);
	return found;
}

int tce_fail_init(void)
{
	enum tce_fail class;
	unsigned int i;
	int ret = 0;

	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		return -errno;
	make_it_fail_fd = open("/proc/self/make-it-fail", O_RDWR);
	if (make_it_fail_fd < 0)
		return -errno;
	last_times[TCE_FAIL_FUNCTION] = -1;
	for (class = TCE_FAIL_SLAB; !ret && class < TCE_FAIL_FUNCTION; class++)
		ret = class_init(class);
	if (ret)
		return ret;
	for (i = 0; i < TCE_FAIL_FUNCTIONS; i++)
		tce_fail_functions[i].present = function_exists(tce_fail_functions[i].name);
	return access(DEBUGFS "fail_function", F_OK) ? 0 :
	       class_init(TCE_FAIL_FUNCTION);
}

void tce_fail_arm(unsigned int nth)
{
	char buf[16];
	int n = snprintf(buf, sizeof(buf), "%u", nth);

	if (pwrite(fail_nth_fd, buf, n, 0) != n)
		ksft_exit_fail_msg("fail-nth cannot be written\n");
}

/* Reading the answer is a copy to the user, which may fail itself */
bool tce_fail_disarm(void)
{
	char buf[16] = "";
	bool failed;

	failed = pread(fail_nth_fd, buf, sizeof(buf) - 1, 0) > 0 && *buf == '0';
	while (pwrite(fail_nth_fd, "0", 1, 0) != 1)
		;
	return failed;
}

int tce_fail_all(enum tce_fail class)
{
	int ret = set_attr(class_dir[class], "probability", "100");

	if (!ret && pwrite(make_it_fail_fd, "1", 1, 0) != 1)
		ret = -errno;
	return ret;
}

int tce_fail_heal(enum tce_fail class)
{
	while (pwrite(make_it_fail_fd, "0", 1, 0) != 1)
		;
	return set_attr(class_dir[class], "probability", "0");
}

int tce_fail_break(const char *const *names)
{
	struct tce_fail_function *f;
	char path[128];
	int ret;

	ret = tce_fail_choose(false, NULL, 0);
	for (; !ret && *names; names++) {
		for (f = tce_fail_functions; strcmp(f->name, *names); f++)
			;
		if (!f->present)
			return -ENOTSUP;
		ret = set_attr("fail_function", "inject", *names);
		snprintf(path, sizeof(path), "fail_function/%s", *names);
		ret = ret ?: set_attr(path, "retval", "0xffffffffffffffff");
	}
	return ret ?: tce_fail_all(TCE_FAIL_FUNCTION);
}
