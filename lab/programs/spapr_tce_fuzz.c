// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls of all ioctls of the SPAPR TCE backend, in several containers,
 * with several groups, by several threads, compared with a model.
 *
 *   spapr_tce_fuzz [-s SEED] [-n OPS] [-t SECONDS] [-T THREADS]
 *                  [-c CONTAINERS] [-k] [-r] [-v]
 *
 * The model predicts each result. Now and then, locked memory and the memory
 * that a device reaches are compared as well. With -k the last thread also has
 * a guest of KVM, which makes TCE hypercalls for windows of all containers.
 * With -r (racy) no lock keeps threads from removing windows, groups and
 * containers that other threads use: each result is one of a few, and the state
 * is compared when all threads have stopped.
 *
 * The n-th operation of a thread draws the same random numbers for the same
 * seed. A single thread makes the same calls each time. With several threads,
 * their interleaving is not repeated, nor its effects, such as the existing
 * windows.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "kselftest.h"
#include "fuzz.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

#define GUARD		(64 * KiB)
#define RW_SIZE		(16 * MiB)
#define RO_SIZE		(256 * KiB)

/* Number of operations of a thread from one sync point to the next */
#define ROUND		10000

/* The kernel may keep so much for later, of a few hundred megabytes */
#define TOLERANCE_KB	(64 * 1024)

static const struct {
	unsigned int weight;
	bool kvm;			/* for the thread with the guest */
	enum fz_kind kind;
	void (*fn)(struct fz_thread *t);
} steps[] = {
	{ .weight = 3500, .kind = FZ_MAP },
	{ .weight = 2600, .kind = FZ_UNMAP },
	{ .weight = 700, .kind = FZ_REGISTER },
	{ .weight = 500, .kind = FZ_UNREGISTER },
	{ .weight = 200, .kind = FZ_INFO },
	{ .weight = 200, .kind = FZ_UNKNOWN },
	{ .weight = 80, .kind = FZ_EEH },
	{ .weight = 40, .kind = FZ_CREATE },
	{ .weight = 30, .kind = FZ_REMOVE },
	{ .weight = 40, .kind = FZ_ENABLE },
	{ .weight = 5, .kind = FZ_DISABLE },
	{ .weight = 150, .fn = fz_check_op },
	{ .weight = 100, .fn = fz_status_op },
	{ .weight = 50, .fn = fz_evict },
	{ .weight = 4, .fn = fz_group_op },
	{ .weight = 3, .fn = fz_device_op },
	{ .weight = 2, .fn = fz_close_op },
	{ .weight = 2, .fn = fz_reopen_op },
	{ .weight = 8, .fn = fz_dma_op },
	{ .weight = 6, .fn = fz_child_op },
	{ .weight = 1, .fn = fz_kill_op },
	{ .weight = 9000, .kvm = true, .fn = fz_kvm_op },
	{ .weight = 60, .kvm = true, .fn = fz_kvm_table_op },
	{ .weight = 20, .kvm = true, .fn = fz_kvm_group_op },
	{ .weight = 40, .kvm = true, .fn = fz_dma_op },
};

static unsigned int elapsed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - fz.begin.tv_sec;
}

static bool out_of_time(void)
{
	return fz.seconds && elapsed() >= fz.seconds;
}

static void step(struct fz_thread *t)
{
	unsigned int i, n, sum = 0;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!steps[i].kvm || t == fz.kvm.t)
			sum += steps[i].weight;

	t->number++;
	t->rnd = fz.seed * 0x2545f4914f6cdd1dULL + t->id * 0x100000001b3ULL +
		 (t->number << 20);
	n = fz_below(t, sum);
	for (i = 0; n >= steps[i].weight; i++)
		n -= steps[i].weight;

	if (steps[i].fn)
		steps[i].fn(t);
	else
		fz_iommu_op(t, steps[i].kind);

	if (!fz.racy && !(t->number % 512)) {
		fz_lock(t, true);
		fz_audit(t);
		fz_unlock(t);
	}
}

/*
 * All threads have stopped. It must be possible to free all resources and to
 * get them again. The rest is done by one thread, and is exact in both modes.
 */
static void sync_point(struct fz_thread *t)
{
	struct tce_stat after;
	bool racy = fz.racy;
	int g;

	if (!racy) {
		fz_audit(t);
		if (fz_one_in(t, 2)) {
			fz_unmap_all(t);
			fz_audit(t);
			fz_unregister_all(t);
			fz_audit(t);
		}
	}
	if (fz_failed())
		return;

	fz.racy = false;
	fz_close_all(t);
	fz_audit(t);
	if (tce_stat_settle(&fz.before, &after, TOLERANCE_KB))
		fz_diverge(t, NULL, "something is left");
	fz_setup(t);
	for (g = 0; g < fz.groups && !fz_failed(); g++)
		fz_prove(t, g);
	if (!fz_failed())
		fz_audit(t);
	fz.racy = racy;
}

static void *run(void *arg)
{
	struct fz_thread *t = arg;
	int i;

	do {
		for (i = 0; i < ROUND && t->number < t->limit &&
		     !fz_failed() && !out_of_time(); i++)
			step(t);
		pthread_barrier_wait(&fz.barrier);
		if (!t->id) {
			sync_point(t);
			fz.stop = fz_failed() || out_of_time() ||
				  t->number >= t->limit;
		}
		pthread_barrier_wait(&fz.barrier);
	} while (!fz.stop);

	return NULL;
}

/*
 * Huge pages, if there are any, between unmapped addresses. Protecting a part
 * of them is no alternative: 6.1 warns of a lock when it splits them.
 */
static int init_huge(struct fz_thread *t)
{
	uint8_t *area;
	size_t page;

	if (tce_mem_for_shift(&t->huge, 4 * MiB, 21)) {
		memset(&t->huge, 0, sizeof(t->huge));
		return 0;
	}
	page = t->huge.page;
	munmap(t->huge.va, t->huge.size);
	t->huge.va = NULL;
	area = mmap(NULL, t->huge.size + 2 * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	area = (uint8_t *)(((uintptr_t)area + page - 1) & ~(page - 1));
	if (mmap(area, t->huge.size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB |
		 __builtin_ctzll(page) << MAP_HUGE_SHIFT, -1, 0) == MAP_FAILED)
		return -errno;
	t->huge.va = area;
	memset(area, 1, t->huge.size);
	madvise(area, t->huge.size, MADV_DONTFORK);
	return 0;
}

static int init_memory(struct fz_thread *t)
{
	int i, ret, fd = memfd_create("arguments", 0);

	ret = tce_mem_anon(&t->mem, RW_SIZE + RO_SIZE + 2 * GUARD);
	if (ret)
		return ret;
	memset(t->mem.va, 1, t->mem.size);
	t->rw = (uintptr_t)t->mem.va + GUARD;
	t->rw_size = RW_SIZE;
	t->ro = t->rw + RW_SIZE;
	t->ro_size = RO_SIZE;
	mprotect(t->mem.va, GUARD, PROT_NONE);
	mprotect((void *)t->ro, RO_SIZE, PROT_READ);
	mprotect((void *)(t->ro + RO_SIZE), GUARD, PROT_NONE);
	/* Children do not need it, and fork() would copy pinned pages */
	madvise(t->mem.va, t->mem.size, MADV_DONTFORK);

	ret = init_huge(t);
	if (ret)
		return ret;

	t->arg = mmap(NULL, 2 * fz.page, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ftruncate(fd, fz.page) || t->arg == MAP_FAILED ||
	    mmap(t->arg, fz.page, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return -errno;
	t->arg_ro = mmap(NULL, fz.page, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (t->arg_ro == MAP_FAILED)
		return -errno;

	for (i = 0; i < FZ_CONTAINERS * FZ_WINDOWS; i++) {
		uint64_t *notes = calloc(FZ_NOTES, sizeof(*notes));

		if (!notes)
			return -ENOMEM;
		fz.c[i / FZ_WINDOWS].win[i % FZ_WINDOWS].notes[t->id] = notes;
	}
	return 0;
}

/*
 * The platform's windows, and the kernel's charges: for a window, and for each
 * leaf of its view beyond those that the window's charge includes.
 */
static int calibrate(void)
{
	struct fz_thread *t = &fz.t[0];
	struct tce_vfio v;
	uint64_t start;
	int i, ret;
	long kb;

	ret = tce_vfio_open_iommu(&v, fz.g[0].dev, 2);
	if (ret)
		return ret;
	fz.eeh = tce_ioctl(v.container, VFIO_CHECK_EXTENSION,
			   (void *)VFIO_EEH) == 1;
	fz.def_start = tce_def_start(&v);
	fz.def_size = v.info.dma32_window_size;
	fz.ddw = v.info.flags & VFIO_IOMMU_SPAPR_INFO_DDW;
	fz.pgsizes = fz.ddw ? v.info.ddw.pgsizes : 4096;
	fz.levels = fz.ddw ? v.info.ddw.levels : 5;

	start = fz.def_start;
	ret = tce_register(v.container, (void *)t->rw, 64 * KiB);
	if (!ret && fz.ddw && fz.def_size && tce_is_qemu()) {
		ret = tce_unmap(v.container, start, 4096);
		if (!ret)
			ret = tce_create(v.container, 16, 16 * MiB, 1,
					 &fz.dma64_start);
		if (!ret)
			ret = tce_remove(v.container, fz.dma64_start);
	}
	if (!ret && fz.ddw)
		ret = tce_remove(v.container, start);
	kb = tce_vmlck_kb();
	if (!ret && fz.ddw)
		ret = tce_create(v.container, 12, 1 * GiB, 1, &start);
	else if (!ret)
		ret = tce_unmap(v.container, start, 4096);
	fz.view_pages = (tce_vmlck_kb() - kb) * KiB / fz.page;
	kb = tce_vmlck_kb();
	for (i = 0; !ret && i < FZ_KEPT + FZ_CHARGES; i++) {
		ret = tce_map(v.container, (void *)t->rw,
			      start + ((uint64_t)i << (FZ_LEAF_SHIFT + 12)),
			      4096, TCE_RW);
		if (i >= FZ_KEPT - 1)
			fz.charge[i - FZ_KEPT + 1] = (tce_vmlck_kb() - kb) *
						     KiB / fz.page;
	}
	if (ret)
		tce_log("calibration: %s", strerror(-ret));
	else
		fz.charge[FZ_CHARGES] = (tce_vmlck_kb() - kb) * KiB / fz.page;
	tce_vfio_close(&v);
	tce_log("pages of %zu, a window is charged %u, %u leaves more %u",
		fz.page, fz.view_pages, FZ_CHARGES, fz.charge[FZ_CHARGES]);
	return ret;
}

static int init(void)
{
	pthread_rwlockattr_t attr;
	int i, j, ret = 0;

	fz.page = sysconf(_SC_PAGESIZE);
	pthread_rwlockattr_init(&attr);
	/* A thread that waits to be alone must get its turn */
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&fz.rwlock, &attr);
	pthread_mutex_init(&fz.mutex, NULL);
	pthread_barrier_init(&fz.barrier, NULL, fz.threads);

	for (i = 0; i < tce_ndevs && fz.groups < FZ_GROUPS; i++) {
		for (j = 0; j < fz.groups; j++)
			if (fz.g[j].dev->group == tce_devs[i].group)
				break;
		if (j < fz.groups)
			continue;
		fz.g[j].dev = &tce_devs[i];
		fz.g[j].c = -1;
		fz.g[j].v.dev = &tce_devs[i];
		fz.g[j].v.device = -1;
		pthread_mutex_init(&fz.g[j].dma, NULL);
		fz.groups++;
	}
	for (i = 0; i < fz.containers; i++)
		for (j = 0; j < FZ_WINDOWS; j++)
			pthread_mutex_init(&fz.c[i].win[j].lock, NULL);
	for (i = 0; !ret && i < fz.threads; i++) {
		fz.t[i].id = i;
		fz.t[i].limit = fz.ops / fz.threads;
		ret = init_memory(&fz.t[i]);
	}
	if (!ret && fz.kvm.t)
		ret = fz_kvm_init(fz.kvm.t);
	return ret ? ret : calibrate();
}

static void report(void)
{
	unsigned long n, ioctls = 0;
	char line[512];
	int i, j, k;
	size_t len;

	for (i = 0; i < FZ_KINDS; i++) {
		unsigned long sum[FZ_RETS] = {}, all = 0;

		for (j = 0; j < FZ_RETS; j++) {
			for (k = 0; k < fz.threads; k++)
				sum[j] += fz.t[k].count[i][j];
			all += sum[j];
		}
		if (i < FZ_IOCTLS)
			ioctls += all;
		if (!all)
			continue;
		len = snprintf(line, sizeof(line), "%-18s %8lu:",
			       fz_kind_names[i], all);
		for (j = 0; j < FZ_RETS; j++)
			if (sum[j])
				len += snprintf(line + len,
						sizeof(line) - len, "  %s %lu",
						j ? fz_ret_names[j] : "ok",
						sum[j]);
		tce_log("%s", line);
	}
	for (n = 0, k = 0; k < fz.threads; k++)
		n += fz.t[k].number;
	tce_log("total: %lu operations, %lu ioctls, %u s, seed %llu, %s", n,
		ioctls, elapsed(), (unsigned long long)fz.seed,
		fz.racy ? "racy" : "exact");
}

static int bad_usage(const char *name)
{
	fprintf(stderr,
		"%s [-s SEED] [-n OPS] [-t SECONDS] [-T THREADS] [-c CONTAINERS] [-k] [-r] [-v]\n",
		name);
	return KSFT_FAIL;
}

int main(int argc, char **argv)
{
	bool kvm = false;
	int i, opt, ret;

	fz.seed = time(NULL);
	fz.threads = 4;
	fz.containers = 3;
	while ((opt = getopt(argc, argv, "s:n:t:T:c:krv")) != -1) {
		switch (opt) {
		case 's':
			fz.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			fz.ops = strtoul(optarg, NULL, 0);
			break;
		case 't':
			fz.seconds = atoi(optarg);
			break;
		case 'T':
			fz.threads = atoi(optarg);
			break;
		case 'c':
			fz.containers = atoi(optarg);
			break;
		case 'k':
			kvm = true;
			break;
		case 'r':
			fz.racy = true;
			break;
		case 'v':
			fz.verbose = true;
			break;
		default:
			return bad_usage(argv[0]);
		}
	}
	if (fz.threads < 1 || fz.threads > FZ_THREADS || fz.containers < 1 ||
	    fz.containers > FZ_CONTAINERS)
		return bad_usage(argv[0]);
	if (kvm)
		fz.kvm.t = &fz.t[fz.threads - 1];
	if (!fz.ops && !fz.seconds)
		fz.seconds = 10;
	if (!fz.ops)
		fz.ops = ~0UL;

	tce_begin(true);
	ksft_print_header();
	ksft_set_plan(1);
	tce_log("seed %llu, %d threads%s, %d containers, %s",
		(unsigned long long)fz.seed, fz.threads,
		kvm ? ", one with a guest of KVM" : "", fz.containers,
		fz.racy ? "racy" : "exact");
	ret = init();
	if (!ret)
		ret = tce_stat_get(&fz.before);
	if (ret) {
		tce_log("cannot begin: %s", strerror(-ret));
		ksft_test_result_fail("random calls\n");
		ksft_exit_fail();
	}
	fz.vmlck_kb = fz.before.vmlck_kb;
	clock_gettime(CLOCK_MONOTONIC, &fz.begin);

	fz.t[0].rnd = fz.seed;
	ret = fz.racy;
	fz.racy = false;
	fz_setup(&fz.t[0]);
	fz.racy = ret;
	for (i = 0; i < fz.threads; i++) {
		if (pthread_create(&fz.t[i].thread, NULL, run, &fz.t[i])) {
			tce_log("cannot create a thread");
			ksft_exit_fail();
		}
	}
	for (i = 0; i < fz.threads; i++)
		pthread_join(fz.t[i].thread, NULL);

	fz.racy = false;
	fz_close_all(&fz.t[0]);
	fz.racy = ret;
	report();
	for (i = 0; i < fz.threads; i++)
		tce_mem_free(&fz.t[i].huge);
	ksft_test_result(!fz_failed(), "random calls, %s\n",
			 fz.racy ? "racy" : "compared with a model");
	if (fz_failed())
		ksft_exit_fail();
	ksft_exit_pass();
}
