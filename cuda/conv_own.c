/* conv_own.c - convolutions by our own kernels: which there are, and whether one is right. */
#include "conv_own.h"

#include <string.h>

#define RUNS 3 /* timed, after one */

int pleat_conv_own_has(const pleat_cuda *e, const pleat_conv_problem *p) {
    for (int a = 0; a < 3; a++)
        if (p->kernel[a] != 3 || p->stride[a] != 1 || p->before[a] != 1) return 0;
    if (e->capability != 90 || p->precision != PLEAT_PRECISION_BF16) return 0;
    switch (p->pass) {
    case PLEAT_PASS_FORWARD: return p->fused && pleat_cuda_conv3_has(p->cin, p->cout, 0);
    case PLEAT_PASS_DATA: return pleat_cuda_conv3_has(p->cout, p->cin, 1);
    default: return pleat_cuda_conv3_weights_has(p->cin, p->cout);
    }
}

size_t pleat_conv_own_workspace(const pleat_cuda *e, const pleat_conv_problem *p) {
    return p->pass == PLEAT_PASS_WEIGHTS ? pleat_cuda_conv3_partials(e->processors) : 0;
}

pleat_status pleat_conv_own_run(pleat_cuda *e, const pleat_conv_problem *p,
                                void *const t[PLEAT_CONV_TENSORS], void *workspace,
                                pleat_cuda_partials *sums) {
    const int grid[4] = {p->n, p->d, p->h, p->w}, blocks = e->processors;
    switch (p->pass) {
    case PLEAT_PASS_FORWARD:
        CUDA_TRY(pleat_cuda_conv3(grid, p->cin, p->cout, 0, t[PLEAT_CONV_X], t[PLEAT_CONV_W],
                                  t[PLEAT_CONV_BIAS], p->relu, t[PLEAT_CONV_Y], blocks, sums,
                                  e->stream));
        break;
    case PLEAT_PASS_DATA:
        CUDA_TRY(pleat_cuda_conv3(grid, p->cout, p->cin, 1, t[PLEAT_CONV_Y], t[PLEAT_CONV_W], NULL,
                                  0, t[PLEAT_CONV_X], blocks, NULL, e->stream));
        break;
    default:
        CUDA_TRY(pleat_cuda_conv3_weights(grid, p->cin, t[PLEAT_CONV_X], t[PLEAT_CONV_Y], workspace,
                                          t[PLEAT_CONV_W], blocks, e->stream));
    }
    return PLEAT_OK;
}

/* Elements of the result. */
static size_t result_size(const pleat_conv_problem *p) {
    const size_t voxels = (size_t)p->n * (size_t)p->d * (size_t)p->h * (size_t)p->w;
    switch (p->pass) {
    case PLEAT_PASS_FORWARD: return voxels * (size_t)p->cout;
    case PLEAT_PASS_DATA: return voxels * (size_t)p->cin;
    default: return (size_t)p->cout * 27 * (size_t)p->cin;
    }
}

static pleat_status time_runs(pleat_cuda *e, const pleat_conv_problem *p,
                              void *const tensors[PLEAT_CONV_TENSORS], void *workspace,
                              float *milliseconds) {
    pleat_status status = PLEAT_OK;
    cudaEvent_t begin = NULL, end = NULL;
    CUDA_TRY_GOTO(status, done, cudaEventCreate(&begin));
    CUDA_TRY_GOTO(status, done, cudaEventCreate(&end));
    CUDA_TRY_GOTO(status, done, cudaEventRecord(begin, e->stream));
    for (int i = 0; i < RUNS; i++)
        PLEAT_TRY_GOTO(status, done, pleat_conv_own_run(e, p, tensors, workspace, NULL));
    CUDA_TRY_GOTO(status, done, cudaEventRecord(end, e->stream));
    CUDA_TRY_GOTO(status, done, cudaEventSynchronize(end));
    CUDA_TRY_GOTO(status, done, cudaEventElapsedTime(milliseconds, begin, end));
    *milliseconds /= RUNS;
done:
    if (begin != NULL) (void)cudaEventDestroy(begin);
    if (end != NULL) (void)cudaEventDestroy(end);
    return status;
}

pleat_status pleat_conv_own_try(pleat_cuda *e, const pleat_conv_problem *p,
                                void *const tensors[PLEAT_CONV_TENSORS], void *workspace,
                                double *error, float *milliseconds) {
    static const int results[] = {[PLEAT_PASS_FORWARD] = PLEAT_CONV_Y,
                                  [PLEAT_PASS_DATA] = PLEAT_CONV_X,
                                  [PLEAT_PASS_WEIGHTS] = PLEAT_CONV_W};
    const size_t n = result_size(p);
    const pleat_dtype type = p->pass == PLEAT_PASS_WEIGHTS ? PLEAT_F32 : PLEAT_BF16;
    const size_t bytes = n * pleat_dtype_size(type);
    const int result = results[p->pass];
    pleat_status status = PLEAT_OK;
    double sums[2 * PLEAT_CUDA_DISTANCE] = {0}, *device = NULL;
    void *own[PLEAT_CONV_TENSORS];
    memcpy(own, tensors, sizeof own);
    own[result] = NULL;
    CUDA_TRY_GOTO(status, done, cudaMalloc(&own[result], bytes));
    CUDA_TRY_GOTO(status, done, cudaMalloc((void **)&device, sizeof sums));
    CUDA_TRY_GOTO(status, done, cudaMemsetAsync(own[result], 0, bytes, e->stream));
    PLEAT_TRY_GOTO(status, done, pleat_conv_own_run(e, p, own, workspace, NULL));
    CUDA_TRY_GOTO(status, done,
                  pleat_cuda_distance(type, own[result], tensors[result], n, device, e->stream));
    CUDA_TRY_GOTO(status, done,
                  cudaMemcpyAsync(sums, device, sizeof sums, cudaMemcpyDeviceToHost, e->stream));
    CUDA_TRY_GOTO(status, done, cudaStreamSynchronize(e->stream));
    for (size_t i = 1; i < PLEAT_CUDA_DISTANCE; i++) {
        sums[0] += sums[2 * i];
        sums[1] += sums[2 * i + 1];
    }
    *error = sums[0] / sums[1];
    PLEAT_TRY_GOTO(status, done, time_runs(e, p, own, workspace, milliseconds));
done:
    (void)cudaFree(own[result]);
    (void)cudaFree(device);
    return status;
}
