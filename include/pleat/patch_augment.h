/*
 * patch_augment.h - nnU-Net's augmentation of a drawn sample (augment.like: nnunet).
 *
 *   a larger crop of the volume, turned and scaled -> the patch
 *   noise, blur, brightness, contrast, low resolution, gamma of the negative, gamma   each channel
 *   mirror
 *
 * The arithmetic is patch_voxel.h's; this is its order on the CPU, and what a GPU needs for it.
 */
#ifndef PLEAT_PATCH_AUGMENT_H
#define PLEAT_PATCH_AUGMENT_H

#include "pleat/augment.h"
#include "pleat/patch_voxel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PLEAT_BLUR_RADIUS = 64 }; /* the most there may be: of 21 voxels' deviation */

/* The view of a channel; what is in memory (image, label, low, size) is the caller's to set. */
void pleat_patch_view(const pleat_sample *sample, const pleat_source *source, int channel,
                      const int patch[3], pleat_pad pad, patch_view *out);
/* Sets it: the source's volume, in whichever memory. */
void pleat_patch_whole(const pleat_source *source, int channel, patch_view *view);

/* Radius of the blur of `sigma` voxels, truncated as the original's. */
int pleat_blur_radius(double sigma);

/* How many voxels a low resolution leaves along each axis. */
void pleat_patch_left(const pleat_sample *sample, double share, const int patch[3], int left[3]);

/* planes [C, patch], label [patch] or NULL. Errors of the source's reader, ERR_MEMORY. */
pleat_status pleat_patch_make(const pleat_sample *sample, const pleat_source *source,
                              const int patch[3], pleat_pad pad, float *planes, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PATCH_AUGMENT_H */
