#!/usr/bin/env bash
# mpi_failures.sh - however a rank fails, all leave within 10 s, with one message and the status's
# exit code. Wants PLEAT_TEST_BIN, the folder of mpi_test_ending.
set -u
program=${PLEAT_TEST_BIN:?names the folder of the test programs}/mpi_test_ending
mpiexec=${MPIEXEC:-mpiexec}
[ -x "$program" ] || { echo "no $program" && exit 77; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
unset SLURM_NTASKS SLURM_STEP_NUM_TASKS SLURM_PROCID PMI_SIZE PMI_RANK PLEAT_ALLOW_SINGLE
out=$(mktemp)
trap 'rm -f "$out"' EXIT
bad=0

# check NAME CODE MESSAGES TEXT COMMAND...: the command's exit code, how many messages of ours it
# prints, and a text that stands in them ("" any).
check() {
    name=$1 code=$2 messages=$3 text=$4
    shift 4
    begin=$(date +%s)
    "$@" >"$out" 2>&1
    got=$?
    seconds=$(($(date +%s) - begin))
    lines=$(grep -c '^pleat: ' "$out")
    wrong=
    [ "$got" -eq "$code" ] || wrong="exit code $got, not $code"
    [ "$lines" -eq "$messages" ] || wrong="$wrong; $lines messages, not $messages"
    [ "$seconds" -le 10 ] || wrong="$wrong; took $seconds s"
    [ -z "$text" ] || grep '^pleat: ' "$out" | grep -qF -- "$text" || wrong="$wrong; no '$text'"
    if [ -z "$wrong" ]; then
        echo "ok    $name (${seconds} s)"
    else
        echo "WRONG $name: $wrong"
        sed 's/^/      /' "$out"
        bad=1
    fi
}

job="$mpiexec --timeout 30 -n 3 $program"
# shellcheck disable=SC2086 # $job is a command and its arguments
{
    check "all is well" 0 0 "" $job well
    check "one fails, all agree" 3 1 "rank 2 (host $(uname -n)): case_007 has no mask" $job together
    check "all fail alike" 2 1 "pleat: unknown key 'epoch'" $job alike
    check "one fails alone" 3 1 "rank 2 (host $(uname -n)): case_007 has no mask" $job alone
    check "several fail alone" 4 1 "rank 1 (host $(uname -n)): the loss is not finite" $job several
    check "one fails, the others compute" 3 1 "rank 0 (host $(uname -n)): the disk is full" \
        $job busy
    check "one fails deep inside" 5 1 "the device is lost" $job inside
    check "one is killed" 137 0 "" $job killed
    check "one stays away" 5 1 "all-reduce: waited 1 s for rank 2 (host $(uname -n))" \
        env PLEAT_COMM_TIMEOUT=1 $job stopped
    check "one has work, the others wait in the end" 0 0 "" env PLEAT_COMM_TIMEOUT=1 $job late
    check "the loops take a rank's share of the cores" 0 0 "" env -u OMP_NUM_THREADS $job threads
    check "the loops take what OMP_NUM_THREADS says" 0 0 "" env OMP_NUM_THREADS=3 $job threads
    check "checkpointed, start again" 85 1 "fold 1, epoch 7" $job requeue
    check "a limit that is no number" 2 1 "PLEAT_COMM_TIMEOUT='soon'" \
        env PLEAT_COMM_TIMEOUT=soon $job well
}
check "alone without a launcher" 0 0 "" "$program" well
check "a failure without a launcher" 2 1 "pleat: unknown key 'epoch'" "$program" alike
check "4 tasks that do not see each other" 2 1 "SLURM_NTASKS says 4 processes, MPI says 1" \
    env SLURM_NTASKS=4 "$program" well
check "the fix is named" 2 1 "srun --mpi=pmix" env PMI_SIZE=2 "$program" well
check "the others of them are silent" 2 0 "" env SLURM_NTASKS=4 SLURM_PROCID=3 "$program" well
check "4 tasks and mpiexec -n 1" 2 1 "SLURM_NTASKS says 4" \
    env SLURM_NTASKS=4 "$mpiexec" -n 1 "$program" well
check "the others of them are silent with MPI too" 2 0 "" \
    env SLURM_NTASKS=4 SLURM_PROCID=3 OMPI_COMM_WORLD_RANK=3 PMIX_RANK=0 "$program" well
check "4 tasks may ask for something small" 0 0 "" env SLURM_NTASKS=4 "$program" small
check "one process is wanted" 0 0 "" env SLURM_NTASKS=4 PLEAT_ALLOW_SINGLE=1 "$program" well
exit $bad
