/* loss.c - from the engine's sums to the five numbers that are logged. */
#include "pleat/loss.h"

#define TVERSKY_SMOOTH 1e-6
#define DICE_SMOOTH    1e-5

void pleat_loss_from_sums(const double *sums, int n, size_t voxels, int classes,
                          pleat_loss_values *out) {
    const size_t k = (size_t)classes;
    double index = 0, dice = 0, entropy = 0; /* over all samples and classes */
    for (int b = 0; b < n; b++) {
        const double *tp = sums + (size_t)b * (3 * k + 1);
        const double *p = tp + k, *y = p + k;
        for (size_t c = 0; c < k; c++) {
            index += (tp[c] + TVERSKY_SMOOTH) / (0.5 * p[c] + 0.5 * y[c] + TVERSKY_SMOOTH);
            dice += (2 * tp[c] + DICE_SMOOTH) / (p[c] + y[c] + DICE_SMOOTH);
        }
        entropy += tp[3 * k];
    }
    out->tversky = classes - index / n;
    out->crossentropy = entropy / ((double)n * (double)voxels);
    out->loss = out->tversky + out->crossentropy;
    out->dice_soft = dice / ((double)n * classes);
    out->dice_crossentropy = (1 - out->dice_soft) + out->crossentropy;
}
