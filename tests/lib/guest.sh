# shellcheck shell=bash disable=SC2034,SC2154
# Guests, and their console. Needs tap.sh and logs.sh.

# Kernels with checks need more time, and more memory as crash kernels. Some tests run their guests
# with the kernel that KERNEL in the environment names.
crash_size=512M
case ${KERNEL-} in
*debug) patience=5 crash_size=896M ;;
*4k) patience=3 ;;
*) patience=1 ;;
esac

# guest_files NAME : sets $guest_log to the log of a guest's console, and $guest_trace to the
# hypervisor's trace
guest_files() {
	guest_log=$logs/${1//[^a-zA-Z0-9._-]/_}.log
	guest_trace=${guest_log%.log}.trace
}

# boot_guest LAB-BOOT-OPTIONS... : runs lab/boot, with its output in $guest_log.out, and sets
# $guest_status to its status. A crash of QEMU says nothing about the guest, so a guest whose QEMU
# crashed is booted again, once.
boot_guest() {
	local again
	for again in yes ''; do
		"$top/lab/boot" -o "$guest_log" -T "$guest_trace" "$@" >"$guest_log.out" 2>"$guest_log.err" &&
			guest_status=0 || guest_status=$?
		[ -n "$again" ] && [ "$guest_status" = 123 ] || return 0
		diag "$(cat "$guest_log.err")"$'\n'"the guest is booted again"
	done
}

# guest NAME LAB-BOOT-OPTIONS... : boots a guest. $guest_status is the status of lab/boot (126: the
# kernel warned). It counts no result.
guest() {
	guest_files "$1"
	shift
	boot_guest "$@"
}

# run_guest NAME LAB-BOOT-OPTIONS... : boots a guest as well. Each KTAP result of the guest becomes
# a result of this test. Two more results are added: each plan was met, since a
# program that died prints no result, and the guest ended with status 0 and without a warning of
# its kernel.
run_guest() {
	local name=$1 line planned='' seen=0 desc said=''
	shift
	guest_files "$name"
	boot_guest "$@"
	plan_met() {
		[ -z "$planned" ] && return
		[ "$planned" = "$seen" ]
		ok $? "$name: $planned tests planned, $seen run"
		planned='' seen=0
	}
	while IFS= read -r line; do
		case $line in
		'TAP version'*) plan_met ;;
		1..[0-9]*) planned=${line#1..} planned=${planned%% *} seen=0 ;;
		'ok '[0-9]*|'not ok '[0-9]*)
			seen=$((seen + 1)) tap_n=$((tap_n + 1))
			desc=${line#*ok } desc=${desc#* } desc=${desc#- }
			echo "${line%%ok *}ok $tap_n - $name: $desc"
			case $line in
			not*) tap_failed=$((tap_failed + 1)); diag "failed: $name: $desc$said" ;;
			esac
			said='' ;;
		*) echo "# $line"; said+=$'\n'"   ${line#\# }" ;;
		esac
	done <"$guest_log.out"
	plan_met
	ok "$guest_status" "$name: guest ended well, no kernel warning"
	[ "$guest_status" = 0 ] || diag "$(cat "$guest_log.err")"$'\n'"log: ${guest_log#"$top"/}"
}

# has NAME LINE... : the console has each of these lines, one result for each. A message of the kernel
# may come between a line and its end.
has() {
	local name=$1 line
	shift
	for line; do
		WANT=$line awk '
			BEGIN { want = ENVIRON["WANT"] }
			{ sub(/\r$/, "") }
			$0 == want || index($0, want "[") == 1 { found = 1 }
			END { exit !found }' "$guest_log"
		ok $? "$name: $line"
	done
}

# lines PREFIX : prints the lines of the console that begin with PREFIX, without it
lines() { sed -n "s/^$1//p" "$guest_log"; }

# monitor LOG COMMAND... : waits until the guest of that log has written "plug", and sends commands
# to QEMU's monitor. No other guest may have its directory in TMPDIR.
monitor() {
	until grep -qs '^plug' "$1"; do sleep 0.2; done
	shift
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => shift) or die "no monitor: $!\n";
		$s->autoflush;
		print $s "$_\n" for @ARGV;
		$SIG{ALRM} = sub { exit };
		alarm 2;
		1 while <$s>' "$TMPDIR"/lab.*/monitor "$@"
}
