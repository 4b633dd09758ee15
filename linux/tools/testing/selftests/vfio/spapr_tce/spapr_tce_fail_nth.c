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

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "spapr_tce.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define UNIT		(64 * KiB)
#define LEN		1024

/* In units: what most scenarios map, and what takes the place of it */
#define MAIN_UNITS	40
#define OTHER_UNITS	40

/* A window of 4K pages has room for so many leaves before it charges more */
#define KEPT_LEAVES	64
#define LEAF_BYTES	(512 * 4 * KiB)

/* The injection */

enum class {
	NONE,
	SLAB,
	PAGE,
	USERCOPY,
	FUNCTION,
	NR_CLASSES
};

static const char *const class_name[NR_CLASSES] = {
	"none", "slab", "page", "usercopy", "function",
};

static const char *const class_dir[NR_CLASSES] = {
	NULL, "failslab", "fail_page_alloc", "fail_usercopy", "fail_function",
};

struct function {
	const char *name;
	long status[2];			/* hardware error, parameter error */
	bool present;
	unsigned long injected;
};

static struct function functions[] = {
	{ .name = "ddw_call_rtas", .status = { -1, -3 } },
	{ .name = "ddw_call_tce_get", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_put", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_put_list", .status = { -1, -4 } },
	{ .name = "ddw_call_tce_stuff", .status = { -1, -4 } },
};

#define NR_FUNCTIONS	(sizeof(functions) / sizeof(*functions))

static unsigned long injected[NR_CLASSES];
static int fail_nth_fd = -1;
static int make_it_fail_fd = -1;
static int last_times[NR_CLASSES];	/* -1: the kernel has no such failures */

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

static int read_times(enum class class)
{
	char path[PATH_MAX], buf[32];

	snprintf(path, sizeof(path), DEBUGFS "%s/times", class_dir[class]);
	return tce_read_text(path, buf, sizeof(buf)) ? -1 : atoi(buf);
}

/* Which kind of failure was the last one? Each has its own count down. */
static enum class what_failed(void)
{
	enum class class, found = NONE;
	int times;

	for (class = SLAB; class < NR_CLASSES; class++) {
		if (last_times[class] < 0)
			continue;
		times = read_times(class);
		if (times != last_times[class])
			found = class;
		last_times[class] = times;
	}
	return found;
}

static int class_init(enum class class)
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

/* Usercopies cannot be left out, but told from the rest */
static int choose(bool memory, struct function *f, int status)
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
	if (last_times[FUNCTION] >= 0)
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

static int injection_init(void)
{
	enum class class;
	unsigned int i;
	int ret = 0;

	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		return -errno;
	make_it_fail_fd = open("/proc/self/make-it-fail", O_RDWR);
	if (make_it_fail_fd < 0)
		return -errno;
	last_times[FUNCTION] = -1;
	for (class = SLAB; !ret && class < FUNCTION; class++)
		ret = class_init(class);
	if (ret)
		return ret;
	for (i = 0; i < NR_FUNCTIONS; i++)
		functions[i].present = function_exists(functions[i].name);
	return access(DEBUGFS "fail_function", F_OK) ? 0 : class_init(FUNCTION);
}

static void arm(unsigned int nth)
{
	char buf[16];
	int n = snprintf(buf, sizeof(buf), "%u", nth);

	if (pwrite(fail_nth_fd, buf, n, 0) != n)
		ksft_exit_fail_msg("fail-nth cannot be written\n");
}

/* Has it failed? The copy of the answer counts as well, and may be what fails. */
static bool disarm(void)
{
	char buf[16] = "";
	bool failed;

	failed = pread(fail_nth_fd, buf, sizeof(buf) - 1, 0) > 0 && *buf == '0';
	while (pwrite(fail_nth_fd, "0", 1, 0) != 1)
		;
	return failed;
}

/* Until then all of a kind fail, for this process */
static int fail_all(enum class class)
{
	int ret = set_attr(class_dir[class], "probability", "100");

	if (!ret && pwrite(make_it_fail_fd, "1", 1, 0) != 1)
		ret = -errno;
	return ret;
}

static int heal(enum class class)
{
	while (pwrite(make_it_fail_fd, "0", 1, 0) != 1)
		;
	return set_attr(class_dir[class], "probability", "0");
}

/* What the steps work on */

static struct tce_vfio v = { .container = -1, .group = -1, .device = -1 };
static struct tce_vfio v2 = { .container = -1, .group = -1, .device = -1 };
static const struct tce_dev *second;
static struct tce_mem mem;		/* MAIN_UNITS, OTHER_UNITS, two spare */
static struct tce_mem huge;		/* one page of the size of a window's */
static struct tce_mem file;		/* a file, seen privately, in two units */
static uint64_t start;			/* the window */
static unsigned int shift;		/* log2 of its page size */

static void *unit(unsigned int n)
{
	return (uint8_t *)mem.va + n * UNIT;
}

static void *other(void)
{
	return unit(MAIN_UNITS);
}

static struct tce_mem spare(void)
{
	return (struct tce_mem) {
		.va = unit(MAIN_UNITS + OTHER_UNITS),
		.size = 2 * UNIT,
	};
}

/* Another piece; of the one before nothing is said */
static int new_memory(void)
{
	int ret;

	ret = tce_mem_anon(&mem, (MAIN_UNITS + OTHER_UNITS + 2) * UNIT);
	if (!ret)
		memset(mem.va, 1, mem.size);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int fd_result(int fd, int *where)
{
	if (fd < 0)
		return fd;
	*where = fd;
	return 0;
}

static int close_all(void)
{
	edu_close(&v2.edu);
	close_fd(&v2.device);
	close_fd(&v2.group);
	tce_vfio_close(&v);
	tce_mem_free(&huge);
	tce_mem_free(&file);
	return 0;
}

static int nothing(void)
{
	return 0;
}

/* Stages of being open */

static int with_container(void)
{
	v.dev = &tce_devs[0];
	return fd_result(tce_open_container(), &v.container);
}

static int with_group(void)
{
	return with_container() ?: fd_result(tce_open_group(v.dev), &v.group);
}

static int set_container(void)
{
	return tce_ioctl(v.group, VFIO_GROUP_SET_CONTAINER, &v.container);
}

static int unset_container(void)
{
	return tce_ioctl(v.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

static int with_attached(void)
{
	return with_group() ?: set_container();
}

static int with_v1_iommu(void)
{
	v.version = 1;
	return with_attached() ?: tce_set_iommu(v.container, 1) ?:
	       tce_get_info(v.container, &v.info);
}

static int with_v2_iommu(void)
{
	v.version = 2;
	return with_attached() ?: tce_set_iommu(v.container, 2) ?:
	       tce_get_info(v.container, &v.info);
}

static int with_v1(void)
{
	return tce_vfio_open(&v, &tce_devs[0], 1);
}

static int with_v2(void)
{
	return tce_vfio_open(&v, &tce_devs[0], 2);
}

static int with_v1_enabled(void)
{
	int ret = with_v1();

	start = tce_def_start(&v);
	return ret ?: tce_enable(v.container);
}

static int with_v2_memory(void)
{
	int ret = with_v2();

	start = tce_def_start(&v);
	return ret ?: tce_register(v.container, mem.va, mem.size);
}

/* The default window is there, and nothing in it */
static int with_default(void)
{
	return with_v2_memory() ?:
	       tce_map(v.container, mem.va, start, UNIT, TCE_RW) ?:
	       tce_unmap(v.container, start, UNIT);
}

static int with_v1_default(void)
{
	return with_v1_enabled() ?:
	       tce_map(v.container, mem.va, start, UNIT, TCE_RW) ?:
	       tce_unmap(v.container, start, UNIT);
}

static int create(void)
{
	return tce_create(v.container, shift, GiB, 1, &start);
}

static int remove_window(void)
{
	return tce_remove(v.container, start);
}

static int map(void *va, uint64_t offset, uint64_t size)
{
	return tce_map(v.container, va, start + offset, size, TCE_RW);
}

static int unmap(uint64_t offset, uint64_t size)
{
	return tce_unmap(v.container, start + offset, size);
}

/* About to have a window beside the default one, which is empty */
static int with_shift(unsigned int page_shift)
{
	int ret = with_default();

	if (ret)
		return ret;
	shift = page_shift;
	return tce_has_shift(&v, shift) ? 0 : -ENOTSUP;
}

static int with_shift_4k(void) { return with_shift(12); }
static int with_shift_64k(void) { return with_shift(16); }
static int with_shift_2m(void) { return with_shift(21); }
static int with_shift_16m(void) { return with_shift(24); }

/* The default window is still to come */
static int with_no_window(void)
{
	shift = 16;
	return with_v2_memory() ?: tce_has_shift(&v, shift) ? 0 : -ENOTSUP;
}

static int with_window(unsigned int page_shift)
{
	return with_shift(page_shift) ?: create();
}

static int with_window_4k(void) { return with_window(12); }
static int with_window_64k(void) { return with_window(16); }

/* Huge pages for a window, registered */
static int with_huge(unsigned int page_shift)
{
	int ret = with_window(page_shift);

	if (ret)
		return ret;
	if (tce_mem_for_shift(&huge, 1ULL << shift, shift))
		return -ENOTSUP;
	return tce_register(v.container, huge.va, huge.size);
}

static int with_huge_2m(void) { return with_huge(21); }
static int with_huge_16m(void) { return with_huge(24); }

/* DMA that the device can do, or cannot */

static int reached(void *va)
{
	return tce_dma_ok(&v, start, va, LEN);
}

static int out_of_reach(void *va)
{
	return tce_dma_write_denied(&v, start, va, LEN, NULL);
}

static int main_reached(void) { return reached(mem.va); }
static int other_reached(void) { return reached(other()); }
static int main_denied(void) { return out_of_reach(mem.va); }
static int huge_reached(void) { return reached(huge.va); }
static int huge_denied(void) { return out_of_reach(huge.va); }

static int last_denied(void)
{
	return tce_dma_write_denied(&v, start + (MAIN_UNITS - 1) * UNIT,
				    unit(MAIN_UNITS - 1), LEN, NULL);
}

/* The steps, and what takes each back */

static int open_container(void)
{
	return fd_result(tce_open_container(), &v.container);
}

static int close_container(void)
{
	close_fd(&v.container);
	return 0;
}

static int open_group(void)
{
	return fd_result(tce_open_group(v.dev), &v.group);
}

static int close_group(void)
{
	close_fd(&v.group);
	return 0;
}

static int set_iommu_v1(void) { return tce_set_iommu(v.container, 1); }
static int set_iommu_v2(void) { return tce_set_iommu(v.container, 2); }

/* The type of a container goes with its last group */
static int reattach(void)
{
	return unset_container() ?: set_container();
}

static int reset_iommu_v1(void) { return set_container() ?: set_iommu_v1(); }
static int reset_iommu_v2(void) { return set_container() ?: set_iommu_v2(); }

static int get_info(void)
{
	struct vfio_iommu_spapr_tce_info info;
	int ret = tce_get_info(v.container, &info);

	return ret ?: memcmp(&info, &v.info, sizeof(info)) ? -EBADE : 0;
}

static int open_device(void)
{
	return fd_result(tce_open_device(v.group, v.dev), &v.device);
}

static int close_device(void)
{
	close_fd(&v.device);
	return 0;
}

static int enable(void) { return tce_enable(v.container); }
static int disable(void) { return tce_disable(v.container); }

static int register_spare(void)
{
	struct tce_mem m = spare();

	return tce_register(v.container, m.va, m.size);
}

static int unregister_spare(void)
{
	struct tce_mem m = spare();

	return tce_unregister(v.container, m.va, m.size);
}

static int register_all(void)
{
	return tce_register(v.container, mem.va, mem.size);
}

static int unregister_all(void)
{
	return tce_unregister(v.container, mem.va, mem.size);
}

/* The spare memory has no pages yet: they come when it is pinned */
static int forget_spare(void)
{
	struct tce_mem m = spare();

	return madvise(m.va, m.size, MADV_DONTNEED) ? -errno : 0;
}

static int with_fresh(void) { return with_v2() ?: forget_spare(); }

static int unregister_fresh(void)
{
	return unregister_spare() ?: forget_spare();
}

static int map_fresh(void) { return map(spare().va, 0, UNIT); }
static int unmap_fresh(void) { return unmap(0, UNIT) ?: forget_spare(); }
static int with_v1_fresh(void) { return with_v1_default() ?: forget_spare(); }

/*
 * Memory for a device that only reads: a private mapping of a file that the process
 * has not written to, the pages of which it is about to have of its own.
 */
static int with_private(int prot)
{
	int ret = with_v1_default() ?: tce_mem_memfd(&file, 2 * UNIT);

	if (ret)
		return ret;
	memset(file.va, 1, file.size);
	return mmap(file.va, file.size, prot, MAP_PRIVATE | MAP_FIXED, file.fd,
		    0) == MAP_FAILED ? -errno : 0;
}

static int with_v1_private(void) { return with_private(PROT_READ | PROT_WRITE); }
static int with_v1_read_only(void) { return with_private(PROT_READ); }

static int map_private(void)
{
	return tce_map(v.container, file.va, start, UNIT,
		       VFIO_DMA_MAP_FLAG_READ);
}

static int unmap_private(void)
{
	int ret = unmap(0, UNIT);

	return ret ?: madvise(file.va, file.size, MADV_DONTNEED) ? -errno : 0;
}

/* The device reads what is written now, by way of a unit to show it */
static int private_read(int prot)
{
	struct tce_scratch scratch = { .iova = start + UNIT, .va = unit(1) };
	int ret = mprotect(file.va, UNIT, PROT_READ | PROT_WRITE) ? -errno : 0;

	ret = ret ?: map(scratch.va, UNIT, UNIT) ?:
	      tce_dma_from(&v, start, file.va, LEN, &scratch) ?:
	      unmap(UNIT, UNIT);
	return ret ?: mprotect(file.va, UNIT, prot) ? -errno : 0;
}

static int private_reached(void) { return private_read(PROT_READ | PROT_WRITE); }
static int read_only_reached(void) { return private_read(PROT_READ); }

/*
 * As many pages are pinned as the window is large: what comes is charged. Where
 * a page is an I/O page nothing is left of the window then.
 */
static int with_v1_full(void)
{
	uint64_t page = sysconf(_SC_PAGESIZE), size, i;
	int ret = with_v1_default();

	size = tce_def_end(&v) - start;
	if (!ret && (page <= 4 * KiB || size > 256 * MiB))
		return -ENOTSUP;
	ret = ret ?: tce_mem_anon(&file, size);
	for (i = 0; !ret && i < size / page; i++)
		ret = tce_map(v.container, (uint8_t *)file.va + i * page,
			      start + size - (i + 1) * 4 * KiB, 4 * KiB,
			      TCE_RW);
	return ret;
}

/* A region whose pages need more room than it has at first */
static int with_large(void)
{
	size_t size = 10240 * sysconf(_SC_PAGESIZE), i;
	int ret = with_v2() ?: tce_mem_memfd(&file, size / 20);
	uint8_t *va;

	if (ret)
		return ret;
	memset(file.va, 1, file.size);
	va = mmap(NULL, size, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	for (i = 0; i < size; i += file.size)
		if (mmap(va + i, file.size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, file.fd,
			 0) == MAP_FAILED)
			return -errno;
	munmap(file.va, file.size);
	file.va = va;
	file.size = size;
	return 0;
}

static int register_file(void)
{
	return tce_register(v.container, file.va, file.size);
}

static int unregister_file(void)
{
	return tce_unregister(v.container, file.va, file.size);
}

/* Enough regions for a tree of them, and one in the midst of it, between gaps */
#define ONE_OF_MANY	20

static int register_one(void)
{
	return tce_register(v.container, unit(ONE_OF_MANY), UNIT);
}

static int unregister_one(void)
{
	return tce_unregister(v.container, unit(ONE_OF_MANY), UNIT);
}

static int with_many_regions(void)
{
	int i, ret = with_v2();

	for (i = 0; !ret && i < MAIN_UNITS; i += 2)
		ret = tce_register(v.container, unit(i), UNIT);
	return ret;
}

static int register_main(void)
{
	return tce_register(v.container, mem.va, MAIN_UNITS * UNIT);
}

static int unregister_main(void)
{
	return tce_unregister(v.container, mem.va, MAIN_UNITS * UNIT);
}

static int create_default(void)
{
	shift = 12;
	return tce_create(v.container, shift,
			  tce_def_end(&v) - tce_def_start(&v), 1, &start);
}

static int map_unit(void) { return map(mem.va, 0, UNIT); }
static int unmap_unit(void) { return unmap(0, UNIT); }
static int map_other_unit(void) { return map(other(), 0, UNIT); }
static int map_huge(void) { return map(huge.va, 0, huge.size); }
static int unmap_huge(void) { return unmap(0, huge.size); }

/* More than 512 entries, and not at the start of a leaf */
#define ODD		(3 * UNIT)

static int map_long(void) { return map(mem.va, ODD, MAIN_UNITS * UNIT); }
static int unmap_long(void) { return unmap(ODD, MAIN_UNITS * UNIT); }
static int map_main(void) { return map(mem.va, 0, MAIN_UNITS * UNIT); }
static int unmap_main(void) { return unmap(0, MAIN_UNITS * UNIT); }
static int map_other(void) { return map(other(), 0, OTHER_UNITS * UNIT); }

/* A window that is there maps, whatever could not be had when it came */
static int window_usable(void)
{
	return map_unit() ?: main_reached() ?: unmap_unit();
}

/* Leaves that have been used stay with the window: a new one has none */
static int unmap_long_fresh(void)
{
	return unmap_long() ?: remove_window() ?: create();
}

static int unmap_huge_fresh(void)
{
	return unmap_huge() ?: remove_window() ?: create();
}

static int with_kept_leaves(void)
{
	int i, ret = with_window_4k();

	for (i = 0; !ret && i < KEPT_LEAVES; i++)
		ret = map(mem.va, i * LEAF_BYTES, UNIT);
	return ret;
}

static int map_charged(void)
{
	return map(mem.va, KEPT_LEAVES * LEAF_BYTES + ODD, MAIN_UNITS * UNIT);
}

static int unmap_charged(void)
{
	return unmap(KEPT_LEAVES * LEAF_BYTES + ODD, MAIN_UNITS * UNIT);
}

static int with_charged(void) { return with_kept_leaves() ?: map_charged(); }

static int with_v1_mapped_unit(void) { return with_v1_default() ?: map_unit(); }
static int with_mapped_unit(void) { return with_default() ?: map_unit(); }
static int with_v1_mapped(void) { return with_v1_default() ?: map_main(); }
static int with_mapped(void) { return with_default() ?: map_main(); }
static int with_window_mapped(void) { return with_window_4k() ?: map_main(); }

static int with_spare(void) { return with_v2() ?: register_spare(); }

static int create_mapped(void) { return create() ?: map_main(); }

static int create_default_mapped(void)
{
	return create_default() ?: map_main();
}

/* The default window has gone as the last one */
static int with_default_removed(void)
{
	return with_default() ?: remove_window();
}

/* A window that is the only one, and not the default one */
static int with_last_window(void)
{
	int ret = with_default_removed();

	shift = 16;
	if (!ret && !tce_has_shift(&v, shift))
		return -ENOTSUP;
	return ret ?: create();
}

/* A second group in the container */
static int join(void)
{
	return tce_ioctl(v2.group, VFIO_GROUP_SET_CONTAINER, &v.container);
}

static int leave(void)
{
	return tce_ioctl(v2.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

static int with_second(void)
{
	int ret;

	if (!second)
		return -ENOTSUP;
	ret = with_default() ?: map_main();
	shift = 12;
	if (!ret && tce_has_shift(&v, shift))
		ret = create() ?: map_long();
	v2.dev = second;
	return ret ?: fd_result(tce_open_group(second), &v2.group);
}

static int with_joined(void) { return with_second() ?: join(); }

static int two_reached(void)
{
	int ret;

	v2.device = tce_open_device(v2.group, second);
	if (v2.device < 0)
		return v2.device;
	ret = second->edu ? edu_open(&v2.edu, v2.device) : 0;
	ret = ret ?: tce_dma_ok(&v2, tce_def_start(&v), mem.va, LEN);
	edu_close(&v2.edu);
	close_fd(&v2.device);
	return ret;
}

static int map_two(void)
{
	return tce_map(v.container, other(), tce_def_start(&v) + 64 * UNIT,
		       8 * UNIT, TCE_RW);
}

static int unmap_two(void)
{
	return tce_unmap(v.container, tce_def_start(&v) + 64 * UNIT,
			 8 * UNIT);
}

/* Who stays has what there was, and can map more */
static int one_usable(void)
{
	return map_two() ?: tce_dma_ok(&v, tce_def_start(&v), mem.va, LEN) ?:
	       unmap_two();
}

static int with_two_mapped(void) { return with_joined() ?: map_two(); }

/* Opening once more */
static int again(int (*setup)(void))
{
	return close_all() ?: setup();
}

/* Scenarios */

struct scenario {
	const char *name;
	int (*setup)(void);		/* to the state before; ENOTSUP: skip */
	int (*step)(void);
	int (*undo)(void);		/* back; NULL: by opening all again */
	int (*check)(void);		/* the state before, by DMA */
	int (*done)(void);		/* the state after, by use of it */
	bool partial;			/* what failed stays, the rest goes */
	bool lazy;			/* the default window may have come */
};

#define S(n, s, t, u, ...) \
	{ .name = n, .setup = s, .step = t, .undo = u, __VA_ARGS__ }

static const struct scenario scenarios[] = {
	S("open_container", nothing, open_container, close_container),
	S("open_group", with_container, open_group, close_group),
	S("set_container", with_group, set_container, unset_container),
	S("unset_container", with_attached, unset_container, set_container),
	S("v1.set_iommu", with_attached, set_iommu_v1, reattach),
	S("v2.set_iommu", with_attached, set_iommu_v2, reattach),
	S("v1.get_info", with_v1_iommu, get_info, nothing),
	S("v2.get_info", with_v2_iommu, get_info, nothing),
	S("v2.open_device", with_v2_iommu, open_device, close_device),
	S("v2.close_device", with_v2, close_device, open_device),
	S("v1.leave_all", with_v1_iommu, unset_container, reset_iommu_v1),
	S("v2.leave_all", with_v2_iommu, unset_container, reset_iommu_v2),
	S("v1.enable", with_v1, enable, disable),
	S("v1.disable", with_v1_enabled, disable, enable),
	S("v1.disable_mapped", with_v1_mapped, disable, NULL, .partial = true),
	S("v2.register", with_v2, register_spare, unregister_spare),
	S("v2.register_large", with_v2, register_all, unregister_all),
	S("v2.register_second", with_spare, register_main, unregister_main),
	S("v2.register_fresh", with_fresh, register_spare, unregister_fresh),
	S("v2.register_many", with_large, register_file, unregister_file),
	S("v2.unregister", with_spare, unregister_spare, register_spare),
	S("v1.first_map", with_v1_enabled, map_unit, NULL, .lazy = true),
	S("v2.first_map", with_v2_memory, map_unit, NULL, .lazy = true),
	S("v1.map", with_v1_default, map_unit, unmap_unit,
	  .check = main_denied, .done = main_reached),
	S("v1.map_fresh", with_v1_fresh, map_fresh, unmap_fresh),
	S("v1.map_private", with_v1_private, map_private, unmap_private,
	  .done = private_reached),
	S("v1.map_read_only", with_v1_read_only, map_private, unmap_private,
	  .done = read_only_reached),
	S("v1.map_beyond", with_v1_full, map_long, unmap_long),
	S("v2.map", with_default, map_unit, unmap_unit,
	  .check = main_denied, .done = main_reached),
	S("v1.map_long", with_v1_default, map_long, unmap_long),
	S("v2.map_long", with_window_4k, map_long, unmap_long_fresh),
	S("v2.map_charged", with_kept_leaves, map_charged, unmap_charged),
	S("v1.map_over", with_v1_mapped_unit, map_other_unit, map_unit,
	  .check = main_reached, .done = other_reached),
	S("v2.map_over", with_mapped_unit, map_other_unit, map_unit,
	  .check = main_reached, .done = other_reached),
	S("v1.map_over_long", with_v1_mapped, map_other, map_main,
	  .check = main_reached, .done = other_reached, .partial = true),
	S("v2.map_over_long", with_mapped, map_other, map_main,
	  .check = main_reached, .done = other_reached, .partial = true),
	S("v2.map_64k", with_window_64k, map_long, unmap_long_fresh),
	S("v2.map_2m", with_huge_2m, map_huge, unmap_huge_fresh,
	  .check = huge_denied, .done = huge_reached),
	S("v2.map_16m", with_huge_16m, map_huge, unmap_huge_fresh),
	S("v1.unmap", with_v1_mapped, unmap_main, map_main,
	  .done = last_denied, .partial = true),
	S("v2.unmap", with_mapped, unmap_main, map_main,
	  .done = last_denied, .partial = true),
	S("v2.unmap_charged", with_charged, unmap_charged, map_charged,
	  .partial = true),
	S("v2.create_first", with_no_window, create, NULL),
	S("v2.create_4k", with_shift_4k, create, remove_window,
	  .done = window_usable),
	S("v2.create_64k", with_shift_64k, create, remove_window,
	  .done = window_usable),
	S("v2.create_2m", with_shift_2m, create, remove_window),
	S("v2.create_16m", with_shift_16m, create, remove_window),
	S("v2.create_default", with_default_removed, create_default,
	  remove_window, .done = window_usable),
	S("v2.remove", with_window_4k, remove_window, create),
	S("v2.remove_mapped", with_window_mapped, remove_window,
	  create_mapped),
	S("v2.remove_last", with_last_window, remove_window, create),
	S("v2.remove_default", with_mapped, remove_window,
	  create_default_mapped),
	S("v2.join", with_second, join, leave, .done = two_reached),
	S("v2.leave", with_joined, leave, join, .done = one_usable),
	S("v2.map_for_two", with_joined, map_two, unmap_two),
	S("v2.unmap_for_two", with_two_mapped, unmap_two, map_two,
	  .partial = true),
	S("v2.unregister_one", with_many_regions, unregister_one,
	  register_one),
};

#undef S

#define NR_SCENARIOS	(sizeof(scenarios) / sizeof(*scenarios))

/* What must be the same */

struct state {
	long vmlck_kb;
	long pinned;
	struct vfio_iommu_spapr_tce_info info;
};

/* One scenario, and what it looks like before and after */
static const struct scenario *sc;
static struct state before, after;

static void get_info_of(struct state *st)
{
	memset(&st->info, 0, sizeof(st->info));
	if (v.container >= 0 && v.group >= 0)
		tce_get_info(v.container, &st->info);
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

	/* Pages that the kernel's own work pins are back in a moment */
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

static bool sane(int err)
{
	switch (err) {
	case -ENOMEM:
	case -EFAULT:
	case -EIO:
	case -EINVAL:
	case -ENOSPC:
	case -ENXIO:
	case -EADDRNOTAVAIL:
		return true;
	}
	return false;
}

static unsigned long tries, reopened;
static unsigned int seen;		/* classes of the failures since then */

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
 * Back to the state before, which the next failure is compared with. After a
 * call of the platform has failed there may be less to have than before, but
 * not for the next user.
 */
static bool take_back(enum class class)
{
	int ret;

	if (!sc->undo)
		return reopen();
	ret = sc->undo();
	if (ret && class == FUNCTION) {
		reopened++;
		return reopen();
	}
	return good("undo", ret);
}

/* The step must succeed, and be taken back */
static bool succeed(const char *when, enum class class)
{
	int ret = sc->step();

	if (ret && class == FUNCTION) {
		reopened++;
		if (!reopen())
			return false;
		ret = sc->step();
	}
	return good(when, ret) && take_back(class);
}

struct try {
	bool failed;			/* something did */
	enum class class;
	int ret;
};

static bool try_nth(unsigned int nth, struct function *f, struct try *try)
{
	struct tce_dev *dev = &tce_devs[0];
	struct state want;

	tce_mark(dev, TCE_MARK_STEP);
	arm(nth);
	try->ret = sc->step();
	try->failed = disarm();
	tce_mark(dev, TCE_MARK_STEP_END);
	try->class = what_failed();
	if (!try->failed)
		try->class = NONE;
	tries++;
	seen |= 1 << try->class;
	injected[try->class]++;
	if (f && try->class == FUNCTION)
		f->injected++;
	/* For who reads the trace: what was between the marks just made */
	tce_log("try %s %s %u: %s: %s%s", sc->name, f ? f->name : "memory",
		nth, class_name[try->class],
		try->ret ? strerror(try->ret < 0 ? -try->ret : try->ret) : "ok",
		sc->partial ? ", partial" : "");

	if (!try->failed)
		return good("without a failure", try->ret) && take_back(NONE);

	if (!try->ret) {
		/*
		 * A group whose platform did not answer has no windows to
		 * offer, for as long as it is open.
		 */
		want = after;
		if (try->class == FUNCTION)
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
	if (sc->check && !(sc->partial && try->class == FUNCTION) &&
	    !good("DMA after a failure", sc->check()))
		return false;
	return succeed("tried again", try->class);
}

/*
 * Fail the first, the second, ... until none is left. Clearing a large window
 * takes hundreds of calls: of a long row of the same kind the first few, some
 * further on, and the last ones.
 */
static bool fail_each(struct function *f)
{
	unsigned int nth = 1, stride = 1, row = 0, lo, hi;
	struct try try;

	for (seen = 0;; nth += stride) {
		if (!try_nth(nth, f, &try))
			return false;
		if (try.class == FUNCTION) {
			if (++row >= 4 && stride < 128)
				stride *= 2;
			continue;
		}

		/* Jumped over the end of the row: find it, go on behind it */
		lo = nth - stride;
		hi = nth;
		while (hi - lo > 1) {
			nth = lo + (hi - lo) / 2;
			if (!try_nth(nth, f, &try))
				return false;
			if (try.class == FUNCTION)
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

/* And without any memory at all */
static bool fail_memory(enum class class)
{
	int ret;

	if (!good("choose", choose(true, NULL, 0)))
		return false;
	tce_mark(&tce_devs[0], TCE_MARK_STEP);
	ret = fail_all(class);
	if (!good("fail all", ret))
		return false;
	ret = sc->step();
	heal(class);
	tce_mark(&tce_devs[0], TCE_MARK_STEP_END);
	what_failed();
	tries++;
	tce_log("try %s memory all: %s: %s%s", sc->name, class_name[class],
		ret ? strerror(ret < 0 ? -ret : ret) : "ok",
		sc->partial ? ", partial" : "");

	if (!ret)
		return same_state("done without memory", &after, false) &&
		       take_back(class);
	return sane(ret) && same_state("without memory", &before, false) &&
	       succeed("with memory again", class);
}

static void run(const struct scenario *scenario)
{
	bool pass;
	unsigned int i;
	int ret;

	sc = scenario;
	choose(false, NULL, 0);
	close_all();
	ret = sc->setup();
	if (ret == -ENOTSUP) {
		ksft_test_result_skip("%s\n", sc->name);
		close_all();
		return;
	}
	pass = good("setup", ret);

	/* How it is without a failure; twice, the first fills caches */
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

	pass = pass && good("choose", choose(true, NULL, 0)) &&
	       fail_each(NULL) && fail_memory(SLAB) && fail_memory(PAGE);
	for (i = 0; pass && i < NR_FUNCTIONS; i++) {
		if (!functions[i].present)
			continue;
		pass = good("choose", choose(false, &functions[i], 0)) &&
		       fail_each(&functions[i]);
		/* The other status, unless the step does not call it at all */
		if (pass && seen & 1 << FUNCTION)
			pass = good("choose", choose(false, &functions[i], 1)) &&
			       fail_each(&functions[i]);
	}

	choose(false, NULL, 0);
	close_all();
	/* What went wrong may keep its addresses for ever */
	if (!pass && new_memory())
		ksft_exit_fail_msg("no memory\n");
	ksft_test_result(pass, "%s\n", sc->name);
}

/*
 * The other half: calls of the platform that fail for as long as it takes.
 * What may be reachable must not be released; when the platform has recovered
 * all works again.
 */

static int break_functions(const char *const *names)
{
	unsigned int i;
	char path[128];
	int ret;

	ret = choose(false, NULL, 0);
	for (; !ret && *names; names++) {
		for (i = 0; i < NR_FUNCTIONS; i++)
			if (!strcmp(functions[i].name, *names))
				break;
		if (!functions[i].present)
			return -ENOTSUP;
		ret = set_attr("fail_function", "inject", *names);
		snprintf(path, sizeof(path), "fail_function/%s", *names);
		ret = ret ?: set_attr(path, "retval", "0xffffffffffffffff");
	}
	return ret ?: fail_all(FUNCTION);
}

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

static int broken(const char *const *names, int (*step)(void))
{
	int ret, err;

	err = break_functions(names);
	if (err)
		return err;
	ret = step();
	err = heal(FUNCTION);
	return err ?: ret;
}

/* 0 if @ret is what is wanted: an errno of the platform's, or none */
static int wants(const char *what, bool error, int ret)
{
	if (ret == -ENOTSUP)
		return ret;
	if (error ? sane(ret) : !ret)
		return 0;
	tce_log("%s returned %d", what, ret);
	return -EBADE;
}

static int register_unit(void *va)
{
	return tce_register(v.container, va, UNIT);
}

static int unregister_unit(void *va)
{
	return tce_unregister(v.container, va, UNIT);
}

static int held(const char *what, void *va)
{
	int ret = unregister_unit(va);

	if (ret == -EBUSY)
		return 0;
	tce_log("%s: UNREGISTER returned %d", what, ret);
	return -EBADE;
}

/* Two units, regions of their own */
static int with_two_regions(void)
{
	int ret = with_v2();

	start = tce_def_start(&v);
	return ret ?: register_unit(mem.va) ?: register_unit(other());
}

static int stuck_unmap(void)
{
	return with_two_regions() ?: map_unit() ?:
	       wants("UNMAP", true, broken(clearing, unmap_unit)) ?:
	       held("still mapped", mem.va) ?: main_reached() ?:
	       wants("UNMAP again", false, unmap_unit()) ?: main_denied() ?:
	       unregister_unit(mem.va);
}

static int stuck_map(void)
{
	return with_two_regions() ?: map_unit() ?: unmap_unit() ?:
	       wants("MAP", true, broken(writing, map_unit)) ?:
	       held("may be mapped", mem.va) ?: main_denied() ?:
	       wants("MAP again", false, map_other_unit()) ?:
	       other_reached() ?: unregister_unit(mem.va) ?:
	       held("mapped", other()) ?: unmap_unit() ?:
	       unregister_unit(other());
}

/* The old page may be reachable for ever, for all that is known */
static int stuck_map_over(void)
{
	return with_two_regions() ?: map_unit() ?:
	       wants("MAP", true, broken(writing, map_other_unit)) ?:
	       held("the old page", mem.va) ?:
	       held("the new page", other()) ?: main_reached() ?:
	       wants("UNMAP", false, unmap_unit()) ?: main_denied() ?:
	       held("the old page, later", mem.va) ?:
	       unregister_unit(other());
}

/* The platform removes a window that it did not clear */
static int stuck_clear_at_remove(void)
{
	return with_window_4k() ?: map_unit() ?: main_reached() ?:
	       wants("REMOVE", false, broken(clearing, remove_window)) ?:
	       main_denied() ?: create() ?: map_other_unit() ?:
	       other_reached() ?: main_denied();
}

/* It does neither */
static int stuck_remove(void)
{
	const char *const calls[] = {
		"ddw_call_tce_put", "ddw_call_tce_stuff", "ddw_call_rtas", NULL
	};
	long pinned;
	uint64_t at;
	int ret;

	ret = with_v2() ?: register_unit(mem.va) ?: register_unit(other());
	shift = 12;
	if (!ret && !tce_has_shift(&v, shift))
		return -ENOTSUP;
	ret = ret ?: create() ?: map_unit() ?: main_reached();
	if (ret)
		return ret;
	at = start;
	pinned = tce_pinned();
	ret = wants("REMOVE", true, broken(calls, remove_window)) ?:
	      held("in a window that stays", mem.va) ?: main_reached();
	close_all();
	if (!ret)
		tce_log("%ld pages were pinned, %ld are", pinned, tce_pinned());
	/* Who has the group next has its windows, and nothing of this one */
	ret = ret ?: with_v2() ?: register_unit(other());
	start = tce_def_start(&v);
	ret = ret ?: map_other_unit() ?: other_reached() ?: unmap_unit();
	start = at;
	ret = ret ?: main_denied();
	return ret ?: create() ?: map_other_unit() ?: other_reached();
}

/*
 * A group that its user left with the platform out of order may be refused
 * once. Being refused has the platform start over.
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
	/* Its region goes with the entries, which are noted to be there */
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
	       set_container() ?: tce_set_iommu(v.container, 2) ?:
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

/* The disk in the group, with its own driver */
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
	/* The next to come and go gives the host its window back */
	ret = ret ?: with_attached() ?: unset_container();
	close_all();
	ret = ret ?: tce_restore_group(group) ?:
	      tce_nvme_disk(bdfs[i].s, disk, sizeof(disk)) ?:
	      tce_disk_io(disk);
	return ret ?: tce_bind_group(group) ?: with_mapped() ?: main_reached();
}

static const struct stuck {
	const char *name;
	int (*test)(void);
} stuck[] = {
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
};

#define NR_STUCK	(sizeof(stuck) / sizeof(*stuck))

static void run_stuck(const struct stuck *s)
{
	int ret;

	choose(false, NULL, 0);
	close_all();
	/* What is stuck keeps its addresses for as long as the process lives */
	ret = new_memory() ?: s->test();
	heal(FUNCTION);
	close_all();
	choose(false, NULL, 0);
	if (ret == -ENOTSUP)
		ksft_test_result_skip("stuck.%s\n", s->name);
	else
		ksft_test_result(!ret, "stuck.%s\n", s->name);
	if (ret && ret != -ENOTSUP)
		tce_log("stuck.%s: %s", s->name, strerror(-ret));
}

static bool wanted(const char *half, const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], half) || !strcmp(argv[i], name))
			return true;
	return argc == 1;
}

static void report(void)
{
	unsigned int i;

	tce_log("%lu tries, set up again %lu times", tries, reopened);
	for (i = SLAB; i < NR_CLASSES; i++)
		tce_log("injected %s: %lu", class_name[i], injected[i]);
	for (i = 0; i < NR_FUNCTIONS; i++)
		tce_log("injected %s: %lu%s", functions[i].name,
			functions[i].injected,
			functions[i].present ? "" : ", not in this kernel");
}

int main(int argc, char **argv)
{
	unsigned int i, n = 0;
	int ret;

	tce_begin(true);
	ksft_print_header();
	ret = injection_init();
	if (ret)
		ksft_exit_skip("the kernel cannot inject failures: %s\n",
			       strerror(-ret));
	for (i = 1; i < tce_ndevs && !second; i++)
		if (tce_devs[i].group != tce_devs[0].group)
			second = &tce_devs[i];
	ret = new_memory();
	if (ret)
		ksft_exit_fail_msg("memory: %s\n", strerror(-ret));

	for (i = 0; i < NR_SCENARIOS; i++)
		n += wanted("once", scenarios[i].name, argc, argv);
	for (i = 0; i < NR_STUCK; i++)
		n += wanted("stuck", stuck[i].name, argc, argv);
	ksft_set_plan(n);

	for (i = 0; i < NR_SCENARIOS; i++)
		if (wanted("once", scenarios[i].name, argc, argv))
			run(&scenarios[i]);
	for (i = 0; i < NR_STUCK; i++)
		if (wanted("stuck", stuck[i].name, argc, argv))
			run_stuck(&stuck[i]);

	if (tries)
		report();
	ksft_finished();
}
