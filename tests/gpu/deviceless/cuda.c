/*
 * cuda.c - a CUDA runtime and a cuBLASLt that do nothing, on a GPU that is only described.
 *
 * The module's calls arrive here, since the loader asks the program before CUDA's libraries.
 * Device memory is numbers that nobody follows, so that the paper's network fits; pinned memory is
 * real. Kernels are launched by the real runtime, which has no driver; its errors are hidden.
 * Parameters have the names of NVIDIA's headers.
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
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device) {
    const described_gpu *g = described_gpu_now;
    (void)device;
    memset(prop, 0, sizeof *prop);
    memcpy(prop->name, g->full, strlen(g->full) + 1);
    prop->totalGlobalMem = (size_t)g->memory;
    prop->major = g->version / 100;
    prop->minor = g->version / 10 % 10;
    prop->multiProcessorCount = g->sms;
    YES;
}
cudaError_t cudaDeviceGetPCIBusId(char *pciBusId, int len, int device) {
    (void)device;
    memset(pciBusId, 0, (size_t)len);
    YES;
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **devPtr, size_t size) {
    static size_t end = 4096;
    *devPtr = (void *)end; /* NOLINT(performance-no-int-to-ptr) */
    end += (size + 4095) / 4096 * 4096;
    YES;
}
cudaError_t cudaFree(void *devPtr) {
    (void)devPtr;
    YES;
}
cudaError_t cudaMallocHost(void **ptr, size_t size) {
    *ptr = calloc(size, 1);
    return *ptr != NULL ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void *ptr) {
    free(ptr);
    YES;
}
cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
    *free = *total = (size_t)described_gpu_now->memory;
    YES;
}
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    (void)src;
    (void)stream;
    if (kind == cudaMemcpyDeviceToHost) memset(dst, 0, count);
    YES;
}
cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t stream) {
    (void)devPtr;
    (void)value;
    (void)count;
    (void)stream;
    YES;
}

/* ---- order and time ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *pStream, unsigned flags) {
    (void)flags;
    *pStream = NULL;
    YES;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    (void)stream;
    YES;
}
cudaError_t cudaEventCreate(cudaEvent_t *event) {
    *event = NULL;
    YES;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    (void)flags;
    *event = NULL;
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
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
    static uint32_t state = 1;
    (void)start;
    (void)end;
    state = state * 1664525 + 1013904223; /* Numerical Recipes' generator */
    *ms = 1.0F + (float)(state >> 8) * 0x1p-24F;
    YES;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *userData) {
    (void)stream;
    (void)fn;
    (void)userData;
    YES;
}

/* ---- cuBLASLt, which wants a device as soon as it is created ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *lightHandle) {
    *lightHandle = NULL;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t operationDesc, cublasLtMatrixLayout_t Adesc,
    cublasLtMatrixLayout_t Bdesc, cublasLtMatrixLayout_t Cdesc, cublasLtMatrixLayout_t Ddesc,
    cublasLtMatmulPreference_t preference, int requestedAlgoCount,
    cublasLtMatmulHeuristicResult_t heuristicResultsArray[], int *returnAlgoCount) {
    (void)lightHandle, (void)operationDesc, (void)Adesc, (void)Bdesc, (void)Cdesc, (void)Ddesc,
        (void)preference;
    memset(heuristicResultsArray, 0, (size_t)requestedAlgoCount * sizeof heuristicResultsArray[0]);
    *returnAlgoCount = 1;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t lightHandle,
                                       cublasLtMatmulDesc_t operationDesc,
                                       cublasLtMatrixLayout_t Adesc, cublasLtMatrixLayout_t Bdesc,
                                       cublasLtMatrixLayout_t Cdesc, cublasLtMatrixLayout_t Ddesc,
                                       const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *result) {
    (void)lightHandle, (void)operationDesc, (void)Adesc, (void)Bdesc, (void)Cdesc, (void)Ddesc,
        (void)algo;
    memset(result, 0, sizeof *result);
    return CUBLAS_STATUS_SUCCESS;
}
/* NOLINTNEXTLINE(readability-function-size): NVIDIA's */
cublasStatus_t cublasLtMatmul(cublasLtHandle_t lightHandle, cublasLtMatmulDesc_t computeDesc,
                              const void *alpha, const void *A, cublasLtMatrixLayout_t Adesc,
                              const void *B, cublasLtMatrixLayout_t Bdesc, const void *beta,
                              const void *C, cublasLtMatrixLayout_t Cdesc, void *D,
                              cublasLtMatrixLayout_t Ddesc, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspaceSizeInBytes, cudaStream_t stream) {
    (void)lightHandle, (void)computeDesc, (void)alpha, (void)A, (void)Adesc, (void)B, (void)Bdesc;
    (void)beta, (void)C, (void)Cdesc, (void)D, (void)Ddesc, (void)algo;
    (void)workspace, (void)workspaceSizeInBytes, (void)stream;
    return CUBLAS_STATUS_SUCCESS;
}
