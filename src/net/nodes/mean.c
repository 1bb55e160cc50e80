/* mean.c - the mean over blocks of 1 or 2 voxels along each axis. */
#include "../export_impl.h"
#include "../net_impl.h"

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    for (int a = 0; a < 3; a++) {
        if (node->stride[a] != 1 && node->stride[a] != 2) return "a stride is 1 or 2";
        node->scale[a] *= node->stride[a];
    }
    return NULL;
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    return engine->ops->mean_forward(engine, &pleat_net_input(net, i, 0)->x, &net->layer[i].x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_target *to = &net->layer[i].target[0];
    if (!to->wanted) return PLEAT_OK;
    return engine->ops->mean_backward(engine, &net->layer[i].dx, to->add, &to->dx);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_pool(x, node, "AveragePool");
}

const pleat_node_kind pleat_node_mean = {
    .name = "mean",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .adds = 1,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_mean(pleat_graph *graph, int input, const int stride[3], const char *name) {
    pleat_node node = {.kind = &pleat_node_mean, .n_inputs = 1, .input = {input}};
    for (int a = 0; a < 3; a++) node.kernel[a] = node.stride[a] = stride != NULL ? stride[a] : 2;
    return pleat_graph_add(graph, &node, name);
}
