/*
 * convolve.c - convolutions by cuDNN, or by our own kernel where cuDNN has no plan.
 *
 * cuDNN's fast engines want channels in multiples of 8. Other numbers (the image's one channel,
 * a test's seventeen) are padded: x, dy widened into the engine's `from` and `to` before, y, dx
 * narrowed after, weights padded when they are packed.
 */
#include "conv_first.h"
#include "pleat/log.h"

#include <string.h>

#define CHANNEL_STEP 8

static pleat_status find_plan(pleat_cuda *e, pleat_conv *conv, pleat_conv_problem *problem) {
    const pleat_conv_desc *d = &conv->desc;
    problem->n = d->n;
    problem->d = d->d;
    problem->h = d->h;
    problem->w = d->w;
    problem->cin = conv->cin_wide;
    problem->cout = conv->cout_wide;
    memcpy(problem->kernel, d->kernel, sizeof problem->kernel);
    memcpy(problem->stride, d->stride, sizeof problem->stride);
    memcpy(problem->before, d->before, sizeof problem->before);
    problem->precision = e->base.precision;
    problem->deterministic = e->deterministic;
    return pleat_conv_plan_create(e, problem, &conv->plan[problem->pass]);
}

/* Fused when cuDNN can; else bias and ReLU come after, and bf16 rounds twice. */
static pleat_status find_forward(pleat_cuda *e, pleat_conv *conv) {
    pleat_conv_problem problem = {.pass = PLEAT_PASS_FORWARD, .fused = 1, .relu = conv->desc.relu};
    PLEAT_TRY(find_plan(e, conv, &problem));
    conv->fused = conv->plan[PLEAT_PASS_FORWARD] != NULL;
    if (conv->fused) return PLEAT_OK;
    problem.fused = problem.relu = 0;
    return find_plan(e, conv, &problem);
}

static void tell_missing(const pleat_conv *conv) {
    const pleat_conv_desc *d = &conv->desc;
    static const char *const names[] = {"forward", "backward data", "backward weights"};
    const int needed[] = {1, conv->desc.want_dx, conv->desc.train};
    for (int pass = 0; pass <= PLEAT_PASS_WEIGHTS; pass++)
        if (needed[pass] && conv->plan[pass] == NULL)
            pleat_log(PLEAT_INFO,
                      "cuDNN has no plan for a convolution of %dx%dx%d with stride %dx%dx%d, %d to "
                      "%d channels, %s: a slow kernel computes it",
                      d->kernel[2], d->kernel[1], d->kernel[0], d->stride[2], d->stride[1],
                      d->stride[0], d->cin, d->cout, names[pass]);
}

static pleat_status prepare(pleat_cuda *e, pleat_conv *conv) {
    conv->first = pleat_conv_first_has(e, &conv->desc);
    if (conv->first) return pleat_conv_first_prepare(e, conv);
    const size_t element = pleat_dtype_size(e->base.act);
    const size_t x = conv->voxels * (size_t)conv->cin_wide * element;
    const size_t y = conv->y_voxels * (size_t)conv->cout_wide * element;
    const int pad_x = conv->cin_wide != conv->desc.cin, pad_y = conv->cout_wide != conv->desc.cout;
    PLEAT_TRY(find_forward(e, conv));
    if (conv->desc.want_dx)
        PLEAT_TRY(find_plan(e, conv, &(pleat_conv_problem){.pass = PLEAT_PASS_DATA}));
    if (conv->desc.train)
        PLEAT_TRY(find_plan(e, conv, &(pleat_conv_problem){.pass = PLEAT_PASS_WEIGHTS}));
    tell_missing(conv);
    if (pad_x) { /* forward's x, and backward's; dx */
        PLEAT_TRY(pleat_cuda_reserve(&e->from, x));
        PLEAT_TRY(pleat_cuda_reserve(&e->to, x));
    }
    if (pad_y) { /* dy; forward's y, and dy beside a padded x */
        PLEAT_TRY(pleat_cuda_reserve(&e->from, y));
        PLEAT_TRY(pleat_cuda_reserve(&e->to, y));
    }
    if (!conv->desc.train) return PLEAT_OK;
    return pleat_cuda_reserve(&e->dweights, (size_t)conv->cout_wide * (size_t)conv->taps *
                                                (size_t)conv->cin_wide * element);
}

/* The tensor's data, or with channels to pad a wider copy in `buffer`. */
static pleat_status widened(pleat_cuda *e, const pleat_tensor *t, int wide,
                            const pleat_cuda_buffer *buffer, void **out) {
    *out = wide == t->c ? t->data : buffer->data;
    if (wide == t->c) return PLEAT_OK;
    CUDA_TRY(pleat_cuda_widen(e->base.act, t->data, pleat_tensor_voxels(t), t->c, wide, *out,
                              e->stream));
    return PLEAT_OK;
}

static pleat_status forward(pleat_cuda *e, pleat_conv *conv, const float *bias,
                            const pleat_tensor *x, const pleat_tensor *y) {
    void *tensors[PLEAT_CONV_TENSORS] = {[PLEAT_CONV_W] = conv->weights};
    pleat_cuda_partials *sums = conv->desc.normed ? &e->counted : NULL;
    if (conv->first) {
        PLEAT_TRY(pleat_conv_first_forward(e, conv, bias, x->data, y->data, sums));
        if (conv->desc.normed && e->counted.rows > 0) e->counted_of = *y;
        return PLEAT_OK;
    }
    if (conv->plan[PLEAT_PASS_FORWARD] == NULL) {
        CUDA_TRY(pleat_cuda_conv_forward(e->base.act, &conv->desc, x, conv->weights, conv->cin_wide,
                                         bias, y, e->stream));
        return PLEAT_OK;
    }
    PLEAT_TRY(widened(e, x, conv->cin_wide, &e->from, &tensors[PLEAT_CONV_X]));
    tensors[PLEAT_CONV_Y] = conv->cout_wide == y->c ? y->data : e->to.data;
    if (conv->fused) tensors[PLEAT_CONV_BIAS] = conv->bias;
    PLEAT_TRY(pleat_conv_plan_run(e, conv->plan[PLEAT_PASS_FORWARD], tensors, sums));
    if (conv->desc.normed && e->counted.rows > 0) e->counted_of = *y;
    if (conv->fused && conv->cout_wide == y->c) return PLEAT_OK;
    CUDA_TRY(pleat_cuda_narrow(e->base.act, tensors[PLEAT_CONV_Y], conv->y_voxels, conv->cout_wide,
                               y->c, conv->fused ? NULL : bias, !conv->fused && conv->desc.relu,
                               y->data, e->stream));
    return PLEAT_OK;
}

static pleat_status backward_data(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *dy,
                                  const pleat_tensor *dx) {
    void *tensors[PLEAT_CONV_TENSORS] = {[PLEAT_CONV_W] = conv->weights};
    if (conv->plan[PLEAT_PASS_DATA] == NULL) {
        CUDA_TRY(pleat_cuda_conv_backward_data(e->base.act, &conv->desc, dy, conv->weights,
                                               conv->cin_wide, dx, e->stream));
        return PLEAT_OK;
    }
    PLEAT_TRY(widened(e, dy, conv->cout_wide, &e->from, &tensors[PLEAT_CONV_Y]));
    tensors[PLEAT_CONV_X] = conv->cin_wide == dx->c ? dx->data : e->to.data;
    PLEAT_TRY(pleat_conv_plan_run(e, conv->plan[PLEAT_PASS_DATA], tensors, NULL));
    if (conv->cin_wide == dx->c) return PLEAT_OK;
    CUDA_TRY(pleat_cuda_narrow(e->base.act, e->to.data, conv->voxels, conv->cin_wide, dx->c, NULL,
                               0, dx->data, e->stream));
    return PLEAT_OK;
}

static pleat_status backward_weights(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *x,
                                     const pleat_tensor *dy, float *dweights, float *dbias) {
    void *tensors[PLEAT_CONV_TENSORS] = {[PLEAT_CONV_W] = e->dweights.data};
    if (dbias != NULL)
        CUDA_TRY(pleat_cuda_bias_backward(e->base.act, dy, e->partials, dbias, e->stream));
    if (conv->first) return pleat_conv_first_weights(e, conv, x->data, dy->data, dweights);
    if (conv->plan[PLEAT_PASS_WEIGHTS] == NULL) {
        CUDA_TRY(
            pleat_cuda_conv_backward_weights(e->base.act, &conv->desc, x, dy, dweights, e->stream));
        return PLEAT_OK;
    }
    PLEAT_TRY(widened(e, x, conv->cin_wide, &e->from, &tensors[PLEAT_CONV_X]));
    PLEAT_TRY(widened(e, dy, conv->cout_wide, &e->to, &tensors[PLEAT_CONV_Y]));
    const int adds = pleat_conv_plan_adds(conv->plan[PLEAT_PASS_WEIGHTS]);
    if (adds) tensors[PLEAT_CONV_W] = dweights; /* channels are not padded */
    PLEAT_TRY(pleat_conv_plan_run(e, conv->plan[PLEAT_PASS_WEIGHTS], tensors, NULL));
    if (adds) return PLEAT_OK;
    CUDA_TRY(pleat_cuda_unpack_add(e->base.act, e->dweights.data, conv->desc.cout, conv->taps,
                                   conv->desc.cin, conv->cin_wide, dweights, e->stream));
    return PLEAT_OK;
}

const pleat_conv_kind_ops pleat_cuda_convolve = {
    .channel_step = CHANNEL_STEP,
    .prepare = prepare,
    .forward = forward,
    .data = backward_data,
    .weights = backward_weights,
};
