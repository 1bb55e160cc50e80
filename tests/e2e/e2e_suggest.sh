#!/usr/bin/env bash
# e2e_suggest.sh - what pleat suggest prints is a configuration without an edit: of one channel and
# of two; run --suggest trains and predicts by it, and resumes by the same one. Wants PLEAT, the
# program.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/program.sh
. "$here/../lib/program.sh"
tiny_data data 3 1
"$pleat" -q phantom two --cases 2 --channels 2 > out 2> err || wrong "phantom two"

succeeds "suggest" 0 suggest data --steps 0
holds "one case has grey levels, so no clip is right for all" has out "clip: none"
holds "which is told on stderr" has err "warning: the values of some cases of 'data'"
cp out data.yaml
for line in "data: 'data'" 'k: 3' 'zscore: true' '# each case by itself' '# 100 % of the median'; do
    holds "says '$line'" has data.yaml "$line"
done
succeeds "it is a configuration" 0 config data.yaml
classes=background,lung_L,lung_R,infection
succeeds "of two channels" 0 suggest two --gpu-memory 4GB --set "classes=$classes" \
    --set data.affine=warn
holds "the affine" has out "data.affine: warn"
holds "their classes" has out "classes: 'background,lung_L,lung_R,infection'"
holds "their clips" grep -qE 'clip: \[\[-[0-9]+, -?[0-9]+\], none\]' out
cp out two.yaml
succeeds "that is a configuration" 0 config two.yaml
mkdir -p pairs/images pairs/masks
for case in 001 002 003; do
    cp "data/case_$case/imaging.nii.gz" "pairs/images/$case.nii.gz"
    cp "data/case_$case/segmentation.nii.gz" "pairs/masks/$case.nii.gz"
done
names=(--set 'data.image=images/{case}.nii.gz' --set 'data.label=masks/{case}.nii.gz')
succeeds "of files of other names" 0 suggest pairs --steps 0 "${names[@]}"
holds "their names are printed" has out "data.label: 'masks/{case}.nii.gz'"
cp out pairs.yaml
succeeds "and read" 0 config pairs.yaml
succeeds "of little time" 0 suggest data --hours 0.0001 --steps 1
holds "how much it takes is told" grep -q "warning: --hours 0.0001: .* 2000 take .* hours" err
mkdir patients
for case in 1_a 1_b 2_a 2_b; do cp -r "data/case_00${case%_?}" "patients/p$case"; done
succeeds "of two patients" 0 suggest patients --steps 0
holds "a fold each" grep -q "k: 2 .*each patient by itself" out
table() { # table COLUMN VALUE...: the four cases, with this column
    local column=$1 case
    shift
    echo "case,image,label,$column"
    for case in 1_a 1_b 2_a 2_b; do
        echo "$case,patients/p$case/imaging.nii.gz,patients/p$case/segmentation.nii.gz,$1"
        shift
    done
}
table group 1 1 2 2 > groups.csv
table fold 0 0 1 2 > folds.csv
succeeds "like nnU-Net" 0 suggest data --like nnunet-m
holds "its network" has out "name: resenc"

short=(--set train.epochs=1 --set train.iterations=1 --set train.batch=1 --set network.filters=2
    --set "preprocess.resample=[12, 12, 14]" --set "patch=[16, 16, 16]" --set "overlap=[0, 0, 0]")
succeeds "run" 2 run --suggest data --out run --fold 0 "${short[@]}"
holds "its length" grep -q 'hours for all folds' run/suggested.yaml
holds "z-score makes grey levels alike" same_text "$(grep -c 'set preprocess.gray' err)" 0
holds "scores" test -s run/fold_0/scores.json
succeeds "of other names" 2 run --suggest pairs --out named --fold 0 "${names[@]}" "${short[@]}"
succeeds "again" 0 run --suggest pairs --out named --fold 0 "${names[@]}" "${short[@]}"
succeeds "like nnU-Net" 0 run --suggest data --dry-run --like nnunet --gpu-memory 4G "${short[@]}"
refused "hours of a configuration" 2 "are for --suggest DATA" 0 run data.yaml --hours 1 --out x
succeeds "a table of two groups" 2 run --suggest groups.csv --out grouped --fold 1 "${short[@]}"
holds "has two folds" grep -q "k: 2 .*each group of the table by itself" grouped/suggested.yaml
succeeds "a table of three folds" 2 run --suggest folds.csv --out folded --fold 2 "${short[@]}"
holds "has them" grep -q "k: 3 .*those of the column fold" folded/suggested.yaml
before=$(cksum run/suggested.yaml)
succeeds "once more" 0 run --suggest data --out run --fold 1 "${short[@]}"
holds "by the same configuration" same_text "$(cksum run/suggested.yaml)" "$before"
ls -A run > before
succeeds "a dry run of it" 0 run --suggest data --out run --dry-run "${short[@]}"
succeeds "and of a run that is nowhere" 2 run --suggest data --dry-run "${short[@]}"
holds "says who trains what" has out "fold"
holds "nothing is written" same_text "$(ls -A run)" "$(cat before)"
refused "of other data" 2 "'run/suggested.yaml' is of 'data'" 0 run --suggest two --out run
refused "and a configuration" 2 "one argument too many: --suggest makes" 0 run data.yaml \
    --suggest data --out x
refused "hours" 2 "--hours x: must be a number" 0 suggest data --hours x
refused "data for a configuration" 2 "pleat run --suggest data --out" 0 run data --out x
refused "another key" 2 "give other keys to pleat run" 0 suggest data --set patch=16x16x16
refused "memory" 2 "--gpu-memory much: must be a size" 0 suggest data --gpu-memory much
refused "plan" 2 "must be one of nnunet, nnunet-m" 0 suggest data --like nn
refused "folder" 3 "none" 0 suggest none
printf 'no mask' > data/case_002/segmentation.nii.gz
refused "a damaged mask" 3 "pleat check data lists all" 0 suggest data
verdict
