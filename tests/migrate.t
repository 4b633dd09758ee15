#!/bin/bash
# A partition migrates while a user has a PE. The device tree then has other numbers for the
# calls, and the kernel uses these. KERNEL in the environment names another kernel.
. "$(dirname "$0")/lib.sh"
run_guest "calls with other numbers" -k "${KERNEL:-ours-64k}" -m p9 -t $((patience * 120)) -- \
	'VFIO_TCE_RTAS_SHIM=1 spapr_tce_migrate'
done_testing
