#!/bin/bash
# The selftests: POWER8, which has no other MMU than hash.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p8
done_testing
