/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Library of the SPAPR TCE VFIO selftests.
 *
 * A function that returns int returns 0, or a negative errno, unless its
 * comment says otherwise. Sizes, lengths and addresses are in bytes unless a
 * name or a comment says otherwise.
 *
 * A window is a range of I/O addresses that a device can reach. A shift is the
 * base-2 logarithm of the size of a window's I/O pages. The default window is
 * the one that the platform gives each device; GET_INFO reports it as the
 * 32-bit window.
 */

#ifndef SPAPR_TCE_H
#define SPAPR_TCE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/vfio.h>

#include "spapr_tce_edu.h"
#include "spapr_tce_marks.h"
#include "spapr_tce_mem.h"

#define TCE_MAX_DEVS	16
#define TCE_BDF_LEN	16

#define KiB		1024ULL
#define MiB		(1024 * KiB)
#define GiB		(1024 * MiB)
#define TiB		(1024 * GiB)

/* Memory and I/O space are divided into units: a multiple of each small page */
#define UNIT		(64 * KiB)

/* A comment in the output of the program */
#define tce_log(fmt, ...) printf("# " fmt "\n", ##__VA_ARGS__)

/**
 * struct tce_bdf - The address of a PCI device
 * @s: as sysfs writes it, such as "0001:00:00.0"
 */
struct tce_bdf {
	char s[TCE_BDF_LEN];
};

/**
 * struct tce_dev - A PCI device under test
 * @bdf: address, as sysfs writes it
 * @group: number of the IOMMU group, or a negative errno if there is none
 * @edu: the device is QEMU's edu, which can be told to do DMA
 */
struct tce_dev {
	char bdf[TCE_BDF_LEN];
	int group;
	bool edu;
};

/*
 * pci.c: devices, their groups, and their drivers
 */

/**
 * tce_find_devices() - Find the devices to test
 * @devs: the devices that were found
 * @max: room in @devs, in devices
 *
 * These are the devices that VFIO_TCE_DEVICE names, or every edu device. A
 * device without an IOMMU group is among them: the tests report that VFIO
 * cannot use it.
 *
 * Return: number of devices, from 0 to @max.
 */
int tce_find_devices(struct tce_dev *devs, int max);

/**
 * tce_find_class() - Find the PCI devices of a class
 * @class: class code of 24 bits, as sysfs has it
 * @bdfs: their addresses, sorted
 * @max: room in @bdfs, in devices
 *
 * Return: number of devices, from 0 to @max.
 */
int tce_find_class(uint32_t class, struct tce_bdf *bdfs, int max);

/**
 * tce_group_of() - The IOMMU group of a device
 * @bdf: address of the device
 *
 * Return: the number of the group, or -ENOENT if the device has none.
 */
int tce_group_of(const char *bdf);

/**
 * tce_group_members() - The devices of a group that VFIO needs
 * @group: number of the group
 * @bdfs: their addresses, sorted
 * @max: room in @bdfs, in devices
 *
 * Bridges are left out: they stay with their driver.
 *
 * Return: number of devices, from 0 to @max, or a negative errno.
 */
int tce_group_members(int group, struct tce_bdf *bdfs, int max);

/**
 * tce_driver_of() - The driver of a device
 * @bdf: address of the device
 * @name: name of the driver; empty if there is none
 * @len: room in @name
 *
 * Return: 0, or -ENOENT if the device has no driver.
 */
int tce_driver_of(const char *bdf, char *name, size_t len);

/**
 * tce_bind_device() - Give a device to vfio-pci
 * @bdf: address of the device
 *
 * The driver that the device has now is remembered for tce_restore_device().
 *
 * Return: 0, -ENOSPC if too many devices are bound, or the errno of sysfs.
 */
int tce_bind_device(const char *bdf);

/**
 * tce_restore_device() - Give a device back to the driver that it had
 * @bdf: address of the device
 *
 * A device that vfio-pci had from the start stays with it.
 *
 * Return: 0, -ENODEV if the driver did not take the device, or the errno of
 * sysfs.
 */
int tce_restore_device(const char *bdf);

/**
 * tce_bind_group() - Give all devices of a group to vfio-pci
 * @group: number of the group; a negative errno is returned as it is
 *
 * Return: 0, or the errno of the first device that failed.
 */
int tce_bind_group(int group);

/**
 * tce_restore_group() - Give all devices of a group back to their drivers
 * @group: number of the group
 *
 * Return: 0, or the errno of the last device that failed.
 */
int tce_restore_group(int group);

/**
 * tce_of_node() - The node of a device in the device tree
 * @bdf: address of the device
 * @node: path of the node, of PATH_MAX bytes
 *
 * Return: 0, or -ENOENT if the device has no node.
 */
int tce_of_node(const char *bdf, char *node);

/**
 * tce_of_valid() - Whether a path is that of a node of the device tree
 * @node: a path that tce_of_node() gave, or one above it
 *
 * Return: false for the root of the device tree and for directories above it.
 */
bool tce_of_valid(const char *node);

/**
 * tce_of_up() - Go from a node of the device tree to its parent
 * @node: path of the node, which is shortened
 */
void tce_of_up(char *node);

/**
 * tce_firmware_window() - The default window, by the device tree
 * @bdf: address of the device
 * @start: I/O address of the window
 * @size: its size
 * @ddw: the firmware can create windows
 *
 * The window stands at the device's node or at a node above it (PAPR's
 * ibm,dma-window).
 *
 * Return: 0, -ENOENT if there is none, or -EPROTO if it is not in PAPR's form.
 */
int tce_firmware_window(const char *bdf, uint64_t *start, uint64_t *size,
			bool *ddw);

/**
 * tce_is_powernv() - Whether the machine is bare metal
 *
 * Return: true if the firmware is OPAL.
 */
bool tce_is_powernv(void);

/**
 * tce_is_qemu() - Whether QEMU emulates the machine, as a pSeries
 *
 * Return: true if the device tree says so.
 */
bool tce_is_qemu(void);

/**
 * tce_read_text() - Read a small file, as sysfs and procfs have them
 * @path: path of the file
 * @buf: its text, without newlines at the end
 * @len: room in @buf, the final NUL included
 *
 * Return: 0, or the errno of open() or read().
 */
int tce_read_text(const char *path, char *buf, size_t len);

/**
 * tce_write_text() - Write to a small file, as sysfs and procfs have them
 * @path: path of the file, which exists
 * @text: text, written by one call
 *
 * Return: 0, or the errno of open() or write().
 */
int tce_write_text(const char *path, const char *text);

/*
 * main.c: before the first test of a program, and after its last
 */

/* The devices under test; tce_begin() finds them */
extern struct tce_dev tce_devs[TCE_MAX_DEVS];
extern int tce_ndevs;

/**
 * tce_begin() - Begin a program
 * @bind: give the groups of the devices to vfio-pci until the program ends
 *
 * If no device is found the program ends here, and its tests are skipped. If
 * binding fails the program goes on: its tests then fail, and report it.
 */
void tce_begin(bool bind);

/* main() of a program that has nothing but tests of the harness */
#define TCE_MAIN(bind)						\
	int main(int argc, char **argv)				\
	{							\
		tce_begin(bind);				\
		exit(test_harness_run(argc, argv));		\
	}

/**
 * tce_max_window() - The size of the largest window to create
 *
 * Return: VFIO_TCE_MAX_WINDOW of the environment, or the largest number.
 */
uint64_t tce_max_window(void);

/**
 * tce_second_group() - A device of another group than the first device
 *
 * Return: the first such device, or NULL.
 */
const struct tce_dev *tce_second_group(void);

/**
 * tce_mark() - Leave a mark in the hypervisor's trace
 * @dev: device, the vendor ID of which is written to
 * @mark: the mark, see spapr_tce_marks.h
 *
 * Nothing happens unless LAB_TRACE is 1 in the environment.
 */
void tce_mark(const struct tce_dev *dev, enum tce_mark mark);
/* Begins a step, whose hypercalls are counted: prints its name, and a mark */
#define tce_step(dev, fmt, ...)						\
	do {								\
		tce_log("step " fmt, ##__VA_ARGS__);			\
		tce_mark(dev, TCE_MARK_STEP);				\
	} while (0)
void tce_step_end(const struct tce_dev *dev);

/*
 * vfio.c: a container with one group and one device, and the ioctls
 */

/**
 * struct tce_vfio - A container, a group in it, and a device of the group
 * @dev: the device
 * @version: of the IOMMU of the container, 1 or 2
 * @container: descriptor of the container, or -1
 * @group: descriptor of the group, or -1
 * @device: descriptor of the device, or -1
 * @edu: registers of the device, if it is an edu and is open
 * @info: answer of GET_INFO when the container was opened
 */
struct tce_vfio {
	const struct tce_dev *dev;
	int version;
	int container;
	int group;
	int device;
	struct edu edu;
	struct vfio_iommu_spapr_tce_info info;
};

/* Nothing is open: tce_vfio_close() has nothing to do */
#define TCE_VFIO_CLOSED	{ .container = -1, .group = -1, .device = -1 }

#define TCE_RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/**
 * tce_ioctl() - Call ioctl()
 * @fd: descriptor
 * @cmd: command
 * @arg: its argument
 *
 * Return: the value that the kernel returned, or a negative errno. A positive
 * value is not hidden: no ioctl of VFIO's IOMMU may return one for an error.
 */
int tce_ioctl(int fd, unsigned long cmd, void *arg);

/**
 * tce_open_container() - Open a container
 *
 * Return: a descriptor, or a negative errno.
 */
int tce_open_container(void);

/**
 * tce_open_group() - Open the group of a device
 * @dev: the device
 *
 * Return: a descriptor, or a negative errno: -EBUSY if the group is open.
 */
int tce_open_group(const struct tce_dev *dev);

/**
 * tce_set_iommu() - Say which IOMMU a container is to have
 * @container: descriptor of the container, in which there is a group
 * @version: 1 or 2
 *
 * Return: 0 or a negative errno.
 */
int tce_set_iommu(int container, int version);

/**
 * tce_open_device() - Open a device
 * @group: descriptor of its group, which is in a container with an IOMMU
 * @dev: the device
 *
 * Return: a descriptor, or a negative errno.
 */
int tce_open_device(int group, const struct tce_dev *dev);

/**
 * tce_vfio_open() - Open a container, a group and its device, ready for DMA
 * @v: filled in; everything is closed again after a failure
 * @dev: the device
 * @version: 1 or 2
 *
 * Return: 0, or the errno of the step that failed, which is logged.
 */
int tce_vfio_open(struct tce_vfio *v, const struct tce_dev *dev, int version);

/**
 * tce_vfio_open_iommu() - Open a container and a group, but no device
 * @v: as for tce_vfio_open()
 * @dev: a device of the group
 * @version: 1 or 2
 *
 * For tests that need nothing but the ioctls of the container. On PowerNV
 * opening and closing a device means a reset of its bus, which takes seconds.
 *
 * Return: as tce_vfio_open().
 */
int tce_vfio_open_iommu(struct tce_vfio *v, const struct tce_dev *dev,
			int version);

/**
 * tce_vfio_open_quick() - Open the device too, unless that takes seconds
 * @v: as for tce_vfio_open()
 * @dev: the device
 * @version: 1 or 2
 *
 * Return: as tce_vfio_open().
 */
int tce_vfio_open_quick(struct tce_vfio *v, const struct tce_dev *dev,
			int version);

/**
 * tce_vfio_close() - Close all that is open
 * @v: container, group and device, each of which may be -1
 */
void tce_vfio_close(struct tce_vfio *v);

/**
 * tce_join() - Put another group into a container, and open its device
 * @v: filled in; it has the container of @first
 * @first: the container, with its first group
 * @dev: a device of the other group
 *
 * The caller closes @v->group, by tce_leave() or directly, also after a failure
 * unless @v->group is negative.
 *
 * Return: 0 or a negative errno.
 */
int tce_join(struct tce_vfio *v, const struct tce_vfio *first,
	     const struct tce_dev *dev);

/**
 * tce_leave() - Close a group and its device, but not the container
 * @v: the group, which has joined another one's container
 */
void tce_leave(struct tce_vfio *v);

/*
 * The ioctls of a container. Documentation/driver-api/vfio-pseries.rst has
 * their errors. @container is a descriptor, and @iova an I/O address.
 */
int tce_get_info(int container, struct vfio_iommu_spapr_tce_info *info);
int tce_enable(int container);				/* v1 */
int tce_disable(int container);				/* v1 */
int tce_register(int container, const void *va, uint64_t size);		/* v2 */
int tce_unregister(int container, const void *va, uint64_t size);	/* v2 */
int tce_create(int container, unsigned int shift, uint64_t size,
	       unsigned int levels, uint64_t *start);	/* v2 */
int tce_remove(int container, uint64_t start);		/* v2 */
int tce_map(int container, const void *va, uint64_t iova, uint64_t size,
	    unsigned int flags);
int tce_unmap(int container, uint64_t iova, uint64_t size);

/**
 * tce_ready() - Prepare a container for its first mapping
 * @v: a v1 container is enabled
 * @mem: a v2 container has this memory registered
 *
 * Return: 0 or a negative errno.
 */
int tce_ready(struct tce_vfio *v, const struct tce_mem *mem);

/**
 * tce_unready() - Undo tce_ready()
 * @v: a v1 container is disabled
 * @mem: a v2 container has this memory unregistered
 *
 * Return: 0 or a negative errno.
 */
int tce_unready(struct tce_vfio *v, const struct tce_mem *mem);

/**
 * tce_has_ddw() - Whether windows can be created
 * @v: an open container
 *
 * Return: true if GET_INFO says so.
 */
bool tce_has_ddw(const struct tce_vfio *v);

/**
 * tce_max_windows() - How many windows there can be at once
 * @v: an open container
 *
 * Return: number of windows, 0 if none can be created.
 */
unsigned int tce_max_windows(const struct tce_vfio *v);

/**
 * tce_has_shift() - Whether windows can have I/O pages of a size
 * @v: an open container
 * @shift: base-2 logarithm of the size, below 64
 *
 * Return: true if GET_INFO says so.
 */
bool tce_has_shift(const struct tce_vfio *v, unsigned int shift);

/**
 * tce_def_start() - Where the default window begins
 * @v: an open container
 *
 * Return: an I/O address.
 */
uint64_t tce_def_start(const struct tce_vfio *v);

/**
 * tce_def_end() - Where the default window ends
 * @v: an open container
 *
 * Return: the first I/O address behind the window.
 */
uint64_t tce_def_end(const struct tce_vfio *v);

/*
 * dma.c: DMA that must work and DMA that must not. All of these return 0 and do
 * nothing if no edu device is open: a test then tests the ioctls alone. @len is
 * at most EDU_DMA_MAX, and a multiple of 8.
 */

/**
 * struct tce_scratch - Memory by which the device's buffer is filled and read
 * @iova: I/O address, mapped for reading and writing
 * @va: address in the process
 */
struct tce_scratch {
	uint64_t iova;
	void *va;
};

/**
 * tce_dma_ok() - The device reads memory and writes it again
 * @v: the device
 * @iova: I/O address, mapped for reading and writing
 * @va: the memory that is mapped there; its contents are lost
 * @len: how much of it
 *
 * Return: 0, -EIO if other data arrived, or -ETIMEDOUT.
 */
int tce_dma_ok(struct tce_vfio *v, uint64_t iova, void *va, size_t len);

/**
 * tce_dma_from() - The device reads memory
 * @v: the device
 * @iova: I/O address, mapped for reading
 * @va: the memory that is mapped there; the process writes a pattern to it
 * @len: how much of it
 * @scratch: shows the data that the device has read
 *
 * Return: 0, -EIO if other data arrived, or -ETIMEDOUT.
 */
int tce_dma_from(struct tce_vfio *v, uint64_t iova, const void *va, size_t len,
		 const struct tce_scratch *scratch);

/**
 * tce_dma_to() - The device writes memory
 * @v: the device
 * @iova: I/O address, mapped for writing
 * @va: the memory that is mapped there
 * @len: how much of it
 * @scratch: where the device gets a pattern from
 *
 * Return: 0, -EIO if other data arrived, or -ETIMEDOUT.
 */
int tce_dma_to(struct tce_vfio *v, uint64_t iova, void *va, size_t len,
	       const struct tce_scratch *scratch);

/**
 * tce_dma_read_denied() - The device must not be able to read
 * @v: the device
 * @iova: I/O address
 * @secret: memory that is or was mapped there and is written to, or NULL
 * @len: how much of it
 * @scratch: shows the data that the device has read
 *
 * Return: 0, -EACCES if any of @secret reached the device, -EIO if @scratch
 * does not work, or -ETIMEDOUT.
 */
int tce_dma_read_denied(struct tce_vfio *v, uint64_t iova, void *secret,
			size_t len, const struct tce_scratch *scratch);

/**
 * tce_dma_write_denied() - The device must not be able to write
 * @v: the device
 * @iova: I/O address
 * @victim: memory that is or was mapped there and is written to, or NULL
 * @len: how much of it
 * @scratch: where the device gets a pattern from, or NULL: it
 *	writes the present contents of its buffer
 *
 * Return: 0, -EACCES if any of @victim changed, or -ETIMEDOUT.
 */
int tce_dma_write_denied(struct tce_vfio *v, uint64_t iova, void *victim,
			 size_t len, const struct tce_scratch *scratch);

/*
 * host.c: the device's own driver
 */

/* PCI_CLASS_STORAGE_EXPRESS of the kernel's include/linux/pci_ids.h */
#define TCE_CLASS_NVME	0x010802

/**
 * tce_nvme_disk() - The block device of an NVMe controller
 * @bdf: address of the controller
 * @path: path of the block device in /dev
 * @len: room in @path
 *
 * The driver finds its disk some time after it was bound, so this waits, for
 * two minutes at most.
 *
 * Return: 0, or -ETIMEDOUT if no disk appears.
 */
int tce_nvme_disk(const char *bdf, char *path, size_t len);

/**
 * tce_host_ready() - Wait until the disks of a group are there
 * @group: number of the group
 *
 * By then their driver also has the DMA windows that it wants.
 */
void tce_host_ready(int group);

/**
 * tce_disk_is_scratch() - Whether disks may be written to
 *
 * Return: true if VFIO_TCE_SCRATCH_DISK is 1 in the environment.
 */
bool tce_disk_is_scratch(void);

/**
 * tce_disk_io() - Transfer data between memory and a disk
 * @disk: path of the block device
 *
 * Writes and reads the first MiB, or reads it twice if disks may not be written
 * to. The page cache is not used.
 *
 * Return: 0, -EIO if other data were read, or a negative errno.
 */
int tce_disk_io(const char *disk);

/**
 * tce_host_windows() - The windows that the host knows for a device
 * @bdf: address of the device
 * @buf: text, from the properties of the device's node and those above it;
 *	empty where the device tree has no windows (PowerNV)
 * @len: room in @buf
 *
 * The same text means the same windows.
 *
 * Return: 0, -ENOSPC if @len does not suffice, or a negative errno.
 */
int tce_host_windows(const char *bdf, char *buf, size_t len);

#endif /* SPAPR_TCE_H */
