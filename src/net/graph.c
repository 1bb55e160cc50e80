/* graph.c - building a network node by node, and what follows from its shape. */
#include "pleat/graph.h"

#include <stdio.h>
#include <string.h>

static int fail(pleat_graph *graph, const char *name, const char *why) {
    if (graph->error[0] == '\0')
        (void)snprintf(graph->error, sizeof graph->error, "node '%s': %s", name, why);
    return -1;
}

/* Adds a node with input a (and b); fills nothing but what follows from them. */
static int add(pleat_graph *graph, pleat_node_kind kind, int a, int b, const char *name) {
    if (graph->error[0] != '\0') return -1;
    if (graph->n == PLEAT_MAX_NODES) return fail(graph, name, "the network has too many nodes");
    if (graph->n > 0 && graph->node[graph->n - 1].kind == PLEAT_NODE_HEAD)
        return fail(graph, name, "comes after the head, which ends a network");
    if ((kind == PLEAT_NODE_INPUT) != (graph->n == 0))
        return fail(graph, name, "a network begins with its one input");
    if (kind != PLEAT_NODE_INPUT && (a < 0 || a >= graph->n))
        return fail(graph, name, "its input does not exist");
    if (strlen(name) >= sizeof graph->node[0].name)
        return fail(graph, name, "its name is too long");
    pleat_node *node = &graph->node[graph->n];
    *node = (pleat_node){.kind = kind, .input = {a, b}};
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    if (kind != PLEAT_NODE_INPUT) {
        node->channels = graph->node[a].channels;
        node->level = graph->node[a].level;
    }
    return graph->n++;
}

static void give_params(pleat_graph *graph, int id, size_t weights, size_t bias) {
    pleat_node *node = &graph->node[id];
    node->weights = graph->params;
    node->n_weights = weights;
    node->bias = graph->params + weights;
    node->n_bias = bias;
    graph->params += weights + bias;
}

/* A convolution of any kind: kernel voxels times channels in times channels out. */
static int add_conv(pleat_graph *graph, pleat_node_kind kind, int input, int channels, size_t taps,
                    const char *name) {
    if (channels < 1) return fail(graph, name, "needs at least one channel");
    const int id = add(graph, kind, input, -1, name);
    if (id < 0) return -1;
    const size_t in = (size_t)graph->node[input].channels, out = (size_t)channels;
    graph->node[id].channels = channels;
    give_params(graph, id, taps * in * out, out);
    return id;
}

int pleat_graph_input(pleat_graph *graph, int channels) {
    const int id = add(graph, PLEAT_NODE_INPUT, -1, -1, "input");
    if (id >= 0) graph->node[id].channels = channels;
    return id;
}

int pleat_graph_conv(pleat_graph *graph, int input, int channels, int relu, const char *name) {
    const int id = add_conv(graph, PLEAT_NODE_CONV, input, channels, 27, name);
    if (id >= 0) graph->node[id].relu = relu;
    return id;
}

int pleat_graph_norm(pleat_graph *graph, int input, const char *name) {
    const int id = add(graph, PLEAT_NODE_NORM, input, -1, name);
    if (id < 0) return -1;
    const size_t channels = (size_t)graph->node[id].channels;
    give_params(graph, id, channels, channels);
    graph->node[id].stats = graph->stats;
    graph->stats += 2 * channels;
    return id;
}

int pleat_graph_pool(pleat_graph *graph, int input, const char *name) {
    const int id = add(graph, PLEAT_NODE_POOL, input, -1, name);
    if (id < 0) return -1;
    const int level = ++graph->node[id].level;
    if (level > graph->depth) graph->depth = level;
    return id;
}

int pleat_graph_up(pleat_graph *graph, int input, int channels, const char *name) {
    const int id = add_conv(graph, PLEAT_NODE_UP, input, channels, 8, name);
    if (id < 0) return -1;
    if (graph->node[input].level == 0) return fail(graph, name, "its input has the full size");
    graph->node[id].level--;
    return id;
}

int pleat_graph_concat(pleat_graph *graph, int a, int b, const char *name) {
    const int id = add(graph, PLEAT_NODE_CONCAT, a, b, name);
    if (id < 0) return -1;
    if (b < 0 || b >= id) return fail(graph, name, "its second input does not exist");
    if (graph->node[a].level != graph->node[b].level)
        return fail(graph, name, "its inputs differ in size");
    graph->node[id].channels += graph->node[b].channels;
    return id;
}

int pleat_graph_head(pleat_graph *graph, int input, int classes, const char *name) {
    if (classes < 2) return fail(graph, name, "needs at least two classes");
    return add_conv(graph, PLEAT_NODE_HEAD, input, classes, 1, name);
}

pleat_status pleat_graph_finish(pleat_graph *graph) {
    PLEAT_CHECK(graph->error[0] == '\0', PLEAT_ERR_SHAPE, "%s", graph->error);
    PLEAT_CHECK(graph->n > 0 && graph->node[graph->n - 1].kind == PLEAT_NODE_HEAD, PLEAT_ERR_SHAPE,
                "a network ends with a head");
    PLEAT_CHECK(graph->node[graph->n - 1].level == 0, PLEAT_ERR_SHAPE,
                "the network's head has not the size of its input");
    return PLEAT_OK;
}

pleat_status pleat_graph_check_size(const pleat_graph *graph, const int dim[3]) {
    const int step = 1 << graph->depth;
    int up[3], fits = 1;
    for (int a = 0; a < 3; a++) {
        fits = fits && dim[a] > 0 && dim[a] % step == 0;
        up[a] = dim[a] < 1 ? step : (dim[a] + step - 1) / step * step;
    }
    PLEAT_CHECK(fits, PLEAT_ERR_SHAPE,
                "patch %dx%dx%d: a network of depth %d halves each size %d times, so each must be "
                "divisible by %d; the next that fits is %dx%dx%d",
                dim[2], dim[1], dim[0], graph->depth, graph->depth, step, up[2], up[1], up[0]);
    return PLEAT_OK;
}

double pleat_graph_macs(const pleat_graph *graph, const int dim[3]) {
    double macs = 0.0;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (node->kind == PLEAT_NODE_NORM) continue;
        /* Every weight is used once per voxel: of the output, but of the input for UP, whose
         * 8 kernel voxels each make another output voxel. */
        const int level = node->kind == PLEAT_NODE_UP ? node->level + 1 : node->level;
        double voxels = 1.0;
        for (int a = 0; a < 3; a++) voxels *= dim[a] >> level;
        macs += voxels * (double)node->n_weights;
    }
    return macs;
}
