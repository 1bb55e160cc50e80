/*
 * onednn_norm.c - batch norm over channels-last activations.
 *
 * A thread walks its voxels in tiles. Inside a tile it takes up to 32 channels at a time, so that
 * their coefficients or sums stay in registers. Sums of a tile are float, of all tiles double.
 */
#include "onednn.h"
#include "onednn_simd.h"

#include <math.h>

#define TILE_FLOATS 8192 /* of one tensor; two of them fit the second cache many times */
#define SHORT_TILE  16   /* voxels */
#define AHEAD       24   /* voxels, when reading a slice */
#define LONG_TILE   128  /* voxels; no longer, for the float sums' sake */

static size_t tile_voxels(int channels) {
    const size_t voxels = TILE_FLOATS / (size_t)channels;
    return voxels < SHORT_TILE ? SHORT_TILE : voxels > LONG_TILE ? LONG_TILE : voxels;
}

/* Per channel: y = scale*x + shift, or the four of the backward pass. */
typedef struct coefficients {
    float *scale, *shift, *slope, *mean; /* [C] */
} coefficients;

/* engine->sums holds each part's double [2C], then the coefficients. */
pleat_status pleat_onednn_norm_reserve(pleat_onednn *engine, int channels) {
    const size_t c = (size_t)channels;
    return pleat_onednn_reserve(engine, &engine->sums,
                                (size_t)engine->parts * 2 * c * sizeof(double) +
                                    4 * c * sizeof(float));
}

static coefficients coefficients_of(const pleat_onednn *engine, int channels) {
    const size_t c = (size_t)channels;
    float *first = (float *)((double *)engine->sums.data + (size_t)engine->parts * 2 * c);
    return (coefficients){first, first + c, first + 2 * c, first + 3 * c};
}

/* --- sums --- */

INLINE void add_to(double *sums, int lanes, v16 tile) {
    for (int i = 0; i < lanes; i++) sums[i] += (double)tile[i];
}

INLINE void tile_sums(int lanes, int bf16, const pleat_tensor *x, pleat_share v, int c, double *sum,
                      double *squares) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    v16 s[2] = {{0}}, q[2] = {{0}};
    for (size_t i = v.begin; i < v.end; i++)
        for (int r = 0; r < registers; r++) {
            const size_t at = i * (size_t)x->pitch + lane_at(c, r);
            const v16 value = v16_load(x->data, at, width, bf16);
            s[r] += value;
            q[r] += value * value;
        }
    for (int r = 0; r < registers; r++) {
        add_to(sum + lane_at(c, r), width, s[r]);
        add_to(squares + lane_at(c, r), width, q[r]);
    }
}

/* sum dy, sum dy * (x - mean) */
INLINE void tile_backward_sums(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                               const float *mean, pleat_share v, int c, double *sum,
                               double *products) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    const int sliced = dy->pitch > dy->c;
    v16 s[2] = {{0}}, q[2] = {{0}}, m[2];
    for (int r = 0; r < registers; r++) m[r] = v16_load(mean, lane_at(c, r), width, 0);
    for (size_t i = v.begin; i < v.end; i++)
        for (int r = 0; r < registers; r++) {
            const size_t k = lane_at(c, r);
            const v16 value = v16_load(x->data, i * (size_t)x->pitch + k, width, bf16);
            if (sliced) v16_fetch(dy->data, (i + AHEAD) * (size_t)dy->pitch + k, bf16);
            const v16 gradient = v16_load(dy->data, i * (size_t)dy->pitch + k, width, bf16);
            s[r] += gradient;
            q[r] += gradient * (value - m[r]);
        }
    for (int r = 0; r < registers; r++) {
        add_to(sum + lane_at(c, r), width, s[r]);
        add_to(products + lane_at(c, r), width, q[r]);
    }
}

/* Sums of x alone, or with dy those of the backward pass: [2C] of each part. */
static void part_sums(const pleat_onednn *e, const pleat_tensor *x, const pleat_tensor *dy,
                      const float *mean) {
    const int bf16 = e->base.act == PLEAT_BF16, parts = e->parts, channels = x->c;
    const size_t voxels = pleat_tensor_voxels(x), tile = tile_voxels(channels);
    double *partial = e->sums.data; /* [parts, 2C] */
    memset(partial, 0, (size_t)parts * 2 * (size_t)channels * sizeof *partial);
#pragma omp parallel for num_threads(e->base.threads)
    for (int t = 0; t < parts; t++) {
        const pleat_share mine = pleat_share_of(voxels, tile, t, parts);
        double *sum = partial + (size_t)t * 2 * (size_t)channels, *other = sum + channels;
        for (size_t v = mine.begin; v < mine.end; v += tile) {
            const pleat_share part = {v, v + tile < mine.end ? v + tile : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                if (dy == NULL)
                    WITH_LANES(channels - c, bf16, tile_sums, x, part, c, sum, other);
                else
                    WITH_LANES(channels - c, bf16, tile_backward_sums, x, dy, mean, part, c, sum,
                               other);
        }
    }
}

static double total_of(const pleat_onednn *e, int channels, int i) { /* of the parts' sums i */
    const double *partial = e->sums.data;
    double total = 0;
    for (int t = 0; t < e->parts; t++)
        total += partial[(size_t)t * 2 * (size_t)channels + (size_t)i];
    return total;
}

static void all_sums(const pleat_onednn *e, const pleat_tensor *x, const pleat_tensor *dy,
                     const float *mean, double *sums) {
    part_sums(e, x, dy, mean);
    for (int i = 0; i < 2 * x->c; i++) sums[i] = total_of(e, x->c, i);
}

pleat_status pleat_onednn_norm_sums(pleat_engine *engine, const pleat_tensor *x, double *sums) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(pleat_onednn_norm_reserve(e, x->c));
    all_sums(e, x, NULL, NULL, sums);
    return PLEAT_OK;
}

pleat_status pleat_onednn_norm_backward_sums(pleat_engine *engine, const pleat_norm *norm,
                                             const pleat_tensor *x, const pleat_tensor *dy,
                                             double *sums, void *dgamma, void *dbeta) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(pleat_onednn_norm_reserve(e, x->c));
    all_sums(e, x, dy, norm->mean, sums);
    for (int c = 0; c < x->c; c++) {
        sums[x->c + c] *= (double)((const float *)norm->inv_std)[c];
        ((float *)dbeta)[c] += (float)sums[c];
        ((float *)dgamma)[c] += (float)sums[x->c + c];
    }
    return PLEAT_OK;
}

/* --- y = scale*x + shift --- */

INLINE void tile_affine(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *y,
                        const coefficients *k, pleat_share v, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    v16 scale[2], shift[2];
    for (int r = 0; r < registers; r++) {
        scale[r] = v16_load(k->scale, lane_at(c, r), width, 0);
        shift[r] = v16_load(k->shift, lane_at(c, r), width, 0);
    }
    for (size_t i = v.begin; i < v.end; i++)
        for (int r = 0; r < registers; r++) {
            const size_t at = lane_at(c, r);
            const v16 value = v16_load(x->data, i * (size_t)x->pitch + at, width, bf16);
            v16_store(y->data, i * (size_t)y->pitch + at, width, bf16, value * scale[r] + shift[r]);
        }
}

static void affine(const pleat_onednn *e, const pleat_tensor *x, const coefficients *k,
                   const pleat_tensor *y) {
    const int bf16 = e->base.act == PLEAT_BF16, threads = e->base.threads, channels = x->c;
    const size_t voxels = pleat_tensor_voxels(x), tile = tile_voxels(channels);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share mine = pleat_share_of(voxels, tile, t, threads);
        for (size_t v = mine.begin; v < mine.end; v += tile) {
            const pleat_share part = {v, v + tile < mine.end ? v + tile : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_affine, x, y, k, part, c);
        }
    }
}

static void set_affine(const coefficients *k, const pleat_norm *norm, int c, double mean,
                       double inv_std) {
    const double scale = (double)((const float *)norm->gamma)[c] * inv_std;
    k->scale[c] = (float)scale;
    k->shift[c] = (float)((double)((const float *)norm->beta)[c] - mean * scale);
}

pleat_status pleat_onednn_norm_forward(pleat_engine *engine, const pleat_norm *norm,
                                       const pleat_tensor *x, const double *sums, double count,
                                       const pleat_tensor *y) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(pleat_onednn_norm_reserve(e, x->c));
    const coefficients k = coefficients_of(e, x->c);
    float *running_mean = norm->running_mean, *running_var = norm->running_var;
    for (int c = 0; c < x->c; c++) {
        const double mean = sums[c] / count;
        const double spread = sums[x->c + c] / count - mean * mean;
        const double variance = spread > 0 ? spread : spread <= 0 ? 0 : spread; /* keeps NaN */
        const double inv_std = 1 / sqrt(variance + norm->epsilon), m = norm->momentum;
        ((float *)norm->mean)[c] = (float)mean;
        ((float *)norm->inv_std)[c] = (float)inv_std;
        running_mean[c] = (float)(m * (double)running_mean[c] + (1 - m) * mean);
        running_var[c] = (float)(m * (double)running_var[c] + (1 - m) * variance);
        set_affine(&k, norm, c, mean, inv_std);
    }
    affine(e, x, &k, y);
    return PLEAT_OK;
}

pleat_status pleat_onednn_norm_infer(pleat_engine *engine, const pleat_norm *norm,
                                     const pleat_tensor *x, const pleat_tensor *y) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(pleat_onednn_norm_reserve(e, x->c));
    const coefficients k = coefficients_of(e, x->c);
    for (int c = 0; c < x->c; c++)
        set_affine(&k, norm, c, (double)((const float *)norm->running_mean)[c],
                   1 / sqrt((double)((const float *)norm->running_var)[c] + norm->epsilon));
    affine(e, x, &k, y);
    return PLEAT_OK;
}

/* --- backward: dx = scale * (dy - shift - (x - mean) * slope) --- */

INLINE void tile_backward(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                          const pleat_tensor *dx, const coefficients *k, int relu_mask,
                          pleat_share v, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    const int sliced = dy->pitch > dy->c;
    v16 scale[2], shift[2], slope[2], mean[2];
    for (int r = 0; r < registers; r++) {
        const size_t at = lane_at(c, r);
        scale[r] = v16_load(k->scale, at, width, 0);
        shift[r] = v16_load(k->shift, at, width, 0);
        slope[r] = v16_load(k->slope, at, width, 0);
        mean[r] = v16_load(k->mean, at, width, 0);
    }
    const i16 all = (i16){0} - (relu_mask ? 0 : 1);
    for (size_t i = v.begin; i < v.end; i++)
        for (int r = 0; r < registers; r++) {
            const size_t at = lane_at(c, r);
            const v16 value = v16_load(x->data, i * (size_t)x->pitch + at, width, bf16);
            if (sliced) v16_fetch(dy->data, (i + AHEAD) * (size_t)dy->pitch + at, bf16);
            const v16 gradient = v16_load(dy->data, i * (size_t)dy->pitch + at, width, bf16);
            const v16 result = scale[r] * (gradient - shift[r] - (value - mean[r]) * slope[r]);
            const i16 kept = (value > 0) | all;
            v16_store(dx->data, i * (size_t)dx->pitch + at, width, bf16, (v16)((i16)result & kept));
        }
}

pleat_status pleat_onednn_norm_backward(pleat_engine *engine, const pleat_norm *norm,
                                        const pleat_tensor *x, const pleat_tensor *dy,
                                        const double *sums, double count, int relu_mask,
                                        const pleat_tensor *dx, void *dbias) {
    pleat_onednn *e = (pleat_onednn *)engine;
    PLEAT_TRY(pleat_onednn_norm_reserve(e, x->c));
    const int bf16 = engine->act == PLEAT_BF16, threads = engine->threads, channels = x->c;
    const size_t voxels = pleat_tensor_voxels(x), tile = tile_voxels(channels);
    const coefficients k = coefficients_of(e, channels);
    for (int c = 0; c < channels; c++) {
        const double inv_std = (double)((const float *)norm->inv_std)[c];
        k.scale[c] = (float)((double)((const float *)norm->gamma)[c] * inv_std);
        k.shift[c] = (float)(sums[c] / count);
        k.slope[c] = (float)(inv_std * sums[channels + c] / count);
        k.mean[c] = ((const float *)norm->mean)[c];
    }
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share mine = pleat_share_of(voxels, tile, t, threads);
        for (size_t v = mine.begin; v < mine.end; v += tile) {
            const pleat_share part = {v, v + tile < mine.end ? v + tile : mine.end};
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_backward, x, dy, dx, &k, relu_mask, part, c);
        }
    }
    if (dbias == NULL) return PLEAT_OK;
    part_sums(e, dx, NULL, NULL);
    for (int c = 0; c < channels; c++) ((float *)dbias)[c] += (float)total_of(e, channels, c);
    return PLEAT_OK;
}
