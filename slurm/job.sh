#!/usr/bin/env bash
# job.sh - what the batch scripts and box.sh share: the launcher, signals passed on, the next start.
# To be sourced.
#
#   PLEAT                  the program, as words; default: pleat in PATH, else build/pleat where the
#                          job was submitted. "apptainer exec pleat.sif pleat" will do
#   PLEAT_SLURM_LAUNCHER   srun or mpirun; default: srun where it has PMIx, else mpirun
#   PLEAT_SLURM_RETRIES    how often a job whose ranks were lost is started again at once; 2
#   PLEAT_SLURM_RESTARTS   how often a job is requeued at most; 100

say() { echo "$(date +%FT%T)  $*"; }

child='' told=''
# Slurm tells the script (--signal=B:USR1), and the script the ranks: srun and mpirun both pass USR1
# on. TERM is not passed on: both would kill the ranks.
tell() {
    told=1
    [ -z "$child" ] || kill -USR1 "$child" 2> /dev/null
}
trap tell USR1 TERM

# launch COMMAND...: runs it, with signals passed on; its exit code.
launch() {
    local code again
    say "$*"
    "$@" &
    child=$!
    wait "$child" # a signal ends it, but not the child
    code=$?
    while kill -0 "$child" 2> /dev/null; do
        wait "$child"
        code=$?
    done
    wait "$child" 2> /dev/null # 127: its code is known already
    again=$?
    [ "$again" -eq 127 ] || code=$again
    child=''
    return "$code"
}

# launcher: srun where it has PMIx, by which Open MPI finds its ranks, else mpirun.
launcher() {
    if srun --mpi=list 2>&1 | grep -qw pmix; then
        echo srun
    else
        say "srun has no PMIx (srun --mpi=list): mpirun starts the ranks" >&2
        echo mpirun
    fi
}

# pleat_once ARGUMENT...: pleat on all tasks of the job; its exit code.
pleat_once() {
    local command
    read -ra command <<< "${PLEAT:-$(command -v pleat || echo "$SLURM_SUBMIT_DIR/build/pleat")}"
    command+=("$@")
    if [ "${SLURM_NTASKS:-1}" -gt 1 ]; then
        : "${PLEAT_SLURM_LAUNCHER:=$(launcher)}"
        case $PLEAT_SLURM_LAUNCHER in
        srun) command=(srun --mpi=pmix --kill-on-bad-exit=1 "${command[@]}") ;;
        mpirun) command=(mpirun "${command[@]}") ;;
        *)
            say "PLEAT_SLURM_LAUNCHER is '$PLEAT_SLURM_LAUNCHER'; use srun or mpirun"
            return 2
            ;;
        esac
    fi
    launch "${command[@]}"
}

# lost CODE: the ranks were killed, or lost one another; not an error that would come again, nor
# Ctrl-C.
lost() { [ "$1" -ne 130 ] && { [ "$1" -eq 5 ] || [ "$1" -ge 128 ]; }; }

# pleat_job ARGUMENT...: runs pleat to its end. 85 asks for another start: the job is requeued,
# unless Slurm is ending it already, for scancel or for a partition that preempts. A launcher that
# is told of the limit while it starts dies of it: that is 85 too.
pleat_job() {
    local code retries=${PLEAT_SLURM_RETRIES:-2} restarts=${SLURM_RESTART_COUNT:-0} state
    # An array's last task has the id of the whole array: the name says which task is meant.
    local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
    job=${job:-$SLURM_JOB_ID}
    while :; do
        pleat_once "$@"
        code=$?
        if ! lost "$code"; then break; fi
        [ -z "$told" ] || code=85
        if [ -n "$told" ] || [ "$retries" -le 0 ]; then break; fi
        retries=$((retries - 1))
        say "ranks were lost (exit code $code); starting again from the last checkpoint"
    done
    [ "$code" -eq 85 ] || return "$code"
    if [ "$restarts" -ge "${PLEAT_SLURM_RESTARTS:-100}" ]; then
        say "not finished after $restarts restarts; sbatch again to go on"
        return 85
    fi
    state=$(scontrol show job -o "$job" | grep -o 'JobState=[A-Z_]*')
    case $state in
    *=RUNNING | *=SIGNALING) ;; # SIGNALING: Slurm has not yet heard that its USR1 has arrived
    *)                          # scancel makes it COMPLETING
        say "ended from outside ($state); sbatch again to go on"
        return 85
        ;;
    esac
    say "not finished: requeued"
    scontrol requeue "$job" || return 85
    sleep 60 # Slurm ends this script now
}
