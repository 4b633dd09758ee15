#!/bin/bash
# The kernel's own tests of IOMMUFD, with the devices of its mock driver. Those that fail on POWER are named here,
# with the reason; any other failure is one, and so is a test of this list that passes.
. "$(dirname "$0")/../lib.sh"
[ -e "$build/$BASE/selftests/vfio/iommufd" ] || skip_all "no selftests of IOMMUFD on $BASE: $(reasons stock/cap)"

# IOMMU_IOPF is selected by no driver of POWER
expected='iommufd_ioas\.(two_)?mock_domain(_limit)?\.alloc_hwpt_nested
iommufd_viommu\.mock_viommu\.viommu_alloc_nested_iopf
iommufd_device_pasid\..*\.pasid_attach'
# bitmaps of less than a page of 64K
expected+='
iommufd_dirty_tracking\.domain_dirty(8k|16k|320k)\.get_dirty_bitmap(_no_clear)?'

guest "iommufd on mock devices" -k ours-mock -m p9 -t $((patience * 300)) -a lab.hugepages=64 -- 'iommufd || true'
is "$guest_status" 0 "the guest ended well, no kernel warning"
planned=$(sed -n 's/^1\.\.//p' "$guest_log" | tail -n 1)
mapfile -t results < <(sed -nE 's/^((not )?ok) [0-9]+ ([^ ]+)( # SKIP.*)?$/\1 \3\4/p' "$guest_log")
is "${#results[@]}" "$planned" "all tests have a result"
[ "${planned:-0}" -gt 200 ]
ok $? "$planned tests"
for result in "${results[@]}"; do
	name=${result#*ok } name=${name%% *}
	[[ $result != *'# SKIP'* ]] || continue
	if grep -qxE -- "$expected" <<<"$name"; then
		[[ $result = not* ]]
		ok $? "$name fails, as it is said here"
	else
		[[ $result != not* ]]
		ok $? "$name"
	fi
done
done_testing
