#!/usr/bin/env bash
# e2e_changed.sh - scores are of the data that are there: a volume or mask that was changed between
# the folds of a run, after it, or by another --set data= is refused by name; --redo does again the
# folds that it touches and comes to the numbers of a run of the new data; a volume that was only
# packed anew is none that was changed. Files of another run's fold are refused, and of an older
# pleat's folds the store says what they are of. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

# change FILE [BYTES]: other bytes in the middle of the voxels, as a corrected mask has.
change() {
    gzip -dc "$1" > volume
    # shellcheck disable=SC2059 # the bytes themselves
    printf "${2:-\\001}" |
        dd of=volume bs=1 seek=$(($(stat -c %s volume) / 2)) conv=notrunc 2> /dev/null
    gzip -n < volume > "$1"
}

tiny_data data 3 1
cp -r data kept
n=0 # of folders with labels: one holds those of one choice of models
id=$(find data -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | head -n 1)
mask=$id/segmentation.nii.gz image=$id/imaging.nii.gz

# --- between folds -------------------------------------------------------------------------------
succeeds "fold 0" 0 run tiny.yaml --out run --fold 0
gzip -dc "kept/$mask" | gzip -1 -n > "data/$mask"
holds "the packing differs" eval '! cmp -s "data/$mask" "kept/$mask"'
succeeds "a mask that is packed anew is no other" 0 run tiny.yaml --out run --fold 1
holds "only prepared again" has err "case $id: its files changed, prepared again"

change "data/$mask"
holds "the mask differs" eval '[ "$(voxels "data/$mask")" != "$(voxels "kept/$mask")" ]'
refused "another fold" 3 \
    "the mask of case '$id', 'data/$mask' is not what 2 folds of 'run' are of" \
    0 run tiny.yaml --out run --fold 2
holds "the cure is told" has err "--redo"
refused "the whole run" 3 "the mask of case '$id'" 2 run tiny.yaml --out run
refused "its plan" 3 "the mask of case '$id'" 0 run tiny.yaml --out run --dry-run
refused "its report" 3 "the mask of case '$id'" 0 report run
succeeds "predict" 0 predict run --in data --out labels$((++n))
holds "predict warns" \
    has err "warning: the models of 'run' were trained before the mask of case '$id'"

succeeds "a plan to do them again" 0 run tiny.yaml --out run --redo --dry-run
holds "a plan takes nothing away" [ -s run/fold_0/scores.json ]
succeeds "one fold done again" 0 run tiny.yaml --out run --fold 0 --redo
refused "two folds of one run, of different masks" 3 \
    "folds 0 and 1 of 'run' are of different states" 0 report run
mv data data.away
refused "also without the data" 3 "different states of the mask of case '$id'" 0 report run
mv data.away data
succeeds "predict by models of two states" 0 predict run --in data --out labels$((++n))
holds "predict warns of that" has err "were trained on different states of the mask of case '$id'"
succeeds "the others" 2 run tiny.yaml --out run --redo
holds "fold 0 is not done a third time" has err "fold=0 is finished, skipped"
holds "fold 1 is" has err "fold=1 has cases that changed, and is retrained"
succeeds "a run of the new data" 0 run tiny.yaml --out fresh
holds "which is the same to the last bit" same_run run fresh
succeeds "nothing more to do again" 0 run tiny.yaml --out run --redo
holds "which is told" has err "no case has changed"

# --- after a run ---------------------------------------------------------------------------------
succeeds "report" 0 report run
cp "data/$image" image.nii.gz
change "data/$image"
refused "the image too" 3 \
    "the image of case '$id', 'data/$image' is not what 3 folds of 'run' are of" \
    0 run tiny.yaml --out run
refused "its report" 3 "the image of case '$id'" 0 report run
cp image.nii.gz "data/$image"
succeeds "put back" 0 report run
refused "another folder" 3 "the mask of case '$id', 'kept/$mask'" 0 run tiny.yaml --out run \
    --set data=kept
cp -r data elsewhere
succeeds "the same data elsewhere" 0 run tiny.yaml --out run --set data=elsewhere

# --- score ---------------------------------------------------------------------------------------
for fold in run/fold_?; do
    [ ! -e "$fold/predictions/$id.nii.gz" ] || predictions=$fold/predictions
done
names=background,lung_L,lung_R,infection
succeeds "score against the masks of the run" 0 score "$predictions" --truth data --classes "$names"
holds "which is not told" lacks err "is not the one"
succeeds "score against others" 0 score "$predictions" --truth kept --classes "$names"
holds "is told" has err "case $id: the mask 'kept/$mask' is not the one"

succeeds "as JSON" 0 score kept "$predictions" --json
holds "the same" has out '"case '"$id"': the mask'
holds "and what the table says" has out '"1 case is fewer than 50: means and intervals are rough"'

# --- volumes that the models were trained on ------------------------------------------------------
fold=${predictions%/predictions} # of which case $id is held out
succeeds "all models on their own cases" 2 predict run --in data --out own
holds "is told" has err "warning: 3 of the 3 volumes were trained on by a model of this prediction"
holds "with who held them out" has err "$id (held out by '$fold/checkpoint_best.h5')"
succeeds "scored" 0 score data own --json --out own_scores
holds "is told again" has out "3 of the 3 cases were trained on by the models that labelled them"
succeeds "compared" 0 compare run own_scores
holds "and again" has err "'own_scores/statistics.json': 3 of the 3 cases were trained on by"
refused "one model twice" 2 "checkpoint_best.h5', and would count twice" 0 \
    predict run "$fold/checkpoint_best.h5" --in "data/$image" --out twice
succeeds "the model that held a case out" 0 predict "$fold/checkpoint_best.h5" \
    --in "data/$image" --out unseen
holds "has nothing to tell" lacks err "trained on"
mkdir others
gzip -dc "data/$image" | gzip -1 -n > others/scan.nii.gz
for other in run/fold_?; do [ "$other" = "$fold" ] || break; done
succeeds "under another name, packed anew" 0 predict "$other/checkpoint_best.h5" --in others \
    --out others_labels
holds "is found" has err "1 of the 1 volume was trained on by a model of this prediction: scan;"
cp "kept/$image" others/new.nii.gz && change others/new.nii.gz && rm others/scan.nii.gz
succeeds "another volume" 0 predict "$other/checkpoint_best.h5" --in others --out others_labels
holds "is not told" lacks err "trained on"
holds "the first still is" grep -q '"scan"' others_labels/predicted.json
refused "another precision into one folder" 2 "'own' holds volumes that engine ref made in f32" 0 \
    predict run --in data --out own --engine ref64
holds "both are named" has err "this is ref64 in f64"

# --- a shared store ------------------------------------------------------------------------------
succeeds "a run fills a store" 0 run tiny.yaml --out one --set store=store --fold 0
succeeds "another, of other data, too" 0 run tiny.yaml --out two --set store=store --set data=kept
succeeds "the first goes on with its own" 0 run tiny.yaml --out one --set store=store
holds "as if it had been alone" same_run one fresh

refused "two runs of different masks are not compared" 3 "different masks of 1 case ($id)" 0 \
    compare fresh two
refused "nor files of scores in their folders" 3 "'fresh/fold_0/..' and 'two/fold_0/..' were" 0 \
    compare fresh/fold_0/scores.csv two/fold_0/scores.csv

# --- files of another run ------------------------------------------------------------------------
succeeds "a run of another seed" 0 run tiny.yaml --out seed2 --set seed=2 --fold 0 \
    --set folds.splits=fresh/splits_final.json --set store=fresh/store
takes_in() { # takes_in FILE...: a copy of `fresh`, with these of the other run's fold
    rm -rf mixed && cp -r fresh mixed
    local file
    for file in "$@"; do cp -r "seed2/fold_0/$file" mixed/fold_0/; done
}
foreign="is of a run with another configuration"
takes_in scores.json history.tsv
refused "scores of another run" 3 "'mixed/fold_0/scores.json' $foreign" 0 report mixed
refused "also to go on" 3 "'mixed/fold_0/scores.json' $foreign" 0 run tiny.yaml --out mixed
takes_in checkpoint_best.h5
refused "a model of another run" 3 "'mixed/fold_0/checkpoint_best.h5' $foreign" 2 \
    predict mixed --in "data/$image" --out labels$((++n))
rm mixed/fold_0/scores.json
refused "to score" 3 "'mixed/fold_0/checkpoint_best.h5' $foreign" 0 run tiny.yaml --out mixed
takes_in
cp mixed/fold_1/checkpoint_best.h5 mixed/fold_0/
refused "a model of another fold" 3 "hold out the same case" 0 predict mixed --in "data/$image" \
    --out labels$((++n))
rm mixed/run.json
refused "also when it is exported" 3 "is not a model of fold 0" 0 \
    export mixed --fold 0 --onnx model.onnx
takes_in
cp mixed/fold_0/checkpoint_latest.h5.previous mixed/fold_0/checkpoint_best.h5
wrong="'mixed/fold_0/checkpoint_best.h5' is not the file that the run was reported with"
refused "labels of other models" 2 "'labels1' holds volumes that other models made" 0 \
    predict fresh --in "data/$image" --out labels1
refused "a model of another epoch" 3 "$wrong" 2 predict mixed --in "data/$image" \
    --out labels$((++n))
refused "also in a report" 3 "$wrong" 0 report mixed
refused "also by a run, before it does anything" 3 "$wrong" 0 run tiny.yaml --out mixed
refused "by its plan" 3 "$wrong" 0 run tiny.yaml --out mixed --dry-run
rm mixed/fold_0/scores.json
refused "also to be scored again" 3 "$wrong" 0 run tiny.yaml --out mixed
refused "by the start after that too" 3 "$wrong" 0 run tiny.yaml --out mixed
rm -r mixed/fold_0
succeeds "the cure" 0 run tiny.yaml --out mixed
takes_in
rm mixed/postprocessing.json
refused "a lost choice of components" 3 "'mixed/postprocessing.json' is missing" 2 \
    predict mixed --in "data/$image" --out labels$((++n))
succeeds "done without" 0 predict mixed --in "data/$image" --out labels$((++n)) --no-postprocess
succeeds "a report chooses again" 0 report mixed
succeeds "the cure of that" 0 predict mixed --in "data/$image" --out labels$((++n))
takes_in
cp fresh/fold_0/checkpoint_best.h5 mixed/fold_0/
succeeds "put back" 0 predict mixed --in "data/$image" --out labels$((++n))
rm mixed/fold_0/checkpoint_best.h5
succeeds "a fold without a model" 0 predict mixed --in "data/$image" --out labels$((++n))
holds "is told" has err "warning: fold 0 of 'mixed' has no checkpoint_best.h5"
takes_in predictions
refused "label maps of another run, scored again" 3 "its counts are not those of fold 0's scores" \
    0 report mixed --rescore

# --- files of this run, from before it was trained on ---------------------------------------------
cp -r fresh longer
succeeds "more epochs" 0 run tiny.yaml --out longer --set train.epochs=3
stale() { # stale FILE...: a copy of `longer`, with these of fold 0 as they were
    rm -rf mixed && cp -r longer mixed
    local file
    for file in "$@"; do cp -r "fresh/fold_0/$file" mixed/fold_0/; done
}
foreign="is not the file that the run was reported with"
stale checkpoint_best.h5 history.tsv
refused "a model with its history" 3 "'mixed/fold_0/history.tsv' $foreign" 2 \
    predict mixed --in "data/$image" --out labels$((++n))
stale checkpoint_latest.h5
refused "the latest one" 3 "'mixed/fold_0/checkpoint_latest.h5' $foreign" 0 \
    predict mixed --in "data/$image" --out labels$((++n)) --weights latest
stale .
refused "a whole fold" 3 "'mixed/fold_0/scores.json' $foreign" 0 \
    predict mixed --in "data/$image" --out labels$((++n))
refused "in a report" 3 "'mixed/fold_0/scores.json' $foreign" 0 report mixed
refused "compared" 3 "'mixed/fold_0/scores.json' $foreign" 0 compare fresh mixed
rm mixed/run.json
few="fold 0 of 'mixed' was trained and scored for 2 epochs, the run has 3"
refused "also where run.json does not know it" 3 "$few" 0 run tiny.yaml --out mixed \
    --set train.epochs=3
refused "to predict with" 3 "$few" 0 predict mixed --in "data/$image" --out labels$((++n))
rm mixed/fold_0/scores.json
succeeds "the cure" 0 run tiny.yaml --out mixed --set train.epochs=3
holds "which is the same to the last bit" same_run mixed longer
rm -rf mixed && cp -r longer mixed
rm mixed/run.json mixed/fold_0/scores.json
sed '$s/\t[^\t]*/\t0.5/' longer/fold_0/history.tsv > mixed/fold_0/history.tsv
succeeds "a record that knows no digest" 0 train tiny.yaml --out mixed --set train.epochs=3 --fold 1
refused "a model of another training" 3 "tells of: epoch 3 is another" 0 predict mixed \
    --in "data/$image" --out labels$((++n)) --weights latest

succeeds "repeats, which hold a case out each" 0 run tiny.yaml --out repeats --set folds.k=2 \
    --set folds.repeats=2 --set train.epochs=1 --set store=fresh/store
succeeds "predict together" 0 predict repeats --in "data/$image" --out labels$((++n))
holds "all four" has out "1 volume labelled by 4 models"

# --- folds of an older pleat, which do not say what they are of -----------------------------------
takes_in
sed -i -e 's,scores/2,scores/1,; /"history_digest"\|"checksum"/d' \
    -e '/"provenance"/,/\]/d; s/\("judged": .*\),/\1/' mixed/fold_0/scores.json
rm mixed/run.json # it has the digest of the other
succeeds "are believed" 0 run tiny.yaml --out mixed
holds "which is told" has err "warning: folds of 'mixed' were made by an older pleat"
holds "and kept" eval '"$pleat" info mixed | grep -q "made by an older pleat"'
rm mixed/fold_1/scores.json mixed/fold_2/scores.json
cp kept/$mask "data/$mask"
refused "but not of other data than their store" 3 "the mask of case '$id', 'data/$mask'" 0 \
    run tiny.yaml --out mixed --fold 0
change "data/$mask"

# --- volumes that lie otherwise than those of training -------------------------------------------
succeeds "a run that neither resamples nor turns" 0 run tiny.yaml --out asis --fold 0 \
    --set preprocess.resample=none --set train.epochs=1
mkdir lain
cp "kept/$image" lain/like.nii.gz
gzip -dc "kept/$image" > lain/unlike.nii
printf '\0\0\310\102' | dd of=lain/unlike.nii bs=1 seek=280 conv=notrunc 2> /dev/null # srow_x[0]
succeeds "a volume of 100 mm and other axes" 0 predict asis --in lain --out lain_labels
holds "its spacing is told" has err "case 'unlike' has a spacing of 100 x 3.71 x 5.35 mm, the"
holds "so are its axes" has err "case 'unlike' has the axes RPS, the models were trained on LPS"
holds "not of one that is like them" lacks err "case 'like'"

# --- axes of a file that decide how it is turned --------------------------------------------------
exchange() { # exchange FILE: right and left, in its header alone
    gzip -dc "$1" > volume
    printf '\100' | dd of=volume bs=1 seek=283 conv=notrunc 2> /dev/null # the sign of srow_x[0]
    gzip -n < volume > "$1"
}
cp -r kept headers
turned=(--set data=headers --set train.epochs=1)
succeeds "a run that turns its cases" 0 train tiny.yaml --out turns --fold 0 "${turned[@]}" \
    --set preprocess.orient=RAS
succeeds "one that does not" 0 train tiny.yaml --out lies --fold 0 "${turned[@]}"
exchange "headers/$image"
exchange "headers/$mask"
refused "axes that were exchanged" 3 "the image of case '$id', 'headers/$image'" 0 \
    train tiny.yaml --out turns --fold 0 "${turned[@]}" --set preprocess.orient=RAS
succeeds "which make no other voxels where nothing is turned" 0 train tiny.yaml --out lies \
    --fold 0 "${turned[@]}"

# --- a table of cases ----------------------------------------------------------------------------
listed() { # listed FOLD GROUP: table.csv, with these of the first case
    local case number=0
    echo case,image,label,group,fold > table.csv
    for case in kept/*/; do
        echo "$(basename "$case"),${case}imaging.nii.gz,${case}segmentation.nii.gz,g$number,$number"
        number=$((number + 1))
    done | sed "1s/g0,0/$2,$1/" >> table.csv
}
begun=(0 train tiny.yaml --out table --fold 0 --set data=table.csv --set train.epochs=1)
listed 0 g0
succeeds "a run of a table" "${begun[@]}"
succeeds "which is as it was" "${begun[@]}"
listed 1 g0
sed -i 's/g1,1/g1,0/' table.csv
refused "its column fold is another" 2 \
    "the column fold of 'table.csv' differs from 'table/splits_final.json'" "${begun[@]}"
holds "the case is named" has err "case '$id' is in fold 1, and was in fold 0"
listed 0 p7
refused "its column group is another" 2 \
    "case '$id' is of group 'p7', and was of 'g0'" "${begun[@]}"
listed 0 g0
succeeds "put back" "${begun[@]}"
refused "its table is gone" 2 "table.csv' and its column group, and 'kept' has no groups" \
    "${begun[@]}" --set data=kept
cut -d, -f1-4 table.csv > cut && mv cut table.csv
succeeds "its column fold is gone" "${begun[@]}"
holds "the folds stay" grep -q "column fold of '.*table.csv', and 'table.csv' has none" err

# --- while it runs -------------------------------------------------------------------------------
fold=${predictions%/predictions}
no_preloads && verdict
held rename "${fold#*/}/history.tsv" 1 0 run tiny.yaml --out late
change "data/$mask" '\001\001'
release
wait "$run"
code=$?
holds "a mask that changes before it is scored: exit code $code" [ "$code" -eq 3 ]
holds "is named" has err "the mask of case '$id', 'data/$mask' has changed since the run began"
holds "not before it had trained" has err "trained: 2 epochs"
refused "also by the next start" 3 "the mask of case '$id'" 0 run tiny.yaml --out late
verdict
