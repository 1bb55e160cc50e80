/* train_validate.c - the loss of random patches of the held-out cases. */
#include "train_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Validation patch `sample`, into place k of the batch. */
static pleat_status validation_patch(train_run *r, int sample, int k) {
    const pleat_train_config *c = r->config;
    const int n = r->data->n_validation;
    pleat_sample draw;
    const pleat_sample_key key = {.seed = c->seed,
                                  .fold = c->fold,
                                  .epoch = r->progress.epoch,
                                  .sample = sample,
                                  .samples = n * c->settings.validation};
    pleat_sampler_draw(&key, n, (const int(*)[3])r->validation.dims, c->patch, NULL, &draw);
    const pleat_source *source = r->data->validation[draw.item];
    pleat_sampler_annotate(&key, source->dim, c->patch, source->foreground, &draw);
    return pleat_augment_patch(&draw, source, c->patch, c->pad,
                               r->validation.images + (size_t)k * r->voxels * r->channels,
                               r->validation.labels + (size_t)k * r->voxels);
}

/* Each rank's running statistics are its own without norm_sync; a resumed run has group rank 0's on
 * all ranks, so validation uses these. */
static pleat_status share_stats(train_run *r) {
    const size_t n = pleat_model_count(r->model, PLEAT_STATE_STATS);
    float *stats = r->host[PLEAT_STATE_STATS];
    if (r->config->settings.norm_sync || r->group->size == 1 || n == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_model_get(r->model, PLEAT_STATE_STATS, stats));
    PLEAT_TRY(pleat_comm_broadcast(r->group, stats, n, PLEAT_F32, 0));
    PLEAT_TRY(pleat_comm_wait(r->group));
    return pleat_model_set(r->model, PLEAT_STATE_STATS, stats);
}

/* Sample s is rank s modulo size's; a last batch is filled up and its filling not counted. All
 * ranks add the samples' values in the same order. */
static pleat_status validate(train_run *r, double *metrics) {
    const int total = r->data->n_validation * r->config->settings.validation;
    const int mine = (total - r->group->rank + r->group->size - 1) / r->group->size;
    const size_t per_sample = pleat_net_sample_sums(r->net), n_metrics = (size_t)r->loss->n_metrics;
    const size_t width = n_metrics + 1, values_of_all = (size_t)total * width;
    double *values = r->validation.values;
    memset(values, 0, values_of_all * sizeof *values);
    for (int first = 0; first < mine; first += r->batch) {
        const int n = mine - first < r->batch ? mine - first : r->batch;
        for (int k = 0; k < r->batch; k++) {
            const int i = first + (k < n ? k : 0);
            PLEAT_TRY(validation_patch(r, r->group->rank + i * r->group->size, k));
        }
        PLEAT_TRY(pleat_net_evaluate(r->net, r->validation.images, r->validation.labels, r->sums));
        for (int k = 0; k < n; k++) {
            const int s = r->group->rank + (first + k) * r->group->size;
            double *of = values + (size_t)s * width;
            of[n_metrics] = pleat_net_metrics(r->net, r->sums + (size_t)k * per_sample, 1, of);
            if (of[n_metrics] == 0.0) memset(of, 0, n_metrics * sizeof *of);
        }
        train_step_done(r, 1);
    }
    PLEAT_TRY(pleat_comm_allreduce_sum(r->group, values, values_of_all, PLEAT_F64));
    PLEAT_TRY(pleat_comm_wait(r->group));
    int counted = 0;
    for (size_t s = 0; s < (size_t)total; s++) counted += values[s * width + n_metrics] > 0.0;
    for (size_t m = 0; m < n_metrics; m++) {
        double sum = 0.0;
        for (size_t s = 0; s < (size_t)total; s++) sum += values[s * width + m];
        metrics[m] = counted > 0 ? sum / counted : NAN;
    }
    r->validation.counted = counted;
    return PLEAT_OK;
}

pleat_status train_validate(train_run *r, double *metrics) {
    PLEAT_TRY(share_stats(r));
    if (!train_averages(r)) return validate(r, metrics);
    pleat_model_swap_average(r->model);
    pleat_status status = share_stats(r);
    if (status == PLEAT_OK) status = validate(r, metrics);
    pleat_model_swap_average(r->model);
    return status;
}

pleat_status train_validate_open(train_run *r) {
    const size_t batch = (size_t)r->batch, n = (size_t)r->data->n_validation;
    const size_t samples = n * (size_t)r->config->settings.validation + 1;
    train_validation *v = &r->validation;
    v->values = malloc(samples * (size_t)(r->loss->n_metrics + 1) * sizeof *v->values);
    v->images = malloc(batch * r->voxels * r->channels * sizeof *v->images);
    v->labels = malloc(batch * r->voxels);
    v->dims = malloc((n + 1) * sizeof *v->dims);
    PLEAT_CHECK(v->values != NULL && v->images != NULL && v->labels != NULL && v->dims != NULL,
                PLEAT_ERR_MEMORY, "no memory to validate fold %d", r->config->fold);
    for (size_t i = 0; i < n; i++)
        memcpy(v->dims[i], r->data->validation[i]->dim, sizeof v->dims[i]);
    return PLEAT_OK;
}

void train_validate_close(train_run *r) {
    free(r->validation.values);
    free(r->validation.images);
    free(r->validation.labels);
    free(r->validation.dims);
}
