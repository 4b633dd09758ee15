\ The end of each script here, whose edit-tree is run: RTAS goes where the kernel wants
\ it, and the shim behind it. The kernel calls the shim.
dev /rtas
: instantiate-rtas ( adr -- entry )
	dup instantiate-rtas drop
	100 + 10000000 over 700 move
	get-node >r edit-tree r> set-node
;
device-end
