#!/usr/bin/env bash
# e2e_channels.sh - images of two channels: every layout gives the same store, both channels find
# more infection than the first alone, and a model wants the channels it was trained on. Wants
# PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
export OMP_NUM_THREADS=2
cat > both.yaml << 'END'
data: both
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [10, 10, 12], clip: [[-1250, 250], none], grayscale: [true, false]}
folds: {k: 2}
patch: [32, 24, 16]
overlap: [8, 8, 4]
network: {depth: 2, filters: 8, norm_momentum: 0.9}
train: {epochs: 8, iterations: 15, batch: 2, lr: 0.005}
deterministic: true
precision: f32
END
sed 's/data: both/data: first/; s/\[\[-1250, 250\], none\]/[-1250, 250]/; s/\[true, false\]/true/' \
    both.yaml > first.yaml

# int16 FILE OFFSET VALUE: sets a small number of a header, low byte first.
int16() { printf "\\x$(printf %02x "$3")\\x00" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> err; }

# joined OUT A B: two volumes as one file of two channels, dim[0] = 4 and dim[4] = 2.
joined() {
    gzip -dc "$2" > joined.nii
    gzip -dc "$3" | tail -c +353 >> joined.nii
    int16 joined.nii 40 4
    int16 joined.nii 48 2
    gzip -1c joined.nii > "$1"
}

# digests STORE: a line a case.
digests() { "$pleat" info "$1" | awk '$1 ~ /^case_/ { print $1, $NF }'; }

# infection: the mean Dice of the class over all cases, in thousandths, of what a run printed.
infection() { awk '$1 == "mean" { printf "%d", 1000 * $6 }' out; }

# --- one data set in four layouts ----------------------------------------------------------------
"$pleat" -q phantom both --cases 8 --seed 3 --channels 2 > out 2> err || wrong "phantom"
mkdir -p nnunet/imagesTr nnunet/labelsTr msd/imagesTr msd/labelsTr
for case in both/*; do
    id=${case#both/} a=$case/imaging_0000.nii.gz b=$case/imaging_0001.nii.gz
    mkdir -p "first/$id" "miscnn/$id"
    cp "$a" "first/$id/imaging.nii.gz"
    cp "$case/segmentation.nii.gz" "first/$id" && cp "$case/segmentation.nii.gz" "miscnn/$id"
    for labels in nnunet/labelsTr msd/labelsTr; do
        cp "$case/segmentation.nii.gz" "$labels/$id.nii.gz"
    done
    cp "$a" "nnunet/imagesTr/${id}_0000.nii.gz" && cp "$b" "nnunet/imagesTr/${id}_0001.nii.gz"
    joined "miscnn/$id/imaging.nii.gz" "$a" "$b"
    cp "miscnn/$id/imaging.nii.gz" "msd/imagesTr/$id.nii.gz"
done
echo '{"channel_names": {"0": "CT", "1": "PET"}}' > nnunet/dataset.json
for data in both nnunet msd miscnn; do
    succeeds "prep $data" 0 prep both.yaml --set "data=$data" --out "store_$data"
done
holds "eight cases" same_text "$(digests store_both | wc -l)" 8
for data in nnunet msd miscnn; do
    holds "$data gives the same voxels" same_text "$(digests "store_$data")" "$(digests store_both)"
done
"$pleat" -q phantom plain --cases 8 --seed 3 > out 2> err || wrong "phantom of one channel"
for id in case_001 case_003; do
    holds "channel 0 of $id is the phantom of one" cmp "plain/$id/imaging.nii.gz" \
        "first/$id/imaging.nii.gz"
done

# --- what is shown of them -----------------------------------------------------------------------
for what in nnunet msd store_both store_both/cases/case_001.h5 msd/imagesTr/case_001.nii.gz; do
    succeeds "info $what" 0 info "$what"
    holds "info $what: two channels" grep -qE '^channels +2$' out
done
succeeds "info nnunet" 0 info nnunet --json
holds "channel names" has out '"channel_names": "CT,PET"'
succeeds "augment" 0 augment --store store_both --case case_001 --samples 2 --out patches \
    --patch 16x16x8
succeeds "info of a patch" 0 info patches/case_001_001_image.nii.gz
holds "a patch has two channels" grep -qE '^channels +2$' out
succeeds "plan" 0 plan both.yaml --steps 1
succeeds "bench step" 0 bench step --channels 3 --patch 16x16x8 --depth 1 --filters 2 --steps 1 \
    --engine ref --json
holds "bench tells its channels" has out '"channels": 3'
for patches in crops augmented; do
    succeeds "bench step of $patches" 0 bench step --channels 2 --patch 16x16x8 --depth 1 \
        --filters 2 --steps 1 --warmup 0 --engine ref --patches "$patches"
done

# --- what does not fit ---------------------------------------------------------------------------
refused "three steps for two channels" 2 "preprocess.clip has 3 values, the images have 2" 0 \
    prep both.yaml --out bad --set "preprocess.clip=none;0,1;none"
mkdir uneven && cp -r both/case_001 both/case_002 uneven && rm uneven/case_002/imaging_0001.nii.gz
refused "a missing channel" 3 "case 'case_002' has no channel 1" 0 prep both.yaml --out bad \
    --set data=uneven
cp -r first/case_002 mixed_case && mkdir mixed && cp -r miscnn/case_001 mixed &&
    mv mixed_case mixed/case_002
refused "other channels in one file" 3 "case 'case_002' has 1 channel, " 0 prep both.yaml \
    --out bad --set data=mixed
mkdir moved && cp -r both/case_001 moved && cp both/case_002/imaging_0001.nii.gz moved/case_001
refused "channels on two grids" 3 "moved/case_001/imaging_0001.nii.gz" 0 prep both.yaml --out bad \
    --set data=moved

cp -r nnunet short_of_one && rm short_of_one/imagesTr/*_0001.nii.gz
refused "one channel, two names" 3 "case 'case_001' has 1 channel, 'short_of_one/imagesTr/case_0" \
    0 prep both.yaml --out bad --set data=short_of_one
cp -r msd three_names && echo '{"modality": {"0": "CT", "1": "PET", "2": "MR"}}' \
    > three_names/dataset.json
refused "two channels in one file, three names" 3 "three_names/dataset.json' names 3" 0 \
    prep both.yaml --out bad --set data=three_names
echo '{"modality": {"0": "CT", "1": "PET"}}' > three_names/dataset.json
succeeds "two channels in one file, two names" 0 prep both.yaml --out store_named \
    --set data=three_names

# --- in memory, and read box by box --------------------------------------------------------------
# weights RUN: what fold 0 has learnt.
weights() { "$pleat" info "$1/fold_0/checkpoint_latest.h5" | grep '^weights digest'; }
short=(--fold 0 --set train.epochs=1 --set train.iterations=3 --set store=store_both)
succeeds "train from memory" 2 train both.yaml --out resident "${short[@]}"
succeeds "train from the store" 2 train both.yaml --out streamed "${short[@]}" --set host_memory=0
holds "patches are streamed" has err "patches are streamed from the store"
holds "both learn the same" same_text "$(weights streamed)" "$(weights resident)"

# --- what the second channel is worth ------------------------------------------------------------
succeeds "run with both" 0 run both.yaml --out run_both
both=$(infection)
succeeds "run with the first" 0 run first.yaml --out run_first
first=$(infection)
holds "infection: $both with both channels, $first with the first" [ "$both" -gt $((first + 100)) ]
model=run_both/fold_0/checkpoint_best.h5
succeeds "info of the model" 0 info "$model"
holds "the model knows its channels" grep -qE '^network .* channels=2$' out
for data in nnunet msd; do
    succeeds "predict $data" 0 predict "$model" --in "$data/imagesTr" --out "of_$data"
done
holds "layouts predict alike" cmp of_nnunet/case_001.nii.gz of_msd/case_001.nii.gz
refused "predict one channel" 3 "1 of 1 volumes not labelled" 0 predict "$model" \
    --in first/case_001 --out of_first
holds "it has one channel" has err \
    "'case_001' has 1 channel, the model was trained on 2: 'first/case_001/imaging.nii.gz'"
refused "predict two channels" 3 "1 of 1 volumes not labelled" 0 \
    predict run_first/fold_0/checkpoint_best.h5 --in both/case_001 --out of_both
holds "it has two channels" has err \
    "the model was trained on 1: 'both/case_001/imaging_0000.nii.gz' and so on"

# --- models know channels by their order ---------------------------------------------------------
succeeds "train on named channels" 0 train both.yaml --out named "${short[@]}" --set data=nnunet
succeeds "predict the same" 0 predict named --in nnunet/imagesTr --out of_named
holds "nothing to tell" lacks err "know channels by their order"
cp nnunet/dataset.json described.json
echo '{"numTraining": 9, "channel_names": {"0": "CT", "1": "PET"}}' > nnunet/dataset.json
succeeds "predict the run's own folder" 0 predict named --in "$PWD/nnunet" --out of_named
holds "what is wrong with it is said" same_text "$(grep -c 'warning: .* numTraining 9' err)" 1
holds "and none is counted that is not" has err "$(grep -c 'warning: ' err) warnings above"
mv described.json nnunet/dataset.json
mkdir swapped && cp -r nnunet/imagesTr swapped/
echo '{"channel_names": {"0": "PET", "1": "CT"}}' > swapped/dataset.json
succeeds "predict another order" 0 predict named --in swapped/imagesTr --out of_swapped
holds "which is told" has err "the channels of 'swapped/imagesTr' are PET, CT by its dataset.json"

# --- a run is of one number of channels ----------------------------------------------------------
succeeds "a run goes on with its data moved" 0 run both.yaml --out run_both --set data=nnunet
rm -r run_both/fold_0 run_first/fold_0
refused "a run of two goes on with one" 3 \
    "'run_both/run.json' is of images of 2 channels, 'first' has 1" 0 run both.yaml \
    --out run_both --set data=first
holds "nothing was begun" [ ! -e run_both/fold_0 ]
# as before there were more than one, and checksums
sed -i '/"channels"/d; s|pleat/run/2|pleat/run/1|' run_first/run.json
sed -i '$!N; s/,\n *"checksum".*//; P; D' run_first/run.json # the last key, and the comma before it
refused "an old run goes on with two" 3 \
    "'run_first/run.json' is of images of 1 channel, 'both' has 2" 0 run first.yaml \
    --out run_first --set data=both
succeeds "the report of an old run" 0 report run_first
succeeds "info of an old run" 0 info run_first
holds "its channels" grep -qE '^channels +1$' out
verdict
