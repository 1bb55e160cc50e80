#!/usr/bin/env bash
# e2e_labels.sh - labels as they come: with gaps between them a run has the same bits as without,
# and writes, judges and names what the files have. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

cat > plain.yaml << 'END'
data: plain
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [20, 20, 20]}
folds: {k: 2}
patch: [16, 16, 8]
overlap: [0, 0, 0]
network: {depth: 1, filters: 5}
train: {epochs: 1, iterations: 4, batch: 4, validation: 1, oversample: 0.5, lr: 0.01}
engine: ref
deterministic: true
precision: f32
END

# relabel FROM TO OLD NEW: a data folder whose masks have other bytes; sets of tr.
relabel() {
    local case
    for case in "$1"/*; do
        mkdir -p "$2/${case#*/}"
        cp "$case/imaging.nii.gz" "$2/${case#*/}"
        gzip -dc "$case/segmentation.nii.gz" > mask.nii
        { head -c 352 mask.nii && tail -c +353 mask.nii | tr "$3" "$4"; } |
            gzip -1c > "$2/${case#*/}/segmentation.nii.gz"
    done
}

# body FILE: the voxels of a label map, which begin at the header's vox_offset.
body() {
    gzip -dc "$1" > body.nii
    tail -c +$(($(od -An -tf4 -j108 -N4 body.nii | cut -d. -f1) + 1)) body.nii
}

# labels FILE: which of them it has.
labels() { body "$1" | od -An -v -tu1 -w1 | sort -nu | tr -d ' ' | paste -sd,; }

# trained RUN: the bits of its models and scores, whatever its files are called.
trained() {
    "$pleat" info "$1/store" | awk '/^ *case_/ { print $1, $NF }'
    "$pleat" info "$1/fold_0/checkpoint_latest.h5" | grep params
    cut -d, -f1-3,5- "$1"/fold_?/scores.csv # without the column of labels
    cat "$1"/fold_?/history.tsv "$1"/cv_results.detailed.csv
}

tiny_data plain 4 1
succeeds "labels 0 to 3" 1 run plain.yaml --out plain_run

# --- gaps ----------------------------------------------------------------------------------------
relabel plain gaps '\001\002\003' '\005\007\011'
echo '{"labels": {"background": 0, "lung_L": 5, "lung_R": 7, "infection": 9}}' > gaps/dataset.json
sed 's/^data: plain/data: gaps/; /^classes/d' plain.yaml > gaps.yaml
succeeds "labels 0, 5, 7, 9" 2 run gaps.yaml --out gaps_run --set ranks_per_fold=2
holds "gaps change no number" cmp <(trained gaps_run) <(trained plain_run)
for file in plain_run/fold_?/predictions/*.nii.gz; do
    file=${file#*/}
    body "plain_run/$file" | tr '\001\002\003' '\005\007\011' > wanted
    body "gaps_run/$file" > written
    holds "$file has the files' labels" cmp wanted written
done
holds "it labels more than background" same_text "$(labels "gaps_run/$file")" 0,5,7,9
holds "the summary names the labels" has gaps_run/summary.json '"7": {'
succeeds "scores as the run's" 1 score gaps gaps_run/fold_0/predictions --out scored
grep '^case_[0-9]*,0,' gaps_run/scores.csv > wanted
tail -n +2 scored/scores.csv > written
holds "the same scores" cmp wanted written
succeeds "predicts" 1 predict gaps_run --in "gaps/$(ls gaps | head -n 1)" --out again
holds "files' labels again" same_text "$(labels again/*.nii.gz)" 0,5,7,9
refused "a label that is no class" 3 "'gaps': 4 errors" 1 run gaps.yaml --out other \
    --set 'classes=[background, lung_L=5, lung_R=7]'
none="label 9 .* is none of the 3 classes"
holds "which each case has" same_text "$(grep -c "error: .* $none" err)" 4

# --- a label to ignore ---------------------------------------------------------------------------
# The infection is not annotated: what is there is of no account, on any number of ranks.
relabel plain holes '\003' '\004'
sed 's/^data: plain/data: holes/; s/infection\]/infection, ignore=4]/' plain.yaml > holes.yaml
sed -i 's/^train: {/train: {loss: dice_ce, /' holes.yaml
succeeds "ignores, one rank" 1 run holes.yaml --out holes_1
succeeds "ignores, two ranks" 2 run holes.yaml --out holes_2 --set ranks_per_fold=2
holds "ignored on one and two ranks alike" cmp <(trained holes_2) <(trained holes_1)
holds "nobody is infected" lacks holes_1/scores.csv infection,3,DSC,0.
# volume RUN CLASS: of a case's truth.
volume() {
    awk -F, -v c="$2" '/^case_001/ && $3 == c && $5 == "TruthVol" { print $6 }' "$1/scores.csv"
}
holds "lungs are as large" same_text "$(volume holes_1 lung_L)" "$(volume plain_run lung_L)"
holds "and the body" same_text "$(volume holes_1 background)" "$(volume plain_run background)"

# --- regions -------------------------------------------------------------------------------------
mkdir parts && cp -r plain/* parts
cat > parts/dataset.json << 'END'
{"labels": {"background": 0, "lungs": [1, 2, 3], "right": [2], "infection": 3},
 "regions_class_order": [1, 2, 3]}
END
sed 's/^data: plain/data: parts/; /^classes/d' plain.yaml > parts.yaml
refused "a loss of classes" 2 "dice_bce, batch_dice_bce" 1 run parts.yaml --out other
refused "a plan of it" 2 "dice_bce, batch_dice_bce" 1 plan parts.yaml
refused "preparing regions that cannot be told apart" 2 "both write label 1" 1 prep parts.yaml \
    --out other --set classes=background,lungs=1+2:1,right=2:1
sed -i 's/^train: {/train: {loss: batch_dice_bce, /' parts.yaml
succeeds "regions, one rank" 1 run parts.yaml --out parts_1
succeeds "regions, two ranks" 2 run parts.yaml --out parts_2 --set ranks_per_fold=2
holds "regions on one and two ranks alike" cmp <(trained parts_2) <(trained parts_1)
holds "regions are told" has parts_1/run.json "lungs=1+2+3:1,right=2:2,infection=3:3"
holds "the summary names them" has parts_1/summary.json '"(1, 2, 3)": {'
for c in lung_L lung_R infection; do volume plain_run $c; done |
    awk '{ s += $1 } END { printf "%.6f\n", s }' > wanted
volume parts_1 lungs | awk '{ printf "%.6f\n", $1 }' > written
holds "a region is all its labels" cmp wanted written
written=$(labels parts_1/fold_0/predictions/case_001.nii.gz)
holds "its labels are written" same_text "${written//[0123,]/}" ""
file=$(ls -d parts/case_* | head -n 1)
succeeds "predicts regions" 1 predict parts_1 --in "$file" --out regions --probabilities p \
    --uncertainty u
succeeds "a region of a label that no mask has, and of one that they have" 1 train parts.yaml \
    --out parts_4 --set train.epochs=1 \
    --set classes=background,lungs=1+2+3+9:1,right=2:2,rest=3+9:9,infection=3:3
holds "it is not absent" lacks err "no case has a voxel"
verdict
