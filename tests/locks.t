#!/bin/bash
# Two threads map and unmap at once, in different parts of one window. Neither may wait for
# the other. The kernel's lock_stat names each lock and each function that waited for it.
#
# This test does not show that no lock is held with interrupts off for longer than one
# hypercall; that was checked by reading the code.
. "$(dirname "$0")/lib.sh"

guest threads -k ours-4k -m p9 -t 180 -- 'spapr_tce_threads 4 && cat /proc/lock_stat'
is "$guest_status" 0 "the guest ended well"
stat=$logs/lock_stat
sed -n '/^lock_stat version/,$p' "$guest_log" >"$stat"

[ "$(grep -c '^# thread [01]: [1-9]' "$guest_log")" = 2 ]
ok $? "both threads came round"
[ "$(grep -c ':  *[0-9]' "$stat")" -gt 20 ]
ok $? "the kernel counted"

# waits : prints each lock and the functions that waited for it. lock_stat has a line "NAME:
# con-bounces contentions ..." for a lock. The functions that waited for the lock follow, and
# after them the functions that held it.
waits() {
	awk '
		/^ *[^ ].*: +[0-9]+ +[0-9]+ +[0-9.]+/ {
			name = $0
			sub(/: +[0-9]+ .*/, "", name)
			sub(/^ +/, "", name)
			part = 0
			next
		}
		/^ *-+$/ { part++; next }
		/\[<[0-9a-f]+>\]/ && part == 1 {
			sub(/\+0x.*/, "", $NF)
			print name, "in", $NF
		}' "$stat" | sort -u
}
waited=$(waits)
mine='tce|vfio|iommu|account_locked_vm|ddw_|pe_window|user_table|&container->lock|&leaf|&view|&ut->|&pe->'
is "$(grep -E "$mine" <<<"$waited")" "" "no thread waited for a lock while it mapped"
done_testing
