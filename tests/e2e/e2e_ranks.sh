#!/usr/bin/env bash
# e2e_ranks.sh - 20 steps of a run give the same losses on 1, 2, 3 and 4 ranks: the very same by
# folds, to 1e-4 by shards. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

# An epoch is one step, so that history.tsv shows each.
cat > steps.yaml << 'END'
data: data
store: store
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [12, 12, 14]}
folds: {k: 4}
patch: [8, 8, 8]
overlap: [0, 0, 0]
network: {depth: 2, filters: 4}
train: {epochs: 20, iterations: 1, batch: 12, validation: 5, lr: 0.003}
engine: ref
precision: f32
END

# alike A B: every number of two history.tsv, to 1e-4 of it; prints the greatest difference.
alike() {
    paste "$1" "$2" | awk -F '\t' '
        NR > 1 {
            for (i = 1; i <= 10; i++) {
                difference = $i - $(i + 10)
                if (difference < 0) difference = -difference
                size = $i < 0 ? -$i : $i
                if (difference > 1e-4 * size) {
                    print "epoch " $1 ": " $i " and " $(i + 10)
                    bad = 1
                }
                if (size > 0 && difference / size > most) most = difference / size
            }
        }
        END {
            if (NR != 21 || NF != 20) { print NR " lines, " NF " columns"; bad = 1 }
            if (!bad) printf "greatest relative difference %.1e\n", most
            exit bad
        }'
}

tiny_data data 4 1
succeeds "1 rank" 1 train steps.yaml --out folds_1 || verdict
for n in 2 3 4; do
    succeeds "$n ranks by folds" "$n" train steps.yaml --out folds_$n --set ranks_per_fold=1
    for fold in 0 1 2 3; do
        holds "$n ranks by folds: fold $fold" \
            cmp folds_1/fold_$fold/history.tsv folds_$n/fold_$fold/history.tsv
    done
    succeeds "$n ranks by shards" "$n" train steps.yaml --out shards_$n --fold 0 \
        --set ranks_per_fold=$n
    printf '%s ranks by shards: ' $n
    holds "$n ranks by shards" alike folds_1/fold_0/history.tsv shards_$n/fold_0/history.tsv
done
# 2 groups of 2: folds and shards at once
succeeds "4 ranks, 2 per fold" 4 train steps.yaml --out both --set ranks_per_fold=2
for fold in 0 1 2 3; do
    printf 'fold %s on 2 of 4 ranks: ' $fold
    holds "4 ranks, 2 per fold: fold $fold" \
        alike folds_1/fold_$fold/history.tsv both/fold_$fold/history.tsv
done

# Ranks that were started otherwise than rank 0 end the job: they would do other work, or wait.
sed 's/epochs: 20/epochs: 1/' steps.yaml > other.yaml
# apart ARGUMENT...: what the second of two ranks is started with.
apart() {
    timeout 60 "$mpiexec" -n 1 "$pleat" train steps.yaml --out apart --fold 0 : \
        -n 1 "$pleat" "$@" > out 2> err < /dev/null
    code=$?
    holds "$*: exit code $code" [ $code -eq 2 ]
    holds "$*: one message" same_text 1 "$(grep -c '^pleat: ' err)"
    holds "$*: it names the rank" has err "rank 1 (host $(uname -n)) was started by '$pleat $*'"
    holds "$*: and rank 0" has err "rank 0 by '$pleat train steps.yaml --out apart --fold 0'"
    holds "$*: nothing has begun" [ ! -e apart ]
}
apart train other.yaml --out apart --fold 0
apart train steps.yaml --out apart --fold 1
apart run steps.yaml --out apart --fold 0
verdict
