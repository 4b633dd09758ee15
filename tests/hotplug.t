#!/bin/bash
# PHBs, devices and memory that go and come at run time.
# shellcheck disable=SC2016 # the guest's to expand
. "$(dirname "$0")/lib.sh"

# A PHB is removed and added again, as the platform's tools do it; the kernel
# gives it another domain number. VFIO works on its device then.
guest phb -k ours-64k -m p9-2phb -- '
	slots=/sys/bus/pci/slots/control
	echo 1 >/sys/bus/pci/devices/0001:00:01.0/remove
	echo -n "PHB 1" >$slots/remove_slot && echo phb removed
	[ -e /sys/class/iommu/iommu-phb0001 ] || echo iommu gone
	echo -n "PHB 1" >$slots/add_slot && echo phb added
	[ -e /sys/class/iommu/iommu-phb0003/devices/0003:00:01.0 ] && echo iommu back
	VFIO_TCE_DEVICE=0003:00:01.0 spapr_tce_demo'
is "$guest_status" 0 "VFIO works on a PHB that was added"
for line in "phb removed" "iommu gone" "phb added" "iommu back"; do
	grep -q "^$line" "$guest_log"
	ok $? "$line"
done

# A device is added to a PE that a user has: it joins the group, and no driver of
# the host gets it. It is the host's again afterwards.
guest device -k ours-4k -m p9 -t 180 -- '
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
	echo 0000:00:02.0 >/sys/bus/pci/drivers/nvme/bind && sleep 2
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=4 iflag=direct && echo reads'
is "$guest_status" 0 "the guest ended well"
for line in joined "no driver" refused reads; do
	grep -q "^$line" "$guest_log"
	ok $? "hot added device: $line"
done

# Memory that is added while a user has the group does not become an entry of his.
count_steps memory -k ours-64k -m p9 -t 180 -- spapr_tce_isolation
for round in 0 1 2; do
	costs "memory comes, round $round" ""
done

# Memory goes and comes while a PE does: what the host has of windows, and what it
# maps new memory into, are the same at any time.
guest memory -k ours-4k -m p9 -t 240 -- '
	for block in /sys/devices/system/memory/memory*/state ""; do
		[ -e "$block" ] && echo offline >$block 2>/dev/null && break
	done
	[ -n "$block" ] && echo block found
	(
		n=0
		while [ ! -e /tmp/enough ]; do
			n=$((n + 1))
			echo online >$block || echo refused
			echo offline >$block
		done
		[ $n -gt 10 ] && echo memory came often
	) & loop=$!
	for i in 1 2 3 4 5 6 7 8; do
		spapr_tce_demo >/tmp/demo || { cat /tmp/demo; echo demo failed; }
	done
	touch /tmp/enough; wait $loop
	echo online >$block && echo all online
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=4 iflag=direct && echo reads'
is "$guest_status" 0 "the guest ended well"
for line in "block found" "memory came often" "all online" reads; do
	grep -q "^$line" "$guest_log"
	ok $? "memory: $line"
done
is "$(grep -cE '^(refused|demo failed)' "$guest_log")" 0 "memory: nothing was refused meanwhile"
done_testing
