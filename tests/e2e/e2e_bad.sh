#!/usr/bin/env bash
# e2e_bad.sh - whatever is wrong with the data or the configuration, a job of two ranks ends with
# one message that names it, with the right exit code, and leaves no rank behind. Wants PLEAT, the
# program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

tiny_data data 4 1
sizes() { gzip -dc "$1" | od -An -td2 -j 42 -N 6 | xargs; } # x, y, z of a NIfTI-1 file
n=0

# spoilt: a copy of the data set in bad/ whose case_002 the caller may change.
spoilt() {
    rm -rf bad
    mkdir bad
    cp -al data/* bad/
    rm -r bad/case_002
    cp -a data/case_002 bad/
}

# bad_run WHAT CODE TEXT OPTION...: two ranks that begin a run with the data set bad/.
bad_run() {
    local what=$1 expected=$2 text=$3
    shift 3
    refused "$what" "$expected" "$text" 2 run tiny.yaml --set data=bad --set folds.k=2 \
        --out out_$((++n)) "$@"
}

# put FILE OFFSET BYTES: overwrites them.
put() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null; }

image=bad/case_002/imaging.nii
mask=bad/case_002/segmentation.nii

# --- volumes -------------------------------------------------------------------------------------
spoilt
head -c $(($(stat -c %s data/case_002/imaging.nii.gz) / 2)) data/case_002/imaging.nii.gz > $image.gz
bad_run "a compressed volume cut short" 3 "${image#bad/}.gz"

spoilt
gzip -dc data/case_002/imaging.nii.gz | head -c 20000 > $image
rm $image.gz
bad_run "a volume cut short" 3 "${image#bad/}"
holds "no folder is left of it" [ ! -e "out_$n" ]

spoilt
gzip -d $mask.gz
put $mask 5000 '\011'
bad_run "a label outside the classes" 3 \
    "case 'case_002': case_002/segmentation.nii: label 9 (1 voxel)"

spoilt
cp data/case_003/segmentation.nii.gz $mask.gz
read -r x y z < <(sizes data/case_002/imaging.nii.gz)
holds "the shapes differ" eval '[ "$x $y $z" != "$(sizes $mask.gz)" ]'
bad_run "shapes that differ" 3 "case 'case_002'"
holds "both shapes are named" has err "$x x $y x $z"
holds "no folder is left of it" [ ! -e "out_$n" ]
refused "a dry run of it" 3 "case 'case_002'" 2 run tiny.yaml --set data=bad --set folds.k=2 \
    --dry-run

spoilt
rm $mask.gz
bad_run "no mask" 3 "case 'case_002' has no label"

spoilt
gzip -dc data/case_002/imaging.nii.gz | head -c 352 > $image
rm $image.gz
head -c $((x * y * z * 4)) /dev/zero >> $image
put $image 70 '\020\000\040\000'        # float32
put $image 40352 '\000\000\300\177'     # voxel 10000
bad_run "a voxel that is no number" 3 "${image#bad/}"

spoilt
cp -a bad/case_002/imaging.nii.gz bad/case_002/imaging.nii
bad_run "a volume twice" 3 "case_002/imaging.nii"

rm -rf bad
mkdir -p bad/imagesTr bad/labelsTr
for case in 001 002; do
    cp data/case_$case/imaging.nii.gz bad/imagesTr/case_$case.nii.gz
    cp data/case_$case/segmentation.nii.gz bad/labelsTr/case_$case.nii.gz
done
cp data/case_003/imaging.nii.gz bad/imagesTr/case_002_0000.nii.gz
bad_run "one id for two cases" 3 "case_002"

rm -rf bad
mkdir bad
bad_run "an empty folder" 3 "no cases in 'bad'"
rm -rf bad
bad_run "no folder" 3 "'bad': there is no '$box/bad'; a relative path begins in the folder"

# --- a check finds all of them in one pass -------------------------------------------------------
succeeds "a check of a configuration" 2 check tiny.yaml
succeeds "a check of good data" 0 check data --json
cp out by_one
succeeds "shared out over two ranks" 2 check data --json
holds "it finds the same on two ranks" cmp by_one out
succeeds "exploring it" 0 explore data --json --picture one.png --html one.html
mv out by_one
succeeds "shared out over two ranks" 2 explore data --json --picture two.png --html two.html
holds "it is the same on two ranks" cmp by_one out
holds "its picture too" cmp one.png two.png
holds "its page too" cmp one.html two.html
holds "which asks for nothing from elsewhere" lacks one.html "://"
succeeds "as CSV" 0 explore tiny.yaml --csv --fold 0
holds "a row per case" [ "$(grep -c ^case_00 out)" -eq 4 ]
holds "with the classes" has out "voxels lung_L"
mkdir -p narrow/case_001
cp data/case_001/imaging.nii.gz narrow/case_001/
gzip -dc data/case_001/segmentation.nii.gz > whole.nii
{ head -c 352 whole.nii; tail -c +353 whole.nii | tr '\002\003' '\001\001'; } |
    gzip > narrow/case_001/segmentation.nii.gz
succeeds "exploring one volume of one class" 0 explore narrow --html narrow.html
holds "its axis has two numbers" [ "$(grep -o 'aria-label="volumes.*' narrow.html |
    grep -o 'class="axis"' | wc -l)" -ge 2 ]
refused "two forms at once" 2 "choose one" 0 explore data --csv --json
refused "a folder for a picture" 2 "'data' is a folder" 0 explore data --picture data
refused "a picture of another format" 2 "FILE.png" 0 explore data --picture d.jpg
refused "a page in a folder that is not there" 2 "make the folder" 0 explore data --html sub/d.html
spoilt
rm bad/case_003/segmentation.nii.gz
cp data/case_001/imaging.nii.gz bad/case_002/imaging.nii.gz
head -c 2000 data/case_004/imaging.nii.gz > cut
mv cut bad/case_004/imaging.nii.gz
refused "a check of bad data" 3 "errors and" 2 check bad
holds "a mask of another size" grep -q "^ *error *shape *case_002 " out
holds "a missing mask" grep -q "^ *error *files *case_003 " out
holds "a volume cut short" grep -q "^ *error *damaged *case_004 " out
holds "and what to do" has out "write the mask again on the image's grid"
refused "exploring bad data" 3 \
    "3 of 4 cases of 'bad' could not be read and are left out: case_002, case_004, case_003;" 2 \
    explore bad
holds "what can be read is told" grep -q "^ *case_001 .* LPS " out
refused "the headers alone" 3 "errors and" 0 check bad --headers --json
holds "read no voxel" lacks out '"damaged"'
succeeds "notes, strictly" 0 check data --strict
holds "grey levels among Hounsfield units, with the key" grep -q \
    "^ *note *intensities *case_003 .*preprocess.grayscale: true" out
refused "warnings, strictly" 3 "0 errors and" 0 check tiny.yaml --strict \
    --set preprocess.grayscale=false

# --- without a configuration the defaults, which are for CT, say nothing of other images ---------
mkdir mri
for case in data/case_*; do
    cp -r "$case" mri/
    gunzip -c "$case/imaging.nii.gz" > volume # scl_slope 1, scl_inter 2000
    printf '\0\0\200\077\0\0\372\104' | dd of=volume bs=1 seek=112 conv=notrunc status=none
    gzip -c volume > "mri/${case#data/}/imaging.nii.gz"
done
clipped() { grep -o '"what": *"[^"]*preprocess.clip[^"]*' out | wc -l; }
succeeds "a check of values above the default clip" 0 check mri --json
holds "nothing is said of the clip" same_text "$(clipped)" 0
refused "by a clip that is asked for" 3 "errors and" 0 check mri --json \
    --set preprocess.clip=[-1250,250]
holds "each case is named" same_text "$(clipped)" 4

# --- nothing is left of a run that cannot begin ---------------------------------------------------
spoilt
for case in 002 004; do
    rm bad/case_$case/imaging.nii.gz
    head -c 9000 data/case_$case/imaging.nii.gz > bad/case_$case/imaging.nii.gz
done
rm bad/case_003/imaging.nii.gz
cp data/case_003/imaging.nii.gz bad/case_003/
printf '\377\377' | dd of=bad/case_003/imaging.nii.gz bs=1 seek=4000 conv=notrunc 2> /dev/null
for how in "--out late/run" --dry-run; do
    # shellcheck disable=SC2086 # a list of options
    refused "three damaged volumes, $how" 3 "'bad': 3 errors and" 2 -q run tiny.yaml $how \
        --set data=bad
    for case in 002 003 004; do
        holds "case $case is named, with -q too" \
            grep -q " error: case 'case_$case': case_$case/imaging.nii.gz: " err
    done
    holds "nothing is written" [ ! -e late ]
    refused "a class too few, $how" 3 "'data': 4 errors and" 0 run tiny.yaml $how \
        --set classes=[background,lung]
    holds "all four masks are named, with a cure" \
        same_text "$(grep -c ' error: .*label .*[23] (.*, or name the label in classes$' err)" 4
    holds "nothing is written" [ ! -e late ]
done
mkdir few
refused "too many folds" 2 "set folds.k to at most 4" 2 run tiny.yaml --out few --set folds.k=9
PLEAT_COMM_SHARED=abc refused "a number of ranks that is none" 2 "PLEAT_COMM_SHARED='abc'" 2 \
    run tiny.yaml --out few
holds "the folder is as it was" same_text "$(ls -A few)" ""
succeeds "corrected, other preprocessing too" 0 train tiny.yaml --out late/run --fold 0 \
    --set preprocess.resample=[13,13,14] --set store=late/other
patch='--set patch=[2048,2048,2048] --set network.filters=64'
for how in "--out large" --dry-run; do
    # shellcheck disable=SC2086 # a list of options
    refused "a patch beyond memory, $how" 2 "make patch, train.batch" 0 run tiny.yaml $how $patch
done
holds "no folder of it" [ ! -e large ]
succeeds "a dry run of too large a patch" 0 run tiny.yaml --dry-run --set patch=[64,16,16]
holds "is warned of" has err "warning: patch: 64 voxels along x, the largest volume has"

# --- configuration -------------------------------------------------------------------------------
spoilt
bad_run "a patch the network cannot halve" 2 "patch" --set patch=[17,16,8]
bad_run "an unknown key" 2 "train.epochs" --set train.epoch=3
bad_run "an unknown engine" 2 "'abacus'" --set engine=abacus
if ! "$pleat" info 2> /dev/null | grep -q '^  cudnn *yes'; then
    bad_run "an engine that is not there" 2 "engine 'cudnn'" --set data=data --set engine=cudnn
    holds "no folder for it either" [ ! -e "out_$n" ]
fi
bad_run "an unknown precision" 2 "precision" --set precision=f31
bad_run "a fold that is not there" 2 "--fold 9" --fold 9
holds "no folder for it" [ ! -e "out_$n" ]
bad_run "a batch that cannot be shared" 2 "train.batch" --set train.batch=3 --set ranks_per_fold=2
bad_run "too few cases" 2 "folds" --set folds.k=5
bad_run "classes that are not known" 2 "classes" --set classes=

# --- folders -------------------------------------------------------------------------------------
touch file
refused "a folder that cannot be" 3 "file" 2 run tiny.yaml --out file/run

succeeds "a store" 2 prep tiny.yaml --out store
bad_run "a store of other preprocessing" 3 "resample" --set store=store \
    --set preprocess.resample=[12,12,15]
holds "the store is named" grep -q '^pleat: .*store' err

# --- patients ------------------------------------------------------------------------------------
mkdir patients
for case in ann_1 ann_2 bob_1 bob_2; do cp -al data/case_001 patients/$case; done
by='--set data=patients --set folds.k=2 --set folds.group_by=^([a-z]+)_'
cat > leak.json << 'END'
[{"train": ["ann_1", "bob_1"], "val": ["ann_2", "bob_2"]},
 {"train": ["ann_2", "bob_2"], "val": ["ann_1", "bob_1"]}]
END
# shellcheck disable=SC2086 # a list of options
{
    refused "a patient in two folds" 3 "'ann'" 2 split tiny.yaml --check leak.json $by
    succeeds "folds by patient" 2 split tiny.yaml --out kept.json $by
    succeeds "which leak nothing" 2 split tiny.yaml --check kept.json $by
}

# --- training ------------------------------------------------------------------------------------
# Without norm a deep net overflows after a few steps of this size.
refused "training that diverges" 4 "fold 0 diverged" 2 train tiny.yaml --out wild \
    --set store=store --set network.norm=false --set network.depth=4 --set patch=[16,16,16] \
    --set train.lr=10 --set train.epochs=40 --set train.iterations=1
for fold in 0 1 2; do # one does not stop the others
    holds "fold $fold is trained" [ -s wild/fold_$fold/history.tsv ]
done
epochs=$(sed 1d wild/fold_0/history.tsv | wc -l)
holds "some epochs were good" [ "$epochs" -ge 1 ]
holds "their history is all numbers" eval '! grep -qiE "nan|inf|\t\t" wild/fold_0/history.tsv'
holds "the message names the next" grep -q "^pleat: .*epoch $((epochs + 1));" err
succeeds "info" 0 info wild/fold_0/checkpoint_latest.h5 --json
holds "the last good checkpoint is kept" has out "\"epoch\": $epochs,"
succeeds "the model labels" 2 predict wild/fold_0/checkpoint_latest.h5 \
    --in data/case_001/imaging.nii.gz --out labels --engine ref

# --- one bad volume among others -----------------------------------------------------------------
mkdir new
for k in 1 2 3 4; do cp "data/case_00$k/imaging.nii.gz" new/v$k.nii.gz; done
for k in 2 4; do echo damaged > new/v$k.nii.gz; done
refused "two damaged volumes among four" 3 "2 of 4 volumes not labelled, the others are in" 2 \
    predict wild/fold_0/checkpoint_latest.h5 --in new --out some --engine ref
cp some/v1.nii.gz some/v2.nii.gz
refused "they say why with -q, too" 3 "2 of 4 volumes" 0 -q \
    predict wild/fold_0/checkpoint_latest.h5 --in new --out some --engine ref
for k in 2 4; do
    holds "v$k has a reason" grep -q "'v$k' is not labelled: .*new/v$k.nii.gz" err
done
holds "the others are labelled" same_text "$(cd some && echo ./*.gz)" \
    "./v1.nii.gz ./v3.nii.gz" # and no map of an earlier prediction is left of v2
refused "other settings than those of the maps there" 2 "with other settings" 2 \
    predict wild/fold_0/checkpoint_latest.h5 --in new --out some --engine ref --set overlap=4x4x4
holds "and the maps stay" [ -s some/v3.nii.gz ]
mv some/predicted.json kept.json
refused "maps of unknown models" 2 "no predicted.json that says which models made them" 0 \
    predict wild/fold_0/checkpoint_latest.h5 --in new --out some --engine ref
mv kept.json some/predicted.json
cp data/case_004/imaging.nii.gz new/v4.nii.gz
for k in 0 1 2; do mv "new/v$((k + 1 + (k > 0))).nii.gz" new/scan_000$k.nii.gz; done
rm new/v2.nii.gz
refused "numbers that read as channels" 3 "not labelled" 2 \
    predict wild/fold_0/checkpoint_latest.h5 --in new --out none --engine ref
holds "how to rename them is said" has err "as scan_0001.nii.gz to scan-0001.nii.gz"

# --- what would go unseen ------------------------------------------------------------------------
mkdir maps
for k in 0 1; do
    cp some/v1.nii.gz maps/s_000$k.nii.gz
done
succeeds "label maps numbered from 0" 0 score maps --truth maps --classes background,a,b,c
holds "maps compared with themselves are told" has err "truth and prediction are one file in"
holds "are two cases" has out "2 cases"
for verb in config --version --help info "score maps --truth maps --classes background,a,b,c"; do
    # shellcheck disable=SC2086 # a list of words
    "$pleat" $verb > /dev/full 2> err
    holds "results of '$verb' on a full disk" same_text $? 3
    holds "are told to be lost" grep -q "^pleat: cannot write the results to stdout: " err
done
cp -r maps more && cp some/v1.nii.gz more/stranger.nii.gz
succeeds "predictions of no case" 0 score more --truth maps --classes background,a,b,c
holds "are told" has err "warning: 1 of the 3 predictions in 'more' are of no case of 'maps'"
"$pleat" score more --truth maps --classes background,a,b,c > out 2> /dev/full
holds "a warning that cannot be written is no success" same_text $? 3
"$pleat" score more --truth maps --classes background,a,b,c > out 2>&-
holds "who closed stderr wants none" same_text $? 0
mkdir twins
cp -a data/case_00{1,2,3} twins/
cp data/case_001/*.nii.gz twins/case_003/
succeeds "a volume under two names" 2 train tiny.yaml --out twin --set data=twins --fold 0
holds "is told once" same_text "$(grep -c "'case_001' and 'case_003' are one volume" err)" 1
gzip -dc data/case_001/imaging.nii.gz | gzip -1 > twins/case_003/imaging.nii.gz
gzip -dc data/case_001/segmentation.nii.gz > mask.nii
{ head -c 352 mask.nii; tail -c +353 mask.nii | tr '\003' '\002'; } > other.nii # voxels only
holds "the masks differ" eval '! cmp -s mask.nii other.nii'
gzip -c other.nii > twins/case_003/segmentation.nii.gz
holds "the images are packed otherwise" eval \
    '! cmp -s {data/case_001,twins/case_003}/imaging.nii.gz'
succeeds "packed anew, with another mask" 2 train tiny.yaml --out twin2 --set data=twins --fold 0
holds "is told too" has err "'case_001' and 'case_003' are one volume"

# --- a launcher that MPI knows nothing of --------------------------------------------------------
export SLURM_NTASKS=4
refused "4 tasks, each alone" 2 "SLURM_NTASKS says 4 processes, MPI says 1" 0 run tiny.yaml \
    --out alone
holds "the fix is named" has err "srun --mpi=pmix"
holds "nothing is written" [ ! -e alone ]
verdict
