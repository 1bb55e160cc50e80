/*
 * run.c - runs a compiled net: forward, loss, backward, gradients summed over the group.
 *
 * Parameters lie in the order of the nodes and backward goes from the last node to the first, so
 * the gradients that are final are always the tail of the flat buffer. They are handed to the
 * communicator in buckets while backward still runs.
 */
#include "net_impl.h"

#include "pleat/log.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

static const size_t BUCKET = 1 << 20; /* reals: 4 MiB, enough to hide a message's latency */

/* --- for the kinds of nodes ------------------------------------------------------------------- */

void *pleat_net_weights(const pleat_net *net, pleat_state state, int i) {
    return pleat_model_at(net->model, state, pleat_net_node(net, i)->weights);
}

void *pleat_net_bias(const pleat_net *net, pleat_state state, int i) {
    const pleat_node *node = pleat_net_node(net, i);
    return node->n_bias > 0 ? pleat_model_at(net->model, state, node->bias) : NULL;
}

/* Where backward adds parameter `at`'s gradient. */
static void *gradient_at(const pleat_net *net, size_t at) {
    return net->slots != NULL ? pleat_ordered_gradient(net, at)
                              : pleat_model_at(net->model, PLEAT_STATE_GRADS, at);
}

void *pleat_net_weight_gradient(const pleat_net *net, int i) {
    return gradient_at(net, pleat_net_node(net, i)->weights);
}

void *pleat_net_bias_gradient(const pleat_net *net, int i) {
    const pleat_node *node = pleat_net_node(net, i);
    return node->n_bias > 0 ? gradient_at(net, node->bias) : NULL;
}

int pleat_net_bias_by_reader(const pleat_net *net, int i) {
    return net->model->engine->bias_by_norm && net->layer[i].masked && net->slots == NULL;
}

int pleat_net_starts_gradient(const pleat_net *net, int i) {
    return net->model->engine->starts_gradients && pleat_net_node(net, i)->kind->starts;
}

pleat_status pleat_net_clear_gradients(pleat_net *net, void *grads) {
    pleat_engine *engine = net->model->engine;
    const pleat_graph *graph = &net->model->graph;
    const size_t real = pleat_dtype_size(engine->real);
    size_t from = 0; /* not zero yet */
    for (int i = 0; i <= graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (i < graph->n && !pleat_net_starts_gradient(net, i)) continue;
        const size_t to = i < graph->n ? node->weights : graph->params;
        if (to > from)
            PLEAT_TRY(engine->ops->zero(engine, (char *)grads + from * real, (to - from) * real));
        if (i < graph->n) from = node->weights + node->n_weights;
    }
    return PLEAT_OK;
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

pleat_status pleat_net_sum_over(pleat_net *net, pleat_comm *comm, void *data, size_t n,
                                pleat_dtype type) {
    if (net->model->engine->host_memory || comm->ops->device_memory)
        return pleat_comm_allreduce_sum(comm, data, n, type);
    return sum_through_host(net, comm, data, n, type);
}

/* --- forward ---------------------------------------------------------------------------------- */

/* The engine's own copies of the weights, when they have changed since. */
static pleat_status pack(pleat_net *net) {
    if (net->version == net->model->version) return PLEAT_OK;
    for (int i = 0; i < net->model->graph.n; i++) {
        const pleat_node_kind *kind = pleat_net_node(net, i)->kind;
        if (net->layer[i].used && kind->pack != NULL) PLEAT_TRY(kind->pack(net, i));
    }
    net->version = net->model->version;
    return PLEAT_OK;
}

static pleat_status give_images(pleat_net *net, const float *images) {
    pleat_engine *engine = net->model->engine;
    const size_t voxels = (size_t)net->options.batch * net->voxels;
    return engine->ops->input(engine, images, voxels * (size_t)net->layer[0].x.c,
                              net->layer[0].x.data);
}

static pleat_status give_labels(pleat_net *net, const uint8_t *labels) {
    pleat_engine *engine = net->model->engine;
    return engine->ops->upload(engine, net->labels, labels,
                               (size_t)net->options.batch * net->voxels);
}

pleat_status pleat_net_forward(pleat_net *net, int training) {
    PLEAT_TRY(pack(net));
    for (int i = 0; i < net->model->graph.n; i++) {
        const pleat_node_kind *kind = pleat_net_node(net, i)->kind;
        if (net->layer[i].used && kind->forward != NULL) PLEAT_TRY(kind->forward(net, i, training));
    }
    return PLEAT_OK;
}

/* --- loss ------------------------------------------------------------------------------------- */

/* Probabilities, in the place of the logits, and sums of n samples of a head from `first` on. */
static pleat_status head_loss(pleat_net *net, int h, int first, int n) {
    pleat_engine *engine = net->model->engine;
    const pleat_net_head *head = &net->head[h];
    const pleat_targets targets = pleat_top_targets(net, h);
    const size_t from = (size_t)first * head->voxels, classes = (size_t)net->classes;
    char *logits = net->layer[head->node].x.data;
    logits += from * classes * pleat_dtype_size(engine->real);
    return engine->ops->loss_forward(engine, &targets, logits, head->labels + from, n, head->voxels,
                                     net->classes, logits,
                                     head->sums + (size_t)first * PLEAT_LOSS_SUMS(classes));
}

/* Of samples whose largest E are looked for together, over the ranks of `comm`. */
static pleat_status top_loss(pleat_net *net, int first, int n, pleat_comm *comm) {
    PLEAT_TRY(pleat_top_find(net, first, n, comm));
    for (int h = 0; h < net->heads; h++) PLEAT_TRY(head_loss(net, h, first, n));
    return PLEAT_OK;
}

static pleat_status softmax_heads(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    for (int h = 0; h < net->heads; h++) {
        void *logits = net->layer[net->head[h].node].x.data;
        const size_t voxels = (size_t)net->options.batch * net->head[h].voxels;
        PLEAT_TRY(engine->ops->softmax(engine, logits, voxels, net->classes, logits));
    }
    return PLEAT_OK;
}

/* labels NULL: they are there. A step is over the batch of all ranks, else each sample is by
 * itself. */
static pleat_status loss(pleat_net *net, const uint8_t *labels, int step) {
    pleat_engine *engine = net->model->engine;
    const int n = net->options.batch;
    if (labels != NULL) PLEAT_TRY(give_labels(net, labels));
    if (net->samples > (size_t)n) /* what other ranks add is 0 here */
        PLEAT_TRY(
            engine->ops->zero(engine, net->loss_sums,
                              net->samples * pleat_net_sample_sums(net) * sizeof *net->loss_sums));
    for (int h = 0; h < net->heads; h++) {
        const pleat_net_head *head = &net->head[h];
        if (head->labels != net->labels)
            PLEAT_TRY(engine->ops->coarsen_labels(engine, net->labels, n, net->options.dim,
                                                  head->step, head->labels));
        if (net->top == NULL) PLEAT_TRY(head_loss(net, h, 0, n));
    }
    if (net->top == NULL) return PLEAT_OK;
    PLEAT_TRY(softmax_heads(net));
    if (step) return top_loss(net, 0, n, net->options.loss_comm);
    for (int b = 0; b < n; b++) PLEAT_TRY(top_loss(net, b, 1, NULL));
    return PLEAT_OK;
}

void pleat_net_add_sums(const double *sums, size_t rows, size_t pitch, size_t width, double *out) {
    memset(out, 0, width * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++) out[i] += sums[r * pitch + i];
}

/* Each rank's samples have a place of their own in the sums of a loss of the batch, so their sum
 * over the ranks is all samples' sums, whoever computed them. */
static pleat_status share_sums(pleat_net *net) {
    pleat_comm *comm = net->options.loss_comm;
    if (net->samples == (size_t)net->options.batch) return PLEAT_OK;
    PLEAT_TRY(pleat_net_sum_over(net, comm, net->loss_sums,
                                 net->samples * pleat_net_sample_sums(net), PLEAT_F64));
    return pleat_comm_order(comm);
}

static pleat_status loss_backward(pleat_net *net, int global_batch) {
    pleat_engine *engine = net->model->engine;
    PLEAT_TRY(share_sums(net));
    for (int h = 0; h < net->heads; h++) {
        const pleat_net_head *head = &net->head[h];
        const pleat_layer *layer = &net->layer[head->node];
        const pleat_targets targets = pleat_top_targets(net, h);
        const pleat_loss_gradient gradient = {
            head->slopes, pleat_net_node(net, head->node)->weight / global_batch};
        PLEAT_TRY(engine->ops->host_call_run(engine, head->find_slopes, head->all, head->slopes));
        PLEAT_TRY(engine->ops->loss_backward(engine, &targets, layer->x.data, head->labels,
                                             net->options.batch, head->voxels, net->classes,
                                             &gradient, layer->dx.data));
    }
    return PLEAT_OK;
}

static pleat_status take_sums(pleat_net *net, double *sums) {
    pleat_engine *engine = net->model->engine;
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes), batch = (size_t)net->options.batch;
    const size_t heads = (size_t)net->heads, bytes = batch * width * sizeof(double);
    if (sums == NULL) return PLEAT_OK;
    if (heads == 1) return engine->ops->download(engine, sums, net->head[0].sums, bytes);
    for (size_t h = 0; h < heads; h++)
        PLEAT_TRY(engine->ops->download(engine, net->arranged + h * batch * width,
                                        net->head[h].sums, bytes));
    for (size_t b = 0; b < batch; b++)
        for (size_t h = 0; h < heads; h++)
            memcpy(sums + (b * heads + h) * width, net->arranged + (h * batch + b) * width,
                   width * sizeof *sums);
    return PLEAT_OK;
}

double pleat_net_counted(const double *sums, size_t samples, size_t pitch, size_t width) {
    double all = 0;
    for (size_t b = 0; b < samples; b++) all += sums[b * pitch + width - 1];
    return all > 0 ? all / (double)samples : 1.0;
}

/* Whether a voxel of sample b counts for head h. */
static int is_counted(const pleat_net *net, const double *sums, int b, int h) {
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes);
    if (net->options.ignored == 0) return 1;
    return sums[(size_t)b * pleat_net_sample_sums(net) + (size_t)(h + 1) * width - 1] > 0.0;
}

static int samples_counted(const pleat_net *net, const double *sums, int n, int h) {
    int counted = 0;
    for (int b = 0; b < n; b++) counted += is_counted(net, sums, b, h);
    return counted;
}

/* Voxels of a sample that count for head h, the mean over n samples. */
static double counted_of(const pleat_net *net, const double *sums, int n, int h) {
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes);
    if (net->options.ignored == 0) return (double)net->head[h].voxels;
    return pleat_net_counted(sums + (size_t)h * width, (size_t)n, pleat_net_sample_sums(net),
                             width);
}

static void metrics_of_batch(const pleat_net *net, const double *sums, int n, double *out) {
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes), pitch = pleat_net_sample_sums(net);
    double of[PLEAT_MOST_METRICS], added[PLEAT_LOSS_SUMS(PLEAT_MAX_CLASSES)], loss = 0;
    for (int h = net->heads - 1; h >= 0; h--) { /* the main head last */
        pleat_net_add_sums(sums + (size_t)h * width, (size_t)n, pitch, width, added);
        net->loss->values(added, 1, n * counted_of(net, sums, n, h), net->classes, of);
        loss += pleat_net_node(net, net->head[h].node)->weight * of[0];
    }
    memcpy(out, of, (size_t)net->loss->n_metrics * sizeof *out);
    out[0] = loss;
}

int pleat_net_metrics(const pleat_net *net, const double *sums, int n, double *out) {
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes);
    const pleat_loss *l = net->loss;
    const int in_mean = samples_counted(net, sums, n, 0);
    if (l->of_batch) {
        metrics_of_batch(net, sums, n, out);
        return in_mean;
    }
    if (net->heads == 1 && in_mean == n) {
        l->values(sums, n, counted_of(net, sums, n, 0), net->classes, out);
        return in_mean;
    }
    for (int m = 0; m < l->n_metrics; m++) out[m] = 0.0;
    for (int b = 0; b < n; b++)
        for (int h = 0; h < net->heads; h++) {
            if (!is_counted(net, sums, b, h)) continue;
            double of[PLEAT_MOST_METRICS];
            const int samples = samples_counted(net, sums, n, h);
            l->values(sums + ((size_t)b * (size_t)net->heads + (size_t)h) * width, 1,
                      counted_of(net, sums, n, h) * n / samples, net->classes, of);
            const double weight =
                net->heads > 1 ? pleat_net_node(net, net->head[h].node)->weight : 1.0;
            out[0] += weight * of[0] / samples;
            for (int m = 1; h == 0 && m < l->n_metrics; m++) out[m] += of[m] / samples;
        }
    return in_mean;
}

/* --- backward --------------------------------------------------------------------------------- */

static pleat_status node_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    if (node->kind->backward != NULL) PLEAT_TRY(node->kind->backward(net, i));
    for (int k = 0; k < node->n_inputs; k++) {
        const pleat_target *to = &net->layer[i].target[k];
        if (to->aside)
            PLEAT_TRY(engine->ops->copy(engine, &to->dx, 1, &pleat_net_input(net, i, k)->dx));
    }
    return PLEAT_OK;
}

pleat_status pleat_net_backward(pleat_net *net, pleat_comm *group) {
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
            PLEAT_TRY(
                pleat_net_sum_over(net, group, gradient_at(net, end), n, net->model->engine->real));
    }
    if (net->slots != NULL) return pleat_ordered_finish(net);
    return shared ? pleat_comm_order(group) : PLEAT_OK;
}

/* --- passes ----------------------------------------------------------------------------------- */

pleat_status pleat_net_compute(pleat_net *net, const uint8_t *labels, int global_batch,
                               pleat_comm *group) {
    pleat_model *model = net->model;
    const pleat_comm *norm_comm = net->options.norm_comm;
    PLEAT_CHECK(net->slots == NULL ||
                    (group != NULL ? group->size : 1) == (norm_comm != NULL ? norm_comm->size : 1),
                PLEAT_ERR_ARG, "an ordered net is trained by the group it was made for");
    PLEAT_CHECK((!net->loss->of_batch && net->top == NULL && net->options.ignored == 0) ||
                    net->samples == (size_t)global_batch,
                PLEAT_ERR_ARG, "loss '%s' is over a batch of %zu samples, not of %d",
                net->loss->name, net->samples, global_batch);
    PLEAT_TRY(pleat_net_forward(net, 1));
    PLEAT_TRY(loss(net, labels, 1));
    PLEAT_TRY(loss_backward(net, global_batch));
    if (net->slots != NULL)
        PLEAT_TRY(pleat_ordered_begin(net));
    else
        PLEAT_TRY(pleat_net_clear_gradients(net, model->data[PLEAT_STATE_GRADS]));
    return pleat_net_backward(net, group);
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
    PLEAT_TRY(pleat_net_forward(net, 0));
    PLEAT_TRY(loss(net, labels, 0));
    return take_sums(net, sums);
}

/* In place: the memory of an engine in double, the oracle, is the host's. */
static pleat_status narrow(pleat_engine *engine, void *values, size_t n) {
    float *to = values;
    PLEAT_TRY(engine->ops->synchronize(engine));
    for (size_t i = 0; i < n; i++) {
        double x = 0.0;
        memcpy(&x, (const char *)values + i * sizeof x, sizeof x);
        to[i] = (float)x;
    }
    return PLEAT_OK;
}

pleat_status pleat_net_probabilities(pleat_net *net, const float *images, const float **probs) {
    pleat_engine *engine = net->model->engine;
    void *logits = net->layer[net->head[0].node].x.data;
    PLEAT_TRY(give_images(net, images));
    PLEAT_TRY(pleat_net_forward(net, 0));
    const size_t voxels = (size_t)net->options.batch * net->voxels;
    if (net->targets.regions != NULL)
        PLEAT_TRY(engine->ops->sigmoid(engine, logits, voxels * (size_t)net->classes, logits));
    else
        PLEAT_TRY(engine->ops->softmax(engine, logits, voxels, net->classes, logits));
    if (engine->real == PLEAT_F64) PLEAT_TRY(narrow(engine, logits, voxels * (size_t)net->classes));
    *probs = logits;
    return PLEAT_OK;
}

pleat_status pleat_net_predict(pleat_net *net, const float *images, float *probs) {
    pleat_engine *engine = net->model->engine;
    const size_t n = (size_t)net->options.batch * net->voxels * (size_t)net->classes;
    const float *found = NULL;
    PLEAT_TRY(pleat_net_probabilities(net, images, &found));
    return engine->ops->download(engine, probs, found, n * sizeof *probs);
}
