/*
 * overlap.c - the scores that the counts alone decide.
 *
 *   DSC  2tp / (2tp + fp + fn)     Sens  tp / (tp + fn)     Prec  tp / (tp + fp)
 *   IoU   tp / (tp + fp + fn)      Spec  tn / (tn + fp)     Acc   (tp + tn) / n
 *
 * A class absent in truth and prediction has no DSC, IoU, Sens or Prec; absent in the truth alone
 * it has no Sens and DSC 0. These are the scores, their order and the rule for 0/0 of the
 * original's run_evaluation.py.
 */
#include "families.h"

#include <math.h>

static double ratio(int64_t part, int64_t whole) {
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

static double dsc(const pleat_judged *of, const void *shared) {
    (void)shared;
    const pleat_counts *c = &of->counts;
    return ratio(2 * c->tp, 2 * c->tp + c->fp + c->fn);
}

static double iou(const pleat_judged *of, const void *shared) {
    (void)shared;
    const pleat_counts *c = &of->counts;
    return ratio(c->tp, c->tp + c->fp + c->fn);
}

static double sens(const pleat_judged *of, const void *shared) {
    (void)shared;
    return ratio(of->counts.tp, of->counts.tp + of->counts.fn);
}

static double spec(const pleat_judged *of, const void *shared) {
    (void)shared;
    return ratio(of->counts.tn, of->counts.tn + of->counts.fp);
}

static double prec(const pleat_judged *of, const void *shared) {
    (void)shared;
    return ratio(of->counts.tp, of->counts.tp + of->counts.fp);
}

static double acc(const pleat_judged *of, const void *shared) {
    (void)shared;
    const pleat_counts *c = &of->counts;
    return ratio(c->tp + c->tn, c->tp + c->fp + c->fn + c->tn);
}

static const pleat_score rows[] = {
    {.name = "DSC",
     .title = "Dice (DSC)",
     .unit = "",
     .what = "2 TP / (2 TP + FP + FN)",
     .nnunet = "Dice",
     .original = 1,
     .brief = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = dsc},
    {.name = "IoU",
     .title = "Intersection over union (IoU)",
     .unit = "",
     .what = "TP / (TP + FP + FN)",
     .nnunet = "IoU",
     .original = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = iou},
    {.name = "Sens",
     .role = PLEAT_SENSITIVITY,
     .title = "Sensitivity (Sens)",
     .unit = "",
     .what = "TP / (TP + FN)",
     .original = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = sens},
    {.name = "Spec",
     .title = "Specificity (Spec)",
     .unit = "",
     .what = "TN / (TN + FP)",
     .original = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .compute = spec},
    {.name = "Prec",
     .title = "Precision (Prec)",
     .unit = "",
     .what = "TP / (TP + FP)",
     .original = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = prec},
    {.name = "Acc",
     .title = "Accuracy (Acc)",
     .unit = "",
     .what = "(TP + TN) / n",
     .original = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .compute = acc},
};

const pleat_score_family pleat_scores_overlap = {
    .score = rows,
    .n = sizeof rows / sizeof *rows,
};
