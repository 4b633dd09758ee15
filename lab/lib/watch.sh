# shellcheck shell=bash disable=SC2154
# Sourced by lab/boot: ends a machine that takes too long, and records the state of its CPUs if
# they stall.

# cpus : prints the state of the machine's CPUs, from QEMU's monitor. If a CPU stalls, the
# emulator may be at fault. The state then shows a CPU that waits, with interrupts enabled (EE of
# MSR) and its decrementer long below 0.
cpus() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "no monitor: $!\n";
		print $s "info cpus\ninfo registers -a\ninfo irq\n";
		$SIG{ALRM} = sub { exit };
		alarm 5;
		while (<$s>) { s/\e\[[A-Z]|\r//g; print }' "$run/monitor"
}

# used : sets $ran to the microseconds for which threads of the machine had a CPU of the host, and
# $waited to those for which they were ready to run while other programs had it
used() {
	local stat on off
	ran=0 waited=0
	for stat in /proc/"$vm"/task/*/schedstat; do
		read -r on off _ <"$stat" && ran=$((ran + on / 1000)) waited=$((waited + off / 1000)) || true
	done 2>/dev/null
}

# watchdog : kills the machine after $timeout seconds, and leaves $run/timeout. Of the time for
# which the machine was ready to run, the clock counts only the part for which it had a CPU.
watchdog() {
	local s='' clock=0 now=${EPOCHREALTIME/./} begin on off took ran=0 waited=0
	# lab/boot ends the watchdog, which then ends its own sleep
	trap 'kill $s; exit' TERM
	while [ $((clock / 1000000)) -lt "$timeout" ]; do
		begin=$now on=$ran off=$waited
		sleep 1 & s=$!
		wait $s
		now=${EPOCHREALTIME/./}
		used
		took=$((now - begin)) on=$((ran - on)) off=$((waited - off))
		# the times of a thread that has ended are missing from the sum
		[ "$on" -ge 0 ] && [ "$off" -ge 0 ] || on=0 off=0
		if [ $((on + off)) -gt "$took" ]; then
			off=$((took * off / (on + off)))
		fi
		clock=$((clock + took - off))
	done
	[ -e "$run/cpus" ] || cpus >"$run/cpus" 2>&1
	touch "$run/timeout"
	kill "$vm" || rm "$run/timeout"
}

# stall_watch : records the state of the CPUs when the guest's kernel reports a stall
stall_watch() {
	while sleep 10; do
		! grep -qa 'INFO: rcu' "$log" || { cpus >"$run/cpus" 2>&1; break; }
	done
}

# watch_machine : starts both in the background, and sets watchers to their processes
watch_machine() {
	watchdog >/dev/null 2>&1 &
	watchers=($!)
	stall_watch >/dev/null 2>&1 &
	watchers+=($!)
}
