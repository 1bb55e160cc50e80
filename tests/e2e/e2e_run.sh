#!/usr/bin/env bash
# e2e_run.sh - a run makes its folder, goes on where it left off, and its models label volumes it
# never saw. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
names=background,lung_L,lung_R,infection

in_folder() { (cd "$1" && echo *); }

# held_out FOLD: the ids of its "val" list.
held_out() {
    tr -d ' \n"' < run/splits_final.json | sed 's/"//g; s/val:\[/\n/g' |
        awk -v fold="$1" 'NR == fold + 2 { sub(/\].*/, ""); gsub(/,/, " "); print }'
}

# ids FILE: of the cases a scores.csv or cv_results.detailed.csv has, one for each score.
ids() { originals "$1" | sed 1d | cut -d, -f1 | sort | uniq -c | awk '$1 == 6 { print $2 }' |
    xargs; }
# originals FILE: of a scores.csv, the rows of the six scores that the original has.
originals() { grep -E '^[^,]*,(score|DSC|IoU|Sens|Spec|Prec|Acc),' "$1"; }

# header FILE: what a label map must share with its image: sizes, and where it lies.
header() { gzip -dc "$1" | od -An -v -tx1 -j "$2" -N "$3" | tr -d ' \n'; }
same_geometry() {
    local at
    for at in "40 16" "252 76"; do # dim[8]; qform and sform, codes and values
        # shellcheck disable=SC2086 # an offset and a length
        same_text "$(header "$1" $at)" "$(header "$2" $at)" || return 1
    done
    same_text "$(header "$1" 70 2)" 0200 # uint8
}

# --- a whole run ---------------------------------------------------------------------------------
tiny_data data 6 1

# filler BYTES: a member of a gzip file that holds nothing, in so many bytes (RFC 1952: a comment).
filler() {
    printf '\037\213\010\020\0\0\0\0\0\003'
    head -c $(($1 - 21)) /dev/zero | tr '\0' x
    printf '\0\003\0\0\0\0\0\0\0\0\0'
}
# padded FILE: in the middle of 4 MB, of whose ends a file's identity is made.
padded() {
    filler 2000000
    cat "$1"
    filler $((2000000 - $(stat -c %s "$1")))
}
padded data/case_006/segmentation.nii.gz > large && mv large data/case_006/segmentation.nii.gz
padded data/case_005/segmentation.nii.gz > other
mkdir plan
succeeds "plan" 2 run tiny.yaml --out plan/run --dry-run
holds "the plan names both ranks" grep -qE 'rank.* 1|1.*rank' out
for fold in 0 1 2; do holds "the plan has fold $fold" grep -qw "$fold" out; done
for line in "data: 6 cases in 'data', 4 classes; all images and masks are checked" \
    "folds: 3; the first trains on 4 cases and predicts 2" \
    "training: up to 2 epochs of 3 steps of 2 patches, 16 x 16 x 8 voxels, by ref f32" \
    "memory of a rank: about"; do
    holds "it says '$line'" has out "$line"
done
holds "a dry run writes nothing" same_text "$(ls -A plan)" ""

succeeds "run" 2 run tiny.yaml --out run
cp out table
for file in config.yaml run.json splits_final.json log/rank-0000.log log/rank-0001.log \
    cv_results.detailed.csv cv_results.final.csv summary.json figures/dice.gp figures/curves.gp \
    report/report.html; do
    holds "the run has $file" [ -s "run/$file" ]
done
tsv="epoch loss tversky_loss dice_soft dice_crossentropy val_loss val_tversky_loss val_dice_soft \
val_dice_crossentropy lr"
csv="epoch,dice_crossentropy,dice_soft,loss,lr,tversky_loss,val_dice_crossentropy,val_dice_soft,\
val_loss,val_tversky_loss"
all=
for fold in 0 1 2; do
    here=run/fold_$fold
    for file in checkpoint_{latest,best}.h5 history.tsv logs.csv scores.json scores.csv; do
        holds "$here has $file" [ -s "$here/$file" ]
    done
    holds "history.tsv's columns" same_text "$(head -1 $here/history.tsv | tr '\t' ' ')" "$tsv"
    holds "logs.csv's columns" same_text "$(head -1 $here/logs.csv)" "$csv"
    holds "an epoch a row" same_text "$(sed 1d $here/history.tsv | cut -f1 | xargs)" "1 2"
    holds "logs.csv counts from 0" same_text "$(sed 1d $here/logs.csv | cut -d, -f1 | xargs)" "0 1"
    holds "scores.csv's columns" same_text "$(head -1 $here/scores.csv)" "index,score,$names"
    mine=$(held_out $fold)
    holds "fold $fold scores whom it held out" same_text "$(ids $here/scores.csv)" "$mine"
    holds "fold $fold predicts whom it held out" same_text \
        "$(in_folder $here/predictions | sed 's/\.nii\.gz//g')" "$mine"
    for id in $mine; do
        holds "$id: the prediction lies where the volume lies" same_geometry \
            "$here/predictions/$id.nii.gz" "data/$id/imaging.nii.gz"
    done
    all="$all $mine"
done
holds "every case is held out once" same_text \
    "$(echo "$all" | xargs -n 1 | sort | xargs)" "$(in_folder data)"
holds "every case is scored once" same_text "$(ids run/cv_results.detailed.csv)" "$(in_folder data)"
holds "detailed columns" same_text "$(head -1 run/cv_results.detailed.csv)" "index,score,$names"
holds "final columns" same_text "$(head -1 run/cv_results.final.csv)" \
    "score,background,infection,lungs,fold"
holds "six scores for three folds" [ "$(wc -l < run/cv_results.final.csv)" -eq 19 ]
for key in foreground_mean mean metric_per_case; do # nnU-Net's
    holds "summary.json has $key" has run/summary.json "\"$key\""
done
holds "no number that JSON does not know" lacks run/summary.json nan
holds "the table names the results" has table "results: run"
holds "run.json names the seed" has run/run.json '"seed": "1"'

# --- again ---------------------------------------------------------------------------------------
holds "nothing is drawn" same_text "$(find run -name '*.svg' -o -name '*.png')" ""
touch before
succeeds "again" 2 run tiny.yaml --out run --set report.figures=true --set report.pictures=2
if command -v gnuplot > /dev/null; then
    holds "figures are drawn" [ -s run/figures/dice.svg ]
fi
holds "two cases are shown" same_text "$(find run/report -name sheet.png | wc -l)" 2
holds "the same table again" cmp table out
holds "three folds skipped" [ "$(grep -c 'is finished, skipped' err)" -eq 3 ]
holds "nothing is trained again" lacks err epoch=
holds "no checkpoint is written again" same_text "$(find run -name '*.h5' -newer before)" ""
refused "another configuration" 2 train.lr 2 run tiny.yaml --out run --set train.lr=0.02
refused "other folds" 2 folds.k 2 run tiny.yaml --out run --set folds.k=2
succeeds "report" 0 report run
holds "the report prints the same table" cmp table out

# --- what a run says of itself -------------------------------------------------------------------
for file in labels.itksnap.txt labels.ctbl methods.md ro-crate-metadata.json \
    dataset_description.json figures/scores.csv; do
    holds "the run has $file" [ -s "run/$file" ]
done
holds "the methods are those of the configuration" grep -qF \
    "3-fold cross-validation on 6 cases. Cases were assigned to folds at random (seed 1)." \
    run/methods.md
holds "the methods name the network" grep -qF "unet (the original's standard U-Net; depth 1, 4" \
    run/methods.md
succeeds "check" 0 report run --check
holds "the inputs are compared" has out "inputs: 6 cases"
holds "so is the store" has out "store: 6 cases, voxel by voxel"
prediction=$(echo run/fold_1/predictions/*.nii.gz | cut -d' ' -f1)
cp "$prediction" kept
printf x >> "$prediction"
refused "a prediction that was changed" 3 "'$prediction' is not what the run wrote" 0 \
    report run --check
rm run/postprocessing.json
succeeds "report" 0 report run --pictures 9
holds "it says that the prediction was changed" has err "1 prediction of 'run' is not the file"
holds "the page does too" has run/report/report.html "prediction is not the file that was scored"
holds "nothing is chosen by it" [ ! -e run/postprocessing.json ]
refused "a report does not take it for the one that was scored" 3 "'$prediction' is not" 0 \
    report run --check
cp kept "$prediction"
succeeds "report" 0 report run
holds "which is put back" lacks err "is not the file"
mv data/case_002 data/case_003/segmentation.nii.gz .
refused "a case and a mask that are gone" 3 "without image or mask: case_002, case_003" 0 \
    report run --check
holds "the others are compared" has out "inputs: 4 cases"
succeeds "report" 0 report run
holds "which names them too" has err "(case_002, case_003)"
mv segmentation.nii.gz data/case_003 && mv case_002 data
mv data data.away
succeeds "check without the data" 0 report run --check
holds "says that they were not compared" has out "inputs: not compared: the data folder"
mv data.away data
mask=data/case_001/segmentation.nii.gz
mv "$mask" kept
cp data/case_002/segmentation.nii.gz "$mask"
refused "a mask that was changed" 3 "case_001" 0 report run --check
mv kept "$mask"
mask=data/case_006/segmentation.nii.gz
mv "$mask" kept
mv other "$mask"
refused "a mask that was changed far from its ends" 3 "the mask of case 'case_006'" \
    0 report run --check
mv kept "$mask"
mv run/statistics.csv kept
refused "a file that is gone" 3 "'run/statistics.csv' is gone" 0 report run --check
mv kept run/statistics.csv
succeeds "check" 0 report run --check

# --- fold by fold, two of them at once as tasks of a job array -----------------------------------
"$pleat" run tiny.yaml --out alone --fold 0 > out_0 2> err_0 < /dev/null &
first=$!
succeeds "fold 1 alone" 0 run tiny.yaml --out alone --fold 1
wait $first || { cat err_0 && wrong "fold 0 alone"; }
holds "no report while a fold is missing" [ ! -e alone/summary.json ]
succeeds "report of two folds" 0 report alone
holds "two of six cases are missing" [ "$(ids alone/cv_results.detailed.csv | wc -w)" -eq 4 ]
succeeds "fold 2 alone" 2 run tiny.yaml --out alone --fold 2 --set ranks_per_fold=2
for fold in 0 1; do
    holds "fold $fold alone is fold $fold" cmp run/fold_$fold/scores.csv alone/fold_$fold/scores.csv
done
holds "the last fold makes the report" has out "results: alone"
holds "all cases are there" same_text "$(ids alone/cv_results.detailed.csv)" "$(in_folder data)"

# --- volumes that were never in a store ----------------------------------------------------------
tiny_data new 2 7
one=run/fold_0/checkpoint_best.h5
succeeds "predict by one model" 2 predict $one --in new --out one --engine ref --precision f32
holds "says so" has out "2 volumes labelled by 1 model in one"
succeeds "predict by the run" 2 predict run --in new --out all --engine ref --precision f32
holds "says so" has out "2 volumes labelled by 3 models in all"
succeeds "predict by three models" 1 predict run/fold_{0,1,2}/checkpoint_best.h5 --in new \
    --out three --engine ref --precision f32 --probabilities probs --uncertainty unsure
holds "where labels are not of the largest is told" has err "have another label than that of their"
holds "and explained" grep -q "3  infection" probs/probabilities.txt
succeeds "the same by two ranks" 2 predict run --in new --out three2 --engine ref --precision f32 \
    --probabilities probs2 --uncertainty unsure2
for id in case_001 case_002; do
    holds "$id: lies where the volume lies" same_geometry one/$id.nii.gz new/$id/imaging.nii.gz
    holds "a run is all its models" cmp all/$id.nii.gz three/$id.nii.gz
    for of in three probs unsure/entropy unsure/mutual_information; do
        twin=${of%%/*}2${of#"${of%%/*}"}
        holds "$id: two ranks write $of as one" cmp "$of/$id.nii.gz" "$twin/$id.nii.gz"
        holds "$id: $of lies where the volume lies" same_text \
            "$(header "$of/$id.nii.gz" 252 76)" "$(header "new/$id/imaging.nii.gz" 252 76)"
    done
done
succeeds "what the probabilities are" 0 info probs/case_001.nii.gz
holds "one volume a class" grep -q "channels  *4$" out
refused "two files of one name" 2 "give each a folder of its own" 0 predict run --in new \
    --out three --probabilities ./three
refused "probabilities among labels" 2 "kind 'labels', and this is 'probabilities'" 0 predict run \
    --in new --out four --probabilities three --engine ref --precision f32
refused "labels among entropies" 2 "kind 'entropy', and this is 'labels'" 0 predict run \
    --in new --out unsure/entropy --engine ref --precision f32
holds "one model is not all" eval '! cmp -s one/case_001.nii.gz all/case_001.nii.gz'
id=$(held_out 0 | cut -d' ' -f1)
mkdir "sole" && cp "data/$id/imaging.nii.gz" "sole/$id.nii.gz"
succeeds "predict a file" 0 predict $one --in "sole/$id.nii.gz" --out sole/out --engine ref \
    --precision f32
holds "predict labels as the run did" cmp "sole/out/$id.nii.gz" "run/fold_0/predictions/$id.nii.gz"

# --- post-processing ------------------------------------------------------------------------------
cp run/postprocessing.json by_two
rm run/postprocessing.json
succeeds "a report chooses post-processing" 0 report run
holds "and says so" grep -q '^post-processing: .* mean Dice .* as predicted' out
holds "one rank chooses as two" cmp by_two run/postprocessing.json

# speck FILE: voxel 0, far from all, becomes the left lung.
speck() {
    gzip -dc "$1" > speck.nii
    printf '\1' | dd of=speck.nii bs=1 seek=352 conv=notrunc 2> /dev/null
    gzip -c speck.nii > "$1"
}
cp -r run specks
for fold in 0 1 2; do # the truth, but for the speck
    for id in $(held_out $fold); do
        cp "data/$id/segmentation.nii.gz" "specks/fold_$fold/predictions/$id.nii.gz"
        speck "specks/fold_$fold/predictions/$id.nii.gz"
    done
done
rm specks/postprocessing.json # the digests of its predictions are taken away as well
sed -zi -e 's/,\n  "checksum": "[0-9a-f]*"//; s,run/2,run/1,; s/"files"/"none"/' specks/run.json
succeeds "a report of specks" 0 report specks
holds "the lung's largest component is kept" has out \
    "post-processing: the largest component of lung_L; mean Dice"
succeeds "predict with it" 1 predict specks --in new --out largest --engine ref --precision f32
holds "the log says so" has err "--no-postprocess leaves that out"
succeeds "predict without it" 1 predict specks --in new --out plain --no-postprocess --engine ref \
    --precision f32
succeeds "another run" 2 run tiny.yaml --out others --set seed=2 --set report.figures=false
for choice in differ "neither --no-postprocess"; do
    # shellcheck disable=SC2086 # a folder and perhaps an option
    succeeds "predict by two runs: $choice" 1 predict specks others --in new --engine ref \
        --precision f32 --out $choice
    cp err err_${choice%% *}
done
holds "they have not chosen the same" has err_differ "not all chosen the same post-processing"
for id in case_001 case_002; do
    holds "$id: without it is as before" cmp plain/$id.nii.gz all/$id.nii.gz
    holds "$id: two that differ have none" cmp differ/$id.nii.gz neither/$id.nii.gz
done
holds "with it is another" eval '! cmp -s largest/case_001.nii.gz all/case_001.nii.gz'
sed -i 's/"largest": true/"largest": false/' specks/postprocessing.json
refused "a choice changed by hand" 3 "postprocessing.json' is not as it was written" 0 \
    predict specks --in new --out never

succeeds "score" 0 score all --truth new --classes $names --out scored
holds "two cases scored" same_text "$(ids scored/cv_results.detailed.csv)" "case_001 case_002"
holds "a table" has out "2 cases"
succeeds "score of the run's fold" 0 score run/fold_0/predictions --truth data --classes $names \
    --out again
holds "the same scores" same_text "$(cat again/cv_results.detailed.csv)" \
    "$(originals run/fold_0/scores.csv)"

# --- anybody's label maps -----------------------------------------------------------------------
columns="case,fold,class,label,score,value,unit,state,definition"
succeeds "score as CSV" 0 score data run/fold_0/predictions --classes $names
holds "the columns" same_text "$(head -1 out)" "$columns"
holds "the first Dice is the run's" same_text "$(grep -m1 ',DSC,' out | cut -d, -f6)" \
    "$(sed -n 2p run/fold_0/scores.csv | cut -d, -f3)"
holds "the run's own table is alike" same_text "$(head -1 run/scores.csv)" "$columns"
holds "all six cases are in it" same_text "$(cut -d, -f1 run/scores.csv | sort -u | wc -l)" 7
for file in statistics.csv statistics.json; do holds "the run has $file" [ -s "run/$file" ]; done
holds "few cases are told" has table "6 cases are fewer than 50"
succeeds "score as JSON" 0 score data run/fold_0/predictions --json --set report.surface=medpy
holds "it is of surfaces by MedPy" has out '"judged": "surface medpy;'
holds "no number that JSON does not know" lacks out nan
refused "an unknown class" 2 "'liver' is no class" 0 score data run/fold_0/predictions \
    --classes $names --set report.lesions=liver

cp run/statistics.csv was.csv
succeeds "scored again" 0 report run --rescore
holds "the same again" cmp run/statistics.csv was.csv
succeeds "scored by MONAI's definition" 0 report run --set report.surface=monai
holds "the definition is told" has out "Scored by: surface monai;"
holds "and stands beside each number" grep -q ',HD95,.*,monai,6$' run/statistics.csv
holds "the Dice is the same" same_text "$(grep ',DSC,' run/statistics.csv)" \
    "$(grep ',DSC,' was.csv)"
succeeds "compare" 0 compare run run/summary.json
holds "the same are equal" grep -qE ' 6 .* 0 : 0 ' out
holds "the report's definition is told to be another" has err \
    "warning: 'run/statistics.json' has scores by other definitions, of report --set ('monai')"
succeeds "compare patients" 0 compare run/summary.json run --set 'folds.group_by=^(case)'
holds "they count as one" has out "over 1 group,"
succeeds "compare a run with itself" 0 compare run run --figure compared
holds "which is told" has err "warning: 'run' and 'run' are one; this compares it with itself"
holds "with what was drawn" has err "figures: compared/figures"
refused "other cases" 3 "are not of the same cases" 0 compare again run
holds "only those that are there are named" lacks err "()"
refused "no scores" 3 "'data' has neither the run.json of a run nor the statistics.json" 0 \
    compare data run

# --- a folder in use -----------------------------------------------------------------------------
"$mpiexec" -n 2 "$pleat" run tiny.yaml --out busy --set train.epochs=100000 > out_busy 2>&1 \
    < /dev/null &
holder=$!
holds "the long run begins" waits 60 grep -qs epoch=1/ busy/log/rank-0000.log
before=$(ranks)
job 2 run tiny.yaml --out busy --set train.epochs=100000
holds "a folder in use: exit code $code" [ "$code" -eq 2 ]
holds "one message" [ "$(grep -c '^pleat: ' err)" -eq 1 ]
holds "names the host" has err "host $(uname -n)"
holds "names the process" grep -qE "pid ($(echo "$before" | tr '\n' '|' | sed 's/|$//'))," err
job 0 run tiny.yaml --out busy --set train.epochs=100000 --fold 0
holds "one of its folds: exit code $code" [ "$code" -eq 2 ]
holds "names the process" grep -qE "pid ($(echo "$before" | tr '\n' '|' | sed 's/|$//'))," err
holds "the holder goes on" same_text "$(ranks)" "$before"
kill -TERM $holder
wait $holder 2> /dev/null
holds "all leave at SIGTERM" waits 60 eval '[ -z "$(ranks)" ]'
# --- repeats -------------------------------------------------------------------------------------
succeeds "a repeated cross-validation" 2 run tiny.yaml --set folds.k=2 --set folds.repeats=2 \
    --set train.epochs=1 --set train.iterations=1 --set store=run/store --out repeats \
    --set report.pictures=12
holds "each repeat has its folds" [ -s repeats/fold_3/scores.json ]
holds "a case is judged in each repeat" same_text \
    "$(grep -c '^case_001,[0-3],infection,3,DSC,' repeats/scores.csv)" 2
holds "and stays one case" has out "BCa bootstrap over 6 cases"
holds "in all counts" has out "(6 cases, 2 repeats of 2 folds"
holds "each evaluation has its pictures" same_text \
    "$(find repeats/report/cases -name sheet.png | wc -l)" 12
holds "the mean over folds has its interval" awk -F, '/^all,infection,3,DSC,/ { found = $27 < $28 }
    END { exit !found }' repeats/statistics.csv
succeeds "check of repeats" 0 report repeats --check
for file in repeats/statistics.json repeats/scores.csv repeats/cv_results.detailed.csv; do
    succeeds "compare with $file" 0 compare repeats $file --csv
    holds "it has the same means" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
        NR > 1 { rows++; off = ($at["mean_a"] - $at["mean_b"]) / (1 + $at["mean_a"])
            bad += off * off > 1e-16 || $at["n"] < 5 } END { exit rows < 1 || bad }' out
done
refused "one file without folds" 3 "compare the run or its statistics.json" 0 \
    compare repeats repeats/summary.json
succeeds "prediction by the models of all repeats" 0 predict repeats \
    --in data/case_001/imaging.nii.gz --out labelled
refused "other repeats in the same folder" 2 "folds.repeats" 0 run tiny.yaml --set folds.k=2 \
    --set folds.repeats=3 --out repeats

verdict
