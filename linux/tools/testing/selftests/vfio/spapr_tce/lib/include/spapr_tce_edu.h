/* SPDX-License-Identifier: GPL-2.0 */
/* edu.c: QEMU's edu device, which does DMA when it is told to. */

#ifndef SPAPR_TCE_EDU_H
#define SPAPR_TCE_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct edu - The registers of an edu device
 * @bar: where they are mapped, or NULL
 * @bar_size: size of that mapping, in bytes
 * @big_endian: their byte order
 */
struct edu {
	uint8_t *bar;
	size_t bar_size;
	bool big_endian;
};

/* The largest transfer, in bytes. QEMU 7.2 aborts at 4096 and beyond. */
#define EDU_DMA_MAX	4088

/**
 * edu_open() - Map the registers of a device that VFIO has
 * @edu: filled in
 * @device_fd: descriptor of VFIO's device
 *
 * The device may do DMA from here on (bus master).
 *
 * Return: 0, -ENODEV if it is no edu device, or a negative errno.
 */
int edu_open(struct edu *edu, int device_fd);

/**
 * edu_open_sysfs() - Map the registers of a device without VFIO
 * @edu: filled in
 * @bdf: PCI address of the device
 *
 * Root may do so by sysfs. A test can then see which memory the device reaches
 * while nobody owns it.
 *
 * Return: 0, -ENODEV if it is no edu device, or a negative errno.
 */
int edu_open_sysfs(struct edu *edu, const char *bdf);

/**
 * edu_close() - Unmap the registers
 * @edu: may be closed already
 *
 * The driver of a device cannot be unbound while its registers are mapped.
 */
void edu_close(struct edu *edu);

/**
 * edu_dma_read() - The device reads memory into its buffer
 * @edu: the device
 * @iova: I/O address of the memory
 * @len: how much, at most EDU_DMA_MAX bytes
 *
 * A transfer that the IOMMU refuses ends like any other.
 *
 * Return: 0 when it has ended, -ENODEV if @edu is closed, -EINVAL if @len is
 * too large, or -ETIMEDOUT after a minute.
 */
int edu_dma_read(struct edu *edu, uint64_t iova, size_t len);

/**
 * edu_dma_start_write() - Tell the device to write its buffer to memory
 * @edu: the device
 * @iova: I/O address of the memory
 * @len: how much, at most EDU_DMA_MAX bytes
 *
 * Does not wait. The device starts a tenth of a second later.
 *
 * Return: 0, -ENODEV or -EINVAL, as edu_dma_read().
 */
int edu_dma_start_write(struct edu *edu, uint64_t iova, size_t len);

/**
 * edu_dma_write() - The device writes its buffer to memory
 * @edu: the device
 * @iova: I/O address of the memory
 * @len: how much, at most EDU_DMA_MAX bytes
 *
 * Return: as edu_dma_read().
 */
int edu_dma_write(struct edu *edu, uint64_t iova, size_t len);

/**
 * edu_raise() - Raise the interrupt of the device
 * @edu: the device
 *
 * A level interrupt stays raised until edu_ack().
 */
void edu_raise(struct edu *edu);

/**
 * edu_ack() - Lower the interrupt of the device
 * @edu: the device
 */
void edu_ack(struct edu *edu);

/**
 * edu_interrupt() - One interrupt, by MSI if that is set up
 * @edu: the device
 */
void edu_interrupt(struct edu *edu);

#endif /* SPAPR_TCE_EDU_H */
