/* intensity.c - clip, grayscale, scale and z-score of a volume. */
#include "pleat/intensity.h"

#include <math.h>

enum { PIECES = 256 }; /* partial sums: fixed, so that threads do not change the result */

/* Voxels [*first, *end) of piece p. */
static void piece_of(int p, size_t n, size_t *first, size_t *end) {
    const size_t size = (n + PIECES - 1) / PIECES;
    *first = (size_t)p * size < n ? (size_t)p * size : n;
    *end = *first + size < n ? *first + size : n;
}

/* Sum of (x - centre)^power, power 1 or 2. */
static double sum_of(const float *x, size_t n, double centre, int power) {
    double part[PIECES];
#pragma omp parallel for
    for (int p = 0; p < PIECES; p++) {
        size_t first, end;
        double sum = 0.0;
        piece_of(p, n, &first, &end);
#pragma omp simd reduction(+ : sum)
        for (size_t i = first; i < end; i++) {
            const double d = x[i] - centre;
            sum += power == 1 ? d : d * d;
        }
        part[p] = sum;
    }
    double total = 0.0;
    for (int p = 0; p < PIECES; p++) total += part[p];
    return total;
}

void pleat_intensity_range(const float *x, size_t n, double *low, double *high) {
    float lo = x[0], hi = x[0];
#pragma omp parallel for simd reduction(min : lo) reduction(max : hi)
    for (size_t i = 1; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    *low = lo;
    *high = hi;
}

typedef struct kind {
    const char *name;
    double least, low, high; /* its lowest value is from least to low, its highest at most high */
} kind;

static const kind kinds[PLEAT_INTENSITY_KINDS] = {
    {"CT in Hounsfield units", -INFINITY, -200.0, INFINITY},
    {"0 to 1", 0.0, 1.0, 1.0},
    {"0 and above", 0.0, INFINITY, INFINITY},
    {"around 0", -INFINITY, INFINITY, INFINITY},
};

int pleat_intensity_kind(double low, double high) {
    int k = 0;
    while (k + 1 < PLEAT_INTENSITY_KINDS &&
           (low < kinds[k].least || low > kinds[k].low || high > kinds[k].high))
        k++;
    return k;
}

const char *pleat_intensity_kind_name(int which) { return kinds[which].name; }

pleat_intensity_stats pleat_intensity_measure(const float *x, size_t n) {
    pleat_intensity_stats stats;
    pleat_intensity_range(x, n, &stats.min, &stats.max);
    stats.mean = sum_of(x, n, 0.0, 1) / (double)n;
    stats.std = sqrt(sum_of(x, n, stats.mean, 2) / (double)n);
    return stats;
}

void pleat_intensity_clip(float *x, size_t n, double low, double high) {
    const float lo = (float)low, hi = (float)high;
#pragma omp parallel for simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i] < lo ? lo : x[i];
        x[i] = v > hi ? hi : v;
    }
}

void pleat_intensity_grayscale(float *x, size_t n) {
    double low, high;
    pleat_intensity_range(x, n, &low, &high);
    const double width = high > low ? high - low : 1.0; /* constant: x - low is 0 */
#pragma omp parallel for simd
    for (size_t i = 0; i < n; i++) x[i] = (float)rint(255.0 * (x[i] - low) / width);
}

void pleat_intensity_scale(float *x, size_t n, double low, double high) {
    const double middle = 0.5 * (low + high), half = 0.5 * (high - low);
#pragma omp parallel for simd
    for (size_t i = 0; i < n; i++) x[i] = (float)((x[i] - middle) / half);
}

void pleat_intensity_zscore(float *x, size_t n) {
    const pleat_intensity_stats stats = pleat_intensity_measure(x, n);
    if (stats.max <= stats.min) { /* its std may be a rounding error instead of 0 */
#pragma omp parallel for simd
        for (size_t i = 0; i < n; i++) x[i] = 0.0f;
        return;
    }
#pragma omp parallel for simd
    for (size_t i = 0; i < n; i++) x[i] = (float)((x[i] - stats.mean) / stats.std);
}
