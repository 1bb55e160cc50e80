/* onednn_winograd_direct_avx2.c - convolutions in f32 by Winograd's filtering, by AVX2 and FMA. */
#include <immintrin.h>

#define LANES    8
#define MOST     6
#define WINOGRAD pleat_winograd_avx2
#define SIMD     __attribute__((target("avx2,fma")))

#define EACH_NUMBER_OF_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)

typedef __m256 vec;

#define madd(a, b, c)        _mm256_fmadd_ps(a, b, c)
#define larger(a, b)         _mm256_max_ps(a, b)
#define load_some(from, n)   _mm256_maskload_ps(from, first_lanes(n))
#define store_some(to, n, x) _mm256_maskstore_ps(to, first_lanes(n), x)

SIMD static inline __m256i first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static int winograd_usable(void);

#include "onednn_winograd_direct.inc"

static int winograd_usable(void) { return pleat_dnnl_has_avx2() && __builtin_cpu_supports("fma"); }
