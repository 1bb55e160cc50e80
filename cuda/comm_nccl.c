/* comm_nccl.c - sums and broadcasts from GPU to GPU by NCCL, which never wait for ever.
 *
 * Each call of NCCL, and each wait for the stream, is watched (comm_watch.h), so a lost peer ends
 * it. What is asked for while the engine's stream is captured becomes part of its graph: each play
 * sums again, and `wait` waits for all that the engine's stream holds.
 */
#include "check.h"
#include "comm_gpu.h"
#include "comm_watch.h"

#include "pleat/log.h"

#include <nccl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define NOTICE_S 60.0 /* of waiting, then a line in the log */

typedef struct nccl_comm {
    gpu_comm gpu;
    pleat_watch *watch;
    const char *doing; /* what is under way, for messages */
    size_t bytes;      /* of all that is, since the last wait */
} nccl_comm;

static pleat_status create(pleat_comm *control, const pleat_comm_gpu_options *options,
                           pleat_comm **out) {
    return pleat_comm_nccl(control, options, out);
}

/* A failure that says who waited for whom. */
static pleat_status given_up(nccl_comm *c) {
    char me[256], others[512], what[64] = "";
    int remote = 0;
    const char *why = pleat_watch_why(c->watch, &remote);
    const int rank = c->gpu.base.rank;
    if (c->bytes > 0) (void)snprintf(what, sizeof what, " of %.1f MiB", (double)c->bytes / 0x1p20);
    return PLEAT_FAIL(
        remote ? PLEAT_ERR_PEER : PLEAT_ERR_COMM, "%s: %s%s%s%s with %s %s",
        pleat_peer_text(&c->gpu.peers[rank], me, sizeof me), c->gpu.where,
        c->gpu.where[0] != '\0' ? ": " : "", c->doing, what,
        pleat_peers_others(c->gpu.peers, c->gpu.base.size, rank, others, sizeof others), why);
}

/* What NCCL has answered to a watched call. */
static pleat_status finish_call(nccl_comm *c, ncclResult_t code) {
    if (!pleat_watch_end(c->watch)) return given_up(c);
    PLEAT_CHECK(code == ncclSuccess, PLEAT_ERR_COMM, "%s: %s failed: %s: %s", c->gpu.me, c->doing,
                ncclGetErrorString(code), ncclGetLastError(pleat_watch_nccl(c->watch)));
    return PLEAT_OK;
}

static pleat_status begin(nccl_comm *c, const char *doing, size_t bytes) {
    PLEAT_CHECK(!pleat_watch_is_lost(c->watch), PLEAT_ERR_COMM,
                "%s: %s after the group of GPUs was given up", c->gpu.me, doing);
    c->doing = doing;
    c->bytes += bytes;
    PLEAT_TRY(pleat_gpu_comm_order(&c->gpu, c->gpu.options.stream, c->gpu.stream));
    pleat_watch_begin(c->watch, c->gpu.limit_s);
    return PLEAT_OK;
}

static pleat_status nccl_allreduce_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    nccl_comm *c = (nccl_comm *)comm;
    PLEAT_CHECK(type == PLEAT_F32 || type == PLEAT_F64, PLEAT_ERR_UNSUPPORTED,
                "all-reduce sums float32 and float64 only");
    if (n == 0) return PLEAT_OK;
    PLEAT_TRY(begin(c, "all-reduce", n * pleat_dtype_size(type)));
    const ncclDataType_t kind = type == PLEAT_F64 ? ncclFloat64 : ncclFloat32;
    return finish_call(
        c, ncclAllReduce(data, data, n, kind, ncclSum, pleat_watch_nccl(c->watch), c->gpu.stream));
}

static pleat_status nccl_broadcast(pleat_comm *comm, void *data, size_t n, pleat_dtype type,
                                   int root) {
    nccl_comm *c = (nccl_comm *)comm;
    PLEAT_CHECK(root >= 0 && root < comm->size, PLEAT_ERR_ARG, "no rank %d in a group of %d", root,
                comm->size);
    if (n == 0) return PLEAT_OK;
    const size_t bytes = n * pleat_dtype_size(type);
    PLEAT_TRY(begin(c, "broadcast", bytes));
    return finish_call(c, ncclBroadcast(data, data, bytes, ncclUint8, root,
                                        pleat_watch_nccl(c->watch), c->gpu.stream));
}

static pleat_status nccl_order(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    if (c->bytes == 0) return PLEAT_OK;
    return pleat_gpu_comm_order(&c->gpu, c->gpu.stream, c->gpu.options.stream);
}

/* Until the stream holds nothing more. */
static pleat_status poll(nccl_comm *c, cudaStream_t stream) {
    const double start_s = pleat_now();
    int noticed = 0;
    for (;;) {
        if (pleat_watch_is_lost(c->watch)) return PLEAT_OK; /* the caller asks */
        const cudaError_t done = cudaStreamQuery(stream);
        if (done == cudaSuccess) return PLEAT_OK;
        if (done != cudaErrorNotReady) CUDA_TRY(done);
        (void)cudaGetLastError(); /* "not ready" stays there and would fail the next launch */
        if (pleat_now() - start_s > NOTICE_S && !noticed) {
            char others[512];
            pleat_log(PLEAT_INFO, "%s: still waiting for %s", c->doing,
                      pleat_peers_others(c->gpu.peers, c->gpu.base.size, c->gpu.base.rank, others,
                                         sizeof others));
            noticed = 1;
        }
        (void)sched_yield();
    }
}

/* The engine's stream waits for the sums, so that it is empty when they are there. */
static pleat_status nccl_wait(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    PLEAT_TRY(nccl_order(comm));
    pleat_watch_begin(c->watch, c->gpu.limit_s);
    const pleat_status status = poll(c, c->gpu.options.stream);
    if (!pleat_watch_end(c->watch)) return given_up(c);
    c->bytes = 0;
    return status;
}

static pleat_status nccl_split(pleat_comm *comm, int color, int key, pleat_comm **out) {
    return pleat_gpu_comm_split(comm, color, key, create, out);
}

static void nccl_destroy(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    pleat_watch_close(c->watch);
    pleat_gpu_comm_close(&c->gpu);
    free(c);
}

static const pleat_comm_ops nccl_ops = {
    .name = "nccl",
    .device_memory = 1,
    .recordable = 1,
    .split = nccl_split,
    .destroy = nccl_destroy,
    .allreduce_sum = nccl_allreduce_sum,
    .broadcast = nccl_broadcast,
    .order = nccl_order,
    .wait = nccl_wait,
    .barrier = pleat_gpu_comm_barrier,
    .broadcast_bytes = pleat_gpu_comm_broadcast_bytes,
    .gather = pleat_gpu_comm_gather,
    .agree = pleat_gpu_comm_agree,
    .note = pleat_gpu_comm_note,
    .abort = pleat_gpu_comm_abort,
};

/* All ranks come to ncclCommInitRankConfig, or none does. */
static pleat_status join(nccl_comm *c) {
    pleat_comm *control = c->gpu.control;
    ncclUniqueId id = {{0}};
    pleat_status status = PLEAT_OK;
    const ncclResult_t made = control->rank == 0 ? ncclGetUniqueId(&id) : ncclSuccess;
    if (made != ncclSuccess)
        status =
            PLEAT_FAIL(PLEAT_ERR_COMM, "NCCL cannot begin: %s; see its lines with NCCL_DEBUG=INFO",
                       ncclGetErrorString(made));
    PLEAT_TRY(pleat_comm_agree(control, status));
    PLEAT_TRY(pleat_comm_broadcast_bytes(control, &id, sizeof id, 0));
    c->doing = "the beginning";
    c->watch = pleat_watch_open(c->gpu.options.device, control->size, id, control->rank);
    if (c->watch == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no thread for NCCL");
    PLEAT_TRY(pleat_comm_agree(control, status));
    status = pleat_watch_join(c->watch, c->gpu.limit_s) ? PLEAT_OK : given_up(c);
    return pleat_comm_agree(control, status);
}

pleat_status pleat_comm_nccl(pleat_comm *control, const pleat_comm_gpu_options *options,
                             pleat_comm **out) {
    nccl_comm *c = calloc(1, sizeof *c);
    const pleat_status memory =
        c != NULL ? PLEAT_OK : PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a communicator");
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(control, memory));
    if (c == NULL) return memory; /* agreed already */
    PLEAT_TRY_GOTO(status, done, pleat_gpu_comm_open(&c->gpu, &nccl_ops, control, options));
    PLEAT_TRY_GOTO(status, done, pleat_peers_check_devices(c->gpu.peers, control->size));
    PLEAT_TRY_GOTO(status, done, join(c));
    *out = &c->gpu.base;
    return PLEAT_OK;
done:
    if (c == NULL) return status;
    pleat_watch_close(c->watch);
    pleat_gpu_comm_close(&c->gpu);
    free(c);
    return status;
}
