// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads, or several processes, use one container at once. Each call
 * may be refused with an errno that fits. None may crash the kernel. Afterwards
 * all works, and nothing is left behind.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define UNITS		16
#define LEN		2048
#define SECONDS		2

struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t window;		/* start of a window */
	int stop;
	int done;			/* loops that have ended */
	int bad;			/* a return value that is wrong */
};

typedef void *(*loop_fn)(void *arg);

static void *va(struct ctx *c, int n)
{
	return c->mem.va + n * UNIT;
}

static bool stopped(struct ctx *c)
{
	return __atomic_load_n(&c->stop, __ATOMIC_RELAXED);
}

/* A loop that the kernel has killed is not counted */
static void *end_of_loop(struct ctx *c)
{
	__atomic_fetch_add(&c->done, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Keeps a return value that is neither 0 nor one of the two errnos */
static int check(struct ctx *c, int ret, int may, int may_too)
{
	if (ret && ret != may && ret != may_too)
		__atomic_store_n(&c->bad, ret, __ATOMIC_RELAXED);
	return ret;
}

/*
 * Runs the loops for some seconds. Returns 0, a wrong return value of a call,
 * or
 * -EFAULT if the kernel has killed a loop.
 */
static int run(struct ctx *c, const loop_fn *loops, int n)
{
	pthread_t threads[8];
	int i, started = 0;

	c->stop = 0;
	c->done = 0;
	c->bad = 0;
	for (i = 0; i < n; i++)
		started += !pthread_create(&threads[i], NULL, loops[i], c);
	sleep(SECONDS);
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (started != n)
		return -EAGAIN;
	return c->done == n ? c->bad : -EFAULT;
}

FIXTURE(race) {
	struct ctx c;
	struct tce_stat before;
};

FIXTURE_SETUP(race)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, tce_stat_get(&self->before));
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
	ASSERT_EQ(0, tce_mem_anon(&c->mem, UNITS * UNIT));
	ASSERT_EQ(0, tce_register(c->v.container, c->mem.va, 8 * UNIT));
}

/* After each test all can be used again, and all is given back */
FIXTURE_TEARDOWN(race)
{
	struct tce_stat after;
	struct ctx *c = &self->c;
	uint64_t def;

	tce_vfio_close(&c->v);
	EXPECT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
	def = tce_def_start(&c->v);
	EXPECT_EQ(0, tce_register(c->v.container, c->mem.va, 8 * UNIT));
	EXPECT_EQ(0, tce_map(c->v.container, c->mem.va, def, UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, def, c->mem.va, LEN));
	tce_vfio_close(&c->v);
	tce_mem_free(&c->mem);
	EXPECT_EQ(0, tce_stat_settle(&self->before, &after, 32 * 1024));
}

/* Maps into a window that may be removed, or be another one by now */
static void *map_loop(void *arg)
{
	struct ctx *c = arg;
	uint64_t iova = c->window;

	while (!stopped(c)) {
		check(c, tce_map(c->v.container, va(c, 1), iova, 4 * UNIT,
				 TCE_RW), -ENXIO, -EINVAL);
		check(c, tce_unmap(c->v.container, iova, 4 * UNIT), -ENXIO,
		      -EINVAL);
	}
	return end_of_loop(c);
}

static void *window_loop(void *arg)
{
	struct ctx *c = arg;
	uint64_t start;

	while (!stopped(c)) {
		if (!check(c, tce_create(c->v.container, 12, 16 * MiB, 1,
					 &start), -ENOSPC, -EBUSY))
			check(c, tce_remove(c->v.container, start), -EINVAL,
			      0);
	}
	return end_of_loop(c);
}

static void *info_loop(void *arg)
{
	struct vfio_iommu_spapr_tce_info info;
	struct ctx *c = arg;

	while (!stopped(c))
		check(c, tce_get_info(c->v.container, &info), -ENXIO, -EINVAL);
	return end_of_loop(c);
}

/* The kernel looks at the groups, and refuses where there is no EEH */
static void *eeh_loop(void *arg)
{
	struct vfio_eeh_pe_op op = {
		.argsz = sizeof(op),
		.op = VFIO_EEH_PE_GET_STATE,
	};
	struct ctx *c = arg;
	int ret;

	while (!stopped(c)) {
		ret = tce_ioctl(c->v.container, VFIO_EEH_PE_OP, &op);
		if (ret < 0)
			check(c, ret, -ENODEV, -EINVAL);
	}
	return end_of_loop(c);
}

static void *register_loop(void *arg)
{
	struct ctx *c = arg;

	while (!stopped(c)) {
		check(c, tce_register(c->v.container, va(c, 8), 4 * UNIT),
		      -EBUSY, -EINVAL);
		check(c, tce_unregister(c->v.container, va(c, 8), 4 * UNIT),
		      -EBUSY, -ENOENT);
	}
	return end_of_loop(c);
}

/* Maps memory that may be registered or not into the default window */
static void *map_region_loop(void *arg)
{
	struct ctx *c = arg;
	uint64_t iova = tce_def_start(&c->v) + 8 * UNIT;

	while (!stopped(c)) {
		/* Memory that has been mapped cannot be unregistered */
		if (!check(c, tce_map(c->v.container, va(c, 8), iova, 4 * UNIT,
				      TCE_RW), -EINVAL, -ENXIO) &&
		    tce_unregister(c->v.container, va(c, 8),
				   4 * UNIT) != -EBUSY)
			check(c, -EUCLEAN, 0, 0);
		check(c, tce_unmap(c->v.container, iova, 4 * UNIT), -ENXIO, 0);
	}
	return end_of_loop(c);
}

TEST_F_TIMEOUT(race, map_against_remove, 60)
{
	static const loop_fn loops[] = { map_loop, map_loop, window_loop };
	struct ctx *c = &self->c;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot create windows");
	/* The address that the window will have */
	ASSERT_EQ(0, tce_remove(c->v.container, tce_def_start(&c->v)));
	ASSERT_EQ(0, tce_create(c->v.container, 12, 16 * MiB, 1, &c->window));
	ASSERT_EQ(0, tce_remove(c->v.container, c->window));
	EXPECT_EQ(0, run(c, loops, ARRAY_SIZE(loops)));
	ASSERT_EQ(0, tce_create(c->v.container, 12, 16 * MiB, 1, &c->window));
	ASSERT_EQ(0, tce_map(c->v.container, va(c, 0), c->window, UNIT,
			     TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, c->window, va(c, 0), LEN));
}

TEST_F_TIMEOUT(race, create_against_create, 60)
{
	static const loop_fn loops[] = {
		window_loop, window_loop, window_loop, info_loop,
	};
	struct ctx *c = &self->c;

	if (!tce_has_ddw(&c->v))
		SKIP(return, "the platform cannot create windows");
	EXPECT_EQ(0, run(c, loops, ARRAY_SIZE(loops)));
	EXPECT_EQ(0, tce_map(c->v.container, va(c, 0), tce_def_start(&c->v),
			     UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&c->v, tce_def_start(&c->v), va(c, 0), LEN));
}

TEST_F_TIMEOUT(race, map_against_unregister, 60)
{
	static const loop_fn loops[] = {
		map_region_loop, register_loop, info_loop,
	};
	struct ctx *c = &self->c;
	int ret;

	EXPECT_EQ(0, run(c, loops, ARRAY_SIZE(loops)));
	EXPECT_EQ(0, tce_unmap(c->v.container, tce_def_start(&c->v),
			       16 * UNIT));
	/* All mappings are removed, and none is counted */
	ret = tce_unregister(c->v.container, va(c, 8), 4 * UNIT);
	EXPECT_TRUE(!ret || ret == -ENOENT);
	EXPECT_EQ(0, tce_unregister(c->v.container, c->mem.va, 8 * UNIT));
}

static void *first_map(void *arg)
{
	struct ctx *c = arg;
	int n = __atomic_fetch_add(&c->stop, 1, __ATOMIC_RELAXED);

	/* Waits for the other thread */
	while (__atomic_load_n(&c->stop, __ATOMIC_RELAXED) < 2)
		;
	check(c, tce_map(c->v.container, va(c, n),
			 tce_def_start(&c->v) + n * UNIT, UNIT, TCE_RW), 0, 0);
	return NULL;
}

/* Two threads map at once into the default window, which is not created yet */
TEST_F_TIMEOUT(race, two_first_maps, 60)
{
	struct ctx *c = &self->c;
	pthread_t threads[2];
	int i;

	for (i = 0; i < 20; i++) {
		c->stop = 0;
		c->bad = 0;
		ASSERT_EQ(0, pthread_create(&threads[0], NULL, first_map, c));
		ASSERT_EQ(0, pthread_create(&threads[1], NULL, first_map, c));
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		EXPECT_EQ(0, c->bad);
		if (!i) {
			EXPECT_EQ(0, tce_dma_ok(&c->v, tce_def_start(&c->v),
						va(c, 0), LEN));
			EXPECT_EQ(0, tce_dma_ok(&c->v,
						tce_def_start(&c->v) + UNIT,
						va(c, 1), LEN));
		}
		tce_vfio_close(&c->v);
		ASSERT_EQ(0, tce_vfio_open_iommu(&c->v, &tce_devs[0], 2));
		ASSERT_EQ(0, tce_register(c->v.container, c->mem.va,
					  8 * UNIT));
	}
}

/* The group leaves the container and joins it again during the calls */
TEST_F_TIMEOUT(race, calls_against_unset_container, 60)
{
	struct ctx *c = &self->c;
	pthread_t threads[4];
	time_t end;
	int i;

	edu_close(&c->v.edu);
	close(c->v.device);
	c->v.device = -1;
	c->window = tce_def_start(&c->v);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, info_loop, c));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, info_loop, c));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, info_loop, c));
	ASSERT_EQ(0, pthread_create(&threads[3], NULL, eeh_loop, c));
	end = time(NULL) + SECONDS;
	for (i = 0; time(NULL) <= end; i++) {
		ASSERT_EQ(0, tce_ioctl(c->v.group, VFIO_GROUP_UNSET_CONTAINER,
				       NULL));
		ASSERT_EQ(0, tce_ioctl(c->v.group, VFIO_GROUP_SET_CONTAINER,
				       &c->v.container));
		ASSERT_EQ(0, tce_set_iommu(c->v.container, 1 + i % 2));
	}
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(4, c->done);
	EXPECT_EQ(0, c->bad);
}

/* Waits until @n processes are here */
static void meet(int *counter, int n)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < n)
		;
}

/* The first process that registers owns the container; a second one cannot */
TEST_F_TIMEOUT(race, two_processes_register_first, 60)
{
	struct ctx *c = &self->c;
	int i, j, status, won;
	pid_t pids[2];
	int *ready;

	ready = mmap(NULL, sizeof(*ready), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ready);
	for (i = 0; i < 100; i++) {
		*ready = 0;
		tce_vfio_close(&c->v);
		ASSERT_EQ(0, tce_vfio_open_iommu(&c->v, &tce_devs[0], 2));
		for (j = 0; j < 2; j++) {
			pids[j] = fork();
			ASSERT_LE(0, pids[j]);
			if (!pids[j]) {
				meet(ready, 2);
				status = tce_register(c->v.container,
						      va(c, 0), UNIT);
				/*
				 * Keeps its address space until both are done
				 */
				meet(ready, 4);
				_exit(!status ? 0 : status == -EPERM ? 1 : 2);
			}
		}
		won = 0;
		for (j = 0; j < 2; j++) {
			ASSERT_EQ(pids[j], waitpid(pids[j], &status, 0));
			ASSERT_TRUE(WIFEXITED(status));
			EXPECT_GT(2, WEXITSTATUS(status));
			won += !WEXITSTATUS(status);
		}
		EXPECT_EQ(1, won);
		/*
		 * The owner has ended, and no other process becomes the owner
		 */
		EXPECT_EQ(-EPERM, tce_register(c->v.container, va(c, 0), UNIT));
	}
}

TCE_MAIN(true)
