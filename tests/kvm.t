#!/bin/bash
# An L2 guest under nested KVM: the lists of TCEs that it writes reach the hypervisor as
# lists. Then KVM's handling of VFIO's tables and groups. KERNEL in the environment names the only
# kernel that is tested.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}

run() {
	count_steps "$2 $1" -k "$1" -m "$2" -t $((patience * 180)) -- "spapr_tce_kvm $3"
	costs "kvm 4K: list of 512" "indirect=1 set=512"
	costs "kvm 4K: list of 512 over 512" "indirect=1 set=512"
	costs "kvm 4K: stuff 512" "stuff=1 cleared=512"
	costs "kvm 4K: put one" "put=1 set=1"
	clears "kvm 4K: put zero" 1

	# Pages of 64K in a window of 4K pages: 16 entries for each
	local v
	for v in "list of 512" "list of 512 over 512" "stuff 512"; do
		v="kvm 64K: $v"
		is "$(step_number "$v" put) $(step_number "$v" get)" "0 0" "$where: $v: nothing page by page"
		is "$(($(step_number "$v" set) + $(step_number "$v" cleared)))" 8192 "$where: $v: 8192 entries"
	done
	costs "kvm 64K: put one" "indirect=1 set=16"
	# by either call
	case ${cost["kvm 64K: put zero"]-} in
	"indirect=1 cleared=16") ok 0 "$where: kvm 64K: put zero: one call" ;;
	*) costs "kvm 64K: put zero" "stuff=1 cleared=16" ;;
	esac
}

run "$kernel" p9-kvm-2phb ''
# With lockdep 7.3 warns that sysfs, page faults and interrupts of VFIO take locks in a circle
# (kernfs_rwsem, mmap_lock, memory_lock); that concerns any device of any platform
case $BASE in 7.3) without='-T interrupts' ;; *) without= ;; esac
[ -n "${KERNEL-}" ] || run ours-4k p9-kvm "$without"
# Interrupts by XICS, as in a partition without XIVE, and a device without an IOMMU
run_guest "tables $kernel" -k "$kernel" -m p9-kvm-noiommu -t $((patience * 300)) -a xive=off -- \
	'settled
	spapr_tce_kvm_tables; rc=$?
	spapr_tce_user || rc=1
	settled "after both" || rc=1
	exit $rc'
[ -n "${KERNEL-}" ] || run_guest "tables ours-4k" -k ours-4k -m p9-kvm -t 300 -- spapr_tce_kvm_tables
done_testing
