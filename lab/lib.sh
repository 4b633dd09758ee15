# shellcheck shell=bash disable=SC2034
# Sourced by every script of the lab: where things are, and how to speak.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BASE=${BASE:-6.1}
build=$top/build
tree=$build/$BASE/tree			# the kernel as a git repository
patches=$top/patches/$BASE
downloads=$build/downloads
jobs=${JOBS:-$(nproc)}
PATH=$PATH:/usr/sbin:/sbin		# depmod, modprobe: not in every user's
export KERNEL_CROSS=powerpc64le-linux-gnu-

# stderr, so that output a caller captures or pipes stays clean
say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# quiet LOG COMMAND... : runs COMMAND into LOG, shows its end if it fails
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

# One holder at a time of what is being made under build/: two `make` in two
# terminals wait for each other instead of tripping over half-made files.
lock() {
	mkdir -p "$build"
	exec {lock_fd}>"$build/.lock-$1"
	flock -n "$lock_fd" || { say "waiting for another run of $1"; flock "$lock_fd"; }
}

# What build/$BASE/tree has that exists nowhere else, in words; nothing if all of
# it is saved. refs/lab/made is where lab/tree or lab/refresh left the branch.
unsaved() {
	[ -e "$tree/.git" ] || return 0
	if [ -n "$(git -C "$tree" status --porcelain)" ]; then
		echo "build/$BASE/tree has uncommitted changes: commit them there and run 'make refresh'"
	elif [ "$(git -C "$tree" rev-parse HEAD)" != "$(git -C "$tree" rev-parse -q --verify refs/lab/made)" ]; then
		echo "build/$BASE/tree has commits of its own: run 'make refresh', or drop them there" \
			"with 'git reset --hard refs/lab/made'"
	fi
}

# vmlinux KERNEL : the path of a kernel, by the names that lab/boot knows
vmlinux() {
	case $1 in
	ours-*) echo "$build/$BASE/${1#ours-}/vmlinux" ;;
	stock-*) echo "$build/stock/$1/vmlinux" ;;
	*) echo "$1" ;;
	esac
}

# The parts of the series, in order, a line for each: "NAME COUNT" or "NAME COUNT
# alone"; see lab/series.
parts() {
	awk '/^# part / { if (n) print part, n, alone; part = $3; alone = $4; n = 0; next }
	     /^[^#]/ { n++ }
	     END { if (part) print part, n, alone }' "$patches/series"
}
