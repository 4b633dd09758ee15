// SPDX-License-Identifier: GPL-2.0
/*
 * Two threads map and unmap for some seconds in one container, each its own
 * memory in its own part of the window. This is a load for lock_stat, and not a
 * test by itself.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spapr_tce.h"

#define THREADS		2
#define SIZE		(16 * MiB)
#define STRIDE		(1 * GiB)

static struct tce_vfio v;
static uint64_t start;
static int stop;

struct job {
	pthread_t thread;
	struct tce_mem mem;
	uint64_t iova;
	long rounds;
	int ret;
};

static void *loop(void *arg)
{
	struct job *j = arg;

	while (!j->ret && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/*
		 * In one piece, or page by page: few long calls, or many short
		 * ones
		 */
		uint64_t step = j->rounds & 1 ? SIZE : 64 * KiB, i;

		for (i = 0; !j->ret && i < SIZE; i += step)
			j->ret = tce_map(v.container, j->mem.va + i,
					 j->iova + i, step, TCE_RW);
		for (i = 0; !j->ret && i < SIZE; i += step)
			j->ret = tce_unmap(v.container, j->iova + i, step);
		j->rounds++;
	}
	return NULL;
}

/*
 * Registers memory, and maps once, so that the notes of the part are allocated
 */
static int prepare(struct job *j, int n)
{
	int ret;

	ret = tce_mem_anon(&j->mem, SIZE);
	if (ret)
		return ret;
	memset(j->mem.va, 1, SIZE);
	j->iova = start + n * STRIDE;
	ret = tce_register(v.container, j->mem.va, SIZE);
	if (!ret)
		ret = tce_map(v.container, j->mem.va, j->iova, SIZE, TCE_RW);
	if (!ret)
		ret = tce_unmap(v.container, j->iova, SIZE);
	return ret;
}

int main(int argc, char **argv)
{
	int i, ret, seconds = argc > 1 ? atoi(argv[1]) : 3;
	struct job jobs[THREADS] = {};

	tce_begin(true);
	ret = tce_vfio_open_iommu(&v, &tce_devs[0], 2);
	if (!ret)
		ret = tce_remove(v.container, tce_def_start(&v));
	if (!ret)
		ret = tce_create(v.container, 12, THREADS * STRIDE, 1, &start);
	for (i = 0; !ret && i < THREADS; i++)
		ret = prepare(&jobs[i], i);
	if (ret)
		goto out;

	/* From here on, so that only locks of the threads are counted */
	tce_write_text("/proc/lock_stat", "0");
	tce_write_text("/proc/sys/kernel/lock_stat", "1");
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&jobs[i].thread, NULL, loop, &jobs[i]))
			return 1;
	sleep(seconds);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++) {
		pthread_join(jobs[i].thread, NULL);
		tce_log("thread %d: %ld rounds", i, jobs[i].rounds);
		ret = ret ? ret : jobs[i].ret;
	}
	tce_write_text("/proc/sys/kernel/lock_stat", "0");
out:
	if (ret)
		printf("threads: %s\n", strerror(-ret));
	tce_vfio_close(&v);
	return ret != 0;
}
