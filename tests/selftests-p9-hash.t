#!/bin/bash
# The selftests: POWER9 with the hash MMU.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-hash
done_testing
