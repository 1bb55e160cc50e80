/*
 * patch_augment.h - a patch by nnU-Net's augmentation, where the case is in the GPU's memory.
 */
#ifndef PLEAT_CUDA_PATCH_AUGMENT_H
#define PLEAT_CUDA_PATCH_AUGMENT_H

#include "patch_kernels.h"

#include "pleat/augment.h"

/* GPU memory that a patch passes through. */
typedef struct patch_work {
    float *plane[2];      /* [patch] each */
    patch_sums *parts;    /* [PATCH_PARTS] */
    patch_statistics *of; /* [2]: before and after */
    cudaStream_t stream;
} patch_work;

/* Queues all channels of source, whose image and label are GPU memory. image [patch, C], label
 * [patch] or NULL. */
pleat_status pleat_cuda_patch(const pleat_sample *sample, const pleat_source *source,
                              const int patch[3], pleat_pad pad, const patch_work *work,
                              float *image, uint8_t *label);

#endif /* PLEAT_CUDA_PATCH_AUGMENT_H */
