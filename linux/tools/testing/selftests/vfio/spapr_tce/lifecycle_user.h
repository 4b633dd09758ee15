/* SPDX-License-Identifier: GPL-2.0 */
/* Users of a device for spapr_tce_lifecycle. */

#ifndef LIFECYCLE_USER_H
#define LIFECYCLE_USER_H

#include "spapr_tce.h"

/* How much data a DMA moves, in bytes */
#define LEN		2048

/**
 * map_and_use() - Map a unit at the start of the default window, and do DMA
 * @v: an open container, not ready yet
 * @mem: memory, of at least a unit
 *
 * Return: 0 or a negative errno.
 */
int map_and_use(struct tce_vfio *v, struct tce_mem *mem);

/**
 * not_the_owner() - Be a process that has the descriptor, but does not own it
 * @container: descriptor of a container that another address space owns
 * @iova: I/O address, at which the owner has mapped memory
 *
 * Return: 0 if each ioctl was refused, or 1.
 */
int not_the_owner(int container, uint64_t iova);

/**
 * one_round() - Go from the host's driver to VFIO and back
 * @version: 1 or 2
 *
 * Return: 0 or a negative errno.
 */
int one_round(int version);

/*
 * Processes that open and map all they can, and end in some way. The first two
 * write a byte to @result: 0, or 1 if something was wrong.
 */
void own_until_killed(int version, int result);
void own_and_leave(int version, int result);	/* to a child */
void own_and_exec(int version);

#endif /* LIFECYCLE_USER_H */
