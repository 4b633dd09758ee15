#!/bin/bash
# The kernel's own selftest of VFIO that has a driver for a device: an Intel 82576, which QEMU has from
# version 8 on, moves data and raises interrupts.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../lib/vfio.sh"
[ -e "$build/$BASE/selftests/vfio" ] || skip_all "no selftests of VFIO on $BASE: $(reasons stock/uuid)"
export QEMU=10
"$top/lab/stock" -o qemu-10 2>/dev/null
[ -e "$build/stock/qemu-10" ] || skip_all "no qemu-10: $(reasons stock/qemu-10)"
vfio_selftests ours-64k p9-igb 0000:00:04.0 vfio_pci_driver_test vfio_pci_device_test vfio_pci_device_init_perf_test
done_testing
