/*
 * nnunet.c - nnU-Net's PlainConvUNet and ResidualEncoderUNet (Isensee et al. 2021, 2024).
 *
 *   layer(f)     conv with bias, instance norm, leaky ReLU of slope 0.01
 *   block(f)     r = layer(f), then conv and instance norm; s = the input, averaged over the stride
 *                where it has one, then, if channels change, conv 1x1x1 without bias and instance
 *                norm; leaky ReLU of r + s (ResNet-D)
 *   level s      f_s = min(most_filters, filters * 2^s); the first of its layers or blocks has the
 *                stride into the level, there is no pooling
 *     plainconv  two layers
 *     resenc     before the first level a layer; then as many blocks as `blocks` says
 *   up           transposed conv, kernel = stride, to f_s, no norm; concat [up, skip]; plainconv:
 *                two layers, resenc: one
 *   heads        1x1x1 conv to the classes after each level of the way up; the coarser ones guide
 *                training alone
 *
 * Strides and kernels of each axis and level are nnU-Net's plan's. Weights begin as He et al. 2015
 * draw them, the norm before a sum with gamma 0. Source: dynamic_network_architectures,
 * architectures/unet.py and building_blocks.
 */
#include "nets.h"

#include <stddef.h>
#include <stdio.h>

#define SLOPE 0.01

static const int stays[3] = {1, 1, 1};

/* LEVEL.convN, LEVEL.normN; slope 1: no ReLU, and then silent at first. */
static int layer(pleat_graph *graph, int x, const pleat_network_level *l, const char *prefix,
                 const int stride[3], double slope, int number) {
    const pleat_conv_shape shape = {.kernel = {l->kernel[0], l->kernel[1], l->kernel[2]},
                                    .stride = {stride[0], stride[1], stride[2]}};
    char what[16], name[32];
    (void)snprintf(what, sizeof what, "conv%d", number);
    x = pleat_graph_conv(graph, x, l->filters, &shape, pleat_network_join(name, prefix, what));
    (void)snprintf(what, sizeof what, "norm%d", number);
    return pleat_graph_instance(graph, x, slope, slope == 1.0,
                                pleat_network_join(name, prefix, what));
}

static int layers(pleat_graph *graph, int x, const pleat_network_level *l, const int stride[3],
                  int n) {
    for (int i = 1; i <= n; i++) x = layer(graph, x, l, l->name, i == 1 ? stride : stays, SLOPE, i);
    return x;
}

static int shortcut(pleat_graph *graph, int x, const pleat_network_level *l, const char *prefix,
                    const int stride[3]) {
    static const pleat_conv_shape one = {.kernel = {1, 1, 1}, .no_bias = 1};
    const int changes = x >= 0 && graph->node[x].channels != l->filters;
    char name[32];
    if (stride[0] * stride[1] * stride[2] > 1)
        x = pleat_graph_mean(graph, x, stride, pleat_network_join(name, prefix, "mean"));
    if (!changes) return x;
    x = pleat_graph_conv(graph, x, l->filters, &one, pleat_network_join(name, prefix, "shortcut"));
    return pleat_graph_instance(graph, x, 1.0, 0,
                                pleat_network_join(name, prefix, "shortcut.norm"));
}

static int block(pleat_graph *graph, int x, const pleat_network_level *l, const int stride[3],
                 int number) {
    char prefix[32], name[32];
    (void)snprintf(prefix, sizeof prefix, "%.15s.%d", l->name, number);
    int r = layer(graph, x, l, prefix, stride, SLOPE, 1);
    r = layer(graph, r, l, prefix, stays, 1.0, 2);
    x = shortcut(graph, x, l, prefix, stride);
    x = pleat_graph_sum(graph, r, x, pleat_network_join(name, prefix, "sum"));
    return pleat_graph_activation(graph, x, 0, SLOPE, pleat_network_join(name, prefix, "relu"));
}

/* The way up from x, the coarsest level, with so many layers a level, and the heads. */
static void build_up(const pleat_network *network, pleat_network_level *level, const int *skip,
                     int x, int n, pleat_graph *graph) {
    char name[32];
    for (int s = network->depth - 1; s >= 0; s--) {
        (void)snprintf(level[s].name, sizeof level[s].name, "dec%d", s);
        x = pleat_graph_up(graph, x, level[s].filters, level[s + 1].stride,
                           pleat_network_join(name, level[s].name, "up"));
        x = pleat_network_join_channels(graph, x, skip[s], &level[s], "concat");
        x = layers(graph, x, &level[s], stays, n);
        if (s > 0 && !network->supervise) continue;
        const int heads = network->supervise ? network->depth : 1;
        (void)snprintf(name, sizeof name, "head%d", s);
        (void)pleat_graph_head(graph, x, network->classes, pleat_network_head_weight(s, heads),
                               s > 0 ? name : "head");
    }
}

static void build_plain(const pleat_network *network, pleat_graph *graph) {
    pleat_network_level level[PLEAT_NETWORK_LEVELS];
    int skip[PLEAT_NETWORK_LEVELS] = {0}, x = pleat_graph_input(graph, network->channels);
    pleat_network_levels(network, network->most_filters, level);
    graph->he = 1;
    for (int s = 0; s <= network->depth; s++)
        x = skip[s] = layers(graph, x, &level[s], level[s].stride, 2);
    build_up(network, level, skip, x, 2, graph);
}

/* Blocks of a level: an entry of the list, "1,3,4,6,6,6" */
static int blocks_of(const pleat_network *network, int s) {
    static const int usual[] = {1, 3, 4};
    if (network->blocks[0] != '\0') return network->blocks[2 * (size_t)s] - '0';
    return s < 3 ? usual[s] : 6;
}

static void build_residual(const pleat_network *network, pleat_graph *graph) {
    pleat_network_level level[PLEAT_NETWORK_LEVELS];
    int skip[PLEAT_NETWORK_LEVELS] = {0}, x = pleat_graph_input(graph, network->channels);
    pleat_network_levels(network, network->most_filters, level);
    graph->he = 1;
    x = layer(graph, x, &level[0], "stem", stays, SLOPE, 1);
    for (int s = 0; s <= network->depth; s++) {
        for (int b = 0; b < blocks_of(network, s); b++)
            x = block(graph, x, &level[s], b == 0 ? level[s].stride : stays, b);
        skip[s] = x;
    }
    build_up(network, level, skip, x, 1, graph);
}

static const char *const keys[] = {"depth",     "filters", "classes", "most_filters",
                                   "supervise", "strides", "kernels", NULL};

const pleat_network_kind pleat_network_plainconv = {
    .name = "plainconv", .what = "nnU-Net's PlainConvUNet", .keys = keys, .build = build_plain};

static const char *const residual_keys[] = {"depth",        "filters",   "classes",
                                            "most_filters", "supervise", "strides",
                                            "kernels",      "blocks",    NULL};

const pleat_network_kind pleat_network_resenc = {.name = "resenc",
                                                 .what = "nnU-Net's ResidualEncoderUNet",
                                                 .keys = residual_keys,
                                                 .build = build_residual};
