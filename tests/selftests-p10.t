#!/bin/bash
# The selftests: POWER10.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p10
done_testing
