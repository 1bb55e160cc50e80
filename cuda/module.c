/* module.c - the module's one symbol, which the program finds after loading it; what the engine's
 * device can do. */
#include "pleat/cuda_module.h"

#include "comm_gpu.h"
#include "engine_impl.h"

#include <stdio.h>

#define LOWEST_CAPABILITY 8 /* major: our kernels are compiled from 8.0 on */

/* Any error means no GPU. Without a driver the runtime calls it too old; its version is then 0. */
static const char *missing(void) {
    static char why[192]; /* outlives the call, as the list of engines wants it */
    int count = 0, major = 0, driver = 0;
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
        return "no GPU can be used: no NVIDIA driver was found";
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

const pleat_device_ops pleat_cuda_device = {
    .memory = pleat_cuda_memory,
    .patches = &pleat_cuda_patches,
    .windows = &pleat_cuda_windows,
    .staging_create = pleat_staging_create,
    .staging_destroy = pleat_staging_destroy,
    .staging_put = pleat_staging_put,
    .staging_take = pleat_staging_take,
    .meter = pleat_cuda_meter,
    .comm_create = pleat_comm_of_engine,
};

static const pleat_cuda_module module = {
    .abi = PLEAT_CUDA_MODULE_ABI,
    .bytes = PLEAT_CUDA_MODULE_BYTES,
    .missing = missing,
    .engine_create = pleat_cuda_create,
};

__attribute__((visibility("default"))) const pleat_cuda_module *pleat_cuda_module_get(void) {
    return &module;
}
