\ For the machine pe-life, whose PEs are tested with kexec, hotplug and persistent memory.
\ Most have one window at a time, as SR-IOV functions do; some cannot be reset. lab/machines
\ lists the PHBs. SLOF evaluates this script in the same way as pe-kinds.fs.

\ The RTAS shim begins with two masks of PHBs: those whose PE has one window at a
\ time, and those with EEH.
de 10000004 l!
0 10000008 l!

: no-extensions ( -- ) s" ibm,ddw-extensions" delete-property ;

\ One extension, the reset. The query then has five outputs, and reports a largest window
\ that QEMU can make.
: only-reset ( -- )
	s" ibm,ddw-extensions" get-node get-property drop drop 4 + l@
	1 encode-int rot encode-int encode+ s" ibm,ddw-extensions" property
;

: edit-tree ( -- )
	s" /pci@800000020000001" find-device only-reset
	s" /pci@800000020000002" find-device only-reset
	s" /pci@800000020000003" find-device only-reset
	s" /pci@800000020000004" find-device only-reset
	s" /pci@800000020000005" find-device no-extensions
	s" /pci@800000020000006" find-device no-extensions
	s" /pci@800000020000007" find-device only-reset
;
