/*
 * volume.c - how much of a class there is, in ml.
 *
 *   TruthVol, PredVol   of truth and prediction          VolDiff  PredVol - TruthVol
 *   VolSim   1 - |PredVol - TruthVol| / (PredVol + TruthVol)   (Taha and Hanbury 2015)
 *   FPVol    of the prediction where the truth has none; undefined where it has some
 *
 * All are undefined in a case whose voxels are all to be ignored.
 */
#include "families.h"

#include <math.h>
#include <stdlib.h>

#define MM3_IN_ML 1000.0

/* *shared: the mm3 of a voxel. */
static pleat_status measure_voxel(const pleat_judged *of, void **shared) {
    double *mm3 = malloc(sizeof *mm3);
    PLEAT_CHECK(mm3 != NULL, PLEAT_ERR_MEMORY, "no memory for the volume of a voxel");
    *mm3 = of->pair->voxel;
    *shared = mm3;
    return PLEAT_OK;
}

/* Of so many voxels of those that count. Divided last: 58907 mm3 are 58.907 ml, and not the nearest
 * double but one. */
static double in_ml(const pleat_judged *of, double voxels, const void *shared) {
    const pleat_counts *n = &of->counts;
    const int none = n->tp + n->fp + n->fn + n->tn == 0;
    return none ? (double)NAN : voxels * *(const double *)shared / MM3_IN_ML;
}

static double in_truth(const pleat_judged *of) { return (double)(of->counts.tp + of->counts.fn); }

static double in_prediction(const pleat_judged *of) {
    return (double)(of->counts.tp + of->counts.fp);
}

static double truth(const pleat_judged *of, const void *shared) {
    return in_ml(of, in_truth(of), shared);
}

static double predicted(const pleat_judged *of, const void *shared) {
    return in_ml(of, in_prediction(of), shared);
}

static double difference(const pleat_judged *of, const void *shared) {
    return in_ml(of, (double)(of->counts.fp - of->counts.fn), shared);
}

static double similarity(const pleat_judged *of, const void *shared) {
    (void)shared;
    const double sum = in_truth(of) + in_prediction(of);
    return sum > 0.0 ? 1.0 - fabs(in_prediction(of) - in_truth(of)) / sum : (double)NAN;
}

static double false_positive(const pleat_judged *of, const void *shared) {
    return in_truth(of) > 0.0 ? (double)NAN : predicted(of, shared);
}

static const pleat_score rows[] = {
    {.name = "TruthVol",
     .role = PLEAT_TRUE_VOLUME,
     .title = "Volume of the truth (TruthVol)",
     .unit = "ml",
     .what = "voxels times their size",
     .better = PLEAT_NEITHER_IS_BETTER,
     .compute = truth},
    {.name = "PredVol",
     .role = PLEAT_PREDICTED_VOLUME,
     .title = "Volume of the prediction (PredVol)",
     .unit = "ml",
     .what = "voxels times their size",
     .better = PLEAT_NEITHER_IS_BETTER,
     .compute = predicted},
    {.name = "VolDiff",
     .title = "Volume of the prediction less that of the truth (VolDiff)",
     .unit = "ml",
     .what = "PredVol - TruthVol",
     .brief = 1,
     .better = PLEAT_NEITHER_IS_BETTER,
     .compute = difference},
    {.name = "VolSim",
     .title = "Volumetric similarity (VolSim)",
     .unit = "",
     .what = "1 - |FP - FN| / (2 TP + FP + FN)",
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = similarity},
    {.name = "FPVol",
     .title = "Volume predicted where the truth has none (FPVol)",
     .unit = "ml",
     .what = "PredVol of cases whose truth is empty",
     .better = PLEAT_LOWER_IS_BETTER,
     .compute = false_positive},
};

const pleat_score_family pleat_scores_volume = {
    .score = rows,
    .n = sizeof rows / sizeof *rows,
    .prepare = measure_voxel,
    .release = free,
};
