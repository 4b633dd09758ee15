#!/bin/bash
# Another kernel is started by kexec, or after a crash, while a user of VFIO has windows and
# its device does DMA, and while there is no user. The second kernel finds the disk, with its
# windows, and VFIO works. KERNEL in the environment names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}

# The commands of the second kernel
second='
	export LAB_TRACE=1
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	mark end
	echo "second kernel"
	[ ! -e /proc/vmcore ] || echo "after a crash"
	dmesg | grep -o "other DMA windows"
	dd if=/dev/nvme0n1 bs=64k count=1 iflag=direct 2>/dev/null | md5sum | sed "s/^/read /"
	dd if=/dev/urandom of=/tmp/data bs=64k count=1 2>/dev/null
	dd if=/tmp/data of=/dev/nvme0n1 bs=64k seek=1 oflag=direct 2>/dev/null
	dd if=/dev/nvme0n1 bs=64k skip=1 count=1 iflag=direct 2>/dev/null | cmp - /tmp/data && echo "disk written"
	ls /proc/device-tree/pci*/ | grep window | sed "s/^/second: /"
	spapr_tce_demo
	true'

# The commands of the first kernel. The second kernel has all CPUs: with maxcpus=1, a crash
# kernel of 6.1 uses the disk's only queue, whose interrupt may belong to another CPU.
first='
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	dd if=/dev/urandom of=/dev/nvme0n1 bs=64k count=1 oflag=direct 2>/dev/null
	dd if=/dev/nvme0n1 bs=64k count=1 iflag=direct 2>/dev/null | md5sum | sed "s/^/wrote /"
	ls /proc/device-tree/pci*/ | grep window | sed "s/^/first: /"
	[ "$when" != before ] || kexec-load $how || exit 3
	if [ "$user" != none ]; then
		spapr_tce_hold ${user#no longer } &
		until [ -e /tmp/held ]; do sleep 0.1; done
		echo "a user has windows"
	fi
	[ "$when" != after ] || kexec-load $how || exit 3
	case $user in "no longer "*)
		kill $!; wait $!
		until dd if=/dev/nvme0n1 of=/dev/null bs=64k count=1 iflag=direct 2>/dev/null; do sleep 0.1; done ;;
	esac
	mark begin
	case $how in
	*p) echo c >/proc/sysrq-trigger ;;
	*) kexec -e ;;
	esac'

# start HOW WHEN USER [LAB-BOOT-OPTIONS...] : HOW are kexec's options; WHEN tells whether the
# second kernel is loaded before or after the user has its windows; USER is the argument of
# spapr_tce_hold, "no longer" and that argument for a user that has ended, or "none"
start() {
	local how=$1 when=$2 user=$3 name="kexec $1, loaded $2 the user's windows: $3"
	shift 3
	[ "$user" != none ] || name="kexec $how, no user"
	guest "$name" -k "$kernel" -m p9 -t $((patience * 120)) -a crashkernel=$crash_size -x "$archive" "$@" -- \
		"how='$how' when=$when user='$user'; $first"
	is "$guest_status" 0 "$name: ended well, no kernel warning"
	[ "$guest_status" = 0 ] || diag "$(tail -n 5 "$guest_log")"
	[ "$user" = none ] || has "$name" "a user has windows"
	has "$name" "second kernel"
	case $how in *p) has "$name" "after a crash" ;; esac
	is "$(lines "read ")" "$(lines "wrote ")" \
		"$name: the disk has what was written"
	has "$name" "disk written"
	[[ $user != "no longer"* ]] || return 0
	is "$(lines "second: ")" "$(lines "first: ")" \
		"$name: the host's windows are in the device tree"
	is "$(grep -c '^demo: .*: ok$' "$guest_log")" 5 "$name: VFIO works"
}
# hypervisor DESCRIPTION KEY=N... : the hypervisor's counts from the start of the second kernel
# until its disk appears
hypervisor() {
	local what=$1 key
	shift
	for key; do
		is "${key%=*}=$(trace_count begin "${key%=*}")" "$key" "$what"
	done
}

archive=$("$top/lab/kexec" "$kernel" "$second")
ok $? "an archive with kexec"

# Without a user, the second kernel has the windows of the first
for how in -l "-s -l"; do
	start "$how" before none
	is "$(grep -c "^other DMA windows" "$guest_log")" 0 "$how: the windows are known"
	hypervisor "$how: the windows are left alone" create=0 remove=0 reset=0
done
for how in -p "-s -p"; do
	start "$how" before none
	is "$(grep -c "^other DMA windows" "$guest_log")" 0 "$how: the windows are known"
	hypervisor "$how: the windows and what is in them are left alone" \
		create=0 remove=0 reset=0 stuff=0
done

# The first kernel removes the user's windows, after it has emptied them
start -l before both
hypervisor "the user's windows were empty when they were removed" left=0 create=1
start "-s -l" after instead
hypervisor "the user's window was empty when it was removed" left=0 create=1 reset=1
is "$(grep -c "^other DMA windows" "$guest_log")" 0 "the second kernel finds them as described"

# After the second kernel was loaded, the host has got a direct window again, of which that
# kernel does not know. Its disk driver cannot get another window, so the PE is reset and has
# only the driver's window, in place of the default one. After the claim of VFIO (mark "taken")
# no window exists.
start -l after "no longer both"
hypervisor "what the kernel does not know is reset" reset=1 create=1
is "$(trace state end | grep -c ^window)" 1 "the driver's window is the only one"
is "$(trace state taken)" "" "none when VFIO has taken the PE"

# After a crash, the second kernel detects the user's windows
for how in -p "-s -p"; do
	start "$how" before both
	has "$how, both" "other DMA windows"
	hypervisor "$how: back to the default window, and a direct one" reset=1 create=1
	start "$how" after instead
	has "$how, instead" "other DMA windows"
	hypervisor "$how: back to the default window, and a direct one" reset=1 create=1
done
done_testing
