// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Paging domains of partitionable endpoints (PEs), for IOMMUFD and others
 *
 * A domain is a table like that of a user of the table group, see table_group.c,
 * and its window is the aperture of the domain. What the domain maps is noted in
 * the view of the table. The view is what iova_to_phys() reads, so no TCE is ever
 * read from the hypervisor, and it fills the window of a PE that is attached.
 *
 * The window of a domain has to be known when the domain is allocated, but where
 * the platform puts a window is not known before there is one. So the window is
 * opened and closed again, in the PE of the device for which the domain is
 * allocated. Attaching the domain to a PE opens it there. That fails if the
 * platform gives the PE no such window, or gives it another place.
 *
 * A domain that is attached to several PEs has a window at the same place in each.
 *
 * What a domain maps is pinned by its user, who unpins it once it has been unmapped
 * or the domain has been detached. If the platform neither clears an entry nor
 * removes its window, the device may reach the memory for ever. That memory is
 * kept: it gets a reference that nobody drops.
 *
 * Locking: domains are attached under the mutex of the IOMMU group. Users map
 * and unmap, in several tasks at a time, addresses that do not overlap. The locks
 * of the table group nest in these.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "dma_windows.h"
#include "pseries.h"
#include "table_group.h"

/*
 * A window takes 8 bytes for each entry in the hypervisor, mapped or not. Twice the
 * memory of the partition leaves room for users that choose the addresses.
 */
#define PAGING_WINDOW_MIN	((u64)SZ_64G)

/*
 * A platform that puts a window at 0 has other addresses of the bus above 1 TiB,
 * those of MSIs among them, and a larger window would hide them.
 */
#define PAGING_WINDOW_LOW	((u64)SZ_1T)

/**
 * struct paging_domain - a domain of devices that use the same window
 * @domain: the domain as the IOMMU core sees it
 * @ut: its table, with a reference
 */
struct paging_domain {
	struct iommu_domain domain;
	struct user_table *ut;
};

static struct paging_domain *to_paging_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct paging_domain, domain);
}

static struct iommu_table *paging_table(struct iommu_domain *domain)
{
	return &to_paging_domain(domain)->ut->tbl;
}

/*
 * iommu_table_ops::put_tces. As long as the domain is not attached its entries are
 * only noted: they are written when it is.
 */
static int paging_table_put(struct iommu_table *tbl, unsigned long index,
			    unsigned long npages, const __be64 *tces)
{
	struct user_table *ut = to_user_table(tbl);
	int ret = -ESTALE;

	down_read(&ut->lock);
	if (!ut->stuck) {
		ret = user_table_write(ut, index, npages, tces);
		if (ret == -ESTALE)
			ret = 0;
	}
	up_read(&ut->lock);

	return ret;
}

static struct iommu_table_ops paging_table_ops = {
	.put_tces = paging_table_put,
	.clear_tces = user_table_clear,
	.free = user_table_free,
	.release = user_table_release,
};

/*
 * Keep what entries of a domain map, if they map anything, for ever. They stay noted:
 * a PE that is attached later gets them too, until they are unmapped.
 */
static void paging_keep(struct iommu_table *tbl, unsigned long index,
			unsigned long npages)
{
	unsigned long i, pfn;

	for (i = 0; i < npages; i++) {
		pfn = PHYS_PFN(tce_view_lookup(tbl, index + i));
		/* Not 0, and not without a count, like that of a device */
		if (pfn && pfn_valid(pfn))
			get_page_unless_zero(pfn_to_page(pfn));
	}
}

/* For tce_view_walk() */
static int paging_keep_run(struct iommu_table *tbl, unsigned long index,
			   unsigned long npages, const __be64 *tces, void *data)
{
	paging_keep(tbl, index, npages);
	return 0;
}

/* Take the window from a PE. That does not fail, whatever the platform does. */
static void paging_leave(struct iommu_table_group *table_group,
			 struct iommu_table *tbl)
{
	if (!table_group->ops->unset_window(table_group, 0))
		return;

	pr_err("DMA window %lx can be neither emptied nor removed: what it maps is lost\n",
	       tbl->it_index);
	tce_view_walk(tbl, NULL, paging_keep_run, NULL);
}

/* iommu_table_group_domain_ops::block */
static void paging_block(struct iommu_table_group *table_group,
			 struct iommu_domain *old)
{
	struct iommu_table *tbl = paging_table(old);

	/* The first device of a PE takes the window from all of them */
	if (table_group->tables[0] == tbl)
		paging_leave(table_group, tbl);
}

/* While the host has a PE its tables are the host's */
static bool paging_claimed(struct pseries_pe *pe)
{
	guard(mutex)(&pe->lock);

	return pe->owner == PE_OWNER_USER;
}

/*
 * Devices of the PE reach nothing while one domain is replaced by another, and go
 * on with the old one if that fails.
 */
static int paging_attach(struct iommu_domain *domain, struct device *dev,
			 struct iommu_domain *old)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct iommu_table_group *table_group = iommu_group_get_iommudata(group);
	struct iommu_table *before = table_group->tables[0];
	struct iommu_table *tbl = paging_table(domain);
	int ret = 0;

	/* The first device of a PE opens the window for all of them */
	if (before == tbl)
		goto put_group;
	if (!paging_claimed(to_pseries_pe(table_group))) {
		ret = -EBUSY;
		goto put_group;
	}
	if (before)
		paging_leave(table_group, before);

	ret = table_group->ops->set_window(table_group, 0, tbl);
	if (ret && before &&
	    table_group->ops->set_window(table_group, 0, before))
		dev_err(dev, "cannot have its DMA window back\n");

	/* The IOMMU core's users try another domain then */
	if (ret == -EADDRNOTAVAIL || ret == -ENOSPC || ret == -EOPNOTSUPP)
		ret = -EINVAL;
put_group:
	iommu_group_put(group);
	return ret;
}

static bool paging_covers(const struct iommu_table *tbl, unsigned long index,
			  size_t npages)
{
	return !iommu_tce_check_ioba(tbl->it_page_shift, tbl->it_offset,
				     tbl->it_size, index << tbl->it_page_shift,
				     npages);
}

static u64 paging_permission(int prot)
{
	return (prot & IOMMU_READ ? TCE_PCI_READ : 0) |
	       (prot & IOMMU_WRITE ? TCE_PCI_WRITE : 0);
}

static int paging_map_one(struct iommu_table *tbl, unsigned long index, u64 tce)
{
	__be64 value = cpu_to_be64(tce);

	return tce_view_map(tbl, index, 1, &value, &tce);
}

static int paging_map_list(struct iommu_table *tbl, unsigned long index,
			   unsigned long npages, u64 tce,
			   struct tce_batch *batch)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		batch->notes[i] = tce + (i << tbl->it_page_shift);
		batch->tces[i] = cpu_to_be64(batch->notes[i]);
	}

	return tce_view_map(tbl, index, npages, batch->tces, batch->notes);
}

static int paging_map(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t paddr, size_t pgsize, size_t pgcount,
		      int prot, gfp_t gfp, size_t *mapped)
{
	struct iommu_table *tbl = paging_table(domain);
	unsigned long n = 0, index = iova >> tbl->it_page_shift;
	u64 tce = paddr | paging_permission(prot);
	struct tce_batch *batch = NULL;
	int ret = 0;

	/* A TCE maps memory of the partition, and nothing else */
	if (!paging_covers(tbl, index, pgcount) || prot & IOMMU_MMIO ||
	    !paging_permission(prot) || !pfn_valid(PHYS_PFN(paddr)))
		return -EINVAL;
	if (!gfpflags_allow_blocking(gfp))
		return -EOPNOTSUPP;

	if (pgcount > 1) {
		batch = kmalloc_obj(*batch, gfp);
		if (!batch)
			return -ENOMEM;
	}

	for (; pgcount; pgcount -= n, index += n) {
		n = min_t(size_t, pgcount, TCE_LIST_MAX);
		ret = batch ? paging_map_list(tbl, index, n, tce, batch) :
			      paging_map_one(tbl, index, tce);
		if (ret)
			break;

		*mapped += n << tbl->it_page_shift;
		tce += n << tbl->it_page_shift;
	}
	/* Only entries that could not be cleared again are noted */
	if (ret)
		paging_keep(tbl, index, n);

	kfree(batch);
	return ret;
}

/* Synchronous: afterwards the platform has no entry, nor a copy of one */
static size_t paging_unmap(struct iommu_domain *domain, unsigned long iova,
			   size_t pgsize, size_t pgcount,
			   struct iommu_iotlb_gather *gather)
{
	struct iommu_table *tbl = paging_table(domain);
	unsigned long index = iova >> tbl->it_page_shift;

	if (WARN_ON_ONCE(!paging_covers(tbl, index, pgcount)))
		return 0;

	/* The caller unpins the memory whatever is returned */
	if (tce_view_unmap(tbl, index, pgcount)) {
		pr_err_ratelimited("DMA window %lx cannot be emptied at %lx: what is mapped there is lost\n",
				   tbl->it_index, iova);
		paging_keep(tbl, index, pgcount);
	}

	return pgcount << tbl->it_page_shift;
}

static phys_addr_t paging_iova_to_phys(struct iommu_domain *domain,
				       dma_addr_t iova)
{
	struct iommu_table *tbl = paging_table(domain);
	u64 tce = 0;

	if (paging_covers(tbl, iova >> tbl->it_page_shift, 1))
		tce = tce_view_lookup(tbl, iova >> tbl->it_page_shift);
	if (!tce)
		return 0;

	return (tce & IOMMU_PAGE_MASK(tbl)) | (iova & ~IOMMU_PAGE_MASK(tbl));
}

static void paging_free(struct iommu_domain *domain)
{
	struct paging_domain *pd = to_paging_domain(domain);

	/* A PE could not be attached, and its window is left with entries */
	if (pd->ut->stuck)
		tce_view_walk(&pd->ut->tbl, NULL, paging_keep_run, NULL);
	iommu_tce_table_put(&pd->ut->tbl);
	kfree(pd);
}

static const struct iommu_domain_ops paging_domain_ops = {
	.attach_dev = paging_attach,
	.map_pages = paging_map,
	.unmap_pages = paging_unmap,
	.iova_to_phys = paging_iova_to_phys,
	.free = paging_free,
};

/* Open a window to see where it is, and close it again */
static int paging_window_try(struct pseries_pe *pe, u32 page_shift, u64 size,
			     struct pe_window *win)
{
	int ret = pe_window_open(pe, 0, page_shift, size);

	if (ret)
		return ret;

	*win = pe->window[0];
	return pe_window_close(pe, 0);
}

/* Bytes of a dynamic window, as far as the platform has one as large */
static u64 paging_window_size(const struct ddw_query *query, u32 page_shift)
{
	u64 size = roundup_pow_of_two(2 * memblock_end_of_DRAM());
	u64 block = min_t(u64, query->largest_block, DDW_MAX_TCES);

	return min(max(size, PAGING_WINDOW_MIN),
		   rounddown_pow_of_two(block) << page_shift);
}

/*
 * A dynamic window, with the largest I/O pages that are not larger than a page of
 * the processor, since the core's users map single pages. Or the default window, if
 * there is no other.
 */
static int paging_window_choose(struct pseries_pe *pe, struct pe_window *win)
{
	u64 size, pgsizes = pe->table_group.pgsizes & (2 * PAGE_SIZE - 1);
	struct ddw_query query;
	struct pe_window large;
	u32 page_shift;
	int ret = -ENODEV;

	ddw_firmware_init(&pe->fw, pe->dn);
	if (pgsizes && !ddw_query(&pe->fw, &query) && query.largest_block) {
		page_shift = ilog2(pgsizes);
		size = paging_window_size(&query, page_shift);
		ret = paging_window_try(pe, page_shift,
					min(size, PAGING_WINDOW_LOW), win);
		if (!ret && size > PAGING_WINDOW_LOW &&
		    win->start >= PAGING_WINDOW_LOW &&
		    !paging_window_try(pe, page_shift, size, &large))
			*win = large;
	}
	if (ret && pe->boot.size)
		ret = paging_window_try(pe, pe->boot.page_shift, pe->boot.size,
					win);

	return ret;
}

/* That of the domain that the PE has, or else a new one */
static int paging_window_find(struct pseries_pe *pe, struct pe_window *win)
{
	int ret = 0;

	mutex_lock(&pe->lock);

	if (pe->owner != PE_OWNER_USER)
		ret = -EBUSY;
	else if (pe->table_group.tables[0])
		*win = pe->window[0];
	else
		ret = paging_window_choose(pe, win);

	mutex_unlock(&pe->lock);
	return ret;
}

static struct user_table *paging_table_alloc(const struct pe_window *win)
{
	struct user_table *ut = user_table_alloc();

	if (!ut)
		return NULL;

	ut->tbl.it_ops = &paging_table_ops;
	ut->tbl.it_page_shift = win->page_shift;
	ut->tbl.it_size = win->size >> win->page_shift;
	ut->tbl.it_offset = win->start >> win->page_shift;
	ut->tbl.it_index = win->liobn;
	ut->placed = true;
	if (tce_view_init(&ut->tbl, NULL)) {
		kfree(ut);
		return NULL;
	}

	return ut;
}

/* iommu_table_group_domain_ops::alloc */
static struct iommu_domain *paging_alloc(struct iommu_table_group *table_group)
{
	struct paging_domain *pd;
	struct pe_window win;
	int ret;

	ret = paging_window_find(to_pseries_pe(table_group), &win);
	if (ret)
		return ERR_PTR(ret);

	pd = kzalloc_obj(*pd, GFP_KERNEL_ACCOUNT);
	if (!pd)
		return ERR_PTR(-ENOMEM);

	pd->ut = paging_table_alloc(&win);
	if (!pd->ut) {
		kfree(pd);
		return ERR_PTR(-ENOMEM);
	}

	pd->domain.type = IOMMU_DOMAIN_UNMANAGED;
	pd->domain.ops = &paging_domain_ops;
	pd->domain.pgsize_bitmap = 1UL << win.page_shift;
	pd->domain.geometry.aperture_start = win.start;
	pd->domain.geometry.aperture_end = win.start + win.size - 1;
	pd->domain.geometry.force_aperture = true;
	return &pd->domain;
}

const struct iommu_table_group_domain_ops pseries_paging_domain_ops = {
	.alloc = paging_alloc,
	.block = paging_block,
};
