/* plan_needs.h - what a run will need, before it is queued: memory, disk, time. */
#ifndef PLEAT_APP_PLAN_NEEDS_H
#define PLEAT_APP_PLAN_NEEDS_H

#include "app.h"
#include "plan_device.h"

#include "pleat/needs.h"
#include "pleat/plan.h"

typedef struct plan_request {
    pleat_config config; /* classes resolved */
    int nodes, gpus, ranks_per_node;
    int array;             /* a task a fold: the nodes are those of one */
    int steps;             /* to be measured here; 0: none */
    const char *past;      /* a run whose epochs were timed; NULL: measure here */
    const plan_device *on; /* a GPU of another machine; NULL: this one's engine */
    int network;           /* Gbit/s between nodes; 0: not known */
    int cpus;              /* of a rank, its own; 0: the nodes are as this machine */
} plan_request;

typedef struct plan_needs {
    pleat_plan layout;
    pleat_needs of;
    double exchange;  /* bytes that a rank sends and receives in a step, to add its gradients */
    double gpu_cases; /* bytes of a fold's training cases, in a GPU's memory */
    double allowed;   /* bytes of memory of this machine and its cgroup */
    int machine;      /* cores of this machine */
    int cores;        /* that a rank has: request->cpus, or its share of this machine's */
    double sent;      /* times the gradients that are sent, were there many ranks: 2 by a ring */
    /* seconds: an epoch; the predictions of a fold */
    double epoch, prediction;
    char timed[640];  /* where the times come from; "" when there are none */
    char without[96]; /* what they do not hold; "" */
    char busy[128];   /* that other work was beside what was measured; "" */
    int timed_on_gpu;
    char counted[64]; /* by which engine, in which precision */
} plan_needs;

/* Reads the headers of the data and counts; times a part of a step, as request->steps says. */
pleat_status plan_needs_find(const app *a, const plan_request *request, plan_needs *out);

/* Of a machine's ranks one after the other, a fold each: the group with most folds. */
int plan_needs_rounds(const plan_needs *needs);
/* Ranks that take as long; that have one fold less one after the other, where there are several. */
int plan_needs_fewest(const plan_needs *needs);
int plan_needs_more(const plan_needs *needs);
/* All epochs of that group's folds. 0 when nothing was timed. */
double plan_needs_seconds(const plan_needs *needs, const pleat_config *config);

#endif /* PLEAT_APP_PLAN_NEEDS_H */
