/*
 * multires.c - MIScnn's MultiRes U-Net (Ibtehaz & Rahman 2020).
 *
 *   cb(f, k)     conv k without bias, norm without gamma, ReLU unless said "linear"
 *   block(x, U)  a, b, c = 0.167, 0.333, 0.5 of 1.67 U channels
 *                s = cb(a + b + c, 1x1x1) linear of x;  A = cb(a) of x;  B = cb(b) of A;
 *                C = cb(c) of B;  norm of ReLU(s + norm of [A, B, C])
 *   path(x, U)   of the skip of level i, depth - i times:
 *                norm of ReLU(cb(U, 1x1x1) linear of x + cb(U) of x)
 *   head         conv 1x1x1 without bias, norm without gamma: the logits are normalised
 *
 * Pooling takes the block's result, not the path's. Source: MIScnn's architecture/unet/
 * multiRes.py. Its head has a sigmoid; here it is softmax as everywhere.
 */
#include "nets.h"

#include <limits.h>
#include <stdio.h>

#define ALPHA 1.67

/* LEVEL.WHAT, LEVEL.WHAT.norm, LEVEL.WHAT.relu. kernel NULL: 1x1x1. */
static int cb(pleat_graph *graph, int x, const char *level, const char *what, int channels,
              const int *kernel, int linear) {
    pleat_conv_shape shape = {.kernel = {1, 1, 1}, .no_bias = 1};
    char name[32], more[24];
    for (int a = 0; a < 3 && kernel != NULL; a++) shape.kernel[a] = kernel[a];
    x = pleat_graph_conv(graph, x, channels, &shape, pleat_network_join(name, level, what));
    (void)snprintf(more, sizeof more, "%s.norm", what);
    x = pleat_graph_norm_without_gamma(graph, x, pleat_network_join(name, level, more));
    if (linear) return x;
    (void)snprintf(more, sizeof more, "%s.relu", what);
    return pleat_graph_activation(graph, x, 0, 0.0, pleat_network_join(name, level, more));
}

/* LEVEL.WHAT: norm of ReLU(a + b). */
static int close(pleat_graph *graph, int a, int b, const char *level, const char *what) {
    char name[32], more[24];
    (void)snprintf(more, sizeof more, "%s.sum", what);
    int x = pleat_graph_sum(graph, a, b, pleat_network_join(name, level, more));
    (void)snprintf(more, sizeof more, "%s.relu", what);
    x = pleat_graph_activation(graph, x, 0, 0.0, pleat_network_join(name, level, more));
    return pleat_graph_norm(graph, x, pleat_network_join(name, level, what));
}

static int block(pleat_graph *graph, int x, const pleat_network_level *level) {
    const double width = ALPHA * level->filters;
    const int f[3] = {(int)(width * 0.167), (int)(width * 0.333), (int)(width * 0.5)};
    const char *l = level->name;
    char name[32];
    const int s = cb(graph, x, l, "shortcut", f[0] + f[1] + f[2], NULL, 1);
    int parts[3];
    parts[0] = cb(graph, x, l, "conv1", f[0], level->kernel, 0);
    parts[1] = cb(graph, parts[0], l, "conv2", f[1], level->kernel, 0);
    parts[2] = cb(graph, parts[1], l, "conv3", f[2], level->kernel, 0);
    int joined = pleat_graph_concat(graph, parts, 3, pleat_network_join(name, l, "joined"));
    joined = pleat_graph_norm(graph, joined, pleat_network_join(name, l, "joined.norm"));
    return close(graph, s, joined, l, "out");
}

static int path(pleat_graph *graph, int x, const pleat_network_level *level, int length) {
    char prefix[32];
    for (int i = 0; i < length; i++) {
        (void)snprintf(prefix, sizeof prefix, "%s.path%d", level->name, i);
        const int s = cb(graph, x, prefix, "short", level->filters, NULL, 1);
        const int t = cb(graph, x, prefix, "conv", level->filters, level->kernel, 0);
        x = close(graph, s, t, prefix, "out");
    }
    return x;
}

static void head(pleat_graph *graph, int x, const pleat_network *network) {
    x = cb(graph, x, "head", "conv", network->classes, NULL, 1);
    (void)pleat_graph_logits(graph, x, 1.0, "head");
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = block, .path = path, .head = head};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth", "filters", "classes", "strides", "kernels", NULL};

const pleat_network_kind pleat_network_multires = {
    .name = "multires",
    .what = "MIScnn's MultiRes U-Net",
    .keys = keys,
    .least_filters = 4, /* of which a, the narrowest layer, has one */
    .build = build};
