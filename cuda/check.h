/*
 * check.h - codes of the CUDA libraries as a pleat_status.
 *
 *   CUDA_TRY(cudaMalloc(&p, n));     in a function that returns pleat_status
 *   CUDA_TRY_GOTO(status, done, ...) the same where something must be cleaned up
 *
 * The message has the call as it is written, the library's name for the code and its own text.
 * Everything is ERR_ENGINE but memory that ran out, which is ERR_MEMORY.
 */
#ifndef PLEAT_CUDA_CHECK_H
#define PLEAT_CUDA_CHECK_H

#include "pleat/status.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The failure `code` of `call`, with a message; used through the macros. check.c. */
pleat_status pleat_cuda_failed(cudaError_t code, const char *file, int line, const char *func,
                               const char *call);
pleat_status pleat_cudnn_failed(cudnnStatus_t code, const char *file, int line, const char *func,
                                const char *call);
pleat_status pleat_cublas_failed(cublasStatus_t code, const char *file, int line, const char *func,
                                 const char *call);

/* What a failure is turned into is never PLEAT_OK; said so that analysers see it. */
static inline pleat_status pleat_never_ok(pleat_status status) {
    return status == PLEAT_OK ? PLEAT_ERR_ENGINE : status;
}

#define PLEAT_LIBRARY_TRY(type, good, failed, call)                                    \
    do {                                                                               \
        const type code_ = (call);                                                     \
        if (code_ != (good))                                                           \
            return pleat_never_ok(failed(code_, __FILE__, __LINE__, __func__, #call)); \
    } while (0)

#define PLEAT_LIBRARY_TRY_GOTO(type, good, failed, status, done, call)                     \
    do {                                                                                   \
        const type code_ = (call);                                                         \
        if (code_ != (good)) {                                                             \
            (status) = pleat_never_ok(failed(code_, __FILE__, __LINE__, __func__, #call)); \
            goto done;                                                                     \
        }                                                                                  \
    } while (0)

#define CUDA_TRY(call) PLEAT_LIBRARY_TRY(cudaError_t, cudaSuccess, pleat_cuda_failed, call)
#define CUDA_TRY_GOTO(status, done, call) \
    PLEAT_LIBRARY_TRY_GOTO(cudaError_t, cudaSuccess, pleat_cuda_failed, status, done, call)

#define CUDNN_TRY(call) \
    PLEAT_LIBRARY_TRY(cudnnStatus_t, CUDNN_STATUS_SUCCESS, pleat_cudnn_failed, call)
#define CUDNN_TRY_GOTO(status, done, call)                                                        \
    PLEAT_LIBRARY_TRY_GOTO(cudnnStatus_t, CUDNN_STATUS_SUCCESS, pleat_cudnn_failed, status, done, \
                           call)

#define CUBLAS_TRY(call) \
    PLEAT_LIBRARY_TRY(cublasStatus_t, CUBLAS_STATUS_SUCCESS, pleat_cublas_failed, call)
#define CUBLAS_TRY_GOTO(status, done, call)                                                    \
    PLEAT_LIBRARY_TRY_GOTO(cublasStatus_t, CUBLAS_STATUS_SUCCESS, pleat_cublas_failed, status, \
                           done, call)

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_CHECK_H */
