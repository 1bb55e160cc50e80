/*
 * dice_ce.c - nnU-Net's loss: soft Dice of the foreground plus cross-entropy.
 *
 *   dice          mean over samples and classes 1.. of  (2 TP + 1e-5) / max(P + Y + 1e-5, 1e-8)
 *   crossentropy  sum of E / (N V)
 *   loss          crossentropy - dice        from -1; what is minimised
 *
 * dice_ce takes Dice of each sample; batch_dice_ce of the whole batch, over all ranks. Source:
 * nnU-Net's training/loss/dice.py and compound_losses.py; docs/math.md.
 */
#include "pleat/losses.h"

#include <math.h>

#define SMOOTH 1e-5
#define LEAST  1e-8

enum { LOSS, DICE, CROSSENTROPY, METRICS };

static const char *const names[METRICS] = {
    [LOSS] = "loss", [DICE] = "dice", [CROSSENTROPY] = "crossentropy"};

static void values(const double *sums, int n, size_t voxels, int classes, double *out) {
    const size_t k = (size_t)classes;
    double dice = 0, entropy = 0;
    for (size_t b = 0; b < (size_t)n; b++) {
        const double *tp = sums + b * (3 * k + 1), *p = tp + k, *y = p + k;
        for (size_t c = 1; c < k; c++)
            dice += (2 * tp[c] + SMOOTH) / fmax(p[c] + y[c] + SMOOTH, LEAST);
        entropy += tp[3 * k];
    }
    out[DICE] = dice / ((double)n * (classes - 1));
    out[CROSSENTROPY] = entropy / ((double)n * (double)voxels);
    out[LOSS] = out[CROSSENTROPY] - out[DICE];
}

static void slopes(const double *sums, int classes, double *out) {
    const double *tp = sums, *p = sums + classes, *y = p + classes;
    out[0] = out[classes] = 0;
    for (int c = 1; c < classes; c++) {
        const double den = fmax(p[c] + y[c] + SMOOTH, LEAST);
        out[c] = -2 / ((classes - 1) * den);
        out[classes + c] = (2 * tp[c] + SMOOTH) / ((classes - 1) * den * den);
    }
}

const pleat_loss pleat_loss_dice_ce = {
    .name = "dice_ce",
    .what = "nnU-Net's, cross-entropy less the foreground's Dice of each sample",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .values = values,
    .slopes = slopes,
};

const pleat_loss pleat_loss_batch_dice_ce = {
    .name = "batch_dice_ce",
    .what = "the same with Dice of the whole batch",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .of_batch = 1,
    .values = values,
    .slopes = slopes,
};
