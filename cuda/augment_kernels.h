/*
 * augment_kernels.h - launchers of the augmentation's kernels.
 *
 * Each queues one kernel on `stream` and returns the launch's error. Pointers are device memory;
 * structs are copied with the launch.
 */
#ifndef PLEAT_CUDA_AUGMENT_KERNELS_H
#define PLEAT_CUDA_AUGMENT_KERNELS_H

#include "augment_plan.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* image [size] and label [size] or NULL: the box of the mirrored volume that begins at `start`. */
cudaError_t pleat_gpu_fill(const voxel_source *voxels, const int start[3], const int size[3],
                           float *image, uint8_t *label, cudaStream_t stream);

/* field [3, patch]: uniform numbers, not yet smooth. */
cudaError_t pleat_gpu_draw(const uint32_t key[2], const int patch[3], float *field,
                           cudaStream_t stream);

/* out [volumes, dim] = in, filtered along one axis. */
cudaError_t pleat_gpu_filter(const float *in, const int dim[3], int axis, int volumes,
                             const line_taps *taps, float *out, cudaStream_t stream);

/* field [3, patch] *= alpha; its peaks go to the box, which was zeroed. */
cudaError_t pleat_gpu_finish_field(float *field, const int patch[3], float alpha, deformed_box *box,
                                   cudaStream_t stream);

/* Low and size of the box, by its peaks. */
cudaError_t pleat_gpu_find_box(const deformation *deformation, deformed_box *box,
                               cudaStream_t stream);

/* The same as fill and filter for the box of a deformed patch; out [box->size]. */
cudaError_t pleat_gpu_fill_box(const voxel_source *voxels, const deformed_box *box, float *out,
                               cudaStream_t stream);
cudaError_t pleat_gpu_filter_box(const float *in, const deformed_box *box, int axis,
                                 const line_taps *taps, float *out, cudaStream_t stream);

/* image [patch], label [patch] or NULL, from the box's coefficients. shift [3, patch] or NULL. */
cudaError_t pleat_gpu_deform(const deformation *deformation, const deformed_box *box,
                             const float *coefficient, const voxel_source *voxels,
                             const float *shift, float *image, uint8_t *label, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_AUGMENT_KERNELS_H */
