#!/usr/bin/env bash
# e2e_resume.sh - a run that is ended or killed goes on inside its unfinished fold and comes to the
# same numbers, bit for bit, as one that was not; so does one whose newest checkpoint is damaged.
# Wants PLEAT, the program, and PLEAT_TEST_BIN, where libfaults.so is.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
no_preloads && exit 77

# Both ranks share a fold, so that fold 0 is finished when fold 1 is interrupted.
cat >> tiny.yaml << 'END'
ranks_per_fold: 2
END
keys=() # this engine's
arguments() { # arguments RUN
    echo run tiny.yaml --out "$1" --set folds.k=2 --set train.epochs=6 --set train.iterations=6 \
        --set train.batch=4 --set train.average=0.9 \
        --set train.amsgrad=true "${keys[@]}"
}
# shellcheck disable=SC2046 # a list of arguments
run() { job 2 $(arguments "$1"); }

epochs() { [ -e "$1" ] && sed 1d "$1" | wc -l || echo 0; } # epochs HISTORY: how many it has

# interrupted RUN N SIGNAL: starts the run and ends it as it writes its N-th history of fold 1.
interrupted() {
    local out=$1 what="$1 by SIG$3" ids
    # shellcheck disable=SC2046 # a list of arguments
    held rename fold_1/history.tsv "$2" 2 $(arguments "$out")
    mapfile -t ids < <(ranks)
    [ "$3" = TERM ] || ids+=("$run")
    kill -"$3" "${ids[@]}"
    sleep 0.2
    release
    wait "$run" 2> /dev/null
    holds "$what: all have left" waits 60 eval '[ -z "$(ranks)" ]'
    holds "$what: fold 1 is not finished" [ ! -e "$out/fold_1/scores.json" ]
}

# goes_on RUN: starts it again, to its end.
goes_on() {
    local before
    before=$(epochs "$1/fold_1/history.tsv")
    run "$1"
    holds "$1: exit code $code" [ "$code" -eq 0 ]
    holds "$1: fold 0 is skipped" has err "fold=0 is finished, skipped"
    holds "$1: goes on inside fold 1" grep -qE "fold=1 resumes after epoch [1-9]" err
    holds "$1: is as if nothing had happened" same_run whole "$1"
    holds "$1: does not begin anew" lacks err "fold=1 epoch=1/"
    holds "$1: had done something" [ "$before" -ge 2 ]
}

tiny_data data 4 1
for engine in ref onednn; do
    keys=(--set "engine=$engine")
    rm -rf whole often damaged cut
    run whole
    if [ "$code" -eq 2 ] && has err "'onednn'"; then
        echo "no onednn here"
        continue
    fi
    holds "$engine: exit code $code" [ "$code" -eq 0 ]
    [ "$bad" -eq 0 ] || verdict

    interrupted often 2 TERM
    interrupted often 2 KILL
    cp -a often damaged
    cp -a often cut
    goes_on often

    damage damaged/fold_1/checkpoint_latest.h5
    goes_on damaged
    holds "says that a checkpoint is damaged" grep -q "checkpoint.*damaged" err
    holds "it is set aside" [ -s damaged/fold_1/checkpoint_latest.h5.damaged ]

    : > cut/fold_1/checkpoint_latest.h5
    damage cut/fold_1/checkpoint_latest.h5.previous
    run cut
    holds "no whole checkpoint: exit code $code" [ "$code" -eq 3 ]
    holds "one message" [ "$(grep -c '^pleat: ' err)" -eq 1 ]
    holds "names the file" grep -q '^pleat: .*cut/fold_1/checkpoint_latest\.h5' err
done
verdict
