#!/bin/bash
# The selftests with two devices in one PE.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-2edu
done_testing
