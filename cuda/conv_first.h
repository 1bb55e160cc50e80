/*
 * conv_first.h - the first layer of an image of one channel, by our own kernels, without padding.
 *
 * There are two kinds. Threads that walk along rows compute for any GPU and any number of
 * channels; on Hopper tiles for the tensor cores compute 32. Both are timed, like plans of cuDNN,
 * and the choice is kept in the plan cache; tiles are taken where their result has just agreed with
 * the other's.
 */
#ifndef PLEAT_CUDA_CONV_FIRST_H
#define PLEAT_CUDA_CONV_FIRST_H

#include "conv_impl.h"

/* 1 for 3x3x3 over an image of one channel in bf16, whose gradient nobody wants. */
int pleat_conv_first_has(const pleat_cuda *e, const pleat_conv_desc *desc);

/* Chooses: sets conv->tiles. The rest is as in pleat_conv_kind_ops; sums as of
 * pleat_conv_plan_run. */
pleat_status pleat_conv_first_prepare(pleat_cuda *e, pleat_conv *conv);
pleat_status pleat_conv_first_forward(pleat_cuda *e, const pleat_conv *conv, const float *bias,
                                      const void *x, void *y, pleat_cuda_partials *sums);
pleat_status pleat_conv_first_weights(pleat_cuda *e, const pleat_conv *conv, const void *x,
                                      const void *dy, float *dweights);

#endif /* PLEAT_CUDA_CONV_FIRST_H */
