// SPDX-License-Identifier: GPL-2.0
/*
 * Measures what it costs to map the same memory in a window of the same pages, by
 * IOMMUFD and by a container of SPAPR TCE v2. It is a tool, not a test.
 *
 * spapr_tce_bench_iommufd [-n TIMES] iommufd:SHIFT:SIZE...
 *
 * SHIFT is that of the I/O pages, and SIZE is in bytes. The memory has huge pages
 * if there are any as small. IOMMUFD pins the memory while it maps, so the times of
 * SPAPR TCE are those of REGISTER_MEMORY and MAP_DMA together, and of UNMAP_DMA and
 * UNREGISTER_MEMORY. The output is that of spapr_tce_bench.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "iommufd_user.h"
#include "spapr_tce.h"
#include "spapr_tce_marks.h"

#define WINDOW	GiB

struct bench {
	unsigned int shift;
	uint64_t size;
	struct tce_mem mem;
	int rep;
};

static int reps = 5;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int timed(const struct bench *b, const char *what, enum tce_mark mark,
		 int (*op)(const struct bench *b, void *data), void *data)
{
	uint64_t from, ns;
	int ret;

	tce_mark(&tce_devs[0], mark);
	from = now();
	ret = op(b, data);
	ns = now() - from;
	tce_mark(&tce_devs[0], mark + 1);
	printf("bench\tiommufd\t%u\t%llu\t%s\t%d\t%lld\t%s\n", b->shift,
	       (unsigned long long)b->size, what, b->rep,
	       ret ? (long long)ret : (long long)ns, ret ? "error" : "ns");
	return ret;
}

typedef int (*bench_op)(const struct bench *b, void *data);

/* The operation and its inverse, in turn. @what has their names. */
static int rounds(struct bench *b, const char * const what[2], bench_op map,
		  bench_op unmap, void *data)
{
	int ret = 0;

	for (b->rep = 1; !ret && b->rep <= reps; b->rep++) {
		ret = timed(b, what[0], TCE_MARK_MAP, map, data);
		if (!ret)
			ret = timed(b, what[1], TCE_MARK_UNMAP, unmap, data);
	}
	return ret;
}

struct by_iommufd {
	struct cdev cdev;
	int fd;
	uint32_t ioas;
	uint64_t iova;
};

static int iommufd_map(const struct bench *b, void *data)
{
	struct by_iommufd *by = data;

	return ioas_map(by->fd, by->ioas, b->mem.va, by->iova, b->size, MAY_BOTH);
}

static int iommufd_unmap(const struct bench *b, void *data)
{
	struct by_iommufd *by = data;

	return ioas_unmap(by->fd, by->ioas, by->iova, b->size);
}

static int bench_iommufd(struct bench *b)
{
	struct iommu_hwpt_spapr_tce windows = {
		.nr_windows = 1,
		.windows = { { IOMMU_SPAPR_TCE_ANYWHERE, WINDOW, b->shift } },
	};
	static const char * const what[] = { "iommufd-map", "iommufd-unmap" };
	struct by_iommufd by = { .cdev = CDEV_CLOSED };
	struct ioas_range range;
	uint32_t hwpt;
	int ret;

	by.fd = open("/dev/iommu", O_RDWR);
	if (by.fd < 0)
		return -errno;
	ret = ioas_alloc(by.fd, &by.ioas);
	if (!ret)
		ret = cdev_open(&by.cdev, &tce_devs[0], by.fd);
	if (!ret)
		ret = hwpt_alloc(by.fd, &by.cdev, by.ioas, &windows, &hwpt);
	if (!ret)
		ret = cdev_attach(&by.cdev, hwpt);
	if (!ret && ioas_ranges(by.fd, by.ioas, &range, 1) < 1)
		ret = -ENOSPC;
	if (!ret) {
		by.iova = range.first;
		ret = rounds(b, what, iommufd_map, iommufd_unmap, &by);
	}
	cdev_close(&by.cdev);
	close(by.fd);
	return ret;
}

struct by_v2 {
	struct tce_vfio v;
	uint64_t start;
};

static int v2_map(const struct bench *b, void *data)
{
	struct by_v2 *by = data;
	int ret = tce_register(by->v.container, b->mem.va, b->mem.size);

	return ret ?: tce_map(by->v.container, b->mem.va, by->start, b->size,
			      TCE_RW);
}

static int v2_unmap(const struct bench *b, void *data)
{
	struct by_v2 *by = data;
	int ret = tce_unmap(by->v.container, by->start, b->size);

	return ret ?: tce_unregister(by->v.container, b->mem.va, b->mem.size);
}

static int bench_v2(struct bench *b)
{
	static const char * const what[] = { "v2-register-map",
					     "v2-unmap-unregister" };
	struct by_v2 by = { .v = TCE_VFIO_CLOSED };
	int ret = tce_vfio_open_iommu(&by.v, &tce_devs[0], 2);

	if (!ret)
		ret = tce_remove(by.v.container, tce_def_start(&by.v));
	if (!ret)
		ret = tce_create(by.v.container, b->shift, WINDOW, 1, &by.start);
	if (!ret)
		ret = rounds(b, what, v2_map, v2_unmap, &by);
	tce_vfio_close(&by.v);
	return ret;
}

static int run(const char *arg)
{
	struct bench b = {};
	int ret;

	if (sscanf(arg, "iommufd:%u:%lu", &b.shift, &b.size) != 2)
		return -EINVAL;
	/* The least amount that can be registered */
	ret = b.size >= 2 * MiB ? tce_mem_hugetlb(&b.mem, b.size, 2 * MiB) : -1;
	if (ret)
		ret = tce_mem_anon(&b.mem, b.size < 64 * KiB ? 64 * KiB : b.size);
	if (ret)
		return ret;
	memset(b.mem.va, 1, b.mem.size);
	ret = bench_v2(&b);
	if (!ret)
		ret = bench_iommufd(&b);
	tce_mem_free(&b.mem);
	return ret;
}

int main(int argc, char **argv)
{
	int opt, err, ret = 0;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n')
			return 2;
		reps = atoi(optarg);
	}
	tce_begin(true);
	for (; optind < argc; optind++) {
		err = run(argv[optind]);
		if (err) {
			tce_log("%s: %d", argv[optind], err);
			ret = 1;
		}
		printf("done\t%s\n", argv[optind]);
	}
	return ret;
}
