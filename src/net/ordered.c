/*
 * ordered.c - sums over the batch in the order of its samples, whoever computes them.
 *
 * A sum of floats depends on its order, so a sum over ranks depends on how many there are. An
 * ordered net keeps what each sample of the global batch adds in a slot of its own:
 *
 *   1. the engine computes a sample's slot alone, by one thread or in fixed parts
 *   2. the sample's rank broadcasts it; gradients in buckets, while backward goes on
 *   3. every rank adds all slots, from the first sample to the last
 *
 * So one rank does the additions of many. Sample k of rank r is r * batch + k of the global batch.
 */
#include "net_impl.h"

#include <string.h>

static int ranks_of(const pleat_net *net) {
    return net->options.norm_comm != NULL ? net->options.norm_comm->size : 1;
}

static size_t samples_of(const pleat_net *net) {
    return (size_t)net->options.batch * (size_t)ranks_of(net);
}

/* The first sample of this rank. */
static size_t own(const pleat_net *net) {
    const pleat_comm *comm = net->options.norm_comm;
    return comm != NULL ? (size_t)comm->rank * (size_t)net->options.batch : 0;
}

pleat_status pleat_ordered_create(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const pleat_graph *graph = &net->model->graph;
    const size_t samples = samples_of(net);
    size_t channels = 0; /* of the widest norm */
    PLEAT_CHECK(engine->ordered && engine->host_memory, PLEAT_ERR_UNSUPPORTED,
                "engine '%s' was not made to add samples in order", engine->ops->name);
    for (int i = 0; i < graph->n; i++)
        if (graph->node[i].n_stats > 0 && (size_t)graph->node[i].channels > channels)
            channels = (size_t)graph->node[i].channels;
    PLEAT_TRY(engine->ops->alloc(engine, samples * 2 * channels * sizeof(double),
                                 (void **)&net->norm_slots));
    return engine->ops->alloc(engine, samples * graph->params * pleat_dtype_size(engine->real),
                              &net->slots);
}

void pleat_ordered_destroy(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    if (net->norm_slots != NULL) engine->ops->free(engine, net->norm_slots);
    if (net->slots != NULL) engine->ops->free(engine, net->slots);
}

/* Parameter `at` of a sample's slot. */
static void *slot_at(const pleat_net *net, size_t sample, size_t at) {
    const size_t i = sample * net->model->graph.params + at;
    return (char *)net->slots + i * pleat_dtype_size(net->model->engine->real);
}

void *pleat_ordered_gradient(const pleat_net *net, size_t at) { return slot_at(net, own(net), at); }

/* --- gradients --- */

pleat_status pleat_ordered_begin(pleat_net *net) {
    for (size_t k = 0; k < (size_t)net->options.batch; k++)
        PLEAT_TRY(pleat_net_clear_gradients(net, slot_at(net, own(net) + k, 0)));
    return PLEAT_OK;
}

pleat_status pleat_ordered_send(pleat_net *net, size_t at, size_t n) {
    pleat_comm *comm = net->options.norm_comm;
    for (size_t s = 0; ranks_of(net) > 1 && s < samples_of(net); s++)
        PLEAT_TRY(pleat_comm_broadcast(comm, slot_at(net, s, at), n, net->model->engine->real,
                                       (int)(s / (size_t)net->options.batch)));
    return PLEAT_OK;
}

static void add_floats(const float *slots, size_t samples, size_t n, int threads, float *out) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < n; i++) {
        float sum = slots[i];
        for (size_t s = 1; s < samples; s++) sum += slots[s * n + i];
        out[i] = sum;
    }
}

static void add_doubles(const double *slots, size_t samples, size_t n, double *out) {
    for (size_t i = 0; i < n; i++) {
        double sum = slots[i];
        for (size_t s = 1; s < samples; s++) sum += slots[s * n + i];
        out[i] = sum;
    }
}

pleat_status pleat_ordered_finish(pleat_net *net) {
    const pleat_model *model = net->model;
    const size_t n = model->graph.params, samples = samples_of(net);
    void *grads = model->data[PLEAT_STATE_GRADS];
    if (ranks_of(net) > 1) PLEAT_TRY(pleat_comm_wait(net->options.norm_comm));
    if (model->engine->real == PLEAT_F64)
        add_doubles(net->slots, samples, n, grads);
    else
        add_floats(net->slots, samples, n, model->engine->threads, grads);
    return PLEAT_OK;
}

/* --- norm --- */

/* The slots of all samples, added up. */
static pleat_status share(pleat_net *net, size_t width, double *sums) {
    const size_t batch = (size_t)net->options.batch;
    pleat_comm *comm = net->options.norm_comm;
    for (int r = 0; ranks_of(net) > 1 && r < comm->size; r++)
        PLEAT_TRY(pleat_comm_broadcast(comm, net->norm_slots + (size_t)r * batch * width,
                                       batch * width, PLEAT_F64, r));
    if (ranks_of(net) > 1) PLEAT_TRY(pleat_comm_wait(comm));
    memset(sums, 0, width * sizeof *sums);
    for (size_t s = 0; s < samples_of(net); s++)
        for (size_t c = 0; c < width; c++) sums[c] += net->norm_slots[s * width + c];
    return PLEAT_OK;
}

pleat_status pleat_ordered_sums(pleat_net *net, int i, pleat_ordered_function add,
                                const void *context, double *sums, double *count) {
    const pleat_node *node = pleat_net_node(net, i);
    const size_t width = 2 * (size_t)node->channels;
    for (int k = 0; k < net->options.batch; k++) {
        const size_t s = own(net) + (size_t)k;
        PLEAT_TRY(add(context, k, net->norm_slots + s * width, slot_at(net, s, node->weights),
                      slot_at(net, s, node->bias)));
    }
    *count = (double)pleat_tensor_voxels(&net->layer[i].x) * ranks_of(net);
    return share(net, width, sums);
}
