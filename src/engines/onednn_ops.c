/* onednn_ops.c - pooling, copy, ReLU, input and zero of the oneDNN engine: own loops. */
#include "onednn.h"
#include "onednn_simd.h"
#include "onednn_stream.h"

#define GRAIN 4096 /* elements; flat arrays are cut in multiples of it */
#define AHEAD 16   /* voxels, when reading a slice of bfloat16 */

/* --- flat arrays --- */

pleat_status pleat_onednn_zero(pleat_engine *engine, void *data, size_t bytes) {
    const int threads = bytes < 16 * (size_t)GRAIN ? 1 : engine->threads;
    const int streams = bytes >= PLEAT_STREAM_BYTES && pleat_stream_can(data, 0, 0);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(bytes, GRAIN, t, threads);
        if (streams)
            pleat_stream_zero((char *)data + s.begin, s.end - s.begin);
        else if (s.end > s.begin)
            memset((char *)data + s.begin, 0, s.end - s.begin);
        if (streams) pleat_stream_end();
    }
    return PLEAT_OK;
}

INLINE void input_share(int lanes, int bf16, const float *host, void *x, pleat_share s) {
    size_t i = s.begin;
    for (; i + (size_t)lanes <= s.end; i += (size_t)lanes)
        v16_store(x, i, lanes, bf16, v16_load(host, i, lanes, 0));
    for (; i < s.end; i++) store1(x, i, bf16, host[i]);
}

pleat_status pleat_onednn_input(pleat_engine *engine, const float *host, size_t n, void *x) {
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(n, GRAIN, t, threads);
        WITH_TYPE(bf16, input_share, LANES, host, x, s);
    }
    return PLEAT_OK;
}

INLINE void relu_share(int lanes, int bf16, const void *y, const void *dy, void *dx,
                       pleat_share s) {
    size_t i = s.begin;
    for (; i + (size_t)lanes <= s.end; i += (size_t)lanes) {
        const i16 kept = v16_load(y, i, lanes, bf16) > 0;
        v16_store(dx, i, lanes, bf16, (v16)((i16)v16_load(dy, i, lanes, bf16) & kept));
    }
    for (; i < s.end; i++) store1(dx, i, bf16, load1(y, i, bf16) > 0 ? load1(dy, i, bf16) : 0);
}

pleat_status pleat_onednn_relu_backward(pleat_engine *engine, const pleat_tensor *y,
                                        const pleat_tensor *dy, const pleat_tensor *dx) {
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16;
    const size_t n = pleat_tensor_voxels(y) * (size_t)y->c;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(n, GRAIN, t, threads);
        WITH_TYPE(bf16, relu_share, LANES, y->data, dy->data, dx->data, s);
    }
    return PLEAT_OK;
}

/* --- slices --- */

INLINE void add_row(int lanes, int bf16, const void *from, size_t at, void *to, size_t there,
                    int channels) {
    int c = 0;
    for (; c + lanes <= channels; c += lanes)
        v16_store(to, there + (size_t)c, lanes, bf16,
                  v16_load(to, there + (size_t)c, lanes, bf16) +
                      v16_load(from, at + (size_t)c, lanes, bf16));
    for (; c < channels; c++)
        store1(to, there + (size_t)c, bf16,
               load1(to, there + (size_t)c, bf16) + load1(from, at + (size_t)c, bf16));
}

pleat_status pleat_onednn_copy(pleat_engine *engine, const pleat_tensor *x, int accumulate,
                               const pleat_tensor *y) {
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16;
    const size_t element = pleat_dtype_size(engine->act), voxels = pleat_tensor_voxels(x);
    const size_t run = (size_t)x->c * element;
    const size_t from = (size_t)x->pitch, to = (size_t)y->pitch;
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(voxels, 1, t, threads);
        for (size_t v = s.begin; v < s.end; v++) {
            if (accumulate)
                WITH_TYPE(bf16, add_row, LANES, x->data, v * from, y->data, v * to, x->c);
            else
                memcpy((char *)y->data + v * to * element,
                       (const char *)x->data + v * from * element, run);
        }
    }
    return PLEAT_OK;
}

/* --- pooling --- */

typedef struct block { /* the voxels of x under one of the pooled tensor */
    int d, h, w;       /* 1 or 2 along each axis */
    int count;
    int number[8]; /* d*4 + h*2 + w, ascending */
    size_t at[8];  /* elements from the first */
} block;

static pleat_status block_of(const pleat_tensor *x, const pleat_tensor *y, block *out) {
    const int d = x->d / y->d, h = x->h / y->h, w = x->w / y->w;
    PLEAT_CHECK((d == 1 || d == 2) && (h == 1 || h == 2) && (w == 1 || w == 2) &&
                    x->d == d * y->d && x->h == h * y->h && x->w == w * y->w,
                PLEAT_ERR_SHAPE, "pooling %dx%dx%d to %dx%dx%d; every side must be halved or stay",
                x->d, x->h, x->w, y->d, y->h, y->w);
    const size_t dw = (size_t)x->pitch, dh = dw * (size_t)x->w, dd = dh * (size_t)x->h;
    *out = (block){.d = d, .h = h, .w = w};
    for (int q = 0; q < 8; q++) {
        if (q / 4 >= d || q / 2 % 2 >= h || q % 2 >= w) continue;
        out->number[out->count] = q;
        out->at[out->count++] = (q & 4 ? dd : 0) + (q & 2 ? dh : 0) + (q & 1 ? dw : 0);
    }
    return PLEAT_OK;
}

/* The first element of x under voxel `v` of the pooled tensor. */
static inline size_t first_of(const block *b, const pleat_tensor *x, const pleat_tensor *y,
                              size_t v) {
    const size_t w = v % (size_t)y->w, row = v / (size_t)y->w, h = row % (size_t)y->h;
    const size_t plane = row / (size_t)y->h; /* of all samples: y's, so x's too */
    const size_t x_row = plane * (size_t)b->d * (size_t)x->h + h * (size_t)b->h;
    return (x_row * (size_t)x->w + w * (size_t)b->w) * (size_t)x->pitch;
}

INLINE void pool_channels(int lanes, int bf16, const pleat_tensor *x, const block *b, size_t first,
                          const pleat_tensor *y, uint8_t *index, size_t v, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    for (int r = 0; r < registers; r++) {
        const size_t at = lane_at(c, r);
        v16 best = v16_load(x->data, first + at, width, bf16);
        i16 winner = {0};
        for (int q = 1; q < b->count; q++) {
            const v16 value = v16_load(x->data, first + b->at[q] + at, width, bf16);
            const i16 better = value > best;
            best = v16_select(better, value, best);
            winner = (winner & ~better) | (better & b->number[q]);
        }
        const byte16 bytes = __builtin_convertvector(winner, byte16);
        v16_store(y->data, v * (size_t)y->pitch + at, width, bf16, best);
        memcpy(index + v * (size_t)y->c + at, &bytes, (size_t)width);
    }
}

pleat_status pleat_onednn_pool_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *y, uint8_t *index) {
    block b;
    PLEAT_TRY(block_of(x, y, &b));
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16, channels = y->c;
    const size_t voxels = pleat_tensor_voxels(y);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(voxels, 1, t, threads);
        for (size_t v = s.begin; v < s.end; v++) {
            const size_t first = first_of(&b, x, y, v);
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, pool_channels, x, &b, first, y, index, v, c);
        }
    }
    return PLEAT_OK;
}

INLINE void unpool_channels(int lanes, int bf16, const pleat_tensor *dy, const uint8_t *index,
                            const pleat_tensor *dx, const block *b, size_t first, int accumulate,
                            size_t v, int c) {
    const int registers = lanes > LANES ? 2 : 1, width = lanes / registers;
    const size_t ahead = AHEAD * (size_t)dx->pitch;
    for (int r = 0; r < registers; r++) {
        const size_t at = lane_at(c, r);
        byte16 bytes = {0};
        memcpy(&bytes, index + v * (size_t)dy->c + at, (size_t)width);
        const i16 winner = __builtin_convertvector(bytes, i16);
        const i16 gradient = (i16)v16_load(dy->data, v * (size_t)dy->pitch + at, width, bf16);
        for (int q = 0; q < b->count; q++) {
            const size_t to = first + b->at[q] + at;
            if (bf16 && accumulate) v16_fetch(dx->data, to + ahead, bf16);
            v16 value = (v16)(gradient & (winner == b->number[q]));
            if (accumulate) value += v16_load(dx->data, to, width, bf16);
            v16_store(dx->data, to, width, bf16, value);
        }
    }
}

pleat_status pleat_onednn_pool_backward(pleat_engine *engine, const pleat_tensor *dy,
                                        const uint8_t *index, int accumulate,
                                        const pleat_tensor *dx) {
    block b;
    PLEAT_TRY(block_of(dx, dy, &b));
    const int threads = engine->threads, bf16 = engine->act == PLEAT_BF16, channels = dy->c;
    const size_t voxels = pleat_tensor_voxels(dy);
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++) {
        const pleat_share s = pleat_share_of(voxels, 1, t, threads);
        for (size_t v = s.begin; v < s.end; v++) {
            const size_t first = first_of(&b, dx, dy, v);
            for (int c = 0; c < channels; c += lanes_of(channels - c))
                WITH_LANES(channels - c, bf16, unpool_channels, dy, index, dx, &b, first,
                           accumulate, v, c);
        }
    }
    return PLEAT_OK;
}
