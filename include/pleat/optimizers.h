/*
 * optimizers.h - how gradients change parameters: a table.
 *
 *   name    update of a parameter w by its gradient g                            source
 *   adam    m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2,                          Kingma & Ba 2015,
 *           w -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + 1e-7)                   as Keras writes it
 *   sgd     g += decay w, v = mu v + g, w -= lr (g + mu v)                       Nesterov 1983, as
 *                                                                                PyTorch writes it
 *   adamw   w *= 1 - lr decay, m and v as adam,                                  Loshchilov and
 *           w -= lr/(1-b1^t) m / (sqrt(v)/sqrt(1-b2^t) + 1e-8)                   Hutter 2019
 *
 * With amsgrad (Reddi et al. 2018) adam and adamw take the root of the largest v so far instead of
 * v's.
 *
 * One row in src/net/optimizers.c. A model keeps two moments for each parameter, and a third for
 * amsgrad; an optimizer may use fewer. Before any of them the gradients may be clipped, after it a
 * moving average of the weights may be kept: pleat_model_update.
 */
#ifndef PLEAT_OPTIMIZERS_H
#define PLEAT_OPTIMIZERS_H

#include "pleat/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_update { /* what is the same in all steps of a training */
    int optimizer;            /* place in pleat_optimizers */
    double momentum;          /* sgd's */
    double decay;             /* of the weights: sgd's, adamw's */
    int amsgrad;              /* of adam and adamw; others do not know it */
    double clip;              /* norm that the gradients may have; 0: any */
    double average;           /* share that the average keeps in a step; 0: there is none */
} pleat_update;

typedef struct pleat_optimizer {
    const char *name;  /* of train.optimizer */
    const char *title; /* in a sentence: "trained by Adam" */
    const char *what;  /* one line, for the manual */
    /* One update of n parameters at learning rate `rate`; step is 1 for the first. All pointers are
     * the engine's memory, moments[3] of n reals; the third is NULL without amsgrad. */
    pleat_status (*update)(pleat_engine *engine, const pleat_update *how, double rate, int64_t step,
                           size_t n, void *params, const void *grads, void *const *moments);
    int knows_amsgrad, knows_momentum, knows_decay; /* which of pleat_update it takes */
} pleat_optimizer;

/* The optimizers, the default first; ends with NULL. */
extern const pleat_optimizer *const pleat_optimizers[];

/* Whether updates keep the largest second moments. */
int pleat_update_amsgrad(const pleat_update *how);

/* Name of one of them, by its place; NULL after the last. */
const char *pleat_optimizer_name(int place);
/* Its line for the manual. */
const char *pleat_optimizer_what(int place);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_OPTIMIZERS_H */
