/* onednn_direct_amx.c - convolutions in bf16 by the processor's own tiles (AMX). */
#include "onednn_direct_impl.h"
#include "onednn_simd.h"

#include <immintrin.h>

#define DIRECT pleat_direct_amx
#define TILES \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

static int direct_usable(void) { return pleat_tiles_usable(); }

/* A processor with AMX has this, too. */
TILES INLINE u16 rounded_both(v16 low, v16 high) {
    return (u16)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

#include "onednn_direct_amx.inc"
