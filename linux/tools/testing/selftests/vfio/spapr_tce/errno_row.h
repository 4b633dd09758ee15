/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows of spapr_tce_errno: an ioctl with bad input, and the errno that it has
 * to return.
 */

#ifndef ERRNO_ROW_H
#define ERRNO_ROW_H

#include "spapr_tce.h"

enum op {
	OP_MAP,
	OP_UNMAP,
	OP_REGISTER,
	OP_UNREGISTER,
	OP_CREATE,
	OP_REMOVE,
	OP_GET_INFO,
	OP_ENABLE,
	OP_DISABLE,
	OP_EEH,
	OP_UNKNOWN,
};

/* An address is relative to one of these */
enum base {
	ABSOLUTE,
	MEMORY,			/* see struct ctx */
	DEFAULT_START,
	DEFAULT_END,
	SECOND_START,
	SECOND_END,
};

struct place {
	enum base base;
	int64_t offset;
};

/* The state of the container before the ioctl. The canary is a mapping. */
enum state {
	NORMAL,			/* ready, canary mapped in the default window */
	BARE,			/* nothing registered, not enabled, no canary */
	TWO_WINDOWS,		/* NORMAL and a second window */
	NO_DEFAULT,		/* the default window is removed, no canary */
	OTHER_PROCESS,		/* NORMAL, but a child calls the ioctl */
	NO_WINDOW_YET,		/* ready, but nothing has been mapped yet */
};

/* The memory of the argument */
enum pointer {
	VALID,
	UNMAPPED,
	READ_ONLY,
};

/**
 * struct row - An ioctl, and its errno
 * @err: the errno, negative
 * @version: of the container, 1 or 2
 * @op: the ioctl
 * @state: state of the container before it
 * @pointer: memory of the argument
 * @va: address in the process
 * @iova: I/O address; for REMOVE the window
 * @size: in bytes; for CREATE of the window; for EEH the operation
 * @flags: as in the argument
 * @shift: base-2 logarithm of the page size
 * @levels: number of levels of the table
 * @levels_beyond: one level more than GET_INFO reports, instead of @levels
 * @limited: no more memory may be locked
 * @short_by: argsz is that many bytes too small
 * @or: other errnos that are right too, negative
 */
struct row {
	int err;
	int version;
	enum op op;
	enum state state;
	enum pointer pointer;
	struct place va;
	struct place iova;
	uint64_t size;
	uint32_t flags;
	uint32_t shift;
	uint32_t levels;
	bool levels_beyond;
	bool limited;
	int short_by;
	int or[2];
};

/* Arguments that are right: a row changes one of them */

#define GOOD_MAP							\
	.version = 2, .op = OP_MAP, .va = { MEMORY, UNIT },		\
	.iova = { DEFAULT_START, UNIT }, .size = UNIT, .flags = TCE_RW
#define GOOD_UNMAP							\
	.version = 2, .op = OP_UNMAP,					\
	.iova = { DEFAULT_START, UNIT }, .size = UNIT
#define GOOD_REGISTER							\
	.version = 2, .op = OP_REGISTER, .va = { MEMORY, 4 * UNIT },	\
	.size = UNIT
#define GOOD_UNREGISTER							\
	.version = 2, .op = OP_UNREGISTER, .va = { MEMORY, 0 },		\
	.size = 4 * UNIT
#define GOOD_CREATE							\
	.version = 2, .op = OP_CREATE, .shift = 12, .size = 16 * MiB,	\
	.levels = 1
#define GOOD_REMOVE							\
	.version = 2, .op = OP_REMOVE, .iova = { DEFAULT_START, 0 }
#define GOOD_GET_INFO							\
	.version = 2, .op = OP_GET_INFO
#define GOOD_EEH							\
	.version = 2, .op = OP_EEH, .size = VFIO_EEH_PE_GET_STATE

/**
 * struct ctx - The container of a row
 * @v: the container, with a group and maybe a device
 * @mem: nine units. Four are registered (v2), the first of them is the canary.
 *	Three are not. Then there are a hole in the address space, and a unit
 *	that the process may read but not write.
 * @second: start of the second window
 * @second_size: its size in bytes, 0 if there is none
 */
struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t second;
	uint64_t second_size;
};

/**
 * row_call() - Call the ioctl of a row
 * @c: the container
 * @r: the row
 *
 * Return: the value of the ioctl, a negative errno, or 1000 if there is no
 * memory.
 */
int row_call(const struct ctx *c, const struct row *r);

/**
 * row_call_in_child() - Call the ioctl of a row in a child process
 * @c: the container
 * @r: the row
 *
 * Return: 0, a negative errno, or 1001 if the child does not end as it should.
 */
int row_call_in_child(const struct ctx *c, const struct row *r);

/* Whether an ioctl has returned one of the errnos of its row */
bool row_expects(const struct row *r, int ret);

/*
 * Bring a container into the state before a row, remove its second window, take
 * down the rest, and call a good ioctl of the same kind, which is undone at
 * once. They return 0 or a negative errno.
 */
int row_bring_up(struct ctx *c, enum state state);
int row_remove_second(struct ctx *c);
int row_take_down(struct ctx *c);
int row_try_good(struct ctx *c, enum op op);

#endif /* ERRNO_ROW_H */
