#!/bin/bash
# The hypervisor's trace while a device changes from the host to a user and back. The demo
# checks the user's side: DMA works where it should.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

guest demo -k ours-64k -m p9 -- 'mark begin; spapr_tce_demo; rc=$?; mark end; exit $rc'
is "$guest_status" 0 "the demo's DMA went where it should"

state() { trace state "$@" 2>&1; }
events() { trace events "$@" 2>&1; }
entries() { state "$@" | grep -c '^entries'; }
windows() { state "$@" | grep -c '^window'; }

host=$(state begin | grep '^window')
is "$(grep -c . <<<"$host")" 2 "the host has its default and a direct window"
[ "$(entries begin)" -gt 0 ]
ok $? "the host's direct window maps memory"

# The claim: every window is cleared before any window is removed
first=$(events take 1 | grep -E '^(put|stuff|indirect|remove)' | sed '/^remove/,$d')
is "$(events take 1 | grep '^remove' | grep -vc 'left=0')" 0 "windows are empty when they are removed"
[ -n "$first" ]
ok $? "clearing comes first"
is "$(events take 1 | grep -E '^(put|indirect)' | grep -vc 'tce=0x0')" 0 "nothing is written but zeroes"
is "$(windows taken 1)" 0 "taken: the device has no window at all"
is "$(entries taken 1)" 0 "taken: no entry is set"

# The default window of the user, mapped and unmapped
is "$(windows mapped 1)" 1 "mapped: one window"
[ "$(entries mapped 1)" -gt 0 ]
ok $? "mapped: entries are set"
is "$(trace_count map reset)" 1 "the default window was restored by a reset"
[ "$(trace_count dma-allowed xlate)" -gt 0 ]
ok $? "allowed: the DMA was translated"
is "$(trace_count dma-allowed refused)" 0 "allowed: none was refused"
is "$(trace_count map set)" "$(trace_count unmap cleared)" "what was set by the mapping is cleared by unmapping"
is "$(entries unmapped 1)" 0 "unmapped: no entry is set"

# The release
is "$(events release 1 | grep '^remove' | grep -vc 'left=0')" 0 "release: windows are empty when they go"
is "$(windows released 1)" 1 "released: one window"
is "$(entries released 1)" 0 "released: no entry is set"

# A window at the platform's 64-bit address
state created 1 | grep -q '^window .*start=0x800000000000000 page=0x10000 '
ok $? "created: a window of 64K pages at 0x800000000000000"
is "$(trace_count remove remove)" 1 "remove: one window"
is "$(events remove 1 | grep '^remove' | grep -vc 'left=0')" 0 "remove: it is empty by then"
state removed 1 | grep -q 'start=0x800000000000000'
is $? 1 "removed: it is gone"

# The host again, with the same windows
is "$(state end | grep '^window')" "$host" "the host has the same windows as before, as full"
done_testing
