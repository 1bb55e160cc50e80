/*
 * compact.c - MIScnn's compact U-Net: each standard block passes its input on beside its result.
 *
 *   block(x, f)    b = [conv + ReLU, norm] twice of x;  [x, b]
 *
 * Source: MIScnn's architecture/unet/compact.py. Its head has a sigmoid; here it is softmax as
 * everywhere.
 */
#include "nets.h"

#include <limits.h>

static int block(pleat_graph *graph, int x, const pleat_network_level *level) {
    const int b = pleat_network_standard(graph, x, level);
    return pleat_network_join_channels(graph, x, b, level, "passed");
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = block};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "norm",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_compact = {
    .name = "compact", .what = "MIScnn's compact U-Net", .keys = keys, .build = build};
