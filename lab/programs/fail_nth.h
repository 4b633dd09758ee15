/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of spapr_tce_fail_nth share: fail_nth_steps.c has what both of
 * its halves do, fail_nth_scenarios.c what the first one does beside, and
 * fail_nth_once.c and fail_nth_stuck.c are these.
 *
 * Functions return 0 or a negative errno unless their comment says otherwise.
 */

#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include "spapr_tce.h"
#include "fail_nth_inject.h"

#define UNIT		(64 * KiB)
#define LEN		1024

/* In units: what most scenarios map, and what takes the place of it */
#define MAIN_UNITS	40
#define OTHER_UNITS	40

/* More than 512 entries, and not at the start of a leaf */
#define ODD		(3 * UNIT)

/* What the steps work on */
extern struct dut {
	struct tce_vfio v;
	struct tce_vfio v2;
	const struct tce_dev *second;
	struct tce_mem mem;		/* MAIN_UNITS, OTHER_UNITS, two spare */
	struct tce_mem huge;		/* one page of the size of a window's */
	struct tce_mem file;		/* a file, seen privately, in two units */
	uint64_t start;			/* the window */
	unsigned int shift;		/* log2 of its page size */
} dut;

/* Memory: a unit of it, what takes its place, and another piece */
void *unit(unsigned int n);
void *other(void);
int new_memory(void);

/* Keeps @fd, or returns the errno that it is */
int fd_result(int fd, int *where);
int close_fd(int *fd);
int close_all(void);

/* Stages of being open; -ENOTSUP if that cannot be */
int with_container(void);
int with_group(void);
int with_attached(void);
int with_v2(void);
int with_v2_memory(void);
int with_default(void);
int with_mapped(void);
int with_shift(unsigned int page_shift);
int with_shift_4k(void);
int with_window(unsigned int page_shift);
int with_window_4k(void);
int with_second(void);
int with_joined(void);
/* From the beginning */
int again(int (*setup)(void));

/* Steps that both halves take */
int set_container(void);
int unset_container(void);
int create(void);
int remove_window(void);
int reg(void *va, uint64_t size);
int unreg(void *va, uint64_t size);
int map(void *va, uint64_t offset, uint64_t size);
int unmap(uint64_t offset, uint64_t size);
int map_unit(void);
int unmap_unit(void);
int map_other_unit(void);
int map_long(void);
int map_main(void);
int join(void);
int leave(void);

/* DMA that the device can do, or cannot */
int reached(void *va);
int out_of_reach(void *va);
int main_reached(void);
int other_reached(void);
int main_denied(void);
int two_reached(void);

/* May an ioctl return that when something has failed? */
bool sane(int err);

/* Each failure once */
struct scenario {
	const char *name;
	int (*setup)(void);		/* to the state before; ENOTSUP: skip */
	int (*step)(void);
	int (*undo)(void);		/* back; NULL: by opening all again */
	int (*check)(void);		/* the state before, by DMA */
	int (*done)(void);		/* the state after, by use of it */
	bool partial;			/* what failed stays, the rest goes */
	bool lazy;			/* the default window may have come */
};

extern const struct scenario scenarios[];	/* one without a name ends them */

/* A status of kselftest */
int run_once(const struct scenario *scenario);
void report_once(void);

/* Failures that last */
struct stuck {
	const char *name;
	int (*test)(void);
};

extern const struct stuck stuck[];		/* the same */

int run_stuck(const struct stuck *s);

#endif /* FAIL_NTH_H */
