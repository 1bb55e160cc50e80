/*
 * kfold.c - the shuffle of scikit-learn's KFold: numpy's RandomState, which is MT19937.
 *
 * Matsumoto & Nishimura 1998, "Mersenne Twister"; the seeding is their init_genrand of 2002.
 * RandomState.shuffle is Fisher and Yates's from the last place down, each place drawn by masking
 * and rejection.
 */
#include "pleat/folds.h"

enum { STATE = 624, SHIFT = 397 };

typedef struct twister {
    uint32_t word[STATE];
    int at;
} twister;

static void seed_with(twister *t, uint32_t seed) {
    t->word[0] = seed;
    for (uint32_t i = 1; i < STATE; i++)
        t->word[i] = 1812433253u * (t->word[i - 1] ^ (t->word[i - 1] >> 30)) + i;
    t->at = STATE;
}

static void refill(twister *t) {
    for (int i = 0; i < STATE; i++) {
        const uint32_t y = (t->word[i] & 0x80000000u) | (t->word[(i + 1) % STATE] & 0x7fffffffu);
        t->word[i] = t->word[(i + SHIFT) % STATE] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    t->at = 0;
}

static uint32_t next(twister *t) {
    if (t->at == STATE) refill(t);
    uint32_t y = t->word[t->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* Even in 0 .. most. */
static uint32_t draw_up_to(twister *t, uint32_t most) {
    uint32_t mask = most, value;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    do value = next(t) & mask;
    while (value > most);
    return value;
}

void pleat_folds_shuffle_like_numpy(uint32_t seed, int *order, int n) {
    twister t;
    seed_with(&t, seed);
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const uint32_t j = draw_up_to(&t, (uint32_t)i);
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
