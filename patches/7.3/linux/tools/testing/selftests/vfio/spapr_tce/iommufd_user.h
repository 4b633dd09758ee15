/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device that a program has by its cdev, and the ioctls of IOMMUFD. A function
 * returns 0 or a negative errno unless its comment says otherwise.
 */
#ifndef IOMMUFD_USER_H
#define IOMMUFD_USER_H

#include <stdint.h>
#include <linux/iommufd.h>

#include "spapr_tce.h"

/* What a mapping permits, as IOMMU_IOAS_MAP_* */
enum {
	MAY_READ = 1,
	MAY_WRITE = 2,
	MAY_BOTH = 3,
};

/**
 * struct cdev - A device that is bound to an iommufd
 * @v: the device for tce_dma_ok() and the like; it has neither container nor group
 * @id: number of the device in the iommufd
 */
struct cdev {
	struct tce_vfio v;
	uint32_t id;
};

/* Nothing is open: cdev_close() has nothing to do */
#define CDEV_CLOSED	{ .v = TCE_VFIO_CLOSED }

/**
 * cdev_path() - The path of the cdev of a device
 * @dev: the device, bound to vfio-pci
 * @path: room for PATH_MAX bytes
 */
int cdev_path(const struct tce_dev *dev, char *path);

/**
 * cdev_open() - Open a device and bind it to an iommufd
 * @cdev: filled in; everything is closed again after a failure
 * @dev: the device
 * @iommufd: the iommufd
 *
 * The device is attached to nothing, so it reaches nothing.
 */
int cdev_open(struct cdev *cdev, const struct tce_dev *dev, int iommufd);
void cdev_close(struct cdev *cdev);

/* Attach a device to an IOAS or a HWPT, in the place of any other; and detach it */
int cdev_attach(struct cdev *cdev, uint32_t pt);
int cdev_detach(struct cdev *cdev);

int ioas_alloc(int iommufd, uint32_t *ioas);

/**
 * hwpt_alloc() - Allocate a page table for the PE of a device
 * @iommufd: the iommufd
 * @cdev: the device
 * @ioas: what it maps
 * @windows: its windows, or NULL: the kernel chooses
 * @hwpt: its number
 */
int hwpt_alloc(int iommufd, const struct cdev *cdev, uint32_t ioas,
	       const struct iommu_hwpt_spapr_tce *windows, uint32_t *hwpt);

/* The windows that a PE can have */
int cdev_info(int iommufd, const struct cdev *cdev,
	      struct iommu_hw_info_spapr_tce *info);
int iommufd_destroy(int iommufd, uint32_t id);
int ioas_map(int iommufd, uint32_t ioas, const void *va, uint64_t iova,
	     uint64_t size, unsigned int permission);
int ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t size);

/**
 * struct ioas_range - Addresses that can be mapped
 * @first: the first byte
 * @last: the last byte
 */
struct ioas_range {
	uint64_t first;
	uint64_t last;
};

/**
 * ioas_ranges() - The addresses that can be mapped
 * @iommufd: the iommufd
 * @ioas: the IOAS
 * @ranges: filled in
 * @max: room in @ranges
 *
 * Return: the number of ranges, which may exceed @max, or a negative errno.
 */
int ioas_ranges(int iommufd, uint32_t ioas, struct ioas_range *ranges, int max);

#endif /* IOMMUFD_USER_H */
