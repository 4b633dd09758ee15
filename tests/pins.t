#!/bin/bash
# The memory that is pinned for a device and its charges, on machines with a second PE and with
# windows that are small enough to be full of pages. selftests-*.t run the same program on other
# machines, where it skips the tests that need either.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

for kernel in ours-64k ours-4k; do
	run_guest "$kernel" -k "$kernel" -m p9-2phb-small -t 400 -a lab.hugepages=8 -- '
		settled
		spapr_tce_pins; rc=$?
		settled pins || rc=1
		exit $rc'
done
done_testing
