/*
 * run.c - runs a compiled net: forward, loss, backward, gradients summed over the group.
 *
 * Parameters lie in the order of the nodes and backward goes from the last node to the first, so
 * the gradients that are final are always the tail of the flat buffer. They are handed to the
 * communicator in buckets while backward still runs.
 */
#include "net_impl.h"

#include "pleat/log.h"

#include <stdlib.h>

#define NORM_MOMENTUM 0.99 /* Keras' defaults, as the original uses them */
#define NORM_EPSILON  1e-3

static const size_t BUCKET = 1 << 20; /* reals: 4 MiB, enough to hide a message's latency */

static void *weights_of(const pleat_net *net, pleat_state state, const pleat_node *node) {
    return pleat_model_at(net->model, state, node->weights);
}
static void *bias_of(const pleat_net *net, pleat_state state, const pleat_node *node) {
    return pleat_model_at(net->model, state, node->bias);
}

/* Where backward adds parameter `at`'s gradient. */
static void *gradient_at(const pleat_net *net, size_t at) {
    return net->slots != NULL ? pleat_ordered_gradient(net, at)
                              : pleat_model_at(net->model, PLEAT_STATE_GRADS, at);
}

static pleat_norm norm_of(const pleat_net *net, int i) {
    const pleat_node *node = &net->model->graph.node[i];
    return (pleat_norm){
        .gamma = weights_of(net, PLEAT_STATE_PARAMS, node),
        .beta = bias_of(net, PLEAT_STATE_PARAMS, node),
        .running_mean = pleat_model_at(net->model, PLEAT_STATE_STATS, node->stats),
        .running_var =
            pleat_model_at(net->model, PLEAT_STATE_STATS, node->stats + (size_t)node->channels),
        .mean = net->layer[i].mean,
        .inv_std = net->layer[i].inv_std,
        .momentum = net->options.norm_momentum > 0.0 ? net->options.norm_momentum : NORM_MOMENTUM,
        .epsilon = NORM_EPSILON,
    };
}

/* Engine memory that the communicator cannot read: down, summed, up again. */
static pleat_status sum_through_host(pleat_net *net, pleat_comm *comm, void *data, size_t n,
                                     pleat_dtype type) {
    pleat_engine *engine = net->model->engine;
    const size_t bytes = n * pleat_dtype_size(type);
    if (net->host == NULL)
        pleat_log(PLEAT_INFO, "gradients cross host memory: communicator '%s' cannot read %s",
                  comm->ops->name, engine->device);
    if (bytes > net->host_bytes) {
        void *grown = realloc(net->host, bytes);
        PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to exchange %zu bytes", bytes);
        net->host = grown;
        net->host_bytes = bytes;
    }
    PLEAT_TRY(engine->ops->download(engine, net->host, data, bytes));
    PLEAT_TRY(pleat_comm_allreduce_sum(comm, net->host, n, type));
    PLEAT_TRY(pleat_comm_wait(comm));
    return engine->ops->upload(engine, data, net->host, bytes);
}

/* Sums engine memory over a group, in place; may return before the sums are there. */
static pleat_status sum_over(pleat_net *net, pleat_comm *comm, void *data, size_t n,
                             pleat_dtype type) {
    if (net->model->engine->host_memory || comm->ops->device_memory)
        return pleat_comm_allreduce_sum(comm, data, n, type);
    return sum_through_host(net, comm, data, n, type);
}

/* Adds the sums of the other ranks when the group's statistics are wanted; *count grows too. */
static pleat_status share_sums(pleat_net *net, int i, double *count) {
    pleat_comm *comm = net->options.norm_comm;
    *count = (double)pleat_tensor_voxels(&net->layer[i].x);
    if (comm == NULL || comm->size == 1) return PLEAT_OK;
    *count *= comm->size; /* every rank has the same batch */
    const size_t n = 2 * (size_t)net->layer[i].x.c;
    PLEAT_TRY(sum_over(net, comm, net->layer[i].sums, n, PLEAT_F64));
    return pleat_comm_order(comm);
}

static pleat_status norm_forward(pleat_net *net, int i, int training) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    const pleat_tensor *x = &net->layer[net->model->graph.node[i].input[0]].x;
    const pleat_norm norm = norm_of(net, i);
    if (!training) return engine->ops->norm_infer(engine, &norm, x, &layer->x);
    double count = 0.0;
    if (net->slots != NULL) {
        PLEAT_TRY(pleat_ordered_norm_sums(net, i, x, &count));
    } else {
        PLEAT_TRY(engine->ops->norm_sums(engine, x, layer->sums));
        PLEAT_TRY(share_sums(net, i, &count));
    }
    return engine->ops->norm_forward(engine, &norm, x, layer->sums, count, &layer->x);
}

static pleat_status concat_forward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    for (int k = 0, at = 0; k < 2; k++) {
        const pleat_layer *in = &net->layer[node->input[k]];
        pleat_tensor half = in->x;
        half.pitch = node->channels;
        half.data = (char *)net->layer[i].x.data + (size_t)at * pleat_dtype_size(engine->act);
        at += in->x.c;
        if (in->slice_of < 0) PLEAT_TRY(engine->ops->copy(engine, &in->x, 0, &half));
    }
    return PLEAT_OK;
}

static pleat_status node_forward(pleat_net *net, int i, int training) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    pleat_layer *layer = &net->layer[i];
    if (node->kind == PLEAT_NODE_INPUT) return PLEAT_OK;
    if (node->kind == PLEAT_NODE_NORM) return norm_forward(net, i, training);
    if (node->kind == PLEAT_NODE_CONCAT) return concat_forward(net, i);
    const pleat_tensor *x = &net->layer[node->input[0]].x;
    if (node->kind == PLEAT_NODE_POOL)
        return engine->ops->pool_forward(engine, x, &layer->x, layer->index);
    return engine->ops->conv_forward(engine, layer->conv, weights_of(net, PLEAT_STATE_PARAMS, node),
                                     bias_of(net, PLEAT_STATE_PARAMS, node), x, &layer->x);
}

/* The engine's own copies of the weights, when they have changed since. */
static pleat_status pack(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    if (net->version == net->model->version) return PLEAT_OK;
    for (int i = 0; i < net->model->graph.n; i++)
        if (net->layer[i].conv != NULL)
            PLEAT_TRY(engine->ops->conv_pack(
                engine, net->layer[i].conv,
                weights_of(net, PLEAT_STATE_PARAMS, &net->model->graph.node[i])));
    net->version = net->model->version;
    return PLEAT_OK;
}

static pleat_status give_images(pleat_net *net, const float *images) {
    pleat_engine *engine = net->model->engine;
    return engine->ops->input(engine, images, (size_t)net->options.batch * net->voxels,
                              net->layer[0].x.data);
}

static pleat_status give_labels(pleat_net *net, const uint8_t *labels) {
    pleat_engine *engine = net->model->engine;
    return engine->ops->upload(engine, net->labels, labels,
                               (size_t)net->options.batch * net->voxels);
}

static pleat_status forward(pleat_net *net, int training) {
    PLEAT_TRY(pack(net));
    for (int i = 0; i < net->model->graph.n; i++) PLEAT_TRY(node_forward(net, i, training));
    return PLEAT_OK;
}

/* labels NULL: they are there. */
static pleat_status loss(pleat_net *net, const uint8_t *labels) {
    pleat_engine *engine = net->model->engine;
    if (labels != NULL) PLEAT_TRY(give_labels(net, labels));
    return engine->ops->loss_forward(engine, net->logits, net->labels, net->options.batch,
                                     net->voxels, net->classes, net->logits, net->loss_sums);
}

static pleat_status take_sums(pleat_net *net, double *sums) {
    pleat_engine *engine = net->model->engine;
    if (sums == NULL) return PLEAT_OK;
    return engine->ops->download(engine, sums, net->loss_sums,
                                 pleat_net_sums(net) * sizeof(double));
}

static pleat_status norm_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    const pleat_layer *layer = &net->layer[i], *in = &net->layer[node->input[0]];
    const pleat_norm norm = norm_of(net, i);
    double count = 0.0;
    if (net->slots != NULL) {
        PLEAT_TRY(pleat_ordered_norm_backward_sums(net, i, &norm, &in->x, &count));
    } else {
        PLEAT_TRY(engine->ops->norm_backward_sums(engine, &norm, &in->x, &layer->dx, layer->sums,
                                                  gradient_at(net, node->weights),
                                                  gradient_at(net, node->bias)));
        PLEAT_TRY(share_sums(net, i, &count));
    }
    return engine->ops->norm_backward(engine, &norm, &in->x, &layer->dx, layer->sums, count,
                                      net->model->graph.node[node->input[0]].relu, &in->dx);
}

static pleat_status concat_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    for (int k = 0, at = 0; k < 2; k++) {
        const pleat_layer *in = &net->layer[node->input[k]];
        pleat_tensor half = in->dx;
        half.pitch = node->channels;
        half.data = (char *)net->layer[i].dx.data + (size_t)at * pleat_dtype_size(engine->act);
        at += in->dx.c;
        if (node->input[k] == 0 || in->slice_of >= 0) continue;
        PLEAT_TRY(engine->ops->copy(engine, &half, 0, &in->dx));
    }
    return PLEAT_OK;
}

static pleat_status conv_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    const pleat_layer *layer = &net->layer[i], *in = &net->layer[node->input[0]];
    const pleat_tensor *dy = node->kind == PLEAT_NODE_HEAD ? &net->dlogits : &layer->dx;
    if (node->relu && !layer->normed)
        PLEAT_TRY(engine->ops->relu_backward(engine, &layer->x, dy, dy));
    PLEAT_TRY(engine->ops->conv_backward_weights(engine, layer->conv, &in->x, dy,
                                                 gradient_at(net, node->weights),
                                                 gradient_at(net, node->bias)));
    if (node->input[0] == 0) return PLEAT_OK;
    return engine->ops->conv_backward_data(engine, layer->conv,
                                           weights_of(net, PLEAT_STATE_PARAMS, node), dy, &in->dx);
}

static pleat_status node_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = &net->model->graph.node[i];
    if (node->kind == PLEAT_NODE_NORM) return norm_backward(net, i);
    if (node->kind == PLEAT_NODE_CONCAT) return concat_backward(net, i);
    if (node->kind != PLEAT_NODE_POOL) return conv_backward(net, i);
    if (node->input[0] == 0) return PLEAT_OK;
    const pleat_layer *in = &net->layer[node->input[0]];
    return engine->ops->pool_backward(engine, &net->layer[i].dx, net->layer[i].index, in->joined,
                                      &in->dx);
}

/* Backward through all nodes; buckets of final gradients go to `group`. */
static pleat_status backward(pleat_net *net, pleat_comm *group) {
    const pleat_graph *graph = &net->model->graph;
    const int shared = group != NULL && group->size > 1;
    size_t end = graph->params;
    for (int i = graph->n - 1; i > 0; i--) {
        const pleat_node *node = &graph->node[i];
        PLEAT_TRY(node_backward(net, i));
        if (!shared || node->n_weights == 0) continue;
        if (end - node->weights < BUCKET && node->weights > 0) continue;
        const size_t n = end - node->weights;
        end = node->weights;
        if (net->slots != NULL)
            PLEAT_TRY(pleat_ordered_send(net, end, n));
        else
            PLEAT_TRY(sum_over(net, group, gradient_at(net, end), n, net->model->engine->real));
    }
    if (net->slots != NULL) return pleat_ordered_finish(net);
    return shared ? pleat_comm_order(group) : PLEAT_OK;
}

pleat_status pleat_net_compute(pleat_net *net, const uint8_t *labels, int global_batch,
                               pleat_comm *group) {
    pleat_model *model = net->model;
    pleat_engine *engine = model->engine;
    const pleat_comm *norm_comm = net->options.norm_comm;
    PLEAT_CHECK(net->slots == NULL ||
                    (group != NULL ? group->size : 1) == (norm_comm != NULL ? norm_comm->size : 1),
                PLEAT_ERR_ARG, "an ordered net is trained by the group it was made for");
    PLEAT_TRY(forward(net, 1));
    PLEAT_TRY(loss(net, labels));
    PLEAT_TRY(engine->ops->host_call_run(engine, net->find_slopes, net->loss_sums, net->slopes));
    const pleat_loss_gradient gradient = {
        net->slopes, net->loss->crossentropy / (double)net->voxels, 1.0 / global_batch};
    PLEAT_TRY(engine->ops->loss_backward(engine, net->logits, net->labels, net->options.batch,
                                         net->voxels, net->classes, &gradient, net->dlogits.data));
    if (net->slots != NULL)
        PLEAT_TRY(pleat_ordered_begin(net));
    else
        PLEAT_TRY(
            engine->ops->zero(engine, model->data[PLEAT_STATE_GRADS],
                              model->count[PLEAT_STATE_GRADS] * pleat_dtype_size(engine->real)));
    return backward(net, group);
}

pleat_status pleat_net_inputs(pleat_net *net, void **images, uint8_t **labels) {
    PLEAT_CHECK(net->fed, PLEAT_ERR_UNSUPPORTED, "engine '%s' takes its batches from the host",
                net->model->engine->ops->name);
    *images = net->layer[0].x.data;
    *labels = net->labels;
    return PLEAT_OK;
}

pleat_status pleat_net_queue(pleat_net *net, const float *images, const uint8_t *labels,
                             int global_batch, pleat_comm *group) {
    if (images != NULL) PLEAT_TRY(give_images(net, images));
    if (!net->fed) return pleat_net_compute(net, labels, global_batch, group);
    if (labels != NULL) PLEAT_TRY(give_labels(net, labels));
    return pleat_net_replay(net, global_batch, group);
}

/* A lost peer is found by the communicators: the engine would wait for it for ever. */
pleat_status pleat_net_finish(pleat_net *net, pleat_comm *group, double *sums) {
    pleat_engine *engine = net->model->engine;
    pleat_comm *norms = net->options.norm_comm;
    if (group != NULL && group->size > 1) PLEAT_TRY(pleat_comm_wait(group));
    if (norms != NULL && norms->size > 1 && norms != group) PLEAT_TRY(pleat_comm_wait(norms));
    PLEAT_TRY(take_sums(net, sums));
    return engine->ops->synchronize(engine);
}

pleat_status pleat_net_train(pleat_net *net, const float *images, const uint8_t *labels,
                             int global_batch, pleat_comm *group, double *sums) {
    PLEAT_TRY(pleat_net_queue(net, images, labels, global_batch, group));
    return pleat_net_finish(net, group, sums);
}

pleat_status pleat_net_evaluate(pleat_net *net, const float *images, const uint8_t *labels,
                                double *sums) {
    PLEAT_TRY(give_images(net, images));
    PLEAT_TRY(forward(net, 0));
    PLEAT_TRY(loss(net, labels));
    return take_sums(net, sums);
}

pleat_status pleat_net_probabilities(pleat_net *net, const float *images, const float **probs) {
    pleat_engine *engine = net->model->engine;
    PLEAT_CHECK(engine->real == PLEAT_F32, PLEAT_ERR_UNSUPPORTED,
                "engine '%s' cannot predict: its probabilities are double", engine->ops->name);
    PLEAT_TRY(give_images(net, images));
    PLEAT_TRY(forward(net, 0));
    PLEAT_TRY(engine->ops->softmax(engine, net->logits, (size_t)net->options.batch * net->voxels,
                                   net->classes, net->logits));
    *probs = net->logits;
    return PLEAT_OK;
}

pleat_status pleat_net_predict(pleat_net *net, const float *images, float *probs) {
    pleat_engine *engine = net->model->engine;
    const size_t n = (size_t)net->options.batch * net->voxels * (size_t)net->classes;
    const float *found = NULL;
    PLEAT_TRY(pleat_net_probabilities(net, images, &found));
    return engine->ops->download(engine, probs, found, n * sizeof *probs);
}
