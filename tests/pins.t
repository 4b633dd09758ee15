#!/bin/bash
# What is pinned for a device, and charged for it, on machines whose windows are small
# enough to be full of pages, and that have a second PE: selftests-*.t run the same
# program on others, where it skips what needs either.
# shellcheck disable=SC2016 # the guest's to expand
. "$(dirname "$0")/lib.sh"

for kernel in ours-64k ours-4k; do
	run_guest "$kernel" -k "$kernel" -m p9-2phb-small -t 400 -a lab.hugepages=8 -- '
		settled
		spapr_tce_pins; rc=$?
		settled pins || rc=1
		exit $rc'
done
done_testing
