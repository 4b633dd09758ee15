# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after lib.sh: sets apt up for Debian's packages of another architecture, or for the host's
# own. obtain.sh downloads packages.

# foreign_apt SUITE [ARCHITECTURE] : sets the array apt to options for apt-get, which then uses
# Debian's SUITE (bookworm, trixie, trixie-backports, or several) for ppc64el. The mirrors are those
# of this machine's own apt, but lists and packages are separate from the host's. LAB_MIRRORS in the
# environment names other mirrors, as lines of a sources.list with @SUITE@ in them.
foreign_apt() {
	local dir=$downloads/apt-${1// /+} one
	suite=$1 architecture=${2:-ppc64el} local_debs=() as_root=()
	[ "$architecture" = ppc64el ] || dir+=-$architecture
	preferences=$dir/preferences failures=$dir/failures
	apt=(-o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o "APT::Sandbox::User=root"
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o "Dir::Etc::sourceparts=-"
		-o "Dir::Etc::preferences=$preferences" -o "Dir::Etc::preferencesparts=$dir/preferences.d"
		-o "Dir::State=$dir/state" -o "Dir::State::lists=$dir/state/lists" -o "Dir::State::status=$dir/status"
		-o "Dir::Cache=$dir/cache" -o "Dir::Cache::archives=$dir/cache/archives"
		-o "Acquire::Languages=none" -o "Acquire::Retries=3" -o "Acquire::http::Timeout=30")
	# once in each run of a script, including its subshells
	[ "$(cat "$dir/updated" 2>/dev/null)" != $$ ] || return 0
	mkdir -p "$dir"/{state/lists,cache/archives}/partial "$dir/preferences.d"
	echo $$ >"$dir/updated"
	: >"$dir/status"
	: >"$preferences"
	for one in $suite; do
		if [ -n "${LAB_MIRRORS-}" ]; then
			echo "${LAB_MIRRORS//@SUITE@/$one}"
		else
			# shellcheck disable=SC2016 # apt's own notation
			apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
				sed -n 's/ \(bookworm\|stable\)\(-security\)\?$/ \1\2/p' | sort -u |
				sed -E "s|(.*) (bookworm\|stable)(.*)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \1 $one\3 main|"
		fi
	done | sed '/-backports-security /d' >"$dir/sources.list"	# security updates are for releases only
	[ -s "$dir/sources.list" ] ||
		die "apt's configuration names no Debian 12 mirror: set LAB_MIRRORS (see docs/testing.md)"
	say "apt: package lists of $suite for $architecture"
	update
}

# host_apt : sets the array apt to options for the host's own packages, with the host's preferences
host_apt() {
	suite=bookworm architecture=$(dpkg --print-architecture) local_debs=() as_root=()
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	preferences=$downloads/apt-host/preferences failures=$downloads/apt-host/failures
	mkdir -p "${preferences%/*}"
	local FILE=''
	eval "$(apt-config shell FILE Dir::Etc::preferences/f)"
	{ cat "$FILE" 2>/dev/null || true; echo; } >"$preferences"
	apt=(-o "Dir::Etc::preferences=$preferences")
}

# logged FILE COMMAND... : appends the output and the errors of COMMAND to FILE
logged() {
	mkdir -p "${1%/*}"
	"${@:2}" >>"$1" 2>&1 </dev/null
}

# update : updates the package lists. A list that cannot be had does not affect the others; its
# packages are reported as missing later. The file $failures has the reasons.
update() {
	local log=$build/logs/apt-update.log line
	rm -f "$log"
	logged "$log" ${as_root[@]+"${as_root[@]}"} apt-get "${apt[@]}" -q update || true
	sed -nE 's/ \[IP: .*//; s/^[EW]: (Failed to fetch .*|The repository .*)/\1/p' "$log" | awk '!seen[$0]++' >"$failures"
	while read -r line; do say "apt: $line"; done <"$failures"
}
