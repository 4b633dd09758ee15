// SPDX-License-Identifier: GPL-2.0
/*
 * A page whose fault ends when the test says so. The page is of a network block
 * device, and the server of that device is this program.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "blocked_fault.h"

#define NBD		"/dev/nbd0"
#define NBD_BLOCK	4096UL
#define NBD_SIZE	(64 * MiB)

/*
 * Requests from here on wait. The kernel reads the start, to find partitions.
 */
#define NBD_SLOW	(32 * MiB)

/* Says that the page has been touched, and waits until the parent answers */
static void wait_for_parent(struct tce_fault *f)
{
	char c = 0;

	if (write(f->touched[1], &c, 1) != 1 || read(f->serve[0], &c, 1) != 1)
		_exit(99);
}

/*
 * Gets a request by a pipe, without a copy from the socket. That copy may fault
 * while the socket is locked. The kernel's side of the device locks its own
 * socket in a fault, and lockdep takes both locks for one.
 */
static bool receive(struct tce_fault *f, struct nbd_request *req)
{
	ssize_t n, left;

	for (left = sizeof(*req); left; left -= n) {
		n = splice(f->server_fd, NULL, f->requests[1], NULL, left, 0);
		if (n <= 0)
			return false;
	}
	return read(f->requests[0], req, sizeof(*req)) == sizeof(*req);
}

static void *serve(void *arg)
{
	static char data[NBD_BLOCK];
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };
	struct tce_fault *f = arg;
	struct nbd_request req;
	uint64_t from;
	uint32_t len;

	while (receive(f, &req) && req.type == htobe32(NBD_CMD_READ)) {
		from = be64toh(req.from);
		memcpy(reply.handle, req.handle, sizeof(reply.handle));
		len = be32toh(req.len);
		if (from + len > NBD_SLOW)
			wait_for_parent(f);
		send(f->server_fd, &reply, sizeof(reply), MSG_NOSIGNAL);
		for (; len; len -= NBD_BLOCK) {
			memset(data, 0, NBD_BLOCK);
			if (from >= NBD_SLOW && from < NBD_SLOW + f->size)
				memcpy(data, f->content + from - NBD_SLOW,
				       NBD_BLOCK);
			send(f->server_fd, data, NBD_BLOCK, MSG_NOSIGNAL);
			from += NBD_BLOCK;
		}
	}
	return NULL;
}

/* Stays in the kernel as long as the device exists */
static void *serve_kernel(void *arg)
{
	struct tce_fault *f = arg;

	ioctl(f->fd, NBD_DO_IT);
	return NULL;
}

int tce_fault_init(struct tce_fault *f)
{
	memset(f, 0, sizeof(*f));
	return pipe(f->touched) || pipe(f->serve) ? -errno : 0;
}

int tce_fault_open(struct tce_fault *f, const void *content)
{
	int socks[2], fd;

	/* So that a read fails if the parent ends */
	close(f->serve[1]);
	f->size = sysconf(_SC_PAGESIZE);
	f->content = content;

	f->fd = open(NBD, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 || pipe(f->requests) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		return -errno;
	f->server_fd = socks[1];
	if (ioctl(f->fd, NBD_SET_BLKSIZE, NBD_BLOCK) ||
	    ioctl(f->fd, NBD_SET_SIZE_BLOCKS, NBD_SIZE / NBD_BLOCK) ||
	    ioctl(f->fd, NBD_SET_SOCK, socks[0]))
		return -errno;
	if (pthread_create(&f->server, NULL, serve, f) ||
	    pthread_create(&f->kernel, NULL, serve_kernel, f))
		return -EAGAIN;

	/* The device has its size when it is ready */
	fd = open(NBD, O_RDONLY);
	while (fd >= 0 && lseek(fd, 0, SEEK_END) < NBD_SIZE)
		usleep(1000);
	if (fd < 0)
		return -errno;
	f->va = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		     NBD_SLOW);
	return f->va == MAP_FAILED ? -errno : 0;
}

int tce_fault_touched(struct tce_fault *f, int seconds)
{
	struct pollfd p = { .fd = f->touched[0], .events = POLLIN };

	/* So that poll() returns if the child ends */
	close(f->touched[1]);
	if (poll(&p, 1, seconds * 1000) != 1)
		return -ETIMEDOUT;
	return p.revents & POLLIN ? 0 : -ESRCH;
}

int tce_fault_serve(struct tce_fault *f)
{
	char c = 0;

	return write(f->serve[1], &c, 1) == 1 ? 0 : -errno;
}
