// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A platform with DMA windows for KUnit tests
 *
 * While a test runs this platform answers the RTAS calls and hypercalls of ddw.c
 * that the task of the test makes. Those of other tasks are passed to the real
 * platform. The answers are as LoPAR has them, or QEMU where LoPAR leaves room. Any
 * call can be made to fail, before it does anything or halfway through a list of
 * entries.
 *
 * There are two PEs, each with a PHB of its own, and with a default window at
 * first. The windows of a PE have numbers, and a new one gets the lowest that is
 * free. That may be the number of a default window that has been removed, as in
 * QEMU, unless ddw_fake::first is larger.
 */

#include <kunit/test.h>

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include <asm/hvcall.h>
#include <asm/iommu.h>
#include <asm/ppc-pci.h>

#include "ddw.h"
#include "ddw_fake.h"

#define DDW_FAKE_TOKEN		0x1000
#define DDW_FAKE_BUID		0x800000020000000ULL
#define DDW_FAKE_LIOBN		0x80000000

/* The platform of the test that runs now: there is never more than one */
static struct ddw_fake *ddw_fake_current;

/* The calls of the real platform */
static struct ddw_calls ddw_fake_real;

/* Bring the default window back, with the entries that it had before */
static void ddw_fake_restore(struct ddw_fake *fake, unsigned int pe)
{
	struct ddw_fake_window *win = &fake->window[pe][DDW_FAKE_DEFAULT];

	if (win->dynamic)
		xa_destroy(&win->tces);
	win->exists = true;
	win->dynamic = false;
	win->page_shift = IOMMU_PAGE_SHIFT_4K;
	win->start = fake->start[DDW_FAKE_DEFAULT];
	win->size = DDW_FAKE_SIZE;
}

u64 ddw_fake_buid(unsigned int pe)
{
	return DDW_FAKE_BUID + pe;
}

static void ddw_fake_property(struct ddw_fake *fake, unsigned int pe,
			      char *name, const u32 *cells, int count)
{
	struct property *prop = fake->prop[pe];
	__be32 *p = fake->cells[pe];
	int i;

	for (; prop->name; prop++)
		p += prop->length / sizeof(*p);

	prop->name = name;
	prop->length = count * sizeof(*p);
	prop->value = p;
	prop->next = fake->dn[pe].properties;
	fake->dn[pe].properties = prop;
	for (i = 0; i < count; i++)
		p[i] = cpu_to_be32(cells[i]);
}

/* The node of a PE, which describes the calls as ddw_fake_firmware() does */
struct device_node *ddw_fake_node(struct ddw_fake *fake, unsigned int pe)
{
	const u32 window[] = { ddw_fake_liobn(pe, DDW_FAKE_DEFAULT), 0, 0, 0,
			       DDW_FAKE_SIZE };
	const u32 applicable[] = { DDW_FAKE_TOKEN + DDW_FAKE_QUERY,
				   DDW_FAKE_TOKEN + DDW_FAKE_CREATE,
				   DDW_FAKE_TOKEN + DDW_FAKE_REMOVE };
	const u32 extensions[] = { 3, DDW_FAKE_TOKEN + DDW_FAKE_RESET, 1, 1 };
	const u32 two = 2;

	if (fake->dn[pe].properties)
		return &fake->dn[pe];

	fake->dn[pe].full_name = "fake";
	ddw_fake_property(fake, pe, "ibm,dma-window", window,
			  ARRAY_SIZE(window));
	ddw_fake_property(fake, pe, "ibm,#dma-address-cells", &two, 1);
	ddw_fake_property(fake, pe, "ibm,#dma-size-cells", &two, 1);
	ddw_fake_property(fake, pe, "ibm,ddw-applicable", applicable,
			  ARRAY_SIZE(applicable));
	ddw_fake_property(fake, pe, "ibm,ddw-extensions", extensions,
			  ARRAY_SIZE(extensions));
	return &fake->dn[pe];
}

/* Remove a property of the PE, as if the platform did not have it */
void ddw_fake_hide(struct ddw_fake *fake, unsigned int pe, const char *name)
{
	struct property **p;

	ddw_fake_node(fake, pe);
	for (p = &fake->dn[pe].properties; *p; p = &(*p)->next) {
		if (!strcmp((*p)->name, name)) {
			*p = (*p)->next;
			return;
		}
	}
}

/* Fill in @fw as ddw_firmware_init() and ddw_firmware_set_device() would do */
void ddw_fake_firmware(struct ddw_firmware *fw, unsigned int pe)
{
	fw->query_token = DDW_FAKE_TOKEN + DDW_FAKE_QUERY;
	fw->create_token = DDW_FAKE_TOKEN + DDW_FAKE_CREATE;
	fw->remove_token = DDW_FAKE_TOKEN + DDW_FAKE_REMOVE;
	fw->reset_token = DDW_FAKE_TOKEN + DDW_FAKE_RESET;
	fw->buid = ddw_fake_buid(pe);
	fw->query_outputs = 6;
	fw->dynamic = true;
	fw->resettable = true;
	fw->limitable = true;
}

u32 ddw_fake_liobn(unsigned int pe, unsigned int num)
{
	return DDW_FAKE_LIOBN + pe * DDW_FAKE_WINDOWS + num;
}

/**
 * ddw_fake_fail - make calls fail
 * @fake: the platform
 * @calls: which calls, a mask of enum ddw_fake_call
 * @from: the first of them that fails, counted from 1
 * @count: how many of them fail
 * @status: the answer to a call that fails
 */
void ddw_fake_fail(struct ddw_fake *fake, unsigned long calls,
		   unsigned int from, unsigned int count, long status)
{
	fake->fail = calls;
	fake->fail_from = from;
	fake->fail_count = count;
	fake->fail_status = status;
	fake->matched = 0;
	fake->failed = 0;
}

/* Make no call fail any more */
void ddw_fake_mend(struct ddw_fake *fake)
{
	fake->fail = 0;
	fake->fail_after = 0;
}

/* How many windows a PE has now */
unsigned int ddw_fake_count(struct ddw_fake *fake, unsigned int pe)
{
	unsigned int n = 0;
	int num;

	for (num = 0; num < DDW_FAKE_WINDOWS; num++)
		n += fake->window[pe][num].exists;

	return n;
}

/* How many pages the devices of a PE reach, by all its windows */
unsigned long ddw_fake_reached(struct ddw_fake *fake, unsigned int pe)
{
	unsigned long index, n = 0;
	int num;
	void *p;

	for (num = 0; num < DDW_FAKE_WINDOWS; num++)
		if (fake->window[pe][num].exists)
			xa_for_each(&fake->window[pe][num].tces, index, p)
				n++;

	return n;
}

/* The entry that a device finds at a bus address, or 0 */
u64 ddw_fake_tce(struct ddw_fake *fake, unsigned int pe, u64 ioba)
{
	struct ddw_fake_window *win;
	int num;

	for (num = 0; num < DDW_FAKE_WINDOWS; num++) {
		win = &fake->window[pe][num];
		if (win->exists && ioba - win->start < win->size)
			return xa_to_value(xa_load(&win->tces,
						   ioba >> win->page_shift));
	}

	return 0;
}

static void ddw_fake_store(struct ddw_fake_window *win, u64 ioba, u64 tce)
{
	unsigned long index = ioba >> win->page_shift;

	if (tce)
		xa_store(&win->tces, index, xa_mk_value(tce), GFP_KERNEL);
	else
		xa_erase(&win->tces, index);
}

/* Write an entry without a call of the kernel, even in a window that is removed */
void ddw_fake_set_tce(struct ddw_fake *fake, unsigned int pe, unsigned int num,
		      u64 ioba, u64 tce)
{
	ddw_fake_store(&fake->window[pe][num], ioba, tce);
}

/* The status of a call that is busy or is to fail, or 0 */
static long ddw_fake_call(struct ddw_fake *fake, enum ddw_fake_call call)
{
	if (fake->waited < fake->busy) {
		fake->waited++;
		return fake->busy_status;
	}

	fake->waited = 0;
	fake->calls[call]++;
	if (!(fake->fail & BIT(call)))
		return 0;

	fake->matched++;
	if (fake->matched < fake->fail_from ||
	    fake->matched - fake->fail_from >= fake->fail_count)
		return 0;

	fake->failed++;
	return fake->fail_status;
}

static int ddw_fake_query(struct ddw_fake *fake, unsigned int pe, int nret,
			  u32 *out)
{
	unsigned int n = ddw_fake_count(fake, pe);

	*out++ = fake->max_windows > n ? fake->max_windows - n : 0;
	if (nret == 6)
		*out++ = upper_32_bits(fake->largest_block);
	*out++ = lower_32_bits(fake->largest_block);
	*out++ = fake->pgsizes;
	*out = 0;
	return 0;
}

static int ddw_fake_create(struct ddw_fake *fake, unsigned int pe,
			   u32 page_shift, u32 window_shift, u32 *out)
{
	struct ddw_fake_window *win = fake->window[pe];
	unsigned int num = fake->first;

	if (ddw_fake_count(fake, pe) >= fake->max_windows ||
	    (window_shift - page_shift < 64 &&
	     1ULL << (window_shift - page_shift) > fake->largest_block))
		return -1;

	while (win[num].exists)
		num++;
	win += num;
	win->exists = true;
	win->dynamic = true;
	win->page_shift = page_shift;
	win->start = fake->limited[pe] ? DDW_FAKE_LIMITED : fake->start[num];
	win->size = 1ULL << window_shift;
	/* If this was the number of the default window its entries are lost */
	xa_destroy(&win->tces);

	out[0] = ddw_fake_liobn(pe, num);
	out[1] = upper_32_bits(win->start);
	out[2] = lower_32_bits(win->start);
	return 0;
}

static struct ddw_fake_window *ddw_fake_find(struct ddw_fake *fake, u32 liobn)
{
	unsigned int i = liobn - DDW_FAKE_LIOBN;
	struct ddw_fake_window *win;

	if (i >= DDW_FAKE_PES * DDW_FAKE_WINDOWS)
		return NULL;

	win = &fake->window[i / DDW_FAKE_WINDOWS][i % DDW_FAKE_WINDOWS];
	return win->exists ? win : NULL;
}

static int ddw_fake_remove(struct ddw_fake *fake, u32 liobn)
{
	unsigned int pe = (liobn - DDW_FAKE_LIOBN) / DDW_FAKE_WINDOWS;
	struct ddw_fake_window *win = ddw_fake_find(fake, liobn);

	if (!win)
		return -3;

	win->exists = false;
	if (win->dynamic) {
		xa_destroy(&win->tces);
		if (fake->restores_default && !ddw_fake_count(fake, pe))
			ddw_fake_restore(fake, pe);
	}

	return 0;
}

static int ddw_fake_reset(struct ddw_fake *fake, unsigned int pe, bool limited)
{
	int num;

	fake->limited[pe] = limited;
	for (num = 0; num < DDW_FAKE_WINDOWS; num++) {
		if (num == DDW_FAKE_DEFAULT)
			continue;
		fake->window[pe][num].exists = false;
		xa_destroy(&fake->window[pe][num].tces);
	}
	ddw_fake_restore(fake, pe);

	return 0;
}

/* The platform of the current task, or NULL */
static struct ddw_fake *ddw_fake_of_task(void)
{
	return current->kunit_test ? ddw_fake_current : NULL;
}

static int ddw_fake_rtas(u32 token, int nargs, const u32 *args, int nret,
			 u32 *out)
{
	unsigned int pe = args[2] - lower_32_bits(DDW_FAKE_BUID);
	enum ddw_fake_call call = token - DDW_FAKE_TOKEN;
	struct ddw_fake *fake = ddw_fake_of_task();
	long status;

	if (!fake)
		return ddw_fake_real.rtas(token, nargs, args, nret, out);

	status = ddw_fake_call(fake, call);
	if (status)
		return status;
	if (call != DDW_FAKE_REMOVE &&
	    (pe >= DDW_FAKE_PES || args[1] != upper_32_bits(DDW_FAKE_BUID)))
		return -3;

	switch (call) {
	case DDW_FAKE_QUERY:
		return nargs == 3 ? ddw_fake_query(fake, pe, nret, out) : -3;
	case DDW_FAKE_CREATE:
		if (nargs != 5 || nret != 4)
			return -3;
		return ddw_fake_create(fake, pe, args[3], args[4], out);
	case DDW_FAKE_REMOVE:
		return nargs == 1 ? ddw_fake_remove(fake, args[0]) : -3;
	case DDW_FAKE_RESET:
		if (nargs != 3 && (nargs != 4 || args[3] > 1))
			return -3;
		return ddw_fake_reset(fake, pe, nargs == 4 && args[3]);
	default:
		return -3;
	}
}

/* The window that has all these entries, or NULL if the answer is H_PARAMETER */
static struct ddw_fake_window *ddw_fake_entries(struct ddw_fake *fake,
						u32 liobn, u64 ioba, u64 count)
{
	struct ddw_fake_window *win = ddw_fake_find(fake, liobn);
	u64 offset = win ? ioba - win->start : 0;

	if (!win || !count || offset >= win->size ||
	    count > (win->size - offset) >> win->page_shift)
		return NULL;

	return win;
}

static long ddw_fake_tce_get(u32 liobn, u64 ioba, unsigned long *tce)
{
	struct ddw_fake *fake = ddw_fake_of_task();
	struct ddw_fake_window *win;
	long rc;

	if (!fake)
		return ddw_fake_real.tce_get(liobn, ioba, tce);

	rc = ddw_fake_call(fake, DDW_FAKE_GET);
	win = ddw_fake_entries(fake, liobn, ioba, 1);
	if (rc)
		return rc;
	if (!win)
		return H_PARAMETER;

	*tce = xa_to_value(xa_load(&win->tces, ioba >> win->page_shift));
	return H_SUCCESS;
}

static long ddw_fake_tce_put(u32 liobn, u64 ioba, u64 tce)
{
	struct ddw_fake *fake = ddw_fake_of_task();
	struct ddw_fake_window *win;
	long rc;

	if (!fake)
		return ddw_fake_real.tce_put(liobn, ioba, tce);

	/* An entry of 0 clears: it is for clearing that calls are to fail */
	rc = ddw_fake_call(fake, tce ? DDW_FAKE_PUT : DDW_FAKE_STUFF);
	win = ddw_fake_entries(fake, liobn, ioba, 1);
	if (rc)
		return rc;
	if (!win)
		return H_PARAMETER;

	ddw_fake_store(win, ioba, tce);
	return H_SUCCESS;
}

static long ddw_fake_tce_put_list(u32 liobn, u64 ioba, const __be64 *list,
				  u64 count)
{
	struct ddw_fake *fake = ddw_fake_of_task();
	struct ddw_fake_window *win;
	long rc;
	u64 i;

	if (!fake)
		return ddw_fake_real.tce_put_list(liobn, ioba, list, count);

	rc = ddw_fake_call(fake, DDW_FAKE_PUT_LIST);
	win = ddw_fake_entries(fake, liobn, ioba, count);
	if (!win || count > 512 || !IS_ALIGNED((unsigned long)list, SZ_4K))
		return H_PARAMETER;
	if (rc)
		count = min_t(u64, count, fake->fail_after);

	for (i = 0; i < count; i++)
		ddw_fake_store(win, ioba + (i << win->page_shift),
			       be64_to_cpu(list[i]));

	return rc;
}

static long ddw_fake_tce_stuff(u32 liobn, u64 ioba, u64 count)
{
	struct ddw_fake *fake = ddw_fake_of_task();
	struct ddw_fake_window *win;
	long rc;
	u64 i;

	if (!fake)
		return ddw_fake_real.tce_stuff(liobn, ioba, count);

	rc = ddw_fake_call(fake, DDW_FAKE_STUFF);
	win = ddw_fake_entries(fake, liobn, ioba, count);
	if (!win || count > 512)
		return H_PARAMETER;
	if (rc)
		count = min_t(u64, count, fake->fail_after);

	for (i = 0; i < count; i++)
		ddw_fake_store(win, ioba + (i << win->page_shift), 0);

	return rc;
}

static const struct ddw_calls ddw_fake_calls = {
	.rtas = ddw_fake_rtas,
	.tce_get = ddw_fake_tce_get,
	.tce_put = ddw_fake_tce_put,
	.tce_put_list = ddw_fake_tce_put_list,
	.tce_stuff = ddw_fake_tce_stuff,
};

/**
 * ddw_fake_init - give a test a platform
 * @test: the test, whose task makes the calls
 *
 * A PE can have two windows. The default one has 8 MiB of 4K pages and is at 0.
 * Others have pages of 4K, 64K or 2M.
 *
 * Return: the platform.
 */
struct ddw_fake *ddw_fake_init(struct kunit *test)
{
	struct ddw_fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	int pe, num;

	KUNIT_ASSERT_NOT_NULL(test, fake);

	fake->max_windows = 2;
	fake->pgsizes = BIT(0) | BIT(1) | BIT(8);
	fake->largest_block = U32_MAX;
	fake->start[1] = 1ULL << 59;
	fake->start[2] = 1ULL << 60;
	fake->restores_default = true;

	for (pe = 0; pe < DDW_FAKE_PES; pe++)
		for (num = 0; num < DDW_FAKE_WINDOWS; num++)
			xa_init(&fake->window[pe][num].tces);

	for (pe = 0; pe < DDW_FAKE_PES; pe++)
		ddw_fake_restore(fake, pe);

	ddw_fake_current = fake;
	ddw_fake_real = ddw_calls;
	ddw_calls = ddw_fake_calls;
	return fake;
}

/**
 * ddw_fake_exit - use the real platform again
 * @fake: the platform of the test, which is freed with the test
 */
void ddw_fake_exit(struct ddw_fake *fake)
{
	int pe, num;

	ddw_calls = ddw_fake_real;
	ddw_fake_current = NULL;
	for (pe = 0; pe < DDW_FAKE_PES; pe++)
		for (num = 0; num < DDW_FAKE_WINDOWS; num++)
			xa_destroy(&fake->window[pe][num].tces);
}
