# DSC of every case: boxes from quartile to quartile, the line is the median,
# whiskers reach to the last case within 1.5 boxes. A block per class and group.
# To draw it again: gnuplot dice.gp
$scores << EOD
0.937192 0.047
0.972103 -0.106
0.954777 0.142


0.916207 0.047
0.944216 -0.106


0.937192 0.047
0.972103 -0.106
0.954777 0.142
0.916207 -0.011
0.944216 -0.164


0.991964 0.047
0.683876 -0.106
0.791603 0.142


0.811293 0.047
0.657416 -0.106


0.991964 0.047
0.683876 -0.106
0.791603 0.142
0.811293 -0.011
0.657416 -0.164


0.957569 0.047
0.798434 -0.106
0.963851 0.142


0.794871 0.047
0.964751 -0.106


0.957569 0.047
0.798434 -0.106
0.963851 0.142
0.794871 -0.011
0.964751 -0.164


0.000000 0.047
0.957017 -0.106


0.939559 0.047
0.000000 -0.106


0.000000 0.047
0.957017 -0.106
0.939559 0.142
0.000000 -0.011


EOD
set style fill solid 0.35 border -1
set style boxplot nooutliers
set boxwidth 0.5
set border 3 linecolor rgb '#666666'
set grid ytics linecolor rgb '#dddddd' linetype 1
set tics nomirror out
unset key
set yrange [0.0:1]
set xrange [0.4:3.6]
set xtics rotate by -30 ('fold 0' 1, 'fold 2' 2, 'all' 3)
set terminal svg noenhanced size 780,340 font 'sans,11'
set output 'dice.svg'
set multiplot layout 1,3
set title 'lung_L'
set ylabel 'DSC'
plot NaN, \
 $scores index 3 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 3 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 4 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 4 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 5 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 5 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
set title 'lung_R'
set ylabel 'DSC'
plot NaN, \
 $scores index 6 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 6 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 7 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 7 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 8 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 8 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
set title 'infection'
set ylabel 'DSC'
plot NaN, \
 $scores index 9 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 9 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 10 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 10 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 11 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 11 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
unset multiplot
set terminal pngcairo noenhanced size 780,340 font 'sans,11'
set output 'dice.png'
set multiplot layout 1,3
set title 'lung_L'
set ylabel 'DSC'
plot NaN, \
 $scores index 3 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 3 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 4 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 4 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 5 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 5 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
set title 'lung_R'
set ylabel 'DSC'
plot NaN, \
 $scores index 6 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 6 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 7 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 7 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 8 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 8 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
set title 'infection'
set ylabel 'DSC'
plot NaN, \
 $scores index 9 using (1):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 9 using (1+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 10 using (2):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 10 using (2+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222', \
 $scores index 11 using (3):1 with boxplot linecolor rgb '#4477aa', \
 $scores index 11 using (3+$2):1 with points pointtype 7 pointsize 0.35 linecolor rgb '#222222'
unset multiplot
