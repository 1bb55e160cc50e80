/*
 * node.h - what a kind of node is: one row of functions, one file in nodes/.
 *
 * To add a kind: a file in nodes/ with its row, the row's name in the list below, a builder in
 * graph.h and its few lines in the file. Nothing else knows kinds by name.
 */
#ifndef PLEAT_NET_NODE_H
#define PLEAT_NET_NODE_H

#include "pleat/graph.h"
#include "pleat/net.h"
#include "pleat/rng.h"

/* What backward reads, beside the gradient of the output; with ReLU the output too, unless the
 * node that reads it does ReLU's backward. */
enum { PLEAT_READS_INPUT = 1, PLEAT_READS_OUTPUT = 2 };

typedef struct pleat_exporter pleat_exporter;

struct pleat_node_kind {
    const char *name;

    /* --- the graph --- */

    /* Fills channels, scale, n_weights, n_bias and n_stats of a node whose inputs and options are
     * set; before, channels and scale are those of the first input. NULL, or why it cannot be. */
    const char *(*shape)(const pleat_graph *graph, pleat_node *node);
    /* Multiply-adds per voxel of the output; NULL: none. */
    double (*macs)(const pleat_node *node);
    /* Initial weights, biases and statistics; what it does not touch is 0. NULL: nothing. */
    void (*initialise)(const pleat_graph *graph, const pleat_node *node, const pleat_rng *rng,
                       float *params, float *stats);
    /* Fills at most PLEAT_NODE_TENSORS of out[], returns how many. NULL: none. */
    int (*tensors)(const pleat_graph *graph, const pleat_node *node, pleat_layer_info *out);
    /* Adds its operations in inference to an ONNX model: export_impl.h. */
    void (*onnx)(const pleat_exporter *x, const pleat_node *node);

    /* --- what the compiler asks --- */

    int transposed;   /* a transposed convolution */
    int is_head;      /* its output is logits: real, read by the loss */
    int takes_slices; /* its inputs may be channel slices of wider tensors */
    int makes_slices; /* its output and the gradient of it may be slices; its backward neither reads
                         the one nor changes the other */
    int adds;         /* backward can add to the gradients of its inputs */
    int masks_relu;   /* backward can do ReLU's of its input, when nobody else reads that, and sum
                         the gradient of its bias */
    int starts;       /* backward may write the gradient of its weights, where others add to it:
                         see pleat_net_starts_gradient */
    int reads;        /* in backward: PLEAT_READS_ */
    /* First channel at which input k may lie within the output, so that whoever makes it writes it
     * there; -1: it may not. NULL: none may. */
    int (*place_of)(const pleat_graph *graph, const pleat_node *node, int k);
    /* Input k is changed where it lies within the output. NULL: no. */
    int (*changes)(int k);
    /* Bytes per element of the output that live from forward to backward; bytes that live as long
     * as the net. NULL: 0. */
    size_t (*kept_bytes)(const pleat_node *node);
    size_t (*own_bytes)(const pleat_net *net, int i);

    /* --- the compiled node i of a net; each may be NULL --- */

    pleat_status (*prepare)(pleat_net *net, int i);
    void (*release)(pleat_net *net, int i);
    pleat_status (*pack)(pleat_net *net, int i); /* its weights have changed */
    pleat_status (*forward)(pleat_net *net, int i, int training);
    pleat_status (*backward)(pleat_net *net, int i);
};

#define PLEAT_NODE_TENSORS 4 /* of one node, in a checkpoint */

extern const pleat_node_kind pleat_node_input, pleat_node_conv, pleat_node_norm, pleat_node_pool,
    pleat_node_up, pleat_node_concat, pleat_node_sum, pleat_node_head, pleat_node_instance,
    pleat_node_activation, pleat_node_mean, pleat_node_gate, pleat_node_logits;

/* Adds a node; fills `node` with what follows from its kind. -1 after an error. graph.c */
int pleat_graph_add(pleat_graph *graph, const pleat_node *node, const char *name);

/* "enc0.conv1.weights", at `offset`, of `channels` numbers. */
void pleat_node_tensor(pleat_layer_info *out, const pleat_node *node, const char *what,
                       size_t offset, int channels);

#endif /* PLEAT_NET_NODE_H */
