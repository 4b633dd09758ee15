#!/bin/bash
# The selftests where the firmware has no dynamic windows: only the default one.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-noddw
done_testing
