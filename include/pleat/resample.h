/*
 * resample.h - volumes on another grid: cubic B-splines for images, label-wise trilinear for masks.
 *
 * Both grids cover the same box (half-pixel centres): along an axis, voxel i of N' reads
 * coordinate u = (i + 1/2) N / N' - 1/2 of N. There is no smoothing before shrinking.
 * For images u is a fraction of integers, so that no edge depends on rounding.
 *
 *   N = 3, N' = 5:   in   |    0    |    1    |    2    |
 *                    out  |  0  |  1  |  2  |  3  |  4  |      voxels 0 and 4 lie beyond the
 *                    u     -0.2   0.4   1    1.6   2.2         first and last centre
 *
 * A prediction goes back to the native grid by pleat_resample_label with the native size.
 */
#ifndef PLEAT_RESAMPLE_H
#define PLEAT_RESAMPLE_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an image is beyond its first and last voxel centre, where an enlarged axis reads. */
typedef enum pleat_edge {
    PLEAT_EDGE_REPLICATE = 0, /* the value at the edge: u is clamped to [0, N-1] */
    PLEAT_EDGE_ZERO = 1,      /* exactly 0: the original's black slices at both ends */
} pleat_edge;

/* Voxels of a grid with `target` mm: floor(N * spacing / target), at least 1 [D,H,W]. A quotient
 * one float32 rounding below a whole number counts as it, since NIfTI stores float32 spacings. */
void pleat_resample_size(const int dim[3], const double spacing[3], const double target[3],
                         int out[3]);

/* `in` on a grid of `dim` voxels; `spacing` mm is only written into `out`. Tensor-product cubic
 * B-spline, each channel clipped to its own range (the zeros of PLEAT_EDGE_ZERO stay 0). An axis
 * that keeps its size is left alone, so an equal `dim` is a copy. Beside images of several channels
 * two volumes more at most are held; of one channel three in all, `in` included. ERR_SHAPE when a
 * size is below 1, ERR_MEMORY. */
pleat_status pleat_resample_image(const pleat_image *in, const int dim[3], const double spacing[3],
                                  pleat_edge edge, pleat_image *out);

/* The mask on a grid of `dim` voxels, edges replicated. As if each label's 0/1 mask were
 * interpolated trilinearly in double, labels ascending, and written where it reaches 0.5: of two
 * labels at exactly 0.5 the higher wins; a voxel in which none reaches 0.5 is 0. ERR_SHAPE,
 * ERR_MEMORY. */
pleat_status pleat_resample_label(const pleat_label *in, const int dim[3], const double spacing[3],
                                  pleat_label *out);

/* values[from, n], such as probabilities, interpolated trilinearly on a grid of `to` voxels, edges
 * replicated: out[to, n], or `planar` out[n, to]. An axis that keeps its size is left as it is.
 * ERR_SHAPE, ERR_MEMORY. */
pleat_status pleat_resample_values(const float *values, const int from[3], int n, const int to[3],
                                   int planar, float *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_RESAMPLE_H */
