#!/usr/bin/env bash
# e2e_progress.sh - a run says how far each of its folds is: in its log, in a table on a terminal,
# also under mpirun, and by its files to pleat status. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
tiny_data data 4 1
export LANG=C.UTF-8 TERM=xterm
unset NO_COLOR LC_ALL LC_CTYPE COLUMNS LINES
keys=(--set folds.k=2 --set train.epochs=100000 --set train.iterations=200 --set patch=8x8x8
    --set network.filters=2 --set threads=1)

# begins FILE COMMAND...: in the background, with the program's output in FILE; its id to $run.
begins() {
    local file=$1
    shift
    "$@" > "$file" 2>&1 < /dev/null &
    run=$!
}

# --- a log ---------------------------------------------------------------------------------------
begins log "$mpiexec" -n 2 "$pleat" run tiny.yaml --out run "${keys[@]}" --set progress=1
for fold in 0 1; do
    line="fold=$fold epoch=[0-9]+/100000 step=[0-9]+/200 loss=[0-9.]+ [0-9.]+ patch/s, .* left, of"
    holds "a line of fold $fold, of another rank too" waits 120 grep -qE "$line the run" log
done
holds "no escapes in a log" lacks log $'\033'
holds "where the other ranks' logs are" \
    has log "2 folds are trained at a time; this is the log of rank 0, those of the other ranks \
are in 'run/log'"
succeeds "status" 0 status run
holds "both folds are under way" has out "2 folds under way, 0 finished, 0 to do"
holds "no escapes where no terminal is" lacks out $'\033'
succeeds "status --json" 0 status run --json
holds "as JSON" python3 - << 'END'
import json
status = json.load(open("out"))
assert [f["fold"] for f in status["folds"]] == [0, 1], status
assert all(f["phase"] in ("training", "validation") and not f["silent"] for f in status["folds"])
assert all(f["left_s"] > 0 and f["epochs"] == 100000 for f in status["folds"]), status
assert status["left_s"] > 0 and status["folds"][0]["host"], status
END
# shellcheck disable=SC2046 # ids
kill -9 "$run" $(ranks)
wait "$run" 2> /dev/null
sed -i 's/"written":[0-9.e]*/"written":1e9/' run/fold_1/progress.json # long ago
succeeds "status of a killed run" 0 status run
holds "tells who is silent" has out "no sign of life for "
holds "for how long" grep -qE 'for [0-9]+ d .*\(.* process [0-9]+\)' out
holds "and who was alive just now" has out "1 fold under way"

# --- a run's ends --------------------------------------------------------------------------------
short=("${keys[@]}" --set train.epochs=1 --set train.iterations=3 --set progress=1)
succeeds "a short run" 2 run tiny.yaml --out short "${short[@]}"
succeeds "status at its end" 0 status short --watch
holds "all is finished" has out "0 folds under way, 2 finished, 0 to do"
succeeds "a fold alone" 0 run tiny.yaml --out alone "${short[@]}" --fold 1
succeeds "status between the tasks of an array" 0 status alone
holds "one is not begun" has out "1 finished, 1 to do"
succeeds "no progress" 0 run tiny.yaml --out none "${short[@]}" --set progress=0
holds "no files" [ ! -e none/progress.json ] && [ ! -e none/fold_0/progress.json ]
succeeds "status without them" 0 status none
holds "knows finished folds" has out "2 finished"
refused "status of what is no run" 3 "run.json" 0 status data

# --- a terminal ----------------------------------------------------------------------------------
# shows COMMAND...: in the background, on a terminal of 80 x 24 whose content goes to shown.
shows() {
    local line
    line="stty cols 80 rows 24; echo \$\$ > id; exec timeout -s USR1 300 $(printf '%q ' "$@")"
    script -qfec "$line" /dev/null > shown 2>&1 < /dev/null &
    terminal=$!
}

shown() { # shown PATTERN: now, or before long
    waits 120 grep -qE "$1" shown
}

closes() { # as the time limit would, once all is seen
    kill -USR1 "$(cat id)"
    wait "$terminal"
}

table() { # table WHAT: two folds, drawn more than once
    holds "$1: two rows of folds" shown '^   1  '
    holds "$1: redrawn in place" shown $'\033\\[[45]A\r\033\\[J'
}

if command -v script > /dev/null; then
    shows "$pleat" run tiny.yaml --out live "${keys[@]}"
    table "one process"
    holds "a bar in colours" shown $'^   0  \033\\[36m░'
    closes
    shows "$mpiexec" -n 2 "$pleat" run tiny.yaml --out live2 "${keys[@]}"
    table "mpirun"
    holds "a bar, which mpirun passes on" shown $'^   0  \033\\[36m░'
    closes
    NO_COLOR=1 shows "$pleat" status live2 --watch
    table "status --watch"
    closes
    holds "not in colours" lacks shown $'\033[3'
    TERM=dumb shows "$pleat" run tiny.yaml --out dumb "${keys[@]}" --set progress=1
    holds "a dumb terminal has lines" shown 'fold=0 epoch=[0-9]+/100000 step='
    closes
    holds "and no escapes" lacks shown $'\033'
fi
verdict
