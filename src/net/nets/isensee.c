/*
 * isensee.c - MIScnn's "plain" U-Net, after Isensee et al. 2019.
 *
 *   layer(f)   conv with bias, instance norm, leaky ReLU of slope 0.1
 *   level i    two layers of min(most_filters, filters * 2^i), the middle too
 *
 * else as the standard U-Net. MIScnn's own has filters 30, most_filters 320, depth 5 and strides
 * 221, then 222. Source: MIScnn's architecture/unet/plain.py.
 */
#include "nets.h"

#include <stdio.h>

#define SLOPE 0.1

static int block(pleat_graph *graph, int x, const pleat_network_level *level) {
    const int *k = level->kernel;
    const pleat_conv_shape shape = {.kernel = {k[0], k[1], k[2]}};
    char what[16], name[32];
    for (int i = 1; i <= 2; i++) {
        (void)snprintf(what, sizeof what, "conv%d", i);
        x = pleat_graph_conv(graph, x, level->filters, &shape,
                             pleat_network_join(name, level->name, what));
        (void)snprintf(what, sizeof what, "norm%d", i);
        x = pleat_graph_instance(graph, x, SLOPE, 0, pleat_network_join(name, level->name, what));
    }
    return x;
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = block};
    pleat_network_u(network, network->most_filters, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "most_filters",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_isensee = {
    .name = "isensee",
    .what = "MIScnn's plain U-Net, after Isensee et al. 2019",
    .keys = keys,
    .build = build};
