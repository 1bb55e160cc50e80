/*
 * check_slices.c - slices that are in no order, and slices that are blank.
 *
 * Each slice along an axis of the file becomes a picture s_k of 8 x 8 cells. Their von Neumann
 * ratio
 *
 *   sum |s_k+1 - s_k|^2  /  (2 sum |s_k - mean|^2)
 *
 * is 1 for slices in a random order, of bodies and of noise, and far below for a body's in theirs.
 */
#include "check_impl.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>

enum { CELLS = CHECK_SIDE * CHECK_SIDE };
enum { LEAST = 4, FEW = 4 }; /* cases; at most one of so many has many blank slices */
enum { LEAST_SLICES = 8 };   /* of which an order shows */
static const double NONE = 0.6, ORDER = 0.3; /* ratios of no order, and of an order */
static const double MANY = 0.25, ANY = 0.1;  /* shares of the slices that are blank */

typedef struct slices { /* along an axis, n */
    double *sum;        /* [n][CELLS] */
    float *low, *high;  /* [n] */
} slices;

static void widen(const slices *s, int at, float x) {
    if (x < s->low[at]) s->low[at] = x;
    if (x > s->high[at]) s->high[at] = x;
}

/* The row x[n] at (z, y). */
static void add_row(slices s[3], const float *x, const int dim[3], int z, int y) {
    const int across = y * CHECK_SIDE / dim[1], up = z * CHECK_SIDE / dim[0], n = dim[2];
    double *of_z = s[0].sum + (ptrdiff_t)z * CELLS + (ptrdiff_t)across * CHECK_SIDE;
    double *of_y = s[1].sum + (ptrdiff_t)y * CELLS + (ptrdiff_t)up * CHECK_SIDE;
    double *of_x = s[2].sum + (ptrdiff_t)(up * CHECK_SIDE + across) * n; /* [CELLS][n] */
    float low = x[0], high = x[0];
    for (int k = 0; k < n; k++) {
        of_x[k] += (double)x[k];
        if (x[k] < s[2].low[k]) s[2].low[k] = x[k];
        if (x[k] > s[2].high[k]) s[2].high[k] = x[k];
        if (x[k] < low) low = x[k];
        if (x[k] > high) high = x[k];
    }
    for (int c = 0; c < CHECK_SIDE; c++) {
        const int from = (c * n + CHECK_SIDE - 1) / CHECK_SIDE;
        const int to = ((c + 1) * n + CHECK_SIDE - 1) / CHECK_SIDE;
        double part = 0.0;
        for (int k = from; k < to; k++) part += (double)x[k];
        of_z[c] += part;
        of_y[c] += part;
    }
    for (int axis = 0; axis < 2; axis++) {
        widen(&s[axis], axis == 0 ? z : y, low);
        widen(&s[axis], axis == 0 ? z : y, high);
    }
}

/* The ratio; NaN: of few slices, or of one value. */
static double order_of(const slices *s, int n, int slice, int cell) {
    double steps = 0.0, all = 0.0;
    if (n < LEAST_SLICES) return (double)NAN;
    for (int c = 0; c < CELLS; c++) {
        const double *x = s->sum + (ptrdiff_t)c * cell;
        double mean = 0.0;
        for (int k = 0; k < n; k++) mean += x[(ptrdiff_t)k * slice] / n;
        for (int k = 0; k < n; k++) {
            const double off = x[(ptrdiff_t)k * slice] - mean;
            const double step = k > 0 ? x[(ptrdiff_t)k * slice] - x[(ptrdiff_t)(k - 1) * slice] : 0;
            all += off * off;
            steps += step * step;
        }
    }
    return all > 0.0 ? steps / (2.0 * all) : (double)NAN;
}

/* The longest run of slices of one value each. */
static void find_blank(const slices *s, int n, int *first, int *many) {
    int from = 0;
    *first = *many = 0;
    for (int k = 0; k < n; k++) {
        if (s->low[k] < s->high[k]) from = k + 1;
        if (k + 1 - from <= *many) continue;
        *first = from;
        *many = k + 1 - from;
    }
}

int check_slices(const float *x, const int dim[3], check_facts *f) {
    slices s[3] = {{0}};
    int good = 1;
    for (int a = 0; a < 3; a++) {
        const size_t n = (size_t)dim[a];
        s[a] = (slices){calloc(n * CELLS, sizeof(double)), malloc(n * sizeof(float)),
                        malloc(n * sizeof(float))};
        good = good && s[a].sum != NULL && s[a].low != NULL && s[a].high != NULL;
        for (size_t k = 0; good && k < n; k++) {
            s[a].low[k] = INFINITY;
            s[a].high[k] = -INFINITY;
        }
    }
    for (int z = 0; good && z < dim[0]; z++)
        for (int y = 0; y < dim[1]; y++, x += dim[2]) add_row(s, x, dim, z, y);
    for (int a = 0; a < 3; a++) {
        if (good) {
            f->order[a] = (float)order_of(&s[a], dim[a], a < 2 ? CELLS : 1, a < 2 ? 1 : dim[2]);
            find_blank(&s[a], dim[a], &f->blank_from[a], &f->blank[a]);
        }
        free(s[a].sum);
        free(s[a].low);
        free(s[a].high);
    }
    return good;
}

/* ---- against the others ---------------------------------------------------------------------- */

/* Without order along more than one axis: no slices have been shuffled. */
static int is_noise(const check_facts *f) {
    int n = 0;
    for (int a = 0; a < 3; a++) n += (double)f->order[a] > NONE;
    return n > 1;
}

static void find_shuffled(check_work *w, const check_facts *f, int axis, double *x) {
    size_t n = 0;
    for (int i = 0; i < w->n; i++)
        if (f[i].measured && !isnan(f[i].order[axis])) x[n++] = (double)f[i].order[axis];
    if (n < LEAST) return;
    pleat_sort(x, n);
    const double most = x[n - 1 - n / FEW], median = pleat_median(x, n);
    for (int i = 0; i < w->n && most < ORDER; i++) {
        const char *image = w->cases[i].image[0];
        const double of_case = (double)f[i].order[axis];
        if (!f[i].measured || !(of_case > NONE)) continue;
        if (!is_noise(&f[i]))
            check_find(w, CHECK_SHUFFLED, i, image,
                       "neighbours along %c are as unlike as any two slices: %.2f, where 1 is a "
                       "random order and %.2f what most cases have",
                       "zyx"[axis], of_case, median);
        else if (!check_has(w, CHECK_UNLIKE, i))
            check_find(w, CHECK_UNLIKE, i, image,
                       "it is noise: neighbours are as unlike as any two slices along %c and "
                       "another axis",
                       "zyx"[axis]);
    }
}

static double share_blank(const check_facts *f, int axis) {
    return f->measured && f->blank[axis] < f->image.dim[axis]
               ? (double)f->blank[axis] / f->image.dim[axis]
               : 0.0;
}

static void find_blanks(check_work *w, const check_facts *f, int axis) {
    int seen = 0, some = 0;
    for (int i = 0; i < w->n; i++) {
        seen += f[i].measured;
        some += share_blank(&f[i], axis) > ANY;
    }
    for (int i = 0; i < w->n && seen >= LEAST && FEW * some <= seen; i++)
        if (share_blank(&f[i], axis) >= MANY && !check_has(w, CHECK_BLANK, i) &&
            !check_has(w, CHECK_MASK_LIKE, i))
            check_find(w, CHECK_BLANK, i, w->cases[i].image[0],
                       "slices %d to %d of %d along %c have one value each, as in none of most "
                       "cases",
                       f[i].blank_from[axis], f[i].blank_from[axis] + f[i].blank[axis] - 1,
                       f[i].image.dim[axis], "zyx"[axis]);
}

void check_slices_all(check_work *w, const check_facts *f) {
    double *x = malloc(((size_t)w->n + 1) * sizeof *x);
    for (int axis = 0; x != NULL && axis < 3; axis++) {
        find_shuffled(w, f, axis, x);
        find_blanks(w, f, axis);
    }
    w->no_memory |= x == NULL;
    free(x);
}
