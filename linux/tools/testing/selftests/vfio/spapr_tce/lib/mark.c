// SPDX-License-Identifier: GPL-2.0
/* Marks in the hypervisor's trace: see spapr_tce_marks.h. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "spapr_tce.h"

static const char *mark_name(enum tce_mark mark)
{
	switch (mark) {
	case TCE_MARK_TAKE:		return "take";
	case TCE_MARK_TAKEN:		return "taken";
	case TCE_MARK_RELEASE:		return "release";
	case TCE_MARK_RELEASED:		return "released";
	case TCE_MARK_HOST_UNBIND:	return "host-unbind";
	case TCE_MARK_HOST_UNBOUND:	return "host-unbound";
	case TCE_MARK_HOST_BIND:	return "host-bind";
	case TCE_MARK_HOST_BOUND:	return "host-bound";
	case TCE_MARK_MAP:		return "map";
	case TCE_MARK_MAPPED:		return "mapped";
	case TCE_MARK_UNMAP:		return "unmap";
	case TCE_MARK_UNMAPPED:		return "unmapped";
	case TCE_MARK_CREATE:		return "create";
	case TCE_MARK_CREATED:		return "created";
	case TCE_MARK_REMOVE:		return "remove";
	case TCE_MARK_REMOVED:		return "removed";
	case TCE_MARK_DMA_ALLOWED:	return "dma-allowed";
	case TCE_MARK_DMA_DENIED:	return "dma-denied";
	case TCE_MARK_DMA_END:		return "dma-end";
	case TCE_MARK_STEP:		return "step";
	case TCE_MARK_STEP_END:		return "step-end";
	default:
		return mark >= TCE_MARK_HEIR ? "heir" : "?";
	}
}

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
		tce_log("mark 0x%08x %s", value, mark_name(mark));
	close(fd);
}
