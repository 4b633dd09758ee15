#!/bin/bash
# The selftests with a default window whose size is not a power of two, and those selftests
# that are possible with a default window beyond 4G. tests/pe-kinds.t covers other kinds of
# windows in less detail.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-oddwin

# Users are not told of this default window, so most selftests are impossible
run_guest "p9-win64" -k ours-64k -m p9-win64 -t 300 -- '
	spapr_tce_errno | grep -E "ok .*(v1_without_a_window|set_iommu|set_container)"
	spapr_tce_lifecycle | grep -E "ok .*info_is_true"'
done_testing
