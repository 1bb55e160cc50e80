/*
 * intensity_augment.h - contrast, brightness and gamma of a patch, as one function of a voxel.
 *
 *   contrast     x <- clamp((x - mean) f + mean, min, max)
 *   brightness   x <- m x
 *   gamma        y = ((x - min) / (R + 1e-7))^g (R + 1e-7) + min,  R = max - min
 *                x <- (y - mean(y) + mean(x)) / (std(y) + 1e-8) std(x)
 *
 * Minimum, maximum, mean and deviation are those of the whole volume as it is before each step.
 * They come from the histogram: the bins' values go through the same steps as the voxels.
 */
#ifndef PLEAT_INTENSITY_AUGMENT_H
#define PLEAT_INTENSITY_AUGMENT_H

#include "pleat/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_intensity_augment {
    int contrast, brightness, gamma; /* steps that are on */
    float factor, mean, low, high;   /* contrast */
    float multiplier;                /* brightness */
    float exponent, base, range;     /* gamma: x -> ((x - base) / range)^exponent * range */
    float shift, gain;               /* gamma, then: y -> (y + shift) * gain */
    float darkest;                   /* what the volume's minimum becomes */
} pleat_intensity_augment;

/* Of a channel, whose histogram it is. */
pleat_intensity_augment pleat_intensity_augment_make(const pleat_sample *sample, int channel,
                                                     const pleat_histogram *histogram);
/* ERR_ARG when what was drawn needs a histogram and the source has none. */
pleat_status pleat_intensity_augment_check(const pleat_sample *sample, const pleat_source *source,
                                           pleat_pad pad);

/* row[n] in place. */
void pleat_intensity_augment_apply(const pleat_intensity_augment *tone, float *row, int n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_INTENSITY_AUGMENT_H */
