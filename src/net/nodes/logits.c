/*
 * logits.c - a head whose logits are its input: it makes real numbers of the activations.
 *
 * To the engine it is a head whose weights are the identity. They are the layer's own: [K,K] real.
 */
#include "../export_impl.h"
#include "../net_impl.h"

#include "pleat/volume.h"

#include <stdlib.h>

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    (void)graph;
    if (node->channels < 2) return "needs at least two classes";
    return node->channels <= PLEAT_MAX_CLASSES ? NULL : "knows 254 classes at most";
}

static size_t own_bytes(const pleat_net *net, int i) {
    const size_t k = (size_t)pleat_net_node(net, i)->channels;
    return k * k * pleat_dtype_size(net->model->engine->real);
}

static pleat_status set_identity(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const size_t k = (size_t)pleat_net_node(net, i)->channels, bytes = own_bytes(net, i);
    void *weights = calloc(1, bytes);
    PLEAT_CHECK(weights != NULL, PLEAT_ERR_MEMORY, "no memory for a head of %zu classes", k);
    for (size_t c = 0; c < k; c++)
        if (engine->real == PLEAT_F64)
            ((double *)weights)[c * k + c] = 1.0;
        else
            ((float *)weights)[c * k + c] = 1.0f;
    const pleat_status status = engine->ops->upload(engine, net->layer[i].own, weights, bytes);
    free(weights);
    return status;
}

static pleat_status prepare(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_tensor *x = &pleat_net_input(net, i, 0)->x;
    const pleat_conv_desc desc = {.kind = PLEAT_HEAD,
                                  .n = x->n,
                                  .d = x->d,
                                  .h = x->h,
                                  .w = x->w,
                                  .cin = x->c,
                                  .cout = x->c,
                                  .kernel = {1, 1, 1},
                                  .stride = {1, 1, 1},
                                  .train = net->options.train,
                                  .want_dx = net->options.train && net->layer[i].target[0].wanted};
    PLEAT_TRY(set_identity(net, i));
    PLEAT_TRY(engine->ops->conv_create(engine, &desc, &net->layer[i].conv));
    return engine->ops->conv_pack(engine, net->layer[i].conv, net->layer[i].own, NULL);
}

static void release(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    if (net->layer[i].conv != NULL) engine->ops->conv_destroy(engine, net->layer[i].conv);
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    return engine->ops->conv_forward(engine, layer->conv, layer->own, NULL,
                                     &pleat_net_input(net, i, 0)->x, &layer->x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    const pleat_target *to = &layer->target[0];
    if (!to->wanted) return PLEAT_OK;
    return engine->ops->conv_backward_data(engine, layer->conv, layer->own, &layer->dx, &to->dx);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    pleat_export_op(x, node, "Identity", NULL);
}

const pleat_node_kind pleat_node_logits = {
    .name = "logits",
    .shape = shape,
    .onnx = to_onnx,
    .is_head = 1,
    .own_bytes = own_bytes,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_logits(pleat_graph *graph, int input, double weight, const char *name) {
    const pleat_node node = {
        .kind = &pleat_node_logits, .n_inputs = 1, .input = {input}, .weight = weight};
    return pleat_graph_add(graph, &node, name);
}
