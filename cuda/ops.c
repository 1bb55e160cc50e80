/* ops.c - the engine's entries that launch a kernel of ours, and its table. */
#include "engine_impl.h"

#include <math.h>
#include <string.h>

static pleat_status relu_backward(pleat_engine *engine, const pleat_tensor *y,
                                  const pleat_tensor *dy, const pleat_tensor *dx) {
    const size_t n = pleat_tensor_voxels(y) * (size_t)y->c;
    CUDA_TRY(pleat_cuda_relu_backward(engine->act, y->data, dy->data, n, dx->data,
                                      pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

/* The first stage's sums of a channel must fit in `partials`. */
static pleat_status check_channels(int c) {
    PLEAT_CHECK(2 * c <= PLEAT_CUDA_PARTIALS, PLEAT_ERR_UNSUPPORTED, "%d channels are too many", c);
    return PLEAT_OK;
}

static pleat_status norm_sums(pleat_engine *engine, const pleat_tensor *x, double *sums) {
    pleat_cuda *e = pleat_cuda_of(engine);
    const int counted = memcmp(x, &e->counted_of, sizeof *x) == 0;
    PLEAT_TRY(check_channels(x->c));
    e->counted_of.data = NULL;
    if (counted) {
        CUDA_TRY(pleat_cuda_norm_add_up(&e->counted, x->c, sums, e->stream));
        return PLEAT_OK;
    }
    CUDA_TRY(pleat_cuda_norm_sums(engine->act, x, e->partials, sums, e->stream));
    return PLEAT_OK;
}

static pleat_status norm_forward(pleat_engine *engine, const pleat_norm *norm,
                                 const pleat_tensor *x, const double *sums, double count,
                                 const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_norm_forward(engine->act, norm, x, sums, count, y,
                                     pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status norm_infer(pleat_engine *engine, const pleat_norm *norm, const pleat_tensor *x,
                               const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_norm_infer(engine->act, norm, x, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status norm_backward_sums(pleat_engine *engine, const pleat_norm *norm,
                                       const pleat_tensor *x, const pleat_tensor *dy, double *sums,
                                       void *dgamma, void *dbeta) {
    pleat_cuda *e = pleat_cuda_of(engine);
    PLEAT_TRY(check_channels(x->c));
    CUDA_TRY(pleat_cuda_norm_backward_sums(engine->act, norm, x, dy, e->partials, sums, dgamma,
                                           dbeta, e->stream));
    return PLEAT_OK;
}

static pleat_status norm_backward(pleat_engine *engine, const pleat_norm *norm,
                                  const pleat_tensor *x, const pleat_tensor *dy, const double *sums,
                                  double count, int relu_mask, const pleat_tensor *dx,
                                  void *dbias) {
    pleat_cuda *e = pleat_cuda_of(engine);
    const pleat_cuda_sum bias = {e->partials, dbias};
    PLEAT_TRY(check_channels(x->c));
    CUDA_TRY(pleat_cuda_norm_backward(engine->act, norm, x, dy, sums, count, relu_mask, dx, bias,
                                      e->stream));
    return PLEAT_OK;
}

static pleat_status check_instance(const pleat_tensor *x) {
    PLEAT_CHECK(pleat_cuda_instance_fits(x), PLEAT_ERR_UNSUPPORTED,
                "%d channels of %d samples are too many", x->c, x->n);
    return PLEAT_OK;
}

static pleat_status instance_forward(pleat_engine *engine, const pleat_instance *norm,
                                     const pleat_tensor *x, const pleat_tensor *y) {
    pleat_cuda *e = pleat_cuda_of(engine);
    PLEAT_TRY(check_instance(x));
    CUDA_TRY(pleat_cuda_instance_forward(engine->act, norm, x, y, e->partials, e->stream));
    return PLEAT_OK;
}

static pleat_status instance_backward(pleat_engine *engine, const pleat_instance *norm,
                                      const pleat_tensor *x, const pleat_tensor *dy, void *dgamma,
                                      void *dbeta, const pleat_tensor *dx) {
    pleat_cuda *e = pleat_cuda_of(engine);
    PLEAT_TRY(check_instance(x));
    CUDA_TRY(pleat_cuda_instance_backward(engine->act, norm, x, dy, dgamma, dbeta, dx, e->partials,
                                          e->stream));
    return PLEAT_OK;
}

static pleat_status activate(pleat_engine *engine, pleat_activation kind, double slope,
                             const pleat_tensor *x, const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_activate(engine->act, kind, slope, x, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status activate_backward(pleat_engine *engine, pleat_activation kind, double slope,
                                      const pleat_tensor *y, const pleat_tensor *dy, int accumulate,
                                      const pleat_tensor *dx) {
    CUDA_TRY(pleat_cuda_activate_backward(engine->act, kind, slope, y, dy, accumulate, dx,
                                          pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status mean_forward(pleat_engine *engine, const pleat_tensor *x,
                                 const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_mean_forward(engine->act, x, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status mean_backward(pleat_engine *engine, const pleat_tensor *dy, int accumulate,
                                  const pleat_tensor *dx) {
    CUDA_TRY(
        pleat_cuda_mean_backward(engine->act, dy, accumulate, dx, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status gate_forward(pleat_engine *engine, const pleat_tensor *x,
                                 const pleat_tensor *gate, const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_gate_forward(engine->act, x, gate, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status gate_backward(pleat_engine *engine, const pleat_tensor *x,
                                  const pleat_tensor *gate, const pleat_tensor *dy,
                                  const pleat_tensor *dgate, int accumulate,
                                  const pleat_tensor *dx) {
    CUDA_TRY(pleat_cuda_gate_backward(engine->act, x, gate, dy, dgate, accumulate, dx,
                                      pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status copy(pleat_engine *engine, const pleat_tensor *x, int accumulate,
                         const pleat_tensor *y) {
    CUDA_TRY(pleat_cuda_copy(engine->act, x, accumulate, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status pool_forward(pleat_engine *engine, const pleat_tensor *x, const pleat_tensor *y,
                                 uint8_t *index) {
    CUDA_TRY(pleat_cuda_pool_forward(engine->act, x, y, index, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status pool_backward(pleat_engine *engine, const pleat_tensor *dy,
                                  const uint8_t *index, int accumulate, const pleat_tensor *dx) {
    CUDA_TRY(pleat_cuda_pool_backward(engine->act, dy, index, accumulate, dx,
                                      pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status softmax(pleat_engine *engine, const void *logits, size_t voxels, int classes,
                            void *probs) {
    CUDA_TRY(pleat_cuda_softmax(logits, voxels, classes, probs, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status sigmoid(pleat_engine *engine, const void *logits, size_t n, void *probs) {
    CUDA_TRY(pleat_cuda_sigmoid(logits, n, probs, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status loss_forward(pleat_engine *engine, const pleat_targets *targets,
                                 const void *logits, const uint8_t *labels, int n, size_t voxels,
                                 int classes, void *probs, double *sums) {
    pleat_cuda *e = pleat_cuda_of(engine);
    CUDA_TRY(pleat_cuda_loss_forward(targets, logits, labels, n, voxels, classes, probs,
                                     e->partials, sums, e->stream));
    return PLEAT_OK;
}

static pleat_status loss_backward(pleat_engine *engine, const pleat_targets *targets,
                                  const void *probs, const uint8_t *labels, int n, size_t voxels,
                                  int classes, const pleat_loss_gradient *gradient, void *dlogits) {
    CUDA_TRY(pleat_cuda_loss_backward(engine->act, targets, probs, labels, n, voxels, classes,
                                      gradient, dlogits, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status loss_counts(pleat_engine *engine, const pleat_targets *targets,
                                const void *probs, const uint8_t *labels, int n, size_t voxels,
                                int classes, int round, const double *first, double *counts) {
    const pleat_cuda *e = pleat_cuda_of(engine);
    CUDA_TRY(pleat_cuda_loss_counts(targets, probs, labels, (size_t)n * voxels, classes, round,
                                    first, e->partials, counts, e->stream));
    return PLEAT_OK;
}

static pleat_status coarsen_labels(pleat_engine *engine, const uint8_t *labels, int n,
                                   const int dim[3], const int step[3], uint8_t *to) {
    CUDA_TRY(pleat_cuda_coarsen_labels(labels, n, dim, step, to, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status adam_update(pleat_engine *engine, const pleat_adam *adam, size_t n,
                                void *params, const void *grads, void *m, void *v, void *largest) {
    const double t = (double)adam->step;
    const double rate = adam->lr * sqrt(1 - pow(adam->beta2, t)) / (1 - pow(adam->beta1, t));
    CUDA_TRY(pleat_cuda_adam(rate, adam, n, params, grads, m, v, largest,
                             pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status sgd_update(pleat_engine *engine, const pleat_sgd *sgd, size_t n, void *params,
                               const void *grads, void *v) {
    CUDA_TRY(pleat_cuda_sgd(sgd, n, params, grads, v, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static pleat_status clip(pleat_engine *engine, double most, size_t n, void *x) {
    pleat_cuda *e = pleat_cuda_of(engine);
    CUDA_TRY(pleat_cuda_clip(most, n, x, e->partials, e->stream));
    return PLEAT_OK;
}

static pleat_status average(pleat_engine *engine, double keep, size_t n, const void *x, void *y) {
    CUDA_TRY(pleat_cuda_average(keep, n, x, y, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

const pleat_engine_ops pleat_cuda_table = {
    .name = "cudnn",
    .destroy = pleat_cuda_destroy,
    .alloc = pleat_cuda_alloc,
    .free = pleat_cuda_free,
    .upload = pleat_cuda_upload,
    .download = pleat_cuda_download,
    .zero = pleat_cuda_zero,
    .synchronize = pleat_cuda_synchronize,
    .input = pleat_cuda_input,
    .conv_create = pleat_cuda_conv_create,
    .conv_destroy = pleat_cuda_conv_destroy,
    .conv_pack = pleat_cuda_conv_pack,
    .conv_forward = pleat_cuda_conv_run_forward,
    .conv_backward_data = pleat_cuda_conv_run_data,
    .conv_backward_weights = pleat_cuda_conv_run_weights,
    .relu_backward = relu_backward,
    .norm_sums = norm_sums,
    .norm_forward = norm_forward,
    .norm_infer = norm_infer,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward = norm_backward,
    .instance_forward = instance_forward,
    .instance_backward = instance_backward,
    .activate = activate,
    .activate_backward = activate_backward,
    .copy = copy,
    .pool_forward = pool_forward,
    .pool_backward = pool_backward,
    .mean_forward = mean_forward,
    .mean_backward = mean_backward,
    .gate_forward = gate_forward,
    .gate_backward = gate_backward,
    .softmax = softmax,
    .sigmoid = sigmoid,
    .loss_forward = loss_forward,
    .loss_backward = loss_backward,
    .loss_counts = loss_counts,
    .coarsen_labels = coarsen_labels,
    .host_call_create = pleat_cuda_host_call_create,
    .host_call_run = pleat_cuda_host_call_run,
    .host_call_destroy = pleat_cuda_host_call_destroy,
    .adam = adam_update,
    .sgd = sgd_update,
    .clip = clip,
    .average = average,
    .record = &pleat_cuda_record,
    .device = &pleat_cuda_device,
};
