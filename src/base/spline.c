/* spline.c - cubic B-spline coefficients and samples, one axis at a time.
 *
 * The filter is a recursion along a line, so it cannot be vectorised along the line. LINES
 * neighbouring lines are taken together instead, interleaved as [n, LINES]: one SIMD lane each,
 * and whole cache lines are read where the axis is not the contiguous one.
 */
#include "pleat/spline.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { LINES = 16 }; /* lines filtered together: 16 floats are one cache line */

static const double POLE = -0.267949192431122706473; /* sqrt(3) - 2 */
static const double GAIN = 6.0;                      /* (1 - pole) (1 - 1/pole) */
static const int HORIZON = 36;                       /* |pole|^36 is below 1e-20 */

int pleat_spline_mirror(int i, int n) {
    if (n == 1) return 0;
    const int period = 2 * n - 2;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

void pleat_spline_weights(double t, double w[4]) {
    const double s = 1.0 - t;
    w[0] = s * s * s / 6.0;
    w[1] = (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0;
    w[2] = (4.0 - 6.0 * s * s + 3.0 * s * s * s) / 6.0;
    w[3] = t * t * t / 6.0;
}

pleat_spline_tap pleat_spline_tap_at(int floor, double t, int n) {
    pleat_spline_tap tap;
    pleat_spline_weights(t, tap.weight);
    for (int j = 0; j < 4; j++) tap.index[j] = pleat_spline_mirror(floor - 1 + j, n);
    return tap;
}

/* block[n, LINES]: samples become coefficients. A single voxel is its own coefficient. */
static void filter(double *restrict block, int n) {
    if (n == 1) return;
    const int terms = n - 1 < HORIZON ? n - 1 : HORIZON;
    const double last = pow(POLE, n - 1), back = last * last;
    double first[LINES];
    double power = 1.0;
    for (int l = 0; l < LINES; l++) first[l] = block[l] + last * block[(n - 1) * LINES + l];
    for (int k = 1; k < terms; k++) {
        power *= POLE;
        const double weight = power + back / power;
        for (int l = 0; l < LINES; l++) first[l] += weight * block[k * LINES + l];
    }
    for (int l = 0; l < LINES; l++) block[l] = GAIN * first[l] / (1.0 - back);
    for (int k = 1; k < n; k++) {
        double *c = block + (size_t)k * LINES;
        for (int l = 0; l < LINES; l++) c[l] = GAIN * c[l] + POLE * c[l - LINES];
    }
    double *end = block + (size_t)(n - 1) * LINES;
    for (int l = 0; l < LINES; l++)
        end[l] = POLE / (POLE * POLE - 1.0) * (end[l] + POLE * end[l - LINES]);
    for (int k = n - 2; k >= 0; k--) {
        double *c = block + (size_t)k * LINES;
        for (int l = 0; l < LINES; l++) c[l] = POLE * (c[l + LINES] - c[l]);
    }
}

/* Where LINES lines lie in a volume: voxel k of line l is base[k * step + l * hop]. */
typedef struct lines {
    size_t step, hop;
    int count; /* lines in use, <= LINES */
} lines;

static void load(const float *base, lines at, int n, double *restrict block) {
    for (int k = 0; k < n; k++, block += LINES) {
        const float *row = base + (size_t)k * at.step;
        for (int l = 0; l < at.count; l++) block[l] = row[(size_t)l * at.hop];
        for (int l = at.count; l < LINES; l++) block[l] = 0.0;
    }
}

static void store(const double *restrict sample, int k, lines at, float *base) {
    float *row = base + (size_t)k * at.step;
    for (int l = 0; l < at.count; l++) row[(size_t)l * at.hop] = (float)sample[l];
}

static void sample_block(const double *restrict block, const pleat_spline_tap *taps, int n_out,
                         lines at, float *base) {
    for (int k = 0; k < n_out; k++) {
        if (taps == NULL) {
            store(block + (size_t)k * LINES, k, at, base);
            continue;
        }
        const double *w = taps[k].weight;
        const double *c0 = block + (size_t)taps[k].index[0] * LINES;
        const double *c1 = block + (size_t)taps[k].index[1] * LINES;
        const double *c2 = block + (size_t)taps[k].index[2] * LINES;
        const double *c3 = block + (size_t)taps[k].index[3] * LINES;
        double sum[LINES];
        for (int l = 0; l < LINES; l++)
            sum[l] = w[0] * c0[l] + w[1] * c1[l] + w[2] * c2[l] + w[3] * c3[l];
        store(sum, k, at, base);
    }
}

pleat_status pleat_spline_axis(const float *in, const int dim[3], int axis,
                               const pleat_spline_tap *taps, int n_out, float *out) {
    const int n = dim[axis];
    size_t outer = 1, inner = 1;
    for (int a = 0; a < axis; a++) outer *= (size_t)dim[a];
    for (int a = axis + 1; a < 3; a++) inner *= (size_t)dim[a];
    /* The contiguous axis takes neighbouring rows together, the others neighbouring columns. */
    const int rows = inner == 1;
    const size_t across = rows ? outer : inner, along = rows ? 1 : outer;
    const size_t blocks = (across + LINES - 1) / LINES;

    const size_t block_size = (size_t)n * LINES;
    const size_t threads = (size_t)omp_get_max_threads();
    double *scratch = malloc(threads * block_size * sizeof *scratch);
    PLEAT_CHECK(scratch != NULL, PLEAT_ERR_MEMORY, "no memory to filter lines of %d voxels", n);
#pragma omp parallel for schedule(static) collapse(2)
    for (size_t o = 0; o < along; o++) {
        for (size_t b = 0; b < blocks; b++) {
            double *block = scratch + (size_t)omp_get_thread_num() * block_size;
            const size_t first = b * LINES;
            const int count = across - first < LINES ? (int)(across - first) : LINES;
            const lines from = {rows ? 1 : inner, rows ? (size_t)n : 1, count};
            const lines to = {rows ? 1 : inner, rows ? (size_t)n_out : 1, count};
            load(in + o * (size_t)n * inner + first * from.hop, from, n, block);
            filter(block, n);
            sample_block(block, taps, n_out, to, out + o * (size_t)n_out * inner + first * to.hop);
        }
    }
    free(scratch);
    return PLEAT_OK;
}

pleat_status pleat_spline_prefilter(float *volume, const int dim[3]) {
    for (int axis = 0; axis < 3; axis++)
        PLEAT_TRY(pleat_spline_axis(volume, dim, axis, NULL, dim[axis], volume));
    return PLEAT_OK;
}
