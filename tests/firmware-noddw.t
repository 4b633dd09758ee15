#!/bin/bash
# The selftests on firmware without dynamic windows: only the default window exists.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-noddw
done_testing
