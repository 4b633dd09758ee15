# shellcheck shell=bash disable=SC2153,SC2154
# Sourced by lab/refresh: what bases share. patches/common has the patches that give the commits of
# two bases or more, and linux/ the new files. Needs lib.sh and variables of lab/refresh: $out is a
# directory for temporary files, with $out/text/PATCH for each commit. $named has the patches of the
# old series, and $made_of the commits that they have become.

at() { command git -C "$1" "${@:2}"; }		# TREE ARGUMENTS...

# others : prints the bases beside this one
others() {
	local series
	for series in "$top"/patches/*/series; do
		series=${series%/series}
		[ ! -d "$series" ] || [ "${series##*/}" = "$BASE" ] || echo "${series##*/}"
	done
}

# has_common PATCH BASE : the base's series has the common patch of that name
has_common() { [ ! -e "$top/patches/$2/$1" ] && entries "$2" | awk -v p="$1" '$1 == p { n++ } END { exit !n }'; }

# adders PATH : prints the other bases that add this file of linux/
adders() {
	local other
	for other in $(others); do
		[ -e "$top/patches/$other/linux/$1" ] || ! entries "$other" | cut -d' ' -f 2- -s | tr ' ' '\n' |
			awk -v f="$1" '{ sub("/$", "") } $0 == f || index(f, $0 "/") == 1 { found = 1 } END { exit !found }' ||
			echo "$other"
	done
}

# commits_of TREE RANGE : prints the commits, each with the name of its patch
commits_of() { at "$1" log --reverse --format='%f %H' "$2" | awk '{ print substr($1, 1, 52) ".patch", $2 }'; }

# commit_named PATCH TREE RANGE : prints the commit that the patch has become
commit_named() { commits_of "$2" "$3" 2>/dev/null | awk -v p="$1" '$1 == p { print $2 }'; }

# added_by TREE COMMIT : prints the files that the commit adds, and the base does not have
added_by() {
	local path
	at "$1" diff-tree -r --no-commit-id --no-renames --diff-filter=A --name-only "$2" | while IFS= read -r path; do
		at "$1" cat-file -e "base:$path" 2>/dev/null || echo "$path"
	done
}

# text TREE COMMIT : prints the patch file of a commit. It has the message, without the sign-off
# that lab/tree (or commit -s) adds, and the changes of files that existed, without hashes: the same
# commit always gives the same text.
text() {
	local added
	mapfile -t added < <(added_by "$1" "$2")
	at "$1" log -1 --format='%an <%ae>%n%cn <%ce>%nSubject: %s%n%n%b' "$2" | awk '
		NR <= 2 { person[$0]; next }
		/^Signed-off-by: / && substr($0, 16) in person { next }
		/^$/ { blank++; next }
		{ while (blank) { print ""; blank-- } print }'
	echo ---
	at "$1" diff-tree -p --no-commit-id --no-renames "$2" -- . "${added[@]/#/:(exclude)}" |
		sed -E -e '1s/^/\n/' -e '/^index [0-9a-f]+\.\.[0-9a-f]+/d'
}

message() { sed '/^---$/,$d' "$@"; }		# [PATCH] : its message
changes() { grep '^[-+]' "$1" | LC_ALL=C sort; }	# PATCH : the lines that it removes and adds

# applies PATCH TREE COMMIT : the patch applies to the parent of a commit. $out/index has the result.
applies() {
	local -x GIT_INDEX_FILE=$out/index
	rm -f "$GIT_INDEX_FILE"
	at "$2" read-tree "$3^"
	! grep -q '^diff --git ' "$1" || at "$2" apply --cached --whitespace=nowarn "$1" 2>/dev/null
}

# gives PATCH COMMIT : the patch gives this commit of $tree, apart from the new files
gives() {
	! text "$tree" "$2" | cmp -s - "$1" || return 0
	[ "$(message "$1")" = "$(text "$tree" "$2" | message)" ] && applies "$1" "$tree" "$2" &&
		[ "$(GIT_INDEX_FILE=$out/index at "$tree" diff-index --cached --no-renames --name-only "$2")" = "$(added_by "$tree" "$2")" ]
}

# place PATCH COMMIT : the commit becomes a patch, which is common if it can be
place() {
	local own=$patches/$1 common=$top/patches/common/$1 new=$out/text/$1 made='' twin other
	if [ -n "${named[$1]:-}" ] && [ -e "$common" ] && [ ! -e "$own" ]; then
		# what was not changed in this tree may have been changed by another base
		made=${made_of[$1]:-}
		[ "$made" != "$2" ] || return 0
		[ -z "$made" ] || ! text "$tree" "$made" | cmp -s - "$new" || return 0
		! gives "$common" "$2" && ! share "$1" "$made" || return 0
	fi
	for other in '' $(others); do
		twin=$top/patches/${other:-common}/$1
		[ -e "$twin" ] || continue
		[ -z "$other" ] || [ ! -e "$common" ] || continue
		[ "$(changes "$twin")" = "$(changes "$new")" ] && gives "$twin" "$2" || continue
		mkdir -p "${common%/*}"
		[ -z "$other" ] || mv "$twin" "$common"
		rm -f "$own"
		return 0
	done
	cmp -s "$new" "$own" || cp "$new" "$own"
}

# share PATCH MADE : the common patch becomes that of the changed commit, if another base can have
# that, too. MADE is the commit before the change.
share() {
	local common=$top/patches/common/$1 new=$out/text/$1 other commit users='' without=''
	if [ -n "$2" ] && ! gives "$common" "$2"; then
		say "refresh: $1: changed in build/$BASE/tree and in patches/common: $BASE gets a patch of its own"
		return 1
	fi
	for other in $(others); do
		has_common "$1" "$other" || continue
		commit=$(commit_named "$1" "$build/$other/tree" base..HEAD)
		if [ -z "$commit" ] || applies "$new" "$build/$other/tree" "$commit"; then
			users+=" $other"
		else
			without+=" $other"
		fi
	done
	if [ -z "$users" ] && [ -n "$without" ]; then
		say "refresh: $1: does not apply in$without: $BASE gets a patch of its own"
		return 1
	fi
	for other in $without; do
		cp "$common" "$top/patches/$other/$1"
		say "refresh: $1: does not apply in $other, which keeps the old patch as its own"
	done
	cp "$new" "$common"
	[ -z "$users" ] || say "refresh: $1: also in$users: make tree there"
}

# tidy_common : a common patch that only one base has becomes that base's own
tidy_common() {
	local file base users
	for file in "$top"/patches/common/*.patch; do
		[ -e "$file" ] || continue
		users=()
		for base in "$BASE" $(others); do
			! has_common "${file##*/}" "$base" || users+=("$base")
		done
		case ${#users[@]} in
		0) rm "$file" ;;
		1) mv "$file" "$top/patches/${users[0]}/" ;;
		esac
	done
}

# blob REVISION : prints the hash of a file in the tree, if it is there
blob() { at "$tree" rev-parse -q --verify "$1" || true; }

# both_changed PATH : a new file has changes here that its file in the tree does not have, and vice
# versa, and a base's own file is no way out
both_changed() {
	local made head here
	made=$(blob "refs/lab/made:$1") here=$(at "$tree" hash-object "$(new_file "$1")")
	[ -n "$made" ] && [ "$made" != "$here" ] || return 1
	head=$(blob "HEAD:$1")
	[ -n "$head" ] && [ "$made" != "$head" ] && [ "$head" != "$here" ] &&
		{ [ -e "$patches/linux/$1" ] || [ -z "$(adders "$1")" ]; }
}

# place_new_file PATH : writes a new file, which all bases share. The base gets a file of its own
# if the shared one is not the one that its tree was made of, and another base needs that.
place_new_file() {
	local shared=$top/linux/$1 own=$patches/linux/$1 made head here='' to also
	to=$(new_file "$1") also=$(adders "$1" | paste -sd ' ')
	made=$(blob "refs/lab/made:$1") head=$(blob "HEAD:$1")
	[ ! -e "$to" ] || here=$(at "$tree" hash-object "$to")
	if [ -n "$here" ] && [ "$here" != "$head" ] && [ "$here" != "$made" ]; then
		[ "$made" != "$head" ] || return 0	# `make tree' brings it
		if [ "$to" = "$shared" ] && [ -n "$also" ]; then
			say "refresh: $1: differs from that of $also: $BASE gets a file of its own"
			to=$own also=''
		fi
	fi
	if [ "$here" != "$head" ] || [ ! -e "$to" ]; then
		mkdir -p "${to%/*}"
		at "$tree" cat-file blob "$head" >"$to"
		[ "$to" != "$shared" ] || [ -z "$here" ] || [ -z "$also" ] || say "refresh: $1: also in $also: make tree there"
	fi
	case $(at "$tree" ls-tree HEAD -- "$1") in 100755*) chmod +x "$to" ;; *) chmod -x "$to" ;; esac
	if [ "$to" = "$own" ] && cmp -s "$shared" "$own"; then rm "$own"; fi
}
