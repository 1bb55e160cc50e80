/* trial.h - a few training steps of a configuration's network on noise: their time and memory. */
#ifndef PLEAT_APP_TRIAL_H
#define PLEAT_APP_TRIAL_H

#include "app.h"

typedef struct trial_result {
    double seconds; /* of a step, the median; 0: none was timed */
    double least;   /* seconds of the fastest step: with the least of other work beside it */
    double macs;    /* multiply-adds of the forward pass of a step */
    double params, stats;
    double model, arena; /* bytes: weights, gradients, moments, statistics; activations */
    int on_gpu;
    char engine[64];  /* name and precision: "ref f32" */
    char device[128]; /* the engine's name of it */
} trial_result;

/* One rank's part of a step, `batch` patches of so many channels; one step before, then `steps`
 * that are timed, 0 or more. The network's classes are known. Errors of network and engine. */
pleat_status trial_run(const app *a, const pleat_config *config, int channels, int batch, int steps,
                       trial_result *out);

/* Whether the engine of this name computes on a GPU. */
int trial_on_gpu(const char *engine);

#endif /* PLEAT_APP_TRIAL_H */
