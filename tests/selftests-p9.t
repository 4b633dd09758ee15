#!/bin/bash
# The selftests: radix, 64K pages, one PE.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9
done_testing
