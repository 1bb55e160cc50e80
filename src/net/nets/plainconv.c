/*
 * plainconv.c - nnU-Net's PlainConvUNet (Isensee et al. 2021).
 *
 *   layer(f)     conv with bias, instance norm, leaky ReLU of slope 0.01
 *   level s      two layers of f_s = min(most_filters, filters * 2^s); the first has the stride
 *                into the level, there is no pooling
 *   up           transposed conv, kernel = stride, to f_s, no norm; concat [up, skip]; two layers
 *   heads        1x1x1 conv to the classes after each level of the way up; the coarser ones guide
 *                training alone
 *
 * Strides and kernels of each axis and level are nnU-Net's plan's. Weights begin as He et al. 2015
 * draw them. Source: dynamic_network_architectures/architectures/unet.py and building_blocks.
 */
#include "nets.h"

#include <stdio.h>

#define SLOPE 0.01

static int layer(pleat_graph *graph, int x, const pleat_network_level *l, const int stride[3],
                 const char *level, int number) {
    static const int stays[3] = {1, 1, 1};
    const int *s = stride != NULL ? stride : stays;
    const pleat_conv_shape shape = {.kernel = {l->kernel[0], l->kernel[1], l->kernel[2]},
                                    .stride = {s[0], s[1], s[2]}};
    char what[8], name[32];
    (void)snprintf(what, sizeof what, "conv%d", number);
    x = pleat_graph_conv(graph, x, l->filters, &shape, pleat_network_join(name, level, what));
    (void)snprintf(what, sizeof what, "norm%d", number);
    return pleat_graph_instance(graph, x, SLOPE, pleat_network_join(name, level, what));
}

static void build(const pleat_network *network, pleat_graph *graph) {
    pleat_network_level level[PLEAT_NETWORK_LEVELS];
    const int depth = network->depth;
    int skip[PLEAT_NETWORK_LEVELS], x = pleat_graph_input(graph, network->channels);
    char prefix[16], name[32];
    pleat_network_levels(network, level);
    graph->he = 1;
    for (int s = 0; s <= depth; s++) {
        (void)snprintf(prefix, sizeof prefix, "enc%d", s);
        x = layer(graph, x, &level[s], level[s].stride, prefix, 1);
        x = skip[s] = layer(graph, x, &level[s], NULL, prefix, 2);
    }
    for (int s = depth - 1; s >= 0; s--) {
        (void)snprintf(prefix, sizeof prefix, "dec%d", s);
        x = pleat_graph_up(graph, x, level[s].filters, level[s + 1].stride,
                           pleat_network_join(name, prefix, "up"));
        const int parts[2] = {x, skip[s]};
        x = pleat_graph_concat(graph, parts, 2, pleat_network_join(name, prefix, "concat"));
        x = layer(graph, x, &level[s], NULL, prefix, 1);
        x = layer(graph, x, &level[s], NULL, prefix, 2);
        if (s > 0 && !network->supervise) continue;
        (void)snprintf(prefix, sizeof prefix, "head%d", s);
        const double weight = pleat_network_head_weight(s, network->supervise ? depth : 1);
        (void)pleat_graph_head(graph, x, network->classes, weight, s > 0 ? prefix : "head");
    }
}

static const char *const keys[] = {"depth",     "filters", "classes", "most_filters",
                                   "supervise", "strides", "kernels", NULL};

const pleat_network_kind pleat_network_plainconv = {
    .name = "plainconv", .what = "nnU-Net's PlainConvUNet", .keys = keys, .build = build};
