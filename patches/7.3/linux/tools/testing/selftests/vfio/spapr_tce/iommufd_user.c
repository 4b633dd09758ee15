// SPDX-License-Identifier: GPL-2.0
/*
 * A device that a program has by its cdev, and the ioctls of IOMMUFD.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "iommufd_user.h"

#define MAX_RANGES	16

int cdev_path(const struct tce_dev *dev, char *path)
{
	struct dirent *entry;
	char dir[PATH_MAX];
	int ret = -ENOENT;
	DIR *d;

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s/vfio-dev",
		 dev->bdf);
	d = opendir(dir);
	if (!d)
		return -errno;

	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, PATH_MAX, "/dev/vfio/devices/%s", entry->d_name);
		ret = 0;
	}
	closedir(d);
	return ret;
}

int cdev_open(struct cdev *cdev, const struct tce_dev *dev, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	char path[PATH_MAX];
	int ret;

	*cdev = (struct cdev)CDEV_CLOSED;
	cdev->v.dev = dev;
	ret = cdev_path(dev, path);
	if (ret)
		return ret;
	cdev->v.device = open(path, O_RDWR);
	if (cdev->v.device < 0)
		return -errno;

	ret = tce_ioctl(cdev->v.device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	cdev->id = bind.out_devid;
	if (!ret && dev->edu)
		ret = edu_open(&cdev->v.edu, cdev->v.device);
	if (ret)
		cdev_close(cdev);
	return ret;
}

void cdev_close(struct cdev *cdev)
{
	tce_vfio_close(&cdev->v);
}

int cdev_attach(struct cdev *cdev, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt,
	};

	return tce_ioctl(cdev->v.device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

int cdev_detach(struct cdev *cdev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return tce_ioctl(cdev->v.device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int ioas_alloc(int iommufd, uint32_t *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret = tce_ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc);

	*ioas = alloc.out_ioas_id;
	return ret;
}

int hwpt_alloc(int iommufd, const struct cdev *cdev, uint32_t ioas,
	       const struct iommu_hwpt_spapr_tce *windows, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = cdev->id,
		.pt_id = ioas,
	};
	int ret;

	if (windows) {
		alloc.data_type = IOMMU_HWPT_DATA_SPAPR_TCE;
		alloc.data_len = sizeof(*windows);
		alloc.data_uptr = (uintptr_t)windows;
	}
	ret = tce_ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc);
	*hwpt = alloc.out_hwpt_id;
	return ret;
}

int cdev_info(int iommufd, const struct cdev *cdev,
	      struct iommu_hw_info_spapr_tce *info)
{
	struct iommu_hw_info ask = {
		.size = sizeof(ask),
		.dev_id = cdev->id,
		.data_len = sizeof(*info),
		.data_uptr = (uintptr_t)info,
	};
	int ret = tce_ioctl(iommufd, IOMMU_GET_HW_INFO, &ask);

	if (!ret && ask.out_data_type != IOMMU_HW_INFO_TYPE_SPAPR_TCE)
		ret = -EPROTOTYPE;
	return ret;
}

int iommufd_destroy(int iommufd, uint32_t id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return tce_ioctl(iommufd, IOMMU_DESTROY, &destroy);
}

int ioas_map(int iommufd, uint32_t ioas, const void *va, uint64_t iova,
	     uint64_t size, unsigned int permission)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = size,
		.iova = iova,
	};

	if (permission & MAY_READ)
		map.flags |= IOMMU_IOAS_MAP_READABLE;
	if (permission & MAY_WRITE)
		map.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return tce_ioctl(iommufd, IOMMU_IOAS_MAP, &map);
}

int ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas,
		.iova = iova,
		.length = size,
	};

	return tce_ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap);
}

int ioas_ranges(int iommufd, uint32_t ioas, struct ioas_range *ranges, int max)
{
	struct iommu_iova_range range[MAX_RANGES];
	struct iommu_ioas_iova_ranges ask = {
		.size = sizeof(ask),
		.ioas_id = ioas,
		.num_iovas = MAX_RANGES,
		.allowed_iovas = (uintptr_t)range,
	};
	int i, ret = tce_ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, &ask);

	if (ret)
		return ret;
	for (i = 0; i < ask.num_iovas && i < max; i++) {
		ranges[i].first = range[i].start;
		ranges[i].last = range[i].last;
	}
	return ask.num_iovas;
}
