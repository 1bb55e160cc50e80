/*
 * unet.c - the original's "standard" 3-D U-Net.
 *
 *   block(f)       [conv 3x3x3 + ReLU, norm] twice        norm comes after ReLU, as in the original
 *   down           block, 2x2x2 max-pool                  filters f, 2f, 4f, ...
 *   bottom         block(f * 2^depth)
 *   up             transposed conv, concat [up, skip], block
 *   head           1x1x1 conv to the classes
 */
#include "pleat/graph.h"

#include <stdio.h>
#include <string.h>

/* "enc0" + ".conv1" */
static const char *join(char out[24], const char *level, const char *what) {
    (void)snprintf(out, 24, "%s.%s", level, what);
    return out;
}

static int block(pleat_graph *graph, int x, int filters, int norm, const char *level) {
    char name[24];
    x = pleat_graph_conv(graph, x, filters, 1, join(name, level, "conv1"));
    if (norm) x = pleat_graph_norm(graph, x, join(name, level, "norm1"));
    x = pleat_graph_conv(graph, x, filters, 1, join(name, level, "conv2"));
    if (norm) x = pleat_graph_norm(graph, x, join(name, level, "norm2"));
    return x;
}

pleat_status pleat_unet(const pleat_unet_config *config, pleat_graph *out) {
    PLEAT_CHECK(config->depth >= 1 && config->depth <= 7, PLEAT_ERR_ARG,
                "network.depth = %d, must be 1 to 7", config->depth);
    PLEAT_CHECK(config->filters >= 1 && config->filters <= 512, PLEAT_ERR_ARG,
                "network.filters = %d, must be 1 to 512", config->filters);
    PLEAT_CHECK(config->classes >= 2 && config->classes <= 32, PLEAT_ERR_ARG,
                "%d classes, must be 2 to 32", config->classes);
    int skip[7];
    char level[16], name[24];
    *out = (pleat_graph){0};
    int x = pleat_graph_input(out, 1);
    for (int i = 0; i < config->depth; i++) {
        (void)snprintf(level, sizeof level, "enc%d", i);
        skip[i] = block(out, x, config->filters << i, config->norm, level);
        x = pleat_graph_pool(out, skip[i], join(name, level, "pool"));
    }
    x = block(out, x, config->filters << config->depth, config->norm, "mid");
    for (int i = config->depth - 1; i >= 0; i--) {
        (void)snprintf(level, sizeof level, "dec%d", i);
        x = pleat_graph_up(out, x, config->filters << i, join(name, level, "up"));
        x = pleat_graph_concat(out, x, skip[i], join(name, level, "concat"));
        x = block(out, x, config->filters << i, config->norm, level);
    }
    (void)pleat_graph_head(out, x, config->classes, "head");
    return pleat_graph_finish(out);
}

void pleat_unet_text(const pleat_unet_config *config, char *out, size_t size) {
    (void)snprintf(out, size, "unet depth=%d filters=%d classes=%d norm=%d", config->depth,
                   config->filters, config->classes, config->norm != 0);
}

pleat_status pleat_unet_parse(const char *text, pleat_unet_config *out) {
    pleat_unet_config c = {0};
    char again[128];
    /* NOLINTNEXTLINE(cert-err34-c): what it did not understand shows when it is written again */
    const int fields = sscanf(text, "unet depth=%d filters=%d classes=%d norm=%d", &c.depth,
                              &c.filters, &c.classes, &c.norm);
    pleat_unet_text(&c, again, sizeof again);
    PLEAT_CHECK(fields == 4 && strcmp(text, again) == 0, PLEAT_ERR_FORMAT,
                "'%.100s' does not describe a network this version knows", text);
    *out = c;
    return PLEAT_OK;
}
