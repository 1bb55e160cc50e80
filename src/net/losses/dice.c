/*
 * dice.c - MIScnn's other Dice losses.
 *
 *   dice_coefficient    1 - (2 TP + s) / (P + Y + s), all added over samples and classes
 *   dice_crossentropy   1 - mean over samples and classes of the same of each, plus cross-entropy
 *
 * s = 1e-5. Source: MIScnn's metrics.py, dice_coefficient_loss and dice_crossentropy.
 */
#include "pleat/losses.h"

#define SMOOTH 1e-5

enum { LOSS, DICE, CROSSENTROPY, METRICS };

static const char *const names[METRICS] = {
    [LOSS] = "loss", [DICE] = "dice_soft", [CROSSENTROPY] = "crossentropy"};

/* Of a batch added up: over its classes too. */
static void add_classes(const double *sums, int classes, double *tp, double *all) {
    *tp = *all = 0;
    for (int c = 0; c < classes; c++) {
        *tp += sums[c];
        *all += sums[classes + c] + sums[2 * classes + c];
    }
}

static void pooled_values(const double *sums, int n, double voxels, int classes, double *out) {
    double tp, all, dice = 0;
    (void)voxels;
    for (int b = 0; b < n; b++) {
        add_classes(sums + (size_t)b * PLEAT_LOSS_SUMS((size_t)classes), classes, &tp, &all);
        dice += (2 * tp + SMOOTH) / (all + SMOOTH) / n;
    }
    out[DICE] = dice;
    out[LOSS] = 1 - dice;
}

static void pooled_slopes(const double *sums, int classes, double *out) {
    double tp, all;
    add_classes(sums, classes, &tp, &all);
    for (int c = 0; c < classes; c++) {
        out[c] = -2 / (all + SMOOTH);
        out[classes + c] = (2 * tp + SMOOTH) / ((all + SMOOTH) * (all + SMOOTH));
    }
}

const pleat_loss pleat_loss_dice_coefficient = {
    .name = "dice_coefficient",
    .what = "MIScnn's, 1 - soft Dice of all voxels and classes of the batch together",
    .metrics = names,
    .n_metrics = CROSSENTROPY, /* the last is not among them */
    .shown = DICE,
    .of_batch = 1,
    .values = pooled_values,
    .slopes = pooled_slopes,
};

extern const pleat_loss pleat_loss_soft_dice; /* a row of LOSSES, losses.c */

/* soft_dice's own, which has the same places for loss and Dice, and the cross-entropy. */
static void values(const double *sums, int n, double voxels, int classes, double *out) {
    const size_t k = (size_t)classes;
    double entropy = 0;
    for (size_t b = 0; b < (size_t)n; b++) entropy += sums[b * PLEAT_LOSS_SUMS(k) + 3 * k];
    pleat_loss_soft_dice.values(sums, n, voxels, classes, out);
    out[CROSSENTROPY] = entropy / ((double)n * voxels);
    out[LOSS] = 1 - out[DICE] + out[CROSSENTROPY];
}

static void slopes(const double *sums, int classes, double *out) {
    pleat_loss_soft_dice.slopes(sums, classes, out);
}

const pleat_loss pleat_loss_dice_crossentropy = {
    .name = "dice_crossentropy",
    .what = "MIScnn's, 1 - soft Dice, mean over all classes, plus cross-entropy",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .values = values,
    .slopes = slopes,
};
