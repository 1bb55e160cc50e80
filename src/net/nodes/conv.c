/* conv.c - a convolution with bias and, if wanted, ReLU: docs/math.md. */
#include "product.h"

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    for (int a = 0; a < 3; a++) {
        if (node->kernel[a] != 1 && node->kernel[a] != 3) return "a kernel is 1 or 3 voxels long";
        if (node->stride[a] != 1 && node->stride[a] != 2) return "a stride is 1 or 2";
        node->scale[a] *= node->stride[a];
    }
    pleat_product_count(graph, node);
    return NULL;
}

static pleat_status prepare(pleat_net *net, int i) {
    return pleat_product_prepare(net, i, PLEAT_CONV);
}

const pleat_node_kind pleat_node_conv = {
    .name = "conv",
    .shape = shape,
    .macs = pleat_product_macs,
    .initialise = pleat_product_initialise,
    .tensors = pleat_product_tensors,
    .onnx = pleat_product_onnx,
    .starts = 1,
    .reads = PLEAT_READS_INPUT,
    .prepare = prepare,
    .release = pleat_product_release,
    .pack = pleat_product_pack,
    .forward = pleat_product_forward,
    .backward = pleat_product_backward,
};

int pleat_graph_conv(pleat_graph *graph, int input, int channels, const pleat_conv_shape *s,
                     const char *name) {
    static const pleat_conv_shape usual = {0};
    if (s == NULL) s = &usual;
    pleat_node node = {.kind = &pleat_node_conv,
                       .n_inputs = 1,
                       .input = {input},
                       .channels = channels > 0 ? channels : -1,
                       .relu = s->relu,
                       .no_bias = s->no_bias};
    for (int a = 0; a < 3; a++) {
        node.kernel[a] = s->kernel[a] != 0 ? s->kernel[a] : 3;
        node.stride[a] = s->stride[a] != 0 ? s->stride[a] : 1;
        node.before[a] = node.kernel[a] == 3 && !(s->late && node.stride[a] == 2);
    }
    return pleat_graph_add(graph, &node, name);
}
