#!/bin/bash
# Bare metal, see powernv-lifecycle.t. KVM needs no other hypervisor there. The tables are in
# the host's memory, so spapr_tce_user checks the log and the charges of a user's cgroup too.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
run_guest "powernv9 ours-64k" -k ours-64k -m powernv9 -t 500 -- \
	'spapr_tce_user; rc=$?; spapr_tce_kvm_tables || rc=1; exit $rc'
done_testing
