#!/bin/bash
# The selftests with a default window whose size is no power of two, and what can be
# tested of them with one beyond 4G. tests/pe-kinds.t has other kinds, in less detail.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-oddwin

# Without a default window that users could be told of: little else can be tested
run_guest "p9-win64" -k ours-64k -m p9-win64 -t 300 -- '
	spapr_tce_errno | grep -E "ok .*(v1_without_a_window|set_iommu|set_container)"
	spapr_tce_lifecycle | grep -E "ok .*info_is_true"'
done_testing
