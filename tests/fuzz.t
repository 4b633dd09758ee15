#!/bin/bash
# Random calls of four threads, one of which also makes hypercalls of a KVM guest. In the first
# run each result is compared with a model; in the second run the threads race with each
# other. KERNEL in the environment names another kernel. `make fuzz` runs longer, and with other seeds.
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-4k}
seed=${FUZZ_SEED:-1}

run_guest "fuzz $kernel, seed $seed" -k "$kernel" -m p9-kvm-2phb -t 600 -a "lab.hugepages=64 panic_on_warn=1" -- "
	rc=0
	spapr_tce_fuzz -s $seed -T 4 -k -t 5 || rc=1
	spapr_tce_fuzz -s $seed -T 4 -k -t 5 -r || rc=1
	exit \$rc"
# Users of IOMMUFD beside users of such containers, where the series has paging domains
[ ! -e "$build/$BASE/selftests/bin/spapr_tce_iommufd" ] ||
	run_guest "fuzz iommufd $kernel, seed $seed" -k "$kernel" -m p9-2phb-small -t 600 -a panic_on_warn=1 -- \
		"spapr_tce_fuzz_iommufd -s $seed -T 3 -t 10"
done_testing
