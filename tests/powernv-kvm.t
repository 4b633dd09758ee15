#!/bin/bash
# Bare metal, see powernv-lifecycle.t: KVM needs no other hypervisor there. And what
# a user does to the log and to its cgroup: the tables are in the host's memory.
# shellcheck disable=SC2016 # the guest's to expand
. "$(dirname "$0")/lib.sh"
run_guest "powernv9 ours-64k" -k ours-64k -m powernv9 -t 500 -- \
	'spapr_tce_user; rc=$?; spapr_tce_kvm_tables || rc=1; exit $rc'
done_testing
