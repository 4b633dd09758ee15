#!/bin/bash
# What mapping, unmapping and large windows cost, in hypercalls: exactly, from the
# hypervisor's trace. The steps are those of spapr_tce_cost, which looks at locked
# and free memory itself.
. "$(dirname "$0")/lib.sh"

# run KERNEL MACHINE
run() { count_steps "$2 $1" -k "$1" -m "$2" -- spapr_tce_cost; }

# 64 MiB are 16,384 pages of 4K, 1,024 of 64K, 32 of 2M; a call takes 512
check() {
	local v
	for v in v1 v2; do
		costs "$v 4K: map 64M" "indirect=32 set=16384"
		costs "$v 4K: map 64M over 64M" "indirect=32 set=16384"
		costs "$v 4K: unmap 64M" "stuff=32 cleared=16384"
		costs "$v 4K: unmap 64M of nothing" ""
		costs "$v 4K: map 64M at 4K" "indirect=32 set=16384"
		costs "$v 4K: unmap 64M at 4K" "stuff=32 cleared=16384"
		costs "$v 4K: map one page" "put=1 set=1"
		costs "$v 4K: map one page over another" "put=1 set=1"
		clears "$v 4K: unmap one page" 1
	done
	clears "v2 sparse: unmap all" 3

	costs "v2 1T of 64K: create" "create=1"
	costs "v2 1T of 64K: unmap all of nothing" ""
	costs "v2 1T of 64K: map 64M" "indirect=2 set=1024"
	costs "v2 1T of 64K: unmap all with 64M in it" "stuff=2 cleared=1024"
	# and one call to see that the default window did not come back by itself
	costs "v2 1T of 64K: remove with 64M in it" "stuff=2 get=1 cleared=1024 remove=1 failed=1"

	# Two PEs in a container: each entry is written in both
	v="v2 two groups: join"
	is "$(step_number "$v" indirect) $(step_number "$v" put) $(step_number "$v" get)" "32 0 0" \
		"$where: $v: 64M in 32 lists"
	costs "v2 two groups: map 64M" "indirect=64 set=32768"
	costs "v2 two groups: unmap 64M" "stuff=64 cleared=32768"
	costs "v2 two groups: map one page" "put=2 set=2"
	clears "v2 two groups: unmap one page" 2

	# What it takes to give a PE back comes on top, and is the same for both
	v="v2 killed with 64M mapped"
	is "$(step_number "$v" put) $(step_number "$v" get) $(step_number "$v" indirect)" "0 0 0" \
		"$where: $v: nothing page by page"
	is "$(($(step_number "$v" stuff) - $(step_number "v2 killed with nothing mapped" stuff)))" 32 \
		"$where: $v: 32 calls more than with nothing"
}

# The machine's hash MMU has no memory in pages of 2M
check_2m() {
	costs "v2 128T of 2M: create" "create=1"
	costs "v2 128T of 2M: unmap all of nothing" ""
	costs "v2 128T of 2M: map 64M" "indirect=1 set=32"
	costs "v2 128T of 2M: unmap all with 64M in it" "stuff=1 cleared=32"
	costs "v2 128T of 2M: remove with 64M in it" "stuff=1 get=1 cleared=32 remove=1 failed=1"
}

run ours-64k p9-2phb
check
check_2m
run ours-64k p8-2phb
check

# Many regions, where the clock counts instructions: the guest tells what is wrong
run_guest regions -k ours-64k -m p9-icount -t 300 -- spapr_tce_regions
done_testing
