/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTAS for machines that QEMU does not have: the shim is between the guest's
 * kernel and QEMU's RTAS, and changes some answers.
 *
 *  - A PE may have one DMA window at a time, as SR-IOV functions do under PowerVM.
 *  - A PE may have limited addressing mode. QEMU places windows at its addresses.
 *  - A DDW call can fail once, or a call and all calls after it can fail, or a
 *    window can be smaller than requested.
 *  - A PE can have EEH: it is enabled, frozen, reset and thawed. The config space
 *    of a frozen device reads as all ones, but its DMA continues, because QEMU
 *    does not know of the freeze.
 *
 * SLOF's script (lab/slof) puts the shim where the kernel has RTAS, with the first
 * two words below set for the machine. The guest sends further commands at run
 * time by lab/guest/mark. A mark is a write to the vendor ID of a device, which
 * passes through the shim; a command is for the PHB of that device.
 *
 * RTAS is entered in 32-bit real mode, big-endian, with the address of the arguments
 * in r3: token, number of arguments, number of results, arguments, results, of 32
 * bits each. The first result is the status. Volatile registers are free, and QEMU's
 * hypercall changes none but r3.
 *
 * A PHB is known by the last digit of its BUID. In QEMU this is the PHB's index,
 * and is also in bits 8 to 11 of a LIOBN, so there are at most 16 PHBs. A PHB is
 * a PE.
 */
#include "commands.h"

/* QEMU's tokens: they are fixed, guests keep them when they migrate */
	.equ	RTAS_READ_CONFIG,	0x2016
	.equ	RTAS_WRITE_CONFIG,	0x2017
	.equ	RTAS_SET_EEH_OPTION,	0x2020
	.equ	RTAS_CONFIG_ADDR_INFO,	0x2021
	.equ	RTAS_SLOT_STATE,	0x2022
	.equ	RTAS_SET_SLOT_RESET,	0x2023
	.equ	RTAS_CONFIGURE_PE,	0x2024
	.equ	RTAS_SLOT_ERROR,	0x2025
	.equ	RTAS_QUERY,		0x2026	/* then create, remove, reset */
	.equ	RTAS_CREATE,		0x2027
	.equ	RTAS_REMOVE,		0x2028
	.equ	RTAS_RESET,		0x2029

	.equ	H_RTAS,			0xf000

/* Where things are in the arguments */
	.equ	NARGS,	4
	.equ	ARG,	12		/* the first; for most calls the config address, */
	.equ	BUID,	20		/* and the low half of the BUID is the third */

/* Offsets from r7 */
	.equ	SINGLE,		single - base
	.equ	EEH,		eeh - base
	.equ	FAIL_TOKEN,	fail - base
	.equ	FAIL_PHB,	fail - base + 4
	.equ	FAIL_STATUS,	fail - base + 8
	.equ	PASS,		some - base
	.equ	PASS_PHB,	some - base + 4
	.equ	SHORT,		short - base
	.equ	STATES,		states - base
	.equ	OWN,		own - base

	.machine power8
	.text
base:
	b	entry
single:	.long	0			/* for SLOF: bit n, PE of PHB n has one window */
eeh:	.long	0			/* for SLOF: bit n, PE of PHB n has EEH */
fail:	.long	0, 0, 0			/* the call that is to fail: token, PHB, status */
some:	.long	255, 0			/* so many calls of a PHB pass, 255 is all */
short:	.long	0			/* the next window lacks so many bits */
states:	.space	16			/* of the PEs */
own:	.space	48			/* arguments of a call of our own */

/* From here on r7 is base, r5 the token, r6 the PHB */
entry:
	mflr	0
	bcl	20, 31, 1f
1:	mflr	7
	mtlr	0
	addi	7, 7, base - 1b
	lwz	5, 0(3)
	lwz	6, BUID(3)
	clrlwi	6, 6, 28
	cmplwi	5, RTAS_REMOVE
	beq	remove
	cmplwi	5, RTAS_QUERY
	beq	query
	cmplwi	5, RTAS_CREATE
	beq	create
	cmplwi	5, RTAS_RESET
	beq	reset
	cmplwi	5, RTAS_WRITE_CONFIG
	beq	write_config

	/* EEH, if the PE has it */
	lwz	8, EEH(7)
	srw	8, 8, 6
	andi.	8, 8, 1
	beq	pass
	addi	9, 7, STATES		/* r9: the state of the PE, r8 what it is */
	add	9, 9, 6
	lbz	8, 0(9)
	cmplwi	5, RTAS_CONFIG_ADDR_INFO
	beq	config_addr_info
	cmplwi	5, RTAS_SET_EEH_OPTION
	beq	set_eeh_option
	cmplwi	5, RTAS_SLOT_STATE
	beq	slot_state
	cmplwi	5, RTAS_SET_SLOT_RESET
	beq	set_slot_reset
	cmplwi	5, RTAS_CONFIGURE_PE
	beq	configure_pe
	cmplwi	5, RTAS_SLOT_ERROR
	beq	slot_error
	cmplwi	5, RTAS_READ_CONFIG
	beq	read_config

/* QEMU's answer */
pass:
	mr	4, 3
	lis	3, H_RTAS@h
	ori	3, 3, H_RTAS@l
	sc	1
	blr

/* Return with r8 as the status, which comes after the arguments */
status:
	lwz	10, NARGS(3)
	slwi	10, 10, 2
	addi	10, 10, ARG
	stwx	8, 3, 10
	blr

/* Go on after "bl may_fail" unless the call is to fail. r11 is our link register. */
may_fail:
	lwz	8, PASS_PHB(7)
	cmplw	8, 6
	bne	9f
	lwz	8, PASS(7)
	cmplwi	8, 255
	beq	9f
	cmpwi	8, 0
	beq	8f
	addi	8, 8, -1
	stw	8, PASS(7)
9:
	lwz	8, FAIL_TOKEN(7)
	cmplw	8, 5
	bnelr
	lwz	8, FAIL_PHB(7)
	cmplw	8, 6
	bnelr
	li	8, 0
	stw	8, FAIL_TOKEN(7)
	mtlr	11
	lwz	8, FAIL_STATUS(7)
	b	status
8:	mtlr	11
	li	8, -1
	b	status

/* cr0.eq unless the PE has one window at a time */
is_single:
	lwz	8, SINGLE(7)
	srw	8, 8, 6
	andi.	8, 8, 1
	blr

remove:
	lwz	6, ARG(3)		/* a LIOBN */
	rlwinm	6, 6, 24, 28, 31
	mflr	11
	bl	may_fail
	mtlr	11
	b	pass

/* QEMU takes three arguments: a fourth, for limited addressing mode, is the status */
reset:
	mflr	11
	bl	may_fail
	lwz	8, NARGS(3)
	cmpwi	8, 4
	mtlr	11
	bne	pass
	mr	9, 3
	li	8, 3
	stw	8, NARGS(3)
	bl	pass
	mtlr	11
	li	8, 4
	stw	8, NARGS(9)
	lwz	8, ARG + 12(9)
	stw	8, ARG + 16(9)
	blr

/* One window less than QEMU has left, if it is to be one at a time */
query:
	mflr	11
	bl	may_fail
	bl	is_single
	mtlr	11
	beq	pass
	mr	9, 3
	bl	pass
	mtlr	11
	lwz	8, ARG + 12(9)		/* the status */
	cmpwi	8, 0
	bnelr
	lwz	8, ARG + 16(9)
	cmpwi	8, 0
	beqlr
	addi	8, 8, -1
	stw	8, ARG + 16(9)
	blr

create:
	mflr	11
	bl	may_fail
	bl	is_single
	mtlr	11
	beq	make

	/* Is there a window? Ask QEMU, with arguments of our own. */
	mr	9, 3
	addi	3, 7, OWN
	li	8, RTAS_QUERY
	stw	8, 0(3)
	li	8, 3
	stw	8, NARGS(3)
	li	8, 5
	stw	8, NARGS + 4(3)
	lwz	8, ARG(9)
	stw	8, ARG(3)
	lwz	8, ARG + 4(9)
	stw	8, ARG + 4(3)
	lwz	8, BUID(9)
	stw	8, BUID(3)
	bl	pass
	mtlr	11
	mr	3, 9
	lwz	8, OWN + ARG + 16(7)
	cmpwi	8, 2
	li	8, -1
	blt	status			/* it has two, and one is there */

make:
	lwz	8, SHORT(7)
	cmpwi	8, 0
	beq	pass
	li	10, 0
	stw	10, SHORT(7)
	lwz	10, ARG + 16(3)		/* the window shift */
	subf	8, 8, 10
	stw	8, ARG + 16(3)
	mr	9, 3
	bl	pass
	mtlr	11
	stw	10, ARG + 16(9)
	blr

/* A mark is a write of 32 bits to register 0; QEMU gets it, too, for the trace */
write_config:
	lwz	8, ARG(3)
	andi.	8, 8, 0xff
	bne	pass
	lwz	8, ARG + 12(3)
	cmpwi	8, 4
	bne	pass
	lwz	8, ARG + 16(3)
	srwi	9, 8, 16
	cmplwi	9, SHIM_MARK
	bne	pass
	clrlwi	9, 8, 24		/* r9: the value; r8: what */
	rlwinm	8, 8, 24, 24, 31
	cmplwi	8, SHIM_SHORT
	beq	2f
	cmplwi	8, SHIM_EEH
	beq	3f
	cmplwi	8, SHIM_FAIL_ALL
	beq	4f
	cmplwi	8, SHIM_FAIL_RESET
	bgt	pass
	addi	8, 8, RTAS_QUERY - SHIM_FAIL_QUERY
	stw	8, FAIL_TOKEN(7)
	stw	6, FAIL_PHB(7)
	neg	9, 9
	stw	9, FAIL_STATUS(7)
	b	pass
4:	stw	9, PASS(7)
	stw	6, PASS_PHB(7)
	b	pass
2:	stw	9, SHORT(7)
	b	pass
3:	addi	8, 7, STATES
	stbx	9, 8, 6
	b	pass

/* EEH. r9 points to the state, r8 is it. */

/* Function 0 asks for the address of the PE, 1 for its mode: shared */
config_addr_info:
	lwz	8, ARG + 12(3)
	cmpwi	8, 1
	li	8, 1
	beq	4f
	lis	8, 1
4:	stw	8, ARG + 20(3)
	li	8, 0
	b	status

/* 0 and 1 switch EEH off and on, 2 thaws registers, then 3 DMA */
set_eeh_option:
	lwz	10, ARG + 12(3)
	cmpwi	10, 2
	blt	done
	beq	5f
	cmpwi	8, EEH_DMA_FROZEN
	bne	done
	li	8, EEH_NORMAL
	stb	8, 0(9)
	b	done
5:	cmpwi	8, EEH_FROZEN
	bne	done
	li	8, EEH_DMA_FROZEN
	stb	8, 0(9)
done:
	li	8, 0
	b	status

/* Results: the state; 1, there is EEH; how long it will be unavailable */
slot_state:
	stw	8, ARG + 16(3)
	li	8, 1
	stw	8, ARG + 20(3)
	li	8, 0
	stw	8, ARG + 24(3)
	b	status

/* 0 ends a reset, others begin one */
set_slot_reset:
	lwz	8, ARG + 12(3)
	cmpwi	8, 0
	li	8, EEH_NORMAL
	beq	6f
	li	8, EEH_RESET
6:	stb	8, 0(9)
	b	done

configure_pe:
	b	done

/* 1: there is no log */
slot_error:
	li	8, 1
	b	status

/* The config space of a PE that is frozen or reset is all ones */
read_config:
	cmpwi	8, EEH_FROZEN
	beq	7f
	cmpwi	8, EEH_RESET
	bne	pass
7:	li	8, -1
	stw	8, ARG + 20(3)
	b	done
