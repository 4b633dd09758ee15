# shellcheck shell=bash disable=SC2154
# Sourced by lab/boot: the exit status, from the log of a machine that has ended.

# complaints : prints the lines of the log in which the guest's kernel complains
complaints() {
	local bad='WARNING:|BUG:|kernel BUG|Oops|INFO: possible|INFO: task .* blocked|INFO: rcu'
	bad+='|------------\[ cut here|Kernel panic|possible recursive|suspicious RCU|DMA-API:|UBSAN:'
	bad+='|soft lockup|LAB: .* does not load'
	# a crash that the guest has asked for (tests/kexec.t)
	grep -aE "$bad" "$log" | grep -avF 'Kernel panic - not syncing: sysrq triggered crash'
}

# stalled : prints the main lines of the CPUs' state, if it was recorded
stalled() { [ ! -e "$run/cpus" ] || sed -n '/CPU #\|^NIP\|^MSR\|^ *TB\|halted/s/^/   qemu: /p' "$run/cpus" >&2; }

# verdict : exits with the status of lab/boot
verdict() {
	local status
	if complaints >"$run/bad"; then
		say "boot: the guest's kernel complained ($kernel on $machine):"
		sed 's/^/   /' "$run/bad" >&2
		stalled
		exit 126
	fi
	if [ -e "$run/timeout" ]; then
		say "boot: killed after $timeout s ($kernel on $machine)"
		stalled
		exit 124
	fi
	if [ "$vmrc" -gt 128 ]; then
		say "boot: QEMU crashed with signal $((vmrc - 128)) ($kernel on $machine)"
		exit 123
	fi
	status=$(sed -n 's/^LAB: exit \([0-9]*\)$/\1/p' "$log" | tail -n 1)
	if [ -z "$status" ]; then
		say "boot: the guest ended without a status (QEMU's: $vmrc; $kernel on $machine)"
		exit 125
	fi
	exit "$status"
}
