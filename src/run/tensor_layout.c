/* tensor_layout.c - where each tensor of a network lies in a checkpoint's flat buffers. */
#include "run_impl.h"

#include <stdlib.h>

static void put(pleat_layer_info *info, const pleat_node *node, const char *what, size_t offset) {
    *info = (pleat_layer_info){.rank = 1, .shape = {node->channels}, .offset = offset};
    (void)snprintf(info->name, sizeof info->name, "%s.%s", node->name, what);
}

/* The canonical layouts of pleat/engine.h. */
static void put_weights(pleat_layer_info *info, const pleat_node *node, int in) {
    const int out = node->channels;
    put(info, node, "weights", node->weights);
    info->rank = 5;
    const int conv[5] = {out, 3, 3, 3, in}, head[5] = {out, 1, 1, 1, in},
              up[5] = {2, 2, 2, out, in};
    for (int a = 0; a < 5; a++)
        info->shape[a] = node->kind == PLEAT_NODE_UP     ? up[a]
                         : node->kind == PLEAT_NODE_HEAD ? head[a]
                                                         : conv[a];
}

pleat_status pleat_tensor_layout(const pleat_graph *graph, pleat_layer_info **out, int *n) {
    pleat_layer_info *infos = calloc(4 * (size_t)graph->n, sizeof *infos);
    PLEAT_CHECK(infos != NULL, PLEAT_ERR_MEMORY, "no memory to describe a network");
    int used = 0;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (node->kind == PLEAT_NODE_NORM) {
            put(&infos[used++], node, "gamma", node->weights);
            put(&infos[used++], node, "beta", node->bias);
            put(&infos[used], node, "mean", node->stats);
            infos[used++].in_stats = 1;
            put(&infos[used], node, "variance", node->stats + (size_t)node->channels);
            infos[used++].in_stats = 1;
        } else if (node->n_weights > 0) {
            put_weights(&infos[used++], node, graph->node[node->input[0]].channels);
            put(&infos[used++], node, "bias", node->bias);
        }
    }
    *out = infos;
    *n = used;
    return PLEAT_OK;
}
