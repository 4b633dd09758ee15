/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks that a test writes into the hypervisor's trace.
 *
 * With LAB_TRACE=1 in the environment, tce_mark() writes the value to offset 0
 * of the device's config space. The vendor id is read-only, so the device
 * ignores the write, but a tracing hypervisor logs it in order with the TCE
 * updates and DMA accesses around it (QEMU: event pci_cfg_write). The value is
 * also printed as "# mark 0x7ceNNNNN", so that a script on the host can divide
 * the trace at the places that the test names.
 *
 * Such scripts read names and values from this enum. Values may be added, but
 * never change. They are written for one device at a time and may repeat; each
 * test that uses them describes their order.
 */

#ifndef SPAPR_TCE_MARKS_H
#define SPAPR_TCE_MARKS_H

#define TCE_MARK_BASE	0x7ce00000u

enum tce_mark {
	/* Ownership of the group */
	TCE_MARK_TAKE		= TCE_MARK_BASE | 0x01,	/* about to be taken */
	TCE_MARK_TAKEN		= TCE_MARK_BASE | 0x02,	/* VFIO has it */
	TCE_MARK_RELEASE	= TCE_MARK_BASE | 0x03,	/* about to be released */
	TCE_MARK_RELEASED	= TCE_MARK_BASE | 0x04,	/* all is closed */

	/* The host's driver */
	TCE_MARK_HOST_UNBIND	= TCE_MARK_BASE | 0x08,	/* before an unbind */
	TCE_MARK_HOST_UNBOUND	= TCE_MARK_BASE | 0x09,	/* vfio-pci is bound */
	TCE_MARK_HOST_BIND	= TCE_MARK_BASE | 0x0a,	/* before a bind */
	TCE_MARK_HOST_BOUND	= TCE_MARK_BASE | 0x0b,	/* after it */

	/* Mappings */
	TCE_MARK_MAP		= TCE_MARK_BASE | 0x10,	/* about to map */
	TCE_MARK_MAPPED		= TCE_MARK_BASE | 0x11,	/* MAP has returned */
	TCE_MARK_UNMAP		= TCE_MARK_BASE | 0x12,
	TCE_MARK_UNMAPPED	= TCE_MARK_BASE | 0x13,

	/* Windows */
	TCE_MARK_CREATE		= TCE_MARK_BASE | 0x18,
	TCE_MARK_CREATED	= TCE_MARK_BASE | 0x19,
	TCE_MARK_REMOVE		= TCE_MARK_BASE | 0x1a,
	TCE_MARK_REMOVED	= TCE_MARK_BASE | 0x1b,

	/* DMA between one of the first two and DMA_END */
	TCE_MARK_DMA_ALLOWED	= TCE_MARK_BASE | 0x20,	/* must be translated */
	TCE_MARK_DMA_DENIED	= TCE_MARK_BASE | 0x21,	/* must be refused */
	TCE_MARK_DMA_END	= TCE_MARK_BASE | 0x22,

	/* A step whose hypercalls are counted, after a line "# step ..." */
	TCE_MARK_STEP		= TCE_MARK_BASE | 0x30,
	TCE_MARK_STEP_END	= TCE_MARK_BASE | 0x31,

	/* Before spapr_tce_heir maps: + 2 * PCI domain, and + 1 at the end */
	TCE_MARK_HEIR		= TCE_MARK_BASE | 0x1000,
};

#endif /* SPAPR_TCE_MARKS_H */
