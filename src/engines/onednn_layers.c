/* onednn_layers.c - activations, mean pooling and gates of the oneDNN engine: own loops. */
#include "onednn.h"
#include "onednn_simd.h"

#include <math.h>

/* --- activations --- */

/* 16 values at `at` of x; a sigmoid is as rare as its one channel, so it takes one at a time. */
INLINE v16 activated(int width, pleat_activation kind, float slope, v16 x) {
    if (kind == PLEAT_LEAKY_RELU) return v16_select(x > 0, x, slope * x);
    for (int i = 0; i < width; i++) x[i] = 1 / (1 + expf(-x[i]));
    return x;
}

INLINE v16 slope_at(pleat_activation kind, float slope, v16 y) {
    if (kind == PLEAT_LEAKY_RELU) return v16_select(y > 0, v16_of(1), v16_of(slope));
    return y * (1 - y);
}

typedef struct activation {
    pleat_activation kind;
    float slope;
    int accumulate;
} activation;

INLINE void row_forward(int width, int bf16, const activation *a, const pleat_tensor *x,
                        const pleat_tensor *y, size_t v) {
    const size_t from = v * (size_t)x->pitch, to = v * (size_t)y->pitch, n = (size_t)x->c;
    size_t c = 0;
    for (; c + (size_t)width <= n; c += (size_t)width)
        v16_store(y->data, to + c, width, bf16,
                  activated(width, a->kind, a->slope, v16_load(x->data, from + c, width, bf16)));
    for (; c < n; c++)
        v16_store(y->data, to + c, 1, bf16,
                  activated(1, a->kind, a->slope, v16_load(x->data, from + c, 1, bf16)));
}

pleat_status pleat_onednn_activate(pleat_engine *engine, pleat_activation kind, double slope,
                                   const pleat_tensor *x, const pleat_tensor *y) {
    const activation a = {.kind = kind, .slope = (float)slope};
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(x);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) WITH_TYPE(bf16, row_forward, LANES, &a, x, y, v);
    return PLEAT_OK;
}

INLINE void part_backward(int width, int bf16, const activation *a, const pleat_tensor *y,
                          const pleat_tensor *dy, const pleat_tensor *dx, size_t v, size_t c) {
    const size_t to = v * (size_t)dx->pitch + c;
    v16 g = v16_load(dy->data, v * (size_t)dy->pitch + c, width, bf16) *
            slope_at(a->kind, a->slope, v16_load(y->data, v * (size_t)y->pitch + c, width, bf16));
    if (a->accumulate) g += v16_load(dx->data, to, width, bf16);
    v16_store(dx->data, to, width, bf16, g);
}

INLINE void row_backward(int width, int bf16, const activation *a, const pleat_tensor *y,
                         const pleat_tensor *dy, const pleat_tensor *dx, size_t v) {
    size_t c = 0;
    for (; c + (size_t)width <= (size_t)y->c; c += (size_t)width)
        part_backward(width, bf16, a, y, dy, dx, v, c);
    for (; c < (size_t)y->c; c++) part_backward(1, bf16, a, y, dy, dx, v, c);
}

pleat_status pleat_onednn_activate_backward(pleat_engine *engine, pleat_activation kind,
                                            double slope, const pleat_tensor *y,
                                            const pleat_tensor *dy, int accumulate,
                                            const pleat_tensor *dx) {
    const activation a = {kind, (float)slope, accumulate};
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(y);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) WITH_TYPE(bf16, row_backward, LANES, &a, y, dy, dx, v);
    return PLEAT_OK;
}

/* --- blocks of a finer tensor under a voxel of a coarser one --- */

typedef struct block {
    size_t voxel[8]; /* of the finer tensor */
    int count;
} block;

static block block_under(const pleat_tensor *fine, const pleat_tensor *coarse, size_t voxel) {
    const size_t size[3] = {(size_t)(fine->d / coarse->d), (size_t)(fine->h / coarse->h),
                            (size_t)(fine->w / coarse->w)};
    const size_t w = voxel % (size_t)coarse->w, row = voxel / (size_t)coarse->w;
    const size_t h = row % (size_t)coarse->h, plane = row / (size_t)coarse->h; /* of all samples */
    block b = {.count = 0};
    for (size_t i = 0; i < 8; i++) {
        const size_t d = i / 4, y = i / 2 % 2, x = i % 2;
        if (d >= size[0] || y >= size[1] || x >= size[2]) continue;
        const size_t at = (plane * size[0] + d) * (size_t)fine->h + h * size[1] + y;
        b.voxel[b.count++] = at * (size_t)fine->w + w * size[2] + x;
    }
    return b;
}

/* to += factor * from, or = ; the channels of one voxel each. */
INLINE void row_scale(int lanes, int bf16, const pleat_tensor *from, size_t voxel, float factor,
                      int accumulate, const pleat_tensor *to, size_t there) {
    const size_t a = voxel * (size_t)from->pitch, b = there * (size_t)to->pitch;
    size_t c = 0;
    for (; c + (size_t)lanes <= (size_t)from->c; c += (size_t)lanes) {
        v16 value = factor * v16_load(from->data, a + c, lanes, bf16);
        if (accumulate) value += v16_load(to->data, b + c, lanes, bf16);
        v16_store(to->data, b + c, lanes, bf16, value);
    }
    for (; c < (size_t)from->c; c++)
        store1(to->data, b + c, bf16,
               factor * load1(from->data, a + c, bf16) +
                   (accumulate ? load1(to->data, b + c, bf16) : 0));
}

/* --- mean pooling --- */

INLINE void row_mean(int lanes, int bf16, const pleat_tensor *x, const block *b,
                     const pleat_tensor *y, size_t v) {
    const float share = 1.0f / (float)b->count;
    size_t c = 0;
    for (; c + (size_t)lanes <= (size_t)x->c; c += (size_t)lanes) {
        v16 sum = {0};
        for (int i = 0; i < b->count; i++)
            sum += v16_load(x->data, b->voxel[i] * (size_t)x->pitch + c, lanes, bf16);
        v16_store(y->data, v * (size_t)y->pitch + c, lanes, bf16, share * sum);
    }
    for (; c < (size_t)x->c; c++) {
        float sum = 0;
        for (int i = 0; i < b->count; i++)
            sum += load1(x->data, b->voxel[i] * (size_t)x->pitch + c, bf16);
        store1(y->data, v * (size_t)y->pitch + c, bf16, share * sum);
    }
}

pleat_status pleat_onednn_mean_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *y) {
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(y);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const block b = block_under(x, y, v);
        WITH_TYPE(bf16, row_mean, LANES, x, &b, y, v);
    }
    return PLEAT_OK;
}

pleat_status pleat_onednn_mean_backward(pleat_engine *engine, const pleat_tensor *dy,
                                        int accumulate, const pleat_tensor *dx) {
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(dy);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const block b = block_under(dx, dy, v);
        for (int i = 0; i < b.count; i++)
            WITH_TYPE(bf16, row_scale, LANES, dy, v, 1.0f / (float)b.count, accumulate, dx,
                      b.voxel[i]);
    }
    return PLEAT_OK;
}

/* --- gates --- */

pleat_status pleat_onednn_gate_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *gate, const pleat_tensor *y) {
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(gate);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const block b = block_under(x, gate, v);
        const float factor = load1(gate->data, v * (size_t)gate->pitch, bf16);
        for (int i = 0; i < b.count; i++)
            WITH_TYPE(bf16, row_scale, LANES, x, b.voxel[i], factor, 0, y, b.voxel[i]);
    }
    return PLEAT_OK;
}

INLINE void row_product(int lanes, int bf16, const pleat_tensor *x, const pleat_tensor *dy,
                        size_t voxel, float *sum) {
    const size_t a = voxel * (size_t)x->pitch, b = voxel * (size_t)dy->pitch;
    v16 sums = {0};
    size_t c = 0;
    for (; c + (size_t)lanes <= (size_t)x->c; c += (size_t)lanes)
        sums += v16_load(x->data, a + c, lanes, bf16) * v16_load(dy->data, b + c, lanes, bf16);
    *sum += v16_total(sums);
    for (; c < (size_t)x->c; c++)
        *sum += load1(x->data, a + c, bf16) * load1(dy->data, b + c, bf16);
}

pleat_status pleat_onednn_gate_backward(pleat_engine *engine, const pleat_tensor *x,
                                        const pleat_tensor *gate, const pleat_tensor *dy,
                                        const pleat_tensor *dgate, int accumulate,
                                        const pleat_tensor *dx) {
    const int bf16 = engine->act == PLEAT_BF16;
    const size_t voxels = pleat_tensor_voxels(gate);
#pragma omp parallel for num_threads(engine->threads) schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const block b = block_under(x, gate, v);
        const float factor = load1(gate->data, v * (size_t)gate->pitch, bf16);
        float sum = 0;
        for (int i = 0; i < b.count; i++) {
            WITH_TYPE(bf16, row_product, LANES, x, dy, b.voxel[i], &sum);
            WITH_TYPE(bf16, row_scale, LANES, dy, b.voxel[i], factor, accumulate, dx, b.voxel[i]);
        }
        store1(dgate->data, v * (size_t)dgate->pitch, bf16, sum);
    }
    return PLEAT_OK;
}
