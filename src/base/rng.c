/* rng.c - Philox4x32-10 and the draws made of it. */
#include "pleat/rng.h"

#include <math.h>
#include <stddef.h>

/* Multipliers and Weyl constants of Salmon et al. 2011, table 2 and section 4.1. */
#define M0 0xD2511F53u
#define M1 0xCD9E8D57u
#define W0 0x9E3779B9u
#define W1 0xBB67AE85u

static void philox(const uint32_t key_in[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key_in[0], k1 = key_in[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)M0 * c0, p1 = (uint64_t)M1 * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += W0;
        k1 += W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

pleat_rng pleat_rng_at(uint64_t seed, pleat_stream stream, uint32_t a, uint32_t b, uint32_t c) {
    /* The stream goes through the generator once, so that neighbouring seeds share nothing. */
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)stream, 0, 0, 0xFFFFFFFFu};
    uint32_t mixed[4];
    philox(key, counter, mixed);
    return (pleat_rng){{mixed[0], mixed[1]}, {a, b, c}};
}

void pleat_rng_block(const pleat_rng *rng, uint32_t block, uint32_t out[4]) {
    const uint32_t counter[4] = {rng->counter[0], rng->counter[1], rng->counter[2], block};
    philox(rng->key, counter, out);
}

/* 53 bits of words 2i, 2i+1 as a fraction in [0, 1). */
static double fraction(const uint32_t word[4], size_t i) {
    const uint64_t bits = ((uint64_t)word[2 * i] << 32 | word[2 * i + 1]) >> 11;
    return (double)bits * 0x1p-53;
}

double pleat_rng_uniform(const pleat_rng *rng, uint32_t draw) {
    uint32_t word[4];
    pleat_rng_block(rng, draw, word);
    return fraction(word, 0);
}

double pleat_rng_range(const pleat_rng *rng, uint32_t draw, double low, double high) {
    return low + (high - low) * pleat_rng_uniform(rng, draw);
}

uint32_t pleat_rng_below(const pleat_rng *rng, uint32_t draw, uint32_t n) {
    return (uint32_t)(pleat_rng_uniform(rng, draw) * (double)n); /* bias below 2^-21 */
}

double pleat_rng_normal(const pleat_rng *rng, uint32_t draw) {
    uint32_t word[4];
    pleat_rng_block(rng, draw, word);
    const double two_pi = 6.283185307179586476925;
    return sqrt(-2.0 * log(1.0 - fraction(word, 0))) * cos(two_pi * fraction(word, 1));
}

void pleat_rng_shuffle(const pleat_rng *rng, uint32_t first_draw, int *items, int n) {
    for (int i = n - 1; i > 0; i--) {
        const int j =
            (int)pleat_rng_below(rng, first_draw + (uint32_t)(n - 1 - i), (uint32_t)(i + 1));
        const int item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}
