/* nets.c - what the U-Nets share: their levels, the way down and up, the standard block. */
#include "nets.h"

#include <stdio.h>

const char *pleat_network_join(char out[32], const char *level, const char *what) {
    (void)snprintf(out, 32, "%s.%s", level, what);
    return out;
}

int pleat_network_layer(pleat_graph *graph, int x, const pleat_network_level *level, int number) {
    const int *k = level->kernel;
    const pleat_conv_shape relu = {.kernel = {k[0], k[1], k[2]}, .relu = 1};
    char what[16], name[32];
    (void)snprintf(what, sizeof what, "conv%d", number);
    x = pleat_graph_conv(graph, x, level->filters, &relu,
                         pleat_network_join(name, level->name, what));
    if (!level->norm) return x;
    (void)snprintf(what, sizeof what, "norm%d", number);
    return pleat_graph_norm(graph, x, pleat_network_join(name, level->name, what));
}

int pleat_network_standard(pleat_graph *graph, int x, const pleat_network_level *level) {
    return pleat_network_layer(graph, pleat_network_layer(graph, x, level, 1), level, 2);
}

int pleat_network_join_channels(pleat_graph *graph, int a, int b, const pleat_network_level *level,
                                const char *what) {
    const int parts[2] = {a, b};
    char name[32];
    return pleat_graph_concat(graph, parts, 2, pleat_network_join(name, level->name, what));
}

/* A level of the way up: x is the coarser one, `stride` the way to it. */
static int level_up(pleat_graph *graph, int x, int skip, const pleat_network_level *level,
                    const int stride[3], const pleat_network_style *style) {
    char name[32];
    const pleat_network_block block = style->up != NULL ? style->up : style->down;
    if (style->gate != NULL) skip = style->gate(graph, x, skip, level, stride);
    x = pleat_graph_up(graph, x, level->filters, stride,
                       pleat_network_join(name, level->name, "up"));
    x = pleat_network_join_channels(graph, x, skip, level, "concat");
    return block(graph, x, level);
}

void pleat_network_u(const pleat_network *network, int most, const pleat_network_style *style,
                     pleat_graph *graph) {
    const int depth = network->depth;
    pleat_network_level level[PLEAT_NETWORK_LEVELS];
    int skip[PLEAT_NETWORK_LEVELS] = {0}, x = pleat_graph_input(graph, network->channels);
    char name[32];
    pleat_network_levels(network, most, level);
    for (int i = 0; i < depth; i++) {
        x = skip[i] = style->down(graph, x, &level[i]);
        if (style->path != NULL) skip[i] = style->path(graph, x, &level[i], depth - i);
        x = pleat_graph_pool(graph, x, level[i + 1].stride,
                             pleat_network_join(name, level[i].name, "pool"));
    }
    (void)snprintf(level[depth].name, sizeof level[depth].name, "mid");
    x = (style->up != NULL ? style->up : style->down)(graph, x, &level[depth]);
    for (int i = depth - 1; i >= 0; i--) {
        (void)snprintf(level[i].name, sizeof level[i].name, "dec%d", i);
        x = level_up(graph, x, skip[i], &level[i], level[i + 1].stride, style);
    }
    if (style->head != NULL)
        style->head(graph, x, network);
    else
        (void)pleat_graph_head(graph, x, network->classes, 1.0, "head");
}

/* Entry i of a list of three digits x, y, z; `usual` where the list is empty. */
static void take_entry(const char *list, int i, int usual, int out[3]) {
    for (int a = 0; a < 3; a++) out[a] = list[0] != '\0' ? list[4 * i + 2 - a] - '0' : usual;
}

void pleat_network_levels(const pleat_network *network, int most,
                          pleat_network_level level[PLEAT_NETWORK_LEVELS]) {
    for (int i = 0; i <= network->depth; i++) {
        const int filters = network->filters << i;
        (void)snprintf(level[i].name, sizeof level[i].name, "enc%d", i);
        level[i].filters = filters < most ? filters : most;
        level[i].norm = network->norm;
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
