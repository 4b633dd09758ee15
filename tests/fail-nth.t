#!/bin/bash
# Whatever fails, once or for as long as it takes: the program was told, what it had
# it still has, and what a device may reach is not released. The guest's side is in
# lab/programs, in spapr_tce_fail_nth.c and fail_nth_*.c. Here: for the hypervisor a step
# that failed has changed nothing, and the kernel, with all its checks on, has nothing to say.
# shellcheck disable=SC2016 # the guest's to expand
. "$(dirname "$0")/lib.sh"

step=0x7ce00030 step_end=0x7ce00031

# unchanged LOG TRACE: which of the tries that LOG names changed something for the
# hypervisor, though they failed; and how many were looked at.
#
# An empty window is as good as none: it stays if the platform refused to remove it,
# and the default one comes and goes. So windows count with what they hold, if it was
# the platform that failed, and with their place otherwise.
unchanged() {
	local log=$1 trace=$2
	{
		tr -d '\r' <"$log" | grep '^# try '
		"$top/lab/trace" states "$trace" "$step" "$step_end"
	} | awk '
		/^# try/ { try[++tries] = $0; next }
		function compare() {
			if (!(n in try)) {
				print "no line for try " n
				return
			}
			if (try[n] ~ /: ok(, partial)?$/)
				return
			looked++
			platform = try[n] ~ /: function: /
			changed = held[0] != held[1]
			if (platform && try[n] ~ /partial$/)
				changed = set[1] > set[0]
			if (!platform && windows[0] != windows[1])
				changed = 1
			if (changed)
				print substr(try[n], 3) "\nbefore:\n" windows[0] held[0] \
					"after:\n" windows[1] held[1]
		}
		/^mark/ {
			if (at == 1 && n)
				compare()
			at = $2 == "'"$step_end"'"
			if (!at)
				n++
			windows[at] = held[at] = ""
			set[at] = 0
		}
		/^window/ {
			match($0, / set=[0-9]+/)
			set[at] += substr($0, RSTART + 5, RLENGTH - 5)
			if ($0 !~ /default=1/)
				windows[at] = windows[at] $0 "\n"
		}
		/^entries/ { held[at] = held[at] $0 "\n" }
		END {
			if (n)
				compare()
			if (n != tries)
				print tries " tries, but " n " in the trace"
			print looked + 0 " failures looked at"
		}'
}

# fail_nth NAME COMMAND LAB-BOOT-OPTIONS... : a guest, and what the hypervisor saw
fail_nth() {
	local name=$1 command=$2 seen
	shift 2
	run_guest "$name" -k ours-debug -t 1500 "$@" -- "$command"
	seen=$(unchanged "$guest_log" "$guest_trace")
	is "$(sed '$d' <<<"$seen")" "" "$name: steps that failed changed nothing for the hypervisor"
	seen=${seen##*$'\n'}
	[ "${seen%% *}" -gt 0 ]
	ok $? "$name: $seen"
}

# injected KIND...: there were such failures; the program counts them
injected() {
	local kind n
	for kind in "$@"; do
		n=$(tr -d '\r' <"$guest_log" | sed -n "s/^# injected $kind: \([0-9]*\).*/\1/p" | head -n 1)
		[ "${n:-0}" -gt 0 ]
		ok $? "failures injected: $kind: ${n:-none}"
	done
}

fail_nth p9-2phb '
	settled
	spapr_tce_fail_nth once; rc=$?
	settled "each failure once" || rc=1
	leaks || rc=1
	spapr_tce_fail_nth stuck || rc=1
	exit $rc' -m p9-2phb-small -a "lab.hugepages=64 panic_on_warn=1"
injected slab page usercopy function ddw_call_rtas ddw_call_tce_get ddw_call_tce_put_list ddw_call_tce_stuff

# One call for each entry: some of a list are written when one fails
fail_nth multitce=off 'spapr_tce_fail_nth v1.map v2.map v2.map_over v2.unmap unmap map_over' \
	-m p9-2phb-small -a "multitce=off panic_on_warn=1"
injected ddw_call_tce_put

# Windows of bare metal, where it is memory that can fail
run_guest powernv9 -k ours-debug -m powernv9 -t 900 -a "panic_on_warn=1" -- '
	spapr_tce_fail_nth v1.map v2.map_charged v2.map_over_long v2.unmap v2.create_4k \
		v2.create_64k v2.create_default v2.remove v2.remove_mapped v2.remove_default'
injected slab page usercopy
done_testing
