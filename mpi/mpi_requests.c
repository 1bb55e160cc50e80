/* mpi_requests.c - requests completed by polling, notes between ranks, finding a lost peer. */
/* NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker): it knows waits, not completion by tests. */
#include "mpi_requests.h"

#include "comm_mpi.h"
#include "pleat/halt.h"
#include "pleat/log.h"
#include "shared_sum.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONTROL   10.0 /* times the limit of a step */
#define NOTICE_S  60.0
#define ANSWER_S  0.1   /* between two looks for questions of other ranks */
#define SEARCH_S  1.0   /* how long an answer may take: many times ANSWER_S */
#define SPIN_S    0.010 /* waits shorter than this never sleep */
#define STOPPED_S 1.0   /* between two looks, at most, unless this process was stopped itself */
#define WARNED_S  0.2   /* from SIGCONT until a rank says for whom it waits; SIGKILL comes at 2 s */

struct pleat_mpi_requests_note {
    pleat_mpi_requests_note *next;
    MPI_Request request;
    int value;
};

pleat_status pleat_mpi_requests_check(int code, const char *doing) {
    if (code == MPI_SUCCESS) return PLEAT_OK;
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length = 0;
    (void)MPI_Error_string(code, text, &length);
    return PLEAT_FAIL(PLEAT_ERR_COMM, "%s: %s", doing, text);
}

/* The variable's seconds; *out stays where it is not set. */
static pleat_status read_seconds(const char *name, double *out) {
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0') return PLEAT_OK;
    char *end = NULL;
    const double seconds = strtod(text, &end);
    PLEAT_CHECK(*end == '\0' && seconds > 0.0, PLEAT_ERR_ARG,
                "%s='%s' is not a number of seconds above 0", name, text);
    *out = seconds;
    return PLEAT_OK;
}

double pleat_mpi_requests_notice_s(void) {
    double seconds = NOTICE_S;
    (void)read_seconds("PLEAT_COMM_NOTICE", &seconds); /* wrong: the session did not start */
    return seconds;
}

pleat_status pleat_mpi_requests_open(MPI_Comm handle, pleat_mpi_requests *out) {
    pleat_mpi_requests wire = {.handle = handle, .doing = "nothing", .notice_s = NOTICE_S};
    PLEAT_TRY(read_seconds("PLEAT_COMM_TIMEOUT", &wire.timeout_s));
    PLEAT_TRY(read_seconds("PLEAT_COMM_NOTICE", &wire.notice_s));
    (void)MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN);
    (void)MPI_Comm_rank(handle, &wire.rank);
    (void)MPI_Comm_size(handle, &wire.size);
    wire.peers = calloc((size_t)wire.size, sizeof *wire.peers);
    PLEAT_CHECK(wire.peers != NULL, PLEAT_ERR_MEMORY, "no memory for a communicator of %d ranks",
                wire.size);
    pleat_mpi_requests_peer me = {.seen_s = 0.0};
    (void)gethostname(me.host, sizeof me.host - 1);
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &me.world_rank);
    const pleat_status status = pleat_mpi_requests_check(
        MPI_Allgather(&me, sizeof me, MPI_BYTE, wire.peers, sizeof me, MPI_BYTE, handle),
        "exchange of host names");
    if (status != PLEAT_OK) {
        free(wire.peers);
        return status;
    }
    *out = wire;
    return PLEAT_OK;
}

/* Frees the notes that have gone. */
static void reap(pleat_mpi_requests *wire) {
    pleat_mpi_requests_note **link = &wire->notes;
    while (*link != NULL) {
        pleat_mpi_requests_note *note = *link;
        int gone = 0;
        if (MPI_Test(&note->request, &gone, MPI_STATUS_IGNORE) != MPI_SUCCESS) gone = 1;
        if (gone) {
            *link = note->next;
            free(note);
        } else {
            link = &note->next;
        }
    }
}

void pleat_mpi_requests_close(pleat_mpi_requests *wire) {
    reap(wire);
    /* A note that has not gone keeps its memory: MPI still reads it. */
    if (!wire->broken && wire->pending == 0) {
        pleat_shared_sum_close(wire->sums);
        (void)MPI_Comm_free(&wire->handle);
        free(wire->requests);
    }
    free(wire->peers);
}

const char *pleat_mpi_requests_who(const pleat_mpi_requests *wire, int rank, char *text,
                                   size_t size) {
    (void)snprintf(text, size, "rank %d (host %s)", wire->peers[rank].world_rank,
                   wire->peers[rank].host);
    return text;
}

void pleat_mpi_requests_add_who(const pleat_mpi_requests *wire, int rank, char *text, size_t size) {
    const size_t used = strlen(text);
    const char *comma = used > 0 ? ", " : "";
    char who[128];
    (void)pleat_mpi_requests_who(wire, rank, who, sizeof who);
    if (used + strlen(who) + 8 < size)
        (void)snprintf(text + used, size - used, "%s%s", comma, who);
    else if (used > 0 && used + 6 < size && text[used - 1] != '.')
        (void)snprintf(text + used, size - used, "%s...", comma);
}

pleat_status pleat_mpi_requests_send(pleat_mpi_requests *wire, int tag, int value, int to) {
    reap(wire);
    pleat_mpi_requests_note *note = malloc(sizeof *note);
    PLEAT_CHECK(note != NULL, PLEAT_ERR_MEMORY, "no memory for a note to rank %d", to);
    note->value = value;
    const int code = MPI_Isend(&note->value, 1, MPI_INT, to, tag, wire->handle, &note->request);
    if (code != MPI_SUCCESS) {
        free(note);
        return pleat_mpi_requests_check(code, "note to another rank");
    }
    note->next = wire->notes;
    wire->notes = note;
    return PLEAT_OK;
}

pleat_status pleat_mpi_requests_take(pleat_mpi_requests *wire, int tag, int *value, int *from) {
    static const char doing[] = "note from another rank";
    int there = 0;
    MPI_Status message;
    *from = -1;
    PLEAT_TRY(pleat_mpi_requests_check(
        MPI_Iprobe(MPI_ANY_SOURCE, tag, wire->handle, &there, &message), doing));
    if (!there) return PLEAT_OK;
    PLEAT_TRY(pleat_mpi_requests_check(
        MPI_Recv(value, 1, MPI_INT, message.MPI_SOURCE, tag, wire->handle, MPI_STATUS_IGNORE),
        doing));
    *from = message.MPI_SOURCE;
    return PLEAT_OK;
}

/* Answers who asks whether we wait, and writes down who answered us. Errors of the notes are not
 * told: the operation that waits will tell its own. */
static void answer(pleat_mpi_requests *wire) {
    int value = 0, from = -1;
    while (pleat_mpi_requests_take(wire, PLEAT_TAG_PING, &value, &from) == PLEAT_OK && from >= 0)
        (void)pleat_mpi_requests_send(wire, PLEAT_TAG_PONG, 0, from);
    while (pleat_mpi_requests_take(wire, PLEAT_TAG_PONG, &value, &from) == PLEAT_OK && from >= 0)
        wire->peers[from].seen_s = pleat_now();
}

static void tell_all(pleat_mpi_requests *wire, int tag) {
    for (int r = 0; r < wire->size; ++r)
        if (r != wire->rank) (void)pleat_mpi_requests_send(wire, tag, 0, r);
}

static int is_missing(const pleat_mpi_requests *wire, int rank, double since_s) {
    return rank != wire->rank && wire->peers[rank].seen_s < since_s;
}

static int count_missing(const pleat_mpi_requests *wire, double since_s) {
    int n = 0;
    for (int r = 0; r < wire->size; ++r) n += is_missing(wire, r, since_s);
    return n;
}

/* Writes "rank 1 (host a), rank 3 (host b)": the ranks that do not wait in this communicator, as
 * far as they fit. */
static void name_missing(pleat_mpi_requests *wire, double since_s, char *text, size_t size) {
    tell_all(wire, PLEAT_TAG_PING);
    const double end = pleat_now() + SEARCH_S;
    while (pleat_now() < end && count_missing(wire, since_s) > 0) {
        answer(wire);
        (void)usleep(1000);
    }
    text[0] = '\0';
    for (int r = 0; r < wire->size; ++r)
        if (is_missing(wire, r, since_s)) pleat_mpi_requests_add_who(wire, r, text, size);
    if (text[0] == '\0')
        (void)snprintf(text, size, "no rank in particular (all wait: the ranks disagree on what)");
}

MPI_Request *pleat_mpi_requests_slot(pleat_mpi_requests *wire, const char *doing) {
    if (wire->pending == wire->capacity) {
        const int capacity = wire->capacity > 0 ? 2 * wire->capacity : 16;
        MPI_Request *more = realloc(wire->requests, (size_t)capacity * sizeof(MPI_Request));
        if (more == NULL) return NULL;
        wire->requests = more;
        wire->capacity = capacity;
    }
    wire->doing = doing;
    return &wire->requests[wire->pending];
}

static int all_done(const pleat_mpi_requests *wire) {
    return wire->pending == 0 && (wire->sums == NULL || pleat_shared_sum_done(wire->sums));
}

static pleat_status test_requests(pleat_mpi_requests *wire) {
    int done = 0;
    const int code = MPI_Testall(wire->pending, wire->requests, &done, MPI_STATUSES_IGNORE);
    if (code == MPI_SUCCESS && done) wire->pending = 0;
    return pleat_mpi_requests_check(code, wire->doing);
}

/* *moved: this rank had something to do. */
static pleat_status test_all(pleat_mpi_requests *wire, int *moved) {
    pleat_status status = PLEAT_OK;
    if (wire->sums != NULL && !pleat_shared_sum_done(wire->sums))
        status = pleat_shared_sum_progress(wire->sums, moved);
    if (status == PLEAT_OK && wire->pending > 0) status = test_requests(wire);
    if (status != PLEAT_OK) wire->broken = 1;
    return status;
}

pleat_status pleat_mpi_requests_progress(pleat_mpi_requests *wire) {
    int moved = 0;
    return test_all(wire, &moved);
}

/* Short waits spin, because small sums are waited for often; long ones leave the core to ranks
 * that compute. */
static void rest(double waited_s) {
    if (waited_s < SPIN_S) {
        (void)sched_yield();
    } else {
        const struct timespec nap = {.tv_nsec = 50000};
        (void)nanosleep(&nap, NULL);
    }
}

double pleat_mpi_requests_limit_s(double timeout_s, double step_s, int of_step) {
    const double limit_s = pleat_comm_limit_s(timeout_s, step_s);
    if (of_step) return limit_s;
    return step_s != 0.0 ? CONTROL * limit_s : (double)INFINITY;
}

/* "fold 0 epoch 2/30 step 7: all-reduce". Returns `text`. */
static const char *what_of(const pleat_mpi_requests *wire, char *text, size_t size) {
    (void)snprintf(text, size, "%s%s%s", wire->where, wire->where[0] != '\0' ? ": " : "",
                   wire->doing);
    return text;
}

static pleat_status give_up(pleat_mpi_requests *wire, double start_s, double limit_s) {
    char missing[512], what[128];
    wire->broken = 1;
    name_missing(wire, start_s, missing, sizeof missing);
    tell_all(wire, PLEAT_TAG_PONG); /* those who give up after us shall not name us */
    return PLEAT_FAIL(PLEAT_ERR_PEER,
                      "%s: waited %.3g s for %s; lost, stopped or far behind "
                      "(PLEAT_COMM_TIMEOUT=seconds sets the limit)",
                      what_of(wire, what, sizeof what), limit_s, missing);
}

static void tell(pleat_mpi_requests *wire, double start_s, double waited_s, const char *why) {
    char missing[512], what[128];
    name_missing(wire, start_s, missing, sizeof missing);
    pleat_log(PLEAT_INFO, "%s: still waiting for %s after %.3g s%s",
              what_of(wire, what, sizeof what), missing, waited_s, why);
}

pleat_status pleat_mpi_requests_settle(pleat_mpi_requests *wire, int of_step) {
    if (all_done(wire)) return PLEAT_OK;
    const double start = pleat_now();
    const double limit_s = pleat_mpi_requests_limit_s(wire->timeout_s, wire->step_s, of_step);
    double waited = 0.0, last = start, answered = 0.0, warned = -1.0, moved_s = 0.0;
    double next_notice = fmin(wire->notice_s, limit_s / 2);
    for (;;) {
        int moved = 0;
        PLEAT_TRY(test_all(wire, &moved));
        if (all_done(wire)) return PLEAT_OK;
        const double now = pleat_now();
        waited += fmin(now - last, STOPPED_S);
        last = now;
        if (moved) moved_s = waited;
        if (waited >= answered + ANSWER_S) {
            answer(wire);
            answered = waited;
            if (warned < 0.0 && pleat_halt_warned()) warned = waited;
        }
        if (waited >= limit_s) return give_up(wire, start, limit_s);
        if (waited >= next_notice) {
            tell(wire, start, waited, "");
            next_notice = waited + 5 * wire->notice_s;
        }
        if (warned >= 0.0 && waited - warned >= WARNED_S) {
            tell(wire, start, waited, "; SIGCONT came, which mpirun sends before it ends a job");
            warned = INFINITY;
        }
        rest(waited - moved_s);
    }
}
/* NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker) */
