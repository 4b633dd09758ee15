// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the cost of windows and mappings. It is a tool, not a test.
 *
 * spapr_tce_bench [-n TIMES] [-b SECONDS] [-l SECONDS] CASE:SHIFT:SIZE...
 *
 * SHIFT is that of the I/O pages, and each case defines SIZE. Each case is
 * repeated TIMES times (5), but not begun again once it has taken -b SECONDS
 * (4). If an operation takes -l SECONDS (no limit), this is reported and the
 * machine is powered off, since the operation cannot be ended otherwise.
 * Output, with tabs:
 *
 *   bench CASE SHIFT SIZE WHAT N VALUE UNIT
 *   done CASE:SHIFT:SIZE
 *
 * The unit is "ns" for the time of an operation, "over" if it reached the
 * limit, and "error" if it failed; other units belong to other figures. With
 * LAB_TRACE=1 a mark is written before and after each operation
 * (spapr_tce_marks.h), so that its hypercalls can be counted in the
 * hypervisor's trace.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "spapr_tce_kvm.h"

#define MAPPED		(64 * MiB)	/* size of a mapping in a window */
#define WINDOW_MIN	(16 * MiB)
#define WINDOW_THREADS	(1 * GiB)	/* threads are far from each other */
#define LARGEST_SHIFT	24		/* of I/O pages */
#define WORKERS		2
#define NSEC		1000000000ULL

struct bench {
	char name[32];
	unsigned int shift;
	uint64_t size;
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t start;			/* of the window */
	enum tce_mark mark;
	long locked;			/* before the case, in KiB */
	long free_kb;
	long charged_kb;
	int rep;
};

static void *shared(size_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return va == MAP_FAILED ? NULL : va;
}

/* The operation that runs now: the parent looks at it */
struct running {
	struct bench b;
	const char *what;
	uint64_t from;			/* 0: none */
};

static struct running *running;
static int reps = 5;
static uint64_t budget = 4 * NSEC, limit;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static void row(const struct bench *b, const char *what, long long value,
		const char *unit)
{
	printf("bench\t%s\t%u\t%llu\t%s\t%d\t%lld\t%s\n", b->name, b->shift,
	       (unsigned long long)b->size, what, b->rep, value, unit);
}

static void op_begin(struct bench *b, const char *what, enum tce_mark mark)
{
	tce_mark(&tce_devs[0], mark);
	b->mark = mark;
	running->b = *b;
	running->what = what;
	running->from = now();
}

static int op_end(const struct bench *b, int ret)
{
	uint64_t ns = now() - running->from;

	running->from = 0;
	/*
	 * For all operations, the mark of the end follows that of the beginning
	 */
	tce_mark(&tce_devs[0], b->mark + 1);
	if (ret)
		row(b, running->what, ret, "error");
	else
		row(b, running->what, ns, "ns");
	return ret;
}

/* Calls that are not measured have to work as well */
static int failed(const struct bench *b, const char *what, int ret)
{
	if (ret)
		row(b, what, ret, "failed");
	return ret;
}

static int get_memory(struct bench *b, uint64_t size)
{
	int ret;

	/* The least amount that can be registered */
	if (size < 64 * KiB)
		size = 64 * KiB;
	if (b->shift > LARGEST_SHIFT)
		ret = tce_mem_hugetlb(&b->mem, size, 1ULL << b->shift);
	else
		ret = tce_mem_for_shift(&b->mem, size, b->shift);
	if (!ret)
		memset(b->mem.va, 1, b->mem.size);
	return ret;
}

/* A container without windows, and registered memory */
static int setup(struct bench *b, const struct tce_dev *dev, uint64_t size,
		 bool registered)
{
	int ret;

	b->locked = tce_vmlck_kb();
	ret = tce_vfio_open_iommu(&b->v, dev, 2);
	if (ret)
		return failed(b, "open", ret);
	/* Memory of larger pages is registered, but not mapped */
	if (b->shift <= LARGEST_SHIFT && !tce_has_shift(&b->v, b->shift)) {
		tce_log("the platform has no such pages");
		return -ENOENT;
	}
	ret = get_memory(b, size);
	if (ret)
		return failed(b, "memory", ret);
	if (registered)
		ret = tce_register(b->v.container, b->mem.va, b->mem.size);
	if (ret)
		return failed(b, "register", ret);
	ret = tce_remove(b->v.container, tce_def_start(&b->v));
	return failed(b, "remove-default", ret);
}

static void teardown(struct bench *b, bool registered)
{
	if (registered)
		tce_unregister(b->v.container, b->mem.va, b->mem.size);
	tce_vfio_close(&b->v);
	tce_mem_free(&b->mem);
	row(b, "locked-left", tce_vmlck_kb() - b->locked, "kB");
}

static int create(struct bench *b, uint64_t size)
{
	return tce_create(b->v.container, b->shift, size, 1, &b->start);
}

static int map(struct bench *b, uint64_t offset, uint64_t size)
{
	return tce_map(b->v.container, b->mem.va, b->start + offset, size,
		       TCE_RW);
}

static int unmap(struct bench *b, uint64_t offset, uint64_t size)
{
	return tce_unmap(b->v.container, b->start + offset, size);
}

/* Whether the case is to be repeated */
static bool again(struct bench *b, uint64_t since)
{
	b->rep++;
	return b->rep <= reps && now() - since < budget;
}

/* Maps SIZE bytes, and unmaps them, by one ioctl each */
static int bench_map(struct bench *b)
{
	uint64_t since;
	int ret;

	ret = setup(b, &tce_devs[0], b->size, true);
	if (!ret)
		ret = failed(b, "create", create(b, b->size > WINDOW_MIN ?
						 b->size : WINDOW_MIN));
	if (ret)
		return ret;
	since = now();
	do {
		op_begin(b, "map", TCE_MARK_MAP);
		ret = op_end(b, map(b, 0, b->size));
		if (ret)
			break;
		op_begin(b, "unmap", TCE_MARK_UNMAP);
		ret = op_end(b, unmap(b, 0, b->size));
	} while (!ret && again(b, since));
	teardown(b, true);
	return ret;
}

static int create_timed(struct bench *b, const char *what)
{
	op_begin(b, what, TCE_MARK_CREATE);
	return op_end(b, create(b, b->size));
}

static int remove_timed(struct bench *b, const char *what)
{
	op_begin(b, what, TCE_MARK_REMOVE);
	return op_end(b, tce_remove(b->v.container, b->start));
}

static long free_kb(void)
{
	struct tce_stat st;

	return tce_stat_get(&st) ? 0 : st.memfree_kb;
}

/*
 * The memory that the kernel took since @b->free_kb, and the memory that it
 * charged
 */
static void memory(struct bench *b, const char *kernel, const char *charged)
{
	row(b, kernel, b->free_kb - free_kb(), "kB");
	row(b, charged, tce_vmlck_kb() - b->charged_kb, "kB");
}

static void memory_before(struct bench *b)
{
	b->free_kb = free_kb();
	b->charged_kb = tce_vmlck_kb();
}

/*
 * Creates a window of SIZE, and removes it with 64 MiB mapped in it. Then the
 * same with nothing mapped.
 */
static int bench_window(struct bench *b)
{
	uint64_t since;
	int ret;

	ret = setup(b, &tce_devs[0], MAPPED, true);
	if (ret)
		return ret;
	since = now();
	do {
		memory_before(b);
		ret = create_timed(b, "create");
		if (ret)
			break;
		memory(b, "empty-kernel", "empty-charged");
		ret = failed(b, "map", map(b, 0, MAPPED));
		if (ret)
			break;
		memory(b, "64m-kernel", "64m-charged");
		ret = remove_timed(b, "remove-64m");
		if (!ret)
			ret = failed(b, "create", create(b, b->size));
		if (!ret)
			ret = remove_timed(b, "remove-empty");
	} while (!ret && again(b, since));
	teardown(b, true);
	return ret;
}

/* Unmaps all of a window of SIZE by one ioctl, with nothing mapped in it */
static int bench_empty(struct bench *b)
{
	uint64_t since;
	int ret;

	ret = setup(b, &tce_devs[0], MAPPED, true);
	if (!ret)
		ret = failed(b, "create", create(b, b->size));
	if (ret)
		return ret;
	since = now();
	do {
		op_begin(b, "unmap", TCE_MARK_UNMAP);
		ret = op_end(b, unmap(b, 0, b->size));
	} while (!ret && again(b, since));
	teardown(b, true);
	return ret;
}

/*
 * Removes a window of SIZE with every entry set, all of them to the same 64 MiB
 */
static int bench_fill(struct bench *b)
{
	uint64_t off;
	int ret;

	ret = setup(b, &tce_devs[0], MAPPED, true);
	if (ret)
		return ret;
	memory_before(b);
	ret = failed(b, "create", create(b, b->size));
	for (off = 0; !ret && off < b->size; off += MAPPED)
		ret = failed(b, "map", map(b, off, MAPPED));
	if (!ret) {
		memory(b, "full-kernel", "full-charged");
		ret = remove_timed(b, "remove-full");
	}
	teardown(b, true);
	return ret;
}

/* Registers and maps SIZE regions of 64K one by one, and undoes that */
static int bench_regions(struct bench *b)
{
	uint64_t since, off, size = b->size * 64 * KiB;
	int ret;

	ret = setup(b, &tce_devs[0], size, false);
	if (!ret)
		ret = failed(b, "create", create(b, size));
	if (ret)
		return ret;
	since = now();
	do {
		op_begin(b, "map", TCE_MARK_MAP);
		for (off = 0; !ret && off < size; off += 64 * KiB) {
			ret = tce_register(b->v.container, b->mem.va + off,
					   64 * KiB);
			if (!ret)
				ret = tce_map(b->v.container, b->mem.va + off,
					      b->start + off, 64 * KiB, TCE_RW);
		}
		ret = op_end(b, ret);
		if (ret)
			break;
		op_begin(b, "unmap", TCE_MARK_UNMAP);
		for (off = 0; !ret && off < size; off += 64 * KiB) {
			ret = unmap(b, off, 64 * KiB);
			if (!ret)
				ret = tce_unregister(b->v.container,
						     b->mem.va + off, 64 * KiB);
		}
		ret = op_end(b, ret);
	} while (!ret && again(b, since));
	teardown(b, false);
	return ret;
}

/* As in the kernel's mm/gup_test.h, which is not exported */
struct gup_test {
	uint64_t get_us;
	uint64_t put_us;
	uint64_t addr;
	uint64_t size;
	uint32_t pages_per_call;
	uint32_t gup_flags;
	uint32_t test_flags;
	uint32_t which_pages[8];
};

#define GUP_TEST_PIN_FAST	_IOWR('g', 2, struct gup_test)

/* FOLL_LONGTERM | FOLL_WRITE, which are no part of an interface */
static uint32_t gup_flags(void)
{
	struct utsname kernel;

	if (uname(&kernel) || strncmp(kernel.release, "6.1.", 4))
		return 0x101;
	return 0x10001;
}

/*
 * The least time that pinning and unpinning the memory takes: CONFIG_GUP_TEST
 */
static void bench_pin(struct bench *b)
{
	struct gup_test gup = {
		.addr = (uintptr_t)b->mem.va,
		.size = b->size,
		.pages_per_call = b->size / sysconf(_SC_PAGESIZE),
		.gup_flags = gup_flags(),
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);

	if (fd < 0)
		return;
	if (!ioctl(fd, GUP_TEST_PIN_FAST, &gup)) {
		row(b, "pin-alone", gup.get_us * 1000, "alone ns");
		row(b, "unpin-alone", gup.put_us * 1000, "alone ns");
	}
	close(fd);
}

/*
 * Registers SIZE bytes in pages of 2^SHIFT, and unregisters them, by one ioctl
 * each
 */
static int bench_register(struct bench *b)
{
	uint64_t since;
	int ret;

	ret = setup(b, &tce_devs[0], b->size, false);
	if (ret)
		return ret;
	since = now();
	do {
		bench_pin(b);
		memory_before(b);
		op_begin(b, "register", TCE_MARK_MAP);
		ret = op_end(b, tce_register(b->v.container, b->mem.va,
					     b->mem.size));
		if (ret)
			break;
		memory(b, "register-kernel", "register-charged");
		op_begin(b, "unregister", TCE_MARK_UNMAP);
		ret = op_end(b, tce_unregister(b->v.container, b->mem.va,
					       b->mem.size));
	} while (!ret && again(b, since));
	teardown(b, false);
	return ret;
}

static int hcall_timed(struct bench *b, struct guest *g, const char *what,
		       uint64_t nr, uint64_t tce)
{
	long status;

	op_begin(b, what, nr == H_STUFF_TCE ? TCE_MARK_UNMAP : TCE_MARK_MAP);
	status = vm_hcall(g, nr, g->start, tce, b->size);
	return op_end(b, status ? -EIO : 0);
}

/*
 * A guest of KVM has a table with pages of 2^SHIFT for the default window,
 * which has pages of 4K. It maps a list of SIZE entries, maps it again, and
 * clears all.
 */
static int bench_kvm(struct bench *b)
{
	struct guest g = { };
	uint64_t since;
	int ret;

	b->locked = tce_vmlck_kb();
	ret = failed(b, "guest", vm_open(&g, b->shift));
	if (ret)
		return ret;
	since = now();
	vm_make_list(&g, DATA, b->size, 1ULL << b->shift);
	do {
		ret = hcall_timed(b, &g, "list", H_PUT_TCE_INDIRECT, LIST);
		if (!ret)
			ret = hcall_timed(b, &g, "list-over",
					  H_PUT_TCE_INDIRECT, LIST);
		if (!ret)
			ret = hcall_timed(b, &g, "stuff", H_STUFF_TCE, 0);
	} while (!ret && again(b, since));
	vm_end(&g);
	vm_close(&g);
	row(b, "locked-left", tce_vmlck_kb() - b->locked, "kB");
	return ret;
}

static int timed_exit(struct bench *b, const char *what, bool mapped)
{
	int ret = 0, status;
	pid_t pid;

	b->mark = TCE_MARK_RELEASE;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		if (mapped)
			ret = setup(b, &tce_devs[0], b->size, true);
		else
			ret = failed(b, "memory", get_memory(b, b->size));
		if (!ret && mapped)
			ret = failed(b, "create", create(b, b->size));
		if (!ret && mapped)
			ret = failed(b, "map", map(b, 0, b->size));
		if (!ret)
			op_begin(b, what, TCE_MARK_RELEASE);
		_exit(ret ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return status ? -ECHILD : op_end(b, 0);
}

/*
 * A process ends with SIZE bytes mapped, and another one with the memory alone
 */
static int bench_exit(struct bench *b)
{
	uint64_t since = now();
	int ret;

	do {
		ret = timed_exit(b, "exit", true);
		if (!ret)
			ret = timed_exit(b, "exit-unmapped", false);
	} while (!ret && again(b, since));
	return ret;
}

/*
 * Threads, or processes: each maps and unmaps SIZE bytes in a part of its own
 */
struct worker {
	struct bench b;
	pthread_barrier_t *start;
	uint64_t offset;
	uint64_t begun;
	uint64_t ended;
	int rounds;
	int ret;
};

struct workers {
	pthread_barrier_t start;
	struct worker w[WORKERS];
};

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	pthread_barrier_wait(w->start);
	w->begun = now();
	for (i = 0; !w->ret && i < w->rounds; i++) {
		w->ret = map(&w->b, w->offset, w->b.size);
		if (!w->ret)
			w->ret = unmap(&w->b, w->offset, w->b.size);
	}
	w->ended = now();
	return NULL;
}

static struct workers *prepare(const struct bench *b, int n, int rounds)
{
	struct workers *s = shared(sizeof(*s));
	pthread_barrierattr_t attr;
	int i;

	if (!s)
		exit(1);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&s->start, &attr, n);
	for (i = 0; i < n; i++) {
		s->w[i].b = *b;
		s->w[i].start = &s->start;
		s->w[i].rounds = rounds;
	}
	return s;
}

/* The time of a round, from the first start to the last end */
static int finish(struct bench *b, struct workers *s, int n, const char *what)
{
	uint64_t begun = ~0ULL, ended = 0;
	int i, ret = 0, rounds = s->w[0].rounds;

	for (i = 0; i < n; i++) {
		if (s->w[i].begun < begun)
			begun = s->w[i].begun;
		if (s->w[i].ended > ended)
			ended = s->w[i].ended;
		if (s->w[i].ret)
			ret = s->w[i].ret;
	}
	munmap(s, sizeof(*s));
	if (ret)
		return failed(b, what, ret);
	row(b, what, (ended - begun) / rounds, "round-ns");
	return 0;
}

/* Runs @n threads in one container */
static int run_threads(struct bench *b, int n, int rounds, const char *what)
{
	struct workers *s = prepare(b, n, rounds);
	pthread_t thread[WORKERS];
	int i;

	for (i = 0; i < n; i++) {
		s->w[i].offset = i * (WINDOW_THREADS / WORKERS);
		s->w[i].b.mem.va += i * b->size;
		if (pthread_create(&thread[i], NULL, work, &s->w[i]))
			exit(1);
	}
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	return finish(b, s, n, what);
}

/* The same by processes with a PE each: they share only the machine */
static int run_processes(struct bench *b, int rounds, const char *what)
{
	struct workers *s = prepare(b, WORKERS, rounds);
	pid_t pid[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &s->w[i];

		pid[i] = fork();
		if (pid[i])
			continue;
		w->ret = setup(&w->b, &tce_devs[i], b->size, true);
		if (!w->ret)
			w->ret = create(&w->b, WINDOW_THREADS);
		/* Other processes wait for this one, also if it has failed */
		work(w);
		_exit(0);
	}
	for (i = 0; i < WORKERS; i++)
		waitpid(pid[i], NULL, 0);
	return finish(b, s, WORKERS, what);
}

/* Two workers map and unmap SIZE bytes at the same time, and one does alone */
static int bench_threads(struct bench *b)
{
	/* So many that the two run at the same time */
	int rounds = b->size > 64 * KiB ? 50 : 5000;
	uint64_t since = now();
	int ret;

	do {
		ret = setup(b, &tce_devs[0], WORKERS * b->size, true);
		if (!ret)
			ret = failed(b, "create", create(b, WINDOW_THREADS));
		if (ret)
			break;
		ret = run_threads(b, 1, rounds, "one-thread");
		if (!ret)
			ret = run_threads(b, WORKERS, rounds, "two-threads");
		teardown(b, true);
		if (!ret && tce_ndevs >= WORKERS)
			ret = run_processes(b, rounds, "two-processes");
	} while (!ret && again(b, since));
	return ret;
}

static const struct {
	const char *name;
	int (*run)(struct bench *b);
} cases[] = {
	{ "map", bench_map },
	{ "window", bench_window },
	{ "empty", bench_empty },
	{ "fill", bench_fill },
	{ "regions", bench_regions },
	{ "exit", bench_exit },
	{ "register", bench_register },
	{ "kvm", bench_kvm },
	{ "threads", bench_threads },
	{ }
};

static int run(const char *text)
{
	struct bench b = { .rep = 1 };
	unsigned long long size;
	int i;

	if (sscanf(text, "%31[a-z]:%u:%llu", b.name, &b.shift, &size) != 3)
		return -EINVAL;
	b.size = size;
	b.mem.fd = -1;
	for (i = 0; cases[i].name; i++)
		if (!strcmp(cases[i].name, b.name))
			return cases[i].run(&b);
	return -EINVAL;
}

/* The operation cannot be stopped */
static void give_up(void)
{
	row(&running->b, running->what, limit, "over");
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
}

/* Waits for a case without waking up while it is measured */
static int watch(pid_t pid, const sigset_t *chld)
{
	struct timespec ts;
	uint64_t left;
	int status;

	while (waitpid(pid, &status, limit ? WNOHANG : 0) != pid) {
		left = limit;
		if (running->from)
			left -= now() - running->from;
		if ((int64_t)left <= 0)
			give_up();
		ts.tv_sec = left / NSEC;
		ts.tv_nsec = left % NSEC;
		sigtimedwait(chld, NULL, &ts);
	}
	return status;
}

/*
 * Each case has a process of its own, so that it finds no state of the last one
 */
int main(int argc, char **argv)
{
	int opt, status, ret = 0;
	sigset_t chld;
	pid_t pid;

	while ((opt = getopt(argc, argv, "n:b:l:")) != -1) {
		switch (opt) {
		case 'n':
			reps = atoi(optarg);
			break;
		case 'b':
			budget = atoi(optarg) * NSEC;
			break;
		case 'l':
			limit = atoi(optarg) * NSEC;
			break;
		default:
			return 2;
		}
	}
	running = shared(sizeof(*running));
	if (!running)
		return 1;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	tce_begin(true);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	for (; optind < argc; optind++) {
		pid = fork();
		if (!pid)
			_exit(run(argv[optind]) ? 1 : 0);
		status = watch(pid, &chld);
		if (status) {
			tce_log("%s: status 0x%x", argv[optind], status);
			ret = 1;
		}
		printf("done\t%s\n", argv[optind]);
	}
	return ret;
}
