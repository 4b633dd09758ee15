# Cost against window size
load dir.'/common.gp'
set title 'Windows of 64K pages: create, and remove with 64 MiB mapped (arrows: given up there)'
set xlabel 'size of the window'
set xrange [2**31:2**41]
set xtics ('4 GiB' 2**32, '64 GiB' 2**36, '1 TiB' 2**40)
plot data using 4:(on(stock, 'window', 16, 'remove-64m', 6)) with linespoints lc rgb '#c03020' lw 2 pt 7 title title.', remove', \
	data using 4:(on(stock, 'window', 16, 'create', 6)) with linespoints lc rgb '#c03020' lw 2 pt 6 dt 2 title title.', create', \
	data using 4:(on(ours, 'window', 16, 'remove-64m', 6)) with linespoints lc rgb '#2050b0' lw 2 pt 7 title 'ours, remove', \
	data using 4:(on(ours, 'window', 16, 'create', 6)) with linespoints lc rgb '#2050b0' lw 2 pt 6 dt 2 title 'ours, create', \
	data using 4:(on(stock, 'window', 16, 'remove-64m', 7)) with points lc rgb '#c03020' pt 9 ps 1.5 notitle
