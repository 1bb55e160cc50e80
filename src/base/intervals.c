/* intervals.c - intervals of a mean and of a median, of values that may come in groups. */
#include "pleat/inference.h"
#include "pleat/rng.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-13 /* of a mean: sums in two orders are as far apart */

static const pleat_interval none = {(double)NAN, (double)NAN};

typedef struct group {
    double sum;
    int n;
} group;

/* Sum and number of each group that has a value: [*n], freed by the caller. */
static pleat_status gather(const pleat_observed *s, group **out, int *n) {
    int most = s->group == NULL ? s->n : 0;
    for (int i = 0; s->group != NULL && i < s->n; i++)
        if (s->group[i] >= most) most = s->group[i] + 1;
    group *all = calloc((size_t)most + 1, sizeof *all); /* + 1: never calloc(0) */
    PLEAT_CHECK(all != NULL, PLEAT_ERR_MEMORY, "no memory for an interval of %d values", s->n);
    for (int i = 0; i < s->n; i++) {
        group *g = &all[s->group == NULL ? i : s->group[i]];
        g->sum += s->x[i];
        g->n++;
    }
    *n = 0;
    for (int k = 0; k < most; k++)
        if (all[k].n > 0) all[(*n)++] = all[k];
    *out = all;
    return PLEAT_OK;
}

static group whole(const group *g, int n) {
    group all = {0.0, 0};
    for (int k = 0; k < n; k++) {
        all.sum += g[k].sum;
        all.n += g[k].n;
    }
    return all;
}

typedef struct estimate {
    double mean, error; /* its standard error */
    int groups;
} estimate;

/* Of fewer than two groups the error is NaN. */
static estimate estimate_of(const group *g, int n) {
    const group all = whole(g, n);
    const double mean = all.sum / all.n;
    double squares = 0.0;
    for (int k = 0; k < n; k++) {
        const double off = g[k].sum - g[k].n * mean;
        squares += off * off;
    }
    const double error =
        n > 1 ? sqrt(squares * n / (n - 1.0)) / all.n : (double)NAN; /* SD / sqrt(n) */
    return (estimate){mean, error, n};
}

static pleat_status estimate_mean(const pleat_observed *s, estimate *out) {
    group *g = NULL;
    int n = 0;
    PLEAT_TRY(gather(s, &g, &n));
    *out = estimate_of(g, n);
    free(g);
    return PLEAT_OK;
}

pleat_status pleat_interval_t(const pleat_observed *s, double level, pleat_interval *out) {
    estimate e = {0};
    PLEAT_TRY(estimate_mean(s, &e));
    *out = none;
    if (e.groups < 2) return PLEAT_OK;
    const double t = pleat_t_quantile(0.5 + 0.5 * level, e.groups - 1);
    *out = (pleat_interval){e.mean - t * e.error, e.mean + t * e.error};
    return PLEAT_OK;
}

pleat_status pleat_false_ranking(const pleat_observed *differences, double *out) {
    estimate e = {0};
    PLEAT_TRY(estimate_mean(differences, &e));
    *out = (double)NAN;
    if (e.groups < 2) return PLEAT_OK;
    if (e.error == 0.0)
        *out = e.mean == 0.0 ? 0.5 : 0.0;
    else
        *out = pleat_t_cdf(-fabs(e.mean) / e.error, e.groups - 1);
    return PLEAT_OK;
}

/* --- the bootstrap ---------------------------------------------------------------------------- */

/* The mean of as many groups, drawn with replacement. */
static double resample(const group *g, int n, uint64_t seed, int number) {
    const pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_BOOTSTRAP, (uint32_t)number, 0, 0);
    group drawn = {0.0, 0};
    uint32_t word[4];
    for (int k = 0; k < n; k++) {
        if (k % 4 == 0) pleat_rng_block(&rng, (uint32_t)(k / 4), word);
        const group *one = &g[(uint64_t)word[k % 4] * (uint64_t)n >> 32];
        drawn.sum += one->sum;
        drawn.n += one->n;
    }
    return drawn.sum / drawn.n;
}

/* Efron's acceleration: the skewness of the means with one group left out, by 6. */
static double acceleration(const group *g, int n) {
    const group all = whole(g, n);
    double mean = 0.0, squares = 0.0, cubes = 0.0;
    for (int k = 0; k < n; k++) mean += (all.sum - g[k].sum) / (all.n - g[k].n) / n;
    for (int k = 0; k < n; k++) {
        const double off = mean - (all.sum - g[k].sum) / (all.n - g[k].n);
        squares += off * off;
        cubes += off * off * off;
    }
    return squares > 0.0 ? cubes / (6.0 * pow(squares, 1.5)) : 0.0;
}

/* The interval of sorted means[resamples] about `mean`. */
static pleat_interval corrected(const double *means, int resamples, double mean, double a,
                                double level) {
    const double half = 0.5 / resamples;
    double below = 0.0, end[2];
    const double alike = ROUNDING * (fabs(means[0]) + fabs(means[resamples - 1]));
    for (int b = 0; b < resamples; b++)
        below += fabs(means[b] - mean) <= alike ? 0.5 : means[b] < mean ? 1.0 : 0.0;
    const double bias = pleat_normal_quantile(fmin(fmax(below / resamples, half), 1.0 - half));
    for (int side = 0; side < 2; side++) {
        const double z =
            bias + pleat_normal_quantile(side == 0 ? 0.5 - 0.5 * level : 0.5 + 0.5 * level);
        const double share = pleat_normal_cdf(bias + z / (1.0 - a * z));
        end[side] = pleat_quantile_between(means, (size_t)resamples, share);
    }
    return (pleat_interval){end[0], end[1]};
}

pleat_status pleat_interval_bca(const pleat_observed *s, double level, int resamples, uint64_t seed,
                                pleat_interval *out) {
    group *g = NULL;
    int n = 0;
    *out = none;
    PLEAT_TRY(gather(s, &g, &n));
    double *means = malloc((size_t)resamples * sizeof *means);
    if (means != NULL && n > 2) { /* of two, the resamples are three */
        const group all = whole(g, n);
        for (int b = 0; b < resamples; b++) means[b] = resample(g, n, seed, b);
        pleat_sort(means, (size_t)resamples);
        *out = corrected(means, resamples, all.sum / all.n, acceleration(g, n), level);
    }
    const int made = means != NULL;
    free(means);
    free(g);
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for %d resamples", resamples);
    return PLEAT_OK;
}

pleat_interval pleat_interval_resampled(const double *means, int n, double ratio, double level) {
    double sum = 0.0, squares = 0.0;
    if (n < 2) return none;
    for (int i = 0; i < n; i++) sum += means[i];
    for (int i = 0; i < n; i++) squares += (means[i] - sum / n) * (means[i] - sum / n);
    const double error = sqrt((1.0 / n + ratio) * squares / (n - 1));
    const double half = pleat_t_quantile(0.5 + 0.5 * level, n - 1) * error;
    return (pleat_interval){sum / n - half, sum / n + half};
}

/* --- the median ------------------------------------------------------------------------------- */

/* How many values on either side lie outside the interval, at most: the largest k with
 * P(X < k) <= (1 - level) / 2 of a binomial X of n and 1/2; 0: there is no such interval. */
static int binomial_outside(int n, double level) {
    double term = pow(0.5, n), sum = 0.0;
    int k = 0;
    if (n > 1000) { /* 2^-n is no double any more: the normal approximation, a value wider */
        const double z = pleat_normal_quantile(0.5 + 0.5 * level);
        return (int)floor(0.5 * n - 0.5 * z * sqrt(n));
    }
    while (sum + term <= 0.5 - 0.5 * level) {
        sum += term;
        term *= (double)(n - k) / (k + 1.0);
        k++;
    }
    return k;
}

/* The same where values come in groups: by the error of the share of values up to the median. */
static pleat_status grouped_outside(const pleat_observed *s, double median, double level,
                                    int *out) {
    estimate e = {0};
    double *up_to = malloc(((size_t)s->n + 1) * sizeof *up_to);
    PLEAT_CHECK(up_to != NULL, PLEAT_ERR_MEMORY, "no memory for an interval of %d values", s->n);
    for (int i = 0; i < s->n; i++) up_to[i] = s->x[i] <= median;
    const pleat_status status = estimate_mean(&(pleat_observed){up_to, s->group, s->n}, &e);
    free(up_to);
    PLEAT_TRY(status);
    *out = 0;
    if (e.groups < 2) return PLEAT_OK;
    const double share = 0.5 - pleat_t_quantile(0.5 + 0.5 * level, e.groups - 1) * e.error;
    *out = share > 0.0 ? (int)floor(share * s->n) : 0;
    return PLEAT_OK;
}

static int comes_in_groups(const pleat_observed *s) {
    for (int i = 1; s->group != NULL && i < s->n; i++)
        for (int k = 0; k < i; k++)
            if (s->group[k] == s->group[i]) return 1;
    return 0;
}

pleat_status pleat_interval_median(const pleat_observed *s, double level, pleat_interval *out) {
    pleat_status status = PLEAT_OK;
    double *sorted = malloc(((size_t)s->n + 1) * sizeof *sorted);
    int outside = 0;
    *out = none;
    PLEAT_CHECK(sorted != NULL, PLEAT_ERR_MEMORY, "no memory for an interval of %d values", s->n);
    if (s->n < 2) goto done;
    for (int i = 0; i < s->n; i++) sorted[i] = s->x[i];
    pleat_sort(sorted, (size_t)s->n);
    if (comes_in_groups(s))
        PLEAT_TRY_GOTO(status, done,
                       grouped_outside(s, pleat_median(sorted, (size_t)s->n), level, &outside));
    else
        outside = binomial_outside(s->n, level);
    if (outside > 0) *out = (pleat_interval){sorted[outside - 1], sorted[s->n - outside]};
done:
    free(sorted);
    return status;
}
