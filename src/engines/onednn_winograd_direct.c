/*
 * onednn_winograd_direct.c - convolutions by Winograd's filtering: which, memory, threads.
 */
#include "onednn_winograd_direct.h"
#include "onednn_whole.h"
#include "onednn_winograd_direct_impl.h"

#define POINTS  PLEAT_WINOGRAD_POINTS
#define OUT     4                 /* voxels of y of a tile, along H and W */
#define LARGE   ((size_t)1 << 20) /* bytes of weights that push x out of the second cache */
#define X_BYTES ((size_t)3 << 17) /* of transformed x, about; twice where weights are large */

typedef pleat_winograd_plan plan;
typedef pleat_winograd_part part;

static size_t whole_lines(size_t floats) { return (floats + 15) / 16 * 16; }

/* --- the plan --- */

/* Pieces of a plane's tiles that are blocks of their own; few tiles are joined over planes. */
static void lay_out_tiles(plan *p) {
    const int most = p->kernel->most, tiles = p->across * p->down;
    p->pieces = whole(tiles, most);
    p->tiles = whole(tiles, p->pieces);
    p->joined = p->pieces == 1 && 2 * p->tiles <= most;
}

static size_t weights_of(const plan *p) {
    const int last = p->pairs - 1;
    const size_t channels = (size_t)pleat_winograd_vectors(p, last) * (size_t)p->kernel->lanes;
    return pleat_winograd_weights_at(p, last) +
           channels * (size_t)p->s.cin * (size_t)p->s.kernel[0] * POINTS;
}

static void lay_out_x(plan *p) {
    const pleat_dnnl_shape *s = &p->s;
    const int border = s->kernel[0] / 2 * 2;
    const size_t tiles = (size_t)p->tiles * (size_t)p->kernel->lanes;
    const size_t of_plane = tiles * POINTS * (size_t)p->chunks;
    const int large = weights_of(p) * sizeof(float) > LARGE;
    const int fit = (int)((large ? 2 : 1) * X_BYTES / sizeof(float) / of_plane) - border;
    const int least = large ? whole(PLEAT_WINOGRAD_HELD * p->kernel->most, p->tiles) : 1;
    const int planes = smaller(larger(least, fit), s->d);
    p->planes = whole(s->d, whole(s->d, planes));
    p->slots = p->planes + border;
    if (p->joined) {
        p->slot = tiles;
        p->point = tiles * (size_t)p->slots;
        p->chunk = p->point * POINTS;
    } else {
        p->point = tiles;
        p->chunk = p->point * POINTS;
        p->slot = of_plane;
    }
    p->x = of_plane * (size_t)p->slots;
    p->held = smaller(pleat_winograd_blocks(p, p->tiles, p->planes),
                      large ? PLEAT_WINOGRAD_HELD : PLEAT_WINOGRAD_HELD / 2);
}

static void deal(plan *p, int threads) {
    p->groups = smaller(threads, p->s.n * p->s.d);
    p->bands = smaller(threads / p->groups, p->pieces);
    p->shares = smaller(threads / (p->groups * p->bands), p->pairs);
}

static plan plan_of(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                    pleat_dnnl_pass pass, int threads) {
    plan p = {.kernel = kernel, .s = *shape, .mirrored = pass == PLEAT_DNNL_BACKWARD_DATA};
    if (p.mirrored) {
        p.s.cin = shape->cout;
        p.s.cout = shape->cin;
        p.s.relu = 0;
    }
    p.across = whole(p.s.w, OUT);
    p.down = whole(p.s.h, OUT);
    p.chunks = whole(p.s.cin, kernel->lanes);
    p.pairs = whole(p.s.cout, 2 * kernel->lanes);
    lay_out_tiles(&p);
    lay_out_x(&p);
    p.sums = (size_t)p.held * (size_t)kernel->most * POINTS * 2 * (size_t)kernel->lanes;
    deal(&p, threads);
    return p;
}

static int workers_of(const plan *p) { return p->bands * p->groups * p->shares; }

/* --- which --- */

/* The first that the processor has; or NULL. */
static const pleat_winograd_kernel *kernel_of(void) {
    return pleat_winograd_avx512.usable() ? &pleat_winograd_avx512
           : pleat_winograd_avx2.usable() ? &pleat_winograd_avx2
                                          : NULL;
}

int pleat_winograd_fits(const pleat_dnnl_shape *s) {
    const int *k = s->kernel;
    return !s->bf16 && pleat_dnnl_mirrors(s) && (k[0] == 1 || k[0] == 3) && k[1] == 3 &&
           k[2] == 3 && kernel_of() != NULL;
}

/* What it is taken for, by docs/speed.md: channels of x and of y, and voxels of the batch. With
 * fewer voxels the weights take longer than their products. */
static const struct rule {
    int least_channels, most_channels;
    long least_voxels;
} rule = {8, 512, 768};

/* Of the tiles' voxels, at least half are there. */
static int tiles_filled(const plan *p) {
    return 2L * p->s.h * p->s.w >= (long)p->across * p->down * OUT * OUT;
}

int pleat_winograd_wins(const pleat_dnnl_shape *s, pleat_dnnl_pass pass, int threads) {
    if (!pleat_winograd_fits(s)) return 0;
    const int least = smaller(s->cin, s->cout), most = larger(s->cin, s->cout);
    if (least < rule.least_channels || most > rule.most_channels) return 0;
    const plan p = plan_of(kernel_of(), s, pass, threads);
    return (long)s->n * s->d * s->h * s->w >= rule.least_voxels && tiles_filled(&p) &&
           4 * workers_of(&p) >= 3 * threads;
}

/* --- memory --- */

static size_t thread_floats(const plan *p) { return p->x + p->sums; }

size_t pleat_winograd_weights_bytes_by(const pleat_winograd_kernel *kernel,
                                       const pleat_dnnl_shape *shape, pleat_dnnl_pass pass) {
    const plan p = plan_of(kernel, shape, pass, 1);
    return whole_lines(weights_of(&p)) * sizeof(float);
}

size_t pleat_winograd_weights_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass) {
    return pleat_winograd_weights_bytes_by(kernel_of(), shape, pass);
}

size_t pleat_winograd_bytes_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                               pleat_dnnl_pass pass, int threads) {
    const plan p = plan_of(kernel, shape, pass, threads);
    return (size_t)workers_of(&p) * thread_floats(&p) * sizeof(float);
}

size_t pleat_winograd_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads) {
    return pleat_winograd_bytes_by(kernel_of(), shape, pass, threads);
}

/* --- work --- */

void pleat_winograd_pack_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                            pleat_dnnl_pass pass, int threads, const float *weights,
                            float *packed) {
    const plan p = plan_of(kernel, shape, pass, threads);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < p.pairs * p.chunks; i++) kernel->pack(&p, weights, i, packed);
}

void pleat_winograd_pack(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                         const float *weights, float *packed) {
    pleat_winograd_pack_by(kernel_of(), shape, pass, threads, weights, packed);
}

static part part_of(const plan *p, int t, float *work) {
    const int band = t / (p->groups * p->shares), group = t / p->shares % p->groups;
    float *points = work + (size_t)t * thread_floats(p);
    return (part){
        .plan = p,
        .planes = pleat_share_of((size_t)p->s.n * (size_t)p->s.d, 1, group, p->groups),
        .pieces = pleat_share_of((size_t)p->pieces, 1, band, p->bands),
        .pairs = pleat_share_of((size_t)p->pairs, 1, t % p->shares, p->shares),
        .points = points,
        .sums = points + p->x,
    };
}

void pleat_winograd_run_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                           pleat_dnnl_pass pass, int threads, const float *x, const float *packed,
                           const float *bias, float *y, float *work) {
    const plan p = plan_of(kernel, shape, pass, threads);
    const int workers = workers_of(&p);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < workers; t++) {
        part w = part_of(&p, t, work);
        w.x = x;
        w.y = y;
        w.weights = packed;
        w.bias = bias;
        kernel->run(&w);
    }
}

void pleat_winograd_run(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                        const float *x, const float *packed, const float *bias, float *y,
                        float *work) {
    pleat_winograd_run_by(kernel_of(), shape, pass, threads, x, packed, bias, y, work);
}
