/* engine_trial.c - one training step of a small network, held against the oracle's. */
#include "pleat/engine.h"

#include "cpu.h"
#include "pleat/net.h"
#include "pleat/networks.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>

#define DEPTH   2
#define FILTERS 8
#define CLASSES 3
#define VOXELS  4096 /* 16 x 16 x 16 */
#define SUMS    PLEAT_LOSS_SUMS(CLASSES)

/* How far the gradients of a whole net may be off, as squared error over squared size. Observed
 * are 1e-11 for f32 and 5e-4 for bf16; something wrong is off by 1e-1 and more. */
static double limit_of(pleat_precision precision) {
    return precision == PLEAT_PRECISION_F32 ? 1e-6 : 1e-2;
}

/* A ramp under noise, and its classes: pure noise has gradients as small as bf16's roundings. */
static void make_batch(float *images, uint8_t *labels) {
    const pleat_rng rng = pleat_rng_at(1, PLEAT_STREAM_NOISE, 0, 0, 0);
    for (int i = 0; i < VOXELS; i++) {
        const double ramp = (i % 16 + i / 16 % 16) / 32.0;
        images[i] = (float)(2.0 * ramp - 1.0 + 0.2 * pleat_rng_normal(&rng, (uint32_t)i));
        labels[i] = (uint8_t)(ramp * CLASSES);
    }
}

/* *gradients: [*n] of one step, to be freed. */
static pleat_status train_once(pleat_engine *engine, double sums[SUMS], float **gradients,
                               size_t *n) {
    static const pleat_network network = {
        .depth = DEPTH, .filters = FILTERS, .classes = CLASSES, .norm = 1};
    const pleat_net_options options = {.batch = 1, .dim = {16, 16, 16}, .train = 1};
    pleat_status status = PLEAT_OK;
    pleat_graph graph = {0};
    pleat_model *model = NULL;
    pleat_net *net = NULL;
    float *images = malloc(VOXELS * sizeof *images), *found = NULL;
    uint8_t *labels = malloc(VOXELS);
    PLEAT_CHECK_GOTO(status, done, images != NULL && labels != NULL, PLEAT_ERR_MEMORY,
                     "no memory to try engine '%s'", engine->ops->name);
    make_batch(images, labels);
    PLEAT_TRY_GOTO(status, done, pleat_network_build(&network, &graph));
    PLEAT_TRY_GOTO(status, done, pleat_model_create(&graph, engine, 1, &model));
    PLEAT_TRY_GOTO(status, done, pleat_model_init(model, 1, 0));
    PLEAT_TRY_GOTO(status, done, pleat_net_create(model, &options, &net));
    PLEAT_TRY_GOTO(status, done, pleat_net_train(net, images, labels, 1, NULL, sums));
    *n = pleat_model_count(model, PLEAT_STATE_GRADS);
    found = malloc((*n + 1) * sizeof *found);
    PLEAT_CHECK_GOTO(status, done, found != NULL, PLEAT_ERR_MEMORY, "no memory to try engine '%s'",
                     engine->ops->name);
    PLEAT_TRY_GOTO(status, done, pleat_model_get(model, PLEAT_STATE_GRADS, found));
    *gradients = found;
    found = NULL;
done:
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    free(found);
    free(images);
    free(labels);
    return status;
}

static double error_of(const float *got, const float *want, size_t n) {
    double error = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += (double)want[i] * want[i];
    }
    return error / size;
}

pleat_status pleat_engine_try(pleat_engine *engine) {
    const pleat_engine_options options = {.engine = "ref", .threads = 1, .device = -1};
    pleat_status status = PLEAT_OK;
    pleat_engine *oracle = NULL;
    float *got = NULL, *want = NULL;
    double sums[SUMS], wanted[SUMS];
    size_t n = 0;
    PLEAT_TRY_GOTO(status, done, pleat_ref_create(&options, &oracle));
    PLEAT_TRY_GOTO(status, done, train_once(oracle, wanted, &want, &n));
    PLEAT_TRY_GOTO(status, done, train_once(engine, sums, &got, &n));
    const double error = error_of(got, want, n), limit = limit_of(engine->precision);
    PLEAT_CHECK_GOTO(status, done, error <= limit, PLEAT_ERR_ENGINE,
                     "engine '%s' computes wrongly on %s: its gradients are off by %.1e, more than "
                     "%.0e",
                     engine->ops->name, engine->device, error, limit);
    const double cost = sums[SUMS - 1], right = wanted[SUMS - 1]; /* the sum of cross-entropies */
    PLEAT_CHECK_GOTO(status, done, fabs(cost - right) <= 0.02 * right, PLEAT_ERR_ENGINE,
                     "engine '%s' computes wrongly on %s: its loss is %.4g, the oracle's %.4g",
                     engine->ops->name, engine->device, cost / VOXELS, right / VOXELS);
done:
    pleat_engine_destroy(oracle);
    free(got);
    free(want);
    return status;
}
