/*
 * train.c - the epochs of one fold.
 *
 *   restore or initialise
 *   for each epoch:  steps: feed -> net forward, backward, all-reduce -> Adam -> tally
 *                    validation patches, shared out over the ranks
 *                    schedule, files
 */
#include "train_impl.h"

#include "pleat/file.h"
#include "pleat/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double rate_of(const train_run *r) {
    return pleat_schedule_rate(&r->progress.schedule, r->progress.epoch);
}

void train_step_done(const train_run *r, int validating) {
    const train_progress *p = &r->progress;
    const int steps = r->config->settings.iterations;
    const int tallied = validating ? steps : p->iteration - 1;
    const pleat_train_now now = {
        .epoch = p->epoch,
        .epochs = r->config->settings.epochs,
        .step = p->iteration,
        .steps = steps,
        .loss = tallied > 0 ? p->partial[0] * steps / tallied : NAN,
        .validating = validating,
        .rows = p->rows,
    };
    if (r->hooks != NULL && r->hooks->step != NULL) r->hooks->step(r->hooks->context, &now);
}

/* --- one epoch ------------------------------------------------------------------------------ */

pleat_status train_diverged(const train_run *r, const char *what, int epoch) {
    return PLEAT_FAIL(PLEAT_ERR_NUMERIC,
                      "fold %d diverged: %s epoch %d; the last good checkpoint is kept in '%s'. "
                      "Lower train.lr",
                      r->config->fold, what, epoch, r->config->folder);
}

/* Collective, one small all-reduce: adds the step's metrics and finds the strongest wish to halt of
 * any rank. Where a rank has nothing to say it adds zero, so the samples' sums arrive as they are,
 * and the metrics do not depend on who computed which sample. */
static pleat_status take_tally(train_run *r, pleat_halt *halt) {
    const double now = pleat_now();
    const size_t share = pleat_net_sums(r->net);
    const size_t all = share * (size_t)r->group->size;
    double *wish = r->tally, *sums = wish + PLEAT_HALTS;
    double metrics[PLEAT_MOST_METRICS];
    if (r->watch.looked_s > 0.0)
        r->watch.reserve_s = fmax(r->watch.reserve_s, now - r->watch.looked_s);
    r->watch.looked_s = now;
    memset(r->tally, 0, (PLEAT_HALTS + all) * sizeof *r->tally);
    memcpy(sums + share * (size_t)r->group->rank, r->sums, share * sizeof *sums);
    wish[pleat_halt_look(r->watch.reserve_s)] = 1.0;
    PLEAT_TRY(pleat_comm_allreduce_sum(r->group, r->tally, PLEAT_HALTS + all, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(r->group));
    const int counted = pleat_net_metrics(r->net, sums, r->config->settings.batch, metrics);
    const int steps = r->config->settings.iterations, before = r->progress.iteration - 1;
    /* A step of nothing but voxels to ignore adds what the epoch's mean is so far. */
    for (int m = 0; m < r->loss->n_metrics && counted == 0; m++)
        metrics[m] = before > 0 ? r->progress.partial[m] * steps / before : 0.0;
    if (!isfinite(metrics[0])) {
        char what[64];
        (void)snprintf(what, sizeof what, "the loss is not finite at step %d of",
                       r->progress.iteration);
        return train_diverged(r, what, r->progress.epoch + 1);
    }
    for (int m = 0; m < r->loss->n_metrics; m++) r->progress.partial[m] += 1.0 / steps * metrics[m];
    *halt = PLEAT_HALT_NONE;
    for (int why = 0; why < PLEAT_HALTS; why++)
        if (wish[why] > 0.0) *halt = (pleat_halt)why;
    return PLEAT_OK;
}

/* What the group's messages say, should it wait. step 0: in none. */
static void note_place(const train_run *r, const char *doing, int step) {
    char where[64], number[16] = "";
    if (step > 0) (void)snprintf(number, sizeof number, " %d", step);
    (void)snprintf(where, sizeof where, "fold %d epoch %d/%d %s%s", r->config->fold,
                   r->progress.epoch + 1, r->config->settings.epochs, doing, number);
    pleat_comm_note(r->group, where, r->watch.step_s);
    pleat_comm_note(r->compute, where, r->watch.step_s);
}

static pleat_status train_step(train_run *r, pleat_halt *halt) {
    const double start = pleat_now();
    note_place(r, "step", r->progress.iteration + 1);
    const float *images = NULL;
    const uint8_t *labels = NULL;
    PLEAT_TRY(pleat_batch_source_next(r->source, &images, &labels));
    PLEAT_TRY(pleat_net_queue(r->net, images, labels, r->config->settings.batch, r->compute));
    PLEAT_TRY(
        pleat_model_update(r->model, &r->config->settings.update, rate_of(r), ++r->progress.step));
    PLEAT_TRY(pleat_batch_source_ahead(r->source));
    PLEAT_TRY(pleat_net_finish(r->net, r->compute, r->sums));
    r->progress.iteration++;
    train_step_done(r, 0);
    PLEAT_TRY(take_tally(r, halt));
    r->watch.step_s = fmax(pleat_now() - start, 0.9 * r->watch.step_s);
    pleat_halt_pace("step", r->watch.step_s);
    return PLEAT_OK;
}

/* --- a fold --------------------------------------------------------------------------------- */

static void log_epoch(const train_run *r, const pleat_epoch *row, double seconds_left) {
    if (!train_is_root(r)) return;
    const double patches = (double)r->config->settings.iterations * r->config->settings.batch;
    const int shown = r->loss->shown;
    const char *name = r->loss->metrics[shown];
    char left[PLEAT_DURATION_BYTES];
    pleat_log(PLEAT_INFO,
              "fold=%d epoch=%d/%d loss=%.4f %s=%.4f val_loss=%.4f val_%s=%.4f lr=%.2e %.1fs "
              "%.2f patch/s, %s left",
              r->config->fold, r->progress.epoch, r->config->settings.epochs, row->train[0], name,
              row->train[shown], row->val[0], name, row->val[shown], row->lr, row->seconds,
              patches / row->seconds, pleat_duration(seconds_left, left));
}

/* In the middle of an epoch that began at `start`. */
static pleat_status save_partial(train_run *r, pleat_halt why, double start) {
    r->progress.seconds = pleat_now() - start;
    PLEAT_TRY(train_state_save(r, 0));
    if (!train_is_root(r)) return PLEAT_OK;
    pleat_log(PLEAT_INFO, "fold=%d epoch=%d step %d of %d: checkpointed (%s)%s%s", r->config->fold,
              r->progress.epoch + 1, r->progress.iteration, r->config->settings.iterations,
              pleat_halt_name(why),
              why == PLEAT_HALT_SAVE
                  ? ". Training continues; if the job ends now, this resumes it here: "
                  : "",
              why == PLEAT_HALT_SAVE ? pleat_halt_command() : "");
    return PLEAT_OK;
}

/* The rest of an epoch's steps; r->watch.halt says when they were left. */
static pleat_status train_steps(train_run *r, double start) {
    while (r->progress.iteration < r->config->settings.iterations &&
           r->watch.halt == PLEAT_HALT_NONE) {
        pleat_halt wish = PLEAT_HALT_NONE;
        PLEAT_TRY(train_step(r, &wish));
        if (wish == PLEAT_HALT_NONE) continue;
        PLEAT_TRY(save_partial(r, wish, start));
        if (wish > PLEAT_HALT_FILE) r->watch.halt = wish;
    }
    return PLEAT_OK;
}

/* Group rank 0 looks; all learn what it saw. */
static pleat_status look_for_stop(train_run *r) {
    int found =
        train_is_root(r) && r->config->stop_file != NULL && access(r->config->stop_file, F_OK) == 0;
    PLEAT_TRY(pleat_comm_broadcast_bytes(r->group, &found, sizeof found, 0));
    if (found) r->watch.halt = PLEAT_HALT_FILE;
    if (found && train_is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d ends after epoch %d, as '%s' asks", r->config->fold,
                  r->progress.epoch, r->config->stop_file);
    return PLEAT_OK;
}

static pleat_status run_epoch(train_run *r) {
    const double start = pleat_now() - r->progress.seconds;
    double train[PLEAT_MOST_METRICS], val[PLEAT_MOST_METRICS] = {0};
    const double lr = rate_of(r);
    PLEAT_TRY(train_steps(r, start));
    if (r->watch.halt != PLEAT_HALT_NONE) return PLEAT_OK;
    memcpy(train, r->progress.partial, sizeof train);
    note_place(r, "validation, checkpoint", 0);
    PLEAT_TRY(train_validate(r, val)); /* the same on all ranks */
    if (r->validation.counted > 0 && !isfinite(val[0]))
        return train_diverged(r, "the validation loss is not finite after", r->progress.epoch + 1);
    pleat_epoch *row = &r->progress.rows[r->progress.epoch++];
    *row = (pleat_epoch){.lr = lr, .seconds = pleat_now() - start};
    memcpy(row->train, train, sizeof row->train);
    memcpy(row->val, val, sizeof row->val);
    r->progress.iteration = 0;
    r->progress.seconds = 0.0;
    memset(r->progress.partial, 0, sizeof r->progress.partial);
    const pleat_schedule_event event =
        pleat_schedule_epoch(&r->progress.schedule, r->progress.epoch - 1, train[0]);
    r->progress.finished = event.stop || r->progress.epoch == r->config->settings.epochs;
    if (event.stop && train_is_root(r))
        pleat_log(PLEAT_INFO, "fold=%d ends early: no better training loss for %d epochs",
                  r->config->fold, r->config->settings.rates.stop_patience);
    PLEAT_TRY(train_state_save(r, event.best));
    if (train_is_root(r) && r->hooks != NULL && r->hooks->epoch != NULL)
        r->hooks->epoch(r->hooks->context, r->progress.epoch, r->progress.step, r->loss, row);
    log_epoch(r, row, (pleat_now() - start) * (r->config->settings.epochs - r->progress.epoch));
    return look_for_stop(r);
}

static pleat_status start_feed(train_run *r) {
    const pleat_train_config *c = r->config;
    const pleat_loader_config loader = {
        .sources = r->data->train,
        .n_sources = r->data->n_train,
        .seed = c->seed,
        .fold = c->fold,
        .first_epoch = r->progress.epoch,
        .first_batch = r->progress.iteration,
        .iterations = c->settings.iterations,
        .batch = c->settings.batch,
        .first = r->group->rank * r->batch,
        .count = r->batch,
        .augment = c->settings.augment ? &c->settings.transforms : NULL,
        .oversample = c->settings.oversample,
        .pad = c->pad,
        .patch = {c->patch[0], c->patch[1], c->patch[2]},
        .threads = c->settings.loader_threads,
        .depth = 3,
    };
    return pleat_batch_source_open(&loader, r->net, c->settings.device_memory, &r->source);
}

pleat_status pleat_train_share(int batch, int ranks, int *out) {
    PLEAT_CHECK(batch % ranks == 0, PLEAT_ERR_ARG,
                "train.batch = %d cannot be shared by the %d ranks of a fold; make it a multiple, "
                "or set ranks_per_fold",
                batch, ranks);
    *out = batch / ranks;
    return PLEAT_OK;
}

static pleat_status prepare(train_run *r) {
    const pleat_train_config *c = r->config;
    PLEAT_TRY(pleat_train_share(c->settings.batch, r->group->size, &r->batch));
    r->voxels = (size_t)c->patch[0] * (size_t)c->patch[1] * (size_t)c->patch[2];
    const int channels = pleat_model_graph(r->model)->node[0].channels;
    r->channels = (size_t)channels;
    for (int i = 0; i < r->data->n_train + r->data->n_validation; i++) {
        const pleat_source *source =
            i < r->data->n_train ? r->data->train[i] : r->data->validation[i - r->data->n_train];
        PLEAT_CHECK(source->channels == channels, PLEAT_ERR_SHAPE,
                    "fold %d has a case of %d channels for a network of %d", c->fold,
                    source->channels, channels);
    }
    r->loss = pleat_losses[c->settings.loss];
    const pleat_net_options options = {.batch = r->batch,
                                       .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                       .train = 1,
                                       .loss = r->loss,
                                       .loss_comm = r->compute,
                                       .regions = c->regions,
                                       .ignored = c->ignored,
                                       .norm_momentum = c->settings.norm_momentum,
                                       .norm_comm = c->settings.norm_sync ? r->compute : NULL,
                                       .ordered = c->ordered};
    PLEAT_TRY(pleat_net_create(r->model, &options, &r->net));
    const size_t sums = pleat_net_sums(r->net);
    r->sums = malloc(sums * sizeof *r->sums);
    r->tally = malloc((PLEAT_HALTS + sums * (size_t)r->group->size) * sizeof *r->tally);
    PLEAT_CHECK(r->sums != NULL && r->tally != NULL, PLEAT_ERR_MEMORY, "no memory to train fold %d",
                c->fold);
    PLEAT_TRY(train_validate_open(r));
    return train_state_open(r);
}

static void release(train_run *r) {
    pleat_batch_source_close(r->source);
    pleat_net_destroy(r->net);
    free(r->sums);
    free(r->tally);
    train_validate_close(r);
    train_state_close(r);
}

pleat_status pleat_train_fold(const pleat_train_config *config, const pleat_train_data *data,
                              pleat_model *model, pleat_comm *group, const pleat_train_hooks *hooks,
                              pleat_train_result *out) {
    const double start = pleat_now();
    train_run r = {.config = config, .data = data, .hooks = hooks, .model = model, .group = group};
    r.watch.step_s = -1.0;
    r.compute = config->compute != NULL ? config->compute : group;
    pleat_status status = pleat_comm_agree(group, prepare(&r));
    if (status == PLEAT_OK) status = train_state_restore(&r);
    PLEAT_TRY_GOTO(status, done, status);
    if (!r.progress.finished) PLEAT_TRY_GOTO(status, done, start_feed(&r));
    while (!r.progress.finished && r.watch.halt == PLEAT_HALT_NONE)
        PLEAT_TRY_GOTO(status, done, run_epoch(&r));
    *out = (pleat_train_result){
        .epochs = r.progress.epoch,
        .halt = r.watch.halt,
        .steps = r.progress.step,
        .loss = r.progress.epoch > 0 ? r.progress.rows[r.progress.epoch - 1].train[0] : NAN,
        .best_loss = r.progress.schedule.best,
        .seconds = pleat_now() - start,
    };
done:
    pleat_comm_note(group, "", 0.0);
    pleat_comm_note(r.compute, "", 0.0);
    release(&r);
    return status;
}
