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

# foreign_apt SUITE : sets apt to the options that have apt-get work with Debian's SUITE
# (bookworm, trixie) for ppc64el, from the mirrors of this machine's own apt, with lists
# and packages of its own; nothing of the host's is touched.
foreign_apt() {
	local suite=$1 dir=$downloads/apt-$1
	apt=(-o "APT::Architecture=ppc64el" -o "APT::Architectures::=ppc64el" -o "APT::Sandbox::User=root"
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o "Dir::Etc::sourceparts=-"
		-o "Dir::State=$dir/state" -o "Dir::Cache=$dir/cache"
		-o "Dir::State::status=$dir/status" -o "Acquire::Languages=none" -o "Acquire::Retries=3")
	[[ " ${foreign_updated-} " != *" $suite "* ]] || return 0
	foreign_updated+=" $suite"
	mkdir -p "$build/logs" "$dir"/{state/lists,cache/archives}/partial
	: >"$dir/status"
	# shellcheck disable=SC2016 # apt's own notation
	apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
		sed -n 's/ \(bookworm\|stable\)\(-security\)\?$/ \1\2/p' | sort -u |
		sed -E "s|(.*) (bookworm\|stable)(.*)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \1 $suite\3 main|" \
			>"$dir/sources.list"
	[ -s "$dir/sources.list" ] || die "apt's configuration names no Debian 12 mirror"
	say "apt: package lists of $suite for ppc64el"
	# A mirror that is just being synchronised may lack one of the lists;
	# the download below fails if that one was needed.
	touch "$dir/updated"
	apt-get "${apt[@]}" -q update >"$build/logs/apt-$suite.log" 2>&1 ||
		say "apt: $(grep -m 1 '^E: ' "$build/logs/apt-$suite.log")"
}

# vmlinux KERNEL : the path of a kernel, by the names that lab/boot knows
vmlinux() {
	case $1 in
	ours-*) echo "$build/$BASE/${1#ours-}/vmlinux" ;;
	stock-*) echo "$build/stock/$1/vmlinux" ;;
	*) echo "$1" ;;
	esac
}
