/*
 * norm.c - batch norm (Ioffe & Szegedy 2015), statistics of this rank or of a whole group.
 *
 * Its sums, the batch's mean and 1/deviation, are the layer's own: [2C] double, [C] real, [C] real.
 * So are, of one without gamma, [C] real ones in its place and [C] real for their gradient, which
 * nobody reads.
 */
#include "../export_impl.h"
#include "../net_impl.h"

#include <stdlib.h>

#define MOMENTUM 0.99 /* Keras' defaults, as the original uses them */
#define EPSILON  1e-3

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    node->n_weights = node->no_gamma ? 0 : (size_t)node->channels;
    node->n_bias = (size_t)node->channels;      /* beta */
    node->n_stats = 2 * (size_t)node->channels; /* running mean, variance */
    return NULL;
}

static void initialise(const pleat_graph *graph, const pleat_node *node, const pleat_rng *rng,
                       float *params, float *stats) {
    (void)graph;
    (void)rng;
    const size_t channels = (size_t)node->channels;
    for (size_t i = 0; i < node->n_weights; i++) params[node->weights + i] = 1.0f;
    for (size_t i = 0; i < channels; i++) stats[node->stats + channels + i] = 1.0f;
}

static int tensors(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out) {
    (void)graph;
    const int channels = node->channels;
    int n = 0;
    if (!node->no_gamma) pleat_node_tensor(&out[n++], node, "gamma", node->weights, channels);
    pleat_node_tensor(&out[n++], node, "beta", node->bias, channels);
    pleat_node_tensor(&out[n++], node, "mean", node->stats, channels);
    pleat_node_tensor(&out[n++], node, "variance", node->stats + (size_t)channels, channels);
    out[n - 2].in_stats = out[n - 1].in_stats = 1;
    return n;
}

static size_t own_bytes(const pleat_net *net, int i) {
    const pleat_node *node = pleat_net_node(net, i);
    const size_t reals = node->no_gamma ? 4 : 2;
    return (size_t)node->channels *
           (2 * sizeof(double) + reals * pleat_dtype_size(net->model->engine->real));
}

static double *sums_of(const pleat_net *net, int i) { return net->layer[i].own; }

/* Array k of [C] reals behind the sums: mean, 1/deviation, ones, their gradient. */
static void *reals_of(const pleat_net *net, int i, size_t k) {
    const size_t channels = (size_t)pleat_net_node(net, i)->channels;
    return (char *)(sums_of(net, i) + 2 * channels) +
           k * channels * pleat_dtype_size(net->model->engine->real);
}

/* The ones that stand for gamma. */
static pleat_status prepare(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    const size_t n = (size_t)node->channels, real = pleat_dtype_size(engine->real);
    if (!node->no_gamma) return PLEAT_OK;
    void *ones = malloc(n * real);
    PLEAT_CHECK(ones != NULL, PLEAT_ERR_MEMORY, "no memory for node '%s'", node->name);
    for (size_t c = 0; c < n; c++)
        if (engine->real == PLEAT_F64)
            ((double *)ones)[c] = 1.0;
        else
            ((float *)ones)[c] = 1.0f;
    const pleat_status status = engine->ops->upload(engine, reals_of(net, i, 2), ones, n * real);
    free(ones);
    return status;
}

static void *gamma_gradient(const pleat_net *net, int i) {
    return pleat_net_node(net, i)->no_gamma ? reals_of(net, i, 3)
                                            : pleat_net_weight_gradient(net, i);
}

static pleat_norm norm_of(const pleat_net *net, int i) {
    const pleat_node *node = pleat_net_node(net, i);
    const size_t channels = (size_t)node->channels;
    return (pleat_norm){
        .gamma =
            node->no_gamma ? reals_of(net, i, 2) : pleat_net_weights(net, PLEAT_STATE_PARAMS, i),
        .beta = pleat_net_bias(net, PLEAT_STATE_PARAMS, i),
        .running_mean = pleat_model_at(net->model, PLEAT_STATE_STATS, node->stats),
        .running_var = pleat_model_at(net->model, PLEAT_STATE_STATS, node->stats + channels),
        .mean = reals_of(net, i, 0),
        .inv_std = reals_of(net, i, 1),
        .momentum = net->options.norm_momentum > 0.0 ? net->options.norm_momentum : MOMENTUM,
        .epsilon = EPSILON,
    };
}

/* Adds the sums of the other ranks when the group's statistics are wanted; *count grows too. */
static pleat_status share_sums(pleat_net *net, int i, double *count) {
    pleat_comm *comm = net->options.norm_comm;
    *count = (double)pleat_tensor_voxels(&net->layer[i].x);
    if (comm == NULL || comm->size == 1) return PLEAT_OK;
    *count *= comm->size; /* every rank has the same batch */
    const size_t n = 2 * (size_t)net->layer[i].x.c;
    PLEAT_TRY(pleat_net_sum_over(net, comm, sums_of(net, i), n, PLEAT_F64));
    return pleat_comm_order(comm);
}

typedef struct batch { /* of a norm, for an ordered net */
    pleat_engine *engine;
    const pleat_norm *norm;
    const pleat_tensor *x, *dy;
    void *unread; /* takes gamma's gradient where there is no gamma; else NULL */
} batch;

static pleat_status sample_sums(const void *context, int k, double *sums, void *dgamma,
                                void *dbeta) {
    const batch *b = context;
    (void)dgamma;
    (void)dbeta;
    const pleat_tensor x = pleat_tensor_sample(b->x, k, pleat_dtype_size(b->engine->act));
    return b->engine->ops->norm_sums(b->engine, &x, sums);
}

static pleat_status sample_backward_sums(const void *context, int k, double *sums, void *dgamma,
                                         void *dbeta) {
    const batch *b = context;
    const size_t element = pleat_dtype_size(b->engine->act);
    const pleat_tensor x = pleat_tensor_sample(b->x, k, element);
    const pleat_tensor dy = pleat_tensor_sample(b->dy, k, element);
    if (b->unread != NULL) dgamma = b->unread;
    return b->engine->ops->norm_backward_sums(b->engine, b->norm, &x, &dy, sums, dgamma, dbeta);
}

static pleat_status forward(pleat_net *net, int i, int training) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    const pleat_tensor *x = &pleat_net_input(net, i, 0)->x;
    const pleat_norm norm = norm_of(net, i);
    const batch b = {.engine = engine, .x = x};
    double count = 0.0;
    if (!training) return engine->ops->norm_infer(engine, &norm, x, &layer->x);
    if (net->slots != NULL) {
        PLEAT_TRY(pleat_ordered_sums(net, i, sample_sums, &b, sums_of(net, i), &count));
    } else {
        PLEAT_TRY(engine->ops->norm_sums(engine, x, sums_of(net, i)));
        PLEAT_TRY(share_sums(net, i, &count));
    }
    return engine->ops->norm_forward(engine, &norm, x, sums_of(net, i), count, &layer->x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i], *in = pleat_net_input(net, i, 0);
    const pleat_norm norm = norm_of(net, i);
    void *unread = pleat_net_node(net, i)->no_gamma ? reals_of(net, i, 3) : NULL;
    const batch b = {engine, &norm, &in->x, &layer->dx, unread};
    const pleat_target *to = &layer->target[0];
    double count = 0.0;
    if (net->slots != NULL) {
        PLEAT_TRY(pleat_ordered_sums(net, i, sample_backward_sums, &b, sums_of(net, i), &count));
    } else {
        PLEAT_TRY(engine->ops->norm_backward_sums(engine, &norm, &in->x, &layer->dx,
                                                  sums_of(net, i), gamma_gradient(net, i),
                                                  pleat_net_bias_gradient(net, i)));
        PLEAT_TRY(share_sums(net, i, &count));
    }
    if (!to->wanted) return PLEAT_OK;
    const int before = pleat_net_node(net, i)->input[0];
    return engine->ops->norm_backward(
        engine, &norm, &in->x, &layer->dx, sums_of(net, i), count, in->masked, &to->dx,
        pleat_net_bias_by_reader(net, before) ? pleat_net_bias_gradient(net, before) : NULL);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    const int n = node->channels;
    const float *mean = x->stats + node->stats;
    pleat_export_op(x, node, "BatchNormalization", NULL);
    if (node->no_gamma) {
        float *ones = pleat_onnx_weights(x->to, "gamma", &n, 1);
        for (int c = 0; c < n && ones != NULL; c++) ones[c] = 1.0f;
    } else {
        pleat_export_vector(x, "gamma", x->params + node->weights, n);
    }
    pleat_export_vector(x, "beta", x->params + node->bias, n);
    pleat_export_vector(x, "mean", mean, n);
    pleat_export_vector(x, "variance", mean + n, n);
    pleat_onnx_real(x->to, "epsilon", EPSILON);
}

const pleat_node_kind pleat_node_norm = {
    .name = "norm",
    .shape = shape,
    .initialise = initialise,
    .tensors = tensors,
    .onnx = to_onnx,
    .makes_slices = 1,
    .masks_relu = 1,
    .reads = PLEAT_READS_INPUT,
    .own_bytes = own_bytes,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_norm(pleat_graph *graph, int input, const char *name) {
    const pleat_node node = {.kind = &pleat_node_norm, .n_inputs = 1, .input = {input}};
    return pleat_graph_add(graph, &node, name);
}

int pleat_graph_norm_without_gamma(pleat_graph *graph, int input, const char *name) {
    const pleat_node node = {
        .kind = &pleat_node_norm, .n_inputs = 1, .input = {input}, .no_gamma = 1};
    return pleat_graph_add(graph, &node, name);
}
