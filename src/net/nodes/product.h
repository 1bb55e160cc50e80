/* product.h - what the nodes that multiply by weights share: conv, up and head. */
#ifndef PLEAT_NET_NODES_PRODUCT_H
#define PLEAT_NET_NODES_PRODUCT_H

#include "../net_impl.h"

/* Sets n_weights and n_bias. */
void pleat_product_count(const pleat_graph *graph, pleat_node *node);
/* Every weight is used once for each voxel of the output. */
double pleat_product_macs(const pleat_node *node);
/* Glorot uniform (Glorot & Bengio 2010): both fans count the kernel's voxels; or He normal, where
 * the graph says so. Bias 0. */
void pleat_product_initialise(const pleat_graph *graph, const pleat_node *node,
                              const pleat_rng *rng, float *params, float *stats);
/* "weights", [Cout, kD, kH, kW, Cin] or of another shape, and "bias" where there is one. */
int pleat_product_tensors(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out);
int pleat_product_tensors_of(const pleat_node *node, const int shape[5], pleat_layer_info *out);
void pleat_product_onnx(const pleat_exporter *x, const pleat_node *node);

pleat_status pleat_product_prepare(pleat_net *net, int i, pleat_conv_kind kind);
void pleat_product_release(pleat_net *net, int i);
pleat_status pleat_product_pack(pleat_net *net, int i);
pleat_status pleat_product_forward(pleat_net *net, int i, int training);
pleat_status pleat_product_backward(pleat_net *net, int i);

#endif /* PLEAT_NET_NODES_PRODUCT_H */
