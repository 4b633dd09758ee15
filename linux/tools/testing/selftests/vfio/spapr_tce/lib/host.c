// SPDX-License-Identifier: GPL-2.0
/* The device's own driver: whether it works, and which DMA windows it has. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "spapr_tce.h"

#define DISK_TIMEOUT_SECONDS	120
#define IO_SIZE			(1 * MiB)

static int first_entry(const char *dir, const char *prefix, char *name,
		       size_t len)
{
	struct dirent *de;
	int ret = -ENOENT;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		/* nvme0c0n1 is a path to the disk, and not the disk */
		if (!strncmp(de->d_name, prefix, strlen(prefix)) &&
		    !strchr(de->d_name + strlen(prefix), 'c')) {
			snprintf(name, len, "%s", de->d_name);
			ret = 0;
			break;
		}
	}
	closedir(d);
	return ret;
}

int tce_nvme_disk(const char *bdf, char *path, size_t len)
{
	char dir[128], ctrl[64], ns[64], sub[256];
	int i, fd;

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s/nvme", bdf);
	for (i = 0; i < DISK_TIMEOUT_SECONDS * 20; i++) {
		if (!first_entry(dir, "nvme", ctrl, sizeof(ctrl))) {
			snprintf(sub, sizeof(sub), "%s/%s", dir, ctrl);
			if (!first_entry(sub, "nvme", ns, sizeof(ns))) {
				snprintf(path, len, "/dev/%s", ns);
				/* Its name is there before it can be opened */
				fd = open(path, O_RDONLY);
				if (fd >= 0) {
					close(fd);
					return 0;
				}
			}
		}
		usleep(50000);
	}
	return -ETIMEDOUT;
}

void tce_host_ready(int group)
{
	struct tce_bdf bdfs[16];
	char driver[64], disk[64];
	int i, n;

	n = tce_find_class(TCE_CLASS_NVME, bdfs, 16);
	for (i = 0; i < n; i++) {
		tce_driver_of(bdfs[i].s, driver, sizeof(driver));
		if (tce_group_of(bdfs[i].s) == group && !strcmp(driver, "nvme"))
			tce_nvme_disk(bdfs[i].s, disk, sizeof(disk));
	}
}

bool tce_disk_is_scratch(void)
{
	const char *env = getenv("VFIO_TCE_SCRATCH_DISK");

	return env && *env == '1';
}

int tce_disk_io(const char *disk)
{
	bool scratch = tce_disk_is_scratch();
	uint8_t *buf;
	ssize_t n;
	int fd, ret = 0;

	fd = open(disk, (scratch ? O_RDWR : O_RDONLY) | O_DIRECT);
	if (fd < 0)
		return -errno;
	buf = mmap(NULL, 2 * IO_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buf == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}

	if (scratch) {
		tce_fill(buf, IO_SIZE, tce_seed());
		n = pwrite(fd, buf, IO_SIZE, 0);
	} else {
		n = pread(fd, buf, IO_SIZE, 0);
	}
	if (n == IO_SIZE)
		n = pread(fd, buf + IO_SIZE, IO_SIZE, 0);
	if (n < 0)
		ret = -errno;
	else if (n != IO_SIZE || memcmp(buf, buf + IO_SIZE, IO_SIZE))
		ret = -EIO;

	munmap(buf, 2 * IO_SIZE);
	close(fd);
	return ret;
}

static bool is_window(const char *name)
{
	return !strcmp(name, "ibm,dma-window") ||
	       !strcmp(name, "ibm,my-dma-window") ||
	       !strcmp(name, "linux,direct64-ddr-window-info") ||
	       !strcmp(name, "linux,dma64-ddr-window-info");
}

/*
 * Adds the windows of a node to the text, as hexadecimal digits; returns their
 * number
 */
static int add_node(const char *node, char *buf, size_t len)
{
	char path[PATH_MAX * 2];
	unsigned char value[64];
	struct dirent **names;
	int i, j, n, used = 0;
	ssize_t got;
	int fd;

	n = scandir(node, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (is_window(names[i]->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", node,
				 names[i]->d_name);
			fd = open(path, O_RDONLY);
			got = fd < 0 ? 0 : read(fd, value, sizeof(value));
			if (fd >= 0)
				close(fd);
			used += snprintf(buf + used, len - used, "%s=",
					 names[i]->d_name);
			for (j = 0; j < got && used + 3 < (int)len; j++)
				used += snprintf(buf + used, len - used,
						 "%02x", value[j]);
			if (used + 2 < (int)len)
				used += snprintf(buf + used, len - used, " ");
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return used;
}

int tce_host_windows(const char *bdf, char *buf, size_t len)
{
	char node[PATH_MAX];
	size_t used = 0;
	int ret;

	*buf = '\0';
	ret = tce_of_node(bdf, node);
	if (ret)
		return ret;
	for (; tce_of_valid(node); tce_of_up(node)) {
		used += add_node(node, buf + used, len - used);
		if (used + 128 > len)
			return -ENOSPC;
	}
	return 0;
}
