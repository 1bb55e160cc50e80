/*
 * unchanged.h - what is told of data that changed after models were trained on them.
 *
 * A fold's scores and checkpoints carry the cases they are of (provenance.h). A run and a report
 * refuse others (crossval.h); who predicts or scores by hand is warned, where it can be known. What
 * cannot be read is told, where no status is returned.
 */
#ifndef PLEAT_UNCHANGED_H
#define PLEAT_UNCHANGED_H

#include "pleat/results.h"
#include "pleat/rundir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of checkpoints models[n] in the folds of a run, that they are the run's own: ERR_DATA names one
 * of another configuration or another fold, two that hold out the same case, or one with another
 * digest than in run.json. What does not say, is taken. */
pleat_status pleat_unchanged_own(const char *run, const char *const *models, int n);
/* The same of the models `file` of those of its folds that have scores. */
pleat_status pleat_unchanged_scored(const char *run, int folds, pleat_fold_file file);
/* Of two runs whose scores are compared, that the masks of the cases they have in common are the
 * same: ERR_DATA names those that are not. Other images are a warning. What does not say, is taken.
 */
pleat_status pleat_unchanged_masks(const char *a, const char *b);
/* Of checkpoints models[n] that predict together: two that were trained on different states of a
 * case. */
void pleat_unchanged_models(const char *const *models, int n);
/* Of a run: cases of its data folder that are not what its models were trained on. */
void pleat_unchanged_run(const char *run);
/* Of label maps in `predictions`, the folder of a run's fold, and what they were scored against:
 * masks that are not those of the fold's scores. */
void pleat_unchanged_truth(const char *predictions, const pleat_results *scored);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_UNCHANGED_H */
