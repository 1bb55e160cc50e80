/* comm_mpi.c - the communicator of host memory over MPI, and shared memory of a node. */
#include "comm_mpi.h"
#include "mpi_requests.h"
#include "pleat/log.h"
#include "shared_sum.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* MPI counts are int; pieces of this size also let long sums overlap with themselves. */
#define CHUNK_ELEMENTS ((size_t)1 << 22)
#define CHUNK_BYTES    ((size_t)1 << 26)

#define OPENS_SUMS ((size_t)1 << 10) /* bytes of a sum that wants the memory of shared_sum.h */

#define ABORT_S 10 /* MPI_Abort waits for ever for a launcher that is gone; SIGALRM ends us then */

#define ALIGNMENT ((size_t)128) /* of shared memory: two cache lines */

#define SHM_FOLDER "/dev/shm"
#define SHM_SPARE  ((size_t)64 << 20) /* bytes left to MPI's own segments, */
#define SHM_TIMES  3                  /* or so many times a small window */

typedef struct verdict { /* of an agreement */
    int failed;          /* lowest failing rank, or the size of the group */
    int status;
    char message[1500];
} verdict;

typedef struct mpi_comm {
    pleat_comm base;
    pleat_mpi_requests wire;
    verdict verdict; /* here, not on a stack: a late peer may still write to it */
    int sums_tried;  /* 1: wire.sums was opened, or cannot be */
} mpi_comm;

static pleat_mpi_requests *wire_of(pleat_comm *comm) { return &((mpi_comm *)comm)->wire; }

static pleat_status wrap(MPI_Comm handle, pleat_comm **out);

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

/* Every operation starts its requests through this: what it does, and a nonblocking call that
 * uses `request`. */
#define START(wire, what, call)                                                                \
    do {                                                                                       \
        MPI_Request *request = pleat_mpi_requests_slot((wire), (what));                        \
        PLEAT_CHECK(request != NULL, PLEAT_ERR_MEMORY, "%s: no memory for a request", (what)); \
        PLEAT_TRY(pleat_mpi_requests_check((call), (what)));                                   \
        ++(wire)->pending;                                                                     \
    } while (0)

static pleat_status mpi_wait(pleat_comm *comm) {
    return pleat_mpi_requests_settle(wire_of(comm), 1);
}

/* Ends a control operation. */
static pleat_status settle(pleat_mpi_requests *wire) { return pleat_mpi_requests_settle(wire, 0); }

static pleat_status mpi_barrier(pleat_comm *comm) {
    pleat_mpi_requests *wire = wire_of(comm);
    START(wire, "barrier", MPI_Ibarrier(wire->handle, request));
    return settle(wire);
}

static pleat_status mpi_split(pleat_comm *comm, int color, int key, pleat_comm **out) {
    PLEAT_CHECK(color >= 0, PLEAT_ERR_ARG, "group number %d is negative", color);
    PLEAT_TRY(mpi_barrier(comm)); /* MPI_Comm_split would not say for whom it waits */
    MPI_Comm part = MPI_COMM_NULL;
    PLEAT_TRY(pleat_mpi_requests_check(MPI_Comm_split(wire_of(comm)->handle, color, key, &part),
                                       "split"));
    return wrap(part, out);
}

static void mpi_destroy(pleat_comm *comm) {
    const int broken = wire_of(comm)->broken;
    pleat_mpi_requests_close(wire_of(comm));
    if (!broken) free(comm);
}

pleat_status pleat_comm_mpi_start_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    pleat_mpi_requests *wire = wire_of(comm);
    const MPI_Datatype kind = type == PLEAT_F64 ? MPI_DOUBLE : MPI_FLOAT;
    for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
        char *piece = (char *)data + done * pleat_dtype_size(type);
        const int count = (int)min_size(n - done, CHUNK_ELEMENTS);
        START(wire, "all-reduce",
              MPI_Iallreduce(MPI_IN_PLACE, piece, count, kind, MPI_SUM, wire->handle, request));
    }
    return PLEAT_OK;
}

pleat_status pleat_comm_mpi_test(pleat_comm *comm, int *all) {
    PLEAT_TRY(pleat_mpi_requests_progress(wire_of(comm)));
    *all = wire_of(comm)->pending == 0;
    return PLEAT_OK;
}

/* With the group's first large sum: many groups have none. All ranks come before anything that
 * would not say for whom it waits. */
static pleat_status open_sums(pleat_comm *comm) {
    mpi_comm *self = (mpi_comm *)comm;
    START(&self->wire, "all-reduce", MPI_Ibarrier(self->wire.handle, request));
    PLEAT_TRY(pleat_mpi_requests_settle(&self->wire, 1));
    const pleat_status status = pleat_shared_sum_open(comm, &self->wire.sums);
    self->sums_tried = 1;
    if (status == PLEAT_ERR_MEMORY)
        pleat_log(PLEAT_INFO, "MPI adds what ranks have computed: %s", pleat_error_message());
    return status == PLEAT_ERR_MEMORY || status == PLEAT_ERR_UNSUPPORTED ? PLEAT_OK : status;
}

static pleat_status mpi_allreduce_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    PLEAT_CHECK(type == PLEAT_F32 || type == PLEAT_F64, PLEAT_ERR_UNSUPPORTED,
                "all-reduce sums float32 and float64 only");
    pleat_mpi_requests *wire = wire_of(comm);
    PLEAT_TRY(pleat_mpi_requests_progress(wire));
    if (comm->size > 1 && n * pleat_dtype_size(type) >= OPENS_SUMS &&
        !((mpi_comm *)comm)->sums_tried)
        PLEAT_TRY(open_sums(comm));
    if (wire->sums != NULL) {
        wire->doing = "all-reduce";
        PLEAT_TRY(pleat_shared_sum_queue(wire->sums, data, n, type));
        return pleat_mpi_requests_progress(wire);
    }
    return pleat_comm_mpi_start_sum(comm, data, n, type);
}

static pleat_status start_broadcast(pleat_mpi_requests *wire, void *bytes, size_t n, int root) {
    PLEAT_CHECK(root >= 0 && root < wire->size, PLEAT_ERR_ARG, "no rank %d in a group of %d", root,
                wire->size);
    for (size_t done = 0; done < n; done += CHUNK_BYTES) {
        char *piece = (char *)bytes + done;
        const int count = (int)min_size(n - done, CHUNK_BYTES);
        START(wire, "broadcast", MPI_Ibcast(piece, count, MPI_BYTE, root, wire->handle, request));
    }
    return PLEAT_OK;
}

static pleat_status mpi_broadcast(pleat_comm *comm, void *data, size_t n, pleat_dtype type,
                                  int root) {
    return start_broadcast(wire_of(comm), data, n * pleat_dtype_size(type), root);
}

static pleat_status mpi_broadcast_bytes(pleat_comm *comm, void *bytes, size_t n, int root) {
    PLEAT_TRY(start_broadcast(wire_of(comm), bytes, n, root));
    return settle(wire_of(comm));
}

/* Everyone's bytes to root, by plain messages: MPI_Gatherv's offsets are int. */
static pleat_status collect(pleat_mpi_requests *wire, const void *bytes, size_t n, int root,
                            char *all, const uint64_t *sizes) {
    for (size_t done = 0; wire->rank != root && done < n; done += CHUNK_BYTES) {
        const char *piece = (const char *)bytes + done;
        const int count = (int)min_size(n - done, CHUNK_BYTES);
        START(wire, "gather",
              MPI_Isend(piece, count, MPI_BYTE, root, PLEAT_TAG_GATHER, wire->handle, request));
    }
    size_t offset = 0;
    for (int r = 0; wire->rank == root && r < wire->size; offset += sizes[r++]) {
        if (r == root && n > 0 && all != NULL) memcpy(all + offset, bytes, n);
        for (size_t done = 0; r != root && done < sizes[r]; done += CHUNK_BYTES) {
            const int count = (int)min_size(sizes[r] - done, CHUNK_BYTES);
            START(wire, "gather",
                  MPI_Irecv(all + offset + done, count, MPI_BYTE, r, PLEAT_TAG_GATHER, wire->handle,
                            request));
        }
    }
    return settle(wire);
}

static pleat_status gather_sizes(pleat_mpi_requests *wire, size_t n, int root, uint64_t *sizes) {
    const uint64_t mine = n;
    START(wire, "gather",
          MPI_Igather(&mine, 1, MPI_UINT64_T, sizes, 1, MPI_UINT64_T, root, wire->handle, request));
    return settle(wire);
}

static pleat_status mpi_gather(pleat_comm *comm, const void *bytes, size_t n, int root, void **out,
                               size_t *total) {
    pleat_mpi_requests *wire = wire_of(comm);
    PLEAT_CHECK(root >= 0 && root < comm->size, PLEAT_ERR_ARG, "no rank %d in a group of %d", root,
                comm->size);
    pleat_status status = PLEAT_OK;
    char *all = NULL;
    size_t sum = 0;
    uint64_t *sizes = calloc((size_t)comm->size, sizeof *sizes);
    PLEAT_CHECK(sizes != NULL, PLEAT_ERR_MEMORY, "no memory to gather from %d ranks", comm->size);
    PLEAT_TRY_GOTO(status, done, gather_sizes(wire, n, root, sizes));
    for (int r = 0; r < comm->size; ++r) sum += sizes[r];
    if (comm->rank == root) all = malloc(sum > 0 ? sum : 1);
    PLEAT_CHECK_GOTO(status, done, comm->rank != root || all != NULL, PLEAT_ERR_MEMORY,
                     "no memory to gather %zu bytes", sum);
    PLEAT_TRY_GOTO(status, done, collect(wire, bytes, n, root, all, sizes));
    if (comm->rank == root) {
        *total = sum;
        *out = all; /* ownership moves to the caller */
        all = NULL;
    }
done:
    /* MPI may still write to what we would free */
    if (wire->broken) return status; /* NOLINT(clang-analyzer-unix.Malloc) */
    free(sizes);
    free(all);
    return status;
}

int pleat_comm_mpi_names_rank(const char *message) {
    return strncmp(message, "rank ", 5) == 0 && strstr(message, " (host ") != NULL;
}

static pleat_status find_failed(pleat_mpi_requests *wire, int *failed) {
    START(wire, "agreement",
          MPI_Iallreduce(MPI_IN_PLACE, failed, 1, MPI_INT, MPI_MIN, wire->handle, request));
    return settle(wire);
}

static pleat_status mpi_agree(pleat_comm *comm, pleat_status mine) {
    verdict *v = &((mpi_comm *)comm)->verdict;
    v->failed = mine == PLEAT_OK ? comm->size : comm->rank;
    v->status = (int)mine;
    const char *words = pleat_error_message();
    (void)snprintf(v->message, sizeof v->message, "%s",
                   words[0] != '\0' ? words : pleat_status_text(mine));
    PLEAT_TRY(find_failed(wire_of(comm), &v->failed));
    if (v->failed == comm->size) return PLEAT_OK;
    const int failed = v->failed;
    PLEAT_TRY(mpi_broadcast_bytes(comm, v, sizeof *v, failed));
    if (mine != PLEAT_OK) return mine;
    char who[128];
    const int named = pleat_comm_mpi_names_rank(v->message);
    (void)pleat_mpi_requests_who(wire_of(comm), failed, who, sizeof who);
    return PLEAT_FAIL((pleat_status)v->status, "%s%s%s", named ? "" : who, named ? "" : ": ",
                      v->message);
}

static void mpi_note(pleat_comm *comm, const char *where, double step_s) {
    pleat_mpi_requests *wire = wire_of(comm);
    (void)snprintf(wire->where, sizeof wire->where, "%s", where);
    wire->step_s = step_s;
}

static void mpi_abort(pleat_comm *comm, pleat_status status) {
    (void)comm;
    (void)fflush(NULL);
    (void)alarm(ABORT_S);
    /* mpirun returns the code given here, even 0 */
    (void)MPI_Abort(MPI_COMM_WORLD,
                    pleat_status_exit_code(status != PLEAT_OK ? status : PLEAT_ERR_PEER));
}

static const pleat_comm_ops mpi_ops = {
    .name = "mpi",
    .split = mpi_split,
    .destroy = mpi_destroy,
    .allreduce_sum = mpi_allreduce_sum,
    .broadcast = mpi_broadcast,
    .order = mpi_wait,
    .wait = mpi_wait,
    .barrier = mpi_barrier,
    .broadcast_bytes = mpi_broadcast_bytes,
    .gather = mpi_gather,
    .agree = mpi_agree,
    .note = mpi_note,
    .abort = mpi_abort,
};

static pleat_status wrap(MPI_Comm handle, pleat_comm **out) {
    mpi_comm *comm = calloc(1, sizeof *comm);
    PLEAT_CHECK(comm != NULL, PLEAT_ERR_MEMORY, "no memory for a communicator");
    const pleat_status status = pleat_mpi_requests_open(handle, &comm->wire);
    if (status != PLEAT_OK) {
        free(comm);
        return status;
    }
    comm->base = (pleat_comm){.ops = &mpi_ops, .rank = comm->wire.rank, .size = comm->wire.size};
    *out = &comm->base;
    return PLEAT_OK;
}

pleat_status pleat_comm_mpi_world(pleat_comm **out) {
    MPI_Comm handle = MPI_COMM_NULL;
    PLEAT_TRY(pleat_mpi_requests_check(MPI_Comm_dup(MPI_COMM_WORLD, &handle), "start of MPI"));
    return wrap(handle, out);
}

pleat_status pleat_comm_mpi_node(pleat_comm *comm, pleat_comm **out) {
    MPI_Comm handle = MPI_COMM_NULL;
    PLEAT_TRY(mpi_barrier(comm));
    PLEAT_TRY(
        pleat_mpi_requests_check(MPI_Comm_split_type(wire_of(comm)->handle, MPI_COMM_TYPE_SHARED,
                                                     comm->rank, MPI_INFO_NULL, &handle),
                                 "split by node"));
    return wrap(handle, out);
}

MPI_Comm pleat_comm_mpi_handle(const pleat_comm *comm) {
    return ((const mpi_comm *)comm)->wire.handle;
}

double pleat_comm_mpi_timeout(const pleat_comm *comm) {
    return ((const mpi_comm *)comm)->wire.timeout_s;
}

const char *pleat_comm_mpi_who(const pleat_comm *comm, int rank, char *text, size_t size) {
    return pleat_mpi_requests_who(&((const mpi_comm *)comm)->wire, rank, text, size);
}

void pleat_comm_mpi_add_who(const pleat_comm *comm, int rank, char *text, size_t size) {
    pleat_mpi_requests_add_who(&((const mpi_comm *)comm)->wire, rank, text, size);
}

double pleat_comm_mpi_notice_s(void) { return pleat_mpi_requests_notice_s(); }

pleat_status pleat_comm_mpi_send(pleat_comm *comm, int tag, int value, int to) {
    return pleat_mpi_requests_send(wire_of(comm), tag, value, to);
}

pleat_status pleat_comm_mpi_take(pleat_comm *comm, int tag, int *value, int *from) {
    return pleat_mpi_requests_take(wire_of(comm), tag, value, from);
}

struct pleat_shared {
    pleat_comm *node;
    void *data;
    MPI_Win window; /* MPI_WIN_NULL: data is plain memory */
};

/* A window that does not fit is a fatal error inside MPI, so the room is looked up first. */
static pleat_status check_room(size_t bytes) {
    struct statvfs disk;
    if (statvfs(SHM_FOLDER, &disk) != 0) return PLEAT_OK;
    const size_t free_bytes = (size_t)disk.f_bavail * (size_t)disk.f_frsize;
    const size_t spare = min_size(SHM_SPARE, SHM_TIMES * bytes);
    PLEAT_CHECK(free_bytes > spare && bytes < free_bytes - spare, PLEAT_ERR_MEMORY,
                "%s has %zu MiB free, %zu MiB wanted for memory shared by a node's ranks",
                SHM_FOLDER, free_bytes >> 20, bytes >> 20);
    return PLEAT_OK;
}

/* MPI's window begins anywhere in a page, the same place for every rank. */
static pleat_status open_window(pleat_comm *node, size_t bytes, pleat_shared *shared) {
    bytes += ALIGNMENT;
    PLEAT_TRY(pleat_comm_agree(node, check_room(bytes)));
    void *mine = NULL;
    MPI_Aint size = 0;
    int unit = 0;
    PLEAT_TRY(pleat_comm_agree(
        node, pleat_mpi_requests_check(
                  MPI_Win_allocate_shared(node->rank == 0 ? (MPI_Aint)bytes : 0, 1, MPI_INFO_NULL,
                                          wire_of(node)->handle, &mine, &shared->window),
                  "shared memory of a node")));
    PLEAT_TRY(pleat_mpi_requests_check(
        MPI_Win_shared_query(shared->window, 0, &size, &unit, &shared->data),
        "shared memory of a node"));
    shared->data = (char *)shared->data + (ALIGNMENT - (uintptr_t)shared->data % ALIGNMENT);
    return pleat_mpi_requests_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, shared->window),
                                    "shared memory of a node");
}

pleat_status pleat_shared_open(pleat_comm *node, size_t bytes, pleat_shared **out) {
    pleat_shared *shared = malloc(sizeof *shared);
    PLEAT_CHECK(shared != NULL, PLEAT_ERR_MEMORY, "no memory for a window");
    *shared = (pleat_shared){.node = node, .window = MPI_WIN_NULL};
    pleat_status status = PLEAT_OK;
    if (node->size > 1) {
        status = open_window(node, bytes, shared);
    } else {
        shared->data = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
        if (shared->data == NULL)
            status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %zu MiB of cases", bytes >> 20);
    }
    if (status != PLEAT_OK) {
        free(shared);
        return status;
    }
    *out = shared;
    return PLEAT_OK;
}

void *pleat_shared_data(const pleat_shared *shared) { return shared->data; }

pleat_status pleat_shared_sync(pleat_shared *shared) {
    if (shared->window == MPI_WIN_NULL) return PLEAT_OK;
    (void)MPI_Win_sync(shared->window);
    PLEAT_TRY(pleat_comm_barrier(shared->node));
    (void)MPI_Win_sync(shared->window);
    return PLEAT_OK;
}

void pleat_shared_close(pleat_shared *shared) {
    if (shared == NULL) return;
    if (shared->window == MPI_WIN_NULL) {
        free(shared->data);
    } else {
        (void)MPI_Win_unlock_all(shared->window); /* MPI_Win_free would wait for the others */
    }
    free(shared);
}
