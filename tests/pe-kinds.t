#!/bin/bash
# Every kind of PE that the lab can make: GET_INFO is true, all announced windows work, all
# other windows are refused, and the host's driver works as well afterwards as before. Each run
# writes the results as docs/pe-kinds.md, and the page in docs has to be the same. KERNEL in
# the environment names another kernel; its page sizes may differ, so its page is not compared.
# shellcheck disable=SC2016 # the guest expands it
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lab/lib/machine.sh"
kernel=${KERNEL:-ours-64k}
# KASAN works on radix only
case $kernel in *debug) mmu=-radix ;; *) mmu= ;; esac

page=$logs/pe-kinds.md

# rows MACHINE <<< "ADDRESS|KIND|HOW IT IS MADE" : tests the PEs of a machine, one for each line.
# They run at the same time, since a program mostly waits for its device. An @ stands for the
# options of the PE in lab/machines.
rows() {
	local machine=$1 rows address kind how options
	rows=$(cat)
	# The drivers of fifteen disks and more keep some memory when they come back
	run_guest "$machine" -k "$kernel" -m "$machine" -t $((patience * 300)) -a lab.hugepages=36 -- "rows='$rows'"'
		export VFIO_TCE_SCRATCH_DISK=1
		settled
		echo 65536 >/run/settled.tolerance
		mark state
		echo "$rows" | while IFS="|" read -r address kind how; do
			(VFIO_TCE_DEVICE=$address spapr_tce_platform >/tmp/$address 2>&1; echo $? >/tmp/$address.rc) &
		done
		for address in $(echo "$rows" | cut -d"|" -f 1); do
			while [ ! -e /tmp/$address.rc ]; do sleep 0.2; done
		done
		mark state
		rc=0
		echo "$rows" >/tmp/rows
		while IFS="|" read -r address kind how; do
			echo "kind $kind"
			sed -E "s/^((not )?ok [0-9]+)/\1 $kind:/" /tmp/$address
			[ "$(cat /tmp/$address.rc)" = 0 ] || rc=1
		done </tmp/rows
		settled platform || rc=1
		exit $rc'
	is "$(trace states state | same_windows)" "" \
		"$machine: the hypervisor has the same windows before and after"
	is "$(trace counts | grep -vc ' left=0 ')" 0 \
		"$machine: every window was empty when it went"
	while IFS='|' read -r address kind how; do
		options=$(describe "${machine%-radix}-phbs" 2>/dev/null | sed -n "s/^like pe $((16#${address%%:*})) //p")
		row "$kind" "${how//@/$options}" >>"$page"
	done <<<"$rows"
}

# row KIND HOW : prints a row of the table, from the program's output about the PE
row() {
	sed -n "/^kind $1\$/,/^# Totals/p" "$guest_log" | awk -F': ' -v kind="$1" -v how="$2" '
		function cell(s) { printf " %s |", s == "" ? "-" : s }
		function windows(s) {	# START, SIZES
			gsub(/:unused/, "\\*", s)
			sub(/,/, ":", s)
			return s
		}
		function refuse(what, errno) {
			if (errno ~ /^E/)
				refused = refused (refused ? ", " : "") what " " errno
		}
		/^# pe / { sub(/^# pe /, "", $1); v[$1] = $2 }
		/^not ok/ { failed = 1 }
		END {
			told = v["told"] == v["default"] ? "" : v["told"] == "" ? "" : ", users are told of " v["told"]
			refuse("binding", v["bind"])
			refuse("mapping at 0", v["default window"])
			refuse("type 1", v["type 1"])
			refuse("other page size", v["other page size"])
			refuse("larger than there is", v["larger than there is"])
			refuse("larger than the default", v["larger than the default"])
			refuse("second window", v["beside the default"])
			refuse("third window", v["third window"])
			printf "|"
			cell(kind (failed ? " **fails**" : ""))
			cell(how)
			cell(v["default"] told)
			cell(v["windows"])
			cell(v["pages"])
			cell(v["16M of 4K pages"])
			cell(windows(v["alone"]))
			cell(v["beside the default"] ~ /^E/ ? "" : windows(v["beside the default"]))
			cell(refused)
			cell(v["host"])
			cell(v["devices with DMA"])
			print ""
		}'
}

cat >"$page" <<'END'
# Kinds of PE

Platforms offer different DMA windows for different devices. `tests/pe-kinds.t` writes this page from
its results, and fails if the page in `docs` differs, so no figure was typed in by hand. On each PE the
lab's `spapr_tce_platform` compares `VFIO_IOMMU_SPAPR_TCE_GET_INFO` with the device tree and with the
answers of the firmware. A device then moves data through every window that is announced, windows that
are not announced are requested and have to be refused, and the host's NVMe driver works before and
after. [architecture.md](architecture.md) defines the terms.

- **Default window**: the platform's window, from the device tree. Users are told of its part below 4G.
- **At once**: the number of windows that a user can have at the same time. **Page sizes**: the sizes
  that GET_INFO announces.
- **4K window**: the address that `VFIO_IOMMU_SPAPR_TCE_CREATE` returns for a window of 16M in 4K pages,
  if it is the only window. The default window serves this request, wherever it is.
- **Alone**, **beside the default**: the address of larger windows, and the page sizes for which DMA
  worked there; each window was created and removed twice. An asterisk means that the lab has no memory
  in pages of that size, so that no memory was mapped.
- **Refused**: the requests that were refused, with their errnos. A refusal changed no state: all
  windows worked afterwards.
- **Host**: the windows of the host's driver, which were the same before and after.

| Kind | Made by | Default window | At once | Page sizes | 4K window | Alone | Beside the default | Refused | Host | Devices |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
END

rows pe-kinds$mmu <<'END'
0000:00:01.0|usual|QEMU as it is: query with 6 outputs
0001:00:01.0|no DDW|`@`: no "ibm,ddw-applicable"
0002:00:01.0|4K alone|`@`
0003:00:01.0|64K alone|`@`
0004:00:01.0|2M alone|`@`
0005:00:01.0|16M alone|`@`
0006:00:01.0|4K and 64K|`@`
0007:00:01.0|every page size|`@`
0008:00:01.0|no page size|`@`
0009:00:01.0|default window of 256M|`@`
000a:00:01.0|default window of 2G|`@`
000b:00:01.0|default window not at 0|`@`
000c:00:01.0|default window across 4G|`@`
000d:00:01.0|64-bit default window|`@`
000e:00:01.0|64-bit default window, no DDW|`@`
000f:00:01.0|dynamic windows at 4G|`@`
0010:00:01.0|several devices and functions|`multifunction=on`
END

rows pe-kinds-slof$mmu <<'END'
0000:00:01.0|EEH|RTAS shim
0001:00:01.0|query with 5 outputs|SLOF: short "ibm,ddw-extensions"
0002:00:01.0|no reset|SLOF: no "ibm,ddw-extensions"
0003:00:01.0|no default window|SLOF: no "ibm,dma-window"
0004:00:01.0|one window, the default one|RTAS shim
0005:00:01.0|one window, 64-bit|RTAS shim, `@`
0006:00:01.0|one window, no reset|RTAS shim, SLOF: no "ibm,ddw-extensions"
0007:01:01.0|behind a PCI bridge|SLOF, `-device pci-bridge`
END

rows p9-nomaxmem <<'END'
0000:00:01.0|no maxmem, radix|`-m 2G`
END

[ "$kernel" = ours-64k ] || done_testing
differs=$(diff "$top/docs/pe-kinds.md" "$page" 2>&1) || true
is "$differs" "" "docs/pe-kinds.md says what was found"
[ -z "$differs" ] || diag "if it should: cp ${page#"$top"/} docs/"
done_testing
