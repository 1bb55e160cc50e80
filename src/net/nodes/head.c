/* head.c - a 1x1x1 convolution to the classes, whose logits are real numbers and go to the loss. */
#include "product.h"

#include "pleat/volume.h"

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    if (node->channels < 2) return "needs at least two classes";
    if (node->channels > PLEAT_MAX_CLASSES) return "knows 254 classes at most";
    pleat_product_count(graph, node);
    return NULL;
}

static pleat_status prepare(pleat_net *net, int i) {
    return pleat_product_prepare(net, i, PLEAT_HEAD);
}

const pleat_node_kind pleat_node_head = {
    .name = "head",
    .shape = shape,
    .macs = pleat_product_macs,
    .initialise = pleat_product_initialise,
    .tensors = pleat_product_tensors,
    .onnx = pleat_product_onnx,
    .is_head = 1,
    .reads = PLEAT_READS_INPUT,
    .prepare = prepare,
    .release = pleat_product_release,
    .pack = pleat_product_pack,
    .forward = pleat_product_forward,
    .backward = pleat_product_backward,
};

int pleat_graph_head(pleat_graph *graph, int input, int classes, double weight, const char *name) {
    const pleat_node node = {.kind = &pleat_node_head,
                             .n_inputs = 1,
                             .input = {input},
                             .channels = classes > 0 ? classes : -1,
                             .kernel = {1, 1, 1},
                             .stride = {1, 1, 1},
                             .weight = weight};
    return pleat_graph_add(graph, &node, name);
}
