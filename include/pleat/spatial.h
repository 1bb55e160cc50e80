/*
 * spatial.h - elastic deformation, rotation and scale: where a patch's voxels come from.
 *
 *   u = M (g + e(g)) + centre
 *
 * g is the patch's grid, centred on 0, e the elastic displacement, M rotation times scale, u a
 * point of the mirrored volume; all in voxels, D, H, W. As the original, rotation ignores that
 * voxels are not cubes.
 */
#ifndef PLEAT_SPATIAL_H
#define PLEAT_SPATIAL_H

#include "pleat/crop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 1 when the sample deforms. */
int pleat_spatial_is_on(const pleat_sample *sample);

/* M. The original multiplies the row vector (x, y, z) by Rx Ry Rz. */
void pleat_spatial_matrix(const pleat_sample *sample, double matrix[3][3]);

/* One component (0, 1, 2: D, H, W) of e: uniform numbers in [-1, 1), smoothed, times alpha. A
 * function of noise_seed. field [patch]. ERR_MEMORY. */
pleat_status pleat_elastic_field(const pleat_sample *sample, int component, const int patch[3],
                                 float *field);

/* Weights of a Gaussian of `sigma` voxels, taps[2 radius + 1], sum 1. */
void pleat_gaussian_taps(double sigma, int radius, float *taps);

/* Gaussian of `sigma` voxels, cut at floor(4 sigma + 1/2), zeros outside; in place. ERR_MEMORY. */
pleat_status pleat_gaussian_smooth(float *volume, const int dim[3], double sigma);

enum { PLEAT_PREFILTER_LINES = 32 };

/* Samples become spline coefficients along W and H, in place: slice [height] rows of `width`
 * values, `pitch` apart. scratch [width, PLEAT_PREFILTER_LINES], finite numbers. In float, error
 * below 1e-6 of the largest value. */
void pleat_prefilter_slice(float *slice, size_t pitch, int height, int width, float *scratch);
/* Along D: box [dim], slices `step` apart, their rows `pitch`. */
void pleat_prefilter_depth(float *box, size_t step, size_t pitch, const int dim[3]);

/* Patches of the channels crops[channels] of one sample that deforms: cubic B-spline for image
 * [C, patch], nearest for label [patch] or NULL; points outside the volume get the pad values. */
pleat_status pleat_spatial_patch(const pleat_crop *crops, int channels, const int patch[3],
                                 float *image, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SPATIAL_H */
