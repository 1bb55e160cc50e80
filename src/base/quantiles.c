/* quantiles.c - sorted values with weights. */
#include "pleat/quantiles.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int by_point(const void *a, const void *b) {
    const pleat_point *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* 0 where there are more than `most` different values. */
static size_t as_they_are(const float *x, size_t n, size_t most, pleat_point *out) {
    size_t k = 0, first = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i < n && x[i] <= x[first]) continue;
        if (k == most) return 0;
        out[k++] = (pleat_point){x[first], (float)(i - first)};
        first = i;
    }
    return k;
}

size_t pleat_points_make(float *x, size_t n, size_t most, pleat_point *out) {
    qsort(x, n, sizeof *x, by_value);
    const size_t k = as_they_are(x, n, most, out);
    if (k > 0) return k;
    for (size_t i = 0; i < most; i++) {
        const size_t first = i * n / most, end = (i + 1) * n / most;
        double sum = 0.0;
        for (size_t j = first; j < end; j++) sum += x[j];
        out[i] = (pleat_point){(float)(sum / (double)(end - first)), (float)(end - first)};
    }
    return most;
}

void pleat_points_sort(pleat_point *point, size_t n) {
    if (n > 1) qsort(point, n, sizeof *point, by_point);
}

double pleat_points_quantile(const pleat_point *point, size_t n, double share) {
    double total = 0.0, below = 0.0;
    for (size_t i = 0; i < n; i++) total += point[i].weight;
    const double want = share * total * (1.0 - 1e-12); /* sums of weights are rounded */
    for (size_t i = 0; i < n; i++) {
        below += point[i].weight;
        if (below >= want) return point[i].value;
    }
    return point[n - 1].value;
}
