#!/bin/bash
# Persistent memory, which the host's direct windows do not reach. A driver may ask for 64-bit
# DMA more than once, and a second device of a PE may ask after the first. Every disk works,
# before and after a user has had the PE, and so does VFIO. KERNEL in the environment names
# another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}

# PE 0 has two windows, 1 and 2 one at a time; 2 has two disks
disks="0000:00:02.0 0001:00:02.0 0002:00:02.0 0002:00:03.0"
guest pmem -k "$kernel" -m pe-life-pmem -t $((patience * 240)) -a nvme_core.admin_timeout=20 -- '
	export LAB_TRACE=1 VFIO_TCE_SCRATCH_DISK=1
	ls -d /proc/device-tree/ibm,persistent-memory/* >/dev/null && echo "persistent memory"
	try() {	# WHEN
		for address in '"$disks"'; do
			disk=$(disk $address) &&
				dd if=/dev/zero of=$disk bs=64k count=1 oflag=direct 2>/dev/null &&
				echo "$1: $address works"
		done
		windows 0 1 2 | sed "s/^/windows $1: /"
	}
	try boot
	mark state
	for address in '"$disks"'; do
		echo 1 >/sys/bus/pci/devices/$address/nvme/nvme*/reset_controller
	done
	try reset
	for address in '"$disks"'; do
		echo $address >/sys/bus/pci/drivers/nvme/unbind
		echo $address >/sys/bus/pci/drivers/nvme/bind
	done
	try bind
	mark state
	for n in 0 1 2; do
		VFIO_TCE_DEVICE=000$n:00:01.0 spapr_tce_heir &
	done
	wait
	try user
	mark state'
is "$guest_status" 0 "the guest ended well, no kernel warning"
has pmem "persistent memory"
for when in boot reset bind user; do
	is "$(sed -n "s/^$when: \(.*\) works$/\1/p" "$guest_log")" "${disks// /$'\n'}" "$when: every disk works"
	is "$(lines "windows $when: ")" "$(lines "windows boot: ")" \
		"$when: the host's windows are in the device tree"
done
for n in 0 1 2; do
	is "$(lines "heir 000$n:00:01.0: ")" ok "PE $n: VFIO works"
done
is "$(trace states state | same_windows)" "" \
	"the hypervisor has the same windows each time"
done_testing
