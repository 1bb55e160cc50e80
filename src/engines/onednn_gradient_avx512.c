/*
 * onednn_gradient_avx512.c - gradients by the weights of 3x3x3 and 1x3x3 convolutions in bf16, by
 * AVX-512, where there is no AMX.
 *
 * A product's inner dimension are voxels along a row; one instruction adds the products of a word's
 * two bf16. A tile of sums is 8 channels of y by 16 of x by the 3 taps along W: 24 registers. Per
 * word it loads 16 channels of x three times, one channel of y eight times, and does 24 products:
 *
 *   x:  [16 channels][plane][row][word], in bf16 twice: the pairs (0,1) (2,3) ... for the middle
 *       tap, (-1,0) (1,2) ... for the two others
 *   dy: [8 channels][plane][row][word]
 *   add: for each 8 channels of y, tap along H: the tile, read from dweights and added to there
 *
 * Rows outside are left out.
 */
#include "onednn_gradient_impl.h"

#include <immintrin.h>
#include <limits.h>
#include <string.h>

#define OUT    8  /* channels of y in a tile */
#define IN     16 /* of x: a register */
#define TAPS   PLEAT_GRADIENT_TAPS
#define PLANES PLEAT_GRADIENT_PLANES
#define WORDS  128 /* of a block, about: its x of 16 channels stays in the first cache */

#define SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

typedef pleat_gradient_plan plan;
typedef pleat_gradient_block block;

typedef struct tile { /* what the kernel adds up */
    const uint32_t *x[PLANES], *dy[PLANES];
    int planes, rows, words;
    size_t x_row, y_row, offset[TAPS];
    float *to;           /* dweights[co][tap][ci] */
    size_t channel, tap; /* floats from one channel of y, and tap, to the next */
    int out, in;
} tile;

static int usable(int bf16) { return bf16 && pleat_dnnl_has_bf16(); }

static int knows(const int kernel[3]) { return kernel[1] == 3 && kernel[2] == 3; }

static void lay_out(plan *p) {
    p->row = ((size_t)p->words + 1) * IN;
    p->copy = ((size_t)p->rows + 2) * p->row;
    p->part = p->copy * 2;
    p->y_plane = (size_t)p->rows * (size_t)p->words * OUT;
    p->offset[0] = p->copy;
    p->offset[1] = 0;
    p->offset[2] = p->copy + IN;
}

/* --- the kernel --- */

SIMD static inline __m512 product(__m512 sum, __m512i x, __m512i dy) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)dy);
}

/* The tile's sums begin at 0, so that a long sum is one of shorter ones. */
SIMD static void add_tile(const tile *t) {
    const __mmask16 lanes = (__mmask16)((1u << t->in) - 1u);
    __m512 sum[OUT][TAPS];
    for (int k = 0; k < OUT; k++)
        for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = _mm512_setzero_ps();
    for (int plane = 0; plane < t->planes; plane++)
        for (int row = 0; row < t->rows; row++) {
            const uint32_t *x = t->x[plane] + (size_t)row * t->x_row;
            const uint32_t *dy = t->dy[plane] + (size_t)row * t->y_row;
            for (int i = 0; i < t->words; i++, x += IN, dy += OUT) {
                __m512i from[TAPS];
                for (int tap = 0; tap < TAPS; tap++)
                    from[tap] = _mm512_loadu_si512(x + t->offset[tap]);
                for (int k = 0; k < OUT; k++) {
                    const __m512i g = _mm512_set1_epi32((int)dy[k]);
                    for (int tap = 0; tap < TAPS; tap++)
                        sum[k][tap] = product(sum[k][tap], from[tap], g);
                }
            }
        }
    for (int k = 0; k < t->out; k++)
        for (int tap = 0; tap < TAPS; tap++) {
            float *to = t->to + (size_t)k * t->channel + (size_t)tap * t->tap;
            const __m512 before = _mm512_maskz_loadu_ps(lanes, to);
            _mm512_mask_storeu_ps(to, lanes, _mm512_add_ps(before, sum[k][tap]));
        }
}

/* `rounds` times the products of a tile's word, in registers: of ones, not of denormals. */
SIMD static float products(int bf16, long rounds) {
    const __m512i x = _mm512_set1_epi32((int)(0x3f803f80 + (rounds & 1)));
    __m512 sum[OUT][TAPS];
    (void)bf16;
    for (int k = 0; k < OUT; k++)
        for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = _mm512_setzero_ps();
    for (long i = 0; i < rounds; i++)
        for (int k = 0; k < OUT; k++)
            for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = product(sum[k][tap], x, x);
    __m512 all = _mm512_setzero_ps();
    for (int k = 0; k < OUT; k++)
        for (int tap = 0; tap < TAPS; tap++) all = _mm512_add_ps(all, sum[k][tap]);
    return _mm512_cvtss_f32(all);
}

/* --- packing --- */

/* 16 channels of a voxel, in the lower halves of words; zeros beyond the row. */
SIMD static inline __m512i voxel(const plan *p, const uint16_t *row, int v, int channels, int from,
                                 int count) {
    if (v < 0 || v >= p->s.w) return _mm512_setzero_si512();
    const __mmask16 lanes = (__mmask16)((1u << count) - 1u);
    const size_t at = (size_t)v * (size_t)channels + (size_t)from;
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, row + at));
}

/* Words of voxels v and v + 1. */
SIMD static inline __m512i word(const plan *p, const uint16_t *row, int v, int channels, int from,
                                int count) {
    return _mm512_or_si512(voxel(p, row, v, channels, from, count),
                           _mm512_slli_epi32(voxel(p, row, v + 1, channels, from, count), 16));
}

/* A row of x, 16 channels. */
SIMD static void pack_x_row(const plan *p, const uint16_t *row, int part, uint32_t *to) {
    const int from = part * IN, count = pleat_gradient_channels(p->s.cin, IN, part);
    const int words = (int)(p->row / IN);
    for (int i = 0; i < words; i++, to += IN) {
        _mm512_store_si512(to, word(p, row, 2 * i, p->s.cin, from, count));
        _mm512_store_si512(to + p->copy, word(p, row, 2 * i - 1, p->s.cin, from, count));
    }
}

/* Rows h0 - 1 .. h0 + rows of a plane, those that there are. */
static void pack_x(const plan *p, const char *x, int plane, const block *b, uint32_t *slot) {
    const size_t row = (size_t)p->s.w * (size_t)p->s.cin;
    for (int i = b->h0 == 0; i < b->rows + 2 && b->h0 + i - 1 < p->s.h; i++) {
        const uint16_t *from = (const uint16_t *)(const void *)x +
                               ((size_t)plane * (size_t)p->s.h + (size_t)(b->h0 + i - 1)) * row;
        for (size_t part = b->in.begin; part < b->in.end; part++)
            pack_x_row(p, from, (int)part,
                       slot + (part - b->in.begin) * p->part + (size_t)i * p->row);
    }
}

/* The block's rows of a plane of dy, the channels of tiles t. */
SIMD static void pack_dy(const plan *p, const char *dy, int plane, const block *b, pleat_share t,
                         uint32_t *to) {
    const size_t row = (size_t)p->s.w * (size_t)p->s.cout;
    for (int i = 0; i < b->rows; i++) {
        const uint16_t *from = (const uint16_t *)(const void *)dy +
                               ((size_t)plane * (size_t)p->s.h + (size_t)(b->h0 + i)) * row;
        for (size_t k = t.begin; k < t.end; k++) {
            const int first = (int)k * OUT, count = pleat_gradient_channels(p->s.cout, OUT, (int)k);
            uint32_t *at = to + (k - t.begin) * p->y_tile + (size_t)(i * p->words) * OUT;
            for (int j = 0; j < p->words; j++, at += OUT)
                _mm256_store_si256((void *)at, _mm512_castsi512_si256(
                                                   word(p, from, 2 * j, p->s.cout, first, count)));
        }
    }
}

/* --- a block --- */

/* One tap along D and 16 channels of x, all of y. */
static void add_depth(const pleat_gradient_part *w, const block *b, int depth, int in) {
    const plan *p = w->plan;
    const pleat_dnnl_shape *s = &p->s;
    const pleat_gradient_meeting m = pleat_gradient_meet(w, b, depth, in);
    tile t = {.planes = m.planes,
              .words = p->words,
              .x_row = p->row,
              .y_row = (size_t)p->words * OUT,
              .channel = p->taps * (size_t)s->cin,
              .tap = (size_t)s->cin,
              .in = pleat_gradient_channels(s->cin, IN, in)};
    memcpy(t.offset, p->offset, sizeof t.offset);
    for (size_t k = w->tiles.begin; k < w->tiles.end; k++)
        for (int h = 0; h < 3; h++) {
            const int skip = h == 0 && b->h0 == 0, less = h == 2 && b->h0 + b->rows == s->h;
            t.rows = b->rows - skip - less;
            t.out = pleat_gradient_channels(s->cout, OUT, (int)k);
            t.to = w->dweights + (k * OUT * p->taps + (size_t)(depth * 9 + h * 3)) * t.tap +
                   (size_t)(in * IN);
            for (int i = 0; i < t.planes; i++) {
                t.x[i] = m.x[i] + (size_t)(h + skip) * p->row;
                t.dy[i] = m.dy[i] + (k - w->tiles.begin) * p->y_tile + (size_t)skip * t.y_row;
            }
            if (t.rows > 0 && t.planes > 0) add_tile(&t);
        }
}

static void add(const pleat_gradient_part *w, block *b) {
    for (int in = (int)b->in.begin; in < (int)b->in.end; in++)
        for (int depth = 0; depth < w->plan->s.kernel[0]; depth++) add_depth(w, b, depth, in);
}

const pleat_gradient_kernel pleat_gradient_avx512 = {
    .out = OUT,
    .in = IN,
    .words = WORDS,
    .chunk = INT_MAX,
    .flop = {0, 4.0 * OUT *TAPS *IN},
    .usable = usable,
    .knows = knows,
    .lay_out = lay_out,
    .pack_x = pack_x,
    .pack_dy = pack_dy,
    .add = add,
    .run = pleat_gradient_run_part,
    .products = products,
};
