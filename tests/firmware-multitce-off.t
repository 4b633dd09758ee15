#!/bin/bash
# A platform without calls for lists and ranges of entries: one call for each mapped entry,
# and no call to read entries.
. "$(dirname "$0")/lib.sh"

count_steps "p9 multitce=off" -k ours-64k -m p9 -t 300 -a multitce=off -- \
	'spapr_tce_cost && spapr_tce_isolation'
for v in v1 v2; do
	costs "$v 4K: map 64M" "put=16384 set=16384"
	costs "$v 4K: map 64M over 64M" "put=16384 set=16384"
	costs "$v 4K: unmap 64M" "put=16384 cleared=16384"
	costs "$v 4K: unmap 64M of nothing" ""
	costs "$v 4K: map one page" "put=1 set=1"
	costs "$v 4K: unmap one page" "put=1 cleared=1"
done
costs "v2 1T of 64K: create" "create=1"
costs "v2 1T of 64K: map 64M" "put=1024 set=1024"
costs "v2 1T of 64K: unmap all with 64M in it" "put=1024 cleared=1024"
# One get checks that the default window did not come back by itself
costs "v2 1T of 64K: remove with 64M in it" "put=1024 get=1 cleared=1024 remove=1 failed=1"
done_testing
