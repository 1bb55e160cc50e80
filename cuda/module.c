/* module.c - the module's one symbol: what the program finds after loading it. */
#include "pleat/cuda_module.h"

#include "comm_gpu.h"
#include "engine_impl.h"

#include "pleat/gpu_augment.h"
#include "pleat/gpu_window.h"

#include <stdio.h>

#define LOWEST_CAPABILITY 8 /* major: our kernels are compiled from 8.0 on */

/* Any error means no GPU: without a driver the runtime reports one of several codes. */
static const char *missing(void) {
    static char why[192]; /* outlives the call, as the list of engines wants it */
    int count = 0, major = 0;
    cudaError_t code = cudaGetDeviceCount(&count);
    if (code == cudaSuccess && count == 0) code = cudaErrorNoDevice;
    if (code == cudaSuccess)
        code = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
    if (code != cudaSuccess) {
        (void)cudaGetLastError();
        (void)snprintf(why, sizeof why, "no GPU can be used: %s (%s)", cudaGetErrorString(code),
                       cudaGetErrorName(code));
        return why;
    }
    if (major >= LOWEST_CAPABILITY) return NULL;
    (void)snprintf(why, sizeof why, "the GPU has compute capability %d.x; %d.0 or more is needed",
                   major, LOWEST_CAPABILITY);
    return why;
}

static const pleat_cuda_module module = {
    .abi = PLEAT_CUDA_MODULE_ABI,
    .engine_ops_bytes = sizeof(pleat_engine_ops),
    .missing = missing,
    .engine_create = pleat_cuda_create,
    .comm_create = pleat_comm_of_engine,
    .augment = &pleat_gpu_augment_table,
    .window = &pleat_gpu_window_table,
    .memory = pleat_cuda_memory,
    .staging_create = pleat_staging_create,
    .staging_destroy = pleat_staging_destroy,
    .staging_put = pleat_staging_put,
    .staging_take = pleat_staging_take,
    .record_begin = pleat_cuda_record_begin,
    .record_end = pleat_cuda_record_end,
    .is_current = pleat_cuda_is_current,
    .replay = pleat_cuda_replay,
    .recording_destroy = pleat_cuda_recording_destroy,
    .meter = pleat_cuda_meter,
};

__attribute__((visibility("default"))) const pleat_cuda_module *pleat_cuda_module_get(void) {
    return &module;
}
