/*
 * onednn_mirror.c - the weights of a gradient by x, packed in one go.
 *
 * For the library, a copy of canonical weights has its taps reversed, and a second pass brings that
 * into the library's layout. In those that it likes on AVX-512, runs of 16 to 64 input channels lie
 * beside each other, as they do in canonical weights: one pass does both, several times as fast.
 */
#include "onednn.h"
#include "onednn_simd.h"

#include <omp.h>

#define GROUP 16 /* output channels that are read together: each a row of Cin floats for a tap */

/* `run` channels of rows a and b in turn, rounded: a0 b0 a1 b1 ... */
INLINE void interleave(const float *a, const float *b, size_t run, uint32_t *out) {
    for (size_t i = 0; i < run; i += LANES) {
        u16 low, high;
        memcpy(&low, a + i, sizeof low);
        memcpy(&high, b + i, sizeof high);
        low += 0x7fffu + ((low >> 16) & 1u);
        high += 0x7fffu + ((high >> 16) & 1u);
        const u16 both = (low >> 16) | (high & 0xffff0000u);
        memcpy(out + i, &both, sizeof both);
    }
}

/* Output channels k0 to k1 of one tap: to [Cin/run][.., k, ..][run], in pairs of k where bf16. */
static void pack_tap(const pleat_mirror *m, const float *weights, size_t k0, size_t k1, size_t tap,
                     void *packed) {
    const size_t cin = (size_t)m->cin, cout = (size_t)m->cout, taps = (size_t)m->taps;
    const size_t run = (size_t)m->run;
    for (size_t c = 0; c < cin; c += run) {
        const size_t begin = (c / run * taps + taps - 1 - tap) * cout * run;
        for (size_t k = k0; k < k1; k += m->bf16 ? 2 : 1) {
            const float *row = weights + (k * taps + tap) * cin + c;
            if (m->bf16)
                interleave(row, row + taps * cin, run, (uint32_t *)packed + (begin + k * run) / 2);
            else
                memcpy((float *)packed + begin + k * run, row, run * sizeof *row);
        }
    }
}

void pleat_onednn_mirror(const pleat_mirror *m, int threads, const float *weights, void *packed) {
    const size_t cout = (size_t)m->cout, taps = (size_t)m->taps;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t k = 0; k < cout; k += GROUP)
        for (size_t tap = 0; tap < taps; tap++)
            pack_tap(m, weights, k, k + GROUP < cout ? k + GROUP : cout, tap, packed);
}
