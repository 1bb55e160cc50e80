/*
 * export_impl.h - what the kinds of nodes share when they become operations of an ONNX model.
 *
 * A node's output has the node's name; where a node becomes several operations, those before the
 * last one have names of their own, NAME.what.
 */
#ifndef PLEAT_NET_EXPORT_IMPL_H
#define PLEAT_NET_EXPORT_IMPL_H

#include "node.h"

#include "pleat/onnx.h"

struct pleat_exporter {
    const pleat_graph *graph;
    const float *params, *stats;
    pleat_onnx *to;
};

/* Of the node's output. */
const char *pleat_export_name(const pleat_exporter *x, const pleat_node *node);
/* An operation that reads the node's inputs; its output is NAME.what, or the node's where `what`
 * is NULL. */
void pleat_export_op(const pleat_exporter *x, const pleat_node *node, const char *type,
                     const char *what);
/* An operation of NAME.what alone, with the node's output. */
void pleat_export_then(const pleat_exporter *x, const pleat_node *node, const char *type,
                       const char *what);
/* An input of the last operation: n of `values`. */
void pleat_export_vector(const pleat_exporter *x, const char *what, const float *values, int n);
/* A pool of blocks of the node's stride. */
void pleat_export_pool(const pleat_exporter *x, const pleat_node *node, const char *type);

#endif /* PLEAT_NET_EXPORT_IMPL_H */
