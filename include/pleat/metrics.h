/*
 * metrics.h - how well a predicted label map agrees with the truth.
 *
 * Each class is judged one against the rest: a voxel of class c counts as
 *
 *                    truth c   truth other
 *     predicted c       tp         fp          and every voxel lies in one of the four,
 *     predicted other   fn         tn          so tp + fp + fn + tn = n for each class
 *
 *   DSC  2tp / (2tp + fp + fn)     Sens  tp / (tp + fn)     Prec  tp / (tp + fp)
 *   IoU   tp / (tp + fp + fn)      Spec  tn / (tn + fp)     Acc   (tp + tn) / n
 *
 * 0/0 is NaN and means "undefined": it is left out of means, deviations and medians, and counted.
 * A class absent in truth and prediction has no DSC, IoU, Sens or Prec; absent in the truth alone
 * it has no Sens and DSC 0. These are the scores and the rule of the original's run_evaluation.py.
 */
#ifndef PLEAT_METRICS_H
#define PLEAT_METRICS_H

#include "pleat/volume.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_counts {
    int64_t tp, fp, fn, tn; /* voxels */
} pleat_counts;

typedef enum pleat_score { /* in the order of the original's detailed file */
                           PLEAT_DSC,
                           PLEAT_IOU,
                           PLEAT_SENS,
                           PLEAT_SPEC,
                           PLEAT_PREC,
                           PLEAT_ACC,
                           PLEAT_SCORES, /* how many */
} pleat_score;

typedef struct pleat_summary {
    double mean;
    double sd; /* of the sample, n - 1 in the denominator; NaN when n < 2 */
    double median;
    int n;         /* values that are defined; with none, mean and median are NaN too */
    int undefined; /* values that are NaN */
} pleat_summary;

/* truth[n], predicted[n]: labels 0 .. classes-1, classes <= PLEAT_MAX_CLASSES; out[classes]. One
 * pass over both. ERR_DATA names the first voxel whose label is no class. */
pleat_status pleat_metrics_count(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes, pleat_counts *out);

/* "DSC", "IoU", "Sens", "Spec", "Prec", "Acc". */
const char *pleat_metrics_name(pleat_score which);

/* 0 .. 1, or NaN for 0/0. */
double pleat_metrics_score(pleat_score which, const pleat_counts *counts);

/* Of x[n], NaN left out; n may be 0. ERR_MEMORY. */
pleat_status pleat_metrics_summary(const double *x, int n, pleat_summary *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_METRICS_H */
