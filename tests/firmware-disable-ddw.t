#!/bin/bash
# The host uses no dynamic windows, so all devices of a PE share the table of the default
# window. A claim takes that table from each device, and the release returns it to each.
. "$(dirname "$0")/lib.sh"
for machine in p9 p9-2edu; do
	run_guest "$machine disable_ddw" -k ours-64k -m "$machine" -t 300 -a disable_ddw -- '
		export VFIO_TCE_SCRATCH_DISK=1
		spapr_tce_host && spapr_tce_groups'
done
done_testing
