/*
 * onednn_gradient_winograd.c - gradients by the weights of 3x3x3 and 1x3x3 convolutions in f32 by
 * Winograd's minimal filtering, with AVX-512.
 *
 * Three taps along W of 4 voxels of dy take 6 products, not 12: dy's 4 voxels and x's 6 are the
 * coefficients of polynomials, multiplied at the points 0, +-5/8, +-3/2 and infinity. Along H it is
 * 2 rows, with 4 products for 6, at 0, +-1 and infinity. So a tile of 2x4 voxels takes 24 products
 * for each tap along D, where the taps themselves take 72.
 *
 *   x:   [16 channels][plane][point][tile of voxels][16]
 *   dy:  [8 channels][plane][point][tile of voxels][8]
 *   add: for each point and 8 channels of y, over all tiles of voxels: sums of 8 channels of y by
 *        16 of x by the taps along D, 24 registers. A tile loads 16 channels of x three times,
 *        one channel of y eight times, and does 24 products. After the last block the sums of the
 *        points become those of the taps, which go to dweights
 *
 * Voxels outside are zeros. Of the sets of points that were tried these have the least error
 * (docs/speed.md). What a point's products are divided by waits until they are summed.
 */
#include "onednn_gradient_impl.h"
#include "onednn_simd.h"
#include "onednn_stream.h"

#include <immintrin.h>

#define OUT      8  /* channels of y in a tile of sums */
#define IN       16 /* of x: a register */
#define TAPS     3  /* along an axis; along D or one */
#define ROWS     2  /* of a tile of voxels */
#define COLUMNS  4
#define POINTS_H 4
#define POINTS_W 6
#define POINTS   24 /* of both */
#define PLANES   PLEAT_GRADIENT_PLANES
#define SUMS     ((size_t)TAPS * OUT * IN) /* of a point */

#define SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))

/* The points +-A and +-B along W; their squares. */
#define A  (5.0F / 8)
#define B  (3.0F / 2)
#define AA (A * A)
#define BB (B * B)

typedef pleat_gradient_plan plan;
typedef pleat_gradient_block block;

static int usable(int bf16) { return !bf16 && pleat_dnnl_has_avx512(); }

static int knows(const int kernel[3]) {
    return kernel[1] == 3 && kernel[2] == 3 && (kernel[0] == 1 || kernel[0] == 3);
}

static size_t tiles_of(const plan *p, int rows) {
    return (size_t)((rows + ROWS - 1) / ROWS) * (size_t)((p->s.w + COLUMNS - 1) / COLUMNS);
}

/* With a line between points, which would else share a few places of the first cache. */
static void lay_out(plan *p) {
    p->copy = tiles_of(p, p->rows) * IN + IN;
    p->part = POINTS * p->copy;
    p->y_copy = tiles_of(p, p->rows) * OUT + IN;
    p->y_plane = POINTS * p->y_copy;
    p->sums = POINTS * SUMS;
}

/* a b + c */
SIMD INLINE v16 product(v16 a, v16 b, v16 c) {
    return (v16)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

SIMD INLINE v16 times(float a, v16 b, v16 c) { return product(v16_of(a), b, c); }

/* --- packing --- */

/* Some rows of a plane, 16 channels of them or fewer; rows outside have no lanes. */
typedef struct stripe {
    const float *row[POINTS_H];
    __mmask16 lanes[POINTS_H];
    size_t channels;
    int w;
} stripe;

/* Rows h .. h + n - 1. */
static stripe stripe_of(const pleat_dnnl_shape *s, const float *plane, int channels, int h, int n,
                        int count) {
    stripe t = {.channels = (size_t)channels, .w = s->w};
    for (int i = 0; i < n; i++) {
        const int inside = h + i >= 0 && h + i < s->h;
        t.row[i] = plane + (size_t)(inside ? h + i : 0) * (size_t)s->w * t.channels;
        t.lanes[i] = inside ? (__mmask16)((1u << count) - 1u) : 0;
    }
    return t;
}

SIMD INLINE v16 voxel(const stripe *t, int row, int v) {
    if (v < 0 || v >= t->w) return (v16){0};
    return (v16)_mm512_maskz_loadu_ps(t->lanes[row], t->row[row] + (size_t)v * t->channels);
}

/* Four rows of x at the points along H. */
SIMD INLINE void x_along_h(const stripe *t, int v, v16 to[POINTS_H]) {
    const v16 a = voxel(t, 0, v), b = voxel(t, 1, v), c = voxel(t, 2, v), d = voxel(t, 3, v);
    to[0] = c - a;
    to[1] = c + b;
    to[2] = c - b;
    to[3] = d - b;
}

/* Six voxels of x at the points along W. */
SIMD INLINE void x_along_w(const v16 x[POINTS_W], v16 to[POINTS_W]) {
    const v16 a4 = times(-BB, x[2], x[4]), a3 = times(-BB, x[1], x[3]);
    const v16 b4 = times(-AA, x[2], x[4]), b3 = times(-AA, x[1], x[3]);
    to[0] = times(AA * BB, x[0], times(-AA - BB, x[2], x[4]));
    to[1] = times(A, a3, a4);
    to[2] = times(-A, a3, a4);
    to[3] = times(B, b3, b4);
    to[4] = times(-B, b3, b4);
    to[5] = times(AA * BB, x[1], times(-AA - BB, x[3], x[5]));
}

/* 16 channels of the tiles of two rows. */
SIMD static void pack_x_rows(const plan *p, const stripe *t, uint32_t *to) {
    v16 x[POINTS_H][POINTS_W], column[POINTS_H], at[POINTS_W];
    for (int i = 0; i < 2; i++) {
        x_along_h(t, i - 1, column);
        for (int h = 0; h < POINTS_H; h++) x[h][COLUMNS + i] = column[h];
    }
    for (int v = 0; v < t->w; v += COLUMNS, to += IN) {
        for (int h = 0; h < POINTS_H; h++)
            for (int i = 0; i < 2; i++) x[h][i] = x[h][COLUMNS + i];
        for (int i = 2; i < POINTS_W; i++) {
            x_along_h(t, v - 1 + i, column);
            for (int h = 0; h < POINTS_H; h++) x[h][i] = column[h];
        }
        for (int h = 0; h < POINTS_H; h++) {
            x_along_w(x[h], at);
            for (int i = 0; i < POINTS_W; i++)
                _mm512_store_ps(to + (size_t)(h * POINTS_W + i) * p->copy, (__m512)at[i]);
        }
    }
}

static void pack_x(const plan *p, const char *x, int plane, const block *b, uint32_t *slot) {
    const pleat_dnnl_shape *s = &p->s;
    const size_t row = tiles_of(p, 1) * IN;
    const float *from =
        (const float *)(const void *)x + (size_t)plane * (size_t)(s->h * s->w) * (size_t)s->cin;
    for (size_t part = b->in.begin; part < b->in.end; part++, slot += p->part)
        for (int i = 0; i < b->rows; i += ROWS) {
            const stripe t = stripe_of(s, from + part * IN, s->cin, b->h0 + i - 1, POINTS_H,
                                       pleat_gradient_channels(s->cin, IN, (int)part));
            pack_x_rows(p, &t, slot + (size_t)(i / ROWS) * row);
        }
}

/* Two rows of dy at the points along H. */
SIMD INLINE void y_along_h(const stripe *t, int v, v16 to[POINTS_H]) {
    to[0] = voxel(t, 0, v);
    to[3] = voxel(t, 1, v);
    to[1] = to[0] + to[3];
    to[2] = to[0] - to[3];
}

/* Four voxels of dy at the points along W. */
SIMD INLINE void y_along_w(const v16 y[COLUMNS], v16 to[POINTS_W]) {
    const v16 a0 = times(AA, y[2], y[0]), a1 = times(AA, y[3], y[1]);
    const v16 b0 = times(BB, y[2], y[0]), b1 = times(BB, y[3], y[1]);
    to[0] = y[0];
    to[1] = times(A, a1, a0);
    to[2] = times(-A, a1, a0);
    to[3] = times(B, b1, b0);
    to[4] = times(-B, b1, b0);
    to[5] = y[3];
}

/* 16 channels of the tiles of two rows, to one tile of 8 channels or to two. */
SIMD static void pack_dy_rows(const plan *p, const stripe *t, int two, uint32_t *to) {
    v16 y[POINTS_H][COLUMNS], column[POINTS_H], at[POINTS_W];
    for (int v = 0; v < t->w; v += COLUMNS, to += OUT) {
        for (int i = 0; i < COLUMNS; i++) {
            y_along_h(t, v + i, column);
            for (int h = 0; h < POINTS_H; h++) y[h][i] = column[h];
        }
        for (int h = 0; h < POINTS_H; h++) {
            y_along_w(y[h], at);
            for (int i = 0; i < POINTS_W; i++) {
                float *point = (float *)to + (size_t)(h * POINTS_W + i) * p->y_copy;
                _mm256_store_ps(point, _mm512_castps512_ps256((__m512)at[i]));
                if (two)
                    _mm256_store_ps(point + p->y_tile, _mm512_extractf32x8_ps((__m512)at[i], 1));
            }
        }
    }
}

static void pack_dy(const plan *p, const char *dy, int plane, const block *b, pleat_share tiles,
                    uint32_t *to) {
    const pleat_dnnl_shape *s = &p->s;
    const size_t row = tiles_of(p, 1) * OUT;
    const float *from =
        (const float *)(const void *)dy + (size_t)plane * (size_t)(s->h * s->w) * (size_t)s->cout;
    for (size_t k = tiles.begin; k < tiles.end; k += 2, to += 2 * p->y_tile) {
        const int two = k + 1 < tiles.end;
        const int left = pleat_gradient_channels(s->cout, OUT, (int)k);
        const int count = two ? left + pleat_gradient_channels(s->cout, OUT, (int)k + 1) : left;
        for (int i = 0; i < b->rows; i += ROWS) {
            const stripe t = stripe_of(s, from + k * OUT, s->cout, b->h0 + i, ROWS, count);
            pack_dy_rows(p, &t, two, to + (size_t)(i / ROWS) * row);
        }
    }
}

/* --- products --- */

/* Of a plane of dy: the planes of x of the taps along D, where they are. */
typedef struct meeting {
    const float *x[TAPS], *dy;
} meeting;

typedef struct meetings {
    meeting plane[PLANES];
    int planes, tiles;
    int alone; /* there is one tap along D, tap 1 here */
} meetings;

/* n tiles of voxels; constants first, last: the taps. */
SIMD INLINE void add_tiles(v16 sum[TAPS][OUT], const meeting *m, size_t x, size_t dy, int n,
                           int first, int last) {
    const float *y = m->dy + dy, *from[TAPS];
    for (int tap = first; tap <= last; tap++) from[tap] = m->x[tap] + x;
    for (int i = 0; i < n; i++, y += OUT) {
        v16 voxels[TAPS];
        for (int tap = first; tap <= last; tap++)
            voxels[tap] = (v16)_mm512_load_ps(from[tap] + (size_t)i * IN);
        for (int k = 0; k < OUT; k++) {
            const v16 g = (v16)_mm512_set1_ps(y[k]);
            for (int tap = first; tap <= last; tap++)
                sum[tap][k] = product(voxels[tap], g, sum[tap][k]);
        }
    }
}

/* The sums of a point: of this block, or with those of the blocks before. They begin at 0, so that
 * a long sum is one of shorter ones. */
SIMD static __attribute__((noinline)) void add_point(const meetings *m, size_t x, size_t dy,
                                                     int begins, float *to) {
    v16 sum[TAPS][OUT];
    for (int tap = 0; tap < TAPS; tap++)
        for (int k = 0; k < OUT; k++) sum[tap][k] = (v16){0};
    for (int i = 0; i < m->planes; i++) {
        const meeting *plane = &m->plane[i];
        if (plane->x[0] != NULL && plane->x[2] != NULL)
            add_tiles(sum, plane, x, dy, m->tiles, 0, 2);
        else if (plane->x[0] != NULL)
            add_tiles(sum, plane, x, dy, m->tiles, 0, 1);
        else if (plane->x[2] != NULL)
            add_tiles(sum, plane, x, dy, m->tiles, 1, 2);
        else
            add_tiles(sum, plane, x, dy, m->tiles, 1, 1);
    }
    for (int tap = 0; tap < TAPS; tap++)
        for (int k = 0; k < OUT; k++, to += IN) {
            if (m->alone && tap != 1) continue;
            v16 before = {0};
            if (!begins) before = (v16)_mm512_load_ps(to);
            _mm512_store_ps(to, (__m512)(before + sum[tap][k]));
        }
}

/* --- taps from points --- */

INLINE void taps_along_h(const v16 sum[POINTS_H], v16 to[TAPS]) {
    const v16 even = 0.5F * (sum[1] + sum[2]);
    to[0] = even - sum[0];
    to[1] = 0.5F * (sum[1] - sum[2]);
    to[2] = even + sum[3];
}

SIMD INLINE void taps_along_w(const v16 sum[POINTS_W], v16 to[TAPS]) {
    const float a = 1 / (2 * AA * (AA - BB)), b = 1 / (2 * BB * (BB - AA));
    const v16 even_a = a * (sum[1] + sum[2]), odd_a = a * (sum[1] - sum[2]);
    const v16 even_b = b * (sum[3] + sum[4]), odd_b = b * (sum[3] - sum[4]);
    to[0] = times(1 / (AA * BB), sum[0], even_a + even_b);
    to[1] = times(A, odd_a, B * odd_b);
    to[2] = times(AA, even_a, times(BB, even_b, sum[5]));
}

/* The sums of all points, [point][tap along D][channel of y][16], to dweights[co][tap][ci] of
 * `count` channels of y. */
SIMD static void add_taps(const pleat_gradient_part *w, const float *sums, int in, int count,
                          float *to) {
    const plan *p = w->plan;
    const __mmask16 lanes = (__mmask16)((1u << pleat_gradient_channels(p->s.cin, IN, in)) - 1u);
    const size_t cin = (size_t)p->s.cin;
    const int deep = p->s.kernel[0];
    for (int k = 0; k < count; k++)
        for (int depth = 0; depth < deep; depth++) {
            const float *from = sums + (size_t)((deep == 1 ? 1 : depth) * OUT + k) * IN;
            v16 rows[TAPS][POINTS_W];
            for (int i = 0; i < POINTS_W; i++) {
                v16 sum[POINTS_H], row[TAPS];
                for (int h = 0; h < POINTS_H; h++)
                    sum[h] = (v16)_mm512_load_ps(from + (size_t)(h * POINTS_W + i) * SUMS);
                taps_along_h(sum, row);
                for (int h = 0; h < TAPS; h++) rows[h][i] = row[h];
            }
            for (int h = 0; h < TAPS; h++) {
                v16 taps[TAPS];
                taps_along_w(rows[h], taps);
                for (int i = 0; i < TAPS; i++, to += cin) {
                    if (w->streams) {
                        _mm512_stream_ps(to, (__m512)taps[i]);
                        continue;
                    }
                    if (!w->fresh) taps[i] += (v16)_mm512_maskz_loadu_ps(lanes, to);
                    _mm512_mask_storeu_ps(to, lanes, (__m512)taps[i]);
                }
            }
        }
}

/* --- a block --- */

static meetings meet(const pleat_gradient_part *w, const block *b) {
    const plan *p = w->plan;
    const int border = p->s.kernel[0] / 2;
    meetings m = {
        .planes = b->planes, .tiles = (int)tiles_of(p, b->rows), .alone = p->s.kernel[0] == 1};
    for (int i = 0; i < b->planes; i++) {
        const int plane = b->first + i, d = plane % p->s.d;
        m.plane[i].dy = (const float *)w->packed + (size_t)i * p->y_plane;
        for (int shift = -border; shift <= border; shift++)
            if (d + shift >= 0 && d + shift < p->s.d)
                m.plane[i].x[shift + 1] =
                    (const float *)w->ring + (size_t)((plane + shift) % p->slots) * p->slot;
    }
    return m;
}

/* Asks for a part of the taps of 8 channels of y that wait for their sums. */
static void fetch_taps(const plan *p, const float *to, size_t point, int count) {
    const size_t lines = p->taps * (size_t)count, cin = (size_t)p->s.cin;
    for (size_t i = point * lines / POINTS; i < (point + 1) * lines / POINTS; i++)
        __builtin_prefetch(to + i * cin, 1, 2);
}

/* The one block of a thread: tile by tile, in the order of dweights. */
static void add_once(const pleat_gradient_part *w, const block *b, const meetings *m) {
    const plan *p = w->plan;
    _Alignas(64) float sums[POINTS * SUMS];
    for (size_t k = w->tiles.begin; k < w->tiles.end; k++)
        for (size_t in = b->in.begin; in < b->in.end; in++) {
            const int count = pleat_gradient_channels(p->s.cout, OUT, (int)k);
            float *to = w->dweights + k * OUT * p->taps * (size_t)p->s.cin + in * IN;
            const size_t x = (in - b->in.begin) * p->part, dy = (k - w->tiles.begin) * p->y_tile;
            for (size_t i = 0; i < POINTS; i++) {
                if (!w->fresh) fetch_taps(p, to, i, count);
                add_point(m, x + i * p->copy, dy + i * p->y_copy, 1, sums + i * SUMS);
            }
            add_taps(w, sums, (int)in, count, to);
        }
}

/* One of more blocks: to the sums of those before, point by point. */
static void add_more(const pleat_gradient_part *w, block *b, const meetings *m) {
    const plan *p = w->plan;
    const size_t tiles = w->tiles.end - w->tiles.begin, ins = b->in.end - b->in.begin;
    pleat_gradient_share_out(b, POINTS * tiles * ins);
    for (size_t in = 0; in < ins; in++)
        for (size_t i = 0; i < POINTS; i++)
            for (size_t k = 0; k < tiles; k++) {
                float *sums = w->sums + (in * tiles + k) * p->sums + i * SUMS;
                pleat_gradient_fetch(&b->ahead[0]);
                pleat_gradient_fetch(&b->ahead[1]);
                add_point(m, in * p->part + i * p->copy, i * p->y_copy + k * p->y_tile, b->begins,
                          sums);
            }
    for (size_t k = 0; k < tiles && b->ends; k++)
        for (size_t in = 0; in < ins; in++) {
            const size_t out = w->tiles.begin + k, of = b->in.begin + in;
            add_taps(w, w->sums + (in * tiles + k) * p->sums, (int)of,
                     pleat_gradient_channels(p->s.cout, OUT, (int)out),
                     w->dweights + out * OUT * p->taps * (size_t)p->s.cin + of * IN);
        }
}

static void add(const pleat_gradient_part *w, block *b) {
    const meetings m = meet(w, b);
    if (b->begins && b->ends)
        add_once(w, b, &m);
    else
        add_more(w, b, &m);
}

static void run(const pleat_gradient_part *w) {
    pleat_gradient_run_part(w);
    if (w->streams) pleat_stream_end();
}

/* `rounds` times the products of a tile of voxels, in registers: of ones, not of denormals. */
SIMD static float products(int bf16, long rounds) {
    const v16 x = v16_of(1);
    v16 sum[OUT][TAPS], all = {0};
    (void)bf16;
    for (int k = 0; k < OUT; k++)
        for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = (v16){0};
    for (long i = 0; i < rounds; i++)
        for (int k = 0; k < OUT; k++)
            for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = product(x, x, sum[k][tap]);
    for (int k = 0; k < OUT; k++)
        for (int tap = 0; tap < TAPS; tap++) all += sum[k][tap];
    return all[0];
}

const pleat_gradient_kernel pleat_gradient_winograd = {
    .out = OUT,
    .in = IN,
    .rows = ROWS,
    .words = 512, /* 64 tiles of voxels: of 16 channels, a point, 3 planes: 12 KiB */
    .chunk = 4,   /* dy is packed once for 64 channels of x */
    .starts = 1,
    .flop = {2.0 * OUT * TAPS * IN, 0},
    .usable = usable,
    .knows = knows,
    .lay_out = lay_out,
    .pack_x = pack_x,
    .pack_dy = pack_dy,
    .add = add,
    .run = run,
    .products = products,
};
