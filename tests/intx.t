#!/bin/bash
# The level interrupt of a user's device, with each interrupt controller. vfio-pci masks the
# interrupt in the device, or at the controller if nointxmask is set.
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
