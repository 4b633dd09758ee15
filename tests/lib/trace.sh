# shellcheck shell=bash disable=SC2154
# The hypervisor's trace of the last guest, by lab/trace. Needs guest.sh, except same_windows.

# trace MODE [ARGUMENTS...] : runs lab/trace on $guest_trace
trace() { "$top/lab/trace" "$1" "$guest_trace" "${@:2}"; }

# trace_count MARK KEY [NTH] : prints one number of the counts of a section
trace_count() { trace counts "$1" "${3:-1}" | sed -n "s/.*\\b$2=\\([0-9]*\\).*/\\1/p"; }

# count_steps NAME LAB-BOOT-OPTIONS... : calls run_guest. For each step that a program of the guest
# has named (tce_step() of the selftests), ${cost[STEP]} has the counts that are not 0.
declare -A cost=()
count_steps() {
	local name counts
	where=$1
	run_guest "$@"
	cost=()
	while IFS='|' read -r name counts; do
		cost[$name]=$counts
	done < <(paste -d'|' \
		<(lines '# step ') \
		<(trace counts step | sed -E 's/(section|mark|xlate|refused|query)=\S+ ?//g; s/\w+=0\b ?//g; s/ $//'))
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
