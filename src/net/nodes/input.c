/* input.c - the images: the first node, without a gradient. */
#include "../net_impl.h"

#include "pleat/volume.h"

#include <stddef.h>

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    for (int a = 0; a < 3; a++) node->scale[a] = 1;
    return node->channels <= PLEAT_MAX_CHANNELS ? NULL : "images have 1 to 16 channels";
}

const pleat_node_kind pleat_node_input = {.name = "input", .shape = shape};

int pleat_graph_input(pleat_graph *graph, int channels) {
    const pleat_node node = {.kind = &pleat_node_input, .channels = channels};
    return pleat_graph_add(graph, &node, "input");
}
