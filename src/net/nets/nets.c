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

/* Entry i of a list of three digits x, y, z; `usual` where the list is empty. */
static void take_entry(const char *list, int i, int usual, int out[3]) {
    for (int a = 0; a < 3; a++) out[a] = list[0] != '\0' ? list[4 * i + 2 - a] - '0' : usual;
}

void pleat_network_levels(const pleat_network *network,
                          pleat_network_level level[PLEAT_NETWORK_LEVELS]) {
    for (int i = 0; i <= network->depth; i++) {
        const int filters = network->filters << i;
        level[i].filters = filters < network->most_filters ? filters : network->most_filters;
        take_entry(network->kernels, i, 3, level[i].kernel);
        if (i == 0)
            take_entry("", 0, 1, level[i].stride);
        else
            take_entry(network->strides, i - 1, 2, level[i].stride);
    }
}

double pleat_network_head_weight(int i, int heads) {
    double sum = 0;
    for (int k = 0; k < heads - 1; k++) sum += 1.0 / (1 << k);
    if (heads == 1) return 1;
    return i == heads - 1 ? 0 : 1.0 / (1 << i) / sum;
}
