// SPDX-License-Identifier: GPL-2.0
/*
 * Random users of IOMMUFD and of SPAPR TCE containers, on different PEs at once
 * and one after the other on the same.
 *
 * spapr_tce_fuzz_iommufd [-s SEED] [-n OPS | -t SECONDS] [-T THREADS]
 *
 * Each thread takes a device that no other thread has, becomes its user by
 * either interface, makes random calls, and gives it back. It has a model of
 * what the device may reach: each result has to be the one that follows from
 * the model, and the device has to read and write what is mapped and nothing
 * else. In the end nothing may be pinned that was not pinned before.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "iommufd_user.h"
#include "spapr_tce.h"

#define MAX_THREADS	8
#define SLOTS		64		/* units of I/O space that are used */
#define MEM_UNITS	16
#define TABLES		3		/* IOASes of an iommufd */
#define LEN		2048

/* What a slot of an IOAS maps: the first slot of an area has its length */
struct slot {
	bool mapped;
	bool writable;
	unsigned int mem;		/* unit of the memory */
	unsigned int first;		/* slot where its area begins */
	unsigned int len;		/* slots of the area */
};

struct table {
	uint32_t ioas;
	uint32_t hwpt;			/* 0: there is none that was allocated */
	struct slot slot[SLOTS];
};

struct worker {
	pthread_t thread;
	unsigned int number;
	unsigned int seed;
	struct tce_mem mem;
	unsigned long calls;
	unsigned long sessions[2];	/* by IOMMUFD, by SPAPR TCE */
};

/* A user of IOMMUFD */
struct session {
	struct worker *w;
	struct cdev cdev;
	int fd;
	uint64_t base;			/* I/O address of slot 0 */
	struct table table[TABLES];
	int attached;			/* number of a table, or -1 */
	bool by_hwpt;			/* attached to its HWPT */
};

static pthread_mutex_t taken[TCE_MAX_DEVS];
static atomic_ulong ops_left;
static atomic_bool failed;
static time_t end;

static unsigned int rnd(struct worker *w, unsigned int n)
{
	return rand_r(&w->seed) % n;
}

static void *unit(struct worker *w, unsigned int n)
{
	return (char *)w->mem.va + n % MEM_UNITS * UNIT;
}

static bool check(struct worker *w, const char *what, int got, int want)
{
	w->calls++;
	if (got == want)
		return true;
	tce_log("DIVERGED thread %u: %s: %d instead of %d", w->number, what, got,
		want);
	failed = true;
	return false;
}

/* Any error will do where the kernel may choose */
static bool check_fails(struct worker *w, const char *what, int got)
{
	w->calls++;
	if (got < 0)
		return true;
	tce_log("DIVERGED thread %u: %s succeeds", w->number, what);
	failed = true;
	return false;
}

static void map(struct session *s, struct table *t)
{
	unsigned int first = rnd(s->w, SLOTS), len = 1 + rnd(s->w, 8), i;
	bool writable = rnd(s->w, 4), used = false;
	unsigned int mem = rnd(s->w, MEM_UNITS);
	int ret;

	if (first + len > SLOTS)
		len = SLOTS - first;
	if (mem + len > MEM_UNITS)
		len = MEM_UNITS - mem;
	for (i = first; i < first + len; i++)
		used |= t->slot[i].mapped;

	ret = ioas_map(s->fd, t->ioas, unit(s->w, mem), s->base + first * UNIT,
		       len * UNIT, writable ? MAY_BOTH : MAY_READ);
	if (!check(s->w, "map", ret, used ? -EEXIST : 0) || used)
		return;
	for (i = 0; i < len; i++)
		t->slot[first + i] = (struct slot){
			.mapped = true,
			.writable = writable,
			.mem = mem + i,
			.first = first,
			.len = len,
		};
}

static void unmap(struct session *s, struct table *t)
{
	unsigned int n = rnd(s->w, SLOTS), first, len, i;
	uint64_t iova;

	if (!t->slot[n].mapped) {
		check(s->w, "UNMAP of nothing",
		      ioas_unmap(s->fd, t->ioas, s->base + n * UNIT, UNIT),
		      -ENOENT);
		return;
	}
	first = t->slot[n].first;
	len = t->slot[n].len;
	iova = s->base + first * UNIT;
	if (len > 1 && !rnd(s->w, 4)) {
		check_fails(s->w, "UNMAP of a part",
			    ioas_unmap(s->fd, t->ioas, iova, UNIT));
		return;
	}
	if (!check(s->w, "unmap", ioas_unmap(s->fd, t->ioas, iova, len * UNIT),
		   0))
		return;
	for (i = first; i < first + len; i++)
		t->slot[i].mapped = false;
}

/* Attach the device to a table, by its HWPT or in any way, or detach it */
static void attach(struct session *s)
{
	int n = rnd(s->w, TABLES + 1);
	struct table *t = &s->table[n];
	bool by_hwpt;

	if (n == TABLES) {
		if (s->attached >= 0 &&
		    check(s->w, "detach", cdev_detach(&s->cdev), 0))
			s->attached = -1;
		return;
	}
	by_hwpt = t->hwpt && rnd(s->w, 2);
	if (check(s->w, "attach",
		  cdev_attach(&s->cdev, by_hwpt ? t->hwpt : t->ioas), 0)) {
		s->attached = n;
		s->by_hwpt = by_hwpt;
	}
}

/* IOMMUFD may have attached the IOAS by any HWPT that it has, so that one is busy */
static void hwpt(struct session *s)
{
	unsigned int n = rnd(s->w, TABLES);
	struct table *t = &s->table[n];
	int ret;

	if (!t->hwpt) {
		check(s->w, "HWPT_ALLOC",
		      hwpt_alloc(s->fd, &s->cdev, t->ioas, NULL, &t->hwpt),
		      0);
		return;
	}
	ret = iommufd_destroy(s->fd, t->hwpt);
	if (s->attached == n && s->by_hwpt)
		check(s->w, "DESTROY of a HWPT in use", ret, -EBUSY);
	else if (s->attached != n)
		check(s->w, "DESTROY of a HWPT", ret, 0);
	else if (ret && ret != -EBUSY)
		check(s->w, "DESTROY of a HWPT", ret, -EBUSY);
	if (!ret)
		t->hwpt = 0;
}

/* A page table with another window than the kernel would choose, or with none there is */
static void windows(struct session *s)
{
	struct iommu_hwpt_spapr_tce windows = {
		.nr_windows = 1,
		.windows = { {
			.start = IOMMU_SPAPR_TCE_ANYWHERE,
			.size = 128 * MiB,
			.page_shift = 12,
		} },
	};
	struct table *t = &s->table[rnd(s->w, TABLES)];
	struct iommu_hw_info_spapr_tce info;
	bool bad = !rnd(s->w, 4);
	uint32_t hwpt;
	int want = s->attached < 0 ? 0 : -EBUSY;

	check(s->w, "GET_HW_INFO", cdev_info(s->fd, &s->cdev, &info), 0);
	if (bad) {
		windows.windows[0].page_shift = 64 + rnd(s->w, 64);
		want = -EINVAL;
	}
	check(s->w, "HWPT_ALLOC of a window",
	      hwpt_alloc(s->fd, &s->cdev, t->ioas, &windows, &hwpt), want);
	if (!want)
		check(s->w, "DESTROY of a HWPT that is not in use",
		      iommufd_destroy(s->fd, hwpt), 0);
}

static void dma(struct session *s)
{
	unsigned int n = rnd(s->w, SLOTS);
	uint64_t iova = s->base + n * UNIT;
	struct slot *slot = s->attached >= 0 ?
			    &s->table[s->attached].slot[n] : NULL;
	void *va = unit(s->w, slot ? slot->mem : 0);

	if (slot && slot->mapped && slot->writable)
		check(s->w, "DMA", tce_dma_ok(&s->cdev.v, iova, va, LEN), 0);
	else
		check(s->w, "DMA that is denied",
		      tce_dma_write_denied(&s->cdev.v, iova, va, LEN, NULL), 0);
}

static bool open_session(struct session *s, const struct tce_dev *dev)
{
	struct ioas_range range;
	int i;

	s->attached = -1;
	s->cdev = (struct cdev)CDEV_CLOSED;
	s->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (!check(s->w, "open", s->fd < 0 ? -errno : 0, 0) ||
	    !check(s->w, "bind", cdev_open(&s->cdev, dev, s->fd), 0))
		return false;
	for (i = 0; i < TABLES; i++)
		if (!check(s->w, "IOAS_ALLOC",
			   ioas_alloc(s->fd, &s->table[i].ioas), 0))
			return false;
	if (!check(s->w, "attach", cdev_attach(&s->cdev, s->table[0].ioas), 0) ||
	    !check(s->w, "ranges",
		   ioas_ranges(s->fd, s->table[0].ioas, &range, 1) < 1, 0))
		return false;
	s->attached = 0;
	s->base = range.first;
	return true;
}

static void use_iommufd(struct worker *w, const struct tce_dev *dev)
{
	struct session s = { .w = w };
	unsigned int n = 20 + rnd(w, 3000);

	if (open_session(&s, dev)) {
		while (n-- && !failed) {
			switch (rnd(w, 128)) {
			case 0 ... 55:
				map(&s, &s.table[rnd(w, TABLES)]);
				break;
			case 56 ... 109:
				unmap(&s, &s.table[rnd(w, TABLES)]);
				break;
			case 110 ... 119:
				attach(&s);
				break;
			case 120 ... 124:
				hwpt(&s);
				break;
			case 125:
				windows(&s);
				break;
			default:
				/* an edu device takes a tenth of a second */
				dma(&s);
			}
		}
	}
	/* In either order */
	if (rnd(w, 2))
		cdev_close(&s.cdev);
	if (s.fd >= 0)
		close(s.fd);
	cdev_close(&s.cdev);
	w->sessions[0]++;
}

static void use_spapr(struct worker *w, const struct tce_dev *dev)
{
	struct cdev cdev = CDEV_CLOSED;
	unsigned int n, i, slots = rnd(w, 8);
	struct tce_vfio v;
	uint64_t start;
	int fd;

	if (!check(w, "SPAPR TCE: open", tce_vfio_open(&v, dev, 2), 0))
		return;
	/* The group has a user */
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	check_fails(w, "bind of a device whose group is open",
		    cdev_open(&cdev, dev, fd));
	close(fd);

	start = tce_def_start(&v);
	check(w, "REGISTER", tce_register(v.container, w->mem.va, w->mem.size),
	      0);
	for (i = 0; i < slots; i++)
		check(w, "MAP_DMA", tce_map(v.container, unit(w, i),
					    start + i * UNIT, UNIT, TCE_RW), 0);
	for (i = 0; i < 10; i++) {
		n = rnd(w, 2 * (slots + 1));
		if (n < slots)
			check(w, "DMA", tce_dma_ok(&v, start + n * UNIT,
						   unit(w, n), LEN), 0);
		else
			check(w, "DMA that is denied",
			      tce_dma_write_denied(&v, start + n * UNIT,
						   unit(w, n), LEN, NULL), 0);
	}
	tce_vfio_close(&v);
	w->sessions[1]++;
}

static bool go_on(struct worker *w, unsigned long before)
{
	unsigned long done = w->calls - before, left = ops_left;

	while (!atomic_compare_exchange_weak(&ops_left, &left,
					     left > done ? left - done : 0))
		;
	return !failed && left > done && time(NULL) < end;
}

/* Devices of one PE count as one: their group has one user */
static unsigned int take_device(struct worker *w)
{
	unsigned int n;

	do {
		n = rnd(w, tce_ndevs);
	} while (pthread_mutex_trylock(&taken[tce_devs[n].group]));
	return n;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned long before;
	unsigned int n;

	do {
		before = w->calls;
		n = take_device(w);
		if (rnd(w, 4))
			use_iommufd(w, &tce_devs[n]);
		else
			use_spapr(w, &tce_devs[n]);
		pthread_mutex_unlock(&taken[tce_devs[n].group]);
	} while (go_on(w, before));
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int seed = 1, threads = 2, i;
	unsigned long calls = 0, sessions[2] = { 0 };
	struct worker w[MAX_THREADS];
	long pinned;
	int opt;

	ops_left = ~0UL;
	end = ~0UL >> 1;
	while ((opt = getopt(argc, argv, "s:n:t:T:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			ops_left = strtoul(optarg, NULL, 0);
			break;
		case 't':
			end = time(NULL) + strtoul(optarg, NULL, 0);
			break;
		case 'T':
			threads = strtoul(optarg, NULL, 0);
			break;
		default:
			return KSFT_FAIL;
		}
	}
	tce_begin(true);
	ksft_print_header();
	ksft_set_plan(2);
	for (i = 0; i < TCE_MAX_DEVS; i++)
		pthread_mutex_init(&taken[i], NULL);
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	for (i = 0; i < tce_ndevs; i++)
		if (tce_devs[i].group < 0 || tce_devs[i].group >= TCE_MAX_DEVS)
			ksft_exit_fail_msg("group of %s\n", tce_devs[i].bdf);

	pinned = tce_pinned();
	for (i = 0; i < threads; i++) {
		w[i] = (struct worker){ .number = i, .seed = seed + i };
		if (tce_mem_anon(&w[i].mem, MEM_UNITS * UNIT) ||
		    pthread_create(&w[i].thread, NULL, work, &w[i]))
			ksft_exit_fail_msg("no thread\n");
	}
	for (i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		calls += w[i].calls;
		sessions[0] += w[i].sessions[0];
		sessions[1] += w[i].sessions[1];
		tce_mem_free(&w[i].mem);
	}
	tce_log("total: %lu users of IOMMUFD, %lu of SPAPR TCE, %lu calls, seed %u",
		sessions[0], sessions[1], calls, seed);
	ksft_test_result(!failed, "all results as in the model\n");
	ksft_test_result(tce_pinned() == pinned, "nothing stays pinned\n");
	ksft_finished();
}
