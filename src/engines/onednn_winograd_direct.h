/*
 * onednn_winograd_direct.h - convolutions forward and by x in f32, own kernels by Winograd's
 * minimal filtering: for what onednn_direct.h says, in a quarter of the products.
 *
 * A number of y is summed in the same order whoever computes it, as there. Its error is about twice
 * that of a sum of all products (docs/speed.md). A number of x has a part, which cancels but for
 * rounding, in all of a tile of 6x6: infinities and NaN spread over it, and zeros around x leave y
 * within rounding of the bias. Weights that are not finite give what depends on the threads.
 */
#ifndef PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_H
#define PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_H

#include "onednn.h"

/* As in onednn_direct.h, which has them for all precisions. */
int pleat_winograd_fits(const pleat_dnnl_shape *shape);
int pleat_winograd_wins(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads);
size_t pleat_winograd_weights_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass);
size_t pleat_winograd_bytes(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads);
void pleat_winograd_pack(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                         const float *weights, float *packed);
void pleat_winograd_run(const pleat_dnnl_shape *shape, pleat_dnnl_pass pass, int threads,
                        const float *x, const float *packed, const float *bias, float *y,
                        float *work);

#endif /* PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_H */
