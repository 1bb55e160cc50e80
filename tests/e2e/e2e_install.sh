#!/usr/bin/env bash
# e2e_install.sh - `cmake --install` into a folder: what lies there runs, with the GPU module of the
# build and without.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
export PLEAT_PLAN_CACHE=off
unset PLEAT_MODULE_PATH LD_LIBRARY_PATH
build=$(dirname "$pleat")
module=$build/libpleat_cuda.so
step=(bench step --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0 --batch 1 --engine auto)

holds "it installs" cmake --install "$build" --prefix "$box/usr" > /dev/null
pleat=$box/usr/bin/pleat
succeeds "info" 0 info
holds "info has one line for cudnn" same_text "$(grep -c '^ *cudnn ' out)" 1
holds "the examples are there" \
    same_text "$(find usr -name phantom.yaml | wc -l)" 1

if [ -e "$module" ]; then
    installed=$(find usr -name libpleat_cuda.so)
    holds "one module is there" same_text "$(wc -l <<< "$installed")" 1
    # What is missing is a GPU, or nothing: not the module, nor CUDA's libraries, which lie where
    # the build found them.
    grep '^ *cudnn ' out > line
    holds "the installed module loads" lacks line 'does not load'
    rm "$installed"
    succeeds "info without the module" 0 info
    grep '^ *cudnn  *no' out > line
    holds "without it info says that" has line 'no GPU module'
fi
succeeds "auto without the module" 0 "${step[@]}" --json
holds "auto computes on the CPU" lacks out '"engine": "cudnn"'
if [ ! -e /dev/nvidiactl ] && [ ! -e /proc/driver/nvidia ] && [ ! -e /dev/dxg ]; then
    holds "where nothing speaks of a GPU, auto does not either" lacks err 'cudnn'
fi

if [ "$bad" -eq 0 ]; then echo "installed: all as it should be"; fi
exit "$bad"
