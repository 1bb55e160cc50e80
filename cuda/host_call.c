/* host_call.c - a piece of host code between two operations: down to pinned memory, a call by the
 * driver's thread, up again. All of it is queued, so that it can be part of a CUDA graph. */
#include "engine_impl.h"

#include <stdlib.h>

struct pleat_host_call {
    pleat_host_function f;
    void *context;
    size_t n_in, n_out;
    double *in, *out; /* pinned, one block */
};

static void CUDART_CB call_now(void *context) {
    const pleat_host_call *call = context;
    call->f(call->context, call->in, call->out);
}

pleat_status pleat_cuda_host_call_create(pleat_engine *engine, pleat_host_function f, void *context,
                                         size_t n_in, size_t n_out, pleat_host_call **out) {
    (void)engine;
    pleat_host_call *call = calloc(1, sizeof *call);
    PLEAT_CHECK(call != NULL, PLEAT_ERR_MEMORY, "no memory for a call of the host");
    *call = (pleat_host_call){f, context, n_in, n_out, NULL, NULL};
    const cudaError_t code =
        cudaMallocHost((void **)&call->in, (n_in + n_out + 1) * sizeof *call->in);
    if (code != cudaSuccess) {
        free(call);
        CUDA_TRY(code);
    }
    call->out = call->in + n_in;
    *out = call;
    return PLEAT_OK;
}

pleat_status pleat_cuda_host_call_run(pleat_engine *engine, pleat_host_call *call, const double *in,
                                      double *out) {
    const cudaStream_t stream = pleat_cuda_of(engine)->stream;
    CUDA_TRY(
        cudaMemcpyAsync(call->in, in, call->n_in * sizeof *in, cudaMemcpyDeviceToHost, stream));
    CUDA_TRY(cudaLaunchHostFunc(stream, call_now, call));
    CUDA_TRY(
        cudaMemcpyAsync(out, call->out, call->n_out * sizeof *out, cudaMemcpyHostToDevice, stream));
    return PLEAT_OK;
}

void pleat_cuda_host_call_destroy(pleat_engine *engine, pleat_host_call *call) {
    if (call == NULL) return;
    (void)cudaStreamSynchronize(pleat_cuda_of(engine)->stream); /* it may still be to come */
    (void)cudaFreeHost(call->in);
    free(call);
}
