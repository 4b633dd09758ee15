#!/bin/bash
# The host's driver comes back to its device, and one of the firmware calls fails that give
# it a direct window. The driver then uses the default window. It gets the direct window the
# next time. KERNEL in the environment names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-4k}

guest rounds -k "$kernel" -m p9 -t 600 -a panic_on_warn=1 -- '
	fail=/sys/kernel/debug/fail_function disk=0000:00:02.0 drivers=/sys/bus/pci/drivers
	echo ddw_call_rtas >$fail/inject
	printf %#x -1 >$fail/ddw_call_rtas/retval
	echo 0 >$fail/verbose
	echo 100 >$fail/probability
	for n in 1 2 3 99; do
		# a user gets the device and is killed
		spapr_tce_hold & user=$!
		while [ ! -e /tmp/held ]; do sleep 0.1; done
		kill -9 $user; wait $user 2>/dev/null
		rm /tmp/held

		echo $disk >$drivers/vfio-pci/unbind
		echo >/sys/bus/pci/devices/$disk/driver_override
		echo $n >$fail/interval; echo 1 >$fail/times
		echo $disk >$drivers/nvme/bind
		until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
		[ "$(cat $fail/times)" = 0 ] && echo "round $n: a call failed"
		echo 0 >$fail/times
		dd if=/dev/nvme0n1 of=/dev/null bs=64k count=8 iflag=direct 2>/dev/null &&
			echo "round $n: reads"
		find /sys/firmware/devicetree/base/pci*/ -name "linux,direct64*" | grep -q . &&
			echo "round $n: maps all memory"
		[ -n "$(find /sys/firmware/devicetree/base/pci*/ -name "ibm,dma-window")" ] &&
			echo "round $n: default window"
	done'
is "$guest_status" 0 "the guest ended well, no kernel warning"
for n in 1 2 3; do
	for what in "a call failed" reads "default window"; do
		grep -q "^round $n: $what" "$guest_log"
		ok $? "call $n fails: $what"
	done
	! grep -q "^round $n: maps all memory" "$guest_log"
	ok $? "call $n fails: no window for all of memory"
done
! grep -q "^round 99: a call failed" "$guest_log"
ok $? "no call fails"
for what in reads "maps all memory"; do
	grep -q "^round 99: $what" "$guest_log"
	ok $? "no call fails: $what"
done
done_testing
