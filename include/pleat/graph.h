/*
 * graph.h - the network as data.
 *
 * A graph is built node by node; each call checks its inputs and infers channels and level
 * (how often the size has been halved). Parameters get their place in one flat buffer in the
 * order of building, so offsets here are the whole truth about a checkpoint's layout.
 *
 *   int x = pleat_graph_input(&g, 1);
 *   x = pleat_graph_conv(&g, x, 32, 1, "enc0.conv1");
 *   x = pleat_graph_norm(&g, x, "enc0.norm1");
 *
 * A builder call that cannot be right sets g.error and returns -1, and all later ones return -1;
 * pleat_graph_finish reports the first.
 */
#ifndef PLEAT_GRAPH_H
#define PLEAT_GRAPH_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_MAX_NODES 160

typedef enum pleat_node_kind {
    PLEAT_NODE_INPUT,
    PLEAT_NODE_CONV,   /* 3x3x3, optional ReLU */
    PLEAT_NODE_NORM,   /* batch norm */
    PLEAT_NODE_POOL,   /* 2x2x2 maximum */
    PLEAT_NODE_UP,     /* 2x2x2 transposed convolution, stride 2 */
    PLEAT_NODE_CONCAT, /* channels of input[0], then of input[1] */
    PLEAT_NODE_HEAD    /* 1x1x1 to the classes; the last node */
} pleat_node_kind;

typedef struct pleat_node {
    pleat_node_kind kind;
    char name[24];
    int input[2]; /* nodes; -1 when there is none */
    int channels; /* of the output */
    int level;    /* output size = input size / 2^level */
    int relu;     /* CONV */
    /* Into the flat buffers, in reals. CONV, HEAD, UP: weights and bias; NORM: gamma and beta. */
    size_t weights, n_weights;
    size_t bias, n_bias;
    size_t stats; /* NORM: running mean at stats, variance at stats + channels */
} pleat_node;

typedef struct pleat_graph {
    int n;
    pleat_node node[PLEAT_MAX_NODES];
    size_t params; /* trainable */
    size_t stats;  /* running statistics */
    int depth;     /* deepest level: sizes must be divisible by 2^depth */
    char error[160];
} pleat_graph;

int pleat_graph_input(pleat_graph *graph, int channels);
int pleat_graph_conv(pleat_graph *graph, int input, int channels, int relu, const char *name);
int pleat_graph_norm(pleat_graph *graph, int input, const char *name);
int pleat_graph_pool(pleat_graph *graph, int input, const char *name);
int pleat_graph_up(pleat_graph *graph, int input, int channels, const char *name);
int pleat_graph_concat(pleat_graph *graph, int a, int b, const char *name);
int pleat_graph_head(pleat_graph *graph, int input, int classes, const char *name);

/* OK, or ERR_SHAPE with the first builder error. */
pleat_status pleat_graph_finish(pleat_graph *graph);

/* ERR_SHAPE unless every size (D, H, W) is divisible by 2^depth; names the next sizes that are. */
pleat_status pleat_graph_check_size(const pleat_graph *graph, const int dim[3]);

/* Multiply-adds of one forward pass over an input of dim (D, H, W). */
double pleat_graph_macs(const pleat_graph *graph, const int dim[3]);

typedef struct pleat_unet_config { /* Ronneberger et al. 2015, Cicek et al. 2016 */
    int depth;                     /* halvings; 4 */
    int filters;                   /* of the first level; doubled at each halving; 32 */
    int classes;
    int norm; /* batch norm after each ReLU */
} pleat_unet_config;

/* The original's "standard" 3-D U-Net. src/net/nets/unet.c */
pleat_status pleat_unet(const pleat_unet_config *config, pleat_graph *out);

/* "unet depth=4 filters=32 classes=4 norm=1": two networks with the same text fit the same weights.
 * parse: its inverse; ERR_FORMAT. */
void pleat_unet_text(const pleat_unet_config *config, char *out, size_t size);
pleat_status pleat_unet_parse(const char *text, pleat_unet_config *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_GRAPH_H */
