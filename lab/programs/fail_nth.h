/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interfaces of the files of spapr_tce_fail_nth. Its first half, in which
 * each failure occurs once, is fail_nth_once.c, with the scenarios of
 * fail_nth_scenarios.c. Its second half, in which failures last, is
 * fail_nth_stuck.c. Both use the steps of fail_nth_steps.c.
 *
 * A function that returns int returns 0, or a negative errno, unless its
 * comment says otherwise.
 */

#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include "spapr_tce.h"
#include "fail_nth_inject.h"

#define LEN		1024

/*
 * In units: the memory that most scenarios map, and the memory that replaces it
 */
#define MAIN_UNITS	40
#define OTHER_UNITS	40

/* An offset in the window that is not at the start of a leaf of 512 entries */
#define ODD		(3 * UNIT)

/* The device under test, and its memory and window */
extern struct dut {
	struct tce_vfio v;
	struct tce_vfio v2;
	const struct tce_dev *second;
	struct tce_mem mem;		/* MAIN_UNITS, OTHER_UNITS, two spare */
	struct tce_mem huge;		/* a page as large as an I/O page */
	struct tce_mem file;		/* a private file, of two units */
	uint64_t start;			/* the window */
	unsigned int shift;		/* log2 of its page size */
} dut;

/*
 * A unit of the memory, the memory that replaces it, and other memory for all
 */
void *unit(unsigned int n);
void *other(void);
int new_memory(void);

/* Stores @fd in *@where; returns 0, or @fd if that is an errno */
int fd_result(int fd, int *where);
int close_fd(int *fd);
int close_all(void);

/* Bring the device to a stage; -ENOTSUP if it cannot have that */
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
/* Closes all, and opens it again */
int again(int (*setup)(void));

/* Steps of both halves */
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

/* DMA that the device must be able to do, or must not */
int reached(void *va);
int out_of_reach(void *va);
int main_reached(void);
int other_reached(void);
int main_denied(void);
int two_reached(void);

/* Whether an ioctl may return this errno after a failure */
bool sane(int err);

/* Each failure occurs once */
struct scenario {
	const char *name;
	int (*setup)(void);		/* before the step; -ENOTSUP: skip */
	int (*step)(void);
	int (*undo)(void);		/* NULL: all is opened again */
	int (*check)(void);		/* checks the state before, by DMA */
	int (*done)(void);		/* checks it after, by use */
	bool partial;			/* a failure may undo a part */
	bool lazy;			/* may create the default window */
};

extern const struct scenario scenarios[];	/* the last one has no name */

/* Returns KSFT_PASS, KSFT_FAIL or KSFT_SKIP */
int run_once(const struct scenario *scenario);
void report_once(void);

/* Failures that last */
struct stuck {
	const char *name;
	int (*test)(void);
};

extern const struct stuck stuck[];		/* the last one has no name */

/* Returns KSFT_PASS, KSFT_FAIL or KSFT_SKIP */
int run_stuck(const struct stuck *s);

#endif /* FAIL_NTH_H */
