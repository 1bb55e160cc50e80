#!/usr/bin/env bash
# e2e_manners.sh - long names, the variables of a module file, closed standard files. Wants PLEAT,
# the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
tiny_data data 4 1
keys=(--set folds.k=2 --set train.epochs=1)

# --- a name as long as a DICOM series makes it ----------------------------------------------------
long=$(printf '%0160d' 7)
mv data/case_001 "data/$long"
succeeds "a case's name of 160 bytes" 0 run tiny.yaml --out run "${keys[@]}"
labels=$(echo run/fold_?/predictions/"$long.nii.gz")
holds "its labels" [ -s "$labels" ]
holds "its row in the report" grep -q "^$long," run/cv_results.detailed.csv
succeeds "the run once more" 0 run tiny.yaml --out run "${keys[@]}"
holds "is not made again" lacks err "predicted and scored"
succeeds "its prediction" 0 predict run --in "data/$long" --out labels
holds "has its name" [ -s "labels/$long.nii.gz" ]
succeeds "its score" 0 score labels --truth data --classes background,lung_L,lung_R,infection
mv "data/$long" "data/${long}1"
refused "a name of 161 bytes" 2 "cannot be the name of a case: 1 to 160 bytes" 0 run tiny.yaml \
    --out other "${keys[@]}"
mv "data/${long}1" data/case_001

# --- variables of a module file; one that was meant as a key --------------------------------------
PLEAT_ROOT=/opt/pleat PLEAT_VERSION=1 PLEAT_LICENCE=none succeeds "variables of a module file" 0 \
    split tiny.yaml --out splits.json "${keys[@]}"
holds "the unknown one is named" has err "PLEAT_LICENCE is no key's variable and is ignored"
holds "the usual ones are not" lacks err PLEAT_ROOT
PLEAT_TRAIN_EPOCH=3 refused "a misspelt key" 2 "did you mean PLEAT_TRAIN_EPOCHS?" 0 \
    split tiny.yaml --out splits.json

# --- standard files that are closed ---------------------------------------------------------------
"$pleat" split tiny.yaml --out closed.json "${keys[@]}" <&- >&- 2>&-
holds "no standard files: exit code $?" cmp closed.json splits.json
"$pleat" config > right
"$pleat" config 2> err >&-
code=$?
holds "a closed stdout: exit code $code" [ "$code" -eq 3 ]
holds "is told" has err "cannot write the results to stdout"
"$pleat" config > out 2>&-
holds "a closed stderr: exit code $?" cmp out right
verdict
