// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps the device's group until SIGTERM, for tests of events that happen to
 * the group meanwhile. /tmp/held exists as long as the program has the group,
 * and the device moves data all the time. The mapped memory begins with that
 * data, and has a text that a later user can recognize (spapr_tce_heir).
 *
 * spapr_tce_hold          uses the default window
 * spapr_tce_hold both     uses the default window and one of 64K pages
 * spapr_tce_hold instead  uses a window of 64K pages in place of the default
 *                         one, of the same size
 * spapr_tce_hold device   is like the first, but ends when vfio-pci asks for
 *                         the device
 * spapr_tce_hold kvm      is like the last, but a guest of KVM keeps the group
 *                         until SIGTERM
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "held.h"
#include "spapr_tce.h"

#define HELD	"/tmp/held"
#define SIZE	(64 * KiB)

/*
 * Opens the windows, with a mapping at the start of each; returns their number
 */
static int open_windows(struct tce_vfio *v, const struct tce_mem *mem,
			const char *how, uint64_t *iova)
{
	uint64_t size = v->info.dma32_window_size;
	int n = 0, ret;

	if (strcmp(how, "instead")) {
		iova[n++] = tce_def_start(v);
		ret = tce_map(v->container, mem->va, iova[0], SIZE, TCE_RW);
		if (ret)
			return ret;
		size = 8 * GiB;
	} else {
		ret = tce_remove(v->container, tce_def_start(v));
		if (ret)
			return ret;
	}

	if (!strcmp(how, "both") || !strcmp(how, "instead")) {
		ret = tce_create(v->container, 16, size, 1, &iova[n]);
		if (!ret)
			ret = tce_map(v->container, mem->va, iova[n], SIZE,
				      TCE_RW);
		if (ret)
			return ret;
		tce_log("%llx bytes at %llx", (unsigned long long)size,
			(unsigned long long)iova[n]);
		n++;
	}

	return n;
}

/* A guest with the default window, without CPUs. It ends with the process. */
static int make_guest(const struct tce_vfio *v)
{
	struct kvm_create_spapr_tce_64 table = {
		.liobn = 0x80001000,
		.page_shift = 12,
		.offset = tce_def_start(v) >> 12,
		.size = v->info.dma32_window_size >> 12,
	};
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_vfio_spapr_tce set = { .groupfd = v->group };
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_GROUP };
	int32_t group = v->group;
	int vm, ret;

	vm = tce_ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), KVM_CREATE_VM,
		       NULL);
	if (vm < 0)
		return vm;

	set.tablefd = tce_ioctl(vm, KVM_CREATE_SPAPR_TCE_64, &table);
	if (set.tablefd < 0)
		return set.tablefd;

	ret = tce_ioctl(vm, KVM_CREATE_DEVICE, &dev);
	if (ret)
		return ret;

	attr.attr = KVM_DEV_VFIO_GROUP_ADD;
	attr.addr = (uintptr_t)&group;
	ret = tce_ioctl(dev.fd, KVM_SET_DEVICE_ATTR, &attr);
	if (ret)
		return ret;

	attr.attr = KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE;
	attr.addr = (uintptr_t)&set;
	return tce_ioctl(dev.fd, KVM_SET_DEVICE_ATTR, &attr);
}

/* vfio-pci is to tell when it wants the device back */
static int device_wanted(const struct tce_vfio *v)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} req = {
		.set = {
			.argsz = sizeof(req),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1,
		},
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	};

	if (req.fd < 0 || ioctl(v->device, VFIO_DEVICE_SET_IRQS, &req))
		return -errno;
	return req.fd;
}

static int move_data(struct tce_vfio *v, const struct tce_mem *mem,
		     const uint64_t *iova, int n)
{
	int i, ret = 0;

	for (i = 0; i < n && !ret; i++)
		ret = tce_dma_ok(v, iova[i], mem->va, KiB);
	return ret;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	bool kvm = !strcmp(how, "kvm");
	struct timespec pause = { .tv_nsec = 1000000 };
	struct pollfd wanted = { .fd = -1, .events = POLLIN };
	struct tce_vfio v;
	struct tce_mem mem;
	sigset_t term;
	uint64_t iova[2];
	int fd, n, ret;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);

	tce_begin(true);
	ret = tce_vfio_open(&v, &tce_devs[0], 2);
	if (ret)
		goto failed;
	ret = tce_mem_for_shift(&mem, SIZE, 16);
	if (ret)
		goto close;
	strcpy((char *)mem.va + HELD_TEXT_AT, HELD_TEXT);
	ret = tce_ready(&v, &mem);
	if (ret)
		goto free;

	n = open_windows(&v, &mem, how, iova);
	ret = n < 0 ? n : move_data(&v, &mem, iova, n);
	if (ret)
		goto free;
	if (kvm) {
		ret = make_guest(&v);
		if (ret)
			goto free;
	}
	if (kvm || !strcmp(how, "device")) {
		wanted.fd = device_wanted(&v);
		if (wanted.fd < 0) {
			ret = wanted.fd;
			goto free;
		}
	}

	fd = open(HELD, O_CREAT | O_WRONLY, 0600);
	/* The mapping works, whatever happens to the group */
	while (!ret && sigtimedwait(&term, NULL, &pause) != SIGTERM) {
		if (poll(&wanted, 1, 0) > 0) {
			tce_log("wanted");
			break;
		}
		ret = move_data(&v, &mem, iova, n);
	}
	close(fd);
	unlink(HELD);
free:
	tce_mem_free(&mem);
close:
	tce_vfio_close(&v);
	if (kvm && !ret)
		sigwaitinfo(&term, NULL);
failed:
	if (ret)
		printf("hold: %s\n", strerror(-ret));
	return ret != 0;
}
