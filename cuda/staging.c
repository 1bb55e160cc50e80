/* staging.c - batches that come from the host while the engine computes: two pinned buffers, two on
 * the GPU, and a stream for the copies.
 *
 *   put     host -> pinned[i]               the host, once slot i has been emptied
 *           pinned[i] -> device[i]          copy stream          event "here"
 *   take    device[i] -> input, labels      engine's stream      event "empty"
 */
#include "engine_impl.h"
#include "two_slots.h"

#include <stdlib.h>
#include <string.h>

typedef struct staged_batch {
    float *pinned, *image; /* [n, C], host and GPU; the labels behind them */
    cudaEvent_t here, empty;
} staged_batch;

struct pleat_staging {
    pleat_cuda *engine;
    size_t n, values; /* voxels; of all channels */
    cudaStream_t copies;
    staged_batch slot[2];
    two_slots order;
};

static size_t batch_bytes(const pleat_staging *s) { return s->values * sizeof(float) + s->n; }

static pleat_status allocate(pleat_staging *s) {
    CUDA_TRY(cudaSetDevice(s->engine->device));
    CUDA_TRY(cudaStreamCreateWithFlags(&s->copies, cudaStreamNonBlocking));
    for (int i = 0; i < 2; i++) {
        staged_batch *b = &s->slot[i];
        CUDA_TRY(cudaMallocHost((void **)&b->pinned, batch_bytes(s)));
        CUDA_TRY(cudaMalloc((void **)&b->image, batch_bytes(s)));
        CUDA_TRY(cudaEventCreateWithFlags(&b->here, cudaEventDisableTiming));
        CUDA_TRY(cudaEventCreateWithFlags(&b->empty, cudaEventDisableTiming));
    }
    return PLEAT_OK;
}

pleat_status pleat_staging_create(pleat_engine *engine, size_t n, int channels,
                                  pleat_staging **out) {
    pleat_staging *s = calloc(1, sizeof *s);
    PLEAT_CHECK(s != NULL, PLEAT_ERR_MEMORY, "no memory for batches on their way");
    s->engine = pleat_cuda_of(engine);
    s->n = n;
    s->values = n * (size_t)channels;
    const pleat_status status = allocate(s);
    if (status != PLEAT_OK) {
        pleat_staging_destroy(s);
        return status;
    }
    *out = s;
    return PLEAT_OK;
}

void pleat_staging_destroy(pleat_staging *s) {
    if (s == NULL) return;
    if (s->copies != NULL) (void)cudaStreamSynchronize(s->copies);
    (void)cudaStreamSynchronize(s->engine->stream);
    for (int i = 0; i < 2; i++) {
        staged_batch *b = &s->slot[i];
        (void)cudaFreeHost(b->pinned);
        (void)cudaFree(b->image);
        if (b->here != NULL) (void)cudaEventDestroy(b->here);
        if (b->empty != NULL) (void)cudaEventDestroy(b->empty);
    }
    if (s->copies != NULL) (void)cudaStreamDestroy(s->copies);
    free(s);
}

/* An event that was never recorded is done. What emptied the slot came after what filled it, so
 * both of its buffers are free. */
pleat_status pleat_staging_put(pleat_staging *s, const float *images, const uint8_t *labels) {
    const int i = two_slots_put(&s->order);
    PLEAT_CHECK(i >= 0, PLEAT_ERR_ARG, "two batches are under way already");
    staged_batch *b = &s->slot[i];
    CUDA_TRY(cudaEventSynchronize(b->empty));
    memcpy(b->pinned, images, s->values * sizeof *images);
    memcpy(b->pinned + s->values, labels, s->n);
    CUDA_TRY(
        cudaMemcpyAsync(b->image, b->pinned, batch_bytes(s), cudaMemcpyHostToDevice, s->copies));
    CUDA_TRY(cudaEventRecord(b->here, s->copies));
    return PLEAT_OK;
}

pleat_status pleat_staging_take(pleat_staging *s, void *x, uint8_t *labels) {
    const cudaStream_t stream = s->engine->stream;
    const int i = two_slots_take(&s->order);
    PLEAT_CHECK(i >= 0, PLEAT_ERR_ARG, "no batch is under way");
    staged_batch *b = &s->slot[i];
    CUDA_TRY(cudaStreamWaitEvent(stream, b->here, 0));
    CUDA_TRY(pleat_cuda_cast(s->engine->base.act, b->image, s->values, x, stream));
    CUDA_TRY(cudaMemcpyAsync(labels, b->image + s->values, s->n, cudaMemcpyDeviceToDevice, stream));
    CUDA_TRY(cudaEventRecord(b->empty, stream));
    return PLEAT_OK;
}
