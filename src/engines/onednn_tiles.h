/*
 * onednn_tiles.h - the tiles of AMX: their configuration, and whether they are right.
 *
 * For the kernels on tiles, which are compiled twice: with the processor's, and by tests with tiles
 * in plain C. The one that includes it brings the intrinsics and TILES, the attribute of functions
 * that use them.
 */
#ifndef PLEAT_ENGINES_ONEDNN_TILES_H
#define PLEAT_ENGINES_ONEDNN_TILES_H

#include "onednn_simd.h"

#define TILE 256 /* words of a tile: 16 rows of 16 */

/* Eight tiles, each of 16 rows of 64 bytes. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} eight_tiles = {.palette = 1,
                 .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                 .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* What was stored is in memory before the next load of a tile: gcc does not know that it reads. */
static inline void settle(void) { __asm__ volatile("" ::: "memory"); }

/* Sums of 32 x 32 numbers are those of tiles 0 (both lower 16), 1 (the upper 16 of the second), 2
 * and 3. Constants a2, b2: whether there are upper ones of the first, of the second; if not, their
 * tiles are left alone. */
TILES INLINE void clear_sums(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

TILES INLINE void store_sums(float sums[4][TILE], int a2, int b2) {
    _tile_stored(0, sums[0], 64);
    if (b2) _tile_stored(1, sums[1], 64);
    if (a2) _tile_stored(2, sums[2], 64);
    if (a2 && b2) _tile_stored(3, sums[3], 64);
    settle();
}

/* Row and column exchanged: each pass turns the eight bits of a word's place by one. */
INLINE void transpose(u16 rows[16]) {
    for (int pass = 0; pass < 4; pass++) {
        u16 next[16];
        for (size_t i = 0; i < 8; i++) {
            next[2 * i] = __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19,
                                                  4, 20, 5, 21, 6, 22, 7, 23);
            next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26,
                                                      11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(rows, next, sizeof next);
    }
}

/* Pairs of the numbers of a and b: the lower 16 of each, and the upper ones. */
INLINE u16 lower(half32 a, half32 b) {
    return (u16)__builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7,
                                        39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46,
                                        15, 47);
}

INLINE u16 upper(half32 a, half32 b) {
    return (u16)__builtin_shufflevector(a, b, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22,
                                        54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61,
                                        30, 62, 31, 63);
}

/* Whole numbers from -8 to 8, as bf16, in pairs. */
static inline void fill(uint32_t *words, int n, uint32_t factor) {
    for (int i = 0; i < n; i++) {
        uint16_t two[2];
        for (uint32_t k = 0; k < 2; k++)
            store1(two, k, 1, (float)((2 * (uint32_t)i + k) * factor % 17) - 8.0F);
        memcpy(words + i, two, sizeof two);
    }
}

/* A step whose sums are exact in every order, against plain C. Its own cost is some 20 us. */
TILES static inline int tiles_are_right(void) {
    uint32_t a[2 * TILE], b[2 * TILE], before[16];
    float sums[4][TILE];
    fill(a, 2 * TILE, 5);
    fill(b, 2 * TILE, 7);
    settle();
    _tile_storeconfig(before);
    _tile_loadconfig(&eight_tiles);
    clear_sums();
    _tile_loadd(4, a, 64);
    _tile_loadd(5, a + TILE, 64);
    _tile_loadd(6, b, 64);
    _tile_loadd(7, b + TILE, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    store_sums(sums, 1, 1);
    _tile_loadconfig(before);
    for (size_t k = 0; k < (size_t)4 * TILE; k++) {
        const uint32_t *row = a + k / ((size_t)2 * TILE) * TILE + k % TILE / 16 * 16;
        const uint32_t *column = b + k / TILE % 2 * TILE + k % 16;
        float sum = 0;
        for (size_t i = 0; i < 16; i++)
            for (size_t v = 0; v < 2; v++)
                sum += load1(row, 2 * i + v, 1) * load1(column, 32 * i + v, 1);
        if (sums[k / TILE][k % TILE] != sum) return 0;
    }
    return 1;
}

#endif /* PLEAT_ENGINES_ONEDNN_TILES_H */
