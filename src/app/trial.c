/* trial.c - a few steps of training: what they take. */
#include "trial.h"

#include "../bench/bench.h"

#include <stdlib.h>
#include <string.h>

typedef struct trial { /* one rank's part of a step, on noise */
    pleat_graph graph;
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    int channels, batch;
    const pleat_update *how;
    int64_t step;
    float *images;
    uint8_t *labels;
} trial;

static pleat_status one_step(void *context) {
    trial *t = context;
    PLEAT_TRY(pleat_net_train(t->net, t->images, t->labels, t->batch, NULL, NULL));
    PLEAT_TRY(pleat_model_update(t->model, t->how, 1e-3, ++t->step));
    return t->engine->ops->synchronize(t->engine);
}

static pleat_status open_trial(const pleat_config *c, trial *t) {
    pleat_net_options options = {.batch = t->batch,
                                 .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                 .train = 1,
                                 .ordered = c->deterministic && t->engine->ordered,
                                 .norm_momentum = c->train.norm_momentum};
    const size_t n = (size_t)t->batch * pleat_voxels(c->patch);
    pleat_network network = c->network;
    network.channels = t->channels;
    PLEAT_TRY(pleat_network_build(&network, &t->graph));
    PLEAT_TRY(pleat_model_create(&t->graph, t->engine, 1, &t->model));
    PLEAT_TRY(pleat_model_init(t->model, 1, 0));
    if (t->how->average > 0.0) PLEAT_TRY(pleat_model_begin_average(t->model));
    PLEAT_TRY(pleat_net_create(t->model, &options, &t->net));
    const size_t values = (size_t)t->channels * n;
    t->images = malloc(values * sizeof *t->images);
    t->labels = malloc(n);
    PLEAT_CHECK(t->images != NULL && t->labels != NULL, PLEAT_ERR_MEMORY,
                "no memory for %zu voxels", n);
    bench_noise(t->images, values, 1);
    for (size_t i = 0; i < n; i++) t->labels[i] = t->images[i] > 0;
    return PLEAT_OK;
}

static void close_trial(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_graph_free(&t->graph);
    free(t->images);
    free(t->labels);
}

int trial_on_gpu(const char *engine) {
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++)
        if (strcmp(e->name, engine) == 0) return e->on_gpu;
    return 0;
}

pleat_status trial_run(const pleat_config *config, pleat_engine *engine, int channels, int batch,
                       int steps, trial_result *out) {
    trial t = {
        .engine = engine, .channels = channels, .how = &config->train.update, .batch = batch};
    const bench_repeat repeat = {.warmup = 1, .n = steps};
    bench_times times;
    pleat_status status = open_trial(config, &t);
    if (status == PLEAT_OK) status = bench_measure(one_step, &t, &repeat, &times);
    if (status == PLEAT_OK)
        *out = (trial_result){.seconds = times.median / 1e3,
                              .least = times.min / 1e3,
                              .macs = batch * pleat_graph_macs(&t.graph, config->patch)};
    close_trial(&t);
    return status;
}
