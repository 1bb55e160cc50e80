#!/usr/bin/env bash
# e2e_recipes.sh - a finished run goes on to more epochs, and a run begins with another's weights.
# Wants PLEAT, the program, and PLEAT_TEST_BIN.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

tiny_data data 4 1
keys=(--set folds.k=2 --set augment.like=nnunet)
four=("${keys[@]}" --set train.epochs=4)

# --- more epochs ---------------------------------------------------------------------------------
succeeds "two epochs" 2 run tiny.yaml --out short "${keys[@]}"
succeeds "four from the start" 2 run tiny.yaml --out whole "${four[@]}"
cp -a short cut
succeeds "a plan of two more" 0 run tiny.yaml --out short "${four[@]}" --dry-run
holds "says what would be done" has out "rises from 2 to 4: 2 more in the finished folds 0, 1"
succeeds "two more" 2 run tiny.yaml --out short "${four[@]}"
holds "it says so" has err "train.epochs rises from 2 to 4"
holds "a fold says so" has err "was trained for 2 epochs and continues to 4"
holds "as if it had been four from the start" same_run whole short
holds "the new files are the run's own" lacks err "not the file"
holds "and nothing is left that says otherwise" [ ! -e short/fold_0/renewed.txt ]
succeeds "as a check says too" 0 report short --check
holds "the methods name the augmentation" has short/methods.md "augmented as in nnU-Net v2"
holds "config.yaml knows" has short/config.yaml "epochs: 4"
succeeds "again" 2 run tiny.yaml --out short "${four[@]}"
holds "nothing is left to do" has err "fold=1 is finished, skipped"
succeeds "its report" 0 report short
cp -a short half
rm -r half/fold_0/scores.json half/fold_1
succeeds "a fold predicted again" 0 run tiny.yaml --out half "${four[@]}" --fold 0
holds "and not reported yet" [ -s half/fold_0/renewed.txt ]
succeeds "its check" 0 report half --check
holds "knows that" has out "files not compared: their folds were made again"
refused "fewer" 2 "train.epochs was " 2 run tiny.yaml --out short "${keys[@]}"

# An extension that is refused takes nothing away.
unextended() { # unextended RUN: it has all that it had
    [ -s "$1/fold_0/scores.json" ] && [ -s "$1/fold_1/scores.json" ] && [ -s "$1/summary.json" ] &&
        has "$1/config.yaml" "epochs: 2"
}
cp -a cut broken
damage broken/fold_1/checkpoint_latest.h5
rm broken/fold_1/checkpoint_latest.h5.previous
refused "a fold with nothing to go on from" 3 \
    "from 2 to 4 for fold 1: 'broken/fold_1/checkpoint_latest.h5' is missing or damaged" 0 \
    run tiny.yaml --out broken "${four[@]}"
holds "takes nothing away" unextended broken
cp cut/fold_1/checkpoint_latest.h5 broken/fold_1/
rm broken/fold_0/checkpoint_best.h5
refused "a fold without its model" 3 "'broken/fold_0/checkpoint_best.h5' is missing or damaged" 0 \
    run tiny.yaml --out broken "${four[@]}"
cp cut/fold_1/checkpoint_latest.h5 broken/fold_0/
cp cut/fold_0/checkpoint_best.h5 broken/fold_0/
refused "another fold's checkpoint" 3 "is not of the training that" 0 \
    run tiny.yaml --out broken "${four[@]}"
refused "a plan of it" 3 "is not of the training that" 0 \
    run tiny.yaml --out broken "${four[@]}" --dry-run
cp cut/fold_0/checkpoint_latest.h5 broken/fold_0/
refused "ranks that cannot share a batch" 2 "ranks_per_fold" 3 \
    run tiny.yaml --out broken "${four[@]}" --set ranks_per_fold=3
holds "take nothing away either" unextended broken
rm -r broken/fold_1
succeeds "a fold from its start" 2 run tiny.yaml --out broken "${four[@]}"
holds "has as many epochs" same_run whole broken

# A start that was to extend the run, ended between two of its files.
no_preloads && verdict
held rename config.yaml 1 0 run tiny.yaml --out cut "${four[@]}"
kill -9 "$run"
wait "$run" 2> /dev/null
release
holds "it had not written the second" has cut/config.yaml "epochs: 2"
holds "but the first" lacks cut/run.json '"summary.json"'
succeeds "the next start extends it" 2 run tiny.yaml --out cut "${four[@]}"
holds "all folds" same_run whole cut

# A schedule over all epochs is another one then, and that is told.
one=(--fold 0 --set train.schedule=poly)
succeeds "poly" 0 train tiny.yaml --out poly "${one[@]}"
cp poly/fold_0/checkpoint_latest.h5 older.h5
succeeds "poly, more" 0 train tiny.yaml --out poly "${one[@]}" --set train.epochs=3
holds "that is told" has err "poly goes by train.epochs, which is now 3"
holds "and kept" has poly/run.json "the learning rate goes from"
holds "not that it is computed otherwise" lacks err "was computed by"
job 0 train tiny.yaml --out poly --fold 1 --set train.schedule=poly --set train.epochs=3 \
    --set engine=onednn
holds "another engine is told, where there is one" eval '[ "$code" = 2 ] ||
    has err "was computed by ref f32 until now, and continues by onednn f32"'

cp older.h5 poly/fold_0/checkpoint_latest.h5
succeeds "from a backup" 0 train tiny.yaml --out poly "${one[@]}" --set train.epochs=3
holds "an older checkpoint is told" has err \
    "fold=0 resumes after epoch 2, where 'poly/fold_0/history.tsv' has 3"

# --- another's weights ---------------------------------------------------------------------------
cp whole/fold_0/checkpoint_latest.h5 old.h5
from=(--fold 0 --set train.epochs=1 --set train.from=old.h5)
succeeds "fine-tuning" 2 train tiny.yaml --out tuned --set ranks_per_fold=2 "${from[@]}"
holds "it says so" has err "begins with the weights of 'old.h5', trained 4 epochs"
holds "what it has learnt is told of other folds" has err \
    "warning: train.from: 'old.h5' has learnt 1 of the 1 cases that fold 1 holds out ("
holds "not of its own" lacks err "cases that fold 0 holds out"
holds "which is kept" has tuned/run.json "cases that fold 1 holds out"
tiny_data other 3 2
second=(--out second --fold 0 --set data=other --set train.from=old.h5)
succeeds "a second step, of other cases" 0 train tiny.yaml "${second[@]}" --set train.epochs=1
holds "which it has not learnt" lacks err "has learnt"
succeeds "that is resumed" 0 train tiny.yaml "${second[@]}"
succeeds "a third" 0 train tiny.yaml --out third --fold 0 --set train.epochs=1 \
    --set train.from=second/fold_0/checkpoint_latest.h5
holds "knows what the first had learnt" has err \
    "'second/fold_0/checkpoint_latest.h5' has learnt 1 of the 1 cases that fold 1 holds out ("
holds "its head is the same" lacks err "its head is of other classes"
id=$(basename "$(find whole/fold_1/predictions -name '*.nii.gz' | head -n 1)" .nii.gz)
unseen=$(basename "$(find whole/fold_0/predictions -name '*.nii.gz' | head -n 1)" .nii.gz)
mkdir first
gzip -dc "data/$id/imaging.nii.gz" | gzip -1 -n > first/scan.nii.gz
succeeds "the second predicts a case of the first" 0 predict second/fold_0/checkpoint_latest.h5 \
    --in first --out first_labels
holds "told" has err "1 of the 1 volume was trained on by a model of this prediction: scan;"
holds "and kept" grep -q '"trained_on".*"scan"' <(tr -d '\n' < first_labels/predicted.json)
succeeds "and one that the first has not learnt" 0 predict second/fold_0/checkpoint_latest.h5 \
    --in "data/$unseen/imaging.nii.gz" --out unseen_labels
holds "which is not told" lacks err "trained on"
digest=$("$pleat" info old.h5 --json | sed -n 's/.*"weights_digest": "\([^"]*\)".*/\1/p')
holds "the digest is kept" has tuned/run.json "\"from_digest\": \"$digest\""
succeeds "random weights" 0 train tiny.yaml --out random --fold 0 --set train.epochs=1
loss() { sed -n 2p "$1/fold_0/history.tsv" | cut -f 2; }
holds "a lower loss than random weights have" \
    awk "BEGIN { exit !($(loss tuned) < $(loss random)) }"
succeeds "other classes" 0 train tiny.yaml --out others "${from[@]}" \
    --set 'classes=[background, left, right, infection]'
holds "the head is new" has err "its head is of other classes, and is new here"
refused "another body" 3 "whose network.filters is 4, not 5" 0 train tiny.yaml --out wider \
    "${from[@]}" --set network.filters=5
volume=$(find other -name imaging.nii.gz | head -n 1)
refused "a volume" 3 "train.from: '$volume' is not a checkpoint of pleat" 0 train tiny.yaml \
    --out none --set train.from="$volume"
holds "it is not to be removed" lacks err "remove"
holds "nothing has begun" [ ! -e none ]
refused "its plan" 3 "train.from: '$volume' is not a checkpoint of pleat" 0 run tiny.yaml \
    --dry-run --set train.from="$volume"
job 0 check tiny.yaml --headers --set train.from="$volume"
holds "by a check too" eval '[ "$code" = 3 ] && has out "is not a checkpoint of pleat"'
job 0 check tiny.yaml --headers --set train.from=old.h5 --set network.filters=5
holds "of another body" eval '[ "$code" = 3 ] && has out "whose network.filters is 4, not 5"'
succeeds "a check of what fits" 0 check tiny.yaml --headers --set train.from=old.h5
holds "that is prepared alike" lacks out "another preprocessing"
succeeds "otherwise" 0 check tiny.yaml --headers --set train.from=old.h5 --set preprocess.zscore=off
holds "a check tells that" has out "preprocess.zscore was true, now false"
succeeds "and a run" 0 run tiny.yaml --dry-run --set train.from=old.h5 --set preprocess.zscore=off
holds "tells it too" has err "warning: train.from: 'old.h5': its weights have learnt images of"
refused "a run" 2 "train.from: 'tuned' is a folder; name a checkpoint, of a run RUN/fold_K/" 0 \
    train tiny.yaml --out none --set train.from=tuned
refused "nothing there" 3 "train.from: there is no 'nowhere.h5'" 0 \
    train tiny.yaml --out none --set train.from=nowhere.h5
rm tuned/run.json
succeeds "without its run.json" 0 train tiny.yaml --out tuned "${from[@]}"
holds "that is told" has err "warning: 'tuned/run.json' was missing and has been made again"
holds "what was told before is known" lacks err "cases that fold 1 holds out"
holds "and kept" has tuned/run.json "cases that fold 1 holds out"
cp whole/fold_1/checkpoint_latest.h5 old.h5
refused "another file" 3 "is not the checkpoint that the run has begun with" 0 train tiny.yaml \
    --out tuned "${from[@]}"
rm old.h5
succeeds "a fold that has begun goes on without it" 0 train tiny.yaml --out tuned "${from[@]}"
verdict
