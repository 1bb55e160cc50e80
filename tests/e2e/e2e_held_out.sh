#!/usr/bin/env bash
# e2e_held_out.sh - predict --held-out: each volume by the models that were not trained on it. Of
# one run that is its own cross-validation, of several what these models alone would say; a volume
# that all were trained on is not labelled, one that none knows is by all. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
tiny_data data 4 1
keys=(--set folds.k=2 --set train.epochs=1 --set store=store)
same=(--set folds.splits=one/splits_final.json)
best=checkpoint_best.h5
succeeds "a run" 0 run tiny.yaml --out one "${keys[@]}"
succeeds "of another seed and network" 0 run tiny.yaml --out two "${keys[@]}" "${same[@]}" \
    --set seed=7 --set network.filters=6 --set overlap=8,8,4

same_map() { # same_map A B
    [ -s "$1" ] && [ -s "$2" ] && same_text "$(voxels "$1")" "$(voxels "$2")"
}
ids() { find "one/fold_$1/predictions" -name '*.nii.gz' -exec basename {} .nii.gz \; | sort; }
first=$(ids 0 | head -n 1) # held out by fold 0
image=data/$first/imaging.nii.gz

# --- one run -------------------------------------------------------------------------------------
succeeds "by one run" 0 predict one --in data --out own --held-out --no-postprocess
holds "counted" has out "4 volumes labelled by the models that held them out, 1 model each, in own"
holds "nothing is told of training" lacks err "trained on"
for map in one/fold_?/predictions/*.nii.gz; do
    holds "is its own prediction" same_map "own/$(basename "$map")" "$map"
done
succeeds "scored" 0 score data own --json
holds "without a warning of training" lacks out "trained on"
refused "without it into the same folder" 2 \
    "'own' holds volumes that were labelled with --held-out" 0 \
    predict one --in data --out own --no-postprocess
succeeds "without it" 0 predict one --in data --out all --no-postprocess
succeeds "scored" 0 score data all --json
holds "with that warning" has out "4 of the 4 cases were trained on by the models that labelled"
refused "with it into that folder" 2 "'all' holds volumes that were labelled without --held-out" \
    0 predict one --in data --out all --held-out --no-postprocess

# --- several -------------------------------------------------------------------------------------
succeeds "by two runs" 0 predict one two --in data --out both --held-out --probabilities probs
holds "counted" has out "4 volumes labelled by the models that held them out, 2 models each, in"
holds "described" grep -q "mean over the models that were not trained" probs/probabilities.txt
for fold in 0 1; do
    succeeds "by fold $fold of both" 0 predict {one,two}/fold_$fold/$best --in data \
        --out both$fold --probabilities probs$fold
    for id in $(ids $fold); do
        holds "is the same" same_map "both/$id.nii.gz" "both$fold/$id.nii.gz"
        holds "to the last digit" same_map "probs/$id.nii.gz" "probs$fold/$id.nii.gz"
    done
done
succeeds "on 2 ranks" 2 predict one two --in data --out ranks --held-out
for map in both/*.nii.gz; do holds "the same" same_map "ranks/${map#*/}" "$map"; done
succeeds "scored" 0 score data both --classes background,lung_L,lung_R,infection --out scores
succeeds "and compared with one of them" 0 compare one scores --csv
holds "all cases" grep -q "DSC.*,4," out
cp -r two part && rm part/fold_0/$best
succeeds "by one that lacks a model" 2 predict part one --in data --out fewer --held-out
holds "least and most" has out "labelled by the models that held them out, 1 to 2 models each"
holds "by the other alone" same_map "fewer/$first.nii.gz" "one/fold_0/predictions/$first.nii.gz"
succeeds "a run that is repeated" 0 run tiny.yaml --out again "${keys[@]}" --set folds.repeats=2
succeeds "by it" 0 predict again --in data --out twice --held-out
holds "one of each repeat" has out "4 volumes labelled by the models that held them out, 2 models"

# --- models of other settings ---------------------------------------------------------------------
succeeds "a run of another patch, scored by its last weights" 0 run tiny.yaml --out wide \
    "${keys[@]}" "${same[@]}" --set seed=8 --set patch=32,32,16 --set overlap=24,8,4 \
    --set predict.merge=gaussian --set engine=ref64 --set train.weights=latest
refused "of two engines" 2 "models that predict together share one: say which by --engine" 0 \
    predict one wide again --in data --out mixed_up
settings=(--in data --out several --probabilities several_p --engine ref --no-postprocess)
succeeds "in one order" 0 predict one wide again "${settings[@]}"
mkdir kept && cp several/*.gz several_p/*.txt kept && cp "several_p/$first.nii.gz" kept/p.nii.gz
succeeds "in another, into the same folder" 0 predict again wide one "${settings[@]}"
holds "the same to the last digit" same_map kept/p.nii.gz "several_p/$first.nii.gz"
for map in kept/case*.gz; do holds "the same" same_map "$map" "several/${map#*/}"; done
refused "what is set for all" 2 "with other settings" 0 predict again wide one \
    "${settings[@]}" --set overlap=0,0,0
refused "a fold in the place of its model" 2 "name its checkpoint, 'wide/fold_0/checkpoint_latest" \
    0 predict wide/fold_0 --in data --out none

# --- what nobody has held out, what nobody knows --------------------------------------------------
"$pleat" -q phantom other --cases 1 --seed 9 > out
mkdir mixed
cp "$image" "mixed/held.nii.gz"
cp "data/$(ids 1 | head -n 1)/imaging.nii.gz" mixed/learnt.nii.gz
cp other/case_001/imaging.nii.gz mixed/new.nii.gz
head -c 2000 mixed/new.nii.gz > mixed/short.nii.gz
for ranks in 0 2; do
    refused "$ranks ranks: some of them" 3 "2 of 4 volumes not labelled" $ranks \
        predict {one,two}/fold_0/$best --in mixed --out mixed$ranks --held-out
    holds "named" grep -q "said above:.* learnt" err
    holds "why" has err "'learnt' is not labelled: no model has held it out: all of them were"
    holds "as any other" grep -q "'short' is not labelled: .*short.nii.gz" err
    holds "two are counted" has out \
        "1 volume labelled by the models that held it out, 2 models each, in mixed$ranks"
    holds "the new one too" has out "1 volume that no model knows labelled by all 2 models"
    holds "no more" [ "$(ls mixed$ranks)" = "$(printf 'held.nii.gz\nnew.nii.gz\npredicted.json')" ]
    holds "by its other name" same_map mixed$ranks/held.nii.gz "both/$first.nii.gz"
done
mkdir new && mv mixed/new.nii.gz new/
succeeds "a new one by all" 0 predict one two --in new --out new_held --held-out
holds "counted" has out "1 volume that no model knows labelled by all 4 models in new_held"
succeeds "as without it" 0 predict one two --in new --out new_all
holds "the same" same_map new_held/new.nii.gz new_all/new.nii.gz
refused "none can be labelled" 3 "1 of 1 volumes not labelled, nothing is written into" 0 \
    predict two/fold_0/$best --in mixed/learnt.nii.gz --out none --held-out
holds "why" has err "no model has held it out: the only one was trained on it"
cp mixed0/held.nii.gz mixed0/learnt.nii.gz
refused "a map that was there" 3 "1 of 1 volumes not labelled" 0 \
    predict {one,two}/fold_0/$best --in mixed/learnt.nii.gz --out mixed0 --held-out
holds "is removed" [ ! -e mixed0/learnt.nii.gz ]

# --- how a volume is known ------------------------------------------------------------------------
succeeds "a run that turns its cases" 0 run tiny.yaml --out turns "${keys[@]}" "${same[@]}" \
    --set store=turned --set preprocess.orient=RAS
mkdir packed
gzip -dc "$image" | gzip -1 -n > packed/scan.nii.gz
succeeds "packed anew" 0 predict one turns --in packed --out packed_held --held-out
holds "each knows it" has out "1 volume labelled by the models that held it out, 2 models each"
cp -r data repacked # held out as this packing, learnt as that one
for file in repacked/*/imaging.nii.gz; do
    gzip -dc "$file" | gzip -1 -n > volume.gz && mv volume.gz "$file"
done
succeeds "training that begins with another fold's weights" 0 train tiny.yaml --out tuned --fold 0 \
    "${keys[@]}" "${same[@]}" --set data=repacked --set store=repacked_store \
    --set train.from=one/fold_1/$best
refused "which had learnt it" 3 "1 of 1 volumes not labelled" 0 \
    predict tuned/fold_0/checkpoint_latest.h5 --in packed --out tuned_held --held-out
succeeds "so others label it" 0 predict tuned/fold_0/checkpoint_latest.h5 two --in packed \
    --out others --held-out
holds "one of them" has out "1 volume labelled by the models that held it out, 1 model each"
gzip -dc "$image" > volume
printf '\001' | dd of=volume bs=1 seek=$(($(stat -c %s volume) / 2)) conv=notrunc 2> /dev/null
mkdir changed
gzip -n < volume > "changed/$first.nii.gz"
succeeds "a case that was changed" 0 predict one --in changed --out changed_held --held-out
holds "is new" has out "1 volume that no model knows labelled by all 2 models"
holds "which its name makes doubtful" has err "1 volume of the name of a case that models were"

# --- models that do not say ----------------------------------------------------------------------
succeeds "a model of another program" 0 import \
    "${SOURCE_DIR:?}/tests/drills/corpus/keras/unet.hdf5" --out keras.h5 \
    --set patch=32,32,16 --set overlap=16,16,8
refused "has no digests" 3 "'keras.h5' does not carry digests of all volumes" 0 \
    predict keras.h5 --in data --out keras --held-out
refused "of other classes" 3 "only models of the same classes" 0 \
    predict one keras.h5 --in data --out keras2 --held-out
holds "nothing is begun" [ ! -e keras2 ]
verdict
