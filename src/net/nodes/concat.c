/* concat.c - the channels of several nodes, one after the other. Those that can are written where
 * they belong by who makes them; the others are copied. */
#include "../export_impl.h"
#include "../net_impl.h"

#include <limits.h>
#include <string.h>

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    node->channels = 0;
    for (int k = 0; k < node->n_inputs; k++) {
        const pleat_node *in = &graph->node[node->input[k]];
        if (memcmp(in->scale, node->scale, sizeof in->scale) != 0)
            return "its inputs differ in size";
        if (in->channels > INT_MAX - node->channels) return "has too many channels";
        node->channels += in->channels;
    }
    return NULL;
}

/* First channel of input k. */
static int place_of(const pleat_graph *graph, const pleat_node *node, int k) {
    int at = 0;
    for (int j = 0; j < k; j++) at += graph->node[node->input[j]].channels;
    return at;
}

static pleat_tensor part_of(const pleat_net *net, int i, int k, const pleat_tensor *whole) {
    const size_t at = (size_t)place_of(&net->model->graph, pleat_net_node(net, i), k);
    pleat_tensor part = *whole;
    part.c = pleat_net_input(net, i, k)->x.c;
    part.data = (char *)whole->data + at * pleat_dtype_size(net->model->engine->act);
    return part;
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    for (int k = 0; k < pleat_net_node(net, i)->n_inputs; k++) {
        const pleat_layer *in = pleat_net_input(net, i, k);
        const pleat_tensor part = part_of(net, i, k, &net->layer[i].x);
        if (in->held_by != i) PLEAT_TRY(engine->ops->copy(engine, &in->x, 0, &part));
    }
    return PLEAT_OK;
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    for (int k = 0; k < pleat_net_node(net, i)->n_inputs; k++) {
        const pleat_target *to = &net->layer[i].target[k];
        const pleat_tensor part = part_of(net, i, k, &net->layer[i].dx);
        if (to->wanted) PLEAT_TRY(engine->ops->copy(engine, &part, to->add, &to->dx));
    }
    return PLEAT_OK;
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_op(x, node, "Concat", NULL);
    pleat_onnx_int(x->to, "axis", 1);
}

const pleat_node_kind pleat_node_concat = {
    .name = "concat",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .adds = 1,
    .place_of = place_of,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_concat(pleat_graph *graph, const int *inputs, int n, const char *name) {
    pleat_node node = {.kind = &pleat_node_concat, .n_inputs = n};
    if (n < 1 || n > PLEAT_NODE_INPUTS) node.n_inputs = 1, node.input[0] = -1;
    for (int k = 0; k < node.n_inputs && k < n; k++) node.input[k] = inputs[k];
    return pleat_graph_add(graph, &node, name);
}
