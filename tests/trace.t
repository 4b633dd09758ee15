#!/bin/bash
# lab/trace, on a trace that is written here: sections, counts, states, and names of marks.
. "$(dirname "$0")/lib.sh"

guest_trace=$logs/trace
mark() { echo "pci_cfg_write edu 01:0 @0x0 <- $(printf '%#x' $(($(marks "$1") + ${2:-0})))"; }
marks() { "$top/lab/marks" | sed -n "s/^$1 //p"; }
{
	# The default window of PE 1 is cleared from its start, and a page is mapped
	echo 'spapr_iommu_stuff liobn=0x80000100 ioba=0x200000 tcevalue=0x0 npages=512 ret=0'
	mark take
	echo 'spapr_iommu_put liobn=0x80000100 ioba=0x3000 tce=0x7003 ret=0'
	echo 'spapr_iommu_xlate liobn=0x80000100 0x3000 -> 0x7000 perm=3 mask=0xfff'
	echo 'spapr_iommu_xlate liobn=0x80000100 0x4000 -> 0x0 perm=0 mask=0xfff'
	mark heir 2
	echo 'spapr_iommu_ddw_create buid=0x800000020000001 addr=0x800, page size=0x10000, requested=0x40000000, start addr=0x800000000000000, liobn=0x80000101'
	# the first of two removals leaves an entry; the default window comes back after the second
	echo 'spapr_iommu_ddw_remove liobn=0x80000100'
	echo 'spapr_iommu_pci_indirect liobn=0x80000101 ioba=0x800000000010000 tcelist=0x1000 iobaN=0x3 tceN=0x20003 ret=0'
	echo 'spapr_iommu_put liobn=0x80000101 ioba=0x900000000000000 tce=0x3 ret=-4'
	mark state
	mark heir 3
	echo 'spapr_iommu_stuff liobn=0x80000101 ioba=0x800000000050000 tcevalue=0x0 npages=4 ret=0'
	echo 'spapr_iommu_ddw_remove liobn=0x80000101'
	mark state
	echo 'spapr_iommu_ddw_reset buid=0x800000020000001 addr=0x800'
} >"$guest_trace"

is "$(trace counts | cut -d' ' -f 1,2)" "section=0 mark=boot
section=1 mark=take
section=2 mark=0x7ce01002
section=3 mark=state
section=4 mark=0x7ce01003
section=5 mark=state" "sections, by the names of their marks"
is "$(trace counts take)" "section=1 mark=take put=1 stuff=0 indirect=0 get=0 set=1 cleared=0 xlate=1 refused=1 query=0 create=0 remove=0 reset=0 left=0 failed=0" "counts of one section"
is "$(trace_count heir+2 set) $(trace_count heir+2 left) $(trace_count heir+2 failed)" "4 1 1" "a name and a number; entries left; calls that failed"
is "$(trace_count heir+3 cleared) $(trace_count heir+3 left)" "4 0" "an empty window"
is "$(trace events take | sed 's/ section=1//')" "mark mark=take
put ioba=0x3000 liobn=0x80000100 pages=1 pe=1 ret=0 tce=0x7003
xlate iova=0x3000 liobn=0x80000100 pe=1 perm=3 tce=0x7000
refused iova=0x4000 liobn=0x80000100 pe=1 perm=0 tce=0x0" "events"
is "$(trace events heir+3 | tail -n 2 | cut -d' ' -f 1)" "remove
restored" "the default window comes back"
is "$(trace state state)" "window pe=1 liobn=0x80000101 start=0x800000000000000 page=0x10000 set=4 size=0x40000000
entries pe=1 liobn=0x80000101 ioba=0x800000000010000 pages=4" "the state at the first of two marks"
is "$(trace state state 2)" "window pe=1 liobn=0x80000100 start=0x0 page=0x1000 set=0 default=1" "and at the second"
is "$(trace states state | same_windows | grep -c '^state')" 2 "states that differ are seen"
is "$(trace between heir+2..heir+3 | grep -oE '\b(range|pe|create|set)=\S+' | paste -sd ' ')" \
	"range=heir+2..heir+3 pe=1 set=4 create=1" "counts for each PE, across other marks"
is "$(trace calls take state | cut -d' ' -f 2,3)" "mark=take put=1
mark=state put=0" "calls alone, of sections between two marks"
! trace state released >/dev/null 2>&1
ok $? "a mark that is not there"
! trace state nonsense >/dev/null 2>&1
ok $? "a name that is unknown"
done_testing
