/* export.c - the nodes of a network as operations of an ONNX model. */
#include "export_impl.h"

#include "pleat/export.h"

#include <stdio.h>
#include <string.h>

#define INPUT  "image"
#define OUTPUT "logits"

const char *pleat_export_name(const pleat_exporter *x, const pleat_node *node) {
    if (node == &x->graph->node[0]) return INPUT;
    return node == &x->graph->node[x->graph->n - 1] ? OUTPUT : node->name;
}

/* NAME.what, or NAME where that is NULL. */
static void name_of(const pleat_exporter *x, const pleat_node *node, const char *what,
                    char out[PLEAT_ONNX_NAME]) {
    const char *name = pleat_export_name(x, node);
    (void)snprintf(out, PLEAT_ONNX_NAME, "%s%s%s", name, what != NULL ? "." : "",
                   what != NULL ? what : "");
}

void pleat_export_op(const pleat_exporter *x, const pleat_node *node, const char *type,
                     const char *what) {
    char name[PLEAT_ONNX_NAME];
    name_of(x, node, what, name);
    pleat_onnx_op(x->to, type, name);
    for (int k = 0; k < node->n_inputs; k++)
        pleat_onnx_reads(x->to, pleat_export_name(x, &x->graph->node[node->input[k]]));
}

void pleat_export_then(const pleat_exporter *x, const pleat_node *node, const char *type,
                       const char *what) {
    char name[PLEAT_ONNX_NAME];
    name_of(x, node, what, name);
    pleat_onnx_op(x->to, type, pleat_export_name(x, node));
    pleat_onnx_reads(x->to, name);
}

void pleat_export_vector(const pleat_exporter *x, const char *what, const float *values, int n) {
    float *to = pleat_onnx_weights(x->to, what, &n, 1);
    if (to != NULL) memcpy(to, values, (size_t)n * sizeof *to);
}

void pleat_export_pool(const pleat_exporter *x, const pleat_node *node, const char *type) {
    pleat_export_op(x, node, type, NULL);
    pleat_onnx_ints(x->to, "kernel_shape", node->stride, 3);
    pleat_onnx_ints(x->to, "strides", node->stride, 3);
}

pleat_status pleat_export_onnx(const pleat_graph *graph, const float *params, const float *stats,
                               int batch, const int dim[3], pleat_onnx *out) {
    const pleat_exporter x = {graph, params, stats, out};
    const pleat_node *last = &graph->node[graph->n - 1];
    if (dim[0] > 0) PLEAT_TRY(pleat_graph_check_size(graph, dim));
    const int64_t d = dim[0], h = dim[1], w = dim[2];
    out->input = (pleat_onnx_value){INPUT, {batch, graph->node[0].channels, d, h, w}};
    out->output = (pleat_onnx_value){OUTPUT, {batch, last->channels, d, h, w}};
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i];
        if (!node->kind->is_head || node == last) node->kind->onnx(&x, node);
    }
    PLEAT_CHECK(!out->failed, PLEAT_ERR_MEMORY, "no memory for the network as ONNX");
    return PLEAT_OK;
}
