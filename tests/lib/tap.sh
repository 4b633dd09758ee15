# shellcheck shell=bash disable=SC2154
# TAP: the results of a test and its end. Needs logs.sh.
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

# diag TEXT : prints TEXT, also when prove hides the results, and keeps it for lab/failures
diag() { printf '# %s\n' "${1//$'\n'/$'\n'# }" | tee -a "$logs/diagnostics" >&2; }

# skip_all REASON : ends a test that cannot be run
skip_all() {
	good_logs
	echo "1..0 # SKIP $1"
	exit 0
}

# done_testing : ends a test
done_testing() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ] || exit 1
	good_logs
	exit 0
}
