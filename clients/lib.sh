# shellcheck shell=bash disable=SC2154
# Functions of all scenarios. The libraries of DPDK's and QEMU's scenarios source this file,
# and set $logs before.
mkdir -p "$logs"

# fail REASON : records that the scenario has failed. The scenario continues.
fail() { printf '\nfail: %s\n' "$*"; touch "$logs/failed"; }
failed() { [ -e "$logs/failed" ]; }

# want NAME GOT OPERATOR WANTED : fails if the comparison is false
want() { test "$2" "$3" "$4" || fail "$1: $2, not $3 $4"; }

# drive DRIVER DEVICE... : binds the devices to a driver, as `driverctl set-override` does.
# "native" is the driver that the kernel itself chooses.
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
