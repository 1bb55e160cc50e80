/*
 * loss.h - from the engine's sums to the five numbers that are logged.
 *
 * Per sample b and class c the engine sums, over the V voxels v of the patch (y the one-hot
 * truth, all zero in padding; p the softmax):
 *
 *   TP = sum y p    P = sum p    Y = sum y    and, once per sample, E = sum -ln p_label
 *
 *   tversky            mean over b of  K - sum_c (TP + 1e-6) / (0.5 P + 0.5 Y + 1e-6)    0..K
 *   crossentropy       sum_b E / (N V): padding adds nothing but is counted
 *   loss               tversky + crossentropy; what is minimised
 *   dice_soft          mean over b, c of  (2 TP + 1e-5) / (P + Y + 1e-5)                 0..1
 *   dice_crossentropy  (1 - dice_soft) + crossentropy
 */
#ifndef PLEAT_LOSS_H
#define PLEAT_LOSS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_loss_values {
    double loss, tversky, dice_soft, dice_crossentropy, crossentropy;
} pleat_loss_values;

/* sums: host double [n][3*classes+1], TP_c, P_c, Y_c, E, as loss_forward of engine.h leaves them;
 * voxels: V, of one sample. n, voxels and classes are at least 1. */
void pleat_loss_from_sums(const double *sums, int n, size_t voxels, int classes,
                          pleat_loss_values *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LOSS_H */
