#!/bin/bash
# The errors that the kernel's documentation promises: docs/errnos.md has the same rows, with
# tests that exist, and has each test of bad input.
# shellcheck disable=SC2016 # the backticks are Markdown and reST
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/names.sh"

promise=${ERRORS_RST:-$top/linux/Documentation/driver-api/vfio-pseries.rst}
doc=${ERRORS_DOC:-$top/docs/errnos.md}

# Rows as "SECTION|ERRNO|CAUSE", and in the page "|TESTS" as well
promised=$(awk '
	function row() { if (errno) print section "|" errno "|" cause; errno = "" }
	/^Errors$/ { on = 1 }
	!on { next }
	/^=+ +=+$/ { row(); next }
	/^-+$/ { section = last; next }
	/^E[A-Z]+ / { row(); errno = $1; cause = $0; sub(/^[^ ]+ +/, "", cause); next }
	/^ / && errno { sub(/^ +/, " "); cause = cause $0; next }
	{ row(); last = $0 }' "$promise" | sed 's/``/`/g')
rows=$(awk -F ' [|] ' '
	/^## / { section = substr($0, 4) }
	/^[|] E/ { sub(/^[|] /, "", $1); sub(/ [|]$/, "", $3); print section "|" $1 "|" $2 "|" $3 }' "$doc")

[ "$(grep -c . <<<"$promised")" -gt 50 ]
ok $? "the errors are found"
is "$(cut -d'|' -f 1-3 <<<"$rows")" "$promised" "docs/errnos.md has the rows of the kernel's documentation"
is "$(cut -d'|' -f 4 <<<"$rows" | grep -vxE '`[a-z0-9_]+`(, `[a-z0-9_]+`)*|-')" "" "each row has tests, or a dash"

all=$(test_names)
named=$(cut -d'|' -f 4 <<<"$rows" | grep -o '`[^`]*`' | tr -d '`' | LC_ALL=C sort -u)
short=$(sed -E 's/^errno: bad\.(\w+)\.is_refused$/\1/; s/^kunit: //; s/.*[.]//' <<<"$all" | LC_ALL=C sort -u)
is "$(LC_ALL=C comm -23 <(echo "$named") <(echo "$short"))" "" "each test of an error exists"
is "$(LC_ALL=C comm -13 <(echo "$named") <(sed -nE 's/^errno: bad\.(\w+)\.is_refused$/\1/p' <<<"$all" | LC_ALL=C sort -u))" "" \
	"each test of bad input is in docs/errnos.md"
done_testing
