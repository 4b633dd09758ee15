#!/bin/bash
# Stock's code with the fixes of the series and nothing else, on bare metal, where stock 6.1 has
# VFIO that works. lab/part builds this kernel. Each row of docs/defects.md that these fixes
# settle names its tests, and those have to pass. v1 is left out: on bare metal stock's v1
# refuses all groups, and the series changes that after the fixes. Two tests use both types.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../lib/names.sh"

programs=(windows errno lifecycle race dma groups)
fixes=$(cd "$patches" && sed '/^# part pseries-windows/,$d; /^#/d; s/ .*//' series | while read -r patch; do
	subject "$(patch_file "$patch")"
done)
[ "$(grep -c . <<<"$fixes")" -gt 50 ]
ok $? "the fixes are found"

# Each program has a guest, since on bare metal they mostly wait for resets
for program in "${programs[@]}"; do
	(
		guest "$program" -k part-vfio-fixes -m powernv9 -t 900 -a lab.hugepages=64 -- "spapr_tce_$program; exit 0"
		echo "$guest_status" >"$logs/$program.status"
	) &
done
wait
for program in "${programs[@]}"; do
	is "$(cat "$logs/$program.status")" 0 "$program: the guest ended well, no kernel warning"
	is "$(grep -cE '^(not )?ok ' "$logs/$program.log.out")" \
		"$(sed -n 's/^1\.\.//p' "$logs/$program.log.out")" "$program: all planned tests ran"
done

# results PROGRAM TEST : the lines of these tests without their numbers
results() {
	sed -nE 's/^((not )?ok) [0-9]+ (- )?/\1 /p' "$logs/$1.log.out" |
		grep -E " $(pattern "$2")( |\$)" |
		grep -vE 'ok [a-z_]*[.]v1[._]|ok [a-z_]*[.][^.]*v1_|[.]calls_against_unset_container|[.]nothing_is_logged'
}
ran=0
while read -r id program test; do
	[[ " ${programs[*]} " = *" $program "* ]] || continue
	found=$(results "$program" "$test")
	[ -n "$found" ] || continue
	ran=$((ran + 1))
	is "$(grep '^not ok' <<<"$found")" "" "$id: $program: $test"
done < <(tests_of_rows "$fixes")
[ "$ran" -gt 20 ]
ok $? "tests of the fixes: $ran"
done_testing
