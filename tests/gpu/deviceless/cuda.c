/*
 * cuda.c - a CUDA runtime and a cuBLASLt that do nothing, on a GPU that is only described.
 *
 * The module's calls arrive here, since the loader asks the program before CUDA's libraries.
 * Device memory is numbers that nobody follows, so that the paper's network fits; pinned memory is
 * real. Kernels are launched by the real runtime, which has no driver; its errors are hidden.
 */
#include "described.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#define YES return cudaSuccess

cudaError_t cudaGetLastError(void) { YES; }

/* ---- the GPU ---- */

cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    YES;
}
cudaError_t cudaSetDevice(int device) {
    (void)device;
    YES;
}
cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    YES;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
    (void)device;
    *value = attribute == cudaDevAttrComputeCapabilityMajor ? described_gpu_now->version / 100 : 0;
    YES;
}
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *out, int device) {
    const described_gpu *g = described_gpu_now;
    (void)device;
    memset(out, 0, sizeof *out);
    memcpy(out->name, g->full, strlen(g->full) + 1);
    out->totalGlobalMem = (size_t)g->memory;
    out->major = g->version / 100;
    out->minor = g->version / 10 % 10;
    out->multiProcessorCount = g->sms;
    YES;
}
cudaError_t cudaDeviceGetPCIBusId(char *out, int size, int device) {
    (void)device;
    memset(out, 0, (size_t)size);
    YES;
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **out, size_t bytes) {
    static size_t end = 4096;
    *out = (void *)end; /* NOLINT(performance-no-int-to-ptr) */
    end += (bytes + 4095) / 4096 * 4096;
    YES;
}
cudaError_t cudaFree(void *data) {
    (void)data;
    YES;
}
cudaError_t cudaMallocHost(void **out, size_t bytes) {
    *out = calloc(bytes, 1);
    return *out != NULL ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void *data) {
    free(data);
    YES;
}
cudaError_t cudaMemGetInfo(size_t *unused, size_t *total) {
    *unused = *total = (size_t)described_gpu_now->memory;
    YES;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    (void)from;
    (void)stream;
    if (kind == cudaMemcpyDeviceToHost) memset(to, 0, bytes);
    YES;
}
cudaError_t cudaMemsetAsync(void *data, int value, size_t bytes, cudaStream_t stream) {
    (void)data;
    (void)value;
    (void)bytes;
    (void)stream;
    YES;
}

/* ---- order and time ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) {
    (void)flags;
    *out = NULL;
    YES;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    (void)stream;
    YES;
}
cudaError_t cudaEventCreate(cudaEvent_t *out) {
    *out = NULL;
    YES;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags) {
    (void)flags;
    *out = NULL;
    YES;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    (void)event;
    (void)stream;
    YES;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    (void)event;
    YES;
}
/* Drawn: any candidate may be the fastest, so that each has its turn to be made again. */
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
    static uint32_t state = 1;
    (void)begin;
    (void)end;
    state = state * 1664525 + 1013904223; /* Numerical Recipes' generator */
    *milliseconds = 1.0F + (float)(state >> 8) * 0x1p-24F;
    YES;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t f, void *context) {
    (void)stream;
    (void)f;
    (void)context;
    YES;
}

/* ---- cuBLASLt, which wants a device as soon as it is created ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *out) {
    *out = NULL;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int room,
                                              cublasLtMatmulHeuristicResult_t *out, int *n) {
    (void)handle, (void)operation, (void)a, (void)b, (void)c, (void)d, (void)preference;
    memset(out, 0, (size_t)room * sizeof *out);
    *n = 1;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t *algorithm,
                                       cublasLtMatmulHeuristicResult_t *out) {
    (void)handle, (void)operation, (void)a, (void)b, (void)c, (void)d, (void)algorithm;
    memset(out, 0, sizeof *out);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t a_layout,
                              const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t bytes,
                              cudaStream_t stream) {
    (void)handle, (void)operation, (void)alpha, (void)a, (void)a_layout, (void)b, (void)b_layout;
    (void)beta, (void)c, (void)c_layout, (void)d, (void)d_layout, (void)algorithm;
    (void)workspace, (void)bytes, (void)stream;
    return CUBLAS_STATUS_SUCCESS;
}
