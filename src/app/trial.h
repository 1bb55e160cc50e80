/*
 * trial.h - a few training steps of a configuration's network on noise: their time.
 *
 * What is timed is as much of the step as some seconds and half a gigabyte allow: the patch and
 * the batch are cut down, and where the weights alone are too large, the filters too. The time of
 * the whole step is that of the part by the ratio of their counted products; the update's, by that
 * of their weights.
 */
#ifndef PLEAT_APP_TRIAL_H
#define PLEAT_APP_TRIAL_H

#include "app.h"

#define TRIAL_SHARE 0.5

typedef struct trial_result {
    double seconds; /* of a step, by the fastest one: with the least of other work beside it; by its
                       processor time where the share is below TRIAL_SHARE: an estimate */
    double macs;    /* multiply-adds of the step's forward pass */
    double share;   /* of the engine's processors that the steps had; 1 with a GPU. Less than 1:
                       other work was beside them */
    double making;  /* processor seconds that cut and augment one patch; 0: not measured */
    char how[160];  /* "3 steps of 1 patch of 64 x 64 x 32 voxels, scaled by counted products" */
} trial_result;

/* One rank's part of a step, `batch` patches of so many channels; one step before, then `steps`
 * that are timed, 1 or more. The network's classes are known. Errors of network and engine. */
pleat_status trial_run(const pleat_config *config, pleat_engine *engine, int channels, int batch,
                       int steps, trial_result *out);

/* out->making, by one thread of a loader. ERR_MEMORY. */
pleat_status trial_patches(const pleat_config *config, int channels, trial_result *out);

#endif /* PLEAT_APP_TRIAL_H */
