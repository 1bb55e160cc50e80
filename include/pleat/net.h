/*
 * net.h - a graph, running on an engine.
 *
 * A model is a graph with its parameters in an engine's memory: one flat buffer of parameters, one
 * of gradients, two of Adam's moments, one of running statistics. A net is a model compiled for one
 * batch shape; several nets (training, validation, prediction) share a model.
 *
 *   pleat_model_create(&graph, engine, 1, &model);
 *   pleat_model_init(model, seed, fold);
 *   pleat_net_create(model, &options, &net);
 *   for each step:
 *       pleat_net_train(net, images, labels, global_batch, group, sums);
 *       pleat_model_update(model, optimizer, rate, step);
 *
 * Data parallel: every rank of `group` trains its part of the global batch; gradients are summed
 * over the group, and because the loss is a mean over the global batch, that sum is the gradient.
 */
#ifndef PLEAT_NET_H
#define PLEAT_NET_H

#include "pleat/comm.h"
#include "pleat/engine.h"
#include "pleat/graph.h"
#include "pleat/losses.h"
#include "pleat/optimizers.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_model pleat_model;
typedef struct pleat_net pleat_net;

typedef enum pleat_state { /* the flat buffers of a model */
                           PLEAT_STATE_PARAMS,
                           PLEAT_STATE_STATS,
                           PLEAT_STATE_GRADS, /* these three only in a model made for training */
                           PLEAT_STATE_MOMENT1,
                           PLEAT_STATE_MOMENT2,
                           PLEAT_STATE_AVERAGE, /* of params and stats over the steps, where */
                           PLEAT_STATE_AVERAGE_STATS, /* one was begun; else of no reals */
                           PLEAT_STATE_MOMENT2_MAX,   /* amsgrad's, where begun; else of no reals */
                           PLEAT_STATES
} pleat_state;

pleat_status pleat_model_create(const pleat_graph *graph, pleat_engine *engine, int train,
                                pleat_model **out);
void pleat_model_destroy(pleat_model *model);

/* Glorot uniform weights (Glorot & Bengio 2010), or where the graph says `he` normal ones of
 * variance 2 / (1.0001 fan) (He et al. 2015, for a leaky ReLU of slope 0.01), fan being the taps
 * times the input's channels, of a transposed convolution the output's; bias 0, gamma 1, or 0 where
 * a node begins silent, beta 0, running mean 0, variance 1, moments 0. A function of (seed, fold)
 * alone. */
pleat_status pleat_model_init(pleat_model *model, uint64_t seed, int fold);

/* Reals of a flat buffer, and its copy to and from host floats. */
size_t pleat_model_count(const pleat_model *model, pleat_state state);
pleat_status pleat_model_get(pleat_model *model, pleat_state state, float *host);
pleat_status pleat_model_set(pleat_model *model, pleat_state state, const float *host);
/* The buffer itself, in the engine's memory. Call pleat_model_touch after changing parameters. */
void *pleat_model_data(const pleat_model *model, pleat_state state);
void pleat_model_touch(pleat_model *model);

const pleat_graph *pleat_model_graph(const pleat_model *model);
pleat_engine *pleat_model_engine(const pleat_model *model);

/* One update of all parameters by the gradients, which clipping may shorten; step is 1 for the
 * first. how NULL: the first optimizer of the list, nothing clipped, no average. amsgrad is to be
 * begun before. */
pleat_status pleat_model_update(pleat_model *model, const pleat_update *how, double rate,
                                int64_t step);
/* The largest second moments, of updates with amsgrad, begin with 0. */
pleat_status pleat_model_begin_amsgrad(pleat_model *model);
/* The average of the parameters and running statistics begins with what they are now; updates whose
 * `average` is d then make it min(d, (1+step)/(10+step)) of itself and the rest of the new ones.
 * swap: they change places, and back. */
pleat_status pleat_model_begin_average(pleat_model *model);
void pleat_model_swap_average(pleat_model *model);

typedef struct pleat_net_options {
    int batch;
    int dim[3];              /* patch, D, H, W */
    int train;               /* backward too */
    const pleat_loss *loss;  /* NULL: the first of the list */
    pleat_comm *loss_comm;   /* a loss of the batch is over this group's: that of pleat_net_train */
    const uint32_t *regions; /* host [256], of pleat_targets; NULL: classes. Copied */
    int ignored;             /* of pleat_targets */
    double norm_momentum;    /* of the running statistics; 0: the original's 0.99 */
    pleat_comm *norm_comm;   /* norm's statistics are this group's; NULL: this rank's alone */
    /* Gradients and norm's sums are kept for each sample and added in the order of the global
     * batch: the same bits for any division of it among ranks. Needs an engine that is `ordered`,
     * memory for global batch * parameters, and norm_comm to be the group of pleat_net_train. */
    int ordered;
} pleat_net_options;

pleat_status pleat_net_create(pleat_model *model, const pleat_net_options *options,
                              pleat_net **out);
void pleat_net_destroy(pleat_net *net);
/* Bytes of the arena of such a net on `engine`; nothing is made. */
pleat_status pleat_net_count(const pleat_graph *graph, const pleat_engine *engine,
                             const pleat_net_options *options, size_t *arena);

pleat_engine *pleat_net_engine(const pleat_net *net);

/* Bytes of the activation arena. */
size_t pleat_net_arena(const pleat_net *net);
/* Doubles that train and evaluate return for one sample, and for the batch: [heads][3K+2], the main
 * head first; see pleat/losses.h. A net that is not trained has the main head alone. */
size_t pleat_net_sample_sums(const pleat_net *net);
size_t pleat_net_sums(const pleat_net *net);
/* The loss's metrics, out[loss->n_metrics], of the sums of n samples: means over them, or for a
 * loss of the batch those of the n together. "loss" is the weighted sum over the heads, the others
 * are the main head's. A sample of nothing but voxels to ignore is left out of the mean. Returns
 * how many are in it; 0: `out` says nothing. */
int pleat_net_metrics(const pleat_net *net, const double *sums, int n, double *out);

/* images host float [N,D,H,W,C]; labels host [N,D,H,W]; sums host, may be NULL.
 * train: batch statistics; gradients start from zero and are summed over `group` (NULL: not). */
pleat_status pleat_net_train(pleat_net *net, const float *images, const uint8_t *labels,
                             int global_batch, pleat_comm *group, double *sums);
/* The same in two calls: `queue` tells the engine all of it, `finish` waits for it and for the
 * group. What is told the engine between them, such as Adam, comes after the step; an engine in
 * host memory has computed it all by then. */
pleat_status pleat_net_queue(pleat_net *net, const float *images, const uint8_t *labels,
                             int global_batch, pleat_comm *group);
pleat_status pleat_net_finish(pleat_net *net, pleat_comm *group, double *sums);
/* Where a net that trains on an engine with memory of its own (pleat/device.h) takes its batch
 * from, in that memory: images [N,D,H,W,C] of its activation type, labels [N,D,H,W]. Whoever
 * fills them, in the engine's order, before each queue or train gives those NULL for both. Any
 * pass of the net overwrites them. ERR_UNSUPPORTED for any other net. */
pleat_status pleat_net_inputs(pleat_net *net, void **images, uint8_t **labels);
/* The loss by the running statistics, nothing changed. */
pleat_status pleat_net_evaluate(pleat_net *net, const float *images, const uint8_t *labels,
                                double *sums);
/* probs host float [N,D,H,W,K], by the running statistics: softmax, of regions sigmoid. */
pleat_status pleat_net_predict(pleat_net *net, const float *images, float *probs);
/* The same, left in the engine's memory: *probs is good until the net's next pass, in the engine's
 * order. */
pleat_status pleat_net_probabilities(pleat_net *net, const float *images, const float **probs);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NET_H */
