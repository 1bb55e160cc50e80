/* pool.c - the maximum over blocks of 1 or 2 voxels along each axis. */
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

static size_t kept_bytes(const pleat_node *node) { /* which voxel won */
    (void)node;
    return 1;
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    return engine->ops->pool_forward(engine, &pleat_net_input(net, i, 0)->x, &layer->x,
                                     layer->kept);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    const pleat_target *to = &layer->target[0];
    if (!to->wanted) return PLEAT_OK;
    return engine->ops->pool_backward(engine, &layer->dx, layer->kept, to->add, &to->dx);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_pool(x, node, "MaxPool");
}

const pleat_node_kind pleat_node_pool = {
    .name = "pool",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .adds = 1,
    .kept_bytes = kept_bytes,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_pool(pleat_graph *graph, int input, const int stride[3], const char *name) {
    pleat_node node = {.kind = &pleat_node_pool, .n_inputs = 1, .input = {input}};
    for (int a = 0; a < 3; a++) node.kernel[a] = node.stride[a] = stride != NULL ? stride[a] : 2;
    return pleat_graph_add(graph, &node, name);
}
