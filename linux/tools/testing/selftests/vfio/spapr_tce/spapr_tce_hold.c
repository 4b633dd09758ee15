// SPDX-License-Identifier: GPL-2.0
/*
 * Has the device's group until it is told to let go, by SIGTERM, for tests of
 * what may happen to the group meanwhile. /tmp/held is there while it does.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "spapr_tce.h"

#define HELD	"/tmp/held"

int main(void)
{
	struct tce_vfio v;
	struct tce_mem mem;
	sigset_t term;
	uint64_t iova;
	int fd, ret, sig;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);

	tce_begin(true);
	ret = tce_vfio_open(&v, &tce_devs[0], 2);
	if (ret)
		goto failed;
	ret = tce_mem_anon(&mem, 64 * KiB);
	if (ret)
		goto close;
	ret = tce_ready(&v, &mem);
	if (ret)
		goto free;

	iova = tce_def_start(&v);
	ret = tce_map(v.container, mem.va, iova, mem.size, TCE_RW);
	if (ret)
		goto free;
	ret = tce_dma_ok(&v, iova, mem.va, KiB);
	if (ret)
		goto free;

	fd = open(HELD, O_CREAT | O_WRONLY, 0600);
	sigwait(&term, &sig);
	close(fd);
	unlink(HELD);

	/* Whatever has happened to the group: what is mapped works */
	ret = tce_dma_ok(&v, iova, mem.va, KiB);
free:
	tce_mem_free(&mem);
close:
	tce_vfio_close(&v);
failed:
	if (ret)
		printf("hold: %s\n", strerror(-ret));
	return ret != 0;
}
