/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands for the RTAS shim: a write of SHIM_MARK << 16 | command << 8 | value to
 * the vendor ID of a device is for the PE of that device. lab/marks has the
 * commands as marks.
 */
#define SHIM_MARK		0x5f10

#define SHIM_FAIL_QUERY		1	/* the next query fails with status -value */
#define SHIM_FAIL_CREATE	2	/* the same for create */
#define SHIM_FAIL_REMOVE	3	/* the same for remove */
#define SHIM_FAIL_RESET		4	/* the same for reset */
#define SHIM_SHORT		5	/* the next window is 2^value times smaller */
#define SHIM_EEH		6	/* the PE enters the state "value" */
#define SHIM_FAIL_ALL		7	/* value calls pass, then all fail; 255: none */

/* States of a PE, as ibm,read-slot-reset-state2 has them */
#define EEH_NORMAL		0
#define EEH_RESET		1
#define EEH_FROZEN		2
#define EEH_DMA_FROZEN		4
