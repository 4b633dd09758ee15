// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices: the devices to test, their IOMMU groups, and their drivers.
 *
 * Before a device is bound to vfio-pci the name of its driver is remembered,
 * and tce_restore_device() gives the device back to that driver. A device that
 * vfio-pci had from the start stays with it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spapr_tce.h"

#define SYS_PCI_DEVICES		"/sys/bus/pci/devices"
#define SYS_PCI_DRIVERS		"/sys/bus/pci/drivers"

#define EDU_ID			0x123411e8	/* QEMU's docs/specs/edu */
#define CLASS_BRIDGE		0x0604

struct binding {
	char bdf[TCE_BDF_LEN];
	char driver[64];		/* empty: none */
};

static struct binding bindings[64];
static int nbindings;

int tce_read_text(const char *path, char *buf, size_t len)
{
	ssize_t n;
	int fd, err;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	buf[n] = '\0';
	while (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return 0;
}

int tce_write_text(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static uint32_t read_hex(const char *bdf, const char *attr)
{
	char path[PATH_MAX], buf[32];

	snprintf(path, sizeof(path), SYS_PCI_DEVICES "/%s/%s", bdf, attr);
	if (tce_read_text(path, buf, sizeof(buf)))
		return 0;
	return strtoul(buf, NULL, 16);
}

static uint32_t device_id(const char *bdf)
{
	return read_hex(bdf, "vendor") << 16 | read_hex(bdf, "device");
}

/* The last part of a symbolic link of the device; empty if there is none */
static int link_of(const char *bdf, const char *attr, char *name, size_t len)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	*name = '\0';
	snprintf(path, sizeof(path), SYS_PCI_DEVICES "/%s/%s", bdf, attr);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	snprintf(name, len, "%s", strrchr(link, '/') + 1);
	return 0;
}

int tce_group_of(const char *bdf)
{
	char name[32];
	int ret = link_of(bdf, "iommu_group", name, sizeof(name));

	return ret ? ret : atoi(name);
}

int tce_driver_of(const char *bdf, char *name, size_t len)
{
	return link_of(bdf, "driver", name, len);
}

static int cmp_bdf(const void *a, const void *b)
{
	return strcmp(((const struct tce_bdf *)a)->s,
		      ((const struct tce_bdf *)b)->s);
}

/* The names in a directory of sysfs, sorted; returns their number */
static int list_dir(const char *path, struct tce_bdf *bdfs, int max)
{
	struct dirent *de;
	int n = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return -errno;
	while (n < max && (de = readdir(dir))) {
		if (de->d_name[0] == '.' || strlen(de->d_name) >= TCE_BDF_LEN)
			continue;
		strcpy(bdfs[n++].s, de->d_name);
	}
	closedir(dir);
	qsort(bdfs, n, sizeof(*bdfs), cmp_bdf);
	return n;
}

static int add_device(struct tce_dev *dev, const char *bdf)
{
	dev->group = tce_group_of(bdf);
	dev->edu = device_id(bdf) == EDU_ID;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	return 1;
}

int tce_find_devices(struct tce_dev *devs, int max)
{
	const char *env = getenv("VFIO_TCE_DEVICE");
	struct tce_bdf bdfs[256];
	int i, n, found = 0;

	if (env && *env) {
		char *names = strdup(env), *name, *save = NULL;

		for (name = strtok_r(names, ",", &save); name && found < max;
		     name = strtok_r(NULL, ",", &save))
			found += add_device(&devs[found], name);
		free(names);
		return found;
	}

	n = list_dir(SYS_PCI_DEVICES, bdfs, 256);
	for (i = 0; i < n && found < max; i++)
		if (device_id(bdfs[i].s) == EDU_ID)
			found += add_device(&devs[found], bdfs[i].s);
	return found;
}

int tce_find_class(uint32_t class, struct tce_bdf *bdfs, int max)
{
	struct tce_bdf all[256];
	int i, n, found = 0;

	n = list_dir(SYS_PCI_DEVICES, all, 256);
	for (i = 0; i < n && found < max; i++)
		if (read_hex(all[i].s, "class") == class)
			bdfs[found++] = all[i];
	return found;
}

int tce_group_members(int group, struct tce_bdf *bdfs, int max)
{
	struct tce_bdf all[64];
	char path[PATH_MAX];
	int i, n, found = 0;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		 group);
	n = list_dir(path, all, 64);
	if (n < 0)
		return n;
	for (i = 0; i < n && found < max; i++)
		if (read_hex(all[i].s, "class") >> 8 != CLASS_BRIDGE)
			bdfs[found++] = all[i];
	return found;
}

static struct binding *find_binding(const char *bdf)
{
	int i;

	for (i = 0; i < nbindings; i++)
		if (!strcmp(bindings[i].bdf, bdf))
			return &bindings[i];
	return NULL;
}

static int remember(const char *bdf, const char *driver)
{
	struct binding *b = find_binding(bdf);

	if (b)
		return 0;
	if (nbindings == 64)
		return -ENOSPC;
	b = &bindings[nbindings++];
	snprintf(b->bdf, sizeof(b->bdf), "%s", bdf);
	snprintf(b->driver, sizeof(b->driver), "%s", driver);
	return 0;
}

static int set_override(const char *bdf, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_PCI_DEVICES "/%s/driver_override",
		 bdf);
	return tce_write_text(path, driver);
}

static int driver_write(const char *driver, const char *attr, const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_PCI_DRIVERS "/%s/%s", driver, attr);
	return tce_write_text(path, bdf);
}

/*
 * The nvme driver probes a controller in the background. Unbinding it meanwhile
 * may fail, so this waits until the controller works.
 */
static void settle(const char *bdf)
{
	char dir[128], path[256], state[32];
	struct dirent *e;
	DIR *d;
	int i;

	snprintf(dir, sizeof(dir), SYS_PCI_DEVICES "/%s/nvme", bdf);
	for (i = 0; i < 2400; i++) {
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			snprintf(path, sizeof(path), "%s/%s/state", dir,
				 e->d_name);
			if (strncmp(e->d_name, "nvme", 4) ||
			    tce_read_text(path, state, sizeof(state)))
				continue;
			if (!strcmp(state, "live")) {
				closedir(d);
				return;
			}
		}
		if (d)
			closedir(d);
		usleep(50000);
	}
}

int tce_bind_device(const char *bdf)
{
	char driver[64];
	int ret;

	tce_driver_of(bdf, driver, sizeof(driver));
	ret = remember(bdf, driver);
	if (ret)
		return ret;
	if (!strcmp(driver, "vfio-pci"))
		return 0;

	if (!strcmp(driver, "nvme"))
		settle(bdf);

	ret = set_override(bdf, "vfio-pci");
	if (!ret && *driver)
		ret = driver_write(driver, "unbind", bdf);
	/* An error of drivers_probe would not be that of the probe */
	if (!ret)
		ret = driver_write("vfio-pci", "bind", bdf);
	if (ret)
		tce_log("%s: cannot bind to vfio-pci: %s", bdf,
			strerror(-ret));
	return ret;
}

int tce_restore_device(const char *bdf)
{
	struct binding *b = find_binding(bdf);
	char driver[64];
	int ret;

	if (!b || !strcmp(b->driver, "vfio-pci"))
		return 0;

	tce_driver_of(bdf, driver, sizeof(driver));
	ret = set_override(bdf, "\n");
	if (strcmp(driver, b->driver)) {
		if (!ret && *driver)
			ret = driver_write(driver, "unbind", bdf);
		if (!ret && *b->driver)
			ret = tce_write_text("/sys/bus/pci/drivers_probe", bdf);
	}
	if (!ret) {
		tce_driver_of(bdf, driver, sizeof(driver));
		if (strcmp(driver, b->driver))
			ret = -ENODEV;
	}
	if (ret)
		tce_log("%s: cannot return to driver '%s': %s", bdf, b->driver,
			strerror(-ret));
	*b = bindings[--nbindings];
	return ret;
}

int tce_bind_group(int group)
{
	struct tce_bdf bdfs[64];
	int i, n, ret;

	if (group < 0)
		return group;
	if (access(SYS_PCI_DRIVERS "/vfio-pci", F_OK) &&
	    system("modprobe -q vfio-pci 2>/dev/null"))
		tce_log("driver vfio-pci is not there");

	n = tce_group_members(group, bdfs, 64);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		ret = tce_bind_device(bdfs[i].s);
		if (ret)
			return ret;
	}
	return 0;
}

int tce_restore_group(int group)
{
	struct tce_bdf bdfs[64];
	int i, n, err, ret = 0;

	n = tce_group_members(group, bdfs, 64);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		err = tce_restore_device(bdfs[i].s);
		if (err)
			ret = err;
	}
	return ret;
}

int tce_of_node(const char *bdf, char *node)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_PCI_DEVICES "/%s/of_node", bdf);
	return realpath(path, node) ? 0 : -errno;
}

bool tce_of_valid(const char *node)
{
	return strstr(node, "/devicetree/base/");
}

void tce_of_up(char *node)
{
	*strrchr(node, '/') = '\0';
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

int tce_firmware_window(const char *bdf, uint64_t *start, uint64_t *size,
			bool *ddw)
{
	char node[PATH_MAX], prop[PATH_MAX + 32];
	unsigned char value[64];
	FILE *f = NULL;
	size_t n;

	if (tce_of_node(bdf, node))
		return -ENOENT;
	for (; tce_of_valid(node); tce_of_up(node)) {
		snprintf(prop, sizeof(prop), "%s/ibm,dma-window", node);
		f = fopen(prop, "r");
		if (f)
			break;
	}
	if (!f)
		return -ENOENT;
	n = fread(value, 1, sizeof(value), f);
	fclose(f);
	if (n != 20)
		return -EPROTO;
	*start = (uint64_t)be32(value + 4) << 32 | be32(value + 8);
	*size = (uint64_t)be32(value + 12) << 32 | be32(value + 16);
	snprintf(prop, sizeof(prop), "%s/ibm,ddw-applicable", node);
	*ddw = !access(prop, F_OK);
	return 0;
}

bool tce_is_powernv(void)
{
	return !access("/proc/device-tree/ibm,opal", F_OK);
}

bool tce_is_qemu(void)
{
	char model[128];

	return !tce_read_text("/proc/device-tree/model", model,
			      sizeof(model)) && strstr(model, "qemu");
}
