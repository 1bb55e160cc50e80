/*
 * intensity.h - clipping and normalising the voxels of one volume, in place.
 *
 * Every result is the same for any number of threads: sums run over a fixed number of pieces that
 * are added in order. A voxel that is not finite makes mean and std not finite, so a caller finds
 * it by isfinite(stats.mean).
 */
#ifndef PLEAT_INTENSITY_H
#define PLEAT_INTENSITY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_intensity_stats {
    double min, max;
    double mean;
    double std; /* of the population: divided by n */
} pleat_intensity_stats;

/* Minimum and maximum of x[n], n >= 1. */
void pleat_intensity_range(const float *x, size_t n, double *low, double *high);

/* What kind of values an image of these extremes holds: CT in Hounsfield units goes below -200; the
 * others are 0 to 1, 0 and above, around 0. */
enum { PLEAT_INTENSITY_KINDS = 4 };
int pleat_intensity_kind(double low, double high);
const char *pleat_intensity_kind_name(int which);

/* Of x[n], n >= 1; two passes in double. */
pleat_intensity_stats pleat_intensity_measure(const float *x, size_t n);

/* x = min(max(x, low), high). */
void pleat_intensity_clip(float *x, size_t n, double low, double high);

/* x = rint(255 (x - min) / (max - min)), half to even, min and max those of x[n] itself. A constant
 * volume becomes 0. */
void pleat_intensity_grayscale(float *x, size_t n);

/* Linear: low becomes -1, high 1; low < high. Of mean - sd and mean + sd it is (x - mean) / sd. */
void pleat_intensity_scale(float *x, size_t n, double low, double high);

/* x = (x - mean) / std over x[n]. A constant volume becomes 0. */
void pleat_intensity_zscore(float *x, size_t n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_INTENSITY_H */
