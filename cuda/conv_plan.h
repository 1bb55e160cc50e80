/*
 * conv_plan.h - how cuDNN computes one convolution: the fastest of its engines, measured here.
 *
 * cuDNN's heuristics name candidates (modes A and B, and fallback when none of those works). Those
 * that may lose more precision than was asked for, want more workspace than the limit, or are not
 * deterministic when that was asked for, are passed over; the first eight of each mode that are
 * left run on noise, and the fastest stays, or our own kernel (conv_own.h) where it is faster and
 * agrees. $PLEAT_CUDA_CONV takes it always ("own") or never ("cudnn"). The choice is kept in the
 * engine's plan cache and found there the next time.
 */
#ifndef PLEAT_CUDA_CONV_PLAN_H
#define PLEAT_CUDA_CONV_PLAN_H

#include "conv_graph.h"
#include "engine_impl.h"

typedef struct pleat_conv_plan pleat_conv_plan;

/* *out is NULL where cuDNN has no plan for the problem. Reserves the engine's workspace. */
pleat_status pleat_conv_plan_create(pleat_cuda *e, const pleat_conv_problem *problem,
                                    pleat_conv_plan **out);
void pleat_conv_plan_destroy(pleat_conv_plan *plan);

/* Tensors by PLEAT_CONV_X, ...; BIAS is read by a fused plan only. Addresses: multiples of 16.
 * sums, unless NULL: where norm's sums of y go, if the plan makes any; else rows is 0. */
pleat_status pleat_conv_plan_run(pleat_cuda *e, pleat_conv_plan *plan,
                                 void *const tensors[PLEAT_CONV_TENSORS],
                                 pleat_cuda_partials *sums);

/* 1 where the gradient of the weights is added, in float, to tensors[PLEAT_CONV_W]; else it is
 * written there, in the activations' type. */
int pleat_conv_plan_adds(const pleat_conv_plan *plan);

#endif /* PLEAT_CUDA_CONV_PLAN_H */
