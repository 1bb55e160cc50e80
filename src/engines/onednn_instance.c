/*
 * onednn_instance.c - instance norm and leaky ReLU over channels-last activations.
 *
 * As onednn_norm.c, for each sample by itself: a unit of work is a part of a sample's voxels, taken
 * in tiles of up to 32 channels. Sums of a tile are float, of all tiles double.
 */
#include "onednn.h"
#include "onednn_simd.h"

#include <math.h>

#define TILE 64 /* voxels; no longer, for the float sums' sake */

typedef struct planes {   /* of one sample, [C] each */
    float *mean;          /* of x */
    float *scale, *shift; /* scale x + shift goes into the ReLU */
    float *means, *slope; /* dx = scale (g - means - (x - mean) slope) */
} planes;

enum { PLANES = 5 };

/* engine->sums holds each unit's double [2C], then each sample's planes. */
static pleat_status reserve(pleat_onednn *e, const pleat_tensor *x) {
    const size_t n = (size_t)x->n, c = (size_t)x->c;
    return pleat_onednn_reserve(e, &e->sums,
                                n * (size_t)e->parts * 2 * c * sizeof(double) +
                                    n * PLANES * c * sizeof(float));
}

static planes planes_of(const pleat_onednn *e, const pleat_tensor *x, int sample) {
    const size_t n = (size_t)x->n, c = (size_t)x->c;
    float *first = (float *)((double *)e->sums.data + n * (size_t)e->parts * 2 * c) +
                   (size_t)sample * PLANES * c;
    return (planes){first, first + c, first + 2 * c, first + 3 * c, first + 4 * c};
}

/* A part of a sample's voxels, as voxels of the whole tensor. */
static pleat_share unit_of(const pleat_onednn *e, const pleat_tensor *x, int unit) {
    const size_t voxels = pleat_tensor_voxels(x) / (size_t)x->n;
    const size_t first = (size_t)(unit / e->parts) * voxels;
    const pleat_share s = pleat_share_of(voxels, TILE, unit % e->parts, e->parts);
    return (pleat_share){first + s.begin, first + s.end};
}

INLINE v16 leaky(v16 value, v16 result, v16 slope) {
    return v16_select(value > 0, result, slope * result);
}

/* --- sums --- */

INLINE void tile_sums(int lanes, int bf16, const pleat_tensor *x, pleat_share v, int c,
                      double *sums) {
    const size_t pitch = (size_t)x->pitch;
    v32 s = {{{0}}}, q = {{{0}}};
    for (size_t i = v.begin; i < v.end; i++) {
        const size_t at = i * pitch + (size_t)c;
        v16_fetch(x->data, at + VOXELS_AHEAD(bf16) * pitch, bf16);
        const v32 value = v32_load(x->data, at, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            s.part[r] += value.part[r];
            q.part[r] += value.part[r] * value.part[r];
        }
    }
    v32_add_to(sums + c, lanes, bf16, s);
    v32_add_to(sums + x->c + c, lanes, bf16, q);
}

/* sum g, sum g (x - mean), g being the gradient before the ReLU */
INLINE void tile_backward_sums(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                               const planes *p, float leak, pleat_share v, int c, double *sums) {
    const size_t pitch = (size_t)x->pitch, other = (size_t)dy->pitch;
    const v32 mean = v32_of_floats(p->mean + c, lanes, bf16);
    const v32 scale = v32_of_floats(p->scale + c, lanes, bf16);
    const v32 shift = v32_of_floats(p->shift + c, lanes, bf16);
    v32 s = {{{0}}}, q = {{{0}}};
    for (size_t i = v.begin; i < v.end; i++) {
        const size_t at = i * pitch + (size_t)c, from = i * other + (size_t)c;
        v16_fetch(x->data, at + VOXELS_AHEAD(bf16) * pitch, bf16);
        v16_fetch(dy->data, from + VOXELS_AHEAD(bf16) * other, bf16);
        const v32 value = v32_load(x->data, at, lanes, bf16);
        const v32 after = v32_load(dy->data, from, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            const v16 x_r = value.part[r];
            const v16 g = leaky(x_r * scale.part[r] + shift.part[r], after.part[r], v16_of(leak));
            s.part[r] += g;
            q.part[r] += g * (x_r - mean.part[r]);
        }
    }
    v32_add_to(sums + c, lanes, bf16, s);
    v32_add_to(sums + x->c + c, lanes, bf16, q);
}

/* Each unit's sums, of x alone, or with dy those of the backward pass. */
static void unit_sums(const pleat_onednn *e, const pleat_tensor *x, const pleat_tensor *dy,
                      float slope) {
    const int bf16 = e->base.act == PLEAT_BF16, units = x->n * e->parts, channels = x->c;
    double *all = e->sums.data;
#pragma omp parallel for num_threads(e->base.threads) schedule(static)
    for (int unit = 0; unit < units; unit++) {
        const pleat_share mine = unit_of(e, x, unit);
        const planes p = planes_of(e, x, unit / e->parts);
        double *sums = all + (size_t)unit * 2 * (size_t)channels;
        memset(sums, 0, 2 * (size_t)channels * sizeof *sums);
        for (size_t v = mine.begin; v < mine.end; v += TILE) {
            const pleat_share tile = {v, v + TILE < mine.end ? v + TILE : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                if (dy == NULL)
                    WITH_LANES(channels - c, bf16, tile_sums, x, tile, c, sums);
                else
                    WITH_LANES(channels - c, bf16, tile_backward_sums, x, dy, &p, slope, tile, c,
                               sums);
        }
    }
}

/* Sum i of a sample, its units added in order. */
static double total(const pleat_onednn *e, const pleat_tensor *x, int sample, size_t i) {
    const size_t width = 2 * (size_t)x->c;
    const double *sums = (const double *)e->sums.data + (size_t)(sample * e->parts) * width;
    double sum = 0;
    for (int part = 0; part < e->parts; part++) sum += sums[(size_t)part * width + i];
    return sum;
}

static void set_planes(const planes *p, const pleat_instance *norm, size_t c, double mean,
                       double inv_std) {
    const double scale = (double)((const float *)norm->gamma)[c] * inv_std;
    p->mean[c] = (float)mean;
    p->scale[c] = (float)scale;
    p->shift[c] = (float)((double)((const float *)norm->beta)[c] - mean * scale);
}

/* --- forward --- */

INLINE void tile_forward(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *y,
                         const planes *p, float leak, pleat_share v, int c) {
    const size_t pitch = (size_t)x->pitch, other = (size_t)y->pitch;
    const v32 scale = v32_of_floats(p->scale + c, lanes, bf16);
    const v32 shift = v32_of_floats(p->shift + c, lanes, bf16);
    for (size_t i = v.begin; i < v.end; i++) {
        const size_t at = i * pitch + (size_t)c;
        v16_fetch(x->data, at + VOXELS_AHEAD(bf16) * pitch, bf16);
        v32 value = v32_load(x->data, at, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            const v16 normal = value.part[r] * scale.part[r] + shift.part[r];
            value.part[r] = leaky(normal, normal, v16_of(leak));
        }
        v32_store(y->data, i * other + (size_t)c, lanes, bf16, value);
    }
}

pleat_status pleat_onednn_instance_forward(pleat_engine *engine, const pleat_instance *norm,
                                           const pleat_tensor *x, const pleat_tensor *y) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(reserve(e, x));
    const int bf16 = engine->act == PLEAT_BF16, units = x->n * e->parts, channels = x->c;
    const double count = (double)pleat_tensor_voxels(x) / x->n;
    const float slope = (float)norm->slope;
    unit_sums(e, x, NULL, slope);
    for (int n = 0; n < x->n; n++) {
        const planes p = planes_of(e, x, n);
        for (size_t c = 0; c < (size_t)channels; c++) {
            const double mean = total(e, x, n, c) / count;
            const double spread = total(e, x, n, (size_t)channels + c) / count - mean * mean;
            const double variance = spread > 0 ? spread : spread <= 0 ? 0 : spread; /* keeps NaN */
            const double inv_std = 1 / sqrt(variance + norm->epsilon);
            ((float *)norm->mean)[(size_t)n * (size_t)channels + c] = (float)mean;
            ((float *)norm->inv_std)[(size_t)n * (size_t)channels + c] = (float)inv_std;
            set_planes(&p, norm, c, (double)(float)mean, (double)(float)inv_std);
        }
    }
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (int unit = 0; unit < units; unit++) {
        const pleat_share mine = unit_of(e, x, unit);
        const planes p = planes_of(e, x, unit / e->parts);
        for (size_t v = mine.begin; v < mine.end; v += TILE) {
            const pleat_share tile = {v, v + TILE < mine.end ? v + TILE : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_forward, x, y, &p, slope, tile, c);
        }
    }
    return PLEAT_OK;
}

/* --- backward --- */

INLINE void tile_backward(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                          const pleat_tensor *dx, const planes *p, float leak, pleat_share v,
                          int c) {
    const size_t pitch = (size_t)x->pitch, other = (size_t)dy->pitch, third = (size_t)dx->pitch;
    const v32 mean = v32_of_floats(p->mean + c, lanes, bf16);
    const v32 scale = v32_of_floats(p->scale + c, lanes, bf16);
    const v32 shift = v32_of_floats(p->shift + c, lanes, bf16);
    const v32 means = v32_of_floats(p->means + c, lanes, bf16);
    const v32 slope = v32_of_floats(p->slope + c, lanes, bf16);
    for (size_t i = v.begin; i < v.end; i++) {
        const size_t at = i * pitch + (size_t)c, from = i * other + (size_t)c;
        v16_fetch(x->data, at + VOXELS_AHEAD(bf16) * pitch, bf16);
        v16_fetch(dy->data, from + VOXELS_AHEAD(bf16) * other, bf16);
        const v32 value = v32_load(x->data, at, lanes, bf16);
        v32 g = v32_load(dy->data, from, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            const v16 x_r = value.part[r];
            const v16 before = leaky(x_r * scale.part[r] + shift.part[r], g.part[r], v16_of(leak));
            g.part[r] =
                scale.part[r] * (before - means.part[r] - (x_r - mean.part[r]) * slope.part[r]);
        }
        v32_store(dx->data, i * third + (size_t)c, lanes, bf16, g);
    }
}

/* The planes that the sums need; then the rest, and the gradients of gamma and beta. */
static void restore_planes(const pleat_onednn *e, const pleat_instance *norm,
                           const pleat_tensor *x) {
    for (int n = 0; n < x->n; n++) {
        const planes p = planes_of(e, x, n);
        for (size_t c = 0; c < (size_t)x->c; c++) {
            const size_t at = (size_t)n * (size_t)x->c + c;
            set_planes(&p, norm, c, (double)((const float *)norm->mean)[at],
                       (double)((const float *)norm->inv_std)[at]);
        }
    }
}

static void finish_sums(const pleat_onednn *e, const pleat_instance *norm, const pleat_tensor *x,
                        float *dgamma, float *dbeta) {
    const double count = (double)pleat_tensor_voxels(x) / x->n;
    for (int n = 0; n < x->n; n++) {
        const planes p = planes_of(e, x, n);
        const size_t sample = (size_t)n * norm->sample_stride;
        for (size_t c = 0; c < (size_t)x->c; c++) {
            const double inv_std =
                (double)((const float *)norm->inv_std)[(size_t)n * (size_t)x->c + c];
            const double sum = total(e, x, n, c);
            const double along = total(e, x, n, (size_t)x->c + c) * inv_std;
            p.means[c] = (float)(sum / count);
            p.slope[c] = (float)(inv_std * along / count);
            dbeta[sample + c] += (float)sum;
            dgamma[sample + c] += (float)along;
        }
    }
}

pleat_status pleat_onednn_instance_backward(pleat_engine *engine, const pleat_instance *norm,
                                            const pleat_tensor *x, const pleat_tensor *dy,
                                            void *dgamma, void *dbeta, const pleat_tensor *dx) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(reserve(e, x));
    const int bf16 = engine->act == PLEAT_BF16, units = x->n * e->parts, channels = x->c;
    const float slope = (float)norm->slope;
    restore_planes(e, norm, x);
    unit_sums(e, x, dy, slope);
    finish_sums(e, norm, x, dgamma, dbeta);
    if (dx == NULL) return PLEAT_OK;
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (int unit = 0; unit < units; unit++) {
        const pleat_share mine = unit_of(e, x, unit);
        const planes p = planes_of(e, x, unit / e->parts);
        for (size_t v = mine.begin; v < mine.end; v += TILE) {
            const pleat_share tile = {v, v + TILE < mine.end ? v + TILE : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_backward, x, dy, dx, &p, slope, tile, c);
        }
    }
    return PLEAT_OK;
}
