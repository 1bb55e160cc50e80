/*
 * predict.c - sliding window over a volume.
 *
 * Patches go through the nets in batches; the last batch is filled up with its first patch, whose
 * second result is not used. Probabilities are added up in one [D,H,W,K] volume, already weighted,
 * so nothing has to be divided for argmax; several models and mirrors are averaged by not dividing
 * either.
 *
 *   device with memory enough     sum and argmax there; labels alone come back
 *   else, labels are wanted       on the host, a band of planes at a time
 *   else                          on the host, the whole
 */
#include "pleat/predict.h"

#include "pleat/batch_source.h"
#include "pleat/device.h"
#include "pleat/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    const pleat_predict_config *config;
    const pleat_source *source;
    pleat_engine *engine;
    pleat_window window;
    size_t voxels; /* of a patch */
    size_t values; /* of a patch of all channels */
    float *images; /* [batch, patch, C] */
    const pleat_window_ops *windows;
    pleat_window_sum *sum;
    pleat_window_band *band; /* instead of it; NULL: there is none */
    float *probs; /* [batch, patch, K], on their way from the engine's memory to the sum's; NULL:
                     both are the same */
    float *look;  /* [patch, K] of the first window, where the host sees no other; else NULL */
} work;

/* Patch i of the grid, into place k of the batch. */
static pleat_status read_patch(const work *w, int i, int k) {
    pleat_sample sample = {0};
    pleat_window_start(&w->window, i, sample.start);
    return pleat_augment_patch(&sample, w->source, w->config->patch, w->config->pad,
                               w->images + (size_t)k * w->values, NULL);
}

/* What is no number would become background without a word. */
static pleat_status check_finite(const float *probs, size_t n) {
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++) sum += probs[i];
    PLEAT_CHECK(
        isfinite(sum), PLEAT_ERR_NUMERIC,
        "the model's probabilities are not finite: its training diverged, or the voxels are "
        "far from those that it was trained on");
    return PLEAT_OK;
}

/* Of n patches. In the memory of a device a look at the first window has to do. */
static pleat_status check_probs(const work *w, const float *probs, int first, int n) {
    const size_t each = w->voxels * (size_t)w->config->classes;
    if (w->look == NULL) return check_finite(probs, (size_t)n * each);
    if (first > 0) return PLEAT_OK;
    PLEAT_TRY(w->engine->ops->download(w->engine, w->look, probs, each * sizeof *probs));
    return check_finite(w->look, each);
}

/* One net's opinion of the batch, whose first n patches are those of the grid from `first` on. */
static pleat_status add(const work *w, pleat_net *net, int mirror, int first, int n) {
    const size_t each = w->voxels * (size_t)w->config->classes;
    const float *probs = NULL;
    if (w->probs == NULL)
        PLEAT_TRY(pleat_net_probabilities(net, w->images, &probs));
    else
        PLEAT_TRY(pleat_net_predict(net, w->images, w->probs));
    if (w->probs != NULL) probs = w->probs;
    PLEAT_TRY(check_probs(w, probs, first, n));
    for (int k = 0; k < n; k++) {
        const float *of = probs + (size_t)k * each;
        if (w->band != NULL)
            pleat_window_band_add(w->band, first + k, mirror, of);
        else
            PLEAT_TRY(w->windows->add(w->sum, first + k, mirror, of));
    }
    return PLEAT_OK;
}

static pleat_status run_batch(const work *w, pleat_net *const *nets, int n_nets, int first, int n) {
    for (int k = 0; k < n; k++) PLEAT_TRY(read_patch(w, first + k, k));
    for (int k = n; k < w->config->batch; k++)
        memcpy(w->images + (size_t)k * w->values, w->images, w->values * sizeof *w->images);
    const int *patch = w->config->patch;
    for (int mirror = 0, last = 0; mirror <= PLEAT_ALL_AXES; mirror++) {
        if ((mirror & ~w->config->mirror) != 0) continue;
        pleat_mirror(w->images, w->config->batch, patch, w->source->channels, last ^ mirror);
        for (int m = 0; m < n_nets; m++) PLEAT_TRY(add(w, nets[m], mirror, first, n));
        last = mirror;
    }
    return PLEAT_OK;
}

/* Leaves w->sum NULL where there is too little of the device's memory, or none. */
static pleat_status begin_on_device(work *w) {
    const pleat_device_ops *device = pleat_device_of(w->engine);
    const int classes = w->config->classes, *dim = w->source->dim;
    size_t unused = 0, total = 0;
    PLEAT_TRY(device->memory(w->engine, &unused, &total));
    w->windows = device->windows;
    const size_t bytes = w->windows->bytes(&w->window, classes);
    pleat_status status = PLEAT_ERR_MEMORY;
    if (bytes <= pleat_batch_source_budget(0, unused))
        status = w->windows->create(w->engine, &w->window, classes, &w->sum);
    if (status != PLEAT_ERR_MEMORY) return status;
    if (total > 0)
        pleat_log(PLEAT_INFO,
                  "%d x %d x %d voxels of %d classes are merged on the host: they need %.1f GiB of "
                  "the GPU, of which %.1f are free",
                  dim[2], dim[1], dim[0], classes, (double)bytes / 0x1p30, (double)unused / 0x1p30);
    return PLEAT_OK;
}

static pleat_status begin(work *w, uint8_t *labels) {
    const size_t voxels = (size_t)w->config->batch * w->voxels;
    const size_t probs = voxels * (size_t)w->config->classes;
    w->images = malloc((size_t)w->config->batch * w->values * sizeof *w->images);
    PLEAT_CHECK(w->images != NULL, PLEAT_ERR_MEMORY, "no memory for a batch of %zu voxels", voxels);
    PLEAT_TRY(begin_on_device(w));
    if (w->sum != NULL && !w->engine->host_memory) {
        w->look = malloc(w->voxels * (size_t)w->config->classes * sizeof *w->look);
        PLEAT_CHECK(w->look != NULL, PLEAT_ERR_MEMORY, "no memory for a patch of %zu voxels",
                    w->voxels);
    }
    if (w->sum != NULL) return PLEAT_OK;
    w->windows = &pleat_host_windows;
    if (!w->engine->host_memory) {
        w->probs = malloc(probs * sizeof *w->probs);
        PLEAT_CHECK(w->probs != NULL, PLEAT_ERR_MEMORY, "no memory for a batch of %zu voxels",
                    voxels);
    }
    if (labels != NULL)
        return pleat_window_band_create(&w->window, w->config->batch, w->config->classes, labels,
                                        &w->band);
    return w->windows->create(w->engine, &w->window, w->config->classes, &w->sum);
}

/* The mean itself into *probs, or where `probs` is NULL its labels into `labels`. */
static pleat_status predict(const pleat_predict_config *config, pleat_net *const *nets, int n_nets,
                            const pleat_source *source, uint8_t *labels, float **probs) {
    pleat_status status = PLEAT_OK;
    work w = {.config = config,
              .source = source,
              .engine = pleat_net_engine(nets[0]),
              .voxels = pleat_voxels(config->patch),
              .values = pleat_voxels(config->patch) * (size_t)source->channels};
    float *sum = NULL;
    PLEAT_TRY(
        pleat_window_make(source->dim, config->patch, config->overlap, config->merge, &w.window));
    PLEAT_TRY_GOTO(status, done, begin(&w, labels));
    const int patches = pleat_window_count(&w.window);
    for (int i = 0; i < patches; i += config->batch) {
        const int n = patches - i < config->batch ? patches - i : config->batch;
        if (w.band != NULL) PLEAT_TRY_GOTO(status, done, pleat_window_band_pass(w.band, i));
        PLEAT_TRY_GOTO(status, done, run_batch(&w, nets, n_nets, i, n));
    }
    if (probs == NULL) {
        status = w.band != NULL ? pleat_window_band_pass(w.band, patches)
                                : w.windows->label(w.sum, labels);
        goto done;
    }
    PLEAT_TRY_GOTO(status, done, w.windows->values(w.sum, &sum));
    PLEAT_TRY_GOTO(status, done,
                   pleat_window_mean(&w.window, n_nets * pleat_mirror_ways(config->mirror),
                                     config->classes, sum));
    *probs = sum;
    sum = NULL;
done:
    if (w.sum != NULL) w.windows->destroy(w.sum);
    pleat_window_band_free(w.band);
    free(sum);
    free(w.images);
    free(w.probs);
    free(w.look);
    pleat_window_free(&w.window);
    return status;
}

pleat_status pleat_predict_volume(const pleat_predict_config *config, pleat_net *const *nets,
                                  int n_nets, const pleat_source *source, uint8_t *labels) {
    float *probs = NULL;
    if (config->writes == NULL) return predict(config, nets, n_nets, source, labels, NULL);
    PLEAT_TRY(predict(config, nets, n_nets, source, NULL, &probs));
    pleat_region_labels(probs, pleat_voxels(source->dim), config->classes, 0.5F, config->writes,
                        labels);
    free(probs);
    return PLEAT_OK;
}

pleat_status pleat_predict_probabilities(const pleat_predict_config *config, pleat_net *const *nets,
                                         int n_nets, const pleat_source *source, float **out) {
    return predict(config, nets, n_nets, source, NULL, out);
}
