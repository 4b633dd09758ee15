#!/bin/bash
# PHBs, devices and memory that are removed and added at run time. KERNEL in the environment
# names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}
checked=${KERNEL:-ours-4k}	# has lockdep and kmemleak

# A PHB is removed and added again, as the platform's tools do it, and gets another domain
# number. VFIO works on its device afterwards.
guest phb -k "$kernel" -m p9-2phb -t $((patience * 120)) -- '
	slots=/sys/bus/pci/slots/control
	echo 1 >/sys/bus/pci/devices/0001:00:01.0/remove
	echo -n "PHB 1" >$slots/remove_slot && echo phb removed
	[ -e /sys/class/iommu/iommu-phb0001 ] || echo iommu gone
	echo -n "PHB 1" >$slots/add_slot && echo phb added
	[ -e /sys/class/iommu/iommu-phb0003/devices/0003:00:01.0 ] && echo iommu back
	VFIO_TCE_DEVICE=0003:00:01.0 spapr_tce_demo'
is "$guest_status" 0 "VFIO works on a PHB that was added"
has PHB "phb removed" "iommu gone" "phb added" "iommu back"

# The same with PEs that have one window at a time, as SR-IOV functions do. The host has a
# direct window in place of the default one. The window is removed with the PHB; when the PHB
# has come back, the disks get a direct window again, and VFIO works. PE 2 has two disks, PE 4
# had a user before, and PE 6 cannot be reset.
guest single -k "$kernel" -m pe-life -t $((patience * 240)) -a nvme_core.admin_timeout=20 -- '
	export LAB_TRACE=1 VFIO_TCE_SCRATCH_DISK=1
	slots=/sys/bus/pci/slots/control
	# devices PHB : its PCI addresses, by the device tree
	devices() {
		for dev in /sys/bus/pci/devices/*; do
			case $(readlink $dev/of_node) in */pci@80000002000000$1/*) echo ${dev##*/} ;; esac
		done
	}
	try() {	# WHEN PHB
		for address in $(devices $2); do
			[ "$(cat /sys/bus/pci/devices/$address/class)" = 0x010802 ] || continue
			dd if=$(disk $address) of=/dev/null bs=64k count=1 iflag=direct 2>/dev/null &&
				echo "$1: disk ${address#*:} of PHB $2 works"
		done
		windows $2 | sed "s/^/$1: /"
	}
	for phb in 1 2 4 6; do try before $phb; done
	mark state
	VFIO_TCE_DEVICE=0004:00:01.0 spapr_tce_hold instead & hold=$!
	until [ -e /tmp/held ]; do kill -0 $hold || break; sleep 0.1; done
	kill $hold; wait $hold
	for phb in 1 2 4 6; do
		for address in $(devices $phb); do echo 1 >/sys/bus/pci/devices/$address/remove; done
		echo -n "PHB $phb" >$slots/remove_slot && echo "PHB $phb removed"
		echo -n "PHB $phb" >$slots/add_slot && echo "PHB $phb added"
		try after $phb
		VFIO_TCE_DEVICE=$(devices $phb | head -n 1) spapr_tce_heir | sed "s/^heir .*:01.0: /PHB $phb: VFIO: /"
	done
	mark state'
is "$guest_status" 0 "one window at a time: the guest ended well"
for phb in 1 2 4 6; do
	has "one window at a time" "PHB $phb removed" "PHB $phb added" "PHB $phb: VFIO: ok"
done
is "$(lines "after: ")" "$(lines "before: ")" \
	"one window at a time: every disk works as before, with the same windows"
is "$(trace states state | same_windows)" "" \
	"one window at a time: for the hypervisor, too"
is "$(trace counts state | grep -c ' left=0 ')" 2 \
	"one window at a time: every window was empty when it was removed"

# A device is added to a PE that a user has. It joins the group, and no driver of the host
# gets it. After the user has ended, the host can use it.
guest device -k "$checked" -m p9 -t $((patience * 180)) -- '
	group=$(readlink -f /sys/bus/pci/devices/0000:00:01.0/iommu_group)
	nvme=/sys/bus/pci/devices/0000:00:02.0
	echo 0000:00:02.0 >$nvme/driver/unbind
	echo 1 >$nvme/remove
	spapr_tce_hold & hold=$!
	while [ ! -e /tmp/held ]; do sleep 0.1; done
	echo 1 >/sys/bus/pci/rescan
	[ -e $group/devices/0000:00:02.0 ] && echo joined
	[ -e $nvme/driver ] || echo no driver
	echo 0000:00:02.0 >/sys/bus/pci/drivers/nvme/bind || echo refused
	kill $hold; wait $hold
	echo 0000:00:02.0 >/sys/bus/pci/drivers/nvme/bind
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=4 iflag=direct && echo reads'
is "$guest_status" 0 "the guest ended well"
has "hot added device" joined "no driver" refused reads

# A device is removed while a user's program has it and moves data. The program is asked to
# release the device and does so; or it is not asked, and the removal waits until the program
# ends. A PHB cannot be removed before its devices. Devices that are added again work, and the
# state of the guest is as before.
guest unplug -k "$kernel" -m p9-2phb -t $((patience * 180)) -- '
	slots=/sys/bus/pci/slots/control
	unplug() {	# HOW DEVICE AFTERWARDS
		VFIO_TCE_DEVICE=$2 spapr_tce_hold $1 & hold=$!
		until [ -e /tmp/held ]; do sleep 0.1; done
		echo 1 >/sys/bus/pci/devices/$2/remove & remove=$!
		if [ $1 = both ]; then
			sleep 2
			[ -e /tmp/held ] && [ -e /sys/bus/pci/devices/$2 ] && echo "$2 waits"
			echo -n "PHB 1" 2>/dev/null >$slots/remove_slot || echo "$2 keeps its PHB"
			kill $hold
		fi
		wait $hold && echo "$2 $1: the program ended well"
		wait $remove
		[ -e /sys/bus/pci/devices/$2 ] || echo "$2 $1: removed"
	}
	settled
	for how in device both; do
		unplug $how 0000:00:01.0
		echo 1 >/sys/bus/pci/rescan
		spapr_tce_demo | grep "^demo"
		settled "$how"
	done
	unplug both 0001:00:01.0
	echo -n "PHB 1" >$slots/remove_slot && echo "PHB removed"
	echo -n "PHB 1" >$slots/add_slot && echo "PHB added"
	VFIO_TCE_DEVICE=0003:00:01.0 spapr_tce_demo | grep "^demo"'
is "$guest_status" 0 "unplug: the guest ended well"
has unplug "0000:00:01.0 device: the program ended well" "0000:00:01.0 device: removed" \
	"ok 1 - device: all is as before" "0000:00:01.0 waits" \
	"0000:00:01.0 both: the program ended well" "0000:00:01.0 both: removed" \
	"ok 1 - both: all is as before" "0001:00:01.0 waits" "0001:00:01.0 keeps its PHB" \
	"0001:00:01.0 both: removed" "PHB removed" "PHB added"
is "$(grep -c '^demo: .*: ok$' "$guest_log")" 15 "unplug: VFIO works with what came back"

# A PE is removed for good, with its nodes in the device tree, as drmgr does it. Its group and
# all its memory are freed as soon as the last KVM guest that had the group has ended.
phb_goes() {
	guest "phb goes $1" -k "$1" -m p9-kvm-2phb -t $((patience * 300)) -- '
	goes() {
		echo 1 >/sys/bus/pci/devices/000$1:00:01.0/remove
		echo -n "PHB $1" >/sys/bus/pci/slots/control/remove_slot && echo "PHB $1 removed"
		tree=/sys/firmware/devicetree/base
		find $tree/pci@80000002000000$1 -type d | sort -r | while read -r node; do
			echo -n "remove_node ${node#$tree}" >/proc/ppc64/ofdt || echo "not removed: $node"
		done
	}
	goes 2
	[ -e /sys/kernel/iommu_groups/2 ] || echo "PHB 2: its group has gone"
	VFIO_TCE_DEVICE=0001:00:01.0 spapr_tce_hold kvm & hold=$!
	until [ -e /tmp/held ]; do sleep 0.1; done
	goes 1
	[ ! -e /sys/kernel/iommu_groups/1 ] || echo "PHB 1: a guest has its group"
	kill $hold; wait $hold
	[ -e /sys/kernel/iommu_groups/1 ] || echo "PHB 1: its group has gone"
	dmesg | grep "still in use"
	leaks'
	is "$guest_status" 0 "PHB goes: the guest ended well, nothing has leaked ($1)"
	has "PHB goes ($1)" "PHB 2 removed" "PHB 2: its group has gone" "PHB 1 removed" \
		"PHB 1: a guest has its group" "PHB 1: its group has gone"
	is "$(grep -cE '^not removed|still in use' "$guest_log")" 0 "PHB goes ($1): nothing stays"
}
phb_goes "$kernel"

# A memory module is plugged while a user has windows in one PE and the host has a direct
# window in another. The module is mapped in the host's window, which is large enough, and in no
# window of the user. Later kernels map no more than the memory that they knew of at boot.
case $BASE in
6.1) mapped="pe=0 set=32 cleared=0 failed=0" ;;
*) mapped="" ;;
esac
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
monitor "$logs/dimm.log" \
	"object_add memory-backend-ram,id=more,size=512M" "device_add pc-dimm,id=dimm,memdev=more" &
guest dimm -k "$kernel" -m p9-2phb-3g -t $((patience * 120)) -- '
	total() { awk "/^MemTotal/ { print int(\$2 / 1024) }" /proc/meminfo; }
	# The disk in use, so that the host has its direct window
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=4 iflag=direct
	VFIO_TCE_DEVICE=0001:00:01.0 spapr_tce_hold both & hold=$!
	until [ -e /tmp/held ]; do sleep 0.1; done
	before=$(total)
	mark begin
	echo; echo plug
	for i in $(seq 600); do
		[ $(($(total) - before)) -lt 500 ] || break
		sleep 0.2
	done
	mark end
	echo "came: $(($(total) - before)) MiB"
	[ -e /tmp/held ] && echo "the device moves data"
	kill $hold; wait $hold && echo "the program ended well"
	dd if=/dev/zero of=/dev/nvme0n1 bs=1M count=4 oflag=direct && echo "the disk works"'
wait
is "$guest_status" 0 "module: the guest ended well"
has module "came: 512 MiB" "the device moves data" "the program ended well" "the disk works"
is "$(trace between begin..end |
	sed -E 's/.* (pe=\S+) .* (set=\S+ cleared=\S+) .* (failed=\S+)/\1 \2 \3/; / set=0 cleared=0 failed=0/d')" \
	"$mapped" "module: 32 pages of 16 MiB in the host's window or none, as the kernel has it, and nothing elsewhere"

# Memory that is added while a user has the group is not mapped in the user's windows.
count_steps memory -k "$kernel" -m p9 -t $((patience * 180)) -- spapr_tce_isolation
for round in 0 1 2; do
	costs "memory comes, round $round" ""
done

# Memory is removed and added while a PE changes its owner. New memory is mapped in the host's
# windows at any time.
guest memory -k "$checked" -m p9 -t $((patience * 240)) -- '
	for block in /sys/devices/system/memory/memory*/state ""; do
		[ -e "$block" ] && echo offline >$block 2>/dev/null && break
	done
	[ -n "$block" ] && echo block found
	(
		n=0
		while [ ! -e /tmp/enough ]; do
			grep -q online $block || { n=$((n + 1)); echo online >$block || echo refused; }
			echo offline >$block		# fails while a page is pinned
		done
		[ $n -gt 10 ] && echo memory came often
	) & loop=$!
	for i in 1 2 3 4 5 6 7 8; do
		# memory that is about to go cannot be pinned, and then there is a second try
		spapr_tce_demo >/tmp/demo || { grep -q "Bad address" /tmp/demo && spapr_tce_demo >/tmp/demo; } ||
			{ cat /tmp/demo; echo demo failed; }
	done
	touch /tmp/enough; wait $loop
	grep -q online $block || echo online >$block
	grep -q online $block && echo all online
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=4 iflag=direct && echo reads'
is "$guest_status" 0 "the guest ended well"
has memory "block found" "memory came often" "all online" reads
is "$(grep -cE '^(refused|demo failed)' "$guest_log")" 0 "memory: nothing was refused meanwhile"
done_testing
