# shellcheck shell=bash disable=SC2034
# Where things are. No effects when sourced, except that the variables are set.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BASE=${BASE:-6.1}
build=$top/build
tree=$build/$BASE/tree			# the kernel as a git repository
patches=$top/patches/$BASE
downloads=$build/downloads

# patch_file NAME [BASE] : prints the path of a patch or a letter: that of the base, or the one that
# bases share
patch_file() {
	local own=$top/patches/${2:-$BASE}/$1
	if [ -e "$own" ]; then echo "$own"; else echo "$top/patches/common/$1"; fi
}

# new_file PATH [BASE] : prints the path of a new file of the series in the same way
new_file() {
	local own=$top/patches/${2:-$BASE}/linux/$1
	if [ -e "$own" ]; then echo "$own"; else echo "$top/linux/$1"; fi
}

# vmlinux KERNEL : prints the path of a kernel, by the names of lab/boot
vmlinux() {
	case $1 in
	ours-*) echo "$build/$BASE/${1#ours-}/vmlinux" ;;
	stock-*) echo "$build/stock/$1/vmlinux" ;;
	part-*) echo "$build/$BASE/$1/64k/vmlinux" ;;
	*) echo "$1" ;;
	esac
}

# reasons stock/NAME|clients/NAME : prints the reasons why this cannot be had (lab/stock, lab/rootfs)
reasons() { paste -sd '|' "$build/$1.missing" 2>/dev/null | sed 's/|/; /g'; }
