# Settings of both plots. "stock" is the name of the peer, and "title" its heading.
# "data" is the file that bench/report wrote, with the columns kernel,
# case, shift, size, operation, ns, and ns at which the operation was given up.
set terminal svg noenhanced size 760,480 font 'sans-serif,13' background rgb 'white'
set datafile separator "\t"
set datafile missing NaN
set logscale xy
set yrange [1e-6:4]
set format y '%.0s %cs'
set grid ytics lc rgb '#dddddd'
set key outside bottom center maxrows 2
set ylabel 'time of the guest'
on(kernel, which, shift, op, n) = strcol(1) eq kernel && strcol(2) eq which && \
	int(column(3)) == shift && strcol(5) eq op ? column(n) * 1e-9 : NaN
ours = 'ours-64k'
