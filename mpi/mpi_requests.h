/*
 * mpi_requests.h - an MPI communicator that says for whom it waits. Private to mpi/.
 *
 * Everything is nonblocking and completed by pleat_mpi_requests_settle, which polls. MPI reports no
 * dead peer: a collective with one hangs (there is no ULFM in Open MPI 4.1). So a rank that has
 * waited long asks all others by a note; whoever waits too answers, and who does not answer is
 * named.
 *
 *   waited 60 s     log: "all-reduce: still waiting for rank 3 (host n2)"; then every 5 minutes
 *   waited too long ERR_PEER with the same names
 *
 * too long:                  before the first step    then, T the longest step of late
 *   operations of a step     600 s                    the longer of 60 s and 20 T
 *   other ones, in training  6000 s                   10 times that: one rank writes a checkpoint
 *   elsewhere                never: one rank may work for hours, the launcher ends a dead one's job
 *
 * PLEAT_COMM_TIMEOUT=seconds replaces the first line, PLEAT_COMM_NOTICE=seconds the log's 60 s.
 * mpirun sends SIGCONT before it ends a job: a rank that waits then says for whom.
 */
#ifndef PLEAT_MPI_WIRE_H
#define PLEAT_MPI_WIRE_H

#include "pleat/status.h"

#include <mpi.h>

#define PLEAT_MPI_REQUESTS_HOST  64 /* bytes of a host name */
#define PLEAT_MPI_REQUESTS_WHERE 64

typedef struct pleat_mpi_requests_peer {
    char host[PLEAT_MPI_REQUESTS_HOST];
    int world_rank;
    double seen_s; /* pleat_now() of its last sign that it waits too */
} pleat_mpi_requests_peer;

typedef struct pleat_mpi_requests_note pleat_mpi_requests_note;

typedef struct pleat_mpi_requests {
    MPI_Comm handle;
    int rank, size;
    pleat_mpi_requests_peer *peers; /* [size] */
    MPI_Request *requests;          /* [capacity], the first `pending` are under way */
    int pending, capacity;
    struct pleat_shared_sum *sums;  /* under way too; NULL: none were opened. Closed with this */
    const char *doing;              /* what they are, for messages */
    pleat_mpi_requests_note *notes; /* sent, perhaps not yet gone */
    double timeout_s;               /* of a step's operations; 0: by step_s */
    double notice_s;
    char where[PLEAT_MPI_REQUESTS_WHERE]; /* "fold 0 epoch 2/30 step 7", for messages; may be "" */
    double step_s; /* a step's time; 0: not in training, < 0: not known yet */
    int broken;    /* an operation failed: the communicator is of no more use */
} pleat_mpi_requests;

/* Takes over `handle`. Collective. ERR_ARG when a variable above is no number. */
pleat_status pleat_mpi_requests_open(MPI_Comm handle, pleat_mpi_requests *out);
void pleat_mpi_requests_close(pleat_mpi_requests *wire);

/* ERR_COMM with MPI's own words when code is not MPI_SUCCESS. */
pleat_status pleat_mpi_requests_check(int code, const char *doing);

/* "rank 3 (host n2)", with the rank in the world. Returns `text`. */
const char *pleat_mpi_requests_who(const pleat_mpi_requests *wire, int rank, char *text,
                                   size_t size);

/* Adds "rank 3 (host n2)" to the list in `text`, or "..." where there is no room. */
void pleat_mpi_requests_add_who(const pleat_mpi_requests *wire, int rank, char *text, size_t size);

/* A place for one more request, named for messages; NULL without memory. The caller fills it and
 * counts it by ++wire->pending when it was started. */
MPI_Request *pleat_mpi_requests_slot(pleat_mpi_requests *wire, const char *doing);
/* Lets what is under way move on, without waiting. */
pleat_status pleat_mpi_requests_progress(pleat_mpi_requests *wire);
/* Waits for all requests, at most as long as above; of_step: they are a step's. ERR_PEER names the
 * ranks that did not come; ERR_COMM is MPI's error. */
pleat_status pleat_mpi_requests_settle(pleat_mpi_requests *wire, int of_step);
/* The table above: seconds that a wait may take. The first two are as in pleat_mpi_requests. */
double pleat_mpi_requests_limit_s(double timeout_s, double step_s, int of_step);
/* Seconds until a wait is told: PLEAT_COMM_NOTICE, or 60. */
double pleat_mpi_requests_notice_s(void);

/* A note is one int. Sending never waits, not even for a connection. */
pleat_status pleat_mpi_requests_send(pleat_mpi_requests *wire, int tag, int value, int to);
/* Takes a note when one is there; *from -1 when not. */
pleat_status pleat_mpi_requests_take(pleat_mpi_requests *wire, int tag, int *value, int *from);

#endif /* PLEAT_MPI_WIRE_H */
