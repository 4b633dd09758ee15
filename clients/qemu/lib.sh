# shellcheck shell=bash disable=SC2034
# Functions of the QEMU scenarios: disks that change their driver, guests in the guest (L2) that
# use them, and the observations of L1, where this runs.
set -u
me=$(cd "$(dirname "$0")" && pwd)
PATH=$me:$PATH
disks=(0000:00:02.0 0001:00:01.0)	# machine "qemu"
limit=2113536				# KiB: libvirt's limit of locked memory for 512 MiB and one PHB
logs=/tmp/l2
. "$me/../lib.sh"
trap 'rm -rf "$logs"' EXIT		# a trace of QEMU has 20 MiB
checked=0

# disk DEVICE : prints the block device of the disk, when its driver has it
disk() {
	local name i
	for ((i = 0; i < 100 * PATIENCE; i++)); do
		name=$(ls -d "/sys/bus/pci/devices/$1"/nvme/nvme*/nvme*n1 2>/dev/null) &&
			[ -b "/dev/${name##*/}" ] && echo "/dev/${name##*/}" && return
		sleep 0.1
	done
	fail "$1: no disk" >&2
}

# native SLOTS DEVICE... : lets the host drive the disks. Each has to have that many good slots of
# a MiB, and gets one more. ${checked} counts the good ones.
native() {
	local slots=$1 dev block good
	shift
	drive native "$@"
	for dev; do
		block=$(disk "$dev") good=$(slots check "$block")
		want "good slots of $dev" "$good" = "$slots"
		checked=$((checked + ${good:-0}))
		slots put "$block" $((slots + 1)) || fail "$dev cannot be written"
		want "good slots of $dev then" "$(slots check "$block")" = $((slots + 1))
	done
}

# calls start|stop : counts this kernel's hypercalls for entries, and prints them as "put=N ..."
calls() {
	local event=/sys/kernel/tracing/events/powerpc/hcall_entry key='hist:keys=opcode.hex' call n
	if [ "$1" = start ]; then
		echo "$key" >$event/trigger
		return
	fi
	for call in put:20 indirect:13c stuff:138 get:1c; do
		n=$(sed -n "s/.*opcode: *${call#*:} *}.*hitcount: *//p" $event/hist)
		echo -n "${call%:*}=${n:-0} "
	done
	echo "!$key" >$event/trigger
}

# initrd MORE... : makes the initrd of L2, with this machine's kernel modules, busybox, the lab's
# init, the programs beside this file, and the files MORE
initrd() {
	local root=$logs/root f
	mkdir -p "$root"/{bin,lab}
	cp /lab/init "$root"
	cp /lab/bin/busybox "$root/bin"
	cp "$me"/{slots,l2-unplug} "$root/lab"
	cp "$me/l2" "$root/lab/command"
	if [ -d /lab/modules ]; then
		mkdir "$root/modules"
		grep -E '^(crc|nvme)' /lab/modules/order >"$root/modules/order"
		while read -r f; do cp "/lab/modules/$f" "$root/modules"; done <"$root/modules/order"
	fi
	for f; do cp --parents -L "$f" "$root"; done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$logs/initrd"
	rm -r "$root"
}

# l2 ACCEL BOOTS DEVICE-OPTIONS... : starts L2 with these vfio-pci devices. ${pid} is QEMU's process.
# L2's console is written to $logs/console and read from descriptor 4; descriptor 3 is QEMU's
# monitor.
l2() {
	local accel=$1 boots=$2 cpu n
	shift 2
	n=$(grep -o vfio-pci <<<"$*" | wc -l)
	case $accel in
	kvm)
		cpu=host
		# kernels of distributions have KVM as modules
		[ -e /dev/kvm ] || { insmod /lab/modules/kvm.ko && insmod /lab/modules/kvm-hv.ko; } || fail "no KVM" ;;
	tcg) cpu=power9 ;;
	esac
	rm -f "$logs"/{console,trace,serial,monitor.*}
	mkfifo "$logs"/{serial,monitor.in,monitor.out}
	set -- -accel "$accel" -cpu "$cpu" -m 512M -nodefaults -nographic \
		-M pseries,x-vof=on,cap-ccf-assist=off,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken -prom-env lab=1 \
		-kernel /boot/vmlinux -initrd "$logs/initrd" \
		-append "console=hvc0 panic=-1 loglevel=5 disks=$n boots=$boots" "$@"
	echo "+ qemu-system-ppc64 $*"
	# without CAP_IPC_LOCK, so that the limit counts
	(ulimit -l "$limit" && exec setpriv --bounding-set=-ipc_lock qemu-system-ppc64 "$@" \
		-chardev stdio,id=serial,signal=off -serial chardev:serial \
		-chardev "pipe,id=monitor,path=$logs/monitor" -mon monitor \
		-trace 'vfio_spapr_*' -trace vfio_iommu_map_notify -trace 'spapr_iommu_pci_*' -D "$logs/trace" \
		0<>"$logs/serial" >"$logs/console" 2>&1) &
	pid=$! locked=0
	exec 3<>"$logs/monitor.in" 4<>"$logs/serial"
	cat "$logs/monitor.out" >"$logs/said" &		# until L2 ends
}

# alive : L2 still runs. ${locked} is the largest amount of locked memory so far, in KiB.
alive() {
	local kb
	kb=$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) || return
	[ "${kb:-0}" -le "$locked" ] || locked=$kb
}

# l2_said TEXT SECONDS : waits until L2 prints TEXT, for PATIENCE times SECONDS (clients/run)
l2_said() {
	local start=$SECONDS
	while alive && [ $((SECONDS - start)) -lt $(($2 * PATIENCE)) ]; do
		! grep -qa "$1" "$logs/console" || return 0
		sleep 0.2
	done
	fail "L2 does not say: $1"
	kill -9 "$pid"
	l2_ends 0
}

# l2_ends SECONDS : waits until L2 shuts down by itself, and prints its console. The scenario ends
# here if L2 has failed.
l2_ends() {
	local start=$SECONDS rc
	while alive && [ $((SECONDS - start)) -lt $(($1 * PATIENCE)) ]; do sleep 0.2; done
	[ ! -d "/proc/$pid" ] || { fail "L2 is still there after $1 s"; kill -9 "$pid"; }
	wait "$pid"
	rc=$?
	sed 's/^/L2: /' "$logs/console"
	[ "$rc" = 0 ] || fail "QEMU ended with $rc: $(grep -a '^qemu' "$logs/console" | tail -n 1)"
	want "L2's status" "$(tr -d '\r' <"$logs/console" | sed -n 's/^LAB: exit //p' | tail -n 1)" = 0
	! failed || { drive native "${disks[@]}"; exit 1; }
}

# ioctls : prints the number of QEMU's mappings and unmappings, and of L2's hypercalls for entries
# that QEMU handled
ioctls() {
	echo "maps=$(grep -c 'map_notify.* MAP' "$logs/trace")" \
		"unmaps=$(grep -c 'map_notify.* UNMAP' "$logs/trace")" \
		"tce_calls=$(grep -c spapr_iommu_pci "$logs/trace")"
}
