#!/bin/bash
# Windows of the host's own drivers: the memory that they map, memory that is added and
# removed, the end of a window, and devices that do not reach 64 bits.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"

# window MARK : the direct window at the time of a mark
window() { trace state "$1" | sed -n 's/^window pe=0 liobn=0x80000001 //p'; }

# blocks NAME LAB-BOOT-OPTIONS... : a guest sets the last block of memory that can be set
# offline offline, and online again
blocks() {
	guest "$@" -- '
		unset LAB_TRACE
		until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
		mark begin
		for block in $(ls -d /sys/devices/system/memory/memory* | sort -V -r); do
			echo offline 2>/dev/null >$block/state && break
		done
		mark middle
		echo online >$block/state && echo online
		mark end
		dd if=/dev/nvme0n1 of=/dev/null bs=64k count=4 iflag=direct && echo reads'
	is "$guest_status" 0 "$1: the guest ended well"
	is "$(grep -cx -e online -e reads "$guest_log")" 2 "$1: memory comes back, the disk works"
}

# 17 GiB, on a platform with I/O pages of up to 16G. All memory is mapped in pages as large as
# a memory block, 256M.
blocks 17g -k ours-64k -m p9-17g
is "$(window begin)" "start=0x800000000000000 page=0x10000000 set=68 size=0x800000000" \
	"17g: all memory is mapped"
is "$(window middle | grep -o 'set=[0-9]*')" set=67 "17g: a block is cleared"
is "$(window end | grep -o 'set=[0-9]*')" set=68 "17g: and mapped"
is "$(trace_count begin stuff) $(trace_count begin failed)" "1 0" "17g: one call clears it"
is "$(trace_count middle indirect) $(trace_count middle failed)" "1 0" "17g: one call maps it"

# The same with one call for each entry, in pages of 16M
blocks multitce-off -k ours-64k -m p9 -a multitce=off
is "$(trace_count begin put) $(trace_count begin cleared) $(trace_count begin stuff)" \
	"16 16 0" "multitce=off: a block is cleared"
is "$(trace_count middle put) $(trace_count middle set) $(trace_count middle indirect)" \
	"16 16 0" "multitce=off: and mapped"

# A memory module is plugged beyond the direct window, whose size is that of the memory
# which a kernel without NUMA finds at boot. Devices reach the module through the default
# window. Files fill all other memory, and some of the module, so that buffers have to be in the
# module. When the driver sets its DMA mask again, its buffers in the direct window stay.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
monitor "$logs/beyond.log" \
	"object_add memory-backend-ram,id=more,size=512M" "device_add pc-dimm,id=dimm,memdev=more" &
guest beyond -k ours-64k -m p9 -t 180 -- '
	memory() { awk "/^$1:/ { print int(\$2 / 1024) }" /proc/meminfo; }
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=16 oflag=direct 2>/dev/null
	sum=$(dd if=/dev/nvme0n1 bs=1M count=16 iflag=direct 2>/dev/null | md5sum)
	before=$(memory MemTotal)
	mount -t tmpfs -o size=200% none /mnt
	fill() { dd if=/dev/zero of=/mnt/$1 bs=1M count=$(($(memory MemFree) - $2)) 2>/dev/null; }
	fill first 100
	echo; echo plug
	for i in $(seq 100); do
		[ $(($(memory MemTotal) - before)) -lt 500 ] || break
		sleep 0.2
	done
	echo "came: $(($(memory MemTotal) - before)) MiB"
	fill second 300
	mark begin
	for i in 1 2 3 4; do
		dd if=/dev/nvme0n1 bs=16M count=1 iflag=direct 2>/dev/null | md5sum
	done >/tmp/sums
	mark middle
	[ "$(sort -u /tmp/sums)" = "$sum" ] && echo reads
	echo 1 >/sys/class/nvme/nvme0/reset_controller
	[ "$(dd if=/dev/nvme0n1 bs=1M count=16 iflag=direct 2>/dev/null | md5sum)" = "$sum" ] &&
		echo "reads after a reset"
	echo 1 >/sys/bus/pci/devices/0000:00:02.0/remove'
wait
is "$guest_status" 0 "beyond: the guest ended well"
has beyond "came: 512 MiB" reads "reads after a reset"
is "$(window begin)" "start=0x800000000000000 page=0x1000000 set=128 size=0x80000000" \
	"beyond: the direct window maps what it did"
is "$(trace events begin |
	sed -n 's/^\(indirect\|put\|stuff\) .*\(liobn=\S*\).*/\2/p' | sort -u)" "liobn=0x80000000" \
	"beyond: buffers are mapped in the default window"
[ "$(trace_count begin set)" -ge 4096 ]
ok $? "beyond: at least one of them as a whole"

# A disk whose driver is told that the disk reaches 48 bits. When the host's driver comes
# back after a user, a reset puts the PE into limited addressing mode, and the PE gets a
# direct window. The claim of the next user resets the PE, which ends the mode.
guest limited -k ours-64k -m p9-limited -- '
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	echo "1b36 0010 ffffffff ffffffff 010802 ffffff 10000" >/sys/bus/pci/drivers/nvme/new_id
	dd if=/dev/urandom of=/dev/nvme0n1 bs=64k count=4 oflag=direct 2>/dev/null
	sum=$(dd if=/dev/nvme0n1 bs=64k count=4 iflag=direct 2>/dev/null | md5sum)
	spapr_tce_demo
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	mark begin
	echo "bits: $(cat /sys/bus/pci/devices/0000:00:02.0/dma_mask_bits)"
	[ "$(dd if=/dev/nvme0n1 bs=64k count=4 iflag=direct 2>/dev/null | md5sum)" = "$sum" ] && echo reads
	mark middle
	spapr_tce_demo'
is "$guest_status" 0 "limited: the guest ended well"
has limited "bits: 48" reads
is "$(grep -c '^demo: .*: ok$' "$guest_log")" 10 "limited: VFIO works"
for key in create reset; do
	is $(($(trace_count host-bind $key) + $(trace_count host-bound $key))) 1 "limited: a window in that mode: one $key"
done
is "$(window begin)" "start=0x100000000 page=0x1000000 set=128 size=0x80000000" \
	"limited: it maps all memory"
is "$(trace_count begin set)" 0 "limited: and buffers need no other"
is "$(trace_count take reset 1) $(trace_count take reset 2)" "0 1" "limited: a user ends the mode"
done_testing
