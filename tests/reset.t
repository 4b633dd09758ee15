#!/bin/bash
# A device that may use ATS is reset while drivers of the host use it and its PE. From 7.0 on the
# IOMMU core keeps such a device in the blocking domain during the reset. KERNEL in the
# environment names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

guest reset -k "${KERNEL:-ours-64k}" -m powernv9-ats -t 240 -- '
	ats=0002:01:00.0 beside=0002:01:00.1 devices=/sys/bus/pci/devices
	# the extended capabilities are a list, which begins at 0x100
	at=256
	while [ "$at" != 0 ]; do
		header=$(hexdump -s "$at" -n 4 -e "1/4 \"%u\"" $devices/$ats/config)
		[ $((header & 0xffff)) = 15 ] && echo "the device has ATS"
		at=$((header >> 20))
	done
	[ "$(readlink $devices/$ats/iommu_group)" = "$(readlink $devices/$beside/iommu_group)" ] &&
		echo "both are in one PE"
	# reads WHEN DISK DEVICE : the disk answers. A disk whose DMA leads nowhere never does.
	reads() {
		dd if="$3" of=/dev/null bs=64k count=8 iflag=direct 2>/dev/null &
		pid=$!
		for try in $(seq 100); do
			kill -0 $pid 2>/dev/null || break
			sleep 0.1
		done
		kill -0 $pid 2>/dev/null || { wait $pid && echo "$1: $2 disk reads"; }
	}
	sibling=$(disk $beside)
	for when in before after; do
		reads $when its /dev/vda
		reads $when sibling "$sibling"
		[ $when = after ] || { echo 1 >$devices/$ats/reset && echo reset; }
	done
	dmesg | grep "DMA window #" || true'
is "$guest_status" 0 "the guest ended well, no kernel warning"
has reset "the device has ATS" "both are in one PE" reset \
	{before,after}": "{its,sibling}" disk reads"
! sed -n '/^reset/,$p' "$guest_log" | grep "DMA window #"
ok $? "the reset moves no DMA window"
done_testing
