/* prep_run.c - all cases into the store, shared out over the ranks of a communicator. */
#include "prep_check.h"

#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/intensity.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/prep.h"
#include "pleat/store.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A case still to be made. */
typedef struct job {
    int index;      /* into cases[] */
    uint64_t bytes; /* of the image files */
} job;

typedef struct work {
    const pleat_prep_config *config;
    const pleat_case_paths *cases; /* [n] */
    int n, classes;
    const char *folder;
    char text[PLEAT_PREPROCESSING_BYTES];
    pleat_case_info *wanted; /* [n], on rank 0: ids, and the files as they are */
    job *jobs;               /* [n], of which n_jobs are to be done, largest image first */
    int n_jobs;
} work;

static pleat_status allocate(work *w) {
    w->wanted = calloc((size_t)w->n, sizeof *w->wanted);
    w->jobs = calloc((size_t)w->n, sizeof *w->jobs);
    PLEAT_CHECK(w->wanted != NULL && w->jobs != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases",
                w->n);
    return PLEAT_OK;
}

/* ---- rank 0: what there is ------------------------------------------------------------------- */

static pleat_status identify_files(work *w) {
    for (int i = 0; i < w->n; i++) {
        pleat_case_info *info = &w->wanted[i];
        PLEAT_TRY(pleat_store_set_id(info, w->cases[i].id));
        PLEAT_TRY(
            pleat_store_set_files(info, w->cases[i].image, w->cases[i].images, w->cases[i].label));
    }
    return PLEAT_OK;
}

/* By the headers, before any case is made. */
static pleat_status check_channels(const work *w) {
    int first = 0;
    for (int i = 0; i < w->n; i++) {
        const pleat_case_paths *paths = &w->cases[i];
        int channels = 0;
        PLEAT_TRY(pleat_prep_count_channels(paths, &channels));
        if (i == 0) first = channels;
        PLEAT_CHECK(channels == first, PLEAT_ERR_DATA,
                    "case '%s' has %d channel%s, '%s', but case '%s' has %d, '%s'", paths->id,
                    channels, pleat_plural(channels), paths->image[0], w->cases[0].id, first,
                    w->cases[0].image[0]);
    }
    return pleat_prep_check_channels(w->config, first);
}

/* All cases, so that one start tells of all that are refused. */
static pleat_status check_headers(const work *w) {
    char first[2048] = "", names[400] = "";
    int bad = 0;
    for (int i = 0; i < w->n; i++) {
        pleat_geometry image;
        int channels = 0;
        const pleat_status status =
            pleat_prep_check_case(w->config, &w->cases[i], &image, &channels);
        if (status != PLEAT_ERR_DATA) {
            PLEAT_TRY(status);
            continue;
        }
        if (bad == 0) (void)snprintf(first, sizeof first, "%s", pleat_error_message());
        if (bad == 1) pleat_log(PLEAT_QUIET, "refused: %s", first);
        if (bad >= 1) pleat_log(PLEAT_QUIET, "refused: %s", pleat_error_message());
        pleat_warn_list(names, sizeof names, w->cases[i].id);
        bad++;
    }
    PLEAT_CHECK(bad != 1, PLEAT_ERR_DATA, "%s", first);
    PLEAT_CHECK(bad == 0, PLEAT_ERR_DATA,
                "%d of %d cases cannot be prepared, for the reasons above: %s", bad, w->n, names);
    return PLEAT_OK;
}

static int larger_first(const void *a, const void *b) {
    const job *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->index - y->index;
}

/* What the store lacks; with `tell`, why a case that it has is made again. */
static pleat_status find_jobs(work *w, int tell) {
    w->n_jobs = 0;
    for (int i = 0; i < w->n; i++) {
        const char *id = w->wanted[i].id;
        pleat_case_state state = PLEAT_CASE_ABSENT;
        PLEAT_TRY(pleat_store_find_case(w->folder, w->text, &w->wanted[i], &state));
        if (state == PLEAT_CASE_WHOLE) continue;
        if (tell && state == PLEAT_CASE_CHANGED)
            pleat_log(PLEAT_INFO, "case %s: its files changed, prepared again", id);
        if (tell && state == PLEAT_CASE_DAMAGED)
            pleat_log(PLEAT_INFO, "case %s: prepared again: %s", id, pleat_error_message());
        w->jobs[w->n_jobs++] = (job){i, w->wanted[i].image_file.bytes};
    }
    qsort(w->jobs, (size_t)w->n_jobs, sizeof *w->jobs, larger_first);
    return PLEAT_OK;
}

static int lists_exactly(const pleat_store *store, const work *w) {
    int same = pleat_store_count(store) == w->n;
    for (int i = 0; same && i < w->n; i++) same = pleat_store_find(store, w->wanted[i].id) >= 0;
    return same;
}

/* What was warned of when the cases were made, perhaps for another run. */
static void repeat_warnings(const pleat_store *store) {
    for (int i = 0; i < pleat_store_count(store); i++)
        for (const char *line = pleat_store_info(store, i)->warnings; *line != '\0';) {
            const size_t n = strcspn(line, "\n");
            pleat_warn("%.*s", (int)n, line);
            line += n + (line[n] == '\n');
        }
}

static int kind_of(const pleat_store *store, int i, int channel) {
    const int kind = pleat_store_info(store, i)->kind[channel];
    return kind >= 0 && kind <= PLEAT_INTENSITY_KINDS ? kind : 0;
}

/* Cases whose values are of another kind than those of most, as `check` finds them: not where
 * preprocessing makes all alike. */
static void tell_kinds(const pleat_store *store, int channel) {
    int count[PLEAT_INTENSITY_KINDS + 1] = {0}, most = 1, others = 0;
    char names[400] = "";
    for (int i = 0; i < pleat_store_count(store); i++) count[kind_of(store, i, channel)]++;
    for (int k = 2; k <= PLEAT_INTENSITY_KINDS; k++)
        if (count[k] > count[most]) most = k;
    for (int i = 0; i < pleat_store_count(store); i++) {
        const char *id = pleat_store_info(store, i)->id;
        const int mine = kind_of(store, i, channel);
        if (mine == 0 || mine == most) continue;
        char one[PLEAT_CASE_BYTES + 64];
        (void)snprintf(one, sizeof one, "%s (%s)", id, pleat_intensity_kind_name(mine - 1));
        pleat_warn_list(names, sizeof names, one);
        others++;
    }
    if (others > 0)
        pleat_warn(
            "the values of %d case%s in channel %d are of another kind than those of most "
            "(%s): %s; export them again with the values of the scanner, remove them, or set "
            "preprocess.grayscale: true",
            others, pleat_plural(others), channel, pleat_intensity_kind_name(most - 1), names);
}

static pleat_status check_cases(const pleat_store *store, const work *w) {
    repeat_warnings(store);
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++)
        if (!pleat_prep_makes_alike(&w->config->channel[c])) tell_kinds(store, c);
    for (int i = 0; i < pleat_store_count(store); i++) {
        const pleat_case_info *info = pleat_store_info(store, i);
        PLEAT_CHECK(w->config->labels.n > 0 || w->classes <= 0 || info->classes <= w->classes,
                    PLEAT_ERR_DATA,
                    "case '%s' of the store '%s' has label %d, but the %d classes are labels 0 to "
                    "%d; name the class in `classes` of the configuration, or correct the mask",
                    info->id, w->folder, info->classes - 1, w->classes, w->classes - 1);
    }
    return PLEAT_OK;
}

/* *complete: nothing is left to do, so neither a lock is needed nor the right to write. */
static pleat_status look(work *w, int *complete) {
    pleat_status status = PLEAT_OK;
    pleat_store *store = NULL;
    PLEAT_TRY(pleat_output_check("the store", w->folder, "pleat prep", pleat_output_is_store));
    PLEAT_TRY(identify_files(w));
    PLEAT_TRY(check_channels(w));
    PLEAT_TRY(check_headers(w));
    PLEAT_TRY(find_jobs(w, 0));
    if (w->n_jobs > 0) return PLEAT_OK;
    if (pleat_store_open(w->folder, w->text, &store) != PLEAT_OK) return PLEAT_OK; /* no index */
    *complete = lists_exactly(store, w);
    if (*complete) {
        pleat_log(PLEAT_INFO, "%s in '%s' already", w->n == 1 ? "the one case is" : "all cases are",
                  w->folder);
        status = check_cases(store, w);
    }
    pleat_store_close(store);
    return status;
}

/* ---- filling the store ----------------------------------------------------------------------- */

/* A wish to halt (pleat/halt.h) as a failure. */
static pleat_status check_halt(double reserve_s, const char *folder) {
    const pleat_halt wish = pleat_halt_look(reserve_s);
    pleat_halt_pace("case", reserve_s);
    PLEAT_CHECK(pleat_halt_status(wish) == PLEAT_OK, pleat_halt_status(wish),
                "%s: the cases made so far are in '%s'; to resume, repeat the command: %s",
                pleat_halt_name(wish), folder, pleat_halt_command());
    return PLEAT_OK;
}

/* Jobs that share a store, such as the tasks of a job array, fill it one after another: the first
 * makes the cases, the others find them. The lock lies in STORE/cases, because STORE may be the
 * folder of the run, which the run itself has locked. All ranks come back every second, so that a
 * wish to halt is heard. */
static pleat_status lock_store(pleat_comm *comm, const char *folder, pleat_lock **lock) {
    char cases[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(cases, sizeof cases, "%s/cases", folder));
    for (int waits = 0;; waits++) {
        pleat_status mine = check_halt(1.0, folder);
        int busy = 0;
        if (comm->rank == 0 && mine == PLEAT_OK) {
            mine = pleat_file_make_part(cases);
            if (mine == PLEAT_OK) mine = pleat_lock_take(cases, lock);
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

/* What a rank has refused: "CASE\nREASON\n" each. */
typedef struct refusals {
    char *text;
    size_t bytes;
    int n;
} refusals;

/* A case that cannot be prepared for what it is: the others are looked at too. */
static int is_of_case(pleat_status status) {
    return status == PLEAT_ERR_DATA || status == PLEAT_ERR_FORMAT || status == PLEAT_ERR_NOT_FOUND;
}

static pleat_status refuse(const char *id, refusals *r) {
    const char *why = pleat_error_message();
    const size_t more = strlen(id) + strlen(why) + 3;
    char *grown = realloc(r->text, r->bytes + more);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to note case '%s'", id);
    r->text = grown;
    r->bytes += (size_t)snprintf(grown + r->bytes, more, "%s\n%s\n", id, why);
    r->n++;
    return PLEAT_OK;
}

/* Collective: rank 0 names the refused cases of all, of which there are `bad` among `tried`. */
static pleat_status tell_refused(pleat_comm *comm, const work *w, const refusals *mine, int bad,
                                 int tried) {
    char names[400] = "", rest[64] = "";
    void *all = NULL;
    size_t bytes = 0;
    PLEAT_TRY(pleat_comm_gather(comm, mine->text, mine->bytes, 0, &all, &bytes));
    if (comm->rank != 0) return PLEAT_OK;
    const char *why = "";
    for (char *at = all, *end = at + bytes; at < end;) {
        char *id = at, *reason = id + strcspn(id, "\n");
        *reason++ = '\0';
        at = reason + strcspn(reason, "\n");
        *at++ = '\0';
        why = reason;
        pleat_warn_list(names, sizeof names, id);
        if (bad > 1) pleat_log(PLEAT_QUIET, "refused: %s", reason);
    }
    if (tried < w->n_jobs)
        (void)snprintf(rest, sizeof rest, "; the other %d were not tried", w->n_jobs - tried);
    const pleat_status status =
        bad == 1 ? PLEAT_FAIL(PLEAT_ERR_DATA, "%s", why)
                 : PLEAT_FAIL(PLEAT_ERR_DATA,
                              "%d of %d cases cannot be prepared, for the reasons above%s: %s", bad,
                              w->n, rest, names);
    free(all);
    return status;
}

/* Round by round, a case per rank: cases of a round are of about one size, so ranks hardly wait,
 * and an error ends the work of all within a round. Cases that are refused do not, but where the
 * first ones all are, so are the rest. */
static pleat_status make_cases(pleat_comm *comm, const work *w) {
    enum { FIRST = 4 };
    double longest = 0.0; /* seconds of a round */
    double bad = 0.0;     /* of all ranks */
    refusals refused = {0};
    int tried = 0;
    pleat_status status = PLEAT_OK;
    for (int first = 0; first < w->n_jobs; first += comm->size) {
        const double start = pleat_now();
        const int mine = first + comm->rank;
        const char *id = w->cases[w->jobs[first].index].id;
        if (first == 0) pleat_progress("prep", 0, (size_t)w->n_jobs, id);
        status = check_halt(longest, w->folder);
        if (status == PLEAT_OK && mine < w->n_jobs) {
            const pleat_case_paths *paths = &w->cases[w->jobs[mine].index];
            status = pleat_prep_case(w->config, paths, w->classes, w->folder);
            if (is_of_case(status)) status = refuse(paths->id, &refused);
        }
        PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
        bad = refused.n;
        PLEAT_TRY_GOTO(status, done, pleat_comm_allreduce_sum(comm, &bad, 1, PLEAT_F64));
        PLEAT_TRY_GOTO(status, done, pleat_comm_wait(comm));
        longest = fmax(longest, pleat_now() - start);
        tried = first + comm->size < w->n_jobs ? first + comm->size : w->n_jobs;
        pleat_progress("prep", (size_t)tried, (size_t)w->n_jobs, id);
        if ((int)bad == tried && tried >= FIRST) break;
    }
    if (bad > 0.0) status = tell_refused(comm, w, &refused, (int)bad, tried);
    if (bad > 0.0) status = pleat_comm_agree(comm, status);
done:
    free(refused.text);
    return status;
}

/* The index over all cases, which also shows that each can be read and has no class too many. */
static pleat_status finish_store(const work *w) {
    pleat_status status = PLEAT_OK;
    pleat_store *store = NULL;
    const char **ids = malloc((size_t)w->n * sizeof *ids);
    PLEAT_CHECK(ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", w->n);
    for (int i = 0; i < w->n; i++) ids[i] = w->cases[i].id;
    PLEAT_TRY_GOTO(status, done, pleat_store_write_index(w->folder, w->text, ids, w->n));
    PLEAT_TRY_GOTO(status, done, pleat_store_open(w->folder, w->text, &store));
    PLEAT_TRY_GOTO(status, done, check_cases(store, w));
done:
    pleat_store_close(store);
    free(ids);
    return status;
}

static pleat_status fill_store(pleat_comm *comm, work *w) {
    pleat_status status = PLEAT_OK;
    pleat_lock *lock = NULL;
    PLEAT_TRY_GOTO(status, done, lock_store(comm, w->folder, &lock));
    if (comm->rank == 0) {
        status = find_jobs(w, 1); /* others may have made some */
        if (status == PLEAT_OK && w->n_jobs < w->n)
            pleat_log(PLEAT_INFO, "%d of %d cases are in '%s' already", w->n - w->n_jobs, w->n,
                      w->folder);
    }
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(comm, &w->n_jobs, sizeof w->n_jobs, 0));
    PLEAT_TRY_GOTO(status, done,
                   pleat_comm_broadcast_bytes(comm, w->jobs, (size_t)w->n * sizeof *w->jobs, 0));
    PLEAT_TRY_GOTO(status, done, make_cases(comm, w));
    if (comm->rank == 0) status = finish_store(w);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
done:
    pleat_lock_release(lock);
    return status;
}

int pleat_prep_is_done(const pleat_prep_config *config, const pleat_case_paths *cases, int n,
                       const char *folder) {
    work w = {.config = config, .cases = cases, .n = n, .folder = folder};
    pleat_store *store = NULL;
    pleat_prep_text(config, w.text, sizeof w.text);
    int done = pleat_file_exists(folder) && n >= 1 && allocate(&w) == PLEAT_OK &&
               identify_files(&w) == PLEAT_OK && find_jobs(&w, 0) == PLEAT_OK && w.n_jobs == 0 &&
               pleat_store_open(folder, w.text, &store) == PLEAT_OK;
    if (done) done = lists_exactly(store, &w);
    pleat_store_close(store);
    free(w.wanted);
    free(w.jobs);
    return done;
}

pleat_status pleat_prep_run(pleat_comm *comm, const pleat_prep_config *config,
                            const pleat_case_paths *cases, int n, int classes, const char *folder) {
    PLEAT_CHECK(n >= 1, PLEAT_ERR_DATA, "no cases to prepare for the store '%s'", folder);
    work w = {.config = config, .cases = cases, .n = n, .classes = classes, .folder = folder};
    pleat_prep_text(config, w.text, sizeof w.text);
    int complete = 0;
    pleat_status status = allocate(&w);
    if (status == PLEAT_OK && comm->rank == 0) status = look(&w, &complete);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(comm, &complete, sizeof complete, 0));
    if (!complete) PLEAT_TRY_GOTO(status, done, fill_store(comm, &w));
done:
    /* Whether or not: all ranks are here, but where one is lost. */
    if (status != PLEAT_ERR_PEER && status != PLEAT_ERR_COMM) {
        const pleat_status told = pleat_comm_gather_warnings(comm);
        if (status == PLEAT_OK) status = told;
    }
    free(w.wanted);
    free(w.jobs);
    return status;
}
