#!/usr/bin/env bash
# e2e_read_errors.sh - a file that cannot be read is not a damaged one: the run ends with that error
# and is right when it is started again; a damaged model labels nothing; ranks of a fold go on from
# one checkpoint. Wants PLEAT, the program, and PLEAT_TEST_BIN, where libfaults.so is.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
failing=${PLEAT_TEST_BIN:-}/libfaults.so
[ -e "$failing" ] || { echo "no '$failing'" && exit 1; }
no_preloads && exit 77
EMFILE=24 EIO=5 ENOMEM=12 EACCES=13
model=run/fold_0/checkpoint_latest.h5

# with_fault CALL NAME N ERRNO [RANK] COMMAND...: the command, in whose pleat that call fails.
with_fault() {
    local set=(LD_PRELOAD="$failing" FAIL_CALL="$1" FAIL_NAME="$2" FAIL_AT="$3" FAIL_ERRNO="$4")
    shift 4
    [[ $1 == [0-9] ]] && set+=(FAIL_RANK="$1") && shift
    (export "${set[@]}" && "$@"; exit "$code")
    code=$?
}

# ends WHAT CODE TEXT: what the last job did; no damage is spoken of, and no other file taken.
ends() {
    holds "$1: exit code $code, not $2" [ "$code" -eq "$2" ]
    holds "$1: a message that says '$3'" grep -q "^pleat: .*$3" err
    holds "$1: the file is not to blame" lacks err "remove"
    holds "$1: no other file is taken" lacks err "Resuming from"
}
digest() { "$pleat" info "$1" | sed -n 's/^weights digest *//p'; }

tiny_data data 4 1
keys=(--set folds.k=2 --set train.epochs=3 --set train.batch=2 --set train.weights=latest
    --set engine=ref --set ranks_per_fold=2 --fold 0 --out run)

# --- ranks of a fold go on from one checkpoint ----------------------------------------------------
mkdir run
touch run/STOP
for _ in 1 2; do # two of three epochs
    job 2 train tiny.yaml "${keys[@]}"
done
rm run/STOP
cp -a run half
succeeds "a run without faults" 2 train tiny.yaml "${keys[@]}"
whole=$(digest $model)
cp -a run trained
holds "it has three epochs" [ "$(sed 1d run/fold_0/history.tsv | wc -l)" -eq 3 ]

for rank in 0 1; do
    rm -rf run && cp -a half run
    with_fault open checkpoint_latest.h5 1 $EIO $rank job 2 train tiny.yaml "${keys[@]}"
    if [ $rank -eq 0 ]; then
        ends "rank 0 cannot open" 3 "Input/output error"
        succeeds "rank 0 can open again" 2 train tiny.yaml "${keys[@]}"
    fi
    holds "rank $rank: exit code $code" [ "$code" -eq 0 ]
    holds "rank $rank: the same weights" same_text "$(digest $model)" "$whole"
done

# --- a resume that falls back is told at the end and kept -----------------------------------------
rm -rf run && cp -a half run
damage $model
succeeds "a damaged checkpoint" 2 train tiny.yaml "${keys[@]}"
holds "the same weights" same_text "$(digest $model)" "$whole"
holds "said at the end" has <(tail -n 1 err) "fold=0 resumed from the checkpoint before its last"
holds "kept in run.json" grep -qzE '"fell_back": \[\s*0\s*\]' run/run.json
holds "not when nothing was damaged" lacks trained/run.json fell_back
succeeds "a later start" 2 run tiny.yaml "${keys[@]}"
holds "says it too" has err "fold=0 resumed from the checkpoint before its last"

# --- a model that cannot be read, or is damaged, labels nothing -----------------------------------
mkdir scan
cp "$(find data -name 'imaging.nii.gz' | sort | head -n 1)" scan/x.nii.gz
predict=(predict $model --in scan/x.nii.gz --out labels --engine ref)
rm -rf run && cp -a trained run
succeeds "prediction" 0 "${predict[@]}"
mv labels right
for fault in "open $EMFILE 3 Too many open files" "open $EACCES 3 Permission denied" \
    "read $EIO 3 Input/output error" "read $ENOMEM 5 Cannot allocate memory"; do
    read -r call errno expected text <<< "$fault"
    for n in 1 2 3 5 8 13 21 34 55 89 144 233 377; do
        rm -rf labels
        with_fault "$call" checkpoint_latest.h5 $n "$errno" job 0 "${predict[@]}"
        [ "$code" -ne 0 ] || break # it was not called so often
        ends "$call $n of a model" "$expected" "$text"
        holds "$call $n: no labels" [ ! -e labels/x.nii.gz ]
    done
    holds "$call: some failed" [ $n -gt 1 ]
    holds "$call: without a fault the labels are right" \
        same_text "$(voxels labels/x.nii.gz)" "$(voxels right/x.nii.gz)"
done
rm -rf labels
damage $model
holds "there is one before it" [ -s $model.previous ]
refused "a damaged model" 3 "not those that were written" 0 "${predict[@]}"
holds "a damaged model labels nothing" [ ! -e labels/x.nii.gz ]

# --- what may not be looked at is not absent ------------------------------------------------------
# as_other VERB...: by a user who may not look into fold_0, which root may.
other=()
[ "$(id -u)" -ne 0 ] || other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
as_other() {
    timeout "$limit" "${other[@]}" "$pleat" "$@" > out 2> err < /dev/null
    code=$?
}
chmod 755 "$box"
chmod -R a+rX trained
chmod 000 trained/fold_0
mkdir open && chmod 777 open
if as_other --version && [ "$code" -eq 0 ]; then
    for verb in "status trained" "info trained" "report trained" \
        "export trained --fold 0 --onnx open/x.onnx" \
        "predict trained --in data/case_001/imaging.nii.gz --out open/labels"; do
        # shellcheck disable=SC2086 # a list of words
        as_other $verb
        holds "${verb%% *} of a fold that is not permitted: exit code $code" [ "$code" -eq 3 ]
        holds "${verb%% *} names it" grep -q "^pleat: .*trained/fold_0.*Permission denied" err
    done
fi
chmod 755 trained/fold_0

# --- nor is a store's read error damage -----------------------------------------------------------
failed=0
for n in 1 6; do
    for call in open read; do
        rm -rf run && cp -a half run
        with_fault $call store/ $n $EIO job 2 train tiny.yaml "${keys[@]}"
        if [ "$code" -ne 0 ]; then
            ends "$call $n of the store" 3 "Input/output error"
            failed=$((failed + 1))
        else
            holds "$call $n: the same weights" same_text "$(digest $model)" "$whole"
        fi
    done
done
holds "some failed" [ $failed -gt 0 ]
# --- no memory, on one rank alone, before and after MPI has started -------------------------------
for n in 1 3 7; do
    with_fault alloc "" $n $ENOMEM 1 job 2 info
    holds "allocation $n of rank 1: exit code $code, not 5" [ "$code" -eq 5 ]
    holds "allocation $n of rank 1 is told" grep -q "^pleat: .*no memory" err
done
verdict
