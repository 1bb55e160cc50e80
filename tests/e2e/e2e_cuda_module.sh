#!/usr/bin/env bash
# e2e_cuda_module.sh - the GPU module is there or not, fits or not: pleat says which and goes on.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
export PLEAT_PLAN_CACHE=off
step=(bench step --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0 --batch 1)

# without WORDS: info has one line for cudnn, which says no and WORDS; asked for by name it is an
# error with the same words; auto computes on the CPU and says why.
without() {
    local words=$1
    succeeds "info" 0 info
    holds "info has one line for cudnn" same_text "$(grep -c '^ *cudnn ' out)" 1
    grep '^ *cudnn  *no' out > line
    holds "info says why there is none" has line "$words"
    refused "by name" 2 "$words" 0 "${step[@]}" --engine cudnn
    holds "by name: the message names the engine" has err "engine 'cudnn': "
    succeeds "auto" 0 "${step[@]}" --engine auto --json
    holds "auto takes no engine that is missing" lacks out '"engine": "cudnn"'
    grep 'engine [a-z]*; not cudnn: ' err > line
    holds "auto says why, in one line" same_text "$(wc -l < line)" 1
    holds "auto says why, in info's words" has line "$words"
}

# with: info says yes; the engine is taken by name, and by auto, which has tried it.
with() {
    succeeds "info" 0 info
    holds "info has one line for cudnn" same_text "$(grep -c '^ *cudnn  *yes' out)" 1
    succeeds "by name" 0 "${step[@]}" --engine cudnn --json
    holds "by name: it computes" has out '"engine": "cudnn"'
    # The emulated cuDNN names twenty plans that want too much memory before those that run.
    holds "by name: cuDNN's plans are found" lacks err "a slow kernel computes it"
    succeeds "auto" 0 "${step[@]}" --engine auto --json
    holds "auto takes the GPU" has out '"engine": "cudnn"'
}

# --- no module where PLEAT_MODULE_PATH says -------------------------------------------------------
export PLEAT_MODULE_PATH=$box/nowhere
without "nowhere/libpleat_cuda.so"

# --- something else of that name ------------------------------------------------------------------
mkdir other
echo "not a library" > other/libpleat_cuda.so
export PLEAT_MODULE_PATH=$box/other
without "other/libpleat_cuda.so"
export PLEAT_MODULE_PATH=$box/other/libpleat_cuda.so
without "other/libpleat_cuda.so"

# --- a library that is not ours -------------------------------------------------------------------
library=$(ldd "$pleat" | sed -n 's/.*libm\.so[^ ]* => \([^ ]*\).*/\1/p')
if [ -n "$library" ]; then
    mkdir strange
    cp "$library" strange/libpleat_cuda.so
    export PLEAT_MODULE_PATH=$box/strange
    without "another build"
fi

# --- a place that the current folder would decide -------------------------------------------------
export PLEAT_MODULE_PATH=other
without "PLEAT_MODULE_PATH='other' is no absolute path"
export PLEAT_MODULE_PATH=libpleat_cuda.so
without "PLEAT_MODULE_PATH='libpleat_cuda.so' is no absolute path"

# --- a module with a GPU, which is emulated -------------------------------------------------------
export PLEAT_MODULE_PATH=${PLEAT_TEST_BIN:-}/gpu/emulator/libpleat_cuda.so
[ ! -e "$PLEAT_MODULE_PATH" ] || with

# precision CUDNN WANTED GIVEN: a release of cuDNN that is wrong in WANTED, by a line of the log;
# GIVEN is what it then computes in. "sound": no line.
precision() {
    export PLEAT_TEST_CUDNN=$1
    succeeds "cuDNN $1, $2" 0 "${step[@]}" --engine cudnn --precision "$2" --json
    holds "cuDNN $1, $2: computes in $3" has out "\"precision\": \"$3\""
    if [ "${4:-}" = sound ]; then
        holds "cuDNN $1, $2: nothing to say" lacks err "wrongly"
    else
        holds "cuDNN $1, $2: the log says so" has err "computes some 3-D convolutions in"
    fi
    unset PLEAT_TEST_CUDNN
}
if [ -e "$PLEAT_MODULE_PATH" ]; then
    # Plans and products are tried once, found again after; a choice that is none is tried again.
    # Each emulated candidate is faster than the one before: the last of two is taken.
    PLEAT_PLAN_CACHE=$box/plans succeeds "an empty cache" 0 -v "${step[@]}" --engine cudnn
    holds "the head's weight gradient is timed" \
        grep -q 'product|.*to f32,add|4: the fastest of 2 is number 2$' err
    holds "convolutions are timed" grep -q '|forward|.*: engine 11:' err
    PLEAT_PLAN_CACHE=$box/plans succeeds "a full cache" 0 -v "${step[@]}" --engine cudnn
    holds "nothing is timed again" lacks err 'plan '
    sed -i 's/\(product.*\t\)000000000000a191/\1000000000000b000/' plans
    PLEAT_PLAN_CACHE=$box/plans succeeds "another cache" 0 -v "${step[@]}" --engine cudnn
    holds "products that cuBLAS does not take are timed again" has err 'the fastest of 2'
    holds "and only those" lacks err '|forward|'

    precision 90700 auto bf16 sound
    precision 90800 auto f32
    precision 91400 bf16 bf16
    precision 91002 tf32 tf32
    precision 91500 auto bf16 sound
fi
unset PLEAT_MODULE_PATH

# --- the module of this build ---------------------------------------------------------------------
if [ -e "$(dirname "$pleat")/libpleat_cuda.so" ]; then
    succeeds "info" 0 info
    if grep -q '^ *cudnn  *yes' out; then
        with
    else # CUDA's libraries are not there, or there is no driver, or no GPU
        holds "info says why there is none" \
            grep -q '^ *cudnn  *no .*\(GPU\|cannot open shared object\)' out
        holds "the module wants nothing that pleat does not export" lacks out 'undefined symbol'
        without "GPU"
    fi
fi

if [ "$bad" -eq 0 ]; then echo "the GPU module: all as it should be"; fi
exit "$bad"
