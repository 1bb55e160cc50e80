/* net_impl.h - what the files of src/net/ and the kinds of nodes share of a compiled net. */
#ifndef PLEAT_NET_IMPL_H
#define PLEAT_NET_IMPL_H

#include "arena.h"
#include "node.h"
#include "pleat/losses.h"
#include "pleat/net.h"

struct pleat_model {
    pleat_graph graph;
    pleat_engine *engine; /* not owned */
    int train;
    int version;                /* counts changes of the parameters */
    void *data[PLEAT_STATES];   /* engine memory */
    size_t count[PLEAT_STATES]; /* reals */
};

/* i-th real of a flat buffer. */
static inline void *pleat_model_at(const pleat_model *model, pleat_state state, size_t i) {
    return (char *)model->data[state] + i * pleat_dtype_size(model->engine->real);
}

typedef struct pleat_target { /* where a node's backward puts the gradient of an input */
    pleat_tensor dx;
    int wanted; /* 0: nobody needs it, or it is there already */
    int add;    /* to what is there; only where the kind adds */
    int aside;  /* dx is scratch; the runner adds it to the gradient afterwards */
} pleat_target;

typedef struct pleat_layer { /* what a node needs at run time */
    int used;                /* a net for prediction leaves out what only other heads need */
    pleat_tensor x, dx;      /* output and its gradient */
    int held_by, held_at;    /* the node in whose output they lie, and the first channel; -1 */
    int masked;              /* RELU: the node that reads it does ReLU's backward */
    pleat_target target[PLEAT_NODE_INPUTS];
    void *kept; /* from forward to backward, in the arena */
    void *own;  /* as long as the net */
    pleat_conv *conv;
    /* values of the arena */
    int x_value, dx_value, kept_value, aside_value[PLEAT_NODE_INPUTS];
} pleat_layer;

typedef struct pleat_net_head { /* a head's part of the loss */
    const pleat_net *net;
    int node;
    size_t voxels;   /* of a sample */
    int step[3];     /* of its grid in the labels' */
    uint8_t *labels; /* [N, voxels]; the batch's own where step is 1 */
    double *sums;    /* [N][3K+2] */
    double *all;     /* [global batch][3K+2], sums among them, of a loss of the batch; else sums */
    double *slopes;  /* [N][2K+1] */
    pleat_host_call *find_slopes;
    int labels_value, slopes_value;
} pleat_net_head;

typedef struct pleat_top pleat_top; /* top.c */

struct pleat_net {
    pleat_model *model;
    pleat_net_options options;
    const pleat_loss *loss;
    pleat_layer *layer;   /* [graph.n] */
    pleat_net_head *head; /* [heads]; the main one, the graph's last node, first */
    int heads;
    int version;   /* of the model when its weights were last packed */
    size_t voxels; /* of one sample */
    int classes;
    void *arena;
    size_t arena_bytes;
    void *small; /* what layers own */
    void *host;  /* what crosses host memory on its way to a communicator; grows */
    size_t host_bytes;
    pleat_targets targets; /* what the labels mean; pointers into `tables`, engine memory */
    void *tables;
    uint8_t *labels;   /* [N, voxels] */
    double *loss_sums; /* [heads][samples][3K+2], samples being N, or of a loss of the batch all */
    size_t samples;
    pleat_top *top;   /* of a loss of the voxels of the largest E; NULL */
    double *arranged; /* host, the same as [N][heads][3K+2]; NULL for one head */
    int labels_value, loss_value;
    void *slots;        /* an ordered net's: real [global batch, params], each sample's gradients */
    double *norm_slots; /* [global batch, 2C] of the norm under way */

    int fed; /* labels have their place from the step's beginning: pleat_net_inputs */
    pleat_recording *recording; /* of a step; NULL: none */
    int recorded;               /* the global batch of it */
    int plain_steps;            /* made without one */
    int unrecordable;           /* it was tried */
};

static inline const pleat_node *pleat_net_node(const pleat_net *net, int i) {
    return &net->model->graph.node[i];
}
/* The compiled input k of node i. */
static inline pleat_layer *pleat_net_input(const pleat_net *net, int i, int k) {
    return &net->layer[pleat_net_node(net, i)->input[k]];
}

/* --- for the kinds of nodes: run.c --- */

/* A node's weights or bias in a flat buffer; where backward adds their gradients, or NULL for a
 * node without a bias. */
void *pleat_net_weights(const pleat_net *net, pleat_state state, int i);
void *pleat_net_bias(const pleat_net *net, pleat_state state, int i);
void *pleat_net_weight_gradient(const pleat_net *net, int i);
void *pleat_net_bias_gradient(const pleat_net *net, int i);
/* Whether the norm that reads node i, and does its ReLU's backward, sums its bias' gradient too. */
int pleat_net_bias_by_reader(const pleat_net *net, int i);
/* Whether backward writes the gradient of node i's weights, where others add to it. */
int pleat_net_starts_gradient(const pleat_net *net, int i);
/* All parameters' gradients, at `grads`, become zero, but those that backward writes. */
pleat_status pleat_net_clear_gradients(pleat_net *net, void *grads);
/* Sums engine memory over a group, in place; may return before the sums are there. */
pleat_status pleat_net_sum_over(pleat_net *net, pleat_comm *comm, void *data, size_t n,
                                pleat_dtype type);

/* out[width]: `rows` rows of sums, each `pitch` doubles after the one before, added up. */
void pleat_net_add_sums(const double *sums, size_t rows, size_t pitch, size_t width, double *out);

/* How many voxels count, the last sum of a sample: the mean of some samples, each `pitch` doubles
 * after the one before; 1 where none does. */
double pleat_net_counted(const double *sums, size_t samples, size_t pitch, size_t width);

/* --- losses of the voxels of the largest E, top.c --- */

pleat_status pleat_top_create(pleat_net *net);
void pleat_top_destroy(pleat_net *net);
/* Finds them for each head among samples first .. first + n - 1 of this rank, whose probabilities
 * are there, and as many of every other rank of `comm`, unless NULL. */
pleat_status pleat_top_find(pleat_net *net, int first, int n, pleat_comm *comm);
/* The net's, and for such a loss with what was found for a head. */
pleat_targets pleat_top_targets(const pleat_net *net, int head);

/* --- ordered nets, ordered.c; `own` samples are those of this rank --- */

pleat_status pleat_ordered_create(pleat_net *net);
void pleat_ordered_destroy(pleat_net *net);
/* Gradient of parameter `at` in the slot of the first own sample; the next one's is `params` on. */
void *pleat_ordered_gradient(const pleat_net *net, size_t at);
/* A step's gradients: the own slots become zero; [at, at + n) of them is final and goes to the
 * other ranks; all slots are added up to the model's gradients. */
pleat_status pleat_ordered_begin(pleat_net *net);
pleat_status pleat_ordered_send(pleat_net *net, size_t at, size_t n);
pleat_status pleat_ordered_finish(pleat_net *net);
/* Sums [2C] of an operation over the global batch, and its voxels: `add` puts those of sample k of
 * this rank into sums, adding the gradients of its parameters to dweights and dbias. */
typedef pleat_status (*pleat_ordered_function)(const void *context, int k, double *sums,
                                               void *dweights, void *dbias);
pleat_status pleat_ordered_sums(pleat_net *net, int i, pleat_ordered_function add,
                                const void *context, double *sums, double *count);

/* All nodes, from the images to the logits. training: by the statistics of the batch. */
pleat_status pleat_net_forward(pleat_net *net, int training);
/* All nodes, from the heads' gradients to those of the parameters, which are added; buckets of
 * final ones go to `group`. */
pleat_status pleat_net_backward(pleat_net *net, pleat_comm *group);
/* What a step computes between its input and its gradients; labels NULL: they are there. */
pleat_status pleat_net_compute(pleat_net *net, const uint8_t *labels, int global_batch,
                               pleat_comm *group);
/* The same for a net that is fed, from a recording where the engine can make one. record.c */
pleat_status pleat_net_replay(pleat_net *net, int global_batch, pleat_comm *group);
void pleat_net_forget(pleat_net *net); /* the recording */

#endif /* PLEAT_NET_IMPL_H */
