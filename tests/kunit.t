#!/bin/bash
# The KUnit tests, which the kernel runs at boot: firmware, window state, view and table group
# against a simulated platform that fails in every way.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

suites=(pseries_ddw pseries_dma_windows pseries_host_table pseries_table_group tce_view powernv_tce)

# kunit KERNEL LAB-BOOT-OPTIONS... : repeats the results of each suite, which are lines
# "    ok 1 NAME", and compares their number with the suite's plan
kunit() {
	local kernel=$1 suite planned run line
	shift
	guest "$kernel" -k "$kernel" -m p9 -t 400 "$@" -- '
		for suite in /sys/kernel/debug/kunit/*; do
			echo "suite ${suite##*/}"
			cat $suite/results
		done'
	is "$guest_status" 0 "$kernel: the guest ended well, no kernel warning"
	for suite in "${suites[@]}"; do
		planned=0 run=0
		while IFS= read -r line; do
			case $line in
			'    1..'*) planned=${line#*..} ;;
			'    ok '*|'    not ok '*)
				run=$((run + 1))
				[ "${line#    ok }" != "$line" ]
				ok $? "$kernel: $suite: ${line##* }" ;;
			'    # '*) diag "$suite: ${line#    \# }" ;;
			esac
		done < <(sed -n "/^suite $suite\$/,/^suite /p" "$guest_log")
		[ "$planned" -gt 0 ] && [ "$planned" = "$run" ]
		ok $? "$kernel: $suite: $planned tests planned, $run run"
	done
}

kunit ours-4k -a kunit.enable=1
kunit ours-debug -a "kunit.enable=1 panic_on_warn=1"
done_testing
