#!/usr/bin/env bash
# e2e_augment.sh - what pleat augment shows is what a training sees, and oversampling is a training
# of its own. Wants PLEAT, the program.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

# png FILE: its signature, then width and height.
png() { od -An -tx1 -N 8 "$1" | tr -d ' \n'; }
size_of() { od -An -tu1 -j 16 -N 8 "$1" | awk '{ print $3 * 256 + $4, $7 * 256 + $8 }'; }

tiny_data data 3 1
succeeds "prep" 1 prep tiny.yaml --out store
id=$(ls data | head -1)

succeeds "augment" 0 augment tiny.yaml --store store --case "$id" --samples 3 --out patches
holds "three patches, two volumes each, and a sheet" same_text "$(ls patches | wc -l)" 7
for file in "${id}_000_image" "${id}_002_label"; do
    holds "$file is a NIfTI volume" same_text \
        "$(gzip -dc "patches/$file.nii.gz" | od -An -tx1 -j 344 -N 3 | tr -d ' \n')" 6e2b31
done
holds "the sheet is a PNG" same_text "$(png "patches/$id.png")" 89504e470d0a1a0a
read -r width height <<< "$(size_of "patches/$id.png")"
holds "three tiles wide: $width" [ "$width" -gt 900 ]
holds "three rows high: $height" [ "$height" -gt 900 ]

cp -r patches first
succeeds "again" 0 augment tiny.yaml --store store --case "$id" --samples 3 --out patches
holds "the same draws make the same patches" diff -r first patches
succeeds "another seed" 0 augment tiny.yaml --store store --case "$id" --samples 3 --seed 8 \
    --out other
holds "another seed makes others" same_text \
    "$(cmp -s "first/$id.png" "other/$id.png" && echo same)" ""
succeeds "another size" 0 augment --store store --case "$id" --samples 1 --patch 12x10x6 \
    --set augment=off --out small
holds "x, y and z of the patch" same_text \
    "$(gzip -dc "small/${id}_000_label.nii.gz" | od -An -td2 -j 42 -N 6 | xargs)" "12 10 6"

swapped=background,lung_R,lung_L,infection
succeeds "the lungs swapped" 0 augment tiny.yaml --store store --case "$id" --samples 3 \
    --set "classes=$swapped" --out swapped
holds "each lung has a colour of its own on the sheet" same_text \
    "$(cmp -s "first/$id.png" "swapped/$id.png" && echo same)" ""

refused "no such case" 2 "$id" 0 augment --store store --case nobody --out patches
refused "no case at all" 2 "augment needs --case ID" 0 augment --store store --out patches
refused "no store" 3 index.h5 0 augment --store nowhere --case "$id" --out patches

# --- oversampling is a key of the run ------------------------------------------------------------
succeeds "train" 0 train tiny.yaml --set store=store --out run --fold 0 --set train.epochs=1
succeeds "train around the foreground" 0 train tiny.yaml --set store=store --out around --fold 0 \
    --set train.epochs=1 --set train.oversample=1
holds "the key is kept" has around/config.yaml "oversample: 1"
holds "other patches, another loss" same_text \
    "$(cmp -s run/fold_0/history.tsv around/fold_0/history.tsv && echo same)" ""
refused "a share above 1" 2 train.oversample 0 train tiny.yaml --out run --fold 0 \
    --set train.oversample=1.5

verdict
