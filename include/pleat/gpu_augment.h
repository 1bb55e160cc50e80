/*
 * gpu_augment.h - pleat_augment_patch on the GPU: volumes live there, patches are made there.
 *
 *   const pleat_gpu_augment_ops *gpu = module->augment;                   pleat/cuda_module.h
 *   gpu->source_create(engine, &from, 1, &source);      once for each case, while they fit
 *   gpu->create(engine, patch, voxels, &augment);       once for each engine
 *   gpu->realise(augment, &sample, source, pad, image, label);      queued, nothing waits
 *
 * The same sample gives the same patch as on the CPU: to 1e-5 of intensities of a few units, and
 * labels alike. Calls of one pleat_gpu_augment queue on the engine's stream.
 */
#ifndef PLEAT_GPU_AUGMENT_H
#define PLEAT_GPU_AUGMENT_H

#include "pleat/augment.h"
#include "pleat/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_gpu_source pleat_gpu_source;   /* a case in the GPU's memory */
typedef struct pleat_gpu_augment pleat_gpu_augment; /* scratch memory and a stream */

/* `engine` is one of the module's; NULL: the GPU that is current, and its default stream. */
typedef struct pleat_gpu_augment_ops {
    /* Copies a case of at most 2^31 - 1 voxels, its label too when it has one; `from` is not needed
     * afterwards. A case with a reader is asked for its label when with_label. Waits.
     * source_bytes: what it takes of the GPU's memory. destroy(NULL) does nothing. */
    pleat_status (*source_create)(pleat_engine *engine, const pleat_source *from, int with_label,
                                  pleat_gpu_source **out);
    void (*source_destroy)(pleat_gpu_source *source);
    size_t (*source_bytes)(const int dim[3], int with_label);

    /* For patches [patch] of cases of at most `voxels` voxels, in scratch_bytes of the GPU. To be
     * destroyed before the engine. */
    size_t (*scratch_bytes)(const int patch[3], size_t voxels);
    pleat_status (*create)(pleat_engine *engine, const int patch[3], size_t voxels,
                           pleat_gpu_augment **out);
    void (*destroy)(pleat_gpu_augment *augment);

    /* As pleat_augment_patch, into GPU memory: image [patch], label [patch] or NULL. */
    pleat_status (*realise)(pleat_gpu_augment *augment, const pleat_sample *sample,
                            const pleat_gpu_source *source, pleat_pad pad, float *image,
                            uint8_t *label);
    /* The same with the image in the engine's activation type: the input of a network. */
    pleat_status (*realise_input)(pleat_gpu_augment *augment, const pleat_sample *sample,
                                  const pleat_gpu_source *source, pleat_pad pad, void *x,
                                  uint8_t *label);
    /* The same into host memory; waits. */
    pleat_status (*realise_on_host)(pleat_gpu_augment *augment, const pleat_sample *sample,
                                    const pleat_gpu_source *source, pleat_pad pad, float *image,
                                    uint8_t *label);
} pleat_gpu_augment_ops;

/* The module's, which the program finds in its pleat_cuda_module. */
extern const pleat_gpu_augment_ops pleat_gpu_augment_table;

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_GPU_AUGMENT_H */
