#!/usr/bin/env bash
# e2e_ablate.sh - four runs side by side, with and without preprocessing and augmentation. Wants
# PLEAT, the program.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

tiny_data data 2 1
less="--set folds.k=2 --set train.epochs=1 --set train.iterations=1 --set patch=32x32x16 \
    --set network.filters=1"
# shellcheck disable=SC2086 # options
succeeds "ablate" 2 ablate tiny.yaml --out study $less
cp out table
for variant in none augmentation preprocessing both; do
    holds "$variant is a run" [ -s "study/$variant/summary.json" ]
    holds "the table has $variant" grep -qE "^ +$variant " table
done
holds "none: augmentation is off" grep -qE 'on: false' study/none/config.yaml
holds "preprocessing: augmentation is off" grep -qE 'on: false' study/preprocessing/config.yaml
holds "augmentation: it is on" grep -qE 'on: true' study/augmentation/config.yaml
holds "none: volumes keep their resolution" grep -qE 'resample: none' study/none/config.yaml
holds "both: they do not" grep -qE 'resample: \[12, 12, 14\]' study/both/config.yaml
holds "two stores" same_text "$(ls -d study/store*/ | xargs)" "study/store-raw/ study/store/"
holds "all have the same folds" cmp -s study/none/splits_final.json study/both/splits_final.json
holds "columns" same_text "$(head -1 study/ablation.csv)" \
    "score,class,none,augmentation,preprocessing,both"
six='(DSC|IoU|Sens|Spec|Prec|Acc),'
holds "six scores of four classes" same_text "$(grep -cE "^$six" study/ablation.csv)" 24
holds "and those of surfaces" same_text "$(grep -c "^HD95," study/ablation.csv)" 4
holds "every case by every variant" same_text "$(grep -cE ",$six" study/ablation.detailed.csv)" \
    $((4 * 2 * 6))

# A median is that of the run's own detailed file.
median=$(grep ',DSC,' study/both/cv_results.detailed.csv |
    awk -F, '{ sum += $3 } END { printf "%.9f", sum / NR }') # of two
holds "the medians are those of the runs" awk -F, -v want="$median" \
    '$1 == "DSC" && $2 == "background" { d = $6 - want; found = d < 1e-6 && d > -1e-6 }
     END { exit !found }' study/ablation.csv

for variant in none augmentation preprocessing both; do
    holds "box plots of $variant" grep -q ",$variant\$" study/figures/ablation.csv
done

cp study/ablation.csv before
# shellcheck disable=SC2086
succeeds "again" 2 ablate tiny.yaml --out study $less
holds "a finished study is only reported" cmp -s before study/ablation.csv
refused "nothing to ablate" 2 augmentation 0 ablate tiny.yaml --out other --set augment=off

verdict
