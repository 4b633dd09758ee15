# shellcheck shell=bash disable=SC2154
# The logs of a test: $logs, which is build/BASE/logs/NAME.

# open_logs NAME : makes $logs, empty. The logs of a run that has failed or was interrupted are not
# overwritten: they are moved to $logs.failed-N, and the last three are kept.
open_logs() {
	local n
	logs=$build/$BASE/logs/$1
	if [ -e "$logs/failed" ]; then
		n=$(find "${logs%/*}" -maxdepth 1 -name "$1.failed-*" | sed 's/.*-//' | sort -n | tail -n 1)
		n=$((${n:-0} + 1))
		rm -f "$logs"/*.trace	# up to 1 GiB each
		mv "$logs" "$logs.failed-$n"
		rm -rf "$logs.failed-$((n - 3))"
	fi
	rm -rf "$logs"
	mkdir -p "$logs"
	date >"$logs/failed"
}

# good_logs : the run has not failed, so the next run may overwrite its logs
good_logs() { rm -f "$logs/failed"; }
