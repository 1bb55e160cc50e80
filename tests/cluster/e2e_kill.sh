#!/usr/bin/env bash
# e2e_kill.sh - a run that is ended at random moments, in every way there is, ends with the same
# bits as one that was not. Wants PLEAT, the program.
#
#   tests/cluster/e2e_kill.sh [KILLS] [SEED]   5, or PLEAT_TEST_KILLS, and the time; prints SEED
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
own_mounts=1
# shellcheck source=tests/lib/program.sh
. "$here/../lib/program.sh"
kills=${1:-${PLEAT_TEST_KILLS:-5}}
RANDOM=${2:-$(($(date +%s) % 32768))}
seed=${2:-$RANDOM}
RANDOM=$seed
echo "$kills kills, seed $seed"

# Both ranks share a fold. Epochs are short: a killed run goes on from its last.
keys=(--set folds.k=2 --set ranks_per_fold=2 --set train.epochs=30 --set train.iterations=60
    --set patch=6x6x6 --set network.filters=2 --set threads=1)

epochs() { cat killed/fold_?/history.tsv 2> /dev/null | grep -c '^[0-9]'; } # of all folds
has_epochs() { [ "$(epochs)" -ge "$1" ] || ! kill -0 "$run" 2> /dev/null; }
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# What a power cut may leave of the files that were being written: not all of the newest, a
# temporary one beside it.
cut_power() {
    local file=killed/fold_1/checkpoint_latest.h5
    [ -e $file ] || file=killed/fold_0/checkpoint_latest.h5
    [ ! -e "${file%/*}/scores.json" ] && [ -e $file.previous ] || return
    head -c $((RANDOM % 9999)) $file > "${file%/*}/.checkpoint_latest.h5.$(uname -n)-1.tmp"
    case $((RANDOM % 4)) in
    0) : > $file ;;
    1) truncate -s $(($(stat -c %s $file) * (RANDOM % 99 + 1) / 100)) $file ;;
    2) damage $file ;;
    3) mv $file "${file%/*}/.checkpoint_latest.h5.$(uname -n)-2.tmp" ;;
    esac
    falls_back=1
}

# end_somehow KIND: the run, whose ranks are in victims; what and the exit code that is right.
end_somehow() {
    case $1 in
    0) what="kill -9 of a rank" && kill -9 "${victims[RANDOM % ${#victims[@]}]}" ;;
    1) what="kill -9 of mpirun" && kill -9 "$run" ;;
    2) what="kill -9 of all" && kill -9 "${victims[@]}" "$run" ;;
    3) what="SIGTERM to mpirun" && kill -TERM "$run" ;;
    4) what="SIGTERM to a rank" && right=85 && kill -TERM "${victims[0]}" ;;
    5) what="SIGUSR1 to mpirun" && right=85 && kill -USR1 "$run" ;;
    6) what="a power cut" && kill -9 "${victims[@]}" "$run" ;;
    7) what="a full disk" && right=3 && cat /dev/zero > killed/filler ;;
    esac 2> /dev/null
}

tiny_data data 4 1
job 2 run tiny.yaml --out whole "${keys[@]}"
holds "whole: exit code $code" [ "$code" -eq 0 ]
[ "$bad" -eq 0 ] || verdict
mkdir killed
kinds=8
if ! can_mount || ! mount -t tmpfs -o size=32m pleat-killed killed; then
    echo "no mounts here: no full disk" && kinds=7
fi

hit=0 falls_back=''
for ((n = 1; n <= kills; n++)); do
    "$mpiexec" -n 2 "$pleat" run tiny.yaml --out killed "${keys[@]}" > out 2> err < /dev/null &
    run=$!
    # Somewhere in the n-th part of the run, and there in a step, a validation, a checkpoint, ...;
    # after one epoch at least.
    target=$(((60 * (n - 1) + RANDOM % 60) / (kills + 1)))
    [ $target -gt "$(epochs)" ] || target=$(($(epochs) + 1))
    holds "$n: it comes that far" waits 300 has_epochs $target
    pause $((RANDOM % 300))
    mapfile -t victims < <(ranks)
    what="none, it is over" right=''
    if [ ${#victims[@]} -eq 2 ]; then
        hit=$((hit + 1))
        end_somehow $(((seed + n) % kinds)) # each kind in turn
    fi
    holds "$n, $what: all leave within a minute" waits 60 eval '[ -z "$(ranks)" ]'
    wait $run 2> /dev/null
    code=$?
    echo "$n: $what; exit code $code; $(epochs) epochs"
    [ -z "$right" ] || [ "$code" -eq 0 ] ||
        holds "$n, $what: exit code $code" [ "$code" -eq $right ]
    holds "$n, $what: no error of ours but to go on" eval \
        '! grep "^pleat: " err | grep -vE "checkpointed|waited|lost|still|goes on|No space left"'
    [ -z "$falls_back" ] || holds "$n: it says that it falls back" has err "Resuming from '"
    falls_back=''
    rm -f killed/filler
    [ "$what" != "a power cut" ] || cut_power
done
job 2 run tiny.yaml --out killed "${keys[@]}"
holds "at last: exit code $code" [ "$code" -eq 0 ]
holds "$hit kills of $kills met a run" [ "$hit" -gt $((kills / 2)) ]
holds "as if nothing had happened" same_run whole killed
holds "nothing half-written is left" same_text "$(find killed -name '.*.tmp')" ""
verdict
