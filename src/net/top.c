/*
 * top.c - of a loss of the voxels with the largest E alone (nnU-Net's TopK): which they are.
 *
 * E falls as p of the label rises, so they are the voxels with the smallest p. The k-th smallest is
 * found as by a radix sort, from the keys of engine.h:
 *
 *   round 0   all keys in 1024 bins, counted over all ranks; the k-th lies in one of them
 *   round 1   the keys of that bin in 1024 bins
 *   round 2   the keys of that bin, each by itself
 *
 * Counts are whole numbers, so no order of voxels, samples or ranks matters. Voxels with the last
 * of these p share the places that are left. The weights have a mean of 1 over the voxels that
 * count, so that the loss has its sum of E as any other: E / (N V) is the mean over the k.
 */
#include "net_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a head: the first key of the bin, the places left in it, then `top` of pleat_targets. */
enum { FIRST, LEFT, TOP, BELOW, SAME, STATE };

typedef struct top_round {
    const pleat_net *net;
    int round;
    pleat_host_call *find;
} top_round;

struct pleat_top {
    double *counts; /* engine memory, [heads][bins] */
    double *state;  /* [heads][STATE], behind them */
    top_round round[PLEAT_LOSS_ROUNDS];
};

static double float_of(uint32_t key) {
    const uint32_t bits = key + PLEAT_LOSS_KEY_0;
    float p;
    memcpy(&p, &bits, sizeof p);
    return (double)p;
}

/* One head's next state. */
static void narrow(const top_round *r, const double *counts, double *state) {
    if (r->round == 0) {
        double voxels = 0;
        for (int b = 0; b < PLEAT_LOSS_BINS; b++) voxels += counts[b];
        state[LEFT] = fmax(1, floor(voxels * r->net->loss->top / 100));
        state[BELOW] = voxels / state[LEFT];
    }
    int bin = 0;
    for (; bin < PLEAT_LOSS_BINS - 1 && counts[bin] < state[LEFT]; bin++)
        state[LEFT] -= counts[bin];
    state[FIRST] += (double)((uint32_t)bin << PLEAT_LOSS_SHIFT(r->round));
    state[TOP] = float_of((uint32_t)state[FIRST]);
    state[SAME] = counts[bin] > 0 ? state[BELOW] * state[LEFT] / counts[bin] : 0;
}

/* Host code after each round. */
static void find_bins(void *context, const double *in, double *out) {
    const top_round *r = context;
    const size_t heads = (size_t)r->net->heads;
    memcpy(out, in + heads * PLEAT_LOSS_BINS, heads * STATE * sizeof *out);
    for (size_t h = 0; h < heads; h++) narrow(r, in + h * PLEAT_LOSS_BINS, out + h * STATE);
}

pleat_status pleat_top_create(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    const size_t heads = (size_t)net->heads, in = heads * (PLEAT_LOSS_BINS + STATE);
    pleat_top *top = calloc(1, sizeof *top);
    PLEAT_CHECK(top != NULL, PLEAT_ERR_MEMORY, "no memory for a loss");
    net->top = top;
    PLEAT_TRY(engine->ops->alloc(engine, in * sizeof(double), (void **)&top->counts));
    top->state = top->counts + heads * PLEAT_LOSS_BINS;
    for (int r = 0; r < PLEAT_LOSS_ROUNDS; r++) {
        top->round[r] = (top_round){.net = net, .round = r};
        PLEAT_TRY(engine->ops->host_call_create(engine, find_bins, &top->round[r], in,
                                                heads * STATE, &top->round[r].find));
    }
    return PLEAT_OK;
}

void pleat_top_destroy(pleat_net *net) {
    pleat_engine *engine = net->model->engine;
    if (net->top == NULL) return;
    for (int r = 0; r < PLEAT_LOSS_ROUNDS; r++)
        engine->ops->host_call_destroy(engine, net->top->round[r].find);
    if (net->top->counts != NULL) engine->ops->free(engine, net->top->counts);
    free(net->top);
}

pleat_targets pleat_top_targets(const pleat_net *net, int head) {
    pleat_targets targets = net->targets;
    if (net->top != NULL) targets.top = net->top->state + (size_t)head * STATE + TOP;
    return targets;
}

/* One round of one head. */
static pleat_status count(const pleat_net *net, int head, int round, int first, int n) {
    pleat_engine *engine = net->model->engine;
    const pleat_net_head *h = &net->head[head];
    const size_t from = (size_t)first * h->voxels;
    const size_t bytes = from * (size_t)net->classes * pleat_dtype_size(engine->real);
    const char *probs = net->layer[h->node].x.data;
    return engine->ops->loss_counts(engine, &net->targets, probs + bytes, h->labels + from, n,
                                    h->voxels, net->classes, round,
                                    net->top->state + (size_t)head * STATE + FIRST,
                                    net->top->counts + (size_t)head * PLEAT_LOSS_BINS);
}

pleat_status pleat_top_find(pleat_net *net, int first, int n, pleat_comm *comm) {
    pleat_engine *engine = net->model->engine;
    const pleat_top *top = net->top;
    const size_t heads = (size_t)net->heads;
    PLEAT_TRY(engine->ops->zero(engine, top->state, heads * STATE * sizeof *top->state));
    for (int r = 0; r < PLEAT_LOSS_ROUNDS; r++) {
        for (int h = 0; h < net->heads; h++) PLEAT_TRY(count(net, h, r, first, n));
        if (comm != NULL && comm->size > 1) {
            PLEAT_TRY(
                pleat_net_sum_over(net, comm, top->counts, heads * PLEAT_LOSS_BINS, PLEAT_F64));
            PLEAT_TRY(pleat_comm_order(comm));
        }
        PLEAT_TRY(engine->ops->host_call_run(engine, top->round[r].find, top->counts, top->state));
    }
    return PLEAT_OK;
}
