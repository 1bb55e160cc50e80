#!/usr/bin/env bash
# e2e_box.sh - slurm/box.sh starts a run again whose ranks are killed, as often as it may, and ends
# with the same bits; it does not when it is told to leave, nor after an error. Wants PLEAT, the
# program, and PLEAT_TEST_BIN, where libfaults.so is.
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lib/program.sh
. "$source/tests/lib/program.sh"
no_preloads && exit 77

keys=(--set folds.k=2 --set train.epochs=4 --set train.iterations=20 --set patch=4x4x4
    --set network.filters=2 --set threads=1)

# box RUN RESTARTS ARGUMENT...: in the background; its id to $run. Each start waits where both ranks
# write what their first epoch was, until `release`.
box() {
    local out=$1 n=$2
    shift 2
    : > err
    mkdir -p hold
    LD_PRELOAD=$PLEAT_TEST_BIN/libfaults.so FAIL_CALL=rename FAIL_NAME=/history.tsv FAIL_AT=1 \
        FAIL_HOLD=$box/hold bash "$source/slurm/box.sh" --restarts "$n" \
        "$mpiexec" -n 2 "$pleat" run tiny.yaml --out "$out" "${keys[@]}" "$@" \
        > out 2> err < /dev/null &
    run=$!
}
trains() { waits 90 eval '[ "$(ls hold | wc -l)" -eq 2 ]' && rm hold/*; }
ends() { # ends WHAT CODE
    wait "$run"
    code=$?
    [ "$code" -eq "$2" ] || wrong "$1: exit code $code, not $2"
    holds "$1: nothing is left behind" waits 60 eval '[ -z "$(ranks)" ]'
}

tiny_data data 4 1
job 2 run tiny.yaml --out whole "${keys[@]}"
holds "whole: exit code $code" [ "$code" -eq 0 ]
[ "$bad" -eq 0 ] || verdict

box killed 2
holds "the first start trains" trains
kill -9 "$(ranks | tail -1)"
holds "the second start trains" trains
kill -9 "$(ranks | head -1)"
release
ends "a rank is killed twice" 0
holds "it says so" same_text 2 "$(grep -c 'ranks were lost (exit code 137)' out)"
holds "as if nothing had happened" same_run whole killed

box left 0
holds "it trains" trains
kill -9 "$(ranks | tail -1)"
ends "no restart is left" 137

box told 5
holds "it trains" trains
kill -TERM "$run"
sleep 0.2
release
ends "told to leave" 85
holds "it was checkpointed" has err "pleat: SIGUSR1: the run is checkpointed in 'told'"

box wrong 5 --set train.batch=0
ends "an error that would come again" 2
holds "it is tried once" same_text 1 "$(grep -c '^pleat: ' err)"
verdict
