#!/bin/bash
# docs/defects.md: each defect in it has a test that exists, or an argument why it has none.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/names.sh"

doc=${DEFECTS_DOC:-$top/docs/defects.md}
all=$(test_names)
[ "$(grep -c '^errno: ' <<<"$all")" -gt 100 ] && grep -qx 'windows: window.4k_1g.alone' <<<"$all"
ok $? "the names of the tests are found"

# exists NAME : there is such a test
exists() {
	case $1 in
	tests/*.t) [ -e "$top/$1" ] ;;
	*) grep -qxE -- "$(pattern "$1")" <<<"$all" ;;
	esac
}

subjects=$(for patch in "$top"/patches/*/*.patch; do subject "$patch"; done)

# Rows "| A1 | defect | behaviour now | test | seen to fail |"
declare -A seen=()
missing='' untold='' unpatched=''
while IFS='|' read -r _ id defect holds tests how patched _; do
	id=${id// /}
	[[ $id =~ ^[A-Z][0-9]+$ ]] || continue
	seen[$id]=$((${seen[$id]:-0} + 1))
	[ -n "${defect// /}" ] && [ -n "${holds// /}" ] && [ -n "${how// /}" ] || untold+=" $id"
	named=0
	while read -r name; do
		named=1
		grep -qxF -- "$name" <<<"$subjects" || unpatched+=$'\n'"$id: $name"
	done < <(quoted '"' "$patched")
	# what is no defect, or one of the lab
	[ "$named" = 1 ] || [[ $tests =~ (no\ defect:|tests/(mirror|boot)\.t) ]] || unpatched+=$'\n'"$id: none"
	named=0
	while read -r name; do
		named=1
		exists "$name" || missing+=$'\n'"$id: $name"
	done < <(quoted '`' "$tests")
	# an argument is more than a word or two
	[ "$named" = 1 ] || [[ $tests =~ (not\ tested|no\ defect):\ [^|]{40,} ]] || missing+=$'\n'"$id: nothing"
done <"$doc"
is "$missing" "" "each defect has a test that exists, or an argument"
is "$untold" "" "each row says what the defect was, how the kernel behaves now, and how the test failed"
is "$unpatched" "" "each row names the patches that settle it, and a series has them"

wanted=$(for c in A:1:13 B:1:10 C:1:21 D:1:10 G:1:13 R:1:22 R:30:38 R:40:41 R:50:54 R:60:74; do
	IFS=: read -r letter first last <<<"$c"
	seq -f "$letter%.0f" "$first" "$last"
done)
is "$(for id in $wanted; do [ "${seen[$id]:-0}" = 1 ] || echo "$id"; done)" "" "no defect is left out, or there twice"
done_testing
