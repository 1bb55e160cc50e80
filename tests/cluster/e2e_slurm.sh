#!/usr/bin/env bash
# e2e_slurm.sh - the batch scripts of slurm/ on a real Slurm with two virtual nodes: a job that is
# told of its limit is requeued and ends with the same bits, an array has its report, a cancelled
# job stays away. Wants PLEAT, the program. Skipped where Slurm cannot be started.
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cluster=$source/tests/lib/slurm-cluster.sh
# shellcheck source=tests/lib/program.sh
. "$source/tests/lib/program.sh"

# Each node has a /dev/shm and a /tmp folder of its own.
unset OMPI_MCA_orte_tmpdir_base OMPI_MCA_btl_vader_backing_directory
unset OMPI_MCA_osc_sm_backing_directory
bash "$cluster" start "$box/slurm" || exit
trap 'bash "$cluster" stop "$box/slurm"; end_jobs; cd /; rm -rf "$box"' EXIT
. slurm/env.sh
export PLEAT=$pleat PLEAT_SLURM=$source/slurm

state_of() {
    scontrol show job -o "$1" | grep -o 'JobState=[A-Z_]*' | cut -d= -f2 | sort -u | xargs
}
is_over() {
    case $(state_of "$1") in # SIGNALING, COMPLETING, REQUEUED, ... pass by
    '' | *ING* | *REQUEUE*) false ;;
    esac
}
is() { [ "$(state_of "$1")" = "$2" ]; }

# ends WHAT JOB SECONDS STATE LOG...
ends() {
    local what=$1 job=$2 seconds=$3 state=$4
    shift 4
    : > out
    : > err
    if ! waits "$seconds" is_over "$job" || ! is "$job" "$state"; then
        cat "$@" > out
        scontrol show job "$job" > err 2>&1
        wrong "$what: $(state_of "$job"), not $state"
    fi
}

# A run of 16 s or more, by the processor time of one epoch.
tiny_data data 4 1
keys=(--set folds.k=2 --set train.iterations=1500 --set patch=6x6x6 --set network.filters=2
    --set threads=1)
TIMEFORMAT=%U
used=$({ time job 0 train tiny.yaml --out short --fold 0 "${keys[@]}" --set train.epochs=1; } 2>&1)
keys+=(--set train.epochs="$(awk -v used="$used" 'BEGIN { print int(16 / used) + 1 }')")
job 2 run tiny.yaml --out whole "${keys[@]}"
holds "whole: exit code $code" [ "$code" -eq 0 ]

# --- an array of folds and its report; its tasks are told to leave -------------------------------
small=("${keys[@]}" --set train.iterations=300 --set train.epochs=8)
job 0 run tiny.yaml --out small "${small[@]}"
holds "small: exit code $code" [ "$code" -eq 0 ]
id=$(sbatch --parsable --array=0-1 --output=fold-%a.log "$source/slurm/folds.sbatch" tiny.yaml \
    --out folds "${small[@]}")
report=$(sbatch --parsable "--dependency=afterok:$id" --output=report.log \
    "$source/slurm/report.sbatch" folds)
for fold in 0 1; do
    holds "fold $fold trains" waits 60 grep -qs "fold=$fold epoch=1/" fold-$fold.log
done
scancel --batch --signal=USR1 "$id"
ends "folds.sbatch" "$id" 120 COMPLETED fold-0.log fold-1.log
ends "report.sbatch" "$report" 60 COMPLETED report.log
holds "the report is there" has report.log "results: folds"
for fold in 0 1; do
    holds "fold $fold was requeued, once" same_text 1 "$(grep -c ': requeued' fold-$fold.log)"
done
holds "the array is as the whole" same_run small folds

# --- mpirun instead of srun; nothing is left to do but the table ---------------------------------
id=$(PLEAT_SLURM_LAUNCHER=mpirun sbatch --parsable --nodes=2 --ntasks-per-node=1 \
    --output=mpirun.log "$source/slurm/run.sbatch" tiny.yaml --out small "${small[@]}")
ends "by mpirun" "$id" 60 COMPLETED mpirun.log
holds "the table again" has mpirun.log "results: small"

# --- the script that plan writes, submitted from elsewhere ----------------------------------------
succeeds "plan" 0 plan tiny.yaml --nodes 2 --ranks-per-node 1 --steps 0 --time 600 \
    --cpus-per-task 1 --partition test --sbatch planned.sbatch --out small "${small[@]}"
mkdir elsewhere
id=$(cd elsewhere && unset PLEAT PLEAT_SLURM && sbatch --parsable --output="$box/planned.log" \
    --mem=0 ../planned.sbatch)
ends "plan's script" "$id" 60 COMPLETED planned.log
holds "the table again" has planned.log "results: $box/small"

# --- a rank is killed: the script starts the others again ----------------------------------------
id=$(sbatch --parsable --nodes=2 --ntasks-per-node=1 --output=lost.log \
    "$source/slurm/run.sbatch" tiny.yaml --out lost "${small[@]}")
holds "it trains" waits 60 grep -qs 'fold=0 epoch=1/' lost.log
kill -9 "$(ranks | tail -1)"
ends "a killed rank" "$id" 120 COMPLETED lost.log
holds "it was started again" has lost.log "ranks were lost (exit code 137)"
holds "the killed one is as the whole" same_run small lost

# --- cancelled: saved, and not requeued ----------------------------------------------------------
id=$(sbatch --parsable --nodes=2 --ntasks-per-node=1 --output=cancelled.log \
    "$source/slurm/run.sbatch" tiny.yaml --out cancelled "${small[@]}" --set train.epochs=100000)
holds "it trains" waits 60 grep -qs 'fold=0 epoch=2/' cancelled.log
scancel "$id"
ends "scancel" "$id" 60 CANCELLED cancelled.log
holds "it was saved" grep -q 'checkpointed (SIG' cancelled/log/rank-0000.log
sleep 1
holds "it stays away" is "$id" CANCELLED

# --- one job on two nodes, two folds, told of its limit ------------------------------------------
# Limits have whole minutes; Slurm looks at them every 30 s and tells early rather than late. The
# job begins some 7 s before such a look.
last_look() {
    date +%s -d "$(grep 'Testing job time limits' slurm/log/slurmctld.log | tail -1 |
        sed 's/^\[\([^]]*\)\].*/\1/')"
}
holds "Slurm looks at limits" waits 60 grep -q 'Testing job time limits' slurm/log/slurmctld.log
sleep $(((53 - ($(date +%s) - $(last_look))) % 30))
id=$(sbatch --parsable --nodes=2 --ntasks-per-node=1 --time=1 --signal=B:USR1@50 \
    --output=run.log "$source/slurm/run.sbatch" tiny.yaml --out run "${keys[@]}")
ends "run.sbatch" "$id" 240 COMPLETED run.log
holds "ranks on both nodes" has run.log "srun --mpi=pmix"
holds "it was requeued" grep -q 'not finished: requeued' run.log
holds "it left within an epoch" grep -qE 'epoch=[0-9]+ step [0-9]+ of 1500: checkpointed' \
    run/log/rank-000?.log
holds "it went on" grep -qE 'resumes after epoch [0-9]+, step' run/log/rank-000?.log
holds "run.json knows of the restart" grep -qE '"SLURM_RESTART_COUNT": "[1-9]' run/run.json
holds "as if nothing had happened" same_run whole run
holds "nothing is left behind" same_text "$(ranks)" ""
verdict
