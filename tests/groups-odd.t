#!/bin/bash
# One container, and PEs whose firmware differs. A group can join the container if its
# platform offers the container's windows at the same addresses. Otherwise it is refused with
# a specific errno, and no group is harmed.
. "$(dirname "$0")/lib.sh"

run_guest mixed -k ours-64k -m pe-kinds -t 300 -- '
	spapr_tce_groups | grep -E "ok .*join_where|^# (00|groups that)"'
while read -r dev reason; do
	grep -qx "# $dev: $reason" "$guest_log"
	ok $? "$dev is refused: $reason"
done <<'END'
0001:00:01.0 Operation not supported
0002:00:01.0 Invalid argument
0004:00:01.0 Invalid argument
0005:00:01.0 Invalid argument
0008:00:01.0 Invalid argument
000b:00:01.0 Cannot assign requested address
000c:00:01.0 Cannot assign requested address
000d:00:01.0 Cannot assign requested address
000e:00:01.0 Cannot assign requested address
000f:00:01.0 Cannot assign requested address
END
grep -qx '# groups that joined: 5, refused: 10' "$guest_log"
ok $? "all others come in"
done_testing
