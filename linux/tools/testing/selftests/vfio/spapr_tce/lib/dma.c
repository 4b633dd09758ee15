// SPDX-License-Identifier: GPL-2.0
/*
 * DMA that must work and DMA that must not, proved by the data.
 *
 * A program in a partition is not told when the IOMMU refuses an access. So
 * each check makes a new pattern, which differs from all others, has the device
 * copy it, and looks at the data that arrived.
 */

#include <errno.h>
#include <string.h>

#include "spapr_tce.h"

#define SENTINEL	0xa5

static bool untouched(const void *va, size_t len)
{
	const uint8_t *p = va;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != SENTINEL)
			return false;
	return true;
}

/* Puts a pattern into the device's buffer, by way of the scratch memory */
static int load(struct tce_vfio *v, const struct tce_scratch *scratch,
		size_t len, uint64_t seed)
{
	tce_fill(scratch->va, len, seed);
	return edu_dma_read(&v->edu, scratch->iova, len);
}

/* Copies the device's buffer into the scratch memory */
static int dump(struct tce_vfio *v, const struct tce_scratch *scratch,
		size_t len)
{
	int ret;

	memset(scratch->va, SENTINEL, len);
	ret = edu_dma_write(&v->edu, scratch->iova, len);
	if (!ret && untouched(scratch->va, len))
		ret = -EIO;
	return ret;
}

int tce_dma_ok(struct tce_vfio *v, uint64_t iova, void *va, size_t len)
{
	uint64_t seed = tce_seed();
	int ret;

	if (!v->edu.bar)
		return 0;
	tce_fill(va, len, seed);
	ret = edu_dma_read(&v->edu, iova, len);
	if (ret)
		return ret;
	memset(va, SENTINEL, len);
	ret = edu_dma_write(&v->edu, iova, len);
	if (ret)
		return ret;
	if (!tce_match(va, len, seed)) {
		tce_log("DMA at 0x%llx: %s", (unsigned long long)iova,
			untouched(va, len) ? "memory not written" :
					     "other data than were there");
		return -EIO;
	}
	return 0;
}

int tce_dma_from(struct tce_vfio *v, uint64_t iova, const void *va, size_t len,
		 const struct tce_scratch *scratch)
{
	uint64_t seed = tce_seed();
	int ret;

	if (!v->edu.bar)
		return 0;
	tce_fill((void *)va, len, seed);
	ret = edu_dma_read(&v->edu, iova, len);
	if (!ret)
		ret = dump(v, scratch, len);
	if (!ret && !tce_match(scratch->va, len, seed))
		ret = -EIO;
	return ret;
}

int tce_dma_to(struct tce_vfio *v, uint64_t iova, void *va, size_t len,
	       const struct tce_scratch *scratch)
{
	uint64_t seed = tce_seed();
	int ret;

	if (!v->edu.bar)
		return 0;
	ret = load(v, scratch, len, seed);
	if (ret)
		return ret;
	memset(va, SENTINEL, len);
	ret = edu_dma_write(&v->edu, iova, len);
	if (!ret && !tce_match(va, len, seed))
		ret = -EIO;
	return ret;
}

int tce_dma_read_denied(struct tce_vfio *v, uint64_t iova, void *secret,
			size_t len, const struct tce_scratch *scratch)
{
	uint64_t seed = tce_seed();
	int ret;

	if (!v->edu.bar)
		return 0;
	/* The data of an earlier copy must not be taken for the secret */
	ret = load(v, scratch, len, tce_seed());
	if (ret)
		return ret;
	if (secret)
		tce_fill(secret, len, seed);
	tce_mark(v->dev, TCE_MARK_DMA_DENIED);
	ret = edu_dma_read(&v->edu, iova, len);
	tce_mark(v->dev, TCE_MARK_DMA_END);
	if (!ret)
		ret = dump(v, scratch, len);
	if (!ret && secret && tce_resembles(scratch->va, len, seed)) {
		tce_log("the device read 0x%llx", (unsigned long long)iova);
		ret = -EACCES;
	}
	return ret;
}

int tce_dma_write_denied(struct tce_vfio *v, uint64_t iova, void *victim,
			 size_t len, const struct tce_scratch *scratch)
{
	int ret;

	if (!v->edu.bar)
		return 0;
	if (scratch) {
		ret = load(v, scratch, len, tce_seed());
		if (ret)
			return ret;
	}
	if (victim)
		memset(victim, SENTINEL, len);
	tce_mark(v->dev, TCE_MARK_DMA_DENIED);
	ret = edu_dma_write(&v->edu, iova, len);
	tce_mark(v->dev, TCE_MARK_DMA_END);
	if (!ret && victim && !untouched(victim, len)) {
		tce_log("the device wrote 0x%llx", (unsigned long long)iova);
		ret = -EACCES;
	}
	return ret;
}
