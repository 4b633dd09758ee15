#!/bin/bash
# Bare metal, see powernv-lifecycle.t.
. "$(dirname "$0")/lib.sh"
programs=(windows errno)
selftests ours-64k powernv9
done_testing
