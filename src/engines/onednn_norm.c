/*
 * onednn_norm.c - batch norm over channels-last activations.
 *
 * A thread walks its voxels in tiles. Inside a tile it takes up to 32 channels at a time, so that
 * their coefficients or sums stay in registers. Sums of a tile are float, of all tiles double.
 */
#include "onednn.h"
#include "onednn_simd.h"
#include "onednn_stream.h"

#include <math.h>

#define TILE_FLOATS 8192 /* of one tensor; two of them fit the second cache many times */
#define SHORT_TILE  16   /* voxels */
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

/* --- results of a tile --- */

typedef struct result { /* goes to y at once, or where it is large past the caches from a stage */
    const pleat_tensor *y;
    size_t element; /* bytes */
    int staged;
} result;

static result result_of(const pleat_onednn *e, const pleat_tensor *y) {
    const size_t element = pleat_dtype_size(e->base.act), channels = (size_t)y->c;
    const size_t tile = tile_voxels(y->c), run = channels * element;
    const size_t pitch = (size_t)y->pitch * element;
    const int large = pleat_tensor_voxels(y) * run >= PLEAT_STREAM_BYTES;
    return (result){y, element,
                    large && tile * channels <= TILE_FLOATS &&
                        pleat_stream_can(y->data, pitch, pitch == run ? tile * run : run)};
}

static char *place_of(const result *to, size_t voxel) {
    return (char *)to->y->data + voxel * (size_t)to->y->pitch * to->element;
}

static void send(const result *to, pleat_share v, const char *stage) {
    const size_t run = (size_t)to->y->c * to->element, pitch = (size_t)to->y->pitch * to->element;
    const size_t count = v.end - v.begin;
    if (pitch > run)
        pleat_stream_copy(place_of(to, v.begin), pitch, stage, run, run, count);
    else if (pleat_stream_can(stage, 0, count * run))
        pleat_stream_copy(place_of(to, v.begin), 0, stage, 0, count * run, 1);
    else
        memcpy(place_of(to, v.begin), stage, count * run);
}

/* --- sums --- */

INLINE void tile_sums(int lanes, int bf16, const pleat_tensor *x, pleat_share v, int c, double *sum,
                      double *squares) {
    const void *from = x->data;
    const size_t pitch = (size_t)x->pitch;
    v32 s = {{{0}}}, q = {{{0}}};
    for (size_t i = v.begin; i < v.end; i++) {
        const size_t at = i * pitch + (size_t)c;
        v16_fetch(from, at + VOXELS_AHEAD(bf16) * pitch, bf16);
        const v32 value = v32_load(from, at, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            s.part[r] += value.part[r];
            q.part[r] += value.part[r] * value.part[r];
        }
    }
    v32_add_to(sum + c, lanes, bf16, s);
    v32_add_to(squares + c, lanes, bf16, q);
}

/* sum dy, sum dy * (x - mean) */
INLINE void tile_backward_sums(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                               const float *mean, pleat_share v, int c, double *sum,
                               double *products) {
    const void *value_at = x->data, *gradient_at = dy->data;
    const size_t pitch = (size_t)x->pitch, other = (size_t)dy->pitch;
    const v32 m = v32_of_floats(mean + c, lanes, bf16);
    v32 s = {{{0}}}, q = {{{0}}};
    for (size_t i = v.begin; i < v.end; i++) {
        v16_fetch(value_at, (i + VOXELS_AHEAD(bf16)) * pitch + (size_t)c, bf16);
        v16_fetch(gradient_at, (i + VOXELS_AHEAD(bf16)) * other + (size_t)c, bf16);
        const v32 value = v32_load(value_at, i * pitch + (size_t)c, lanes, bf16);
        const v32 gradient = v32_load(gradient_at, i * other + (size_t)c, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++) {
            s.part[r] += gradient.part[r];
            q.part[r] += gradient.part[r] * (value.part[r] - m.part[r]);
        }
    }
    v32_add_to(sum + c, lanes, bf16, s);
    v32_add_to(products + c, lanes, bf16, q);
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

static double total_of(const double *rows, int n, int channels, int i) { /* of their numbers i */
    double total = 0;
    for (int t = 0; t < n; t++) total += rows[(size_t)t * 2 * (size_t)channels + (size_t)i];
    return total;
}

static void all_sums(const pleat_onednn *e, const pleat_tensor *x, const pleat_tensor *dy,
                     const float *mean, double *sums) {
    part_sums(e, x, dy, mean);
    for (int i = 0; i < 2 * x->c; i++) sums[i] = total_of(e->sums.data, e->parts, x->c, i);
}

/* Those that the convolution made beside x, or of one of its samples; 0: it made none. They are
 * given once: x may be written again. */
static int counted_sums(pleat_onednn *e, const pleat_tensor *x, double *sums) {
    const pleat_tensor all = e->counted_of;
    const double *rows = e->counted.data;
    int n = e->counted_rows, last = 1;
    if (all.data == NULL) return 0;
    if (memcmp(x, &all, sizeof all) != 0) {
        int k = 0;
        for (; k < all.n && e->base.ordered; k++) {
            const pleat_tensor sample = pleat_tensor_sample(&all, k, pleat_dtype_size(e->base.act));
            if (memcmp(x, &sample, sizeof sample) == 0) break;
        }
        if (k == all.n || !e->base.ordered) return 0;
        rows += (size_t)k * 2 * (size_t)x->c;
        n = 1;
        last = k + 1 == all.n;
    }
    for (int i = 0; i < 2 * x->c; i++) sums[i] = total_of(rows, n, x->c, i);
    if (last) e->counted_of.data = NULL;
    return 1;
}

pleat_status pleat_onednn_norm_sums(pleat_engine *engine, const pleat_tensor *x, double *sums) {
    pleat_onednn *e = (pleat_onednn *)engine;
    if (counted_sums(e, x, sums)) return PLEAT_OK;
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

INLINE void tile_affine(int lanes, int bf16, const pleat_tensor *x, void *to, size_t other,
                        const coefficients *k, pleat_share v, int c) {
    const void *from = x->data;
    const size_t pitch = (size_t)x->pitch;
    const v32 scale = v32_of_floats(k->scale + c, lanes, bf16);
    const v32 shift = v32_of_floats(k->shift + c, lanes, bf16);
    for (size_t i = v.begin, at = (size_t)c; i < v.end; i++, at += other) {
        v16_fetch(from, (i + VOXELS_AHEAD(bf16)) * pitch + (size_t)c, bf16);
        v32 value = v32_load(from, i * pitch + (size_t)c, lanes, bf16);
        for (int r = 0; r < v32_parts(lanes); r++)
            value.part[r] = value.part[r] * scale.part[r] + shift.part[r];
        v32_store(to, at, lanes, bf16, value);
    }
}

static void affine(const pleat_onednn *e, const pleat_tensor *x, const coefficients *k,
                   const pleat_tensor *y) {
    const int bf16 = e->base.act == PLEAT_BF16, threads = e->base.threads, channels = x->c;
    const size_t voxels = pleat_tensor_voxels(x), tile = tile_voxels(channels);
    const result out = result_of(e, y);
    const size_t pitch = (size_t)(out.staged ? y->c : y->pitch);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share mine = pleat_share_of(voxels, tile, t, threads);
        _Alignas(64) char stage[TILE_FLOATS * sizeof(float)];
        for (size_t v = mine.begin; v < mine.end; v += tile) {
            const pleat_share part = {v, v + tile < mine.end ? v + tile : mine.end};
            char *to = out.staged ? stage : place_of(&out, v);
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_affine, x, to, pitch, k, part, c);
            if (out.staged) send(&out, part, stage);
        }
        if (out.staged) pleat_stream_end();
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
                          void *to, const coefficients *k, int relu_mask, pleat_share v, int c) {
    const void *value_at = x->data, *gradient_at = dy->data;
    const size_t pitch = (size_t)x->pitch, other = (size_t)dy->pitch;
    const v32 scale = v32_of_floats(k->scale + c, lanes, bf16);
    const v32 shift = v32_of_floats(k->shift + c, lanes, bf16);
    const v32 slope = v32_of_floats(k->slope + c, lanes, bf16);
    const v32 mean = v32_of_floats(k->mean + c, lanes, bf16);
    const i16 all = (i16){0} - (relu_mask ? 0 : 1);
    for (size_t i = v.begin, at = (size_t)c; i < v.end; i++, at += pitch) { /* dx is packed */
        v16_fetch(value_at, (i + VOXELS_AHEAD(bf16)) * pitch + (size_t)c, bf16);
        v16_fetch(gradient_at, (i + VOXELS_AHEAD(bf16)) * other + (size_t)c, bf16);
        const v32 value = v32_load(value_at, i * pitch + (size_t)c, lanes, bf16);
        const v32 gradient = v32_load(gradient_at, i * other + (size_t)c, lanes, bf16);
        v32 slopes;
        for (int r = 0; r < v32_parts(lanes); r++) {
            const v16 x_r = value.part[r];
            const v16 full = scale.part[r] * (gradient.part[r] - shift.part[r] -
                                              (x_r - mean.part[r]) * slope.part[r]);
            slopes.part[r] = (v16)((i16)full & ((x_r > 0) | all));
        }
        v32_store(to, at, lanes, bf16, slopes);
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
    const result out = result_of(e, dx);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share mine = pleat_share_of(voxels, tile, t, threads);
        _Alignas(64) char stage[TILE_FLOATS * sizeof(float)];
        for (size_t v = mine.begin; v < mine.end; v += tile) {
            const pleat_share part = {v, v + tile < mine.end ? v + tile : mine.end};
            char *to = out.staged ? stage : place_of(&out, v);
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, tile_backward, x, dy, to, &k, relu_mask, part, c);
            if (out.staged) send(&out, part, stage);
        }
        if (out.staged) pleat_stream_end();
    }
    if (dbias == NULL) return PLEAT_OK;
    part_sums(e, dx, NULL, NULL);
    for (int c = 0; c < channels; c++)
        ((float *)dbias)[c] += (float)total_of(e->sums.data, e->parts, channels, c);
    return PLEAT_OK;
}
