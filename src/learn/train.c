/*
 * train.c - the epochs of one fold.
 *
 *   restore or initialise
 *   for each epoch:  steps: feed -> net forward, backward, all-reduce -> Adam -> tally
 *                    validation patches, shared out over the ranks
 *                    schedule, files
 */
#include "pleat/train.h"

#include "pleat/batch_source.h"
#include "pleat/log.h"
#include "pleat/rundir.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS = 4 }; /* loss, tversky, dice_soft, dice_crossentropy */
_Static_assert(METRICS + 1 <= PLEAT_PARTIAL_COLUMNS, "partial columns");

typedef struct run {
    const pleat_train_config *config;
    const pleat_train_data *data;
    const pleat_train_hooks *hooks;
    pleat_model *model;
    pleat_comm *group;
    pleat_comm *compute; /* the group's for what the engine computes */
    pleat_net *net;
    pleat_batch_source *feed;
    pleat_schedule schedule;
    int batch; /* of this rank */
    size_t voxels;
    int classes;
    int64_t step;               /* Adam updates made */
    int epoch;                  /* finished */
    int iteration;              /* steps made of the epoch under way */
    double partial[METRICS];    /* the sum of what they logged */
    double seconds;             /* they took */
    int finished;               /* ended by itself */
    pleat_halt halt;            /* agreed on */
    double looked_s, reserve_s; /* of the last look for a halt; the longest time between two */
    double step_s;              /* the longest step of late; < 0 none yet */
    pleat_epoch *rows;          /* [epochs] */
    double *tally;              /* of a step: [PLEAT_HALTS] wishes, [global batch][3K+1] sums */
    double *val;                /* [validation samples][METRICS] */
    double *sums;               /* of one batch */
    float *images;              /* [batch, patch], for validation */
    uint8_t *labels;
    int (*dims)[3];            /* [n_validation] */
    float *host[PLEAT_STATES]; /* for checkpoints; group rank 0 writes */
} run;

static int is_root(const run *r) { return r->group->rank == 0; }

static double rate_of(const run *r) {
    const pleat_train_config *c = r->config;
    if (!c->poly) return r->schedule.rate;
    return c->lr * pow(1.0 - (double)r->epoch / c->epochs, 0.9);
}

/* Adds a batch's means times `weight`. */
static void add_metrics(double metrics[METRICS], const pleat_loss_values *v, double weight) {
    metrics[0] += weight * v->loss;
    metrics[1] += weight * v->tversky;
    metrics[2] += weight * v->dice_soft;
    metrics[3] += weight * v->dice_crossentropy;
}

/* --- one epoch ------------------------------------------------------------------------------ */

static pleat_status diverged(const run *r, const char *what, int epoch) {
    return PLEAT_FAIL(PLEAT_ERR_NUMERIC,
                      "fold %d diverged: %s epoch %d; the last good checkpoint is kept in '%s'. "
                      "Lower train.lr",
                      r->config->fold, what, epoch, r->config->folder);
}

/* Collective, one small all-reduce: adds the step's metrics and finds the strongest wish to halt of
 * any rank. Where a rank has nothing to say it adds zero, so the samples' sums arrive as they are,
 * and the metrics do not depend on who computed which sample. */
static pleat_status take_tally(run *r, pleat_halt *halt) {
    const double now = pleat_now();
    const size_t share = (size_t)r->batch * (3 * (size_t)r->classes + 1);
    const size_t all = share * (size_t)r->group->size;
    double *wish = r->tally, *sums = wish + PLEAT_HALTS;
    pleat_loss_values values;
    if (r->looked_s > 0.0) r->reserve_s = fmax(r->reserve_s, now - r->looked_s);
    r->looked_s = now;
    memset(r->tally, 0, (PLEAT_HALTS + all) * sizeof *r->tally);
    memcpy(sums + share * (size_t)r->group->rank, r->sums, share * sizeof *sums);
    wish[pleat_halt_look(r->reserve_s)] = 1.0;
    PLEAT_TRY(pleat_comm_allreduce_sum(r->group, r->tally, PLEAT_HALTS + all, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(r->group));
    pleat_loss_from_sums(sums, r->config->batch, r->voxels, r->classes, &values);
    if (!isfinite(values.loss)) {
        char what[64];
        (void)snprintf(what, sizeof what, "the loss is not finite at step %d of", r->iteration);
        return diverged(r, what, r->epoch + 1);
    }
    add_metrics(r->partial, &values, 1.0 / r->config->iterations);
    *halt = PLEAT_HALT_NONE;
    for (int why = 0; why < PLEAT_HALTS; why++)
        if (wish[why] > 0.0) *halt = (pleat_halt)why;
    return PLEAT_OK;
}

/* What the group's messages say, should it wait. step 0: in none. */
static void note_place(const run *r, const char *doing, int step) {
    char where[64], number[16] = "";
    if (step > 0) (void)snprintf(number, sizeof number, " %d", step);
    (void)snprintf(where, sizeof where, "fold %d epoch %d/%d %s%s", r->config->fold, r->epoch + 1,
                   r->config->epochs, doing, number);
    pleat_comm_note(r->group, where, r->step_s);
    pleat_comm_note(r->compute, where, r->step_s);
}

static pleat_status train_step(run *r, pleat_halt *halt) {
    const double start = pleat_now();
    note_place(r, "step", r->iteration + 1);
    const float *images = NULL;
    const uint8_t *labels = NULL;
    PLEAT_TRY(pleat_batch_source_next(r->feed, &images, &labels));
    PLEAT_TRY(pleat_net_queue(r->net, images, labels, r->config->batch, r->compute));
    const pleat_adam adam = {rate_of(r), 0.9, 0.999, 1e-7, ++r->step};
    PLEAT_TRY(pleat_model_adam(r->model, &adam));
    PLEAT_TRY(pleat_batch_source_ahead(r->feed));
    PLEAT_TRY(pleat_net_finish(r->net, r->compute, r->sums));
    r->iteration++;
    if (is_root(r)) {
        char what[48];
        (void)snprintf(what, sizeof what, "fold %d epoch %d/%d", r->config->fold, r->epoch + 1,
                       r->config->epochs);
        pleat_bar(what, (size_t)r->iteration, (size_t)r->config->iterations);
    }
    if (r->hooks != NULL && r->hooks->step != NULL) r->hooks->step(r->hooks->context);
    PLEAT_TRY(take_tally(r, halt));
    r->step_s = fmax(pleat_now() - start, 0.9 * r->step_s);
    return PLEAT_OK;
}

/* Validation patch `sample`, into place k of the batch. */
static pleat_status validation_patch(run *r, int sample, int k) {
    const pleat_train_config *c = r->config;
    const int n = r->data->n_validation;
    pleat_sample draw;
    pleat_sampler_draw(c->seed, c->fold, r->epoch, sample, n * c->validation, n,
                       (const int(*)[3])r->dims, c->patch, NULL, &draw);
    return pleat_augment_patch(&draw, r->data->validation[draw.item], c->patch, c->pad,
                               r->images + (size_t)k * r->voxels,
                               r->labels + (size_t)k * r->voxels);
}

/* Each rank's running statistics are its own without norm_sync; a resumed run has group rank 0's on
 * all ranks, so validation uses these. */
static pleat_status share_stats(run *r) {
    const size_t n = pleat_model_count(r->model, PLEAT_STATE_STATS);
    float *stats = r->host[PLEAT_STATE_STATS];
    if (r->config->norm_sync || r->group->size == 1 || n == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_model_get(r->model, PLEAT_STATE_STATS, stats));
    PLEAT_TRY(pleat_comm_broadcast(r->group, stats, n, PLEAT_F32, 0));
    PLEAT_TRY(pleat_comm_wait(r->group));
    return pleat_model_set(r->model, PLEAT_STATE_STATS, stats);
}

/* Sample s is rank s modulo size's; a last batch is filled up and its filling not counted. All
 * ranks add the samples' values in the same order. */
static pleat_status validate(run *r, double metrics[METRICS]) {
    const int total = r->data->n_validation * r->config->validation;
    const int mine = (total - r->group->rank + r->group->size - 1) / r->group->size;
    const size_t per_sample = 3 * (size_t)r->classes + 1;
    const size_t values_of_all = (size_t)total * METRICS;
    PLEAT_TRY(share_stats(r));
    memset(r->val, 0, values_of_all * sizeof *r->val);
    for (int first = 0; first < mine; first += r->batch) {
        const int n = mine - first < r->batch ? mine - first : r->batch;
        for (int k = 0; k < r->batch; k++) {
            const int i = first + (k < n ? k : 0);
            PLEAT_TRY(validation_patch(r, r->group->rank + i * r->group->size, k));
        }
        PLEAT_TRY(pleat_net_evaluate(r->net, r->images, r->labels, r->sums));
        for (int k = 0; k < n; k++) {
            pleat_loss_values values;
            pleat_loss_from_sums(r->sums + (size_t)k * per_sample, 1, r->voxels, r->classes,
                                 &values);
            const int s = r->group->rank + (first + k) * r->group->size;
            add_metrics(r->val + (size_t)s * METRICS, &values, 1.0);
        }
        if (r->hooks != NULL && r->hooks->step != NULL) r->hooks->step(r->hooks->context);
    }
    PLEAT_TRY(pleat_comm_allreduce_sum(r->group, r->val, values_of_all, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(r->group));
    for (int m = 0; m < METRICS; m++) {
        double sum = 0.0;
        for (int s = 0; s < total; s++) sum += r->val[s * METRICS + m];
        metrics[m] = total > 0 ? sum / total : NAN;
    }
    return PLEAT_OK;
}

/* --- checkpoints ---------------------------------------------------------------------------- */

static pleat_status write_checkpoint(run *r, pleat_fold_file file, int model_only) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_fold_path(r->config->folder, file, path));
    pleat_checkpoint c = *r->config->described;
    c.fold = r->config->fold;
    c.seed = r->config->seed;
    c.epoch = r->epoch;
    c.finished = r->finished;
    c.step = r->step;
    c.iteration = r->iteration;
    memcpy(c.partial, r->partial, sizeof r->partial);
    c.partial[METRICS] = r->seconds;
    pleat_schedule_save(&r->schedule, c.schedule);
    c.n_params = pleat_model_count(r->model, PLEAT_STATE_PARAMS);
    c.n_stats = pleat_model_count(r->model, PLEAT_STATE_STATS);
    c.params = r->host[PLEAT_STATE_PARAMS];
    c.stats = r->host[PLEAT_STATE_STATS];
    c.moment1 = model_only ? NULL : r->host[PLEAT_STATE_MOMENT1];
    c.moment2 = model_only ? NULL : r->host[PLEAT_STATE_MOMENT2];
    c.history = (double *)(void *)r->rows;
    return pleat_checkpoint_write(path, &c, !model_only);
}

/* An epoch's last step can spoil the model without a loss that shows it. */
static pleat_status check_finite(const run *r) {
    static const pleat_state states[] = {PLEAT_STATE_PARAMS, PLEAT_STATE_STATS};
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        const size_t n = pleat_model_count(r->model, states[s]);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(r->host[states[s]][i]))
                return diverged(r, "the model is not finite after", r->epoch);
    }
    return PLEAT_OK;
}

/* Group rank 0 writes; all ranks learn whether it could. */
static pleat_status save(run *r, int best) {
    pleat_status status = PLEAT_OK;
    if (is_root(r)) {
        for (int s = 0; s < PLEAT_STATES && status == PLEAT_OK; s++)
            if (r->host[s] != NULL) status = pleat_model_get(r->model, (pleat_state)s, r->host[s]);
        if (status == PLEAT_OK) status = check_finite(r);
        if (status == PLEAT_OK && best) status = write_checkpoint(r, PLEAT_FOLD_BEST, 1);
        if (status == PLEAT_OK) status = write_checkpoint(r, PLEAT_FOLD_LATEST, 0);
        if (status == PLEAT_OK) status = pleat_history_write(r->config->folder, r->rows, r->epoch);
    }
    return pleat_comm_agree(r->group, status);
}

static pleat_status check_fits(const run *r, const pleat_checkpoint *c, const char *path) {
    PLEAT_CHECK(c->n_params == pleat_model_count(r->model, PLEAT_STATE_PARAMS) &&
                    strcmp(c->network, r->config->described->network) == 0,
                PLEAT_ERR_DATA,
                "'%s' holds another network than the configuration's; use another --out folder",
                path);
    PLEAT_CHECK(c->fold == r->config->fold && c->seed == r->config->seed, PLEAT_ERR_DATA,
                "'%s' is of fold %d and seed %llu, not of fold %d and seed %llu", path, c->fold,
                (unsigned long long)c->seed, r->config->fold, (unsigned long long)r->config->seed);
    PLEAT_CHECK(c->moment1 != NULL && c->moment2 != NULL, PLEAT_ERR_FORMAT,
                "'%s' holds a model only; it cannot be trained on", path);
    return PLEAT_OK;
}

static pleat_status take_over(run *r, const pleat_checkpoint *c) {
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_PARAMS, c->params));
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_STATS, c->stats));
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_MOMENT1, c->moment1));
    PLEAT_TRY(pleat_model_set(r->model, PLEAT_STATE_MOMENT2, c->moment2));
    pleat_schedule_load(&r->schedule, c->schedule);
    const int rows = c->epoch < r->config->epochs ? c->epoch : r->config->epochs;
    memcpy(r->rows, c->history, (size_t)rows * sizeof *r->rows);
    r->step = c->step;
    r->epoch = rows;
    r->finished = c->finished || r->epoch >= r->config->epochs;
    if (r->finished) return PLEAT_OK;
    PLEAT_CHECK(c->iteration <= r->config->iterations, PLEAT_ERR_DATA,
                "the checkpoint in '%s' has made %d steps of an epoch of %d; was train.iterations "
                "changed?",
                r->config->folder, c->iteration, r->config->iterations);
    r->iteration = c->iteration;
    memcpy(r->partial, c->partial, sizeof r->partial);
    r->seconds = c->partial[METRICS];
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

/* Every rank of the group reads the file; nothing there is a fresh start. */
static pleat_status restore(run *r) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back = 0;
    PLEAT_TRY(pleat_fold_path(r->config->folder, PLEAT_FOLD_LATEST, path));
    pleat_status status = pleat_checkpoint_read(path, &c, &fell_back);
    if (status == PLEAT_ERR_NOT_FOUND)
        return pleat_model_init(r->model, r->config->seed, r->config->fold);
    if (status == PLEAT_OK) status = check_fits(r, &c, path);
    if (status == PLEAT_OK) status = take_over(r, &c);
    if (status == PLEAT_OK && fell_back && is_root(r)) status = set_aside(path);
    /* A run may have been killed after its checkpoint and before its history. */
    if (status == PLEAT_OK && is_root(r))
        status = pleat_history_write(r->config->folder, r->rows, r->epoch);
    char step[32] = "";
    if (r->iteration > 0) (void)snprintf(step, sizeof step, ", step %d", r->iteration);
    if (status == PLEAT_OK && is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d goes on after epoch %d%s%s", r->config->fold, r->epoch, step,
                  fell_back ? "; the latest checkpoint is damaged, the one before it was taken"
                            : "");
    pleat_checkpoint_free(&c);
    return status;
}

/* --- a fold --------------------------------------------------------------------------------- */

static void log_epoch(const run *r, const pleat_epoch *row, double seconds_left) {
    if (!is_root(r)) return;
    const double patches = (double)r->config->iterations * r->config->batch;
    pleat_log(PLEAT_INFO,
              "fold=%d epoch=%d/%d loss=%.4f dice_soft=%.4f val_loss=%.4f val_dice_soft=%.4f "
              "lr=%.2e %.1fs %.2f patch/s left=%.0fs",
              r->config->fold, r->epoch, r->config->epochs, row->loss, row->dice_soft,
              row->val_loss, row->val_dice_soft, row->lr, row->seconds, patches / row->seconds,
              seconds_left);
}

/* In the middle of an epoch that began at `start`. */
static pleat_status save_partial(run *r, pleat_halt why, double start) {
    r->seconds = pleat_now() - start;
    PLEAT_TRY(save(r, 0));
    if (is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d epoch=%d step %d of %d: checkpointed, as %s asks",
                  r->config->fold, r->epoch + 1, r->iteration, r->config->iterations,
                  pleat_halt_name(why));
    return PLEAT_OK;
}

/* The rest of an epoch's steps; r->halt says when they were left. */
static pleat_status train_steps(run *r, double start) {
    while (r->iteration < r->config->iterations && r->halt == PLEAT_HALT_NONE) {
        pleat_halt wish = PLEAT_HALT_NONE;
        PLEAT_TRY(train_step(r, &wish));
        if (wish == PLEAT_HALT_NONE) continue;
        PLEAT_TRY(save_partial(r, wish, start));
        if (wish > PLEAT_HALT_FILE) r->halt = wish;
    }
    return PLEAT_OK;
}

/* Group rank 0 looks; all learn what it saw. */
static pleat_status look_for_stop(run *r) {
    int found =
        is_root(r) && r->config->stop_file != NULL && pleat_file_exists(r->config->stop_file);
    PLEAT_TRY(pleat_comm_broadcast_bytes(r->group, &found, sizeof found, 0));
    if (found) r->halt = PLEAT_HALT_FILE;
    if (found && is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d ends after epoch %d, as '%s' asks", r->config->fold,
                  r->epoch, r->config->stop_file);
    return PLEAT_OK;
}

static pleat_status run_epoch(run *r) {
    const double start = pleat_now() - r->seconds;
    double train[METRICS], val[METRICS] = {0};
    const double lr = rate_of(r);
    PLEAT_TRY(train_steps(r, start));
    if (r->halt != PLEAT_HALT_NONE) return PLEAT_OK;
    memcpy(train, r->partial, sizeof train);
    note_place(r, "validation, checkpoint", 0);
    PLEAT_TRY(validate(r, val)); /* the same on all ranks */
    if (r->data->n_validation * r->config->validation > 0 && !isfinite(val[0]))
        return diverged(r, "the validation loss is not finite after", r->epoch + 1);
    pleat_epoch *row = &r->rows[r->epoch++];
    *row = (pleat_epoch){train[0], train[1], train[2], train[3], val[0],
                         val[1],   val[2],   val[3],   lr,       pleat_now() - start};
    r->iteration = 0;
    r->seconds = 0.0;
    memset(r->partial, 0, sizeof r->partial);
    const pleat_schedule_event event = pleat_schedule_epoch(&r->schedule, train[0]);
    r->finished = event.stop || r->epoch == r->config->epochs;
    if (event.stop && is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d ends early: no better training loss for %d epochs",
                  r->config->fold, r->config->schedule.stop_patience);
    PLEAT_TRY(save(r, event.best));
    if (is_root(r) && r->hooks != NULL && r->hooks->epoch != NULL)
        r->hooks->epoch(r->hooks->context, r->epoch, r->step, row);
    log_epoch(r, row, (pleat_now() - start) * (r->config->epochs - r->epoch));
    return look_for_stop(r);
}

static pleat_status start_feed(run *r) {
    const pleat_train_config *c = r->config;
    const pleat_loader_config loader = {
        .sources = r->data->train,
        .n_sources = r->data->n_train,
        .seed = c->seed,
        .fold = c->fold,
        .first_epoch = r->epoch,
        .first_batch = r->iteration,
        .iterations = c->iterations,
        .batch = c->batch,
        .first = r->group->rank * r->batch,
        .count = r->batch,
        .augment = c->augment,
        .oversample = c->oversample,
        .pad = c->pad,
        .patch = {c->patch[0], c->patch[1], c->patch[2]},
        .threads = c->loader_threads,
        .depth = 3,
    };
    return pleat_batch_source_open(&loader, r->net, c->device_memory, &r->feed);
}

static pleat_status prepare(run *r) {
    const pleat_train_config *c = r->config;
    PLEAT_CHECK(c->batch % r->group->size == 0, PLEAT_ERR_ARG,
                "train.batch = %d cannot be shared by the %d ranks of a fold; make it a multiple, "
                "or set ranks_per_fold",
                c->batch, r->group->size);
    r->batch = c->batch / r->group->size;
    r->voxels = (size_t)c->patch[0] * (size_t)c->patch[1] * (size_t)c->patch[2];
    const pleat_graph *graph = pleat_model_graph(r->model);
    r->classes = graph->node[graph->n - 1].channels;
    r->schedule = pleat_schedule_init(&c->schedule, c->lr);
    const pleat_net_options options = {.batch = r->batch,
                                       .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                       .train = 1,
                                       .norm_momentum = c->norm_momentum,
                                       .norm_comm = c->norm_sync ? r->compute : NULL,
                                       .ordered = c->ordered};
    PLEAT_TRY(pleat_net_create(r->model, &options, &r->net));
    const size_t batch = (size_t)r->batch, n_validation = (size_t)r->data->n_validation;
    r->rows = calloc((size_t)c->epochs, sizeof *r->rows);
    r->sums = malloc(pleat_net_sums(r->net) * sizeof *r->sums);
    r->tally =
        malloc((PLEAT_HALTS + pleat_net_sums(r->net) * (size_t)r->group->size) * sizeof *r->tally);
    r->val = malloc((n_validation * (size_t)c->validation + 1) * METRICS * sizeof *r->val);
    r->images = malloc(batch * r->voxels * sizeof *r->images);
    r->labels = malloc(batch * r->voxels);
    r->dims = malloc((n_validation + 1) * sizeof *r->dims);
    int enough = r->rows != NULL && r->sums != NULL && r->tally != NULL && r->val != NULL &&
                 r->images != NULL && r->labels != NULL && r->dims != NULL;
    for (int s = 0; s < PLEAT_STATES; s++) {
        if (s == PLEAT_STATE_GRADS || (s != PLEAT_STATE_STATS && !is_root(r))) continue;
        r->host[s] = malloc((pleat_model_count(r->model, (pleat_state)s) + 1) * sizeof(float));
        enough = enough && r->host[s] != NULL;
    }
    PLEAT_CHECK(enough, PLEAT_ERR_MEMORY, "no memory to train fold %d", c->fold);
    for (size_t i = 0; i < n_validation; i++)
        memcpy(r->dims[i], r->data->validation[i]->dim, sizeof r->dims[i]);
    return PLEAT_OK;
}

static void release(run *r) {
    pleat_batch_source_close(r->feed);
    pleat_net_destroy(r->net);
    free(r->rows);
    free(r->sums);
    free(r->tally);
    free(r->val);
    free(r->images);
    free(r->labels);
    free(r->dims);
    for (int s = 0; s < PLEAT_STATES; s++) free(r->host[s]);
}

pleat_status pleat_train_fold(const pleat_train_config *config, const pleat_train_data *data,
                              pleat_model *model, pleat_comm *group, const pleat_train_hooks *hooks,
                              pleat_train_result *out) {
    const double start = pleat_now();
    run r = {.config = config, .data = data, .hooks = hooks, .model = model, .group = group};
    r.step_s = -1.0;
    r.compute = config->compute != NULL ? config->compute : group;
    pleat_status status = prepare(&r);
    if (status == PLEAT_OK) status = restore(&r);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(group, status));
    if (!r.finished) PLEAT_TRY_GOTO(status, done, start_feed(&r));
    while (!r.finished && r.halt == PLEAT_HALT_NONE) PLEAT_TRY_GOTO(status, done, run_epoch(&r));
    *out = (pleat_train_result){
        .epochs = r.epoch,
        .halt = r.halt,
        .steps = r.step,
        .loss = r.epoch > 0 ? r.rows[r.epoch - 1].loss : NAN,
        .best_loss = r.schedule.best,
        .seconds = pleat_now() - start,
    };
done:
    pleat_comm_note(group, "", 0.0);
    pleat_comm_note(r.compute, "", 0.0);
    release(&r);
    return status;
}

pleat_status pleat_train_finished(const char *folder, int *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    int fell_back = 0;
    *out = 0;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_LATEST, path));
    const pleat_status status = pleat_checkpoint_read(path, &c, &fell_back);
    if (status == PLEAT_ERR_NOT_FOUND) return PLEAT_OK;
    if (status == PLEAT_OK) *out = c.finished && !fell_back;
    pleat_checkpoint_free(&c);
    return status;
}
