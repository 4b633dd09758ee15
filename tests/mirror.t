#!/bin/bash
# Debian's mirror in the middle of an update. The test makes a mirror of empty packages and
# serves it from loopback: its indexes name missing files or do not match their Release file,
# and suites are unreachable. The scripts take the packages that exist, and name them.
. "$(dirname "$0")/lib.sh"

dir=$(mktemp -d "$build/mirror.XXXXXX")
server=
trap '[ -z "$server" ] || kill "$server"; [ -n "${KEEP-}" ] || rm -rf "$dir"' EXIT
mirror=$dir/mirror

# The scripts themselves, with a build directory of their own. No kernel is built.
copy=$dir/copy
mkdir -p "$copy/lab" "$copy/docs" "$mirror/pool"
ln -s "$top"/{Makefile,tests,configs} "$copy/"
ln -s "$top"/lab/* "$copy/lab/"
ln -sf /bin/true "$copy/lab/kernel"
ln -sf /bin/true "$copy/lab/selftests"

# package SUITE ARCHITECTURE,... NAME VERSION PACKAGE-ARCHITECTURE [FIELD]... : makes a package
# of the files in $dir/root, and adds it to the suite's indexes of these architectures
package() {
	local suite=$1 arches=${2//,/ } name=$3 version=$4 arch=$5 root=$dir/root file index
	shift 5
	file=pool/${name}_${version#*:}_$arch.deb
	mkdir -p "$root/DEBIAN" "$root/usr/share"
	echo "$version" >"$root/usr/share/$name"
	printf '%s\n' "Package: $name" "Version: $version" "Architecture: $arch" \
		'Maintainer: -' 'Description: -' "$@" >"$root/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone -b "$root" "$mirror/$file" >/dev/null
	rm -rf "$root"
	for index in $arches; do
		mkdir -p "$mirror/dists/$suite/main/binary-$index"
		{
			dpkg-deb -f "$mirror/$file"
			echo "Filename: $file"
			echo "Size: $(stat -c %s "$mirror/$file")"
			echo "SHA256: $(sha256sum "$mirror/$file" | cut -d' ' -f 1)"
			echo
		} >>"$mirror/dists/$suite/main/binary-$index/Packages"
	done
}
# lacks NAME VERSION ARCHITECTURE : removes the file of a package, which stays in the index
lacks() { mv "$mirror/pool/${1}_${2}_$3.deb" "$dir/"; }

# release SUITE : writes the Release file
release() {
	(
		cd "$mirror/dists/$1" || exit
		printf '%s\n' "Origin: lab" "Suite: $1" "Codename: $1" "Architectures: amd64 ppc64el" \
			"Components: main" "Date: $(LC_ALL=C date -u -R)" SHA256:
		for f in main/*/Packages; do
			echo " $(sha256sum "$f" | cut -d' ' -f 1) $(stat -c %s "$f") $f"
		done
	) >"$dir/Release"
	mv "$dir/Release" "$mirror/dists/$1/Release"
}

# kernel SUITE VERSION : makes a kernel package with only the files that lab/stock needs
kernel() {
	local modules=$dir/root/lib/modules/$2
	mkdir -p "$dir/root/boot" "$modules"
	echo "vmlinux of $2" >"$dir/root/boot/vmlinux-$2"
	printf 'kernel/%s.ko\n' nvme e1000e ext4 kvm_hv vfio_iommu_spapr_tce vfio_spapr_eeh vfio_pci \
		>"$modules/modules.builtin"
	touch "$modules/modules.order"
	package "$1" ppc64el "linux-image-$2" 1 ppc64el
}

python3 -u -m http.server --bind 127.0.0.1 --directory "$mirror" 0 >"$dir/server" 2>"$logs/server" &
server=$!
for ((i = 0; i < 300; i++)); do
	port=$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$dir/server")
	[ -z "$port" ] || break
	sleep 0.1
done
[ -n "$port" ]
ok $? "a mirror on loopback"
here=http://127.0.0.1:$port
nowhere=http://127.0.0.1:1
export LAB_MIRRORS="deb [trusted=yes] $here @SUITE@ main
deb [trusted=yes] $here @SUITE@-security main"
echo 'Acquire::http::Proxy "DIRECT"; Acquire::Retries "0";' >"$dir/apt.conf"
export APT_CONFIG=$dir/apt.conf

# run NAME COMMAND... : runs a command in the copy; $status is its status, $said its output
run() {
	status=0
	(cd "$copy" && "${@:2}") >"$logs/$1.log" 2>&1 </dev/null || status=$?
	said=$(cat "$logs/$1.log")
}
# says WORDS DESCRIPTION : the output has these words
says() {
	grep -qF -- "$1" <<<"$said"
	ok $? "$2" || true
	grep -qF -- "$1" <<<"$said" || diag "wanted: $1"$'\n'"$said"
}

# In bookworm, the newest busybox and the newest kernel are missing, and there is no kexec, so
# that trixie's has to be taken
package bookworm ppc64el busybox-static 1:2.0+b1 ppc64el; lacks busybox-static 2.0+b1 ppc64el
package bookworm ppc64el busybox-static 1:1.9 ppc64el
package bookworm ppc64el kexec-tools 1:2.0 ppc64el; lacks kexec-tools 2.0 ppc64el
package bookworm ppc64el libc6 2.36 ppc64el
kernel bookworm 6.1.0-9-powerpc64le
kernel bookworm 6.1.0-50-powerpc64le
kernel bookworm 6.1.0-51-powerpc64le; lacks linux-image-6.1.0-51-powerpc64le 1 ppc64el
kernel bookworm 6.1.0-51-powerpc64le-64k
package bookworm ppc64el linux-image-powerpc64le 1 ppc64el 'Depends: linux-image-6.1.0-51-powerpc64le'
release bookworm
# an index that does not match Release
package bookworm-security ppc64el busybox-static 1:2.1 ppc64el
release bookworm-security
echo >>"$mirror/dists/bookworm-security/main/binary-ppc64el/Packages"
package trixie ppc64el kexec-tools 1:2.1 ppc64el
package trixie ppc64el libc6 2.41 ppc64el
kernel trixie 6.12.107+deb13-powerpc64le-64k; lacks linux-image-6.12.107+deb13-powerpc64le-64k 1 ppc64el
release trixie

run busybox lab/stock busybox
is "$status" 0 "busybox: an older version"
says "the mirror lacks busybox-static 1:2.0+b1: 1:1.9 is taken" "busybox: both are named"
says "Failed to fetch $here/dists/bookworm-security/main/binary-ppc64el/Packages" "busybox: the index that does not match is named"
is "$(cat "$copy/build/stock/busybox/usr/share/busybox-static")" 1:1.9 "busybox: it is the older one"

run stock-6.1 lab/stock stock-6.1
is "$status" 0 "stock 6.1: an older version"
says "lacks linux-image-6.1.0-51-powerpc64le 1" "stock 6.1: what is missing is named"
says "stock: linux-image-6.1.0-50-powerpc64le" "stock 6.1: so is what is taken"
is "$(cat "$copy/build/stock/stock-6.1/vmlinux")" "vmlinux of 6.1.0-50-powerpc64le" "stock 6.1: it is the next older one"
[ ! -e "$copy/build/stock/stock-6.1.missing" ]; ok $? "stock 6.1: not called missing"

run kexec lab/stock kexec
is "$status" 0 "kexec: of another suite"
says "lacks kexec-tools 1:2.0, and names no other version" "kexec: what is missing is named"
says "stock: kexec-tools (trixie)" "kexec: so is the suite that is taken"
is "$(cat "$copy"/build/stock/kexec/usr/share/{kexec-tools,libc6})" "1:2.1"$'\n'"2.41" "kexec: its C library is of that suite, too"

run stock-6.12 lab/stock stock-6.12
is "$status" 1 "stock 6.12: cannot be had"
says "there is no stock-6.12: linux-image-6.12.107+deb13-powerpc64le-64k of trixie: the mirror lacks" "stock 6.12: this is said"
run optional lab/stock -o stock-6.12
is "$status" 0 "stock 6.12: nobody needs it"
grep -qF "linux-image-6.12.107+deb13-powerpc64le-64k" "$copy/build/stock/stock-6.12.missing"
ok $? "stock 6.12: the reason is kept"

# Later the mirror has the package
mv "$dir"/linux-image-6.12.107* "$mirror/pool/"
run later lab/stock -o stock-6.12
is "$(cat "$copy/build/stock/stock-6.12/vmlinux") $status" "vmlinux of 6.12.107+deb13-powerpc64le-64k 0" "stock 6.12: it is there later"
[ ! -e "$copy/build/stock/stock-6.12.missing" ]; ok $? "stock 6.12: and not called missing any more"

# 7.3's files are in several packages, of a suite that has no security updates
version=7.3.4+deb13-powerpc64le-64k
mkdir -p "$dir/root/usr/lib/modules/$version"
touch "$dir/root/usr/lib/modules/$version/modules.order"
printf 'kernel/%s.ko\n' nvme e1000e ext4 kvm_hv vfio_iommu_spapr_tce vfio_pci >"$dir/root/usr/lib/modules/$version/modules.builtin"
package trixie-backports ppc64el "linux-base-$version" 1 ppc64el
mkdir -p "$dir/root/usr/lib/modules/$version"
echo 'vmlinux of 7.3.4' >"$dir/root/usr/lib/modules/$version/vmlinux"
package trixie-backports ppc64el "linux-binary-$version" 1 ppc64el
package trixie-backports ppc64el "linux-modules-$version" 1 ppc64el
package trixie-backports ppc64el "linux-image-$version" 1 ppc64el \
	"Depends: linux-base-$version (= 1), linux-binary-$version (= 1), linux-modules-$version (= 1)"
package trixie-backports ppc64el,amd64 linux-source-7.3 1 all
release trixie-backports
run stock-7.3 lab/stock stock-7.3
is "$(cat "$copy/build/stock/stock-7.3/vmlinux") $status" "vmlinux of 7.3.4 0" "stock 7.3: of its packages"
! grep -q trixie-backports-security <<<"$said"; ok $? "stock 7.3: there are no lists of security updates"

# Its source is for all architectures, so one of the indexes suffices. The index of this
# machine's architecture does not match Release.
index=$mirror/dists/trixie-backports/main/binary-$(dpkg --print-architecture)/Packages
cp "$index" "$dir/index"
echo >>"$index"
rm -r "$copy/build/downloads"
run source-7.3 lab/stock source-7.3
is "$(cat "$copy/build/stock/source-7.3/usr/share/linux-source-7.3") $status" "1 0" "source 7.3: of another architecture's index"
says "Failed to fetch $here/dists/trixie-backports/main/binary-$(dpkg --print-architecture)/Packages" "source 7.3: the index that does not match is named"
mv "$dir/index" "$index"
lacks linux-source-7.3 1 all
rm -r "$copy/build/stock/source-7.3" "$copy/build/downloads"
run no-source lab/stock source-7.3
is "$status" 1 "source 7.3: cannot be had"
says "there is no source-7.3: linux-source-7.3 of trixie-backports: the mirror lacks linux-source-7.3 1" "source 7.3: this is said"
lacks "linux-image-$version" 1 ppc64el
echo >>"$mirror/dists/trixie-backports/main/binary-ppc64el/Packages"
rm -r "$copy/build/stock/stock-7.3" "$copy/build/downloads"
run no-index lab/stock -o stock-7.3
is "$status" 0 "stock 7.3: nobody needs it"
grep -q "trixie-backports has no package" "$copy/build/stock/stock-7.3.missing" &&
	grep -q "Failed to fetch $here/dists/trixie-backports/main/binary-ppc64el/Packages" "$copy/build/stock/stock-7.3.missing"
ok $? "stock 7.3: the index that cannot be had is the reason"
run unknown lab/stock stock-5.10
[ "$status" != 0 ]; ok $? "a kernel that no suite has"

# Without any stock kernel, `make check` continues, with a message
run peers env LAB_MIRRORS="deb [trusted=yes] $nowhere @SUITE@ main" sh -c '
	rm -rf build/stock/stock-* build/stock/kexec build/downloads
	make -o install -o tree check TESTS=tests/stock.t TEST_JOBS=1'
is "$status" 0 "no mirror: make check does its own tests"
for what in stock-6.1 kexec; do says "there is no $what: " "no mirror: there is no $what"; done
says "Failed to fetch $nowhere/dists/bookworm/" "no mirror: the reason"
says "skipped: no stock-6.1" "no mirror: what is about that kernel is skipped"
run peer env LAB_MIRRORS="deb [trusted=yes] $nowhere @SUITE@ main" make -o install -o tree peer BASE=6.1
is "$status" 2 "no mirror: no report about the peer"
says "# no stock-6.12: trixie has no package" "no mirror: for this reason"
# Every guest needs busybox
run nothing env LAB_MIRRORS="deb [trusted=yes] $nowhere @SUITE@ main" sh -c '
	rm -rf build/stock build/downloads
	make -o install -o tree check TESTS=tests/stock.t'
is "$status" 2 "no mirror: nothing is done without busybox"
says "there is no busybox: " "no mirror: and this is said"

# The clients. A driver is missing in trixie, so DPDK comes from bookworm. QEMU comes from
# trixie, with a package that only the index of another architecture names.
for suite in bookworm trixie; do
	for p in kexec-tools bash coreutils mawk findutils grep sed gzip cpio util-linux mount procps iproute2 \
		ethtool perl-base busybox-static; do
		grep -qsx "Package: $p" "$mirror/dists/$suite/main/binary-ppc64el/Packages" ||
			package "$suite" ppc64el $p 1 ppc64el
	done
done
package bookworm ppc64el kexec-tools 1:1.9 ppc64el
for abi in bookworm:23 trixie:25; do
	suite=${abi%:*} abi=${abi#*:}
	package "$suite" ppc64el libdpdk-dev "$abi" ppc64el
	package "$suite" ppc64el dpdk-dev "$abi" ppc64el "Depends: libdpdk-dev, librte-bus-pci$abi"
	for p in librte-mempool-ring librte-net-e1000- librte-bus-pci librte-bus-vdev; do
		package "$suite" ppc64el "$p$abi" "$abi" ppc64el
	done
	package "$suite" ppc64el qemu-system-ppc "1:$abi" ppc64el "Depends: qemu-system-data"
	package "$suite" ppc64el,amd64 qemu-system-data "1:$abi" all
done
lacks librte-net-e1000-25 25 ppc64el
lacks qemu-system-data 25 all
package trixie amd64 qemu-system-data 1:25+deb13u1 all 'Depends: firmware'
package trixie ppc64el firmware 1 all
release bookworm
release trixie
# holds CLIENT FILE : prints a file of the image
holds() { debugfs -R "cat /usr/share/$2" "$copy/build/clients/$1.img" 2>/dev/null; }

run rootfs lab/rootfs
is "$status" 0 "clients: both can be had"
is "$(cut -d' ' -f 2 "$copy"/build/clients/{dpdk,qemu}.made)" bookworm$'\n'trixie "clients: of two suites"
says "clients: dpdk is of bookworm" "clients: which is said"
says "the mirror lacks librte-net-e1000-25 25, and names no other version" "clients: with the reason"
is "$(holds dpdk dpdk-dev) $(holds dpdk librte-net-e1000-23)" "23 23" "clients: DPDK is of one suite"
is "$(holds dpdk kexec-tools)" 1:1.9 "clients: with an older version of a package"
says "lacks qemu-system-data 1:25: 1:25+deb13u1 is taken" "clients: for all architectures, by another one's index"
is "$(holds qemu qemu-system-ppc) $(holds qemu qemu-system-data) $(holds qemu firmware)" "1:25 1:25+deb13u1 1" "clients: QEMU has it, and what it needs"
lacks dpdk-dev 23 ppc64el
run again lab/rootfs
is "$status" 0 "clients: what was made stays while the newest suite lacks something"
is "$(holds dpdk dpdk-dev)" 23 "clients: DPDK is there"
rm -r "$copy/build/clients" "$copy/build/downloads"
run rootfs-missing lab/rootfs
is "$status" 1 "clients: one that cannot be had"
says "there is no dpdk: trixie: " "clients: this is said"
is "$(holds qemu qemu-system-ppc) $(grep -c . "$copy/build/clients/dpdk.missing")" "1:25 2" "clients: the other one is there"

# The host's packages. apt and dpkg believe that none is installed, and only download.
native=$(dpkg --print-architecture)
root=$dir/host
mkdir -p "$root"/{lists,cache/archives}/partial "$root"/dpkg/{info,updates} "$root/preferences.d"
: >"$root/dpkg/status"
cat >>"$dir/apt.conf" <<END
APT::Get::Download-Only "true";
APT::Sandbox::User "root";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "$root/preferences.d";
Dir::Etc::preferences "$root/preferences";
Dir::State::lists "$root/lists";
Dir::State::extended_states "$root/extended";
Dir::State::status "$root/dpkg/status";
Dir::Cache "$root/cache";
Dir::Cache::archives "$root/cache/archives";
Dir::Log "$root";
Debug::NoLocking "true";
END
printf '%s\n' 'Package: git' 'Pin: version 3' 'Pin-Priority: -1' >"$root/preferences"
echo "deb [trusted=yes] $here host main" >"$root/sources.list"
export LAB_MIRRORS="deb [trusted=yes] $here host main"
mapfile -t wanted < <(sed -n '/^packages=(/,/^)/p' "$top/lab/install" | sed 's/#.*//; s/packages=(//; s/^)//' |
	tr -d '"' | tr -s ' \t' '\n' | grep .)
[ ${#wanted[@]} -gt 20 ]
ok $? "the host's packages: ${#wanted[@]}"
other=ppc64el
[ "$native" != ppc64el ] || other=amd64
for p in "${wanted[@]}"; do
	[ "$p" = python3-ply ] || package host "$native" "$p" 1 "$native"
done
package host "$native" make 2 "$native"; lacks make 2 "$native"
for version in 2 3; do package host "$native" git $version "$native"; done
package host "$native" python3-ply 2 all; lacks python3-ply 2 all
package host "$other" python3-ply 3 all
release host
mkdir -p "$dir/bin"
printf '#!/bin/sh\nexec "$@"\n' >"$dir/bin/sudo"
chmod +x "$dir/bin/sudo"
run install env PATH="$dir/bin:$PATH" DPKG_ADMINDIR="$root/dpkg" lab/install
is "$status" 0 "host: all packages can be had"
says "the mirror lacks make 2: 1 is taken" "host: an older version"
says "the mirror lacks python3-ply 2: 3 is taken" "host: of another architecture's index"
has() { [ -e "$root/cache/archives/$1_$2_$native.deb" ]; }
has make 1; ok $? "host: the older version was downloaded"
has git 2; ok $? "host: its own preferences hold"
lacks make 1 "$native"
rm -rf "$root"/cache/archives/*.deb
run install-missing env PATH="$dir/bin:$PATH" DPKG_ADMINDIR="$root/dpkg" lab/install
[ "$status" != 0 ]; ok $? "host: a package that cannot be had"
says "the mirror lacks make 1, and names no other version" "host: this is said"
done_testing
