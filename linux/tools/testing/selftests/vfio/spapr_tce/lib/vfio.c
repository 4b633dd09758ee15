// SPDX-License-Identifier: GPL-2.0
/* Containers, groups, devices, and the ioctls of the SPAPR TCE backend. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "spapr_tce.h"

int tce_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int tce_open_container(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	return fd < 0 ? -errno : fd;
}

int tce_open_group(const struct tce_dev *dev)
{
	char path[32];
	int fd;

	if (dev->group < 0)
		return dev->group;
	snprintf(path, sizeof(path), "/dev/vfio/%d", dev->group);
	fd = open(path, O_RDWR);
	return fd < 0 ? -errno : fd;
}

int tce_set_iommu(int container, int version)
{
	unsigned long type = version == 1 ? VFIO_SPAPR_TCE_IOMMU :
					    VFIO_SPAPR_TCE_v2_IOMMU;

	return tce_ioctl(container, VFIO_SET_IOMMU, (void *)type);
}

int tce_open_device(int group, const struct tce_dev *dev)
{
	return tce_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (void *)dev->bdf);
}

/* Each step is named, for the message after a failure */
static int open_all(struct tce_vfio *v, const struct tce_dev *dev, int version,
		    bool with_device)
{
	const char *step;
	int ret;

	*v = (struct tce_vfio)TCE_VFIO_CLOSED;
	v->dev = dev;
	v->version = version;

	step = "container";
	ret = tce_open_container();
	v->container = ret;
	if (ret < 0)
		goto out;

	step = "group";
	ret = tce_open_group(dev);
	v->group = ret;
	if (ret < 0)
		goto out;

	step = "VFIO_GROUP_SET_CONTAINER";
	ret = tce_ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container);
	if (ret)
		goto out;

	step = "VFIO_SET_IOMMU";
	ret = tce_set_iommu(v->container, version);
	if (ret)
		goto out;

	step = "VFIO_IOMMU_SPAPR_TCE_GET_INFO";
	ret = tce_get_info(v->container, &v->info);
	if (ret || !with_device)
		goto out;

	step = "VFIO_GROUP_GET_DEVICE_FD";
	ret = tce_open_device(v->group, dev);
	v->device = ret;
	if (ret < 0)
		goto out;

	step = "edu";
	ret = dev->edu ? edu_open(&v->edu, v->device) : 0;

out:
	if (!ret)
		return 0;
	tce_log("%s: %s: %s", dev->bdf, step, strerror(ret < 0 ? -ret : ret));
	tce_vfio_close(v);
	return ret < 0 ? ret : -EPROTO;
}

int tce_vfio_open(struct tce_vfio *v, const struct tce_dev *dev, int version)
{
	return open_all(v, dev, version, true);
}

int tce_vfio_open_iommu(struct tce_vfio *v, const struct tce_dev *dev,
			int version)
{
	return open_all(v, dev, version, false);
}

int tce_vfio_open_quick(struct tce_vfio *v, const struct tce_dev *dev,
			int version)
{
	return open_all(v, dev, version, !tce_is_powernv());
}

void tce_vfio_close(struct tce_vfio *v)
{
	edu_close(&v->edu);
	if (v->device >= 0)
		close(v->device);
	if (v->group >= 0)
		close(v->group);
	if (v->container >= 0)
		close(v->container);
	v->device = -1;
	v->group = -1;
	v->container = -1;
}

int tce_join(struct tce_vfio *v, const struct tce_vfio *first,
	     const struct tce_dev *dev)
{
	int ret;

	*v = *first;
	v->dev = dev;
	memset(&v->edu, 0, sizeof(v->edu));
	v->device = -1;
	v->group = tce_open_group(dev);
	if (v->group < 0)
		return v->group;
	ret = tce_ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container);
	if (!ret) {
		v->device = tce_open_device(v->group, dev);
		ret = v->device < 0 ? v->device : 0;
	}
	if (!ret && dev->edu)
		ret = edu_open(&v->edu, v->device);
	return ret;
}

void tce_leave(struct tce_vfio *v)
{
	edu_close(&v->edu);
	close(v->device);
	close(v->group);
	v->device = -1;
	v->group = -1;
}

int tce_get_info(int container, struct vfio_iommu_spapr_tce_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return tce_ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, info);
}

int tce_enable(int container)
{
	return tce_ioctl(container, VFIO_IOMMU_ENABLE, NULL);
}

int tce_disable(int container)
{
	return tce_ioctl(container, VFIO_IOMMU_DISABLE, NULL);
}

static int memory_ioctl(int container, unsigned long cmd, const void *va,
			uint64_t size)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg),
		.vaddr = (uintptr_t)va,
		.size = size,
	};

	return tce_ioctl(container, cmd, &reg);
}

int tce_register(int container, const void *va, uint64_t size)
{
	return memory_ioctl(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, va,
			    size);
}

int tce_unregister(int container, const void *va, uint64_t size)
{
	return memory_ioctl(container, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, va,
			    size);
}

int tce_create(int container, unsigned int shift, uint64_t size,
	       unsigned int levels, uint64_t *start)
{
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create),
		.page_shift = shift,
		.window_size = size,
		.levels = levels,
		.start_addr = ~0ULL,
	};
	int ret;

	ret = tce_ioctl(container, VFIO_IOMMU_SPAPR_TCE_CREATE, &create);
	*start = create.start_addr;
	return ret;
}

int tce_remove(int container, uint64_t start)
{
	struct vfio_iommu_spapr_tce_remove remove = {
		.argsz = sizeof(remove),
		.start_addr = start,
	};

	return tce_ioctl(container, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove);
}

int tce_map(int container, const void *va, uint64_t iova, uint64_t size,
	    unsigned int flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};

	return tce_ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

int tce_unmap(int container, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return tce_ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

int tce_ready(struct tce_vfio *v, const struct tce_mem *mem)
{
	return v->version == 1 ? tce_enable(v->container) :
		tce_register(v->container, mem->va, mem->size);
}

int tce_unready(struct tce_vfio *v, const struct tce_mem *mem)
{
	return v->version == 1 ? tce_disable(v->container) :
		tce_unregister(v->container, mem->va, mem->size);
}

bool tce_has_ddw(const struct tce_vfio *v)
{
	return v->info.flags & VFIO_IOMMU_SPAPR_INFO_DDW;
}

unsigned int tce_max_windows(const struct tce_vfio *v)
{
	return tce_has_ddw(v) ? v->info.ddw.max_dynamic_windows_supported : 0;
}

bool tce_has_shift(const struct tce_vfio *v, unsigned int shift)
{
	return tce_has_ddw(v) && (v->info.ddw.pgsizes >> shift & 1);
}

uint64_t tce_def_start(const struct tce_vfio *v)
{
	return v->info.dma32_window_start;
}

uint64_t tce_def_end(const struct tce_vfio *v)
{
	return (uint64_t)v->info.dma32_window_start + v->info.dma32_window_size;
}
