/* nets.c - what the U-Nets share: the way down and up, and the standard block. */
#include "nets.h"

#include <stdio.h>

const char *pleat_network_join(char out[32], const char *level, const char *what) {
    (void)snprintf(out, 32, "%s.%s", level, what);
    return out;
}

int pleat_network_block(pleat_graph *graph, int x, int filters, int norm, const char *level) {
    static const pleat_conv_shape relu = {.relu = 1};
    char name[32];
    x = pleat_graph_conv(graph, x, filters, &relu, pleat_network_join(name, level, "conv1"));
    if (norm) x = pleat_graph_norm(graph, x, pleat_network_join(name, level, "norm1"));
    x = pleat_graph_conv(graph, x, filters, &relu, pleat_network_join(name, level, "conv2"));
    if (norm) x = pleat_graph_norm(graph, x, pleat_network_join(name, level, "norm2"));
    return x;
}

void pleat_network_u(const pleat_network *network, pleat_network_blocks block, pleat_graph *graph) {
    const int depth = network->depth, filters = network->filters, norm = network->norm;
    int skip[8];
    char level[16], name[32];
    int x = pleat_graph_input(graph, network->channels);
    for (int i = 0; i < depth; i++) {
        (void)snprintf(level, sizeof level, "enc%d", i);
        skip[i] = block(graph, x, filters << i, norm, level);
        x = pleat_graph_pool(graph, skip[i], NULL, pleat_network_join(name, level, "pool"));
    }
    x = block(graph, x, filters << depth, norm, "mid");
    for (int i = depth - 1; i >= 0; i--) {
        (void)snprintf(level, sizeof level, "dec%d", i);
        x = pleat_graph_up(graph, x, filters << i, NULL, pleat_network_join(name, level, "up"));
        const int parts[2] = {x, skip[i]};
        x = pleat_graph_concat(graph, parts, 2, pleat_network_join(name, level, "concat"));
        x = block(graph, x, filters << i, norm, level);
    }
    (void)pleat_graph_head(graph, x, network->classes, 1.0, "head");
}
