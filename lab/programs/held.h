/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contents of spapr_tce_hold's mapped memory, which spapr_tce_heir looks
 * for.
 */

#ifndef HELD_H
#define HELD_H

#define HELD_TEXT	"memory of an earlier user"
#define HELD_TEXT_AT	(32 * KiB)

#endif /* HELD_H */
