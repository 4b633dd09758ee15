#!/bin/bash
# Users and their windows come and go, KVM is told of each, and nothing is left of them:
# free memory, locked memory and pinned pages are what they were. ROUNDS in the
# environment says how often, 10,000 with `make check-rounds`; a few hundred show what a round
# leaves behind if it is a page.
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-300}
# free memory moves by a MiB by itself
limit=$((2048 + rounds / 5))

run_guest "pSeries" -k "${KERNEL:-ours-64k}" -m p9-kvm-small -t $((120 + rounds / 5)) -- "spapr_tce_rounds $rounds $limit"
run_guest "PowerNV" -k "${KERNEL:-ours-64k}" -m powernv9 -t $((180 + rounds / 5)) -- "spapr_tce_rounds $rounds $limit"
done_testing
