/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm.c: a guest of KVM that has the device under test.
 *
 * A function that returns int returns 0, or a negative errno, unless its
 * comment says otherwise. The address of a guest (gpa) is in bytes.
 */

#ifndef SPAPR_TCE_KVM_H
#define SPAPR_TCE_KVM_H

#include <linux/kvm.h>

#include "spapr_tce.h"

/* As in the kernel's asm/hvcall.h, which is not exported */
#define H_SUCCESS		0
#define H_PARAMETER		-4
#define H_PUT_TCE		0x20
#define H_STUFF_TCE		0x138
#define H_PUT_TCE_INDIRECT	0x13c

/* The kernel left the hypercall to userspace, as it does if it is too hard */
#define LEFT			-1000

#define LIOBN			0x80001000
#define TCES			512	/* that a list has room for */
#define PAGE			(4 * KiB)
#define LEN			1024

/* Addresses in the guest: the list of TCEs, and the memory that they map */
#define LIST			0x10000
#define DATA			(1 * MiB)
#define MEM_SIZE		(64 * MiB)
#define BEYOND			(256 * MiB)

/**
 * struct guest - A guest of KVM with one virtual CPU
 * @v: the container, and the device that the guest has
 * @mem: memory of the guest, slot 0, from address 0 on
 * @run: area that KVM shares with userspace
 * @start: I/O address of the default window
 * @run_size: size of @run, in bytes
 * @locked_kb: memory that was locked before vm_open(), in KiB
 * @kvm: descriptor of /dev/kvm
 * @vm: descriptor of the guest
 * @vcpu: descriptor of the virtual CPU
 * @dev: descriptor of KVM's VFIO device
 * @table: descriptor of the TCE table, or -1
 * @liobn: the number by which the guest's hypercalls name @table
 */
struct guest {
	struct tce_vfio v;
	struct tce_mem mem;
	struct kvm_run *run;
	uint64_t start;
	size_t run_size;
	long locked_kb;
	int kvm, vm, vcpu, dev;
	int table;
	uint64_t liobn;
};

/**
 * vm_there() - Whether there is KVM
 *
 * Return: true if /dev/kvm can be used.
 */
bool vm_there(void);

/**
 * vm_boot() - Start a guest without a device
 * @g: filled in, but for @g->v
 * @size: its memory, in bytes
 *
 * Return: 0, -EPROTO if the guest does not run as it should, or another errno.
 */
int vm_boot(struct guest *g, uint64_t size);

/**
 * vm_open() - Start a guest with the first device under test
 * @g: filled in; its table covers the default window
 * @shift: base-2 logarithm of the page size that the guest is told
 *
 * Return: as vm_boot().
 */
int vm_open(struct guest *g, unsigned int shift);

/**
 * vm_end() - End a guest
 * @g: the guest; its device stays open
 */
void vm_end(struct guest *g);

/**
 * vm_close() - Close the device of a guest that has ended, and free its memory
 * @g: the guest
 *
 * KVM frees a table after a grace period, so this waits, for a minute at most.
 *
 * Return: 0, or -EBUSY if memory is still locked.
 */
int vm_close(struct guest *g);

/**
 * vm_slot() - Set a memory slot of the guest
 * @g: the guest
 * @slot: number of the slot
 * @gpa: address in the guest
 * @va: the memory
 * @size: its size in bytes, or 0 to remove the slot
 *
 * Return: 0 or a negative errno.
 */
int vm_slot(struct guest *g, int slot, uint64_t gpa, void *va, uint64_t size);

/**
 * vm_attr() - Tell KVM's VFIO device about a group
 * @g: the guest
 * @which: KVM_DEV_VFIO_GROUP_ADD, _DEL or _SET_SPAPR_TCE; the last one attaches
 *	the guest's table to the windows of the group
 * @fd: descriptor of the group
 *
 * Return: 0 or a negative errno.
 */
int vm_attr(struct guest *g, unsigned long which, int fd);

/**
 * vm_new_table() - Give the guest a TCE table, in place of the one it has
 * @g: the guest
 * @shift: base-2 logarithm of the page size
 * @start: I/O address where the table begins
 * @size: size of the I/O space that it covers, in bytes
 *
 * Return: 0 or a negative errno.
 */
int vm_new_table(struct guest *g, unsigned int shift, uint64_t start,
		 uint64_t size);

/**
 * vm_table() - The same, and attach the table to the windows of the group
 * @g: the guest
 * @shift: base-2 logarithm of the page size
 * @start: I/O address where the table and the window begin
 * @size: size of the I/O space that it covers, in bytes
 *
 * Return: 0 or a negative errno.
 */
int vm_table(struct guest *g, unsigned int shift, uint64_t start, uint64_t size);

/**
 * vm_hcall() - Have the guest make a hypercall for its table
 * @g: the guest
 * @nr: number of the hypercall
 * @ioba: I/O address
 * @tce: the TCE, or the address of a list in the guest
 * @pages: number of entries
 *
 * Return: status of the hypercall, LEFT, or -2000 and a negative errno if the
 * guest does not run.
 */
long vm_hcall(struct guest *g, uint64_t nr, uint64_t ioba, uint64_t tce,
	      uint64_t pages);

/* vm_hcall() for one entry, for the entries in LIST, and to clear entries */
long vm_put(struct guest *g, uint64_t ioba, uint64_t tce);
long vm_put_list(struct guest *g, uint64_t ioba, uint64_t pages);
long vm_stuff(struct guest *g, uint64_t ioba, uint64_t pages);

/**
 * vm_va() - The address in this process of memory of the guest
 * @g: the guest
 * @gpa: address in the guest, in slot 0
 *
 * Return: the address.
 */
void *vm_va(struct guest *g, uint64_t gpa);

/**
 * vm_make_list() - Write a list of TCEs to LIST
 * @g: the guest
 * @gpa: address in the guest of the pages, the last one of which comes first
 * @n: number of pages, at most TCES
 * @page: size of a page in bytes
 */
void vm_make_list(struct guest *g, uint64_t gpa, int n, uint64_t page);

/**
 * vm_try_list() - DMA to some of the pages of a list that has been put
 * @g: the guest; the list was put at the start of the window
 * @gpa: as for vm_make_list()
 * @n: as for vm_make_list()
 * @page: as for vm_make_list()
 *
 * Return: 0, or the errno of tce_dma_ok().
 */
int vm_try_list(struct guest *g, uint64_t gpa, int n, uint64_t page);

/**
 * vm_denied() - The device must not be able to write to memory of the guest
 * @g: the guest
 * @iova: I/O address
 * @gpa: address in the guest of the memory that is or was mapped there
 *
 * Return: 0, or the errno of tce_dma_write_denied().
 */
int vm_denied(struct guest *g, uint64_t iova, uint64_t gpa);

/**
 * vm_step() - Begin a step of which the hypervisor's calls are counted
 * @g: the guest
 * @what: the step
 * @name: variant of the test
 *
 * The step is named by a line "# step kvm NAME: WHAT".
 */
void vm_step(struct guest *g, const char *what, const char *name);

/**
 * vm_step_end() - End such a step
 * @g: the guest
 */
void vm_step_end(struct guest *g);

#endif /* SPAPR_TCE_KVM_H */
