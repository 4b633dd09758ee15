\ For the machine p9-limited: the firmware has limited addressing mode, whose
\ windows begin at 4G, where QEMU puts them in any case. The RTAS shim (lab/shim)
\ takes the fourth argument away from the reset.

: edit-tree ( -- )
	s" /pci@800000020000000" find-device
	s" ibm,ddw-extensions" get-node get-property drop drop 4 + l@
	3 encode-int rot encode-int encode+ 1 encode-int encode+
	1 encode-int encode+ s" ibm,ddw-extensions" property
;
