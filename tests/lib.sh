# shellcheck shell=bash
# Sourced at the beginning of each test: the functions of tests/lib, and empty logs. The files of
# tests/lib themselves have no effects when sourced.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib/paths.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/logs.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/guest.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/trace.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib/selftests.sh"
open_logs "$(basename "$0" .t)"
