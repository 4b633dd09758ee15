// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of KVM that has the device. It has one virtual CPU, whose program is
 * a few instructions that make the hypercalls that a test asks for.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../../../kselftest.h"
#include "spapr_tce_kvm.h"

#define H_NONE			0x7f00	/* a hypercall that KVM does not have */

/* Bits of the machine state register: 64 bits, little-endian */
#define MSR_SF			0x8000000000000000ULL
#define MSR_LE			1ULL

#define CODE			0x1000	/* in the memory of the guest */

/*
 * H_NONE ends KVM_RUN, since only userspace can answer it. KVM then copies ret
 * and args[] of struct kvm_run to r3 to r12, so that the answer is the number
 * and the arguments of the next hypercall. Its status is in r4 when H_NONE
 * follows.
 */
static const uint32_t code[] = {
	0x38600000 | H_NONE,	/* 1: li  r3,H_NONE */
	0x44000022,		/*    sc  1 */
	0x44000022,		/*    sc  1 */
	0x7c641b78,		/*    mr  r4,r3 */
	0x4bfffff0,		/*    b   1b */
};

void vm_step(struct guest *g, const char *what, const char *name)
{
	tce_step(g->v.dev, "kvm %s: %s", name, what);
}

void vm_step_end(struct guest *g)
{
	tce_step_end(g->v.dev);
}

void *vm_va(struct guest *g, uint64_t gpa)
{
	return (uint8_t *)g->mem.va + gpa;
}

static int vm_enable_hcall(int vm, unsigned long nr)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PPC_ENABLE_HCALL,
		.args = { nr, 1 },
	};

	return tce_ioctl(vm, KVM_ENABLE_CAP, &cap);
}

int vm_slot(struct guest *g, int slot, uint64_t gpa, void *va, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)va,
	};

	return tce_ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int vm_make_vcpu(struct guest *g)
{
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	struct kvm_regs regs = {};
	int ret;

	memcpy(vm_va(g, CODE), code, sizeof(code));
	__builtin___clear_cache(vm_va(g, CODE),
				(char *)vm_va(g, CODE) + sizeof(code));
	ret = vm_slot(g, 0, 0, g->mem.va, g->mem.size);
	if (ret)
		return ret;

	g->vcpu = tce_ioctl(g->vm, KVM_CREATE_VCPU, NULL);
	if (g->vcpu < 0)
		return g->vcpu;
	ret = tce_ioctl(g->vcpu, KVM_ENABLE_CAP, &papr);
	if (ret)
		return ret;

	regs.pc = CODE;
	regs.msr = MSR_SF | (htole16(1) == 1 ? MSR_LE : 0);
	ret = tce_ioctl(g->vcpu, KVM_SET_REGS, &regs);
	if (ret)
		return ret;

	g->run_size = tce_ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	g->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      g->vcpu, 0);
	return g->run == MAP_FAILED ? -errno : 0;
}

int vm_new_table(struct guest *g, unsigned int shift, uint64_t start,
		 uint64_t size)
{
	struct kvm_create_spapr_tce_64 create = {
		.liobn = g->liobn + 1,
		.page_shift = shift,
		.offset = start >> shift,
		.size = size >> shift,
	};

	if (g->table >= 0)
		close(g->table);
	g->table = tce_ioctl(g->vm, KVM_CREATE_SPAPR_TCE_64, &create);
	if (g->table < 0)
		return g->table;
	g->liobn = create.liobn;

	return 0;
}

int vm_table(struct guest *g, unsigned int shift, uint64_t start, uint64_t size)
{
	int ret = vm_new_table(g, shift, start, size);

	return ret ?: vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, g->v.group);
}

static int vm_make_device(struct guest *g)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	int ret = tce_ioctl(g->vm, KVM_CREATE_DEVICE, &dev);

	g->dev = dev.fd;
	return ret;
}

/*
 * Nested KVM in QEMU 7.2 has been seen to lose, in KVM_RUN, floating point and
 * vector registers that a call must preserve. Compilers keep integers there.
 */
static void forget_registers(void)
{
	asm volatile("" : : : "fr14", "fr15", "fr16", "fr17", "fr18", "fr19",
		     "fr20", "fr21", "fr22", "fr23", "fr24", "fr25", "fr26",
		     "fr27", "fr28", "fr29", "fr30", "fr31", "v20", "v21",
		     "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
		     "v30", "v31");
}

static int vm_run(struct guest *g)
{
	int ret;

	do {
		ret = tce_ioctl(g->vcpu, KVM_RUN, NULL);
		forget_registers();
	} while (ret == -EINTR);
	if (ret)
		return ret;
	if (g->run->exit_reason != KVM_EXIT_PAPR_HCALL) {
		tce_log("the guest ended with %u", g->run->exit_reason);
		return -EIO;
	}
	return 0;
}

long vm_hcall(struct guest *g, uint64_t nr, uint64_t ioba, uint64_t tce,
	      uint64_t pages)
{
	bool left = false;
	int ret;

	g->run->papr_hcall.ret = nr;
	memset(g->run->papr_hcall.args, 0, sizeof(g->run->papr_hcall.args));
	g->run->papr_hcall.args[0] = g->liobn;
	g->run->papr_hcall.args[1] = ioba;
	g->run->papr_hcall.args[2] = tce;
	g->run->papr_hcall.args[3] = pages;
	for (;;) {
		ret = vm_run(g);
		if (ret)
			return -2000 + ret;
		if (g->run->papr_hcall.nr == H_NONE)
			return left ? LEFT : (long)g->run->papr_hcall.args[0];
		left = true;
	}
}

long vm_put(struct guest *g, uint64_t ioba, uint64_t tce)
{
	return vm_hcall(g, H_PUT_TCE, ioba, tce, 0);
}

long vm_put_list(struct guest *g, uint64_t ioba, uint64_t pages)
{
	return vm_hcall(g, H_PUT_TCE_INDIRECT, ioba, LIST, pages);
}

long vm_stuff(struct guest *g, uint64_t ioba, uint64_t pages)
{
	return vm_hcall(g, H_STUFF_TCE, ioba, 0, pages);
}

void vm_make_list(struct guest *g, uint64_t gpa, int n, uint64_t page)
{
	uint64_t *list = vm_va(g, LIST);
	int i;

	for (i = 0; i < n; i++)
		list[i] = htobe64((gpa + (n - 1 - i) * page) | 3);
}

int vm_try_list(struct guest *g, uint64_t gpa, int n, uint64_t page)
{
	static const int places[] = { 0, 1, 256, 511 };
	int i, j, ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(places); i++) {
		j = places[i] < n ? places[i] : n - 1;
		ret = tce_dma_ok(&g->v, g->start + (j + 1) * page - LEN,
				 vm_va(g, gpa + (n - j) * page - LEN), LEN);
	}
	return ret;
}

int vm_denied(struct guest *g, uint64_t iova, uint64_t gpa)
{
	return tce_dma_write_denied(&g->v, iova, vm_va(g, gpa), LEN, NULL);
}

int vm_attr(struct guest *g, unsigned long which, int fd)
{
	struct kvm_vfio_spapr_tce set = { .groupfd = fd, .tablefd = g->table };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = which,
		.addr = (uintptr_t)&fd,
	};

	if (which == KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE)
		attr.addr = (uintptr_t)&set;
	return tce_ioctl(g->dev, KVM_SET_DEVICE_ATTR, &attr);
}

bool vm_there(void)
{
	return !access("/dev/kvm", R_OK | W_OK);
}

int vm_boot(struct guest *g, uint64_t size)
{
	static const unsigned long nr[] = {
		H_PUT_TCE, H_PUT_TCE_INDIRECT, H_STUFF_TCE,
	};
	int i, ret;

	g->liobn = LIOBN;
	g->table = -1;
	g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (g->kvm < 0)
		return -errno;
	g->vm = tce_ioctl(g->kvm, KVM_CREATE_VM, NULL);
	if (g->vm < 0)
		return g->vm;
	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		ret = vm_enable_hcall(g->vm, nr[i]);
		if (ret)
			return ret;
	}
	ret = tce_mem_anon(&g->mem, size);
	if (ret)
		return ret;
	memset(g->mem.va, 0, g->mem.size);
	ret = vm_make_vcpu(g) ?: vm_make_device(g) ?: vm_run(g);
	if (ret)
		return ret;

	return g->run->papr_hcall.nr == H_NONE ? 0 : -EPROTO;
}

int vm_open(struct guest *g, unsigned int shift)
{
	int ret;

	g->locked_kb = tce_vmlck_kb();
	ret = vm_boot(g, MEM_SIZE);
	if (ret)
		return ret;

	ret = tce_vfio_open(&g->v, &tce_devs[0], 2);
	if (ret)
		return ret;
	g->start = tce_def_start(&g->v);
	ret = tce_register(g->v.container, g->mem.va, g->mem.size);
	if (ret)
		return ret;
	/* VFIO creates the default window at the first call that needs it */
	ret = tce_unmap(g->v.container, g->start, PAGE);
	if (ret)
		return ret;
	ret = vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group);
	if (ret)
		return ret;

	return vm_table(g, shift, g->start, tce_def_end(&g->v) - g->start);
}

void vm_end(struct guest *g)
{
	munmap(g->run, g->run_size);
	close(g->dev);
	close(g->table);
	close(g->vcpu);
	close(g->vm);
	close(g->kvm);
}

int vm_close(struct guest *g)
{
	int i;

	tce_vfio_close(&g->v);
	tce_mem_free(&g->mem);
	/* KVM frees its table after a grace period */
	for (i = 0; i < 600 && tce_vmlck_kb() != g->locked_kb; i++)
		usleep(100000);

	return tce_vmlck_kb() == g->locked_kb ? 0 : -EBUSY;
}
