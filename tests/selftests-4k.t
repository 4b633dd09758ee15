#!/bin/bash
# The selftests: 4K pages, with lock debugging.
. "$(dirname "$0")/lib.sh"
selftests ours-4k p9-2phb
done_testing
