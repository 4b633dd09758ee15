#!/bin/bash
# What bases share: lab/refresh keeps a patch that serves several bases once, and a new file as
# well, also when one of them changes it. The bases are three kernels of a few lines.
. "$(dirname "$0")/lib.sh"

copy=$(mktemp -d "$build/bases.XXXXXX")
trap '[ -n "${KEEP-}" ] || rm -rf "$copy"' EXIT
cp -r "$top/lab" "$copy/"
mkdir -p "$copy/linux"
export GIT_AUTHOR_NAME=Tester GIT_AUTHOR_EMAIL=tester@example.org
export GIT_COMMITTER_NAME=Tester GIT_COMMITTER_EMAIL=tester@example.org
git -C "$copy" init -q
git -C "$copy" config user.name Tester
git -C "$copy" config user.email tester@example.org

# lab BASE SCRIPT : $status is the status, $said the output
lab() {
	status=0
	said=$(BASE=$1 "$copy/lab/$2" 2>&1) || status=$?
	printf '%s\n' "+ $1 $2" "$said" >>"$logs/log"
}
says() { grep -qF -- "$1" <<<"$said"; ok $? "$2"; grep -qF -- "$1" <<<"$said" || diag "$said"; }
in_tree() { git -C "$copy/build/$1/tree" "${@:2}" >>"$logs/log" 2>&1; }
# edit BASE SED FILE [OPTION]... : changes a file in the tree, and commits that
edit() { sed -i "$2" "$copy/build/$1/tree/$3"; in_tree "$1" add -A; in_tree "$1" commit -q "${@:4}"; }
# fixup BASE SED FILE PATCH : changes a file in the commit of that patch
fixup() {
	local at
	at=$(git -C "$copy/build/$1/tree" log --format='%H %s' base..HEAD | sed -n "s/ $4\$//p")
	edit "$1" "$2" "$3" --fixup "$at"
	GIT_SEQUENCE_EDITOR=: in_tree "$1" rebase -q -i --autosquash base
}
files() { (cd "$copy" && find patches linux -type f | LC_ALL=C sort | grep -v '/series$' | paste -sd ' '); }
snapshot() { (cd "$copy" && find patches linux -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum); }
head_tree() { git -C "$copy/build/$1/tree" rev-parse 'HEAD^{tree}'; }
# again BASE DESCRIPTION : the patches give what the tree has
again() {
	local want before
	want=$(head_tree "$1") before=$(snapshot)
	in_tree "$1" reset -q --hard base
	in_tree "$1" update-ref refs/lab/made HEAD
	rm -f "$copy/build/$1/tree.stamp"
	lab "$1" tree
	is "$(head_tree "$1")" "$want" "$2: the patches give the tree"
	lab "$1" refresh
	is "$(snapshot)" "$before" "$2: tree and refresh change nothing"
}

# Base two has more lines in front. Base three has another line near line 12, and base one at line 27.
for base in one two three; do
	dir=$copy/linux-source-$base
	mkdir -p "$dir/sub" "$copy/build/stock/source-$base/usr/src" "$copy/patches/$base"
	{ [ "$base" = one ] || seq -f 'more %g' 5; seq -f 'line %g' 30; } >"$dir/code"
	[ "$base" != one ] || sed -i 's/^line 27$/line XXVII/' "$dir/code"
	[ "$base" != three ] || sed -i 's/^line 15$/line fifteen/' "$dir/code"
	seq 9 >"$dir/sub/other"
	touch "$dir/.gitignore" "$copy/patches/$base/series"
	tar -C "$copy" -cJf "$copy/build/stock/source-$base/usr/src/linux-source-$base.tar.xz" "linux-source-$base"
	lab "$base" tree
	is "$status" 0 "tree of $base"
done

# A series of three commits, the last of which adds a file
edit one 's/line 12/line twelve/' code -m 'code: Twelve' -m 'In words.'
edit one 's/line 20/line twenty/' code -m 'code: Twenty'
echo new >"$copy/build/one/tree/sub/new"
edit one 's/9/nine/' sub/other -m 'sub: Add a file'
lab one refresh
is "$(files)" "linux/sub/new patches/one/code-Twelve.patch patches/one/code-Twenty.patch patches/one/sub-Add-a-file.patch" \
	"the patches of the first base are its own"
for base in two three; do
	in_tree "$base" fetch -q "$copy/build/one/tree" series:one
	for c in $(git -C "$copy/build/$base/tree" log --reverse --format=%H --grep=: one); do
		in_tree "$base" cherry-pick "$c"
	done
done
before=$(cat "$copy/patches/one/series")
lab two refresh
is "$(files)" "linux/sub/new patches/common/code-Twelve.patch patches/common/code-Twenty.patch patches/common/sub-Add-a-file.patch" \
	"the patches of two bases are common"
is "$(cat "$copy/patches/one/series"; cat "$copy/patches/two/series")" "$before"$'\n'"$before" "with the same series"
lab three refresh
is "$(cd "$copy/patches" && echo three/*.patch)" "three/code-Twelve.patch" "a patch with other context is the third base's own"
for base in one two three; do again "$base" "$base"; done

# A change that fits in two bases
fixup one 's/line twelve/line dozen/' code 'code: Twelve'
lab one refresh
says "code-Twelve.patch: also in two: make tree there" "a changed patch: the other base is named"
is "$(cd "$copy/patches" && echo */code-Twelve.patch)" "common/code-Twelve.patch three/code-Twelve.patch" "and has it, too"
# The tree of base two is not made again, and has work of its own
edit two 's/5/five/' sub/other -m 'sub: Five'
lab two refresh
is "$(grep -c dozen "$copy/patches/common/code-Twelve.patch")" 1 "refresh of an older tree does not take that back"
is "$(cd "$copy/patches" && echo */sub-Five.patch)" two/sub-Five.patch "a new patch belongs to its base"
lab two tree
is "$(grep -c dozen "$copy/build/two/tree/code")" 1 "tree brings it"
again two "two after that"

# Two bases change a patch, each in its own way
fixup one 's/line dozen/line douze/' code 'code: Twelve'
fixup two 's/line dozen/line dodici/' code 'code: Twelve'
lab one refresh
lab two refresh
says "code-Twelve.patch: changed in build/two/tree and in patches/common: two gets a patch of its own" "two changes of a patch"
is "$(cd "$copy" && grep -l dodici patches/*/code-Twelve.patch; cd "$copy" && grep -l douze patches/*/code-Twelve.patch)" \
	patches/two/code-Twelve.patch$'\n'patches/one/code-Twelve.patch "each base has its own"
for base in one two; do again "$base" "$base"; done
fixup two 's/line dodici/line douze/' code 'code: Twelve'
lab two refresh
is "$(cd "$copy/patches" && echo */code-Twelve.patch)" "common/code-Twelve.patch three/code-Twelve.patch" "the same change makes it common again"

# A change that does not fit in the others
fixup two 's/more 5/more five/' code 'code: Twelve'
lab two refresh
says "code-Twelve.patch: does not apply in one: two gets a patch of its own" "a change that does not apply elsewhere"
is "$(cd "$copy/patches" && echo */code-Twelve.patch)" "one/code-Twelve.patch three/code-Twelve.patch two/code-Twelve.patch" "no base has it in common any more"
# and one that applies in one of the two others
fixup two 's/line 27/line twenty-seven/' code 'code: Twenty'
lab two refresh
says "code-Twenty.patch: does not apply in one, which keeps the old patch as its own" "a change that applies in one of two bases"
says "code-Twenty.patch: also in three: make tree there" "which is named"
is "$(cd "$copy/patches" && echo */code-Twenty.patch)" "common/code-Twenty.patch one/code-Twenty.patch" "the other has the old patch"
for base in one two three; do
	lab "$base" tree
	again "$base" "$base"
done

# Messages belong to the patch
in_tree two commit -q --amend -m 'sub: Five' -m 'For a reason.'
in_tree one commit -q --amend -m 'sub: Add a file' -m 'For a reason.'
lab one refresh
says "sub-Add-a-file.patch: also in three two: make tree there" "a changed message: the other bases are named"
is "$(grep -l reason "$copy"/patches/*/sub-Add-a-file.patch)" "$copy/patches/common/sub-Add-a-file.patch" "it is common"

# New files
lab one tree; lab two tree; lab three tree
sub=$copy/build/one/tree/sub
echo newer >"$sub/new"
fixup one '' sub/new 'sub: Add a file'
lab one refresh
says "sub/new: also in three two: make tree there" "a changed file: the other bases are named"
is "$(cat "$copy/linux/sub/new")" newer "it is shared"
lab two refresh
is "$(cat "$copy/linux/sub/new")" newer "refresh of an older tree does not take that back"
echo newest >"$copy/build/three/tree/sub/new"
fixup three '' sub/new 'sub: Add a file'
lab three refresh
says "sub/new: differs from that of one two: three gets a file of its own" "a file that two bases change"
is "$(cat "$copy/linux/sub/new" "$copy/patches/three/linux/sub/new")" newer$'\n'newest "there are two files"
for base in two three; do lab "$base" tree; again "$base" "$base"; done
echo newer >"$copy/build/three/tree/sub/new"
fixup three '' sub/new 'sub: Add a file'
lab three refresh
[ ! -e "$copy/patches/three/linux" ]; ok $? "the same text makes it shared again"
echo by hand >"$copy/linux/sub/new"
lab one tree
is "$(cat "$copy/build/one/tree/sub/new")" "by hand" "tree brings a change of linux/"

# What a base drops stays for the others
for base in one two; do in_tree "$base" reset -q --hard base; lab "$base" refresh; done
is "$(files)" "linux/sub/new patches/three/code-Twelve.patch patches/three/code-Twenty.patch patches/three/sub-Add-a-file.patch" \
	"a patch that one base has is its own again"
in_tree three reset -q --hard base
lab three refresh
is "$(files)" "" "nothing is left of a series without commits"
done_testing
