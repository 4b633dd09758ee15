\ For the machine pe-kinds-slof: kinds of PE for which QEMU has no option. SLOF evaluates
\ this script while it boots. The device tree is changed when the kernel asks for RTAS,
\ after QEMU has made the final tree and before the kernel reads it.

\ The RTAS shim (lab/shim) is in memory at 10000000, and begins with two masks
\ of PHBs: those whose PE has one window at a time, and those with EEH.
70 10000004 l!
1 10000008 l!

: no-extensions ( -- ) s" ibm,ddw-extensions" delete-property ;

: edit-tree ( -- )
	\ one extension, the reset: the query has five outputs
	s" /pci@800000020000001" find-device
	s" ibm,ddw-extensions" get-node get-property drop drop 4 + l@
	1 encode-int rot encode-int encode+ s" ibm,ddw-extensions" property

	\ no reset
	s" /pci@800000020000002" find-device no-extensions

	\ no default window
	s" /pci@800000020000003" find-device
	s" ibm,dma-window" delete-property

	\ no reset, and one window
	s" /pci@800000020000006" find-device no-extensions
;
