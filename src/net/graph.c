/* graph.c - building a network node by node, and what follows from its shape. */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(pleat_graph *graph, const char *name, const char *why) {
    if (graph->error[0] == '\0')
        (void)snprintf(graph->error, sizeof graph->error, "node '%s': %s", name, why);
    return -1;
}

/* A place for one more node. */
static int reserve(pleat_graph *graph) {
    if (graph->n < graph->room) return 1;
    const int room = graph->room > 0 ? 2 * graph->room : 64;
    pleat_node *grown = realloc(graph->node, (size_t)room * sizeof *grown);
    if (grown == NULL) return 0;
    graph->node = grown;
    graph->room = room;
    return 1;
}

static int least_common(int a, int b) {
    int step = a;
    while (step % b != 0) step += a;
    return step;
}

int pleat_graph_add(pleat_graph *graph, const pleat_node *node, const char *name) {
    if (graph->error[0] != '\0') return -1;
    if ((node->n_inputs == 0) != (graph->n == 0))
        return fail(graph, name, "a network begins with its one input");
    for (int k = 0; k < node->n_inputs; k++)
        if (node->input[k] < 0 || node->input[k] >= graph->n)
            return fail(graph, name, "its input does not exist");
    if (strlen(name) >= sizeof node->name) return fail(graph, name, "its name is too long");
    for (int i = 0; i < graph->n; i++)
        if (strcmp(graph->node[i].name, name) == 0)
            return fail(graph, name, "there is one of this name");
    if (!reserve(graph)) return fail(graph, name, "no memory for another node");
    pleat_node *added = &graph->node[graph->n];
    *added = *node;
    (void)snprintf(added->name, sizeof added->name, "%s", name);
    if (node->n_inputs > 0) {
        const pleat_node *first = &graph->node[node->input[0]];
        if (added->channels == 0) added->channels = first->channels;
        memcpy(added->scale, first->scale, sizeof added->scale);
    }
    const char *why =
        added->channels < 1 ? "needs at least one channel" : added->kind->shape(graph, added);
    if (why != NULL) return fail(graph, name, why);
    added->weights = graph->params;
    added->bias = graph->params + added->n_weights;
    added->stats = graph->stats;
    graph->params += added->n_weights + added->n_bias;
    graph->stats += added->n_stats;
    for (int a = 0; a < 3; a++)
        graph->divisor[a] = graph->n == 0 ? 1 : least_common(graph->divisor[a], added->scale[a]);
    return graph->n++;
}

void pleat_graph_free(pleat_graph *graph) {
    free(graph->node);
    *graph = (pleat_graph){0};
}

pleat_status pleat_graph_copy(const pleat_graph *from, pleat_graph *out) {
    pleat_node *node = malloc(((size_t)from->n + 1) * sizeof *node);
    PLEAT_CHECK(node != NULL, PLEAT_ERR_MEMORY, "no memory for a network of %d nodes", from->n);
    if (from->n > 0) memcpy(node, from->node, (size_t)from->n * sizeof *node);
    *out = *from;
    out->node = node;
    out->room = from->n;
    return PLEAT_OK;
}

pleat_status pleat_graph_finish(pleat_graph *graph) {
    PLEAT_CHECK(graph->error[0] == '\0', PLEAT_ERR_SHAPE, "%s", graph->error);
    PLEAT_CHECK(graph->n > 0 && graph->node[graph->n - 1].kind->is_head, PLEAT_ERR_SHAPE,
                "a network ends with a head");
    const pleat_node *head = &graph->node[graph->n - 1];
    PLEAT_CHECK(head->scale[0] == 1 && head->scale[1] == 1 && head->scale[2] == 1, PLEAT_ERR_SHAPE,
                "the network's head has not the size of its input");
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        int readers = node->kind->is_head;
        for (int j = i + 1; j < graph->n; j++)
            for (int k = 0; k < graph->node[j].n_inputs; k++)
                readers += graph->node[j].input[k] == i;
        PLEAT_CHECK(readers > 0, PLEAT_ERR_SHAPE, "node '%s' is read by no other", node->name);
        PLEAT_CHECK(!node->kind->is_head || node->channels == head->channels, PLEAT_ERR_SHAPE,
                    "head '%s' knows %d classes, head '%s' %d", node->name, node->channels,
                    head->name, head->channels);
        PLEAT_CHECK(!node->kind->is_head || readers == 1, PLEAT_ERR_SHAPE,
                    "head '%s' is read by another node; its logits go to the loss alone",
                    node->name);
    }
    return PLEAT_OK;
}

int pleat_graph_classes(const pleat_graph *graph) { return graph->node[graph->n - 1].channels; }

pleat_status pleat_graph_check_size(const pleat_graph *graph, const int dim[3]) {
    const int *step = graph->divisor;
    int up[3], fits = 1;
    for (int a = 0; a < 3; a++) {
        fits = fits && dim[a] > 0 && dim[a] % step[a] == 0;
        up[a] = dim[a] < 1 ? step[a] : (dim[a] + step[a] - 1) / step[a] * step[a];
    }
    char steps[48];
    if (step[0] == step[1] && step[1] == step[2])
        (void)snprintf(steps, sizeof steps, "%d", step[0]);
    else
        (void)snprintf(steps, sizeof steps, "%dx%dx%d", step[2], step[1], step[0]);
    PLEAT_CHECK(fits, PLEAT_ERR_SHAPE,
                "patch %dx%dx%d: the network halves its sizes, so they must be divisible by %s; "
                "the next that fits is %dx%dx%d",
                dim[2], dim[1], dim[0], steps, up[2], up[1], up[0]);
    return PLEAT_OK;
}

static double node_macs(const pleat_node *node, const int dim[3]) {
    if (node->kind->macs == NULL) return 0.0;
    double voxels = 1.0;
    for (int a = 0; a < 3; a++) {
        const int length = dim[a] / node->scale[a];
        voxels *= length;
    }
    return voxels * node->kind->macs(node);
}

double pleat_graph_macs(const pleat_graph *graph, const int dim[3]) {
    double macs = 0.0;
    for (int i = 0; i < graph->n; i++) macs += node_macs(&graph->node[i], dim);
    return macs;
}

double pleat_graph_first_macs(const pleat_graph *graph, const int dim[3]) {
    double macs = 0.0;
    for (int i = 1; i < graph->n; i++)
        if (graph->node[i].input[0] == 0) macs += node_macs(&graph->node[i], dim);
    return macs;
}

void pleat_node_tensor(pleat_layer_info *out, const pleat_node *node, const char *what,
                       size_t offset, int channels) {
    *out = (pleat_layer_info){.rank = 1, .shape = {channels}, .offset = offset};
    (void)snprintf(out->name, sizeof out->name, "%s.%s", node->name, what);
}

pleat_status pleat_graph_tensors(const pleat_graph *graph, pleat_layer_info **out, int *n) {
    pleat_layer_info *infos = calloc(PLEAT_NODE_TENSORS * (size_t)graph->n + 1, sizeof *infos);
    PLEAT_CHECK(infos != NULL, PLEAT_ERR_MEMORY, "no memory to describe a network");
    int used = 0;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (node->kind->tensors != NULL) used += node->kind->tensors(graph, node, &infos[used]);
    }
    *out = infos;
    *n = used;
    return PLEAT_OK;
}
