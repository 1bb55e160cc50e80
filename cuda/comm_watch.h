/*
 * comm_watch.h - a blocking NCCL communicator and the thread that watches it.
 *
 * A call of NCCL, and a sum that a stream waits for, last as long as the slowest peer; where one is
 * lost, for ever (NVIDIA/nccl#585). So whoever calls or waits says so before and after, and the
 * thread gives the communicator up when that takes too long or when NCCL says that a peer is gone:
 * calls return, and what is under way on the GPU ends, its results of no use.
 *
 * ncclCommAbort, called by that thread, returns only when each CUDA graph with a sum of this
 * communicator in it has been destroyed, so nobody waits for the thread before pleat_watch_close.
 */
#ifndef PLEAT_CUDA_COMM_WATCH_H
#define PLEAT_CUDA_COMM_WATCH_H

#include <nccl.h>

typedef struct pleat_watch pleat_watch;

/* Rank `rank` of `size` joins by its thread, on GPU `device`. NULL without memory or thread. To be
 * closed whatever came of it; first the graphs are to be destroyed. close(NULL) does nothing. */
pleat_watch *pleat_watch_open(int device, int size, ncclUniqueId id, int rank);
void pleat_watch_close(pleat_watch *watch);

/* Waits until it has joined, limit_s at most. 1: it has; 0: it is lost. */
int pleat_watch_join(pleat_watch *watch, double limit_s);

/* The communicator, once it has joined. */
ncclComm_t pleat_watch_nccl(const pleat_watch *watch);

/* From begin to end there is a call or a wait that may take limit_s. end: 0 when it is lost. */
void pleat_watch_begin(pleat_watch *watch, double limit_s);
int pleat_watch_end(pleat_watch *watch);
int pleat_watch_is_lost(pleat_watch *watch);

/* Why it was lost: "did not finish in 60 s", or NCCL's words. *remote: it speaks of a peer. */
const char *pleat_watch_why(const pleat_watch *watch, int *remote);

#endif /* PLEAT_CUDA_COMM_WATCH_H */
