/*
 * spline.h - interpolating cubic B-splines on a regular grid.
 *
 * A volume becomes coefficients once (prefilter); any point u then is a weighted sum of the
 * 4 x 4 x 4 coefficients around it. One axis, index i = floor(u), fraction t = u - i:
 *
 *   f(u) = w[0] c[i-1] + w[1] c[i] + w[2] c[i+1] + w[3] c[i+2],   pleat_spline_weights(t, w)
 *
 * Indices outside the axis are mirrored about the first and last voxel (whole-sample symmetric),
 * pleat_spline_mirror. Source: Unser, "Splines: a perfect fit", IEEE Signal Proc. Mag. 1999,
 * box 2; the boundary is that of scipy.ndimage's mode "mirror".
 */
#ifndef PLEAT_SPLINE_H
#define PLEAT_SPLINE_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One output sample of an axis: which four coefficients, and how much of each. */
typedef struct pleat_spline_tap {
    int index[4];     /* 0 .. n-1, mirrored already */
    double weight[4]; /* sum 1; all 0 makes the sample 0 */
} pleat_spline_tap;

/* Index i of an axis of n >= 1 voxels folded into 0 .. n-1: -1 -> 1, n -> n-2. */
int pleat_spline_mirror(int i, int n);

/* Weights of the coefficients at floor(u)-1 .. floor(u)+2 for the fraction t in [0, 1]. */
void pleat_spline_weights(double t, double w[4]);

/* The tap of coordinate floor + t on an axis of n voxels. */
pleat_spline_tap pleat_spline_tap_at(int floor, double t, int n);

/* Turns every line of `in` [dim] along `axis` into coefficients and samples them: `out` is [dim]
 * with n_out in place of dim[axis]. `taps` NULL writes the coefficients themselves (n_out is then
 * dim[axis], and `out` may be `in`). Lines are filtered and summed in double. ERR_MEMORY. */
pleat_status pleat_spline_axis(const float *in, const int dim[3], int axis,
                               const pleat_spline_tap *taps, int n_out, float *out);

/* The volume [D,H,W] becomes its coefficients, in place. ERR_MEMORY. */
pleat_status pleat_spline_prefilter(float *volume, const int dim[3]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SPLINE_H */
