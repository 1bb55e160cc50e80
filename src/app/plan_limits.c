/* plan_limits.c - shares of the ranks' time: steps, sums, checkpoints, predictions, idle ranks. */
#include "plan_limits.h"

#include <stdio.h>

#define SHARED_BYTES 6e9 /* a second, two ranks of a quiet machine, 64 MiB: docs/speed.md, ranks */
/* Assumed: what is left of the 32 GB/s of PCIe 4.0; a usual network of a cluster; a file system. */
#define GPU_BYTES    25e9
#define NETWORK_GBIT 100
#define FILE_BYTES   1e9
#define MUCH         0.1 /* share of what is no work that is worth an advice */

const char *const plan_limit_names[PLAN_LIMITS] = {"the steps", "sums of gradients", "checkpoints",
                                                   "predictions", "idle ranks at the end"};

/* Nodes that a group has ranks on, at most. */
static int nodes_of_group(const pleat_plan *p, int per_node) {
    int most = 1;
    for (int g = 0; g < p->groups; g++) {
        const int first = pleat_plan_leader(p, g);
        const int last = first + pleat_plan_group_size(p, g) - 1;
        const int nodes = last / per_node - first / per_node + 1;
        if (nodes > most) most = nodes;
    }
    return most;
}

/* Seconds of a step's sums; none by a run of the past, whose steps have them. */
static double sums_of_step(const plan_request *r, const plan_needs *n, plan_limits *out) {
    const int gpus = n->of.on_device || r->gpus > 0, of_fold = n->layout.ranks_per_fold;
    const int near = of_fold < r->ranks_per_node ? of_fold : r->ranks_per_node;
    const int nodes = nodes_of_group(&n->layout, r->ranks_per_node);
    const int gbit = r->network > 0 ? r->network : NETWORK_GBIT;
    const double within = gpus ? GPU_BYTES : SHARED_BYTES, across = gbit * 1e9 / 8;
    const double bytes = n->sent * n->of.weights;
    char sums[160] = "";
    if (r->past != NULL)
        (void)snprintf(sums, sizeof sums, "sums of gradients are in the steps of '%.100s'; ",
                       r->past);
    else if (of_fold > 1)
        (void)snprintf(sums, sizeof sums,
                       "sums at %.3g GB/s in a node%s, %d Gbit/s between nodes%s, none of them "
                       "hidden; ",
                       within / 1e9, gpus ? " (assumed)" : "", gbit,
                       r->network > 0 ? "" : " (assumed)");
    (void)snprintf(out->by, sizeof out->by, "%scheckpoints at %.3g GB/s (assumed)", sums,
                   FILE_BYTES / 1e9);
    if (r->past != NULL) return 0.0;
    return bytes * ((near - 1.0) / near / within + (nodes - 1.0) / nodes / across);
}

void plan_limits_find(const plan_request *r, const plan_needs *n, plan_limits *out) {
    const pleat_plan *p = &n->layout;
    const pleat_train_settings *train = &r->config.train;
    const int rounds = plan_needs_rounds(n);
    const double busy = (double)p->folds * p->ranks_per_fold / ((double)p->ranks * rounds);
    *out = (plan_limits){.most = LIMIT_STEPS};
    const double unit[PLAN_LIMITS] = {
        [LIMIT_STEPS] = train->epochs * n->epoch,
        [LIMIT_SUMS] = (double)train->epochs * train->iterations * sums_of_step(r, n, out),
        [LIMIT_CHECKPOINTS] = train->epochs * n->of.saved / FILE_BYTES,
        [LIMIT_PREDICTIONS] = n->prediction};
    double all = 0.0;
    for (int i = 0; i < LIMIT_IDLE; i++) all += unit[i];
    for (int i = 0; i < LIMIT_IDLE; i++) out->share[i] = busy * unit[i] / all;
    out->share[LIMIT_IDLE] = 1 - busy;
    for (int i = 0; i < PLAN_LIMITS; i++)
        if (out->share[i] > out->share[out->most]) out->most = i;
    out->seconds = rounds * all;
}

void plan_limits_advice(const plan_limits *limits, const plan_request *r, const plan_needs *n,
                        char *out, size_t size) {
    const int rounds = plan_needs_rounds(n), fewest = plan_needs_fewest(n);
    const int useful = n->layout.folds * r->config.train.batch;
    int most = LIMIT_SUMS;
    if (limits->share[LIMIT_CHECKPOINTS] > limits->share[most]) most = LIMIT_CHECKPOINTS;
    if (limits->share[LIMIT_IDLE] > limits->share[most]) most = LIMIT_IDLE;
    if (limits->share[most] < MUCH && n->layout.ranks < useful)
        (void)snprintf(out, size, "more ranks make it shorter, up to %d", useful);
    else if (limits->share[most] < MUCH)
        (void)snprintf(out, size, "faster processors or fewer steps make it shorter");
    else if (most == LIMIT_SUMS)
        (void)snprintf(out, size, "use fewer ranks per fold, or a larger train.batch");
    else if (most == LIMIT_CHECKPOINTS)
        (void)snprintf(out, size, "use more train.iterations per epoch");
    else if (fewest < n->layout.ranks && rounds > 1)
        (void)snprintf(out, size, "use %d ranks, which take as long, or %d, which take %d/%d of it",
                       fewest, plan_needs_more(n), rounds - 1, rounds);
    else if (rounds > 1)
        (void)snprintf(out, size, "use %d ranks, which take %d/%d of the time", plan_needs_more(n),
                       rounds - 1, rounds);
    else
        (void)snprintf(out, size, "use %d rank%s, which take%s as long", fewest,
                       fewest == 1 ? "" : "s", fewest == 1 ? "s" : "");
}
