# shellcheck shell=bash disable=SC2154
# The names of all tests, for the tests that compare docs/ with them, and what docs/defects.md names.

# subject PATCH : prints the subject, which may be folded in the file
subject() { awk '/^$/ { exit } { sub(/^Subject: /, ""); printf "%s", $0 } END { print "" }' "$1"; }

# quoted MARK TEXT : prints what stands between two MARKs in TEXT, a line for each
quoted() { grep -o "$1[^$1]*$1" <<<"$2" | tr -d "$1"; }

# pattern NAME : prints a regular expression for the name of a test in docs/defects.md, in which *
# stands for any text without a dot
pattern() { sed 's/[.]/[.]/g; s/\*/[^.]*/g' <<<"$1"; }

# tests_of_rows [KNOWN] : prints "ID PROGRAM TEST" for each test of a program that docs/defects.md names.
# TEST is a pattern. With KNOWN, subjects on a line each, only the rows whose patches are all known count.
# shellcheck disable=SC2120 # KNOWN is optional
tests_of_rows() {
	local id tests patched
	while IFS='|' read -r _ id _ _ tests _ patched _; do
		if [ $# -gt 0 ]; then
			patched=$(quoted '"' "$patched")
			[ -n "$patched" ] && ! grep -qvxFf <(echo "$1") <<<"$patched" || continue
		fi
		quoted '`' "$tests" | sed -nE "s/^([a-z_]+): (.*)/${id// /} \1 \2/p"
	done <"$top/docs/defects.md"
}

# test_names : prints them, as "PROGRAM: fixture.variant.test" for the programs of the
# selftests and of lab/programs, and as "kunit: case" for the kernel's own tests
test_names() {
	local selftests=$top/linux/tools/testing/selftests/vfio/spapr_tce
	{
		# shellcheck disable=SC2016 # Perl expands these
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
			}' "$selftests"/spapr_tce_*.c "$top"/lab/programs/spapr_tce_*.c
		grep -rhoE 'KUNIT_CASE(_PARAM|_SLOW)?\(\w+' --include='*_test.c' --include='*_kunit.c' "$top/linux" \
			"$build/$BASE/tree/arch/powerpc" "$build/$BASE/tree/drivers/vfio" 2>/dev/null |
			sed 's/.*(/kunit: /'
	} | LC_ALL=C sort -u
}
