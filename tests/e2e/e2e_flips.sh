#!/usr/bin/env bash
# e2e_flips.sh - no file of a run is believed because it is there: whatever byte of it is changed,
# a report and a run that goes on come to the right numbers, or refuse with the file's name.
# Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

flip() { # flip FILE AT: bit 0 of that byte, which makes another digit of a digit
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the byte itself
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}

fallback="fold=1 resumed from the checkpoint before its last"
# Of a report, but for the run's command, its name in paths, and a list of warnings that holds
# nothing but the fallback.
numbers() {
    cat "$1"/cv_results.{detailed,final}.csv "$1"/figures/*.gp
    sed '/"command"/d; s|"flipped/|"run/|
        /"warnings": \[$/{N; N; /\n *"'"$fallback"'[^\n]*\n *\],$/d}' "$1/summary.json"
}

# told_of_fallback: run.json, summary.json and the report say that the fold fell back; none does
# when it did not.
told_of_fallback() {
    local check=lacks file
    [ ! -e flipped/fold_1/fell_back.txt ] || check=has
    for file in flipped/run.json flipped/summary.json out; do
        $check $file "$fallback" || return 1
    done
}

# judged FILE: the last job refused it by name, or came to the right numbers; those of a checkpoint
# before the last too, which is told.
accepted=0 refused=0 fell_back=0
judged() {
    if [ "$code" -eq 0 ]; then
        accepted=$((accepted + 1))
        [ ! -e flipped/fold_1/fell_back.txt ] || fell_back=$((fell_back + 1))
        numbers flipped > got
        cmp -s got wanted && told_of_fallback
    else
        refused=$((refused + 1))
        [ "$code" -le 3 ] && [ "$(grep -c '^pleat: ' err)" -eq 1 ] &&
            grep '^pleat: ' err | grep -qF "${1##*/}"
    fi
}

# flips RUN TIMES FILE COMMAND...: of a copy of the run, FILE at places that are spread over it.
flips() {
    local run=$1 times=$2 file=$3 size i at
    shift 3
    size=$(stat -c %s "$run/$file")
    for ((i = 0; i < times; i++)); do
        rm -rf flipped
        cp -r "$run" flipped
        at=$(((2 * i + 1) * size / (2 * times)))
        flip "flipped/$file" "$at"
        job 0 "$@"
        judged "$file" || wrong "$1: byte $at of $file: exit code $code"
    done
}

tiny_data data 3 1
sed -i 's/k: 3/k: 2/' tiny.yaml
succeeds "a run" 0 run tiny.yaml --out run
numbers run > wanted
holds "the run has no warnings" lacks wanted '"warnings"'
cp -r run bare # what a report reads
rm -r bare/store
cp -r run unfinished
rm unfinished/fold_1/scores.json

for file in run.json splits_final.json fold_0/scores.json fold_1/history.tsv config.yaml; do
    flips bare 12 "$file" report flipped
    flips bare 8 "$file" run tiny.yaml --out flipped
done
[ "$refused" -ge 80 ] || wrong "only $refused files that were changed are refused"
for file in fold_1/checkpoint_{latest,best}.h5 store/cases/case_001.h5 store/index.h5; do
    flips unfinished 8 "$file" run tiny.yaml --out flipped
done
[ "$fell_back" -ge 4 ] || wrong "only $fell_back changed checkpoints are passed over"
echo "$refused refused, $accepted of the right numbers, $fell_back of them by a fallback"

# --- not a byte, but a thought -------------------------------------------------------------------
edit() { # edit FILE SED: a fresh copy of the run, so changed
    rm -rf flipped
    cp -r run flipped
    sed -i "$2" "flipped/$1"
}
edit run.json 's/lung_L,lung_R/lung_R,lung_L/'
refused "class names changed" 3 "'flipped/run.json' is not as it was written" 0 report flipped
edit run.json '$!N; s/,\n *"checksum".*//; P; D' # the last key, and the comma before it
holds "it has none" lacks flipped/run.json '"checksum"'
refused "the checksum taken out" 3 "'flipped/run.json' has lost its checksum" 0 report flipped
rm -rf flipped && cp -r run flipped
cp run/fold_0/scores.json flipped/fold_1/scores.json
refused "scores of another fold" 3 "holds the scores of fold 0, not of fold 1" 0 report flipped
rm -rf flipped && cp -r run flipped
mv flipped/fold_0 other && mv flipped/fold_1 flipped/fold_0 && mv other flipped/fold_1
refused "two folds exchanged" 3 "holds the scores of fold 1, not of fold 0" 0 run tiny.yaml \
    --out flipped

# The cases that the folds hold out, exchanged after the training: by run.json, and without it.
first=$(sed -n '/"val"/{n;s/[^"]*"\([^"]*\)".*/\1/p;q}' run/splits_final.json)
for file in data/case_*; do
    other=${file#data/}
    tr -d ' \n' < run/splits_final.json | grep -q "\"val\":\[[^]]*\"$other\"[^]]*\]},{" || break
done
edit splits_final.json "s/$first/@/; s/$other/$first/; s/@/$other/"
holds "the splits differ" eval '! cmp -s run/splits_final.json flipped/splits_final.json'
rm flipped/fold_?/scores.json
refused "splits exchanged" 3 "splits_final.json' are not those that the run has begun with" 0 \
    run tiny.yaml --out flipped
rm flipped/run.json
refused "and run.json taken away" 3 "splits_final.json' says" 0 run tiny.yaml --out flipped
holds "the case is named" grep -qE "^pleat: .*case '($first|$other)'" err
edit splits_final.json "s/$first/@/; s/$other/$first/; s/@/$other/"
refused "its report" 3 "splits_final.json' does not say so" 0 report flipped

# A model of other cases in the place of the fold's own.
rm -rf flipped && cp -r unfinished flipped
cp run/fold_0/checkpoint_best.h5 flipped/fold_1/
refused "the model of another fold" 3 "'flipped/fold_1/checkpoint_best.h5' was made when case" 0 \
    run tiny.yaml --out flipped

# The configuration edited in both places.
rm -rf flipped && cp -r unfinished flipped
sed -i 's/lr: 0.01/lr: 0.02/' flipped/config.yaml
sed 's/lr: 0.01/lr: 0.02/' tiny.yaml > other.yaml
refused "another configuration" 2 "'flipped/config.yaml' is not the configuration that the run" 0 \
    run other.yaml --out flipped
verdict


# --- what is lost is made again of what knows it, or named ----------------------------------------
lose() { # lose FILE: a fresh copy of the run, without it
    rm -rf flipped
    cp -r run flipped
    rm "flipped/$1"
}
lose config.yaml
succeeds "models without config.yaml" 0 predict flipped --in data --out labels
refused "another configuration" 2 "seed was 1, now 7" 0 run tiny.yaml --out flipped --set seed=7
again="warning: 'flipped/config.yaml' was missing and has been made again from run.json"
for verb in "run tiny.yaml --out" report; do
    lose config.yaml
    # shellcheck disable=SC2086 # words
    succeeds "$verb: config.yaml is lost" 0 $verb flipped
    holds "which is told" has err "$again"
    holds "it is the same" cmp run/config.yaml flipped/config.yaml
done
lose config.yaml
sed -i '/"configuration"/d; $!N; s/,\n *"checksum".*//; s|pleat/run/2|pleat/run/1|; P; D' \
    flipped/run.json
refused "nobody knows it" 3 "'flipped/config.yaml' is missing, and run.json has no whole copy" 0 \
    run tiny.yaml --out flipped
for verb in "run tiny.yaml --out" report; do
    lose fold_1/history.tsv
    # shellcheck disable=SC2086 # words
    succeeds "$verb: a history is lost" 0 $verb flipped
    holds "which is told" has err "warning: fold=1: 'flipped/fold_1/history.tsv' is missing"
    holds "its digest is kept" has flipped/run.json '"fold_1/history.tsv"'
done

verdict
