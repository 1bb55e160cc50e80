/*
 * products.c - up-convolution and head, as matrix products of cuBLASLt.
 *
 *   HEAD   y[voxel, K]           = x[voxel, cin] w[K, cin]'
 *   UP     p[voxel, taps * cout] = x[voxel, cin] w[taps * cout, cin]'; y is p, children in place
 *
 * So both are one product of `rows` outputs per voxel; UP's are shuffled after, and its dy before.
 * cuBLAS counts columns first: x[voxel, cin] is its x[cin, voxel].
 */
#include "conv_impl.h"

#define MOST_CLASSES       16 /* of a head whose weight gradient our own kernel computes */
#define DWEIGHTS_ALIGNMENT 4  /* bytes: they lie anywhere in the flat buffer of gradients */

/* A product that is tiny beside what is summed has few threads; of many classes it is not tiny. */
static int by_kernel(const pleat_conv *conv) {
    return conv->desc.kind == PLEAT_HEAD && conv->desc.cout <= MOST_CLASSES;
}

static pleat_status prepare(pleat_cuda *e, pleat_conv *conv, size_t rows, pleat_dtype out,
                            const float *bias) {
    const size_t cin = (size_t)conv->desc.cin, voxels = conv->voxels;
    const pleat_dtype act = e->base.act;
    const pleat_matmul_shape forward = {rows, voxels, cin, 1, 0, act, out, 0, 16, bias};
    const pleat_matmul_shape data = {cin, voxels, rows, 0, 0, act, act, 0, 16, NULL};
    const pleat_matmul_shape weights = {
        cin, rows, voxels, 0, 1, act, PLEAT_F32, 1, DWEIGHTS_ALIGNMENT, NULL};
    PLEAT_TRY(pleat_matmul_create(e, &forward, &conv->product[PLEAT_PASS_FORWARD]));
    if (conv->desc.want_dx)
        PLEAT_TRY(pleat_matmul_create(e, &data, &conv->product[PLEAT_PASS_DATA]));
    if (conv->desc.train && !by_kernel(conv))
        PLEAT_TRY(pleat_matmul_create(e, &weights, &conv->product[PLEAT_PASS_WEIGHTS]));
    return PLEAT_OK;
}

/* ---- head ---- */

static int is_narrow(const pleat_cuda *e, const pleat_conv *conv) {
    return pleat_cuda_head_is_narrow(e->base.act, conv->desc.cin, conv->desc.cout);
}

static pleat_status head_prepare(pleat_cuda *e, pleat_conv *conv) {
    if (is_narrow(e, conv)) return PLEAT_OK; /* no product at all */
    return prepare(e, conv, (size_t)conv->desc.cout, PLEAT_F32, conv->bias);
}

static pleat_status head_forward(pleat_cuda *e, pleat_conv *conv, const float *bias,
                                 const pleat_tensor *x, const pleat_tensor *y) {
    (void)bias; /* packed */
    if (is_narrow(e, conv)) {
        CUDA_TRY(pleat_cuda_head_forward(e->base.act, x, conv->weights, conv->bias, y, e->stream));
        return PLEAT_OK;
    }
    return pleat_matmul_run(e, conv->product[PLEAT_PASS_FORWARD], conv->weights, x->data, y->data);
}

static pleat_status head_data(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *dy,
                              const pleat_tensor *dx) {
    if (is_narrow(e, conv)) {
        CUDA_TRY(pleat_cuda_head_data(e->base.act, dy, conv->weights, dx, e->stream));
        return PLEAT_OK;
    }
    return pleat_matmul_run(e, conv->product[PLEAT_PASS_DATA], conv->weights, dy->data, dx->data);
}

static pleat_status head_weights(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *x,
                                 const pleat_tensor *dy, float *dweights, float *dbias) {
    if (by_kernel(conv)) {
        CUDA_TRY(pleat_cuda_head_weights(e->base.act, x, dy->data, conv->desc.cout, e->partials,
                                         dweights, dbias, e->stream));
        return PLEAT_OK;
    }
    if (dbias != NULL)
        CUDA_TRY(pleat_cuda_bias_backward(e->base.act, dy, e->partials, dbias, e->stream));
    return pleat_matmul_run(e, conv->product[PLEAT_PASS_WEIGHTS], x->data, dy->data, dweights);
}

const pleat_conv_kind_ops pleat_cuda_head = {
    .channel_step = 1,
    .float_bias = 1,
    .prepare = head_prepare,
    .forward = head_forward,
    .data = head_data,
    .weights = head_weights,
};

/* ---- up ---- */

static pleat_status up_prepare(pleat_cuda *e, pleat_conv *conv) {
    const size_t rows = (size_t)conv->taps * (size_t)conv->desc.cout;
    PLEAT_TRY(pleat_cuda_reserve(&e->to, conv->voxels * rows * pleat_dtype_size(e->base.act)));
    return prepare(e, conv, rows, e->base.act, NULL);
}

static pleat_status up_forward(pleat_cuda *e, pleat_conv *conv, const float *bias,
                               const pleat_tensor *x, const pleat_tensor *y) {
    PLEAT_TRY(
        pleat_matmul_run(e, conv->product[PLEAT_PASS_FORWARD], conv->weights, x->data, e->to.data));
    CUDA_TRY(pleat_cuda_up_scatter(e->base.act, conv->desc.stride, e->to.data, bias, y, e->stream));
    return PLEAT_OK;
}

static pleat_status gather(pleat_cuda *e, const pleat_conv *conv, const pleat_tensor *dy,
                           /* NOLINTNEXTLINE(readability-non-const-parameter): kernels add */
                           float *dbias) {
    const pleat_cuda_sum bias = {e->partials, dbias};
    CUDA_TRY(pleat_cuda_up_gather(e->base.act, conv->desc.stride, dy, bias, e->to.data, e->stream));
    e->gathered = conv;
    return PLEAT_OK;
}

static pleat_status up_data(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *dy,
                            const pleat_tensor *dx) {
    if (e->gathered != conv) PLEAT_TRY(gather(e, conv, dy, NULL));
    return pleat_matmul_run(e, conv->product[PLEAT_PASS_DATA], conv->weights, e->to.data, dx->data);
}

static pleat_status up_weights(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *x,
                               const pleat_tensor *dy, float *dweights, float *dbias) {
    PLEAT_TRY(gather(e, conv, dy, dbias));
    return pleat_matmul_run(e, conv->product[PLEAT_PASS_WEIGHTS], x->data, e->to.data, dweights);
}

const pleat_conv_kind_ops pleat_cuda_up = {
    .channel_step = 1,
    .prepare = up_prepare,
    .forward = up_forward,
    .data = up_data,
    .weights = up_weights,
};
