# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by lab/boot: QEMU's options for the machines of lab/machines. Needs lib.sh, except describe.

# describe NAME : prints the lines below NAME in lab/machines; fails if there is no such name
describe() {
	awk -v want="$1" '
		/^[ \t]*(#|$)/ { next }
		/^[^ \t]/ { on = $1 == want; found = found || on; next }
		on { sub(/^[ \t]+/, ""); print }
		END { exit !found }' "$top/lab/machines"
}

# slof NAME : boots by SLOF instead of VOF. SLOF evaluates lab/slof/NAME.fs, and has the RTAS shim
# in memory. The script is in memory too, since SLOF crashes on a long script in the NVRAM.
slof() {
	local script=$run/slof.fs shim
	cat "$top/lab/slof/$1.fs" "$top/lab/slof/rtas.fs" >"$script"
	shim=$("$top/lab/shim/build")
	qemu+=(-M x-vof=off -device "loader,file=$shim,addr=0x10000000,force-raw=on"
		-device "loader,file=$script,addr=0x10100000,force-raw=on"
		-prom-env 'use-nvramrc?=true'
		-prom-env "$(printf 'nvramrc=10100000 %x evaluate' "$(stat -c %s "$script")")")
}

# add_options NAME [NUMBER [OPTIONS]] : adds the lines of NAME to qemu and append
add_options() {
	local line lines
	lines=$(describe "$1") || die "lab/machines knows no $1"
	while read -r line; do
		line=${line//@RUN@/$run} line=${line//@N@/${2-}}
		line=${line//,@OPTIONS@/${3:+,$3}} line=${line//@OPTIONS@/${3-}}
		case $line in
		like\ *)
			# shellcheck disable=SC2086 # a name, a number and options
			add_options ${line#like } ;;
		append\ *) append="${line#append } $append" ;;
		slof\ *) slof "${line#slof }" ;;
		*)
			# shellcheck disable=SC2206 # one option and its argument, or several
			qemu+=($line) ;;
		esac
	done <<<"$lines"
}

# machine_options NAME : sets qemu to QEMU's command for a machine, with files in $run, and adds
# the machine's part of the kernel's command line to append. QEMU=10 in the environment chooses
# Debian's backport beside the host's own QEMU.
machine_options() {
	local dir libraries
	case ${QEMU:-7.2} in
	7.2) qemu=(qemu-system-ppc64) ;;
	*)
		"$top/lab/stock" "qemu-$QEMU" || exit 127
		dir=$build/stock/qemu-$QEMU/usr
		libraries=$(echo "$dir"/lib/*-linux-gnu*)
		qemu=(env "LD_LIBRARY_PATH=$libraries" "QEMU_MODULE_DIR=$libraries/qemu"
			"$dir/bin/qemu-system-ppc64" -L "$dir/share/qemu") ;;
	esac
	# When a CPU sets a timer, it wakes QEMU's main thread. If another CPU waits for the disk at
	# that moment, as when a driver leaves the disk, that CPU may swallow the wake-up. All timers
	# of the guest are late then, until another event wakes the main thread. A network without
	# devices wakes it once a second.
	qemu+=(-accel tcg -nographic -no-reboot -netdev "user,id=tick,restrict=on,ipv6=off")
	add_options "$1"
}
