#!/bin/bash
# The selftests on a kernel with all checks, where the first complaint is the end.
. "$(dirname "$0")/../lib.sh"
selftests "${KERNEL:-ours-debug}" p9 panic_on_warn=1
done_testing
