/* comm_nccl.c - sums and broadcasts from GPU to GPU by NCCL, which never wait for ever.
 *
 * NCCL's communicator is made non-blocking: each call may answer "in progress", and whoever waits
 * polls, so that a lost peer ends the wait. A plain synchronize would wait for it for ever
 * (NVIDIA/nccl#585).
 */
#include "check.h"
#include "comm_gpu.h"

#include "pleat/log.h"

#include <nccl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAVE_S  10.0 /* how long destroying waits for the peers */
#define NOTICE_S 60.0 /* of waiting, then a line in the log */

typedef struct nccl_comm {
    gpu_comm gpu;
    ncclComm_t nccl;
    int broken;        /* aborted: of no more use */
    const char *doing; /* what is under way, for messages */
    size_t bytes;      /* of all that is, since the last wait */
} nccl_comm;

static pleat_status create(pleat_comm *control, const pleat_comm_gpu_options *options,
                           pleat_comm **out) {
    return pleat_comm_nccl(control, options, out);
}

/* Ends what is under way on this GPU. Returns a failure that says who waited for whom. */
static pleat_status give_up(nccl_comm *c, pleat_status status, const char *why) {
    char me[256], others[512], last[256];
    /* NCCL's own words belong to the communicator and go with it. */
    (void)snprintf(last, sizeof last, "%s", c->nccl != NULL ? ncclGetLastError(c->nccl) : "");
    if (c->nccl != NULL) (void)ncclCommAbort(c->nccl);
    c->nccl = NULL;
    c->broken = 1;
    const int rank = c->gpu.base.rank;
    return PLEAT_FAIL(
        status, "%s: %s%s%s of %.1f MiB with %s %s%s%s",
        pleat_peer_text(&c->gpu.peers[rank], me, sizeof me), c->gpu.where,
        c->gpu.where[0] != '\0' ? ": " : "", c->doing, (double)c->bytes / 0x1p20,
        pleat_peers_others(c->gpu.peers, c->gpu.base.size, rank, others, sizeof others), why,
        last[0] != '\0' ? ": " : "", last);
}

static pleat_status refuse(nccl_comm *c, ncclResult_t code) {
    char why[128];
    (void)snprintf(why, sizeof why, "failed: %s", ncclGetErrorString(code));
    const int peer = code == ncclRemoteError || code == ncclSystemError;
    return give_up(c, peer ? PLEAT_ERR_PEER : PLEAT_ERR_COMM, why);
}

/* Where the waits give up, and say that they wait. */
typedef struct patience {
    double start_s, limit_s;
    int noticed;
} patience;

static patience patience_of(double limit_s) { return (patience){pleat_now(), limit_s, 0}; }

static pleat_status still_patient(nccl_comm *c, patience *p) {
    const double waited_s = pleat_now() - p->start_s;
    if (waited_s > p->limit_s) {
        char why[64];
        (void)snprintf(why, sizeof why, "did not finish in %.0f s", p->limit_s);
        return give_up(c, PLEAT_ERR_PEER, why);
    }
    if (waited_s > NOTICE_S && !p->noticed) {
        char others[512];
        pleat_log(PLEAT_INFO, "%s: still waiting for %s", c->doing,
                  pleat_peers_others(c->gpu.peers, c->gpu.base.size, c->gpu.base.rank, others,
                                     sizeof others));
        p->noticed = 1;
    }
    (void)sched_yield();
    return PLEAT_OK;
}

/* A call has answered `code`; goes on when NCCL has taken it in. */
static pleat_status settle(nccl_comm *c, ncclResult_t code, double limit_s) {
    patience p = patience_of(limit_s);
    while (code == ncclInProgress) {
        const ncclResult_t asked = ncclCommGetAsyncError(c->nccl, &code);
        if (asked != ncclSuccess) return refuse(c, asked);
        if (code == ncclInProgress) PLEAT_TRY(still_patient(c, &p));
    }
    return code == ncclSuccess ? PLEAT_OK : refuse(c, code);
}

static pleat_status begin(nccl_comm *c, const char *doing, size_t bytes) {
    PLEAT_CHECK(!c->broken, PLEAT_ERR_COMM, "%s: %s after the group of GPUs was given up",
                c->gpu.me, doing);
    c->doing = doing;
    c->bytes += bytes;
    return pleat_gpu_comm_order(&c->gpu, c->gpu.options.stream, c->gpu.stream);
}

static pleat_status nccl_allreduce_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    nccl_comm *c = (nccl_comm *)comm;
    PLEAT_CHECK(type == PLEAT_F32 || type == PLEAT_F64, PLEAT_ERR_UNSUPPORTED,
                "all-reduce sums float32 and float64 only");
    if (n == 0) return PLEAT_OK;
    PLEAT_TRY(begin(c, "all-reduce", n * pleat_dtype_size(type)));
    const ncclDataType_t kind = type == PLEAT_F64 ? ncclFloat64 : ncclFloat32;
    return settle(c, ncclAllReduce(data, data, n, kind, ncclSum, c->nccl, c->gpu.stream),
                  c->gpu.limit_s);
}

static pleat_status nccl_broadcast(pleat_comm *comm, void *data, size_t n, pleat_dtype type,
                                   int root) {
    nccl_comm *c = (nccl_comm *)comm;
    PLEAT_CHECK(root >= 0 && root < comm->size, PLEAT_ERR_ARG, "no rank %d in a group of %d", root,
                comm->size);
    if (n == 0) return PLEAT_OK;
    const size_t bytes = n * pleat_dtype_size(type);
    PLEAT_TRY(begin(c, "broadcast", bytes));
    return settle(c, ncclBroadcast(data, data, bytes, ncclUint8, root, c->nccl, c->gpu.stream),
                  c->gpu.limit_s);
}

static pleat_status nccl_order(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    if (c->bytes == 0) return PLEAT_OK;
    return pleat_gpu_comm_order(&c->gpu, c->gpu.stream, c->gpu.options.stream);
}

static pleat_status nccl_wait(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    if (c->bytes == 0) return PLEAT_OK;
    PLEAT_TRY(nccl_order(comm));
    patience p = patience_of(c->gpu.limit_s);
    for (;;) {
        const cudaError_t done = cudaStreamQuery(c->gpu.stream);
        if (done == cudaSuccess) break;
        if (done != cudaErrorNotReady) CUDA_TRY(cudaStreamQuery(c->gpu.stream));
        (void)cudaGetLastError(); /* "not ready" stays there and would fail the next launch */
        ncclResult_t peer = ncclSuccess;
        const ncclResult_t asked = ncclCommGetAsyncError(c->nccl, &peer);
        if (asked != ncclSuccess) return refuse(c, asked);
        if (peer != ncclSuccess && peer != ncclInProgress) return refuse(c, peer);
        PLEAT_TRY(still_patient(c, &p));
    }
    c->bytes = 0;
    return PLEAT_OK;
}

static pleat_status nccl_split(pleat_comm *comm, int color, int key, pleat_comm **out) {
    return pleat_gpu_comm_split(comm, color, key, create, out);
}

/* Peers may still read from this GPU when its own part is done, so leaving is agreed upon; but a
 * rank that leaves alone, after a failure, does not wait for long, nor replace its message. */
static int finalize(nccl_comm *c) {
    const double start_s = pleat_now();
    ncclResult_t code = ncclCommFinalize(c->nccl);
    while (code == ncclInProgress && pleat_now() - start_s < LEAVE_S) {
        const ncclResult_t asked = ncclCommGetAsyncError(c->nccl, &code);
        if (asked != ncclSuccess) return 0;
        (void)sched_yield();
    }
    return code == ncclSuccess;
}

static void nccl_destroy(pleat_comm *comm) {
    nccl_comm *c = (nccl_comm *)comm;
    if (c->nccl != NULL) (void)(finalize(c) ? ncclCommDestroy(c->nccl) : ncclCommAbort(c->nccl));
    pleat_gpu_comm_close(&c->gpu);
    free(c);
}

static const pleat_comm_ops nccl_ops = {
    .name = "nccl",
    .device_memory = 1,
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

/* All ranks come to ncclCommInitRankConfig together, or none does. */
static pleat_status join(nccl_comm *c) {
    pleat_comm *control = c->gpu.control;
    ncclUniqueId id = {{0}};
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    pleat_status status = PLEAT_OK;
    const ncclResult_t made = control->rank == 0 ? ncclGetUniqueId(&id) : ncclSuccess;
    if (made != ncclSuccess)
        status =
            PLEAT_FAIL(PLEAT_ERR_COMM, "NCCL cannot begin: %s; see its lines with NCCL_DEBUG=INFO",
                       ncclGetErrorString(made));
    PLEAT_TRY(pleat_comm_agree(control, status));
    PLEAT_TRY(pleat_comm_broadcast_bytes(control, &id, sizeof id, 0));
    PLEAT_TRY(pleat_comm_barrier(control));
    c->doing = "the beginning";
    const ncclResult_t code =
        ncclCommInitRankConfig(&c->nccl, control->size, id, control->rank, &config);
    return pleat_comm_agree(control, settle(c, code, c->gpu.limit_s));
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
    if (c->nccl != NULL) (void)ncclCommAbort(c->nccl);
    pleat_gpu_comm_close(&c->gpu);
    free(c);
    return status;
}
