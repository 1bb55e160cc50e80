/*
 * predict.c - sliding window over a volume.
 *
 * Patches go through the nets in batches; the last batch is filled up with its first patch, whose
 * second result is not used. Probabilities are added up in one [D,H,W,K] volume, already weighted,
 * so nothing has to be divided at the end; several models are averaged by not dividing either.
 *
 *   engine in host memory, or a volume too large for the GPU's     sum and argmax on the host
 *   else                                                           there; labels alone come back
 */
#include "pleat/predict.h"

#include "pleat/batch_source.h"
#include "pleat/cuda_module.h"
#include "pleat/gpu_window.h"
#include "pleat/log.h"

#include <stdlib.h>
#include <string.h>

typedef struct work {
    const pleat_predict_config *config;
    const pleat_source *source;
    pleat_engine *engine;
    pleat_window window;
    size_t voxels; /* of a patch */
    float *images; /* [batch, patch] */
    /* on the host: */
    float *probs; /* [batch, patch, K] */
    float *sum;   /* [D,H,W,K] */
    /* or on the GPU: */
    pleat_gpu_window *gpu;
} work;

/* Patch i of the grid, into place k of the batch. */
static pleat_status read_patch(const work *w, int i, int k) {
    pleat_sample sample = {0};
    pleat_window_start(&w->window, i, sample.start);
    return pleat_augment_patch(&sample, w->source, w->config->patch, w->config->pad,
                               w->images + (size_t)k * w->voxels, NULL);
}

/* One net's opinion of the batch, whose first n patches are those of the grid from `first` on. */
static pleat_status add_on_host(const work *w, pleat_net *net, int first, int n) {
    const int classes = w->config->classes;
    PLEAT_TRY(pleat_net_predict(net, w->images, w->probs));
    for (int k = 0; k < n; k++)
        pleat_window_accumulate(&w->window, first + k,
                                w->probs + (size_t)k * w->voxels * (size_t)classes, classes,
                                w->sum);
    return PLEAT_OK;
}

static pleat_status add_on_gpu(const work *w, pleat_net *net, int first, int n) {
    const size_t each = w->voxels * (size_t)w->config->classes;
    const float *probs = NULL;
    PLEAT_TRY(pleat_net_probabilities(net, w->images, &probs));
    for (int k = 0; k < n; k++)
        PLEAT_TRY(w->engine->module->window->add(w->gpu, first + k, probs + (size_t)k * each));
    return PLEAT_OK;
}

static pleat_status run_batch(const work *w, pleat_net *const *nets, int n_nets, int first, int n) {
    for (int k = 0; k < n; k++) PLEAT_TRY(read_patch(w, first + k, k));
    for (int k = n; k < w->config->batch; k++)
        memcpy(w->images + (size_t)k * w->voxels, w->images, w->voxels * sizeof *w->images);
    for (int m = 0; m < n_nets; m++)
        PLEAT_TRY(w->gpu != NULL ? add_on_gpu(w, nets[m], first, n)
                                 : add_on_host(w, nets[m], first, n));
    return PLEAT_OK;
}

/* Leaves w->gpu NULL where there is none, or too little of its memory. */
static pleat_status begin_on_gpu(work *w) {
    const pleat_cuda_module *module = w->engine->module;
    const int classes = w->config->classes, *dim = w->source->dim;
    size_t unused = 0, total = 0;
    if (module == NULL || module->window == NULL) return PLEAT_OK;
    PLEAT_TRY(module->memory(w->engine, &unused, &total));
    const size_t bytes = module->window->bytes(&w->window, classes);
    pleat_status status = PLEAT_ERR_MEMORY;
    if (bytes <= pleat_batch_source_budget(0, unused))
        status = module->window->create(w->engine, &w->window, classes, &w->gpu);
    if (status != PLEAT_ERR_MEMORY) return status;
    pleat_log(PLEAT_INFO,
              "%d x %d x %d voxels of %d classes are merged on the host: they need %.1f GiB of the "
              "GPU, of which %.1f are free",
              dim[2], dim[1], dim[0], classes, (double)bytes / 0x1p30, (double)unused / 0x1p30);
    return PLEAT_OK;
}

static pleat_status begin_on_host(work *w) {
    const int *dim = w->source->dim;
    const size_t batch = (size_t)w->config->batch, classes = (size_t)w->config->classes;
    const size_t total = pleat_voxels(dim);
    w->probs = malloc(batch * w->voxels * classes * sizeof *w->probs);
    w->sum = calloc(total * classes, sizeof *w->sum);
    PLEAT_CHECK(w->probs != NULL && w->sum != NULL, PLEAT_ERR_MEMORY,
                "no memory to predict %d x %d x %d voxels of %d classes (%.1f GiB)", dim[2], dim[1],
                dim[0], w->config->classes, (double)(total * classes * sizeof *w->sum) / 0x1p30);
    return PLEAT_OK;
}

static pleat_status begin(work *w) {
    const size_t voxels = (size_t)w->config->batch * w->voxels;
    w->images = malloc(voxels * sizeof *w->images);
    PLEAT_CHECK(w->images != NULL, PLEAT_ERR_MEMORY, "no memory for a batch of %zu voxels", voxels);
    PLEAT_TRY(begin_on_gpu(w));
    return w->gpu != NULL ? PLEAT_OK : begin_on_host(w);
}

static pleat_status label(const work *w, uint8_t *labels) {
    if (w->gpu != NULL) return w->engine->module->window->label(w->gpu, labels);
    return pleat_argmax(w->sum, pleat_voxels(w->source->dim), w->config->classes, labels);
}

pleat_status pleat_predict_volume(const pleat_predict_config *config, pleat_net *const *nets,
                                  int n_nets, const pleat_source *source, uint8_t *labels) {
    pleat_status status = PLEAT_OK;
    work w = {.config = config,
              .source = source,
              .engine = pleat_net_engine(nets[0]),
              .voxels = pleat_voxels(config->patch)};
    PLEAT_TRY(
        pleat_window_make(source->dim, config->patch, config->overlap, config->merge, &w.window));
    PLEAT_TRY_GOTO(status, done, begin(&w));
    const int patches = pleat_window_count(&w.window);
    for (int i = 0; i < patches; i += config->batch) {
        const int n = patches - i < config->batch ? patches - i : config->batch;
        PLEAT_TRY_GOTO(status, done, run_batch(&w, nets, n_nets, i, n));
    }
    PLEAT_TRY_GOTO(status, done, label(&w, labels));
done:
    if (w.gpu != NULL) w.engine->module->window->destroy(w.gpu);
    free(w.images);
    free(w.probs);
    free(w.sum);
    pleat_window_free(&w.window);
    return status;
}
