#!/usr/bin/env bash
# e2e_info.sh - pleat info on every kind of file, pleat bench on small problems, as text and JSON.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
mkdir scratch
export TMPDIR=$box/scratch

# run CODE ARGUMENT...: the program, alone; the exit code must be CODE.
run() {
    local expected=$1
    shift
    job 0 "$@"
    [ "$code" -eq "$expected" ] || wrong "$*: exit code $code, not $expected"
}

# text PATTERN...: a line of out matches each, blanks standing for any number of them.
text() {
    local pattern
    for pattern in "$@"; do
        grep -qE "^ *${pattern// / +} *\$" out || wrong "no line '$pattern'"
    done
}

# json KEY=VALUE|KEY...: out is one line with one JSON object that has these members.
json() {
    [ "$(wc -l < out)" -eq 1 ] || wrong "not one line"
    if command -v python3 > /dev/null; then
        python3 - "$@" << 'END' || wrong "JSON: $*"
import json, sys
def refuse(word):
    raise ValueError(word + " is not JSON")
with open("out") as file:
    found = json.load(file, parse_constant=refuse)
for wanted in sys.argv[1:]:
    key, equals, value = wanted.partition("=")
    if key not in found or equals and found[key] != json.loads(value):
        sys.exit(f"{wanted}: found {found.get(key)!r}")
END
    else
        local wanted
        for wanted in "$@"; do
            grep -qF "\"${wanted%%=*}\": " out || wrong "no key ${wanted%%=*}"
        done
    fi
}

# --- a volume made by hand: int16 1 and 3, slope 2, inter 5, pixdim 2 3 4 mm ----------------------
put() { printf '%b' "$2" | dd of=hand.nii bs=1 seek="$1" conv=notrunc status=none; }
head -c 356 /dev/zero > hand.nii
put 0 '\x5c\x01'
put 40 '\x03\x00\x02\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00'
put 70 '\x04\x00\x10\x00'
put 76 '\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40'
put 108 '\x00\x00\xb0\x43\x00\x00\x00\x40\x00\x00\xa0\x40'
put 123 '\x02'
put 344 'n+1\x00'
put 352 '\x01\x00\x03\x00'
run 0 info hand.nii
text 'kind nifti' 'version 1' 'byte order little-endian' 'compressed no' 'datatype int16' \
    'slope 2' 'inter 5' 'dim 2 1 1' 'spacing mm 2 3 4' 'axes RAS' 'affine from pixdim' 'min 7' \
    'max 11' 'mean 9'
run 0 info hand.nii --json
json 'kind="nifti"' 'dim=[2, 1, 1]' 'spacing_mm=[2, 3, 4]' min=7 max=11 mean=9 compressed=false \
    sform_code=0 qform_code=0 'affine=[[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0]]'
latin=$'Sch\xe4del "1".nii' # a name that is no UTF-8
cp hand.nii "$latin"
run 0 info "$latin" --json
json 'kind="nifti"' 'file="Sch?del \"1\".nii"'
rm "$latin"

# --- a run, its store and its checkpoints ---------------------------------------------------------
cat > small.yaml << 'END'
classes: [background, lung_L, lung_R, infection]
preprocess: {resample: [13, 13, 12]}
folds: {k: 2}
patch: [16, 16, 8]
overlap: [8, 8, 4]
network: {depth: 1, filters: 4, norm_momentum: 0.05}
train: {epochs: 2, iterations: 3, batch: 1}
augment: {on: false}
engine: ref
END
run 0 phantom data --cases 4
run 0 run small.yaml --set data=data --out run
run 0 info run
text 'kind run' 'folder run' 'engine ref' 'cases 4' 'reported yes' '0 2 6 [0-9.]+ yes yes' \
    '1 2 6 [0-9.]+ yes yes'
grep -q warnings out && wrong "a table of no warnings"
grep -q '^command  .* run small.yaml --set data=data --out run$' out || wrong "no command"
run 0 info --json run
json 'kind="run"' version command config_digest 'seed="1"' cases=4 reported=true folds
run 0 info run/splits_final.json
text 'kind splits' 'held out 4' 'cases 4' 'repeats 1' '0 2 2' '1 2 2'
run 0 info data/case_001/segmentation.nii.gz --json
json 'kind="nifti"' labels
run 0 info data/case_001/segmentation.nii.gz
voxels=$(sed -n 's/^voxels *//p' out)
same=$(sed -n '/^labels/,$p' out | awk 'NR > 2 { sum += $2 } END { print sum }')
[ "$voxels" = "$same" ] || wrong "the labels of a mask are $same voxels, not $voxels"
run 0 info data/case_001/imaging.nii.gz
grep -q '^labels' out && wrong "an image has labels"
mkdir described
cat > described/dataset.json << 'END'
{"labels": {"background": 0, "liver": 5}, "channel_names": {"0": "CT"}}
END
run 0 info described/dataset.json
text 'kind dataset' 'channel names CT' '5 liver -'
cat > described/dataset.json << 'END'
{"labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
 "regions_class_order": [1, 2]}
END
run 0 info described/dataset.json
text 'ignored label 3' '1 whole 1\+2' '2 core 2'
run 0 info run/store
text 'kind store' 'n 4' 'labelled 4' 'classes 4' 'preprocessing clip: -1250,250' \
    'resample: 13,13,12' 'case_004 [0-9]+ .* 4 [0-9a-f]{16}'
run 0 info run/store/index.h5 --json
json 'kind="store"' n=4 labelled=4 cases preprocessing
run 0 info run/store/cases/case_002.h5
text 'kind case' 'id case_002' 'image data/case_002/imaging.nii.gz'
run 0 info run/store/cases/case_002.h5 --json
json 'kind="case"' 'id="case_002"' labelled=true classes=4 affine
# 4,804 parameters: convolutions 108+4, 432+4, 864+8, 1728+8, 864+4, 432+4; norms 8, 8, 16, 16,
# 8, 8; up 256+4; head 16+4
run 0 info run/fold_1/checkpoint_latest.h5
text 'kind checkpoint' 'network unet depth=1 filters=4 classes=4 norm=1' 'params 4804' 'fold 1' \
    'epoch 2' 'step 6' 'finished yes' 'best loss [0-9.]+' 'engine ref' 'precision f32' \
    'resumable yes'
run 0 info run/fold_1/checkpoint_latest.h5 --json
json 'kind="checkpoint"' params=4804 fold=1 epoch=2 step=6 finished=true from_previous=false \
    'classes="background,lung_L,lung_R,infection"' config preprocessing best_loss version

# --- this build -----------------------------------------------------------------------------------
run 0 info
text 'kind build' 'HDF5 [0-9.]+' 'zlib [0-9.]+' 'ISA-L [0-9.]+' 'ref yes f32 .*' 'ref64 yes f64 .*'
grep -q '^  onednn *yes' out && engines="ref onednn" || engines=ref
run 0 info --json
json 'kind="build"' pleat host cores memory_gib allowed_gib threads engines libraries

# --- what cannot be told --------------------------------------------------------------------------
head -c 354 hand.nii > cut.nii
mkdir empty
for path in nowhere small.yaml cut.nii empty; do
    run 3 info "$path"
    [ -s out ] && wrong "info $path printed and failed"
    grep -q "^pleat: .*'$path'" err || wrong "the message does not name $path"
done
run 3 info small.yaml
grep -q "'small.yaml' is a configuration; pleat config prints it" err || wrong "a configuration"
# --- and verbs that were meant for something else ---
run 3 predict data --in data --out labels
grep -q "'data' is no run: .* pleat predict RUN --in data --out" err || wrong "predict DATA"
run 3 predict data/case_001/imaging.nii.gz --in data --out labels
grep -q "imaging.nii.gz' is no checkpoint, which is HDF5" err || wrong "predict VOLUME"
run 2 score data run
grep -q "'run' is a run: pleat report run prints its scores" err || wrong "score RUN"
run 2 info --xml
run 2 info hand.nii run
run 2 bench
run 2 bench coffee
run 2 bench step --patch 15x16x16
run 2 bench allreduce --bytes 4M,

# --- times ----------------------------------------------------------------------------------------
# Multiply-adds at 8x8x8: 512 (108 + 432 + 864 + 432 + 16) + 64 (864 + 1728) + 64 * 256 = 1,130,496.
small="--filters 4 --depth 1 --classes 4"
for engine in $engines; do
    # shellcheck disable=SC2086 # $small is several words
    run 0 bench step --engine "$engine" --precision f32 --patch 8x8x8 --batch 2 $small \
        --steps 2 --warmup 1 --threads 1 --json
    json 'bench="step"' ms_median ms_min peak_mib arena_mib params=4804 gflops gmacs=0.001130496 \
        "engine=\"$engine\"" 'precision="f32"' threads=1 'patch=[8, 8, 8]' batch=2 steps=2 loss
    if command -v python3 > /dev/null; then
        python3 -c 'import json; d = json.load(open("out"))
flop = 2 * (6 * 1130496 - 2 * 108 * 512)
assert abs(d["gflops"] * d["ms_median"] * 1e6 / flop - 1) < 1e-6, (d, flop)' || wrong "gflops"
    fi
done
# shellcheck disable=SC2086
run 0 bench conv --engine ref --patch 8x8x8 --batch 2 $small --repeats 1 --json
json 'bench="conv"' engine params layers
[ "$(grep -o '"pass": "weights"' out | wc -l)" -eq 6 ] || wrong "bench conv has not six layers"
[ "$(grep -o '"pass": "data"' out | wc -l)" -eq 5 ] || wrong "bench conv: all but the first have dx"
# shellcheck disable=SC2086
run 0 bench predict --engine ref --patch 8x8x8 --size 12x8x8 $small --json
json 'bench="predict"' s_median patches=2 patches_per_s peak_mib 'size=[12, 8, 8]' \
    'overlap=[4, 4, 4]'
run 0 bench prep --size 24x20x16 --repeats 1 --json
json 'bench="prep"' s_read s_clip s_grayscale s_resample s_zscore s_total voxels_per_s peak_mib \
    'size=[24, 20, 16]'
run 0 bench prep --in hand.nii --repeats 1 --warmup 0 --json
json 'size=[2, 1, 1]'
run 0 bench read --size 40x30x20 --patch 16x16x8 --reads 5 --json
json 'bench="read"' ms_median ms_p90 reads=5 cases=1 masks=true peak_mib
run 0 bench read --store run/store --patch 16x16x8 --reads 5 --json
json cases=4 masks=true
run 0 bench augment --patch 16x16x8 --size 24x24x12 --repeats 1 --draws 5 \
    --threads 2 --json
json 'bench="augment"' crop_per_s mirror_per_s contrast_per_s brightness_per_s gamma_per_s \
    noise_per_s elastic_per_s rotation_per_s scale_per_s all_per_s worst_per_s drawn_per_s \
    threads=2 crop_threads_per_s drawn_threads_per_s draws=5
[ -z "$(ls scratch)" ] || wrong "left in the scratch folder: $(ls scratch)"
run 0 bench score --size 40x30x20 --repeats 2 --json
json 'bench="score"' ms_median classes=4 'surface="deepmind"' 'size=[40, 30, 20]' peak_mib
succeeds "bench allreduce" 2 bench allreduce --bytes 4,64K --repeats 3 --json
json 'bench="allreduce"' 'comm="mpi"' ranks=2 sizes

run 0 bench step --engine ref --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0
[ "$(wc -l < out)" -eq 1 ] || wrong "bench step prints more than one line"
for what in step conv prep read predict allreduce augment score; do
    run 0 bench "$what" --help
    text "usage: pleat bench $what .*" '--json .*'
done

# --- tables on a terminal of 80 columns -----------------------------------------------------------
# The program's own path, which a command that is shown holds, counts as its name.
longest() {
    awk -v path="$pleat" '{
        if ((i = index($0, path)))
            $0 = substr($0, 1, i - 1) "pleat" substr($0, i + length(path))
        n = length($0)
    }
    n > most { most = n }
    END { print most + 0 }' "$1"
}
if command -v script > /dev/null; then
    while read -r -a words; do
        TERM=dumb script -qec "stty cols 80; '$pleat' -q ${words[*]} 2> /dev/null" /dev/null \
            < /dev/null | tr -d '\r' > out
        holds "${words[*]}: there is something" [ -s out ]
        holds "${words[*]}: $(longest out) columns of 80" [ "$(longest out)" -le 80 ]
        "$pleat" -q "${words[@]}" > whole 2> err
        if [ "${words[0]}" = explore ]; then
            holds "what is left out is named" has out "(the terminal is too narrow for "
            holds "and is in a pipe" has whole "class_share"
            holds "which is whole" [ "$(longest whole)" -gt 80 ]
        fi
    done << 'END'
--help
explore data
check data
check --kinds
info
info run
info run/store
fetch --list
status run
report run
report run --all-scores
compare run run --all-scores
score data run/fold_0/predictions --all-scores
plan small.yaml --set data=data --steps 0 --ranks-per-node 9
plan small.yaml --set data=data --on a100 --nodes 2 --gpus-per-node 4
run small.yaml --set data=data --dry-run
END
    TERM=dumb script -qec "stty cols 80; '$pleat' -q fetch --list" /dev/null < /dev/null > out
    holds "a text is wrapped below its row" has out "      licence: CC BY-NC-SA; cite Ma et al."
    TERM=dumb script -qec "stty cols 60; '$pleat' -q report run --all-scores" /dev/null \
        < /dev/null > out 2> err
    holds "narrower, columns of the statistics are left out" has out \
        "terminal is too narrow for quartiles, SD"
    holds "and those of a report come in parts" [ "$(grep -c ' cases ' out)" -gt \
        "$(grep -c '^Dice' out)" ]
fi

verdict
