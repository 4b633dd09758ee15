// SPDX-License-Identifier: GPL-2.0
/*
 * KVM and the tables of VFIO: windows that are removed while KVM knows of them,
 * groups without windows, I/O pages of which only a part is memory of the
 * guest, and hypercalls that take long.
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
	unsigned int shift;		/* of the guest's table */
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

/* For tests that do not depend on the page size */
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

/* Removes the default window and creates it again, at the same address */
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
 * The device of a guest reaches memory of the guest only. If a part of an I/O
 * page is not, the hypercall is left to userspace: that part may be the VMM's
 * own.
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

	/* The rest is in another slot, which has other memory */
	ASSERT_EQ(0, vm_slot(g, 2, BEYOND + page / 2, vm_va(g, 4 * MiB),
			     page / 2));
	EXPECT_EQ(LEFT, vm_put(g, at, BEYOND | 3));
	EXPECT_EQ(0, vm_denied(g, at + page / 2, behind + page / 2));

	/* A slot that begins within the page */
	ASSERT_EQ(0, vm_slot(g, 1, BEYOND, va, 0));
	EXPECT_EQ(LEFT, vm_put(g, at, BEYOND | 3));
	ASSERT_EQ(0, vm_slot(g, 2, BEYOND + page / 2, va, 0));

	/* All of the page is in one slot */
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

/*
 * For KVM this is a table without a window: hypercalls succeed and map nothing
 */
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
	/* Nothing is counted as mapped, since nothing could undo that */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* A new window is empty until the guest writes to it */
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

/* The shortest of many times, since the machine has other things to do */
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

/* Maps in so many parts of the window that its table takes the memory it can */
static int map_far_and_wide(struct guest *g)
{
	uint64_t i, size = tce_def_end(&g->v) - g->start;
	int ret = 0;

	for (i = 0; !ret && i < 128 && i < size / (2 * MiB); i++)
		ret = tce_map(g->v.container, g->mem.va, g->start + i * 2 * MiB,
			      64 * KiB, TCE_RW);
	return ret;
}

/* A removed window takes neither memory nor time any more */
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
	/* If 264 KiB were lost each time that would be 75 MiB */
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

/*
 * Puts and clears entries. They are for the window, or for none if there is
 * none.
 */
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
		/* The window may have been removed during the hypercall */
		if (ret != H_SUCCESS && ret != LEFT)
			w->ret = ret;
	}
	return NULL;
}

/* The guest writes while windows are removed and created: no mapping stays */
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

/* KVM has a group whose devices have been given back to the host */
TEST_F(kept, group_without_devices)
{
	struct guest *g = &self->g;

	/* A device cannot be unbound from vfio-pci while it is open */
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
 * A device without an IOMMU has a group if the administrator allows it, but has
 * no table. There is such a device where a PHB has no default window.
 */
TEST_F(kept, group_without_iommu)
{
	static const char *unsafe = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
	const struct tce_dev *dev = NULL;
	struct guest *g = &self->g;
	char path[80];
	int i, group;

	for (i = 0; i < tce_ndevs && !dev; i++)
		if (tce_devs[i].group < 0)
			dev = &tce_devs[i];
	if (!dev || access(unsafe, W_OK)) {
		vm_end(g);
		SKIP(return, "each has one");
	}
	ASSERT_EQ(0, tce_write_text(unsafe, "Y"));
	ASSERT_EQ(0, tce_bind_device(dev->bdf));
	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d",
		 tce_group_of(dev->bdf));
	group = open(path, O_RDWR);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, group));
	EXPECT_EQ(-ENODEV, vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, group));
	EXPECT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, group));
	vm_end(g);
	close(group);
	EXPECT_EQ(0, tce_restore_device(dev->bdf));
	EXPECT_EQ(0, tce_write_text(unsafe, "N"));
}

/* Clearing a large range that is empty takes no time */
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
	/* It would be five seconds or more if KVM looked at each entry */
	EXPECT_LT(ns, 2500000000) {
		TH_LOG("%llu ns", (unsigned long long)ns);
	}
	EXPECT_EQ(0, vm_denied(g, start + size - PAGE, DATA));
	vm_end(g);
}

/*
 * A large table of the guest, which is attached to no window. One thread fills
 * it again and again, with another value each time, which takes long.
 */
#define FILL_ENTRIES	(8 * MiB)

struct fill {
	struct guest *g;
	atomic_ulong done;		/* how often it has been filled */
	atomic_int table;		/* descriptor, for another process */
	atomic_bool stop;
	atomic_long ret;
};

static int fill_open(struct guest *g)
{
	int ret = vm_new_table(g, 12, 0, FILL_ENTRIES * PAGE);

	if (ret)
		return ret;
	/* The first value allocates the pages of the table */
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

/* Whether the hypercall has filled a part of the table */
static bool fill_half(atomic_ulong *entries)
{
	return entries[0] != entries[FILL_ENTRIES - 1];
}

/*
 * Another thread changes memory slots meanwhile, and need not wait for its end
 */
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
	for (i = 0; i < 100 && !within; i++) {
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

/* A process that is killed does not finish the hypercall first */
TEST_F_TIMEOUT(kept, stuff_ends_when_killed, 240)
{
	atomic_ulong *entries;
	struct guest *g = &self->g;
	struct fill *fill;
	bool within = false;
	int i, fd, pidfd;
	pid_t pid;

	/* The process that is killed has a guest of its own */
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

TCE_MAIN(true)
