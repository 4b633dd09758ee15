/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kvm.c: a guest of KVM that has the device.
 *
 * Functions return 0 or a negative errno unless their comment says otherwise.
 */

#ifndef SPAPR_TCE_KVM_H
#define SPAPR_TCE_KVM_H

#include <linux/kvm.h>

#include "spapr_tce.h"

/* As in asm/hvcall.h of the kernel, which gives them to nobody else */
#define H_SUCCESS		0
#define H_PARAMETER		-4
#define H_PUT_TCE		0x20
#define H_STUFF_TCE		0x138
#define H_PUT_TCE_INDIRECT	0x13c

/* The kernel left the hypercall to us, as it does if it is too hard */
#define LEFT			-1000

#define LIOBN			0x80001000
#define TCES			512	/* that a list has room for */
#define PAGE			(4 * KiB)
#define LEN			1024

/* Guest memory: the list, and what is mapped */
#define LIST			0x10000
#define DATA			(1 * MiB)
#define MEM_SIZE		(64 * MiB)
#define BEYOND			(256 * MiB)

struct guest {
	struct tce_vfio v;
	struct tce_mem mem;		/* slot 0, from address 0 on */
	struct kvm_run *run;
	uint64_t start;			/* of the default window */
	size_t run_size;
	long locked_kb;
	int kvm, vm, vcpu, dev;
	int table;			/* that liobn is for */
	uint64_t liobn;
};

bool vm_there(void);

/* A guest that makes hypercalls, with so much memory and no device */
int vm_boot(struct guest *g, uint64_t size);
/* A guest with the first device; the window and its table are the default one */
int vm_open(struct guest *g, unsigned int shift);
/* Ends the guest, which leaves the device to us */
void vm_end(struct guest *g);
/* And closes the device. -EBUSY if memory is still locked */
int vm_close(struct guest *g);

int vm_slot(struct guest *g, int slot, uint64_t gpa, void *va, uint64_t size);
int vm_attr(struct guest *g, unsigned long which, int fd);
/* Another table, of so many bytes at an address, takes the place of the old one */
int vm_new_table(struct guest *g, unsigned int shift, uint64_t start,
		 uint64_t size);
/* And the group's window at that address is attached to it */
int vm_table(struct guest *g, unsigned int shift, uint64_t start, uint64_t size);

/* Has the guest make a hypercall: its status, or LEFT */
long vm_hcall(struct guest *g, uint64_t nr, uint64_t ioba, uint64_t tce,
	      uint64_t pages);
/* These have it put an entry, or so many as are in LIST, or clear so many */
long vm_put(struct guest *g, uint64_t ioba, uint64_t tce);
long vm_put_list(struct guest *g, uint64_t ioba, uint64_t pages);
long vm_stuff(struct guest *g, uint64_t ioba, uint64_t pages);
void *vm_va(struct guest *g, uint64_t gpa);
/* A list of so many pages from an address on, the last one first */
void vm_make_list(struct guest *g, uint64_t gpa, int n, uint64_t page);
/* Is it what that list maps? */
int vm_try_list(struct guest *g, uint64_t gpa, int n, uint64_t page);
int vm_denied(struct guest *g, uint64_t iova, uint64_t gpa);

/* What the hypervisor sees between these two is counted */
void vm_step(struct guest *g, const char *what, const char *name);
void vm_step_end(struct guest *g);

#endif /* SPAPR_TCE_KVM_H */
