/* statistics.c - summaries, sorted values, and numbers as text. */
#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void pleat_sort(double *x, size_t n) { qsort(x, n, sizeof *x, ascending); }

double pleat_median(const double *sorted, size_t n) {
    return 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
}

double pleat_quantile(const double *sorted, size_t n, double share) {
    return sorted[(size_t)ceil(share * (double)n) - 1];
}

double pleat_quantile_between(const double *sorted, size_t n, double share) {
    const double rank = share * (double)(n - 1);
    const size_t low = (size_t)rank, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (rank - (double)low) * (sorted[high] - sorted[low]);
}

pleat_status pleat_summarise(const double *x, int n, pleat_summary *out) {
    pleat_summary s = {(double)NAN, (double)NAN, (double)NAN, 0, 0};
    double *sorted = malloc(sizeof *sorted * (size_t)(n + 1)); /* + 1: never malloc(0) */
    PLEAT_CHECK(sorted != NULL, PLEAT_ERR_MEMORY, "no memory to summarise %d values", n);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        sorted[s.n++] = x[i];
        sum += x[i];
    }
    s.undefined = n - s.n;
    if (s.n > 0) {
        pleat_sort(sorted, (size_t)s.n);
        s.mean = sum / s.n;
        s.median = pleat_median(sorted, (size_t)s.n);
    }
    for (int i = 0; i < s.n; i++) squares += (sorted[i] - s.mean) * (sorted[i] - s.mean);
    if (s.n > 1) s.sd = sqrt(squares / (s.n - 1));
    free(sorted);
    *out = s;
    return PLEAT_OK;
}

const char *pleat_number(double value, int least, char out[PLEAT_NUMBER_BYTES]) {
    for (int digits = least; digits <= 17; digits++) {
        (void)snprintf(out, PLEAT_NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value) break;
    }
    return out;
}
