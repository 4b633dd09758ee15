# shellcheck shell=bash disable=SC2034
# Where things are. No effects when sourced, except that the variables are set.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BASE=${BASE:-6.1}
build=$top/build
tree=$build/$BASE/tree			# the kernel as a git repository
patches=$top/patches/$BASE
downloads=$build/downloads

# vmlinux KERNEL : prints the path of a kernel, by the names of lab/boot
vmlinux() {
	case $1 in
	ours-*) echo "$build/$BASE/${1#ours-}/vmlinux" ;;
	stock-*) echo "$build/stock/$1/vmlinux" ;;
	*) echo "$1" ;;
	esac
}

# reasons stock/NAME|clients/NAME : prints the reasons why this cannot be had (lab/stock, lab/rootfs)
reasons() { paste -sd '|' "$build/$1.missing" 2>/dev/null | sed 's/|/; /g'; }
