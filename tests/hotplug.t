#!/bin/bash
# PHBs and devices that go and come at run time.
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
done_testing
