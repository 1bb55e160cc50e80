/* conv.c - convolutions: what the kinds share. */
#include "conv_impl.h"

#include <stdlib.h>

static const pleat_conv_kind_ops *const kinds[] = {
    [PLEAT_CONV] = &pleat_cuda_convolve,
    [PLEAT_HEAD] = &pleat_cuda_head,
    [PLEAT_UP] = &pleat_cuda_up,
};

static pleat_dtype bias_type(const pleat_cuda *e, const pleat_conv *conv) {
    return conv->ops->float_bias ? PLEAT_F32 : e->base.act;
}

static int rounded_up(int n, int step) { return (n + step - 1) / step * step; }

pleat_status pleat_cuda_conv_create(pleat_engine *engine, const pleat_conv_desc *desc,
                                    pleat_conv **out) {
    pleat_cuda *e = pleat_cuda_of(engine);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(desc->sample_stride == 0, PLEAT_ERR_UNSUPPORTED,
                "engine 'cudnn' adds the gradients of all samples; it keeps no sample's own");
    pleat_conv *conv = calloc(1, sizeof *conv);
    PLEAT_CHECK(conv != NULL, PLEAT_ERR_MEMORY, "cannot allocate a layer");
    conv->desc = *desc;
    conv->ops = kinds[desc->kind];
    conv->taps = desc->kernel[0] * desc->kernel[1] * desc->kernel[2];
    conv->voxels = (size_t)desc->n * (size_t)desc->d * (size_t)desc->h * (size_t)desc->w;
    const size_t step = (size_t)desc->stride[0] * (size_t)desc->stride[1] * (size_t)desc->stride[2];
    conv->y_voxels = desc->kind == PLEAT_UP ? conv->voxels * step : conv->voxels / step;
    conv->cin_wide = rounded_up(desc->cin, conv->ops->channel_step);
    conv->cout_wide = rounded_up(desc->cout, conv->ops->channel_step);
    const size_t weights = (size_t)conv->cout_wide * (size_t)conv->taps * (size_t)conv->cin_wide *
                           pleat_dtype_size(engine->act);
    CUDA_TRY_GOTO(status, done, cudaMalloc(&conv->weights, weights));
    const size_t bias = (size_t)conv->cout_wide * pleat_dtype_size(bias_type(e, conv));
    CUDA_TRY_GOTO(status, done, cudaMalloc(&conv->bias, bias));
    CUDA_TRY_GOTO(status, done, cudaMemsetAsync(conv->bias, 0, bias, e->stream));
    PLEAT_TRY_GOTO(status, done, conv->ops->prepare(e, conv));
    *out = conv;
    conv = NULL;
done:
    if (conv != NULL) pleat_cuda_conv_destroy(engine, conv);
    return status;
}

static void drop_packing(pleat_cuda *e, const pleat_conv *conv) {
    int left = 0;
    for (int k = 0; k < e->packs.n; k++)
        if (e->packs.of[k].to != conv->weights && e->packs.of[k].to != conv->bias)
            e->packs.of[left++] = e->packs.of[k];
    e->packs.n = left;
}

void pleat_cuda_conv_destroy(pleat_engine *engine, pleat_conv *conv) {
    drop_packing(pleat_cuda_of(engine), conv);
    for (int pass = 0; pass <= PLEAT_PASS_WEIGHTS; pass++) {
        pleat_conv_plan_destroy(conv->plan[pass]);
        pleat_matmul_destroy(conv->product[pass]);
    }
    (void)cudaFree(conv->weights);
    (void)cudaFree(conv->bias);
    free(conv);
}

/* All layers' copies are made by one kernel, before the first convolution that is asked for. */
static pleat_status finish_packing(pleat_cuda *e) {
    if (e->packs.n == 0) return PLEAT_OK;
    CUDA_TRY(pleat_cuda_pack(&e->packs, e->stream));
    e->packs.n = 0;
    return PLEAT_OK;
}

/* UP's weights [taps, cout, cin] are to `pack` cout rows of taps: taps * cout rows of cin both. */
pleat_status pleat_cuda_conv_pack(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                  const void *bias) {
    pleat_cuda *e = pleat_cuda_of(engine);
    const unsigned cin = (unsigned)conv->desc.cin, cout = (unsigned)conv->desc.cout;
    if (e->packs.n + 2 > PLEAT_CUDA_PACKS) PLEAT_TRY(finish_packing(e));
    e->packs.of[e->packs.n++] = (pleat_cuda_pack_one){weights,
                                                      conv->weights,
                                                      engine->act,
                                                      cout * (unsigned)conv->taps,
                                                      cin,
                                                      (unsigned)(conv->cout_wide * conv->taps),
                                                      (unsigned)conv->cin_wide};
    e->packs.of[e->packs.n++] = (pleat_cuda_pack_one){
        bias, conv->bias, bias_type(e, conv), bias != NULL, cout, 1, (unsigned)conv->cout_wide};
    return PLEAT_OK;
}

pleat_status pleat_cuda_conv_run_forward(pleat_engine *engine, pleat_conv *conv,
                                         const void *weights, const void *bias,
                                         const pleat_tensor *x, const pleat_tensor *y) {
    pleat_cuda *e = pleat_cuda_of(engine);
    (void)weights; /* packed */
    e->gathered = NULL;
    e->counted_of.data = NULL;
    PLEAT_TRY(finish_packing(e));
    return conv->ops->forward(e, conv, bias, x, y);
}

pleat_status pleat_cuda_conv_run_data(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                      const pleat_tensor *dy, const pleat_tensor *dx) {
    pleat_cuda *e = pleat_cuda_of(engine);
    (void)weights;
    PLEAT_TRY(finish_packing(e));
    const pleat_status status = conv->ops->data(e, conv, dy, dx);
    e->gathered = NULL;
    return status;
}

pleat_status pleat_cuda_conv_run_weights(pleat_engine *engine, pleat_conv *conv,
                                         const pleat_tensor *x, const pleat_tensor *dy,
                                         void *dweights, void *dbias) {
    pleat_cuda *e = pleat_cuda_of(engine);
    e->gathered = NULL;
    return conv->ops->weights(e, conv, x, dy, dweights, dbias);
}
