/* onednn_winograd_direct_avx512.c - convolutions in f32 by Winograd's filtering, by AVX-512. */
#include <immintrin.h>

#define LANES    16
#define MOST     14
#define WINOGRAD pleat_winograd_avx512
#define SIMD     __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))

#define EACH_NUMBER_OF_TILES(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)

typedef __m512 vec;

#define madd(a, b, c)        _mm512_fmadd_ps(a, b, c)
#define larger(a, b)         _mm512_max_ps(a, b)
#define load_some(from, n)   _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1u), from)
#define store_some(to, n, x) _mm512_mask_storeu_ps(to, (__mmask16)((1u << (n)) - 1u), x)

static int winograd_usable(void);

#include "onednn_winograd_direct.inc"

static int winograd_usable(void) { return pleat_dnnl_has_avx512(); }
