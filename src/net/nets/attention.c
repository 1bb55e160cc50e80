/*
 * attention.c - MIScnn's attention U-Nets (Oktay et al. 2018): standard blocks, gated skips.
 *
 *   gate(x, q)   x the coarser level, q the skip, f the skip's filters
 *     g          conv 1x1x1 (f) of x, norm, ReLU
 *     psi        conv 1x1x1 (1) of ReLU(conv 1x1x1 (f) of g + conv 3x3x3 (f) of q), sigmoid
 *                the latter with the stride between the levels, padded behind
 *     result     norm of conv 1x1x1 (channels of q) of psi q
 *
 * The last norm is there without network.norm too. attention_residual's encoder adds a shortcut of
 * the block's own result b, as MIScnn's 3-D builder has it: ReLU(b + norm of conv 1x1x1 (f) of b);
 * with `input_shortcut` of the block's input, as its 2-D builder has it. Sources: MIScnn's
 * architecture/unet/attention.py and attention_residual.py.
 */
#include "nets.h"

#include <limits.h>

static const pleat_conv_shape one = {.kernel = {1, 1, 1}};

static int gate(pleat_graph *graph, int x, int skip, const pleat_network_level *level,
                const int stride[3]) {
    const int f = level->filters, *k = level->kernel;
    const pleat_conv_shape strided = {
        .kernel = {k[0], k[1], k[2]}, .stride = {stride[0], stride[1], stride[2]}, .late = 1};
    const char *l = level->name;
    char n[32];
    x = pleat_graph_conv(graph, x, f, &one, pleat_network_join(n, l, "signal"));
    if (level->norm) x = pleat_graph_norm(graph, x, pleat_network_join(n, l, "signal.norm"));
    x = pleat_graph_activation(graph, x, 0, 0.0, pleat_network_join(n, l, "signal.relu"));
    const int theta = pleat_graph_conv(graph, skip, f, &strided, pleat_network_join(n, l, "theta"));
    const int phi = pleat_graph_conv(graph, x, f, &one, pleat_network_join(n, l, "phi"));
    int psi = pleat_graph_sum(graph, phi, theta, pleat_network_join(n, l, "psi.sum"));
    psi = pleat_graph_activation(graph, psi, 0, 0.0, pleat_network_join(n, l, "psi.relu"));
    psi = pleat_graph_conv(graph, psi, 1, &one, pleat_network_join(n, l, "psi"));
    psi = pleat_graph_activation(graph, psi, 1, 0.0, pleat_network_join(n, l, "psi.sigmoid"));
    x = pleat_graph_gate(graph, skip, psi, pleat_network_join(n, l, "gated"));
    x = pleat_graph_conv(graph, x, f, &one, pleat_network_join(n, l, "result"));
    return pleat_graph_norm(graph, x, pleat_network_join(n, l, "result.norm"));
}

static int add_shortcut(pleat_graph *graph, int from, int b, const pleat_network_level *level) {
    char n[32];
    int s = pleat_graph_conv(graph, from, level->filters, &one,
                             pleat_network_join(n, level->name, "shortcut"));
    if (level->norm)
        s = pleat_graph_norm(graph, s, pleat_network_join(n, level->name, "shortcut.norm"));
    s = pleat_graph_sum(graph, s, b, pleat_network_join(n, level->name, "sum"));
    return pleat_graph_activation(graph, s, 0, 0.0, pleat_network_join(n, level->name, "relu"));
}

static int of_result(pleat_graph *graph, int x, const pleat_network_level *level) {
    x = pleat_network_standard(graph, x, level);
    return add_shortcut(graph, x, x, level);
}

static int of_input(pleat_graph *graph, int x, const pleat_network_level *level) {
    return add_shortcut(graph, x, pleat_network_standard(graph, x, level), level);
}

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = pleat_network_standard, .gate = gate};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static void build_residual(const pleat_network *network, pleat_graph *graph) {
    const pleat_network_style style = {.down = network->input_shortcut ? of_input : of_result,
                                       .up = pleat_network_standard,
                                       .gate = gate};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "norm",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_attention = {
    .name = "attention", .what = "MIScnn's attention U-Net", .keys = keys, .build = build};

static const char *const residual_keys[] = {"depth",   "filters", "classes",        "norm",
                                            "strides", "kernels", "input_shortcut", NULL};

const pleat_network_kind pleat_network_attention_residual = {
    .name = "attention_residual",
    .what = "the same with shortcuts on the way down",
    .keys = residual_keys,
    .build = build_residual};
