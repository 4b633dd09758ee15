#!/bin/bash
# Events that only the RTAS shim (lab/shim) can cause: a PE is frozen while a user has it,
# and firmware calls fail once.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

run_guest shim -k ours-64k -m pe-kinds-slof -t 300 -a lab.hugepages=4 -- '
	export VFIO_TCE_SCRATCH_DISK=1 VFIO_TCE_RTAS_SHIM=1 VFIO_TCE_DEVICE=0000:00:01.0
	settled
	mark state
	spapr_tce_platform; rc=$?
	mark state
	settled platform || rc=1
	exit $rc'
is "$(trace states state | same_windows)" "" \
	"the hypervisor has the same windows before and after"

# The errnos again, on a platform with EEH: VFIO_EEH is an extension, but not a type
run_guest errno -k ours-64k -m pe-kinds-slof -t 300 -a lab.hugepages=4 -- spapr_tce_errno
done_testing
