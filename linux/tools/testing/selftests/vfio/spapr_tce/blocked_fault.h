/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page for spapr_tce_blocked, whose fault lasts until the test says so.
 *
 * A child process touches the page. Its parent waits until it has, and later
 * has the fault end.
 */

#ifndef BLOCKED_FAULT_H
#define BLOCKED_FAULT_H

#include <pthread.h>

#include "spapr_tce.h"

/**
 * struct tce_fault - A page whose fault lasts
 * @va: address of the page, in the child
 * @size: size of the page in bytes
 * @content: data that the page will have
 * @fd: descriptor of the block device
 * @server_fd: socket of the device's server
 * @requests: pipe by which the server gets requests
 * @touched: pipe by which the child says that the page has been touched
 * @serve: pipe by which the parent says that the fault is to end
 * @server: thread that answers requests
 * @kernel: thread that the kernel's side of the device runs in
 */
struct tce_fault {
	void *va;
	size_t size;
	const void *content;
	int fd;
	int server_fd;
	int requests[2];
	int touched[2];
	int serve[2];
	pthread_t server;
	pthread_t kernel;
};

/**
 * tce_fault_init() - Prepare for a page, before the fork
 * @f: filled in
 *
 * Return: 0 or a negative errno.
 */
int tce_fault_init(struct tce_fault *f);

/**
 * tce_fault_open() - Make the page, in the child
 * @f: @f->va and @f->size are filled in
 * @content: data that the page will have, of the size of a page
 *
 * Return: 0 or a negative errno.
 */
int tce_fault_open(struct tce_fault *f, const void *content);

/**
 * tce_fault_touched() - Wait until the child touches the page, in the parent
 * @f: the page
 * @seconds: how long to wait
 *
 * Return: 0, -ETIMEDOUT, or -ESRCH if the child has ended.
 */
int tce_fault_touched(struct tce_fault *f, int seconds);

/**
 * tce_fault_serve() - Have the fault end, in the parent
 * @f: the page
 *
 * Return: 0 or a negative errno.
 */
int tce_fault_serve(struct tce_fault *f);

#endif /* BLOCKED_FAULT_H */
