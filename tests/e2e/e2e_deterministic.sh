#!/usr/bin/env bash
# e2e_deterministic.sh - with `deterministic: true` a run has the same bits, from its store to its
# predictions, for any number of ranks per fold, of groups and of threads, and when it is
# interrupted and goes on with others. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

cat > bits.yaml << 'END'
data: data
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [12, 12, 14]}
folds: {k: 2}
patch: [16, 16, 8]
overlap: [8, 8, 4]
network: {depth: 1, filters: 5}
train: {epochs: 2, iterations: 3, batch: 4, validation: 3, oversample: 0.5, lr: 0.01}
augment: {elastic: {p: 0.5}, rotation: {p: 0.5}, scale: {p: 0.5}, noise: {p: 0.5}, gamma: {p: 0.5}}
deterministic: true
report: {figures: false, pictures: 0}
END

# bits RUN: every number that the run has made, as text.
bits() {
    local file
    "$pleat" info "$1/store" | awk '/^ *case_/ { print $1, $NF }'
    for file in "$1"/fold_?/checkpoint_{latest,best}.h5; do
        echo "${file#*/}"
        "$pleat" info "$file" | grep digest
    done
    for file in "$1"/fold_?/predictions/*.nii.gz; do
        echo "${file#*/} $(voxels "$file")"
    done
    cat "$1"/fold_?/{history.tsv,logs.csv,scores.csv} "$1"/cv_results.{detailed,final}.csv
}

# trains NAME RANKS KEY=VALUE...
trains() {
    local name=$1 n=$2 key keys=()
    shift 2
    for key in "$@"; do keys+=(--set "$key"); done
    succeeds "$name" "$n" run bits.yaml --out "$name" "${engine[@]}" "${keys[@]}" || verdict
    bits "$name" > "$name.bits"
    [ "$(grep -c digest "$name.bits")" -eq 16 ] || wrong "$name: not all digests"
    [ "$(wc -l < "$name.bits")" -ge 50 ] || wrong "$name: not all numbers"
}

same_bits() { # same_bits NAME: as those of `one`
    cmp -s one.bits "$1.bits" || {
        diff one.bits "$1.bits" | head -n 6
        wrong "$1 has other bits than one rank on one thread"
    }
}

tiny_data data 4 1
for spoken in "onednn f32" "onednn bf16" "ref f32"; do
    engine=(--set "engine=${spoken% *}" --set "precision=${spoken#* }")
    job 1 bench step --engine "${spoken% *}" --patch 4x4x4 --depth 1 --filters 2 --steps 1
    if [ "$code" -eq 2 ] && has err "'onednn'"; then
        echo "$spoken: not in this build"
        continue
    fi
    rm -rf one* two* four* groups* threads*
    trains one 0 threads=1 loader_threads=1
    holds "the log says so" has one/log/rank-0000.log "deterministic: the same bits on any number"
    holds "the record says so" has one/run.json '"deterministic": true'
    OMP_NUM_THREADS=3 trains threads 0 threads=2 loader_threads=3 predict.batch=3 host_memory=0
    same_bits threads
    trains two 2 ranks_per_fold=2
    same_bits two
    trains four 4 ranks_per_fold=4 threads=1
    same_bits four
    trains groups 4 ranks_per_fold=2 threads=1
    same_bits groups
done

# --- interrupted within an epoch on 2 ranks, gone on with on 1 and on 4 ---------------------------
no_preloads && verdict
engine=(--set train.iterations=20 --set train.epochs=2 --set patch=8x8x8 --set overlap=0x0x0)
rm -rf one* two*
trains one 1
held rename fold_0/history.tsv 1 2 run bits.yaml --out cut "${engine[@]}" --set ranks_per_fold=2
kill -USR1 "$run"
sleep 0.2
release
wait "$run"
holds "told to leave: exit code $?" grep -qE 'epoch=[0-9]+ step [1-9][0-9]* of 20' err
cp -r cut cut_four
trains cut 1
holds "it goes on within an epoch" grep -qE 'resumes after epoch [0-9]+, step [1-9]' err
same_bits cut
trains cut_four 4 ranks_per_fold=4 threads=1
same_bits cut_four

# --- what is refused, and that the comparison can tell bits apart ---------------------------------
refused "another value than the run's" 2 "deterministic was " \
    1 run bits.yaml --out cut "${engine[@]}" --set deterministic=false
refused "statistics of each rank" 2 "network.norm_sync: true" \
    1 run bits.yaml --out other "${engine[@]}" --set network.norm_sync=false
engine=(--set deterministic=false)
trains plain_one 1
trains plain_two 2 ranks_per_fold=2
holds "without the key two ranks have other bits" eval '! cmp -s plain_one.bits plain_two.bits'
verdict
