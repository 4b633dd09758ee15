#!/bin/bash
# Bare metal shares the driver and the iommu_ops. A device is reset for ten seconds
# each time it is opened there, so the selftests are in several guests.
. "$(dirname "$0")/lib.sh"
programs=(lifecycle)
selftests ours-64k powernv9
done_testing
