// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware interface to the DMA windows of a partitionable endpoint (PE)
 *
 * The RTAS calls of the Dynamic DMA Windows option create and remove the
 * windows of a PE (LoPAR, "DDW"), the TCE hypercalls fill and empty them.
 * While the platform is busy the functions wait and call again. Every other
 * status becomes an errno here and nowhere else. This file keeps no state:
 * dma_windows.c knows which windows a PE has.
 *
 * Context: all functions may sleep.
 */

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/error-injection.h>
#include <linux/kernel.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/sched.h>

#include <asm/firmware.h>
#include <asm/hvcall.h>
#include <asm/pci-bridge.h>
#include <asm/plpar_wrappers.h>
#include <asm/ppc-pci.h>
#include <asm/rtas.h>
#include <asm/tce.h>

#include "ddw.h"

/* The most arguments that one of the RTAS calls has */
#define DDW_RTAS_ARGS	5

/* Cells of "ibm,ddw-applicable" */
enum {
	DDW_QUERY,
	DDW_CREATE,
	DDW_REMOVE,
	DDW_APPLICABLE_CELLS
};

/* Cells of "ibm,ddw-extensions": their number comes first */
enum {
	DDW_EXT_COUNT,
	DDW_EXT_RESET,
	DDW_EXT_QUERY_OUTPUTS,
	DDW_EXT_LIMITED,
	DDW_EXT_CELLS
};

/* Read the known cells of "ibm,ddw-extensions". Absent ones become 0. */
static void ddw_read_extensions(struct device_node *dn, u32 *cell)
{
	const __be32 *value;
	u32 i, count = 0;
	int len;

	value = of_get_property(dn, "ibm,ddw-extensions", &len);
	if (value && len >= sizeof(*value))
		count = min_t(u32, be32_to_cpu(value[DDW_EXT_COUNT]),
			      len / sizeof(*value) - 1);

	cell[DDW_EXT_COUNT] = count;
	for (i = DDW_EXT_COUNT + 1; i < DDW_EXT_CELLS; i++)
		cell[i] = i <= count ? be32_to_cpu(value[i]) : 0;
}

/**
 * ddw_firmware_init - find out which DDW calls a PE has
 * @fw: the calls are filled in; zeroed before the first time
 * @dn: node that describes the windows of the PE
 *
 * The platform may add, withdraw or renumber the calls when the partition
 * migrates, so this is called again before they are used. ddw_remove() can be
 * used afterwards, the other calls if ddw_firmware_set_device() or
 * ddw_firmware_set_pdn() was called once.
 */
void ddw_firmware_init(struct ddw_firmware *fw, struct device_node *dn)
{
	u32 token[DDW_APPLICABLE_CELLS], ext[DDW_EXT_CELLS];

	fw->dynamic = false;
	fw->resettable = false;
	if (of_property_read_u32_array(dn, "ibm,ddw-applicable", token,
				       DDW_APPLICABLE_CELLS))
		return;

	fw->query_token = token[DDW_QUERY];
	fw->create_token = token[DDW_CREATE];
	fw->remove_token = token[DDW_REMOVE];
	fw->dynamic = true;
	ddw_read_extensions(dn, ext);
	fw->resettable = ext[DDW_EXT_COUNT] >= DDW_EXT_RESET;
	fw->reset_token = ext[DDW_EXT_RESET];
	fw->query_outputs = ext[DDW_EXT_QUERY_OUTPUTS] == 1 ? 6 : 5;
	fw->limitable = ext[DDW_EXT_LIMITED];
}

/**
 * ddw_firmware_set_pdn - name the PE to the firmware
 * @fw: the calls of the PE
 * @pdn: any device of the PE; it is known by the address of one
 */
void ddw_firmware_set_pdn(struct ddw_firmware *fw, struct pci_dn *pdn)
{
	fw->config_addr = (pdn->busno << 16) | (pdn->devfn << 8);
	fw->buid = pdn->phb->buid;
}

/**
 * ddw_firmware_set_device - name the PE to the firmware
 * @fw: the calls of the PE
 * @pdev: any device of the PE
 */
void ddw_firmware_set_device(struct ddw_firmware *fw, struct pci_dev *pdev)
{
	ddw_firmware_set_pdn(fw, PCI_DN(pci_device_to_OF_node(pdev)));
}

/*
 * Only the five functions below call the platform. Each makes one call, and
 * returns the answer as it is. So a test can make any call fail, by
 * fail_function, or replace it.
 */

static noinline int ddw_call_rtas(u32 token, int nargs, const u32 *args,
				  int nret, u32 *out)
{
	return rtas_call(token, nargs, nret, (int *)out, args[0], args[1],
			 args[2], args[3], args[4]);
}

static noinline long ddw_call_tce_get(u32 liobn, u64 ioba, unsigned long *tce)
{
	return plpar_tce_get(liobn, ioba, tce);
}

static noinline long ddw_call_tce_put(u32 liobn, u64 ioba, u64 tce)
{
	return plpar_tce_put(liobn, ioba, tce);
}

static noinline long ddw_call_tce_put_list(u32 liobn, u64 ioba,
					   const __be64 *list, u64 count)
{
	return plpar_tce_put_indirect(liobn, ioba, __pa(list), count);
}

static noinline long ddw_call_tce_stuff(u32 liobn, u64 ioba, u64 count)
{
	return plpar_tce_stuff(liobn, ioba, 0, count);
}

ALLOW_ERROR_INJECTION(ddw_call_rtas, ERRNO);
ALLOW_ERROR_INJECTION(ddw_call_tce_get, ERRNO);
ALLOW_ERROR_INJECTION(ddw_call_tce_put, ERRNO);
ALLOW_ERROR_INJECTION(ddw_call_tce_put_list, ERRNO);
ALLOW_ERROR_INJECTION(ddw_call_tce_stuff, ERRNO);

/* Without KUnit tests this is constant, and the compiler calls them directly */
#ifndef CONFIG_PSERIES_DDW_KUNIT_TEST
static const
#endif
struct ddw_calls ddw_calls = {
	.rtas = ddw_call_rtas,
	.tce_get = ddw_call_tce_get,
	.tce_put = ddw_call_tce_put,
	.tce_put_list = ddw_call_tce_put_list,
	.tce_stuff = ddw_call_tce_stuff,
};

/* Make an RTAS call until it is done. Returns 0 or an errno. */
static int ddw_rtas(const char *name, u32 token, int nargs,
		    const u32 args[DDW_RTAS_ARGS], int nret, u32 *out)
{
	int status;

	do {
		status = ddw_calls.rtas(token, nargs, args, nret, out);
	} while (rtas_busy_delay(status));

	if (!status)
		return 0;

	pr_debug("%s: status %d\n", name, status);

	/* -3 is a parameter error, all others are failures of the platform */
	return status == -3 ? -EINVAL : -EIO;
}

/* The "IO Page Sizes" output, where 2M came late and is out of order */
static u64 ddw_decode_pgsizes(u32 mask)
{
	static const u8 shift[] = { 12, 16, 24, 25, 26, 27, 28, 34, 21 };
	u64 pgsizes = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(shift); i++)
		if (mask & BIT(i))
			pgsizes |= BIT_ULL(shift[i]);

	return pgsizes;
}

/**
 * ddw_query - ask which windows a PE can still get
 * @fw: the calls of the PE
 * @query: filled in on success
 *
 * Return: 0, -EOPNOTSUPP without DDW, -EINVAL or -EIO as the platform answers.
 */
int ddw_query(const struct ddw_firmware *fw, struct ddw_query *query)
{
	const u32 args[DDW_RTAS_ARGS] = { fw->config_addr, BUID_HI(fw->buid),
					  BUID_LO(fw->buid) };
	u32 out[5] = { };
	int ret;

	if (!fw->dynamic)
		return -EOPNOTSUPP;

	ret = ddw_rtas("ibm,query-pe-dma-window", fw->query_token, 3, args,
		       fw->query_outputs, out);
	if (ret)
		return ret;

	query->windows = out[0];
	if (fw->query_outputs == 6) {
		query->largest_block = (u64)out[1] << 32 | out[2];
		query->pgsizes = ddw_decode_pgsizes(out[3]);
	} else {
		query->largest_block = out[1];
		query->pgsizes = ddw_decode_pgsizes(out[2]);
	}
	query->largest_block = min(query->largest_block, DDW_MAX_TCES);

	pr_debug("PE %x of PHB %llx: %u windows left, %llx TCEs, page sizes %llx\n",
		 fw->config_addr, fw->buid, query->windows,
		 query->largest_block, query->pgsizes);
	return 0;
}

/**
 * ddw_create - create a DMA window
 * @fw: the calls of the PE
 * @page_shift: log2 of the I/O page size in bytes
 * @window_shift: log2 of the window size in bytes
 * @liobn: set to the LIOBN of the window
 * @start: set to the bus address where the platform has put it
 *
 * The new window is empty.
 *
 * Return: 0, -EOPNOTSUPP without DDW, -EINVAL or -EIO as the platform answers.
 */
int ddw_create(const struct ddw_firmware *fw, u32 page_shift, u32 window_shift,
	       u32 *liobn, u64 *start)
{
	const u32 args[DDW_RTAS_ARGS] = { fw->config_addr, BUID_HI(fw->buid),
					  BUID_LO(fw->buid), page_shift,
					  window_shift };
	u32 out[3] = { };
	int ret;

	if (!fw->dynamic)
		return -EOPNOTSUPP;

	ret = ddw_rtas("ibm,create-pe-dma-window", fw->create_token, 5, args, 4,
		       out);
	if (ret)
		return ret;

	*liobn = out[0];
	*start = (u64)out[1] << 32 | out[2];
	return 0;
}

/**
 * ddw_remove - remove a DMA window
 * @fw: the calls of the PE
 * @liobn: the window, created or default; the caller has emptied it
 *
 * When the last window is removed, and it was not the default one, the platform
 * may bring the default window back by itself.
 *
 * Return: 0, -EOPNOTSUPP without DDW, -EINVAL or -EIO as the platform answers.
 */
int ddw_remove(const struct ddw_firmware *fw, u32 liobn)
{
	const u32 args[DDW_RTAS_ARGS] = { liobn };

	if (!fw->dynamic)
		return -EOPNOTSUPP;

	return ddw_rtas("ibm,remove-pe-dma-window", fw->remove_token, 1, args,
			1, NULL);
}

/**
 * ddw_reset - go back to the windows that the PE had at boot
 * @fw: the calls of the PE
 *
 * The caller has emptied all windows. The default window that comes back need
 * not be empty.
 *
 * Return: 0, -EOPNOTSUPP without the extension, -EINVAL or -EIO as the
 * platform answers.
 */
int ddw_reset(const struct ddw_firmware *fw)
{
	const u32 args[DDW_RTAS_ARGS] = { fw->config_addr, BUID_HI(fw->buid),
					  BUID_LO(fw->buid) };

	if (!fw->resettable)
		return -EOPNOTSUPP;

	return ddw_rtas("ibm,reset-pe-dma-windows", fw->reset_token, 3, args, 1,
			NULL);
}

/**
 * ddw_reset_limited - as ddw_reset(), and begin limited addressing mode
 * @fw: the calls of the PE
 *
 * In this mode new windows are at 4G, not at an address that takes 64 bits,
 * until ddw_reset() ends the mode.
 *
 * Return: 0, -EOPNOTSUPP without the mode, -EINVAL or -EIO as the platform
 * answers.
 */
int ddw_reset_limited(const struct ddw_firmware *fw)
{
	const u32 args[DDW_RTAS_ARGS] = { fw->config_addr, BUID_HI(fw->buid),
					  BUID_LO(fw->buid), 1 };

	if (!fw->limitable)
		return -EOPNOTSUPP;

	return ddw_rtas("ibm,reset-pe-dma-windows", fw->reset_token, 4, args, 1,
			NULL);
}

/* Wait and return true if the hypercall is to be made again */
static bool ddw_hcall_busy(long rc)
{
	if (H_IS_LONG_BUSY(rc))
		msleep(get_longbusy_msecs(rc));
	else if (rc == H_BUSY)
		cond_resched();
	else
		return false;

	return true;
}

static int ddw_hcall_errno(long rc)
{
	switch (rc) {
	case H_SUCCESS:
		return 0;
	case H_PARAMETER:
	case H_P2:
	case H_P3:
	case H_P4:
	case H_P5:
		return -EINVAL;
	case H_NOT_ENOUGH_RESOURCES:
		return -ENOMEM;
	case H_RESCINDED:
	case H_CONSTRAINED:
		/* the window has been removed */
		return -ENXIO;
	case H_AUTHORITY:
		return -EPERM;
	case H_FUNCTION:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/**
 * ddw_tce_get - read an entry of a window
 * @liobn: the window
 * @ioba: bus address of the entry, in bytes
 * @tce: set to the entry on success
 *
 * Return: 0, or the errno of the hypercall; -EINVAL or -ENXIO for a window
 * that does not exist.
 */
int ddw_tce_get(u32 liobn, u64 ioba, u64 *tce)
{
	unsigned long value;
	long rc;

	do {
		rc = ddw_calls.tce_get(liobn, ioba, &value);
	} while (ddw_hcall_busy(rc));

	if (!rc)
		*tce = value;
	return ddw_hcall_errno(rc);
}

/**
 * ddw_tce_put - write an entry of a window
 * @liobn: the window
 * @ioba: bus address of the entry, in bytes
 * @tce: real address and permission bits, 0 to clear the entry
 *
 * Return: 0, or the errno of the hypercall.
 */
int ddw_tce_put(u32 liobn, u64 ioba, u64 tce)
{
	long rc;

	do {
		rc = ddw_calls.tce_put(liobn, ioba, tce);
	} while (ddw_hcall_busy(rc));

	return ddw_hcall_errno(rc);
}

/**
 * ddw_tce_put_list - write successive entries of a window
 * @liobn: the window
 * @ioba: bus address of the first entry, in bytes
 * @page_shift: log2 of the I/O page size of the window
 * @list: the entries; 4K-aligned, in the linear mapping
 * @count: their number, at most %TCE_LIST_MAX
 *
 * One hypercall, or one for each entry where the platform does not take
 * lists. After a failure any of the entries may have been written: the caller
 * clears or rewrites all of them.
 *
 * Return: 0, or the errno of the hypercall.
 */
int ddw_tce_put_list(u32 liobn, u64 ioba, u32 page_shift, const __be64 *list,
		     unsigned int count)
{
	unsigned int i;
	long rc;
	int ret;

	if (count == 1)
		return ddw_tce_put(liobn, ioba, be64_to_cpup(list));

	if (firmware_has_feature(FW_FEATURE_PUT_TCE_IND)) {
		do {
			rc = ddw_calls.tce_put_list(liobn, ioba, list, count);
		} while (ddw_hcall_busy(rc));

		return ddw_hcall_errno(rc);
	}

	for (i = 0; i < count; i++) {
		ret = ddw_tce_put(liobn, ioba + ((u64)i << page_shift),
				  be64_to_cpu(list[i]));
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * ddw_tce_clear - clear successive entries of a window
 * @liobn: the window
 * @ioba: bus address of the first entry, in bytes
 * @page_shift: log2 of the I/O page size of the window
 * @count: number of entries, any
 *
 * One hypercall for %TCE_LIST_MAX entries, or one for each where the
 * platform does not take ranges.
 *
 * Return: 0, or the errno of the first hypercall that failed; the entries
 * from there on are as they were.
 */
int ddw_tce_clear(u32 liobn, u64 ioba, u32 page_shift, u64 count)
{
	bool stuff = firmware_has_feature(FW_FEATURE_STUFF_TCE);
	long rc;
	u64 n;

	for (; count; count -= n, ioba += n << page_shift) {
		n = stuff ? min_t(u64, count, TCE_LIST_MAX) : 1;
		do {
			rc = stuff ? ddw_calls.tce_stuff(liobn, ioba, n) :
				     ddw_calls.tce_put(liobn, ioba, 0);
		} while (ddw_hcall_busy(rc));

		if (rc)
			return ddw_hcall_errno(rc);
		if (n < count)
			cond_resched();
	}

	return 0;
}
