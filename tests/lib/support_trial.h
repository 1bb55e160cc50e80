/* support_trial.h - one network on one engine with one batch; whether its gradients are slopes. */
#ifndef PLEAT_TESTS_SUPPORT_TRIAL_H
#define PLEAT_TESTS_SUPPORT_TRIAL_H

#include "support_net.h"

enum { TRIAL_BATCH = 2 };

typedef struct net_trial {
    pleat_engine *engine;
    pleat_model *model; /* of net_model */
    pleat_net *net;     /* for training */
    float *images;      /* [batch, patch, channels] */
    float *probs;       /* [batch, patch, classes], to be filled */
    uint8_t *labels;    /* [batch, patch] */
    double *sums;
    size_t voxels; /* of the batch */
    int classes;
} net_trial;

/* loss NULL: the default one. */
net_trial net_trial_start(const pleat_graph *graph, const char *engine, pleat_precision precision,
                          const int dim[3], const pleat_loss *loss);
void net_trial_finish(net_trial *trial);
/* A step's gradients; returns the loss. */
double net_trial_train(net_trial *trial);

/* Every gradient of a network against central differences of its loss, in double. */
void net_gradients_are_slopes(const pleat_graph *graph, const int dim[3], const pleat_loss *loss);

#endif /* PLEAT_TESTS_SUPPORT_TRIAL_H */
