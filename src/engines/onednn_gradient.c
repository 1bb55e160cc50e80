/*
 * onednn_gradient.c - gradients by the weights of 3x3x3 and 1x3x3 convolutions, own kernels.
 *
 * A product's inner dimension are voxels along a row. What the kernel reads are 32-bit words: one
 * voxel's float, or the bf16 of two voxels, whose products one instruction adds. A tile of sums is
 * 8 channels of y by 16 of x by the 3 taps along W: 24 registers. Per word it loads 16 channels of
 * x three times, one channel of y eight times, and does 24 products:
 *
 *   for each block of rows, and of planes where these are small:
 *     pack x: [16 channels][plane][row][word] in a ring of planes, in bf16 twice: the pairs
 *             (0,1) (2,3) ... for the middle tap, (-1,0) (1,2) ... for the two others
 *     pack dy: [8 channels][plane][row][word]
 *     for each 16 channels of x, tap along D, 8 channels of y, tap along H:
 *       the tile, read from dweights and added to there
 *
 * Words beyond the ends of a row are zeros. Rows and planes outside are left out.
 */
#include "onednn_gradient.h"
#include "onednn_simd.h"
#include "pleat/log.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define OUT    8   /* channels of y in a tile */
#define IN     16  /* of x: a register */
#define TAPS   3   /* along W */
#define PLANES 16  /* of a block, at most */
#define WORDS  128 /* of a block, about: its x of 16 channels stays in the first cache */
#define GROUP  64  /* channels of y of a thread, before another one helps with them */

#define SIMD      __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#define SIMD_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

typedef struct plan { /* sizes in words */
    pleat_dnnl_shape s;
    int planes, rows, words;        /* of a block: dy's planes and rows; words of a row */
    int slots;                      /* planes of x in the ring */
    int in_tiles, out_tiles;        /* channels by IN and OUT */
    int groups, shares;             /* threads: by planes, by channels of y */
    size_t row, parity, part, slot; /* of packed x: row; one order of pairs; IN channels; plane */
    size_t y_plane, y_tile;         /* of packed dy */
    size_t offset[TAPS];            /* of a tap's words */
    size_t weights;                 /* floats of dweights */
} plan;

typedef struct tile { /* what the kernel adds up */
    const uint32_t *x[PLANES], *dy[PLANES];
    int planes, rows, words;
    size_t x_row, y_row, offset[TAPS];
    float *to;           /* dweights[co][tap][ci] */
    size_t channel, tap; /* floats from one channel of y, and tap, to the next */
    int out, in;
} tile;

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

/* Of the tiles' lanes, at least share / 8 hold channels. */
static int lanes_used(const pleat_dnnl_shape *s, size_t share) {
    const size_t cin = (size_t)s->cin, cout = (size_t)s->cout;
    const size_t in = (cin + IN - 1) / IN * IN, out = (cout + OUT - 1) / OUT * OUT;
    return 8 * cin * cout >= share * in * out;
}

int pleat_gradient_fits(const pleat_dnnl_shape *s) {
    if (!(s->bf16 ? pleat_dnnl_has_bf16() : pleat_dnnl_has_avx512())) return 0;
    if (!lanes_used(s, 4)) return 0;
    for (int i = 0; i < 3; i++)
        if (s->stride[i] != 1 || s->before[i] != s->kernel[i] / 2) return 0;
    return s->kernel[1] == 3 && s->kernel[2] == 3;
}

static plan plan_of(const pleat_dnnl_shape *s, int threads) {
    plan p = {.s = *s};
    p.words = s->bf16 ? (s->w + 1) / 2 : s->w;
    p.rows = smaller(s->h, larger(1, WORDS / p.words));
    p.planes = smaller(smaller(s->n * s->d, PLANES), larger(1, WORDS / (p.rows * p.words)));
    p.slots = p.planes + s->kernel[0] - 1;
    p.in_tiles = (s->cin + IN - 1) / IN;
    p.out_tiles = (s->cout + OUT - 1) / OUT;
    p.shares = larger(1, smaller(threads, s->cout / GROUP));
    p.groups = smaller(threads / p.shares, s->n * s->d);
    p.row = ((size_t)p.words + (s->bf16 ? 1 : 2)) * IN;
    p.parity = ((size_t)p.rows + 2) * p.row;
    p.part = p.parity * (s->bf16 ? 2 : 1);
    p.slot = p.part * (size_t)p.in_tiles;
    p.y_plane = (size_t)p.rows * (size_t)p.words * OUT;
    p.y_tile = p.y_plane * (size_t)p.planes;
    p.weights = (size_t)s->cout * (size_t)s->kernel[0] * 9 * (size_t)s->cin;
    for (size_t t = 0; t < TAPS; t++)
        p.offset[t] = !s->bf16 ? t * IN : t == 1 ? 0 : p.parity + t / 2 * IN;
    return p;
}

/* By docs/speed.md; on AMX oneDNN's bf16 is faster than AVX-512's could be. */
int pleat_gradient_wins(const pleat_dnnl_shape *s, int threads) {
    if (!pleat_gradient_fits(s) || !lanes_used(s, 7)) return 0;
    if (s->bf16 && pleat_dnnl_has_amx()) return 0;
    const plan p = plan_of(s, threads);
    return 4 * p.groups * p.shares >= 3 * threads;
}

/* --- memory --- */

static size_t whole_lines(size_t words) { return (words + 15) / 16 * 16; }

/* Words of a thread: the ring of x, dy. */
static size_t thread_words(const plan *p) {
    const size_t tiles = ((size_t)p->out_tiles + (size_t)p->shares - 1) / (size_t)p->shares;
    return whole_lines(p->slot * (size_t)p->slots) + whole_lines(p->y_tile * tiles);
}

/* Words of a group's own sums, all but the first's. */
static size_t sums_words(const plan *p) { return whole_lines(p->weights + (size_t)p->s.cout); }

size_t pleat_gradient_bytes(const pleat_dnnl_shape *shape, int threads) {
    const plan p = plan_of(shape, threads);
    return ((size_t)(p.groups * p.shares) * thread_words(&p) +
            (size_t)(p.groups - 1) * sums_words(&p)) *
           sizeof(uint32_t);
}

/* --- the kernels --- */

SIMD static inline __m512 product_f32(__m512 sum, __m512i x, __m512i dy) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(dy), sum);
}

SIMD_BF16 static inline __m512 product_bf16(__m512 sum, __m512i x, __m512i dy) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)dy);
}

/* The tile's sums begin at 0, so that a long sum is one of shorter ones. */
#define KERNEL(name, attributes, product)                                             \
    attributes static void name(const tile *t) {                                      \
        const __mmask16 lanes = (__mmask16)((1u << t->in) - 1u);                      \
        __m512 sum[OUT][TAPS];                                                        \
        for (int k = 0; k < OUT; k++)                                                 \
            for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = _mm512_setzero_ps();   \
        for (int plane = 0; plane < t->planes; plane++)                               \
            for (int row = 0; row < t->rows; row++) {                                 \
                const uint32_t *x = t->x[plane] + (size_t)row * t->x_row;             \
                const uint32_t *dy = t->dy[plane] + (size_t)row * t->y_row;           \
                for (int i = 0; i < t->words; i++, x += IN, dy += OUT) {              \
                    __m512i from[TAPS];                                               \
                    for (int tap = 0; tap < TAPS; tap++)                              \
                        from[tap] = _mm512_loadu_si512(x + t->offset[tap]);           \
                    for (int k = 0; k < OUT; k++) {                                   \
                        const __m512i g = _mm512_set1_epi32((int)dy[k]);              \
                        for (int tap = 0; tap < TAPS; tap++)                          \
                            sum[k][tap] = product(sum[k][tap], from[tap], g);         \
                    }                                                                 \
                }                                                                     \
            }                                                                         \
        for (int k = 0; k < t->out; k++)                                              \
            for (int tap = 0; tap < TAPS; tap++) {                                    \
                float *to = t->to + (size_t)k * t->channel + (size_t)tap * t->tap;    \
                const __m512 before = _mm512_maskz_loadu_ps(lanes, to);               \
                _mm512_mask_storeu_ps(to, lanes, _mm512_add_ps(before, sum[k][tap])); \
            }                                                                         \
    }

/* `rounds` times the products of a tile's word, in registers: of ones, not of denormals. */
#define PRODUCTS(name, attributes, product)                                                    \
    attributes static float name(long rounds) {                                                \
        const __m512i x = _mm512_set1_epi32((int)(0x3f803f80 + (rounds & 1)));                 \
        __m512 sum[OUT][TAPS];                                                                 \
        for (int k = 0; k < OUT; k++)                                                          \
            for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = _mm512_setzero_ps();            \
        for (long i = 0; i < rounds; i++)                                                      \
            for (int k = 0; k < OUT; k++)                                                      \
                for (int tap = 0; tap < TAPS; tap++) sum[k][tap] = product(sum[k][tap], x, x); \
        __m512 all = _mm512_setzero_ps();                                                      \
        for (int k = 0; k < OUT; k++)                                                          \
            for (int tap = 0; tap < TAPS; tap++) all = _mm512_add_ps(all, sum[k][tap]);        \
        return _mm512_cvtss_f32(all);                                                          \
    }

KERNEL(tile_f32, SIMD, product_f32)
KERNEL(tile_bf16, SIMD_BF16, product_bf16)
PRODUCTS(products_f32, SIMD, product_f32)
PRODUCTS(products_bf16, SIMD_BF16, product_bf16)

double pleat_gradient_peak(int bf16, int threads) {
    const long rounds = 100000;
    if (!(bf16 ? pleat_dnnl_has_bf16() : pleat_dnnl_has_avx512())) return NAN;
    double least = INFINITY; /* s */
    volatile float kept = 0; /* so that the products are made */
    for (int i = 0; i < 10; i++) {
        const double start = pleat_now();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int t = 0; t < threads; t++) {
            const float last = (bf16 ? products_bf16 : products_f32)(rounds);
            if (last < 0) kept = last;
        }
        const double time = pleat_now() - start;
        if (time < least) least = time;
    }
    (void)kept;
    const double flop = (bf16 ? 4.0 : 2.0) * OUT * TAPS * IN * (double)rounds;
    return 1e-9 * flop * threads / least;
}

/* --- packing --- */

/* 16 channels of a voxel as words: floats, or bf16 in the lower halves; zeros beyond the row. */
SIMD static inline __m512i voxel(const plan *p, const char *row, int v, int channels, int from,
                                 int count) {
    if (v < 0 || v >= p->s.w) return _mm512_setzero_si512();
    const __mmask16 lanes = (__mmask16)((1u << count) - 1u);
    const size_t at = (size_t)v * (size_t)channels + (size_t)from;
    if (!p->s.bf16) return _mm512_maskz_loadu_epi32(lanes, (const float *)(const void *)row + at);
    return _mm512_cvtepu16_epi32(
        _mm256_maskz_loadu_epi16(lanes, (const uint16_t *)(const void *)row + at));
}

/* Words of voxels v and v + 1, or of v alone. */
SIMD static inline __m512i word(const plan *p, const char *row, int v, int channels, int from,
                                int count) {
    const __m512i first = voxel(p, row, v, channels, from, count);
    if (!p->s.bf16) return first;
    return _mm512_or_si512(first,
                           _mm512_slli_epi32(voxel(p, row, v + 1, channels, from, count), 16));
}

/* A row of x, 16 channels. */
SIMD static void pack_x_row(const plan *p, const char *row, int from, uint32_t *to) {
    const int count = smaller(IN, p->s.cin - from), words = (int)(p->row / IN);
    for (int i = 0; i < words; i++, to += IN) {
        if (!p->s.bf16) {
            _mm512_store_si512(to, voxel(p, row, i - 1, p->s.cin, from, count));
            continue;
        }
        _mm512_store_si512(to, word(p, row, 2 * i, p->s.cin, from, count));
        _mm512_store_si512(to + p->parity, word(p, row, 2 * i - 1, p->s.cin, from, count));
    }
}

/* Rows h0 - 1 .. h0 + rows of a plane, those that there are. */
static void pack_x(const plan *p, const char *x, int plane, int h0, int rows, uint32_t *slot) {
    const size_t row = (size_t)p->s.w * (size_t)p->s.cin * (p->s.bf16 ? 2 : 4);
    for (int i = larger(0, 1 - h0); i < rows + 2 && h0 + i - 1 < p->s.h; i++) {
        const char *from = x + ((size_t)plane * (size_t)p->s.h + (size_t)(h0 + i - 1)) * row;
        for (int part = 0; part < p->in_tiles; part++)
            pack_x_row(p, from, part * IN, slot + (size_t)part * p->part + (size_t)i * p->row);
    }
}

/* Rows h0 .. h0 + rows - 1 of a plane of dy, the channels of tiles t0 .. t1 - 1. */
SIMD static void pack_dy(const plan *p, const char *dy, int plane, int h0, int rows, pleat_share t,
                         uint32_t *to) {
    const size_t row = (size_t)p->s.w * (size_t)p->s.cout * (p->s.bf16 ? 2 : 4);
    for (int i = 0; i < rows; i++) {
        const char *from = dy + ((size_t)plane * (size_t)p->s.h + (size_t)(h0 + i)) * row;
        for (size_t k = t.begin; k < t.end; k++) {
            const int first = (int)k * OUT, count = smaller(OUT, p->s.cout - first);
            uint32_t *at = to + (k - t.begin) * p->y_tile + (size_t)(i * p->words) * OUT;
            for (int j = 0; j < p->words; j++, at += OUT)
                _mm256_store_si256((void *)at,
                                   _mm512_castsi512_si256(word(p, from, p->s.bf16 ? 2 * j : j,
                                                               p->s.cout, first, count)));
        }
    }
}

/* --- a thread's part --- */

typedef struct part {
    const plan *p;
    const char *x, *dy;
    pleat_share planes, tiles; /* of all samples; of the channels of y */
    float *dweights, *dbias;
    uint32_t *ring, *packed; /* of x; of dy */
} part;

typedef struct block {
    int first, planes, h0, rows;
} block;

/* One tap along D and 16 channels of x, all of y. */
static void add_tiles(const part *w, const block *b, int depth, int in) {
    const plan *p = w->p;
    const pleat_dnnl_shape *s = &p->s;
    const size_t taps = (size_t)s->kernel[0] * 9;
    tile t = {.words = p->words,
              .x_row = p->row,
              .y_row = (size_t)p->words * OUT,
              .channel = taps * (size_t)s->cin,
              .tap = (size_t)s->cin,
              .in = smaller(IN, s->cin - in * IN)};
    memcpy(t.offset, p->offset, sizeof t.offset);
    const uint32_t *x[PLANES], *dy[PLANES];
    for (int i = 0; i < b->planes; i++) {
        const int plane = b->first + i, shift = depth - s->kernel[0] / 2, d = plane % s->d + shift;
        if (d < 0 || d >= s->d) continue;
        x[t.planes] =
            w->ring + (size_t)((plane + shift) % p->slots) * p->slot + (size_t)in * p->part;
        dy[t.planes++] = w->packed + (size_t)i * p->y_plane;
    }
    if (t.planes == 0) return;
    for (size_t k = w->tiles.begin; k < w->tiles.end; k++)
        for (int h = 0; h < 3; h++) {
            const int skip = h == 0 && b->h0 == 0, less = h == 2 && b->h0 + b->rows == s->h;
            t.rows = b->rows - skip - less;
            t.out = smaller(OUT, s->cout - (int)k * OUT);
            t.to = w->dweights + (k * OUT * taps + (size_t)(depth * 9 + h * 3)) * (size_t)s->cin +
                   (size_t)(in * IN);
            for (int i = 0; i < t.planes; i++) {
                t.x[i] = x[i] + (size_t)(h + skip) * p->row;
                t.dy[i] = dy[i] + (k - w->tiles.begin) * p->y_tile + (size_t)skip * t.y_row;
            }
            if (t.rows > 0) (s->bf16 ? tile_bf16 : tile_f32)(&t);
        }
}

/* Of the block's rows, a sum for each plane. */
static void add_bias(const part *w, const block *b) {
    const pleat_dnnl_shape *s = &w->p->s;
    const size_t channels = (size_t)s->cout, row = (size_t)s->w;
    for (int i = 0; i < b->planes; i++) {
        const size_t first = ((size_t)(b->first + i) * (size_t)s->h + (size_t)b->h0) * row;
        const size_t last = first + (size_t)b->rows * row;
        for (size_t c = w->tiles.begin * OUT; c < w->tiles.end * OUT && c < channels; c += OUT) {
            const int n = channels - c < OUT ? (int)(channels - c) : OUT;
            v16 sum = {0};
            for (size_t v = first; v < last; v++)
                sum += v16_load(w->dy, v * channels + c, n, s->bf16);
            for (int k = 0; k < n; k++) w->dbias[c + (size_t)k] += sum[k];
        }
    }
}

static void run_part(const part *w) {
    const plan *p = w->p;
    const int all = p->s.n * p->s.d, border = p->s.kernel[0] / 2;
    for (int h0 = 0; h0 < p->s.h; h0 += p->rows) {
        block b = {.h0 = h0, .rows = smaller(p->rows, p->s.h - h0)};
        int have = larger(0, (int)w->planes.begin - border); /* planes of x packed so far */
        for (b.first = (int)w->planes.begin; b.first < (int)w->planes.end; b.first += b.planes) {
            b.planes = smaller(p->planes, (int)w->planes.end - b.first);
            for (; have < smaller(all, b.first + b.planes + border); have++)
                pack_x(p, w->x, have, h0, b.rows, w->ring + (size_t)(have % p->slots) * p->slot);
            for (int i = 0; i < b.planes; i++)
                pack_dy(p, w->dy, b.first + i, h0, b.rows, w->tiles,
                        w->packed + (size_t)i * p->y_plane);
            for (int in = 0; in < p->in_tiles; in++)
                for (int depth = 0; depth < p->s.kernel[0]; depth++) add_tiles(w, &b, depth, in);
            if (w->dbias != NULL) add_bias(w, &b);
        }
    }
}

/* The part of thread t; a group's own sums are zeros at first. */
static part part_of(const plan *p, int t, uint32_t *work, float *sums) {
    const int group = t / p->shares;
    const size_t cout = (size_t)p->s.cout, of_channel = p->weights / cout;
    uint32_t *ring = work + (size_t)t * thread_words(p);
    part w = {
        .p = p,
        .planes = pleat_share_of((size_t)p->s.n * (size_t)p->s.d, 1, group, p->groups),
        .tiles = pleat_share_of((size_t)p->out_tiles, 1, t % p->shares, p->shares),
        .ring = ring,
        .packed = ring + whole_lines(p->slot * (size_t)p->slots),
    };
    if (group > 0) {
        const size_t begin = w.tiles.begin * OUT, wanted = w.tiles.end * OUT;
        const size_t end = wanted < cout ? wanted : cout;
        w.dweights = sums + (size_t)(group - 1) * sums_words(p);
        w.dbias = w.dweights + p->weights;
        memset(w.dweights + begin * of_channel, 0, (end - begin) * of_channel * sizeof *sums);
        memset(w.dbias + begin, 0, (end - begin) * sizeof *sums);
    }
    return w;
}

void pleat_gradient_run(const pleat_dnnl_shape *shape, int threads, const void *x, const void *dy,
                        float *dweights, float *dbias, void *work) {
    const plan p = plan_of(shape, threads);
    const int workers = p.groups * p.shares;
    uint32_t *words = work;
    float *sums = (float *)work + (size_t)workers * thread_words(&p);
    const size_t each = sums_words(&p), cout = (size_t)shape->cout;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < workers; t++) {
        part w = part_of(&p, t, words, sums);
        w.x = x;
        w.dy = dy;
        if (t < p.shares) { /* the first group */
            w.dweights = dweights;
            w.dbias = dbias;
        }
        if (dbias == NULL) w.dbias = NULL;
        run_part(&w);
    }
    if (p.groups == 1) return;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < p.weights; i++)
        for (int g = 1; g < p.groups; g++) dweights[i] += sums[(size_t)(g - 1) * each + i];
    for (int g = 1; g < p.groups && dbias != NULL; g++)
        for (size_t c = 0; c < cout; c++) dbias[c] += sums[(size_t)(g - 1) * each + p.weights + c];
}
