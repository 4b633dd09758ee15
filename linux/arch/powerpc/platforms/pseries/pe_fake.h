/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PE of the platform of ddw_fake.c, with one device, for KUnit tests
 */
#ifndef _PSERIES_PE_FAKE_H
#define _PSERIES_PE_FAKE_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <asm/iommu.h>
#include <asm/pci-bridge.h>

#include "ddw_fake.h"
#include "dma_windows.h"

/**
 * struct pe_fake - a PE with one device
 * @pe: the PE
 * @host_table: its pseries_pe::host_table
 * @map: the bitmap of @host_table
 * @dn: node of the device
 * @pdn: the kernel's data of @dn
 * @phb: the PHB of the device
 * @pdev: the device
 */
struct pe_fake {
	struct pseries_pe pe;
	struct iommu_table host_table;
	unsigned long map[BITS_TO_LONGS(64)];
	struct device_node dn;
	struct pci_dn pdn;
	struct pci_controller phb;
	struct pci_dev pdev;
};

/* @pf is zeroed; @num is less than %DDW_FAKE_PES. The host has the PE. */
static inline void pe_fake_init(struct pe_fake *pf, struct ddw_fake *fake,
				unsigned int num)
{
	struct pseries_pe *pe = &pf->pe;

	mutex_init(&pe->lock);
	pe_windows_init(pe, ddw_fake_node(fake, num));
	spin_lock_init(&pf->host_table.large_pool.lock);
	kref_init(&pf->host_table.it_kref);
	pf->host_table.it_map = pf->map;
	pf->host_table.it_size = 64;
	pe->host_table = &pf->host_table;
	pe->table_group.tables[0] = &pf->host_table;

	pf->phb.buid = ddw_fake_buid(num);
	pf->pdn.phb = &pf->phb;
	pf->dn.data = &pf->pdn;
	pf->pdev.dev.of_node = &pf->dn;
	set_iommu_table_base(&pf->pdev.dev, &pf->host_table);
}

#endif /* _PSERIES_PE_FAKE_H */
