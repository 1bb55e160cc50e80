#!/usr/bin/env bash
# e2e_warnings.sh - what a rank warns of is said once, counted, and kept with the run; masks and
# maps of another place and models that label nothing do not pass. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

times() { # times N FILE TEXT: so many lines hold it
    local n
    n=$(grep -cF -- "$3" "$2")
    [ "$n" -eq "$1" ] || { printf '      %s lines and not %s\n' "$n" "$1" && false; }
}
# put FILE.nii.gz PLACE BYTES: into what is packed there.
put() {
    gzip -dc "$1" > volume.nii
    printf '%b' "$3" | dd of=volume.nii bs=1 seek="$2" conv=notrunc 2> /dev/null
    gzip -c volume.nii > "$1"
}

tiny_data data 5 1
# --- values of another kind -----------------------------------------------------------------------
mixed="--set preprocess.clip=[-1250,250] --set preprocess.grayscale=false"
for n in 0 2; do
    # shellcheck disable=SC2086 # a list of options
    succeeds "prep, $n ranks" $n prep tiny.yaml $mixed --out kinds_$n
    holds "the case in 0..255 among those in Hounsfield units is named once" times 1 err \
        "most (CT in Hounsfield units): case_003 (0 and above); export"
done
# shellcheck disable=SC2086 # a list of options
succeeds "cases that are there" 0 prep tiny.yaml $mixed --out kinds_0
holds "are told of again" times 1 err "case_003 (0 and above)"
# shellcheck disable=SC2086 # a list of options
succeeds "a run of that store" 0 run tiny.yaml $mixed --set store=kinds_0 --out of_kinds
holds "tells it" times 1 err "case_003 (0 and above)"
holds "and keeps it" times 1 of_kinds/run.json "case_003 (0 and above)"
succeeds "prep with grayscale" 0 prep tiny.yaml --set preprocess.clip=[-1250,250] --out grey
holds "which makes them alike, has nothing to tell" lacks err "of another kind"

# --- a header that was cut down -------------------------------------------------------------------
cp -r data cut
for file in cut/case_001/{imaging,segmentation}.nii.gz; do
    slices=$(gzip -dc "$file" | od -An -tu1 -j46 -N1) # dim[3]
    put "$file" 46 "\\x$(printf %02x $((slices - 2)))"
done
for start in first second; do
    succeeds "prep, the $start time" 0 prep tiny.yaml --set data=cut --out left_over
    holds "the image's slices are told of" times 1 err "imaging.nii.gz' holds"
    holds "and the mask's" times 1 err "segmentation.nii.gz' holds"
done

rm -r data/case_003 # a volume in 0..255 already, which the range below would leave one value of
cp -r data moved
# srow_x[3] becomes 1000 mm, and so the mask's place.
for k in 1 2 4; do put moved/case_00$k/segmentation.nii.gz 292 '\x00\x00\x7a\x44'; done

# --- masks that lie elsewhere ---------------------------------------------------------------------
for n in 1 3; do
    refused "moved masks, $n ranks" 3 "3 of 4 cases cannot be prepared" $n \
        prep tiny.yaml --set data=moved --out refused
    for k in 1 2 4; do
        holds "case $k and its cure" grep -q "case 'case_00$k': .*data.affine: warn" err
    done
    holds "nothing was made" [ ! -e refused/index.h5 ]
done

# --- what the check tells, before the run has a folder -------------------------------------------
cp -r data visits
mv visits/case_001 visits/p_7_1
mv visits/case_002 visits/p_7_2
empty=visits/p_7_1/segmentation.nii.gz
bytes=$(gzip -dc $empty | wc -c)
{ gzip -dc $empty | head -c 352 && head -c $((bytes - 352)) /dev/zero; } > volume.nii
gzip -c volume.nii > $empty
patient="folds.group_by: p_7_1, p_7_2: one patient" nothing="every voxel is background"
export SLURM_JOB_END_TIME
SLURM_JOB_END_TIME=$(($(date +%s) + 20)) # less the 30 s that a run leaves
refused "a job that is shorter than the check" 2 "takes longer than the time that there is" 2 \
    run tiny.yaml --set data=visits --out short
unset SLURM_JOB_END_TIME
holds "nothing is left" [ ! -e short ]
succeeds "a run" 2 run tiny.yaml --set data=visits --out visits_run
for text in "$patient" "$nothing"; do
    holds "it is said" times 1 err "$text"
    holds "the log has it" times 1 visits_run/log/rank-0000.log "$text"
    holds "run.json has it" times 1 visits_run/run.json "$text"
    holds "the report has it" times 1 out "$text"
done
succeeds "a run of that store" 2 run tiny.yaml --set data=visits --set store=visits_run/store \
    --out again
holds "which is told of what the headers show" times 1 err "$patient"
holds "and needs no voxels of the files" lacks err "$nothing"

# --- warnings of all ranks ------------------------------------------------------------------------
# Each case is prepared by one rank or another, and most of it lies above this range.
cut="--set preprocess.clip=[-1250,-900]"
for n in 1 2 4; do
    # shellcheck disable=SC2086 # a list of options
    succeeds "warned, $n ranks" $n run tiny.yaml --set data=moved --set data.affine=warn $cut \
        --out run_$n || continue
    for k in 1 2 4 5; do
        clip="case 'case_00$k': preprocess.clip [-1250, -900] cuts "
        holds "$n ranks: case $k is told once" times 1 err "warning: $clip"
        holds "$n ranks: run.json has it" times 1 run_$n/run.json "$clip"
        holds "$n ranks: summary.json has it" times 1 run_$n/summary.json "$clip"
        holds "$n ranks: the report has it" times 1 out "  $clip"
    done
    for k in 1 2 4; do
        place="case 'case_00$k': by its affine"
        holds "$n ranks: mask $k is told once" times 1 err "warning: $place"
    done
    holds "$n ranks: they are counted" grep -Eq " [0-9]+ warnings above$" err
done
mv run_2 run
job 2 run tiny.yaml --set data=moved --set data.affine=warn --set "preprocess.clip=[-1250,-900]" \
    --out run
holds "a finished run, started again, still has them" times 4 run/run.json " cuts "
succeeds "report" 0 report run
holds "and its report" times 4 out " cuts "
succeeds "another run with the store" 2 train tiny.yaml --set data=moved --set data.affine=warn \
    --set "preprocess.clip=[-1250,-900]" --set store=run/store --out other --fold 0
holds "is told what was lost when it was made" times 4 err " cuts "
holds "and keeps it" times 4 other/run.json " cuts "

small="the training volumes are all smaller than the patch along"
holds "patches that fit are not told of" lacks err "$small"
succeeds "a patch longer than any volume" 1 train tiny.yaml --set patch=[64,8,4] --out long --fold 0
holds "is told along its axis" times 1 err "$small x,"
holds "and along no other" times 1 err "$small"

# --- volumes that cannot be labelled --------------------------------------------------------------
mkdir new
for k in 1 2 3 4; do cp data/case_001/imaging.nii.gz new/v$k.nii.gz; done
for k in 2 4; do echo damaged > new/v$k.nii.gz; done
for n in 1 3; do
    refused "two damaged volumes, $n ranks" 3 "2 of 4 volumes not labelled, the others are in" \
        $n predict other --weights latest --in new --out some_$n
    holds "$n ranks: both are listed" grep -qE "^pleat: .*: (v2, v4|v4, v2)$" err
    for k in 2 4; do
        holds "$n ranks: v$k has its reason once" times 1 err "'v$k' is not labelled: "
        holds "$n ranks: and only there" times 1 err "new/v$k.nii.gz"
    done
done

# --- a model that labels nothing ------------------------------------------------------------------
cp -r data empty
for k in 4 5; do
    mask=empty/case_00$k/segmentation.nii.gz
    gzip -dc "$mask" > volume.nii
    bytes=$(stat -c %s volume.nii)
    { head -c 352 volume.nii; head -c $((bytes - 352)) /dev/zero; } | gzip -c > blank.gz
    mv blank.gz "$mask"
done
cat > splits.json << 'END_OF_SPLITS'
[{"train": ["case_004", "case_005"], "val": ["case_001", "case_002"]},
 {"train": ["case_001", "case_002"], "val": ["case_004", "case_005"]}]
END_OF_SPLITS
nothing="fold=0: its model labelled every voxel of its 2 held-out cases background"
for n in 1 3; do
    succeeds "a fold that learns nothing, $n ranks" $n run tiny.yaml --set data=empty \
        --set folds.k=2 --set folds.splits=splits.json --set train.epochs=25 --set train.lr=0.02 \
        --set network.norm_momentum=0.5 --set train.weights=latest --out nothing_$n
    holds "$n ranks: it is told" times 1 err "$nothing"
    holds "$n ranks: and kept" times 1 nothing_$n/run.json "$nothing"
    holds "$n ranks: and reported" times 1 out "$nothing"
done
rm new/v2.nii.gz new/v4.nii.gz
succeeds "its predictions" 2 predict nothing_1/fold_0/checkpoint_latest.h5 --in new --out labels
holds "are told to be nothing" times 1 err "all volumes are labelled background and nothing else"

# --- maps that lie elsewhere ----------------------------------------------------------------------
mkdir truth guess
for k in 1 2; do cp data/case_00$k/segmentation.nii.gz truth/v$k.nii.gz; done
cp truth/* guess
classes="background,lung_L,lung_R,infection"
succeeds "score" 0 score guess --truth truth --classes $classes
put guess/v2.nii.gz 292 '\x00\x00\x7a\x44'
refused "a map of another place" 3 "case 'v2': by its affine" 0 \
    score guess --truth truth --classes $classes
refused "without anything in common" 3 "no place in common" 0 \
    score guess --truth truth --classes $classes --by-header
succeeds "as the voxels lie" 0 score guess --truth truth --classes $classes --by-voxel
holds "it is perfect" has out "Mean foreground Dice: 1.0000"
verdict
