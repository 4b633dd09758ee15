#!/bin/bash
# The host does without dynamic windows: all devices of a PE do their DMA by the table
# of the default window, which a user takes from each of them and which comes back to
# each of them.
. "$(dirname "$0")/lib.sh"
for machine in p9 p9-2edu; do
	run_guest "$machine disable_ddw" -k ours-64k -m "$machine" -t 300 -a disable_ddw -- '
		export VFIO_TCE_SCRATCH_DISK=1
		spapr_tce_host && spapr_tce_groups'
done
done_testing
