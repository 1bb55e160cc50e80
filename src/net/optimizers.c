/* optimizers.c - the list of optimizers. */
#include "pleat/optimizers.h"

#include <math.h>

#define BETA1 0.9 /* Adam's, of Keras and of PyTorch */
#define BETA2 0.999

static pleat_status adam_update(pleat_engine *engine, const pleat_update *how, double rate,
                                int64_t step, size_t n, void *params, const void *grads,
                                void *const *moments) {
    (void)how;
    const pleat_adam adam = {
        .lr = rate, .beta1 = BETA1, .beta2 = BETA2, .epsilon = 1e-7, .step = step};
    return engine->ops->adam(engine, &adam, n, params, grads, moments[0], moments[1], moments[2]);
}

/* PyTorch adds epsilon to the corrected root, the engine to the root itself. */
static pleat_status adamw_update(pleat_engine *engine, const pleat_update *how, double rate,
                                 int64_t step, size_t n, void *params, const void *grads,
                                 void *const *moments) {
    const pleat_adam adam = {.lr = rate,
                             .beta1 = BETA1,
                             .beta2 = BETA2,
                             .epsilon = 1e-8 * sqrt(1 - pow(BETA2, (double)step)),
                             .step = step,
                             .decay = rate * how->decay};
    return engine->ops->adam(engine, &adam, n, params, grads, moments[0], moments[1], moments[2]);
}

static pleat_status sgd_update(pleat_engine *engine, const pleat_update *how, double rate,
                               int64_t step, size_t n, void *params, const void *grads,
                               void *const *moments) {
    (void)step;
    const pleat_sgd sgd = {.lr = rate, .momentum = how->momentum, .decay = how->decay};
    return engine->ops->sgd(engine, &sgd, n, params, grads, moments[0]);
}

static const pleat_optimizer adam = {.name = "adam",
                                     .title = "Adam",
                                     .what = "Adam, as Keras writes it",
                                     .update = adam_update,
                                     .knows_amsgrad = 1};
static const pleat_optimizer sgd = {.name = "sgd",
                                    .title = "stochastic gradient descent",
                                    .what = "with Nesterov's momentum, nnU-Net's",
                                    .update = sgd_update,
                                    .knows_momentum = 1,
                                    .knows_decay = 1};
static const pleat_optimizer adamw = {.name = "adamw",
                                      .title = "AdamW",
                                      .what = "Adam with decay of the weights",
                                      .update = adamw_update,
                                      .knows_amsgrad = 1,
                                      .knows_decay = 1};

const pleat_optimizer *const pleat_optimizers[] = {&adam, &sgd, &adamw, NULL};

int pleat_update_amsgrad(const pleat_update *how) {
    return how->amsgrad && pleat_optimizers[how->optimizer]->knows_amsgrad;
}

const char *pleat_optimizer_name(int place) {
    return pleat_optimizers[place] != NULL ? pleat_optimizers[place]->name : NULL;
}

const char *pleat_optimizer_what(int place) { return pleat_optimizers[place]->what; }
