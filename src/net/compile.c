/*
 * compile.c - compiles a model for one batch shape.
 *
 *   1. link      which node reads which; where a concat's halves can be written in place
 *   2. live      at which step each buffer is first and last needed
 *   3. place     one arena for all of them
 *   4. prepare   convolutions, tensors
 *
 * Steps: node i runs forward at i, the loss at n, node i backward at 2n - i.
 */
#include "net_impl.h"

#include <limits.h>
#include <stdlib.h>

#define PER_NODE 3 /* values a node may own: output, gradient, pool index */

static int backward_step(const pleat_net *net, int node) { return 2 * net->model->graph.n - node; }

/* A gradient has one writer, the node that reads the output. A concat may share with an earlier
 * pool: backward meets the concat first, and the pool adds. The input has no gradient. */
static pleat_status check_readers(const pleat_graph *graph) {
    for (int i = 0; i < graph->n - 1; i++) {
        pleat_node_kind reader[2 * PLEAT_MAX_NODES];
        int n = 0;
        for (int j = i + 1; j < graph->n; j++)
            for (int k = 0; k < 2; k++)
                if (graph->node[j].input[k] == i) reader[n++] = graph->node[j].kind;
        PLEAT_CHECK(n > 0, PLEAT_ERR_UNSUPPORTED, "node '%s' is read by no other",
                    graph->node[i].name);
        const int shared = n == 2 && reader[0] == PLEAT_NODE_POOL && reader[1] == PLEAT_NODE_CONCAT;
        PLEAT_CHECK(i == 0 || n == 1 || shared, PLEAT_ERR_UNSUPPORTED,
                    "node '%s' is read by %d nodes; only a pool and a later concat may share",
                    graph->node[i].name, n);
    }
    return PLEAT_OK;
}

static pleat_status link_nodes(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    PLEAT_CHECK(graph->node[0].channels == 1, PLEAT_ERR_UNSUPPORTED,
                "the network's input has %d channels; images have one", graph->node[0].channels);
    PLEAT_TRY(check_readers(graph));
    for (int i = 0; i < graph->n; i++) net->layer[i].slice_of = -1;
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        for (int k = 0; k < 2 && node->input[k] >= 0; k++) {
            const int in = node->input[k];
            const pleat_node_kind kind = graph->node[in].kind;
            if (node->kind == PLEAT_NODE_NORM) net->layer[in].normed = 1;
            if (node->kind != PLEAT_NODE_CONCAT) continue;
            net->layer[in].joined = 1;
            if (kind != PLEAT_NODE_NORM && kind != PLEAT_NODE_UP) continue; /* copied instead */
            net->layer[in].slice_of = i;
            net->layer[in].slice_at = k == 0 ? 0 : graph->node[node->input[0]].channels;
        }
        PLEAT_CHECK(
            node->kind != PLEAT_NODE_NORM || graph->node[node->input[0]].kind == PLEAT_NODE_CONV,
            PLEAT_ERR_UNSUPPORTED, "node '%s': norm is only known after a convolution", node->name);
    }
    return PLEAT_OK;
}

static size_t node_voxels(const pleat_net *net, int i) {
    size_t voxels = (size_t)net->options.batch;
    for (int a = 0; a < 3; a++)
        voxels *= (size_t)(net->options.dim[a] >> net->model->graph.node[i].level);
    return voxels;
}

/* The value that holds a node's output (or gradient): its own or its concat's. */
static int holder(const pleat_net *net, int i) {
    return net->layer[i].slice_of >= 0 ? net->layer[i].slice_of : i;
}

static void touch_output(pleat_net *net, pleat_value *values, int i, int step) {
    pleat_value_touch(&values[net->layer[holder(net, i)].x_value], step);
}
static void touch_gradient(pleat_net *net, pleat_value *values, int i, int step) {
    pleat_value_touch(&values[net->layer[holder(net, i)].dx_value], step);
}

static void live_forward(pleat_net *net, pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        for (int k = 0; k < 2 && node->input[k] >= 0; k++)
            touch_output(net, values, node->input[k], i);
        if (node->kind != PLEAT_NODE_HEAD) touch_output(net, values, i, i);
        if (node->kind == PLEAT_NODE_POOL) pleat_value_touch(&values[net->layer[i].index_value], i);
    }
    pleat_value_touch(&values[net->logits_value], graph->n - 1);
    pleat_value_touch(&values[net->logits_value], graph->n);
    pleat_value_touch(&values[net->labels_value], graph->n);
    if (net->fed) pleat_value_touch(&values[net->labels_value], 0);
    pleat_value_touch(&values[net->loss_value], graph->n);
}

static void live_backward(pleat_net *net, pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    pleat_value_touch(&values[net->dlogits_value], graph->n);
    pleat_value_touch(&values[net->loss_value], backward_step(net, 0)); /* read at the end */
    for (int i = graph->n - 1; i > 0; i--) {
        const pleat_node *node = &graph->node[i];
        const int step = backward_step(net, i), in = node->input[0];
        if (node->kind == PLEAT_NODE_HEAD)
            pleat_value_touch(&values[net->dlogits_value], step);
        else
            touch_gradient(net, values, i, step);
        if (node->kind == PLEAT_NODE_CONV && node->relu && !net->layer[i].normed)
            touch_output(net, values, i, step);
        if (node->kind != PLEAT_NODE_POOL && node->kind != PLEAT_NODE_CONCAT)
            touch_output(net, values, in, step);
        if (node->kind == PLEAT_NODE_POOL)
            pleat_value_touch(&values[net->layer[i].index_value], step);
        if (in != 0) touch_gradient(net, values, in, step);
        if (node->input[1] > 0) touch_gradient(net, values, node->input[1], step);
    }
}

static void own_values(pleat_net *net, pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    const size_t act = pleat_dtype_size(net->model->engine->act);
    const size_t real = pleat_dtype_size(net->model->engine->real);
    for (int i = 0; i < graph->n; i++) {
        const size_t elements = node_voxels(net, i) * (size_t)graph->node[i].channels;
        pleat_layer *layer = &net->layer[i];
        layer->x_value = PER_NODE * i;
        layer->dx_value = PER_NODE * i + 1;
        layer->index_value = PER_NODE * i + 2;
        values[layer->x_value].bytes = elements * act;
        values[layer->dx_value].bytes = elements * act;
        values[layer->index_value].bytes = elements;
    }
    const int n = PER_NODE * graph->n;
    const size_t samples = (size_t)net->options.batch;
    const size_t logits = samples * net->voxels * (size_t)net->classes;
    net->logits_value = n;
    net->dlogits_value = n + 1;
    net->labels_value = n + 2;
    net->loss_value = n + 3;
    values[n].bytes = logits * real;
    values[n + 1].bytes = logits * act;
    values[n + 2].bytes = samples * net->voxels;
    values[n + 3].bytes = pleat_net_sums(net) * sizeof(double);
}

static void lay_tensors(pleat_net *net, const pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    const size_t act = pleat_dtype_size(net->model->engine->act);
    char *arena = net->arena;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        pleat_layer *layer = &net->layer[i];
        const pleat_layer *held = &net->layer[holder(net, i)];
        const size_t shift = (size_t)layer->slice_at * act;
        layer->x = (pleat_tensor){
            .data = arena + values[held->x_value].offset + shift,
            .n = net->options.batch,
            .d = net->options.dim[0] >> node->level,
            .h = net->options.dim[1] >> node->level,
            .w = net->options.dim[2] >> node->level,
            .c = node->channels,
            .pitch = graph->node[holder(net, i)].channels,
        };
        layer->dx = layer->x;
        layer->dx.data = arena + values[held->dx_value].offset + shift;
        layer->index = (uint8_t *)arena + values[layer->index_value].offset;
    }
    const int head = graph->n - 1;
    net->logits = arena + values[net->logits_value].offset;
    net->layer[head].x.data = net->logits;
    net->dlogits = net->layer[head].dx;
    net->dlogits.data = arena + values[net->dlogits_value].offset;
    net->labels = (uint8_t *)arena + values[net->labels_value].offset;
    net->loss_sums = (double *)(arena + values[net->loss_value].offset);
}

static pleat_status place(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    pleat_value values[PER_NODE * PLEAT_MAX_NODES + 4];
    const int n = PER_NODE * net->model->graph.n + 4;
    for (int i = 0; i < n; i++) values[i] = (pleat_value){.first = INT_MAX, .last = -1};
    own_values(net, values);
    live_forward(net, values);
    if (net->options.train) live_backward(net, values);
    PLEAT_TRY(pleat_arena_plan(values, n, &net->arena_bytes));
    PLEAT_TRY(engine->ops->alloc(engine, net->arena_bytes, &net->arena));
    lay_tensors(net, values);
    return PLEAT_OK;
}

/* Norm's sums, mean and deviation of every norm node, in one block. */
static pleat_status place_norms(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const pleat_graph *graph = &net->model->graph;
    const size_t real = pleat_dtype_size(engine->real), each = 2 * sizeof(double) + 2 * real;
    if (graph->stats == 0) return PLEAT_OK;
    PLEAT_TRY(engine->ops->alloc(engine, graph->stats / 2 * each, &net->small));
    char *next = net->small;
    for (int i = 0; i < graph->n; i++) {
        if (graph->node[i].kind != PLEAT_NODE_NORM) continue;
        const size_t channels = (size_t)graph->node[i].channels;
        net->layer[i].sums = (double *)next;
        net->layer[i].mean = next + 2 * channels * sizeof(double);
        net->layer[i].inv_std = next + channels * (2 * sizeof(double) + real);
        next += channels * each;
    }
    return PLEAT_OK;
}

static pleat_status prepare_convs(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const pleat_graph *graph = &net->model->graph;
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (node->kind != PLEAT_NODE_CONV && node->kind != PLEAT_NODE_UP &&
            node->kind != PLEAT_NODE_HEAD)
            continue;
        const pleat_tensor *x = &net->layer[node->input[0]].x;
        const int stride = node->kind == PLEAT_NODE_UP ? 2 : 1;
        const int kernel = node->kind == PLEAT_NODE_CONV ? 3 : stride;
        const pleat_conv_desc desc = {
            .kind = node->kind == PLEAT_NODE_CONV ? PLEAT_CONV
                    : node->kind == PLEAT_NODE_UP ? PLEAT_UP
                                                  : PLEAT_HEAD,
            .n = x->n,
            .d = x->d,
            .h = x->h,
            .w = x->w,
            .cin = x->c,
            .cout = node->channels,
            .kernel = {kernel, kernel, kernel},
            .stride = {stride, stride, stride},
            .before = {kernel == 3, kernel == 3, kernel == 3},
            .relu = node->relu,
            .train = net->options.train,
            .want_dx = net->options.train && node->input[0] != 0,
            .sample_stride = net->slots != NULL ? graph->params : 0,
        };
        PLEAT_TRY(engine->ops->conv_create(engine, &desc, &net->layer[i].conv));
    }
    return PLEAT_OK;
}

static void find_slopes(void *context, const double *in, double *out) {
    const pleat_net *net = context;
    for (int b = 0; b < net->options.batch; b++)
        net->loss->slopes(in + (size_t)b * (size_t)(3 * net->classes + 1), net->classes,
                          out + (size_t)b * (size_t)(2 * net->classes));
}

static pleat_status prepare_loss(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const size_t n = (size_t)net->options.batch * 2 * (size_t)net->classes;
    net->loss = pleat_losses[0];
    if (!net->options.train) return PLEAT_OK;
    PLEAT_TRY(engine->ops->alloc(engine, n * sizeof(double), (void **)&net->slopes));
    return engine->ops->host_call_create(engine, find_slopes, net, pleat_net_sums(net), n,
                                         &net->find_slopes);
}

pleat_status pleat_net_create(pleat_model *model, const pleat_net_options *options,
                              pleat_net **out) {
    pleat_status status = PLEAT_OK;
    pleat_net *net = calloc(1, sizeof *net);
    PLEAT_CHECK(net != NULL, PLEAT_ERR_MEMORY, "no memory for a net");
    net->model = model;
    net->options = *options;
    net->version = model->version - 1;
    net->voxels = (size_t)options->dim[0] * (size_t)options->dim[1] * (size_t)options->dim[2];
    net->classes = model->graph.node[model->graph.n - 1].channels;
    net->fed = options->train && model->engine->ops->device != NULL;
    PLEAT_CHECK_GOTO(status, done, options->batch >= 1, PLEAT_ERR_ARG, "batch = %d, must be >= 1",
                     options->batch);
    PLEAT_CHECK_GOTO(status, done, model->train || !options->train, PLEAT_ERR_ARG,
                     "a model without gradients cannot be trained");
    PLEAT_TRY_GOTO(status, done, pleat_graph_check_size(&model->graph, options->dim));
    PLEAT_TRY_GOTO(status, done, link_nodes(net));
    PLEAT_TRY_GOTO(status, done, place(net));
    PLEAT_TRY_GOTO(status, done, place_norms(net));
    if (options->ordered && options->train) PLEAT_TRY_GOTO(status, done, pleat_ordered_create(net));
    PLEAT_TRY_GOTO(status, done, prepare_convs(net));
    PLEAT_TRY_GOTO(status, done, prepare_loss(net));
    *out = net;
    net = NULL;
done:
    pleat_net_destroy(net);
    return status;
}

void pleat_net_destroy(pleat_net *net) {
    if (net == NULL) return;
    pleat_engine *engine = net->model->engine;
    pleat_net_forget(net);
    engine->ops->host_call_destroy(engine, net->find_slopes);
    if (net->slopes != NULL) engine->ops->free(engine, net->slopes);
    for (int i = 0; i < net->model->graph.n; i++)
        if (net->layer[i].conv != NULL) engine->ops->conv_destroy(engine, net->layer[i].conv);
    if (net->arena != NULL) engine->ops->free(engine, net->arena);
    if (net->small != NULL) engine->ops->free(engine, net->small);
    pleat_ordered_destroy(net);
    free(net->host);
    free(net);
}

pleat_engine *pleat_net_engine(const pleat_net *net) { return net->model->engine; }

size_t pleat_net_arena(const pleat_net *net) { return net->arena_bytes; }

size_t pleat_net_sums(const pleat_net *net) {
    return (size_t)net->options.batch * (size_t)(3 * net->classes + 1);
}
