/* check.c - codes of the CUDA libraries as a pleat_status. */
#include "check.h"

pleat_status pleat_cuda_failed(cudaError_t code, const char *file, int line, const char *func,
                               const char *call) {
    (void)cudaGetLastError(); /* else the next launch would report this one again */
    if (code == cudaErrorMemoryAllocation)
        return pleat_error_set(PLEAT_ERR_MEMORY, file, line, func,
                               "the GPU is out of memory (%s); use a smaller batch, patch or "
                               "network",
                               call);
    return pleat_error_set(PLEAT_ERR_ENGINE, file, line, func, "CUDA returned %s (%s) from %s",
                           cudaGetErrorName(code), cudaGetErrorString(code), call);
}

pleat_status pleat_cudnn_failed(cudnnStatus_t code, const char *file, int line, const char *func,
                                const char *call) {
    char detail[256] = "";
    cudnnGetLastErrorString(detail, sizeof detail);
    return pleat_error_set(PLEAT_ERR_ENGINE, file, line, func, "cuDNN returned %s%s%s from %s",
                           cudnnGetErrorString(code), detail[0] != '\0' ? ": " : "", detail, call);
}

pleat_status pleat_cublas_failed(cublasStatus_t code, const char *file, int line, const char *func,
                                 const char *call) {
    return pleat_error_set(PLEAT_ERR_ENGINE, file, line, func, "cuBLAS returned %s from %s",
                           cublasLtGetStatusName(code), call);
}
