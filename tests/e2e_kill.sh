#!/usr/bin/env bash
# e2e_kill.sh - a run that is killed at random moments ends with the same bits as one that was not.
# Wants PLEAT, the program.
#
#   tests/e2e_kill.sh [KILLS] [SEED]     5 and the time; the seed is printed
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/program.sh
. "$here/program.sh"
kills=${1:-5}
RANDOM=${2:-$(($(date +%s) % 32768))}
seed=${2:-$RANDOM}
RANDOM=$seed
echo "$kills kills, seed $seed"

# Both ranks share a fold. Epochs are short: a killed run goes on from its last.
keys=(--set folds.k=2 --set ranks_per_fold=2 --set train.epochs=30 --set train.iterations=60
    --set patch=8x8x8 --set network.filters=2 --set threads=1)

epochs() { cat killed/fold_?/history.tsv 2> /dev/null | grep -c '^[0-9]'; } # of all folds
has_epochs() { [ "$(epochs)" -ge "$1" ] || ! kill -0 "$run" 2> /dev/null; }
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

tiny_data data 4 1
job 2 run tiny.yaml --out whole "${keys[@]}"
holds "whole: exit code $code" [ "$code" -eq 0 ]
[ "$bad" -eq 0 ] || verdict

hit=0
for ((n = 1; n <= kills; n++)); do
    "$mpiexec" -n 2 "$pleat" run tiny.yaml --out killed "${keys[@]}" > out 2> err < /dev/null &
    run=$!
    # Somewhere in the n-th part of the run, and there in a step, a validation, a checkpoint, ...
    target=$(((60 * (n - 1) + RANDOM % 60) / (kills + 1)))
    holds "$n: it comes that far" waits 300 has_epochs $target
    pause $((RANDOM % 300))
    mapfile -t victims < <(ranks)
    case $(((seed + n) % 5)) in # each kind in turn
    0) what="kill -9 of a rank" && victims=("${victims[@]:RANDOM % 2:1}") signal=KILL ;;
    1) what="kill -9 of mpirun" && victims=("$run") signal=KILL ;;
    2) what="kill -9 of all" && victims+=("$run") signal=KILL ;;
    3) what="SIGTERM to mpirun" && victims=("$run") signal=TERM ;;
    4) what="SIGTERM to a rank" && victims=("${victims[@]:0:1}") signal=TERM ;;
    esac
    kill -0 "$run" 2> /dev/null && hit=$((hit + 1))
    [ ${#victims[@]} -eq 0 ] || kill -"$signal" "${victims[@]}" 2> /dev/null
    holds "$n, $what: all leave within 15 s" waits 15 eval '[ -z "$(ranks)" ]'
    wait $run 2> /dev/null
    code=$?
    echo "$n: $what; exit code $code; $(epochs) epochs"
    holds "$n, $what: no error of ours but to go on" eval \
        '! grep "^pleat: " err | grep -vE "checkpointed|waited|lost|still|goes on"'
done
job 2 run tiny.yaml --out killed "${keys[@]}"
holds "at last: exit code $code" [ "$code" -eq 0 ]
holds "$hit kills of $kills met a run" [ "$hit" -gt $((kills / 2)) ]
holds "as if nothing had happened" same_run whole killed
holds "nothing half-written is left" same_text "$(find killed -name '.*.tmp')" ""
verdict
