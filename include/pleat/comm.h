/*
 * comm.h - the second seam: a group of ranks that work on one thing.
 *
 *   self   one rank, no library; what every unit test uses   src/base/comm_self.c
 *   mpi    host memory                                       mpi/comm_mpi.c
 *   nccl   device memory, made over an mpi one               cuda/comm_nccl.c
 *   staged the same where two ranks share a device           cuda/comm_staged.c
 *
 * Every call is collective over the group unless it says otherwise: all ranks make it, in the
 * same order, with the same count.
 */
#ifndef PLEAT_COMM_H
#define PLEAT_COMM_H

#include "pleat/engine.h"
#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_comm pleat_comm;

typedef struct pleat_comm_ops {
    const char *name;
    /* 1: allreduce_sum and broadcast take the engine's pointers; 0: the host's. An engine whose
     * memory the host cannot read sends through host memory where this is 0. */
    int device_memory;
    /* 1: sums that are asked for while the engine records become part of the recording; to be
     * destroyed after it. */
    int recordable;

    /* Ranks with one color form a new group, ordered by key. */
    pleat_status (*split)(pleat_comm *comm, int color, int key, pleat_comm **out);
    void (*destroy)(pleat_comm *comm);

    /* In place over n values of `type` (F32 or F64). May return before the data arrives: `wait`
     * before reading it. */
    pleat_status (*allreduce_sum)(pleat_comm *comm, void *data, size_t n, pleat_dtype type);
    pleat_status (*broadcast)(pleat_comm *comm, void *data, size_t n, pleat_dtype type, int root);
    /* What the engine is told next comes after the above. Device memory: the host does not wait,
     * and has to call `wait` before it waits for the engine, which would wait for ever for a lost
     * peer. Host memory: the same as `wait`. */
    pleat_status (*order)(pleat_comm *comm);
    /* Host waits for the above, and for those of a recording that is played; ERR_PEER naming the
     * rank when a peer is lost, never for ever. */
    pleat_status (*wait)(pleat_comm *comm);

    /* Control, always in host memory, always blocking, for as long as the slowest rank works before
     * it; the log says for whom one waits. The launcher ends the job when a rank dies. */
    pleat_status (*barrier)(pleat_comm *comm);
    /* Bytes, the same on every rank afterwards. */
    pleat_status (*broadcast_bytes)(pleat_comm *comm, void *bytes, size_t n, int root);
    /* Bytes, a different number per rank, one rank's after another's: *out (caller frees, never
     * NULL) and *total on root only, the others leave both as they are. */
    pleat_status (*gather)(pleat_comm *comm, const void *bytes, size_t n, int root, void **out,
                           size_t *total);
    /* OK when every rank brings OK; else all ranks get a failure, and the message of the lowest
     * failing rank, so that all go on or all leave. */
    pleat_status (*agree)(pleat_comm *comm, pleat_status mine);
    /* Not collective: where this rank is ("fold 0 epoch 2/30 step 7"), for messages, and how long a
     * step takes, by which `wait` knows that a peer is lost; < 0: in training, but not known yet;
     * 0: ranks may differ by hours of work now. NULL where nobody waits. */
    void (*note)(pleat_comm *comm, const char *where, double step_s);
    /* Not collective: ends every rank of the job with status's exit code. Does not return. */
    void (*abort)(pleat_comm *comm, pleat_status status);
} pleat_comm_ops;

struct pleat_comm { /* first member of every communicator's own struct */
    const pleat_comm_ops *ops;
    int rank, size;
};

/* The calls, as one writes them. destroy(NULL) does nothing. */
static inline pleat_status pleat_comm_split(pleat_comm *comm, int color, int key,
                                            pleat_comm **out) {
    return comm->ops->split(comm, color, key, out);
}
static inline void pleat_comm_destroy(pleat_comm *comm) {
    if (comm != NULL) comm->ops->destroy(comm);
}
static inline pleat_status pleat_comm_allreduce_sum(pleat_comm *comm, void *data, size_t n,
                                                    pleat_dtype type) {
    return comm->ops->allreduce_sum(comm, data, n, type);
}
static inline pleat_status pleat_comm_broadcast(pleat_comm *comm, void *data, size_t n,
                                                pleat_dtype type, int root) {
    return comm->ops->broadcast(comm, data, n, type, root);
}
static inline pleat_status pleat_comm_order(pleat_comm *comm) { return comm->ops->order(comm); }
static inline pleat_status pleat_comm_wait(pleat_comm *comm) { return comm->ops->wait(comm); }
static inline pleat_status pleat_comm_barrier(pleat_comm *comm) { return comm->ops->barrier(comm); }
static inline pleat_status pleat_comm_broadcast_bytes(pleat_comm *comm, void *bytes, size_t n,
                                                      int root) {
    return comm->ops->broadcast_bytes(comm, bytes, n, root);
}
static inline pleat_status pleat_comm_gather(pleat_comm *comm, const void *bytes, size_t n,
                                             int root, void **out, size_t *total) {
    return comm->ops->gather(comm, bytes, n, root, out, total);
}
static inline pleat_status pleat_comm_agree(pleat_comm *comm, pleat_status mine) {
    return comm->ops->agree(comm, mine);
}
static inline void pleat_comm_note(pleat_comm *comm, const char *where, double step_s) {
    if (comm->ops->note != NULL) comm->ops->note(comm, where, step_s);
}

/* Collective: *bytes[*n] of rank 0, whose status is `mine`, for all, to be freed; the status of all
 * is that of rank 0, or ERR_MEMORY. src/base/comm_share.c */
pleat_status pleat_comm_share_bytes(pleat_comm *comm, pleat_status mine, void **bytes, size_t *n);

/* Brings the warnings (warn.h) of all ranks to rank 0, which says and keeps those it has not. For
 * after an agreement too that has failed. src/base/comm_warnings.c */
pleat_status pleat_comm_gather_warnings(pleat_comm *comm);

/* Seconds after which a rank that is silent in a training step is given up: timeout_s, or where
 * that is 0 by a step's time: 600 s while that is not known (<= 0), for libraries start and files
 * are read, then the longer of 60 s and 20 steps. Every communicator that can lose a peer asks. */
double pleat_comm_limit_s(double timeout_s, double step_s);

/* A group of one. Never fails to reduce. */
pleat_status pleat_comm_self(pleat_comm **out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_COMM_H */
