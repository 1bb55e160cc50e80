#!/usr/bin/env bash
# e2e_cuda_module.sh - the GPU module is there or not, fits or not: pleat says which and goes on.
set -u
if [ ! -x "${PLEAT:-}" ]; then
    echo "PLEAT is not the path of the program"
    exit 77
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMP_WAIT_POLICY=passive
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir scratch
export TMPDIR=$work/scratch PLEAT_PLAN_CACHE=off
bad=0

wrong() {
    echo "WRONG $*"
    sed 's/^/      /' out err
    bad=1
}

# run CODE COMMAND...: stdout to out, stderr to err; the exit code must be CODE.
run() {
    local code=$1 got
    shift
    "$@" > out 2> err
    got=$?
    [ "$got" -eq "$code" ] || wrong "$*: exit code $got, not $code"
}

step=(bench step --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0 --batch 1)

# without WORDS: info has one line for cudnn, which says no and WORDS; asked for by name it is an
# error with the same words; auto computes on the CPU.
without() {
    local words=$1
    run 0 "$PLEAT" info
    [ "$(grep -c '^ *cudnn ' out)" -eq 1 ] || wrong "info: not one line for cudnn"
    grep '^ *cudnn  *no' out | grep -qF "$words" || wrong "info does not say '$words'"
    run 2 "$PLEAT" "${step[@]}" --engine cudnn
    grep -qF "engine 'cudnn': " err || wrong "the error does not name the engine"
    grep -qF "$words" err || wrong "the error does not say '$words'"
    [ "$(grep -c . err)" -eq 1 ] || wrong "the error is not one line"
    run 0 "$PLEAT" "${step[@]}" --engine auto --json
    grep -q '"engine": "cudnn"' out && wrong "auto took an engine that is missing"
}

# --- no module where PLEAT_MODULE_PATH says -------------------------------------------------------
export PLEAT_MODULE_PATH=$work/nowhere
without "nowhere/libpleat_cuda.so"

# --- something else of that name ------------------------------------------------------------------
mkdir other
echo "not a library" > other/libpleat_cuda.so
export PLEAT_MODULE_PATH=$work/other
without "other/libpleat_cuda.so"
export PLEAT_MODULE_PATH=$work/other/libpleat_cuda.so
without "other/libpleat_cuda.so"

# --- a library that is not ours -------------------------------------------------------------------
library=$(ldd "$PLEAT" | sed -n 's/.*libm\.so[^ ]* => \([^ ]*\).*/\1/p')
if [ -n "$library" ]; then
    mkdir strange
    cp "$library" strange/libpleat_cuda.so
    export PLEAT_MODULE_PATH=$work/strange
    without "another build"
fi
unset PLEAT_MODULE_PATH

# --- the module of this build ---------------------------------------------------------------------
module=$(dirname "$PLEAT")/libpleat_cuda.so
if [ -e "$module" ]; then
    run 0 "$PLEAT" info
    if grep -q '^ *cudnn  *yes' out; then
        grep -q '^ *cudnn .*by name' out || wrong "info does not say that cudnn is by name only"
        run 0 "$PLEAT" "${step[@]}" --engine cudnn
        run 0 "$PLEAT" "${step[@]}" --engine auto --json
        grep -q '"engine": "cudnn"' out && wrong "auto took an engine that is by name only"
    else
        # CUDA's libraries are not there, or there is no driver, or no GPU
        grep -q '^ *cudnn  *no .*\(GPU\|cannot open shared object\)' out ||
            wrong "info does not say why cudnn is missing"
        grep -q 'undefined symbol' out && wrong "the module wants what pleat does not export"
        without "GPU"
    fi
fi

if [ "$bad" -eq 0 ]; then echo "the GPU module: all as it should be"; fi
exit "$bad"
