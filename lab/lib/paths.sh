# shellcheck shell=bash disable=SC2034
# Where things are. No effects when sourced, except that the variables are set.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BASE=${BASE:-7.3}
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
	part-*) echo "$build/$BASE/$1/part/vmlinux" ;;
	*) echo "$1" ;;
	esac
}

# beside KERNEL : prints the name of what ours is shown beside: a stock kernel, or if the mirror lacks
# it the same source with our configuration, without the series (lab/beside)
beside() {
	if [ "$1" != "stock-$BASE" ] || [ -e "$(vmlinux "$1")" ]; then echo "$1"; else echo part-base; fi
}

# compared : prints the name of Debian's kernel that ours is compared with, which has upstream's own VFIO
# for pSeries. That of 6.1 is the kernel of Debian 13.
compared() { if [ "$BASE" = 6.1 ]; then echo stock-6.12; else echo "stock-$BASE"; fi; }

# peer : prints the name of the kernel that takes this part in the lab
peer() { beside "$(compared)"; }

# title KERNEL : prints a heading for its results
title() {
	case $1 in
	part-base) echo "$BASE without the series" ;;
	ours-*) echo "ours on $BASE" ;;
	*) echo "${1/-/ }" ;;
	esac
}

# reasons stock/NAME|clients/NAME : prints the reasons why this cannot be had (lab/stock, lab/rootfs)
reasons() { paste -sd '|' "$build/$1.missing" 2>/dev/null | sed 's/|/; /g'; }
