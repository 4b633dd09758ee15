# shellcheck shell=bash disable=SC2154
# The kernel's own selftests of VFIO, where lab/selftests has built them. Needs guest.sh.

# vfio_selftests KERNEL MACHINE DEVICE PROGRAM... : runs them in one guest, in all modes but those of
# the native type1 container, which no kernel of the lab has. All devices of the PE belong to vfio-pci.
# Skipped are, as the programs say: huge pages of 1 GiB, and what the device does not have (edu has
# neither MSI-X nor a reset).
# shellcheck disable=SC2016 # the guest expands it
vfio_selftests() {
	local kernel=$1 machine=$2 device=$3
	shift 3
	run_guest "vfio $machine $kernel" -k "$kernel" -m "$machine" -t $((patience * 300)) -a lab.hugepages=16 -- "
		device=$device programs='$*'"'
		for other in /sys/bus/pci/devices/$device/iommu_group/devices/*; do
			[ ! -e "$other/driver" ] || echo "${other##*/}" >"$other/driver/unbind"
			echo vfio-pci >"$other/driver_override"
			echo "${other##*/}" >/sys/bus/pci/drivers_probe
		done
		without=
		for type in vfio_type1 vfio_type1v2; do
			for memory in "" _anonymous _anonymous_hugetlb_2mb _anonymous_hugetlb_1gb; do
				without="$without -V ${type}_iommu$memory"
			done
		done
		rc=0
		for p in $programs; do $p $without "$device" || rc=1; done
		exit $rc'
}
