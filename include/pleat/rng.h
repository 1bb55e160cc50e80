/*
 * rng.h - randomness as a function, not a state.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 * a 64-bit key and a 128-bit counter give 128 random bits. The same (key, counter) gives the
 * same number on any rank, thread, engine or resume, so nothing has to be saved.
 *
 *   pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_SAMPLE, fold, epoch, sample);
 *   double u = pleat_rng_uniform(&rng, 0);      draw number 0 of that sample
 */
#ifndef PLEAT_RNG_H
#define PLEAT_RNG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_stream { /* what the draws are for, so that no two uses share numbers */
                            PLEAT_STREAM_FOLDS = 1,
                            PLEAT_STREAM_INIT = 2,
                            PLEAT_STREAM_ORDER = 3,
                            PLEAT_STREAM_SAMPLE = 4,
                            PLEAT_STREAM_VALIDATION = 5,
                            PLEAT_STREAM_NOISE = 6,
                            PLEAT_STREAM_PHANTOM = 7,
                            PLEAT_STREAM_ELASTIC = 8,
                            PLEAT_STREAM_FOREGROUND = 9,
                            PLEAT_STREAM_CHANNEL = 10,
                            PLEAT_STREAM_BOOTSTRAP = 11,
} pleat_stream;

typedef struct pleat_rng {
    uint32_t key[2];
    uint32_t counter[3]; /* the fourth word is the draw */
} pleat_rng;

/* One generator per (seed, stream, a, b, c). */
pleat_rng pleat_rng_at(uint64_t seed, pleat_stream stream, uint32_t a, uint32_t b, uint32_t c);

/* The four words of block `block`. */
void pleat_rng_block(const pleat_rng *rng, uint32_t block, uint32_t out[4]);

/* Draw number `draw`: uniform in [0, 1) with 53 bits; in [low, high); an integer 0..n-1 (n >= 1);
 * a normal deviate (Box-Muller). Draws of one number in different functions are not independent. */
double pleat_rng_uniform(const pleat_rng *rng, uint32_t draw);
double pleat_rng_range(const pleat_rng *rng, uint32_t draw, double low, double high);
uint32_t pleat_rng_below(const pleat_rng *rng, uint32_t draw, uint32_t n);
double pleat_rng_normal(const pleat_rng *rng, uint32_t draw);

/* Fisher-Yates over draws first_draw .. first_draw+n-2; items[n] in place. */
void pleat_rng_shuffle(const pleat_rng *rng, uint32_t first_draw, int *items, int n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_RNG_H */
