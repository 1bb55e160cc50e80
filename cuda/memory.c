/* memory.c - the GPU engine's memory, and the way there and back. */
#include "engine_impl.h"

#include <string.h>

pleat_status pleat_cuda_reserve(pleat_cuda_buffer *buffer, size_t bytes) {
    if (bytes <= buffer->bytes) return PLEAT_OK;
    (void)cudaFree(buffer->data); /* waits for what still reads it */
    *buffer = (pleat_cuda_buffer){NULL, 0};
    CUDA_TRY(cudaMalloc(&buffer->data, bytes));
    buffer->bytes = bytes;
    return PLEAT_OK;
}

pleat_status pleat_cuda_alloc(pleat_engine *engine, size_t bytes, void **out) {
    void *data = NULL;
    const size_t size = bytes > 0 ? bytes : 1;
    CUDA_TRY(cudaMalloc(&data, size));
    const cudaError_t code = cudaMemsetAsync(data, 0, size, pleat_cuda_of(engine)->stream);
    if (code != cudaSuccess) {
        (void)cudaFree(data);
        CUDA_TRY(code);
    }
    *out = data;
    return PLEAT_OK;
}

void pleat_cuda_free(pleat_engine *engine, void *data) {
    (void)engine;
    (void)cudaFree(data);
}

pleat_status pleat_cuda_memory(pleat_engine *engine, size_t *unused, size_t *total) {
    CUDA_TRY(cudaSetDevice(pleat_cuda_of(engine)->device)); /* each thread has its own */
    CUDA_TRY(cudaMemGetInfo(unused, total));
    return PLEAT_OK;
}

/* The next slot, empty: what was in it has arrived. */
static pleat_status take_slot(pleat_cuda *e, pleat_cuda_slot **out) {
    pleat_cuda_slot *slot = &e->slots[e->next_slot];
    e->next_slot = (e->next_slot + 1) % PLEAT_CUDA_SLOTS;
    CUDA_TRY(cudaEventSynchronize(slot->empty));
    *out = slot;
    return PLEAT_OK;
}

/* Through pinned memory, so that `host` may be changed at once and the stream need not wait. */
pleat_status pleat_cuda_upload(pleat_engine *engine, void *to, const void *host, size_t bytes) {
    pleat_cuda *e = pleat_cuda_of(engine);
    for (size_t at = 0; at < bytes; at += PLEAT_CUDA_SLOT_BYTES) {
        const size_t left = bytes - at;
        const size_t n = left < PLEAT_CUDA_SLOT_BYTES ? left : PLEAT_CUDA_SLOT_BYTES;
        pleat_cuda_slot *slot = NULL;
        PLEAT_TRY(take_slot(e, &slot));
        memcpy(slot->host, (const char *)host + at, n);
        CUDA_TRY(
            cudaMemcpyAsync((char *)to + at, slot->host, n, cudaMemcpyHostToDevice, e->stream));
        CUDA_TRY(cudaEventRecord(slot->empty, e->stream));
    }
    return PLEAT_OK;
}

pleat_status pleat_cuda_download(pleat_engine *engine, void *host, const void *from, size_t bytes) {
    pleat_cuda *e = pleat_cuda_of(engine);
    CUDA_TRY(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, e->stream));
    CUDA_TRY(cudaStreamSynchronize(e->stream));
    return PLEAT_OK;
}

pleat_status pleat_cuda_zero(pleat_engine *engine, void *data, size_t bytes) {
    CUDA_TRY(cudaMemsetAsync(data, 0, bytes, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

pleat_status pleat_cuda_synchronize(pleat_engine *engine) {
    CUDA_TRY(cudaStreamSynchronize(pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

pleat_status pleat_cuda_input(pleat_engine *engine, const float *host, size_t n, void *x) {
    pleat_cuda *e = pleat_cuda_of(engine);
    if (e->base.act == PLEAT_F32) return pleat_cuda_upload(engine, x, host, n * sizeof *host);
    const size_t most = PLEAT_CUDA_SLOT_BYTES / sizeof *host;
    for (size_t at = 0; at < n; at += most) {
        const size_t part = n - at < most ? n - at : most;
        pleat_cuda_slot *slot = NULL;
        PLEAT_TRY(take_slot(e, &slot));
        memcpy(slot->host, host + at, part * sizeof *host);
        CUDA_TRY(cudaMemcpyAsync(slot->device, slot->host, part * sizeof *host,
                                 cudaMemcpyHostToDevice, e->stream));
        CUDA_TRY(pleat_cuda_cast(e->base.act, slot->device, part,
                                 (char *)x + at * pleat_dtype_size(e->base.act), e->stream));
        CUDA_TRY(cudaEventRecord(slot->empty, e->stream));
    }
    return PLEAT_OK;
}
