// SPDX-License-Identifier: GPL-2.0
/*
 * Many rounds of a user's life: a group is attached, its windows are removed
 * and created, memory is registered and mapped, a guest of KVM is told of each
 * window, all is removed, and the group is detached. Some rounds leave one of
 * these steps to the end of the container. After that, a single user has as
 * many windows one after the other. If a round leaves resources behind, enough
 * rounds show it in free memory, in the process's locked memory, or in the
 * number of pinned pages.
 *
 * spapr_tce_rounds N [KIB]  N rounds of each, after some that fill caches. At
 * most
 *                           KIB may be missing then (default 2048)
 *
 * The guest of KVM lives as long as the program, so that anything that KVM
 * keeps of a round adds up. Without KVM, the rounds skip the guest, with a
 * message.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

#include "kselftest.h"
#include "spapr_tce.h"

#define WINDOW		(32 * MiB)
#define LIOBN		0x80001000
#define WARM_UP		100

static const struct tce_dev *dev = &tce_devs[0];
static struct tce_mem mem;
static int vm = -1, kvm_dev, table;

/* The guest, with a table as large as each of the windows */
static int make_guest(void)
{
	struct kvm_create_spapr_tce_64 create = {
		.liobn = LIOBN,
		.page_shift = 12,
		.size = WINDOW >> 12,
	};
	struct kvm_create_device vfio = { .type = KVM_DEV_TYPE_VFIO };
	struct tce_vfio v;
	int kvm, ret;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -ENODEV;

	/* The address of the windows of 4K pages */
	ret = tce_vfio_open_iommu(&v, dev, 2);
	if (ret)
		return ret;
	create.offset = tce_def_start(&v) >> 12;
	tce_vfio_close(&v);

	vm = tce_ioctl(kvm, KVM_CREATE_VM, NULL);
	if (vm < 0)
		return vm;
	table = tce_ioctl(vm, KVM_CREATE_SPAPR_TCE_64, &create);
	if (table < 0)
		return table;
	ret = tce_ioctl(vm, KVM_CREATE_DEVICE, &vfio);
	kvm_dev = vfio.fd;
	return ret;
}

static int tell_guest(unsigned long what, int group)
{
	struct kvm_vfio_spapr_tce set = { .groupfd = group, .tablefd = table };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = what,
		.addr = (uintptr_t)&group,
	};

	if (vm < 0)
		return 0;
	if (what == KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE)
		attr.addr = (uintptr_t)&set;
	return tce_ioctl(kvm_dev, KVM_SET_DEVICE_ATTR, &attr);
}

/*
 * A window is used and told to the guest, and removed unless it is left open.
 * Its entries are in many places, since the kernel keeps notes for each place.
 */
static int window(struct tce_vfio *v, bool leave)
{
	uint64_t start, iova;
	int ret;

	ret = tce_create(v->container, 12, WINDOW, 1, &start);
	if (!ret)
		ret = tell_guest(KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, v->group);
	for (iova = start; !ret && iova < start + WINDOW; iova += 2 * MiB)
		ret = tce_map(v->container, mem.va, iova, UNIT, TCE_RW);
	if (!ret && !leave)
		ret = tce_remove(v->container, start);
	return ret;
}

static int life(unsigned int n)
{
	/* The guest may release the group before the user does, or after */
	bool first = n % 2, v1 = n % 8 == 6;
	struct tce_vfio v;
	int i, ret;

	ret = tce_vfio_open_iommu(&v, dev, v1 ? 1 : 2);
	if (ret)
		return ret;
	ret = tell_guest(KVM_DEV_VFIO_GROUP_ADD, v.group);
	if (ret)
		goto close;

	if (v1) {
		ret = tce_enable(v.container);
		if (!ret)
			ret = tce_map(v.container, mem.va, tce_def_start(&v),
				      UNIT, TCE_RW);
		goto close;
	}

	ret = tce_register(v.container, mem.va, mem.size);
	if (!ret)
		ret = tce_remove(v.container, tce_def_start(&v));
	/* The second window meets the guest's state of the first */
	for (i = 0; i < 2 && !ret; i++)
		ret = window(&v, i && n % 4 == 3);
	if (!ret && n % 4 != 3)
		ret = tce_unregister(v.container, mem.va, mem.size);
	if (!ret && first)
		ret = tell_guest(KVM_DEV_VFIO_GROUP_DEL, v.group);
close:
	if (!first && tell_guest(KVM_DEV_VFIO_GROUP_DEL, v.group) && !ret)
		ret = -EPROTO;
	tce_vfio_close(&v);
	return ret;
}

static struct tce_vfio stays;

static int begin_to_stay(void)
{
	int ret;

	ret = tce_vfio_open_iommu(&stays, dev, 2);
	if (!ret)
		ret = tell_guest(KVM_DEV_VFIO_GROUP_ADD, stays.group);
	if (!ret)
		ret = tce_register(stays.container, mem.va, mem.size);
	if (!ret)
		ret = tce_remove(stays.container, tce_def_start(&stays));
	return ret;
}

static int window_of_one(unsigned int n)
{
	return window(&stays, false);
}

static int snapshot(struct tce_stat *st)
{
	/* The page cache and reclaimable memory do not count as lost */
	tce_write_text("/proc/sys/vm/drop_caches", "3");
	return tce_stat_get(st);
}

static int repeat(int (*round)(unsigned int n), unsigned int n)
{
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = round(i);
		if (ret) {
			tce_log("round %u: %s", i, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static void rounds(const char *what, int (*round)(unsigned int n),
		   unsigned int n, long limit)
{
	struct tce_stat before, after;
	struct timespec a, b;
	bool left = true;
	int i, ret;

	ret = repeat(round, WARM_UP);
	if (!ret)
		ret = snapshot(&before);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (!ret)
		ret = repeat(round, n);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ksft_test_result(!ret, "%u %s%s\n", n, what, vm < 0 ? "" : " with KVM");

	/* RCU and workqueues free memory after a moment */
	for (i = 0; i < 10 && !ret && left; i++) {
		usleep(i * 200000);
		ret = snapshot(&after);
		left = before.memfree_kb - after.memfree_kb > limit ||
		       before.vmlck_kb != after.vmlck_kb ||
		       before.pinned < after.pinned;
	}
	if (!ret) {
		tce_log("%ld ms", (b.tv_sec - a.tv_sec) * 1000 +
				  (b.tv_nsec - a.tv_nsec) / 1000000);
		tce_log("KiB free: %ld before, %ld after", before.memfree_kb,
			after.memfree_kb);
		tce_log("KiB locked: %ld before, %ld after", before.vmlck_kb,
			after.vmlck_kb);
		tce_log("pages pinned: %ld before, %ld after", before.pinned,
			after.pinned);
	}
	ksft_test_result(!ret && !left, "%s leave nothing behind\n", what);
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? atoi(argv[1]) : 1000;
	long limit = argc > 2 ? atol(argv[2]) : 2048;
	int ret;

	tce_begin(true);
	ksft_print_header();
	ksft_set_plan(4);

	ret = make_guest();
	if (ret == -ENODEV)
		tce_log("without KVM");
	else if (ret)
		ksft_exit_fail_msg("KVM: %s\n", strerror(-ret));
	ret = tce_mem_anon(&mem, UNIT);
	if (ret)
		ksft_exit_fail_msg("memory: %s\n", strerror(-ret));

	rounds("lives of a user", life, n, limit);
	ret = begin_to_stay();
	if (ret)
		ksft_exit_fail_msg("a user that stays: %s\n", strerror(-ret));
	rounds("windows of one user", window_of_one, n, limit);
	tell_guest(KVM_DEV_VFIO_GROUP_DEL, stays.group);
	tce_vfio_close(&stays);

	tce_mem_free(&mem);
	if (ksft_get_fail_cnt())
		ksft_exit_fail();
	ksft_exit_pass();
}
