/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows of spapr_tce_errno: a call with bad input, and what it has to return.
 */

#ifndef ERRNO_ROW_H
#define ERRNO_ROW_H

#include "spapr_tce.h"

#define UNIT		(64 * KiB)

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

/* What an address is relative to */
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

enum state {
	NORMAL,			/* ready, canary mapped in the default window */
	BARE,			/* nothing registered, not enabled, no canary */
	TWO_WINDOWS,		/* NORMAL and a second window */
	NO_DEFAULT,		/* the default window removed, no canary */
	OTHER_PROCESS,		/* NORMAL, but a child makes the call */
	NO_WINDOW_YET,		/* ready, but nothing has been mapped */
};

enum pointer {
	VALID,
	UNMAPPED,
	READ_ONLY,
};

struct row {
	int err;
	int version;
	enum op op;
	enum state state;
	enum pointer pointer;
	struct place va;
	struct place iova;		/* also the window of REMOVE */
	uint64_t size;			/* also of a CREATE window; an EEH op */
	uint32_t flags;
	uint32_t shift;
	uint32_t levels;
	bool levels_beyond;		/* one more than the platform has */
	bool limited;			/* no memory may be locked any more */
	int short_by;			/* argsz lacks that many bytes */
	int or[2];			/* what will do instead of @err */
};

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

/*
 * Nine units: the first four are registered (v2), the next three are not, then
 * comes a hole in the address space, and one that the process may only read. The
 * canary is the first.
 */
struct ctx {
	struct tce_vfio v;
	struct tce_mem mem;
	uint64_t second;
	uint64_t second_size;
};

int row_call(const struct ctx *c, const struct row *r);
int row_call_in_child(const struct ctx *c, const struct row *r);
bool row_expects(const struct row *r, int ret);

int row_bring_up(struct ctx *c, enum state state);
int row_remove_second(struct ctx *c);
int row_take_down(struct ctx *c);
int row_try_good(struct ctx *c, enum op op);

#endif /* ERRNO_ROW_H */
