/*
 * cuda_module.h - what the program and its GPU module, libpleat_cuda.so, know of each other.
 *
 * The module is loaded when an engine is first asked for, so that one program serves machines with
 * and without CUDA's libraries. It calls the program's own functions (pleat_error_set, pleat_log,
 * ...), which therefore exports them. Both must come from the same build: the table below is
 * compared before it is used.
 *
 * Looked for, in this order
 *   $PLEAT_MODULE_PATH                          the file, or the folder it is in; then nowhere else
 *   libpleat_cuda.so                            beside the program
 *   ../lib/pleat/, ../lib/                      from the program's folder
 *   libpleat_cuda.so                            where the loader looks (run path of the program)
 */
#ifndef PLEAT_CUDA_MODULE_H
#define PLEAT_CUDA_MODULE_H

#include "pleat/comm.h"
#include "pleat/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CUDA_MODULE_FILE "libpleat_cuda.so"
#define PLEAT_CUDA_MODULE_GET  "pleat_cuda_module_get"
#define PLEAT_CUDA_MODULE_ABI  3 /* grows with every change of this table or of the seams */

struct pleat_gpu_augment_ops;               /* pleat/gpu_augment.h */
struct pleat_gpu_window_ops;                /* pleat/gpu_window.h */
typedef struct pleat_staging pleat_staging; /* batches on their way to the engine's memory */

typedef struct pleat_cuda_module {
    int abi;
    size_t engine_ops_bytes;      /* sizeof(pleat_engine_ops), against a forgotten change of abi */
    const char *(*missing)(void); /* why no GPU can be used, in one line; NULL when one can */
    pleat_status (*engine_create)(const pleat_engine_options *options, pleat_engine **out);
    /* A communicator of the engine's memory over one of host memory, which outlives it: NCCL's, or
     * where ranks share a GPU and `share` allows it, one through pinned memory. `me` is "rank 3
     * (host n2)", for messages; a peer that is silent for timeout_s is given up (0: for as long as
     * `note` says). ERR_UNSUPPORTED names two ranks that share a GPU. Collective. */
    pleat_status (*comm_create)(pleat_comm *control, pleat_engine *engine, double timeout_s,
                                const char *me, int share, pleat_comm **out);
    const struct pleat_gpu_augment_ops *augment;
    const struct pleat_gpu_window_ops *window;

    /* Bytes of the GPU's memory, now. */
    pleat_status (*memory)(pleat_engine *engine, size_t *unused, size_t *total);

    /* Two batches of n voxels on their way through pinned memory. put: copies to pinned memory and
     * sets out, beside what the engine does; waits while two are under way. take: the one put
     * first, queued in the engine's order: x of its activation type. ERR_ARG when none was put.
     * destroy(NULL) does nothing. */
    pleat_status (*staging_create)(pleat_engine *engine, size_t n, pleat_staging **out);
    void (*staging_destroy)(pleat_staging *staging);
    pleat_status (*staging_put)(pleat_staging *staging, const float *images, const uint8_t *labels);
    pleat_status (*staging_take)(pleat_staging *staging, void *x, uint8_t *labels);

    /* A recording (a CUDA graph) of what the engine is told between begin and end, which is not
     * computed then. end takes the status of what was told, and ends the recording in any case;
     * begin and end fail where it cannot be made: the engine then goes on as if it had not been
     * tried. is_current: the memory it was made with is still the engine's. destroy(NULL) does
     * nothing. replay NULL: there are no recordings. */
    pleat_status (*record_begin)(pleat_engine *engine);
    pleat_status (*record_end)(pleat_engine *engine, pleat_status told, void **out);
    int (*is_current)(pleat_engine *engine, const void *recording);
    pleat_status (*replay)(pleat_engine *engine, void *recording);
    void (*recording_destroy)(void *recording);

    /* Energy since the driver was loaded, mJ, and how busy the GPU was in the last moments, per
     * cent; each -1 where it is not known: NVML is optional. */
    void (*meter)(pleat_engine *engine, double *energy_mj, double *busy);
} pleat_cuda_module;

/* The module's only symbol. */
typedef const pleat_cuda_module *(*pleat_cuda_module_getter)(void);
const pleat_cuda_module *pleat_cuda_module_get(void);

/* The program's side: the module, loaded once; NULL when there is none that fits, and then *why
 * says in one line what is missing. */
const pleat_cuda_module *pleat_cuda_module_load(const char **why);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_MODULE_H */
