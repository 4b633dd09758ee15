# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after lib.sh: packages from Debian's mirrors, as far as they are there. A mirror
# between two states has indexes that name files it does not have, or that are not what
# their Release file says; a suite may be out of reach. Then an older version is taken.

# foreign_apt SUITE [ARCHITECTURE] : sets apt to the options that have apt-get work with
# Debian's SUITE (bookworm, trixie) for ppc64el, from the mirrors of this machine's own
# apt, with lists and packages of its own; nothing of the host's is touched. LAB_MIRRORS
# in the environment names other mirrors: lines of a sources.list, with @SUITE@ in them.
foreign_apt() {
	local dir=$downloads/apt-$1
	suite=$1 architecture=${2:-ppc64el} local_debs=() as_root=()
	[ "$architecture" = ppc64el ] || dir+=-$architecture
	preferences=$dir/preferences
	apt=(-o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o "APT::Sandbox::User=root"
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o "Dir::Etc::sourceparts=-"
		-o "Dir::Etc::preferences=$preferences" -o "Dir::Etc::preferencesparts=$dir/preferences.d"
		-o "Dir::State=$dir/state" -o "Dir::State::lists=$dir/state/lists" -o "Dir::State::status=$dir/status"
		-o "Dir::Cache=$dir/cache" -o "Dir::Cache::archives=$dir/cache/archives"
		-o "Acquire::Languages=none" -o "Acquire::Retries=3" -o "Acquire::http::Timeout=30")
	# once in a run of a script, its subshells included
	[ "$(cat "$dir/updated" 2>/dev/null)" != $$ ] || return 0
	mkdir -p "$dir"/{state/lists,cache/archives}/partial "$dir/preferences.d"
	echo $$ >"$dir/updated"
	: >"$dir/status"
	: >"$preferences"
	if [ -n "${LAB_MIRRORS-}" ]; then
		echo "${LAB_MIRRORS//@SUITE@/$suite}"
	else
		# shellcheck disable=SC2016 # apt's own notation
		apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
			sed -n 's/ \(bookworm\|stable\)\(-security\)\?$/ \1\2/p' | sort -u |
			sed -E "s|(.*) (bookworm\|stable)(.*)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \1 $suite\3 main|"
	fi >"$dir/sources.list"
	[ -s "$dir/sources.list" ] ||
		die "apt's configuration names no Debian 12 mirror: set LAB_MIRRORS (see lab/apt.sh)"
	say "apt: package lists of $suite for $architecture"
	update
}

# host_apt : sets apt to the options for the host's own packages. Its preferences hold.
host_apt() {
	suite=bookworm architecture=$(dpkg --print-architecture) local_debs=() as_root=()
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	preferences=$downloads/apt-host/preferences
	mkdir -p "${preferences%/*}"
	local FILE=''
	eval "$(apt-config shell FILE Dir::Etc::preferences/f)"
	{ cat "$FILE" 2>/dev/null || true; echo; } >"$preferences"
	apt=(-o "Dir::Etc::preferences=$preferences")
}

# logged FILE COMMAND... : both streams go to the end of FILE
logged() {
	mkdir -p "${1%/*}"
	"${@:2}" >>"$1" 2>&1 </dev/null
}

# update : the package lists. One that cannot be had leaves the others, and what needed it
# is missing later on.
update() {
	local log=$build/logs/apt-update.log line
	rm -f "$log"
	logged "$log" ${as_root[@]+"${as_root[@]}"} apt-get "${apt[@]}" -q update || true
	sed -nE 's/ \[IP: .*//; s/^[EW]: (Failed to fetch .*|The repository .*)/apt: \1/p' "$log" |
		awk '!seen[$0]++' | while read -r line; do say "$line"; done
}

# to_download ARGUMENTS... : what `apt-get ARGUMENTS` has yet to download, as lines of
# PACKAGE VERSION ARCHITECTURE FILE
to_download() {
	apt-get "${apt[@]}" -qq -y --print-uris "$@" ${local_debs[@]+"${local_debs[@]}"} 2>/dev/null |
		sed -nE "\\|^'file:$downloads/all/|d; s/^'[^']*' (([^_ ]*)_([^_ ]*)_([^_ ]*)[.]deb) .*/\2 \3 \4 \1/p" |
		while read -r package version arch file; do
			echo "$package ${version//%3a/:} $arch $file"
		done
}

# file_of PACKAGE : the name under which `apt-get download` has left it. What the current
# directory has is not to be downloaded.
file_of() (
	cd / && deb=$(to_download download "$1") && echo "${deb##* }"
)

rule_out() { printf '%s\n' "Package: $1" "Pin: version $2" 'Pin-Priority: -1' '' >>"$preferences"; }

# obtain ARGUMENTS... : `apt-get ARGUMENTS`, which downloads packages. A version that the
# mirror does not have is ruled out, and said, so that apt turns to the next older one; or,
# since `Architecture: all` is the same everywhere, another architecture's index may name one.
# Where that is not enough, $why_not says what is missing.
obtain() {
	local log=$build/logs/apt.log updated='' gone=() lacking candidates package version arch file other
	why_not=''
	rm -f "$log"
	until logged "$log" ${as_root[@]+"${as_root[@]}"} apt-get "${apt[@]}" -q -y "$@" ${local_debs[@]+"${local_debs[@]}"}; do
		lacking=$(to_download "$@")
		if [ -z "$lacking" ]; then
			[ -n "$why_not" ] || {
				why_not=$(sed -nE 's/^ +(\S+ : Depends: .*)/\1/p' "$log" | head -n 1)
				[ -n "$why_not" ] || why_not=$(sed -nE 's/ \[IP: .*//; s/^E: //p' "$log" | tail -n 1)
				say "apt: $why_not"
			}
			return 1
		fi
		if [ -z "$updated" ]; then
			# the lists may be older than the mirror
			updated=1
			update
			continue
		fi
		while read -r package version _; do rule_out "$package" "$version"; done <<<"$lacking"
		# shellcheck disable=SC2046 # words are wanted
		candidates=$(apt-cache "${apt[@]}" policy $(cut -d' ' -f 1 <<<"$lacking"))
		while read -r package version arch file; do
			other=$(awk -v p="$package:" '/^[^ ]/ { on = $1 == p } on && $1 == "Candidate:" { print $2 }' <<<"$candidates")
			if [ "$other" = "(none)" ] && [ "$arch" = all ] && file=$(of_all "$package" "$version"); then
				local_debs+=("$file")
				other=$(dpkg-deb -f "$file" Version)
			fi
			if [ "$other" != "(none)" ]; then
				say "apt: the mirror lacks $package $version: $other is taken"
			else
				gone+=("$package $version")
			fi
		done <<<"$lacking"
		if [ ${#gone[@]} -gt 0 ]; then
			why_not=$(printf '%s, ' "${gone[@]:0:8}")
			why_not="the mirror lacks ${why_not%, }"
			[ ${#gone[@]} -le 8 ] || why_not+=" and $((${#gone[@]} - 8)) more"
			say "apt: $why_not, and names no other version"
		fi
	done
}

# of_all PACKAGE VERSION : downloads another version of a package of `Architecture: all`,
# by the index of another architecture, and prints the file's name
of_all() (
	other=amd64
	[ "$architecture" = ppc64el ] || other=ppc64el
	foreign_apt "$suite" "$other"
	rule_out "$1" "$2"
	mkdir -p "$downloads/all" && cd "$downloads/all" || exit 1
	obtain download "$1" >&2 && echo "$PWD/$(file_of "$1")"
)
