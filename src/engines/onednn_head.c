/*
 * onednn_head.c - the last layer, a 1x1x1 convolution to a few classes, of the oneDNN engine.
 *
 * The library treats so narrow a product as any other; here memory is the limit, so each pass
 * streams the activations once. The weights [K,Cin] stay in the first cache.
 */
#include "onednn.h"
#include "onednn_simd.h"

#define TILE  128 /* voxels whose weight gradients are summed in float */
#define GROUP 4   /* classes computed together over one reading of a voxel */

static size_t sample_voxels(const pleat_conv_desc *desc) {
    return (size_t)desc->d * (size_t)desc->h * (size_t)desc->w;
}

static size_t head_voxels(const pleat_conv_desc *desc) {
    return (size_t)desc->n * sample_voxels(desc);
}

/* --- forward --- */

/* y[v, k .. k+group-1] */
INLINE void forward_group(int group, int bf16, const float *w, const float *bias, const void *x,
                          size_t cin, float *y) {
    v16 sum[GROUP] = {{0}};
    float tail[GROUP] = {0};
    size_t c = 0;
    for (; c + LANES <= cin; c += LANES) {
        const v16 value = v16_load(x, c, LANES, bf16);
        for (int k = 0; k < group; k++)
            sum[k] += value * v16_load(w + (size_t)k * cin, c, LANES, 0);
    }
    for (; c < cin; c++)
        for (int k = 0; k < group; k++) tail[k] += load1(x, c, bf16) * w[(size_t)k * cin + c];
    for (int k = 0; k < group; k++)
        y[k] = (bias != NULL ? bias[k] : 0) + v16_total(sum[k]) + tail[k];
}

/* v16_total of each of 16, by the same additions: halves of two vectors side by side, then their
 * quarters, and so on. */
INLINE v16 totals(v16 x[16]) {
    for (int j = 0; j < 8; j++)
        x[j] = __builtin_shufflevector(x[j], x[j + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20,
                                       21, 22, 23) +
               __builtin_shufflevector(x[j], x[j + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27,
                                       28, 29, 30, 31);
    for (int j = 0; j < 4; j++)
        x[j] = __builtin_shufflevector(x[j], x[j + 4], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24,
                                       25, 26, 27) +
               __builtin_shufflevector(x[j], x[j + 4], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23,
                                       28, 29, 30, 31);
    for (int j = 0; j < 2; j++)
        x[j] = __builtin_shufflevector(x[j], x[j + 2], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24,
                                       25, 28, 29) +
               __builtin_shufflevector(x[j], x[j + 2], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23,
                                       26, 27, 30, 31);
    const v16 sums = __builtin_shufflevector(x[0], x[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22,
                                             24, 26, 28, 30) +
                     __builtin_shufflevector(x[0], x[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23,
                                             25, 27, 29, 31);
    return __builtin_shufflevector(sums, sums, 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7,
                                   15);
}

/* y[v, k .. k+group-1] of GROUP voxels, group <= GROUP; Cin is a multiple of LANES. */
INLINE void forward_block(size_t group, int bf16, const float *w, const float *bias, const void *x,
                          size_t cin, size_t classes, float *y) {
    v16 sum[GROUP * GROUP] = {{0}};
    for (size_t c = 0; c < cin; c += LANES) {
        v16 value[GROUP];
        for (size_t v = 0; v < GROUP; v++) value[v] = v16_load(x, v * cin + c, LANES, bf16);
        for (size_t k = 0; k < GROUP; k++) {
            const v16 row = v16_load(w, (k < group ? k : 0) * cin + c, LANES, 0);
            for (size_t v = 0; v < GROUP; v++) sum[v * GROUP + k] += value[v] * row;
        }
    }
    const v16 all = totals(sum);
    for (size_t v = 0; v < GROUP; v++)
        for (size_t k = 0; k < group; k++)
            y[v * classes + k] = (bias != NULL ? bias[k] : 0) + all[v * GROUP + k];
}

INLINE void forward_share(int group, int bf16, const pleat_conv_desc *desc, const float *weights,
                          const float *bias, const char *x, float *y, pleat_share s) {
    const size_t cin = (size_t)desc->cin, bytes = cin * (bf16 ? 2 : 4);
    const int classes = desc->cout;
    const size_t blocks = cin % LANES == 0 ? (s.end - s.begin) / GROUP * GROUP : 0;
    for (size_t v = s.begin; v < s.begin + blocks; v += GROUP)
        for (int k = 0; k < classes; k += group)
            forward_block(k + group < classes ? (size_t)group : (size_t)(classes - k), bf16,
                          weights + (size_t)k * cin, bias != NULL ? bias + k : NULL, x + v * bytes,
                          cin, (size_t)classes, y + v * (size_t)classes + k);
    for (size_t v = s.begin + blocks; v < s.end; v++) {
        const void *row = x + v * bytes;
        float *out = y + v * (size_t)classes;
        int k = 0;
        for (; k + group <= classes; k += group)
            forward_group(group, bf16, weights + (size_t)k * cin, bias != NULL ? bias + k : NULL,
                          row, cin, out + k);
        for (; k < classes; k++)
            forward_group(1, bf16, weights + (size_t)k * cin, bias != NULL ? bias + k : NULL, row,
                          cin, out + k);
    }
}

pleat_status pleat_onednn_head_forward(pleat_onednn *engine, const pleat_conv_desc *desc,
                                       const float *weights, const float *bias, const void *x,
                                       float *y) {
    const int threads = engine->base.threads, bf16 = engine->base.act == PLEAT_BF16;
    const size_t voxels = head_voxels(desc);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(voxels, TILE, t, threads);
        WITH_TYPE(bf16, forward_share, GROUP, desc, weights, bias, x, y, s);
    }
    return PLEAT_OK;
}

/* --- backward --- */

/* dx[v, c .. c+lanes-1] = sum_k dy[v,k] w[k,c] for the voxels of s */
INLINE void data_channels(int lanes, int bf16, const pleat_conv_desc *desc, const float *weights,
                          const void *dy, void *dx, pleat_share s, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers, classes = desc->cout;
    const size_t cin = (size_t)desc->cin;
    for (size_t v = s.begin; v < s.end; v++) {
        v16 sum[2] = {{0}};
        for (int k = 0; k < classes; k++) {
            const float gradient = load1(dy, v * (size_t)classes + (size_t)k, bf16);
            for (int r = 0; r < registers; r++)
                sum[r] += gradient * v16_load(weights, (size_t)k * cin + lane_at(c, r), width, 0);
        }
        for (int r = 0; r < registers; r++)
            v16_store(dx, v * cin + lane_at(c, r), width, bf16, sum[r]);
    }
}

pleat_status pleat_onednn_head_backward_data(pleat_onednn *engine, const pleat_conv_desc *desc,
                                             const float *weights, const void *dy, void *dx) {
    const int threads = engine->base.threads, bf16 = engine->base.act == PLEAT_BF16;
    const size_t voxels = head_voxels(desc);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share mine = pleat_share_of(voxels, TILE, t, threads);
        for (size_t v = mine.begin; v < mine.end; v += TILE) {
            const pleat_share s = {v, v + TILE < mine.end ? v + TILE : mine.end};
            for (int c = 0; c < desc->cin; c += lanes_of(desc->cin - c))
                WITH_LANES(desc->cin - c, bf16, data_channels, desc, weights, dy, dx, s, c);
        }
    }
    return PLEAT_OK;
}

/* dw[k .. k+group-1, c .. c+lanes-1] += sum over the voxels of s of dy[v,k] x[v,c] */
INLINE void weights_group(int lanes, int bf16, int group, const pleat_conv_desc *desc,
                          const void *x, const void *dy, double *dw, pleat_share s, int k, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    const size_t cin = (size_t)desc->cin, classes = (size_t)desc->cout;
    v16 sum[GROUP][2] = {{{0}}};
    for (size_t v = s.begin; v < s.end; v++)
        for (int r = 0; r < registers; r++) {
            const v16 value = v16_load(x, v * cin + lane_at(c, r), width, bf16);
            for (int j = 0; j < group; j++)
                sum[j][r] += value * load1(dy, v * classes + (size_t)(k + j), bf16);
        }
    for (int j = 0; j < group; j++)
        for (int r = 0; r < registers; r++)
            for (int i = 0; i < width; i++)
                dw[(size_t)(k + j) * cin + lane_at(c, r) + (size_t)i] += (double)sum[j][r][i];
}

INLINE void weights_channels(int lanes, int bf16, const pleat_conv_desc *desc, const void *x,
                             const void *dy, double *dw, pleat_share s, int c) {
    int k = 0;
    for (; k + GROUP <= desc->cout; k += GROUP)
        weights_group(lanes, bf16, GROUP, desc, x, dy, dw, s, k, c);
    for (; k < desc->cout; k++) weights_group(lanes, bf16, 1, desc, x, dy, dw, s, k, c);
}

/* One part's sums: dweights [K,Cin], then dbias [K]. */
static size_t sums_of(const pleat_conv_desc *desc) {
    return (size_t)desc->cout * ((size_t)desc->cin + 1);
}

pleat_status pleat_onednn_head_reserve(pleat_onednn *engine, const pleat_conv_desc *desc) {
    return pleat_onednn_reserve(engine, &engine->sums,
                                (size_t)engine->parts * sums_of(desc) * sizeof(double));
}

static void backward_weights(const pleat_onednn *engine, const pleat_conv_desc *desc, size_t voxels,
                             const void *x, const void *dy, float *dweights, float *dbias) {
    const int parts = engine->parts, bf16 = engine->base.act == PLEAT_BF16;
    const size_t n = sums_of(desc), classes = (size_t)desc->cout;
    double *partial = engine->sums.data; /* [parts, K(Cin + 1)] */
    memset(partial, 0, (size_t)parts * n * sizeof *partial);
#pragma omp parallel for num_threads(engine->base.threads)
    for (int t = 0; t < parts; t++) {
        const pleat_share mine = pleat_share_of(voxels, TILE, t, parts);
        double *dw = partial + (size_t)t * n, *db = dw + n - classes;
        for (size_t v = mine.begin; v < mine.end; v += TILE) {
            const pleat_share s = {v, v + TILE < mine.end ? v + TILE : mine.end};
            for (int c = 0; c < desc->cin; c += lanes_of(desc->cin - c))
                WITH_LANES(desc->cin - c, bf16, weights_channels, desc, x, dy, dw, s, c);
            for (size_t i = s.begin; i < s.end; i++)
                for (size_t k = 0; k < classes; k++)
                    db[k] += (double)load1(dy, i * classes + k, bf16);
        }
    }
    const size_t weights = n - classes;
    for (size_t i = 0; i < (dbias != NULL ? n : weights); i++) {
        double total = 0;
        for (int t = 0; t < parts; t++) total += partial[(size_t)t * n + i];
        float *to = i < weights ? dweights + i : dbias + (i - weights);
        *to += (float)total;
    }
}

pleat_status pleat_onednn_head_backward_weights(pleat_onednn *engine, const pleat_conv_desc *desc,
                                                const void *x, const void *dy, float *dweights,
                                                float *dbias) {
    const size_t stride = desc->sample_stride, voxels = sample_voxels(desc);
    const size_t element = pleat_dtype_size(engine->base.act);
    const size_t from = voxels * (size_t)desc->cin * element;
    const size_t gradient = voxels * (size_t)desc->cout * element;
    if (stride == 0) backward_weights(engine, desc, head_voxels(desc), x, dy, dweights, dbias);
    for (size_t k = 0; stride > 0 && k < (size_t)desc->n; k++)
        backward_weights(engine, desc, voxels, (const char *)x + k * from,
                         (const char *)dy + k * gradient, dweights + k * stride,
                         dbias != NULL ? dbias + k * stride : NULL);
    return PLEAT_OK;
}
