/*
 * learnt.h - which of the volumes to be labelled the models were trained on.
 *
 * Scores of such label maps say nothing of unseen cases. Checkpoints carry digests of their cases
 * (provenance.h) and of those that their weights had learnt before, so a volume is found under
 * whatever name, and however it is packed. And whether their channels are the models'.
 */
#ifndef PLEAT_LEARNT_H
#define PLEAT_LEARNT_H

#include "pleat/comm.h"
#include "pleat/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collective; each rank looks at its share of cases[n_cases], for a preprocessing of this `orient`.
 * learnt[n_cases] is 1 of those whose image one of models[n], checkpoints, was trained on, on all
 * ranks. Rank 0 warns of them, with the models that have held them out, and logs models that do not
 * name all that they were trained on. A volume that cannot be read is passed by. ERR_IO of a model
 * that cannot be read, ERR_MEMORY, errors of the communicator. */
pleat_status pleat_learnt_find(pleat_comm *comm, const char *const *models, int n,
                               const pleat_case_paths *cases, int n_cases, int orient, int *learnt);

/* Warns where the dataset.json of `in`, a folder, or of the one above it names the channels
 * otherwise than that of the data of `run`, as long as these are there: the models know channels by
 * their order. */
void pleat_learnt_channels(const char *run, const char *in);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LEARNT_H */
