/*
 * conv_graph.h - a convolution as cuDNN's operation graph.
 *
 *   FORWARD            x, w -> y                          y = x*w
 *   FORWARD, fused     x, w -> (conv) + bias [-> relu] -> y
 *   DATA               dy, w -> dx
 *   WEIGHTS            x, dy -> dw
 *
 * All tensors are of the activations' type, sums float. Tensors lie channels-last. cuDNN wants
 * sizes as N,C,D,H,W whatever the order in memory; the strides say that C is innermost. Weights
 * [Cout,kD,kH,kW,Cin] are the same with K for N.
 */
#ifndef PLEAT_CUDA_CONV_GRAPH_H
#define PLEAT_CUDA_CONV_GRAPH_H

#include "check.h"
#include "pleat/engine.h"

typedef struct pleat_conv_problem {
    pleat_pass pass;
    int n, d, h, w, cin, cout;           /* of x; channels are multiples of 8 */
    int kernel[3], stride[3], before[3]; /* as in pleat_conv_desc: y has x's sizes / stride */
    pleat_precision precision;           /* F32, TF32 or BF16 */
    int fused, relu;                     /* FORWARD: bias [cout], and ReLU */
    int deterministic;
} pleat_conv_problem;

/* Names of the tensors in a graph, and places of their addresses in a run. */
enum { PLEAT_CONV_X, PLEAT_CONV_W, PLEAT_CONV_Y, PLEAT_CONV_BIAS, PLEAT_CONV_TENSORS };

#define PLEAT_CONV_ALIGNMENT 16 /* bytes; of every tensor */

typedef struct pleat_conv_graph {
    cudnnBackendDescriptor_t parts[16]; /* all that was made, in order; destroyed from the end */
    int part_count;
    cudnnBackendDescriptor_t ops[3];
    int op_count;
    cudnnBackendDescriptor_t graph;
} pleat_conv_graph;

/* Sizes and strides in elements, N,C,D,H,W, of a channels-last tensor. */
void pleat_conv_strides(const int64_t size[5], int64_t stride[5]);

/* Tensors and operations: needs no GPU. Then the graph over them: needs a handle. `clear` leaves
 * it as a struct of zeros, from which it must start. */
pleat_status pleat_conv_graph_build(pleat_conv_graph *g, const pleat_conv_problem *p);
pleat_status pleat_conv_graph_finish(pleat_conv_graph *g, cudnnHandle_t handle);
void pleat_conv_graph_clear(pleat_conv_graph *g);

/* Voxels of y along an axis; padding behind x that makes them so, which is the padding before it
 * where that is right: cuDNN has more engines for that. */
int pleat_conv_y_size(const pleat_conv_problem *p, int axis);
int pleat_conv_after(const pleat_conv_problem *p, int axis);

/* "3|NVIDIA H200|91900|forward|bf16|2x160x160x80|k3x3x3,s1x1x1,p1x1x1|32-32|bias,relu": what a
 * choice depends on, after the number of this form. 1 when it fits. */
int pleat_conv_key(const pleat_conv_problem *p, const char *gpu, size_t cudnn, char *out,
                   size_t size);

#endif /* PLEAT_CUDA_CONV_GRAPH_H */
