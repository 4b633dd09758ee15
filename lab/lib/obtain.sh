# shellcheck shell=bash disable=SC2154
# Sourced after apt.sh: downloads packages, as far as the mirrors have them. In the middle of an
# update, a mirror's indexes name missing files or do not match their Release file, and a suite may
# be unreachable. An older version is taken then.

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
			if [ "$other" = "(none)" ] && [ "$arch" = all ] && [ "$1" != download ] && file=$(of_all "$package" "$version"); then
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
