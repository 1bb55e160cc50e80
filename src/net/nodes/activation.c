/* activation.c - a leaky ReLU or a sigmoid, of each number by itself. */
#include "../export_impl.h"
#include "../net_impl.h"

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    (void)node;
    return NULL;
}

static pleat_activation kind_of(const pleat_node *node) {
    return node->sigmoid ? PLEAT_SIGMOID : PLEAT_LEAKY_RELU;
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    return engine->ops->activate(engine, kind_of(node), node->slope, &pleat_net_input(net, i, 0)->x,
                                 &net->layer[i].x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    const pleat_layer *layer = &net->layer[i];
    const pleat_target *to = &layer->target[0];
    if (!to->wanted) return PLEAT_OK;
    return engine->ops->activate_backward(engine, kind_of(node), node->slope, &layer->x, &layer->dx,
                                          to->add, &to->dx);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_op(x, node, node->sigmoid ? "Sigmoid" : "LeakyRelu", NULL);
    if (!node->sigmoid) pleat_onnx_real(x->to, "alpha", node->slope);
}

const pleat_node_kind pleat_node_activation = {
    .name = "activation",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .adds = 1,
    .reads = PLEAT_READS_OUTPUT,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_activation(pleat_graph *graph, int input, int sigmoid, double slope,
                           const char *name) {
    const pleat_node node = {.kind = &pleat_node_activation,
                             .n_inputs = 1,
                             .input = {input},
                             .sigmoid = sigmoid,
                             .slope = slope};
    return pleat_graph_add(graph, &node, name);
}
