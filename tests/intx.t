#!/bin/bash
# The level interrupt of a device that a user has, with each interrupt controller. With
# nointxmask vfio-pci masks it there, without in the device.
. "$(dirname "$0")/lib.sh"

intx() {
	run_guest "$1 nointxmask=$2" -k ours-64k -m "$1" -t 300 \
		-a "vfio_pci.nointxmask=$2" -- spapr_tce_intx
}

intx p9 0
for machine in p9 p9-xics p8 powernv9; do
	intx "$machine" 1
done
done_testing
