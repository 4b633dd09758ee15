// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of KVM has the device: it writes TCEs by hypercalls, which KVM takes
 * to the window in the kernel. The guest is one virtual CPU and a few
 * instructions, that make whatever hypercall they are told to make.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define H_SUCCESS		0
#define H_PARAMETER		-4
#define H_PUT_TCE		0x20
#define H_STUFF_TCE		0x138
#define H_PUT_TCE_INDIRECT	0x13c
#define H_NONE			0x7f00	/* no hypervisor has it */

/* The kernel left the hypercall to us, as it does if it is too hard */
#define LEFT			-1000

#define MSR_SF			0x8000000000000000ULL
#define MSR_LE			1ULL

#define LIOBN			0x80001000
#define TCES			512	/* of a list */
#define PAGE			(4 * KiB)
#define LEN			1024

/* Guest memory: code, the list, and what is mapped */
#define CODE			0x1000
#define LIST			0x10000
#define DATA			(1 * MiB)
#define MEM_SIZE		(64 * MiB)
#define BEYOND			(256 * MiB)

/*
 * Between two hypercalls that only we can answer, one that the answer tells.
 * The kernel puts ret and args[] of struct kvm_run into r3 to r12.
 */
static const uint32_t code[] = {
	0x38600000 | H_NONE,	/* 1: li  r3,H_NONE */
	0x44000022,		/*    sc  1 */
	0x44000022,		/*    sc  1 */
	0x7c641b78,		/*    mr  r4,r3 */
	0x4bfffff0,		/*    b   1b */
};

struct guest {
	struct tce_vfio v;
	struct tce_mem mem;
	struct kvm_run *run;
	uint64_t start;
	size_t run_size;
	long locked_kb;
	int kvm, vm, vcpu, table, dev;
	uint64_t liobn;
};

static void begin(struct guest *g, const char *what, const char *name)
{
	tce_log("step kvm %s: %s", name, what);
	tce_mark(g->v.dev, TCE_MARK_STEP);
}

static void end(struct guest *g)
{
	tce_mark(g->v.dev, TCE_MARK_STEP_END);
}

static void *va(struct guest *g, uint64_t gpa)
{
	return (uint8_t *)g->mem.va + gpa;
}

static int enable_hcall(int vm, unsigned long nr)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PPC_ENABLE_HCALL,
		.args = { nr, 1 },
	};

	return tce_ioctl(vm, KVM_ENABLE_CAP, &cap);
}

static int make_vcpu(struct guest *g)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = g->mem.size,
		.userspace_addr = (uintptr_t)g->mem.va,
	};
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	struct kvm_regs regs = {};
	int ret;

	memcpy(va(g, CODE), code, sizeof(code));
	__builtin___clear_cache(va(g, CODE),
				(char *)va(g, CODE) + sizeof(code));
	ret = tce_ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &slot);
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

/* The guest's window is that of the container */
static int make_table(struct guest *g, unsigned int shift, uint64_t size)
{
	struct kvm_create_spapr_tce_64 create = {
		.liobn = LIOBN,
		.page_shift = shift,
		.offset = g->start >> shift,
		.size = size >> shift,
	};
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_vfio_spapr_tce set = { .groupfd = g->v.group };
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_GROUP };
	int32_t fd = g->v.group;
	int ret;

	g->table = tce_ioctl(g->vm, KVM_CREATE_SPAPR_TCE_64, &create);
	if (g->table < 0)
		return g->table;

	ret = tce_ioctl(g->vm, KVM_CREATE_DEVICE, &dev);
	if (ret)
		return ret;
	g->dev = dev.fd;

	attr.attr = KVM_DEV_VFIO_GROUP_ADD;
	attr.addr = (uintptr_t)&fd;
	ret = tce_ioctl(g->dev, KVM_SET_DEVICE_ATTR, &attr);
	if (ret)
		return ret;

	set.tablefd = g->table;
	attr.attr = KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE;
	attr.addr = (uintptr_t)&set;
	return tce_ioctl(g->dev, KVM_SET_DEVICE_ATTR, &attr);
}

/*
 * Nested in QEMU 7.2, KVM_RUN has been seen to lose floating point registers
 * that survive any call, and compilers keep integers there.
 */
static void forget_registers(void)
{
	asm volatile("" : : : "fr14", "fr15", "fr16", "fr17", "fr18", "fr19",
		     "fr20", "fr21", "fr22", "fr23", "fr24", "fr25", "fr26",
		     "fr27", "fr28", "fr29", "fr30", "fr31", "v20", "v21",
		     "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
		     "v30", "v31");
}

static int run(struct guest *g)
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

/* Has the guest make a hypercall: its status, or LEFT */
static long hcall(struct guest *g, uint64_t nr, uint64_t ioba, uint64_t tce,
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
		ret = run(g);
		if (ret)
			return -2000 + ret;
		if (g->run->papr_hcall.nr == H_NONE)
			return left ? LEFT : (long)g->run->papr_hcall.args[0];
		left = true;
	}
}

/* A list of so many pages from an address on, the last one first */
static void make_list(struct guest *g, uint64_t gpa, int n, uint64_t page)
{
	uint64_t *list = va(g, LIST);
	int i;

	for (i = 0; i < n; i++)
		list[i] = htobe64((gpa + (n - 1 - i) * page) | 3);
}

/* Is it what that list maps? */
static int try_list(struct guest *g, uint64_t gpa, int n, uint64_t page)
{
	static const int places[] = { 0, 1, 256, 511 };
	int i, j, ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(places); i++) {
		j = places[i] < n ? places[i] : n - 1;
		ret = tce_dma_ok(&g->v, g->start + (j + 1) * page - LEN,
				 va(g, gpa + (n - j) * page - LEN), LEN);
	}
	return ret;
}

static int denied(struct guest *g, uint64_t iova, uint64_t gpa)
{
	return tce_dma_write_denied(&g->v, iova, va(g, gpa), LEN, NULL);
}

FIXTURE(kvm) {
	struct guest g;
};

FIXTURE_VARIANT(kvm) {
	const char *name;
	unsigned int shift;		/* page size that the guest is told */
};

FIXTURE_VARIANT_ADD(kvm, 4k) { .name = "4K", .shift = 12 };
FIXTURE_VARIANT_ADD(kvm, 64k) { .name = "64K", .shift = 16 };

FIXTURE_SETUP(kvm)
{
	struct guest *g = &self->g;
	uint64_t size;

	g->locked_kb = tce_vmlck_kb();
	g->liobn = LIOBN;
	g->kvm = open("/dev/kvm", O_RDWR);
	if (g->kvm < 0)
		SKIP(return, "no KVM");
	g->vm = tce_ioctl(g->kvm, KVM_CREATE_VM, NULL);
	ASSERT_LE(0, g->vm);
	ASSERT_EQ(0, enable_hcall(g->vm, H_PUT_TCE));
	ASSERT_EQ(0, enable_hcall(g->vm, H_PUT_TCE_INDIRECT));
	ASSERT_EQ(0, enable_hcall(g->vm, H_STUFF_TCE));
	ASSERT_EQ(0, tce_mem_anon(&g->mem, MEM_SIZE));
	memset(g->mem.va, 0, g->mem.size);
	ASSERT_EQ(0, make_vcpu(g));

	ASSERT_EQ(0, tce_vfio_open(&g->v, &tce_devs[0], 2));
	g->start = tce_def_start(&g->v);
	size = tce_def_end(&g->v) - g->start;
	ASSERT_EQ(0, tce_register(g->v.container, g->mem.va,
				  g->mem.size));
	/* The default window comes with the first call that needs it */
	ASSERT_EQ(0, tce_unmap(g->v.container, g->start, PAGE));
	ASSERT_EQ(0, make_table(g, variant->shift, size));
	ASSERT_EQ(0, run(g));
	ASSERT_EQ(H_NONE, g->run->papr_hcall.nr);
}

static void end_vm(struct guest *g)
{
	munmap(g->run, g->run_size);
	close(g->dev);
	close(g->table);
	close(g->vcpu);
	close(g->vm);
	close(g->kvm);
}

FIXTURE_TEARDOWN(kvm)
{
	struct guest *g = &self->g;
	int i;

	tce_vfio_close(&g->v);
	tce_mem_free(&g->mem);
	/* KVM drops its table after a grace period */
	for (i = 0; i < 50 && tce_vmlck_kb() != g->locked_kb; i++)
		usleep(100000);
	EXPECT_EQ(g->locked_kb, tce_vmlck_kb());
}

/* QEMU does not try without */
TEST_F(kvm, announced)
{
	struct guest *g = &self->g;

	EXPECT_EQ(1, ioctl(g->vm, KVM_CHECK_EXTENSION, KVM_CAP_SPAPR_TCE_VFIO));
	end_vm(g);
}

TEST_F_TIMEOUT(kvm, lists, 60)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, other = DATA + TCES * page / 2;

	/* 32 MiB, and the same number of other pages */
	make_list(g, DATA, TCES, page);
	begin(g, "list of 512", variant->name);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start,
				   LIST, TCES));
	end(g);
	EXPECT_EQ(0, try_list(g, DATA, TCES, page));
	EXPECT_EQ(-EBUSY, tce_unregister(g->v.container, g->mem.va,
					 g->mem.size));

	make_list(g, other, TCES, page);
	begin(g, "list of 512 over 512", variant->name);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start,
				   LIST, TCES));
	end(g);
	EXPECT_EQ(0, try_list(g, other, TCES, page));

	begin(g, "stuff 512", variant->name);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_STUFF_TCE, g->start, 0, TCES));
	end(g);
	EXPECT_EQ(0, denied(g, g->start, other + (TCES - 1) * page));
	EXPECT_EQ(0, denied(g, g->start + (TCES - 1) * page, other));

	/* Nothing is counted as mapped any more */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	end_vm(g);
}

TEST_F(kvm, single_pages)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t at = g->start + 7 * page;

	begin(g, "put one", variant->name);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, at, DATA | 3, 0));
	end(g);
	EXPECT_EQ(0, tce_dma_ok(&g->v, at + page - LEN,
				va(g, DATA + page - LEN), LEN));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, at, (DATA + page) | 3, 0));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at, va(g, DATA + page), LEN));
	begin(g, "put zero", variant->name);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, at, 0, 0));
	end(g);
	EXPECT_EQ(0, denied(g, at, DATA + page));

	/* Clearing what is clear, and a list of one */
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, at, 0, 0));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_STUFF_TCE, at, 0, 3));
	make_list(g, DATA, 1, page);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, at, LIST, 1));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at, va(g, DATA), LEN));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_STUFF_TCE, at, 0, 1));
	EXPECT_EQ(0, denied(g, at, DATA));
	end_vm(g);
}

/* Entries of a list that allow nothing clear what was there, or do nothing */
TEST_F(kvm, zeroes_in_a_list)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, *list = va(g, LIST);

	make_list(g, DATA, TCES, page);
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
				   TCES / 2));
	list[1] = 0;
	list[TCES - 1] = 0;
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
				   TCES));
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start,
				va(g, DATA + (TCES - 1) * page), LEN));
	EXPECT_EQ(0, denied(g, g->start + page, DATA + (TCES - 2) * page));
	EXPECT_EQ(0, denied(g, g->start + (TCES - 1) * page, DATA));

	memset(list, 0, TCES * sizeof(*list));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
				   TCES));
	EXPECT_EQ(0, denied(g, g->start, DATA + (TCES - 1) * page));
	/* Nothing is counted as mapped any more */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	end_vm(g);
}

/* A wrong call changes nothing, wherever in a list the mistake is */
TEST_F(kvm, mistakes)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, *list = va(g, LIST);
	uint64_t end = tce_def_end(&g->v);

	make_list(g, DATA, TCES, page);
	EXPECT_EQ(H_PARAMETER, hcall(g, H_PUT_TCE_INDIRECT, g->start,
				     LIST, TCES + 1));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_PUT_TCE_INDIRECT, g->start,
				     LIST + 8, 2));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_PUT_TCE_INDIRECT, end - page,
				     LIST, 2));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_PUT_TCE, end, DATA | 3, 0));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_STUFF_TCE, end - page, 0, 2));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_STUFF_TCE, g->start, 3, 2));

	/* No memory of the guest: the kernel leaves that to us */
	list[300] = htobe64(BEYOND | 3);
	EXPECT_EQ(LEFT, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
			      TCES));
	EXPECT_EQ(LEFT, hcall(g, H_PUT_TCE, g->start, BEYOND | 3, 0));
	EXPECT_EQ(0, denied(g, g->start, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, denied(g, g->start + 299 * page,
			    DATA + (TCES - 1 - 299) * page));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	end_vm(g);
}

/* What the guest has mapped goes by VFIO as well, while KVM still has it */
TEST_F(kvm, vfio_takes_it_away)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t at = g->start;

	make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, at, LIST, TCES));
	EXPECT_EQ(0, try_list(g, DATA, TCES, page));
	EXPECT_EQ(0, tce_unmap(g->v.container, at, TCES * page));
	EXPECT_EQ(0, denied(g, at, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	ASSERT_EQ(0, tce_register(g->v.container, g->mem.va,
				  g->mem.size));

	if (tce_is_powernv()) {
		tce_log("PowerNV has the table for as long as KVM");
		end_vm(g);
		return;
	}
	ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, at, LIST, TCES));
	ASSERT_EQ(0, tce_remove(g->v.container, at));
	EXPECT_EQ(0, denied(g, at, DATA + (TCES - 1) * page));
	EXPECT_NE(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, at, LIST, TCES));
	EXPECT_EQ(0, denied(g, at, DATA + (TCES - 1) * page));
	end_vm(g);
}

static int vfio_attr(struct guest *g, unsigned long which, int fd)
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

/*
 * Said twice or not at all, a group that goes is no longer the guest's: its
 * window gets none of what the guest writes.
 */
TEST_F(kvm, group_goes)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	int i, n;

	for (i = 1; i < 4; i++) {
		ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start, DATA | 3,
					   0));
		EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, va(g, DATA), LEN));
		ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start, 0, 0));
		ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
		EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start,
					   (DATA + page) | 3, 0));
		EXPECT_EQ(0, denied(g, g->start, DATA + page));
		EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start, 0, 0));
		EXPECT_EQ(-ENOENT, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL,
					     g->v.group));
		ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
		for (n = 0; n < i; n++)
			ASSERT_EQ(0, vfio_attr(g,
					       KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
					       g->v.group));
	}
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	end_vm(g);
}

/* Nobody has told KVM which table the group belongs to */
TEST_F(kvm, group_goes_without_a_table)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
	EXPECT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
	end_vm(g);
}

/* Tables whose end is before their start, or whose size is more than there is */
TEST_F(kvm, tables_that_cannot_be)
{
	static const struct {
		uint32_t shift;
		uint64_t offset;
		uint64_t size;
	} bad[] = {
		{ 12, 0, 0 },
		{ 11, 0, 16 },
		{ 35, 0, 16 },
		{ 12, 1, ~0ULL },
		{ 12, 1ULL << 51, ~0ULL - (1ULL << 51) + 1 },
		{ 12, ~0ULL, 1 },
		{ 12, ~0ULL, 2 },
		{ 12, 0, ~0ULL },
		{ 12, 0, 1ULL << 61 },
		{ 12, 0, (1ULL << 61) + 1 },
		{ 12, 1ULL << 52, 16 },
		{ 34, 1ULL << 30, 16 },
	};
	struct guest *g = &self->g;
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kvm_create_spapr_tce_64 create = {
			.liobn = LIOBN + 1 + i,
			.page_shift = bad[i].shift,
			.offset = bad[i].offset,
			.size = bad[i].size,
		};

		fd = tce_ioctl(g->vm, KVM_CREATE_SPAPR_TCE_64, &create);
		EXPECT_TRUE(fd == -EINVAL || fd == -ENOMEM) {
			TH_LOG("table %d: %d", i, fd);
		}
		if (fd >= 0)
			close(fd);
	}
	end_vm(g);
}

/* All that the window has, and more than that */
TEST_F_TIMEOUT(kvm, stuff_all, 60)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t pages = (tce_def_end(&g->v) - g->start) / page;

	make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
				   TCES));
	ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT,
				   g->start + (pages - TCES) * page, LIST,
				   TCES));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_STUFF_TCE, g->start, 0, pages + 1));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_STUFF_TCE, g->start + page, 0,
				     pages));
	EXPECT_EQ(H_PARAMETER, hcall(g, H_STUFF_TCE, g->start, 0, ~0ULL));
	EXPECT_EQ(0, try_list(g, DATA, TCES, page));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_STUFF_TCE, g->start, 0, pages));
	EXPECT_EQ(0, denied(g, g->start, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, denied(g, g->start + (pages - 1) * page, DATA));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	end_vm(g);
}

/* The user leaves, and the host may have the device: the guest reaches nothing */
TEST_F(kvm, guest_outlives_the_group)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	struct edu edu = {};

	make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST,
				   TCES));
	EXPECT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	tce_vfio_close(&g->v);
	/* For KVM it is a table without a window, or with none of its own */
	hcall(g, H_PUT_TCE, g->start, DATA | 3, 0);
	hcall(g, H_PUT_TCE_INDIRECT, g->start, LIST, TCES);
	if (tce_devs[0].edu && !edu_open_sysfs(&edu, tce_devs[0].bdf)) {
		memset(va(g, DATA), 0xa5, LEN);
		memset(va(g, DATA + (TCES - 1) * page), 0xa5, LEN);
		EXPECT_EQ(0, edu_dma_write(&edu, g->start, LEN));
		EXPECT_EQ(0xa5, *(uint8_t *)va(g, DATA));
		EXPECT_EQ(0xa5, *(uint8_t *)va(g, DATA + (TCES - 1) * page));
		edu_close(&edu);
	}
	end_vm(g);
}

/*
 * I/O pages that are larger than the pages of the guest's memory: userspace is
 * to answer, the device must not reach the neighbours of a page.
 */
TEST_F(kvm, large_pages_over_small_memory)
{
	struct kvm_create_spapr_tce_64 create = {
		.liobn = LIOBN + 1,
		.page_shift = 21,
		.size = GiB >> 21,
	};
	struct guest *g = &self->g;
	uint64_t start, gpa = 16 * MiB;

	if (variant->shift != 12 || !tce_has_shift(&g->v, 21)) {
		end_vm(g);
		SKIP(return, "no 2M pages, or another variant has done it");
	}
	ASSERT_EQ(0, tce_create(g->v.container, 21, GiB, 1, &start));
	create.offset = start >> 21;
	close(g->table);
	g->table = tce_ioctl(g->vm, KVM_CREATE_SPAPR_TCE_64, &create);
	ASSERT_LE(0, g->table);
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
			       g->v.group));
	g->liobn = LIOBN + 1;
	EXPECT_EQ(LEFT, hcall(g, H_PUT_TCE, start, gpa | 3, 0));
	make_list(g, gpa, 2, 2 * MiB);
	EXPECT_EQ(LEFT, hcall(g, H_PUT_TCE_INDIRECT, start, LIST, 2));
	EXPECT_EQ(0, denied(g, start, gpa));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	end_vm(g);
}

/* Two groups of one container, and one table of the guest for both */
TEST_F(kvm, two_groups)
{
	const struct tce_dev *dev = NULL;
	struct guest *g = &self->g;
	struct tce_vfio w = g->v;
	int i;

	for (i = 1; i < tce_ndevs && !dev; i++)
		if (tce_devs[i].group != tce_devs[0].group)
			dev = &tce_devs[i];
	if (!dev) {
		end_vm(g);
		SKIP(return, "only one group");
	}
	w.dev = dev;
	w.group = tce_open_group(dev);
	ASSERT_LE(0, w.group);
	ASSERT_EQ(0, tce_ioctl(w.group, VFIO_GROUP_SET_CONTAINER,
			       &w.container));
	w.device = tce_open_device(w.group, dev);
	ASSERT_LE(0, w.device);
	if (dev->edu)
		ASSERT_EQ(0, edu_open(&w.edu, w.device));
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_ADD, w.group));
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, w.group));

	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start, DATA | 3, 0));
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, va(g, DATA), LEN));
	EXPECT_EQ(0, tce_dma_ok(&w, g->start, va(g, DATA), LEN));

	/* One goes, the other is as it was */
	ASSERT_EQ(0, vfio_attr(g, KVM_DEV_VFIO_GROUP_DEL, w.group));
	edu_close(&w.edu);
	close(w.device);
	close(w.group);
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, va(g, DATA), LEN));
	EXPECT_EQ(H_SUCCESS, hcall(g, H_PUT_TCE, g->start, 0, 0));
	EXPECT_EQ(0, denied(g, g->start, DATA));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	end_vm(g);
}

int main(int argc, char **argv)
{
	tce_begin(true);
	return test_harness_run(argc, argv);
}
