# shellcheck shell=bash disable=SC2154
# Sourced by the libraries of DPDK's and QEMU's scenarios, which set $logs.
mkdir -p "$logs"

# fail REASON : the scenario has failed, and goes on
fail() { printf '\nfail: %s\n' "$*"; touch "$logs/failed"; }
failed() { [ -e "$logs/failed" ]; }

# want WHAT GOT OPERATOR WANTED
want() { test "$2" "$3" "$4" || fail "$1: $2, not $3 $4"; }

# drive DRIVER DEVICE... : what `driverctl set-override` does; DRIVER may be "native"
drive() {
	local driver=$1 dev sys
	shift
	for dev; do
		sys=/sys/bus/pci/devices/$dev
		[ ! -e "$sys/driver" ] || echo "$dev" >"$sys/driver/unbind"
		echo "${driver/native/}" >"$sys/driver_override"
		echo "$dev" >/sys/bus/pci/drivers_probe
		[ -e "$sys/driver" ] || fail "$dev: no driver"
	done
}
