#!/usr/bin/env bash
# e2e_manners.sh - long names, the variables of a module file, closed standard files, outputs that
# are there already, a finished run that has lost or changed something. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
tiny_data data 4 1
keys=(--set folds.k=2 --set train.epochs=1)

# --- a name as long as a DICOM series makes it ----------------------------------------------------
long=$(printf '%0160d' 7)
mv data/case_001 "data/$long"
succeeds "a case's name of 160 bytes" 0 run tiny.yaml --out run "${keys[@]}"
labels=$(echo run/fold_?/predictions/"$long.nii.gz")
holds "its labels" [ -s "$labels" ]
holds "its row in the report" grep -q "^$long," run/cv_results.detailed.csv
succeeds "the run once more" 0 run tiny.yaml --out run "${keys[@]}"
holds "is not made again" lacks err "predicted and scored"
succeeds "its prediction" 0 predict run --in "data/$long" --out labels
holds "has its name" [ -s "labels/$long.nii.gz" ]
succeeds "its score" 0 score labels --truth data --classes background,lung_L,lung_R,infection
mv "data/$long" "data/${long}1"
refused "a name of 161 bytes" 3 "its name has 161 characters, 160 are the most" 0 run tiny.yaml \
    --out other "${keys[@]}"
mv "data/${long}1" data/case_001

# --- variables of a module file; one that was meant as a key --------------------------------------
PLEAT_ROOT=/opt/pleat PLEAT_VERSION=1 PLEAT_LICENCE=none succeeds "variables of a module file" 0 \
    split tiny.yaml --out splits.json "${keys[@]}"
holds "the unknown one is named" has err "PLEAT_LICENCE is no key's variable and is ignored"
holds "the usual ones are not" lacks err PLEAT_ROOT
PLEAT_TRAIN_EPOCH=3 refused "a misspelt key" 2 "did you mean PLEAT_TRAIN_EPOCHS?" 0 \
    split tiny.yaml --out splits.json

# --- outputs that are there already ---------------------------------------------------------------
classes=background,lung_L,lung_R,infection
# spares WHAT ENTRY ARGUMENT...: refused for ENTRY in the folder, whose files stay as they are.
spares() {
    local what=$1 entry=$2 before
    before=$(find run labels data scores tiny.yaml -type f -exec cksum {} + | sort)
    shift 2
    refused "$what" 2 "holds '$entry'" 0 "$@"
    holds "$what: nothing is replaced" same_text "$before" \
        "$(find run labels data scores tiny.yaml -type f -exec cksum {} + | sort)"
}
predict=(predict run --in data/case_002)
score=(score labels --truth data --classes "$classes")
mv "data/case_001" "data/$long"
for _ in 1 2; do succeeds "scores, twice" 0 "${score[@]}" --out scores; done
succeeds "labels beside others of ours" 0 "${predict[@]}" --out labels
spares "phantoms among patients" "$long" phantom data --cases 1
spares "labels in a run" config.yaml "${predict[@]}" --out run
spares "labels among images" "$long" "${predict[@]}" --out data
spares "probabilities among patients" "$long" "${predict[@]}" --out new --probabilities data
spares "scores in a run" config.yaml "${score[@]}" --out run
spares "scores among labels" "$long.nii.gz" "${score[@]}" --out labels
spares "a run among labels" "$long.nii.gz" run tiny.yaml "${keys[@]}" --out labels
spares "a run among scores" cv_results.detailed.csv run tiny.yaml "${keys[@]}" --out scores
spares "an ablation in a run" config.yaml ablate tiny.yaml --out run
spares "a store among labels" "$long.nii.gz" prep tiny.yaml --out labels
spares "figures among a run's" agreement.csv compare run run --figure run
spares "patches in a run" config.yaml augment --store run/store --case case_002 --out run
refused "labels in a folder with a file's name" 2 "is the name of a file; name a folder" 0 \
    "${predict[@]}" --out one.nii.gz
holds "is not made" [ ! -e one.nii.gz ]
refused "a fold as a model" 2 "name its checkpoint, 'run/fold_0/checkpoint_best.h5'" 0 \
    predict run/fold_0 --in data/case_002 --out new
refused "labels in place of a fold's" 2 "lies in the folder of a run's fold" 0 "${predict[@]}" \
    --out run/fold_0/predictions
cp "data/case_002/segmentation.nii.gz" mask.nii.gz
mkdir masks
gzip -dc mask.nii.gz | tr '\160' '\161' | gzip > masks/case_002.nii.gz # "pleat" is "qleat"
refused "labels in place of masks" 2 "holds 'case_002.nii.gz', which pleat predict has not" 0 \
    "${predict[@]}" --out masks
for _ in 1 2; do succeeds "folds, twice" 0 split tiny.yaml --out k.json "${keys[@]}"; done
refused "other folds" 2 "--out 'k.json' is there already" 0 split tiny.yaml \
    --out k.json "${keys[@]}" --set seed=5
refused "folds in place of a configuration" 2 "'tiny.yaml' is there already" 0 \
    split tiny.yaml --out tiny.yaml "${keys[@]}"
plan=(plan tiny.yaml --steps 0 --out x "${keys[@]}" --sbatch)
for _ in 1 2; do succeeds "a batch script, twice" 0 "${plan[@]}" job.sh; done
refused "a script in place of a configuration" 2 "'tiny.yaml' is there already" 0 \
    "${plan[@]}" tiny.yaml
refused "a picture in place of it" 2 "'tiny.yaml' is there already" 0 explore data \
    --picture tiny.yaml
for _ in 1 2; do succeeds "a page, twice" 0 explore data --html page.html --show 1; done
refused "a page in place of another" 2 "pleat explore has not written it" 0 explore data \
    --html run/report/report.html
refused "an import in place of a checkpoint" 2 "is there already" 0 import x.hdf5 \
    --out run/fold_0/checkpoint_latest.h5

# --- a finished run that has lost or changed something --------------------------------------------
lost=$(echo run/fold_?/predictions/"$long.nii.gz")
cp "$lost" kept.nii.gz
rm "$lost"
succeeds "a prediction is lost" 0 run tiny.yaml --out run "${keys[@]}"
holds "it is named" has err "the prediction of case '$long' is missing"
holds "and made again" same_text "$(voxels "$lost")" "$(voxels kept.nii.gz)"
refused "a run that has changed in three keys" 2 \
    "folds.k was 2, now 3; train.batch was 2, now 1; train.lr was 0.01, now 0.5. Set them back" 0 \
    run tiny.yaml --out run --set folds.k=3 --set train.epochs=2 --set train.lr=0.5 \
    --set train.batch=1
holds "what may change is said" has err "engine, precision, threads"
mv data/case_003 .
refused "a case that is gone" 3 "'data' does not fit the folds: run/splits_final.json" 0 \
    run tiny.yaml --out run "${keys[@]}"
holds "it is named, with a cure" grep -q "'case_003'.*put the data back" err
mv case_003 data/
sed -i '0,/"tp": \([0-9]\)/s//"tp": 9\1/; 0,/"[a-z]*": \[[0-9]/s//&9/' run/fold_0/scores.json
refused "predict by a run whose scores were changed" 3 \
    "'run/fold_0/scores.json' is not the file that" 0 "${predict[@]}" --out labels
mv "data/$long" data/case_001

# --- standard files that are closed ---------------------------------------------------------------
"$pleat" split tiny.yaml --out closed.json "${keys[@]}" <&- >&- 2>&-
holds "no standard files: exit code $?" cmp closed.json splits.json
"$pleat" config > right
"$pleat" config 2> err >&-
code=$?
holds "a closed stdout: exit code $code" [ "$code" -eq 3 ]
holds "is told" has err "cannot write the results to stdout"
"$pleat" config > out 2>&-
holds "a closed stderr: exit code $?" cmp out right
verdict
