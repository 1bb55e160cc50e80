/*
 * comm_mpi.h - what mpi/ knows of its communicators beyond pleat/comm.h. Private to mpi/.
 *
 * Functions that take a pleat_comm here want one made by this module (ops->name "mpi").
 */
#ifndef PLEAT_MPI_COMM_MPI_H
#define PLEAT_MPI_COMM_MPI_H

#include "pleat/comm.h"

#include <mpi.h>

/* Tags of notes and messages, apart from the collectives of the same communicator. */
enum {
    PLEAT_TAG_PING,
    PLEAT_TAG_PONG,
    PLEAT_TAG_GATHER,
    PLEAT_TAG_FOLD_ASK,
    PLEAT_TAG_FOLD_GIVE,
    PLEAT_TAG_FOLD_DONE,
    PLEAT_TAG_HALT,
    PLEAT_TAG_END
};

/* All ranks of the job, on a communicator of its own. MPI is initialised. */
pleat_status pleat_comm_mpi_world(pleat_comm **out);
/* The ranks of `comm` that share memory with this one. Collective. */
pleat_status pleat_comm_mpi_node(pleat_comm *comm, pleat_comm **out);
MPI_Comm pleat_comm_mpi_handle(const pleat_comm *comm);
/* Starts a sum in place that MPI makes, and asks, without waiting, whether all that was started has
 * come. */
pleat_status pleat_comm_mpi_start_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type);
pleat_status pleat_comm_mpi_test(pleat_comm *comm, int *all);

/* "rank 3 (host n2)", the rank being the one in the world. Returns `text`. */
const char *pleat_comm_mpi_who(const pleat_comm *comm, int rank, char *text, size_t size);
/* Adds it to the list in `text`, or "..." where there is no room. */
void pleat_comm_mpi_add_who(const pleat_comm *comm, int rank, char *text, size_t size);
/* Seconds after which a rank that is silent in a training step is given up: PLEAT_COMM_TIMEOUT; 0
 * when it is not set. */
double pleat_comm_mpi_timeout(const pleat_comm *comm);
/* 1 when a message begins by naming its rank as above. */
int pleat_comm_mpi_names_rank(const char *message);

/* Seconds until a wait is told in the log: PLEAT_COMM_NOTICE, or 60. */
double pleat_comm_mpi_notice_s(void);

/* Notes of one int. Neither waits; *from is -1 when there is none. */
pleat_status pleat_comm_mpi_send(pleat_comm *comm, int tag, int value, int to);
pleat_status pleat_comm_mpi_take(pleat_comm *comm, int tag, int *value, int *from);

/* Memory that all ranks of a node see: an MPI-3 shared window, or plain memory when the group is
 * one rank (any kind of communicator then). open and sync are collective over the group; close is
 * not, since a rank that fails closes alone; a window goes when the process ends. */
typedef struct pleat_shared pleat_shared;
/* ERR_MEMORY, on all ranks alike, when /dev/shm has no room. Aligned to 128 bytes. */
pleat_status pleat_shared_open(pleat_comm *node, size_t bytes, pleat_shared **out);
void *pleat_shared_data(const pleat_shared *shared);
/* What any rank wrote before is seen by every rank after. */
pleat_status pleat_shared_sync(pleat_shared *shared);
/* NULL does nothing. */
void pleat_shared_close(pleat_shared *shared);

#endif /* PLEAT_MPI_COMM_MPI_H */
