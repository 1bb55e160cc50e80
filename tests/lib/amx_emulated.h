/*
 * amx_emulated.h - the tile instructions of AMX that we use, in plain C.
 *
 * In place of <immintrin.h>, for a test that runs on every processor. As in Intel's Software
 * Developer's Manual, volume 2: palette 1 has eight tiles of at most 16 rows of 64 bytes; rows and
 * bytes beyond those of the configuration are zeros. TDPBF16PS sums the products of the pairs'
 * first and second numbers apart, from 0 on, in the order of the pairs, each by one fused step;
 * then adds both, and that to the destination. Every step rounds to nearest, ties to even; what is
 * denormal counts as 0, before and after. What would be a fault of the processor fails the test.
 */
#ifndef PLEAT_TESTS_AMX_EMULATED_H
#define PLEAT_TESTS_AMX_EMULATED_H

#include "support.h"

#include "../../src/engines/onednn_simd.h"

#include <math.h>
#include <string.h>

typedef struct emulated_tiles {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config; /* as in memory */
    uint8_t data[8][16][64];
} emulated_tiles;

static _Thread_local emulated_tiles emulated; /* of a thread, as a processor's are */
static int emulated_fault;                    /* products are wrong in the last bit */

static inline void _tile_storeconfig(void *to) {
    memcpy(to, &emulated.config, sizeof emulated.config);
}

static inline void _tile_loadconfig(const void *from) {
    memset(&emulated, 0, sizeof emulated);
    memcpy(&emulated.config, from, sizeof emulated.config);
    if (emulated.config.palette == 0) {
        memset(&emulated.config, 0, sizeof emulated.config);
        return;
    }
    int faults = emulated.config.palette != 1;
    for (int i = 0; i < 14; i++) faults += emulated.config.reserved[i] != 0;
    for (int i = 0; i < 16; i++) {
        const int bytes = emulated.config.row_bytes[i], rows = emulated.config.rows[i];
        faults += i < 8 ? bytes > 64 || rows > 16 || (bytes == 0) != (rows == 0) : bytes + rows > 0;
    }
    assert_int_equal(faults, 0);
}

static inline void emulated_want(int tile) { /* a configuration that has it */
    if (emulated.config.palette != 1 || emulated.config.rows[tile] == 0)
        fail_msg("tile %d is not configured", tile);
}

static inline void _tile_zero(int tile) {
    emulated_want(tile);
    memset(emulated.data[tile], 0, sizeof emulated.data[tile]);
}

static inline void _tile_loadd(int tile, const void *from, long stride) {
    _tile_zero(tile);
    for (int i = 0; i < emulated.config.rows[tile]; i++)
        memcpy(emulated.data[tile][i], (const char *)from + i * stride,
               emulated.config.row_bytes[tile]);
}

static inline void _tile_stored(int tile, void *to, long stride) {
    emulated_want(tile);
    for (int i = 0; i < emulated.config.rows[tile]; i++)
        memcpy((char *)to + i * stride, emulated.data[tile][i], emulated.config.row_bytes[tile]);
}

static inline float emulated_flush(float x) {
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static inline float emulated_bf16(const uint8_t *from) {
    uint16_t half;
    memcpy(&half, from, sizeof half);
    const uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return emulated_flush(x);
}

/* One row of the destination. */
static inline void emulated_row(uint8_t *to, const uint8_t *row, int b, int pairs, int columns) {
    float sum[16][2] = {0};
    for (int k = 0; k < pairs; k++)
        for (int n = 0; n < columns; n++)
            for (int j = 0; j < 2; j++) {
                const float x = emulated_bf16(row + 4 * k + 2 * j);
                const float y = emulated_bf16(emulated.data[b][k] + 4 * n + 2 * j);
                sum[n][j] = emulated_flush(fmaf(x, y, sum[n][j]));
            }
    for (int n = 0; n < columns; n++) {
        float c;
        memcpy(&c, to + 4 * n, sizeof c);
        c = emulated_flush(emulated_flush(c) + emulated_flush(sum[n][0] + sum[n][1]));
        if (emulated_fault) c = nextafterf(c, INFINITY);
        memcpy(to + 4 * n, &c, sizeof c);
    }
}

static inline void _tile_dpbf16ps(int c, int a, int b) {
    emulated_want(c);
    emulated_want(a);
    emulated_want(b);
    const int rows = emulated.config.rows[c], pairs = emulated.config.row_bytes[a] / 4;
    const int columns = emulated.config.row_bytes[c] / 4;
    if (a == b || a == c || b == c || rows != emulated.config.rows[a] ||
        pairs != emulated.config.rows[b] || columns != emulated.config.row_bytes[b] / 4)
        fail_msg("tiles %d, %d and %d do not fit each other", c, a, b);
    for (int m = 0; m < rows; m++)
        emulated_row(emulated.data[c][m], emulated.data[a][m], b, pairs, columns);
}

/* In place of instructions of AVX-512: a line past the caches; two times 16 floats as bf16. */
INLINE void stream_row(float *to, const float *from) {
    assert_int_equal((uintptr_t)to % 64, 0);
    memcpy(to, from, LANES * sizeof *to);
}

INLINE u16 rounded_both(v16 low, v16 high) {
    uint16_t halves[2 * LANES];
    u16 words;
    v16_store(halves, 0, LANES, 1, low);
    v16_store(halves, LANES, LANES, 1, high);
    memcpy(&words, halves, sizeof words);
    return words;
}

#endif /* PLEAT_TESTS_AMX_EMULATED_H */
