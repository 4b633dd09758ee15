// SPDX-License-Identifier: GPL-2.0
/*
 * The main task in five lines of output: a device is bound to VFIO, moves data
 * through the default and through a 64-bit window, and its group returns to the
 * host.
 *
 * Prints "demo: NAME: ok" or "demo: NAME: FAIL DETAIL" for each step, whatever
 * the result of the others; the exit status is 0 only if all are ok. This is a
 * demonstration, not a test.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spapr_tce.h"

#define CHUNK	(64 * KiB)

static int failures;

static void passed(const char *name)
{
	printf("demo: %s: ok\n", name);
}

#define failed(name, fmt, ...) do {					\
	printf("demo: %s: FAIL " fmt "\n", name, ##__VA_ARGS__);	\
	failures++;							\
} while (0)

/* The kernel's last message about vfio-pci's probe of this device */
static void kernel_says(const char *bdf, char *buf, size_t len)
{
	char line[1024], *text, *end;
	ssize_t n;
	int fd;

	*buf = '\0';
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return;
	/*
	 * EPIPE: records were overwritten, the next read continues after them
	 */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		line[n] = '\0';
		text = strchr(line, ';');
		if (!text || !strstr(text, "vfio-pci") ||
		    !strstr(text, "probe") || !strstr(text, bdf))
			continue;
		text++;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		snprintf(buf, len, "%s", text);
	}
	close(fd);
}

static bool demo_bind(const struct tce_dev *dev)
{
	char text[256];
	int ret;

	tce_mark(dev, TCE_MARK_HOST_UNBIND);
	ret = tce_bind_group(dev->group);
	tce_mark(dev, TCE_MARK_HOST_UNBOUND);
	if (!ret) {
		passed("bind");
		return true;
	}
	kernel_says(dev->bdf, text, sizeof(text));
	failed("bind", "%s%s%s", strerror(-ret), *text ? ", kernel: " : "", text);
	return false;
}

static void demo_default_window(const struct tce_dev *dev)
{
	static const char name[] = "default window DMA";
	struct tce_mem mem;
	struct tce_vfio v;
	int ret;

	tce_mark(dev, TCE_MARK_TAKE);
	ret = tce_vfio_open(&v, dev, 2);
	if (ret) {
		failed(name, "open: %s", strerror(-ret));
		return;
	}
	tce_mark(dev, TCE_MARK_TAKEN);
	ret = tce_mem_anon(&mem, CHUNK);
	if (!ret)
		ret = tce_register(v.container, mem.va, mem.size);
	tce_mark(dev, TCE_MARK_MAP);
	if (!ret)
		ret = tce_map(v.container, mem.va, tce_def_start(&v), mem.size,
			      TCE_RW);
	tce_mark(dev, TCE_MARK_MAPPED);
	if (ret)
		failed(name, "map: %s", strerror(abs(ret)));
	if (!ret) {
		tce_mark(dev, TCE_MARK_DMA_ALLOWED);
		ret = tce_dma_ok(&v, tce_def_start(&v), mem.va, EDU_DMA_MAX);
		tce_mark(dev, TCE_MARK_DMA_END);
		if (ret)
			failed(name, "DMA: %s", strerror(-ret));
	}
	if (!ret) {
		tce_mark(dev, TCE_MARK_UNMAP);
		ret = tce_unmap(v.container, tce_def_start(&v), mem.size);
		tce_mark(dev, TCE_MARK_UNMAPPED);
		if (ret)
			failed(name, "unmap: %s", strerror(abs(ret)));
		else
			passed(name);
	}
	tce_mark(dev, TCE_MARK_RELEASE);
	tce_vfio_close(&v);
	tce_mark(dev, TCE_MARK_RELEASED);
	tce_mem_free(&mem);
}

/*
 * A window of 64K pages, or of 4K pages if there is no larger size, beside the
 * default one, so that it is placed where the platform has 64-bit windows.
 */
static int create_64bit(struct tce_vfio *v, struct tce_mem *mem, uint64_t size,
			unsigned int *shift, uint64_t *start)
{
	int ret;

	*shift = 16;
	ret = tce_has_shift(v, 16) ? tce_mem_for_shift(mem, size, 16) : -ENOENT;
	if (ret) {
		*shift = 12;
		ret = tce_mem_anon(mem, size);
	}
	if (ret)
		return ret;
	ret = tce_register(v->container, mem->va, mem->size);
	if (!ret)
		/* This has the kernel create the default window */
		ret = tce_unmap(v->container, tce_def_start(v), 4 * KiB);
	if (!ret)
		ret = tce_create(v->container, *shift, 8 * GiB, 1, start);
	if (!ret && *start < 4 * GiB)
		tce_log("the platform put the window at 0x%llx",
			(unsigned long long)*start);
	return ret;
}

static void demo_64bit_window(const struct tce_dev *dev)
{
	static const char name[] = "64-bit window DMA";
	struct tce_mem mem = { .fd = -1 };
	uint64_t start, far;
	struct tce_vfio v;
	unsigned int shift;
	int ret;

	ret = tce_vfio_open(&v, dev, 2);
	if (ret) {
		failed(name, "open: %s", strerror(-ret));
		return;
	}
	tce_mark(dev, TCE_MARK_CREATE);
	ret = create_64bit(&v, &mem, CHUNK, &shift, &start);
	tce_mark(dev, TCE_MARK_CREATED);
	if (ret) {
		failed(name, "create: %s", strerror(abs(ret)));
		goto out;
	}
	far = start + 5 * GiB;
	ret = tce_map(v.container, mem.va, far, CHUNK, TCE_RW);
	if (ret) {
		failed(name, "map: %s", strerror(abs(ret)));
		goto out;
	}
	tce_mark(dev, TCE_MARK_DMA_ALLOWED);
	ret = tce_dma_ok(&v, far, mem.va, EDU_DMA_MAX);
	tce_mark(dev, TCE_MARK_DMA_END);
	if (ret) {
		failed(name, "DMA: %s", strerror(-ret));
		goto out;
	}
	tce_mark(dev, TCE_MARK_REMOVE);
	ret = tce_remove(v.container, start);
	tce_mark(dev, TCE_MARK_REMOVED);
	if (ret)
		failed(name, "remove: %s", strerror(abs(ret)));
	else
		passed(name);
out:
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

static void demo_64mib(const struct tce_dev *dev)
{
	static const char name[] = "64 MiB mapped and unmapped";
	uint64_t size = 64 * MiB, start, off;
	struct tce_mem mem = { .fd = -1 };
	struct tce_vfio v;
	unsigned int shift;
	int ret;

	ret = tce_vfio_open(&v, dev, 2);
	if (ret) {
		failed(name, "open: %s", strerror(-ret));
		return;
	}
	ret = create_64bit(&v, &mem, size, &shift, &start);
	if (ret) {
		failed(name, "create: %s", strerror(abs(ret)));
		goto out;
	}
	ret = tce_map(v.container, mem.va, start, size, TCE_RW);
	if (ret) {
		failed(name, "map: %s", strerror(abs(ret)));
		goto out;
	}
	for (off = 0; off < size; off += 21 * MiB) {
		ret = tce_dma_ok(&v, start + off, mem.va + off, EDU_DMA_MAX);
		if (ret) {
			failed(name, "DMA at +0x%llx: %s",
			       (unsigned long long)off, strerror(-ret));
			goto out;
		}
	}
	ret = tce_unmap(v.container, start, size);
	if (ret)
		failed(name, "unmap: %s", strerror(abs(ret)));
	else
		ret = tce_unregister(v.container, mem.va, mem.size);
	if (ret)
		failed(name, "unregister: %s", strerror(abs(ret)));
	else
		passed(name);
out:
	tce_vfio_close(&v);
	tce_mem_free(&mem);
}

/* An NVMe disk in the device's group, or any disk if there is none */
static bool find_nvme(const struct tce_dev *dev, char *bdf)
{
	struct tce_bdf bdfs[16];
	int i, n;

	n = tce_find_class(TCE_CLASS_NVME, bdfs, 16);
	if (n <= 0)
		return false;
	strcpy(bdf, bdfs[0].s);
	for (i = 0; i < n; i++)
		if (tce_group_of(bdfs[i].s) == dev->group)
			strcpy(bdf, bdfs[i].s);
	return true;
}

int main(void)
{
	static const char host[] = "host driver back";
	char nvme[TCE_BDF_LEN], disk[64], before[1024], after[1024];
	struct tce_dev *dev = &tce_devs[0];
	struct tce_dev disk_dev;
	bool have_nvme, bound, host_ok = true;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tce_ndevs = tce_find_devices(tce_devs, TCE_MAX_DEVS);
	if (!tce_ndevs) {
		failed("bind", "no device: no edu and no VFIO_TCE_DEVICE");
		return 1;
	}

	have_nvme = find_nvme(dev, nvme);
	if (have_nvme) {
		ret = tce_nvme_disk(nvme, disk, sizeof(disk));
		if (!ret)
			ret = tce_disk_io(disk);
		if (ret) {
			failed(host, "I/O before VFIO: %s", strerror(-ret));
			host_ok = false;
		}
		tce_host_windows(nvme, before, sizeof(before));
	}

	bound = demo_bind(dev);
	demo_default_window(dev);
	demo_64bit_window(dev);
	demo_64mib(dev);

	/* A disk with a group of its own is bound to VFIO and back as well */
	if (have_nvme && tce_group_of(nvme) != dev->group) {
		struct tce_vfio v;

		memset(&disk_dev, 0, sizeof(disk_dev));
		strcpy(disk_dev.bdf, nvme);
		disk_dev.group = tce_group_of(nvme);
		ret = tce_bind_group(disk_dev.group);
		if (!ret)
			ret = tce_vfio_open(&v, &disk_dev, 2);
		if (!ret)
			tce_vfio_close(&v);
		if (ret && host_ok) {
			failed(host, "VFIO on the disk: %s", strerror(-ret));
			host_ok = false;
		}
		if (tce_restore_group(disk_dev.group) && host_ok) {
			failed(host, "the disk's driver did not return");
			host_ok = false;
		}
	}

	tce_mark(dev, TCE_MARK_HOST_BIND);
	ret = tce_restore_group(dev->group);
	tce_mark(dev, TCE_MARK_HOST_BOUND);
	if (!host_ok)
		return 1;
	if (!bound) {
		failed(host, "it never left");
	} else if (ret) {
		failed(host, "%s", strerror(-ret));
	} else if (!have_nvme) {
		failed(host, "no NVMe disk to try it with");
	} else {
		ret = tce_nvme_disk(nvme, disk, sizeof(disk));
		if (!ret)
			ret = tce_disk_io(disk);
		tce_host_windows(nvme, after, sizeof(after));
		if (ret)
			failed(host, "I/O: %s", strerror(-ret));
		else if (strcmp(before, after))
			failed(host, "windows were %s, now %s", before, after);
		else
			passed(host);
	}
	return failures ? 1 : 0;
}
