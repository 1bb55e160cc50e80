/*
 * onednn_direct.c - convolutions forward and by x: which are taken, memory, threads.
 */
#include "onednn_direct.h"
#include "onednn_direct_impl.h"
#include "onednn_stream.h"
#include "onednn_whole.h"
#include "onednn_winograd_direct.h"

#include <string.h>

#define VOXELS     1024              /* of y at a time, about, where channels are 32 */
#define FEWEST     256               /* where they are more */
#define RING_BYTES ((size_t)1 << 20) /* about; half of the second cache */
#define LARGE      ((size_t)1 << 20) /* bytes of weights: too many for a second cache */

typedef pleat_direct_plan plan;
typedef pleat_direct_part part;

static size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* --- the plan --- */

/* Of y at a time: rows, and what follows from them and from the taps in a record. */
static void lay_out_rows(plan *p, int together, int abreast) {
    const pleat_dnnl_shape *s = &p->s;
    const int taps = s->kernel[0] * s->kernel[1] * s->kernel[2];
    p->together = together;
    p->abreast = abreast;
    p->w = s->w / abreast;
    p->out = s->cout * abreast;
    p->tiles = whole(p->out, 16);
    p->records = taps / together;
    p->blocks = whole((together + abreast - 1) * s->cin, 32);
    p->steps = p->records * p->blocks;
    p->apart = together == 1 || abreast == 2;
    p->row = (size_t)p->w + (size_t)p->apart;
    p->pitch = p->apart && p->w % 16 != 0 ? p->w + 1 : p->w;
    const int voxels = VOXELS * 3 / s->kernel[0] * 32 / larger(32, s->cin);
    p->rows = smaller(s->h, larger(2, larger(voxels, FEWEST) / s->w));
}

/* Products for a plane's rows. */
static int products_of(const plan *p) {
    return whole(pleat_direct_tiles(p, p->rows), 2) * p->steps * p->tiles;
}

/* One tap in a record shares most of x; three may need fewer products, and so may two voxels. Of
 * few channels these are worth some more, as rows lie in the ring as they are. */
static void choose_records(plan *p) {
    plan three = *p, two = *p;
    lay_out_rows(p, p->s.cin <= 7 ? 9 : 1, 1);
    if (p->together == 9) return;
    lay_out_rows(&three, 3, 1);
    if (8 * products_of(&three) < 7 * products_of(p)) *p = three;
    if (p->s.w % 2 != 0 || p->s.cin % 8 != 0) return;
    lay_out_rows(&two, 3, 2);
    if (10 * products_of(&two) <= (p->s.cin <= 16 ? 13 : 9) * products_of(p)) *p = two;
}

/* Whether all planes of a sample lie side by side, and tiles of two planes make a pair: where a
 * plane's own are odd, which costs more than the planes of zeros beyond the ends. */
static int joins(const plan *p) {
    const int tiles = pleat_direct_tiles(p, p->s.h), d = p->s.d, depth = p->s.kernel[0];
    return p->rows == p->s.h && (size_t)(d + 2) * p->slot <= 2 * RING_BYTES &&
           tiles * depth * d < whole(tiles, 2) * 2 * (depth * d - (depth - 1));
}

static void lay_out_ring(plan *p) {
    const pleat_dnnl_shape *s = &p->s;
    const int border = s->kernel[0] / 2 * 2;
    const size_t rows = (size_t)(p->together == 9 ? p->rows : p->rows + 2);
    /* the last tile may read 15 records beyond its voxels, and one that it shares with the next */
    const size_t records = rows * p->row + 17;
    p->record = p->abreast == 2    ? 4 * (size_t)s->cin
                : p->together == 9 ? (size_t)p->blocks * 64
                                   : 64;
    p->block = p->abreast == 2 || p->together == 9 ? 64 : records * 64;
    p->slot = whole_lines(records * (p->abreast == 2 ? p->record : (size_t)p->blocks * 64));
    p->planes = 1;
    if (p->rows == s->h) {
        const int fit = (int)(RING_BYTES / p->slot) - border;
        p->planes = larger(1, smaller(smaller(s->d, fit), whole(VOXELS, s->h * s->w)));
    }
    p->joined = joins(p);
    p->slots = p->joined ? s->d + 2 : p->planes + border;
}

/* Threads have channels of y of their own where weights are large, else planes; then the other; and
 * last rows. */
static void deal(plan *p, int threads) {
    const int planes = p->s.n * p->s.d, pairs = whole(p->tiles, 2);
    const int bands = whole(p->s.h, larger(p->rows / 2, smaller(8, p->s.h)));
    if (p->weights * (size_t)p->tiles > LARGE) {
        p->shares = smaller(threads, pairs);
        p->groups = smaller(threads / p->shares, planes);
    } else {
        p->groups = smaller(threads, planes);
        p->shares = smaller(threads / p->groups, pairs);
    }
    p->bands = smaller(threads / (p->groups * p->shares), bands);
}

static plan plan_of(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                    pleat_dnnl_pass pass, int threads) {
    plan p = {.kernel = kernel, .s = *shape, .mirrored = pass == PLEAT_DNNL_BACKWARD_DATA};
    if (p.mirrored) {
        p.s.cin = shape->cout;
        p.s.cout = shape->cin;
        p.s.relu = 0;
    }
    choose_records(&p);
    p.weights = (size_t)p.steps * 1024;
    p.streams = p.weights * (size_t)p.tiles > LARGE && pleat_stream_can(NULL, 0, 0);
    lay_out_ring(&p);
    deal(&p, threads);
    return p;
}

static int workers_of(const plan *p) { return p->bands * p->groups * p->shares; }

/* --- which --- */

int pleat_direct_fits(const pleat_dnnl_shape *s) {
    const int *k = s->kernel;
    if (!s->bf16) return pleat_winograd_fits(s);
    return pleat_dnnl_mirrors(s) && k[1] == 3 && k[2] == 3 && pleat_direct_amx.usable();
}

/* Of the products, at least nine sixteenths are of numbers that are there. */
static int products_used(const plan *p) {
    const long taps = (long)p->records * p->together, wanted = taps * p->s.cin * p->out;
    return 16 * wanted >= 9 * (long)p->steps * 32 * p->tiles * 16;
}

/* By docs/speed.md, of channels of x and of y as computed. */
int pleat_direct_wins(const pleat_dnnl_shape *s, pleat_dnnl_pass pass, int threads) {
    if (!s->bf16) return pleat_winograd_wins(s, pass, threads);
    if (!pleat_direct_fits(s)) return 0;
    const plan p = plan_of(&pleat_direct_amx, s, pass, threads);
    if (4 * workers_of(&p) < 3 * threads) return 0;
    if (p.s.cin > 512 || p.s.cout > 512) return 0;
    if (p.s.cin <= 4) return p.s.cout >= 16; /* a first layer: oneDNN's steps are nearly empty */
    return (p.abreast == 2 || (p.s.cin >= 24 && p.s.cout >= 16)) && products_used(&p);
}

/* --- memory --- */

static size_t ring_bytes(const plan *p) { return whole_lines(p->slot * (size_t)p->slots); }
static size_t offsets_bytes(const plan *p) {
    return whole_lines((size_t)p->steps * sizeof(ptrdiff_t));
}

static size_t places_bytes(const plan *p) {
    return whole_lines((size_t)pleat_direct_tiles(p, p->rows) * sizeof(pleat_direct_place));
}

static size_t lines_bytes(const plan *p) {
    const size_t line = ((size_t)p->s.w + 2) * (size_t)p->s.cin + 8;
    return p->together == 9 ? whole_lines(3 * line * sizeof(uint16_t)) : 0;
}

static size_t thread_bytes(const plan *p) {
    return ring_bytes(p) + offsets_bytes(p) + places_bytes(p) + lines_bytes(p);
}

size_t pleat_direct_weights_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass) {
    if (!shape->bf16) return pleat_winograd_weights_bytes(shape, pass);
    const plan p = plan_of(&pleat_direct_amx, shape, pass, 1);
    return p.weights * (size_t)p.tiles;
}

size_t pleat_direct_bytes_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                             pleat_dnnl_pass pass, int threads) {
    const plan p = plan_of(kernel, shape, pass, threads);
    return (size_t)workers_of(&p) * thread_bytes(&p);
}

size_t pleat_direct_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads) {
    if (!shape->bf16) return pleat_winograd_bytes(shape, pass, threads);
    return pleat_direct_bytes_by(&pleat_direct_amx, shape, pass, threads);
}

/* --- work --- */

int pleat_direct_counts(const pleat_dnnl_shape *shape) { return shape->bf16; }

void pleat_direct_pack_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                          pleat_dnnl_pass pass, int threads, const float *weights, void *packed) {
    const plan p = plan_of(kernel, shape, pass, threads);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < p.records * (p.mirrored ? p.blocks : p.tiles); i++)
        kernel->pack_weights(&p, weights, i, packed);
}

void pleat_direct_pack(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                       const float *weights, void *packed) {
    if (!shape->bf16)
        pleat_winograd_pack(shape, pass, threads, weights, packed);
    else
        pleat_direct_pack_by(&pleat_direct_amx, shape, pass, threads, weights, packed);
}

/* Small ones, which stay in the second cache, are packed as fast from canonical ones. */
int pleat_direct_turns(const pleat_dnnl_shape *shape) {
    if (!shape->bf16) return 0;
    const plan p = plan_of(&pleat_direct_amx, shape, PLEAT_DNNL_FORWARD, 1);
    return shape->cin % 32 == 0 && shape->cout % 32 == 0 && p.streams;
}

void pleat_direct_turn_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                          int threads, const void *forward, void *packed) {
    const plan from = plan_of(kernel, shape, PLEAT_DNNL_FORWARD, threads);
    const plan p = plan_of(kernel, shape, PLEAT_DNNL_BACKWARD_DATA, threads);
    const int taps = p.records * p.together;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < taps * p.s.cin / 32; i++)
        kernel->turn_weights(&from, &p, i % taps, i / taps, forward, packed);
}

void pleat_direct_turn(const pleat_dnnl_shape *shape, int threads, const void *forward,
                       void *packed) {
    pleat_direct_turn_by(&pleat_direct_amx, shape, threads, forward, packed);
}

static part part_of(const plan *p, int t, char *work) {
    const int band = t / (p->groups * p->shares), group = t / p->shares % p->groups;
    char *ring = work + (size_t)t * thread_bytes(p), *offsets = ring + ring_bytes(p);
    char *places = offsets + offsets_bytes(p), *lines = places + places_bytes(p);
    return (part){
        .plan = p,
        .planes = pleat_share_of((size_t)p->s.n * (size_t)p->s.d, 1, group, p->groups),
        .rows = pleat_share_of((size_t)p->s.h, 1, band, p->bands),
        .tiles = pleat_share_of((size_t)p->tiles, 2, t % p->shares, p->shares),
        .ring = ring,
        .offsets = (ptrdiff_t *)(void *)offsets,
        .places = (pleat_direct_place *)(void *)places,
        .lines = (uint16_t *)(void *)lines,
    };
}

void pleat_direct_run_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                         pleat_dnnl_pass pass, int threads, const void *x, const void *packed,
                         const float *bias, void *y, double *sums, void *work) {
    const plan p = plan_of(kernel, shape, pass, threads);
    const int workers = workers_of(&p);
    const size_t width = 2 * (size_t)p.s.cout;
    if (sums != NULL) memset(sums, 0, (size_t)threads * width * sizeof *sums);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < workers; t++) {
        part w = part_of(&p, t, work);
        w.x = x;
        w.y = y;
        w.weights = packed;
        w.bias = bias;
        if (sums != NULL) w.sums = sums + (size_t)t * width;
        kernel->run(&w);
    }
}

void pleat_direct_run(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                      const void *x, const void *packed, const float *bias, void *y, double *sums,
                      void *work) {
    if (!shape->bf16)
        pleat_winograd_run(shape, pass, threads, x, packed, bias, y, work);
    else
        pleat_direct_run_by(&pleat_direct_amx, shape, pass, threads, x, packed, bias, y, sums,
                            work);
}
