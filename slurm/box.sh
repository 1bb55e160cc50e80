#!/usr/bin/env bash
# box.sh - a run on a machine without Slurm, started again until it is finished.
#
#   slurm/box.sh [--restarts N] mpirun -n 2 build/pleat run CONFIG --out RUN [options of pleat run]
#
#   ranks killed or lost   started again after 5 s, N times at most; 3
#   85, from --max-time    started again at once
#   anything else          the end, with that exit code
#
# Ctrl-C, TERM and USR1 reach the ranks as USR1: they write checkpoints at their next step, and this
# ends with 85. A second Ctrl-C or TERM ends them at once.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
restarts=3
if [ "${1:-}" = --restarts ]; then
    restarts=${2:-}
    shift $(($# > 1 ? 2 : 1))
fi
if [ $# -eq 0 ] || ! [[ $restarts =~ ^[0-9]+$ ]]; then
    sed -n '4,11s/^#//p' "$0" >&2
    exit 2
fi
. "$here/env.sh" || exit
. "$here/job.sh" || exit

trap '[ -z "$told" ] || { [ -z "$child" ] || kill -TERM "$child"; }; tell' INT TERM
while [ -z "$told" ]; do
    launch setsid "$@" # so that Ctrl-C is not mpirun's: it would give its ranks one second
    code=$?
    if [ -z "$told" ] && [ "$code" -eq 85 ]; then continue; fi
    if [ -n "$told" ] || ! lost "$code" || [ "$restarts" -le 0 ]; then break; fi
    restarts=$((restarts - 1))
    say "ranks were lost (exit code $code); starting again in 5 s from the last checkpoint"
    sleep 5 # ranks whose mpirun was killed have left the folder by then
done
exit "${code:-85}"
