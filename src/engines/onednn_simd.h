/*
 * onednn_simd.h - sixteen floats at a time, from float or bfloat16 memory.
 *
 * GCC's vector types, not intrinsics: one AVX-512 register where there is one, else pairs or
 * quadruples of smaller ones. Functions that take `bf16` and `lanes` are inlined with constants
 * there, so each call site is one straight loop.
 */
#ifndef PLEAT_NET_ONEDNN_SIMD_H
#define PLEAT_NET_ONEDNN_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi" /* vectors are never passed between files */

#define INLINE static inline __attribute__((always_inline))
#define LANES  16

typedef float v16 __attribute__((vector_size(64)));
typedef uint32_t u16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));
typedef uint16_t half8 __attribute__((vector_size(16)));
typedef uint16_t half16 __attribute__((vector_size(32)));
typedef uint16_t half32 __attribute__((vector_size(64)));
typedef uint8_t byte16 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
typedef float v4 __attribute__((vector_size(16)));

INLINE v16 v16_of(float value) { return value - (v16){0}; }

/* bfloat16 is the upper half of a float; rounds to nearest, ties to even. */
INLINE v16 v16_from_half(half16 x) { return (v16)(__builtin_convertvector(x, u16) << 16); }

INLINE half16 half_from_v16(v16 x) {
    const u16 bits = (u16)x;
    return __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, half16);
}

/* Eight lanes and zeros, and back, in registers: a part of a vector that is written to memory and
 * read as a whole waits for both. */
#define WIDENED(x, zeros) \
    __builtin_shufflevector(x, zeros, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define NARROWED(x) __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7)

/* Elements i .. i+lanes-1 of an array of activations; the other lanes are zero. */
INLINE v16 v16_load(const void *data, size_t i, int lanes, int bf16) {
    if (bf16) {
        const uint16_t *from = (const uint16_t *)data + i;
        half16 x = {0};
        half8 low;
        if (lanes != LANES / 2) {
            memcpy(&x, from, (size_t)lanes * sizeof *from);
            return v16_from_half(x);
        }
        memcpy(&low, from, sizeof low);
        return v16_from_half(WIDENED(low, (half8){0}));
    }
    const float *from = (const float *)data + i;
    v16 x = {0};
    v8 low;
    if (lanes != LANES / 2) {
        memcpy(&x, from, (size_t)lanes * sizeof *from);
        return x;
    }
    memcpy(&low, from, sizeof low);
    return WIDENED(low, (v8){0});
}

INLINE void v16_store(void *data, size_t i, int lanes, int bf16, v16 value) {
    if (bf16) {
        uint16_t *to = (uint16_t *)data + i;
        const half16 x = half_from_v16(value);
        const half8 low = NARROWED(x);
        if (lanes == LANES / 2)
            memcpy(to, &low, sizeof low);
        else
            memcpy(to, &x, (size_t)lanes * sizeof *to);
        return;
    }
    float *to = (float *)data + i;
    const v8 low = NARROWED(value);
    if (lanes == LANES / 2)
        memcpy(to, &low, sizeof low);
    else
        memcpy(to, &value, (size_t)lanes * sizeof *to);
}

INLINE v16 v16_select(i16 mask, v16 yes, v16 no) {
    return (v16)(((i16)yes & mask) | ((i16)no & ~mask));
}

INLINE float v16_total(v16 x) {
    const v8 a = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                 __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    const v4 b =
        __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/* Asks for element i early. Processors foresee packed tensors by themselves, but not that every
 * second cache line of a slice is skipped: there this doubles the speed. */
INLINE void v16_fetch(const void *data, size_t i, int bf16) {
    __builtin_prefetch((const char *)data + i * (bf16 ? sizeof(uint16_t) : sizeof(float)));
}

/* One activation. */
INLINE float load1(const void *data, size_t i, int bf16) {
    if (!bf16) return ((const float *)data)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE void store1(void *data, size_t i, int bf16, float value) {
    if (!bf16) {
        ((float *)data)[i] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    ((uint16_t *)data)[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/* --- up to 32 channels at a time ---
 *
 * 32 floats are two registers in their order. 32 values of bfloat16 are one register in memory:
 * the even ones become the first, the odd ones the second, by shifts alone, where conversion in
 * their order costs exchanges between lanes. Fewer than 32 are the first register, in order. */

typedef struct v32 {
    v16 part[2];
} v32;

INLINE int v32_parts(int lanes) { return lanes > LANES ? 2 : 1; }

INLINE u16 rounded_bits(v16 x) {
    const u16 bits = (u16)x;
    return bits + 0x7fffu + ((bits >> 16) & 1u);
}

INLINE v32 v32_load(const void *data, size_t i, int lanes, int bf16) {
    if (lanes <= LANES) return (v32){{v16_load(data, i, lanes, bf16)}};
    if (!bf16) return (v32){{v16_load(data, i, LANES, 0), v16_load(data, i + LANES, LANES, 0)}};
    u16 both;
    memcpy(&both, (const uint16_t *)data + i, sizeof both);
    return (v32){{(v16)(both << 16), (v16)(both & 0xffff0000u)}};
}

INLINE void v32_store(void *data, size_t i, int lanes, int bf16, v32 value) {
    if (lanes <= LANES || !bf16) {
        for (int r = 0; r < v32_parts(lanes); r++)
            v16_store(data, i + (size_t)r * LANES, lanes > LANES ? LANES : lanes, bf16,
                      value.part[r]);
        return;
    }
    const u16 both =
        (rounded_bits(value.part[0]) >> 16) | (rounded_bits(value.part[1]) & 0xffff0000u);
    memcpy((uint16_t *)data + i, &both, sizeof both);
}

/* Floats, one for each channel, in the order in which v32_load has the channels; and back. */
INLINE v32 v32_of_floats(const float *data, int lanes, int bf16) {
    const v32 x = v32_load(data, 0, lanes, 0);
    if (lanes <= LANES || !bf16) return x;
    const v16 a = x.part[0], b = x.part[1];
    return (v32){
        {__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)}};
}

INLINE v32 v32_in_order(v32 x, int lanes, int bf16) {
    if (lanes <= LANES || !bf16) return x;
    const v16 a = x.part[0], b = x.part[1];
    return (v32){
        {__builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
         __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31)}};
}

/* Adds to doubles, one for each channel. */
INLINE void v32_add_to(double *sums, int lanes, int bf16, v32 x) {
    const v32 ordered = v32_in_order(x, lanes, bf16);
    const int width = lanes > LANES ? LANES : lanes;
    for (int r = 0; r < v32_parts(lanes); r++)
        for (int i = 0; i < width; i++) sums[r * LANES + i] += (double)ordered.part[r][i];
}

/* Voxels from one that is read to one that is asked for early: 3 KiB of 32 channels. */
#define VOXELS_AHEAD(bf16) ((size_t)((bf16) ? 48 : 24))

/* Calls body(lanes, bf16, ...) with constants: channels come in 32s, 16s, 8s or what is left. */
#define WITH_TYPE(bf16, body, lanes, ...) \
    do {                                  \
        if (bf16)                         \
            body(lanes, 1, __VA_ARGS__);  \
        else                              \
            body(lanes, 0, __VA_ARGS__);  \
    } while (0)

#define WITH_LANES(left, bf16, body, ...)                  \
    do {                                                   \
        if ((left) >= 2 * LANES)                           \
            WITH_TYPE(bf16, body, 2 * LANES, __VA_ARGS__); \
        else if ((left) >= LANES)                          \
            WITH_TYPE(bf16, body, LANES, __VA_ARGS__);     \
        else if ((left) >= LANES / 2)                      \
            WITH_TYPE(bf16, body, LANES / 2, __VA_ARGS__); \
        else                                               \
            WITH_TYPE(bf16, body, 1, __VA_ARGS__);         \
    } while (0)

/* The first channel of register r of those that begin at channel c. */
INLINE size_t lane_at(int c, int r) { return (size_t)c + (size_t)r * LANES; }

/* How many channels WITH_LANES takes of `left`. */
static inline int lanes_of(int left) {
    return left >= 2 * LANES   ? 2 * LANES
           : left >= LANES     ? LANES
           : left >= LANES / 2 ? LANES / 2
                               : 1;
}

#endif /* PLEAT_NET_ONEDNN_SIMD_H */
