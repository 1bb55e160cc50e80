/* engine_runs.c - one operation of an engine on host arrays, forward and backward. */
#include "engine_suite.h"

#include "pleat/losses.h"

#include <string.h>

static const slice packed = {0, 0};

/* ---- convolutions ---- */

shape conv_x_shape(const conv_case *c) { return (shape){c->n, c->d, c->h, c->w, c->cin}; }

shape conv_y_shape(const conv_case *c) {
    const int *s = c->stride;
    if (c->kind == PLEAT_UP) return (shape){c->n, c->d * s[0], c->h * s[1], c->w * s[2], c->cout};
    return (shape){c->n, c->d / s[0], c->h / s[1], c->w / s[2], c->cout};
}

size_t conv_weight_count(const conv_case *c) {
    const int taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
    return (size_t)taps * (size_t)c->cin * (size_t)c->cout;
}

pleat_conv_desc conv_desc(const conv_case *c, int train) {
    pleat_conv_desc desc = {.kind = c->kind,
                            .n = c->n,
                            .d = c->d,
                            .h = c->h,
                            .w = c->w,
                            .cin = c->cin,
                            .cout = c->cout,
                            .relu = c->relu,
                            .train = train,
                            .want_dx = train && !c->first};
    for (int axis = 0; axis < 3; axis++) {
        desc.kernel[axis] = c->kernel[axis];
        desc.stride[axis] = c->stride[axis];
        desc.before[axis] = c->before[axis];
    }
    return desc;
}

/* Gradients so far lie before every sample's, to be added to. */
static void each_gradient(memory *m, const conv_case *c, pleat_conv *conv, const pleat_tensor *x,
                          const pleat_tensor *dy, const conv_in *in, const conv_out *out) {
    pleat_engine *e = m->engine;
    const size_t weights = conv_weight_count(c), each = weights + (size_t)c->cout;
    const size_t all = (size_t)c->n * each;
    for (size_t i = 0; i < all; i++)
        out->each[i] = i % each < weights ? in->dweights[i % each] : in->dbias[i % each - weights];
    char *slots = memory_put(m, e->real, out->each, all);
    void *dbias = c->no_bias ? NULL : slots + weights * pleat_dtype_size(e->real);
    OK(e->ops->conv_backward_weights(e, conv, x, dy, slots, dbias));
    memory_read(m, e->real, slots, out->each, all);
}

static void conv_backward(memory *m, const conv_case *c, pleat_conv *conv, const void *weights,
                          const pleat_tensor *x, const conv_in *in, const conv_out *out) {
    pleat_engine *e = m->engine;
    const size_t weight_count = conv_weight_count(c), biases = (size_t)c->cout;
    const pleat_tensor dy = memory_tensor(m, e->act, in->dy, conv_y_shape(c), c->y);
    if (out->each != NULL) {
        each_gradient(m, c, conv, x, &dy, in, out);
    } else {
        void *dweights = memory_put(m, e->real, in->dweights, weight_count);
        void *dbias = memory_put(m, e->real, in->dbias, biases);
        OK(e->ops->conv_backward_weights(e, conv, x, &dy, dweights, c->no_bias ? NULL : dbias));
        memory_read(m, e->real, dweights, out->dweights, weight_count);
        memory_read(m, e->real, dbias, out->dbias, biases);
    }
    if (c->first) return;
    const pleat_tensor dx = memory_tensor(m, e->act, NULL, conv_x_shape(c), packed);
    OK(e->ops->conv_backward_data(e, conv, weights, &dy, &dx));
    memory_read_tensor(m, e->act, &dx, packed, out->dx);
}

static const char *name_of_way(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass,
                               int way) {
    const pleat_way_ops *ways = engine->ops->ways;
    return ways != NULL ? ways->name(engine, conv, pass, way) : NULL;
}

/* Each pass takes it that has it. */
static void take_way(pleat_engine *engine, pleat_conv *conv, int way) {
    for (pleat_pass pass = PLEAT_PASS_FORWARD; pass < PLEAT_PASSES; pass++)
        if (name_of_way(engine, conv, pass, way) != NULL)
            OK(engine->ops->ways->take(engine, conv, pass, way));
}

int conv_ways(pleat_engine *engine, const conv_case *c) {
    const pleat_conv_desc desc = conv_desc(c, 1);
    pleat_conv *conv = NULL;
    int n = 1;
    OK(engine->ops->conv_create(engine, &desc, &conv));
    for (pleat_pass pass = PLEAT_PASS_FORWARD; pass < PLEAT_PASSES; pass++)
        while (name_of_way(engine, conv, pass, n) != NULL) n++;
    engine->ops->conv_destroy(engine, conv);
    return n;
}

/* The layer first works with other weights, so that one which packs only once is found out. */
void run_conv(pleat_engine *engine, const conv_case *c, int train, const conv_in *in,
              const conv_out *out) {
    const pleat_engine_ops *ops = engine->ops;
    memory m = {.engine = engine};
    const size_t weight_count = conv_weight_count(c), gradients = weight_count + (size_t)c->cout;
    pleat_conv_desc desc = conv_desc(c, train);
    desc.fresh = in->fresh;
    desc.sample_stride = out->each != NULL ? gradients : 0;
    const pleat_dtype y_type = c->kind == PLEAT_HEAD ? engine->real : engine->act;
    const pleat_tensor x = memory_tensor(&m, engine->act, in->x, conv_x_shape(c), packed);
    const pleat_tensor y = memory_tensor(&m, y_type, NULL, conv_y_shape(c), c->y);
    void *weights = memory_put(&m, engine->real, NULL, weight_count);
    void *bias = c->no_bias ? NULL : memory_put(&m, engine->real, NULL, (size_t)c->cout);
    pleat_conv *conv = NULL;
    OK(ops->conv_create(engine, &desc, &conv));
    if (train) take_way(engine, conv, in->way);
    OK(ops->conv_pack(engine, conv, weights, bias));
    OK(ops->conv_forward(engine, conv, weights, bias, &x, &y));
    memory_write(&m, engine->real, weights, in->weights, weight_count);
    if (bias != NULL) memory_write(&m, engine->real, bias, in->bias, (size_t)c->cout);
    OK(ops->conv_pack(engine, conv, weights, bias));
    OK(ops->conv_forward(engine, conv, weights, bias, &x, &y));
    memory_read_tensor(&m, y_type, &y, c->y, out->y);
    if (train) conv_backward(&m, c, conv, weights, &x, in, out);
    ops->conv_destroy(engine, conv);
    memory_clear(&m);
}

/* ---- batch norm ---- */

static void add_others(memory *m, double *sums, double *host, const double *others, size_t n) {
    double total[256];
    assert_true(n <= COUNT(total));
    memory_read(m, PLEAT_F64, sums, host, n);
    for (size_t i = 0; i < n; i++) total[i] = host[i] + (others != NULL ? others[i] : 0);
    memory_write(m, PLEAT_F64, sums, total, n);
}

static void norm_backward(memory *m, const norm_case *c, const norm_in *in, const norm_out *out,
                          const pleat_norm *norm, const pleat_tensor *x, double count) {
    pleat_engine *e = m->engine;
    const shape s = {c->n, c->d, c->h, c->w, c->c};
    const size_t channels = (size_t)c->c;
    const pleat_tensor dy = memory_tensor(m, e->act, in->dy, s, c->y);
    const pleat_tensor dx = memory_tensor(m, e->act, NULL, s, packed);
    double *sums = memory_put(m, PLEAT_F64, NULL, 2 * channels);
    void *dgamma = memory_put(m, e->real, in->dgamma, channels);
    void *dbeta = memory_put(m, e->real, in->dbeta, channels);
    OK(e->ops->norm_backward_sums(e, norm, x, &dy, sums, dgamma, dbeta));
    add_others(m, sums, out->back_sums, in->others_back, 2 * channels);
    void *dbias = in->dbias != NULL ? memory_put(m, e->real, in->dbias, channels) : NULL;
    OK(e->ops->norm_backward(e, norm, x, &dy, sums, count, c->relu_mask, &dx, dbias));
    if (dbias != NULL) memory_read(m, e->real, dbias, out->dbias, channels);
    memory_read(m, e->real, dgamma, out->dgamma, channels);
    memory_read(m, e->real, dbeta, out->dbeta, channels);
    memory_read_tensor(m, e->act, &dx, packed, out->dx);
}

void run_norm(pleat_engine *engine, const norm_case *c, const norm_in *in, const norm_out *out) {
    const pleat_engine_ops *ops = engine->ops;
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act, real = engine->real;
    const shape s = {c->n, c->d, c->h, c->w, c->c};
    const size_t channels = (size_t)c->c;
    const pleat_norm norm = {.gamma = memory_put(&m, real, in->gamma, channels),
                             .beta = memory_put(&m, real, in->beta, channels),
                             .running_mean = memory_put(&m, real, in->running_mean, channels),
                             .running_var = memory_put(&m, real, in->running_var, channels),
                             .mean = memory_put(&m, real, NULL, channels),
                             .inv_std = memory_put(&m, real, NULL, channels),
                             .momentum = 0.99,
                             .epsilon = 1e-3};
    const pleat_tensor x = memory_tensor(&m, act, in->x, s, packed);
    const pleat_tensor y = memory_tensor(&m, act, NULL, s, c->y);
    const pleat_tensor y_infer = memory_tensor(&m, act, NULL, s, c->y);
    double *sums = memory_put(&m, PLEAT_F64, NULL, 2 * channels);
    const double count = (double)pleat_tensor_voxels(&x) + in->others_count;
    OK(ops->norm_sums(engine, &x, sums));
    add_others(&m, sums, out->sums, in->others, 2 * channels);
    OK(ops->norm_forward(engine, &norm, &x, sums, count, &y));
    OK(ops->norm_infer(engine, &norm, &x, &y_infer));
    memory_read_tensor(&m, act, &y, c->y, out->y);
    memory_read_tensor(&m, act, &y_infer, c->y, out->y_infer);
    memory_read(&m, real, norm.mean, out->mean, channels);
    memory_read(&m, real, norm.inv_std, out->inv_std, channels);
    memory_read(&m, real, norm.running_mean, out->running_mean, channels);
    memory_read(&m, real, norm.running_var, out->running_var, channels);
    norm_backward(&m, c, in, out, &norm, &x, count);
    memory_clear(&m);
}

/* ---- pooling ---- */

shape pool_x_shape(const pool_case *c) {
    return (shape){c->n, c->d * c->block[0], c->h * c->block[1], c->w * c->block[2], c->c};
}

shape pool_y_shape(const pool_case *c) { return (shape){c->n, c->d, c->h, c->w, c->c}; }

void run_pool(pleat_engine *engine, const pool_case *c, const pool_in *in, const pool_out *out) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act;
    const shape small = pool_y_shape(c), big = pool_x_shape(c);
    const pleat_tensor x = memory_tensor(&m, act, in->x, big, c->x);
    const pleat_tensor y = memory_tensor(&m, act, NULL, small, packed);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, small, packed);
    const pleat_tensor dx = memory_tensor(&m, act, in->dx, big, c->x);
    uint8_t *index = memory_put_bytes(&m, NULL, shape_size(small));
    OK(engine->ops->pool_forward(engine, &x, &y, index));
    OK(engine->ops->pool_backward(engine, &dy, index, c->accumulate, &dx));
    memory_read_tensor(&m, act, &y, packed, out->y);
    memory_read_bytes(&m, index, out->index, shape_size(small));
    memory_read_tensor(&m, act, &dx, c->x, out->dx);
    memory_clear(&m);
}

/* ---- softmax and loss ---- */

void run_loss(pleat_engine *engine, const loss_case *c, const loss_in *in, const loss_out *out) {
    const pleat_engine_ops *ops = engine->ops;
    memory m = {.engine = engine};
    const pleat_dtype real = engine->real;
    const int n = c->n, k = c->classes;
    const size_t voxels = (size_t)c->voxels, all = (size_t)n * voxels;
    const size_t values = all * (size_t)k, sum_count = (size_t)n * PLEAT_LOSS_SUMS((size_t)k);
    void *logits = memory_put(&m, real, in->logits, values);
    void *probs = c->in_place ? logits : memory_put(&m, real, NULL, values);
    const uint8_t *labels = memory_put_bytes(&m, in->labels, all);
    double *sums = memory_put(&m, PLEAT_F64, NULL, sum_count);
    void *dlogits = memory_put(&m, engine->act, NULL, values);
    uint32_t regions[256] = {0};
    double focus[2 * 256];
    for (uint32_t label = 0; label < 8; label++) regions[label] = label;
    for (int i = 0; i < k; i++) {
        focus[i] = 1 + 0.5 * i;
        focus[k + i] = i;
    }
    const pleat_targets targets = {
        c->kind & LOSS_REGIONS ? memory_put_bytes(&m, (const uint8_t *)regions, sizeof regions)
                               : NULL,
        c->kind & LOSS_FOCUS ? memory_put(&m, PLEAT_F64, focus, 2 * (size_t)k) : NULL,
        c->kind & LOSS_IGNORES ? LOSS_IGNORED : 0,
        c->kind & LOSS_TOP ? memory_put(&m, PLEAT_F64, (double[]){0.3, 3, 0}, 3) : NULL};
    if (c->kind & LOSS_REGIONS)
        OK(ops->sigmoid(engine, logits, values, probs));
    else
        OK(ops->softmax(engine, logits, all, k, probs));
    memory_read(&m, real, probs, out->softmax, values);
    memory_write(&m, real, logits, c->kind & LOSS_TOP ? out->softmax : in->logits, values);
    OK(ops->loss_forward(engine, &targets, logits, labels, n, voxels, k, probs, sums));
    memory_read(&m, PLEAT_F64, sums, out->sums, sum_count);
    double slopes[4096];
    const size_t width = PLEAT_LOSS_SLOPES((size_t)k);
    assert_true((size_t)n * width <= COUNT(slopes));
    for (size_t b = 0; b < (size_t)n; b++) {
        double *to = slopes + b * width;
        if (in->slopes != NULL)
            memcpy(to, in->slopes + b * 2 * (size_t)k, 2 * (size_t)k * sizeof *to);
        else
            pleat_losses[0]->slopes(out->sums + b * PLEAT_LOSS_SUMS((size_t)k), k, to);
        to[width - 1] = c->crossentropy / c->voxels;
    }
    const pleat_loss_gradient gradient = {memory_put(&m, PLEAT_F64, slopes, (size_t)n * width),
                                          c->scale};
    OK(ops->loss_backward(engine, &targets, probs, labels, n, voxels, k, &gradient, dlogits));
    memory_read(&m, real, probs, out->probs, values);
    memory_read(&m, engine->act, dlogits, out->dlogits, values);
    memory_clear(&m);
}

/* ---- Adam ---- */

void run_adam(pleat_engine *engine, pleat_adam adam, int steps, size_t n, const double *grads,
              double *params, double *m, double *v, double *largest) {
    memory blocks = {.engine = engine};
    const pleat_dtype real = engine->real;
    void *weights = memory_put(&blocks, real, params, n);
    void *first = memory_put(&blocks, real, m, n);
    void *second = memory_put(&blocks, real, v, n);
    void *most = largest != NULL ? memory_put(&blocks, real, largest, n) : NULL;
    void *slope = memory_put(&blocks, real, NULL, n);
    for (int i = 0; i < steps; i++, adam.step++) {
        memory_write(&blocks, real, slope, grads + (size_t)i * n, n);
        OK(engine->ops->adam(engine, &adam, n, weights, slope, first, second, most));
    }
    memory_read(&blocks, real, weights, params, n);
    memory_read(&blocks, real, first, m, n);
    memory_read(&blocks, real, second, v, n);
    if (largest != NULL) memory_read(&blocks, real, most, largest, n);
    memory_clear(&blocks);
}
