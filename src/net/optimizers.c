/* optimizers.c - the list of optimizers. */
#include "pleat/optimizers.h"

static pleat_status adam_update(pleat_engine *engine, double rate, int64_t step, size_t n,
                                void *params, const void *grads, void *const *moments) {
    const pleat_adam adam = {
        .lr = rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7, .step = step};
    return engine->ops->adam(engine, &adam, n, params, grads, moments[0], moments[1]);
}

static const pleat_optimizer adam = {
    .name = "adam", .what = "Adam, as Keras writes it", .update = adam_update};

const pleat_optimizer *const pleat_optimizers[] = {&adam, NULL};

const char *pleat_optimizer_name(int place) {
    return pleat_optimizers[place] != NULL ? pleat_optimizers[place]->name : NULL;
}

const char *pleat_optimizer_what(int place) { return pleat_optimizers[place]->what; }
