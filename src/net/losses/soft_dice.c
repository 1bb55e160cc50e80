/*
 * soft_dice.c - the plain soft-Dice loss of each sample and class, background too.
 *
 *   dice_soft   mean over samples and classes of  (2 TP + 1e-5) / (P + Y + 1e-5)     0..1
 *   loss        1 - dice_soft
 *
 * Source: MIScnn's metrics.py, dice_soft_loss; Milletari et al. 2016 without the squares.
 */
#include "pleat/losses.h"

#define SMOOTH 1e-5

enum { LOSS, DICE_SOFT, METRICS };

static const char *const names[METRICS] = {[LOSS] = "loss", [DICE_SOFT] = "dice_soft"};

static void values(const double *sums, int n, double voxels, int classes, double *out) {
    const size_t k = (size_t)classes;
    double dice = 0;
    (void)voxels;
    for (size_t b = 0; b < (size_t)n; b++) {
        const double *tp = sums + b * PLEAT_LOSS_SUMS(k), *p = tp + k, *y = p + k;
        for (size_t c = 0; c < k; c++) dice += (2 * tp[c] + SMOOTH) / (p[c] + y[c] + SMOOTH);
    }
    out[DICE_SOFT] = dice / ((double)n * classes);
    out[LOSS] = 1 - out[DICE_SOFT];
}

static void slopes(const double *sums, int classes, double *out) {
    const double *tp = sums, *p = sums + classes, *y = p + classes;
    for (int c = 0; c < classes; c++) {
        const double den = p[c] + y[c] + SMOOTH;
        out[c] = -2 / (classes * den);
        out[classes + c] = (2 * tp[c] + SMOOTH) / (classes * den * den);
    }
}

const pleat_loss pleat_loss_soft_dice = {
    .name = "soft_dice",
    .what = "1 - soft Dice, mean over all classes",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE_SOFT,
    .crossentropy = 0,
    .values = values,
    .slopes = slopes,
};
