/* train_state.c - what a fold's training keeps: checkpoints, histories, and how it goes on. */
#include "train_impl.h"

#include "pleat/log.h"
#include "pleat/networks.h"
#include "pleat/provenance.h"
#include "pleat/rundir.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PLEAT_MOST_METRICS + 1 <= PLEAT_PARTIAL_COLUMNS, "partial columns");

/* "loss,dice_soft" */
static void metric_names(const pleat_loss *loss, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int m = 0; m < loss->n_metrics && used < size; m++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", m > 0 ? "," : "", loss->metrics[m]);
}

/* [epoch, columns], to be freed; NULL: no memory. */
static double *pack_history(const train_run *r) {
    const int metrics = r->loss->n_metrics;
    const size_t width = 2 * (size_t)metrics + 2;
    double *history = malloc(((size_t)r->progress.epoch + 1) * width * sizeof *history);
    for (int e = 0; history != NULL && e < r->progress.epoch; e++)
        pleat_epoch_pack(&r->progress.rows[e], metrics, history + (size_t)e * width);
    return history;
}

/* Parameters and statistics of the model that predicts: without an average, with one. */
static const pleat_state models[][2] = {{PLEAT_STATE_PARAMS, PLEAT_STATE_STATS},
                                        {PLEAT_STATE_AVERAGE, PLEAT_STATE_AVERAGE_STATS}};

static pleat_status write_checkpoint(train_run *r, pleat_fold_file file, int model_only) {
    char path[PLEAT_PATH_BYTES];
    const pleat_state *model = models[train_averages(r)];
    PLEAT_TRY(pleat_fold_path(r->config->folder, file, path));
    pleat_checkpoint c = *r->config->described;
    c.fold = r->config->fold;
    c.seed = r->config->seed;
    c.epoch = r->progress.epoch;
    c.finished = r->progress.finished;
    c.step = r->progress.step;
    c.iteration = r->progress.iteration;
    memcpy(c.partial, r->progress.partial, (size_t)r->loss->n_metrics * sizeof *c.partial);
    c.partial[r->loss->n_metrics] = r->progress.seconds;
    metric_names(r->loss, c.metrics, sizeof c.metrics);
    pleat_schedule_save(&r->progress.schedule, c.schedule);
    c.n_params = pleat_model_count(r->model, PLEAT_STATE_PARAMS);
    c.n_stats = pleat_model_count(r->model, PLEAT_STATE_STATS);
    c.params = r->host[model[0]];
    c.stats = r->host[model[1]];
    if (train_averages(r) && !model_only) {
        c.raw_params = r->host[PLEAT_STATE_PARAMS];
        c.raw_stats = r->host[PLEAT_STATE_STATS];
    }
    c.learnt = r->learnt;
    c.moment1 = model_only ? NULL : r->host[PLEAT_STATE_MOMENT1];
    c.moment2 = model_only ? NULL : r->host[PLEAT_STATE_MOMENT2];
    c.moment2_max = model_only ? NULL : r->host[PLEAT_STATE_MOMENT2_MAX];
    c.history = pack_history(r);
    PLEAT_CHECK(c.history != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    const pleat_status status = pleat_checkpoint_write(path, &c, !model_only);
    free(c.history);
    return status;
}

/* An epoch's last step can spoil the model without a loss that shows it. */
static pleat_status check_finite(const train_run *r) {
    static const pleat_state states[] = {PLEAT_STATE_PARAMS, PLEAT_STATE_STATS, PLEAT_STATE_AVERAGE,
                                         PLEAT_STATE_AVERAGE_STATS};
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        const size_t n = pleat_model_count(r->model, states[s]);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(r->host[states[s]][i]))
                return train_diverged(r, "the model is not finite after", r->progress.epoch);
    }
    return PLEAT_OK;
}

/* Group rank 0 writes; all ranks learn whether it could. */
pleat_status train_state_save(train_run *r, int best) {
    pleat_status status = PLEAT_OK;
    if (train_is_root(r)) {
        for (int s = 0; s < PLEAT_STATES && status == PLEAT_OK; s++)
            if (r->host[s] != NULL) status = pleat_model_get(r->model, (pleat_state)s, r->host[s]);
        if (status == PLEAT_OK) status = check_finite(r);
        if (status == PLEAT_OK && best) status = write_checkpoint(r, PLEAT_FOLD_BEST, 1);
        if (status == PLEAT_OK) status = write_checkpoint(r, PLEAT_FOLD_LATEST, 0);
        if (status == PLEAT_OK)
            status = pleat_history_write(r->config->folder, r->loss, r->progress.rows,
                                         r->progress.epoch);
    }
    return pleat_comm_agree(r->group, status);
}

/* Of networks that differ in nothing but the channels of their images, the channels. */
static pleat_status check_channels(const train_run *r, const pleat_checkpoint *c,
                                   const char *path) {
    pleat_network here, there;
    char text[sizeof c->network];
    if (pleat_network_parse(c->network, &there) != PLEAT_OK ||
        pleat_network_parse(r->config->described->network, &here) != PLEAT_OK)
        return PLEAT_OK; /* the caller compares the texts */
    const int channels = there.channels;
    there.channels = here.channels;
    pleat_network_text(&there, text, sizeof text);
    PLEAT_CHECK(channels == here.channels || strcmp(text, r->config->described->network) != 0,
                PLEAT_ERR_DATA,
                "'%s' is of images of %d channel%s, the data has %d: one network cannot take both; "
                "set data: back to what the run has begun with, or use another --out folder",
                path, channels, pleat_plural(channels), here.channels);
    return PLEAT_OK;
}

/* The cases it was trained on are those of now; older files do not say. */
static pleat_status check_cases(const train_run *r, const pleat_checkpoint *c, const char *path) {
    pleat_provenance was = {0}, is = {0};
    if (c->cases == NULL || r->config->described->cases == NULL) return PLEAT_OK;
    pleat_status status = pleat_provenance_parse(c->cases, path, &was);
    if (status == PLEAT_OK)
        status = pleat_provenance_parse(r->config->described->cases, r->config->folder, &is);
    if (status == PLEAT_OK) status = pleat_provenance_compare(&was, path, &is);
    pleat_provenance_free(&was);
    pleat_provenance_free(&is);
    return status;
}

static pleat_status check_fits(const train_run *r, const pleat_checkpoint *c, const char *path) {
    PLEAT_TRY(check_channels(r, c, path));
    PLEAT_CHECK(c->n_params == pleat_model_count(r->model, PLEAT_STATE_PARAMS) &&
                    strcmp(c->network, r->config->described->network) == 0,
                PLEAT_ERR_DATA,
                "'%s' holds another network than the configuration's; use another --out folder",
                path);
    PLEAT_CHECK(c->fold == r->config->fold && c->seed == r->config->seed, PLEAT_ERR_DATA,
                "'%s' is of fold %d and seed %llu, not of fold %d and seed %llu", path, c->fold,
                (unsigned long long)c->seed, r->config->fold, (unsigned long long)r->config->seed);
    char metrics[sizeof c->metrics];
    metric_names(r->loss, metrics, sizeof metrics);
    PLEAT_CHECK(c->metrics[0] == '\0' ? r->loss == pleat_losses[0]
                                      : strcmp(c->metrics, metrics) == 0,
                PLEAT_ERR_DATA, "'%s' was trained by another loss than '%s'", path, r->loss->name);
    PLEAT_CHECK(c->moment1 != NULL && c->moment2 != NULL, PLEAT_ERR_FORMAT,
                "'%s' holds a model only; it cannot be trained on", path);
    PLEAT_CHECK((c->raw_params != NULL) == train_averages(r), PLEAT_ERR_DATA,
                "'%s' was trained with%s an average of the weights; set train.average as it was",
                path, c->raw_params != NULL ? "" : "out");
    PLEAT_CHECK((c->moment2_max != NULL) == train_amsgrad(r), PLEAT_ERR_DATA,
                "'%s' was trained with%s amsgrad; set train.amsgrad as it was", path,
                c->moment2_max != NULL ? "" : "out");
    return check_cases(r, c, path);
}

static pleat_status take_over_model(train_run *r, const pleat_checkpoint *c) {
    if (train_averages(r)) {
        PLEAT_TRY(pleat_model_begin_average(r->model));
        PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_AVERAGE, c->params));
        PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_AVERAGE_STATS, c->stats));
        PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_PARAMS, c->raw_params));
        return pleat_model_set(r->model, PLEAT_STATE_STATS, c->raw_stats);
    }
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_PARAMS, c->params));
    return pleat_model_set(r->model, PLEAT_STATE_STATS, c->stats);
}

/* A schedule over all epochs is another one when there are more. */
static int goes_by_epochs(const train_run *r) {
    return r->progress.epoch > 0 && pleat_schedules[r->config->settings.schedule]->reduce == NULL;
}

/* A fold that was stopped before its end, and has another number of epochs now. */
static int has_jumped(const train_run *r) {
    const int last = r->progress.epoch - 1;
    if (!goes_by_epochs(r)) return 0;
    const double was = r->progress.rows[last].lr; /* perhaps by another machine's pow */
    return fabs(pleat_schedule_rate(&r->progress.schedule, last) - was) > 1e-9 * was;
}

static void tell_extension(const train_run *r) {
    const int epoch = r->progress.epoch;
    if (!train_is_root(r)) return;
    pleat_log(PLEAT_INFO, "fold=%d was trained for %d epoch%s and continues to %d", r->config->fold,
              epoch, pleat_plural(epoch), r->config->settings.epochs);
    if (goes_by_epochs(r))
        pleat_warn("train.schedule: %s goes by train.epochs, which is now %d: after epoch %d the "
                   "learning rate goes from %.3g to %.3g, and the result is not that of %d epochs "
                   "from the start",
                   pleat_schedules[r->config->settings.schedule]->name, r->config->settings.epochs,
                   epoch, r->progress.rows[epoch - 1].lr,
                   pleat_schedule_rate(&r->progress.schedule, epoch), r->config->settings.epochs);
}

static pleat_status take_over(train_run *r, const pleat_checkpoint *c) {
    PLEAT_TRY(take_over_model(r, c));
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_MOMENT1, c->moment1));
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_MOMENT2, c->moment2));
    if (train_amsgrad(r)) {
        PLEAT_TRY(pleat_model_begin_amsgrad(r->model));
        PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_MOMENT2_MAX, c->moment2_max));
    }
    pleat_schedule_load(&r->progress.schedule, c->schedule);
    const int rows = c->epoch < r->config->settings.epochs ? c->epoch : r->config->settings.epochs;
    for (int e = 0; e < rows; e++)
        pleat_epoch_unpack(c->history + (size_t)e * (size_t)pleat_checkpoint_columns(c),
                           r->loss->n_metrics, &r->progress.rows[e]);
    r->progress.step = c->step;
    r->progress.epoch = rows;
    r->progress.finished = (c->finished && pleat_schedule_stopped(&r->progress.schedule)) ||
                           r->progress.epoch >= r->config->settings.epochs;
    if (r->progress.finished) return PLEAT_OK;
    if (c->finished || has_jumped(r)) tell_extension(r);
    PLEAT_CHECK(c->iteration <= r->config->settings.iterations, PLEAT_ERR_DATA,
                "the checkpoint in '%s' has made %d steps of an epoch of %d; was train.iterations "
                "changed?",
                r->config->folder, c->iteration, r->config->settings.iterations);
    r->progress.iteration = c->iteration;
    memcpy(r->progress.partial, c->partial, (size_t)r->loss->n_metrics * sizeof *c->partial);
    r->progress.seconds = c->partial[r->loss->n_metrics];
    return PLEAT_OK;
}

/* A damaged file must not take the place of the whole one before it when the next is written. */
static pleat_status set_aside(const char *path) {
    char aside[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(aside, sizeof aside, "%s.damaged", path));
    PLEAT_CHECK(rename(path, aside) == 0 || errno == ENOENT, PLEAT_ERR_IO,
                "cannot rename '%s' to '%s': %s", path, aside, strerror(errno));
    return PLEAT_OK;
}

/* Stays in the fold's folder, so that whoever ends the run, perhaps a later start, can say it. */
static pleat_status note_fallback(const train_run *r, const char *path) {
    char note[PLEAT_PATH_BYTES], text[PLEAT_PATH_BYTES + 128], stamp[32];
    PLEAT_TRY(pleat_fold_path(r->config->folder, PLEAT_FOLD_FELL_BACK, note));
    pleat_time_text(stamp);
    (void)snprintf(text, sizeof text,
                   "%s epoch %d, step %d of the next: '%s' was damaged or missing\n", stamp,
                   r->progress.epoch, r->progress.iteration, path);
    return pleat_file_write_atomic(note, text, strlen(text));
}

/* A checkpoint is written before its row of the history; one of fewer epochs was put back. */
static void tell_older(const train_run *r, const char *path) {
    char history[PLEAT_PATH_BYTES], *text = NULL;
    int rows = -1; /* less the line of names */
    if (pleat_fold_path(r->config->folder, PLEAT_FOLD_HISTORY, history) != PLEAT_OK ||
        pleat_file_read_all(history, &text, NULL) != PLEAT_OK)
        return;
    for (const char *at = text; *at != '\0'; at++) rows += *at == '\n';
    free(text);
    if (rows > r->progress.epoch)
        pleat_warn("fold=%d resumes after epoch %d, where '%s' has %d: '%s' is an older one that "
                   "was put back, and the epochs after it are trained again",
                   r->config->fold, r->progress.epoch, history, rows, path);
}

/* The root's: what it went on from is written down before anything is trained on it. */
static pleat_status record_restart(const train_run *r, const char *path, int fell_back) {
    char step[32] = "";
    if (fell_back) PLEAT_TRY(note_fallback(r, path));
    if (fell_back) PLEAT_TRY(set_aside(path));
    if (!fell_back) tell_older(r, path);
    /* A run may have been killed after its checkpoint and before its history. */
    PLEAT_TRY(pleat_history_write(r->config->folder, r->loss, r->progress.rows, r->progress.epoch));
    if (r->progress.iteration > 0)
        (void)snprintf(step, sizeof step, ", step %d", r->progress.iteration);
    pleat_log(
        PLEAT_INFO, "fold=%d resumes after epoch %d%s%s", r->config->fold, r->progress.epoch, step,
        fell_back ? "; the latest checkpoint is damaged or missing, the one before it was taken"
                  : "");
    return PLEAT_OK;
}

/* *c of the root becomes that of every rank; collective. */
static pleat_status share(pleat_comm *group, pleat_checkpoint *c) {
    pleat_checkpoint all = *c;
    PLEAT_TRY(pleat_comm_broadcast_bytes(group, &all, sizeof all, 0));
    const size_t floats = all.n_params * sizeof(float), stats = all.n_stats * sizeof(float);
    const struct {
        float **to;
        size_t bytes;
    } reals[] = {{&c->params, floats},
                 {&c->moment1, floats},
                 {&c->moment2, floats},
                 {&c->stats, stats},
                 {&c->raw_params, all.raw_params != NULL ? floats : 0},
                 {&c->raw_stats, all.raw_params != NULL ? stats : 0},
                 {&c->moment2_max, all.moment2_max != NULL ? floats : 0}};
    const size_t rows = (size_t)all.epoch * (size_t)pleat_checkpoint_columns(&all);
    int enough = 1;
    if (group->rank != 0) {
        *c = all;
        c->layers = NULL;
        c->cases = NULL; /* the root has compared them, and writes them */
        c->learnt = (pleat_learnt){0};
        for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
            *reals[i].to = malloc(reals[i].bytes + 1);
            enough = enough && *reals[i].to != NULL;
        }
        c->history = malloc(rows * sizeof *c->history + 1);
        enough = enough && c->history != NULL;
    }
    PLEAT_TRY(pleat_comm_agree(group, enough ? PLEAT_OK
                                             : PLEAT_FAIL(PLEAT_ERR_MEMORY,
                                                          "no memory for the checkpoint of fold %d",
                                                          all.fold)));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        PLEAT_TRY(pleat_comm_broadcast_bytes(group, *reals[i].to, reals[i].bytes, 0));
    return pleat_comm_broadcast_bytes(group, c->history, rows * sizeof *c->history, 0);
}

/* One rank reads, for all: two that read by themselves could find different files whole, and would
 * then train different models as one. Nothing there is a fresh start. */
pleat_status train_state_restore(train_run *r) {
    enum { FOUND, FELL_BACK, FLAGS };
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int flags[FLAGS] = {0};
    pleat_status status = pleat_fold_path(r->config->folder, PLEAT_FOLD_LATEST, path);
    if (status == PLEAT_OK && train_is_root(r)) {
        status = pleat_checkpoint_resume(path, &c, &flags[FELL_BACK]);
        flags[FOUND] = status == PLEAT_OK;
        if (status == PLEAT_OK) status = check_fits(r, &c, path);
        if (status == PLEAT_ERR_NOT_FOUND) status = PLEAT_OK;
    }
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(r->group, status));
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(r->group, flags, sizeof flags, 0));
    if (!flags[FOUND]) {
        status = pleat_model_init(r->model, r->config->seed, r->config->fold);
        if (status == PLEAT_OK && r->config->from != NULL && r->config->from[0] != '\0')
            status = train_begin_from(r);
        if (status == PLEAT_OK && train_amsgrad(r)) status = pleat_model_begin_amsgrad(r->model);
        if (status == PLEAT_OK && train_averages(r)) status = pleat_model_begin_average(r->model);
        goto done;
    }
    PLEAT_TRY_GOTO(status, done, share(r->group, &c));
    PLEAT_TRY_GOTO(status, done, take_over(r, &c));
    r->learnt = c.learnt; /* ownership moves */
    c.learnt = (pleat_learnt){0};
    if (train_is_root(r)) status = record_restart(r, path, flags[FELL_BACK]);
done:
    pleat_checkpoint_free(&c);
    return pleat_comm_agree(r->group, status);
}

pleat_status train_state_open(train_run *r) {
    const pleat_train_config *c = r->config;
    pleat_schedule_config schedule = c->settings.rates;
    schedule.kind = pleat_schedules[c->settings.schedule];
    schedule.epochs = c->settings.epochs;
    r->progress.schedule = pleat_schedule_init(&schedule, c->settings.lr);
    r->progress.rows = calloc((size_t)c->settings.epochs, sizeof *r->progress.rows);
    int enough = r->progress.rows != NULL;
    for (int s = 0; s < PLEAT_STATES; s++) {
        if (s == PLEAT_STATE_GRADS || (s != PLEAT_STATE_STATS && !train_is_root(r))) continue;
        const int small = s == PLEAT_STATE_STATS || s == PLEAT_STATE_AVERAGE_STATS;
        const int of_average = s == PLEAT_STATE_AVERAGE || s == PLEAT_STATE_AVERAGE_STATS;
        if (of_average && !train_averages(r)) continue;
        if (s == PLEAT_STATE_MOMENT2_MAX && !train_amsgrad(r)) continue;
        const pleat_state like = small ? PLEAT_STATE_STATS : PLEAT_STATE_PARAMS;
        r->host[s] = malloc((pleat_model_count(r->model, like) + 1) * sizeof(float));
        enough = enough && r->host[s] != NULL;
    }
    PLEAT_CHECK(enough, PLEAT_ERR_MEMORY, "no memory for the checkpoints of fold %d", c->fold);
    return PLEAT_OK;
}

void train_state_close(train_run *r) {
    free(r->progress.rows);
    pleat_learnt_free(&r->learnt);
    for (int s = 0; s < PLEAT_STATES; s++) free(r->host[s]);
}

pleat_status pleat_train_finished(const char *folder, int *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back = 0;
    *out = 0;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_LATEST, path));
    const pleat_status status = pleat_checkpoint_resume(path, &c, &fell_back);
    if (status == PLEAT_ERR_NOT_FOUND) return PLEAT_OK;
    if (status == PLEAT_OK) *out = c.finished && !fell_back;
    pleat_checkpoint_free(&c);
    return status;
}

pleat_status pleat_train_can_go_on(const char *folder, const pleat_schedule_config *rates,
                                   int *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back = 0;
    *out = 0;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_LATEST, path));
    PLEAT_TRY(pleat_checkpoint_resume(path, &c, &fell_back));
    pleat_schedule schedule = pleat_schedule_init(rates, 0.0);
    pleat_schedule_load(&schedule, c.schedule);
    *out = !pleat_schedule_stopped(&schedule);
    pleat_checkpoint_free(&c);
    return PLEAT_OK;
}
