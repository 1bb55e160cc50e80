/* trial.h - a few training steps of a configuration's network on noise: their time. */
#ifndef PLEAT_APP_TRIAL_H
#define PLEAT_APP_TRIAL_H

#include "app.h"

typedef struct trial_result {
    double seconds; /* of a step, the median */
    double least;   /* seconds of the fastest step: with the least of other work beside it */
    double macs;    /* multiply-adds of the forward pass */
} trial_result;

/* One rank's part of a step, `batch` patches of so many channels; one step before, then `steps`
 * that are timed, 1 or more. The network's classes are known. Errors of network and engine. */
pleat_status trial_run(const pleat_config *config, pleat_engine *engine, int channels, int batch,
                       int steps, trial_result *out);

/* Whether the engine of this name computes on a GPU. */
int trial_on_gpu(const char *engine);

#endif /* PLEAT_APP_TRIAL_H */
