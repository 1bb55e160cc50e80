/* monitor.c - the thread that writes how far a process is, and on rank 0 shows how far all are. */
#include "pleat/progress.h"

#include "pleat/log.h"
#include "pleat/rundir.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIVE_S      1.0  /* between two tables, and writes, when somebody watches, */
#define LIVE_FOLDS  20.0 /* and a second more for so many folds: each is a file to read */
#define MOST_LINES  10   /* of folds under way, at once */
#define ENDING_S    5    /* that a slow file system may take at the end */
#define STACK_BYTES (1 << 20)

struct pleat_monitor {
    int shows, only, folds; /* shows: rank 0 */
    double every_s;
    char run[PLEAT_PATH_BYTES];
    pthread_t thread;
    int has_thread;
    pleat_progress_view view; /* the thread's, of rank 0 */

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t wake, end;
    int stop, ended;
    int fold;               /* under way; -1: none */
    int batch, base_made;   /* patches a step; steps made when the clock was started */
    double base_s, cases_s; /* pleat_now() then; when the first case was begun */
    pleat_progress_state one, whole;
    int fold_begun; /* is to be written now, not at the next beat, */
    int ended_fold; /* as is this one, as `before`; -1: none */
    pleat_progress_state before;
};

static double clock_s(void) { return (double)time(NULL); }

/* "slurm 17_3", of the batch system that started this process. */
static void name_job(char *out, size_t size) {
    static const struct {
        const char *name, *variable, *task;
    } systems[] = {{"slurm", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"},
                   {"slurm", "SLURM_JOB_ID", NULL},
                   {"pbs", "PBS_JOBID", NULL},
                   {"lsf", "LSB_JOBID", NULL}};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof systems / sizeof *systems && out[0] == '\0'; i++) {
        const char *job = getenv(systems[i].variable);
        const char *task = systems[i].task != NULL ? getenv(systems[i].task) : NULL;
        if (job != NULL && job[0] != '\0')
            (void)snprintf(out, size, "%s %s%s%s", systems[i].name, job, task != NULL ? "_" : "",
                           task != NULL ? task : "");
    }
}

static pleat_progress_state begin(const pleat_monitor *m, pleat_phase phase) {
    pleat_progress_state state = {.phase = phase,
                                  .loss = NAN,
                                  .left_s = -1.0,
                                  .begun_s = clock_s(),
                                  .every_s = m->every_s,
                                  .process = (int64_t)getpid()};
    (void)gethostname(state.host, sizeof state.host - 1);
    name_job(state.job, sizeof state.job);
    return state;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void write_state(const pleat_monitor *m, int fold, pleat_progress_state *state) {
    char path[PLEAT_PATH_BYTES];
    state->written_s = clock_s();
    const pleat_status named = fold < 0
                                   ? pleat_run_path(m->run, PLEAT_RUN_PROGRESS, path)
                                   : pleat_run_fold_path(m->run, fold, PLEAT_FOLD_PROGRESS, path);
    if (named == PLEAT_OK) (void)pleat_progress_write(path, state);
}

static void show(pleat_monitor *m, pleat_phase whole, int last) {
    char text[16384];
    pleat_terminal terminal;
    int said = 0, more = 0, at_work = 0;
    if (!pleat_log_echoes()) return;
    const int live = pleat_terminal_look(&terminal);
    if (live && last) pleat_log_block("");
    if (last) return;
    for (int fold = 0; fold < m->folds; fold++)
        at_work += pleat_phase_is_active(m->view.fold[fold].phase) &&
                   !pleat_progress_is_silent(&m->view, &m->view.fold[fold]);
    if (whole == PLEAT_PHASE_WORKING || at_work == 0) return;
    if (live) {
        pleat_progress_table(&m->view, &terminal, text, sizeof text);
        pleat_log_block(text);
        return;
    }
    for (int fold = 0; fold < m->folds; fold++) {
        const pleat_progress_state *state = &m->view.fold[fold];
        if (!pleat_phase_is_active(state->phase) || pleat_progress_is_silent(&m->view, state))
            continue;
        more += said == MOST_LINES;
        if (said == MOST_LINES) continue;
        said++;
        pleat_progress_line(&m->view, fold, text, sizeof text);
        pleat_log(PLEAT_INFO, "%s", text);
    }
    if (more > 0)
        pleat_log(PLEAT_INFO, "%d more folds are under way; pleat status %s shows all", more,
                  m->run);
}

/* These are called with the mutex held, and let go of it while they write. */
static void write_ended(pleat_monitor *m) {
    pleat_progress_state state = m->before;
    const int fold = m->ended_fold;
    m->ended_fold = -1;
    (void)pthread_mutex_unlock(&m->mutex);
    write_state(m, fold, &state);
    (void)pthread_mutex_lock(&m->mutex);
}

static void write_begun(pleat_monitor *m) {
    pleat_progress_state state = m->one;
    const int fold = m->fold;
    m->fold_begun = 0;
    (void)pthread_mutex_unlock(&m->mutex);
    if (fold >= 0) write_state(m, fold, &state);
    (void)pthread_mutex_lock(&m->mutex);
}

static void beat(pleat_monitor *m, int last) {
    pleat_progress_state one = m->one, whole = m->whole;
    const int fold = m->fold;
    (void)pthread_mutex_unlock(&m->mutex);
    if (fold >= 0) write_state(m, fold, &one);
    if (m->shows) {
        write_state(m, -1, &whole);
        if (pleat_progress_look(m->run, m->folds, m->only, &m->view) == PLEAT_OK)
            show(m, whole.phase, last);
    }
    (void)pthread_mutex_lock(&m->mutex);
}

static void *work(void *argument) {
    pleat_monitor *m = argument;
    sigset_t others; /* signals are for the thread that computes; but for one of a lost reader */
    (void)sigfillset(&others);
    (void)sigdelset(&others, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &others, NULL);
    (void)pthread_mutex_lock(&m->mutex);
    while (!m->stop) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)ceil(m->every_s);
        for (int waited = 0; !m->stop && waited == 0;) {
            if (m->ended_fold >= 0)
                write_ended(m);
            else if (m->fold_begun)
                write_begun(m);
            else
                waited = pthread_cond_timedwait(&m->wake, &m->mutex, &until);
        }
        if (m->ended_fold >= 0) write_ended(m);
        beat(m, m->stop);
    }
    m->ended = 1;
    (void)pthread_cond_signal(&m->end);
    (void)pthread_mutex_unlock(&m->mutex);
    return NULL;
}

static void start(pleat_monitor *m) {
    pthread_attr_t attributes;
    if (m->has_thread || pthread_attr_init(&attributes) != 0) return;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    m->has_thread = pthread_create(&m->thread, &attributes, work, m) == 0;
    (void)pthread_attr_destroy(&attributes);
}

/* --- what the process says -------------------------------------------------------------------- */

static void hear_progress(void *context, const char *what, size_t done, size_t total,
                          double left_s) {
    pleat_monitor *m = context;
    (void)pthread_mutex_lock(&m->mutex);
    m->whole.phase = PLEAT_PHASE_WORKING;
    (void)snprintf(m->whole.what, sizeof m->whole.what, "%s", what);
    m->whole.done = (int)done;
    m->whole.total = (int)total;
    m->whole.left_s = left_s;
    (void)pthread_mutex_unlock(&m->mutex);
}

pleat_status pleat_monitor_open(pleat_comm *world, const char *run, int folds, int only,
                                double every_s, pleat_monitor **out) {
    pthread_condattr_t monotonic;
    pleat_terminal terminal;
    *out = NULL;
    if (world->rank == 0 && every_s > 0.0 && pleat_log_echoes() && pleat_terminal_look(&terminal))
        every_s = fmin(every_s, ceil(LIVE_S + folds / LIVE_FOLDS));
    PLEAT_TRY(pleat_comm_broadcast_bytes(world, &every_s, sizeof every_s, 0));
    if (every_s <= 0.0) return PLEAT_OK;
    pleat_monitor *m = calloc(1, sizeof *m);
    PLEAT_CHECK(m != NULL, PLEAT_ERR_MEMORY, "no memory to tell of progress");
    m->shows = world->rank == 0;
    m->only = only;
    m->folds = folds;
    m->every_s = every_s;
    m->fold = m->ended_fold = -1;
    (void)snprintf(m->run, sizeof m->run, "%s", run);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&m->mutex, NULL);
    (void)pthread_cond_init(&m->wake, &monotonic);
    (void)pthread_cond_init(&m->end, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    m->whole = begin(m, PLEAT_PHASE_TRAINING);
    if (m->shows) {
        pleat_progress_to(hear_progress, m);
        start(m);
    }
    *out = m;
    return PLEAT_OK;
}

void pleat_monitor_fold(pleat_monitor *m, int fold, int batch, int cases) {
    if (m == NULL) return;
    (void)pthread_mutex_lock(&m->mutex);
    m->one = begin(m, PLEAT_PHASE_TRAINING);
    m->one.total = cases;
    m->fold = fold;
    m->batch = batch;
    m->base_made = -1;
    m->cases_s = 0.0;
    m->whole.phase = PLEAT_PHASE_TRAINING;
    m->fold_begun = 1;
    start(m);
    (void)pthread_cond_signal(&m->wake);
    (void)pthread_mutex_unlock(&m->mutex);
}

/* So many of the epochs' losses as there is room for, spread over all. */
static void take_losses(pleat_progress_state *state, const pleat_train_now *now) {
    if (now->epoch == state->epoch && state->n_losses > 0) return;
    state->n_losses = now->epoch < PLEAT_PROGRESS_LOSSES ? now->epoch : PLEAT_PROGRESS_LOSSES;
    for (int i = 0; i < state->n_losses; i++) {
        const int64_t at = ((int64_t)i + 1) * now->epoch / state->n_losses - 1;
        state->losses[i] = now->rows[at].train[0];
    }
}

void pleat_monitor_step(pleat_monitor *m, const pleat_train_now *now) {
    if (m == NULL) return;
    const double seconds = pleat_now();
    const int made = now->epoch * now->steps + now->step;
    (void)pthread_mutex_lock(&m->mutex);
    pleat_progress_state *one = &m->one;
    take_losses(one, now);
    one->phase = now->validating ? PLEAT_PHASE_VALIDATION : PLEAT_PHASE_TRAINING;
    one->epoch = now->epoch;
    one->epochs = now->epochs;
    one->step = now->step;
    one->steps = now->steps;
    one->loss =
        !isnan(now->loss) || now->epoch == 0 ? now->loss : now->rows[now->epoch - 1].train[0];
    if (m->base_made < 0) { /* the first step also prepares */
        m->base_made = made;
        m->base_s = seconds;
    } else if (!now->validating && made > m->base_made) {
        one->step_s = (seconds - m->base_s) / (made - m->base_made);
        one->patches_s = m->batch / one->step_s;
    }
    (void)pthread_mutex_unlock(&m->mutex);
}

void pleat_monitor_cases(pleat_monitor *m, int done) {
    if (m == NULL) return;
    const double seconds = pleat_now();
    (void)pthread_mutex_lock(&m->mutex);
    if (m->one.phase == PLEAT_PHASE_TRAINING || m->one.phase == PLEAT_PHASE_VALIDATION)
        m->one.epoch++; /* its last step was the last that is said */
    m->one.phase = PLEAT_PHASE_PREDICTING;
    m->one.done = done;
    if (done == 0) m->cases_s = seconds;
    if (done > 0 && m->cases_s > 0.0) m->one.case_s = (seconds - m->cases_s) / done;
    (void)pthread_mutex_unlock(&m->mutex);
}

void pleat_monitor_end(pleat_monitor *m, pleat_phase phase, const char *why) {
    if (m == NULL) return;
    (void)pthread_mutex_lock(&m->mutex);
    m->before = m->one;
    m->before.phase = phase;
    (void)snprintf(m->before.what, sizeof m->before.what, "%s", why);
    m->ended_fold = m->fold;
    m->fold = -1;
    (void)pthread_cond_signal(&m->wake);
    (void)pthread_mutex_unlock(&m->mutex);
}

void pleat_monitor_close(pleat_monitor *m, pleat_status status) {
    struct timespec until;
    if (m == NULL) return;
    pleat_progress_to(NULL, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ENDING_S;
    (void)pthread_mutex_lock(&m->mutex);
    const int halted = status == PLEAT_ERR_REQUEUE || status == PLEAT_ERR_INTERRUPTED;
    m->whole.phase = status == PLEAT_OK ? PLEAT_PHASE_FINISHED
                     : halted           ? PLEAT_PHASE_STOPPED
                                        : PLEAT_PHASE_FAILED;
    (void)snprintf(m->whole.what, sizeof m->whole.what, "%s",
                   status != PLEAT_OK ? pleat_error_message() : "");
    m->stop = 1;
    (void)pthread_cond_signal(&m->wake);
    int waited = 0;
    while (m->has_thread && !m->ended && waited == 0)
        waited = pthread_cond_timedwait(&m->end, &m->mutex, &until);
    const int ended = !m->has_thread || m->ended;
    (void)pthread_mutex_unlock(&m->mutex);
    if (!ended) { /* it hangs in a file system, and takes what it has with it */
        (void)pthread_detach(m->thread);
        return;
    }
    if (m->has_thread) (void)pthread_join(m->thread, NULL);
    (void)pthread_cond_destroy(&m->wake);
    (void)pthread_cond_destroy(&m->end);
    (void)pthread_mutex_destroy(&m->mutex);
    pleat_progress_free(&m->view);
    free(m);
}
