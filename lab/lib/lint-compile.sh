# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by lab/lint: compiles the files that the series touches, before and after the series, and
# compares the warnings.

# touched_files : sets touched to the C files and headers that the series touches, and files to
# the C files to compile. A file that includes a touched header may warn because of it.
touched_files() {
	local headers users h
	mapfile -t touched < <(git diff --no-renames --diff-filter=d --name-only base HEAD -- '*.c' '*.h' ':!tools' ':!samples')
	[ ${#touched[@]} -gt 0 ] || return 0
	mapfile -t headers < <(printf '%s\n' "${touched[@]}" | grep '\.h$' | sed -E 's|.*/include/(uapi/)?||; s|^include/(uapi/)?||')
	users=$(for h in "${headers[@]}"; do
		git grep -lE "include [<\"](.*/)?${h##*/}[>\"]" HEAD -- 'arch/powerpc/*.c' 'drivers/vfio/*.c' 'drivers/iommu/*.c' |
			sed 's/^HEAD://'
	done)
	mapfile -t files < <(printf '%s\n' "${touched[@]}" "$users" | grep '\.c$' | LC_ALL=C sort -u)
}

# checkout COMMIT : the commit in $src
checkout() {
	command git -C "$tree" worktree prune
	[ -e "$src" ] || git worktree add -q --detach "$src" base
	command git -C "$src" checkout -q --detach -f "$(git rev-parse "$1")"
}

# normal : makes warnings comparable, without line numbers and directories
normal() {
	sed -E "s|$src/||g; s|\.\./tree/||g; s|^([^ :]+):[0-9]+(:[0-9]+)?:|\1:|; s|^(Warning: [^ :]+):[0-9]+|\1|" | LC_ALL=C sort
}

# configure OUT HOW MAKE... : HOW is the name of a defconfig, or fragments of configs/
configure() {
	local out=$1 how=$2 f
	shift 2
	mkdir -p "$out"
	if [[ $how == *_defconfig ]]; then
		quiet "$out.log" "$@" "$how"
	else
		for f in $how; do
			# a leading - leaves out the options that enable VFIO and the IOMMU API
			case $f in
			-*) fragment "${f#-}" | grep -vE '^CONFIG_(VFIO|IOMMU|SPAPR)' ;;
			*) fragment "$f" ;;
			esac
		done >"$out/fragments"
		KCONFIG_ALLCONFIG=$out/fragments quiet "$out.log" "$@" allnoconfig
	fi
	quiet "$out.log" "$@" prepare
}

# listed OUT DIRECTORY : prints the objects and directories that the Makefile of a directory lists,
# or * if it has none
listed() {
	local mk=$src/$2/Makefile
	[ ! -e "$src/$2/Kbuild" ] || mk=$src/$2/Kbuild
	[ -e "$mk" ] || { echo '*'; return; }
	make -s -C "$1" -f - none srctree="$src" src="$2" obj="$2" SRCARCH=powerpc ARCH=powerpc 2>/dev/null <<-END || true
		include include/config/auto.conf
		BITS := \$(if \$(CONFIG_PPC64),64,32)
		include $mk
		list := \$(obj-y) \$(obj-m)
		none: ;
		\$(info \$(foreach o,\$(list),\$(o) \$(\$(o:.o=-y)) \$(\$(o:.o=-objs)) \$(\$(o:.o=-m))) \$(subdir-y) \$(core-y) \$(drivers-y))
	END
}

# built OUT : prints the objects of $files that this configuration compiles. Kbuild compiles any
# object on request, so the Makefiles on the way down are evaluated instead.
built() {
	local out=$1 f dir sub
	local -A known
	for f in "${files[@]}"; do
		[ -e "$src/$f" ] || continue
		sub=$(basename "$f" .c).o dir=$(dirname "$f")
		while :; do
			[ -n "${known[$dir]:-}" ] || known[$dir]=" $(listed "$out" "$dir" | tr '\n' ' ') "
			case ${known[$dir]} in
			' * ') sub=${dir##*/}/$sub ;;	# without a Makefile, the next one up names the object
			*" $sub "*) sub=${dir##*/}/ ;;
			*) continue 2 ;;
			esac
			case $dir in
			arch/powerpc|drivers|lib|mm|kernel|virt) break ;;
			*/*) dir=${dir%/*} ;;
			*) break ;;
			esac
		done
		echo "${f%.c}.o"
	done
}

# compile NAME CROSS HOW MAKE-OPTIONS... : compiles base and HEAD in a configuration, which HOW
# makes. The warnings are in $lint/NAME.{base,HEAD}; those of base are kept for the next run.
compile() {
	local name=$1 cross=$2 how=$3 out=$lint/$1 rev log key objects=()
	shift 3
	# an error in the parser would keep the compiler from its later warnings
	local make=(nice make -C "$src" O="$out" ARCH=powerpc CROSS_COMPILE="ccache $cross" -j"$jobs" LOCALVERSION= KCFLAGS=-Wno-error)
	for rev in base HEAD; do
		log=$lint/$name.$rev
		if [ "$rev" = base ]; then
			key=$({ git rev-parse base; printf '%s\n' "$how" "$@" "${files[@]}"; cat "$top/lab/lib/lint-compile.sh"; } | sha256sum)
			[ "$key" != "$(cat "$log.key" 2>/dev/null)" ] || continue
		fi
		checkout "$rev"
		configure "$out" "$how" "${make[@]}"
		mapfile -t objects < <(built "$out")
		say "lint: $name, $rev: ${#objects[@]} objects"
		(cd "$out" && rm -f "${objects[@]}")
		[ ${#objects[@]} = 0 ] || "${make[@]}" -k "$@" "${objects[@]}" >"$out.log" 2>&1 || true
		# Sparse cannot follow a loop that takes locks. This loop is that of
		# iommu_take_ownership(), for which sparse has the same warning in the base. And each
		# user of rbtree_latch.h has the error about rb_link_node_rcu().
		grep -E '(warning|error):|Error [0-9]' "$out.log" | normal |
			grep -vF -e "context imbalance in 'iommu_table_retire'" \
				-e "include/linux/rbtree.h: error: incompatible types in comparison" >"$log" || true
		if [ "$rev" = base ]; then echo "$key" >"$log.key"; fi
	done
	comm -13 "$lint/$name.base" "$lint/$name.HEAD" | complain "$name: new warnings"
}
