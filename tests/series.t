#!/bin/bash
# patches/ and linux/ become a git tree and are made again from it, without any loss.
. "$(dirname "$0")/lib.sh"

# A copy of the repository. Its tree shares the objects of the real one, and is sparse, since
# few of its files are needed.
copy=$(mktemp -d "$build/copy.XXXXXX")
trap 'rm -rf "$copy"' EXIT
for f in lab patches linux configs Makefile; do [ ! -e "$top/$f" ] || cp -r "$top/$f" "$copy/"; done
mkdir -p "$copy/build/$BASE" "$copy/patches/$BASE"
touch "$copy/patches/$BASE/series"
ln -s "$build/stock" "$copy/build/stock"
tree=$copy/build/$BASE/tree
git clone -q --shared --sparse "$build/$BASE/tree" "$tree"
git -C "$tree" sparse-checkout set tools/lab
git -C "$tree" reset -q --hard base
git -C "$tree" update-ref refs/lab/made HEAD
cp "$build/$BASE/tree.stamp-source" "$copy/build/$BASE/"
git -C "$copy" init -q
git -C "$copy" config user.name Tester
git -C "$copy" config user.email tester@example.org
export GIT_AUTHOR_NAME=Tester GIT_AUTHOR_EMAIL=tester@example.org
export GIT_COMMITTER_NAME=Tester GIT_COMMITTER_EMAIL=tester@example.org
lab() { "$copy/lab/$1" "${@:2}" >>"$logs/log" 2>&1; }
snapshot() { (cd "$copy" && find patches linux -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0r sha256sum); }

before=$(snapshot)
lab tree; ok $? "tree"
is "$(git -C "$tree" rev-parse 'HEAD^{tree}')" "$(git -C "$build/$BASE/tree" rev-parse 'refs/lab/made^{tree}')" \
	"the same tree as the one kernels are built from"
lab refresh; ok $? "refresh"
is "$(snapshot)" "$before" "tree and refresh leave the repository as it was"

# Work in the tree: an edit, a new file, and a whole new directory
cd "$tree" || exit 1
mkdir -p tools/lab/sub
echo 1 >tools/lab/one; echo 2 >tools/lab/sub/two; chmod +x tools/lab/sub/two
echo '# edited' >>Kbuild
git add -A -f
git commit -q -s -m 'lab: edit and add

The body,

in two paragraphs.

Fixes: 123456789abc ("nothing")'
echo '# edited again' >>Kbuild
! lab tree; ok $? "tree refuses to overwrite what is not committed"
git commit -q -s -a -m 'lab: edit again'
echo '# touch' >>"$copy/lab/tree"
! lab tree; ok $? "tree refuses to overwrite commits of its own"
want=$(git rev-parse 'HEAD^{tree}')
cd "$copy" || exit 1
lab refresh; ok $? "refresh brings them back"
grep -q 'edit-and-add.patch tools/lab/one tools/lab/sub/two$' "patches/$BASE/series"
ok $? "series names the files that are new"
[ -x linux/tools/lab/sub/two ] && [ ! -x linux/tools/lab/one ]; ok $? "modes are kept"
! grep -qE 'Signed-off-by: Tester|^index |^(From|Date):' patches/"$BASE"/*edit-*.patch
ok $? "no person, date or hash in a patch"
sed -i 's|tools/lab/one tools/lab/sub/two|tools/lab|' "patches/$BASE/series"
sed -i '1i # why this comes first' "patches/$BASE/series"
second=$(snapshot)
git -C "$tree" reset -q --hard base
git -C "$tree" update-ref refs/lab/made HEAD
lab tree; ok $? "tree from them"
is "$(git -C "$tree" rev-parse 'HEAD^{tree}')" "$want" "is what was committed"
is "$(git -C "$tree" log -1 --skip=1 --format='%an: %b')" 'Tester: The body,

in two paragraphs.

Fixes: 123456789abc ("nothing")
Signed-off-by: Tester <tester@example.org>' "with its message and who made it"
lab refresh
is "$(snapshot)" "$second" "a directory and a comment in series survive"

echo 3 >"$tree/tools/lab/one"
git -C "$tree" commit -q -a -m 'lab: edit a new file'
! lab refresh; ok $? "refresh refuses a commit that edits a file of the series"
git -C "$tree" reset -q --hard HEAD^
git -C "$tree" rm -q -r tools/lab
git -C "$tree" commit -q --amend -a -m 'lab: only an edit' && git -C "$tree" reset -q --soft base &&
	git -C "$tree" commit -q -m 'lab: one commit'
lab refresh; ok $? "refresh after the files went"
[ ! -e linux/tools/lab/one ]; ok $? "they go from linux/ too"
lab series; ok $? "series that git am takes"
done_testing
