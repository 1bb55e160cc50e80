/*
 * onednn_gradient.c - gradients by the weights of convolutions: blocks, threads, which kernel.
 *
 * Words beyond the ends of a row are zeros. Rows outside are left out or zeros, as the kernel wants
 * it; planes outside are left out. onednn_gradient_impl.h has the outline.
 */
#include "onednn_gradient.h"
#include "onednn_gradient_impl.h"
#include "onednn_simd.h"
#include "onednn_whole.h"
#include "pleat/log.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define GROUP 64 /* channels of y of a thread, before another one helps with them */
#define LINE  64 /* bytes that come into a cache together */

typedef pleat_gradient_plan plan;
typedef pleat_gradient_part part;
typedef pleat_gradient_block block;

static size_t whole_size(size_t n, size_t of) { return (n + of - 1) / of; }

/* --- which kernel --- */

/* By docs/speed.md. The first row whose kernel has the precision, taps, lanes and processor is the
 * own kernel of a shape; it is taken in place of the library's where the rest of the row holds. */
static const struct rule {
    const pleat_gradient_kernel *kernel;
    int bf16;
    int beside_amx;  /* also where the library multiplies bf16 by AMX */
    int fits, taken; /* eighths of the tiles' lanes that hold channels, at least */
} rules[] = {
    {&pleat_gradient_amx, 1, 1, 0, 0},
    {&pleat_gradient_avx512, 1, 0, 4, 7},
    {&pleat_gradient_winograd, 0, 1, 2, 4},
};

/* The convolution that a kernel makes of it: dweights [Cout][kD][kH][kW][Cin] are also those of kD
 * taps of kH kW Cin channels. */
static pleat_dnnl_shape gathered(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *s) {
    pleat_dnnl_shape g = *s;
    if (s->cin > kernel->gathers) return g;
    g.cin *= s->kernel[1] * s->kernel[2];
    g.kernel[1] = g.kernel[2] = 1;
    g.before[1] = g.before[2] = 0;
    return g;
}

/* Of the tiles' lanes, at least `eighths` / 8 hold channels. */
static int lanes_used(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *s, int eighths) {
    const size_t cin = (size_t)s->cin,
                 in = (size_t)kernel->in * whole_size(cin, (size_t)kernel->in);
    const size_t cout = (size_t)s->cout;
    const size_t out = (size_t)kernel->out * whole_size(cout, (size_t)kernel->out);
    return 8 * cin * cout >= (size_t)eighths * in * out;
}

/* NULL: no kernel has this shape. */
static const struct rule *rule_of(const pleat_dnnl_shape *s) {
    if (!pleat_dnnl_mirrors(s)) return NULL;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        if (r->bf16 == s->bf16 && r->kernel->knows(s->kernel) &&
            lanes_used(r->kernel, s, r->fits) && r->kernel->usable(s->bf16))
            return r;
    }
    return NULL;
}

static plan plan_of(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *given,
                    int threads) {
    plan p = {.kernel = kernel, .s = gathered(kernel, given), .given = *given};
    const pleat_dnnl_shape *s = &p.s;
    p.words = s->bf16 ? (s->w + 1) / 2 : s->w;
    const int step = larger(1, kernel->rows);
    p.rows = smaller(s->h, larger(step, kernel->words / p.words / step * step));
    p.planes = smaller(smaller(s->n * s->d, PLEAT_GRADIENT_PLANES),
                       larger(1, kernel->words / (p.rows * p.words)));
    p.slots = p.planes + s->kernel[0] - 1;
    p.in_tiles = (s->cin + kernel->in - 1) / kernel->in;
    p.out_tiles = (s->cout + kernel->out - 1) / kernel->out;
    p.chunk = smaller(p.in_tiles, kernel->chunk);
    p.shares = larger(1, smaller(threads, s->cout / GROUP));
    p.groups = smaller(threads / p.shares, s->n * s->d);
    p.taps = (size_t)s->kernel[0] * (size_t)s->kernel[1] * (size_t)s->kernel[2];
    p.weights = (size_t)s->cout * p.taps * (size_t)s->cin;
    kernel->lay_out(&p);
    p.slot = p.part * (size_t)p.chunk;
    p.y_tile = p.y_plane * (size_t)p.planes;
    return p;
}

int pleat_gradient_fits(const pleat_dnnl_shape *s) { return rule_of(s) != NULL; }

int pleat_gradient_wins(const pleat_dnnl_shape *s, int threads) {
    const struct rule *rule = rule_of(s);
    if (rule == NULL || !lanes_used(rule->kernel, s, rule->taken)) return 0;
    if (!rule->beside_amx && pleat_dnnl_has_amx()) return 0;
    const plan p = plan_of(rule->kernel, s, threads);
    return 4 * p.groups * p.shares >= 3 * threads;
}

int pleat_gradient_starts(const pleat_dnnl_shape *s) { return rule_of(s)->kernel->starts; }

double pleat_gradient_peak(int bf16, int threads) {
    const long rounds = 100000;
    const pleat_gradient_kernel *kernel = NULL;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && kernel == NULL; i++)
        if (rules[i].bf16 == bf16 && rules[i].kernel->usable(bf16)) kernel = rules[i].kernel;
    if (kernel == NULL) return NAN;
    double least = INFINITY; /* s */
    volatile float kept = 0; /* so that the products are made */
    for (int i = 0; i < 10; i++) {
        const double start = pleat_now();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int t = 0; t < threads; t++) {
            const float last = kernel->products(bf16, rounds);
            if (last < 0) kept = last;
        }
        const double time = pleat_now() - start;
        if (time < least) least = time;
    }
    (void)kept;
    return 1e-9 * kernel->flop[bf16 != 0] * (double)rounds * threads / least;
}

/* --- memory --- */

static size_t whole_lines(size_t words) { return whole_size(words, 16) * 16; }

static size_t ring_words(const plan *p) { return whole_lines(p->slot * (size_t)p->slots); }

/* Tiles of channels of y of a thread, at most. */
static size_t most_tiles(const plan *p) {
    return whole_size((size_t)p->out_tiles, (size_t)p->shares);
}

/* Words of a thread: the ring of x, dy, sums. */
static size_t thread_words(const plan *p) {
    const size_t tiles = most_tiles(p), planes = (size_t)p->s.n * (size_t)p->s.d;
    const int one = p->rows == p->s.h && whole_size(planes, (size_t)p->groups) <= (size_t)p->planes;
    return ring_words(p) + whole_lines(p->y_tile * tiles) +
           (one ? 0 : whole_lines(p->sums * tiles * (size_t)p->chunk));
}

/* Words of a group's own sums, all but the first's. */
static size_t sums_words(const plan *p) { return whole_lines(p->weights + (size_t)p->s.cout); }

size_t pleat_gradient_bytes_by(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *shape,
                               int threads) {
    const plan p = plan_of(kernel, shape, threads);
    return ((size_t)(p.groups * p.shares) * thread_words(&p) +
            (size_t)(p.groups - 1) * sums_words(&p)) *
           sizeof(uint32_t);
}

size_t pleat_gradient_bytes(const pleat_dnnl_shape *shape, int threads) {
    return pleat_gradient_bytes_by(rule_of(shape)->kernel, shape, threads);
}

/* --- a thread's part --- */

pleat_gradient_meeting pleat_gradient_meet(const part *w, const block *b, int depth, int in) {
    const plan *p = w->plan;
    pleat_gradient_meeting m = {.planes = 0};
    for (int i = 0; i < b->planes; i++) {
        const int plane = b->first + i, shift = depth - p->s.kernel[0] / 2;
        const int d = plane % p->s.d + shift;
        if (d < 0 || d >= p->s.d) continue;
        m.x[m.planes] = w->ring + (size_t)((plane + shift) % p->slots) * p->slot +
                        ((size_t)in - b->in.begin) * p->part;
        m.dy[m.planes++] = w->packed + (size_t)i * p->y_plane;
    }
    return m;
}

/* Of the block's rows, a sum for each plane. */
static void add_bias(const part *w, const block *b) {
    const pleat_dnnl_shape *s = &w->plan->s;
    const size_t channels = (size_t)s->cout, row = (size_t)s->w, out = (size_t)w->plan->kernel->out;
    const size_t end = w->tiles.end * out < channels ? w->tiles.end * out : channels;
    for (int i = 0; i < b->planes; i++) {
        const size_t first = ((size_t)(b->first + i) * (size_t)s->h + (size_t)b->h0) * row;
        const size_t last = first + (size_t)b->rows * row;
        for (size_t c = w->tiles.begin * out; c < end; c += LANES) {
            const int n = end - c < LANES ? (int)(end - c) : LANES;
            v16 sum = {0};
            for (size_t v = first; v < last; v++)
                sum += n == LANES ? v16_load(w->dy, v * channels + c, LANES, s->bf16)
                                  : v16_load(w->dy, v * channels + c, n, s->bf16);
            for (int k = 0; k < n; k++) w->dbias[c + (size_t)k] += sum[k];
        }
    }
}

/* Of rows from..from + n - 1 of planes, each of h rows: the channels of some tiles. */
static pleat_gradient_ahead lines_of(const part *w, const char *tensor, int from, int n,
                                     pleat_share channels, int all) {
    const pleat_dnnl_shape *s = &w->plan->s;
    const size_t size = s->bf16 ? 2 : 4, voxel = (size_t)all * size, row = (size_t)s->w * voxel;
    const size_t end = smaller(all, (int)channels.end), wide = (end - channels.begin) * size;
    const char *at = tensor + (size_t)from * row + channels.begin * size;
    if (wide == voxel) /* in one piece */
        return (pleat_gradient_ahead){
            .at = at, .stride = LINE, .lines = 1, .left = (int)whole_size((size_t)n * row, LINE)};
    return (pleat_gradient_ahead){
        .at = at, .stride = voxel, .lines = (int)whole_size(wide, LINE), .left = n * s->w};
}

/* What the next block packs: planes of x from `have` on to `wanted`, and planes of dy. Of more than
 * one plane it has all rows. */
static void look_ahead(const part *w, block *b, int have, int wanted) {
    const plan *p = w->plan;
    const int h = p->s.h, rim = p->given.kernel[1] / 2, gathers = p->given.cin < p->s.cin;
    const int next = b->first + b->planes, planes = smaller(p->planes, (int)w->planes.end - next);
    const int from = larger(0, b->h0 - rim), to = smaller(h, b->h0 + b->rows + rim);
    const size_t in = (size_t)p->kernel->in, out = (size_t)p->kernel->out;
    pleat_share x = {b->in.begin * in, b->in.end * in};
    const pleat_share y = {w->tiles.begin * out, w->tiles.end * out};
    if (gathers) x = (pleat_share){0, (size_t)p->given.cin};
    memset(b->ahead, 0, sizeof b->ahead);
    if (planes <= 0) return;
    if (wanted > have)
        b->ahead[0] = lines_of(w, w->x, have * h + from, (wanted - have - 1) * h + to - from, x,
                               p->given.cin);
    b->ahead[1] = lines_of(w, w->dy, next * h + b->h0, (planes - 1) * h + b->rows, y, p->s.cout);
}

void pleat_gradient_share_out(block *b, size_t steps) {
    for (int i = 0; i < 2; i++) {
        pleat_gradient_ahead *a = &b->ahead[i];
        a->share = (int)whole_size((size_t)a->left * (size_t)a->lines, steps);
    }
}

/* A block's rows, through all planes, for the channels of x of b->in. */
static void run_rows(const part *w, block *b) {
    const plan *p = w->plan;
    const int all = p->s.n * p->s.d, border = p->s.kernel[0] / 2;
    int have = larger(0, (int)w->planes.begin - border); /* planes of x packed so far */
    for (b->first = (int)w->planes.begin; b->first < (int)w->planes.end; b->first += b->planes) {
        b->planes = smaller(p->planes, (int)w->planes.end - b->first);
        b->begins = b->h0 == 0 && b->first == (int)w->planes.begin;
        b->ends = b->h0 + b->rows == p->s.h && b->first + b->planes == (int)w->planes.end;
        for (; have < smaller(all, b->first + b->planes + border); have++)
            p->kernel->pack_x(p, w->x, have, b, w->ring + (size_t)(have % p->slots) * p->slot);
        const int packed = b->in.begin > 0 && b->begins && b->ends; /* with the channels before */
        for (int i = 0; i < b->planes && !packed; i++)
            p->kernel->pack_dy(p, w->dy, b->first + i, b, w->tiles,
                               w->packed + (size_t)i * p->y_plane);
        look_ahead(w, b, have, smaller(all, b->first + b->planes + p->planes + border));
        p->kernel->add(w, b);
        if (w->dbias != NULL && b->in.begin == 0) add_bias(w, b);
    }
}

void pleat_gradient_run_part(const part *w) {
    const plan *p = w->plan;
    if (w->tiles.begin == w->tiles.end) return;
    for (int in = 0; in < p->in_tiles; in += p->chunk)
        for (int h0 = 0; h0 < p->s.h; h0 += p->rows) {
            block b = {.h0 = h0,
                       .rows = smaller(p->rows, p->s.h - h0),
                       .in = {(size_t)in, (size_t)smaller(in + p->chunk, p->in_tiles)}};
            run_rows(w, &b);
        }
}

/* The part of thread t; a group's own sums are fresh, or zeros at first. */
static part part_of(const plan *p, int t, uint32_t *work, float *sums) {
    const int group = t / p->shares;
    const size_t cout = (size_t)p->s.cout, of_channel = p->weights / cout;
    const size_t out = (size_t)p->kernel->out;
    uint32_t *ring = work + (size_t)t * thread_words(p);
    part w = {
        .plan = p,
        .planes = pleat_share_of((size_t)p->s.n * (size_t)p->s.d, 1, group, p->groups),
        .tiles = pleat_share_of((size_t)p->out_tiles, 1, t % p->shares, p->shares),
        .ring = ring,
        .packed = ring + ring_words(p),
        .sums = (float *)ring + ring_words(p) + whole_lines(p->y_tile * most_tiles(p)),
    };
    if (group > 0) {
        const size_t begin = w.tiles.begin * out, wanted = w.tiles.end * out;
        const size_t end = wanted < cout ? wanted : cout;
        w.dweights = sums + (size_t)(group - 1) * sums_words(p);
        w.dbias = w.dweights + p->weights;
        w.fresh = p->kernel->starts;
        if (!w.fresh)
            memset(w.dweights + begin * of_channel, 0, (end - begin) * of_channel * sizeof *sums);
        memset(w.dbias + begin, 0, (end - begin) * sizeof *sums);
    }
    return w;
}

/* Whether what is written of dweights are whole lines that nobody reads soon. */
static int streams(const plan *p, const float *dweights) {
    return p->groups == 1 && p->s.cin % LANES == 0 && (uintptr_t)dweights % LINE == 0;
}

void pleat_gradient_run_by(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *shape,
                           int threads, const void *x, const void *dy, float *dweights,
                           float *dbias, int fresh, void *work) {
    const plan p = plan_of(kernel, shape, threads);
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
            w.fresh = fresh;
            w.streams = fresh && streams(&p, dweights);
        }
        if (dbias == NULL) w.dbias = NULL;
        kernel->run(&w);
    }
    if (p.groups == 1) return;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < p.weights; i++)
        for (int g = 1; g < p.groups; g++) dweights[i] += sums[(size_t)(g - 1) * each + i];
    for (int g = 1; g < p.groups && dbias != NULL; g++)
        for (size_t c = 0; c < cout; c++) dbias[c] += sums[(size_t)(g - 1) * each + p.weights + c];
}

void pleat_gradient_run(const pleat_dnnl_shape *shape, int threads, const void *x, const void *dy,
                        float *dweights, float *dbias, int fresh, void *work) {
    pleat_gradient_run_by(rule_of(shape)->kernel, shape, threads, x, dy, dweights, dbias, fresh,
                          work);
}
