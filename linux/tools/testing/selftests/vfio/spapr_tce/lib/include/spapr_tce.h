/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Library of the SPAPR TCE VFIO selftests.
 *
 * Functions return 0 or a negative errno unless their comment says otherwise.
 * ioctl wrappers return what the kernel returned: a positive value stays
 * visible, because no ioctl here may return one to report an error.
 */

#ifndef SPAPR_TCE_H
#define SPAPR_TCE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/vfio.h>

#include "spapr_tce_marks.h"

#define TCE_MAX_DEVS	16
#define TCE_BDF_LEN	16

#define KiB		1024ULL
#define MiB		(1024 * KiB)
#define GiB		(1024 * MiB)
#define TiB		(1024 * GiB)

#define tce_log(fmt, ...) printf("# " fmt "\n", ##__VA_ARGS__)

struct tce_bdf {
	char s[TCE_BDF_LEN];
};

/* One PCI device under test */
struct tce_dev {
	char bdf[TCE_BDF_LEN];
	int group;			/* IOMMU group */
	bool edu;			/* QEMU's edu: can be told to do DMA */
};

/* pci.c: devices, their groups and drivers */
int tce_find_devices(struct tce_dev *devs, int max);
int tce_find_class(uint32_t class, struct tce_bdf *bdfs, int max);
int tce_group_of(const char *bdf);
int tce_group_members(int group, struct tce_bdf *bdfs, int max);
int tce_driver_of(const char *bdf, char *name, size_t len);
int tce_bind_group(int group);
int tce_restore_group(int group);
int tce_firmware_window(const char *bdf, uint64_t *start, uint64_t *size,
			bool *ddw);
bool tce_is_powernv(void);
bool tce_is_qemu(void);
int tce_read_text(const char *path, char *buf, size_t len);
int tce_write_text(const char *path, const char *text);

/* main.c: what every program does before its first test */
extern struct tce_dev tce_devs[TCE_MAX_DEVS];
extern int tce_ndevs;
void tce_begin(bool bind);
uint64_t tce_max_window(void);
const struct tce_dev *tce_second_group(void);

/* mark.c */
void tce_mark(const struct tce_dev *dev, enum tce_mark mark);
/* Begins a step, whose hypercalls are counted: prints its name, and a mark */
#define tce_step(dev, fmt, ...)						\
	do {								\
		tce_log("step " fmt, ##__VA_ARGS__);			\
		tce_mark(dev, TCE_MARK_STEP);				\
	} while (0)
void tce_step_end(const struct tce_dev *dev);

/* mem.c: memory to map */
struct tce_mem {
	void *va;
	size_t size;
	size_t page;			/* size of the pages behind it */
	int fd;
	long reserved;			/* huge pages added to the pool */
};

/* Address space without memory, at a multiple of @align, or MAP_FAILED */
void *tce_reserve(size_t size, size_t align);
int tce_mem_anon(struct tce_mem *mem, size_t size);
int tce_mem_memfd(struct tce_mem *mem, size_t size);
int tce_mem_tmpfs(struct tce_mem *mem, size_t size);
int tce_mem_hugetlb(struct tce_mem *mem, size_t size, size_t page);
int tce_mem_for_shift(struct tce_mem *mem, size_t size, unsigned int shift);
void tce_mem_free(struct tce_mem *mem);
int tce_phys_of(const void *va, uint64_t *phys);
uint64_t tce_seed(void);
void tce_fill(void *va, size_t len, uint64_t seed);
bool tce_match(const void *va, size_t len, uint64_t seed);
bool tce_resembles(const void *va, size_t len, uint64_t seed);

/* stat.c: what must be the same before and after */
struct tce_stat {
	long vmlck_kb;			/* locked_vm of this process */
	long pinned;			/* pages pinned by anyone */
	long huge_total;
	long huge_free;
	long memfree_kb;
};

int tce_stat_get(struct tce_stat *st);
int tce_stat_settle(const struct tce_stat *before, struct tce_stat *after,
		    long tolerance_kb);
int tce_limit_locked(uint64_t bytes);
long tce_vmlck_kb(void);
long tce_pinned(void);
/* Levels of the kernel's log, as in its include/linux/kern_levels.h */
#define TCE_KMSG_WARNING	4
#define TCE_KMSG_INFO		6

int tce_kmsg_open(void);
int tce_kmsg_lines(int fd, int level);

/* edu.c: a device that does DMA when told to */
struct edu {
	uint8_t *bar;
	size_t bar_size;
	bool big_endian;
};

/* The device aborts QEMU 7.2 at 4096 bytes and beyond */
#define EDU_DMA_MAX	4088

int edu_open(struct edu *edu, int device_fd);
int edu_open_sysfs(struct edu *edu, const char *bdf);
void edu_close(struct edu *edu);
int edu_dma_read(struct edu *edu, uint64_t iova, size_t len);
int edu_dma_start_write(struct edu *edu, uint64_t iova, size_t len);
int edu_dma_write(struct edu *edu, uint64_t iova, size_t len);
void edu_raise(struct edu *edu);
void edu_ack(struct edu *edu);
void edu_interrupt(struct edu *edu);

/* vfio.c: a container with one group and one device */
struct tce_vfio {
	const struct tce_dev *dev;
	int version;
	int container;
	int group;
	int device;
	struct edu edu;
	struct vfio_iommu_spapr_tce_info info;
};

#define TCE_RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

int tce_ioctl(int fd, unsigned long cmd, void *arg);
int tce_open_container(void);
int tce_open_group(const struct tce_dev *dev);
int tce_set_iommu(int container, int version);
int tce_open_device(int group, const struct tce_dev *dev);
int tce_vfio_open(struct tce_vfio *v, const struct tce_dev *dev, int version);
int tce_vfio_open_iommu(struct tce_vfio *v, const struct tce_dev *dev,
			int version);
int tce_vfio_open_quick(struct tce_vfio *v, const struct tce_dev *dev,
			int version);
void tce_vfio_close(struct tce_vfio *v);

int tce_join(struct tce_vfio *v, const struct tce_vfio *first,
	     const struct tce_dev *dev);
void tce_leave(struct tce_vfio *v);

int tce_get_info(int container, struct vfio_iommu_spapr_tce_info *info);
int tce_enable(int container);
int tce_disable(int container);
int tce_register(int container, const void *va, uint64_t size);
int tce_unregister(int container, const void *va, uint64_t size);
int tce_create(int container, unsigned int shift, uint64_t size,
	       unsigned int levels, uint64_t *start);
int tce_remove(int container, uint64_t start);
int tce_map(int container, const void *va, uint64_t iova, uint64_t size,
	    unsigned int flags);
int tce_unmap(int container, uint64_t iova, uint64_t size);

/* v1: enable the container; v2: register the memory. And the reverse. */
int tce_ready(struct tce_vfio *v, const struct tce_mem *mem);
int tce_unready(struct tce_vfio *v, const struct tce_mem *mem);
bool tce_has_ddw(const struct tce_vfio *v);
unsigned int tce_max_windows(const struct tce_vfio *v);
bool tce_has_shift(const struct tce_vfio *v, unsigned int shift);
uint64_t tce_def_start(const struct tce_vfio *v);
uint64_t tce_def_end(const struct tce_vfio *v);

/*
 * dma.c: DMA that must work and DMA that must not. Without an open edu
 * device all of them return 0 and do nothing: what can be told from the ioctls
 * alone is still tested.
 */
struct tce_scratch {
	uint64_t iova;			/* mapped read and write */
	void *va;
};

int tce_dma_ok(struct tce_vfio *v, uint64_t iova, void *va, size_t len);
int tce_dma_from(struct tce_vfio *v, uint64_t iova, const void *va, size_t len,
		 const struct tce_scratch *scratch);
int tce_dma_to(struct tce_vfio *v, uint64_t iova, void *va, size_t len,
	       const struct tce_scratch *scratch);
int tce_dma_read_denied(struct tce_vfio *v, uint64_t iova, void *secret,
			size_t len, const struct tce_scratch *scratch);
int tce_dma_write_denied(struct tce_vfio *v, uint64_t iova, void *victim,
			 size_t len, const struct tce_scratch *scratch);

/* fault.c: a page whose fault lasts until it is served */
struct tce_fault {
	void *va;			/* the page, and its size */
	size_t size;
	const void *content;
	int fd;
	int server_fd;
	int requests[2];
	int touched[2];			/* pipes */
	int serve[2];
	pthread_t server;
	pthread_t kernel;
};

int tce_fault_init(struct tce_fault *f);
int tce_fault_open(struct tce_fault *f, const void *content);
int tce_fault_touched(struct tce_fault *f, int seconds);
int tce_fault_serve(struct tce_fault *f);

/* host.c: the device's own driver */
/* PCI_CLASS_STORAGE_EXPRESS of the kernel's include/linux/pci_ids.h */
#define TCE_CLASS_NVME	0x010802

int tce_nvme_disk(const char *bdf, char *path, size_t len);
void tce_host_ready(int group);
bool tce_disk_is_scratch(void);
int tce_disk_io(const char *disk);
int tce_host_windows(const char *bdf, char *buf, size_t len);

#endif /* SPAPR_TCE_H */
