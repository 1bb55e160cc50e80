/* explore_mix.c - numbers of several labels, channels or cases together, from those of each. */
#include "explore_impl.h"

#include <math.h>
#include <stdlib.h>

const double pleat_explore_shares[PLEAT_EXPLORE_QUANTILES] = {0.005, 0.05, 0.25, 0.5,
                                                              0.75,  0.95, 0.995};

static void nothing(pleat_explored_values *out) {
    *out = (pleat_explored_values){.mean = NAN, .sd = NAN, .min = NAN, .max = NAN};
    for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++) out->quantile[q] = NAN;
}

/* All but the quantiles; the number of points. */
static size_t add_up(const explore_lumps *of, const double *weight, pleat_explored_values *out) {
    double total = 0.0, sum = 0.0, squares = 0.0;
    size_t points = 0;
    for (size_t i = 0; i < of->n; i++) {
        const explore_lump *l = &of->lump[i];
        if (!(weight[i] > 0.0)) continue;
        total += weight[i] * (double)l->n;
        sum += weight[i] * (double)l->n * l->mean;
        out->voxels += l->n;
        out->min = fmin(out->min, l->min); /* the other one of a NaN */
        out->max = fmax(out->max, l->max);
        points += (size_t)l->points;
    }
    out->mean = sum / total;
    for (size_t i = 0; i < of->n; i++) {
        const explore_lump *l = &of->lump[i];
        const double off = l->mean - out->mean;
        if (weight[i] > 0.0) squares += weight[i] * (l->squares + (double)l->n * off * off);
    }
    out->sd = sqrt(squares / total);
    return points;
}

pleat_status explore_mix(const explore_lumps *lumps, const double *weight,
                         pleat_explored_values *out, pleat_point **points, size_t *n_points) {
    nothing(out);
    const size_t many = add_up(lumps, weight, out);
    pleat_point *all = malloc((many + 1) * sizeof *all);
    size_t n = 0;
    PLEAT_CHECK(all != NULL, PLEAT_ERR_MEMORY, "no memory for the values of the cases");
    for (size_t i = 0; i < lumps->n; i++)
        for (int k = 0; weight[i] > 0.0 && k < lumps->lump[i].points; k++) {
            const pleat_point *p = &lumps->point[lumps->lump[i].first + (size_t)k];
            all[n++] = (pleat_point){p->value, (float)(weight[i] * (double)p->weight)};
        }
    pleat_points_sort(all, n);
    for (int q = 0; n > 0 && q < PLEAT_EXPLORE_QUANTILES; q++)
        out->quantile[q] = pleat_points_quantile(all, n, pleat_explore_shares[q]);
    if (points != NULL) {
        *points = all;
        *n_points = n;
        return PLEAT_OK;
    }
    free(all);
    return PLEAT_OK;
}
