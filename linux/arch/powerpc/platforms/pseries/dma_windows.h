/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA windows of a partitionable endpoint (PE)
 *
 * A window is "dirty" if it may hold entries although it should hold none. A window
 * is "left" if the platform has it, or may have it, and no slot of the PE uses it.
 */
#ifndef _PSERIES_DMA_WINDOWS_H
#define _PSERIES_DMA_WINDOWS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <asm/iommu.h>

#include "ddw.h"

struct device_node;
struct property;

/**
 * enum pe_window_kind - the kind of a window
 * @PE_WINDOW_NONE: there is no window
 * @PE_WINDOW_DEFAULT: the window that the platform sets up at boot
 * @PE_WINDOW_DYNAMIC: a window that ibm,create-pe-dma-window has made
 * @PE_WINDOW_UNKNOWN: windows that another kernel may have made, and of which not
 *	even the number is known; in pseries_pe::left only
 */
enum pe_window_kind {
	PE_WINDOW_NONE,
	PE_WINDOW_DEFAULT,
	PE_WINDOW_DYNAMIC,
	PE_WINDOW_UNKNOWN,
};

/**
 * struct pe_window - a DMA window
 * @kind: its kind
 * @liobn: its number in TCE hypercalls
 * @page_shift: log2 of its I/O page size in bytes
 * @start: bus address of its first byte
 * @size: bytes that it maps, a multiple of the I/O page size
 * @dirty: it may hold entries although it should hold none, since the hypervisor
 *	has refused to clear it, or another kernel or the platform has filled it
 */
struct pe_window {
	enum pe_window_kind kind;
	u32 liobn;
	u32 page_shift;
	u64 start;
	u64 size;
	bool dirty;
};

/* Room for the default window, one window of each slot, and the unknown ones */
#define PE_WINDOWS_LEFT		4

/**
 * enum pe_owner - the owner of a PE puts entries into its windows
 * @PE_OWNER_HOST: the DMA API, for drivers of this kernel
 * @PE_OWNER_USER: a user of the table group, that is VFIO
 * @PE_OWNER_NONE: nobody, since kexec has begun; the windows stay as they have
 *	been described to the next kernel
 */
enum pe_owner {
	PE_OWNER_HOST,
	PE_OWNER_USER,
	PE_OWNER_NONE,
};

/**
 * struct pseries_pe - a partitionable endpoint
 * @table_group: the PE for VFIO and KVM; its tables[] belong to @owner
 * @lock: protects all below, and the tables of @table_group
 * @next: in the list of all PEs
 * @dn: node with the window properties; does not change
 * @owner: the owner of the windows
 * @fw: the DDW calls that the platform offers
 * @boot: the default window as the device tree describes it, present or not;
 *	@boot.size is 0 if the PE has none
 * @window: the windows in use, by slot; the host has the default window in
 *	slot 0 and a dynamic one in slot 1, a user has windows of any kind
 * @left: the windows that the platform has, or may have, and that no slot uses
 * @limited: limited addressing mode: new windows are at 4G, until a reset
 * @host_table: the host's allocator for the default window; kept, but in
 *	tables[] only while the host has that window
 * @default_prop: "ibm,dma-window", out of the device tree while the host has
 *	a dynamic window instead
 * @saved_prop: its copy "ibm,dma-window-saved", for the kernel that kexec may
 *	start then
 * @ddw_prop: the host's dynamic window in the device tree, for that kernel;
 *	allocated once and used again
 * @ddw_failed: the host could not have a dynamic window and does not ask
 *	again for other functions of the PE
 */
struct pseries_pe {
	struct iommu_table_group table_group;

	struct mutex lock;	/* for all below, and tables[] */
	struct list_head next;
	struct device_node *dn;
	enum pe_owner owner;
	struct ddw_firmware fw;
	struct pe_window boot;
	struct pe_window window[IOMMU_TABLE_GROUP_MAX_TABLES];
	struct pe_window left[PE_WINDOWS_LEFT];
	bool limited;

	struct iommu_table *host_table;
	struct property *default_prop;
	struct property *saved_prop;
	struct property *ddw_prop;
	bool ddw_failed;
};

static inline struct pseries_pe *to_pseries_pe(struct iommu_table_group *group)
{
	return container_of(group, struct pseries_pe, table_group);
}

void pe_windows_init(struct pseries_pe *pe, struct device_node *dn);
int pe_window_open(struct pseries_pe *pe, int slot, u32 page_shift, u64 size);
int pe_window_open_dynamic(struct pseries_pe *pe, int slot, u32 page_shift,
			   u32 window_shift);
int pe_window_clear(struct pseries_pe *pe, struct pe_window *win);
int pe_window_close(struct pseries_pe *pe, int slot);
int pe_windows_limit(struct pseries_pe *pe);
int pe_windows_block(struct pseries_pe *pe);
int pe_windows_restore(struct pseries_pe *pe);
void pe_windows_inherit(struct pseries_pe *pe, bool direct, u64 page, u32 count);
bool pe_windows_left_default(struct pseries_pe *pe);
bool pe_windows_left_dirty(struct pseries_pe *pe);
void pe_windows_abandon(struct pseries_pe *pe);

/* In dma_windows_probe.c */
bool pe_probe_entry(u32 liobn, u64 ioba);
bool pe_probe_boot_window(const struct pe_window *win, u64 page);
bool pe_probe_window(const struct pe_window *win, bool direct, u64 page);

#endif /* _PSERIES_DMA_WINDOWS_H */
