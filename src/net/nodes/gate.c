/* gate.c - the product of a tensor with a gate of one channel, which may be coarser: each of its
 * voxels then holds for a block of 2 along an axis. */
#include "../export_impl.h"
#include "../net_impl.h"

#include <stdio.h>

static const char *shape(const pleat_graph *graph, pleat_node *node) {
    const pleat_node *gate = &graph->node[node->input[1]];
    if (node->input[0] == 0 || node->input[1] == 0) return "the images are neither gated nor gate";
    if (gate->channels != 1) return "its gate has more than one channel";
    for (int a = 0; a < 3; a++)
        if (gate->scale[a] != node->scale[a] && gate->scale[a] != 2 * node->scale[a])
            return "its gate has neither its size nor half of it";
    return NULL;
}

static pleat_status forward(pleat_net *net, int i, int training) {
    (void)training;
    pleat_engine *engine = net->model->engine;
    return engine->ops->gate_forward(engine, &pleat_net_input(net, i, 0)->x,
                                     &pleat_net_input(net, i, 1)->x, &net->layer[i].x);
}

static pleat_status backward(pleat_net *net, int i) {
    pleat_engine *engine = net->model->engine;
    const pleat_target *to = net->layer[i].target;
    return engine->ops->gate_backward(engine, &pleat_net_input(net, i, 0)->x,
                                      &pleat_net_input(net, i, 1)->x, &net->layer[i].dx, &to[1].dx,
                                      0, &to[0].dx);
}

static void to_onnx(const pleat_exporter *x, const pleat_node *node) {
    const pleat_node *gate = &x->graph->node[node->input[1]];
    const char *name = pleat_export_name(x, gate);
    char fine[PLEAT_ONNX_NAME];
    float scales[5] = {1, 1, 1, 1, 1};
    int coarse = 0;
    for (int a = 0; a < 3; a++) {
        coarse |= gate->scale[a] != node->scale[a];
        scales[2 + a] = (float)gate->scale[a] / (float)node->scale[a];
    }
    (void)snprintf(fine, sizeof fine, "%s.fine", pleat_export_name(x, node));
    if (coarse) {
        pleat_onnx_op(x->to, "Resize", fine);
        pleat_onnx_reads(x->to, name);
        pleat_onnx_reads(x->to, ""); /* a region of interest */
        pleat_export_vector(x, "scales", scales, 5);
        pleat_onnx_text(x->to, "mode", "nearest");
        pleat_onnx_text(x->to, "coordinate_transformation_mode", "asymmetric");
        pleat_onnx_text(x->to, "nearest_mode", "floor");
    }
    pleat_onnx_op(x->to, "Mul", pleat_export_name(x, node));
    pleat_onnx_reads(x->to, pleat_export_name(x, &x->graph->node[node->input[0]]));
    pleat_onnx_reads(x->to, coarse ? fine : name);
}

const pleat_node_kind pleat_node_gate = {
    .name = "gate",
    .shape = shape,
    .onnx = to_onnx,
    .takes_slices = 1,
    .reads = PLEAT_READS_INPUT,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_gate(pleat_graph *graph, int input, int gate, const char *name) {
    const pleat_node node = {.kind = &pleat_node_gate, .n_inputs = 2, .input = {input, gate}};
    return pleat_graph_add(graph, &node, name);
}
