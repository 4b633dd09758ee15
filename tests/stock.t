#!/bin/bash
# The selftests on stock 6.1, where VFIO does not work on POWER. A test that passed there would
# test nothing. `make peer` runs them on stock 6.12.
. "$(dirname "$0")/lib.sh"

[ -e "$build/stock/stock-6.1/vmlinux" ] ||
	skip_all "no stock-6.1: $(reasons stock/stock-6.1)"

guest stock-6.1 -k stock-6.1 -m p9 -t 400 -a lab.hugepages=64 -- "
	dmesg | grep 'vfio-pci: probe of'
	export VFIO_TCE_SCRATCH_DISK=1
	for p in ${programs[*]}; do spapr_tce_\$p; echo program \$p: status \$?; done
	dmesg | grep 'vfio-pci: probe of'"
for p in "${programs[@]}"; do
	grep -q "^program $p: status 1" "$guest_log"
	ok $? "stock 6.1: $p fails"
done
is "$(grep '^ok ' "$guest_log" | grep -vc SKIP)" 0 "stock 6.1: not one test passes"
grep -q 'vfio-pci: probe of 0000:00:01.0 failed with error -22' "$guest_log"
ok $? "stock 6.1: probe of the device fails with error -22"
done_testing
