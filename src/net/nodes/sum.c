/* sum.c - a + b, as a residual block ends. */
#include "../export_impl.h"
#include "../net_impl.h"

#include <string.h>

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    const pleat_node *a = &graph->node[node->input[0]], *b = &graph->node[node->input[1]];
    if (memcmp(a->scale, b->scale, sizeof a->scale) != 0) return "its inputs differ in size";
    return a->channels == b->channels ? NULL : "its inputs differ in channels";
}

/* The first input is made where the sum is to be, and the second added. */
static int place_of(const pleat_graph *graph, const pleat_node *node, int k) {
    (void)graph;
    (void)node;
    return k == 0 ? 0 : -1;
}

static int changes(int k) { return k == 0; }

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_layer *a = pleat_net_input(net, i, 0), *b = pleat_net_input(net, i, 1);
    const pleat_tensor *y = &net->layer[i].x;
    if (a->held_by != i) PLEAT_TRY(engine->ops->copy(engine, &a->x, 0, y));
    return engine->ops->copy(engine, &b->x, 1, y);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    for (int k = 0; k < 2; k++) {
        const pleat_target *to = &net->layer[i].target[k];
        if (to->wanted) PLEAT_TRY(engine->ops->copy(engine, &net->layer[i].dx, to->add, &to->dx));
    }
    return PLEAT_OK;
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_op(x, node, "Add", NULL);
}

const pleat_node_kind pleat_node_sum = {
    .name = "sum",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .adds = 1,
    .place_of = place_of,
    .changes = changes,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_sum(pleat_graph *graph, int a, int b, const char *name) {
    const pleat_node node = {.kind = &pleat_node_sum, .n_inputs = 2, .input = {a, b}};
    return pleat_graph_add(graph, &node, name);
}
