/* comm_gpu.c - what the communicators of device memory share. */
#include "comm_gpu.h"

#include "engine_impl.h"

#include "pleat/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pleat_status describe(gpu_comm *comm, pleat_peer *mine) {
    struct cudaDeviceProp properties;
    CUDA_TRY(cudaSetDevice(comm->options.device));
    CUDA_TRY(cudaGetDeviceProperties(&properties, comm->options.device));
    CUDA_TRY(cudaDeviceGetPCIBusId(mine->bus, (int)sizeof mine->bus, comm->options.device));
    (void)snprintf(mine->device, sizeof mine->device, "%.63s", properties.name);
    return PLEAT_OK;
}

static pleat_status find_peers(gpu_comm *comm) {
    pleat_peer mine = {0};
    if (gethostname(mine.machine, sizeof mine.machine - 1) != 0)
        (void)snprintf(mine.machine, sizeof mine.machine, "unknown");
    if (comm->options.me != NULL)
        (void)snprintf(comm->me, sizeof comm->me, "%s", comm->options.me);
    else
        (void)snprintf(comm->me, sizeof comm->me, "rank %d (host %.63s)", comm->base.rank,
                       mine.machine);
    comm->options.me = comm->me;
    (void)snprintf(mine.who, sizeof mine.who, "%s", comm->me);
    pleat_status status = describe(comm, &mine);
    comm->peers = calloc((size_t)comm->base.size, sizeof *comm->peers);
    if (status == PLEAT_OK && comm->peers == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a group of %d ranks", comm->base.size);
    PLEAT_TRY(pleat_comm_agree(comm->control, status));
    return pleat_peers_exchange(comm->control, &mine, comm->peers);
}

/* The highest priority, so that a sum does not queue behind the blocks of a convolution. */
static pleat_status make_stream(gpu_comm *comm) {
    int least = 0, greatest = 0;
    CUDA_TRY(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    CUDA_TRY(cudaStreamCreateWithPriority(&comm->stream, cudaStreamNonBlocking, greatest));
    CUDA_TRY(cudaEventCreateWithFlags(&comm->event, cudaEventDisableTiming));
    return PLEAT_OK;
}

pleat_status pleat_gpu_comm_open(gpu_comm *comm, const pleat_comm_ops *ops, pleat_comm *control,
                                 const pleat_comm_gpu_options *options) {
    *comm = (gpu_comm){
        .base = {.ops = ops, .rank = control->rank, .size = control->size},
        .control = control,
        .options = *options,
    };
    pleat_gpu_comm_note(&comm->base, "", 0.0);
    PLEAT_TRY(find_peers(comm));
    return pleat_comm_agree(control, make_stream(comm));
}

void pleat_gpu_comm_close(gpu_comm *comm) {
    if (comm->event != NULL) (void)cudaEventDestroy(comm->event);
    if (comm->stream != NULL) (void)cudaStreamDestroy(comm->stream);
    free(comm->peers);
    if (comm->owns_control) pleat_comm_destroy(comm->control);
}

pleat_status pleat_gpu_comm_order(gpu_comm *comm, cudaStream_t earlier, cudaStream_t later) {
    CUDA_TRY(cudaEventRecord(comm->event, earlier));
    CUDA_TRY(cudaStreamWaitEvent(later, comm->event, 0));
    return PLEAT_OK;
}

pleat_status pleat_gpu_comm_split(pleat_comm *comm, int color, int key,
                                  pleat_status (*create)(pleat_comm *,
                                                         const pleat_comm_gpu_options *,
                                                         pleat_comm **),
                                  pleat_comm **out) {
    gpu_comm *whole = (gpu_comm *)comm;
    pleat_comm *control = NULL, *part = NULL;
    PLEAT_TRY(pleat_comm_split(whole->control, color, key, &control));
    const pleat_status status = create(control, &whole->options, &part);
    if (status != PLEAT_OK) {
        pleat_comm_destroy(control);
        return status;
    }
    ((gpu_comm *)part)->owns_control = 1;
    *out = part;
    return PLEAT_OK;
}

static pleat_comm *control_of(pleat_comm *comm) { return ((gpu_comm *)comm)->control; }

pleat_status pleat_gpu_comm_barrier(pleat_comm *comm) {
    return pleat_comm_barrier(control_of(comm));
}

pleat_status pleat_gpu_comm_broadcast_bytes(pleat_comm *comm, void *bytes, size_t n, int root) {
    return pleat_comm_broadcast_bytes(control_of(comm), bytes, n, root);
}

pleat_status pleat_gpu_comm_gather(pleat_comm *comm, const void *bytes, size_t n, int root,
                                   void **out, size_t *total) {
    return pleat_comm_gather(control_of(comm), bytes, n, root, out, total);
}

pleat_status pleat_gpu_comm_agree(pleat_comm *comm, pleat_status mine) {
    return pleat_comm_agree(control_of(comm), mine);
}

void pleat_gpu_comm_note(pleat_comm *comm, const char *where, double step_s) {
    gpu_comm *c = (gpu_comm *)comm;
    (void)snprintf(c->where, sizeof c->where, "%s", where);
    c->limit_s = pleat_comm_limit_s(c->options.timeout_s, step_s);
}

void pleat_gpu_comm_abort(pleat_comm *comm, pleat_status status) {
    control_of(comm)->ops->abort(control_of(comm), status);
}

pleat_status pleat_comm_gpu(pleat_comm *control, const pleat_comm_gpu_options *options,
                            pleat_comm **out) {
    const pleat_status status = pleat_comm_nccl(control, options, out);
    if (status != PLEAT_ERR_UNSUPPORTED) return status;
    char why[512]; /* a message cannot be made of itself */
    (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    PLEAT_CHECK(options->share, status, "%s, or set share_gpu: true (slow)", why);
    if (control->rank == 0)
        pleat_log(PLEAT_INFO, "%s. They share it: sums go through host memory and %s", why,
                  control->ops->name);
    return pleat_comm_staged(control, options, out);
}

pleat_status pleat_comm_of_engine(pleat_comm *control, pleat_engine *engine, double timeout_s,
                                  const char *me, int share, pleat_comm **out) {
    const pleat_cuda *gpu = pleat_cuda_of(engine);
    const pleat_comm_gpu_options options = {.device = gpu->device,
                                            .stream = gpu->stream,
                                            .timeout_s = timeout_s,
                                            .me = me,
                                            .share = share};
    return pleat_comm_gpu(control, &options, out);
}
