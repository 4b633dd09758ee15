#!/bin/bash
# The same selftests on Debian's stock kernels. On 6.1 VFIO is dead on POWER: no
# test passes. On 6.12, the peer, they report what does not work there; the report
# stays in build/report-stock-6.12.txt.
. "$(dirname "$0")/lib.sh"

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

# A guest for each program, since some leave the kernel beyond use, and windows of
# at most 1 GiB, since that kernel walks all of a window to remove it.
peer() {
	guest "6.12-$1" -k stock-6.12 -m p9 -t 150 -a lab.hugepages=64 -- "
		export VFIO_TCE_SCRATCH_DISK=1 VFIO_TCE_MAX_WINDOW=0x40000000
		spapr_tce_$1"
	echo "$guest_status" >"$logs/6.12-$1.status"
}
for p in "${programs[@]}"; do
	peer "$p" &
	[ "$(jobs -rp | wc -l)" -lt 4 ] || wait -n
done
wait

report=$build/report-stock-6.12.txt
for p in "${programs[@]}"; do
	log=$logs/6.12-$p.log
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | head -n 1)
	echo "== $p: $(grep '^ok ' "$log" | grep -vc SKIP) of ${planned:-0} pass, lab status $(cat "$logs/6.12-$p.status")"
	sed -n 's/^not ok [0-9]* */   fails: /p' "$log"
	grep -E 'WARNING:|BUG:|Oops' "$log" | sed 's/^\[[^]]*\] */   kernel: /' | sort | uniq -c | sort -rn | head -n 5
done >"$report"
diag "stock 6.12, all of it in ${report#"$top"/}:"$'\n'"$(grep '^==' "$report")"

is "$(cat "$logs/6.12-isolation.status")" 0 "stock 6.12: isolation passes, so the tests run there"
for p in windows errno; do
	is "$(cat "$logs/6.12-$p.status")" 126 "stock 6.12: the kernel complains under $p"
done
# race: an oops most often, but who wins a race is nothing to rely on
for p in lifecycle race; do
	[ "$(cat "$logs/6.12-$p.status")" != 0 ]
	ok $? "stock 6.12: $p fails"
done
grep -q 'fails: dma.v2.failed_map_over_a_live_mapping' "$report"
ok $? "stock 6.12: a mapping that fails takes an older one along"
done_testing
