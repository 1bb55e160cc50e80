/*
 * tversky_crossentropy.c - the original's loss: Tversky summed over classes plus cross-entropy.
 *
 *   tversky_loss       mean over samples of  K - sum_c (TP + 1e-6) / (0.5 P + 0.5 Y + 1e-6)   0..K
 *   crossentropy       sum of E / (N V): padding adds nothing but is counted
 *   loss               tversky_loss + crossentropy; what is minimised
 *   dice_soft          mean over samples and c of  (2 TP + 1e-5) / (P + Y + 1e-5)             0..1
 *   dice_crossentropy  (1 - dice_soft) + crossentropy
 *
 * Source: MIScnn's metrics.py, tversky_crossentropy and dice_crossentropy; docs/math.md.
 */
#include "pleat/losses.h"

#define TVERSKY_SMOOTH 1e-6
#define DICE_SMOOTH    1e-5

enum { LOSS, TVERSKY, DICE_SOFT, DICE_CROSSENTROPY, METRICS };

static const char *const names[METRICS] = {
    [LOSS] = "loss",
    [TVERSKY] = "tversky_loss",
    [DICE_SOFT] = "dice_soft",
    [DICE_CROSSENTROPY] = "dice_crossentropy",
};

static void values(const double *sums, int n, double voxels, int classes, double *out) {
    const size_t k = (size_t)classes;
    double index = 0, dice = 0, entropy = 0; /* over all samples and classes */
    for (int b = 0; b < n; b++) {
        const double *tp = sums + (size_t)b * PLEAT_LOSS_SUMS(k);
        const double *p = tp + k, *y = p + k;
        for (size_t c = 0; c < k; c++) {
            index += (tp[c] + TVERSKY_SMOOTH) / (0.5 * p[c] + 0.5 * y[c] + TVERSKY_SMOOTH);
            dice += (2 * tp[c] + DICE_SMOOTH) / (p[c] + y[c] + DICE_SMOOTH);
        }
        entropy += tp[3 * k];
    }
    const double crossentropy = entropy / ((double)n * voxels);
    out[TVERSKY] = classes - index / n;
    out[LOSS] = out[TVERSKY] + crossentropy;
    out[DICE_SOFT] = dice / ((double)n * classes);
    out[DICE_CROSSENTROPY] = (1 - out[DICE_SOFT]) + crossentropy;
}

static void slopes(const double *sums, int classes, double *out) {
    const double *tp = sums, *p = sums + classes, *y = p + classes;
    for (int c = 0; c < classes; c++) {
        const double num = tp[c] + TVERSKY_SMOOTH;
        const double den = 0.5 * p[c] + 0.5 * y[c] + TVERSKY_SMOOTH;
        out[c] = -(1 / den);
        out[classes + c] = 0.5 * num / (den * den);
    }
}

const pleat_loss pleat_loss_tversky_crossentropy = {
    .name = "tversky_crossentropy",
    .what = "the original's, Tversky summed over the classes plus cross-entropy",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE_SOFT,
    .crossentropy = 1,
    .values = values,
    .slopes = slopes,
};
