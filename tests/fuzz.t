#!/bin/bash
# Random calls by four threads, one of which makes hypercalls of a guest of KVM too: with
# each result compared with a model, and racing with each other. Short; `make fuzz` runs
# longer, and with other seeds.
. "$(dirname "$0")/lib.sh"
kernel=${FUZZ_KERNEL:-ours-debug}
seed=${FUZZ_SEED:-1}

run_guest "fuzz $kernel, seed $seed" -k "$kernel" -m p9-kvm-2phb -t 600 -a "lab.hugepages=64 panic_on_warn=1" -- "
	rc=0
	spapr_tce_fuzz -s $seed -T 4 -k -t 5 || rc=1
	spapr_tce_fuzz -s $seed -T 4 -k -t 5 -r || rc=1
	exit \$rc"
done_testing
