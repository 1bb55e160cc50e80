/* plan_needs.c - memory and disk are counted; time is measured here, taken from a run, or from the
 * table of GPUs. */
#include "plan_needs.h"

#include "trial.h"

#include "pleat/cases.h"
#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/history.h"
#include "pleat/host_memory.h"
#include "pleat/rundir.h"
#include "pleat/statistics.h"
#include "pleat/text.h"
#include "pleat/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What MPI takes of a rank that was started by a launcher, and this process was not: measured on
 * 2026-11-27, Open MPI 4.1 of Debian 12. */
#define MPI_BYTES   8e6
/* An estimate of what a process with CUDA, cuDNN and cuBLAS holds of the machine's memory; one that
 * only counts has not loaded them. */
#define CUDA_BYTES  3e9
/* Of a step's processors; less is told. Threads that wait for one another have some 90 %. */
#define LEAST_SHARE 0.75

/* --- the engine ------------------------------------------------------------------------------- */

/* A GPU's, for counts, where the configuration wants one that is not here: bf16 is what it takes
 * when it may choose. */
static const pleat_engine *counted_engine(const plan_request *request) {
    const pleat_config *c = &request->config;
    const pleat_engine_entry *entry =
        c->engine > 0 ? &pleat_engine_list()[c->engine - 1] : NULL; /* NULL: auto */
    const int other = entry != NULL && entry->on_gpu && entry->missing() != NULL;
    if (request->on == NULL && !other) return NULL;
    return plan_device_engine(c->precision == PLEAT_PRECISION_AUTO ? PLEAT_PRECISION_BF16
                                                                   : (pleat_precision)c->precision);
}

static int on_gpu(const char *engine) {
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++)
        if (strcmp(e->name, engine) == 0) return e->on_gpu;
    return 0;
}

/* --- time ------------------------------------------------------------------------------------- */

/* Seconds of an epoch and of a fold's predictions, by those of a step and of its forward pass. */
static void set_times(const pleat_config *c, double step, double forward, plan_needs *n) {
    const int ranks = n->layout.ranks_per_fold;
    const double held_out = (double)n->of.cases / c->folds;
    const double views = (double)n->of.patches * pleat_mirror_ways(pleat_config_mirror(c));
    n->epoch = c->train.iterations * step + held_out * c->train.validation * forward / ranks;
    n->prediction = views / c->folds * forward / ranks;
}

/* A step's patches are made beside it where the rank has cores for both, else on its own; and ranks
 * beyond the cores wait for one another. */
static double step_with_patches(const plan_request *r, const plan_needs *n, int threads,
                                const trial_result *t, int batch) {
    const int loaders = r->config.train.loader_threads;
    const double making = batch * t->making, crowd = fmax(1.0, (double)threads / n->cores);
    if (n->cores >= threads + loaders) return fmax(t->seconds, making / loaders);
    return crowd * t->seconds + making / n->cores;
}

/* Threads of a rank's engine: no engine here has more than this machine has cores. */
static int threads_of(const plan_request *request, const pleat_engine *engine) {
    const int set = request->config.threads, cpus = request->cpus;
    if (cpus == 0 || !engine->host_memory) return engine->threads;
    return set > 0 && set < cpus ? set : cpus;
}

static pleat_status time_here(const plan_request *request, pleat_engine *engine, plan_needs *n) {
    const pleat_config *c = &request->config;
    const int batch = c->train.batch / n->layout.ranks_per_fold;
    const int ranks = request->ranks_per_node, threads = threads_of(request, engine);
    const int share_cores = request->cpus == 0 && ranks > n->machine;
    trial_result trial;
    PLEAT_TRY(trial_run(c, engine, n->of.channels, batch, request->steps, &trial));
    n->timed_on_gpu = on_gpu(engine->ops->name);
    if (!n->timed_on_gpu) PLEAT_TRY(trial_patches(c, n->of.channels, &trial));
    trial.seconds *= (double)engine->threads / threads;
    const double step = step_with_patches(request, n, threads, &trial, batch);
    const double alone = share_cores ? (double)ranks / n->machine : 1.0;
    set_times(c, alone * step, alone * trial.seconds / batch / 3, n);
    (void)snprintf(n->timed, sizeof n->timed, "measured here by %s: %s %s on %s, %.3g s a step",
                   trial.how, engine->ops->name, pleat_engine_precision(engine), engine->device,
                   step);
    const size_t used = strlen(n->timed);
    if (share_cores)
        (void)snprintf(n->timed + used, sizeof n->timed - used,
                       ", %.3g times that where %d ranks share %d core%s", alone, ranks, n->machine,
                       pleat_plural(n->machine));
    else if (engine->threads < threads)
        (void)snprintf(n->timed + used, sizeof n->timed - used,
                       ", an estimate: %d thread%s, scaled to %d", engine->threads,
                       pleat_plural(engine->threads), threads);
    if (trial.share < LEAST_SHARE)
        (void)snprintf(
            n->busy, sizeof n->busy, "%s: the steps had %.0f %% of their processors%s",
            trial.share < TRIAL_SHARE ? "an estimate, other programs ran" : "other work ran beside",
            100 * trial.share, trial.share < TRIAL_SHARE ? ", and count by processor time" : "");
    return PLEAT_OK;
}

/* Of a rank's part of a step. */
static pleat_status count_step(const pleat_config *c, int channels, int ranks, plan_work *out) {
    pleat_network network = c->network;
    network.channels = channels;
    return plan_work_count(&network, c->patch, (double)c->train.batch / ranks, out);
}

static pleat_status time_on(const plan_request *request, const pleat_engine *engine,
                            plan_needs *n) {
    const pleat_config *c = &request->config;
    const int ranks = n->layout.ranks_per_fold;
    plan_work work;
    double step = 0.0;
    const char *how = NULL;
    PLEAT_TRY(count_step(c, n->of.channels, ranks, &work));
    PLEAT_TRY(plan_device_seconds(request->on, engine->precision, &work, &step, &how));
    set_times(c, step, step * ranks / c->train.batch / 3, n);
    n->timed_on_gpu = 1;
    (void)snprintf(n->timed, sizeof n->timed, "an estimate for the %s, %s, %.3g s a step: %s",
                   request->on->what, pleat_engine_precision(engine), step, how);
    return PLEAT_OK;
}

/* --- a run of the past ------------------------------------------------------------------------ */

typedef struct past {
    pleat_record record;
    double *seconds; /* of all epochs, owned */
    size_t epochs;
    double prediction; /* seconds of the predictions of a fold: mean */
    int predicted;     /* folds */
} past;

static pleat_status add_fold(const char *run, int fold, past *p) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back;
    double seconds = 0.0;
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_LATEST, path));
    if (!pleat_file_exists(path)) return PLEAT_OK;
    PLEAT_TRY(pleat_checkpoint_resume(path, &c, &fell_back));
    double *more = realloc(p->seconds, (p->epochs + (size_t)c.epoch + 1) * sizeof *more);
    if (more != NULL) p->seconds = more;
    const size_t columns = (size_t)pleat_checkpoint_columns(&c);
    for (size_t e = 1; e <= (size_t)c.epoch && more != NULL; e++)
        p->seconds[p->epochs++] = c.history[e * columns - 1]; /* the last column */
    pleat_checkpoint_free(&c);
    if (pleat_run_prediction_seconds(run, fold, &seconds) == PLEAT_OK) {
        p->prediction = (p->prediction * p->predicted + seconds) / (p->predicted + 1);
        p->predicted++;
    }
    return PLEAT_OK;
}

/* What the run did, by the ratio of the counted products to those of what is planned. */
static pleat_status scale_past(const plan_request *request, const past *p, plan_needs *n) {
    const pleat_config *c = &request->config;
    pleat_config was;
    pleat_plan layout;
    plan_work now, before;
    PLEAT_TRY(pleat_run_config(request->past, &was));
    was.network.classes = c->network.classes;
    PLEAT_TRY(pleat_plan_make(p->record.ranks, p->record.folds, was.ranks_per_fold, was.train.batch,
                              &layout));
    PLEAT_TRY(count_step(c, n->of.channels, n->layout.ranks_per_fold, &now));
    PLEAT_TRY(count_step(&was, p->record.channels, layout.ranks_per_fold, &before));
    const double times = now.macs / before.macs;
    n->epoch = p->seconds[p->epochs / 2] * times * c->train.iterations / was.train.iterations;
    const double a_case = p->prediction * p->record.folds / p->record.repeats / p->record.cases;
    n->prediction =
        a_case * n->of.cases / c->folds * layout.ranks_per_fold / n->layout.ranks_per_fold;
    if (fabs(times - 1.0) > 1e-6)
        (void)snprintf(n->timed + strlen(n->timed), sizeof n->timed - strlen(n->timed),
                       "; a step scaled by counted products, %.3g times", times);
    return PLEAT_OK;
}

/* The median of the epochs' seconds over all folds that were begun. */
static pleat_status time_by_past(const plan_request *request, plan_needs *n) {
    past p = {.seconds = NULL};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(pleat_record_read(request->past, &p.record));
    for (int fold = 0; fold < p.record.folds && status == PLEAT_OK; fold++)
        status = add_fold(request->past, fold, &p);
    PLEAT_TRY_GOTO(status, done, status);
    PLEAT_CHECK_GOTO(status, done, p.epochs > 0, PLEAT_ERR_NOT_FOUND,
                     "no fold of '%s' has finished an epoch", request->past);
    pleat_sort(p.seconds, p.epochs);
    (void)snprintf(
        n->timed, sizeof n->timed, "the median of %zu epoch%s of '%s': %d rank%s, %s %s on %s",
        p.epochs, pleat_plural((long long)p.epochs), request->past, p.record.ranks,
        pleat_plural(p.record.ranks), p.record.engine, p.record.precision, p.record.device);
    n->timed_on_gpu = on_gpu(p.record.engine);
    if (p.predicted == 0)
        (void)snprintf(n->without, sizeof n->without, "no fold of it has predicted yet");
    status = scale_past(request, &p, n);
done:
    free(p.seconds);
    return status;
}

/* --- together --------------------------------------------------------------------------------- */

static pleat_status count_all(const app *a, const plan_request *request, const pleat_engine *engine,
                              plan_needs *n) {
    const pleat_config *c = &request->config;
    const int ranks = n->layout.ranks_per_fold;
    pleat_cases cases;
    PLEAT_TRY(pleat_cases_find(c, &cases));
    const pleat_status status = pleat_needs_count(c, &cases, engine, ranks, &n->of);
    pleat_cases_free(&cases);
    PLEAT_TRY(status);
    if (request->nodes * request->ranks_per_node > 1 && a->session->size == 1)
        n->of.own += MPI_BYTES;
    if (n->of.on_device || request->gpus > 0) n->of.own = fmax(n->of.own, CUDA_BYTES);
    n->allowed = pleat_host_memory_find().allowed;
    n->gpu_cases = n->of.store * (c->folds - 1) / c->folds;
    n->sent = c->deterministic && engine->ordered ? c->train.batch : 2;
    n->exchange = n->sent * n->of.weights * (ranks - 1) / ranks;
    (void)snprintf(n->counted, sizeof n->counted, "%s %s", engine->ops->name,
                   pleat_engine_precision(engine));
    return PLEAT_OK;
}

pleat_status plan_needs_find(const app *a, const plan_request *request, plan_needs *out) {
    const pleat_config *c = &request->config;
    const int folds = request->array ? 1 : pleat_config_folds(c);
    const int share = a->session->threads / request->ranks_per_node;
    plan_needs n = {.machine = a->session->threads, .cores = share > 1 ? share : 1};
    if (request->cpus > 0) n.cores = request->cpus;
    pleat_engine *own = NULL;
    PLEAT_TRY(pleat_plan_make(request->nodes * request->ranks_per_node, folds, c->ranks_per_fold,
                              c->train.batch, &n.layout));
    const pleat_engine *engine = counted_engine(request);
    if (engine == NULL) PLEAT_TRY(pleat_config_engine(c, n.cores, &own));
    if (engine == NULL) engine = own;
    pleat_status status = count_all(a, request, engine, &n);
    if (status == PLEAT_OK && request->past != NULL)
        status = time_by_past(request, &n);
    else if (status == PLEAT_OK && request->on != NULL)
        status = time_on(request, engine, &n);
    else if (status == PLEAT_OK && own != NULL && request->steps > 0)
        status = time_here(request, own, &n);
    pleat_engine_destroy(own);
    if (status == PLEAT_OK) *out = n;
    return status;
}

int plan_needs_rounds(const plan_needs *n) {
    const int groups = n->layout.groups < n->layout.folds ? n->layout.groups : n->layout.folds;
    return (n->layout.folds + groups - 1) / groups;
}

int plan_needs_fewest(const plan_needs *n) {
    const int rounds = plan_needs_rounds(n);
    return (n->layout.folds + rounds - 1) / rounds * n->layout.ranks_per_fold;
}

int plan_needs_more(const plan_needs *n) {
    const int less = plan_needs_rounds(n) - 1;
    return (n->layout.folds + less - 1) / less * n->layout.ranks_per_fold;
}

double plan_needs_seconds(const plan_needs *n, const pleat_config *c) {
    return plan_needs_rounds(n) * (c->train.epochs * n->epoch + n->prediction);
}
