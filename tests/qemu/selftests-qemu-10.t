#!/bin/bash
# The selftests with QEMU 10: radix, 64K pages, one PE.
. "$(dirname "$0")/../lib.sh"
export QEMU=10
"$top/lab/stock" -o qemu-10 2>/dev/null
[ -e "$build/stock/qemu-10" ] || skip_all "no qemu-10: $(reasons stock/qemu-10)"
selftests ours-64k p9
done_testing
