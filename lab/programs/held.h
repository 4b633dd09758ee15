/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text that spapr_tce_hold writes to its memory, and spapr_tce_heir looks
 * for.
 */

#ifndef HELD_H
#define HELD_H

#define HELD_TEXT	"memory of an earlier user"
#define HELD_TEXT_AT	(32 * KiB)

#endif /* HELD_H */
