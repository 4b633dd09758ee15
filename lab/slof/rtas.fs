\ The end of each script. It runs the script's edit-tree, and places RTAS at the address
\ that the kernel has chosen, and the shim behind it. The kernel calls the shim.
dev /rtas
: instantiate-rtas ( adr -- entry )
	dup instantiate-rtas drop
	100 + 10000000 over 700 move
	get-node >r edit-tree r> set-node
;
device-end
