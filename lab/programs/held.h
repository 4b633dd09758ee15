/* SPDX-License-Identifier: GPL-2.0 */
/* What spapr_tce_hold has where in what it maps, for spapr_tce_heir to find. */

#ifndef HELD_H
#define HELD_H

#define HELD_TEXT	"memory of an earlier user"
#define HELD_TEXT_AT	(32 * KiB)

#endif /* HELD_H */
