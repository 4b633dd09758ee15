// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of KVM has the device. It writes TCEs by hypercalls, and KVM writes
 * them to the window in the kernel.
 */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "../../kselftest_harness.h"
#include "spapr_tce_kvm.h"

FIXTURE(kvm) {
	struct guest g;
};

FIXTURE_VARIANT(kvm) {
	const char *name;
	unsigned int shift;		/* of the guest's table */
};

FIXTURE_VARIANT_ADD(kvm, 4k) { .name = "4K", .shift = 12 };
FIXTURE_VARIANT_ADD(kvm, 64k) { .name = "64K", .shift = 16 };

FIXTURE_SETUP(kvm)
{
	struct guest *g = &self->g;

	if (!vm_there())
		SKIP(return, "no KVM");
	ASSERT_EQ(0, vm_open(g, variant->shift));
}

FIXTURE_TEARDOWN(kvm)
{
	EXPECT_EQ(0, vm_close(&self->g));
}

/* QEMU uses none of this unless KVM has the extension */
TEST_F(kvm, announced)
{
	struct guest *g = &self->g;

	EXPECT_EQ(1, ioctl(g->vm, KVM_CHECK_EXTENSION, KVM_CAP_SPAPR_TCE_VFIO));
	vm_end(g);
}

TEST_F_TIMEOUT(kvm, lists, 60)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, other = DATA + TCES * page / 2;

	/* A list of pages, and then one of other pages over it */
	vm_make_list(g, DATA, TCES, page);
	vm_step(g, "list of 512", variant->name);
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	vm_step_end(g);
	EXPECT_EQ(0, vm_try_list(g, DATA, TCES, page));
	EXPECT_EQ(-EBUSY, tce_unregister(g->v.container, g->mem.va,
					 g->mem.size));

	vm_make_list(g, other, TCES, page);
	vm_step(g, "list of 512 over 512", variant->name);
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	vm_step_end(g);
	EXPECT_EQ(0, vm_try_list(g, other, TCES, page));

	vm_step(g, "stuff 512", variant->name);
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, g->start, TCES));
	vm_step_end(g);
	EXPECT_EQ(0, vm_denied(g, g->start, other + (TCES - 1) * page));
	EXPECT_EQ(0, vm_denied(g, g->start + (TCES - 1) * page, other));

	/* Nothing is counted as mapped any more */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	vm_end(g);
}

TEST_F(kvm, single_pages)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t at = g->start + 7 * page;

	vm_step(g, "put one", variant->name);
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, DATA | 3));
	vm_step_end(g);
	EXPECT_EQ(0, tce_dma_ok(&g->v, at + page - LEN,
				vm_va(g, DATA + page - LEN), LEN));
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, (DATA + page) | 3));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at, vm_va(g, DATA + page), LEN));
	vm_step(g, "put zero", variant->name);
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, 0));
	vm_step_end(g);
	EXPECT_EQ(0, vm_denied(g, at, DATA + page));

	/* Entries that are clear are cleared; then a list of one entry */
	EXPECT_EQ(H_SUCCESS, vm_put(g, at, 0));
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, at, 3));
	vm_make_list(g, DATA, 1, page);
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, at, 1));
	EXPECT_EQ(0, tce_dma_ok(&g->v, at, vm_va(g, DATA), LEN));
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, at, 1));
	EXPECT_EQ(0, vm_denied(g, at, DATA));
	vm_end(g);
}

/* Entries of a list that are 0 clear an entry, or do nothing if it is clear */
TEST_F(kvm, zeroes_in_a_list)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, *list = vm_va(g, LIST);

	vm_make_list(g, DATA, TCES, page);
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES / 2));
	list[1] = 0;
	list[TCES - 1] = 0;
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start,
				vm_va(g, DATA + (TCES - 1) * page), LEN));
	EXPECT_EQ(0, vm_denied(g, g->start + page, DATA + (TCES - 2) * page));
	EXPECT_EQ(0, vm_denied(g, g->start + (TCES - 1) * page, DATA));

	memset(list, 0, TCES * sizeof(*list));
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	EXPECT_EQ(0, vm_denied(g, g->start, DATA + (TCES - 1) * page));
	/* Nothing is counted as mapped any more */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* A wrong hypercall changes nothing, wherever in a list the mistake is */
TEST_F(kvm, mistakes)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift, *list = vm_va(g, LIST);
	uint64_t end = tce_def_end(&g->v);

	vm_make_list(g, DATA, TCES, page);
	EXPECT_EQ(H_PARAMETER, vm_put_list(g, g->start, TCES + 1));
	EXPECT_EQ(H_PARAMETER, vm_hcall(g, H_PUT_TCE_INDIRECT, g->start,
					LIST + 8, 2));
	EXPECT_EQ(H_PARAMETER, vm_put_list(g, end - page, 2));
	EXPECT_EQ(H_PARAMETER, vm_put(g, end, DATA | 3));
	EXPECT_EQ(H_PARAMETER, vm_stuff(g, end - page, 2));
	EXPECT_EQ(H_PARAMETER, vm_hcall(g, H_STUFF_TCE, g->start, 3, 2));

	/*
	 * Not memory of the guest: the kernel leaves the hypercall to userspace
	 */
	list[300] = htobe64(BEYOND | 3);
	EXPECT_EQ(LEFT, vm_put_list(g, g->start, TCES));
	EXPECT_EQ(LEFT, vm_put(g, g->start, BEYOND | 3));
	EXPECT_EQ(0, vm_denied(g, g->start, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, vm_denied(g, g->start + 299 * page,
			       DATA + (TCES - 1 - 299) * page));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	vm_end(g);
}

/*
 * VFIO unmaps memory that the guest has mapped, while KVM still has the table
 */
TEST_F(kvm, vfio_takes_it_away)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t at = g->start;

	vm_make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	EXPECT_EQ(0, vm_try_list(g, DATA, TCES, page));
	EXPECT_EQ(0, tce_unmap(g->v.container, at, TCES * page));
	EXPECT_EQ(0, vm_denied(g, at, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va,
				    g->mem.size));
	ASSERT_EQ(0, tce_register(g->v.container, g->mem.va,
				  g->mem.size));

	ASSERT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	ASSERT_EQ(0, tce_remove(g->v.container, at));
	EXPECT_EQ(0, vm_denied(g, at, DATA + (TCES - 1) * page));
	/* For KVM this is a table without a window now */
	EXPECT_EQ(H_SUCCESS, vm_put_list(g, at, TCES));
	EXPECT_EQ(0, vm_denied(g, at, DATA + (TCES - 1) * page));
	/* Nothing is counted as mapped any more */
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/*
 * A group that has been removed from KVM is no longer the guest's: the guest
 * writes nothing to its window, however often the table was attached to it.
 */
TEST_F(kvm, group_goes)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	int i, n;

	for (i = 1; i < 4; i++) {
		ASSERT_EQ(H_SUCCESS, vm_put(g, g->start, DATA | 3));
		EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, vm_va(g, DATA), LEN));
		ASSERT_EQ(H_SUCCESS, vm_put(g, g->start, 0));
		ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
		EXPECT_EQ(H_SUCCESS, vm_put(g, g->start, (DATA + page) | 3));
		EXPECT_EQ(0, vm_denied(g, g->start, DATA + page));
		EXPECT_EQ(H_SUCCESS, vm_put(g, g->start, 0));
		EXPECT_EQ(-ENOENT, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL,
					   g->v.group));
		ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
		for (n = 0; n < i; n++)
			ASSERT_EQ(0, vm_attr(g,
					     KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
					     g->v.group));
	}
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* A group is removed that no table was attached to */
TEST_F(kvm, group_goes_without_a_table)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
	EXPECT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, g->v.group));
	vm_end(g);
}

/* Tables whose end is before their start, or that are too large */
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
	vm_end(g);
}

/* All entries of the window, and more than that */
TEST_F_TIMEOUT(kvm, stuff_all, 60)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	uint64_t pages = (tce_def_end(&g->v) - g->start) / page;

	vm_make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, g->start + (pages - TCES) * page,
					 TCES));
	EXPECT_EQ(H_PARAMETER, vm_stuff(g, g->start, pages + 1));
	EXPECT_EQ(H_PARAMETER, vm_stuff(g, g->start + page, pages));
	EXPECT_EQ(H_PARAMETER, vm_stuff(g, g->start, ~0ULL));
	EXPECT_EQ(0, vm_try_list(g, DATA, TCES, page));
	EXPECT_EQ(H_SUCCESS, vm_stuff(g, g->start, pages));
	EXPECT_EQ(0, vm_denied(g, g->start, DATA + (TCES - 1) * page));
	EXPECT_EQ(0, vm_denied(g, g->start + (pages - 1) * page, DATA));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* VFIO's descriptors are closed, and the guest goes on: it reaches nothing */
TEST_F(kvm, guest_outlives_the_group)
{
	struct guest *g = &self->g;
	uint64_t page = 1ULL << variant->shift;
	struct edu edu = {};

	vm_make_list(g, DATA, TCES, page);
	ASSERT_EQ(H_SUCCESS, vm_put_list(g, g->start, TCES));
	EXPECT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, g->v.group));
	tce_vfio_close(&g->v);
	/* For KVM this is a table without a window now */
	vm_put(g, g->start, DATA | 3);
	vm_put_list(g, g->start, TCES);
	if (tce_devs[0].edu && !edu_open_sysfs(&edu, tce_devs[0].bdf)) {
		memset(vm_va(g, DATA), 0xa5, LEN);
		memset(vm_va(g, DATA + (TCES - 1) * page), 0xa5, LEN);
		EXPECT_EQ(0, edu_dma_write(&edu, g->start, LEN));
		EXPECT_EQ(0xa5, *(uint8_t *)vm_va(g, DATA));
		EXPECT_EQ(0xa5, *(uint8_t *)vm_va(g, DATA + (TCES - 1) * page));
		edu_close(&edu);
	}
	vm_end(g);
}

/*
 * I/O pages are larger than the pages of the guest's memory. Userspace has to
 * answer these hypercalls: the device must not reach the neighbours of a page.
 */
TEST_F(kvm, large_pages_over_small_memory)
{
	struct guest *g = &self->g;
	uint64_t start, gpa = 16 * MiB;

	if (variant->shift != 12 || !tce_has_shift(&g->v, 21)) {
		vm_end(g);
		SKIP(return, "no 2M pages, or another variant has done it");
	}
	ASSERT_EQ(0, tce_create(g->v.container, 21, GiB, 1, &start));
	ASSERT_EQ(0, vm_table(g, 21, start, GiB));
	EXPECT_EQ(LEFT, vm_put(g, start, gpa | 3));
	vm_make_list(g, gpa, 2, 2 * MiB);
	EXPECT_EQ(LEFT, vm_put_list(g, start, 2));
	EXPECT_EQ(0, vm_denied(g, start, gpa));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

/* The only source of the interrupt controller that KVM emulates */
#define SOURCE			0x1000

static int make_xics(struct guest *g)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_XICS };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_IRQ_XICS };
	/* Server 0, priority 5, an edge */
	uint64_t state = 5ULL << KVM_XICS_PRIORITY_SHIFT;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_XICS_GRP_SOURCES,
		.attr = SOURCE,
		.addr = (uintptr_t)&state,
	};
	int ret = tce_ioctl(g->vm, KVM_CREATE_DEVICE, &dev);

	if (ret)
		return ret;
	cap.args[0] = dev.fd;
	ret = tce_ioctl(g->vcpu, KVM_ENABLE_CAP, &cap);
	if (!ret)
		ret = tce_ioctl(dev.fd, KVM_SET_DEVICE_ATTR, &attr);
	return ret ?: (int)dev.fd;
}

/* The source that is pending for the guest, or 0 */
static uint32_t pending(struct guest *g)
{
	uint64_t icp = 0;
	struct kvm_one_reg reg = {
		.id = KVM_REG_PPC_ICP_STATE,
		.addr = (uintptr_t)&icp,
	};

	if (tce_ioctl(g->vcpu, KVM_GET_ONE_REG, &reg))
		return 0;
	return icp >> KVM_REG_PPC_ICP_XISR_SHIFT & KVM_REG_PPC_ICP_XISR_MASK;
}

/* The guest takes interrupts of any priority */
static int accept_all(struct guest *g)
{
	uint64_t icp = 0xffULL << KVM_REG_PPC_ICP_CPPR_SHIFT |
		       0xffULL << KVM_REG_PPC_ICP_MFRR_SHIFT |
		       0xffULL << KVM_REG_PPC_ICP_PPRI_SHIFT;
	struct kvm_one_reg reg = {
		.id = KVM_REG_PPC_ICP_STATE,
		.addr = (uintptr_t)&icp,
	};

	return tce_ioctl(g->vcpu, KVM_SET_ONE_REG, &reg);
}

static int set_trigger(struct guest *g, int trigger)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irqs = {
		.set = {
			.argsz = sizeof(irqs),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = 1,
		},
		.fd = trigger,
	};

	return tce_ioctl(g->v.device, VFIO_DEVICE_SET_IRQS, &irqs);
}

/*
 * The device's interrupt reaches the guest by an irqfd. In a partition the host
 * gets it from its hypervisor, so that KVM cannot bypass the host. The kernel
 * must not log that.
 */
TEST_F(kvm, interrupts)
{
	struct guest *g = &self->g;
	struct kvm_irqfd irqfd = { .gsi = SOURCE };
	int i, xics, kmsg, trigger;

	xics = make_xics(g);
	if (xics < 0 || !g->v.dev->edu) {
		vm_end(g);
		SKIP(return, "KVM has no XICS here: %s", strerror(-xics));
	}
	ASSERT_EQ(0, accept_all(g));
	kmsg = tce_kmsg_open();
	ASSERT_LE(0, kmsg);
	trigger = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, trigger);
	irqfd.fd = trigger;
	ASSERT_EQ(0, tce_ioctl(g->vm, KVM_IRQFD, &irqfd));
	ASSERT_EQ(0, set_trigger(g, trigger));
	EXPECT_EQ(0, pending(g));
	edu_interrupt(&g->v.edu);
	for (i = 0; i < 100 && !pending(g); i++)
		usleep(10000);
	EXPECT_EQ(SOURCE, pending(g));
	ASSERT_EQ(0, set_trigger(g, -1));
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, tce_ioctl(g->vm, KVM_IRQFD, &irqfd));
	EXPECT_EQ(0, tce_kmsg_lines(kmsg, TCE_KMSG_INFO));
	close(kmsg);
	close(trigger);
	close(xics);
	vm_end(g);
}

/* Two groups are in one container, and one table of the guest is for both */
TEST_F(kvm, two_groups)
{
	const struct tce_dev *dev = tce_second_group();
	struct guest *g = &self->g;
	struct tce_vfio w;

	if (!dev) {
		vm_end(g);
		SKIP(return, "only one group");
	}
	ASSERT_EQ(0, tce_join(&w, &g->v, dev));
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_ADD, w.group));
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, w.group));

	EXPECT_EQ(H_SUCCESS, vm_put(g, g->start, DATA | 3));
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, vm_va(g, DATA), LEN));
	EXPECT_EQ(0, tce_dma_ok(&w, g->start, vm_va(g, DATA), LEN));

	/* One group leaves, and the other works as before */
	ASSERT_EQ(0, vm_attr(g, KVM_DEV_VFIO_GROUP_DEL, w.group));
	tce_leave(&w);
	EXPECT_EQ(0, tce_dma_ok(&g->v, g->start, vm_va(g, DATA), LEN));
	EXPECT_EQ(H_SUCCESS, vm_put(g, g->start, 0));
	EXPECT_EQ(0, vm_denied(g, g->start, DATA));
	EXPECT_EQ(0, tce_unregister(g->v.container, g->mem.va, g->mem.size));
	vm_end(g);
}

TCE_MAIN(true)
