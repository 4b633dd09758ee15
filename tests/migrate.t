#!/bin/bash
# Partition migration while a user has a PE: the device tree names other calls then, and
# those are made. With KERNEL in the environment, of another kernel.
. "$(dirname "$0")/lib.sh"
run_guest "calls with other numbers" -k "${KERNEL:-ours-64k}" -m p9 -t $((patience * 120)) -- \
	'VFIO_TCE_RTAS_SHIM=1 spapr_tce_migrate'
done_testing
