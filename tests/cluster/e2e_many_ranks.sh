#!/usr/bin/env bash
# e2e_many_ranks.sh - 64 ranks on whatever cores there are: start, queue, end and report, with more
# folds than ranks; every number is that of 2 ranks. Wants PLEAT, the program, and PLEAT_TEST_BIN.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

ranks=64 folds=80
cat > many.yaml << 'END_OF_YAML'
data: data
store: store
classes: [background, a, b]
folds: {k: 2, repeats: 40}
patch: [8, 8, 8]
overlap: [0, 0, 0]
network: {depth: 1, filters: 2}
train: {epochs: 2, iterations: 2, batch: 2, validation: 1, lr: 0.01}
engine: ref
precision: f32
threads: 1
report: {figures: false, pictures: 0}
END_OF_YAML

# numbers RUN: what it ends with.
numbers() {
    local file
    for file in "$1"/fold_*/{history.tsv,logs.csv,scores.csv} "$1"/cv_results.*.csv \
        "$1"/{scores,statistics}.csv; do
        printf '%s %s\n' "${file#"$1"/}" "$(cksum < "$file")"
    done
    for file in "$1"/fold_*/predictions/*.nii.gz; do
        printf '%s %s\n' "${file#"$1"/}" "$(voxels "$file")"
    done
}

"$PLEAT_TEST_BIN/many_cases" data 6 || wrong "many_cases"
succeeds "2 ranks" 2 run many.yaml --out few
succeeds "$ranks ranks" "$ranks" run many.yaml --out many
numbers few > few.txt
numbers many > many.txt
holds "all numbers are there" [ "$(wc -l < few.txt)" -eq $((folds * 3 + 40 * 6 + 4)) ]
holds "$ranks ranks: the numbers of 2" cmp few.txt many.txt
holds "each rank has a log" [ "$(find many/log -name 'rank-*.log' | wc -l)" -eq "$ranks" ]
trained=$(grep -lE 'fold=[0-9]+ trained' many/log/*.log | wc -l)
holds "all ranks trained: $trained" [ "$trained" -eq "$ranks" ]
verdict
