// SPDX-License-Identifier: GPL-2.0
/*
 * KVM and the tables of VFIO: windows that are removed while KVM knows of them,
 * groups that have no windows, I/O pages that are not all memory of the guest,
 * and hypercalls that are long.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "spapr_tce_kvm.h"

FIXTURE(tables) {
	struct guest g;
};

FIXTURE_VARIANT(tables) {
	unsigned int shift;		/* page size that the guest is told */
};

FIXTURE_VARIANT_ADD(tables, 4k) { .shift = 12 };
FIXTURE_VARIANT_ADD(tables, 64k) { .shift = 16 };

FIXTURE_SETUP(tables)
{
	struct guest *g = &self->g;

	if (!vm_there())
		SKIP(return, "no KVM");
	ASSERT_EQ(0, vm_open(g, variant->shift));
}

FIXTURE_TEARDOWN(tables)
{
	EXPECT_EQ(0, vm_close(&self->g));
}

/* For what does not depend on the page size */
FIXTURE(kept) {
	struct guest g;
};

FIXTURE_SETUP(kept)
{
	struct guest *g = &self->g;

	if (!vm_there())
		SKIP(return, "no KVM");
	ASSERT_EQ(0, vm_open(g, 12));
}

FIXTURE_TEARDOWN(kept)
{
	EXPECT_EQ(0, vm_close(&self->g));
}

/* The default window is removed and created again: it is at the same place */
static int window_again(struct guest *g)
{
	uint64_t start, size = tce_def_end(&g->v) - g->start;
	int ret = tce_remove(g->v.container, g->start);

	if (ret)
		return ret;
	ret = tce_create(g->v.container, 12, size, 1, &start);
	if (ret)
		return ret;
	if (start != g->start)
		return -EADDRNOTAVAIL;

	return vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, g->v.group);
}

/*
 * The device of a guest sees the guest's memory and no other, whatever part of
 * an I/O page that is: the rest of the page may be the VMM's own.
 */
TEST_F(tables, page_beyond_its_slot)
{
	struct guest *g = &self->g;
	unsigned int shift = sysconf(_SC_PAGESIZE) < 1 << variant->shift ?
			     variant->shift : 24;
	uint64_t page = 1ULL << shift, size = tce_def_end(&g->v) - g->start;
	uint64_t *list = vm_va(g, LIST), at = g->start, behind = 32 * MiB;
	void *va = vm_va(g, behind);

	ASSERT_EQ(0, vm_table(g, shift, at, size));

	/* A slot that ends within the page */
	ASSERT_EQ(0, vm_slot(g, 1, BEYOND, va, page / 2));
	EXPECT_EQ(LEFT, vm_put(g, at, BEYOND | 3));
	EXPECT_EQ(0, vm_denied(g, at, behind));
	EXPECT_EQ(0, vm_denied(g, at + page / 2, behind + page / 2));
	list[0] = htobe64(16 * MiB | 3);
	list[1] = htobe64(BEYOND | 3);
	EXPECT_EQ(LEFT, vm_put_list(g, at, 2));
	EXPECT_EQ(0, vm_denied(g, at, 16 * MiB));
	EXPECT_EQ(0, vm_denied(g, at + page, behind));

	/* The rest is in another slot, of memory that is elsewhere */
	ASSERT_EQ(0, vm_slot(g, 2, BEYOND + page / 2, vm_va(g, 4 * MiB),
			     page / 2));
	EXPECT_EQ(LEFT, vm_put(g, at, BEYOND | 3));
	EXPECT_EQ(0, vm_denied(g, at + page / 2, behind + page / 2));

	/* A slot that begins within the page */
	ASSERT_EQ(0, vm_slot(g, 1, BEYOND, va, 0));
	EXPECT_EQ(LEFT, vm_put(g, at, BEYOND | 3));
	ASSERT_EQ(0, vm_slot(g, 2, BEYOND + page / 2, va, 0));

	/* All of the page */
	ASSERT_EQ(0, vm_slot(g, 1, BEYOND, va, page));
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, BEYOND | 3));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at, va, LEN));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at + page - LEN,
				vm_va(g, behind + page - LEN), LEN));
	EXPECT_EQ(LEFT, vm_put(g, at, (BEYOND + page) | 3));
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, 0));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* For KVM that is a table without a window: nothing is mapped, and nobody minds */
TEST_F(tables, removed_window)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, at = g->start;

	vm_make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	ASSERT_EQ(0, tce_remove(g->v.container, at));
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, at, TCES));
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, DATA | 3));
	EXPECT_EQ(0, vm_denied(g, at, DATA));
	/* Nothing is counted as mapped, which nobody could undo */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* What the guest has in the new window is what it writes */
TEST_F(tables, window_comes_back)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, at = g->start;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(H_SUCCESS, vm_put(g, at, DATA | 3));
		EXPECT_EQ(0, tce_dma_ok(&g->v, at, vm_va(g, DATA), LEN));
		ASSERT_EQ(0, window_again(g));
		EXPECT_EQ(0, vm_denied(g, at, DATA));
	}
	vm_make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	EXPECT_EQ(0, vm_try_list(g, DATA, TCES, page));
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, at, TCES));
	EXPECT_EQ(0, vm_denied(g, at, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The least of many, since others have the machine as well */
static uint64_t hcall_ns(struct guest *g)
{
	uint64_t ns, least = ~0ULL;
	int i;

	for (i = 0; i < 500; i++) {
		ns = cpu_ns();
		if (vm_stuff(g, g->start, 1) != H_SUCCESS)
			return 0;
		ns = cpu_ns() - ns;
		if (ns < least)
			least = ns;
	}
	return least;
}

/* All leaves that a view keeps, which is what a table takes */
static int map_far_and_wide(struct guest *g)
{
	uint64_t i, size = tce_def_end(&g->v) - g->start;
	int ret = 0;

	for (i = 0; !ret && i < 128 && i < size / (2 * MiB); i++)
		ret = tce_map(g->v.container, g->mem.va, g->start + i * 2 * MiB,
			      64 * KiB, TCE_RW);
	return ret;
}

/* KVM lets go of a window that is removed: of its memory, and of its time */
TEST_F_TIMEOUT(kept, removed_windows_take_nothing, 300)
{
	struct guest *g = &self->g;
	struct tce_stat before, after;
	uint64_t ns, ns_after;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, map_far_and_wide(g));
		ASSERT_EQ(0, window_again(g));
	}
	ns = hcall_ns(g);
	EXPECT_NE(0, ns);
	ASSERT_EQ(0, tce_stat_get(&before));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, map_far_and_wide(g));
		ASSERT_EQ(0, window_again(g));
	}
	ns_after = hcall_ns(g);
	EXPECT_NE(0, ns_after);
	tce_log("H_STUFF_TCE of one page: %llu ns before, %llu ns after",
		(unsigned long long)ns, (unsigned long long)ns_after);
	EXPECT_LT(ns_after, ns * 3);
	/* 75 MiB were 264 KiB each time */
	EXPECT_EQ(0, tce_stat_settle(&before, &after, 12 * 1024));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

struct writer {
	struct guest *g;
	atomic_bool stop;
	unsigned long done;
	long ret;
};

/* Maps and unmaps, which goes to the window or, while there is none, nowhere */
static void *writer_run(void *arg)
{
	struct writer *w = arg;
	struct guest *g = w->g;
	long ret;

	for (; !w->ret && !w->stop; w->done++) {
		ret = w->done % 3 == 0 ? vm_put(g, g->start, DATA | 3) :
		      w->done % 3 == 1 ?
		      vm_hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST, TCES) :
		      vm_hcall(g, H_STUFF_TCE, g->start, 0, TCES);
		/* It may have lost its window in the midst of it */
		if (ret != H_SUCCESS && ret != LEFT)
			w->ret = ret;
	}
	return NULL;
}

/* The guest writes while windows come and go: nothing is mapped that stays */
TEST_F_TIMEOUT(kept, windows_change_meanwhile, 120)
{
	struct guest *g = &self->g;
	struct writer w = { .g = g };
	pthread_t thread;
	int i;

	vm_make_list(g, DATA, TCES, PAGE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer_run, &w));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, window_again(g));
		usleep(1000);
	}
	w.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, w.ret);
	tce_log("%lu hypercalls", w.done);
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, g->start, TCES));
	EXPECT_EQ(0, vm_denied(g, g->start, DATA + (TCES - 1) * PAGE));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* Its devices have gone back to the host, and KVM has the group */
TEST_F(kept, group_without_devices)
{
	struct guest *g = &self->g;

	/* vfio-pci keeps a device as long as it is open */
	edu_close(&g->v.edu);
	close(g->v.device);
	g->v.device = -1;
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
	ASSERT_EQ(0, tce_restore_group(g->v.dev->group));
	EXPECT_EQ(-ENODEV, vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
				   g->v.group));
	EXPECT_EQ(H_SUCCESS, vm_put(g, g->start, DATA | 3));
	EXPECT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	vm_end(g);
	close(g->v.group);
	g->v.group = -1;
	EXPECT_EQ(0, tce_bind_group(g->v.dev->group));
}

/*
 * A device without an IOMMU has a group, if the administrator has said so, but
 * no table at all. There is one where a PHB has no default window.
 */
TEST_F(kept, group_without_iommu)
{
	static const char *unsafe = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
	const struct tce_dev *dev = NULL;
	struct guest *g = &self->g;
	char path[80], name[80];
	int i, group;

	for (i = 0; i < tce_ndevs && !dev; i++)
		if (tce_devs[i].group < 0)
			dev = &tce_devs[i];
	if (!dev || access(unsafe, W_OK)) {
		vm_end(g);
		SKIP(return, "each has one");
	}
	ASSERT_EQ(0, tce_write_text(unsafe, "Y"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 dev->bdf);
	ASSERT_EQ(0, tce_write_text(path, "vfio-pci"));
	ASSERT_EQ(0, tce_write_text("/sys/bus/pci/drivers/vfio-pci/bind",
				    dev->bdf));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 dev->bdf);
	memset(name, 0, sizeof(name));
	ASSERT_LT(0, readlink(path, name, sizeof(name) - 1));
	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%s",
		 strrchr(name, '/') + 1);
	group = open(path, O_RDWR);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, group));
	EXPECT_EQ(-ENODEV, vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, group));
	EXPECT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, group));
	vm_end(g);
	close(group);
	EXPECT_EQ(0, tce_write_text("/sys/bus/pci/drivers/vfio-pci/unbind",
				    dev->bdf));
	EXPECT_EQ(0, tce_write_text(unsafe, "N"));
}

/* Where nothing is there is nothing to do, however much of it */
TEST_F_TIMEOUT(kept, stuff_what_is_empty, 60)
{
	struct guest *g = &self->g;
	uint64_t start, ns, entries = 1 << 27, size = entries * PAGE;

	if (!tce_has_shift(&g->v, 12) ||
	    tce_create(g->v.container, 12, size, 2, &start)) {
		vm_end(g);
		SKIP(return, "no such window");
	}
	ASSERT_EQ(0, vm_table(g, 12, start, size));
	ASSERT_EQ(H_SUCCESS, vm_put(g, start + size - PAGE, DATA | 3));
	EXPECT_EQ(0, tce_dma_ok(&g->v, start + size - PAGE, vm_va(g, DATA),
				LEN));
	ns = cpu_ns();
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, start, entries));
	ns = cpu_ns() - ns;
	/* Five seconds at least if each entry is looked at; a tenth of that if not */
	EXPECT_LT(ns, 2500000000) {
		TH_LOG("%llu ns", (unsigned long long)ns);
	}
	EXPECT_EQ(0, vm_denied(g, start + size - PAGE, DATA));
	vm_end(g);
}

/*
 * A table of the guest that is long to fill: it is not attached to anything.
 * One thread fills it over and over, with another value each time.
 */
#define FILL_ENTRIES	(8 * MiB)

struct fill {
	struct guest *g;
	atomic_ulong done;		/* so often */
	atomic_int table;		/* descriptor, for another process */
	atomic_bool stop;
	atomic_long ret;
};

static int fill_open(struct guest *g)
{
	int ret = vm_new_table(g, 12, 0, FILL_ENTRIES * PAGE);

	if (ret)
		return ret;
	/* The pages of the table come with the first value */
	return vm_hcall(g, H_STUFF_TCE, 0, 8, FILL_ENTRIES) == H_SUCCESS ?
	       0 : -EIO;
}

static void *fill_run(void *arg)
{
	struct fill *fill = arg;

	while (!fill->ret && !fill->stop) {
		fill->ret = vm_hcall(fill->g, H_STUFF_TCE, 0,
				     16 + fill->done % 1024 * 8, FILL_ENTRIES);
		fill->done++;
	}
	return NULL;
}

static atomic_ulong *fill_map(int table)
{
	void *p = mmap(NULL, FILL_ENTRIES * sizeof(uint64_t), PROT_READ,
		       MAP_SHARED, table, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Is the hypercall in the midst of it? */
static bool fill_half(atomic_ulong *entries)
{
	return entries[0] != entries[FILL_ENTRIES - 1];
}

/* Another thread changes the memory of the guest meanwhile, which waits for KVM */
TEST_F_TIMEOUT(kept, stuff_lets_slots_change, 120)
{
	struct guest *g = &self->g;
	struct fill fill = { .g = g };
	atomic_ulong *entries;
	unsigned long done;
	bool within = false;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, fill_open(g));
	entries = fill_map(g->table);
	ASSERT_NE(NULL, (void *)entries);
	ASSERT_EQ(0, pthread_create(&thread, NULL, fill_run, &fill));
	for (i = 0; i < 10 && !within; i++) {
		while (!fill_half(entries) && !fill.ret)
			;
		done = fill.done;
		ASSERT_EQ(0, vm_slot(g, 1, BEYOND, vm_va(g, 0),
				     i % 2 ? 0 : MiB));
		within = fill_half(entries) && fill.done == done;
	}
	tce_log("it took %d tries", i);
	EXPECT_TRUE(within);
	fill.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, fill.ret);
	munmap((void *)entries, FILL_ENTRIES * sizeof(uint64_t));
	vm_end(g);
}

/* A process that is killed does not finish it first */
TEST_F_TIMEOUT(kept, stuff_ends_when_killed, 240)
{
	atomic_ulong *entries;
	struct guest *g = &self->g;
	struct fill *fill;
	bool within = false;
	int i, fd, pidfd;
	pid_t pid;

	/* The guest is that of the process that is killed */
	vm_end(g);
	EXPECT_EQ(0, vm_close(g));

	fill = mmap(NULL, sizeof(*fill), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)fill);
	for (i = 0; i < 5 && !within; i++) {
		memset(fill, 0, sizeof(*fill));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			struct guest own = {};

			fill->g = &own;
			fill->ret = vm_open(&own, 12) ?: fill_open(&own);
			fill->table = own.table;
			fill_run(fill);
			_exit(1);
		}
		while (!fill->table && !fill->ret)
			usleep(1000);
		ASSERT_EQ(0, fill->ret);
		pidfd = syscall(SYS_pidfd_open, pid, 0);
		ASSERT_LE(0, pidfd);
		fd = syscall(SYS_pidfd_getfd, pidfd, fill->table, 0);
		ASSERT_LE(0, fd);
		entries = fill_map(fd);
		ASSERT_NE(NULL, (void *)entries);
		while (!fill_half(entries) && !fill->ret)
			;
		EXPECT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(pid, waitpid(pid, NULL, 0));
		within = fill_half(entries);
		munmap((void *)entries, FILL_ENTRIES * sizeof(uint64_t));
		close(fd);
		close(pidfd);
	}
	tce_log("it took %d tries", i);
	EXPECT_TRUE(within);
	munmap(fill, sizeof(*fill));
}

int main(int argc, char **argv)
{
	tce_begin(true);
	return test_harness_run(argc, argv);
}
