// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers of the process and of the machine: the same before and after a test.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "spapr_tce.h"

/* The number that follows a name at the start of a line, or -1 */
static long number(const char *path, const char *name)
{
	size_t len = strlen(name);
	char line[256];
	long value = -1;
	FILE *f;

	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, len)) {
			value = atol(line + len);
			break;
		}
	}
	fclose(f);
	return value;
}

int tce_limit_locked(uint64_t bytes)
{
	struct rlimit lim = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, data))
		return -errno;
	return setrlimit(RLIMIT_MEMLOCK, &lim) ? -errno : 0;
}

long tce_vmlck_kb(void)
{
	return number("/proc/self/status", "VmLck:");
}

long tce_pinned(void)
{
	/* Each CPU has counters: this adds them up */
	tce_write_text("/proc/sys/vm/stat_refresh", "1");

	return number("/proc/vmstat", "nr_foll_pin_acquired ") -
	       number("/proc/vmstat", "nr_foll_pin_released ");
}

/*
 * Memory that can be allocated, in KiB. A free page is counted in MemFree or is
 * on the list of a CPU. It may go from one to the other at any time, so both
 * count.
 */
static long free_kb(void)
{
	long pages = 0, count;
	char line[256];
	FILE *f;

	f = fopen("/proc/zoneinfo", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	fclose(f);
	return number("/proc/meminfo", "MemFree:") +
	       pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int get(struct tce_stat *st)
{
	st->pinned = tce_pinned();
	st->vmlck_kb = tce_vmlck_kb();
	st->huge_total = number("/proc/meminfo", "HugePages_Total:");
	st->huge_free = number("/proc/meminfo", "HugePages_Free:");
	st->memfree_kb = free_kb();
	return st->vmlck_kb < 0 || st->memfree_kb < 0 ? -EIO : 0;
}

int tce_stat_get(struct tce_stat *st)
{
	struct tce_stat last;
	int i, ret;

	ret = get(st);
	for (i = 0; !ret && i < 20; i++) {
		last = *st;
		usleep(250000);
		ret = get(st);
		if (last.pinned == st->pinned && last.huge_free == st->huge_free)
			break;
	}
	return ret;
}

static void report(const char *name, long before, long after)
{
	tce_log("%-15s %ld before, %ld after", name, before, after);
}

/*
 * A kernel with kmemleak also has KASAN here. KASAN keeps freed memory in its
 * quarantine, up to a 32nd of all memory, and its records take about as much.
 */
static long kept_back_kb(void)
{
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		return 0;

	return sysconf(_SC_PHYS_PAGES) / 16 * (sysconf(_SC_PAGESIZE) / 1024);
}

int tce_stat_settle(const struct tce_stat *before, struct tce_stat *after,
		    long tolerance_kb)
{
	int i, ret;

	tolerance_kb += kept_back_kb();
	for (i = 0; i < 600; i++) {
		ret = get(after);
		if (ret)
			return ret;
		if (after->vmlck_kb == before->vmlck_kb &&
		    after->pinned <= before->pinned &&
		    after->huge_total == before->huge_total &&
		    after->huge_free == before->huge_free &&
		    after->memfree_kb + tolerance_kb >= before->memfree_kb)
			return 0;
		usleep(100000);
	}

	report("VmLck", before->vmlck_kb, after->vmlck_kb);
	report("pinned", before->pinned, after->pinned);
	report("HugePages_Total", before->huge_total, after->huge_total);
	report("HugePages_Free", before->huge_free, after->huge_free);
	report("free memory", before->memfree_kb, after->memfree_kb);
	return -EBUSY;
}

int tce_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

int tce_kmsg_lines(int fd, int level)
{
	char line[2048];
	int n = 0;
	ssize_t len;

	for (;;) {
		len = read(fd, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return n;
		line[len] = 0;
		/* The PCI core logs each reset, on some kernels as a warning */
		if (atoi(line) % 8 > level || strstr(line, ": resetting\n") ||
		    strstr(line, ": reset done\n"))
			continue;
		tce_log("the kernel says: %.*s", (int)strcspn(line, "\n"), line);
		n++;
	}
}
