/* rank_test.c - Wilcoxon's signed ranks, and Holm's correction for several tests. */
#include "pleat/inference.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double size;     /* of a difference */
    double rounding; /* by which it may be off */
    int positive;
    int rank2; /* twice its rank: the mean of tied ranks is whole or a half */
} ranked;

static int by_size(const void *a, const void *b) {
    const double x = ((const ranked *)a)->size, y = ((const ranked *)b)->size;
    return (x > y) - (x < y);
}

static int are_tied(const ranked *a, const ranked *b) {
    return fabs(b->size - a->size) <= fmax(a->rounding, b->rounding);
}

/* Ranks r[n], sorted; returns the sum of t^3 - t over its groups of t ties. */
static double rank(ranked *r, int n) {
    double ties = 0.0;
    for (int i = 0, end = 0; i < n; i = end) {
        for (end = i; end < n && are_tied(&r[i], &r[end]);) end++;
        const double t = end - i;
        ties += t * t * t - t;
        for (int k = i; k < end; k++) r[k].rank2 = i + 1 + end;
    }
    return ties;
}

/* P(sum of ranks with a plus <= that of `plus2`), twice the sums, over all 2^n signs. ways[s]: how
 * many choices of the ranks so far have twice the sum s; they are whole numbers below 2^53. */
static pleat_status exact_tails(const ranked *r, int n, int plus2, double tail[2]) {
    const int most = n * (n + 1); /* twice the sum of all ranks */
    double *ways = calloc((size_t)most + 1, sizeof *ways);
    PLEAT_CHECK(ways != NULL, PLEAT_ERR_MEMORY, "no memory for a test of %d differences", n);
    ways[0] = 1.0;
    for (int i = 0; i < n; i++)
        for (int s = most; s >= r[i].rank2; s--) ways[s] += ways[s - r[i].rank2];
    tail[0] = tail[1] = 0.0;
    for (int s = 0; s <= most; s++) {
        if (s <= plus2) tail[0] += ways[s];
        if (s >= plus2) tail[1] += ways[s];
    }
    free(ways);
    for (int side = 0; side < 2; side++) tail[side] = ldexp(tail[side], -n);
    return PLEAT_OK;
}

pleat_status pleat_wilcoxon_test(const double *differences, const double *rounding, int n,
                                 pleat_wilcoxon *out) {
    pleat_status status = PLEAT_OK;
    pleat_wilcoxon w = {.p = (double)NAN};
    double tail[2];
    int plus2 = 0;
    ranked *r = malloc(((size_t)n + 1) * sizeof *r);
    PLEAT_CHECK(r != NULL, PLEAT_ERR_MEMORY, "no memory for a test of %d differences", n);
    for (int i = 0; i < n; i++) {
        const double size = fabs(differences[i]), off = rounding != NULL ? rounding[i] : 0.0;
        if (size > off) r[w.n++] = (ranked){size, off, differences[i] > 0.0, 0};
    }
    qsort(r, (size_t)w.n, sizeof *r, by_size);
    const double ties = rank(r, w.n), m = w.n;
    for (int i = 0; i < w.n; i++)
        if (r[i].positive) plus2 += r[i].rank2;
    w.plus = 0.5 * plus2;
    w.minus = 0.5 * m * (m + 1.0) - w.plus;
    w.exact = w.n <= PLEAT_WILCOXON_EXACT;
    if (w.n > 0 && w.exact) {
        PLEAT_TRY_GOTO(status, done, exact_tails(r, w.n, plus2, tail));
        w.p = fmin(1.0, 2.0 * fmin(tail[0], tail[1]));
    } else if (w.n > 0) {
        const double error = sqrt((m * (m + 1.0) * (2.0 * m + 1.0) - 0.5 * ties) / 24.0);
        w.p = 2.0 * pleat_normal_cdf(-fabs(w.plus - 0.25 * m * (m + 1.0)) / error);
    }
    *out = w;
done:
    free(r);
    return status;
}

void pleat_holm(const double *p, int n, double *adjusted) {
    int tests = 0;
    for (int i = 0; i < n; i++) tests += !isnan(p[i]);
    for (int i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (isnan(p[i])) continue;
        for (int k = 0; k < n; k++) { /* the largest of the steps up to this p */
            int before = 0;
            if (isnan(p[k]) || p[k] > p[i]) continue;
            for (int j = 0; j < n; j++) before += p[j] < p[k] || (p[j] == p[k] && j < k);
            adjusted[i] = fmax(adjusted[i], fmin(1.0, p[k] * (tests - before)));
        }
    }
}
