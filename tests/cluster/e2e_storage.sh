#!/usr/bin/env bash
# e2e_storage.sh - whatever the storage does, a run ends with one message that names the file and
# the cause, leaves nothing half-written, and goes on to the same bits when the cause is gone; slow
# storage is only slow. Wants PLEAT, the program, and PLEAT_TEST_BIN, where libslow_reads.so and
# libfaults.so are.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
own_mounts=1
# shellcheck source=tests/lib/program.sh
. "$here/../lib/program.sh"
no_preloads && exit 77

keys=(--set folds.k=2 --set ranks_per_fold=2 --set train.epochs=3 --set train.iterations=30
    --set patch=4x4x4 --set network.filters=2 --set threads=1)
args() { echo run tiny.yaml --out "$1" "${keys[@]}"; }

# fails WHAT TEXT RUN ARGUMENT...: with 3, one message and nothing half-written.
fails() {
    local what=$1 text=$2 out=$3
    shift 3
    # shellcheck disable=SC2046 # a list of arguments
    refused "$what" 3 "$text" 2 $(args "$out") "$@"
    holds "$what: nothing half-written" same_text "$(find "$out" -name '*.tmp')" ""
}
goes_on() { # goes_on RUN ARGUMENT...
    local out=$1
    shift
    # shellcheck disable=SC2046 # a list of arguments
    job 2 $(args "$out") "$@"
    holds "$out again: exit code $code" [ "$code" -eq 0 ]
    holds "$out is as if nothing had happened" same_run whole "$out"
}
# begins RUN ARGUMENT...: in the background, to the end of fold 0's first epoch, where it waits.
begins() {
    local out=$1
    shift
    # shellcheck disable=SC2046 # a list of arguments
    held rename fold_0/history.tsv 1 2 $(args "$out") "$@"
}
goes_off() { # with what has befallen it; its exit code to $code
    release
    wait "$run"
    code=$?
}
# leaves WHAT TEXT: the background run, as fails.
leaves() {
    goes_off
    holds "$1: exit code $code" [ "$code" -eq 3 ]
    holds "$1: one message" [ "$(grep -c '^pleat: ' err)" -eq 1 ]
    holds "$1: it says '$2'" grep -qE "^pleat: .*$2" err
    holds "$1: nothing is left behind" waits 60 eval '[ -z "$(ranks)" ]'
}

tiny_data data 4 1
job 2 $(args whole)
holds "whole: exit code $code" [ "$code" -eq 0 ]
[ "$bad" -eq 0 ] || verdict
kib() { du -sk --apparent-size "$1" | cut -f1; }
store=$(kib whole/store) all=$(kib whole)

# --- a full disk: wherever in the run it is full -------------------------------------------------
mkdir full readonly
if can_mount && mount -t tmpfs -o size=8k pleat-full full; then
    most=$((store + (all - store) * 3 / 4))
    for size in 8 $((store / 2)) $((store + 30)) $((store + 80)) $most; do
        mount -o remount,size=${size}k full
        fails "a disk of $size KiB" "No space left on device" full
    done
    mount -o remount,size=64m full
    goes_on full
else
    echo "no mounts here: no full disk"
fi
# One process, for MPI has files of its own. KiB, the largest that a file may become.
alone=(--set ranks_per_fold=1)
job 0 $(args lone) "${alone[@]}"
for blocks in $((store / 5)) 30; do
    # shellcheck disable=SC2046 # a list of arguments
    (ulimit -f "$blocks" && exec "$pleat" $(args limited) "${alone[@]}" > out 2> err)
    code=$?
    holds "files of $blocks KiB: exit code $code" [ "$code" -eq 3 ]
    holds "files of $blocks KiB: one message" \
        grep -q '^pleat: cannot write .*: File too large' err
    holds "files of $blocks KiB: nothing half-written" \
        same_text "$(find limited -name '*.tmp')" ""
done
job 0 $(args limited) "${alone[@]}"
holds "files as large as you like: exit code $code" [ "$code" -eq 0 ]
holds "as if nothing had happened" same_run lone limited

# --- a folder that cannot be written -------------------------------------------------------------
begins readonly
kill -USR1 "$run"
sleep 0.2
goes_off
if can_mount && mount --bind readonly readonly && mount -o remount,bind,ro readonly; then
    fails "a read-only folder" "Read-only file system" readonly
    umount readonly
fi
goes_on readonly

# --- a store that changes under a run that reads its patches from there ---------------------------
stream=(--set host_memory=0)
begins short "${stream[@]}"
truncate -s -3000 short/store/cases/*.h5
leaves "a store cut short" "short/store/cases/case_00.\.h5.*(became shorter|changed) while"
goes_on short "${stream[@]}" # what is not whole is prepared again

begins spoilt "${stream[@]}"
for file in spoilt/store/cases/*.h5; do damage "$file"; done
leaves "a spoilt store" "spoilt/store/cases/case_00.\.h5.*changed while"
fails "it is still spoilt" "its voxels are not those that were written" spoilt "${stream[@]}"
rm spoilt/store/cases/*.h5
goes_on spoilt "${stream[@]}"

begins gone "${stream[@]}"
rm -r gone/store
goes_off # files that are open stay readable, on this file system
holds "a store that is gone: exit code $code" [ "$code" -eq 0 -o "$code" -eq 3 ]
goes_on gone "${stream[@]}"

# --- data that change under a run ----------------------------------------------------------------
cp -r data cut
begins masks --set data=cut
truncate -s -3000 cut/case_00?/segmentation.nii.gz
leaves "masks cut short" "cut/case_00.*/segmentation\.nii\.gz"
cp -rT data cut
goes_on masks --set data=cut

# --- two runs in one folder ----------------------------------------------------------------------
begins two
mv err first
job 2 $(args two)
holds "the second run: exit code $code" [ "$code" -eq 2 ]
first="host $(uname -n), pid ($(ranks | xargs | tr ' ' '|'))"
holds "it names the first" grep -qE "^pleat: folder 'two' is in use by $first" err
holds "it says so once" same_text 1 "$(grep -c '^pleat: ' err)"
goes_off
holds "the first run: exit code $code" [ "$code" -eq 0 ]
holds "the first run is as alone" same_run whole two

# --- a slow file server --------------------------------------------------------------------------
slow=${PLEAT_TEST_BIN:-}/libslow_reads.so
if [ -e "$slow" ]; then
    # shellcheck disable=SC2046 # a list of arguments
    LD_PRELOAD=$slow job 2 $(args slow) "${stream[@]}"
    holds "slow reads: exit code $code" [ "$code" -eq 0 ]
    holds "slow reads are only slow" same_run whole slow
fi
verdict
