/* up.c - a transposed convolution whose kernel is its stride: sizes grow by 1 or 2 per axis. */
#include "product.h"

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    for (int a = 0; a < 3; a++) {
        if (node->stride[a] != 1 && node->stride[a] != 2) return "a stride is 1 or 2";
        if (node->scale[a] % node->stride[a] != 0) return "its input has the full size";
        node->scale[a] /= node->stride[a];
    }
    pleat_product_count(graph, node);
    return NULL;
}

/* A weight is used once for each voxel of the input. */
static double macs(const pleat_node *node) {
    const double children = (double)node->stride[0] * node->stride[1] * node->stride[2];
    return (double)node->n_weights / children;
}

static int tensors(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out) {
    const int *k = node->kernel;
    const int dims[5] = {k[0], k[1], k[2], node->channels, graph->node[node->input[0]].channels};
    return pleat_product_tensors_of(node, dims, out);
}

static pleat_status prepare(pleat_net *net, int i) {
    return pleat_product_prepare(net, i, PLEAT_UP);
}

const pleat_node_kind pleat_node_up = {
    .name = "up",
    .shape = shape,
    .macs = macs,
    .initialise = pleat_product_initialise,
    .tensors = tensors,
    .onnx = pleat_product_onnx,
    .transposed = 1,
    .makes_slices = 1,
    .reads = PLEAT_READS_INPUT,
    .prepare = prepare,
    .release = pleat_product_release,
    .pack = pleat_product_pack,
    .forward = pleat_product_forward,
    .backward = pleat_product_backward,
};

int pleat_graph_up(pleat_graph *graph, int input, int channels, const int stride[3],
                   const char *name) {
    pleat_node node = {.kind = &pleat_node_up,
                       .n_inputs = 1,
                       .input = {input},
                       .channels = channels > 0 ? channels : -1};
    for (int a = 0; a < 3; a++) node.kernel[a] = node.stride[a] = stride != NULL ? stride[a] : 2;
    return pleat_graph_add(graph, &node, name);
}
