/*
 * dense.c - MIScnn's dense U-Net.
 *
 *   layer(f)       conv + ReLU, norm
 *   block(x, f)    a = layer(f) of x;  b = layer(f) of [x, a];  [x, b]
 *
 * a itself is not passed on. Source: MIScnn's architecture/unet/dense.py. Its head has a sigmoid;
 * here it is softmax as everywhere.
 */
#include "nets.h"

#include <limits.h>

static int block(pleat_graph *graph, int x, const pleat_network_level *level) {
    const int a = pleat_network_layer(graph, x, level, 1);
    const int both = pleat_network_join_channels(graph, x, a, level, "joined");
    const int b = pleat_network_layer(graph, both, level, 2);
    return pleat_network_join_channels(graph, x, b, level, "passed");
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = block};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "norm",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_dense = {
    .name = "dense", .what = "MIScnn's dense U-Net", .keys = keys, .build = build};
