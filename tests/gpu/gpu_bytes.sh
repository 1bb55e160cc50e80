#!/usr/bin/env bash
# gpu_bytes.sh - the kernels of a training step that wait for memory read and write what they must,
# and little more: counted, a page at a time, by the emulated GPU (tests/gpu/emulator/bytes.cpp).
# Wants PLEAT, the program, and PLEAT_TEST_BIN, the folder with the emulated module.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

export PLEAT_MODULE_PATH=$PLEAT_TEST_BIN/gpu/emulator/libpleat_cuda.so XDG_CACHE_HOME=$PWD/cache
step="bench step --engine cudnn --precision bf16 --patch 16x8x8 --batch 1 --filters 32 --depth 1"
step+=" --classes 4 --steps 1 --warmup 0 --json"

# shellcheck disable=SC2086 # options
{
    succeeds "plans are chosen" 1 $step
    PLEAT_TEST_GPU_BYTES=$PWD/bytes succeeds "a step is counted" 1 $step
}

# The network has V voxels; `fine` are the bytes of 32 channels there, in four convolutions with a
# norm; `coarse` of 64 channels at V / 8, in two. A concatenation has 64 channels of V: who reads or
# writes a half of them touches all its pages, 2 fine. Statistics, parameters and partial sums are
# some pages for each launch.
awk -F '\t' -v V=1024 -v PAGES=8 '
    function must(pattern, launches, read, written) {
        patterns[++n] = pattern; wanted[n] = launches; r[n] = read; w[n] = written
    }
    BEGIN {
        fine = 64 * V; coarse = 16 * V; all = 4 * fine + 2 * coarse; params = 4 * 294660
        must("reduce<.*SQUARES", 1, coarse, 0) # our own convolutions make the sums of five
        must("apply", 6, all, all + fine)
        must("reduce<.*BACKWARD", 6, 2 * all + fine, 0)
        must("backward<", 6, 2 * all + fine, all)
        must("pool_forward", 1, 2 * fine, 12 * V)
        must("pool_backward", 1, 2 * fine + 12 * V, 2 * fine)
        must("up_scatter", 1, fine, 2 * fine)
        must("up_gather", 1, 2 * fine, fine)
        must("head_forward", 1, fine, 16 * V)
        must("head_weights", 1, fine + 8 * V, 0)
        must("head_data", 1, 8 * V, fine)
        must("loss_forward", 1, 17 * V, 16 * V)
        must("loss_backward", 1, 17 * V, 8 * V)
        must("first_forward_tiles", 1, 2 * V, fine)
        must("first_weights_tiles", 1, 2 * V + fine, 4 * 4 * 27 * 32) # partials of two tiles
        must("adam_update", 1, 4 * params, 3 * params)
    }
    {
        for (i = 1; i <= n; i++) {
            if ($1 !~ "^" patterns[i]) continue
            seen[i] = 1
            most = r[i] + w[i] + $2 * PAGES * 4096
            printf "%-22s %2d launches, %8d bytes read, %8d written; floor %8d, ratio %.2f\n",
                $1, $2, $3, $4, r[i] + w[i], ($3 + $4) / (r[i] + w[i])
            if ($2 != wanted[i] || $3 + $4 > most || $3 + $4 < r[i] + w[i]) {
                print "WRONG: " wanted[i] " launches, at most " most " bytes"
                bad = 1
            }
            moved += $3 + $4; floor += r[i] + w[i]
        }
    }
    END {
        for (i = 1; i <= n; i++) if (!seen[i]) { print "WRONG: no launch of " patterns[i]; bad = 1 }
        printf "together %.2f times the floor\n", moved / floor
        exit bad
    }
' bytes
holds "what must be moved, and some pages a launch" [ $? -eq 0 ]
verdict
