/*
 * plan.h - which ranks work together, and on which fold they begin. Pure arithmetic.
 *
 * World ranks are cut, in order, into groups; a group trains one fold at a time and then takes the
 * next fold that nobody has (pleat/queue.h). Folds first, shards second: folds scale perfectly.
 *
 *   5 folds, 4 ranks, 1 rank per fold        5 folds, 4 ranks, 2 ranks per fold
 *     rank 0: fold 0, then the fifth           ranks 0,1: fold 0, next free one
 *     rank 1: fold 1   if first free           ranks 2,3: fold 1, next free one
 *     rank 2: fold 2
 *     rank 3: fold 3
 *
 * Where there are fewer ranks than are given per fold, a fold gets as many of them as can share the
 * batch. Ranks per fold when not given: 1 while ranks <= folds, else ranks / folds rounded down.
 * Any number of ranks works then; ranks that are too many stay idle.
 */
#ifndef PLEAT_PLAN_H
#define PLEAT_PLAN_H

#include "pleat/status.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_plan {
    int ranks, folds; /* folds: those still to be trained */
    int ranks_per_fold;
    int groups;     /* the last may be smaller, and is then idle */
    int idle_ranks; /* that no fold is left for: ranks of groups `folds`.. */
} pleat_plan;

/* ranks_per_fold 0: choose, as many as can share `batch`. ERR_ARG when a given one does not divide
 * ranks, naming the divisors, or batch. */
pleat_status pleat_plan_make(int ranks, int folds, int ranks_per_fold, int batch, pleat_plan *out);

/* Only `folds` of them are still to be trained. The groups stay, so that a run that goes on
 * computes as it did before. */
void pleat_plan_left(pleat_plan *plan, int folds);

/* The group of a world rank: a color for pleat_comm_split. */
int pleat_plan_group(const pleat_plan *plan, int rank);
/* A group's first rank, its leader, and its number of ranks. */
int pleat_plan_leader(const pleat_plan *plan, int group);
int pleat_plan_group_size(const pleat_plan *plan, int group);

/* The table of --dry-run. todo[plan->folds] are the folds in the order they are given out;
 * hosts[plan->ranks] may be NULL. */
void pleat_plan_print(FILE *file, const pleat_plan *plan, const int *todo,
                      const char *const *hosts);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PLAN_H */
