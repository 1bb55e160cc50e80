#!/usr/bin/env bash
# e2e_pages.sh - the commands that the pages print are run as they are printed, in a folder that has
# what they name: CONFIG, DATA, RUN and so on. Only keys from the environment make them short. Wants
# PLEAT, the program, and SOURCE_DIR.
#
# Run are the blocks of sh of each page, one after another, and the README's commands within lines.
# An ablation, and a batch job but the first, is run with --dry-run: other tests make whole ones. A
# block below "<!-- not run: WHY -->" is not; "<!-- with N cores -->" says what it is for. Of
# the other pages, whose blocks install or measure for hours, each verb and option is looked for.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
source=$(readlink -f "${SOURCE_DIR:?}")
pages=(README.md slurm/README.md docs/cli.md docs/ablation.md)
unset OMPI_MCA_rmaps_base_oversubscribe
[ "$(nproc)" -gt 1 ] || export OMPI_MCA_rmaps_base_oversubscribe=1

export PLEAT_TRAIN_EPOCHS=1 PLEAT_TRAIN_ITERATIONS=1 PLEAT_TRAIN_VALIDATION=0 PLEAT_PATCH=16x16x8
export PLEAT_OVERLAP=0x0x0 PLEAT_NETWORK_DEPTH=1 PLEAT_NETWORK_FILTERS=2 PLEAT_ENGINE=auto
export PLEAT_PREPROCESS_RESAMPLE=12x12x14 PLEAT_PRECISION=f32 PLEAT_THREADS=1
export PLEAT_REPORT_FIGURES=false

# commands PAGE FOLDER: a file for each block, PAGE:LINE in its name.
commands() {
    awk -v page="${1//\//_}" -v folder="$2" '
        function begin() { file = sprintf("%s/%04d-%s", folder, FNR, page) }
        /^ *```sh$/ {
            begin()
            inside = 1
            skip = before ~ /<!-- not run: .* -->/
            indent = match($0, /`/) - 1
            if (before ~ /<!-- with [0-9]+ cores -->/)
                print "export OMPI_MCA_rmaps_base_oversubscribe=1" > file
            next
        }
        /^ *```/ { inside = 0 }
        inside && !skip {
            line = substr($0, indent + 1)
            if (line ~ /pleat ablate /) line = line " --dry-run"
            print line > file
        }
        !inside && page == "README.md" {
            for (rest = $0; match(rest, /`(build\/pleat|mpirun) [^`]+`/);
                rest = substr(rest, RSTART + RLENGTH)) {
                begin()
                print substr(rest, RSTART + 1, RLENGTH - 2) >> file
            }
        }
        { before = $0 }' "$source/$1"
}

# What a page finds: the project as it is, the program in build/ and in PATH, a user of Slurm.
"$pleat" -q phantom fresh --cases 5 --seed 1 > out 2> err || wrong "phantom"
mkdir -p bin start/build
ln -s "$pleat" start/build/pleat
ln -s "$pleat" bin/pleat
ln -s "$source/docs" "$source/slurm" start/
cp "$source/docs/examples/covid19.yaml" start/my.yaml
ln -s my.yaml start/CONFIG
export PATH=$box/bin:$PATH
cat > bin/sbatch << 'END'
#!/usr/bin/env bash
# sbatch - runs the script here and now, each task of an array after the other.
while [[ $1 = -* ]]; do
    [ "$1" != --parsable ] || parsable=1
    shift
done
export SLURM_SUBMIT_DIR=$PWD SLURM_JOB_ID=17 SLURM_NTASKS=1
[[ ! -e slurm.log || $1 != *run.sbatch ]] || set -- "$@" --dry-run
tasks=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\).*/\1/p' "$1")
for task in ${tasks:+$(seq 0 "$tasks")}; do
    SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_ID=$task bash "$@" >> slurm.log 2>&1 || exit
done
[ -n "$tasks" ] || bash "$@" >> slurm.log 2>&1 || { cat slurm.log >&2 && exit 1; }
[ -z "${parsable:-}" ] || echo 17
END
cat > bin/apptainer << 'END'
#!/bin/sh
# apptainer - runs the words after the image.
while [ "$1" != pleat.sif ]; do shift; done
shift
exec "$@"
END
chmod +x bin/*

export PLEAT_DATA=DATA
done=0
for page in "${pages[@]}"; do
    cp -r start site
    mkdir -p site/{NEW,TRUTH,labelsTs,predictions,nnunet} blocks
    cp -r fresh site/DATA
    cp -r site/DATA/case_001 site/NEW/
    cp site/DATA/case_001/segmentation.nii.gz site/TRUTH/case_001.nii.gz
    for map in site/DATA/*/segmentation.nii.gz; do
        name=$(basename "$(dirname "$map")").nii.gz
        cp "$map" "site/labelsTs/$name"
        cp "$map" "site/predictions/$name"
    done
    # The README's CONFIG is what it lets suggest, the others' is an example.
    other=other-$([ "$page" = README.md ] && echo suggested)
    [ "$page" != README.md ] || "$pleat" -q suggest site/DATA > site/my.yaml 2> err ||
        wrong "suggest"
    [ -d "$other" ] || (cd site && "$pleat" -q run CONFIG --out "../$other") > out 2> err ||
        wrong "$page: OTHER"
    cp -r "$other" site/OTHER
    cp "$other/summary.json" site/nnunet/
    [ "$page" != docs/ablation.md ] || rm -rf site/DATA # it makes its own
    commands "$page" blocks
    for block in blocks/*; do
        (cd site && bash -eu "../$block") > out 2> err < /dev/null
        code=$?
        line=$(basename "$block" | sed 's/^0*//; s/-.*//')
        [ "$code" -eq 0 ] || wrong "$page, line $line: exit code $code"
        done=$((done + $(grep -cE '^[^#].*(pleat|sbatch)' "$block")))
    done
    rm -rf site blocks
done
echo "$done commands of ${#pages[@]} pages"
holds "as many commands as there were" [ "$done" -ge 28 ]

# --- the other pages ------------------------------------------------------------------------------
# They install, measure for hours, or want programs that are not here: at least each verb and option
# that they print is there.
others=(docs/install.md docs/contributing.md docs/interop.md docs/speed.md)
for page in "$source"/docs/*.md; do
    page=docs/${page##*/}
    ! grep -q '^ *```sh$' "$source/$page" || [[ " ${pages[*]} ${others[*]} " == *" $page "* ]] ||
        wrong "$page: its commands are not run, and it is not among the others"
done
printed=0
for page in "${others[@]}"; do
    while read -r verb options; do
        [ "$verb" != bench ] || verb="bench ${options%% *}"
        # shellcheck disable=SC2086 # bench step is two words
        "$pleat" $verb --help > help 2> err || wrong "$page: pleat $verb"
        while read -r option; do
            grep -qE -- "^  $option( |\$)" help || wrong "$page: pleat $verb has no $option"
        done < <(grep -oE -- '(^| )--[a-z][a-z-]*' <<< "$options")
        printed=$((printed + 1))
    done < <(awk '/^ *```sh$/ { inside = 1; next } /^ *```/ { inside = 0 }
        inside { while (sub(/\\$/, "") && (getline more) > 0) $0 = $0 more; print }' \
        "$source/$page" | grep -oE '(^|[ /])pleat [a-z]+( [^|;&>#)]*)?' | sed 's/^.*pleat //')
done
holds "commands of the other pages were found: $printed" [ "$printed" -ge 5 ]

# --- a folder that was built in and copied -------------------------------------------------------
mkdir first
cd first || exit 1
cat > CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.20)
project(first NONE)
add_custom_target(it)
END
builds() {
    bash -c '. "$1/tests/lib/setup.sh" && setup_build build it' - "$source" > ../out 2> ../err
}
holds "a build" builds
cp -r ../first ../second
cd ../second || exit 1
holds "a build in a copy" builds
cd ..
verdict
