/* net_impl.h - what model.c, net.c (compiles), net_run.c (runs) and net_ordered.c share. */
#ifndef PLEAT_NET_IMPL_H
#define PLEAT_NET_IMPL_H

#include "arena.h"
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

typedef struct pleat_layer { /* what a node needs at run time */
    pleat_conv *conv;        /* CONV, UP, HEAD */
    pleat_tensor x, dx;      /* output and its gradient; slices of a concat's where they can be */
    int x_value, dx_value;   /* in the arena */
    int index_value;         /* POOL */
    uint8_t *index;
    double *sums;         /* NORM: [2C] */
    void *mean, *inv_std; /* NORM: real [C] */
    int normed;           /* CONV: a norm reads it, and does its ReLU's backward */
    int joined;           /* has a concat among its consumers: its gradient is there first */
    int slice_of;         /* concat whose buffer holds this output, or -1 */
    int slice_at;         /* first channel there */
} pleat_layer;

struct pleat_net {
    pleat_model *model;
    pleat_net_options options;
    pleat_layer layer[PLEAT_MAX_NODES];
    int version;   /* of the model when its weights were last packed */
    size_t voxels; /* of one sample */
    int classes;
    void *arena;
    size_t arena_bytes;
    void *small; /* norm's sums, means and deviations */
    void *host;  /* what crosses host memory on its way to a communicator; grows */
    size_t host_bytes;
    uint8_t *labels;
    double *loss_sums;
    const pleat_loss *loss;
    double *slopes;
    pleat_host_call *find_slopes;
    void *logits; /* real [N,V,K]; becomes the probabilities */
    pleat_tensor dlogits;
    int logits_value, dlogits_value, labels_value, loss_value;
    void *slots;        /* an ordered net's: real [global batch, params], each sample's gradients */
    double *norm_slots; /* [global batch, 2C] of the norm under way */

    int fed; /* labels have their place from the step's beginning: pleat_net_inputs */
    pleat_recording *recording; /* of a step; NULL: none */
    int recorded;               /* the global batch of it */
    int plain_steps;            /* made without one */
    int unrecordable;           /* it was tried */
};

/* --- ordered nets, net_ordered.c; `own` samples are those of this rank --- */

pleat_status pleat_ordered_create(pleat_net *net);
void pleat_ordered_destroy(pleat_net *net);
/* Gradient of parameter `at` in the slot of the first own sample; the next one's is `params` on. */
void *pleat_ordered_gradient(const pleat_net *net, size_t at);
/* A step's gradients: the own slots become zero; [at, at + n) of them is final and goes to the
 * other ranks; all slots are added up to the model's gradients. */
pleat_status pleat_ordered_begin(pleat_net *net);
pleat_status pleat_ordered_send(pleat_net *net, size_t at, size_t n);
pleat_status pleat_ordered_finish(pleat_net *net);
/* The sums of norm node i over the global batch, and its voxels; backward also the own samples'
 * gradients of gamma and beta. x: the node's input. */
pleat_status pleat_ordered_norm_sums(pleat_net *net, int i, const pleat_tensor *x, double *count);
pleat_status pleat_ordered_norm_backward_sums(pleat_net *net, int i, const pleat_norm *norm,
                                              const pleat_tensor *x, double *count);

/* What a step computes between its input and its gradients; labels NULL: they are there. */
pleat_status pleat_net_compute(pleat_net *net, const uint8_t *labels, int global_batch,
                               pleat_comm *group);
/* The same for a net that is fed, from a recording where the engine can make one. net_record.c */
pleat_status pleat_net_replay(pleat_net *net, int global_batch, pleat_comm *group);
void pleat_net_forget(pleat_net *net); /* the recording */

#endif /* PLEAT_NET_IMPL_H */
