#!/bin/bash
# Every kind of machine boots with every page size and has its IOMMU groups. lab/boot
# reports how a guest ended, tests keep their logs, and marks divide a trace.
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # the guest expands it
boots() {	# kernel machine page-size-in-kB MMU groups
	guest "$1-$2" -k "$1" -m "$2" -t 180 -- '
		uname -r
		sed -n "s/^KernelPageSize: *//p" /proc/self/smaps | head -n 1
		sed -n "s/^MMU[^:]*: //p" /proc/cpuinfo
		echo groups $(ls /sys/kernel/iommu_groups)
		ls -1 /sys/block'
	is "$guest_status" 0 "$1 boots on $2"
	for want in "$3 kB" "$4" "groups $5" nvme0n1; do
		grep -qx "$want" "$guest_log"
		ok $? "$1 on $2: $want"
	done
}
boots ours-64k p8 64 Hash 0
boots ours-64k p9 64 Radix 0
boots ours-64k p9-hash 64 Hash 0
boots ours-64k p10 64 Radix 0
boots ours-64k p9-2phb 64 Radix "0 1 2"
boots ours-64k powernv9 64 Radix "0 1"
boots ours-4k p9 4 Radix 0

guest status -- 'exit 7'
is "$guest_status" 7 "the command's status is lab/boot's"
guest warns -- 'echo "WARNING: not really" >/dev/kmsg'
is "$guest_status" 126 "a kernel warning fails the run"
guest hangs -t 5 -- 'sleep 10000'
is "$guest_status" 124 "a guest that hangs is killed"
guest dies -- 'poweroff -f'
is "$guest_status" 125 "a guest that ends early is noticed"

# crash NAME N : QEMU crashes in each of the next N guests of that name, when they say "ready"
crash() {
	local n
	for ((n = 0; n < $2; n++)); do
		until grep -qs '^ready' "$logs/$1.log"; do sleep 0.2; done
		: >"$logs/$1.log"
		pkill -SEGV -f "^[^ ]*qemu.*unix:$TMPDIR/"
	done
}
TMPDIR=$(mktemp -d)
export TMPDIR
crash crashes-once 1 &
guest crashes-once -- 'echo ready; sleep 3'
wait $!
is "$guest_status" 0 "a guest whose QEMU crashes is booted again"
crash crashes-twice 2 &
guest crashes-twice -- 'echo ready; sleep 100'
wait $!
is "$guest_status" 123 "but only once"
rm -rf "$TMPDIR"
unset TMPDIR

# Five busy loops use the guest's CPU. The guest takes six times as long, but is not killed.
cpus=$(taskset -cp $$) cpus=${cpus##*: }
taskset -cp "${cpus%%[,-]*}" $$ >/dev/null
loops=()
for _ in 1 2 3 4 5; do
	sh -c 'while :; do :; done' &
	loops+=($!)
done
begin=$SECONDS
# shellcheck disable=SC2016 # the guest expands it
guest busy-host -t 12 -- 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo worked'
took=$((SECONDS - begin))
taskset -cp "$cpus" $$ >/dev/null
kill "${loops[@]}"
wait "${loops[@]}" 2>/dev/null
is "$guest_status" 0 "the time for which a guest waits for a CPU does not count ($took s)"

# After a failed run, the next run keeps its logs, for the last three failed runs
copy=$(mktemp -d "$build/copy.XXXXXX")
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/tests"
ln -s "$top/lab" "$copy/"
ln -s "$top"/tests/{lib.sh,lib} "$copy/tests/"
# shellcheck disable=SC2016 # for the script
echo '. "$(dirname "$0")/lib.sh"; echo $1 >$logs/log; ok $2 x; done_testing' >"$copy/tests/x.t"
run() { bash "$copy/tests/x.t" "$@" >/dev/null 2>&1; }
kept() { (cd "$copy/build/$BASE/logs" && tail -qn 1 x.failed-*/log x/log 2>/dev/null | paste -sd " "); }
run one 1
run two 0
is "$(kept)" "one two" "logs of a failed run are kept"
run three 0
is "$(kept)" "one three" "those of a good one are not"
for n in 4 5 6 7; do run "$n" 1; done
is "$(kept)" "4 5 6 7" "the last three are kept"

# Marks divide the hypervisor's trace into sections. Reading the disk causes DMA but
# no mapping, since the host has a direct window.
guest marks -- 'mark begin; dd if=/dev/nvme0n1 of=/dev/null bs=4k count=16 iflag=direct; mark end'
[ "$(trace_count begin xlate)" -gt 0 ]
ok $? "DMA shows in the section between two marks"
is "$(trace_count end refused)" 0 "no DMA was refused"
is "$(trace_count begin set)" 0 "reading maps nothing"
trace state begin | grep -q '^window .*start=0x800000000000000 page=0x1000000'
ok $? "the host's 64-bit window shows in the state"
done_testing
