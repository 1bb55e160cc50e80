/* product.c - what the nodes that multiply by weights share: conv, up and head. */
#include "product.h"

#include "../export_impl.h"

#include <math.h>
#include <string.h>

static size_t taps_of(const pleat_node *node) {
    return (size_t)node->kernel[0] * (size_t)node->kernel[1] * (size_t)node->kernel[2];
}

void pleat_product_count(const pleat_graph *graph, pleat_node *node) {
    const size_t in = (size_t)graph->node[node->input[0]].channels, out = (size_t)node->channels;
    node->n_weights = taps_of(node) * in * out;
    node->n_bias = node->no_bias ? 0 : out;
}

double pleat_product_macs(const pleat_node *node) { return (double)node->n_weights; }

/* Of a product whose fan is taps * channels; nnU-Net's InitWeights_He. */
static void he_normal(const pleat_node *node, double channels, const pleat_rng *rng,
                      float *params) {
    const double deviation = sqrt(2.0 / (1.0001 * (double)taps_of(node) * channels));
    for (size_t i = 0; i < node->n_weights; i++)
        params[node->weights + i] = (float)(deviation * pleat_rng_normal(rng, (uint32_t)i));
}

void pleat_product_initialise(const pleat_graph *graph, const pleat_node *node,
                              const pleat_rng *rng, float *params,
                              /* NOLINTNEXTLINE(readability-non-const-parameter): norm's writes */
                              float *stats) {
    (void)stats;
    const double in = graph->node[node->input[0]].channels, out = node->channels;
    if (graph->he) {
        he_normal(node, node->kind->transposed ? out : in, rng, params);
        return;
    }
    const double limit = sqrt(6.0 / ((double)taps_of(node) * (in + out)));
    for (size_t i = 0; i < node->n_weights; i++)
        params[node->weights + i] = (float)pleat_rng_range(rng, (uint32_t)i, -limit, limit);
}

int pleat_product_tensors_of(const pleat_node *node, const int shape[5], pleat_layer_info *out) {
    pleat_node_tensor(&out[0], node, "weights", node->weights, node->channels);
    out[0].rank = 5;
    memcpy(out[0].shape, shape, sizeof out[0].shape);
    if (node->no_bias) return 1;
    pleat_node_tensor(&out[1], node, "bias", node->bias, node->channels);
    return 2;
}

int pleat_product_tensors(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out) {
    const int *k = node->kernel;
    const int shape[5] = {node->channels, k[0], k[1], k[2], graph->node[node->input[0]].channels};
    return pleat_product_tensors_of(node, shape, out);
}

/* ONNX has the taps last: [Cout,Cin,taps] of [Cout,taps,Cin]; transposed [Cin,Cout,taps] of
 * [taps,Cout,Cin]. */
static void turn_weights(const pleat_node *node, int in, const float *from, float *to) {
    const size_t taps = taps_of(node), cin = (size_t)in, cout = (size_t)node->channels;
    const int up = node->kind->transposed;
    for (size_t o = 0; o < cout; o++)
        for (size_t t = 0; t < taps; t++)
            for (size_t i = 0; i < cin; i++)
                if (up)
                    to[(i * cout + o) * taps + t] = from[(t * cout + o) * cin + i];
                else
                    to[(o * cin + i) * taps + t] = from[(o * taps + t) * cin + i];
}

void pleat_product_onnx(const pleat_exporter *x, const pleat_node *node) {
    const int *k = node->kernel, *b = node->before, up = node->kind->transposed;
    const int in = x->graph->node[node->input[0]].channels, out = node->channels;
    const int dim[5] = {up ? in : out, up ? out : in, k[0], k[1], k[2]};
    int pads[6];
    for (int a = 0; a < 3; a++) { /* the one voxel after a late kernel is that of even sizes */
        pads[a] = b[a];
        pads[3 + a] = !up && k[a] == 3;
    }
    pleat_export_op(x, node, up ? "ConvTranspose" : "Conv", node->relu ? "linear" : NULL);
    float *weights = pleat_onnx_weights(x->to, "weights", dim, 5);
    if (weights != NULL) turn_weights(node, in, x->params + node->weights, weights);
    if (!node->no_bias) pleat_export_vector(x, "bias", x->params + node->bias, out);
    pleat_onnx_ints(x->to, "kernel_shape", k, 3);
    pleat_onnx_ints(x->to, "strides", node->stride, 3);
    pleat_onnx_ints(x->to, "pads", pads, 6);
    if (node->relu) pleat_export_then(x, node, "Relu", "linear");
}

pleat_status pleat_product_prepare(pleat_net *net, int i, pleat_conv_kind kind) {
    pleat_engine *engine = net->model->engine;
    const pleat_node *node = pleat_net_node(net, i);
    const pleat_tensor *x = &pleat_net_input(net, i, 0)->x;
    const int *k = node->kernel, *s = node->stride, *b = node->before;
    const pleat_conv_desc desc = {
        .kind = kind,
        .n = x->n,
        .d = x->d,
        .h = x->h,
        .w = x->w,
        .cin = x->c,
        .cout = node->channels,
        .kernel = {k[0], k[1], k[2]},
        .stride = {s[0], s[1], s[2]},
        .before = {b[0], b[1], b[2]},
        .relu = node->relu,
        .train = net->options.train,
        .want_dx = net->options.train && net->layer[i].target[0].wanted,
        .normed = net->options.train && net->layer[i].masked,
        .fresh = pleat_net_starts_gradient(net, i),
        .sample_stride = net->slots != NULL ? net->model->graph.params : 0,
    };
    return engine->ops->conv_create(engine, &desc, &net->layer[i].conv);
}

void pleat_product_release(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    if (net->layer[i].conv != NULL) engine->ops->conv_destroy(engine, net->layer[i].conv);
}

pleat_status pleat_product_pack(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    return engine->ops->conv_pack(engine, net->layer[i].conv,
                                  pleat_net_weights(net, PLEAT_STATE_PARAMS, i),
                                  pleat_net_bias(net, PLEAT_STATE_PARAMS, i));
}

pleat_status pleat_product_forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    return engine->ops->conv_forward(
        engine, layer->conv, pleat_net_weights(net, PLEAT_STATE_PARAMS, i),
        pleat_net_bias(net, PLEAT_STATE_PARAMS, i), &pleat_net_input(net, i, 0)->x, &layer->x);
}

pleat_status pleat_product_backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_layer *layer = &net->layer[i];
    const pleat_target *to = &layer->target[0];
    if (pleat_net_node(net, i)->relu && !layer->masked)
        PLEAT_TRY(engine->ops->relu_backward(engine, &layer->x, &layer->dx, &layer->dx));
    PLEAT_TRY(engine->ops->conv_backward_weights(
        engine, layer->conv, &pleat_net_input(net, i, 0)->x, &layer->dx,
        pleat_net_weight_gradient(net, i),
        pleat_net_bias_by_reader(net, i) ? NULL : pleat_net_bias_gradient(net, i)));
    if (!to->wanted) return PLEAT_OK;
    return engine->ops->conv_backward_data(
        engine, layer->conv, pleat_net_weights(net, PLEAT_STATE_PARAMS, i), &layer->dx, &to->dx);
}
