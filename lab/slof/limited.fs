\ For the machine p9-limited: the firmware has limited addressing mode, whose
\ windows begin at 4G, where QEMU puts them in any case. The RTAS shim (lab/shim)
\ takes the fourth argument away from the reset.

: edit-tree ( -- )
	s" /pci@800000020000000" find-device
	s" ibm,ddw-extensions" get-node get-property drop drop 4 + l@
	3 encode-int rot encode-int encode+ 1 encode-int encode+
	1 encode-int encode+ s" ibm,ddw-extensions" property
;

\ RTAS goes where the kernel wants it, and the shim behind it: the kernel calls
\ the shim.
dev /rtas
: instantiate-rtas ( adr -- entry )
	dup instantiate-rtas drop
	100 + 10000000 over 700 move
	get-node >r edit-tree r> set-node
;
device-end
