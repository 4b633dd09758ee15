#!/bin/bash
# docs/defects.md: each defect that is listed there has a test, which exists, or says
# why it has none. And the errors that the kernel's documentation promises: each has a
# test of that name, and each such test is in the documentation.
. "$(dirname "$0")/lib.sh"

doc=${DEFECTS_DOC:-$top/docs/defects.md}
rst=${ERRORS_DOC:-$top/linux/Documentation/driver-api/vfio-pseries.rst}
selftests=$top/linux/tools/testing/selftests/vfio/spapr_tce
tools=$top/lab/programs

# Names of all tests, as "errno: fixture.variant.test" and "kunit: case"
known() {
	# shellcheck disable=SC2016 # Perl's to expand
	perl -0777 -ne '
		my ($prog) = $ARGV =~ /spapr_tce_(\w+)\.c$/;
		my (%variants, %of);
		s/#define\s+(\w+)\(name\)\s+FIXTURE_VARIANT_ADD\((\w+), name\)/$of{$1} = $2; ""/ge;
		push @{$variants{$1}}, $2 while /^FIXTURE_VARIANT_ADD\((\w+),\s*(\w+)\)/mg;
		for my $macro (keys %of) {
			push @{$variants{$of{$macro}}}, $1 while /^$macro\((\w+)\)/mg;
		}
		print "$prog: global.$1\n" while /^TEST\((\w+)\)/mg;
		while (/^TEST_F(?:_TIMEOUT)?\((\w+),\s*(\w+)/mg) {
			my ($fixture, $test) = ($1, $2);
			my @variants = map { "$_." } @{$variants{$fixture} || []};
			print "$prog: $fixture.$_$test\n" for @variants ? @variants : "";
		}' "$selftests"/spapr_tce_*.c "$tools"/spapr_tce_*.c
	grep -rhoE 'KUNIT_CASE(_PARAM|_SLOW)?\(\w+' --include='*_test.c' --include='*_kunit.c' "$top/linux" \
		"$build/$BASE/tree/arch/powerpc" "$build/$BASE/tree/drivers/vfio" 2>/dev/null |
		sed 's/.*(/kunit: /'
}
all=$(known | LC_ALL=C sort -u)
[ "$(grep -c '^errno: ' <<<"$all")" -gt 100 ] && grep -qx 'windows: window.4k_1g.alone' <<<"$all"
ok $? "the names of the tests are found"

# exists NAME, in which * stands for anything but a dot
exists() {
	case $1 in
	tests/*.t) [ -e "$top/$1" ] ;;
	*) grep -qxE -- "$(sed 's/[.]/[.]/g; s/\*/[^.]*/g' <<<"$1")" <<<"$all" ;;
	esac
}

# Rows "| A1 | defect | what holds now | test | seen |"
declare -A seen=()
missing='' untold=''
while IFS='|' read -r _ id defect holds tests how _; do
	id=${id// /}
	[[ $id =~ ^[A-Z][0-9]+$ ]] || continue
	seen[$id]=$((${seen[$id]:-0} + 1))
	[ -n "${defect// /}" ] && [ -n "${holds// /}" ] && [ -n "${how// /}" ] || untold+=" $id"
	rest=$tests named=0
	while [[ $rest =~ \`([^\`]*)\` ]]; do
		name=${BASH_REMATCH[1]} named=1
		rest=${rest#*"\`$name\`"}
		exists "$name" || missing+=$'\n'"$id: $name"
	done
	# an argument is more than a word or two
	[ "$named" = 1 ] || [[ $tests =~ (not\ tested|no\ defect):\ [^|]{40,} ]] || missing+=$'\n'"$id: nothing"
done <"$doc"
is "$missing" "" "each defect has a test that exists, or an argument"
is "$untold" "" "each says what it is, what holds now, and how it was seen"

wanted=$(for c in A:1:13 B:1:10 C:1:21 D:1:10 G:1:13 R:1:22 R:30:38 R:40:41 R:50:54; do
	IFS=: read -r letter first last <<<"$c"
	seq -f "$letter%.0f" "$first" "$last"
done)
is "$(for id in $wanted; do [ "${seen[$id]:-0}" = 1 ] || echo "$id"; done)" "" "no defect is left out, or there twice"

# The tables of errors: a row begins with an errno, and has tests or a dash
errors=$(sed -n '/^Errors$/,$p' "$rst")
rows=$(awk '/^=+ +=+/ { table = 1; next }
	!table || /^$/ { next }
	/^errno/ { next }
	/^E[A-Z]+ / { if (row) print row; row = $0; next }
	/^ / { row = row " " $0; next }
	{ if (row) print row; row = ""; table = 0 }
	END { if (row) print row }' <<<"$errors")
[ "$(grep -c . <<<"$rows")" -gt 50 ]
ok $? "the errors are found"
# shellcheck disable=SC2016 # the backticks are reST
is "$(grep -vE '``[a-z0-9_]+``( |$)|  \\-( |$)' <<<"$rows")" "" "each has a test, or is the platform's"
# shellcheck disable=SC2016 # the same
named=$(grep -oE '``[a-z0-9]+_[a-z0-9_]+``|``extensions``' <<<"$rows" | tr -d '`' | grep -vE '^(page_shift|window_size)$' | LC_ALL=C sort -u)
short=$(sed -E 's/^errno: bad\.(\w+)\.is_refused$/\1/; s/^kunit: //; s/.*[.]//' <<<"$all" | LC_ALL=C sort -u)
is "$(LC_ALL=C comm -23 <(echo "$named") <(echo "$short"))" "" "each test of an error exists"
is "$(LC_ALL=C comm -13 <(echo "$named") <(sed -nE 's/^errno: bad\.(\w+)\.is_refused$/\1/p' <<<"$all" | LC_ALL=C sort -u))" "" \
	"each test of bad input is in the documentation"
done_testing
