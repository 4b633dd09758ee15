#!/bin/bash
# The selftests with a default window that does not start at 0.
. "$(dirname "$0")/lib.sh"
selftests ours-64k p9-winaddr
done_testing
