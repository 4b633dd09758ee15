#!/bin/bash
# The host's driver comes back to a PE that has one window at a time, as SR-IOV functions
# do. The firmware fails one call and all calls after it, so the default window may have been
# removed while no direct window can be had. The driver then has a window that works, or is
# told that it cannot do DMA; it never uses a window that does not exist. When the firmware
# works again, the disks work as before. PE 2 has two disks. KERNEL in the environment names
# another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}

guest rounds -k "$kernel" -m pe-life -t $((patience * 300)) -a nvme_core.admin_timeout=10 -- '
	drivers=/sys/bus/pci/drivers
	bind() { for address in 0002:00:02.0 0002:00:03.0; do echo $address >$drivers/nvme/bind; done; }
	unbind() {
		for address in 0002:00:02.0 0002:00:03.0; do
			[ ! -e $drivers/nvme/$address ] || echo $address >$drivers/nvme/unbind
		done
	}
	reads() {
		for address in 0002:00:02.0 0002:00:03.0; do
			disk=$(disk $address) && dd if=$disk of=/dev/null bs=64k count=8 iflag=direct 2>/dev/null &&
				echo "$1: ${address#0002:00:} reads"
		done
	}
	reads before
	windows 2 | sed "s/^/before: /"
	for n in 0 1 2 3 4 5 6; do
		unbind
		VFIO_TCE_DEVICE=0002:00:01.0 spapr_tce_hold & user=$!
		until [ -e /tmp/held ]; do sleep 0.1; done
		kill $user; wait $user
		unbind 2>/dev/null
		mark shim-fail-all+$n 0002:00:01.0
		mark begin
		bind 2>/dev/null
		reads "round $n, failing" 2>/dev/null
		mark end
		mark shim-fail-all+255 0002:00:01.0
		unbind
		VFIO_TCE_DEVICE=0002:00:01.0 spapr_tce_hold & user=$!
		until [ -e /tmp/held ]; do sleep 0.1; done
		kill $user; wait $user
		bind 2>/dev/null
		reads "round $n"
		windows 2 | sed "s/^/round $n: /"
	done'
is "$guest_status" 0 "the guest ended well, no kernel warning"
for n in 0 1 2 3 4 5 6; do
	is "$(lines "round $n: ")" "$(lines "before: ")" \
		"call $n and all after it failed: the disks read, with the windows as before"
done
is "$(trace events begin | grep -cE '^(put|indirect) .* pe=2 ret=-')" 0 \
	"no driver has used a window that was not there"
done_testing
