#!/usr/bin/env bash
# mpi_failures.sh - however a rank fails, all leave within 10 s, with one message and the status's
# exit code. Wants PLEAT_TEST_BIN, the folder of mpi_test_ending and libfew_threads.so.
own_mounts=1
PLEAT=${PLEAT_TEST_BIN:?names the folder of the test programs}/mpi_test_ending
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
limit=30
host=$(uname -n)

# ends WHAT CODE MESSAGES TEXT RANKS ENDING: a job's exit code, how many messages of ours it prints,
# a text that stands in them ("" any), its time, and nobody left behind.
ends() {
    local what=$1 expected=$2 messages=$3 text=$4 begin=$SECONDS got left
    shift 4
    job "$@"
    got=$(cat out err | grep '^pleat: ')
    left=$(ranks)
    [ "$code" -eq "$expected" ] || wrong "$what: exit code $code, not $expected"
    [ "$(grep -c . <<< "$got")" -eq "$messages" ] || wrong "$what: not $messages messages: $got"
    [ $((SECONDS - begin)) -le 60 ] || wrong "$what: took $((SECONDS - begin)) s"
    [[ $got == *"$text"* ]] || wrong "$what: no '$text' in '$got'"
    [ -z "$left" ] || wrong "$what: left processes behind: $left"
}

ends "all is well" 0 0 "" 3 well
ends "one fails, all agree" 3 1 "rank 2 (host $host): case_007 has no mask" 3 together
ends "all fail alike" 2 1 "pleat: unknown key 'epoch'" 3 alike
ends "one fails alone" 3 1 "rank 2 (host $host): case_007 has no mask" 3 alone
ends "several fail alone" 4 1 "rank 1 (host $host): the loss is not finite" 3 several
ends "one fails, the others compute" 3 1 "rank 0 (host $host): the disk is full" 3 busy
ends "one fails deep inside" 5 1 "the device is lost" 3 inside
ends "one is killed" 137 0 "" 3 killed
PLEAT_COMM_TIMEOUT=1 ends "one stays away" 5 1 "all-reduce: waited 1 s for rank 2 (host $host)" \
    3 stopped
PLEAT_COMM_TIMEOUT=1 ends "one has work, the others wait in the end" 0 0 "" 3 late
OMP_NUM_THREADS=3 ends "the loops take what OMP_NUM_THREADS says" 0 0 "" 3 threads
(
    unset OMP_NUM_THREADS
    ends "the loops take a rank's share of the cores" 0 0 "" 3 threads
    exit "$bad"
) || bad=1
ends "checkpointed, start again" 85 1 "fold 1, epoch 7" 3 requeue
PLEAT_COMM_TIMEOUT=soon ends "a limit that is no number" 2 1 "PLEAT_COMM_TIMEOUT='soon'" 3 well
PLEAT_COMM_SHARED=-1 ends "a number of ranks that is none" 2 1 "PLEAT_COMM_SHARED='-1'" 3 well
ends "alone without a launcher" 0 0 "" 0 well
ends "a failure without a launcher" 2 1 "pleat: unknown key 'epoch'" 0 alike
SLURM_NTASKS=4 ends "4 tasks that do not see each other" 2 1 \
    "SLURM_NTASKS says 4 processes, MPI says 1" 0 well
PMI_SIZE=2 ends "the fix is named" 2 1 "srun --mpi=pmix" 0 well
few=$PLEAT_TEST_BIN/libfew_threads.so
if ! ldd "$pleat" | grep -qE "lib(asan|tsan)\.so"; then # which want to be loaded first
    LD_PRELOAD=$few ends "an MPI without threads" 2 1 "this MPI gives MPI_THREAD_FUNNELED" 2 well
fi
ends "a large sum" 0 0 "" 3 large
holds "through shared memory nothing is said" lacks err "MPI adds"
if can_mount; then
    mount -t tmpfs -o size=8m none /dev/shm
    ends "a large sum without room in /dev/shm" 0 0 "" 3 large
    holds "it says so once" \
        same_text 1 "$(grep -c "MPI adds what ranks .*: /dev/shm has . MiB free, . MiB wanted" err)"
    umount -l /dev/shm
fi
if can_mount; then # mpirun would hang for ever
    mkdir full
    for size in 100k 4500k; do
        mount -t tmpfs -o size=$size none full
        OMPI_MCA_orte_tmpdir_base=$box/full ends "a TMPDIR of $size" 5 1 \
            "$host: the folder of temporary files '$box/full/ompi." 2 well
        umount -l full
    done
fi
export SLURM_NTASKS=4
SLURM_PROCID=3 ends "the others of them are silent" 2 0 "" 0 well
ends "4 tasks and mpiexec -n 1" 2 1 "SLURM_NTASKS says 4" 1 well
SLURM_PROCID=3 OMPI_COMM_WORLD_RANK=3 PMIX_RANK=0 \
    ends "the others of them are silent with MPI too" 2 0 "" 0 well
ends "4 tasks may ask for something small" 0 0 "" 0 small
PLEAT_ALLOW_SINGLE=1 ends "one process is wanted" 0 0 "" 0 well
verdict
