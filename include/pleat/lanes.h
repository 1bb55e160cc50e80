/*
 * lanes.h - float functions that compilers turn into SIMD, and the voxel noise made of them.
 *
 * They have no branch, table or call, so a plain loop over them becomes vector code with any
 * flags. Errors are below 4e-7 of the result (of 1 for the sine and cosine): float rounding.
 */
#ifndef PLEAT_LANES_H
#define PLEAT_LANES_H

#include "pleat/rng.h"

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__ /* the GPU augments with the same functions */
#    define PLEAT_LANE static inline __host__ __device__
#else
#    define PLEAT_LANE static inline
#endif

/* a * b + c with two roundings; compilers for the GPU would make one instruction of it. */
#ifdef __CUDA_ARCH__
#    define APART(a, b, c)   __fadd_rn(__fmul_rn((a), (b)), (c))
#    define APART64(a, b, c) __dadd_rn(__dmul_rn((a), (b)), (c))
#else
#    define APART(a, b, c)   ((a) * (b) + (c))
#    define APART64(a, b, c) ((a) * (b) + (c))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __CUDACC__                           /* vectors are of the CPU only */
#    pragma GCC diagnostic ignored "-Wpsabi" /* vectors are never passed between files */

/* GCC's vectors of floats at any address: one register, or as many as the machine needs. */
typedef float lane16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float lane8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float lane4 __attribute__((vector_size(16), aligned(4), may_alias));
#endif

PLEAT_LANE uint32_t lane_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

PLEAT_LANE float lane_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Base-2 logarithm of a normal x > 0: exponent, and atanh's series on a mantissa in [.7, 1.4). */
PLEAT_LANE float lane_log2(float x) {
    const uint32_t shifted = lane_bits(x) - 0x3F3504F3u; /* sqrt(1/2) */
    const int32_t exponent = (int32_t)shifted >> 23;
    const float mantissa = lane_float((shifted & 0x007FFFFFu) + 0x3F3504F3u);
    const float s = (mantissa - 1.0f) / (mantissa + 1.0f), q = s * s;
    const float series =
        2.88539008f +
        q * (0.961796694f + q * (0.577078016f + q * (0.412198583f + q * 0.320598898f)));
    return (float)exponent + s * series;
}

/* 2^x for x in [-126, 126]; smaller x give 2^-126. Taylor's series on [-1/2, 1/2]. */
PLEAT_LANE float lane_exp2(float x) {
    x = x < -126.0f ? -126.0f : x;
    const float shifted = x + 12582912.0f; /* 1.5 * 2^23: the sum is rounded to an integer */
    const float whole = shifted - 12582912.0f, t = x - whole;
    const float series =
        1.0f + t * (0.693147181f +
                    t * (0.240226507f +
                         t * (0.0555041087f +
                              t * (0.00961812911f + t * (0.00133335581f + t * 0.000154035304f)))));
    return series * lane_float((lane_bits(shifted) << 23) + 0x3F800000u);
}

/* Sine and cosine of `turn` full turns, turn in [0, 1]. Taylor's series on an eighth of a turn. */
PLEAT_LANE void lane_sincos(float turn, float *sine, float *cosine) {
    const float shifted = 4.0f * turn + 12582912.0f;
    const uint32_t quarter = lane_bits(shifted);
    const float a = (4.0f * turn - (shifted - 12582912.0f)) * 1.57079633f, q = a * a;
    const float s = a * (1.0f + q * (-0.166666667f + q * (0.00833333333f + q * -0.000198412698f)));
    const float c =
        1.0f + q * (-0.5f + q * (0.0416666667f + q * (-0.00138888889f + q * 0.0000248015873f)));
    const float y = quarter & 1 ? c : s, x = quarter & 1 ? s : c;
    *sine = quarter & 2 ? -y : y;
    *cosine = (quarter + 1) & 2 ? -x : x;
}

#ifndef __CUDACC__         /* a thread of the GPU makes one block: cuda/augment_voxel.h */
enum { LANE_BLOCKS = 16 }; /* of Philox, made together */

/* The four words of blocks first .. first + LANE_BLOCKS - 1: the rounds of rng.c, one SIMD lane
 * per block; tests hold the two together. */
static inline void lane_philox(const pleat_rng *rng, uint32_t first,
                               uint32_t word[4][LANE_BLOCKS]) {
    for (uint32_t i = 0; i < LANE_BLOCKS; i++) {
        uint32_t c0 = rng->counter[0], c1 = rng->counter[1], c2 = rng->counter[2], c3 = first + i;
        uint32_t k0 = rng->key[0], k1 = rng->key[1];
#    pragma GCC unroll 10
        for (int round = 0; round < 10; round++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
            c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)p1;
            c3 = (uint32_t)p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        word[0][i] = c0;
        word[1][i] = c1;
        word[2][i] = c2;
        word[3][i] = c3;
    }
}
#endif

typedef struct pleat_noise_row { /* whose noise: a row of a channel of a volume */
    uint64_t seed;
    int channel, d, h;
} pleat_noise_row;

/* Adds sigma times a standard normal deviate to `row`, voxels w .. w+n-1 of a row. The deviate of a
 * voxel is a function of (seed, channel, d, h, w): no crop changes it. */
void pleat_noise_add(const pleat_noise_row *of, int w, int n, float sigma, float *row);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LANES_H */
