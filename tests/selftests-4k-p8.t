#!/bin/bash
# The selftests: 4K pages and the hash MMU, with lock debugging.
. "$(dirname "$0")/lib.sh"
selftests ours-4k p8
done_testing
