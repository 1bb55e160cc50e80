#!/usr/bin/env bash
# e2e_cli.sh - every mistake on the command line ends with exit code 2 and one line that says what
# to do; help ends with 0. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

# mistake TEXT ARGUMENT...: exit code 2, nothing on stdout, one line on stderr that holds TEXT.
mistake() {
    local text=$1
    shift
    refused "pleat $*" 2 "$text" 0 "$@"
    [ -e out ] || return # already told
    holds "pleat $*: prints nothing to stdout" [ ! -s out ]
    holds "pleat $*: one line on stderr" [ "$(wc -l < err)" -eq 1 ]
}

# --- the program itself --------------------------------------------------------------------------
refused "pleat without a verb" 2 "verb" 0
holds "pleat without a verb prints nothing to stdout" [ ! -s out ]
mistake "'trian'" trian
mistake "did you mean 'train'?" trian
mistake "--help" trian
for ask in --help -h help --version version; do
    succeeds "pleat $ask" 0 "$ask"
    holds "pleat $ask answers on stdout alone" [ -s out -a ! -s err ]
done

succeeds "pleat --version" 0 --version
holds "it says version and commit" \
    grep -qxE 'pleat [0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z-]+)?\+?(, commit [0-9a-f]{12}\+?)?' out
succeeds "pleat --version --json" 0 --version --json
for fact in '"pleat"' '"commit"' '"name": "ref", "built": true' '"name": "HDF5", "version": "1'; do
    holds "as JSON it has $fact" has out "$fact"
done
mistake "'--jsno'" version --jsno

# --- threads that wait --------------------------------------------------------------------------
for set in "" OMP_WAIT_POLICY=active GOMP_SPINCOUNT=77; do
    # shellcheck disable=SC2086 # one setting, or none
    env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT $set OMP_DISPLAY_ENV=verbose "$pleat" --version \
        > out 2> err
    case $set in
    "") spins=1000 ;;
    GOMP*) spins=77 ;;
    *) spins='[0-9]{5,}' ;;
    esac
    holds "with '$set' threads spin as is said" grep -qE "GOMP_SPINCOUNT = '$spins'" err
done

# --- cores of a rank ----------------------------------------------------------------------------
# cores_of WHAT CORES RANKS ARGUMENT...: what libgomp finds. A rank begins twice, see above, and
# is bound by mpirun to one core the first time.
cores_of() {
    local what=$1 cores=$2 n=$3 lines
    shift 3
    lines=$((cores == 1 ? 2 * n : n))
    env -u OMPI_MCA_hwloc_base_binding_policy -u OMPI_MCA_rmaps_base_oversubscribe \
        -u OMP_NUM_THREADS -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT OMP_DISPLAY_ENV=verbose \
        "$mpiexec" -n "$n" "$@" "$pleat" --version > out 2> err
    holds "$what: $cores cores" same_text "$lines" "$(grep -c "OMP_NUM_THREADS = '$cores'" err)"
}
all=$(env -u OMP_NUM_THREADS nproc)
cores_of "one rank" "$all" 1
if [ "$all" -gt 1 ]; then
    [ "$(sort -u /sys/devices/system/cpu/cpu*/topology/physical_package_id | wc -l)" -ne 1 ] ||
        cores_of "two ranks of one socket" "$all" 2
    cores_of "as mpirun is told" 1 1 --bind-to core
    cores_of "a program between" 1 1 taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')"
fi

# --- every verb ----------------------------------------------------------------------------------
succeeds "pleat --help" 0 --help
mv out help
for verb in run train fetch check explore suggest plan prep split predict import export score \
    status report compare ablate augment phantom config info bench; do
    holds "pleat --help lists $verb" grep -qE "^ +$verb " help
    succeeds "pleat $verb --help" 0 "$verb" --help
    holds "pleat $verb --help has a usage line" has out "pleat $verb"
    holds "pleat $verb --help is silent on stderr" [ ! -s err ]
    [ $verb = bench ] || # whose formulas are as they are
        holds "pleat $verb --help has lines of 80 columns" \
            same_text "$(tail -n +3 out | grep '.\{80\}')" ""
    holds "pleat $verb --help writes each default as (default N)" \
        same_text "$(grep -E '; [0-9]+[GMK]?$' out)" ""
    mistake "'--nonsense'" "$verb" --nonsense
done

succeeds "pleat help VERB" 0 help split
mv out help
succeeds "pleat VERB --help" 0 split --help
holds "say the same" cmp out help
mistake "did you mean 'train'?" help trian
succeeds "pleat help help" 0 help help
holds "is the list of verbs" has out "usage: pleat VERB"
mistake "--check writes nothing and scores nothing; give it alone" report there --check --set seed=3
mistake "--check writes nothing and scores nothing; give it alone" report there --check --rescore
printf 'seed: 1\n' > seed.yaml
succeeds "-q behind the verb" 0 config -q seed.yaml

# --- a misspelt option ---------------------------------------------------------------------------
mistake "'--fodl'; did you mean '--fold'? see pleat run --help" run --fodl 1
mistake "'--ouf=x'; did you mean '--out'?" prep --ouf=x
mistake "'--nonsense'; see pleat run --help" run --nonsense

# --- the configuration ---------------------------------------------------------------------------
printf 'train: {epochs: 1}\n' > good.yaml
printf 'train: {epoch: 1}\n' > near.yaml
printf 'train: {epochs: [1\n' > cut.yaml
succeeds "pleat config good.yaml" 0 config good.yaml
mistake "train.epochs" config good.yaml --set train.epoch=3
mistake "train.epochs" config good.yaml --set train.epochs=three
mistake "train.epochs" config good.yaml --set train.epochs=0
mistake "--set" config good.yaml --set
mistake "train.epochs" config near.yaml
mistake "cut.yaml" config cut.yaml
PLEAT_TRAIN_EPOCHS=many mistake "train.epochs" config good.yaml
PLEAT_TRIAN=1 mistake "PLEAT_TRIAN" config good.yaml
succeeds "pleat config" 0 config
holds "it marks what has no default" same_text \
    "$(sed -n 's/^ *\([a-z.]*\):.*# no default, must be set; .*/\1/p' out)" data
succeeds "a folder of data" 0 config --set data=somewhere
holds "once it is set there is no mark" lacks out "no default"
PLEAT_SLURM=/slurm succeeds "the folder of the Slurm scripts is no key" 0 config good.yaml

# --- the manual ----------------------------------------------------------------------------------
# docs/cli.md, between its two marks, is what the program prints.
manual=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../docs/cli.md
sed -n '/^<!-- keys:/,/^<!-- end of keys/p' "$manual" | sed '1d;$d' > written
succeeds "pleat config --markdown" 0 config --markdown
holds "docs/cli.md lists the keys as pleat config --markdown prints them" cmp written out
mistake "leave CONFIG" config good.yaml --markdown
mistake "leave CONFIG" config --markdown --set train.epochs=1

# Each kind of finding has a line there.
succeeds "pleat check --kinds" 0 check --kinds --json
while read -r kind; do
    holds "docs/cli.md has the kind '$kind'" has "$manual" "| \`$kind\` |"
done < <(sed -n 's/.*"kind": "\([a-z -]*\)".*/\1/p' out)

# --- what each verb needs ------------------------------------------------------------------------
mistake "--out" run good.yaml
mistake "--fold" train good.yaml --out there --fold first
mistake "CONFIG is missing: pleat prep CONFIG --out STORE" prep
mistake "prep needs --out STORE: folder of the store" prep good.yaml
mistake "'x' is one argument too many" prep good.yaml x --out y
mistake "split needs --out FILE" split good.yaml
mistake "data" split good.yaml --out folds.json

# --- what begins with a dash ----------------------------------------------------------------------
mistake "unknown option '-f'" check -f
refused "behind -- it is a folder" 3 "'-f': 1 error" 0 check -- -f

# --- an engine that is not there -----------------------------------------------------------------
tiny_data data 3 1
mistake "'abacus'" bench step --engine abacus --patch 16x16x16 --filters 2 --depth 1
mistake "must be a size" bench step --patch 16x16
refused "pleat run with an unknown engine" 2 "'abacus'" 0 run tiny.yaml --out there \
    --set engine=abacus
holds "it names the engines there are" has err ref64
verdict
