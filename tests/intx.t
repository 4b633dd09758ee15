#!/bin/bash
# The level interrupt of a device that a user has, with each interrupt controller, masked
# in the device and at the controller: vfio-pci does the latter for all with nointxmask.
. "$(dirname "$0")/lib.sh"

for machine in p9 p9-xics p8 powernv9 powernv8; do
	for option in 0 1; do
		run_guest "$machine nointxmask=$option" -k ours-64k -m "$machine" -t 300 \
			-a "vfio_pci.nointxmask=$option" -- spapr_tce_intx
	done
done
done_testing
