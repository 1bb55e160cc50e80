/*
 * onednn_gradient.h - gradients by the weights of convolutions, own kernels.
 *
 *   dweights[co][tap][ci] += sum over the voxels v of dy[v][co] x[v + tap][ci]
 *
 * of stride 1 and "same" padding: of 3x3x3 and 1x3x3 taps by AVX-512, in f32 or with bf16's
 * products of pairs; of 1 or 3 taps along each axis by AMX, in bf16. oneDNN's code for this pass is
 * its weakest (docs/speed.md).
 *
 * Each thread has channels of y, and planes, of its own; threads that share channels have sums of
 * their own, which are added in order. One thread adds in the order of the voxels, whatever the
 * number of channels that it was given.
 */
#ifndef PLEAT_ENGINES_ONEDNN_GRADIENT_H
#define PLEAT_ENGINES_ONEDNN_GRADIENT_H

#include "onednn.h"

/* Whether there is a kernel for this shape on this processor; of AVX-512, half its lanes full. */
int pleat_gradient_fits(const pleat_dnnl_shape *shape);

/* Whether it is taken in place of oneDNN's: a rule by precision, instructions and channels. Not by
 * a trial: a run that is resumed would not have the bits of one that was not interrupted.
 * `pleat bench conv` runs both. Not where the kernel would leave a quarter of the threads idle. */
int pleat_gradient_wins(const pleat_dnnl_shape *shape, int threads);

/* Bytes of `work` for `threads` threads; a multiple of 64. Of a shape that fits. */
size_t pleat_gradient_bytes(const pleat_dnnl_shape *shape, int threads);

/* Whether the kernel of a shape that fits writes dweights where it is told that they are fresh. */
int pleat_gradient_starts(const pleat_dnnl_shape *shape);

/* x [N,D,H,W,Cin] and dy [N,D,H,W,Cout], bf16 or float, packed; dweights [Cout,kD,kH,kW,Cin]
 * and dbias [Cout], which may be NULL, are added to; fresh, of a kernel that starts: dweights are
 * written, whatever they were. Of a shape that fits. */
void pleat_gradient_run(const pleat_dnnl_shape *shape, int threads, const void *x, const void *dy,
                        float *dweights, float *dbias, int fresh, void *work);

/* GFLOP/s that `threads` threads reach by multiply-adds in registers alone, measured in some
 * milliseconds; NaN where there is no kernel. */
double pleat_gradient_peak(int bf16, int threads);

#endif /* PLEAT_ENGINES_ONEDNN_GRADIENT_H */
