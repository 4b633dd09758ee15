#!/bin/bash
# IOMMUFD: the kernel's own selftests of VFIO in the modes that IOMMUFD has, and the selftest of the
# series, which tells devices to move data. KERNEL in the environment names the only kernel that is
# tested.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/vfio.sh"
[ -e "$build/$BASE/selftests/bin/spapr_tce_iommufd" ] || skip_all "the series has no paging domains on $BASE"
own=yes
[ -e "$build/$BASE/selftests/vfio" ] || { own=''; diag "without the kernel's own tests: $(reasons stock/uuid)"; }

for kernel in ${KERNEL:-ours-64k ours-4k}; do
	[ -z "$own" ] || vfio_selftests "$kernel" p9 0000:00:01.0 vfio_iommufd_setup_test vfio_pci_device_test \
		vfio_dma_mapping_test vfio_dma_mapping_mmio_test
	count_steps "iommufd $kernel" -k "$kernel" -m p9-2phb -t $((patience * 200)) -- '
		settled
		mark state
		spapr_tce_iommufd; rc=$?
		settled iommufd || rc=1
		mark state
		leaks || rc=1
		exit $rc'
	is "$(trace states state | same_windows)" "" "$kernel: the hypervisor has the same windows afterwards"
	# the device does not write to memory that it may read, but there is an entry
	denied=$(trace counts dma-denied | grep -o ' xlate=[0-9]*')
	is "$(grep -vc ' xlate=0' <<<"$denied")" 1 "$kernel: one access that is denied finds an entry"
	[ "$(grep -c ' xlate=0' <<<"$denied")" -gt 20 ]
	ok $? "$kernel: the others find none"
	# 64 MiB in pages of the kernel: no entry is read, 512 are cleared at once, and as many are
	# written as are contiguous, which is a huge page at least
	case $kernel in *-4k) pages=16384 ;; *) pages=1024 ;; esac
	costs "iommufd: unmap 64 MiB" "stuff=$((pages / 512)) cleared=$pages"
	map="iommufd: map 64 MiB"
	is "$(step_number "$map" set) $(step_number "$map" put) $(step_number "$map" get)" "$pages 0 0" \
		"$kernel: $map: by lists, and none is read"
	[ "$(step_number "$map" indirect)" -le 32 ]
	ok $? "$kernel: $map: $(step_number "$map" indirect) lists"
done
# Two devices in one PE, a window that is not at 0, and a PE with the default window only
kernel=${KERNEL:-ours-64k}
for machine in p9-2edu p9-winaddr p9-noddw p8; do
	run_guest "iommufd $machine" -k "$kernel" -m "$machine" -t $((patience * 200)) -- '
		settled
		spapr_tce_iommufd; rc=$?
		settled iommufd || rc=1
		exit $rc'
done
done_testing
