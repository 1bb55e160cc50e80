/*
 * dice_ce.c - nnU-Net's loss: soft Dice of the foreground plus cross-entropy.
 *
 *   dice          mean over samples and classes 1.. of  (2 TP + 1e-5) / max(P + Y + 1e-5, 1e-8)
 *   crossentropy  sum of E / (N V)
 *   loss          crossentropy - dice        from -1; what is minimised
 *
 * dice_ce takes Dice of each sample; batch_dice_ce of the whole batch, over all ranks. dice_bce and
 * batch_dice_bce are those of regions: all K channels have a Dice, and the mean of E is over voxels
 * and channels, E / (N V K). (With a label to ignore nnU-Net forgets to divide by K.) Source:
 * nnU-Net's training/loss/dice.py and compound_losses.py; docs/math.md.
 */
#include "pleat/losses.h"

#include <math.h>

#define SMOOTH 1e-5
#define LEAST  1e-8

enum { LOSS, DICE, CROSSENTROPY, METRICS };

static const char *const names[METRICS] = {
    [LOSS] = "loss", [DICE] = "dice", [CROSSENTROPY] = "crossentropy"};

/* Dice over the channels from `first`. */
static void values_of(int first, const double *sums, int n, int classes, double *out) {
    const size_t k = (size_t)classes;
    double dice = 0, entropy = 0;
    for (size_t b = 0; b < (size_t)n; b++) {
        const double *tp = sums + b * PLEAT_LOSS_SUMS(k), *p = tp + k, *y = p + k;
        for (size_t c = (size_t)first; c < k; c++)
            dice += (2 * tp[c] + SMOOTH) / fmax(p[c] + y[c] + SMOOTH, LEAST);
        entropy += tp[3 * k];
    }
    out[DICE] = dice / ((double)n * (classes - first));
    out[CROSSENTROPY] = entropy / n;
}

static void slopes_of(int first, const double *sums, int classes, double *out) {
    const double *tp = sums, *p = sums + classes, *y = p + classes;
    out[0] = out[classes] = 0;
    for (int c = first; c < classes; c++) {
        const double den = fmax(p[c] + y[c] + SMOOTH, LEAST);
        out[c] = -2 / ((classes - first) * den);
        out[classes + c] = (2 * tp[c] + SMOOTH) / ((classes - first) * den * den);
    }
}

static void values(const double *sums, int n, double voxels, int classes, double *out) {
    values_of(1, sums, n, classes, out);
    out[CROSSENTROPY] /= voxels;
    out[LOSS] = out[CROSSENTROPY] - out[DICE];
}

static void slopes(const double *sums, int classes, double *out) {
    slopes_of(1, sums, classes, out);
}

static void values_of_regions(const double *sums, int n, double voxels, int regions, double *out) {
    values_of(0, sums, n, regions, out);
    out[CROSSENTROPY] /= voxels * regions;
    out[LOSS] = out[CROSSENTROPY] - out[DICE];
}

static void slopes_of_regions(const double *sums, int regions, double *out) {
    slopes_of(0, sums, regions, out);
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
    .what = "nnU-Net's, cross-entropy less the foreground's Dice of the whole batch",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .of_batch = 1,
    .values = values,
    .slopes = slopes,
};

static const char *const names_of_regions[METRICS] = {
    [LOSS] = "loss", [DICE] = "dice", [CROSSENTROPY] = "binary_crossentropy"};

const pleat_loss pleat_loss_dice_bce = {
    .name = "dice_bce",
    .what = "nnU-Net's of regions, binary cross-entropy less the Dice of each sample",
    .metrics = names_of_regions,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .of_regions = 1,
    .values = values_of_regions,
    .slopes = slopes_of_regions,
};

const pleat_loss pleat_loss_batch_dice_bce = {
    .name = "batch_dice_bce",
    .what = "nnU-Net's of regions, binary cross-entropy less the Dice of the whole batch",
    .metrics = names_of_regions,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .of_batch = 1,
    .of_regions = 1,
    .values = values_of_regions,
    .slopes = slopes_of_regions,
};
