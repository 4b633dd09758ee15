/* SPDX-License-Identifier: GPL-2.0 */
/* Users of spapr_tce_lifecycle. */

#ifndef LIFECYCLE_USER_H
#define LIFECYCLE_USER_H

#include "spapr_tce.h"

#define UNIT		(64 * KiB)
#define LEN		2048

int map_and_use(struct tce_vfio *v, struct tce_mem *mem);
int not_the_owner(int container, uint64_t iova);
int one_round(int version);

/* What these processes have to say they write to @result, 0 if all is well */
void own_until_killed(int version, int result);
void own_and_leave(int version, int result);
void own_and_exec(int version);

#endif /* LIFECYCLE_USER_H */
