#!/bin/bash
# The KUnit tests, which the kernel runs at boot: firmware, window state, view and table group
# against a simulated platform that fails in every way. KERNEL in the environment names another
# kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

kernel=${KERNEL:-ours-4k}
mapfile -t suites < <(cd "$top" && find linux/arch "patches/$BASE/linux" -name '*_test.c' \
	-exec sed -n 's/^	\.name = "\(.*\)",$/\1/p' {} + 2>/dev/null)

guest "$kernel" -k "$kernel" -m p9 -t $((patience * 400)) -a "kunit.enable=1 panic_on_warn=1" -- '
	for suite in /sys/kernel/debug/kunit/*; do
		echo "suite ${suite##*/}"
		cat $suite/results
	done'
is "$guest_status" 0 "the guest ended well, no kernel warning"

# A suite's results are lines "    ok 1 NAME"; their number is compared with the suite's plan.
for suite in "${suites[@]}"; do
	planned=0 run=0
	while IFS= read -r line; do
		case $line in
		'    1..'*) planned=${line#*..} ;;
		'    ok '*|'    not ok '*)
			run=$((run + 1))
			[ "${line#    ok }" != "$line" ]
			ok $? "$suite: ${line##* }" ;;
		'    # '*) diag "$suite: ${line#    \# }" ;;
		esac
	done < <(sed -n "/^suite $suite\$/,/^suite /p" "$guest_log")
	[ "$planned" -gt 0 ] && [ "$planned" = "$run" ]
	ok $? "$suite: $planned tests planned, $run run"
done
done_testing
