#!/bin/bash
# Another kernel is started by kexec, or after a crash, on a machine whose PEs have one window
# at a time, as SR-IOV functions do, or cannot be reset. Some PEs have drivers of the host, with
# a direct window in place of the default one, some have a user, and one had a user before its
# driver. The second kernel has every disk, with the windows of the first kernel. VFIO works on
# every PE; if the kernel cannot know which windows an earlier user has left, it refuses VFIO
# instead, and no user reaches those windows. KERNEL in the environment names another kernel.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
kernel=${KERNEL:-ours-64k}

# The PEs of the machine pe-life: the PHB, the argument of spapr_tce_hold ("-": no user), and
# "left" if the user has ended before the kexec
pes='
0 -
1 -
2 -
3 instead
4 default
5 both
6 default
7 instead left
8 both'
disks="0000:00:02.0 0001:00:02.0 0002:00:02.0 0002:00:03.0 0003:00:02.0 0004:00:02.0 0006:00:02.0 0007:00:02.0"

# The commands of the second kernel
second='
	export LAB_TRACE=1 VFIO_TCE_SCRATCH_DISK=1
	echo "second kernel"
	[ ! -e /proc/vmcore ] || echo "after a crash"
	dd if=/dev/urandom of=/tmp/data bs=64k count=1 2>/dev/null
	for address in '$disks'; do
		disk=$(disk $address) || continue
		dd if=$disk bs=64k count=1 iflag=direct 2>/dev/null | md5sum | sed "s/ .*//; s/^/read $address /"
		dd if=/tmp/data of=$disk bs=64k seek=1 oflag=direct 2>/dev/null
		dd if=$disk bs=64k skip=1 count=1 iflag=direct 2>/dev/null | cmp - /tmp/data &&
			echo "written $address"
	done
	windows 0 1 2 3 4 5 6 7 8 | sed "s/^/second: /"
	mark end
	for n in 0 1 2 3 4 5 6 7 8; do
		# PE 8 can be reset only the second time
		VFIO_TCE_DEVICE=000$n:00:01.0 spapr_tce_heir $((1 + n / 8)) >/tmp/heir$n &
	done
	wait
	cat /tmp/heir*
	true'

# The commands of the first kernel. The second kernel has all CPUs, see kexec.t.
first='
	for address in '$disks'; do
		disk=$(disk $address)
		dd if=/dev/urandom of=$disk bs=64k count=1 oflag=direct 2>/dev/null
		dd if=$disk bs=64k count=1 iflag=direct 2>/dev/null | md5sum | sed "s/ .*//; s/^/wrote $address /"
	done
	windows 0 1 2 3 4 5 6 7 8 | sed "s/^/first: /"
	[ "$when" != before ] || kexec-load $how || exit 3
	left=
	echo "$pes" >/tmp/pes
	while read -r phb user gone; do
		[ "${user:--}" != - ] || continue
		VFIO_TCE_DEVICE=000$phb:00:01.0 spapr_tce_hold $user >/tmp/hold$phb &
		until [ -e /tmp/held ]; do
			kill -0 $! || exit 4
			sleep 0.1
		done
		rm /tmp/held
		[ -z "$gone" ] || left="$left $phb:$!"
	done </tmp/pes
	echo "users have windows"
	[ "$when" != after ] || kexec-load $how || exit 3
	for user in $left; do
		kill ${user#*:}; wait ${user#*:}
		disk=$(disk 000${user%:*}:00:02.0)
		dd if=$disk of=/dev/null bs=64k count=1 iflag=direct 2>/dev/null &&
			echo "a user has gone"
	done
	# the next reset of PE 8 fails
	mark shim-fail-reset+1 0008:00:01.0
	mark begin
	case $how in
	*p) echo c >/proc/sysrq-trigger ;;
	*) kexec -e ;;
	esac'

# look : sets ${asked[PHB]} to the hypervisor's counts for each PE until the disks of the second
# kernel appear, and ${heired[PHB]} to those from the claim of VFIO to the first mapping. "stuff"
# counts ranges that were cleared (a single entry may be a question of the kernel), and "left" is
# the number of entries in windows that were removed.
declare -A asked heired
look() {
	local range phb counts ranges=() n
	for n in 0 1 2 3 4 5 6 7 8; do ranges+=("heir+$((2 * n))..heir+$((2 * n + 1))"); done
	asked=() heired=()
	while read -r range phb counts; do
		range=${range#range=} phb=${phb#pe=}
		case $range in
		begin..end)
			asked[$phb]=$(grep -oE '\b(stuff|create|remove|reset|left)=[0-9]+' <<<"$counts" | paste -sd ' ') ;;
		"heir+$((2 * phb))..heir+$((2 * phb + 1))")
			heired[$phb]=$(grep -oE '\b(stuff|create|remove|reset|left|xlate)=[0-9]+' <<<"$counts" | paste -sd ' ') ;;
		esac
	done < <(trace between begin..end "${ranges[@]}")
}

# start HOW WHEN [LAB-BOOT-OPTIONS...]
start() {
	local how=$1 when=$2 name="kexec $1, loaded $2" phb user gone heir spared=none
	shift 2
	guest "$name" -k "$kernel" -m pe-life -t $((patience * 240)) -a crashkernel=$crash_size -x "$archive" "$@" -- \
		"how='$how' when=$when pes='$pes'; $first"
	is "$guest_status" 0 "$name: ended well, no kernel warning"
	[ "$guest_status" = 0 ] || diag "$(tail -n 5 "$guest_log")"
	has "$name" "users have windows"
	has "$name" "a user has gone"
	has "$name" "second kernel"
	case $how in *p) has "$name" "after a crash" ;; esac
	is "$(lines "read ")" "$(lines "wrote ")" "$name: every disk has what was written"
	is "$(lines "written ")" "${disks// /$'\n'}" "$name: every disk can be written"
	# Since the user came, the default window of PE 4 is as the device tree describes it. It has
	# entries, and the second kernel cannot know their owner. After a crash it leaves the window
	# alone, and no direct window can replace it before VFIO has had the PE.
	case $how:$when in *p:after) spared=4 ;; esac
	is "$(lines "second: " | grep -v "^$spared ")" "$(lines "first: " | grep -v "^$spared ")" \
		"$name: the host's windows are in the device tree"

	look
	while read -r phb user gone; do
		[ -n "$phb" ] || continue
		what="$name: PE $phb"
		heir=$(lines "heir 000$phb:00:01.0: ")
		case $phb:$how in
		5:*p)	# the user has both windows, and the second kernel cannot know of them
			is "$heir" "claim: EIO" "$what: VFIO is refused what cannot be reset" ;;
		[56]:*)
			[[ $heir = ok || $heir = "claim: EIO" ]]
			ok $? "$what: VFIO works or is refused what cannot be reset"
			diag "$what: $heir" ;;
		*)
			[ "$phb" != "$spared" ] || heir=${heir/#windows: EIO/ok}
			is "$heir" ok "$what: VFIO works" ;;
		esac
		is "${heired[$phb]}" "stuff=0 xlate=0 create=0 remove=0 reset=0 left=0" "$what: reaches nothing when VFIO has it"
		case $user:$how in
		-:*p)
			is "${asked[$phb]}" "stuff=0 create=0 remove=0 reset=0 left=0" \
				"$what: the windows of the host are left alone after a crash" ;;
		*l)
			# the second kernel does not know of a direct window that was made after the load
			[ "$when:$gone" != after:left ] || continue
			[[ ${asked[$phb]} = *" left=0" ]]
			ok $? "$what: each window was empty when it was removed" ;;
		esac
	done <<<"$pes"
	is "$(trace state end | awk -v spared="$spared" '
		/^window/ {
			for (i = 2; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
			if (v["set"] > 0)
				n[v["pe"]] = n[v["pe"]] (/default=1/ ? " default" : " dynamic")
		}
		END { for (pe = 0; pe < 8; pe++) if (pe != 5 && pe != spared) printf "%d:%s\n", pe, n[pe] }')" "$(
		grep -v "^$spared:" <<-EOF
		0: dynamic
		1: dynamic
		2: dynamic
		3: dynamic
		4: dynamic
		6: default
		7: dynamic
		EOF
		)" "$name: what the hypervisor has, with entries, is the windows of the host"
}

archive=$("$top/lab/kexec" "$kernel" "$second")
ok $? "an archive with kexec"
for how in ${HOW:--l -sl -p -sp}; do
	case $how in -s?) how="-s -${how#-s}" ;; esac
	for when in ${WHEN:-before after}; do
		start "$how" "$when"
	done
done
done_testing
