// SPDX-License-Identifier: GPL-2.0
/*
 * A process calls an ioctl of a container and stays in a page fault: of the
 * ioctl's argument, or of the memory that is to be pinned. Meanwhile groups
 * join and leave containers, the group of that container among them, and
 * devices are unbound from their drivers. None of that waits for the process.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "blocked_fault.h"

#define SECONDS		10

/* The ioctl that is called, and the memory that faults */
#define MAP_ARG		1
#define REGISTER_ARG	2
#define INFO_ARG	3
#define MAP_MEMORY	4
#define REGISTER_MEMORY	5

/* The exit status of the process is an errno; this is added to it */
#define STILL_CHARGED	100

/* The exit status if it could not be blocked */
#define NOT_READY	250

struct ctx {
	struct tce_vfio v;
	struct tce_fault fault;
	long pinned;
	pid_t pid;
};

FIXTURE(blocked) {
	struct ctx c;
};

FIXTURE_VARIANT(blocked) {
	int version;
	int call;
	int errno_after;
};

/* No default window can be created any more, or it has lost its last group */
FIXTURE_VARIANT_ADD(blocked, v1_map_argument) {
	.version = 1, .call = MAP_ARG, .errno_after = ENODEV,
};

FIXTURE_VARIANT_ADD(blocked, v1_map_memory) {
	.version = 1, .call = MAP_MEMORY, .errno_after = ESTALE,
};

FIXTURE_VARIANT_ADD(blocked, v2_register_argument) {
	.version = 2, .call = REGISTER_ARG,
};

FIXTURE_VARIANT_ADD(blocked, v2_register_memory) {
	.version = 2, .call = REGISTER_MEMORY,
};

FIXTURE_VARIANT_ADD(blocked, v2_info_argument) {
	.version = 2, .call = INFO_ARG, .errno_after = ENXIO,
};

/* The process that is blocked. It keeps the container, but not the group. */
static void call(struct ctx *c, int what)
{
	static union {
		struct vfio_iommu_type1_dma_map map;
		struct vfio_iommu_spapr_register_memory reg;
		struct vfio_iommu_spapr_tce_info info;
		char page[65536];
	} arg;
	int container = c->v.container, ret = 0;
	size_t page = sysconf(_SC_PAGESIZE);
	struct tce_fault *f = &c->fault;
	long charged;
	void *memory;

	memory = mmap(NULL, page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	close(c->v.group);
	charged = tce_vmlck_kb();
	if (c->v.version == 1)
		ret = tce_enable(container);
	if (!ret)
		ret = tce_fault_open(f, arg.page);
	if (ret) {
		tce_log("fault: %s", strerror(-ret));
		_exit(NOT_READY);
	}

	switch (what) {
	case MAP_ARG:
		arg.map = (struct vfio_iommu_type1_dma_map){
			.argsz = sizeof(arg.map),
			.flags = TCE_RW,
			.vaddr = (uintptr_t)memory,
			.iova = tce_def_start(&c->v),
			.size = page,
		};
		ret = tce_ioctl(container, VFIO_IOMMU_MAP_DMA, f->va);
		break;
	case REGISTER_ARG:
		arg.reg = (struct vfio_iommu_spapr_register_memory){
			.argsz = sizeof(arg.reg),
			.vaddr = (uintptr_t)memory,
			.size = page,
		};
		ret = tce_ioctl(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY,
				f->va);
		break;
	case INFO_ARG:
		arg.info.argsz = sizeof(arg.info);
		ret = tce_ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO,
				f->va);
		break;
	case MAP_MEMORY:
		ret = tce_map(container, f->va, tce_def_start(&c->v), page,
			      TCE_RW);
		break;
	case REGISTER_MEMORY:
		ret = tce_register(container, f->va, page);
		break;
	}
	/*
	 * The charge of ENABLE or REGISTER ends with the group or with the
	 * ioctl
	 */
	_exit(-ret + (tce_vmlck_kb() != charged ? STILL_CHARGED : 0));
}

FIXTURE_SETUP(blocked)
{
	struct ctx *c = &self->c;

	c->pinned = tce_pinned();
	ASSERT_EQ(0, tce_vfio_open_iommu(&c->v, &tce_devs[0],
					 variant->version));
	ASSERT_EQ(0, tce_fault_init(&c->fault));
	c->pid = fork();
	ASSERT_LE(0, c->pid);
	if (!c->pid)
		call(c, variant->call);
	ASSERT_EQ(0, tce_fault_touched(&c->fault, SECONDS));
}

FIXTURE_TEARDOWN(blocked)
{
	struct ctx *c = &self->c;

	tce_vfio_close(&c->v);
	EXPECT_EQ(c->pinned, tce_pinned());
}

/* Ends the fault. Returns the status of the process. */
static int go_on(struct ctx *c)
{
	int status;

	if (tce_fault_serve(&c->fault) ||
	    waitpid(c->pid, &status, 0) != c->pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct step {
	struct ctx *c;
	int (*fn)(struct ctx *c);
	int ret;
};

static void *run_step(void *arg)
{
	struct step *s = arg;

	s->ret = s->fn(s->c);
	return NULL;
}

/*
 * Does a step, which must not wait for the blocked process. If it does, no
 * signal can end it. So it is reported, and the fault is ended so that the test
 * can end.
 */
static int in_time(struct ctx *c, int (*fn)(struct ctx *c))
{
	struct step s = { .c = c, .fn = fn };
	struct timespec end;
	pthread_t thread;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SECONDS;
	if (pthread_create(&thread, NULL, run_step, &s))
		return -EAGAIN;
	if (!pthread_timedjoin_np(thread, NULL, &end))
		return s.ret;
	go_on(c);
	pthread_join(thread, NULL);
	return -ETIMEDOUT;
}

static int unset(struct ctx *c)
{
	return tce_ioctl(c->v.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

/* Uses the group in a container: another one, or the same one again */
static int use(struct ctx *c, int container)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct tce_mem mem;
	int ret;

	ret = tce_ioctl(c->v.group, VFIO_GROUP_SET_CONTAINER, &container);
	if (ret)
		return ret;
	ret = tce_set_iommu(container, 2);
	if (ret)
		return ret;
	ret = tce_mem_anon(&mem, page);
	if (ret)
		return ret;
	ret = tce_register(container, mem.va, page) ?:
	      tce_map(container, mem.va, tce_def_start(&c->v), page, TCE_RW) ?:
	      unset(c);
	tce_mem_free(&mem);
	return ret;
}

static int use_elsewhere(struct ctx *c)
{
	int container = tce_open_container(), ret;

	ret = use(c, container);
	close(container);
	return ret;
}

static int use_again(struct ctx *c)
{
	return use(c, c->v.container);
}

static int unbind_and_bind(struct ctx *c)
{
	int ret;

	close(c->v.group);
	ret = tce_restore_group(tce_devs[0].group);
	if (ret)
		return ret;
	ret = tce_bind_group(tce_devs[0].group);
	c->v.group = tce_open_group(&tce_devs[0]);
	return ret ? ret : c->v.group < 0 ? c->v.group : 0;
}

TEST_F_TIMEOUT(blocked, group_goes, 120)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, in_time(c, unset));
	ASSERT_EQ(0, in_time(c, use_elsewhere));
	ASSERT_EQ(0, in_time(c, unbind_and_bind));
	ASSERT_EQ(0, in_time(c, use_again));
	EXPECT_EQ(variant->errno_after, go_on(c));
}

/* The devices are unbound while the group is in the container */
TEST_F_TIMEOUT(blocked, device_goes, 120)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, in_time(c, unbind_and_bind));
	EXPECT_EQ(variant->errno_after, go_on(c));
}

static int other_comes_and_goes(struct ctx *c)
{
	int container = c->v.container;
	int group, ret;

	group = tce_open_group(&tce_devs[1]);
	if (group < 0)
		return group;
	ret = tce_ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ?:
	      tce_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	close(group);
	if (!ret)
		ret = tce_restore_group(tce_devs[1].group);
	return ret ? ret : tce_bind_group(tce_devs[1].group);
}

/* Another group joins the container and leaves it, and the ioctl succeeds */
TEST_F_TIMEOUT(blocked, other_comes_and_goes, 120)
{
	struct ctx *c = &self->c;

	if (tce_ndevs < 2 || tce_devs[1].group == tce_devs[0].group) {
		go_on(c);
		SKIP(return, "no second group");
	}
	ASSERT_EQ(0, in_time(c, other_comes_and_goes));
	/* The registered memory, or the enabled window, is still charged */
	EXPECT_EQ(variant->call == INFO_ARG ? 0 : STILL_CHARGED, go_on(c));
}

TCE_MAIN(true)
