/*
 * crop.h - any box of one channel of the mirrored, toned, noised volume: what a patch is, or is
 * deformed from.
 */
#ifndef PLEAT_CROP_H
#define PLEAT_CROP_H

#include "pleat/augment.h"
#include "pleat/intensity_augment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all boxes of one sample share. */
typedef struct pleat_crop {
    const pleat_sample *sample; /* its start and spatial part are not looked at */
    const pleat_source *source;
    int channel; /* of the image */
    pleat_intensity_augment tone;
    float pad_value; /* outside the volume */
    uint8_t pad_label;
} pleat_crop;

/* image [size], label [size] or NULL, from voxel `start` of the mirrored volume on. Errors of the
 * source's reader, ERR_MEMORY. */
pleat_status pleat_crop_box(const pleat_crop *crop, const int start[3], const int size[3],
                            float *image, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CROP_H */
