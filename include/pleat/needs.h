/*
 * needs.h - memory and disk of a run, counted: no network is made and no voxel is read.
 *
 * A rank prepares cases, trains, and predicts, one after the other; what its process takes at most
 * is the most of these, and its own share: program, libraries, MPI. The activations are counted by
 * the compiler that places them (pleat_net_count).
 */
#ifndef PLEAT_NEEDS_H
#define PLEAT_NEEDS_H

#include "pleat/cases.h"
#include "pleat/config.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_needs {
    int cases, channels, patches; /* patches: windows of all predictions together */
    int on_device;                /* model and activations are in the engine's memory, not here */
    int steps; /* fewer of a fold leave too much of what norm's running statistics
                                 begin with: 0.05 of it; 0: the network has none, or its begin is a
                                 checkpoint's */
    /* bytes of a rank, in its engine's memory */
    double model;             /* weights, gradients, moments, statistics, averages */
    double weights;           /* of these the weights; gradients are as many */
    double arena, predicting; /* activations: of a step, of a batch of a prediction */
    double packed;            /* what the engine's library makes for itself, about */
    double context;           /* what a GPU has beside these, CUDA's and cuDNN's own; on none */
    /* bytes of a rank, in the machine's memory */
    double own;        /* what this process holds when it counts: measured */
    double saving;     /* a checkpoint: its copy of the model, and its file */
    double batches;    /* made ahead, while augmented, and of validation */
    double prediction; /* of the largest case: probabilities, label map, weights */
    double preparing;  /* the largest case, while it is resampled */
    /* bytes of a machine's memory, shared by its ranks: the store's cases, or 0 where they are read
     * from disk */
    double resident;
    /* bytes on disk, at most */
    double store, checkpoints, labels;
    double saved; /* bytes that a fold's rank writes after an epoch, at most: the latest checkpoint,
                     and the model where it is the best */
} pleat_needs;

/* By the headers of the cases, and by the network for a rank's share of the batch on `engine`, of
 * which only the types count. `config` has its classes resolved (pleat_cases_classes). ERR_ARG when
 * the ranks of a fold cannot share the batch; errors of the headers and of the network. */
pleat_status pleat_needs_count(const pleat_config *config, const pleat_cases *cases,
                               const pleat_engine *engine, int ranks_per_fold, pleat_needs *out);

/* Bytes of a rank at most: in the machine's memory, without the store's cases; in a device's,
 * without cases that are kept there, 0 for an engine in host memory. */
double pleat_needs_rank(const pleat_needs *needs);
double pleat_needs_device(const pleat_needs *needs);

/* Of a machine with so many ranks. */
double pleat_needs_node(const pleat_needs *needs, int ranks);

/* ERR_ARG when `per_node` ranks need more memory than this machine and its cgroup allow, with the
 * sizes and what to lower; the store's cases and a GPU's memory are not looked at. */
pleat_status pleat_needs_check(const pleat_needs *needs, const pleat_config *config, int per_node);

/* Warns where a fold has fewer steps than needs->steps: predictions, which go by the running
 * statistics, would be poor. */
void pleat_needs_warn(const pleat_needs *needs, const pleat_config *config);

double pleat_needs_disk(const pleat_needs *needs);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NEEDS_H */
