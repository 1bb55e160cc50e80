/*
 * tone.h - the pointwise half of augmentation: contrast, brightness and gamma as one function.
 *
 *   contrast     x <- clamp((x - mean) f + mean, min, max)
 *   brightness   x <- m x
 *   gamma        y = ((x - min) / (R + 1e-7))^g (R + 1e-7) + min,  R = max - min
 *                x <- (y - mean(y) + mean(x)) / (std(y) + 1e-8) std(x)
 *
 * Minimum, maximum, mean and deviation are those of the whole volume as it is before each step.
 * They come from the histogram: the bins' values go through the same steps as the voxels.
 */
#ifndef PLEAT_TONE_H
#define PLEAT_TONE_H

#include "pleat/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_tone {
    int contrast, brightness, gamma; /* steps that are on */
    float factor, mean, low, high;   /* contrast */
    float multiplier;                /* brightness */
    float exponent, base, range;     /* gamma: x -> ((x - base) / range)^exponent * range */
    float shift, gain;               /* gamma, then: y -> (y + shift) * gain */
    float darkest;                   /* what the volume's minimum becomes */
} pleat_tone;

pleat_tone pleat_tone_make(const pleat_sample *sample, const pleat_histogram *histogram);

/* row[n] in place. */
void pleat_tone_apply(const pleat_tone *tone, float *row, int n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_TONE_H */
