/*
 * inference.h - how sure a number is: intervals of a mean and of a median, tests of paired
 * differences. All are two-sided; no value is NaN.
 *
 * Cases of one patient are no independent draws. A sample may say which group each value is of;
 * then groups are drawn, left out and counted, never single values. The mean stays that of the
 * values.
 */
#ifndef PLEAT_INFERENCE_H
#define PLEAT_INFERENCE_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

double pleat_normal_cdf(double z);
double pleat_normal_quantile(double p); /* 0 < p < 1 */
/* Student's t of df > 0 degrees of freedom. */
double pleat_t_cdf(double t, double df);
double pleat_t_quantile(double p, double df);

typedef struct pleat_observed {
    const double *x;  /* [n] */
    const int *group; /* [n], from 0 on; NULL: each value is a group of its own */
    int n;
} pleat_observed;

typedef struct pleat_interval {
    double low, high; /* NaN: there is none */
} pleat_interval;

#define PLEAT_LEVEL     0.95 /* usual */
#define PLEAT_RESAMPLES 5000

/* Of the mean, by Student's t: the error is that of a ratio of group sums (Cochran, Sampling
 * Techniques, 1977, 6.3), which without groups is SD / sqrt(n); df is the groups less 1. None of
 * fewer than two groups. ERR_MEMORY. */
pleat_status pleat_interval_t(const pleat_observed *s, double level, pleat_interval *out);

/* Of the mean, by the bootstrap that corrects bias and acceleration (Efron, JASA 82, 1987), with
 * draws of the seed. None of fewer than three groups: the ends would be values of the sample.
 * ERR_MEMORY. */
pleat_status pleat_interval_bca(const pleat_observed *s, double level, int resamples, uint64_t seed,
                                pleat_interval *out);

/* Of the mean over the folds of a repeated cross-validation, from their means[n], none of them NaN:
 * Student's t with the variance that allows for folds sharing their training cases (Nadeau and
 * Bengio, Machine Learning 52, 2003): (1/n + test / train) times that of the means, `ratio` being
 * test / train. None of fewer than two. */
pleat_interval pleat_interval_resampled(const double *means, int n, double ratio, double level);

/* Of the median, by order statistics: between two of the values, whose ranks the binomial
 * distribution gives; none of fewer than 6 at 95 %. With groups of several values the ranks are
 * those of Woodruff (JASA 47, 1952). ERR_MEMORY. */
pleat_status pleat_interval_median(const pleat_observed *s, double level, pleat_interval *out);

typedef struct pleat_wilcoxon {
    double plus, minus; /* sums of ranks */
    double p;           /* two-sided; NaN when all differences are 0 */
    int n;              /* differences that are not 0 */
    int exact;
} pleat_wilcoxon;

#define PLEAT_WILCOXON_EXACT 50 /* differences, at most: beyond, the normal approximation */

/* Wilcoxon's signed-rank test of differences[n]: zeros are left out, ties have the mean of their
 * ranks. rounding[n] (NULL: 0): what a difference may be off by; one no larger is a zero, and two
 * whose sizes are no further apart than the larger of theirs are tied. Exact is the
 * distribution over all signs, ties as they are; else the variance is corrected for ties, without a
 * correction for continuity. ERR_MEMORY. */
pleat_status pleat_wilcoxon_test(const double *differences, const double *rounding, int n,
                                 pleat_wilcoxon *out);

/* Holm's step-down: adjusted[n] of p[n], whose NaN stay and do not count. */
void pleat_holm(const double *p, int n, double *adjusted);

/* How likely it is that the mean difference has the other sign than that of the sample: Student's t
 * posterior of the mean under a flat prior (Christodoulou et al., arXiv:2505.04720). NaN of fewer
 * than two groups. ERR_MEMORY. */
pleat_status pleat_false_ranking(const pleat_observed *differences, double *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_INFERENCE_H */
