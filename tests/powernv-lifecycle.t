#!/bin/bash
# Bare metal shares the VFIO driver and the iommu_ops with pSeries. There, each opening of a
# device resets it for ten seconds, so the selftests are spread over several guests.
. "$(dirname "$0")/lib.sh"
programs=(lifecycle)
selftests ours-64k powernv9
done_testing
