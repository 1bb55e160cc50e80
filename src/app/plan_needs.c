/* plan_needs.c - memory and disk are counted, time is measured here or taken from a run. */
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

#include <stdlib.h>
#include <string.h>

/* --- the network, measured -------------------------------------------------------------------- */

static pleat_status time_network(const plan_request *request, pleat_engine *engine, plan_needs *n) {
    const pleat_config *c = &request->config;
    const int batch = c->train.batch / n->layout.ranks_per_fold;
    trial_result trial;
    PLEAT_TRY(trial_run(c, engine, n->of.channels, batch, request->steps, &trial));
    n->forward = trial.seconds / batch / 3; /* backward costs twice the forward pass */
    n->epoch = c->train.iterations * trial.seconds;
    (void)snprintf(n->timed, sizeof n->timed,
                   "measured here by %d steps of one rank, %.3g s each: %s %s on %s",
                   request->steps, trial.seconds, engine->ops->name,
                   pleat_precision_name(engine->precision), engine->device);
    n->timed_on_gpu = trial_on_gpu(engine->ops->name);
    return PLEAT_OK;
}

/* Counted first: what does not fit is not tried. */
static pleat_status count_and_time(const app *a, const plan_request *request, plan_needs *n) {
    const pleat_config *c = &request->config;
    pleat_cases cases;
    pleat_engine *engine = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_cases_find(c, &cases));
    PLEAT_TRY_GOTO(status, done, pleat_config_engine(c, a->session->threads, &engine));
    PLEAT_TRY_GOTO(status, done,
                   pleat_needs_count(c, &cases, engine, n->layout.ranks_per_fold, &n->of));
    const pleat_host_memory memory = pleat_host_memory_find();
    n->allowed = memory.allowed;
    n->resident =
        n->of.store <= pleat_host_memory_for_store(&memory, c->host_memory) ? n->of.store : 0.0;
    n->gpu_cases = n->of.store * (c->folds - 1) / c->folds;
    (void)snprintf(n->counted, sizeof n->counted, "%s %s", engine->ops->name,
                   pleat_precision_name(engine->precision));
    if (request->past != NULL || request->steps == 0) goto done;
    PLEAT_TRY_GOTO(status, done, pleat_needs_check(&n->of, c, engine, 1));
    PLEAT_TRY_GOTO(status, done, time_network(request, engine, n));
done:
    pleat_engine_destroy(engine);
    pleat_cases_free(&cases);
    return status;
}

/* --- a run of the past ------------------------------------------------------------------------ */

/* The median of the epochs' seconds over all folds that were begun. */
static pleat_status read_past(const plan_request *request, plan_needs *n) {
    pleat_record record;
    pleat_status status = PLEAT_OK;
    double *seconds = NULL;
    size_t count = 0;
    PLEAT_TRY(pleat_record_read(request->past, &record));
    for (int fold = 0; fold < record.folds && status == PLEAT_OK; fold++) {
        char path[PLEAT_PATH_BYTES];
        pleat_checkpoint c = {0};
        int fell_back;
        PLEAT_TRY_GOTO(status, done,
                       pleat_run_fold_path(request->past, fold, PLEAT_FOLD_LATEST, path));
        if (!pleat_file_exists(path)) continue;
        PLEAT_TRY_GOTO(status, done, pleat_checkpoint_resume(path, &c, &fell_back));
        double *more = realloc(seconds, (count + (size_t)c.epoch + 1) * sizeof *seconds);
        if (more != NULL) seconds = more;
        const size_t columns = (size_t)pleat_checkpoint_columns(&c);
        for (size_t e = 1; e <= (size_t)c.epoch && more != NULL; e++)
            seconds[count++] = c.history[e * columns - 1]; /* the last column */
        pleat_checkpoint_free(&c);
    }
    PLEAT_CHECK_GOTO(status, done, count > 0, PLEAT_ERR_NOT_FOUND,
                     "no fold of '%s' has finished an epoch", request->past);
    pleat_sort(seconds, count);
    n->epoch = seconds[count / 2];
    (void)snprintf(n->timed, sizeof n->timed,
                   "the median of %zu epoch%s of '%s': %d rank%s, %s %s on %s", count,
                   pleat_plural((long long)count), request->past, record.ranks,
                   pleat_plural(record.ranks), record.engine, record.precision, record.device);
    n->timed_on_gpu = trial_on_gpu(record.engine);
done:
    free(seconds);
    return status;
}

/* --- together --------------------------------------------------------------------------------- */

pleat_status plan_needs_find(const app *a, const plan_request *request, plan_needs *out) {
    const pleat_config *c = &request->config;
    plan_needs n = {.of = {.cases = 0}};
    PLEAT_TRY(pleat_plan_make(request->nodes * request->ranks_per_node, pleat_config_folds(c),
                              c->ranks_per_fold, c->train.batch, &n.layout));
    PLEAT_TRY(count_and_time(a, request, &n));
    if (request->past != NULL) PLEAT_TRY(read_past(request, &n));
    *out = n;
    return PLEAT_OK;
}

double plan_needs_rank(const plan_needs *n) {
    const double training = n->of.model + n->of.arena + n->of.batches;
    const double predicting = n->of.model / 4 + n->of.arena / 2 + n->of.prediction;
    return training > predicting ? training : predicting;
}

double plan_needs_node(const plan_needs *n, int per_node) {
    return per_node * plan_needs_rank(n) + n->resident;
}

double plan_needs_gpu(const plan_needs *n) { return n->of.model + n->of.arena; }

double plan_needs_disk(const plan_needs *n) { return pleat_needs_disk(&n->of); }

double plan_needs_seconds(const plan_needs *n, const pleat_config *c) {
    const int groups = n->layout.groups < n->layout.folds ? n->layout.groups : n->layout.folds;
    const int rounds = (n->layout.folds + groups - 1) / groups;
    const double views = (double)n->of.patches * pleat_mirror_ways(pleat_config_mirror(c));
    const double prediction = views * n->forward / c->folds / n->layout.ranks_per_fold;
    return rounds * (c->train.epochs * n->epoch + prediction);
}
