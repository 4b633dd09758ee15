# shellcheck shell=bash disable=SC2034
# Sourced by every script of the lab: paths, messages, locks. Any error ends the script.

set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib/paths.sh"
jobs=${JOBS:-$(nproc)}
PATH=$PATH:/usr/sbin:/sbin		# depmod, modprobe: not in every user's
export KERNEL_CROSS=powerpc64le-linux-gnu-

# ccache makes a second build of the same source cheap, in a fresh clone too, because no path is
# part of the objects.
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-20G}

# say TEXT, die TEXT : messages go to stderr, so that a caller can capture the output
say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# quiet LOG COMMAND... : runs COMMAND with its output in LOG, and shows the end of LOG if it fails
quiet() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || {
		local rc=$?
		tail -n 40 "$log" >&2
		say "failed ($rc): $* (whole log: ${log#"$top"/})"
		return "$rc"
	}
}

# lock NAME : one script at a time makes this part of build/. Two `make` in two terminals wait
# for each other instead of using incomplete files.
lock() {
	mkdir -p "$build"
	exec {lock_fd}>"$build/.lock-$1"
	flock -n "$lock_fd" || { say "waiting for another run of $1"; flock "$lock_fd"; }
}

# unsaved : names the work in build/$BASE/tree that exists nowhere else, and prints nothing if
# all of it is saved. lab/tree and lab/refresh leave refs/lab/made at the head of the branch.
unsaved() {
	[ -e "$tree/.git" ] || return 0
	if [ -n "$(git -C "$tree" status --porcelain)" ]; then
		echo "build/$BASE/tree has uncommitted changes: commit them there and run 'make refresh'"
	elif [ "$(git -C "$tree" rev-parse HEAD)" != "$(git -C "$tree" rev-parse -q --verify refs/lab/made)" ]; then
		echo "build/$BASE/tree has commits of its own: run 'make refresh', or drop them there" \
			"with 'git reset --hard refs/lab/made'"
	fi
}

# entries [BASE] : prints the lines of a base's series without comments: a patch, and the new files
# and directories that its commit adds
entries() { sed '/^#/d; /^$/d' "$top/patches/${1:-$BASE}/series" 2>/dev/null || true; }

# new_files PATH : prints the new files of the series that PATH stands for, of this base or shared
new_files() {
	local dir
	for dir in "$top/linux" "$patches/linux"; do
		[ ! -e "$dir/$1" ] || (cd "$dir" && find "$1" -type f ! -name '*~' ! -name '.*.sw?')
	done | LC_ALL=C sort -u
}

# fragment NAME : prints configs/NAME.config, and what this base needs beyond it
fragment() {
	cat "$top/configs/$1.config"
	[ ! -e "$top/configs/$BASE/$1.config" ] || cat "$top/configs/$BASE/$1.config"
}

# flavour NAME : prints the configuration of a flavour of configs/flavours
flavour() {
	local f fragments
	fragments=$(sed -n "s/^$1://p" "$top/configs/flavours")
	[ -n "$fragments" ] || die "configs/flavours knows no $1"
	for f in $fragments; do fragment "$f"; done
}

# The parts of the series, in order, a line for each: "NAME FROM TO", which are commits, or
# "NAME FROM TO alone"; see lab/series.
parts() {
	local from=base to part count alone
	awk '/^# part / { if (n) print part, n, alone; part = $3; alone = $4; n = 0; next }
	     /^[^#]/ { n++ }
	     END { if (part) print part, n, alone }' "$patches/series" |
		while read -r part count alone; do
			to=$(command git -C "$tree" rev-list --reverse "$from..HEAD" | sed -n "${count}p")
			echo "$part $from $to $alone"
			from=$to
		done
}
