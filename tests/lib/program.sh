#!/usr/bin/env bash
# program.sh - what the end-to-end tests share: a scratch folder, jobs of the program, checks.
# To be sourced; wants PLEAT, the program. Every command runs in the scratch folder $box.
set -u
# A script that sets own_mounts=1 before is started again where nobody else sees its mounts and they
# go when it does, if that is allowed here.
if [ -n "${own_mounts:-}" ] && [ -z "${PLEAT_TEST_MOUNTS:-}" ] &&
    unshare --mount --propagation private true 2> /dev/null; then
    PLEAT_TEST_MOUNTS=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
pleat=$(readlink -f "${PLEAT:?names the program}")
mpiexec=${MPIEXEC:-mpiexec}
box=$(mktemp -d) || exit 1
cd "$box" || exit 1
bad=0 code=0
limit=500 # seconds that a job may take

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
# What a killed job leaves behind goes with the scratch folder.
mkdir mpi || exit 1
export OMPI_MCA_orte_tmpdir_base=$box/mpi OMPI_MCA_btl_vader_backing_directory=$box/mpi
export OMPI_MCA_osc_sm_backing_directory=$box/mpi
unset SLURM_NTASKS SLURM_STEP_NUM_TASKS SLURM_PROCID PMI_SIZE PMI_RANK PLEAT_ALLOW_SINGLE

# ranks: the process ids of the program's processes in the scratch folder.
ranks() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" = "$pleat" ] || continue
        case $(readlink "$process/cwd") in "$box" | "$box"/*) echo "${process#/proc/}" ;; esac
    done 2> /dev/null
}

end_jobs() { # what this script started and has not ended
    local pids
    pids=$(jobs -p; ranks)
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$pids" ] || kill -9 $pids 2> /dev/null
}
trap 'end_jobs; cd /; umount -q "$box"/* 2> /dev/null; rm -rf "$box"' EXIT

[ -x "$pleat" ] || { echo "no program '$PLEAT'" && exit 1; }

wrong() { # wrong WHAT: a line, and once what the last job printed
    printf 'WRONG %s\n' "$1"
    [ ! -e err ] || sed 's/^/      /' out err
    rm -f out err
    bad=1
}

# holds WHAT COMMAND...: the command succeeds.
holds() {
    local what=$1
    shift
    "$@" || wrong "$what"
}

# same_text A B, has FILE TEXT, lacks FILE TEXT
same_text() { [ "$1" = "$2" ] || { printf '      %s\n  not %s\n' "$1" "$2" && false; }; }
has() { grep -qF -- "$2" "$1"; }
lacks() { ! grep -qF -- "$2" "$1"; }

# job RANKS ARGUMENT...: runs the program; exit code to $code, what it prints to out and err.
# 0 ranks is one process without a launcher.
job() {
    local n=$1
    shift
    local launcher=("$mpiexec" -n "$n")
    [ "$n" -gt 0 ] || launcher=()
    timeout "$limit" "${launcher[@]}" "$pleat" "$@" > out 2> err < /dev/null
    code=$?
}

# succeeds WHAT RANKS ARGUMENT...
succeeds() {
    local what=$1
    shift
    job "$@"
    [ "$code" -eq 0 ] || wrong "$what: exit code $code"
    [ "$code" -eq 0 ]
}

# refused WHAT CODE TEXT RANKS ARGUMENT...: that exit code, one message of ours that holds TEXT, and
# no rank left behind.
refused() {
    local what=$1 expected=$2 text=$3 messages left
    shift 3
    job "$@"
    messages=$(grep -c '^pleat: ' err)
    left=$(ranks)
    [ "$code" -eq "$expected" ] || wrong "$what: exit code $code, not $expected"
    [ "$messages" -eq 1 ] || wrong "$what: $messages messages, not 1"
    grep '^pleat: ' err | grep -qF -- "$text" || wrong "$what: the message does not say '$text'"
    [ -z "$left" ] || wrong "$what: left processes behind: $left"
}

# waits SECONDS COMMAND...: until the command succeeds.
waits() {
    local tries=$(($1 * 20))
    shift
    until "$@"; do
        [ $((tries--)) -gt 0 ] || return 1
        sleep 0.05
    done
}

# held CALL NAME N RANKS ARGUMENT...: a job in the background, its id to $run, that has come to the
# N-th CALL of a file of that NAME (tests/drills/faults.c) and waits there until `release`; $holders
# of its ranks have. So what befalls it meets it there, however fast it is.
holders=1
held() {
    local call=$1 name=$2 at=$3 n=$4
    shift 4
    local launcher=("$mpiexec" -n "$n")
    [ "$n" -gt 0 ] || launcher=()
    release
    rm -f err
    mkdir hold
    LD_PRELOAD=${PLEAT_TEST_BIN:?is where libfaults.so is}/libfaults.so FAIL_CALL=$call \
        FAIL_NAME=$name FAIL_AT=$at FAIL_HOLD=$box/hold \
        "${launcher[@]}" "$pleat" "$@" > out 2> err < /dev/null &
    run=$!
    waits 120 eval '[ "$(ls hold | wc -l)" -ge $holders ]' ||
        wrong "pleat $*: never comes to $call $at of $name"
}
release() { [ ! -e hold ] || { mv hold held.$$ && rm -rf held.$$; }; }

# no_preloads: says so and is true where nothing can be preloaded.
no_preloads() {
    ldd "$pleat" | grep -qE "lib(asan|tsan)\.so" || return
    echo "a sanitizer wants to be loaded before all others"
}

# can_mount: the script has mounts of its own, see above.
can_mount() { [ -n "${PLEAT_TEST_MOUNTS:-}" ]; }

# damage FILE: overwrites 512 bytes of its middle, as a disk would.
damage() {
    dd if=/dev/zero bs=1 count=512 2> /dev/null | tr '\0' '\377' |
        dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc 2> /dev/null
}

# The smallest data set and configuration that make sense: phantoms on a coarse grid. Drawing would
# take most of the time.
tiny_data() { # tiny_data FOLDER CASES SEED
    "$pleat" -q phantom "$1" --cases "$2" --seed "$3" > out 2> err || wrong "phantom $1"
}
cat > tiny.yaml << 'END'
data: data
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [12, 12, 14]}
folds: {k: 3}
patch: [16, 16, 8]
overlap: [0, 0, 0]
network: {depth: 1, filters: 4, norm_momentum: 0.05} # few steps
train: {epochs: 2, iterations: 3, batch: 2, lr: 0.01}
engine: ref
precision: f32
report: {figures: false, pictures: 0}
END

# voxels FILE: of a label map, without what gzip may have added.
voxels() { gzip -dc "$1" | cksum; }

# same_run A B: every number that a run ends with.
same_run() {
    local file
    for file in fold_{0,1}/{history.tsv,logs.csv,scores.csv} cv_results.{detailed,final}.csv; do
        cmp "$1/$file" "$2/$file" || return 1
    done
    for file in "$1"/fold_?/predictions/*.nii.gz; do
        same_text "$(voxels "$file")" "$(voxels "$2/${file#"$1"/}")" || return 1
    done
}

verdict() {
    [ "$bad" -eq 0 ] && echo "ok"
    exit "$bad"
}
