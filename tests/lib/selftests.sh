# shellcheck shell=bash disable=SC2034,SC2154
# The selftests of the series. Needs guest.sh and trace.sh.

# The programs, in the order in which they are run. The guest's disk is a scratch disk, so the
# tests may write to it.
programs=(lifecycle windows dma isolation errno pins race blocked groups host)

# selftests KERNEL MACHINE [CMDLINE] : runs all of them in one guest. After each program the guest
# has the same state as before the first (lab/guest/settled), kmemleak finds no leak if the kernel
# has it, and the hypervisor has the same windows.
# shellcheck disable=SC2016 # the guest expands it
selftests() {
	run_guest "$2 $1" -k "$1" -m "$2" -t 900 -a "lab.hugepages=64 ${3:-}" -- "programs='${programs[*]}'"'
		export VFIO_TCE_SCRATCH_DISK=1 rc=0
		settled
		mark state
		for p in $programs; do
			spapr_tce_$p || rc=1
			settled "$p" || rc=1
			mark state
		done
		leaks || rc=1
		exit $rc'
	is "$(trace states state | same_windows)" "" "$2 $1: the hypervisor has the same windows after each program"
}
