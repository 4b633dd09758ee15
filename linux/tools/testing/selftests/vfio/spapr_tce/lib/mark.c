// SPDX-License-Identifier: GPL-2.0
/* Marks and steps in the hypervisor's trace, see spapr_tce_marks.h. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "spapr_tce.h"

void tce_mark(const struct tce_dev *dev, enum tce_mark mark)
{
	const char *env = getenv("LAB_TRACE");
	uint32_t value = mark;
	char path[PATH_MAX];
	uint8_t le[4];
	int fd;

	if (!env || *env != '1')
		return;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
		 dev->bdf);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	le[0] = value;
	le[1] = value >> 8;
	le[2] = value >> 16;
	le[3] = value >> 24;
	if (pwrite(fd, le, sizeof(le), 0) == sizeof(le))
		tce_log("mark 0x%08x", value);
	close(fd);
}

void tce_step_end(const struct tce_dev *dev)
{
	tce_mark(dev, TCE_MARK_STEP_END);
}
