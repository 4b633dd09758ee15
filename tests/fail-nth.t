#!/bin/bash
# Any operation of the kernel fails, once or many times in a row. Then the program gets an
# error and keeps its mappings, and no memory is released that a device may reach. The guest's
# side is in spapr_tce_fail_nth.c and fail_nth_*.c. This test checks two more results: a step
# that failed has changed no window or entry of the hypervisor, and a kernel with checks does not
# complain. KERNEL in the environment names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-4k}

# unchanged : prints the tries in the guest's log that changed the hypervisor's state although
# they failed, and the number of failed tries.
#
# An empty window does no harm: it stays if the platform refuses to remove it, and the default
# window comes back by itself. If the platform failed, only the entries in the windows are
# compared. If another part failed, the windows themselves are compared too.
unchanged() {
	{
		lines '# try ' | sed 's/^/# try /'
		trace states step step-end
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
			at = $2 == "step-end"
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

# fail_nth NAME COMMAND LAB-BOOT-OPTIONS... : runs a guest, and compares the hypervisor's state
fail_nth() {
	local name=$1 command=$2 seen
	shift 2
	run_guest "$name" -k "$kernel" -t 1500 "$@" -- "$command"
	seen=$(unchanged)
	is "$(sed '$d' <<<"$seen")" "" "$name: steps that failed changed nothing for the hypervisor"
	seen=${seen##*$'\n'}
	[ "${seen%% *}" -gt 0 ]
	ok $? "$name: $seen"
}

# injected KIND... : the program has counted failures of each of these kinds
injected() {
	local kind n
	for kind in "$@"; do
		n=$(lines "# injected $kind: " | sed 's/[^0-9].*//; q')
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

# With one call for each entry, a part of a list has been written when a call fails
fail_nth multitce=off 'spapr_tce_fail_nth v1.map v2.map v2.map_over v2.unmap unmap map_over' \
	-m p9-2phb-small -a "multitce=off panic_on_warn=1"
injected ddw_call_tce_put

# Windows of bare metal, where only allocations can fail
run_guest powernv9 -k "$kernel" -m powernv9 -t 900 -a "panic_on_warn=1" -- '
	spapr_tce_fail_nth v1.map v2.map_charged v2.map_over_long v2.unmap v2.create_4k \
		v2.create_64k v2.create_default v2.remove v2.remove_mapped v2.remove_default'
injected slab page usercopy
done_testing
