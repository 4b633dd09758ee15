#!/bin/bash
# Users and their windows are created and removed in many rounds, and KVM is told of each.
# Free memory, locked memory and pinned pages are the same afterwards. ROUNDS in the environment
# is the number of rounds, 10,000 with `make check-rounds`. A few hundred rounds are enough to
# detect that each round loses a page.
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-300}
# Free memory changes by about a MiB without any leak
limit=$((2048 + rounds / 5))

run_guest "pSeries" -k "${KERNEL:-ours-64k}" -m p9-kvm-small -t $((120 + rounds / 5)) -- "spapr_tce_rounds $rounds $limit"
run_guest "PowerNV" -k "${KERNEL:-ours-64k}" -m powernv9 -t $((180 + rounds / 5)) -- "spapr_tce_rounds $rounds $limit"
done_testing
