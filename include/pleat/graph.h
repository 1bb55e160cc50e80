/*
 * graph.h - the network as data.
 *
 * A graph is built node by node; each call checks its inputs and infers channels and size.
 * Parameters get their place in one flat buffer in the order of building, so offsets here are the
 * whole truth about a checkpoint's layout.
 *
 *   pleat_graph g = {0};
 *   int x = pleat_graph_input(&g, 1);
 *   x = pleat_graph_conv(&g, x, 32, &(pleat_conv_shape){.relu = 1}, "enc0.conv1");
 *   x = pleat_graph_norm(&g, x, "enc0.norm1");
 *   ...
 *   pleat_graph_finish(&g);  ...  pleat_graph_free(&g);
 *
 * A builder call that cannot be right sets g.error and returns -1, and all later ones return -1;
 * pleat_graph_finish reports the first. A node may be read by any number of later ones.
 *
 * What a node is - its parameters, shape, passes - is a row of src/net/node.h, one file a kind in
 * src/net/nodes/. Which networks there are: pleat/networks.h.
 */
#ifndef PLEAT_GRAPH_H
#define PLEAT_GRAPH_H

#include "pleat/checkpoint.h"
#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_NODE_INPUTS 4

typedef struct pleat_node_kind pleat_node_kind;

typedef struct pleat_node {
    const pleat_node_kind *kind;
    char name[32];
    int n_inputs, input[PLEAT_NODE_INPUTS]; /* nodes before it */
    int channels;                           /* of the output */
    int scale[3];                           /* output size = input size of the network / scale */
    /* What the kind was told: */
    int kernel[3], stride[3], before[3]; /* as pleat_conv_desc; a pool's and an up's stride */
    int relu;                            /* the output is max(0, .) */
    int no_bias;
    int sigmoid;  /* else a leaky ReLU */
    double slope; /* of a leaky ReLU, where its input is not positive */
    int no_gamma;
    int begins_silent; /* its gamma begins as 0 */
    double weight;     /* of a head's loss in the sum of all heads' */
    /* Into the flat buffers, in reals; the kind says what they are. */
    size_t weights, n_weights;
    size_t bias, n_bias;
    size_t stats, n_stats;
} pleat_node;

typedef struct pleat_graph {
    pleat_node *node; /* [n] */
    int n, room;
    int he;         /* weights begin as nnU-Net's, else as Keras's: pleat_model_init */
    size_t params;  /* trainable */
    size_t stats;   /* running statistics */
    int divisor[3]; /* sizes must be divisible by it, D, H, W */
    char error[160];
} pleat_graph;

/* Takes back all memory; an empty graph again. */
void pleat_graph_free(pleat_graph *graph);
/* ERR_MEMORY. */
pleat_status pleat_graph_copy(const pleat_graph *from, pleat_graph *out);

/* The first node, and the only one without an input. channels: of the images. */
int pleat_graph_input(pleat_graph *graph, int channels);

typedef struct pleat_conv_shape { /* kernel, stride: D, H, W; a 0 means 3, stride 1 */
    int kernel[3];                /* 1 or 3 */
    int stride[3];                /* 1 or 2 */
    int late;                     /* TensorFlow's "same" for even sizes and stride 2: the padding is
                                     at the high end; else as in PyTorch, at the low end first */
    int relu, no_bias;
} pleat_conv_shape;

/* Convolution, "same" zero padding. shape NULL: 3x3x3. */
int pleat_graph_conv(pleat_graph *graph, int input, int channels, const pleat_conv_shape *shape,
                     const char *name);
/* Batch norm. */
int pleat_graph_norm(pleat_graph *graph, int input, const char *name);
int pleat_graph_norm_without_gamma(pleat_graph *graph, int input, const char *name);
/* Instance norm, then a leaky ReLU of that slope; 1: none. silent: gamma begins as 0. */
int pleat_graph_instance(pleat_graph *graph, int input, double slope, int silent, const char *name);
/* A sigmoid, else a leaky ReLU of that slope. */
int pleat_graph_activation(pleat_graph *graph, int input, int sigmoid, double slope,
                           const char *name);
/* input times gate, which has one channel, and along each axis the input's size or half of it. */
int pleat_graph_gate(pleat_graph *graph, int input, int gate, const char *name);
/* Mean over blocks of `stride` (1 or 2; D, H, W); NULL: 2x2x2. */
int pleat_graph_mean(pleat_graph *graph, int input, const int stride[3], const char *name);
/* Maximum over blocks of `stride` (1 or 2; D, H, W); NULL: 2x2x2. */
int pleat_graph_pool(pleat_graph *graph, int input, const int stride[3], const char *name);
/* Transposed convolution, kernel = stride; NULL: 2x2x2. */
int pleat_graph_up(pleat_graph *graph, int input, int channels, const int stride[3],
                   const char *name);
/* Channels of n inputs, one after the other. */
int pleat_graph_concat(pleat_graph *graph, const int *inputs, int n, const char *name);
/* a + b. */
int pleat_graph_sum(pleat_graph *graph, int a, int b, const char *name);
/* 1x1x1 to the classes. The last node is the main head, of the input's size; the others only guide
 * training: the loss is the sum of weight * loss over all heads, each against the labels at its
 * own size. */
int pleat_graph_head(pleat_graph *graph, int input, int classes, double weight, const char *name);
/* A head that passes its input on as the logits. */
int pleat_graph_logits(pleat_graph *graph, int input, double weight, const char *name);

/* OK, or ERR_SHAPE with the first builder error. */
pleat_status pleat_graph_finish(pleat_graph *graph);

/* Of the main head. */
int pleat_graph_classes(const pleat_graph *graph);

/* ERR_SHAPE unless every size (D, H, W) is divisible by the graph's divisor; names the next sizes
 * that are. */
pleat_status pleat_graph_check_size(const pleat_graph *graph, const int dim[3]);

/* Multiply-adds of one forward pass over an input of dim (D, H, W), and those of them of the nodes
 * that read the input itself, to which no gradient is sent. */
double pleat_graph_macs(const pleat_graph *graph, const int dim[3]);
double pleat_graph_first_macs(const pleat_graph *graph, const int dim[3]);

/* Where each tensor lies in the flat buffers, for a checkpoint's readers: (*out)[*n], freed by the
 * caller. ERR_MEMORY. */
pleat_status pleat_graph_tensors(const pleat_graph *graph, pleat_layer_info **out, int *n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_GRAPH_H */
