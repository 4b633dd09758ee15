// SPDX-License-Identifier: GPL-2.0
/*
 * The answers of the device tree and of the firmware about a device, and the
 * commands for the RTAS shim.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "platform.h"

const struct page_size page_sizes[] = {
	{ 12, 0, "4K" },
	{ 16, 1, "64K" },
	{ 21, 8, "2M" },
	{ 24, 2, "16M" },
	{ 25, 3, "32M" },
	{ 26, 4, "64M" },
	{ 27, 5, "128M" },
	{ 28, 6, "256M" },
	{ 34, 7, "16G" },
	{ }
};

static int read_cells(const char *node, const char *name, uint32_t *cell,
		      int max)
{
	char path[PATH_MAX * 2];
	ssize_t n;
	int fd, i;

	snprintf(path, sizeof(path), "%s/%s", node, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, cell, max * sizeof(*cell));
	close(fd);
	if (n < 0)
		return -EIO;
	n /= sizeof(*cell);
	for (i = 0; i < n; i++)
		cell[i] = be32toh(cell[i]);
	return n;
}

/*
 * The query, by an RTAS call from userspace. Kernels from v6.3 on refuse it.
 * There tests/pe-kinds.t compares the answers with those of a kernel that could
 * be asked, which are in docs/pe-kinds.md.
 */
static int rtas_query(const struct platform *p, const uint32_t *ddw,
		      uint64_t buid, uint32_t config_addr, uint32_t *out)
{
	struct {
		uint32_t token, nargs, nret, args[16];
		uint64_t rets;
	} call = {
		.token = htobe32(ddw[0]),
		.nargs = htobe32(3),
		.nret = htobe32(p->outputs),
		.args = { htobe32(config_addr), htobe32(buid >> 32),
			  htobe32(buid) },
	};
	unsigned int i;

	if (syscall(SYS_rtas, &call))
		return -errno;
	for (i = 0; i < p->outputs; i++)
		out[i] = be32toh(call.args[3 + i]);
	return out[0] ? -EIO : 0;
}

int ask_platform(const struct tce_dev *dev, struct platform *p)
{
	char node[PATH_MAX], phb[PATH_MAX];
	unsigned int domain, bus, slot, fn;
	char *end;
	uint32_t cell[8], ddw[3], out[6] = {};
	const struct page_size *ps;
	uint64_t buid;
	uint32_t mask;
	int n;

	memset(p, 0, sizeof(*p));
	n = tce_of_node(dev->bdf, node);
	if (n)
		return n;

	/* The PHB is the uppermost of the PCI nodes */
	strcpy(phb, node);
	end = strstr(phb, "/base/pci@");
	if (!end)
		return -ENODEV;
	end = strchr(end + strlen("/base/"), '/');
	if (end)
		*end = '\0';

	/*
	 * The window stands at the device's node or at that of a bus above it
	 */
	for (; tce_of_valid(node); tce_of_up(node)) {
		n = read_cells(node, "ibm,dma-window", cell, 8);
		if (n == 5) {
			p->has_default = true;
			p->start = (uint64_t)cell[1] << 32 | cell[2];
			p->size = (uint64_t)cell[3] << 32 | cell[4];
			break;
		}
	}
	if (!p->has_default || read_cells(node, "ibm,ddw-applicable", ddw, 3) < 3)
		return 0;

	p->ddw = true;
	p->outputs = 5;
	n = read_cells(node, "ibm,ddw-extensions", cell, 8);
	p->reset = n >= 2 && cell[0] >= 1;
	if (n >= 3 && cell[0] >= 2 && cell[2] == 1)
		p->outputs = 6;

	if (read_cells(phb, "reg", cell, 2) != 2 ||
	    sscanf(dev->bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return 0;
	buid = (uint64_t)cell[0] << 32 | cell[1];
	n = rtas_query(p, ddw, buid, bus << 16 | slot << 11 | fn << 8, out);
	if (n) {
		tce_log("the firmware cannot be asked: %s", strerror(-n));
		return 0;
	}

	p->asked = true;
	p->windows = out[1];
	mask = p->outputs == 6 ? out[4] : out[3];
	for (ps = page_sizes; ps->name; ps++)
		if (mask >> ps->bit & 1)
			p->pgsizes |= 1ULL << ps->shift;
	return 0;
}

int shim(const struct tce_dev *dev, unsigned int what, unsigned int value)
{
	uint32_t word = htole32(SHIM_MARK << 16 | what << 8 | value);
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev->bdf);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, &word, sizeof(word), 0) != sizeof(word))
		ret = -EIO;
	close(fd);
	return ret;
}
