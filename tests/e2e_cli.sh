#!/usr/bin/env bash
# e2e_cli.sh - every mistake on the command line ends with exit code 2 and one line that says what
# to do; help ends with 0. Wants PLEAT, the program.
set -u
pleat=${PLEAT:?names the program}
box=$(mktemp -d) || exit 1
trap 'rm -rf "$box"' EXIT
cd "$box" || exit 1
bad=0

wrong() { # wrong WHAT: a line, and what the command printed
    printf 'WRONG %s\n' "$1"
    sed 's/^/      out: /' out
    sed 's/^/      err: /' err
    bad=1
}

# run COMMAND...: its exit code to $code, what it prints to out and err.
run() {
    "$@" > out 2> err < /dev/null
    code=$?
}

# refused TEXT COMMAND...: exit code 2, nothing on stdout, and one line on stderr that holds TEXT.
refused() {
    local text=$1
    shift
    run "$@"
    local what="${*/#$pleat/pleat}"
    [ "$code" -eq 2 ] || wrong "$what: exit code $code, not 2"
    [ ! -s out ] || wrong "$what: prints to stdout"
    [ "$(wc -l < err)" -eq 1 ] || wrong "$what: $(wc -l < err) lines on stderr, not 1"
    grep -q '^pleat: ' err || wrong "$what: the message does not begin with 'pleat: '"
    grep -qF -- "$text" err || wrong "$what: the message does not say '$text'"
}

# --- the program itself --------------------------------------------------------------------------
run "$pleat"
[ "$code" -eq 2 ] || wrong "pleat without a verb: exit code $code, not 2"
[ ! -s out ] || wrong "pleat without a verb: prints to stdout"
grep -q '^pleat: .*verb' err || wrong "pleat without a verb: does not say so"

refused "'trian'" "$pleat" trian
refused "--help" "$pleat" trian

for ask in --help -h --version; do
    run "$pleat" "$ask"
    if [ "$code" -ne 0 ] || [ ! -s out ] || [ -s err ]; then wrong "pleat $ask: exit code $code"; fi
done

# --- every verb ----------------------------------------------------------------------------------
verbs="run train prep split predict score report ablate augment phantom config info bench"
run "$pleat" --help
cp out help
for verb in $verbs; do
    grep -qE "^ +$verb " help || wrong "pleat --help does not list $verb"
    run "$pleat" "$verb" --help
    [ "$code" -eq 0 ] || wrong "pleat $verb --help: exit code $code"
    grep -q "pleat $verb" out || wrong "pleat $verb --help: no usage line"
    [ ! -s err ] || wrong "pleat $verb --help: prints to stderr"
    refused "'--nonsense'" "$pleat" "$verb" --nonsense
done

# --- the configuration ---------------------------------------------------------------------------
printf 'train: {epochs: 1}\n' > good.yaml
run "$pleat" config good.yaml
[ "$code" -eq 0 ] || wrong "pleat config good.yaml: exit code $code"
refused "train.epochs" "$pleat" config good.yaml --set train.epoch=3
refused "train.epochs" "$pleat" config good.yaml --set train.epochs=three
refused "train.epochs" "$pleat" config good.yaml --set train.epochs=0
refused "--set" "$pleat" config good.yaml --set
printf 'train: {epoch: 1}\n' > near.yaml
refused "train.epochs" "$pleat" config near.yaml
printf 'train: {epochs: [1\n' > cut.yaml
refused "cut.yaml" "$pleat" config cut.yaml
refused "train.epochs" env PLEAT_TRAIN_EPOCHS=many "$pleat" config good.yaml

# --- what each verb needs ------------------------------------------------------------------------
refused "--out" "$pleat" run good.yaml
refused "--fold" "$pleat" train good.yaml --out there --fold first
refused "usage" "$pleat" prep
refused "usage" "$pleat" split good.yaml
refused "data" "$pleat" split good.yaml --out folds.json

# --- an engine that is not there -----------------------------------------------------------------
refused "'abacus'" "$pleat" bench step --engine abacus --patch 16x16x16 --filters 2 --depth 1
run "$pleat" phantom data --cases 2 --seed 1
[ "$code" -eq 0 ] || wrong "pleat phantom data: exit code $code"
cat > small.yaml << 'END'
data: data
classes: [background, lung_left, lung_right, infection]
folds: {k: 2}
patch: 16x16x16
overlap: 8x8x8
END
run "$pleat" run small.yaml --out there --set engine=abacus
[ "$code" -eq 2 ] || wrong "pleat run with an unknown engine: exit code $code, not 2"
grep -q "^pleat: .*'abacus'" err || wrong "pleat run with an unknown engine: does not name it"
grep -q onednn err || grep -q ref err || wrong "pleat run: does not name the engines there are"

[ "$bad" -eq 0 ] && echo "ok"
exit "$bad"
