/* plan_needs.h - what a run will need, before it is queued: memory, disk, time. */
#ifndef PLEAT_APP_PLAN_NEEDS_H
#define PLEAT_APP_PLAN_NEEDS_H

#include "app.h"

#include "pleat/needs.h"
#include "pleat/plan.h"

typedef struct plan_request {
    pleat_config config; /* classes resolved */
    int nodes, gpus, ranks_per_node;
    int steps;        /* to be measured here; 0: none */
    const char *past; /* a run whose epochs were timed; NULL: measure here */
} plan_request;

typedef struct plan_needs {
    pleat_plan layout;
    pleat_needs of;
    /* bytes */
    double resident;  /* of the store, in a node's memory */
    double gpu_cases; /* of a fold's training, in a GPU's memory */
    double allowed;   /* in memory of this machine and its cgroup */
    /* seconds */
    double epoch, forward; /* one epoch; one patch of a prediction */
    char timed[256];       /* where the times come from; "" when there are none */
    int timed_on_gpu;
    char counted[64]; /* by which engine, in which precision */
} plan_needs;

/* Reads the headers of the data, builds the network for one rank's batch, and times it. */
pleat_status plan_needs_find(const app *a, const plan_request *request, plan_needs *out);

/* Of a rank, of a node with `per_node` ranks, and on disk. */
double plan_needs_rank(const plan_needs *needs);
double plan_needs_node(const plan_needs *needs, int per_node);
/* Of a GPU with one rank, without the training cases, which it holds where they fit. */
double plan_needs_gpu(const plan_needs *needs);
double plan_needs_disk(const plan_needs *needs);
/* Of the group with most folds to train; all epochs. 0 when nothing was timed. */
double plan_needs_seconds(const plan_needs *needs, const pleat_config *config);

#endif /* PLEAT_APP_PLAN_NEEDS_H */
