/*
 * wire.h - an MPI communicator that says for whom it waits. Private to mpi/.
 *
 * Everything is nonblocking and completed by pleat_wire_settle, which polls. MPI reports no dead
 * peer: a collective with one hangs (there is no ULFM in Open MPI 4.1). So a rank that has waited
 * long asks all others by a note; whoever waits too answers, and who does not answer is named.
 *
 *   waited 60 s     log: "all-reduce: still waiting for rank 3 (host n2)"
 *   waited 600 s    ERR_PEER with the same names; PLEAT_COMM_TIMEOUT=seconds changes the limit
 *
 * Only operations of a training step have the limit: there, all ranks have the same work. Before a
 * control operation one rank may work for hours; the launcher ends the job when a rank dies.
 */
#ifndef PLEAT_MPI_WIRE_H
#define PLEAT_MPI_WIRE_H

#include "pleat/status.h"

#include <mpi.h>

#define PLEAT_WIRE_HOST 64 /* bytes of a host name */

typedef struct pleat_wire_peer {
    char host[PLEAT_WIRE_HOST];
    int world_rank;
    double seen_s; /* pleat_now() of its last sign that it waits too */
} pleat_wire_peer;

typedef struct pleat_wire_note pleat_wire_note;

typedef struct pleat_wire {
    MPI_Comm handle;
    int rank, size;
    pleat_wire_peer *peers; /* [size] */
    MPI_Request *requests;  /* [capacity], the first `pending` are under way */
    int pending, capacity;
    const char *doing;      /* what they are, for messages */
    pleat_wire_note *notes; /* sent, perhaps not yet gone */
    double timeout_s;       /* of a training step's operations */
    int broken;             /* an operation failed: the communicator is of no more use */
} pleat_wire;

/* Takes over `handle`. Collective. ERR_ARG when PLEAT_COMM_TIMEOUT is no number. */
pleat_status pleat_wire_open(MPI_Comm handle, pleat_wire *out);
void pleat_wire_close(pleat_wire *wire);

/* ERR_COMM with MPI's own words when code is not MPI_SUCCESS. */
pleat_status pleat_wire_check(int code, const char *doing);

/* "rank 3 (host n2)", with the rank in the world. Returns `text`. */
const char *pleat_wire_who(const pleat_wire *wire, int rank, char *text, size_t size);

/* A place for one more request, named for messages; NULL without memory. The caller fills it and
 * counts it by ++wire->pending when it was started. */
MPI_Request *pleat_wire_slot(pleat_wire *wire, const char *doing);
/* Lets what is under way move on, without waiting. */
pleat_status pleat_wire_progress(pleat_wire *wire);
/* Waits for all requests, at most limit_s: wire->timeout_s, or INFINITY. ERR_PEER names the ranks
 * that did not come; ERR_COMM is MPI's error. */
pleat_status pleat_wire_settle(pleat_wire *wire, double limit_s);

/* A note is one int. Sending never waits, not even for a connection. */
pleat_status pleat_wire_send(pleat_wire *wire, int tag, int value, int to);
/* Takes a note when one is there; *from -1 when not. */
pleat_status pleat_wire_take(pleat_wire *wire, int tag, int *value, int *from);

#endif /* PLEAT_MPI_WIRE_H */
