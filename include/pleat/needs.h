/*
 * needs.h - memory and disk of a run, counted: nothing is allocated and no voxel is read.
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
    /* bytes */
    double model, arena, batches, prediction; /* of a rank */
    double store, checkpoints, labels;        /* on disk, at most */
} pleat_needs;

/* By the headers of the cases, and by the network for a rank's share of the batch on `engine`.
 * `config` has its classes resolved (pleat_cases_classes). ERR_ARG when the ranks of a fold cannot
 * share the batch; errors of the headers and of the network. */
pleat_status pleat_needs_count(const pleat_config *config, const pleat_cases *cases,
                               const pleat_engine *engine, int ranks_per_fold, pleat_needs *out);

/* ERR_ARG when `per_node` ranks that train need more memory than this machine and its cgroup allow,
 * with the sizes and what to lower; a GPU's memory is not looked at. */
pleat_status pleat_needs_check(const pleat_needs *needs, const pleat_config *config,
                               const pleat_engine *engine, int per_node);

double pleat_needs_disk(const pleat_needs *needs);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NEEDS_H */
