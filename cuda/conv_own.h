/*
 * conv_own.h - our own kernels for the convolutions of the finest level, where cuDNN is slow.
 *
 * One is a candidate like those of cuDNN: it is timed beside them on the same noise, and is taken
 * when it is faster and its result is that of the fastest of them.
 */
#ifndef PLEAT_CUDA_CONV_OWN_H
#define PLEAT_CUDA_CONV_OWN_H

#include "conv_graph.h"
#include "engine_impl.h"

/* 1 where there is one: bf16, 3x3x3, stride 1, 32 and 64 channels, on Hopper. */
int pleat_conv_own_has(const pleat_cuda *e, const pleat_conv_problem *problem);

/* Bytes of the engine's workspace that it needs. */
size_t pleat_conv_own_workspace(const pleat_cuda *e, const pleat_conv_problem *problem);

/* As pleat_conv_plan_run, but the gradient of the weights is float and added to. Forward, where
 * `sums` is not NULL, norm's sums of y go there: at most as many rows as multiprocessors. */
pleat_status pleat_conv_own_run(pleat_cuda *e, const pleat_conv_problem *problem,
                                void *const tensors[PLEAT_CONV_TENSORS], void *workspace,
                                pleat_cuda_partials *sums);

/* Runs it on tensors[], into a result of its own. *error: how far that is from the result tensors[]
 * hold, as |difference|^2 / |result|^2. *milliseconds of a run. Synchronizes. */
pleat_status pleat_conv_own_try(pleat_cuda *e, const pleat_conv_problem *problem,
                                void *const tensors[PLEAT_CONV_TENSORS], void *workspace,
                                double *error, float *milliseconds);

#endif /* PLEAT_CUDA_CONV_OWN_H */
