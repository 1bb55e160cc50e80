/*
 * crossval.c - from a folder of volumes to one report.
 *
 * Every step that can fail on one rank alone ends in an agreement, so that all ranks go on or all
 * leave with that rank's message.
 */
#include "run_impl.h"

#include "pleat/comm_device.h"
#include "pleat/log.h"
#include "pleat/memory.h"
#include "pleat/plan.h"
#include "pleat/postprocessing.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_root(const pleat_crossval *cv) { return cv->session->rank == 0; }

static pleat_status look_around(pleat_crossval *cv) {
    const int folds = pleat_config_folds(&cv->config), only = cv->options->only_fold;
    PLEAT_CHECK(only < folds, PLEAT_ERR_ARG, "--fold %d: there are %d folds, 0 to %d", only, folds,
                folds - 1);
    return pleat_dataset_find(cv->session->world, &cv->config, cv->options->out, &cv->data);
}

/* Rank 0 writes the folder's records; the others read nothing before it has. */
static pleat_status open_run(pleat_crossval *cv) {
    char path[PLEAT_PATH_BYTES];
    if (!is_root(cv)) return PLEAT_OK;
    if (cv->options->only_fold < 0 && unlink(cv->stop_file) == 0)
        pleat_log(PLEAT_INFO, "'%s' was of the last start and is removed", cv->stop_file);
    PLEAT_TRY(pleat_record_restore(cv->options->out));
    PLEAT_TRY(pleat_record_config(cv));
    PLEAT_TRY(pleat_dataset_split(&cv->data, &cv->config, cv->options->out));
    PLEAT_TRY(pleat_record_check(cv));
    PLEAT_TRY(pleat_redo_look(cv));
    if (cv->extends == 0) PLEAT_TRY(pleat_record_start(cv)); /* else pleat_redo_clear does */
    pleat_begin_clear_store(cv);
    PLEAT_TRY(pleat_run_path(cv->options->out, PLEAT_RUN_SPLITS, path));
    if (!pleat_file_exists(path))
        PLEAT_TRY(pleat_folds_write(path, cv->data.cases.ids, &cv->data.folds));
    return PLEAT_OK;
}

static pleat_status make_engine(pleat_crossval *cv) {
    const pleat_config *c = &cv->config;
    PLEAT_TRY(pleat_config_engine(c, cv->session->threads, &cv->team.engine));
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int used = cv->session->threads * cv->session->local_size;
    if (is_root(cv) && c->threads == 0 && used < cores)
        pleat_log(
            PLEAT_INFO,
            "the %d rank%s of this machine may use %d of its %ld cores; mpirun --bind-to none "
            "gives them all",
            cv->session->local_size, pleat_plural(cv->session->local_size), used, cores);
    if (!is_root(cv)) /* rank 0 tells of all; this goes to the rank's own log */
        pleat_log(PLEAT_INFO, "rank %d on %s: %s %s on %s", cv->session->rank, cv->session->host,
                  cv->team.engine->ops->name, pleat_engine_precision(cv->team.engine),
                  cv->team.engine->device);
    return PLEAT_OK;
}

/* --- which folds ---------------------------------------------------------------------------- */

static pleat_status is_finished(const pleat_crossval *cv, int fold, int *out) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, path));
    *out = cv->options->out[0] != '\0' && pleat_file_exists(path);
    return PLEAT_OK;
}

/* todo[k]; rank 0 looks and tells the others. */
static pleat_status choose_folds(const pleat_crossval *cv, int *todo, int *n) {
    const int k = cv->data.folds.k, only = cv->options->only_fold;
    pleat_status status = PLEAT_OK;
    *n = 0;
    for (int fold = 0; is_root(cv) && fold < k && status == PLEAT_OK; fold++) {
        int finished = 0;
        if (only >= 0 && fold != only) continue;
        status = is_finished(cv, fold, &finished);
        if (finished && !cv->redo[fold])
            pleat_log(PLEAT_INFO, "fold=%d is finished, skipped", fold);
        else
            todo[(*n)++] = fold;
    }
    PLEAT_TRY(pleat_comm_agree(cv->session->world, status));
    PLEAT_TRY(pleat_comm_broadcast_bytes(cv->session->world, n, sizeof *n, 0));
    return pleat_comm_broadcast_bytes(cv->session->world, todo, (size_t)k * sizeof *todo, 0);
}

/* Collective: all ranks leave for the strongest reason that one of them has. */
static pleat_status leave_for(const pleat_crossval *cv, pleat_halt halt) {
    double wish[PLEAT_HALTS] = {0};
    wish[halt] = 1.0;
    PLEAT_TRY(pleat_comm_allreduce_sum(cv->session->world, wish, PLEAT_HALTS, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(cv->session->world));
    for (int why = 0; why < PLEAT_HALTS; why++)
        if (wish[why] > 0.0) halt = (pleat_halt)why;
    const pleat_status status = pleat_halt_status(halt);
    PLEAT_CHECK(status == PLEAT_OK, status,
                "%s: the run is checkpointed in '%s'; to resume, repeat the command: %s",
                pleat_halt_name(halt), cv->options->out, pleat_halt_command());
    return PLEAT_OK;
}

/* Before the store is made: ranks that cannot compute together shall not find out hours later. */
static pleat_status form_groups(pleat_crossval *cv, const pleat_plan *plan) {
    pleat_comm *world = cv->session->world;
    const int color = pleat_plan_group(plan, cv->session->rank);
    PLEAT_TRY(pleat_comm_split(world, color, cv->session->rank, &cv->team.group));
    return pleat_comm_agree(world, pleat_comm_device(cv->team.group, cv->team.engine,
                                                     cv->config.share_gpu, &cv->team.compute));
}

/* The log on stderr is that of rank 0, which knows one fold at a time. */
static void tell_logs(const pleat_crossval *cv, const pleat_plan *plan) {
    const int groups = plan->groups < plan->folds ? plan->groups : plan->folds;
    if (!is_root(cv) || groups < 2) return;
    pleat_log(PLEAT_INFO,
              "%d folds are trained at a time; this is the log of rank 0, those of the other ranks "
              "are in '%s/%s'",
              groups, cv->options->out, pleat_run_file_name(PLEAT_RUN_LOGS));
}

/* Collective: what any rank warned of is in the record. */
static pleat_status keep_warnings(const pleat_crossval *cv, int last) {
    PLEAT_TRY(pleat_comm_gather_warnings(cv->session->world));
    return pleat_comm_agree(cv->session->world,
                            is_root(cv) ? pleat_record_keep(cv, last) : PLEAT_OK);
}

static pleat_status run_folds(pleat_crossval *cv, const int *todo, int n) {
    PLEAT_TRY(pleat_queue_start(cv->session->world, cv->team.group, todo, n, &cv->team.queue));
    cv->trained = 1;
    char why[512] = ""; /* the first fold of this group that diverged; the others are trained */
    pleat_halt halt = PLEAT_HALT_NONE;
    while (halt == PLEAT_HALT_NONE) {
        int fold = -1;
        PLEAT_TRY(pleat_queue_next(cv->team.queue, &fold));
        if (fold < 0) break;
        const pleat_status status = pleat_fold_run(cv, fold, &halt);
        if (status != PLEAT_ERR_NUMERIC) PLEAT_TRY(status);
        if (status == PLEAT_ERR_NUMERIC && cv->team.group->rank == 0)
            pleat_warn("%s", pleat_error_message());
        if (status == PLEAT_ERR_NUMERIC && why[0] == '\0')
            (void)snprintf(why, sizeof why, "%s", pleat_error_message());
    }
    if (halt != PLEAT_HALT_NONE) PLEAT_TRY(pleat_queue_halt(cv->team.queue, halt));
    PLEAT_TRY(pleat_queue_finish(cv->team.queue)); /* every group has saved */
    PLEAT_TRY(keep_warnings(cv, 0));
    PLEAT_TRY(leave_for(cv, halt));
    const int here = why[0] != '\0' && cv->team.group->rank == 0;
    return pleat_comm_agree(cv->session->world,
                            here ? PLEAT_FAIL(PLEAT_ERR_NUMERIC, "%s", why) : PLEAT_OK);
}

/* Of rank 0: what does not fit into memory is refused before it swaps, or is killed. */
static pleat_status check_needs(const pleat_crossval *cv, const pleat_plan *plan) {
    pleat_needs needs;
    if (!is_root(cv)) return PLEAT_OK;
    PLEAT_TRY(pleat_needs_count(&cv->config, &cv->data.cases, cv->team.engine, plan->ranks_per_fold,
                                &needs));
    pleat_needs_warn(&needs, &cv->config);
    if (cv->options->dry_run) pleat_dry_run_needs(&needs);
    return pleat_needs_check(&needs, &cv->config, cv->session->local_size);
}

static pleat_status train_all(pleat_crossval *cv) {
    pleat_status status = PLEAT_OK;
    pleat_plan plan;
    int n = 0;
    int *todo = calloc((size_t)cv->data.folds.k, sizeof *todo);
    PLEAT_CHECK_GOTO(status, done, todo != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds",
                     cv->data.folds.k);
    PLEAT_TRY_GOTO(status, done, choose_folds(cv, todo, &n));
    if (n == 0 && cv->options->dry_run && is_root(cv)) pleat_text_print("all folds are finished\n");
    if (n == 0) PLEAT_TRY_GOTO(status, done, pleat_redo_clear(cv));
    if (n == 0) goto done;
    PLEAT_TRY_GOTO(status, done,
                   pleat_plan_make(cv->session->size,
                                   cv->options->only_fold < 0 ? cv->data.folds.k : 1,
                                   cv->config.ranks_per_fold, cv->config.train.batch, &plan));
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(cv->session->world, check_needs(cv, &plan)));
    pleat_plan_left(&plan, n);
    if (cv->options->dry_run) {
        if (is_root(cv)) pleat_plan_print(stdout, &plan, todo, NULL);
        goto done;
    }
    PLEAT_TRY_GOTO(status, done, form_groups(cv, &plan));
    PLEAT_TRY_GOTO(status, done, pleat_dataset_open(&cv->data, &cv->config, cv->session));
    PLEAT_TRY_GOTO(status, done,
                   pleat_store_channels(cv->data.store, &cv->config.network.channels));
    PLEAT_TRY_GOTO(status, done, keep_warnings(cv, 0));
    tell_logs(cv, &plan);
    PLEAT_TRY_GOTO(status, done, pleat_redo_clear(cv));
    PLEAT_TRY_GOTO(status, done, run_folds(cv, todo, n));
done:
    free(todo);
    return status;
}

/* --- the run -------------------------------------------------------------------------------- */

static void release(pleat_crossval *cv) {
    pleat_queue_free(cv->team.queue);
    pleat_comm_destroy(cv->team.compute);
    pleat_comm_destroy(cv->team.group);
    pleat_dataset_close(&cv->data);
    pleat_engine_destroy(cv->team.engine);
    pleat_lock_release(cv->fold_lock);
    pleat_lock_release(cv->lock);
    free(cv->redo);
    free(cv);
}

static pleat_status open_log(const pleat_crossval *cv) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_log(cv->options->out, cv->session->rank, path));
    return pleat_log_open(path, is_root(cv));
}

static pleat_status show_plan(pleat_crossval *cv) {
    pleat_status status = is_root(cv) ? pleat_record_config(cv) : PLEAT_OK;
    if (status == PLEAT_OK) status = pleat_dataset_split(&cv->data, &cv->config, cv->options->out);
    if (status == PLEAT_OK && is_root(cv)) status = pleat_record_check(cv);
    if (status == PLEAT_OK && is_root(cv)) status = pleat_redo_look(cv);
    if (status == PLEAT_OK && is_root(cv)) status = pleat_dry_run_look(cv);
    PLEAT_TRY(pleat_comm_agree(cv->session->world, status));
    return train_all(cv);
}

/* Of tasks that each run one fold, the last to end finds all scores there. */
static pleat_status report(const pleat_crossval *cv) {
    int missing = 0;
    for (int fold = 0; fold < cv->data.folds.k; fold++) {
        int finished = 0;
        PLEAT_TRY(is_finished(cv, fold, &finished));
        missing += !finished;
    }
    if (missing == 0) {
        pleat_record record;
        PLEAT_TRY(pleat_record_read(cv->options->out, &record));
        const pleat_report_options usual = {.verbose = cv->options->verbose, .drawn = &cv->config};
        return pleat_run_write_report(cv->options->out, &record, &cv->data.cases, &usual);
    }
    pleat_text_print(
        "%d of %d folds %s scores; the last one makes the report. Now: pleat report %s\n",
        cv->data.folds.k - missing, cv->data.folds.k,
        cv->data.folds.k - missing == 1 ? "has" : "have", cv->options->out);
    return PLEAT_OK;
}

/* Collective: by all ranks, where all folds have scores. */
static pleat_status choose_postprocessing(const pleat_crossval *cv) {
    pleat_comm *world = cv->session->world;
    const pleat_dataset *data = &cv->data;
    pleat_status status = PLEAT_OK;
    const int n = data->cases.n, all = n * data->folds.repeats; /* predictions */
    int missing = 0;
    pleat_map_pair *pairs = calloc((size_t)all, sizeof *pairs);
    if (pairs == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int fold = 0; is_root(cv) && fold < data->folds.k && status == PLEAT_OK; fold++) {
        int finished = 0;
        status = is_finished(cv, fold, &finished);
        missing += !finished;
    }
    for (int i = 0; i < all && status == PLEAT_OK; i++) {
        char folder[PLEAT_PATH_BYTES];
        (void)snprintf(pairs[i].id, sizeof pairs[i].id, "%s", data->cases.ids[i % n]);
        (void)snprintf(pairs[i].truth, sizeof pairs[i].truth, "%s", data->cases.paths[i % n].label);
        status = pleat_run_fold_path(cv->options->out, data->folds.fold_of[i],
                                     PLEAT_FOLD_PREDICTIONS, folder);
        if (status == PLEAT_OK)
            status = pleat_labels_path(folder, data->cases.ids[i % n], pairs[i].prediction);
    }
    status = pleat_comm_agree(world, status);
    if (status == PLEAT_OK) status = pleat_comm_broadcast_bytes(world, &missing, sizeof missing, 0);
    if (status == PLEAT_OK && missing == 0)
        status = pleat_postprocessing_choose(world, cv->options->out, &data->classes, pairs, all);
    free(pairs);
    return status;
}

/* Collective: what the largest rank took, which is what its machine must have for it. */
static pleat_status tell_peak(pleat_comm *world) {
    const double mine = pleat_memory_peak();
    void *all = NULL;
    size_t bytes = 0;
    double most = 0.0;
    char text[32];
    PLEAT_TRY(pleat_comm_gather(world, &mine, sizeof mine, 0, &all, &bytes));
    for (size_t i = 0; i < bytes / sizeof mine; i++) most = fmax(most, ((double *)all)[i]);
    free(all);
    if (world->rank == 0)
        pleat_log(PLEAT_INFO, "memory of a rank: %s at most", pleat_text_bytes(most, text));
    return PLEAT_OK;
}

static pleat_status run(pleat_crossval *cv) {
    pleat_comm *world = cv->session->world;
    PLEAT_TRY(pleat_comm_agree(world, open_log(cv)));
    pleat_warn_to_file(); /* of the data, from before there was a folder */
    PLEAT_TRY(pleat_comm_agree(world, make_engine(cv)));
    PLEAT_TRY(pleat_comm_agree(world, open_run(cv)));
    if (!is_root(cv)) PLEAT_TRY(pleat_dataset_split(&cv->data, &cv->config, cv->options->out));
    PLEAT_TRY(pleat_comm_agree(world, pleat_startup_log(cv)));
    PLEAT_TRY(pleat_monitor_open(world, cv->options->out, cv->data.folds.k, cv->options->only_fold,
                                 cv->config.progress, &cv->monitor));
    PLEAT_TRY(train_all(cv));
    PLEAT_TRY(tell_peak(world));
    PLEAT_TRY(keep_warnings(cv, 1));
    if (cv->options->train_only) return PLEAT_OK;
    PLEAT_TRY(choose_postprocessing(cv));
    return pleat_comm_agree(world, is_root(cv) ? report(cv) : PLEAT_OK);
}

pleat_status pleat_crossval_run(pleat_session *session, const pleat_config *config,
                                const pleat_run_options *options) {
    pleat_crossval *cv = calloc(1, sizeof *cv);
    PLEAT_CHECK(cv != NULL, PLEAT_ERR_MEMORY, "no memory for a run");
    pleat_warn_forget(); /* of the run before, in an ablation */
    cv->session = session;
    cv->config = *config;
    cv->options = options;
    if (!options->dry_run) {
        pleat_halt_catch();
        pleat_halt_after_job();
        pleat_halt_pace("step", 0.0);
        if (options->max_time > 0.0) pleat_halt_after(PLEAT_HALT_TIME, options->max_time);
    }
    /* Rank 0's word counts: other machines may have another file, or no PLEAT_* variables. */
    pleat_status status =
        pleat_comm_broadcast_bytes(session->world, &cv->config, sizeof cv->config, 0);
    if (status == PLEAT_OK) status = look_around(cv);
    if (status == PLEAT_OK) status = pleat_begin_look(cv);
    status = pleat_comm_agree(session->world, status);
    if (status == PLEAT_OK) status = pleat_begin_check(cv);
    if (status == PLEAT_OK && !options->dry_run) status = pleat_begin_enter(cv);
    status = pleat_comm_agree(session->world, status);
    if (status == PLEAT_OK) status = options->dry_run ? show_plan(cv) : run(cv);
    pleat_monitor_close(cv->monitor, status);
    if (status != PLEAT_OK) pleat_begin_undo(cv, status);
    release(cv);
    return status;
}
