# Cost against mapped size
load dir.'/common.gp'
set title 'One MAP_DMA, one UNMAP_DMA, I/O pages of 4K'
set xlabel 'size mapped'
set xrange [2**11:2**31]
set xtics ('4 KiB' 2**12, '64 KiB' 2**16, '1 MiB' 2**20, '64 MiB' 2**26, '1 GiB' 2**30)
plot data using 4:(on(stock, 'map', 12, 'map', 6)) with linespoints lc rgb '#c03020' lw 2 pt 7 title title.', map', \
	data using 4:(on(stock, 'map', 12, 'unmap', 6)) with linespoints lc rgb '#c03020' lw 2 pt 6 dt 2 title title.', unmap', \
	data using 4:(on(ours, 'map', 12, 'map', 6)) with linespoints lc rgb '#2050b0' lw 2 pt 7 title 'ours, map', \
	data using 4:(on(ours, 'map', 12, 'unmap', 6)) with linespoints lc rgb '#2050b0' lw 2 pt 6 dt 2 title 'ours, unmap'
