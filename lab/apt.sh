# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after lib.sh: packages from Debian's mirrors, as far as the mirrors have them. In the
# middle of an update, a mirror's indexes name missing files or do not match their Release file,
# and a suite may be unreachable. An older version is taken then.

# foreign_apt SUITE [ARCHITECTURE] : sets the array apt to options for apt-get, which then uses
# Debian's SUITE (bookworm, trixie) for ppc64el. The mirrors are those of this machine's own apt,
# but lists and packages are separate from the host's. LAB_MIRRORS in the environment names other
# mirrors, as lines of a sources.list with @SUITE@ in them.
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
	# once in each run of a script, including its subshells
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

# host_apt : sets the array apt to options for the host's own packages, with the host's preferences
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

# logged FILE COMMAND... : appends the output and the errors of COMMAND to FILE
logged() {
	mkdir -p "${1%/*}"
	"${@:2}" >>"$1" 2>&1 </dev/null
}

# update : updates the package lists. A list that cannot be had does not affect the others; its
# packages are reported as missing later.
update() {
	local log=$build/logs/apt-update.log line
	rm -f "$log"
	logged "$log" ${as_root[@]+"${as_root[@]}"} apt-get "${apt[@]}" -q update || true
	sed -nE 's/ \[IP: .*//; s/^[EW]: (Failed to fetch .*|The repository .*)/apt: \1/p' "$log" |
		awk '!seen[$0]++' | while read -r line; do say "$line"; done
}

# to_download ARGUMENTS... : prints the packages that `apt-get ARGUMENTS` has yet to download, as
# lines of PACKAGE VERSION ARCHITECTURE FILE
to_download() {
	apt-get "${apt[@]}" -qq -y --print-uris "$@" ${local_debs[@]+"${local_debs[@]}"} 2>/dev/null |
		sed -nE "\\|^'file:$downloads/all/|d; s/^'[^']*' (([^_ ]*)_([^_ ]*)_([^_ ]*)[.]deb) .*/\2 \3 \4 \1/p" |
		while read -r package version arch file; do
			echo "$package ${version//%3a/:} $arch $file"
		done
}

# file_of PACKAGE : prints the name of the file that `apt-get download` has made. apt would not
# name a file that the current directory has, hence the cd.
file_of() (
	cd / && deb=$(to_download download "$1") && echo "${deb##* }"
)

rule_out() { printf '%s\n' "Package: $1" "Pin: version $2" 'Pin-Priority: -1' '' >>"$preferences"; }

# obtain ARGUMENTS... : runs `apt-get ARGUMENTS`, which downloads packages. A version that the
# mirror lacks is ruled out, with a message, so that apt takes the next older one. Packages of
# `Architecture: all` are the same for all architectures, so a version may also come from the
# index of another architecture. If that does not suffice, $why_not names the missing packages.
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

# of_all PACKAGE VERSION : downloads another version of a package of `Architecture: all`, from the
# index of another architecture, and prints the name of its file
of_all() (
	other=amd64
	[ "$architecture" = ppc64el ] || other=ppc64el
	foreign_apt "$suite" "$other"
	rule_out "$1" "$2"
	mkdir -p "$downloads/all" && cd "$downloads/all" || exit 1
	obtain download "$1" >&2 && echo "$PWD/$(file_of "$1")"
)
