/*
 * residual.c - MIScnn's residual U-Net: the standard one, whose blocks end in a sum.
 *
 *   block(x, f)    a = [conv 3x3x3 + ReLU, norm] twice of x
 *                  s = conv 1x1x1 + ReLU of x, no norm
 *                  a + s, no ReLU after it
 *
 * in encoder, middle and decoder; there x is the concatenation [up, skip]. Source: MIScnn's
 * architecture/unet/residual.py. MIScnn's head has a sigmoid; here it is softmax as everywhere.
 */
#include "nets.h"

#include <limits.h>

static int block(pleat_graph *graph, int x, const pleat_network_level *level) {
    static const pleat_conv_shape one = {.kernel = {1, 1, 1}, .relu = 1};
    char name[32];
    const int a = pleat_network_standard(graph, x, level);
    const int s = pleat_graph_conv(graph, x, level->filters, &one,
                                   pleat_network_join(name, level->name, "shortcut"));
    return pleat_graph_sum(graph, a, s, pleat_network_join(name, level->name, "sum"));
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = block};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "norm",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_residual = {
    .name = "residual", .what = "MIScnn's residual U-Net", .keys = keys, .build = build};
