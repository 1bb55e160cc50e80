/*
 * instance.c - instance norm (Ulyanov et al. 2016) and a leaky ReLU: docs/math.md.
 *
 * Statistics are those of a sample, so nothing is shared with other ranks, and training and
 * inference are the same. The sums, means and 1/deviations are the layer's own: [N,2C] double,
 * [N,C] real, [N,C] real.
 */
#include "../export_impl.h"
#include "../net_impl.h"

#define EPSILON 1e-5 /* PyTorch's, nnU-Net's and MIScnn's */

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    node->n_weights = node->n_bias = (size_t)node->channels; /* gamma, beta */
    return NULL;
}

static void initialise(const pleat_graph *graph, const pleat_node *node, const pleat_rng *rng,
                       float *params,
                       /* NOLINTNEXTLINE(readability-non-const-parameter): norm's writes */
                       float *stats) {
    (void)graph;
    (void)rng;
    (void)stats;
    const size_t channels = (size_t)node->channels;
    for (size_t i = 0; i < channels; i++)
        params[node->weights + i] = node->begins_silent ? 0.0f : 1.0f;
}

static int tensors(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out) {
    (void)graph;
    pleat_node_tensor(&out[0], node, "gamma", node->weights, node->channels);
    pleat_node_tensor(&out[1], node, "beta", node->bias, node->channels);
    return 2;
}

static size_t per_sample(const pleat_net *net, int i) {
    return (size_t)net->options.batch * (size_t)pleat_net_node(net, i)->channels;
}

static size_t own_bytes(const pleat_net *net, int i) {
    const size_t real = pleat_dtype_size(net->model->engine->real);
    return per_sample(net, i) * (2 * sizeof(double) + 2 * real);
}

static pleat_instance instance_of(const pleat_net *net, int i) {
    const size_t real = pleat_dtype_size(net->model->engine->real);
    double *sums = net->layer[i].own;
    char *mean = (char *)(sums + 2 * per_sample(net, i));
    return (pleat_instance){
        .gamma = pleat_net_weights(net, PLEAT_STATE_PARAMS, i),
        .beta = pleat_net_bias(net, PLEAT_STATE_PARAMS, i),
        .mean = mean,
        .inv_std = mean + per_sample(net, i) * real,
        .sums = sums,
        .epsilon = EPSILON,
        .slope = pleat_net_node(net, i)->slope,
        .sample_stride = net->slots != NULL ? net->model->graph.params : 0,
    };
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_instance norm = instance_of(net, i);
    return engine->ops->instance_forward(engine, &norm, &pleat_net_input(net, i, 0)->x,
                                         &net->layer[i].x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_instance norm = instance_of(net, i);
    const pleat_target *to = &net->layer[i].target[0];
    return engine->ops->instance_backward(engine, &norm, &pleat_net_input(net, i, 0)->x,
                                          &net->layer[i].dx, pleat_net_weight_gradient(net, i),
                                          pleat_net_bias_gradient(net, i),
                                          to->wanted ? &to->dx : NULL);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    const int leaky = node->slope != 1.0;
    pleat_export_op(x, node, "InstanceNormalization", leaky ? "norm" : NULL);
    pleat_export_vector(x, "gamma", x->params + node->weights, node->channels);
    pleat_export_vector(x, "beta", x->params + node->bias, node->channels);
    pleat_onnx_real(x->to, "epsilon", EPSILON);
    if (!leaky) return;
    pleat_export_then(x, node, "LeakyRelu", "norm");
    pleat_onnx_real(x->to, "alpha", node->slope);
}

const pleat_node_kind pleat_node_instance = {
    .name = "instance",
    .shape = shape,
    .initialise = initialise,
    .tensors = tensors,
    .onnx = to_onnx,
    .makes_slices = 1,
    .reads = PLEAT_READS_INPUT,
    .own_bytes = own_bytes,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_instance(pleat_graph *graph, int input, double slope, int silent,
                         const char *name) {
    const pleat_node node = {.kind = &pleat_node_instance,
                             .n_inputs = 1,
                             .input = {input},
                             .slope = slope,
                             .begins_silent = silent};
    return pleat_graph_add(graph, &node, name);
}
