# shellcheck shell=bash disable=SC2034
# Sourced by the tests: TAP, and guests whose results become TAP.

set -uo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BASE=${BASE:-6.1}
build=$top/build
t=$(basename "$0" .t)
logs=$build/logs/$t

# The logs of a run that has failed or was interrupted are not overwritten. The next run moves
# them to $logs.failed-N, and keeps the last three.
if [ -e "$logs/failed" ]; then
	n=$(find "${logs%/*}" -maxdepth 1 -name "$t.failed-*" | sed 's/.*-//' | sort -n | tail -n 1)
	n=$((${n:-0} + 1))
	rm -f "$logs"/*.trace	# up to 1 GiB each
	mv "$logs" "$logs.failed-$n"
	rm -rf "$logs.failed-$((n - 3))"
fi
rm -rf "$logs"
mkdir -p "$logs"
date >"$logs/failed"

# Kernels with checks need more time. Some tests run their guests with the kernel that KERNEL in
# the environment names.
case ${KERNEL-} in
*debug) patience=5 ;;
*4k) patience=3 ;;
*) patience=1 ;;
esac

tap_n=0
tap_failed=0

# ok STATUS DESCRIPTION, as in: [ a = b ]; ok $? "a is b"
ok() {
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $2"
		diag "failed: $2"
	fi
}

# is GOT WANTED DESCRIPTION : both are equal
is() {
	[ "$1" = "$2" ]
	ok $? "$3" || true
	[ "$1" = "$2" ] || diag "   got: $1"$'\n'"wanted: $2"
}

# diag TEXT : prints TEXT, also when prove hides the results
diag() { printf '# %s\n' "${1//$'\n'/$'\n'# }" >&2; }

skip_all() {
	rm -f "$logs/failed"
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ] || exit 1
	rm -f "$logs/failed"
	exit 0
}

# guest NAME LAB-BOOT-OPTIONS... : boots a guest. $guest_log has its console, $guest_trace the
# hypervisor's trace, and $guest_status the status of lab/boot (126: the kernel warned). It
# counts no test.
guest() {
	local name=$1
	shift
	guest_log=$logs/${name//[^a-zA-Z0-9._-]/_}.log
	guest_trace=${guest_log%.log}.trace
	"$top/lab/boot" -o "$guest_log" -T "$guest_trace" "$@" >/dev/null 2>"$guest_log.err" && guest_status=0 ||
		guest_status=$?
	tr -d '\r' <"$guest_log" >"$guest_log.new" && mv "$guest_log.new" "$guest_log"
}

# run_guest NAME LAB-BOOT-OPTIONS... : boots a guest as well. Each KTAP result of the guest becomes
# a result of this test, as it arrives. Two more results are added: each plan was met, since a
# program that died prints no result, and the guest ended with status 0 and without a warning of
# its kernel.
run_guest() {
	local name=$1 line planned='' seen=0 desc said=''
	shift
	guest_log=$logs/${name//[^a-zA-Z0-9._-]/_}.log
	guest_trace=${guest_log%.log}.trace
	plan_met() {
		[ -z "$planned" ] && return
		[ "$planned" = "$seen" ]
		ok $? "$name: $planned tests planned, $seen run"
		planned='' seen=0
	}
	while IFS= read -r line; do
		line=${line%$'\r'}
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
		'LAB: status '*) guest_status=${line##* } ;;
		*) echo "# $line"; said+=$'\n'"   ${line#\# }" ;;
		esac
	done < <("$top/lab/boot" -o "$guest_log" -T "$guest_trace" "$@" 2>"$guest_log.err"; echo "LAB: status $?")
	plan_met
	ok "$guest_status" "$name: guest ended well, no kernel warning"
	[ "$guest_status" = 0 ] || diag "$(cat "$guest_log.err")"$'\n'"log: ${guest_log#"$top"/}"
}

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

# trace_count MARK KEY : prints one number of `lab/trace counts` for $guest_trace
trace_count() {
	"$top/lab/trace" counts "$guest_trace" "$1" | sed -n "s/.*\\b$2=\\([0-9]*\\).*/\\1/p" | head -n 1
}

# count_steps NAME LAB-BOOT-OPTIONS... : calls run_guest. For each step that a program of the guest
# named, ${cost[STEP]} has the counts that are not 0.
declare -A cost=()
count_steps() {
	local name counts
	where=$1
	run_guest "$@"
	cost=()
	while IFS='|' read -r name counts; do
		cost[$name]=$counts
	done < <(paste -d'|' \
		<(tr -d '\r' <"$guest_log" | sed -n 's/^# step //p') \
		<("$top/lab/trace" counts "$guest_trace" 0x7ce00030 |
			sed -E 's/(section|mark|xlate|refused|query)=\S+ ?//g; s/\w+=0\b ?//g; s/ $//'))
}

# step_number STEP KIND : prints the count of one kind
step_number() {
	[[ " ${cost[$1]-} " =~ \ $2=([0-9]+) ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

# costs STEP COUNTS : the step has these counts and no others
costs() { is "${cost[$1]-not run}" "$2" "$where: $1: ${2:-nothing}"; }

# clears STEP N : the step cleared N pages by N calls, of either kind
clears() {
	case ${cost[$1]-} in
	"put=$2 cleared=$2"|"stuff=$2 cleared=$2") ok 0 "$where: $1: $2 calls" ;;
	*) costs "$1" "put=$2 cleared=$2" ;;
	esac
}

# The selftests, in the order in which they are run. The guest's disk is a scratch disk, so the
# tests may write to it.
programs=(lifecycle windows dma isolation errno pins race blocked groups host)

# selftests KERNEL MACHINE [CMDLINE] : runs all of them in one guest. After each program the guest
# has the same state as before the first (lab/guest/settled), kmemleak finds no leak if the kernel
# has it, and the hypervisor has the same windows.
# shellcheck disable=SC2016 # the guest expands it
selftests() {
	local mark=0x7ce00100 windows
	run_guest "$2 $1" -k "$1" -m "$2" -t 900 -a "lab.hugepages=64 ${3:-}" -- "programs='${programs[*]}' mark=$mark"'
		export VFIO_TCE_SCRATCH_DISK=1 rc=0
		settled
		mark $mark
		for p in $programs; do
			spapr_tce_$p || rc=1
			settled "$p" || rc=1
			mark $mark
		done
		leaks || rc=1
		exit $rc'
	windows=$("$top/lab/trace" states "$guest_trace" $mark | same_windows)
	is "$windows" "" "$2 $1: the hypervisor has the same windows after each program"
}

# same_windows : reads the output of `lab/trace states`, and prints the states whose windows differ
# from the first state. Entries are not compared, since the host's mappings change all the time.
same_windows() {
	awk '
		function compare() {
			if (n++ && now != first)
				print "state " n ":\n" now "state 1:\n" first
			if (n == 1)
				first = now
			now = ""
		}
		/^mark/ { if (seen++) compare() }
		/^window/ { sub(/ set=[0-9]+/, ""); now = now $0 "\n" }
		END { if (seen) compare() }'
}
