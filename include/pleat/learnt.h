/*
 * learnt.h - which of the volumes to be labelled the models were trained on.
 *
 * Scores of such label maps say nothing of unseen cases. Checkpoints carry digests of their cases
 * (provenance.h) and of those that their weights had learnt before, so a volume is found under
 * whatever name, and however it is packed: to warn of it, or to leave it to the models that held
 * it out. And whether their channels are the models'.
 */
#ifndef PLEAT_LEARNT_H
#define PLEAT_LEARNT_H

#include "pleat/comm.h"
#include "pleat/layout.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Collective; each rank looks at its share of cases[n_cases]. learnt[n_cases] is 1 of those whose
 * image one of models[n], checkpoints, was trained on, on all ranks. Rank 0 warns of them, with the
 * models that have held them out, and logs models that do not name all that they were trained on. A
 * volume that cannot be read is passed by. ERR_IO of a model that cannot be read, ERR_MEMORY,
 * errors of the communicator. */
pleat_status pleat_learnt_find(pleat_comm *comm, const char *const *models, int n,
                               const pleat_case_paths *cases, int n_cases, int *learnt);

typedef enum pleat_knows { /* a model, a volume */
                           PLEAT_KNOWS_NOT,
                           PLEAT_KNOWS_HELD_OUT, /* as one of its fold's, that it has not learnt */
                           PLEAT_KNOWS_LEARNT,
                           PLEAT_KNOWS_UNREAD /* the volume could not be compared */
} pleat_knows;

/* The same of each model: knows[n_cases, n] is a pleat_knows, on all ranks. Rank 0 warns of volumes
 * that no model knows but by the name of a case that it was trained on. ERR_DATA names a model that
 * does not carry digests of all that it has learnt; ERR_FORMAT one that is damaged. */
pleat_status pleat_learnt_by_model(pleat_comm *comm, const char *const *models, int n,
                                   const pleat_case_paths *cases, int n_cases, uint8_t *knows);

/* Warns where the dataset.json of `in`, a folder, or of the one above it names the channels
 * otherwise than that of the data of `run`, as long as these are there: the models know channels by
 * their order. */
void pleat_learnt_channels(const char *run, const char *in);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LEARNT_H */
