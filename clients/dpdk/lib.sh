# shellcheck shell=bash disable=SC2034,SC2015
# Functions of the DPDK scenarios: network cards that change their driver, testpmd, and its
# statistics.
set -u
me=$(dirname "$0")
nic1=0001:00:01.0 nic2=0002:00:01.0	# of the machines "net..."
pages=$(awk '/HugePages_Total/ { print $2 }' /proc/meminfo)
logs=/tmp/testpmd
. "$me/../lib.sh"

# now : prints the milliseconds since boot
now() { local up; read -r up _ </proc/uptime; echo "${up/./}0"; }
# since START : prints the seconds since then, with one decimal
since() { local ms=$(($(now) - $1)); echo "$((ms / 1000)).$((ms % 1000 / 100))"; }

# netdev NIC : prints the host's interface of the card, when it is up and has a carrier
netdev() {
	local name
	for ((try = 0; try < 300 * PATIENCE; try++)); do
		name=$(ls "/sys/bus/pci/devices/$1/net" 2>/dev/null) && {
			ip link set "$name" up promisc on
			[ "$(cat "/sys/class/net/$name/carrier" 2>/dev/null)" = 1 ] && echo "$name" && return
		}
		sleep 0.1
	done
	fail "$1: no carrier" >&2
}

# native WHEN : lets the host drive both cards, and sends frames between them in both directions
native() {
	local a b
	drive native "$nic1" "$nic2"
	a=$(netdev "$nic1") b=$(netdev "$nic2")
	"$me/frames" 500 "$a" "$b" >/dev/null && "$me/frames" 500 "$b" "$a" >/dev/null ||
		fail "the host's driver, $1"
}

# testpmd NAME COMMANDS EAL-OPTIONS... : runs testpmd with the output of the function COMMANDS as
# its input. The log is $log, which is $logs/NAME; $took is the time that "quit" took, in ms.
testpmd() {
	local name=$1 commands=$2 rc
	shift 2
	echo "+ dpdk-testpmd $* -- -i --total-num-mbufs=4096"
	# DPDK needs its window at 0, where the default window was
	case " $* " in
	*=pa\ *) echo "hypervisor: ^create .* page=0x200000 .* start=0x0$" ;;
	*=va\ *) echo "hypervisor: ^create .* page=0x200000 size=0x800000000000 start=0x0$" ;;
	esac
	log=$logs/$name
	: >"$log"
	{ "$commands"; now >"$logs/$name.quit"; echo quit; } |
		dpdk-testpmd "$@" -- -i --total-num-mbufs=4096 2>&1 | tee -a "$log"
	rc=${PIPESTATUS[1]}
	took=$(($(now) - $(cat "$logs/$name.quit")))
	[ "$rc" = 0 ] || failed || complain "ended with $rc"
}

# complain TEXT : reports that testpmd has failed, with the first error in its log
complain() { fail "dpdk-testpmd: $1 ($(grep -aiE 'unsupported|cannot|error|fail|invalid' "$log" | head -n 1))" >&2; }

# links N : waits until $log shows the link of N ports
links() {
	for ((try = 0; try < 300 * PATIENCE; try++)); do
		[ "$(grep -ac 'link state change event' "$log")" -lt "$1" ] || return 0
		! grep -qa 'No probed ethernet devices\|EAL: Error - exiting' "$log" || break
		sleep 0.1
	done
	complain "no link"
	return 1
}

# meet N : waits until N subshells have called this function, or one has failed
meet() {
	touch "$logs/here.$BASHPID"
	until failed || set -- "$1" "$logs"/here.* && [ $(($# - 1)) -ge "$1" ]; do sleep 0.1; done
}

# stat NAME PORT KEY : prints a counter of the card, from "show port stats all"
stat() {
	sed -n "/NIC statistics for port $2 /,/####\$/s/.*$3: *\([0-9]*\).*/\1/p" "$logs/$1" | tail -n 1
}

# passed NAME PORT NAME PORT : the second port has received all packets that the first one sent
passed() {
	local sent got
	sent=$(stat "$1" "$2" TX-packets)
	got=$(($(stat "$3" "$4" RX-packets) + $(stat "$3" "$4" RX-missed)))
	want "packets from port $2 of $1" "$sent" -gt 31
	want "packets from port $2 of $1 that port $4 of $3 has received" "$got" = "$sent"
	packets=$((${packets:-0} + got)) bytes=$((${bytes:-0} + $(stat "$3" "$4" RX-bytes)))
}

# finish RESULT : removes DPDK's files, after which all huge pages have to be free, lets the host
# drive the cards, and reports RESULT if no step of the scenario has failed
finish() {
	rm -f /dev/hugepages/*map_*
	want "free huge pages" "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)" = "$pages"
	native after
	! failed || exit 1
	echo "result: $*"
	exit 0
}
