/*
 * cuda_module.h - how the list of engines finds the GPU module, libpleat_cuda.so, and its engine.
 *
 * The module is loaded when an engine is first asked for, so that one program serves machines with
 * and without CUDA's libraries. It calls the program's own functions (pleat_error_set, pleat_log,
 * ...), which therefore exports them. Both must come from the same build: the table below is
 * compared before it is used.
 *
 * Looked for, in this order
 *   $PLEAT_MODULE_PATH           the file, or the folder it is in, absolute; then nowhere else
 *   beside the program           as in the build folder
 *   where it was installed       from the program's folder: ../lib/pleat, ../lib64/pleat, ...
 *   ../lib/pleat/, ../lib/       from the program's folder
 * and nowhere else: what the current folder or the loader's paths hold is never run.
 */
#ifndef PLEAT_CUDA_MODULE_H
#define PLEAT_CUDA_MODULE_H

#include "pleat/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CUDA_MODULE_FILE "libpleat_cuda.so"
#define PLEAT_CUDA_MODULE_GET  "pleat_cuda_module_get"
#define PLEAT_CUDA_MODULE_ABI  6 /* grows with every change of the seams: engine, comm, device */

#define PLEAT_CUDA_MODULE_BYTES \
    { sizeof(pleat_engine_ops), sizeof(pleat_engine), sizeof(pleat_conv_desc) }

typedef struct pleat_cuda_module {
    int abi;
    size_t bytes[3];              /* PLEAT_CUDA_MODULE_BYTES, against a forgotten change of abi */
    const char *(*missing)(void); /* why no GPU can be used, in one line; NULL when one can */
    pleat_status (*engine_create)(const pleat_engine_options *options, pleat_engine **out);
} pleat_cuda_module;

/* The module's only symbol. */
typedef const pleat_cuda_module *(*pleat_cuda_module_getter)(void);
const pleat_cuda_module *pleat_cuda_module_get(void);

/* The program's side: the module, loaded once; NULL when there is none that fits, and then *why
 * says in one line what is missing. */
const pleat_cuda_module *pleat_cuda_module_load(const char **why);

/* 1 where something speaks of a GPU: a driver's device, or a file of the module's name beside the
 * program, in $PLEAT_MODULE_PATH or in the folders above. There `auto` says why it took another. */
int pleat_cuda_module_expected(void);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_MODULE_H */
