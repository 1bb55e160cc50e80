/*
 * compile.c - compiles a model for one batch shape.
 *
 *   1. link      who reads whom; whose output lies within another's; who writes a gradient first
 *   2. live      at which step each buffer is first and last needed
 *   3. place     one arena for all of them
 *   4. prepare   convolutions, tensors, heads
 *
 * Steps: node i runs forward at i, the loss at n, node i backward at 2n - i.
 */
#include "net_impl.h"

#include "pleat/volume.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PER_NODE (3 + PLEAT_NODE_INPUTS) /* values: output, gradient, kept, asides */
#define PER_HEAD 2                       /* values: labels, slopes */
#define OWN      64                      /* bytes: what layers own is aligned to it */

static int backward_step(const pleat_net *net, int node) { return 2 * net->model->graph.n - node; }

static int is_input(const pleat_node *node, int of) {
    int times = 0;
    for (int k = 0; k < node->n_inputs; k++) times += node->input[k] == of;
    return times;
}

/* --- link ------------------------------------------------------------------------------------- */

/* A net that is not trained leaves out what the main head does not need. */
static void find_used(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    net->layer[graph->n - 1].used = 1;
    for (int i = graph->n - 1; i >= 0; i--) {
        if (net->options.train) net->layer[i].used = 1;
        for (int k = 0; net->layer[i].used && k < graph->node[i].n_inputs; k++)
            net->layer[graph->node[i].input[k]].used = 1;
    }
}

/* Whether node `in` may be made within the output of `holder`, its k-th input there. All others
 * who read it must take slices; and come before, so that the whole gradient of the holder is there
 * when they add theirs to a part of it. */
static int may_hold(const pleat_net *net, int holder, int k) {
    const pleat_graph *graph = &net->model->graph;
    const pleat_node *node = &graph->node[holder];
    const int in = node->input[k];
    if (node->kind->place_of == NULL || node->kind->place_of(graph, node, k) < 0) return 0;
    if (!graph->node[in].kind->makes_slices || net->layer[in].held_by >= 0) return 0;
    if (is_input(node, in) > 1) return 0;
    const int alone = node->kind->changes != NULL && node->kind->changes(k);
    for (int j = in + 1; j < graph->n; j++) {
        if (j == holder || !net->layer[j].used || !is_input(&graph->node[j], in)) continue;
        if (alone || j > holder || !graph->node[j].kind->takes_slices) return 0;
    }
    return 1;
}

static void find_holders(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    for (int i = 0; i < graph->n; i++) net->layer[i].held_by = -1;
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        for (int k = 0; net->layer[i].used && k < node->n_inputs; k++) {
            if (!may_hold(net, i, k)) continue;
            net->layer[node->input[k]].held_by = i;
            net->layer[node->input[k]].held_at = node->kind->place_of(graph, node, k);
        }
    }
}

/* A node with ReLU of which one node reads once, and that one does ReLU's backward. */
static void find_masked(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    for (int i = 1; i < graph->n; i++) {
        int readers = 0, masks = 0;
        for (int j = i + 1; j < graph->n; j++) {
            const int times = is_input(&graph->node[j], i);
            readers += times;
            masks += times > 0 && graph->node[j].kind->masks_relu;
        }
        net->layer[i].masked = graph->node[i].relu && readers == 1 && masks == 1;
    }
}

/* Backward meets the readers of a node from the last to the first: the first it meets writes the
 * gradient, unless that lies within a holder's and is there already; the others add. */
static pleat_status find_targets(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    if (!net->options.train) return PLEAT_OK;
    char *written = calloc((size_t)graph->n, 1);
    PLEAT_CHECK(written != NULL, PLEAT_ERR_MEMORY, "no memory to compile a net");
    for (int i = 0; i < graph->n; i++) written[i] = (char)(net->layer[i].held_by >= 0);
    for (int i = graph->n - 1; i > 0; i--)
        for (int k = 0; k < graph->node[i].n_inputs; k++) {
            const int in = graph->node[i].input[k];
            pleat_target *to = &net->layer[i].target[k];
            to->wanted = in != 0 && net->layer[in].held_by != i;
            to->add = to->wanted && written[in] && graph->node[i].kind->adds;
            to->aside = to->wanted && written[in] && !to->add;
            written[in] = 1;
        }
    free(written);
    return PLEAT_OK;
}

/* --- live ------------------------------------------------------------------------------------- */

static size_t node_voxels(const pleat_net *net, int i) {
    size_t voxels = (size_t)net->options.batch;
    for (int a = 0; a < 3; a++)
        voxels *= (size_t)(net->options.dim[a] / pleat_net_node(net, i)->scale[a]);
    return voxels;
}

/* The layer whose buffers hold a node's output and gradient: its own or its holder's. */
static const pleat_layer *held(const pleat_net *net, int i) {
    const int by = net->layer[i].held_by;
    return &net->layer[by >= 0 ? by : i];
}

static void touch_output(const pleat_net *net, pleat_value *values, int i, int step) {
    pleat_value_touch(&values[held(net, i)->x_value], step);
}
static void touch_gradient(const pleat_net *net, pleat_value *values, int i, int step) {
    pleat_value_touch(&values[held(net, i)->dx_value], step);
}

static void live_forward(const pleat_net *net, pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    for (int i = 0; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (!net->layer[i].used) continue;
        for (int k = 0; k < node->n_inputs; k++) touch_output(net, values, node->input[k], i);
        touch_output(net, values, i, i);
        pleat_value_touch(&values[net->layer[i].kept_value], i);
    }
    for (int h = 0; h < net->heads; h++) {
        const pleat_net_head *head = &net->head[h];
        if (!net->layer[head->node].used) continue;
        touch_output(net, values, head->node, graph->n);
        pleat_value_touch(&values[head->labels_value], graph->n);
        pleat_value_touch(&values[head->slopes_value], graph->n);
    }
    pleat_value_touch(&values[net->labels_value], graph->n);
    if (net->fed) pleat_value_touch(&values[net->labels_value], 0);
    pleat_value_touch(&values[net->loss_value], graph->n);
}

static void live_backward(const pleat_net *net, pleat_value *values) {
    const pleat_graph *graph = &net->model->graph;
    for (int h = 0; h < net->heads; h++) touch_gradient(net, values, net->head[h].node, graph->n);
    pleat_value_touch(&values[net->loss_value], backward_step(net, 0)); /* read at the end */
    for (int i = graph->n - 1; i > 0; i--) {
        const pleat_node *node = &graph->node[i];
        const pleat_layer *layer = &net->layer[i];
        const int step = backward_step(net, i);
        const int reads = node->kind->reads;
        const int output = (reads & PLEAT_READS_OUTPUT) || (node->relu && !layer->masked);
        touch_gradient(net, values, i, step);
        pleat_value_touch(&values[layer->kept_value], step);
        if (output) touch_output(net, values, i, step);
        for (int k = 0; k < node->n_inputs; k++) {
            const pleat_target *to = &layer->target[k];
            if (reads & PLEAT_READS_INPUT) touch_output(net, values, node->input[k], step);
            if (node->input[k] != 0) touch_gradient(net, values, node->input[k], step);
            if (to->aside) pleat_value_touch(&values[layer->aside_value[k]], step);
        }
    }
}

/* --- place ------------------------------------------------------------------------------------ */

static void node_values(pleat_net *net, pleat_value *values, int i) {
    const pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    const size_t act = pleat_dtype_size(engine->act), real = pleat_dtype_size(engine->real);
    const size_t elements = node_voxels(net, i) * (size_t)node->channels;
    pleat_layer *layer = &net->layer[i];
    layer->x_value = PER_NODE * i;
    layer->dx_value = PER_NODE * i + 1;
    layer->kept_value = PER_NODE * i + 2;
    values[layer->x_value].bytes = elements * (node->kind->is_head ? real : act);
    values[layer->dx_value].bytes = elements * act;
    if (node->kind->kept_bytes != NULL)
        values[layer->kept_value].bytes = elements * node->kind->kept_bytes(node);
    for (int k = 0; k < node->n_inputs; k++) {
        const size_t channels = (size_t)pleat_net_node(net, node->input[k])->channels;
        layer->aside_value[k] = PER_NODE * i + 3 + k;
        values[layer->aside_value[k]].bytes = node_voxels(net, node->input[k]) * channels * act;
    }
}

static void own_values(pleat_net *net, pleat_value *values) {
    const int nodes = net->model->graph.n;
    const size_t samples = (size_t)net->options.batch, classes = (size_t)net->classes;
    for (int i = 0; i < nodes; i++) node_values(net, values, i);
    int next = PER_NODE * nodes;
    for (int h = 0; h < net->heads; h++) {
        pleat_net_head *head = &net->head[h];
        const int coarse = head->step[0] * head->step[1] * head->step[2] > 1;
        head->labels_value = next++;
        head->slopes_value = next++;
        if (coarse) values[head->labels_value].bytes = samples * head->voxels;
        values[head->slopes_value].bytes = samples * PLEAT_LOSS_SLOPES(classes) * sizeof(double);
    }
    net->labels_value = next++;
    net->loss_value = next;
    values[net->labels_value].bytes = samples * net->voxels;
    values[net->loss_value].bytes = net->samples * pleat_net_sample_sums(net) * sizeof(double);
}

static void lay_layer(pleat_net *net, const pleat_value *values, int i) {
    const size_t act = pleat_dtype_size(net->model->engine->act);
    const pleat_node *node = pleat_net_node(net, i);
    pleat_layer *layer = &net->layer[i];
    const pleat_layer *in = held(net, i);
    const int *dim = net->options.dim, *scale = node->scale;
    const size_t shift = layer->held_by >= 0 ? (size_t)layer->held_at * act : 0;
    char *arena = net->arena;
    layer->x = (pleat_tensor){
        .data = arena + values[in->x_value].offset + shift,
        .n = net->options.batch,
        .d = dim[0] / scale[0],
        .h = dim[1] / scale[1],
        .w = dim[2] / scale[2],
        .c = node->channels,
        .pitch = pleat_net_node(net, layer->held_by >= 0 ? layer->held_by : i)->channels,
    };
    layer->dx = layer->x;
    layer->dx.data = arena + values[in->dx_value].offset + shift;
    layer->kept = arena + values[layer->kept_value].offset;
}

static void lay_targets(pleat_net *net, const pleat_value *values, int i) {
    const pleat_node *node = pleat_net_node(net, i);
    pleat_layer *layer = &net->layer[i];
    for (int k = 0; k < node->n_inputs; k++) {
        pleat_target *to = &layer->target[k];
        to->dx = pleat_net_input(net, i, k)->dx;
        if (!to->aside) continue;
        to->dx.data = (char *)net->arena + values[layer->aside_value[k]].offset;
        to->dx.pitch = to->dx.c;
    }
}

static void lay_heads(pleat_net *net, const pleat_value *values) {
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes);
    const pleat_comm *comm = net->options.loss_comm;
    const size_t batch = (size_t)net->options.batch; /* of this rank */
    const size_t first = net->samples > batch ? (size_t)comm->rank * batch : 0;
    char *arena = net->arena;
    net->labels = (uint8_t *)arena + values[net->labels_value].offset;
    net->loss_sums = (double *)(arena + values[net->loss_value].offset);
    for (int h = 0; h < net->heads; h++) {
        pleat_net_head *head = &net->head[h];
        const int coarse = head->step[0] * head->step[1] * head->step[2] > 1;
        head->labels = coarse ? (uint8_t *)arena + values[head->labels_value].offset : net->labels;
        head->slopes = (double *)(arena + values[head->slopes_value].offset);
        head->all = net->loss_sums + (size_t)h * net->samples * width;
        head->sums = head->all + first * width;
    }
}

/* The offsets of all values, to be freed, and the size of the arena. */
static pleat_status plan_arena(pleat_net *net, pleat_value **out) {
    const int n = PER_NODE * net->model->graph.n + PER_HEAD * net->heads + 2;
    pleat_value *values = calloc((size_t)n, sizeof *values);
    PLEAT_CHECK(values != NULL, PLEAT_ERR_MEMORY, "no memory to place %d values", n);
    for (int i = 0; i < n; i++) values[i] = (pleat_value){.first = INT_MAX, .last = -1};
    own_values(net, values);
    live_forward(net, values);
    if (net->options.train) live_backward(net, values);
    const pleat_status status = pleat_arena_plan(values, n, &net->arena_bytes);
    if (status == PLEAT_OK)
        *out = values;
    else
        free(values);
    return status;
}

static pleat_status place(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const int nodes = net->model->graph.n;
    pleat_status status = PLEAT_OK;
    pleat_value *values = NULL;
    PLEAT_TRY(plan_arena(net, &values));
    PLEAT_TRY_GOTO(status, done, engine->ops->alloc(engine, net->arena_bytes, &net->arena));
    for (int i = 0; i < nodes; i++) lay_layer(net, values, i);
    for (int i = 0; i < nodes; i++) lay_targets(net, values, i);
    lay_heads(net, values);
done:
    free(values);
    return status;
}

static size_t own_bytes(const pleat_net *net, int i) {
    const pleat_node_kind *kind = pleat_net_node(net, i)->kind;
    return kind->own_bytes != NULL ? (kind->own_bytes(net, i) + OWN - 1) / OWN * OWN : 0;
}

/* What layers own, in one block. */
static pleat_status place_own(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    size_t bytes = 0;
    for (int i = 0; i < net->model->graph.n; i++) bytes += own_bytes(net, i);
    if (bytes == 0) return PLEAT_OK;
    PLEAT_TRY(engine->ops->alloc(engine, bytes, &net->small));
    char *next = net->small;
    for (int i = 0; i < net->model->graph.n; i++) {
        net->layer[i].own = next;
        next += own_bytes(net, i);
    }
    return PLEAT_OK;
}

/* --- prepare ---------------------------------------------------------------------------------- */

/* The main head first, then the others in the order of the graph. */
static pleat_status make_heads(pleat_net *net) {
    const pleat_graph *graph = &net->model->graph;
    const int main_head = graph->n - 1;
    net->head = calloc((size_t)graph->n, sizeof *net->head);
    PLEAT_CHECK(net->head != NULL, PLEAT_ERR_MEMORY, "no memory for a net's heads");
    net->head[net->heads++].node = main_head;
    for (int i = 0; net->options.train && i < main_head; i++)
        if (graph->node[i].kind->is_head) net->head[net->heads++].node = i;
    for (int h = 0; h < net->heads; h++) {
        pleat_net_head *head = &net->head[h];
        head->net = net;
        head->voxels = node_voxels(net, head->node) / (size_t)net->options.batch;
        memcpy(head->step, graph->node[head->node].scale, sizeof head->step);
    }
    return PLEAT_OK;
}

/* The engine divides by the global batch, as for a mean over its samples. */
static void slopes_of_batch(const pleat_net *net, const double *in, double *out) {
    const size_t classes = (size_t)net->classes, width = PLEAT_LOSS_SLOPES(classes);
    const size_t of_sample = PLEAT_LOSS_SUMS(classes);
    double sums[PLEAT_LOSS_SUMS(PLEAT_MAX_CLASSES)];
    pleat_net_add_sums(in, net->samples, of_sample, of_sample, sums);
    net->loss->slopes(sums, net->classes, out);
    for (size_t i = 0; i < 2 * classes; i++) out[i] *= (double)net->samples;
    for (size_t b = 1; b < (size_t)net->options.batch; b++)
        memcpy(out + b * width, out, width * sizeof *out);
}

/* The weight of a voxel's term in a sample's loss, so that their mean is over the voxels that
 * count. */
static double term_weight(const pleat_net_head *head, const double *in) {
    const pleat_net *net = head->net;
    const size_t width = PLEAT_LOSS_SUMS((size_t)net->classes);
    const double voxels = net->options.ignored > 0
                              ? pleat_net_counted(in, net->samples, width, width)
                              : (double)head->voxels;
    return net->loss->crossentropy / voxels / (net->loss->of_regions ? net->classes : 1);
}

/* Host code between the loss and its gradient. */
static void find_slopes(void *context, const double *in, double *out) {
    const pleat_net_head *head = context;
    const pleat_net *net = head->net;
    const size_t classes = (size_t)net->classes, width = PLEAT_LOSS_SLOPES(classes);
    const double weight = term_weight(head, in);
    const double *own = in + (head->sums - head->all);
    if (net->loss->of_batch) slopes_of_batch(net, in, out);
    for (size_t b = 0; b < (size_t)net->options.batch; b++) {
        if (!net->loss->of_batch)
            net->loss->slopes(own + b * PLEAT_LOSS_SUMS(classes), net->classes, out + b * width);
        out[b * width + 2 * classes] = weight;
    }
}

/* What the labels mean, in the engine's memory. */
static pleat_status place_targets(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const pleat_net_options *options = &net->options;
    enum { REGIONS = 256 * sizeof(uint32_t) };
    double focus[2 * PLEAT_MAX_CLASSES];
    const size_t bytes = 2 * (size_t)net->classes * sizeof *focus;
    const uint32_t *const regions = options->regions;
    void (*const find)(int, double *) = regions == NULL ? net->loss->focus : NULL;
    net->targets.ignored = options->ignored;
    if (regions == NULL && find == NULL) return PLEAT_OK;
    PLEAT_TRY(engine->ops->alloc(engine, REGIONS + bytes, &net->tables));
    if (find == NULL) {
        net->targets.regions = net->tables;
        return engine->ops->upload(engine, net->tables, regions, REGIONS);
    }
    void *to = (char *)net->tables + REGIONS;
    find(net->classes, focus);
    net->targets.focus = to;
    return engine->ops->upload(engine, to, focus, bytes);
}

static pleat_status prepare(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const size_t samples = (size_t)net->options.batch, classes = (size_t)net->classes;
    for (int i = 0; i < net->model->graph.n; i++) {
        const pleat_node_kind *kind = pleat_net_node(net, i)->kind;
        if (net->layer[i].used && kind->prepare != NULL) PLEAT_TRY(kind->prepare(net, i));
    }
    for (int h = 0; net->options.train && h < net->heads; h++)
        PLEAT_TRY(engine->ops->host_call_create(
            engine, find_slopes, &net->head[h], net->samples * PLEAT_LOSS_SUMS(classes),
            samples * PLEAT_LOSS_SLOPES(classes), &net->head[h].find_slopes));
    if (net->heads == 1) return PLEAT_OK;
    net->arranged = malloc(pleat_net_sums(net) * sizeof *net->arranged);
    PLEAT_CHECK(net->arranged != NULL, PLEAT_ERR_MEMORY, "no memory for the sums of %d heads",
                net->heads);
    return PLEAT_OK;
}

/* Who reads and holds what. */
static pleat_status find_all(pleat_net *net) {
    const pleat_net_options *options = &net->options;
    const pleat_model *model = net->model;
    PLEAT_CHECK(options->batch >= 1, PLEAT_ERR_ARG, "batch = %d, must be >= 1", options->batch);
    PLEAT_CHECK(model->train || !options->train, PLEAT_ERR_ARG,
                "a model without gradients cannot be trained");
    PLEAT_TRY(pleat_graph_check_size(&model->graph, options->dim));
    net->layer = calloc((size_t)model->graph.n, sizeof *net->layer);
    PLEAT_CHECK(net->layer != NULL, PLEAT_ERR_MEMORY, "no memory for a net of %d nodes",
                model->graph.n);
    PLEAT_TRY(make_heads(net));
    find_used(net);
    find_holders(net);
    find_masked(net);
    return find_targets(net);
}

static pleat_status compile(pleat_net *net) {
    PLEAT_TRY(find_all(net));
    PLEAT_TRY(place(net));
    PLEAT_TRY(place_own(net));
    PLEAT_TRY(place_targets(net));
    if (net->options.ordered && net->options.train) PLEAT_TRY(pleat_ordered_create(net));
    if (net->loss->top > 0) PLEAT_TRY(pleat_top_create(net));
    return prepare(net);
}

/* Of all zeros; nothing is made for it yet. */
static void begin(pleat_net *net, pleat_model *model, const pleat_net_options *options) {
    net->model = model;
    net->options = *options;
    net->loss = options->loss != NULL ? options->loss : pleat_losses[0];
    net->version = model->version - 1;
    net->voxels = (size_t)options->dim[0] * (size_t)options->dim[1] * (size_t)options->dim[2];
    net->classes = pleat_graph_classes(&model->graph);
    net->samples = (size_t)options->batch;
    const int of_all = net->loss->of_batch || net->loss->top > 0 || options->ignored > 0;
    if (of_all && options->train && options->loss_comm != NULL)
        net->samples *= (size_t)options->loss_comm->size;
    net->fed = options->train && model->engine->ops->device != NULL;
}

pleat_status pleat_net_count(const pleat_graph *graph, const pleat_engine *engine,
                             const pleat_net_options *options, size_t *arena) {
    pleat_model model = {
        .graph = *graph, .engine = (pleat_engine *)engine, .train = options->train};
    pleat_net net = {.layer = NULL};
    pleat_value *values = NULL;
    begin(&net, &model, options);
    pleat_status status = find_all(&net);
    if (status == PLEAT_OK) status = plan_arena(&net, &values);
    *arena = net.arena_bytes;
    free(values);
    free(net.layer);
    free(net.head);
    return status;
}

pleat_status pleat_net_create(pleat_model *model, const pleat_net_options *options,
                              pleat_net **out) {
    pleat_net *net = calloc(1, sizeof *net);
    PLEAT_CHECK(net != NULL, PLEAT_ERR_MEMORY, "no memory for a net");
    begin(net, model, options);
    pleat_status status = PLEAT_OK;
    if (options->train && net->loss->of_regions != (options->regions != NULL))
        status = PLEAT_FAIL(PLEAT_ERR_ARG, "loss '%s' is for %s", net->loss->name,
                            net->loss->of_regions ? "regions" : "classes that do not overlap");
    if (status == PLEAT_OK) status = compile(net);
    if (status != PLEAT_OK) {
        pleat_net_destroy(net);
        return status;
    }
    *out = net;
    return PLEAT_OK;
}

void pleat_net_destroy(pleat_net *net) {
    if (net == NULL) return;
    pleat_engine *engine = net->model->engine;
    pleat_net_forget(net);
    for (int i = 0; net->layer != NULL && i < net->model->graph.n; i++) {
        const pleat_node_kind *kind = pleat_net_node(net, i)->kind;
        if (kind->release != NULL) kind->release(net, i);
    }
    for (int h = 0; h < net->heads; h++)
        engine->ops->host_call_destroy(engine, net->head[h].find_slopes);
    if (net->arena != NULL) engine->ops->free(engine, net->arena);
    if (net->small != NULL) engine->ops->free(engine, net->small);
    if (net->tables != NULL) engine->ops->free(engine, net->tables);
    pleat_ordered_destroy(net);
    pleat_top_destroy(net);
    free(net->layer);
    free(net->head);
    free(net->arranged);
    free(net->host);
    free(net);
}

pleat_engine *pleat_net_engine(const pleat_net *net) { return net->model->engine; }
size_t pleat_net_arena(const pleat_net *net) { return net->arena_bytes; }

size_t pleat_net_sample_sums(const pleat_net *net) {
    return (size_t)net->heads * PLEAT_LOSS_SUMS((size_t)net->classes);
}
size_t pleat_net_sums(const pleat_net *net) {
    return (size_t)net->options.batch * pleat_net_sample_sums(net);
}
