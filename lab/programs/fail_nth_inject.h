/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fail_nth_inject.c: failures that the kernel injects.
 *
 * Functions return 0 or a negative errno unless their comment says otherwise.
 */

#ifndef FAIL_NTH_INJECT_H
#define FAIL_NTH_INJECT_H

#include <stdbool.h>

enum tce_fail {
	TCE_FAIL_NONE,
	TCE_FAIL_SLAB,
	TCE_FAIL_PAGE,
	TCE_FAIL_USERCOPY,
	TCE_FAIL_FUNCTION,
	TCE_FAIL_CLASSES
};

extern const char *const tce_fail_name[TCE_FAIL_CLASSES];

/* A function of the kernel that calls the platform */
struct tce_fail_function {
	const char *name;
	long status[2];			/* hardware error, parameter error */
	bool present;
	unsigned long injected;		/* for who counts them */
};

#define TCE_FAIL_FUNCTIONS	5

extern struct tce_fail_function tce_fail_functions[TCE_FAIL_FUNCTIONS];

int tce_fail_init(void);
/* What can fail from now on: memory, a function with one of its status, or none */
int tce_fail_choose(bool memory, struct tce_fail_function *f, int status);

/* The nth of what this thread does fails. Has it? And of which kind was it? */
void tce_fail_arm(unsigned int nth);
bool tce_fail_disarm(void);
enum tce_fail tce_fail_which(void);

/* All of a kind fail, or all calls of some functions, until this heals */
int tce_fail_all(enum tce_fail class);
int tce_fail_break(const char *const *names);
int tce_fail_heal(enum tce_fail class);

#endif /* FAIL_NTH_INJECT_H */
