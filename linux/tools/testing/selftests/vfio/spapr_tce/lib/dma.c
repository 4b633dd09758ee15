// SPDX-License-Identifier: GPL-2.0
/*
 * DMA that must work and DMA that must not, proved by the data.
 *
 * Nothing tells a program of a partition that the IOMMU refused an access, so
 * each check puts a fresh pattern where it can be told from all others, has the
 * device copy, and looks at what arrived.
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

/* A pattern into the device's buffer, by way of memory that is known to work */
static int load(struct tce_vfio *v, const struct tce_scratch *scratch,
		size_t len, uint64_t seed)
{
	tce_fill(scratch->va, len, seed);
	return edu_dma_read(&v->edu, scratch->iova, len);
}

/* The device's buffer into the scratch memory */
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

/* There and back: the device reads what is at @iova and writes it again */
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

/* One direction: the device reads from @iova */
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

/* One direction: the device writes to @iova */
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

/*
 * The device must not read from @iova, where @secret is or was, or whatever
 * (@secret NULL). -EACCES if any of the secret reached the device.
 */
int tce_dma_read_denied(struct tce_vfio *v, uint64_t iova, void *secret,
			size_t len, const struct tce_scratch *scratch)
{
	uint64_t seed = tce_seed();
	int ret;

	if (!v->edu.bar)
		return 0;
	/* Nothing of an earlier copy may pass for an answer */
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

/*
 * The device must not write to @iova, where @victim is or was. -EACCES if any
 * of the victim changed.
 */
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
