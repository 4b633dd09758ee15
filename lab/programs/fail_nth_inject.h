/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fail_nth_inject.c: failures that the kernel injects.
 *
 * A function that returns int returns 0, or a negative errno.
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

/**
 * struct tce_fail_function - A function of the kernel that calls the platform
 * @name: its name
 * @status: it returns these, a hardware error and a parameter error
 * @present: the kernel can inject failures into it
 * @injected: number of failures, for a program that counts them
 */
struct tce_fail_function {
	const char *name;
	long status[2];
	bool present;
	unsigned long injected;
};

#define TCE_FAIL_FUNCTIONS	5

extern struct tce_fail_function tce_fail_functions[TCE_FAIL_FUNCTIONS];

/**
 * tce_fail_init() - Prepare the injection of failures
 *
 * Return: 0, or a negative errno if the kernel cannot inject failures.
 */
int tce_fail_init(void);

/**
 * tce_fail_choose() - Choose the operations that can fail from now on
 * @memory: allocations of memory
 * @f: calls of this function, or NULL
 * @status: which of the two status of @f
 *
 * Copies from and to the user can always fail.
 *
 * Return: 0 or a negative errno.
 */
int tce_fail_choose(bool memory, struct tce_fail_function *f, int status);

/**
 * tce_fail_arm() - Have an operation of this thread fail
 * @nth: which of the operations that can fail, from 1 on
 */
void tce_fail_arm(unsigned int nth);

/**
 * tce_fail_disarm() - End that
 *
 * Return: true if the operation has failed.
 */
bool tce_fail_disarm(void);

/**
 * tce_fail_which() - The kind of the last failure
 *
 * Return: a kind, or TCE_FAIL_NONE if none has failed since the last call.
 */
enum tce_fail tce_fail_which(void);

/**
 * tce_fail_all() - Have all operations of a kind fail, until tce_fail_heal()
 * @class: the kind
 *
 * Return: 0 or a negative errno.
 */
int tce_fail_all(enum tce_fail class);

/**
 * tce_fail_break() - Have all calls of some functions fail
 * @names: names of the functions; NULL is the last one
 *
 * That lasts until tce_fail_heal().
 *
 * Return: 0, -ENOTSUP if the kernel lacks one of them, or a negative errno.
 */
int tce_fail_break(const char *const *names);

/**
 * tce_fail_heal() - End tce_fail_all() or tce_fail_break()
 * @class: the kind; TCE_FAIL_FUNCTION after tce_fail_break()
 *
 * Return: 0 or a negative errno.
 */
int tce_fail_heal(enum tce_fail class);

#endif /* FAIL_NTH_INJECT_H */
