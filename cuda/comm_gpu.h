/*
 * comm_gpu.h - communicators of device memory, made over one of host memory.
 *
 *   nccl     GPU to GPU; wants a GPU for each rank                                 comm_nccl.c
 *   staged   through pinned host memory and the communicator below (MPI's)         comm_staged.c
 *
 * Sums and broadcasts take device memory: they begin when what the engine's stream holds is done,
 * and run beside what is queued there later. pleat_comm_order makes the engine's stream wait for
 * them, pleat_comm_wait the host too. Everything else, barriers and bytes, is the communicator's
 * below.
 */
#ifndef PLEAT_CUDA_COMM_GPU_H
#define PLEAT_CUDA_COMM_GPU_H

#include "comm_peers.h"

#include "pleat/comm.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_comm_gpu_options {
    int device;       /* this rank's GPU */
    void *stream;     /* the engine's cudaStream_t; NULL: the default one */
    double timeout_s; /* after which a silent peer is given up; 0: by the length of a step */
    const char *me;   /* "rank 3 (host n2)", the rank in the job; NULL: the rank of the group */
    int share;        /* ranks may use one GPU */
} pleat_comm_gpu_options;

/* NCCL's where each rank has a GPU of its own; else, when options->share, the staged one, and a log
 * line says so; else ERR_UNSUPPORTED, naming the ranks. `control` stays the caller's and outlives
 * *out. Collective; all ranks succeed or fail. */
pleat_status pleat_comm_gpu(pleat_comm *control, const pleat_comm_gpu_options *options,
                            pleat_comm **out);

/* The same for an engine of this module; the rest of the options are its own. */
pleat_status pleat_comm_of_engine(pleat_comm *control, pleat_engine *engine, double timeout_s,
                                  const char *me, int share, pleat_comm **out);

/* One kind. nccl: ERR_UNSUPPORTED when two ranks share a GPU. */
pleat_status pleat_comm_nccl(pleat_comm *control, const pleat_comm_gpu_options *options,
                             pleat_comm **out);
pleat_status pleat_comm_staged(pleat_comm *control, const pleat_comm_gpu_options *options,
                               pleat_comm **out);

/* --- shared by both kinds --------------------------------------------------------------------- */

typedef struct gpu_comm { /* first member of each kind's own struct */
    pleat_comm base;
    pleat_comm *control;
    int owns_control; /* 1 after a split */
    pleat_comm_gpu_options options;
    char me[96];         /* options.me */
    char where[64];      /* "fold 0 epoch 2/30 step 7", for messages; may be "" */
    double limit_s;      /* after which a silent peer is given up, now */
    pleat_peer *peers;   /* [size] */
    cudaStream_t stream; /* of the copies and sums */
    cudaEvent_t event;   /* carries an order from one stream to the other */
} gpu_comm;

/* Fills the whole struct; collective. close frees what it owns, but not the struct. */
pleat_status pleat_gpu_comm_open(gpu_comm *comm, const pleat_comm_ops *ops, pleat_comm *control,
                                 const pleat_comm_gpu_options *options);
void pleat_gpu_comm_close(gpu_comm *comm);

/* `later` goes on when what `earlier` holds now is done. */
pleat_status pleat_gpu_comm_order(gpu_comm *comm, cudaStream_t earlier, cudaStream_t later);

/* A kind's split: `create` is the kind's maker. */
pleat_status pleat_gpu_comm_split(pleat_comm *comm, int color, int key,
                                  pleat_status (*create)(pleat_comm *,
                                                         const pleat_comm_gpu_options *,
                                                         pleat_comm **),
                                  pleat_comm **out);

/* Entries of the table that are the control's. */
pleat_status pleat_gpu_comm_barrier(pleat_comm *comm);
pleat_status pleat_gpu_comm_broadcast_bytes(pleat_comm *comm, void *bytes, size_t n, int root);
pleat_status pleat_gpu_comm_gather(pleat_comm *comm, const void *bytes, size_t n, int root,
                                   void **out, size_t *total);
pleat_status pleat_gpu_comm_agree(pleat_comm *comm, pleat_status mine);
void pleat_gpu_comm_note(pleat_comm *comm, const char *where, double step_s); /* its own */
void pleat_gpu_comm_abort(pleat_comm *comm, pleat_status status);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_COMM_GPU_H */
