/* gate.c - the product of a tensor with a gate of one channel, which may be coarser: each of its
 * voxels then holds for a block of 2 along an axis. */
#include "../net_impl.h"

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

const pleat_node_kind pleat_node_gate = {
    .name = "gate",
    .shape = shape,
    .takes_slices = 1,
    .reads = PLEAT_READS_INPUT,
    .forward = forward,
    .backward = backward,
};

int pleat_graph_gate(pleat_graph *graph, int input, int gate, const char *name) {
    const pleat_node node = {.kind = &pleat_node_gate, .n_inputs = 2, .input = {input, gate}};
    return pleat_graph_add(graph, &node, name);
}
