#!/bin/bash
# Firmware that has something else than usual: a default window whose size is no power
# of two, or that is beyond 4G; pages of 16G; a guest whose memory cannot grow.
. "$(dirname "$0")/lib.sh"
for machine in p9-oddwin p9-pgsz16g p9-nomaxmem; do
	selftests ours-64k "$machine"
done

# Without a default window that users could be told of: little else can be tested
run_guest "p9-win64" -k ours-64k -m p9-win64 -t 300 -- '
	spapr_tce_errno | grep -E "ok .*(v1_without_a_window|set_iommu|set_container)"
	spapr_tce_lifecycle | grep -E "ok .*info_is_true"'
done_testing
