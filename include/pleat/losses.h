/*
 * losses.h - the losses: from an engine's sums to the logged metrics and to the gradient.
 *
 * Per sample and class c an engine sums over the V voxels v of a patch (y the one-hot truth, all
 * zero in padding; p the softmax):
 *
 *   TP = sum y p    P = sum p    Y = sum y    and, once per sample, E = sum -ln p_label
 *
 * or what else E is: pleat_targets of engine.h. A loss is a mean over the samples of
 * L(TP, P, Y) + w E / V.  Its slopes A = dL/dTP and B = dL/dP say all that the engine needs:
 * dL/dp_vc = A_c y_vc + B_c. The term of E is the engine's.
 *
 * Voxels to be ignored are in no sum, and V is then how many of a sample's voxels count, the mean
 * over the samples of the step, those of other ranks too.
 *
 * A loss `of_batch` adds the sums over all samples of the step, those of other ranks too, before
 * it looks at them, as if the batch were one sample (nnU-Net's batch_dice).
 *
 * A loss of the `top` hundredths takes for E what the voxels with the largest make of it (nnU-Net's
 * TopK): their E, times how often these voxels go into all that count, the batch's of all ranks.
 *
 * One file a loss in src/net/losses/, one row in src/net/losses.c.
 */
#ifndef PLEAT_LOSSES_H
#define PLEAT_LOSSES_H

#include "pleat/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_MOST_METRICS 7 /* of a loss */

typedef struct pleat_loss {
    const char *name;           /* of train.loss: "tversky_crossentropy" */
    const char *what;           /* one line, for the manual */
    const char *const *metrics; /* [n_metrics] names of what is logged; the first is "loss" */
    int n_metrics;
    int shown;           /* the metric that the log shows beside the loss */
    double crossentropy; /* w */
    int of_batch;
    double top;     /* hundredths of the voxels, those of the largest E, that E is of; 0: all */
    int of_regions; /* its K channels are regions that may overlap, not classes */
    int of_two;     /* it counts background and one class, and no further ones */
    /* w_c, then g_c of the engine's E: out[2K]; NULL: all 1 and 0, cross-entropy. */
    void (*focus)(int classes, double *out);
    /* out[n_metrics] of n samples: means over them. sums: double [n][3K+2], TP_c, P_c, Y_c, E, as
     * loss_forward of engine.h leaves them; `voxels` of a sample count, on the mean. n, voxels and
     * classes are at least 1. */
    void (*values)(const double *sums, int n, double voxels, int classes, double *out);
    /* A_c, then B_c, of one sample: slopes[2K], from its sums [3K+2]. */
    void (*slopes)(const double *sums, int classes, double *slopes);
} pleat_loss;

/* The losses, the default first; ends with NULL. */
extern const pleat_loss *const pleat_losses[];

/* Name of one of them, by its place; NULL after the last. */
const char *pleat_loss_name(int place);
/* Its line for the manual. */
const char *pleat_loss_what(int place);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LOSSES_H */
