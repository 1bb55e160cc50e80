/* shared_sum.c - sums among the ranks of a machine, through memory that they share. */
#include "shared_sum.h"

#include "comm_mpi.h"
#include "mpi_requests.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINE       ((size_t)64)        /* bytes that two ranks do not share */
#define PAGE       ((size_t)4096)      /* the granularity of a piece */
#define WINDOW     ((size_t)4 << 20)   /* bytes of a machine's shared memory, about */
#define MOST_PIECE ((size_t)128 << 10) /* what two ranks hold of it stays in a core's cache */
#define BLOCK      ((size_t)2048)      /* values added at a time, in the nearest cache */
enum { SLOTS = 4 };                    /* pieces under way */

typedef enum stage { COPY, ADD, TAKE, STAGES } stage;

typedef struct counts { /* of one rank: pieces that have gone through each stage */
    _Alignas(2 * LINE) uint64_t of[STAGES]; /* atomic */
} counts;

typedef struct job { /* a sum */
    char *data;
    size_t n;
    pleat_dtype type;
} job;

typedef struct cursor { /* the next piece of a stage */
    size_t job, done;   /* which sum; its values before the piece */
    uint64_t count;     /* pieces before it, of all sums ever */
    uint64_t allowed;   /* pieces that may go on, as far as was seen */
} cursor;

typedef struct piece {
    char *data;
    size_t n;    /* values */
    size_t size; /* bytes of one */
    pleat_dtype type;
    size_t slot;
} piece;

struct pleat_shared_sum {
    pleat_comm *node;   /* the ranks of this machine */
    pleat_comm *across; /* those that own this rank's slice on other machines; NULL: no others */
    int owners;         /* ranks of each machine that own a slice, the first ones */
    pleat_shared *memory;
    counts *counts; /* [ranks], in it, as what follows */
    char *parts;    /* [SLOTS, ranks, bytes]: what each rank adds */
    char *results;  /* [SLOTS, bytes] */
    size_t bytes;   /* of a piece, at most */
    job *jobs;      /* [n_jobs] */
    size_t n_jobs, capacity;
    cursor at[STAGES];
    uint64_t arrived; /* pieces of ADD that have been summed across machines too */
};

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

/* --- pieces --- */

static piece piece_at(const pleat_shared_sum *sum, stage s) {
    const cursor *at = &sum->at[s];
    const job *of = &sum->jobs[at->job];
    const size_t size = pleat_dtype_size(of->type);
    return (piece){.data = of->data + at->done * size,
                   .n = min_size(of->n - at->done, sum->bytes / size),
                   .size = size,
                   .type = of->type,
                   .slot = (size_t)(at->count % SLOTS)};
}

static void advance(pleat_shared_sum *sum, stage s, size_t n) {
    cursor *at = &sum->at[s];
    at->done += n;
    if (at->done == sum->jobs[at->job].n) {
        at->job++;
        at->done = 0;
    }
    at->count++;
}

/* Where the slice of an owner begins; of `owners` where the last one ends. */
static size_t slice(const pleat_shared_sum *sum, const piece *p, int owner) {
    const size_t unit = LINE / p->size, units = (p->n + unit - 1) / unit;
    if (owner >= sum->owners) return p->n;
    return min_size(units * (size_t)owner / (size_t)sum->owners * unit, p->n);
}

static char *part_of(const pleat_shared_sum *sum, const piece *p, int rank) {
    return sum->parts + (p->slot * (size_t)sum->node->size + (size_t)rank) * sum->bytes;
}

static char *result_of(const pleat_shared_sum *sum, const piece *p) {
    return sum->results + p->slot * sum->bytes;
}

/* Pieces that all ranks have brought through a stage. */
static uint64_t least(const pleat_shared_sum *sum, stage s) {
    uint64_t n = UINT64_MAX;
    for (int r = 0; r < sum->node->size; ++r) {
        const uint64_t one = __atomic_load_n(&sum->counts[r].of[s], __ATOMIC_ACQUIRE);
        n = one < n ? one : n;
    }
    return n;
}

static void publish(pleat_shared_sum *sum, stage s, uint64_t n) {
    __atomic_store_n(&sum->counts[sum->node->rank].of[s], n, __ATOMIC_RELEASE);
}

/* Whether this rank has a piece for a stage, and the other ranks are so far: what is read has been
 * written, and what is overwritten has been read. */
static int is_ready(pleat_shared_sum *sum, stage s) {
    cursor *at = &sum->at[s];
    if (at->job == sum->n_jobs) return 0;
    if (at->count < at->allowed) return 1;
    switch (s) {
    case COPY: at->allowed = least(sum, ADD) + SLOTS; break;
    case ADD: {
        const uint64_t copied = least(sum, COPY), free_slots = least(sum, TAKE) + SLOTS;
        at->allowed = copied < free_slots ? copied : free_slots;
        break;
    }
    default: at->allowed = least(sum, ADD); break;
    }
    return at->count < at->allowed;
}

/* --- stages --- */

/* All values but those of a slice. */
static void copy_outside(char *to, const char *from, const piece *p, size_t begin, size_t end) {
    memcpy(to, from, begin * p->size);
    memcpy(to + end * p->size, from + end * p->size, (p->n - end) * p->size);
}

static void copy(const pleat_shared_sum *sum, const piece *p) {
    const int me = sum->node->rank;
    copy_outside(part_of(sum, p, me), p->data, p, slice(sum, p, me), slice(sum, p, me + 1));
}

/* out may be a. */
static void add_values(void *out, const void *a, const void *b, size_t n, pleat_dtype type) {
    if (type == PLEAT_F64)
        for (size_t i = 0; i < n; ++i)
            ((double *)out)[i] = ((const double *)a)[i] + ((const double *)b)[i];
    else
        for (size_t i = 0; i < n; ++i)
            ((float *)out)[i] = ((const float *)a)[i] + ((const float *)b)[i];
}

/* This rank's slice, from the first rank to the last. */
static void add(const pleat_shared_sum *sum, const piece *p) {
    const int ranks = sum->node->size, me = sum->node->rank;
    const size_t end = slice(sum, p, me + 1);
    for (size_t i = slice(sum, p, me); i < end; i += BLOCK) {
        const size_t at = i * p->size, n = min_size(end - i, BLOCK);
        char *out = result_of(sum, p) + at;
        const char *sofar = (me == 0 ? p->data : part_of(sum, p, 0)) + at;
        for (int r = 1; r < ranks; ++r, sofar = out)
            add_values(out, sofar, (me == r ? p->data : part_of(sum, p, r)) + at, n, p->type);
        if (ranks == 1) memcpy(out, sofar, n * p->size);
        if (sum->across == NULL) memcpy(p->data + at, out, n * p->size);
    }
}

static void take(const pleat_shared_sum *sum, const piece *p) {
    const int here = sum->across == NULL, me = sum->node->rank;
    copy_outside(p->data, result_of(sum, p), p, here ? slice(sum, p, me) : 0,
                 here ? slice(sum, p, me + 1) : 0);
}

/* Starts the sum of a slice across machines. */
static pleat_status send_across(const pleat_shared_sum *sum, const piece *p) {
    const size_t begin = slice(sum, p, sum->node->rank), end = slice(sum, p, sum->node->rank + 1);
    return pleat_comm_mpi_start_sum(sum->across, result_of(sum, p) + begin * p->size, end - begin,
                                    p->type);
}

/* Tells of the slices that have been summed across machines. */
static pleat_status receive_across(pleat_shared_sum *sum, int *moved) {
    int all = 0;
    if (sum->arrived == sum->at[ADD].count) return PLEAT_OK;
    PLEAT_TRY(pleat_comm_mpi_test(sum->across, &all));
    if (!all) return PLEAT_OK;
    sum->arrived = sum->at[ADD].count;
    publish(sum, ADD, sum->arrived);
    *moved = 1;
    return PLEAT_OK;
}

static pleat_status go_on(pleat_shared_sum *sum, stage s) {
    static void (*const work[STAGES])(const pleat_shared_sum *, const piece *) = {copy, add, take};
    const piece p = piece_at(sum, s);
    work[s](sum, &p);
    advance(sum, s, p.n);
    if (s == ADD && sum->across != NULL) return send_across(sum, &p);
    publish(sum, s, sum->at[s].count);
    return PLEAT_OK;
}

pleat_status pleat_shared_sum_progress(pleat_shared_sum *sum, int *moved) {
    int again = 1;
    while (again) {
        again = 0;
        for (stage s = COPY; s < STAGES; ++s) {
            if (!is_ready(sum, s)) continue;
            PLEAT_TRY(go_on(sum, s));
            again = 1;
        }
        if (sum->across != NULL) PLEAT_TRY(receive_across(sum, &again));
        *moved |= again;
    }
    return PLEAT_OK;
}

int pleat_shared_sum_done(const pleat_shared_sum *sum) { return sum->at[TAKE].job == sum->n_jobs; }

pleat_status pleat_shared_sum_queue(pleat_shared_sum *sum, void *data, size_t n, pleat_dtype type) {
    if (n == 0) return PLEAT_OK;
    if (pleat_shared_sum_done(sum)) {
        sum->n_jobs = 0;
        for (stage s = COPY; s < STAGES; ++s) sum->at[s].job = 0;
    }
    if (sum->n_jobs == sum->capacity) {
        const size_t capacity = sum->capacity > 0 ? 2 * sum->capacity : 16;
        job *more = realloc(sum->jobs, capacity * sizeof *more);
        PLEAT_CHECK(more != NULL, PLEAT_ERR_MEMORY, "no memory to queue an all-reduce");
        sum->jobs = more;
        sum->capacity = capacity;
    }
    sum->jobs[sum->n_jobs++] = (job){data, n, type};
    return PLEAT_OK;
}

/* --- open and close --- */

/* PLEAT_COMM_SHARED: how many ranks of a machine add together; *most stays where it is not set. */
static pleat_status read_most(int *most) {
    const char *text = getenv("PLEAT_COMM_SHARED");
    if (text == NULL || text[0] == '\0') return PLEAT_OK;
    char *end = NULL;
    const long n = strtol(text, &end, 10);
    PLEAT_CHECK(*end == '\0' && n >= 0 && n <= INT32_MAX, PLEAT_ERR_ARG,
                "PLEAT_COMM_SHARED='%s' is not a number of ranks", text);
    *most = (int)n;
    return PLEAT_OK;
}

pleat_status pleat_shared_sum_check(void) {
    int most = 0;
    return read_most(&most);
}

static pleat_status find_node(pleat_shared_sum *sum, pleat_comm *group) {
    int most = INT32_MAX, sizes[2];
    PLEAT_TRY(pleat_comm_agree(group, read_most(&most)));
    if (most == 0) most = 1;
    PLEAT_TRY(pleat_comm_mpi_node(group, &sum->node));
    if (most < sum->node->size) {
        pleat_comm *all = sum->node;
        const pleat_status status = pleat_comm_split(all, all->rank / most, all->rank, &sum->node);
        pleat_comm_destroy(all);
        if (status != PLEAT_OK) sum->node = NULL;
        PLEAT_TRY(status);
    }
    sizes[0] = sum->node->size;
    sizes[1] = -sum->node->size;
    PLEAT_TRY(pleat_mpi_requests_check(
        MPI_Allreduce(MPI_IN_PLACE, sizes, 2, MPI_INT, MPI_MIN, pleat_comm_mpi_handle(group)),
        "all-reduce"));
    PLEAT_CHECK(sizes[1] < -1, PLEAT_ERR_UNSUPPORTED, "no two ranks share a machine");
    sum->owners = sizes[0];
    /* All machines cut alike, by the one with most ranks. */
    const size_t bytes = WINDOW / SLOTS / ((size_t)-sizes[1] + 1) / PAGE * PAGE;
    sum->bytes = bytes < PAGE ? PAGE : min_size(bytes, MOST_PIECE);
    if (sum->node->size == group->size) return PLEAT_OK;
    const int mine = sum->node->rank < sum->owners ? sum->node->rank : sum->owners;
    return pleat_comm_split(group, mine, group->rank, &sum->across);
}

static pleat_status find_memory(pleat_shared_sum *sum, pleat_comm *group) {
    PLEAT_CHECK(sum->node != NULL, PLEAT_ERR_COMM, "MPI gave no communicator");
    const size_t ranks = (size_t)sum->node->size, begin = ranks * sizeof(counts);
    const size_t head = (begin + PAGE - 1) / PAGE * PAGE;
    const pleat_status mine =
        pleat_shared_open(sum->node, head + SLOTS * (ranks + 1) * sum->bytes, &sum->memory);
    PLEAT_TRY(pleat_comm_agree(group, mine));
    char *base = pleat_shared_data(sum->memory);
    sum->counts = (counts *)base;
    sum->parts = base + head;
    sum->results = sum->parts + SLOTS * ranks * sum->bytes;
    for (stage s = COPY; s < STAGES; ++s) publish(sum, s, 0);
    for (size_t slot = 0; slot < SLOTS; ++slot) { /* now, while there is room, and near this rank */
        const piece p = {.slot = slot};
        memset(part_of(sum, &p, sum->node->rank), 0, sum->bytes);
    }
    return pleat_shared_sync(sum->memory);
}

pleat_status pleat_shared_sum_open(pleat_comm *group, pleat_shared_sum **out) {
    pleat_shared_sum *sum = calloc(1, sizeof *sum);
    PLEAT_CHECK(sum != NULL, PLEAT_ERR_COMM, "no memory for sums");
    pleat_status status = find_node(sum, group);
    if (status == PLEAT_OK) status = find_memory(sum, group);
    if (status != PLEAT_OK) {
        pleat_shared_sum_close(sum);
        return status;
    }
    *out = sum;
    return PLEAT_OK;
}

void pleat_shared_sum_close(pleat_shared_sum *sum) {
    if (sum == NULL) return;
    pleat_shared_close(sum->memory);
    pleat_comm_destroy(sum->across);
    pleat_comm_destroy(sum->node);
    free(sum->jobs);
    free(sum);
}
