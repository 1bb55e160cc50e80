/* explore_parts.c - an exploration's classes and histograms. */
#include "explore_impl.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- classes --------------------------------------------------------------------------------- */

int64_t pleat_explored_count(const pleat_classes *classes, int c, const pleat_explored_case *of) {
    int64_t n = 0;
    for (int v = 0; v < 256; v++)
        if (pleat_classes_has(classes, c, v)) n += of->count[v];
    return n;
}

/* ml[e->n] is for sorting. */
static void measure_sizes(const int *use, int c, double *ml, pleat_exploration *e) {
    pleat_explored_class *out = &e->of_class[c];
    int labelled = 0;
    *out = (pleat_explored_class){
        .label = e->classes.value[c], .least_ml = NAN, .median_ml = NAN, .most_ml = NAN};
    for (int i = 0; i < e->n; i++) {
        const pleat_explored_case *one = &e->of[i];
        if (!use[i] || !one->labelled) continue;
        const int64_t n = pleat_explored_count(&e->classes, c, one);
        labelled++;
        out->share += (double)n / (double)pleat_voxels(one->dim);
        if (n == 0) continue;
        out->voxels += n;
        ml[out->cases] = (double)n * one->voxel / 1000.0;
        out->ml += ml[out->cases++];
    }
    out->share = labelled > 0 ? out->share / labelled : NAN;
    if (out->cases == 0) return;
    const size_t n = (size_t)out->cases;
    pleat_sort(ml, n);
    out->least_ml = ml[0];
    out->median_ml = pleat_median(ml, n);
    out->most_ml = ml[n - 1];
}

/* Of the voxels of class c in a channel, each case that has it weighing the same. */
static void weigh_class(const explore_lumps *lumps, const int *use, int channel, int c,
                        const pleat_exploration *e, double *weight) {
    for (size_t i = 0; i < lumps->n; i++) {
        const explore_lump *l = &lumps->lump[i];
        const int in = use[l->at] && e->of[l->at].labelled && l->channel == channel &&
                       pleat_classes_has(&e->classes, c, l->label);
        weight[i] = in ? 1.0 / (double)pleat_explored_count(&e->classes, c, &e->of[l->at]) : 0.0;
    }
}

pleat_status explore_classes(const explore_lumps *lumps, const int *use, pleat_exploration *e) {
    double *weight = malloc((lumps->n + 1) * sizeof *weight);
    double *ml = malloc(((size_t)e->n + 1) * sizeof *ml);
    pleat_status status = PLEAT_OK;
    e->of_class = calloc((size_t)e->classes.n + 1, sizeof *e->of_class);
    PLEAT_CHECK_GOTO(status, done, weight != NULL && ml != NULL && e->of_class != NULL,
                     PLEAT_ERR_MEMORY, "no memory for %d classes", e->classes.n);
    for (int c = 0; c < e->classes.n; c++) {
        measure_sizes(use, c, ml, e);
        for (int k = 0; k < e->channels; k++) {
            weigh_class(lumps, use, k, c, e, weight);
            PLEAT_TRY_GOTO(status, done,
                           explore_mix(lumps, weight, &e->of_class[c].channel[k], NULL, NULL));
        }
    }
done:
    free(ml);
    free(weight);
    return status;
}

/* ---- histograms ------------------------------------------------------------------------------ */

/* Widens [low, high] to hold all but 0.5 % on either side; whether all values are whole. */
static int look_at(const pleat_point *point, size_t n, double *low, double *high) {
    int whole = 1;
    if (n == 0) return 1;
    *low = fmin(*low, pleat_points_quantile(point, n, 0.005));
    *high = fmax(*high, pleat_points_quantile(point, n, 0.995));
    for (size_t i = 0; i < n && whole; i++)
        whole =
            fabsf(point[i].value) < 1e6F && fabsf(point[i].value - rintf(point[i].value)) <= 0.0F;
    return whole;
}

static void set_bins(double low, double high, int whole, pleat_explored_histogram *h) {
    if (!(high > low)) high = low + 1.0;
    h->bins = PLEAT_EXPLORE_BINS;
    h->low = low;
    h->width = (high - low) / h->bins;
    if (!whole) return;
    h->width = ceil((high - low + 1.0) / h->bins);
    h->bins = (int)ceil((high - low + 1.0) / h->width);
    h->low = low - 0.5;
}

static void fill(const pleat_point *point, size_t n, const pleat_explored_histogram *h,
                 double *bin) {
    double total = 0.0;
    for (size_t i = 0; i < n; i++) total += (double)point[i].weight;
    for (size_t i = 0; i < n; i++) {
        const double at = floor(((double)point[i].value - h->low) / h->width);
        const int last = at == h->bins && (double)point[i].value <= h->low + h->width * h->bins;
        if (at >= 0.0 && at < h->bins + last)
            bin[last ? h->bins - 1 : (int)at] += (double)point[i].weight / total;
    }
}

typedef struct points {
    pleat_point *point;
    size_t n;
} points;

/* Class -1: all voxels. */
static pleat_status gather_points(const explore_lumps *lumps, const int *use, int channel, int c,
                                  const pleat_exploration *e, double *weight, points *out) {
    pleat_explored_values values;
    for (size_t i = 0; c < 0 && i < lumps->n; i++) {
        const explore_lump *l = &lumps->lump[i];
        weight[i] = use[l->at] && l->channel == channel
                        ? 1.0 / (double)pleat_voxels(e->of[l->at].dim)
                        : 0.0;
    }
    if (c >= 0) weigh_class(lumps, use, channel, c, e, weight);
    return explore_mix(lumps, weight, &values, &out->point, &out->n);
}

/* The lumps with points of values that compare between cases: from the mean of their channel, in
 * its standard deviations. *point is the caller's to free. */
static pleat_status scale_points(const explore_lumps *lumps, int channel,
                                 const pleat_exploration *e, pleat_point **point,
                                 explore_lumps *out) {
    size_t n = 0;
    for (size_t i = 0; i < lumps->n; i++) n += (size_t)lumps->lump[i].points;
    *point = malloc((n + 1) * sizeof **point);
    PLEAT_CHECK(*point != NULL, PLEAT_ERR_MEMORY, "no memory for the values of a channel");
    *out = (explore_lumps){lumps->lump, *point, lumps->n};
    memcpy(*point, lumps->point, n * sizeof **point);
    for (size_t i = 0; i < lumps->n; i++) {
        const explore_lump *l = &lumps->lump[i];
        const pleat_explored_values *v = &e->of[l->at].channel[channel];
        const double sd = v->sd > 0.0 ? v->sd : 1.0;
        for (int k = 0; l->channel == channel && k < l->points; k++) {
            pleat_point *p = *point + l->first + k;
            p->value = (float)(((double)p->value - v->mean) / sd);
        }
    }
    return PLEAT_OK;
}

static pleat_status make_histogram(const explore_lumps *lumps, const int *use, int channel,
                                   double *weight, points *of, pleat_exploration *e) {
    pleat_explored_histogram *h = &e->histogram[channel];
    const int classes = e->classes.n;
    double low = INFINITY, high = -INFINITY;
    int whole = 1;
    h->of_class = calloc((size_t)classes + 1, sizeof *h->of_class);
    PLEAT_CHECK(h->of_class != NULL, PLEAT_ERR_MEMORY, "no memory for %d classes", classes);
    for (int c = -1; c < classes; c++) {
        points *p = &of[c + 1];
        PLEAT_TRY(gather_points(lumps, use, channel, c, e, weight, p));
        if (c != 0) whole &= look_at(p->point, p->n, &low, &high); /* all has the background */
    }
    if (of[0].n == 0) return PLEAT_OK;
    set_bins(low, high, whole, h);
    fill(of[0].point, of[0].n, h, h->all);
    for (int c = 0; c < classes; c++) fill(of[c + 1].point, of[c + 1].n, h, h->of_class[c]);
    return PLEAT_OK;
}

pleat_status explore_histograms(const explore_lumps *lumps, const int *use, pleat_exploration *e) {
    double *weight = malloc((lumps->n + 1) * sizeof *weight);
    points *of = calloc((size_t)e->classes.n + 1, sizeof *of);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, weight != NULL && of != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d classes", e->classes.n);
    for (int k = 0; k < e->channels && status == PLEAT_OK; k++) {
        explore_lumps scaled = *lumps;
        pleat_point *point = NULL;
        e->histogram[k].scaled = e->fingerprint.channel[k].modality != PLEAT_MODALITY_CT;
        if (e->histogram[k].scaled) status = scale_points(lumps, k, e, &point, &scaled);
        if (status == PLEAT_OK) status = make_histogram(&scaled, use, k, weight, of, e);
        free(point);
        for (int c = 0; c <= e->classes.n; c++) {
            free(of[c].point);
            of[c] = (points){0};
        }
    }
done:
    free(of);
    free(weight);
    return status;
}
