/* onednn_gradient_amx.c - gradients by the weights in bf16 by the processor's own tiles (AMX). */
#include "onednn_gradient_impl.h"
#include "onednn_simd.h"

#include <immintrin.h>

#define KERNEL pleat_gradient_amx
#define TILES  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,fma")))

static int usable(int bf16) { return bf16 && pleat_tiles_usable(); }

TILES INLINE void stream_row(float *to, const float *from) {
    _mm512_stream_ps(to, _mm512_loadu_ps(from));
}

#include "onednn_gradient_amx.inc"
