/*
 * topk.c - nnU-Net's losses of the voxels that are hardest to tell.
 *
 *   crossentropy        mean of -ln p_label over the tenth of the batch where that is largest
 *   topk_crossentropy   that alone
 *   dice_topk           that less dice_ce's Dice of each sample; batch_dice_topk of the whole batch
 *
 * The tenth is int(M / 10) of the M voxels of the batch that count, on all ranks, and of each head;
 * one at least. Voxels that are alike at its end share its last places. E has the weights of top.c,
 * so the rest is dice_ce's. Source: nnU-Net's training/loss/robust_ce_loss.py (TopKLoss) and
 * compound_losses.py (DC_and_topk_loss), where voxels to be ignored are counted in M, with 0.
 */
#include "pleat/losses.h"

#define HUNDREDTHS 10

enum { LOSS, CROSSENTROPY, METRICS };

static const char *const names[METRICS] = {[LOSS] = "loss", [CROSSENTROPY] = "crossentropy"};

static void values(const double *sums, int n, double voxels, int classes, double *out) {
    const size_t k = (size_t)classes;
    double entropy = 0;
    for (size_t b = 0; b < (size_t)n; b++) entropy += sums[b * PLEAT_LOSS_SUMS(k) + 3 * k];
    out[LOSS] = out[CROSSENTROPY] = entropy / ((double)n * voxels);
}

static void slopes(const double *sums, int classes, double *out) {
    (void)sums;
    for (int c = 0; c < 2 * classes; c++) out[c] = 0;
}

const pleat_loss pleat_loss_topk_crossentropy = {
    .name = "topk_crossentropy",
    .what = "nnU-Net's TopK, cross-entropy of the tenth of the batch's voxels where it is largest",
    .metrics = names,
    .n_metrics = METRICS,
    .shown = CROSSENTROPY,
    .crossentropy = 1,
    .top = HUNDREDTHS,
    .values = values,
    .slopes = slopes,
};

extern const pleat_loss pleat_loss_dice_ce; /* a row of LOSSES, losses.c */

enum { DICE_LOSS, DICE, DICE_CROSSENTROPY, DICE_METRICS }; /* dice_ce's places */

static const char *const names_with_dice[DICE_METRICS] = {
    [DICE_LOSS] = "loss", [DICE] = "dice", [DICE_CROSSENTROPY] = "crossentropy"};

static void dice_values(const double *sums, int n, double voxels, int classes, double *out) {
    pleat_loss_dice_ce.values(sums, n, voxels, classes, out);
}

static void dice_slopes(const double *sums, int classes, double *out) {
    pleat_loss_dice_ce.slopes(sums, classes, out);
}

const pleat_loss pleat_loss_dice_topk = {
    .name = "dice_topk",
    .what = "nnU-Net's, that cross-entropy less the foreground's Dice of each sample",
    .metrics = names_with_dice,
    .n_metrics = DICE_METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .top = HUNDREDTHS,
    .values = dice_values,
    .slopes = dice_slopes,
};

const pleat_loss pleat_loss_batch_dice_topk = {
    .name = "batch_dice_topk",
    .what = "nnU-Net's, that cross-entropy less the foreground's Dice of the whole batch",
    .metrics = names_with_dice,
    .n_metrics = DICE_METRICS,
    .shown = DICE,
    .crossentropy = 1,
    .of_batch = 1,
    .top = HUNDREDTHS,
    .values = dice_values,
    .slopes = dice_slopes,
};
