/* support_net.c - small networks, engines and random batches that several tests share. */
#include "support_net.h"

#include "pleat/rng.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

pleat_engine *net_engine(const char *name, pleat_precision precision) {
    const int oracle = strncmp(name, "ref", 3) == 0;
    const int threads = oracle || omp_get_max_threads() < 2 ? 1 : 2;
    const pleat_engine_options options = {.engine = name,
                                          .precision = precision,
                                          .threads = threads,
                                          .device = -1,
                                          .deterministic = strcmp(name, "cudnn") == 0};
    pleat_engine *engine = NULL;
    OK(pleat_engine_create(&options, &engine));
    return engine;
}

const char *net_engine_missing(const char *name) {
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++)
        if (strcmp(e->name, name) == 0) return e->missing();
    return "not of this build";
}

void net_graph(pleat_graph *graph, const pleat_network *network) {
    pleat_graph_free(graph);
    OK(pleat_network_build(network, graph));
}

pleat_model *net_model(const pleat_graph *graph, pleat_engine *engine, int train) {
    pleat_model *model = NULL;
    OK(pleat_model_create(graph, engine, train, &model));
    OK(pleat_model_init(model, 7, 0));
    float *params = malloc(graph->params * sizeof *params);
    assert_non_null(params);
    OK(pleat_model_get(model, PLEAT_STATE_PARAMS, params));
    const pleat_rng rng = pleat_rng_at(7, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        const size_t first = node->n_stats > 0 ? node->weights : node->bias;
        for (size_t k = first; k < node->bias + node->n_bias; k++)
            params[k] += (float)pleat_rng_range(&rng, (uint32_t)k, -0.2, 0.2);
    }
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, params));
    free(params);
    return model;
}

pleat_net *net_compile(pleat_model *model, int batch, const int dim[3], int train,
                       pleat_comm *norm_comm) {
    const pleat_net_options options = {
        .batch = batch, .dim = {dim[0], dim[1], dim[2]}, .train = train, .norm_comm = norm_comm};
    pleat_net *net = NULL;
    OK(pleat_net_create(model, &options, &net));
    return net;
}

float *net_state(pleat_model *model, pleat_state state) {
    float *host = malloc((pleat_model_count(model, state) + 1) * sizeof *host);
    assert_non_null(host);
    OK(pleat_model_get(model, state, host));
    return host;
}

void net_batch(uint64_t seed, size_t voxels, int classes, float *images, uint8_t *labels) {
    const pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_PHANTOM, 1, 0, 0);
    for (size_t v = 0; v < voxels; v++) {
        const double u = pleat_rng_uniform(&rng, (uint32_t)v);
        images[v] = (float)(2 * u - 1);
        labels[v] = v % 9 == 4 ? 255 : (uint8_t)(u * classes);
    }
}

double net_loss(const pleat_net *net, const double *sums, int n) {
    double metrics[PLEAT_MOST_METRICS];
    pleat_net_metrics(net, sums, n, metrics);
    return metrics[0];
}

double net_nmse(const float *got, const float *want, size_t n) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += (double)want[i] * want[i];
    }
    return off / all;
}
