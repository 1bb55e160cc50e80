/*
 * patch_kernels.h - launchers of the kernels of nnU-Net's augmentation.
 *
 * Each queues its kernels on `stream` and returns the launch's error. Pointers are device memory; a
 * plane is a channel's patch, as it lies before it is mirrored.
 */
#ifndef PLEAT_CUDA_PATCH_KERNELS_H
#define PLEAT_CUDA_PATCH_KERNELS_H

#include "pleat/patch_voxel.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PATCH_PARTS = 256 }; /* partial sums of statistics */

/* plane [patch], and label [patch] or NULL, which is mirrored. */
cudaError_t pleat_gpu_patch_take(const patch_view *view, float *plane, uint8_t *label,
                                 cudaStream_t stream);

/* plane += sigma times the deviates that pleat_noise_add draws with this key. */
cudaError_t pleat_gpu_patch_noise(const uint32_t key[2], int channel, const int patch[3],
                                  float sigma, float *plane, cudaStream_t stream);

cudaError_t pleat_gpu_patch_multiply(float factor, size_t n, float *plane, cudaStream_t stream);

/* Of plane [n]; parts [PATCH_PARTS] is scratch. */
cudaError_t pleat_gpu_patch_statistics(const float *plane, size_t n, patch_sums *parts,
                                       patch_statistics *out, cudaStream_t stream);

/* plane [n] in place; see patch_voxel.h. */
cudaError_t pleat_gpu_patch_contrast(const patch_statistics *of, float factor, size_t n,
                                     float *plane, cudaStream_t stream);
cudaError_t pleat_gpu_patch_power(const patch_statistics *of, float sign, float exponent, size_t n,
                                  float *plane, cudaStream_t stream);
cudaError_t pleat_gpu_patch_restore(const patch_statistics *of, const patch_statistics *after,
                                    float sign, size_t n, float *plane, cudaStream_t stream);

/* to [patch] = from [patch] with left[3] voxels left, and enlarged again. */
cudaError_t pleat_gpu_patch_coarsen(const float *from, const int patch[3], const int left[3],
                                    float *to, cudaStream_t stream);

/* image [patch], its voxels `pitch` apart: the plane, mirrored. */
cudaError_t pleat_gpu_patch_place(const float *plane, const int patch[3], const int mirror[3],
                                  int pitch, float *image, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_PATCH_KERNELS_H */
