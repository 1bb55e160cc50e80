#!/usr/bin/env bash
# e2e_lost.sh - a rank that is killed or hangs ends the job, with nothing left behind; it is named
# with its host, the fold and the step, first in a notice; finished folds stay, and the run goes on
# to the same bits. Wants PLEAT, the program, and PLEAT_TEST_BIN, where libfaults.so is.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
no_preloads && exit 77
export PLEAT_COMM_TIMEOUT=3 PLEAT_COMM_NOTICE=1

# Both ranks share a fold. Patches are read from disk, so that a rank can be held between two steps.
keys=(--set folds.k=2 --set ranks_per_fold=2 --set train.epochs=4 --set train.iterations=20
    --set patch=4x4x4 --set network.filters=2 --set threads=1 --set host_memory=0)
host=$(uname -n)

# begins RUN RANK: in the background, until that rank reads a patch in the training of fold 1, where
# it waits; its id to $run, its ranks to $ids.
begins() {
    FAIL_RANK=$2 held read /store/cases/ "$at" 2 run tiny.yaml --out "$1" "${keys[@]}"
    mapfile -t ids < <(ranks)
}
number_of() { tr '\0' '\n' < "/proc/$1/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p'; }
# of_rank N: its process id
of_rank() {
    local id
    for id in "${ids[@]}"; do [ "$(number_of "$id")" != "$1" ] || echo "$id"; done
}
# ends SECONDS: the run's exit code to $code; 124 when it does not end.
ends() {
    code=124
    waits "$1" eval '! kill -0 $run 2> /dev/null' || return
    wait "$run"
    code=$?
}
goes_on() {
    job 2 run tiny.yaml --out "$1" "${keys[@]}"
    holds "$1 again: exit code $code" [ "$code" -eq 0 ]
    holds "$1: fold 0 was safe" has err "fold=0 is finished, skipped"
    holds "$1: is as if nothing had happened" same_run whole "$1"
}

tiny_data data 4 1
FAIL_RANK=0 FAIL_CALL=read FAIL_NAME=/store/cases/ FAIL_COUNT=$box/reads \
    LD_PRELOAD=$PLEAT_TEST_BIN/libfaults.so job 2 run tiny.yaml --out whole "${keys[@]}"
holds "whole: exit code $code" [ "$code" -eq 0 ]
at=$(($(cat reads) * 11 / 20))
[ "$bad" -eq 0 ] || verdict

# --- all are stopped for longer than the limit, and go on: none is lost ---------------------------
begins asleep 0
kill -STOP "${ids[@]}"
sleep 5
kill -CONT "${ids[@]}"
release
ends 120
holds "a job that slept: exit code $code" [ "$code" -eq 0 ]
holds "it is as if nothing had happened" same_run whole asleep

for lost in 0 1; do
    other=$((1 - lost))
    place="fold 1 epoch [0-9]+/4 (step [0-9]+|validation, checkpoint): .*"
    log=log/rank-000$other.log

    # --- one that hangs; in a checkpoint it may take ten times as long --------------------------
    begins hung_$lost $lost
    kill -STOP "$(of_rank $lost)"
    ends 90
    holds "rank $lost hangs: exit code $code" [ "$code" -eq 5 ]
    holds "rank $lost hangs: a notice says so" \
        grep -qE "${place}still waiting for rank $lost \(host $host\)" hung_$lost/$log
    holds "rank $lost hangs: one message names it" same_text 1 "$(grep -cE \
        "^pleat: rank $other \(host $host\): ${place}waited .* for rank $lost \(host $host\)" err)"
    holds "rank $lost hangs: nothing is left behind" waits 60 eval '[ -z "$(ranks)" ]'
    goes_on hung_$lost

    # --- one that is killed ---------------------------------------------------------------------
    begins killed_$lost $lost
    kill -9 "$(of_rank $lost)"
    ends 30
    holds "rank $lost is killed: exit code $code" [ "$code" -eq 137 ]
    holds "rank $lost is killed: the other says so" \
        grep -qE "${place}still waiting for rank $lost \(host $host\)" \
        killed_$lost/$log
    holds "rank $lost is killed: nothing is left behind" waits 60 eval '[ -z "$(ranks)" ]'
    goes_on killed_$lost
done
verdict
