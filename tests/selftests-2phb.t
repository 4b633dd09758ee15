#!/bin/bash
# The selftests with several PEs.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-2phb
done_testing
