/*
 * check_fit.c - masks that do not fit their images, and labels that are another's.
 *
 * Of a label in a case are known: where it lies (3), its size, and the mean and deviation of the
 * image inside, by those of the whole image. In the other cases each of the six has a median and a
 * deviation, to which PRIOR usual ones are added, for few cases tell little.
 *
 *   distance of label a from b    root of the sum of squares of the six, in deviations. A label
 *                                 that is FAR from itself in the others, but NEAR another, is that
 *   excess of a mask              by how many deviations the image varies more inside than in
 *                                 others, mean over the labels. A mask that was drawn on another
 *                                 image, or is mirrored, has other tissue in it
 */
#include "check_impl.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAITS = 6, SPREAD = 5, LABELS = 256 };
enum { LEAST = 6 };         /* cases that have a label */
enum { LEAST_VOXELS = 64 }; /* of a label */
static const double PRIOR = 4.0, USUAL[TRAITS] = {0.05, 0.05, 0.05, 0.3, 0.2, 0.1};
static const double FAR = 8.0, NEAR = 6.0, TIMES = 1.5; /* distances, and their ratio */
static const double MISFIT = 8.0;                       /* excess of another's mask, */
static const double POOR = 6.0, GOOD = 2.0; /* of one that is mirrored, as it is and turned back */

/* ---- of a case ------------------------------------------------------------------------------- */

typedef struct moments {
    double sum[LABELS], squares[LABELS];
} moments;

static float spread_of(const moments *m, int v, int64_t n, double deviation) {
    const double mean = m->sum[v] / (double)n;
    const double variance = fmax(m->squares[v] / (double)n - mean * mean, 0.0);
    return (float)log(fmax(sqrt(variance) / deviation, 1e-3));
}

void check_inside(const float *x, const pleat_label *mask, check_facts *f) {
    const int *dim = mask->dim;
    const int64_t n = (int64_t)pleat_voxels(dim), plane = (int64_t)dim[1] * dim[2];
    moments as_is = {{0}, {0}}, turned[3] = {{{0}, {0}}, {{0}, {0}}, {{0}, {0}}};
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    const double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double deviation = sqrt(squares / (double)n);
    if (!(deviation > 0.0)) return;
    int64_t i = 0;
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++)
            for (int w = 0; w < dim[2]; w++, i++) {
                const int v = mask->data[i];
                if (v == 0) continue;
                const int64_t opposite[3] = {i + (dim[0] - 1 - 2 * d) * plane,
                                             i + (int64_t)(dim[1] - 1 - 2 * h) * dim[2],
                                             i + (dim[2] - 1 - 2 * w)};
                for (int a = 0; a <= 3; a++) {
                    moments *m = a < 3 ? &turned[a] : &as_is;
                    const double off = (double)x[a < 3 ? opposite[a] : i] - mean;
                    m->sum[v] += off;
                    m->squares[v] += off * off;
                }
            }
    for (int v = 1; v < LABELS; v++) {
        const int64_t many = f->count[v];
        if (many < LEAST_VOXELS) continue;
        f->mean[v] = (float)(as_is.sum[v] / (double)many / deviation);
        f->spread[v] = spread_of(&as_is, v, many, deviation);
        for (int a = 0; a < 3; a++) f->turned[a][v] = spread_of(&turned[a], v, many, deviation);
    }
}

/* ---- of all cases ---------------------------------------------------------------------------- */

typedef struct usual { /* of a label */
    int n;
    double median[TRAITS], squares[TRAITS]; /* sum of squared distances from the median */
} usual;

/* 0: they are not known. */
static int traits_of(const check_facts *f, int v, double out[TRAITS]) {
    if (!f->measured || !f->counted || f->count[v] < LEAST_VOXELS) return 0;
    for (int a = 0; a < 3; a++) out[a] = (double)f->place[v][a];
    out[3] = log((double)f->count[v] * pleat_geometry_voxel(&f->image));
    out[4] = (double)f->mean[v];
    out[SPREAD] = (double)f->spread[v];
    for (int t = 0; t < TRAITS; t++)
        if (!isfinite(out[t])) return 0;
    return 1;
}

static void find_usual(const check_work *w, const check_facts *f, int v, double *x, usual *out) {
    double of[TRAITS];
    *out = (usual){0};
    for (int t = 0; t < TRAITS; t++) {
        size_t n = 0;
        for (int i = 0; i < w->n; i++)
            if (traits_of(&f[i], v, of)) x[n++] = of[t];
        out->n = (int)n;
        if (n < LEAST) return;
        pleat_sort(x, n);
        out->median[t] = pleat_median(x, n);
        for (size_t k = 0; k < n; k++)
            out->squares[t] += (x[k] - out->median[t]) * (x[k] - out->median[t]);
    }
}

/* How many deviations x lies above the median, of the cases but one whose own trait is `own` (NULL:
 * it has none). */
static double above(const usual *u, int t, double x, const double *own) {
    const double off = own != NULL ? *own - u->median[t] : 0.0;
    const double squares = fmax(u->squares[t] - off * off, 0.0);
    const int others = u->n - (own != NULL);
    return (x - u->median[t]) / sqrt((squares + PRIOR * USUAL[t] * USUAL[t]) / (others + PRIOR));
}

static double distance(const usual *u, const double x[TRAITS], const double *own) {
    double sum = 0.0;
    for (int t = 0; t < TRAITS; t++) {
        const double z = above(u, t, x[t], own != NULL ? &own[t] : NULL);
        sum += z * z;
    }
    return sqrt(sum);
}

static void name_of(const check_work *w, int label, char out[64]) {
    (void)snprintf(out, 64, "label %d", label);
    for (int c = 1; c < w->classes->n && !w->classes->of_regions; c++)
        if (w->classes->value[c] == label) (void)snprintf(out, 64, "'%.60s'", w->classes->name[c]);
}

/* Labels of a case that are nearer to another label. */
static void find_relabelled(check_work *w, const check_facts *f, int i, const usual *u) {
    for (int a = 1; a < LABELS; a++) {
        double x[TRAITS], other[TRAITS], nearest = INFINITY;
        int best = 0;
        char names[2][64];
        if (u[a].n < LEAST || !traits_of(&f[i], a, x)) continue;
        const double own = distance(&u[a], x, x);
        for (int b = 1; own > FAR && b < LABELS; b++) {
            if (b == a || u[b].n < LEAST) continue;
            const double to = distance(&u[b], x, traits_of(&f[i], b, other) ? other : NULL);
            if (to < nearest) best = b;
            nearest = fmin(nearest, to);
        }
        if (!(nearest < NEAR && own > TIMES * nearest)) continue;
        name_of(w, a, names[0]);
        name_of(w, best, names[1]);
        check_find(w, CHECK_RELABELLED, i, w->cases[i].label,
                   "%s has the place, volume and values that %s has in the other cases", names[0],
                   names[1]);
    }
}

/* Mean over the labels by how many deviations the image varies more in them; axis 3: as they lie,
 * else mirrored along D, H, W. NaN: unknown. */
static double excess(const check_facts *f, const usual *u, int axis) {
    double sum = 0.0, own[TRAITS];
    int n = 0;
    for (int v = 1; v < LABELS; v++) {
        if (u[v].n < LEAST || !traits_of(f, v, own)) continue;
        const double x = axis < 3 ? (double)f->turned[axis][v] : own[SPREAD];
        sum += above(&u[v], SPREAD, x, &own[SPREAD]);
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

static void find_misfit(check_work *w, const check_facts *f, int i, const usual *u) {
    const double as_is = excess(&f[i], u, 3);
    int best = 0;
    if (!(as_is > POOR)) return;
    for (int a = 1; a < 3; a++)
        if (excess(&f[i], u, a) < excess(&f[i], u, best)) best = a;
    if (excess(&f[i], u, best) < GOOD) {
        check_drop(w, CHECK_FLIPPED, i);
        check_find(w, CHECK_MASK_TURNED, i, w->cases[i].label,
                   "its labels fit the image only mirrored along %c: inside, the image varies %.0f "
                   "deviations more than in other cases",
                   "zyx"[best], as_is);
    } else if (as_is > MISFIT) {
        check_find(w, CHECK_MASK_ELSE, i, w->cases[i].label,
                   "inside its labels the image varies %.0f deviations more than in the other "
                   "cases",
                   as_is);
    }
}

/* Whether something else has been found that makes the image vary inside its labels. */
static int is_explained(const check_work *w, int i) {
    static const check_id kinds[] = {CHECK_RELABELLED, CHECK_FULL, CHECK_BLANK, CHECK_SHUFFLED,
                                     CHECK_UNLIKE};
    int any = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) any |= check_has(w, kinds[k], i);
    return any;
}

void check_fit(check_work *w, const check_facts *f) {
    double *x = malloc(((size_t)w->n + 1) * sizeof *x);
    usual *u = calloc(LABELS, sizeof *u);
    for (int v = 1; x != NULL && u != NULL && v < LABELS; v++) find_usual(w, f, v, x, &u[v]);
    for (int i = 0; x != NULL && u != NULL && i < w->n; i++) {
        if (!check_has(w, CHECK_FLIPPED, i)) find_relabelled(w, f, i, u);
        if (!is_explained(w, i)) find_misfit(w, f, i, u);
    }
    w->no_memory |= x == NULL || u == NULL;
    free(u);
    free(x);
}
