/* prep_run.c - all cases into the store, shared out over the ranks of a communicator. */
#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/prep.h"
#include "pleat/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A case still to be made. */
typedef struct job {
    int index;   /* into cases[] */
    off_t bytes; /* of the image file */
} job;

static int larger_first(const void *a, const void *b) {
    const job *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->index - y->index;
}

/* What the store lacks: jobs[*n_jobs], largest image first. */
static pleat_status find_jobs(const char *folder, const char *text, const pleat_case_paths *cases,
                              int n, job *jobs, int *n_jobs) {
    *n_jobs = 0;
    for (int i = 0; i < n; i++) {
        int there = 0;
        struct stat st;
        PLEAT_TRY(pleat_store_has_case(folder, text, cases[i].id, &there));
        if (there) continue;
        jobs[(*n_jobs)++] = (job){i, stat(cases[i].image, &st) == 0 ? st.st_size : 0};
    }
    qsort(jobs, (size_t)*n_jobs, sizeof *jobs, larger_first);
    if (*n_jobs < n)
        pleat_log(PLEAT_INFO, "%d of %d cases are in '%s' already", n - *n_jobs, n, folder);
    return PLEAT_OK;
}

/* A wish to halt (pleat/halt.h) as a failure. */
static pleat_status check_halt(double reserve_s, const char *folder) {
    const pleat_halt wish = pleat_halt_look(reserve_s);
    PLEAT_CHECK(pleat_halt_status(wish) == PLEAT_OK, pleat_halt_status(wish),
                "%s: the cases made so far are in '%s'; started again, it goes on with the others",
                pleat_halt_name(wish), folder);
    return PLEAT_OK;
}

/* Round by round, a case per rank: cases of a round are of about one size, so ranks hardly wait,
 * and an error ends the work of all within a round. */
static pleat_status make_cases(pleat_comm *comm, const pleat_prep_config *config,
                               const pleat_case_paths *cases, const job *jobs, int n_jobs,
                               int classes, const char *folder) {
    double longest = 0.0; /* seconds of a round */
    for (int first = 0; first < n_jobs; first += comm->size) {
        const double start = pleat_now();
        const int mine = first + comm->rank, done = first + comm->size;
        const char *id = cases[jobs[first].index].id;
        if (first == 0) pleat_progress("prep", 0, (size_t)n_jobs, id);
        pleat_status status = check_halt(longest, folder);
        if (status == PLEAT_OK && mine < n_jobs)
            status = pleat_prep_case(config, &cases[jobs[mine].index], classes, folder);
        PLEAT_TRY(pleat_comm_agree(comm, status));
        longest = fmax(longest, pleat_now() - start);
        pleat_progress("prep", (size_t)(done < n_jobs ? done : n_jobs), (size_t)n_jobs, id);
    }
    return PLEAT_OK;
}

/* The index over all cases, which also shows that each can be read and has no class too many. */
static pleat_status finish_store(const char *folder, const char *text,
                                 const pleat_case_paths *cases, int n, int classes) {
    pleat_status status = PLEAT_OK;
    pleat_store *store = NULL;
    const char **ids = malloc((size_t)n * sizeof *ids);
    PLEAT_CHECK(ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) ids[i] = cases[i].id;
    PLEAT_TRY_GOTO(status, done, pleat_store_write_index(folder, text, ids, n));
    PLEAT_TRY_GOTO(status, done, pleat_store_open(folder, text, &store));
    for (int i = 0; i < n; i++) {
        const pleat_case_info *info = pleat_store_info(store, i);
        PLEAT_CHECK_GOTO(status, done, classes <= 0 || info->classes <= classes, PLEAT_ERR_DATA,
                         "case '%s' of the store '%s' has label %d, but the %d classes are labels "
                         "0 to %d",
                         info->id, folder, info->classes - 1, classes, classes - 1);
    }
done:
    pleat_store_close(store);
    free(ids);
    return status;
}

/* Jobs that share a store, such as the tasks of a job array, fill it one after another: the first
 * makes the cases, the others find them. All ranks come back every second, so that none of them
 * takes the wait for a lost peer. */
static pleat_status lock_store(pleat_comm *comm, const char *folder, pleat_lock **lock) {
    for (int waits = 0;; waits++) {
        pleat_status mine = check_halt(1.0, folder);
        int busy = 0;
        if (comm->rank == 0 && mine == PLEAT_OK) {
            mine = pleat_file_make_folder(folder);
            if (mine == PLEAT_OK) mine = pleat_lock_take(folder, lock);
            busy = mine == PLEAT_ERR_BUSY;
            if (busy && waits == 0) pleat_log(PLEAT_INFO, "waiting: %s", pleat_error_message());
            if (busy) mine = PLEAT_OK;
        }
        PLEAT_TRY(pleat_comm_agree(comm, mine));
        PLEAT_TRY(pleat_comm_broadcast_bytes(comm, &busy, sizeof busy, 0));
        if (!busy) return PLEAT_OK;
        (void)sleep(1);
    }
}

pleat_status pleat_prep_run(pleat_comm *comm, const pleat_prep_config *config,
                            const pleat_case_paths *cases, int n, int classes, const char *folder) {
    pleat_status status = PLEAT_OK;
    char text[PLEAT_PREPROCESSING_BYTES];
    int n_jobs = 0;
    pleat_lock *lock = NULL;
    PLEAT_CHECK(n >= 1, PLEAT_ERR_DATA, "no cases to prepare for the store '%s'", folder);
    pleat_prep_text(config, text, sizeof text);
    PLEAT_TRY(lock_store(comm, folder, &lock));
    job *jobs = calloc((size_t)n, sizeof *jobs);
    if (jobs == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    if (status == PLEAT_OK && comm->rank == 0)
        status = find_jobs(folder, text, cases, n, jobs, &n_jobs);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    if (jobs == NULL) goto done; /* agree has returned my own failure; clang-tidy cannot know */
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(comm, &n_jobs, sizeof n_jobs, 0));
    PLEAT_TRY_GOTO(status, done,
                   pleat_comm_broadcast_bytes(comm, jobs, (size_t)n * sizeof *jobs, 0));
    PLEAT_TRY_GOTO(status, done, make_cases(comm, config, cases, jobs, n_jobs, classes, folder));
    if (comm->rank == 0) status = finish_store(folder, text, cases, n, classes);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
done:
    free(jobs);
    pleat_lock_release(lock);
    return status;
}
