// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Paging domains of partitionable endpoints (PEs), for IOMMUFD and others
 *
 * A domain has one table for each of its windows, like those of a user of the table
 * group, see table_group.c. Each window is a part of the domain's aperture. What the
 * domain maps is noted in the views of its tables. A view is what iova_to_phys()
 * reads, so no TCE is ever read from the hypervisor, and it fills the window of a PE
 * that is attached.
 *
 * The windows of a domain are known when the domain is allocated, see
 * paging_layout.c. Attaching the domain to a PE opens them there. That fails if the
 * platform gives the PE no such window, or gives it another place.
 *
 * A domain that is attached to several PEs has windows at the same places in each.
 *
 * What a domain maps is pinned by its user, who unpins it once it has been unmapped
 * or the domain has been detached. If the platform neither clears an entry nor
 * removes the window, the device may reach the memory for ever. That memory is
 * kept: it gets a reference that nobody drops.
 *
 * Locking: domains are attached under the mutex of the IOMMU group. Users map
 * and unmap, in several tasks at a time, addresses that do not overlap. The locks
 * of the table group nest in these.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/iommu.h>
#include <asm/tce.h>
#include <asm/tce_view.h>

#include "dma_windows.h"
#include "paging_layout.h"
#include "pseries.h"
#include "table_group.h"

/**
 * struct paging_domain - a domain of devices that use the same windows
 * @domain: the domain as the IOMMU core sees it
 * @tables: the tables of its windows, with a reference each, in the order in which
 *	the windows are opened; %NULL behind the last one
 */
struct paging_domain {
	struct iommu_domain domain;
	struct iommu_table *tables[IOMMU_TABLE_GROUP_MAX_TABLES];
};

static struct paging_domain *to_paging_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct paging_domain, domain);
}

static bool paging_covers(const struct iommu_table *tbl, unsigned long iova,
			  size_t size)
{
	return !iommu_tce_check_ioba(tbl->it_page_shift, tbl->it_offset,
				     tbl->it_size, iova,
				     size >> tbl->it_page_shift);
}

/* The table with all of a range, or %NULL */
static struct iommu_table *paging_table(struct iommu_domain *domain,
					unsigned long iova, size_t size)
{
	struct paging_domain *pd = to_paging_domain(domain);
	int i;

	for (i = 0; i < ARRAY_SIZE(pd->tables) && pd->tables[i]; i++)
		if (paging_covers(pd->tables[i], iova, size))
			return pd->tables[i];

	return NULL;
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
			folio_try_get(page_folio(pfn_to_page(pfn)));
	}
}

/* For tce_view_walk() */
static int paging_keep_run(struct iommu_table *tbl, unsigned long index,
			   unsigned long npages, const __be64 *tces, void *data)
{
	paging_keep(tbl, index, npages);
	return 0;
}

/* Take the windows from a PE. That does not fail, whatever the platform does. */
static void paging_leave(struct iommu_table_group *table_group)
{
	struct iommu_table *tbl;
	int i;

	for (i = IOMMU_TABLE_GROUP_MAX_TABLES - 1; i >= 0; i--) {
		tbl = table_group->tables[i];
		if (!tbl || !table_group->ops->unset_window(table_group, i))
			continue;

		pr_err("DMA window %lx can be neither emptied nor removed: what it maps is lost\n",
		       tbl->it_index);
		tce_view_walk(tbl, NULL, paging_keep_run, NULL);
	}
}

/* Give a PE all windows, or none */
static int paging_enter(struct iommu_table_group *table_group,
			struct iommu_table **tables)
{
	int i, ret;

	for (i = 0; i < IOMMU_TABLE_GROUP_MAX_TABLES && tables[i]; i++) {
		ret = table_group->ops->set_window(table_group, i, tables[i]);
		if (ret) {
			paging_leave(table_group);
			return ret;
		}
	}

	return 0;
}

/* iommu_table_group_domain_ops::block */
static void paging_block(struct iommu_table_group *table_group,
			 struct iommu_domain *old)
{
	/* The first device of a PE takes the windows from all of them */
	if (table_group->tables[0] == to_paging_domain(old)->tables[0])
		paging_leave(table_group);
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
	struct iommu_table *before[IOMMU_TABLE_GROUP_MAX_TABLES];
	struct iommu_table **tables = to_paging_domain(domain)->tables;
	int ret = 0;

	/* The first device of a PE opens the windows for all of them */
	if (table_group->tables[0] == tables[0])
		goto put_group;
	if (!paging_claimed(to_pseries_pe(table_group))) {
		ret = -EBUSY;
		goto put_group;
	}

	memcpy(before, table_group->tables, sizeof(before));
	paging_leave(table_group);
	ret = paging_enter(table_group, tables);
	if (ret && paging_enter(table_group, before))
		dev_err(dev, "cannot have its DMA windows back\n");

	/* The IOMMU core's users try another domain then */
	if (ret == -EADDRNOTAVAIL || ret == -ENOSPC || ret == -EOPNOTSUPP)
		ret = -EINVAL;
put_group:
	iommu_group_put(group);
	return ret;
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
	struct iommu_table *tbl = paging_table(domain, iova, pgsize * pgcount);
	u64 tce = paddr | paging_permission(prot);
	unsigned long n = 0, index, npages;
	struct tce_batch *batch = NULL;
	int ret = 0;

	/* A TCE maps memory of the partition, and nothing else */
	if (!tbl || prot & IOMMU_MMIO || !paging_permission(prot) ||
	    !pfn_valid(PHYS_PFN(paddr)))
		return -EINVAL;
	if (!gfpflags_allow_blocking(gfp))
		return -EOPNOTSUPP;

	index = iova >> tbl->it_page_shift;
	npages = pgsize * pgcount >> tbl->it_page_shift;
	if (npages > 1) {
		batch = kmalloc_obj(*batch, gfp);
		if (!batch)
			return -ENOMEM;
	}

	for (; npages; npages -= n, index += n) {
		n = min(npages, TCE_LIST_MAX);
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
	size_t size = pgsize * pgcount;
	struct iommu_table *tbl = paging_table(domain, iova, size);
	unsigned long index, npages;

	if (WARN_ON_ONCE(!tbl))
		return 0;

	index = iova >> tbl->it_page_shift;
	npages = size >> tbl->it_page_shift;

	/* The caller unpins the memory whatever is returned */
	if (tce_view_unmap(tbl, index, npages)) {
		pr_err_ratelimited("DMA window %lx cannot be emptied at %lx: what is mapped there is lost\n",
				   tbl->it_index, iova);
		paging_keep(tbl, index, npages);
	}

	return size;
}

static phys_addr_t paging_iova_to_phys(struct iommu_domain *domain,
				       dma_addr_t iova)
{
	unsigned long pgsize = domain->pgsize_bitmap;
	struct iommu_table *tbl;
	u64 tce = 0;

	tbl = paging_table(domain, ALIGN_DOWN(iova, pgsize), pgsize);
	if (tbl)
		tce = tce_view_lookup(tbl, iova >> tbl->it_page_shift);
	if (!tce)
		return 0;

	return (tce & IOMMU_PAGE_MASK(tbl)) | (iova & ~IOMMU_PAGE_MASK(tbl));
}

static u64 paging_start(const struct iommu_table *tbl)
{
	return (u64)tbl->it_offset << tbl->it_page_shift;
}

static bool paging_get_aperture(struct iommu_domain *domain, unsigned int n,
				dma_addr_t *start, dma_addr_t *last)
{
	struct iommu_table **tables = to_paging_domain(domain)->tables;
	struct iommu_table *tbl;

	if (n >= IOMMU_TABLE_GROUP_MAX_TABLES || !tables[n])
		return false;

	/* The window that is opened first may have the higher address */
	if (tables[1] && paging_start(tables[0]) > paging_start(tables[1]))
		n = 1 - n;
	tbl = tables[n];
	*start = paging_start(tbl);
	*last = *start + ((u64)tbl->it_size << tbl->it_page_shift) - 1;
	return true;
}

static void paging_free(struct iommu_domain *domain)
{
	struct paging_domain *pd = to_paging_domain(domain);
	struct iommu_table *tbl;
	int i;

	for (i = 0; i < ARRAY_SIZE(pd->tables) && pd->tables[i]; i++) {
		tbl = pd->tables[i];
		/* A PE could not be attached, and its window is left with entries */
		if (to_user_table(tbl)->stuck)
			tce_view_walk(tbl, NULL, paging_keep_run, NULL);
		iommu_tce_table_put(tbl);
	}
	kfree(pd);
}

static const struct iommu_domain_ops paging_domain_ops = {
	.attach_dev = paging_attach,
	.map_pages = paging_map,
	.unmap_pages = paging_unmap,
	.iova_to_phys = paging_iova_to_phys,
	.get_aperture = paging_get_aperture,
	.free = paging_free,
};

static struct iommu_table *paging_table_alloc(const struct pe_window *win)
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

	return &ut->tbl;
}

/* Mappings are multiples of the larger I/O pages: each window can have them */
static void paging_describe(struct iommu_domain *domain,
			    const struct paging_layout *layout)
{
	struct iommu_domain_geometry *geometry = &domain->geometry;
	u32 page_shift = 0;
	unsigned int n;

	geometry->aperture_start = U64_MAX;
	geometry->force_aperture = true;
	for (n = 0; n < layout->nr; n++) {
		const struct pe_window *win = &layout->win[n];

		page_shift = max(page_shift, win->page_shift);
		geometry->aperture_start = min(geometry->aperture_start,
					       win->start);
		geometry->aperture_end = max(geometry->aperture_end,
					     win->start + win->size - 1);
	}
	domain->pgsize_bitmap = 1UL << page_shift;
}

/* iommu_table_group_domain_ops::alloc */
static struct iommu_domain *paging_alloc(struct iommu_table_group *table_group,
					 const struct iommu_user_data *user_data)
{
	struct iommu_hwpt_spapr_tce request;
	struct paging_layout layout;
	struct paging_domain *pd;
	unsigned int n;
	int ret;

	if (user_data) {
		ret = iommu_copy_struct_from_user(&request, user_data,
						  IOMMU_HWPT_DATA_SPAPR_TCE,
						  windows);
		if (ret)
			return ERR_PTR(ret);
	}
	ret = paging_layout_find(to_pseries_pe(table_group),
				 user_data ? &request : NULL, &layout);
	if (ret)
		return ERR_PTR(ret);

	pd = kzalloc_obj(*pd, GFP_KERNEL_ACCOUNT);
	if (!pd)
		return ERR_PTR(-ENOMEM);

	pd->domain.type = IOMMU_DOMAIN_UNMANAGED;
	pd->domain.ops = &paging_domain_ops;
	paging_describe(&pd->domain, &layout);
	for (n = 0; n < layout.nr; n++) {
		pd->tables[n] = paging_table_alloc(&layout.win[n]);
		if (!pd->tables[n]) {
			paging_free(&pd->domain);
			return ERR_PTR(-ENOMEM);
		}
	}

	return &pd->domain;
}

/* iommu_table_group_domain_ops::hw_info */
static void *paging_hw_info(struct iommu_table_group *table_group, u32 *length)
{
	struct pseries_pe *pe = to_pseries_pe(table_group);
	struct iommu_hw_info_spapr_tce *info;

	info = kzalloc_obj(*info);
	if (!info)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&pe->lock);
	info->max_windows = max(table_group->max_dynamic_windows_supported, 1);
	info->page_sizes = table_group->pgsizes & (2 * PAGE_SIZE - 1);
	info->default_start = pe->boot.start;
	info->default_size = pe->boot.size;
	info->default_page_shift = pe->boot.page_shift;
	mutex_unlock(&pe->lock);

	*length = sizeof(*info);
	return info;
}

const struct iommu_table_group_domain_ops pseries_paging_domain_ops = {
	.alloc = paging_alloc,
	.block = paging_block,
	.hw_info = paging_hw_info,
};
