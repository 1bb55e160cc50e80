#!/usr/bin/env bash
# e2e_hostile.sh - what a stranger may have put into a folder or a file: links, pipes, devices,
# sizes without bound, text that commands a terminal. Nothing is written through it, waited for, or
# obeyed, and the message names it. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

limit=60 # nothing here may wait or work for long
tiny_data data 4 1
keys=(--set folds.k=2 --set train.weights=latest)
model=run/fold_0/checkpoint_latest.h5
escape=$'\033' latin=$'M\374ller'
mkdir scan scans

# --- links ---------------------------------------------------------------------------------------
# precious PATH...: a link at PATH to a file of its own that has to stay as it is.
links=()
precious() {
    local path
    for path; do
        mkdir -p "$(dirname "$path")"
        echo precious > "precious.${#links[@]}"
        ln -s "$box/precious.${#links[@]}" "$path"
        links+=("$path")
    done
}
untouched() {
    local i
    for i in "${!links[@]}"; do
        holds "what ${links[i]} leads to is untouched" same_text "$(cat "precious.$i")" precious
    done
}

precious run/.lock
refused "a lock that is a link" 3 "run/.lock' is no lock of pleat" 0 run tiny.yaml "${keys[@]}" \
    --out run
rm run/.lock
precious run/log/rank-0000.log
refused "a log that is a link" 3 "rank-0000.log' is a link" 0 run tiny.yaml "${keys[@]}" \
    --out run
rm run/log/rank-0000.log
for part in log fold_0 fold_0/predictions figures store/cases; do
    rm -rf run linked
    mkdir -p linked "run/$(dirname $part)"
    ln -s "$box/linked" run/$part
    [ $part != figures ] || # else they are none of a run, and refused as such
        "$pleat" config tiny.yaml "${keys[@]}" --set train.epochs=1 > run/config.yaml
    job 0 run tiny.yaml "${keys[@]}" --set train.epochs=1 --out run
    holds "a folder $part that is a link: exit code $code" [ "$code" -eq 3 ]
    holds "is named" has err "run/$part' is a link"
    holds "nothing is written into it" [ -z "$(ls -A linked)" ]
done
rm -rf run
mkdir run
echo diary > run/.lock
refused "a lock that is no lock" 3 "run/.lock' is no lock of pleat" 0 run tiny.yaml "${keys[@]}" \
    --out run
holds "is untouched" same_text "$(cat run/.lock)" diary
rm run/.lock
precious run/{config.yaml,figures/dice.png,figures/curves.svg,summary.json,cv_results.final.csv} \
    run/fold_0/{events.jsonl,history.tsv,scores.csv,predictions/case_001.nii.gz}
rm run/config.yaml # what it leads to is no configuration
"$pleat" config tiny.yaml "${keys[@]}" --set report.figures=true --set report.pictures=1 \
    > run/config.yaml
touch run/fold_0/{.mine.tmp,predictions/.notes-1.tmp}
succeeds "a run in a folder of links" 2 run tiny.yaml "${keys[@]}" --out run \
    --set report.figures=true --set report.pictures=1
untouched
holds "files of others stay" [ -e run/fold_0/.mine.tmp ]
holds "in predictions too" [ -e run/fold_0/predictions/.notes-1.tmp ]
holds "the report stands in the link's place" [ ! -L run/summary.json ]

# --- pipes and devices ---------------------------------------------------------------------------
image=$(find data -name 'imaging.nii.gz' | sort | head -n 1)
predict=(predict $model --out labels --engine ref)
mkfifo pipe
refused "a configuration that is a pipe" 3 "'pipe' is not a file but a pipe" 0 config pipe
refused "info of a pipe" 3 "'pipe' is not a file but a pipe" 0 info pipe
refused "info of a device" 3 "'/dev/zero' is not a file but a pipe or a device" 0 info /dev/zero
refused "a model that is a device" 3 "'/dev/zero' is not a file" 0 predict /dev/zero --in "$image" \
    --out labels
mkdir -p msd/imagesTr
cp "$image" msd/imagesTr/x.nii.gz
mkfifo msd/dataset.json
refused "a dataset.json that is a pipe" 3 "msd/dataset.json" 2 "${predict[@]}" --in msd
rm msd/dataset.json
ln -s /dev/zero msd/dataset.json
refused "a dataset.json without end" 3 "msd/dataset.json" 2 "${predict[@]}" --in msd
rm msd/dataset.json
truncate -s 300M msd/dataset.json
refused "a dataset.json of 300 MB" 3 "no text of a run is longer" 2 "${predict[@]}" --in msd
mkdir secret
cp "$image" secret/s.nii.gz
echo '{"training": [{"image": "imagesTr/../../secret/s.nii.gz"}]}' > msd/dataset.json
refused "a list that leads out of the folder" 3 "leads out of the folder" 0 "${predict[@]}" --in msd
holds "nothing of it is read" [ ! -e labels/s.nii.gz ]
mkfifo scan/x.nii.gz
refused "a volume that is a pipe" 3 "scan/x.nii.gz" 0 "${predict[@]}" --in scan

# --- files of other programs ---------------------------------------------------------------------
printf '\211HDF\r\n\032\n\000\000\000\000\000\010\010\000\004\000\020\000' > other.h5
head -c 2000 /dev/zero >> other.h5
for verb in "info other.h5" "predict other.h5 --in $image --out labels"; do
    # shellcheck disable=SC2086 # a list of words
    refused "$verb" 3 "'other.h5' is damaged, or not a file of pleat" 0 $verb
done

# --- sizes ---------------------------------------------------------------------------------------
# volume X Y Z SPACING: a NIfTI-1 file of bytes that are 0.
le() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))"; }
volume() {
    le 348 && head -c 38 /dev/zero && le 3 && le "$1" && le "$2" && le "$3"
    for _ in 1 2 3 4; do le 1; done
    head -c 14 /dev/zero && le 2 && le 8 && head -c 2 /dev/zero
    printf '\0\0\200\77%b%b%b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' "$4" "$4" "$4"
    printf '\0\0\260\103\0\0\200\77' # vox_offset 352, scl_slope 1
    head -c 228 /dev/zero && printf 'n+1\0\0\0\0\0'
    head -c $(($1 * $2 * $3)) /dev/zero
}
rm scan/x.nii.gz
volume 90 90 85 '\0\0\372\104' | gzip -9 > scan/x.nii.gz # 2000 mm
holds "it is small" [ "$(stat -c %s scan/x.nii.gz)" -lt 1500 ]
refused "a small volume that asks for much" 3 "volumes not labelled" 2 "${predict[@]}" --in scan
holds "it is told why" has err "more than can be meant"
volume 90 90 85 '\0\0\200\77' | head -c 20000 | gzip -9 > scan/x.nii.gz
(volume 2000 2000 1 '\0\0\200\77' | head -c 42 && le 2000 && le 2000 && le 750 &&
    volume 2000 2000 1 '\0\0\200\77' | tail -c +49 | head -c 500000) | gzip -9 > scan/x.nii.gz
refused "a header that asks for 3 GB" 3 "volumes not labelled" 0 "${predict[@]}" --in scan
holds "it is told why too" has err "compressed ones cannot hold"
refused "more threads than there can be" 2 "threads = 4096 is too many" 0 train tiny.yaml \
    --set threads=4096 --out threads

# --- text ----------------------------------------------------------------------------------------
cp -a data "$latin"
refused "data of a name that is not UTF-8" 2 "data = 'M\\xfcller' is not UTF-8" 2 run tiny.yaml \
    --set "data=$latin" --out latin
holds "nothing is begun" [ ! -e latin/run.json ]
mkdir odd
cp -a data/case_00{1,2,3} odd
cp -a data/case_004 "odd/a${escape}[31mb"
refused "a case whose name commands a terminal" 3 "case 'a\\x1b[31mb': its name" 2 run tiny.yaml \
    --set data=odd --out odds
cp "$image" "scans/a${escape}[31mb.nii.gz"
refused "it is not labelled either" 3 "case 'a\\x1b[31mb': its name" 2 "${predict[@]}" --in scans
mv "scans/a${escape}[31mb.nii.gz" $'scans/a\nb.nii.gz'
refused "nor one of two lines" 3 "case 'a\\x0ab': its name" 2 "${predict[@]}" --in scans
mv $'scans/a\nb.nii.gz' "scans/$latin.nii.gz"
succeeds "a name that is not UTF-8 can be labelled" 0 "${predict[@]}" --in scans
holds "under its name" [ -s "labels/$latin.nii.gz" ]
holds "which is shown harmlessly" has err "M\\xfcller"
for verb in "info nowhere$escape" "report nowhere$escape" "config nowhere$escape" \
    "no${escape}verb"; do
    # shellcheck disable=SC2086 # a list of words
    job 0 $verb
    holds "'$verb' says" [ -s err ]
    holds "'$verb' is shown harmlessly" lacks <(cat out err) "$escape"
done
mkdir formulas
cp -a data/case_00{1,2,3} formulas
cp -a data/case_004 "formulas/=1+1"
succeeds "a case that a spreadsheet would compute" 0 run tiny.yaml "${keys[@]}" --out formula \
    --set data=formulas --set train.epochs=1
holds "is text" has formula/cv_results.detailed.csv "\"'=1+1\",DSC,"
holds "in every table" eval '! grep -qE "(^|,)\"?=" formula/*.csv formula/fold_?/*.csv'

printf 'a: %s' "$(head -c 100000 /dev/zero | tr '\0' '[')" > deep.yaml
refused "a configuration of 100000 brackets" 2 "no file of settings is nested" 0 config deep.yaml
refused "a pattern that asks for much memory" 2 "repeats too much" 0 split tiny.yaml \
    --out s.json --set 'folds.group_by=((a{200}){200}){200}'

cp -a run numbers
sed -i 's/"folds": 2/"folds": 2000000000/' numbers/run.json
for verb in report info; do
    refused "$verb of a run of 2000000000 folds" 3 "numbers/run.json" 0 $verb numbers
done
cp -a run counts
sed -i '0,/"tp": [0-9]*/s//"tp": 9223372036854775806/' counts/fold_0/scores.json
refused "counts that overflow" 3 "counts/fold_0/scores.json" 0 report counts

# --- what a script gets wrong ---------------------------------------------------------------------
refused "an empty --out" 2 "--out '': its value is empty" 0 run tiny.yaml "${keys[@]}" --out ""
refused "an empty argument" 2 "an argument of report is empty" 0 report ""
for out in data data/run link/run; do
    ln -sfn data link
    refused "--out $out" 2 "whose folders are cases" 2 run tiny.yaml "${keys[@]}" --out $out
    refused "a store in $out" 2 "whose folders are cases" 0 prep tiny.yaml --out $out
done
holds "nothing was written there" eval '[ -z "$(find data -name "*.json" -o -name "*.h5")" ]'
OMP_NUM_THREADS=99999999 refused "threads that nobody can start" 2 "OMP_NUM_THREADS asks for" 0 info
refused "another seed" 2 "seed was 1, now 7" 0 run tiny.yaml "${keys[@]}" --out run --set seed=7
holds "the log keeps the error that ended the run" has run/log/rank-0000.log "seed was 1, now 7"
verdict
