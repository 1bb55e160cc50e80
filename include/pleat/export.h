/*
 * export.h - a network with its weights as an ONNX model.
 *
 * Its input "image" is [N,C,D,H,W], preprocessed as in training, its output "logits" [N,K,D,H,W]:
 * their softmax over K are the probabilities, or, where the classes are regions, the sigmoid of
 * each but the first. Norms are as in inference. Heads that only guide training are left out.
 * D, H and W are z, y, x, of sizes that the graph's divisor divides.
 */
#ifndef PLEAT_EXPORT_H
#define PLEAT_EXPORT_H

#include "pleat/graph.h"
#include "pleat/onnx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the graph to an empty model. params[graph->params], stats[graph->stats] as in a checkpoint.
 * batch, dim (D, H, W): of the input; 0 stands for any. ERR_SHAPE when dim cannot be. */
pleat_status pleat_export_onnx(const pleat_graph *graph, const float *params, const float *stats,
                               int batch, const int dim[3], pleat_onnx *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_EXPORT_H */
