#!/usr/bin/env bash
# e2e_cuda_module.sh - the GPU module is there or not, fits or not: pleat says which and goes on.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
export PLEAT_PLAN_CACHE=off
step=(bench step --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0 --batch 1)

# without WORDS: info has one line for cudnn, which says no and WORDS; asked for by name it is an
# error with the same words; auto computes on the CPU.
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
}

# with: info says yes; the engine is taken by name, and by auto, which has tried it.
with() {
    succeeds "info" 0 info
    holds "info has one line for cudnn" same_text "$(grep -c '^ *cudnn  *yes' out)" 1
    succeeds "by name" 0 "${step[@]}" --engine cudnn --json
    holds "by name: it computes" has out '"engine": "cudnn"'
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
