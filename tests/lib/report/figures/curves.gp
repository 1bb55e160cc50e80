# Loss and soft Dice of every epoch, from the folds' history.tsv.
# To draw it again: gnuplot curves.gp
set datafile separator '\t'
set datafile missing ''
set style fill solid 0.35 border -1
set style boxplot nooutliers
set boxwidth 0.5
set border 3 linecolor rgb '#666666'
set grid ytics linecolor rgb '#dddddd' linetype 1
set tics nomirror out
set key outside right center samplen 2
set xlabel 'epoch'
set terminal svg noenhanced size 1000,700 font 'sans,11'
set output 'curves.svg'
set multiplot layout 2,1
set logscale y
set title 'loss'
plot NaN notitle, \
 '../fold_0/history.tsv' using 'epoch':'loss' with lines linecolor 1 linewidth 1.5 title 'fold 0', \
 '../fold_0/history.tsv' using 'epoch':'val_loss' with lines linecolor 1 dashtype 2 linewidth 1.5 notitle, \
 '../fold_2/history.tsv' using 'epoch':'loss' with lines linecolor 2 linewidth 1.5 title 'fold 2', \
 '../fold_2/history.tsv' using 'epoch':'val_loss' with lines linecolor 2 dashtype 2 linewidth 1.5 notitle, \
 NaN with lines linecolor rgb '#333333' linewidth 1.5 title 'training', \
 NaN with lines linecolor rgb '#333333' dashtype 2 linewidth 1.5 title 'held out'
unset logscale y
set title 'soft Dice'
plot NaN notitle, \
 '../fold_0/history.tsv' using 'epoch':'dice_soft' with lines linecolor 1 linewidth 1.5 title 'fold 0', \
 '../fold_0/history.tsv' using 'epoch':'val_dice_soft' with lines linecolor 1 dashtype 2 linewidth 1.5 notitle, \
 '../fold_2/history.tsv' using 'epoch':'dice_soft' with lines linecolor 2 linewidth 1.5 title 'fold 2', \
 '../fold_2/history.tsv' using 'epoch':'val_dice_soft' with lines linecolor 2 dashtype 2 linewidth 1.5 notitle, \
 NaN with lines linecolor rgb '#333333' linewidth 1.5 title 'training', \
 NaN with lines linecolor rgb '#333333' dashtype 2 linewidth 1.5 title 'held out'
unset multiplot
set terminal pngcairo noenhanced size 1000,700 font 'sans,11'
set output 'curves.png'
set multiplot layout 2,1
set logscale y
set title 'loss'
plot NaN notitle, \
 '../fold_0/history.tsv' using 'epoch':'loss' with lines linecolor 1 linewidth 1.5 title 'fold 0', \
 '../fold_0/history.tsv' using 'epoch':'val_loss' with lines linecolor 1 dashtype 2 linewidth 1.5 notitle, \
 '../fold_2/history.tsv' using 'epoch':'loss' with lines linecolor 2 linewidth 1.5 title 'fold 2', \
 '../fold_2/history.tsv' using 'epoch':'val_loss' with lines linecolor 2 dashtype 2 linewidth 1.5 notitle, \
 NaN with lines linecolor rgb '#333333' linewidth 1.5 title 'training', \
 NaN with lines linecolor rgb '#333333' dashtype 2 linewidth 1.5 title 'held out'
unset logscale y
set title 'soft Dice'
plot NaN notitle, \
 '../fold_0/history.tsv' using 'epoch':'dice_soft' with lines linecolor 1 linewidth 1.5 title 'fold 0', \
 '../fold_0/history.tsv' using 'epoch':'val_dice_soft' with lines linecolor 1 dashtype 2 linewidth 1.5 notitle, \
 '../fold_2/history.tsv' using 'epoch':'dice_soft' with lines linecolor 2 linewidth 1.5 title 'fold 2', \
 '../fold_2/history.tsv' using 'epoch':'val_dice_soft' with lines linecolor 2 dashtype 2 linewidth 1.5 notitle, \
 NaN with lines linecolor rgb '#333333' linewidth 1.5 title 'training', \
 NaN with lines linecolor rgb '#333333' dashtype 2 linewidth 1.5 title 'held out'
unset multiplot
