/*
 * augment_plan.h - a sample as the GPU's kernels take it: host arithmetic only.
 */
#ifndef PLEAT_CUDA_AUGMENT_PLAN_H
#define PLEAT_CUDA_AUGMENT_PLAN_H

#include "augment_voxel.h"

#include "pleat/augment.h"

typedef struct augment_plan {
    voxel_source voxels;  /* of no channel yet; image and label are the caller's to set */
    int start[3];         /* of the patch when it does not deform */
    int deforms, elastic; /* elastic: the field is drawn, else it is 0 */
    deformation deformation;
    uint32_t field_key[2];
    float alpha;        /* the smoothed field is multiplied by it */
    line_taps gaussian; /* of the field */
} augment_plan;

/* `source` gives dim, channels and histograms. The failures of pleat_augment_patch, and
 * ERR_UNSUPPORTED for an elastic sigma above 100 voxels. */
pleat_status pleat_gpu_augment_plan(const pleat_sample *sample, const pleat_source *source,
                                    const int patch[3], pleat_pad pad, augment_plan *out);

/* One channel's tone, padding and noise. */
void pleat_gpu_augment_channel(const pleat_sample *sample, const pleat_source *source, int channel,
                               pleat_pad pad, voxel_source *out);

/* The interpolating spline's prefilter as a convolution. */
void pleat_gpu_spline_taps(line_taps *out);

#endif /* PLEAT_CUDA_AUGMENT_PLAN_H */
