// SPDX-License-Identifier: GPL-2.0
/*
 * A partition migrates while a user has windows. On the new machine the calls
 * of the firmware that create and remove windows have other numbers, which the
 * device tree has then. The kernel has to use the numbers that are in the
 * device tree now.
 *
 * The program changes the device tree by hand, to the numbers of calls that
 * refuse the arguments, and back. A kernel may warn about numbers that no call
 * has. It needs an emulated platform: VFIO_TCE_RTAS_SHIM=1.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "spapr_tce.h"

#define LEN		1024
#define CALLS		"ibm,ddw-applicable"

enum { QUERY, CREATE, REMOVE, NCALLS };

static const struct tce_dev *dev = &tce_devs[0];

/* The numbers of the calls for a device, and the node that has them */
struct calls {
	uint32_t phandle;
	uint32_t token[NCALLS];		/* big-endian, as in the device tree */
};

static int read_file(const char *dir, const char *name, void *buf, size_t len)
{
	char path[PATH_MAX * 2];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, len);
	close(fd);
	return n == (ssize_t)len ? 0 : -EIO;
}

static int find_calls(struct calls *calls)
{
	char node[PATH_MAX];
	int ret;

	ret = tce_of_node(dev->bdf, node);
	if (ret)
		return ret;
	/* The bridge above has them */
	tce_of_up(node);
	ret = read_file(node, CALLS, calls->token, sizeof(calls->token));
	if (!ret)
		ret = read_file(node, "phandle", &calls->phandle,
				sizeof(calls->phandle));
	return ret;
}

static int set_calls(const struct calls *calls, bool other)
{
	uint32_t token[NCALLS];
	char text[128];
	int fd, n, ret = 0;

	memcpy(token, calls->token, sizeof(token));
	if (other) {
		token[QUERY] = calls->token[REMOVE];
		token[CREATE] = calls->token[QUERY];
		token[REMOVE] = calls->token[QUERY];
	}
	n = sprintf(text, "update_property %u " CALLS " %zu ",
		    be32toh(calls->phandle), sizeof(token));
	memcpy(text + n, token, sizeof(token));
	n += sizeof(token);

	fd = open("/proc/ppc64/ofdt", O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != n)
		ret = -errno;
	close(fd);
	return ret;
}

FIXTURE(migrate) {
	struct tce_vfio v;
	struct tce_mem mem;
	struct calls calls;
	const char *why;		/* the test is skipped, or NULL */
};

FIXTURE_SETUP(migrate)
{
	const char *env = getenv("VFIO_TCE_RTAS_SHIM");

	self->v = (struct tce_vfio)TCE_VFIO_CLOSED;
	self->why = env && *env == '1' ? NULL : "no platform to play with";
	if (self->why)
		return;
	ASSERT_EQ(0, find_calls(&self->calls));
	ASSERT_EQ(0, tce_vfio_open(&self->v, dev, 2));
	ASSERT_EQ(0, tce_mem_anon(&self->mem, UNIT));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va, UNIT));
	ASSERT_EQ(0, tce_map(self->v.container, self->mem.va,
			     tce_def_start(&self->v), UNIT, TCE_RW));
}

FIXTURE_TEARDOWN(migrate)
{
	if (!self->why)
		set_calls(&self->calls, false);
	tce_vfio_close(&self->v);
	tce_mem_free(&self->mem);
}

/*
 * A window is created by the new numbers, and not by those of the old machine
 */
TEST_F_TIMEOUT(migrate, calls_have_other_numbers, 60)
{
	struct tce_vfio *v = &self->v;
	uint64_t start;
	int i, ret;

	if (self->why)
		SKIP(return, "%s", self->why);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, set_calls(&self->calls, true));
		ret = tce_create(v->container, 16, GiB, 1, &start);
		EXPECT_TRUE(ret == -EINVAL || ret == -EIO) {
			TH_LOG("%s by the calls of the old machine",
			       ret ? strerrorname_np(-ret) : "a window");
		}
		if (!ret)
			EXPECT_EQ(0, tce_remove(v->container, start));
		EXPECT_EQ(0, tce_dma_ok(v, tce_def_start(v), self->mem.va,
					LEN));

		ASSERT_EQ(0, set_calls(&self->calls, false));
		ASSERT_EQ(0, tce_create(v->container, 16, GiB, 1, &start));
		ASSERT_EQ(0, tce_map(v->container, self->mem.va, start, UNIT,
				     TCE_RW));
		EXPECT_EQ(0, tce_dma_ok(v, start, self->mem.va, LEN));
		ASSERT_EQ(0, tce_remove(v->container, start));
	}
}

/*
 * Claimed on one machine, released on another: the host has its windows again
 */
TEST_F_TIMEOUT(migrate, calls_have_other_numbers_on_the_way_back, 60)
{
	if (self->why)
		SKIP(return, "%s", self->why);
	tce_vfio_close(&self->v);
	ASSERT_EQ(0, set_calls(&self->calls, true));
	ASSERT_EQ(0, tce_vfio_open(&self->v, dev, 2));
	ASSERT_EQ(0, tce_register(self->v.container, self->mem.va, UNIT));
	ASSERT_EQ(0, set_calls(&self->calls, false));
	ASSERT_EQ(0, tce_map(self->v.container, self->mem.va,
			     tce_def_start(&self->v), UNIT, TCE_RW));
	EXPECT_EQ(0, tce_dma_ok(&self->v, tce_def_start(&self->v),
				self->mem.va, LEN));
}

TCE_MAIN(true)
