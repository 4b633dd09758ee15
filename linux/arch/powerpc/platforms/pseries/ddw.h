/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware interface to the DMA windows of a partitionable endpoint (PE)
 */
#ifndef _PSERIES_DDW_H
#define _PSERIES_DDW_H

#include <linux/bits.h>
#include <linux/types.h>

struct device_node;
struct pci_dev;
struct pci_dn;

/*
 * The most TCEs that a window is to have. Hypervisors are known to count them in
 * 32 bits and to fail, for all of the partition, when they do not fit.
 */
#define DDW_MAX_TCES	BIT_ULL(31)

/**
 * struct ddw_firmware - the DDW calls that the platform offers for a PE
 * @config_addr: configuration address of a device of the PE
 * @buid: unit id of its PHB
 * @query_token: RTAS token of ibm,query-pe-dma-window
 * @create_token: RTAS token of ibm,create-pe-dma-window
 * @remove_token: RTAS token of ibm,remove-pe-dma-window
 * @reset_token: RTAS token of ibm,reset-pe-dma-windows
 * @query_outputs: words that ibm,query-pe-dma-window returns, 5 or 6
 * @dynamic: query, create and remove can be called
 * @resettable: reset can be called
 * @limitable: reset can put the PE into limited addressing mode
 */
struct ddw_firmware {
	u32 config_addr;
	u64 buid;
	u32 query_token;
	u32 create_token;
	u32 remove_token;
	u32 reset_token;
	unsigned int query_outputs;
	bool dynamic;
	bool resettable;
	bool limitable;
};

/**
 * struct ddw_query - which windows a PE can still get
 * @windows: number of windows that can be created now
 * @largest_block: the most TCEs that a new window can have, at most %DDW_MAX_TCES
 * @pgsizes: bitmap of supported I/O page sizes, bit n for 2^n bytes
 */
struct ddw_query {
	u32 windows;
	u64 largest_block;
	u64 pgsizes;
};

/**
 * struct ddw_calls - how the platform is called
 * @rtas: an RTAS call with @nargs arguments and @nret results, of which the first,
 *	the status, is returned and the others go to @out
 * @tce_get: H_GET_TCE
 * @tce_put: H_PUT_TCE
 * @tce_put_list: H_PUT_TCE_INDIRECT
 * @tce_stuff: H_STUFF_TCE, of 0
 *
 * KUnit tests replace them. Without such tests there are only those of ddw.c.
 */
struct ddw_calls {
	int (*rtas)(u32 token, int nargs, const u32 *args, int nret, u32 *out);
	long (*tce_get)(u32 liobn, u64 ioba, unsigned long *tce);
	long (*tce_put)(u32 liobn, u64 ioba, u64 tce);
	long (*tce_put_list)(u32 liobn, u64 ioba, const __be64 *list, u64 count);
	long (*tce_stuff)(u32 liobn, u64 ioba, u64 count);
};

#ifdef CONFIG_PSERIES_DDW_KUNIT_TEST
extern struct ddw_calls ddw_calls;
#endif

void ddw_firmware_init(struct ddw_firmware *fw, struct device_node *dn);
void ddw_firmware_set_pdn(struct ddw_firmware *fw, struct pci_dn *pdn);
void ddw_firmware_set_device(struct ddw_firmware *fw, struct pci_dev *pdev);
int ddw_query(const struct ddw_firmware *fw, struct ddw_query *query);
int ddw_create(const struct ddw_firmware *fw, u32 page_shift, u32 window_shift,
	       u32 *liobn, u64 *start);
int ddw_remove(const struct ddw_firmware *fw, u32 liobn);
int ddw_reset(const struct ddw_firmware *fw);
int ddw_reset_limited(const struct ddw_firmware *fw);

int ddw_tce_get(u32 liobn, u64 ioba, u64 *tce);
int ddw_tce_put(u32 liobn, u64 ioba, u64 tce);
int ddw_tce_put_list(u32 liobn, u64 ioba, u32 page_shift, const __be64 *list,
		     unsigned int count);
int ddw_tce_clear(u32 liobn, u64 ioba, u32 page_shift, u64 count);

#endif /* _PSERIES_DDW_H */
