/* comm_staged.c - sums and broadcasts of device memory through pinned host memory and another
 * communicator; what remains where two ranks share a GPU.
 *
 * A sum begins to come over when it is asked for, on a stream of its own, so the copy runs beside
 * the rest of the backward pass. The ranks meet in pleat_comm_order.
 */
#include "check.h"
#include "comm_gpu.h"

#include <stdlib.h>

typedef struct stage { /* one sum on its way */
    void *pinned, *data;
    size_t capacity, n; /* bytes of `pinned`; values of `data` */
    pleat_dtype type;
    cudaEvent_t here; /* the copy to the host is done */
} stage;

typedef struct staged_comm {
    gpu_comm gpu;
    stage *stages; /* [made], the first `pending` are under way; kept from step to step */
    int made, pending;
} staged_comm;

static pleat_status create(pleat_comm *control, const pleat_comm_gpu_options *options,
                           pleat_comm **out) {
    return pleat_comm_staged(control, options, out);
}

static pleat_status reserve(stage *s, size_t bytes) {
    if (bytes <= s->capacity) return PLEAT_OK;
    if (s->pinned != NULL) CUDA_TRY(cudaFreeHost(s->pinned));
    s->pinned = NULL;
    s->capacity = 0;
    CUDA_TRY(cudaMallocHost(&s->pinned, bytes));
    s->capacity = bytes;
    return PLEAT_OK;
}

static pleat_status next_stage(staged_comm *c, size_t bytes, stage **out) {
    if (c->pending == c->made) {
        stage *more = realloc(c->stages, ((size_t)c->made + 1) * sizeof *more);
        PLEAT_CHECK(more != NULL, PLEAT_ERR_MEMORY, "no memory for a sum");
        c->stages = more;
        c->stages[c->made] = (stage){0};
        CUDA_TRY(cudaEventCreateWithFlags(&c->stages[c->made].here, cudaEventDisableTiming));
        c->made++;
    }
    PLEAT_TRY(reserve(&c->stages[c->pending], bytes));
    *out = &c->stages[c->pending];
    return PLEAT_OK;
}

static pleat_status fetch(staged_comm *c, void *data, size_t n, pleat_dtype type, stage **out) {
    const size_t bytes = n * pleat_dtype_size(type);
    PLEAT_TRY(next_stage(c, bytes, out));
    stage *s = *out;
    PLEAT_CHECK(s != NULL, PLEAT_ERR_ENGINE, "no place for a sum in flight");
    s->data = data;
    s->n = n;
    s->type = type;
    PLEAT_TRY(pleat_gpu_comm_order(&c->gpu, c->gpu.options.stream, c->gpu.stream));
    CUDA_TRY(cudaMemcpyAsync(s->pinned, data, bytes, cudaMemcpyDeviceToHost, c->gpu.stream));
    CUDA_TRY(cudaEventRecord(s->here, c->gpu.stream));
    return PLEAT_OK;
}

static pleat_status send_back(staged_comm *c, const stage *s) {
    CUDA_TRY(cudaMemcpyAsync(s->data, s->pinned, s->n * pleat_dtype_size(s->type),
                             cudaMemcpyHostToDevice, c->gpu.stream));
    return PLEAT_OK;
}

static pleat_status finish(staged_comm *c) {
    PLEAT_TRY(pleat_gpu_comm_order(&c->gpu, c->gpu.stream, c->gpu.options.stream));
    CUDA_TRY(cudaStreamSynchronize(c->gpu.stream));
    return PLEAT_OK;
}

static pleat_status staged_allreduce_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    staged_comm *c = (staged_comm *)comm;
    PLEAT_CHECK(type == PLEAT_F32 || type == PLEAT_F64, PLEAT_ERR_UNSUPPORTED,
                "all-reduce sums float32 and float64 only");
    if (n == 0) return PLEAT_OK;
    stage *s = NULL;
    PLEAT_TRY(fetch(c, data, n, type, &s));
    c->pending++;
    return PLEAT_OK;
}

static pleat_status staged_wait(pleat_comm *comm) {
    staged_comm *c = (staged_comm *)comm;
    if (c->pending == 0) return PLEAT_OK;
    const int pending = c->pending;
    c->pending = 0;
    for (int i = 0; i < pending; i++) {
        stage *s = &c->stages[i];
        CUDA_TRY(cudaEventSynchronize(s->here));
        PLEAT_TRY(pleat_comm_allreduce_sum(c->gpu.control, s->pinned, s->n, s->type));
    }
    PLEAT_TRY(pleat_comm_wait(c->gpu.control));
    for (int i = 0; i < pending; i++) PLEAT_TRY(send_back(c, &c->stages[i]));
    return finish(c);
}

static pleat_status staged_broadcast(pleat_comm *comm, void *data, size_t n, pleat_dtype type,
                                     int root) {
    staged_comm *c = (staged_comm *)comm;
    if (n == 0) return PLEAT_OK;
    PLEAT_TRY(staged_wait(comm));
    stage *s = NULL;
    PLEAT_TRY(fetch(c, data, n, type, &s));
    PLEAT_CHECK(s != NULL, PLEAT_ERR_ENGINE, "no place for a sum in flight");
    CUDA_TRY(cudaEventSynchronize(s->here));
    PLEAT_TRY(pleat_comm_broadcast(c->gpu.control, s->pinned, n, type, root));
    PLEAT_TRY(pleat_comm_wait(c->gpu.control));
    PLEAT_TRY(send_back(c, s));
    return finish(c);
}

static pleat_status staged_split(pleat_comm *comm, int color, int key, pleat_comm **out) {
    return pleat_gpu_comm_split(comm, color, key, create, out);
}

static void staged_destroy(pleat_comm *comm) {
    staged_comm *c = (staged_comm *)comm;
    if (c->gpu.stream != NULL) (void)cudaStreamSynchronize(c->gpu.stream);
    for (int i = 0; i < c->made; i++) {
        (void)cudaFreeHost(c->stages[i].pinned);
        if (c->stages[i].here != NULL) (void)cudaEventDestroy(c->stages[i].here);
    }
    free(c->stages);
    pleat_gpu_comm_close(&c->gpu);
    free(c);
}

static const pleat_comm_ops staged_ops = {
    .name = "staged",
    .device_memory = 1,
    .split = staged_split,
    .destroy = staged_destroy,
    .allreduce_sum = staged_allreduce_sum,
    .broadcast = staged_broadcast,
    .order = staged_wait, /* the host carries the sums, so it waits */
    .wait = staged_wait,
    .barrier = pleat_gpu_comm_barrier,
    .broadcast_bytes = pleat_gpu_comm_broadcast_bytes,
    .gather = pleat_gpu_comm_gather,
    .agree = pleat_gpu_comm_agree,
    .abort = pleat_gpu_comm_abort,
};

pleat_status pleat_comm_staged(pleat_comm *control, const pleat_comm_gpu_options *options,
                               pleat_comm **out) {
    staged_comm *c = calloc(1, sizeof *c);
    const pleat_status memory =
        c != NULL ? PLEAT_OK : PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a communicator");
    pleat_status status = pleat_comm_agree(control, memory);
    if (status == PLEAT_OK) status = pleat_gpu_comm_open(&c->gpu, &staged_ops, control, options);
    if (status != PLEAT_OK) {
        if (c != NULL && c->gpu.control != NULL) pleat_gpu_comm_close(&c->gpu);
        free(c);
        return status;
    }
    *out = &c->gpu.base;
    return PLEAT_OK;
}
