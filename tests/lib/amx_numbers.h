/* amx_numbers.h - what the tests of kernels on tiles compute with. */
#ifndef PLEAT_TESTS_AMX_NUMBERS_H
#define PLEAT_TESTS_AMX_NUMBERS_H

#include "pleat/rng.h"
#include "support.h"

#include "../../src/engines/onednn_simd.h"

#include <stdlib.h>

static inline void *some(size_t n, size_t size) {
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

/* Number i of array `which` of a case, from -1 to 1. */
static inline float number(size_t row, uint32_t which, size_t i) {
    const pleat_rng rng = pleat_rng_at(7, PLEAT_STREAM_SAMPLE, 0, which, (uint32_t)row);
    return (float)(2 * pleat_rng_uniform(&rng, (uint32_t)i) - 1);
}

static inline void *some_numbers(size_t row, uint32_t which, size_t n, int bf16) {
    void *p = some(n, bf16 ? sizeof(uint16_t) : sizeof(float));
    for (size_t i = 0; i < n; i++) store1(p, i, bf16, number(row, which, i));
    return p;
}

static inline uint16_t *some_halves(size_t row, uint32_t which, size_t n) {
    return some_numbers(row, which, n, 1);
}

#endif /* PLEAT_TESTS_AMX_NUMBERS_H */
