/*
 * gpu_window.h - the sum of a volume's windows on the GPU: probabilities stay there, labels come.
 *
 *   const pleat_gpu_window_ops *gpu = module->window;                     pleat/cuda_module.h
 *   gpu->create(engine, &window, classes, &sum);        for each volume, where its bytes fit
 *   gpu->add(sum, i, probs);                            for each window: queued, nothing waits
 *   gpu->label(sum, labels);
 *
 * The same probabilities in the same order give the bits of pleat_window_accumulate and the labels
 * of pleat_argmax. Calls queue on the engine's stream.
 */
#ifndef PLEAT_GPU_WINDOW_H
#define PLEAT_GPU_WINDOW_H

#include "pleat/engine.h"
#include "pleat/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_gpu_window pleat_gpu_window; /* a sum in the GPU's memory */

typedef struct pleat_gpu_window_ops {
    /* What a sum takes of the GPU's memory. */
    size_t (*bytes)(const pleat_window *window, int classes);

    /* A sum of zeros; `window` is needed until destroy, which comes before the engine's.
     * ERR_ARG unless classes is 1 .. 255. destroy(NULL) does nothing. */
    pleat_status (*create)(pleat_engine *engine, const pleat_window *window, int classes,
                           pleat_gpu_window **out);
    void (*destroy)(pleat_gpu_window *sum);

    /* As pleat_window_accumulate: window i's probs [window, classes], of the GPU. */
    pleat_status (*add)(pleat_gpu_window *sum, int i, const float *probs);

    /* As pleat_argmax: labels [dim] of the host. Waits. */
    pleat_status (*label)(pleat_gpu_window *sum, uint8_t *labels);
} pleat_gpu_window_ops;

/* The module's, which the program finds in its pleat_cuda_module. */
extern const pleat_gpu_window_ops pleat_gpu_window_table;

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_GPU_WINDOW_H */
