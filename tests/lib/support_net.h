/* support_net.h - small networks, engines and random batches that several tests share. */
#ifndef PLEAT_TESTS_SUPPORT_NET_H
#define PLEAT_TESTS_SUPPORT_NET_H

#include "pleat/net.h"
#include "pleat/networks.h"
#include "support.h"

/* OpenMP's number of threads, two at most; but one for ref and ref64, which only wait for each
 * other in the many small loops of small networks. The caller destroys it. */
pleat_engine *net_engine(const char *name, pleat_precision precision);

/* NULL when this build has the engine and it can be created here, else why not. */
const char *net_engine_missing(const char *name);

/* The network in place of what `graph` held, or of nothing. */
void net_graph(pleat_graph *graph, const pleat_network *network);

/* A graph's model, initialised from seed 7, fold 0, with biases, gammas and betas moved off their
 * initial values so that no gradient hides behind a zero. */
pleat_model *net_model(const pleat_graph *graph, pleat_engine *engine, int train);
pleat_net *net_compile(pleat_model *model, int batch, const int dim[3], int train,
                       pleat_comm *norm_comm);

/* A flat buffer as host floats; the caller frees it. */
float *net_state(pleat_model *model, pleat_state state);

/* Images in [-1, 1) from `seed`; labels 0 .. classes-1 by the voxel's value, every 9th voxel of no
 * class (255). */
void net_batch(uint64_t seed, size_t voxels, int classes, float *images, uint8_t *labels);

/* The loss of the sums of a net's batch. */
double net_loss(const pleat_net *net, const double *sums, int n);

/* sum (got - want)^2 / sum want^2 */
double net_nmse(const float *got, const float *want, size_t n);

#endif /* PLEAT_TESTS_SUPPORT_NET_H */
