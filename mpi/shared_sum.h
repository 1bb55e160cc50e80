/*
 * shared_sum.h - sums among the ranks of a machine, in memory that they share. Private to mpi/.
 *
 * Sums are cut into pieces that stay in the caches. A piece goes through three stages on each rank:
 *
 *   copy     what this rank adds to the slices of the others, into its part of the shared memory
 *   add      the slice of this rank: all ranks' values, from the first rank to the last
 *   take     the slices that the others have added, from the shared memory
 *
 * Each rank counts the pieces of each stage where the others see it. The counts say which pieces
 * may go on, so that nobody waits for all: ranks may be several pieces apart. A value is added by
 * one rank, in the order of ranks, so all ranks get the same bits, whenever they came.
 *
 * Where a group has ranks on several machines, the ranks that own the same slice of each machine
 * add their sums by MPI between `add` and `take`.
 */
#ifndef PLEAT_MPI_SHARED_SUM_H
#define PLEAT_MPI_SHARED_SUM_H

#include "pleat/comm.h"

typedef struct pleat_shared_sum pleat_shared_sum;

/* ERR_ARG: PLEAT_COMM_SHARED, which the sums will read, is no number of ranks. */
pleat_status pleat_shared_sum_check(void);
/* Collective over `group`, whose ranks all come soon. ERR_MEMORY, on all ranks alike, where a
 * machine has no room in /dev/shm; ERR_UNSUPPORTED, on all alike, where no two ranks share a
 * machine. */
pleat_status pleat_shared_sum_open(pleat_comm *group, pleat_shared_sum **out);
/* In place over n values of `type`, F32 or F64. All ranks queue the same sums in the same order. */
pleat_status pleat_shared_sum_queue(pleat_shared_sum *sum, void *data, size_t n, pleat_dtype type);
/* Does what can be done without waiting; *moved: there was something. */
pleat_status pleat_shared_sum_progress(pleat_shared_sum *sum, int *moved);
/* 1 when all that was queued is there. */
int pleat_shared_sum_done(const pleat_shared_sum *sum);
/* Not collective. NULL does nothing. */
void pleat_shared_sum_close(pleat_shared_sum *sum);

#endif /* PLEAT_MPI_SHARED_SUM_H */
