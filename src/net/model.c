/* model.c - the flat buffers of a network: parameters, gradients, moments, running statistics, and
 * averages of the parameters and statistics over the steps. */
#include "net_impl.h"

#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>

pleat_status pleat_model_create(const pleat_graph *graph, pleat_engine *engine, int train,
                                pleat_model **out) {
    pleat_status status = PLEAT_OK;
    pleat_model *model = calloc(1, sizeof *model);
    PLEAT_CHECK(model != NULL, PLEAT_ERR_MEMORY, "no memory for a model");
    model->engine = engine;
    PLEAT_TRY_GOTO(status, done, pleat_graph_copy(graph, &model->graph));
    model->train = train;
    for (int s = 0; s < PLEAT_STATE_AVERAGE; s++) {
        if (!train && s >= PLEAT_STATE_GRADS) break;
        model->count[s] = s == PLEAT_STATE_STATS ? graph->stats : graph->params;
        const size_t bytes = model->count[s] * pleat_dtype_size(engine->real);
        PLEAT_TRY_GOTO(status, done, engine->ops->alloc(engine, bytes, &model->data[s]));
    }
    *out = model;
    model = NULL;
done:
    pleat_model_destroy(model);
    return status;
}

void pleat_model_destroy(pleat_model *model) {
    if (model == NULL) return;
    for (int s = 0; s < PLEAT_STATES; s++)
        if (model->data[s] != NULL) model->engine->ops->free(model->engine, model->data[s]);
    pleat_graph_free(&model->graph);
    free(model);
}

size_t pleat_model_count(const pleat_model *model, pleat_state state) {
    return model->count[state];
}
void *pleat_model_data(const pleat_model *model, pleat_state state) { return model->data[state]; }
void pleat_model_touch(pleat_model *model) { model->version++; }
const pleat_graph *pleat_model_graph(const pleat_model *model) { return &model->graph; }
pleat_engine *pleat_model_engine(const pleat_model *model) { return model->engine; }

pleat_status pleat_model_get(pleat_model *model, pleat_state state, float *host) {
    pleat_engine *engine = model->engine;
    const size_t n = model->count[state];
    if (engine->real == PLEAT_F32)
        return engine->ops->download(engine, host, model->data[state], n * sizeof *host);
    double *wide = malloc((n + 1) * sizeof *wide);
    PLEAT_CHECK(wide != NULL, PLEAT_ERR_MEMORY, "no memory to copy %zu parameters", n);
    const pleat_status status =
        engine->ops->download(engine, wide, model->data[state], n * sizeof *wide);
    for (size_t i = 0; status == PLEAT_OK && i < n; i++) host[i] = (float)wide[i];
    free(wide);
    return status;
}

pleat_status pleat_model_set(pleat_model *model, pleat_state state, const float *host) {
    pleat_engine *engine = model->engine;
    const size_t n = model->count[state];
    pleat_model_touch(model);
    if (engine->real == PLEAT_F32)
        return engine->ops->upload(engine, model->data[state], host, n * sizeof *host);
    double *wide = malloc((n + 1) * sizeof *wide);
    PLEAT_CHECK(wide != NULL, PLEAT_ERR_MEMORY, "no memory to copy %zu parameters", n);
    for (size_t i = 0; i < n; i++) wide[i] = host[i];
    const pleat_status status =
        engine->ops->upload(engine, model->data[state], wide, n * sizeof *wide);
    free(wide);
    return status;
}

pleat_status pleat_model_init(pleat_model *model, uint64_t seed, int fold) {
    const pleat_graph *graph = &model->graph;
    pleat_status status = PLEAT_OK;
    float *params = calloc(graph->params + 1, sizeof *params);
    float *stats = calloc(graph->stats + 1, sizeof *stats);
    PLEAT_CHECK_GOTO(status, done, params != NULL && stats != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %zu parameters", graph->params);
    for (int i = 0; i < graph->n; i++) {
        const pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_INIT, (uint32_t)fold, (uint32_t)i, 0);
        const pleat_node *node = &graph->node[i];
        if (node->kind->initialise != NULL)
            node->kind->initialise(graph, node, &rng, params, stats);
    }
    PLEAT_TRY_GOTO(status, done, pleat_model_set(model, PLEAT_STATE_PARAMS, params));
    PLEAT_TRY_GOTO(status, done, pleat_model_set(model, PLEAT_STATE_STATS, stats));
    for (int s = PLEAT_STATE_GRADS; model->train && s < PLEAT_STATE_AVERAGE; s++) {
        const size_t bytes = model->count[s] * pleat_dtype_size(model->engine->real);
        PLEAT_TRY_GOTO(status, done,
                       model->engine->ops->zero(model->engine, model->data[s], bytes));
    }
done:
    free(params);
    free(stats);
    return status;
}

pleat_status pleat_model_begin_amsgrad(pleat_model *model) {
    pleat_engine *engine = model->engine;
    void **to = &model->data[PLEAT_STATE_MOMENT2_MAX];
    const size_t n = model->count[PLEAT_STATE_PARAMS], bytes = n * pleat_dtype_size(engine->real);
    if (*to == NULL) PLEAT_TRY(engine->ops->alloc(engine, bytes, to));
    model->count[PLEAT_STATE_MOMENT2_MAX] = n;
    return engine->ops->zero(engine, *to, bytes);
}

/* The average of a state, and the state. */
static const pleat_state averages[][2] = {{PLEAT_STATE_AVERAGE, PLEAT_STATE_PARAMS},
                                          {PLEAT_STATE_AVERAGE_STATS, PLEAT_STATE_STATS}};
enum { AVERAGES = sizeof averages / sizeof *averages };

pleat_status pleat_model_begin_average(pleat_model *model) {
    pleat_engine *engine = model->engine;
    for (int i = 0; i < AVERAGES; i++) {
        const pleat_state to = averages[i][0], from = averages[i][1];
        const size_t n = model->count[from];
        if (model->data[to] == NULL)
            PLEAT_TRY(
                engine->ops->alloc(engine, n * pleat_dtype_size(engine->real), &model->data[to]));
        model->count[to] = n;
        PLEAT_TRY(engine->ops->average(engine, 0.0, n, model->data[from], model->data[to]));
    }
    return PLEAT_OK;
}

void pleat_model_swap_average(pleat_model *model) {
    for (int i = 0; i < AVERAGES; i++) {
        void *swapped = model->data[averages[i][0]];
        model->data[averages[i][0]] = model->data[averages[i][1]];
        model->data[averages[i][1]] = swapped;
    }
    pleat_model_touch(model);
}

/* As TensorFlow's ExponentialMovingAverage: the first steps, which learn most, are soon forgotten.
 */
static pleat_status follow(pleat_model *model, double most, int64_t step) {
    pleat_engine *engine = model->engine;
    const double keep = fmin(most, (1.0 + (double)step) / (10.0 + (double)step));
    for (int i = 0; i < AVERAGES; i++)
        PLEAT_TRY(engine->ops->average(engine, keep, model->count[averages[i][1]],
                                       model->data[averages[i][1]], model->data[averages[i][0]]));
    return PLEAT_OK;
}

pleat_status pleat_model_update(pleat_model *model, const pleat_update *how, double rate,
                                int64_t step) {
    static const pleat_update usual = {0};
    pleat_engine *engine = model->engine;
    const size_t n = model->count[PLEAT_STATE_PARAMS];
    void *params = model->data[PLEAT_STATE_PARAMS], *grads = model->data[PLEAT_STATE_GRADS];
    if (how == NULL) how = &usual;
    void *const moments[] = {model->data[PLEAT_STATE_MOMENT1], model->data[PLEAT_STATE_MOMENT2],
                             pleat_update_amsgrad(how) ? model->data[PLEAT_STATE_MOMENT2_MAX]
                                                       : NULL};
    pleat_model_touch(model);
    if (how->clip > 0) PLEAT_TRY(engine->ops->clip(engine, how->clip, n, grads));
    PLEAT_TRY(pleat_optimizers[how->optimizer]->update(engine, how, rate, step, n, params, grads,
                                                       moments));
    return how->average > 0 ? follow(model, how->average, step) : PLEAT_OK;
}
