/* onednn_direct_amx.c - convolutions in bf16 by the processor's own tiles (AMX). */
#include "onednn_direct_impl.h"

#include <immintrin.h>

#define DIRECT pleat_direct_amx
#define TILES  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,fma")))

static int direct_usable(void) { return pleat_tiles_usable(); }

#include "onednn_direct_amx.inc"
