/*
 * onednn_direct.h - convolutions forward and by x, own kernels: in bf16 by the tiles of AMX, in f32
 * by Winograd's filtering (onednn_winograd_direct.h).
 *
 *   y[v][co] = relu(bias[co] + sum over taps and ci of x[v + tap][ci] weights[co][tap][ci])
 *
 * of stride 1 and "same" padding, of 3x3x3 and 1x3x3 taps. The gradient by x is the same of dy,
 * with the taps in reverse order, the channels exchanged, and neither bias nor ReLU.
 *
 * A number of y is summed in the same order whoever computes it: neither the number of threads nor
 * that of samples changes a bit.
 */
#ifndef PLEAT_ENGINES_ONEDNN_DIRECT_H
#define PLEAT_ENGINES_ONEDNN_DIRECT_H

#include "onednn.h"

/* The shape is the forward one for both passes, PLEAT_DNNL_FORWARD and PLEAT_DNNL_BACKWARD_DATA. */

/* Whether there is a kernel for this shape on this processor. */
int pleat_direct_fits(const pleat_dnnl_shape *shape);

/* Whether it is taken in place of oneDNN's: a rule, and no trial, as pleat_gradient_wins. */
int pleat_direct_wins(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads);

/* Bytes of packed weights, and of `work` for `threads` threads; multiples of 64. */
size_t pleat_direct_weights_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass);
size_t pleat_direct_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads);

/* Canonical weights as the kernel reads them; in bf16 rounded to nearest, ties to even. */
void pleat_direct_pack(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                       const float *weights, void *packed);

/* Whether by x's packed weights are made of forward's, which are half as long as canonical ones;
 * and that: the same bits as of these. */
int pleat_direct_turns(const pleat_dnnl_shape *shape);
void pleat_direct_turn(const pleat_dnnl_shape *shape, int threads, const void *forward,
                       void *packed);

/* Whether the kernel makes `sums`. */
int pleat_direct_counts(const pleat_dnnl_shape *shape);

/* x and y packed; by x these are dy and dx, and bias is NULL. sums [threads][2 Cout], of a kernel
 * that makes them, or NULL: what each thread wrote of each channel of y, and its squares, added up.
 */
void pleat_direct_run(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                      const void *x, const void *packed, const float *bias, void *y, double *sums,
                      void *work);

#endif /* PLEAT_ENGINES_ONEDNN_DIRECT_H */
