/*
 * predict.c - sliding window over a volume.
 *
 * Patches go through the nets in batches; the last batch is filled up with its first patch, whose
 * second result is not used. Probabilities are added up in one [D,H,W,K] volume, already weighted,
 * so nothing has to be divided at the end; several models are averaged by not dividing either.
 */
#include "pleat/predict.h"

#include <stdlib.h>
#include <string.h>

typedef struct work {
    const pleat_predict_config *config;
    const pleat_source *source;
    pleat_window window;
    size_t voxels; /* of a patch */
    float *images; /* [batch, patch] */
    float *probs;  /* [batch, patch, K] */
    float *sum;    /* [D,H,W,K] */
} work;

/* Patch i of the grid, into place k of the batch. */
static pleat_status read_patch(const work *w, int i, int k) {
    pleat_sample sample = {0};
    pleat_window_start(&w->window, i, sample.start);
    return pleat_augment_patch(&sample, w->source, w->config->patch, w->config->pad,
                               w->images + (size_t)k * w->voxels, NULL);
}

static pleat_status run_batch(const work *w, pleat_net *const *nets, int n_nets, int first, int n) {
    const int batch = w->config->batch, classes = w->config->classes;
    for (int k = 0; k < n; k++) PLEAT_TRY(read_patch(w, first + k, k));
    for (int k = n; k < batch; k++)
        memcpy(w->images + (size_t)k * w->voxels, w->images, w->voxels * sizeof *w->images);
    for (int m = 0; m < n_nets; m++) {
        PLEAT_TRY(pleat_net_predict(nets[m], w->images, w->probs));
        for (int k = 0; k < n; k++)
            pleat_window_accumulate(&w->window, first + k,
                                    w->probs + (size_t)k * w->voxels * (size_t)classes, classes,
                                    w->sum);
    }
    return PLEAT_OK;
}

pleat_status pleat_predict_volume(const pleat_predict_config *config, pleat_net *const *nets,
                                  int n_nets, const pleat_source *source, uint8_t *labels) {
    pleat_status status = PLEAT_OK;
    work w = {.config = config, .source = source, .voxels = pleat_voxels(config->patch)};
    const size_t batch = (size_t)config->batch, classes = (size_t)config->classes;
    const size_t total = pleat_voxels(source->dim);
    PLEAT_TRY(
        pleat_window_make(source->dim, config->patch, config->overlap, config->merge, &w.window));
    w.images = malloc(batch * w.voxels * sizeof *w.images);
    w.probs = malloc(batch * w.voxels * classes * sizeof *w.probs);
    w.sum = calloc(total * classes, sizeof *w.sum);
    PLEAT_CHECK_GOTO(status, done, w.images != NULL && w.probs != NULL && w.sum != NULL,
                     PLEAT_ERR_MEMORY,
                     "no memory to predict %d x %d x %d voxels of %d classes (%.1f GiB)",
                     source->dim[2], source->dim[1], source->dim[0], config->classes,
                     (double)(total * classes * sizeof *w.sum) / 0x1p30);
    const int patches = pleat_window_count(&w.window);
    for (int i = 0; i < patches; i += config->batch) {
        const int n = patches - i < config->batch ? patches - i : config->batch;
        PLEAT_TRY_GOTO(status, done, run_batch(&w, nets, n_nets, i, n));
    }
    PLEAT_TRY_GOTO(status, done, pleat_argmax(w.sum, total, config->classes, labels));
done:
    free(w.images);
    free(w.probs);
    free(w.sum);
    pleat_window_free(&w.window);
    return status;
}
