// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's edu device copies data between its buffer and memory.
 *
 * Its registers have the byte order of the machine. The identification register
 * shows which one that is. A copy that the IOMMU refuses ends like any other:
 * only the data show it.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "spapr_tce.h"

/* From docs/specs/edu of QEMU */
#define EDU_ID			0x010000ed

#define EDU_REG_ID		0x00
#define EDU_REG_RAISE		0x60
#define EDU_REG_ACK		0x64
#define EDU_REG_DMA_SRC		0x80
#define EDU_REG_DMA_DST		0x88
#define EDU_REG_DMA_COUNT	0x90
#define EDU_REG_DMA_CMD		0x98

#define EDU_CMD_START		0x1
#define EDU_CMD_TO_RAM		0x2

#define EDU_BUFFER		0x40000
#define EDU_BAR_SIZE		0x100000

#define EDU_TIMEOUT_SECONDS	60

static void wr64(struct edu *edu, unsigned int reg, uint64_t value)
{
	value = edu->big_endian ? htobe64(value) : htole64(value);
	__atomic_store_n((uint64_t *)(edu->bar + reg), value, __ATOMIC_SEQ_CST);
}

static void wr32(struct edu *edu, unsigned int reg, uint32_t value)
{
	value = edu->big_endian ? htobe32(value) : htole32(value);
	__atomic_store_n((uint32_t *)(edu->bar + reg), value, __ATOMIC_SEQ_CST);
}

static uint32_t rd32(struct edu *edu, unsigned int reg)
{
	uint32_t value = __atomic_load_n((uint32_t *)(edu->bar + reg),
					 __ATOMIC_SEQ_CST);

	return edu->big_endian ? be32toh(value) : le32toh(value);
}

static uint64_t rd64(struct edu *edu, unsigned int reg)
{
	uint64_t value = __atomic_load_n((uint64_t *)(edu->bar + reg),
					 __ATOMIC_SEQ_CST);

	return edu->big_endian ? be64toh(value) : le64toh(value);
}

static int set_command(int fd, uint64_t config)
{
	uint16_t cmd;

	if (pread(fd, &cmd, sizeof(cmd), config + PCI_COMMAND) !=
	    sizeof(cmd))
		return -EIO;
	cmd |= htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (pwrite(fd, &cmd, sizeof(cmd), config + PCI_COMMAND) !=
	    sizeof(cmd))
		return -EIO;
	return 0;
}

static int enable_bus_master(int device_fd)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};

	if (ioctl(device_fd, VFIO_DEVICE_GET_REGION_INFO, &region))
		return -errno;
	return set_command(device_fd, region.offset);
}

static int map_bar(struct edu *edu, int fd, uint64_t offset, size_t size)
{
	void *bar;

	bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (bar == MAP_FAILED)
		return -errno;
	edu->bar = bar;
	edu->bar_size = size;

	edu->big_endian = true;
	if (rd32(edu, EDU_REG_ID) != EDU_ID) {
		edu->big_endian = false;
		if (rd32(edu, EDU_REG_ID) != EDU_ID) {
			edu_close(edu);
			return -ENODEV;
		}
	}
	return 0;
}

int edu_open(struct edu *edu, int device_fd)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	int ret;

	memset(edu, 0, sizeof(*edu));
	ret = enable_bus_master(device_fd);
	if (ret)
		return ret;
	if (ioctl(device_fd, VFIO_DEVICE_GET_REGION_INFO, &region))
		return -errno;
	return map_bar(edu, device_fd, region.offset, region.size);
}

int edu_open_sysfs(struct edu *edu, const char *bdf)
{
	char path[PATH_MAX];
	int fd, ret;

	memset(edu, 0, sizeof(*edu));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	ret = set_command(fd, 0);
	close(fd);
	if (ret)
		return ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	ret = map_bar(edu, fd, 0, EDU_BAR_SIZE);
	close(fd);
	return ret;
}

void edu_close(struct edu *edu)
{
	if (edu->bar)
		munmap(edu->bar, edu->bar_size);
	edu->bar = NULL;
}

static int start(struct edu *edu, uint64_t src, uint64_t dst, size_t len,
		 uint64_t cmd)
{
	if (!edu->bar)
		return -ENODEV;
	if (len > EDU_DMA_MAX)
		return -EINVAL;

	wr64(edu, EDU_REG_DMA_SRC, src);
	wr64(edu, EDU_REG_DMA_DST, dst);
	wr64(edu, EDU_REG_DMA_COUNT, len);
	wr64(edu, EDU_REG_DMA_CMD, cmd);
	return 0;
}

/* Waits for the copy, which begins a tenth of a second after its command */
static int finish(struct edu *edu)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += EDU_TIMEOUT_SECONDS;
	while (rd64(edu, EDU_REG_DMA_CMD) & EDU_CMD_START) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return -ETIMEDOUT;
		usleep(2000);
	}
	return 0;
}

int edu_dma_read(struct edu *edu, uint64_t iova, size_t len)
{
	int ret = start(edu, iova, EDU_BUFFER, len, EDU_CMD_START);

	return ret ? ret : finish(edu);
}

int edu_dma_start_write(struct edu *edu, uint64_t iova, size_t len)
{
	return start(edu, EDU_BUFFER, iova, len,
		     EDU_CMD_START | EDU_CMD_TO_RAM);
}

int edu_dma_write(struct edu *edu, uint64_t iova, size_t len)
{
	int ret = edu_dma_start_write(edu, iova, len);

	return ret ? ret : finish(edu);
}

void edu_raise(struct edu *edu)
{
	wr32(edu, EDU_REG_RAISE, 1);
}

void edu_ack(struct edu *edu)
{
	wr32(edu, EDU_REG_ACK, 1);
}

void edu_interrupt(struct edu *edu)
{
	edu_raise(edu);
	edu_ack(edu);
}
