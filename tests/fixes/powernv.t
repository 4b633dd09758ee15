#!/bin/bash
# Stock's code with the fixes of the series and nothing else, on bare metal, where stock 6.1 has
# VFIO that works. lab/part builds this kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/../lib.sh"
run_guest fixes -k "$build/$BASE/part/64k/vmlinux" -m powernv9 -t 900 -a lab.hugepages=64 -- '
	for p in windows errno lifecycle race; do spapr_tce_$p; done
	exit 0'
done_testing
