/*
 * augment.h - pleat_augment_patch on the GPU: volumes live there, patches are made there.
 *
 *   const pleat_gpu_augment_ops *gpu = dlsym(module, PLEAT_GPU_AUGMENT_OPS);
 *   gpu->source_create(&case, &source);                  once for each case, when it fits
 *   gpu->create(patch, voxels, stream, &augment);        once for each engine
 *   gpu->realise(augment, &sample, source, pad, image, label);      queued, nothing waits
 *
 * The same sample gives the same patch as on the CPU: to 1e-5 of intensities of a few units, and
 * labels alike. Calls of one pleat_gpu_augment queue on its stream; two of them, each with its
 * stream, may be used by two threads. Each works on the GPU that is current when it is created.
 */
#ifndef PLEAT_CUDA_AUGMENT_H
#define PLEAT_CUDA_AUGMENT_H

#include "pleat/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_gpu_source pleat_gpu_source;   /* a case in the GPU's memory */
typedef struct pleat_gpu_augment pleat_gpu_augment; /* scratch memory and a stream */

typedef struct pleat_gpu_augment_ops {
    /* Copies a case of at most 2^31 - 1 voxels, its label too when it has one; `from` is not needed
     * afterwards. A case with a reader is asked for its label when with_label. Waits.
     * source_bytes: what it takes of the GPU's memory. destroy(NULL) does nothing. */
    pleat_status (*source_create)(const pleat_source *from, int with_label, pleat_gpu_source **out);
    void (*source_destroy)(pleat_gpu_source *source);
    size_t (*source_bytes)(const int dim[3], int with_label);

    /* For patches [patch] of cases of at most `voxels` voxels, on a cudaStream_t (NULL: the default
     * one). Takes 4 (2 max(voxels, 3 P) + 3 P) bytes of the GPU, P the voxels of a patch. */
    pleat_status (*create)(const int patch[3], size_t voxels, void *stream,
                           pleat_gpu_augment **out);
    void (*destroy)(pleat_gpu_augment *augment);

    /* As pleat_augment_patch, into GPU memory: image [patch], label [patch] or NULL. */
    pleat_status (*realise)(pleat_gpu_augment *augment, const pleat_sample *sample,
                            const pleat_gpu_source *source, pleat_pad pad, float *image,
                            uint8_t *label);
    /* The same into host memory; waits. */
    pleat_status (*realise_on_host)(pleat_gpu_augment *augment, const pleat_sample *sample,
                                    const pleat_gpu_source *source, pleat_pad pad, float *image,
                                    uint8_t *label);
} pleat_gpu_augment_ops;

#define PLEAT_GPU_AUGMENT_OPS "pleat_gpu_augment_table"
extern const pleat_gpu_augment_ops pleat_gpu_augment_table;

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_AUGMENT_H */
