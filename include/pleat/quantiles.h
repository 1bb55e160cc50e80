/*
 * quantiles.h - the distribution of many values, kept as few values that have weights.
 *
 * Distributions of parts make that of the whole: put their points together, with the weights they
 * are to have, and sort.
 */
#ifndef PLEAT_QUANTILES_H
#define PLEAT_QUANTILES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_point {
    float value;
    float weight; /* how many values it stands for, or a share of them */
} pleat_point;

/* x[n], n >= 1, finite, is sorted; out[most], most >= 2, gets its points in ascending order, each
 * the number of values that it stands for; returns how many. Where x has at most `most` different
 * values these are the points; else so many runs of neighbours, each at its mean. */
size_t pleat_points_make(float *x, size_t n, size_t most, pleat_point *out);

void pleat_points_sort(pleat_point *point, size_t n);

/* Of point[n], sorted, n >= 1: the least value that a share of at least 0 <= share <= 1 of the
 * weight does not exceed. */
double pleat_points_quantile(const pleat_point *point, size_t n, double share);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_QUANTILES_H */
