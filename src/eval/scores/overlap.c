/* overlap.c - confusion matrix, the six scores made of it, and their summary over cases. */
#include "pleat/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Neighbouring voxels mostly fall into one cell; four tables in turn keep the increments from
 * waiting for each other. */
#define LANES           4
#define PARALLEL_VOXELS 1000000 /* below, threads cost more than they save */

static pleat_status refuse_label(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes) {
    size_t i = 0;
    while (i < n && truth[i] < classes && predicted[i] < classes) i++;
    const int in_truth = truth[i] >= classes;
    return PLEAT_FAIL(PLEAT_ERR_DATA, "%s has label %d at voxel %zu, but labels go from 0 to %d",
                      in_truth ? "truth" : "prediction", in_truth ? truth[i] : predicted[i], i,
                      classes - 1);
}

/* confusion[side][side], truth and prediction; side is one more than classes, where every label
 * that is no class is counted. 0 when there is no memory. */
static int confuse(const uint8_t *truth, const uint8_t *predicted, size_t n, int classes,
                   int64_t *confusion) {
    const int side = classes + 1;
    const size_t cells = (size_t)side * (size_t)side;
    int failed = 0;
#pragma omp parallel if (n >= PARALLEL_VOXELS) reduction(+ : failed)
    {
        int64_t *mine = calloc(LANES * cells, sizeof *mine); /* 2 MiB for 255 classes */
        failed += mine == NULL;
#pragma omp for schedule(static)
        for (size_t i = 0; i < n; i++) {
            if (mine == NULL) continue;
            const int t = truth[i] < classes ? truth[i] : classes;
            const int p = predicted[i] < classes ? predicted[i] : classes;
            mine[i % LANES * cells + (size_t)(t * side + p)]++;
        }
#pragma omp critical(pleat_confuse)
        for (size_t cell = 0; cell < LANES * cells && mine != NULL; cell++)
            confusion[cell % cells] += mine[cell];
        free(mine);
    }
    return failed == 0;
}

pleat_status pleat_metrics_count(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes, pleat_counts *out) {
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes asked for; 1 to %d are possible", classes, PLEAT_MAX_CLASSES);
    const int side = classes + 1;
    int64_t in_truth[PLEAT_MAX_CLASSES + 1] = {0}, in_prediction[PLEAT_MAX_CLASSES + 1] = {0};
    int64_t *confusion = calloc((size_t)side * (size_t)side, sizeof *confusion);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done,
                     confusion != NULL && confuse(truth, predicted, n, classes, confusion),
                     PLEAT_ERR_MEMORY, "no memory to count %d classes", classes);
    for (int t = 0; t <= classes; t++)
        for (int p = 0; p <= classes; p++) {
            in_truth[t] += confusion[t * side + p];
            in_prediction[p] += confusion[t * side + p];
        }
    if (in_truth[classes] + in_prediction[classes] > 0)
        PLEAT_TRY_GOTO(status, done, refuse_label(truth, predicted, n, classes));
    for (int c = 0; c < classes; c++) {
        const int64_t tp = confusion[c * side + c];
        const int64_t fp = in_prediction[c] - tp, fn = in_truth[c] - tp;
        out[c] = (pleat_counts){tp, fp, fn, (int64_t)n - tp - fp - fn};
    }
done:
    free(confusion);
    return status;
}

static double ratio(int64_t part, int64_t whole) {
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

static double dsc(const pleat_counts *c) { return ratio(2 * c->tp, 2 * c->tp + c->fp + c->fn); }
static double iou(const pleat_counts *c) { return ratio(c->tp, c->tp + c->fp + c->fn); }
static double sens(const pleat_counts *c) { return ratio(c->tp, c->tp + c->fn); }
static double spec(const pleat_counts *c) { return ratio(c->tn, c->tn + c->fp); }
static double prec(const pleat_counts *c) { return ratio(c->tp, c->tp + c->fp); }
static double acc(const pleat_counts *c) {
    return ratio(c->tp + c->tn, c->tp + c->fp + c->fn + c->tn);
}

static const struct {
    const char *name;
    double (*of)(const pleat_counts *counts);
} scores[PLEAT_SCORES] = {
    [PLEAT_DSC] = {"DSC", dsc},    [PLEAT_IOU] = {"IoU", iou},    [PLEAT_SENS] = {"Sens", sens},
    [PLEAT_SPEC] = {"Spec", spec}, [PLEAT_PREC] = {"Prec", prec}, [PLEAT_ACC] = {"Acc", acc},
};

const char *pleat_metrics_name(pleat_score which) { return scores[which].name; }

double pleat_metrics_score(pleat_score which, const pleat_counts *counts) {
    return scores[which].of(counts);
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

pleat_status pleat_metrics_summary(const double *x, int n, pleat_summary *out) {
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
        qsort(sorted, (size_t)s.n, sizeof *sorted, by_value);
        s.mean = sum / s.n;
        s.median = 0.5 * (sorted[(s.n - 1) / 2] + sorted[s.n / 2]);
    }
    for (int i = 0; i < s.n; i++) squares += (sorted[i] - s.mean) * (sorted[i] - s.mean);
    if (s.n > 1) s.sd = sqrt(squares / (s.n - 1));
    free(sorted);
    *out = s;
    return PLEAT_OK;
}
