#!/bin/bash
# The same selftests on Debian's stock kernels, as far as these are there. On 6.1 VFIO is
# dead on POWER: a test that passed there would be none. 6.12 is the peer: what works there
# and what does not is a report, in build/report-stock-6.12.txt, and decides nothing.
. "$(dirname "$0")/lib.sh"

# absent KERNEL : says why it is not there
absent() {
	[ ! -e "$build/stock/$1/vmlinux" ] || return 1
	echo "no $1: $(paste -sd '|' "$build/stock/$1.missing" 2>/dev/null | sed 's/|/; /g')"
}

report=$build/report-stock-6.12.txt
reason61=$(absent stock-6.1) || reason61=
reason612=$(absent stock-6.12) || reason612=
[ -z "$reason612" ] || echo "$reason612" >"$report"
[ -z "$reason61" ] || [ -z "$reason612" ] || skip_all "$reason61; $reason612"

if [ -n "$reason61" ]; then
	skip "stock 6.1: no test passes" "$reason61"
else
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
fi

if [ -n "$reason612" ]; then
	skip "stock 6.12: a report" "$reason612"
	done_testing
fi

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

for p in "${programs[@]}"; do
	log=$logs/6.12-$p.log
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | head -n 1)
	echo "== $p: $(grep '^ok ' "$log" | grep -vc SKIP) of ${planned:-0} pass, lab status $(cat "$logs/6.12-$p.status")"
	sed -n 's/^not ok [0-9]* */   fails: /p' "$log"
	grep -E 'WARNING:|BUG:|Oops' "$log" | sed 's/^\[[^]]*\] */   kernel: /' | sort | uniq -c | sort -rn | head -n 5
done >"$report"
diag "stock 6.12, all of it in ${report#"$top"/}:"$'\n'"$(grep '^==' "$report")"
is "$(grep -c '^==' "$report")" "${#programs[@]}" "stock 6.12: a report"
done_testing
