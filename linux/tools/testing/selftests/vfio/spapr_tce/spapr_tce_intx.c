// SPDX-License-Identifier: GPL-2.0
/*
 * The level interrupt of a device. VFIO masks it when it has fired: in the
 * device if the device can do that, or at the interrupt controller, as
 * vfio-pci's option nointxmask always does. The user serves the device, and
 * unmasks the interrupt.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "../../kselftest_harness.h"
#include "spapr_tce.h"

#define ROUNDS		20

/*
 * How long to wait for an interrupt that must come, or must not, in
 * milliseconds
 */
#define SOON		3000
#define NEVER		200

struct ctx {
	struct tce_vfio v;
	int fired;
	int unmask;
};

FIXTURE(intx) {
	struct ctx c;
};

static int set_irq(struct ctx *c, uint32_t flags, int fd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = {
			.argsz = fd < 0 ? sizeof(irq.set) : sizeof(irq),
			.flags = flags,
			.index = VFIO_PCI_INTX_IRQ_INDEX,
			/*
			 * a trigger without an eventfd: no interrupts any more
			 */
			.count = fd >= 0 ||
				 !(flags & VFIO_IRQ_SET_ACTION_TRIGGER),
		},
		.fd = fd,
	};

	return tce_ioctl(c->v.device, VFIO_DEVICE_SET_IRQS, &irq);
}

static int mask(struct ctx *c)
{
	return set_irq(c, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
		       -1);
}

static int unmask(struct ctx *c)
{
	return set_irq(c, VFIO_IRQ_SET_DATA_NONE |
		       VFIO_IRQ_SET_ACTION_UNMASK, -1);
}

/* How often the interrupt fires: once at most, since it is masked then */
static int fired(struct ctx *c, int ms)
{
	struct pollfd p = { .fd = c->fired, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, ms) != 1)
		return 0;
	return read(c->fired, &n, sizeof(n)) == sizeof(n) ? n : -errno;
}

/*
 * An interrupt that was under way when the line was lowered may fire once,
 * after it is unmasked. No other one follows.
 */
static int fires_again(struct ctx *c)
{
	int ret = fired(c, NEVER);

	if (ret == 1)
		ret = unmask(c) ?: fired(c, NEVER);
	return ret;
}

FIXTURE_SETUP(intx)
{
	struct ctx *c = &self->c;

	if (!tce_devs[0].edu)
		SKIP(return, "the device must be told to raise interrupts");
	ASSERT_EQ(0, tce_vfio_open(&c->v, &tce_devs[0], 2));
	c->fired = eventfd(0, EFD_CLOEXEC);
	c->unmask = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, c->fired);
	ASSERT_LE(0, c->unmask);
	ASSERT_EQ(0, set_irq(c, VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_TRIGGER, c->fired));
}

FIXTURE_TEARDOWN(intx)
{
	struct ctx *c = &self->c;

	edu_ack(&c->v.edu);
	close(c->fired);
	close(c->unmask);
	tce_vfio_close(&c->v);
}

TEST_F_TIMEOUT(intx, again_and_again, 120)
{
	struct ctx *c = &self->c;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		edu_raise(&c->v.edu);
		ASSERT_EQ(1, fired(c, SOON)) TH_LOG("round %d", i);
		edu_ack(&c->v.edu);
		ASSERT_EQ(0, unmask(c));
	}
	EXPECT_EQ(0, fires_again(c));
}

TEST_F_TIMEOUT(intx, unmasked_by_eventfd, 120)
{
	struct ctx *c = &self->c;
	uint64_t one = 1;
	int i;

	ASSERT_EQ(0, set_irq(c, VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_UNMASK, c->unmask));
	for (i = 0; i < ROUNDS; i++) {
		edu_raise(&c->v.edu);
		ASSERT_EQ(1, fired(c, SOON)) TH_LOG("round %d", i);
		edu_ack(&c->v.edu);
		ASSERT_EQ(sizeof(one), write(c->unmask, &one, sizeof(one)));
	}
	EXPECT_EQ(0, fires_again(c));
}

/* It does not fire while it is masked, and fires again if it is not served */
TEST_F_TIMEOUT(intx, served_late, 120)
{
	struct ctx *c = &self->c;
	int i;

	edu_raise(&c->v.edu);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, fired(c, SOON)) TH_LOG("round %d", i);
		EXPECT_EQ(0, fired(c, i ? 0 : NEVER));
		ASSERT_EQ(0, unmask(c));
	}
	EXPECT_EQ(1, fired(c, SOON));
	edu_ack(&c->v.edu);
	ASSERT_EQ(0, unmask(c));
	EXPECT_EQ(0, fires_again(c));
}

TEST_F_TIMEOUT(intx, raised_while_masked, 120)
{
	struct ctx *c = &self->c;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, mask(c));
		edu_raise(&c->v.edu);
		EXPECT_EQ(0, fired(c, i ? 0 : NEVER));
		ASSERT_EQ(0, unmask(c));
		ASSERT_EQ(1, fired(c, SOON)) TH_LOG("round %d", i);
		edu_ack(&c->v.edu);
		ASSERT_EQ(0, unmask(c));
	}

	/* It may fire or not if it is served before it is unmasked */
	ASSERT_EQ(0, mask(c));
	edu_raise(&c->v.edu);
	edu_ack(&c->v.edu);
	ASSERT_EQ(0, unmask(c));
	EXPECT_EQ(0, fires_again(c));
	edu_raise(&c->v.edu);
	EXPECT_EQ(1, fired(c, SOON));
}

/* The line is raised already when the user asks for interrupts */
TEST_F_TIMEOUT(intx, raised_before, 120)
{
	struct ctx *c = &self->c;

	ASSERT_EQ(0, set_irq(c, VFIO_IRQ_SET_DATA_NONE |
			     VFIO_IRQ_SET_ACTION_TRIGGER, -1));
	edu_raise(&c->v.edu);
	ASSERT_EQ(0, set_irq(c, VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_TRIGGER, c->fired));
	EXPECT_EQ(1, fired(c, SOON));
	edu_ack(&c->v.edu);
	ASSERT_EQ(0, unmask(c));
	EXPECT_EQ(0, fires_again(c));
	edu_raise(&c->v.edu);
	EXPECT_EQ(1, fired(c, SOON));
}

TCE_MAIN(true)
