#!/usr/bin/env bash
# e2e_halt.sh - a run that is told to leave saves within the epoch, all groups alike, with the right
# exit code, and ends with the same bits when it is started again. Wants PLEAT, the program, and
# PLEAT_TEST_BIN, where libfaults.so is.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
no_preloads && exit 77

keys=(--set folds.k=2 --set train.epochs=3 --set train.iterations=30 --set patch=4x4x4
    --set network.filters=2 --set threads=1)
train() { # train RANKS RUN ARGUMENT...
    local n=$1 out=$2
    shift 2
    job "$n" run tiny.yaml --out "$out" "${keys[@]}" "$@"
}

# begins RANKS RUN ARGUMENT...: in the background, until each group writes what the first epoch of
# its fold was; its id to $run. A halt that is asked for now comes to a step of the second.
begins() {
    local n=$1 out=$2
    shift 2
    resume="$pleat run tiny.yaml --out $out ${keys[*]}"
    [ "$n" -eq 0 ] || resume="$mpiexec -n $n $resume"
    held rename /history.tsv 1 "$n" run tiny.yaml --out "$out" "${keys[@]}" "$@"
}
goes_off() { # what was asked for arrives, the run goes on
    sleep 0.2
    release
    wait "$run"
}

# leaves WHAT CODE TEXT: the background run ends so, with one message that has TEXT.
leaves() {
    goes_off
    code=$?
    [ "$code" -eq "$2" ] || wrong "$1: exit code $code, not $2"
    [ "$(grep -c '^pleat: ' err)" -eq 1 ] || wrong "$1: not one message"
    grep '^pleat: ' err | grep -qF -- "$3" || wrong "$1: the message does not say '$3'"
    holds "$1: the message says how to resume" has <(grep '^pleat: ' err) \
        "; to resume, repeat the command: $resume"
    holds "$1: nothing is left behind" same_text "$(ranks)" ""
}

in_epoch() { grep -qE "fold=$1 epoch=[0-9]+ step [1-9][0-9]* of 300?: checkpointed \(" "$2"; }

# goes_on RANKS RUN REFERENCE: to its end, as if nothing had happened.
goes_on() {
    train "$1" "$2"
    holds "$2 again: exit code $code" [ "$code" -eq 0 ]
    holds "$2 goes on within an epoch" grep -qE 'resumes after epoch [0-9]+, step [1-9]' err
    holds "$2 is as if nothing had happened" same_run "$3" "$2"
}

tiny_data data 4 1
train 2 whole
holds "whole: exit code $code" [ "$code" -eq 0 ]
[ "$bad" -eq 0 ] || verdict

# --- two groups, one fold each -------------------------------------------------------------------
holders=2
begins 2 usr1
kill -USR1 "$run"
leaves "SIGUSR1 to mpirun" 85 "SIGUSR1: the run is checkpointed in 'usr1'"
holds "fold 0 is saved" in_epoch 0 usr1/log/rank-0000.log
holds "fold 1 is saved" in_epoch 1 usr1/log/rank-0001.log
goes_on 2 usr1 whole

begins 2 one
kill -USR1 "$(ranks | tail -1)"
leaves "SIGUSR1 to one rank" 85 "SIGUSR1"
holds "the other group is saved too" in_epoch 0 one/log/rank-0000.log
holds "and the first" in_epoch 1 one/log/rank-0001.log
goes_on 2 one whole

# mpirun: SIGCONT at once, SIGTERM and then SIGKILL each about so many seconds later, else 1
OMPI_MCA_odls_base_sigkill_timeout=4 begins 2 term
kill -TERM "$run"
sleep 5 # both have come
release
wait "$run"
holds "SIGTERM to mpirun: all leave" waits 60 eval '[ -z "$(ranks)" ]'
holds "it was saved within the epoch" in_epoch 0 term/log/rank-0000.log
goes_on 2 term whole

begins 2 stop
touch stop/STOP
goes_off
code=$?
holds "STOP: exit code $code" [ "$code" -eq 0 ]
holds "STOP: says so" grep -qE "fold=0 ends after epoch [12]" err
holds "STOP: nothing is scored" [ ! -e stop/fold_0/scores.json ]
train 2 stop
holds "STOP is forgotten: exit code $code" [ "$code" -eq 0 ]
holds "after STOP: as if nothing had happened" same_run whole stop

# --- two ranks of one fold -----------------------------------------------------------------------
holders=1
keys+=(--set ranks_per_fold=2 --set train.iterations=300) # time to ask more than once
start=$SECONDS
train 2 pair
holds "pair: exit code $code" [ "$code" -eq 0 ]
took=$((SECONDS - start + 2)) # so long that it comes to the end of an epoch
begins 2 limit --max-time $took
sleep $took
leaves "--max-time" 85 "--max-time: the run is checkpointed in 'limit'"
goes_on 2 limit pair
begins 2 often
conts() { grep -c 'checkpointed (SIGCONT). Training continues; .* resumes it here' err; }
for saved in 1 2 3; do
    kill -CONT "$(ranks | head -1)"
    release
    holds "SIGCONT saves" waits 60 eval '[ "$(conts)" -ge $saved ]'
done
kill -USR1 "$(ranks | tail -1)"
leaves "SIGCONT, then SIGUSR1" 85 "SIGUSR1"
goes_on 2 often pair

# --- one process ---------------------------------------------------------------------------------
keys+=(--set ranks_per_fold=1 --set train.iterations=30)
begins 0 int
kill -INT "$run"
leaves "SIGINT" 130 "SIGINT: the run is checkpointed in 'int'"
holds "SIGINT is answered" has err "SIGINT: stopping after this step; press again to stop now"
for signal in HUP USR2 TERM; do
    begins 0 twice-$signal
    kill -$signal "$run"
    kill -$signal "$run" # a terminal, a batch system may send it to the process and to its group
    leaves "SIG$signal twice at once" 85 "SIG$signal: the run is checkpointed in 'twice-$signal'"
    holds "SIG$signal: saved within the epoch" in_epoch 0 twice-$signal/log/rank-0000.log
done
# A pager that is left, a tee that dies: the log is read by nobody.
"$pleat" run tiny.yaml --out pipe "${keys[@]}" 2>&1 < /dev/null | head -n 1 > out
code=${PIPESTATUS[0]}
holds "a reader that goes away: exit code $code" [ "$code" -eq 85 ]
train 0 pipe
holds "after it: exit code $code" [ "$code" -eq 0 ]
train 0 alone
holds "after it: as if nothing had happened" same_run alone pipe
"$pleat" run tiny.yaml --out alone "${keys[@]}" > /dev/null 2> err < /dev/null >&-
holds "a closed stdout: exit code $?" has err "cannot write the results to stdout: Bad file"
holds "a closed stdout is no file of the run" same_run alone pipe
SLURM_JOB_END_TIME=$(($(date +%s) + 32)) job 0 run tiny.yaml --out limited "${keys[@]}" \
    --set train.epochs=10000
holds "the job's limit: exit code $code" [ "$code" -eq 85 ]
holds "it is named" has err "the job's time limit: the run is checkpointed"
SLURM_JOB_END_TIME=$(($(date +%s) + 34)) job 0 run tiny.yaml --out limited "${keys[@]}" \
    --set train.epochs=10000 --requeue-exit 143
holds "--requeue-exit: exit code $code" [ "$code" -eq 143 ]
refused "--requeue-exit 0" 2 "--requeue-exit 0: must be an exit code" 0 run tiny.yaml --out none \
    --requeue-exit 0
refused "a time that is none" 2 "--max-time 'soon'" 0 run tiny.yaml --out none --max-time soon
refused "--max-time 0" 2 "--max-time '0'" 0 run tiny.yaml --out none --max-time 0
verdict
