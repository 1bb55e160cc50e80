/* engine_known.c - an engine against numbers known beforehand, worked out by hand. */
#include "engine_suite.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "pleat/losses.h"

static double float_limit(const bench *b, double in_double, double in_float) {
    return b->engine->real == PLEAT_F64 ? in_double : in_float;
}

/* ---- what an engine is ---- */

void engine_says_what_it_is(void **state) {
    const bench *b = *state;
    const pleat_engine *e = b->engine;
    assert_true(e->threads >= 1);
    assert_true(e->precision != PLEAT_PRECISION_AUTO);
    assert_true(e->precision != PLEAT_PRECISION_BF16 || e->act == PLEAT_BF16);
    assert_true(e->real == PLEAT_F32 || e->real == PLEAT_F64);
    assert_true(strlen(e->device) > 0);
    const void *entries[offsetof(pleat_engine_ops, record) / sizeof(void *)];
    memcpy(entries, e->ops, sizeof entries);
    for (size_t i = 0; i < COUNT(entries); i++)
        if (entries[i] == NULL) fail_msg("entry %zu of the table is NULL", i);
    assert_true(e->host_memory || e->ops->device != NULL);
}

void memory_is_aligned_zeroed_and_copied(void **state) {
    static const size_t sizes[] = {1, 63, 4096, 5u << 20};
    const bench *b = *state;
    const pleat_engine_ops *ops = b->engine->ops;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char sent[64], back[64];
        memset(sent, 0x5a, sizeof sent);
        const size_t n = sizes[i] < sizeof sent ? sizes[i] : sizeof sent;
        void *data = NULL;
        OK(ops->alloc(b->engine, sizes[i], &data));
        assert_int_equal((uintptr_t)data % 64, 0);
        char *last = (char *)data + sizes[i] - n;
        for (int zeroing = 0; zeroing < 2; zeroing++) {
            OK(ops->download(b->engine, back, last, n));
            for (size_t k = 0; k < n; k++) assert_int_equal(back[k], 0);
            OK(ops->upload(b->engine, last, sent, n));
            OK(ops->download(b->engine, back, last, n));
            assert_memory_equal(back, sent, n);
            OK(ops->zero(b->engine, data, sizes[i]));
        }
        ops->free(b->engine, data);
    }
}

/* ---- layouts ---- */

/* 1..9 correlated with 1..9, in the middle plane of the kernel: the centre is 1*1 + ... + 9*9. */
void conv3_of_a_known_image_is_known(void **state) {
    static const double known[9] = {94, 154, 106, 186, 285, 186, 106, 154, 94};
    static const conv_case c = {PLEAT_CONV, 1, 1, 3, 3, 1, 1, CONV3, 0, 1, 0, {0, 0}};
    bench *b = *state;
    const conv_in in = {.x = take(b, 9), .weights = take(b, 27), .bias = take(b, 1)};
    const conv_out out = {.y = take(b, 9)};
    for (int i = 0; i < 9; i++) in.x[i] = in.weights[9 + i] = i + 1;
    run_conv(b->engine, &c, 0, &in, &out);
    judge(b, "forward", "1..9", out.y, known, 9);
    in.bias[0] = 0.5;
    run_conv(b->engine, &c, 0, &in, &out);
    const double limit = 285.5 * (b->engine->act == PLEAT_BF16 ? 1.0 / 256 : 1e-6);
    for (int i = 0; i < 9; i++) assert_true(fabs(out.y[i] - known[i] - 0.5) <= limit);
    bench_report(b, "conv3");
}

/* One voxel of one channel is 1: y shows the kernel, reversed. All numbers are exact in bf16. */
void conv3_taps_lie_where_the_layout_says(void **state) {
    static const conv_case c = {PLEAT_CONV, 1, 3, 3, 3, 2, 2, CONV3, 0, 1, 0, {0, 0}};
    bench *b = *state;
    const conv_in in = {.x = take(b, 54), .weights = take(b, 108), .bias = take(b, 2)};
    const conv_out out = {.y = take(b, 54)};
    double known[54];
    in.x[13 * 2 + 1] = 1; /* the middle voxel, channel 1 */
    for (int co = 0; co < 2; co++)
        for (int tap = 0; tap < 27; tap++) {
            for (int ci = 0; ci < 2; ci++)
                in.weights[(co * 27 + tap) * 2 + ci] = 100 * co + 2 * tap + ci;
            known[(26 - tap) * 2 + co] = 100 * co + 2 * tap + 1;
        }
    run_conv(b->engine, &c, 0, &in, &out);
    judge_exactly(b, "forward", "impulse", out.y, known, 54);
    bench_report(b, "conv3");
}

/* A row of 1 2 3 1 2 3 and a kernel of 1 4 16: each y is a number to the base of four. */
void conv_of_a_known_row_is_known_along_every_axis(void **state) {
    static const struct {
        int kernel, stride, before;
        double y[6];
    } rows[] = {
        {1, 1, 0, {1, 2, 3, 1, 2, 3}},
        {1, 2, 0, {1, 3, 2}},
        {3, 1, 1, {36, 57, 30, 39, 57, 14}},
        {3, 1, 0, {57, 30, 39, 57, 14, 3}},
        {3, 2, 1, {36, 30, 57}},
        {3, 2, 0, {57, 39, 14}},
    };
    bench *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int axis = 0; axis < 3; axis++) {
            double x[6] = {1, 2, 3, 1, 2, 3}, weights[3] = {1, 4, 16}, bias[1] = {0}, y[6];
            conv_case c = {PLEAT_CONV, 1, 1, 1, 1, 1, 1, HEAD1, 0, 1, 0, {0, 0}};
            *(axis == 0 ? &c.d : axis == 1 ? &c.h : &c.w) = 6;
            c.kernel[axis] = rows[i].kernel;
            c.stride[axis] = rows[i].stride;
            c.before[axis] = rows[i].before;
            const conv_in in = {.x = x, .weights = weights, .bias = bias};
            const conv_out out = {.y = y};
            char where[64];
            (void)snprintf(where, sizeof where, "kernel %d, stride %d, before %d, axis %d",
                           rows[i].kernel, rows[i].stride, rows[i].before, axis);
            run_conv(b->engine, &c, 0, &in, &out);
            judge_exactly(b, "forward", where, y, rows[i].y, (size_t)(6 / rows[i].stride));
        }
    bench_report(b, "conv");
}

/* One voxel: y of UP shows the children of channel 1, up to eight; y of HEAD its row of weights. */
void up_and_head_weights_lie_where_the_layout_says(void **state) {
    static const conv_case head = {PLEAT_HEAD, 1, 1, 1, 1, 2, 3, HEAD1, 0, 1, 0, {0, 0}};
    bench *b = *state;
    const conv_in in = {.x = take(b, 2), .weights = take(b, 48), .bias = take(b, 3)};
    const conv_out out = {.y = take(b, 24)};
    double known[24];
    in.x[1] = 1;
    in.bias[2] = 64;
    for (size_t i = 0; i < 24; i++) { /* child, then co; then ci */
        in.weights[2 * i] = 200;
        in.weights[2 * i + 1] = (double)i;
        known[i] = (double)i + (i % 3 == 2 ? 64 : 0);
    }
    for (int i = 0; i < 8; i++) {
        conv_case up = {PLEAT_UP, 1, 1, 1, 1, 2, 3, UP2, 0, 1, 0, {0, 0}};
        for (int axis = 0; axis < 3; axis++)
            up.kernel[axis] = up.stride[axis] = 1 + (i >> axis) % 2;
        run_conv(b->engine, &up, 0, &in, &out);
        judge_exactly(b, "up", "impulse", out.y, known, shape_size(conv_y_shape(&up)));
    }
    run_conv(b->engine, &head, 0, &in, &out);
    judge_exactly(b, "head", "impulse", out.y, known, 3);
    bench_report(b, "layout");
}

/* x = 2, w = 3, b = -10: -4 before ReLU; dy = 1.5 adds 1.5 * 2 to the middle tap, 1.5 to b. */
void conv_gradients_add_to_what_is_there(void **state) {
    bench *b = *state;
    double x[1] = {2}, weights[27] = {0}, bias[1] = {-10}, dy[1] = {1.5}, so_far[27], more[1] = {4};
    double y[1], dx[1], dweights[27], dbias[1];
    for (int i = 0; i < 27; i++) so_far[i] = i;
    weights[13] = 3;
    const conv_in in = {x, weights, bias, dy, so_far, more, 0, 0};
    const conv_out out = {y, dx, dweights, dbias, NULL};
    for (int relu = 0; relu < 2; relu++) {
        const conv_case c = {PLEAT_CONV, 1, 1, 1, 1, 1, 1, CONV3, relu, 0, 0, {0, 0}};
        run_conv(b->engine, &c, 1, &in, &out);
        assert_true(y[0] == (relu ? 0 : -4));
        assert_true(dx[0] == 4.5);
        assert_true(dbias[0] == 5.5);
        for (int i = 0; i < 27; i++) assert_true(dweights[i] == i + (i == 13 ? 3 : 0));
    }
}

/* x = 1, 3: mean 2, variance 1, so xhat = -+1/sqrt(1.001). */
void norm_of_two_voxels_is_known(void **state) {
    static const norm_case c = {1, 1, 1, 2, 1, 0, {0, 0}};
    bench *b = *state;
    double x[2] = {1, 3}, gamma[1] = {2}, beta[1] = {0.5}, mean[1] = {10}, var[1] = {4};
    double dy[2] = {1, 2}, dgamma[1] = {5}, dbeta[1] = {7}, dbias[1] = {3};
    const norm_in in = {x, gamma, beta, mean, var, dy, dgamma, dbeta, NULL, NULL, 0, dbias};
    double sums[2], y[2], batch_mean[1], inv_std[1], new_mean[1], new_var[1], infer[2];
    double back[2], new_dgamma[1], new_dbeta[1], dx[2], new_dbias[1];
    const norm_out out = {sums,  y,    batch_mean, inv_std,   new_mean, new_var,
                          infer, back, new_dgamma, new_dbeta, dx,       new_dbias};
    const double s = 1 / sqrt(1.001), known_y[2] = {0.5 - 2 * s, 0.5 + 2 * s};
    const double known_infer[2] = {0.5 - 2 * 8.92 / sqrt(3.971), 0.5 - 2 * 6.92 / sqrt(3.971)};
    const double known[] = {4, 10, 2, s, 9.92, 3.97, 3, s, 5 + s, 10, 3}; /* dx adds up to 0 */
    run_norm(b->engine, &c, &in, &out);
    const double got[] = {sums[0], sums[1], batch_mean[0], inv_std[0],   new_mean[0], new_var[0],
                          back[0], back[1], new_dgamma[0], new_dbeta[0], new_dbias[0]};
    for (size_t i = 0; i < COUNT(known); i++)
        if (!(fabs(got[i] - known[i]) < 2e-6)) fail_msg("%zu: %.9g, not %.9g", i, got[i], known[i]);
    judge(b, "forward", "1, 3", y, known_y, 2);
    judge(b, "infer", "1, 3", infer, known_infer, 2);
    bench_report(b, "norm");
}

void pool_gives_ties_to_the_first_voxel(void **state) {
    static const pool_case c = {1, 1, 1, 1, 2, {2, 2, 2}, 0, {0, 0}};
    bench *b = *state;
    const pool_in in = {.x = take(b, 16), .dy = draw(b, 2), .dx = draw(b, 16)};
    const pool_out out = {take(b, 2), take(b, 2), take(b, 16)};
    for (size_t i = 0; i < 8; i++) in.x[2 * i] = -3; /* channel 0: all equal, negative */
    in.x[2 * 5 + 1] = in.x[2 * 6 + 1] = 2;           /* channel 1: voxels 5 and 6 */
    run_pool(b->engine, &c, &in, &out);
    assert_true(out.y[0] == -3 && out.y[1] == 2);
    assert_true(out.index[0] == 0 && out.index[1] == 5);
    for (int i = 0; i < 16; i++)
        assert_true(out.dx[i] == (i == 0 ? in.dy[0] : i == 11 ? in.dy[1] : 0));
}

/* A block of two voxels along one axis, the second the larger. */
void pool_index_names_the_place_in_the_block(void **state) {
    static const double places[3] = {4, 2, 1};
    bench *b = *state;
    for (int axis = 0; axis < 3; axis++) {
        pool_case c = {1, 1, 1, 1, 1, {1, 1, 1}, 0, {0, 0}};
        c.block[axis] = 2;
        double x[2] = {-2, -1}, dy[1] = {3}, y[1], index[1], dx[2];
        const pool_in in = {x, dy, NULL};
        const pool_out out = {y, index, dx};
        run_pool(b->engine, &c, &in, &out);
        assert_true(y[0] == -1 && index[0] == places[axis]);
        assert_true(dx[0] == 0 && dx[1] == 3);
    }
}

/* ---- labels and host calls ---- */

/* Labels count the voxels of [2,2,4,6]; of two the second is taken, of three the middle one. */
void coarsened_labels_are_the_nearest(void **state) {
    static const int dim[3] = {2, 4, 6}, step[3] = {1, 2, 3}, most[3] = {2, 4, 6};
    static const double known[16] = {7, 10, 19, 22, 31, 34, 43, 46, 55, 58, 67, 70, 79, 82, 91, 94};
    static const double known_most[2] = {24 + 12 + 3, 48 + 24 + 12 + 3};
    bench *b = *state;
    uint8_t labels[96];
    double got[16];
    for (int i = 0; i < 96; i++) labels[i] = (uint8_t)i;
    memory m = {.engine = b->engine};
    const uint8_t *from = memory_put_bytes(&m, labels, 96);
    uint8_t *to = memory_put_bytes(&m, NULL, 16);
    OK(b->engine->ops->coarsen_labels(b->engine, from, 2, dim, step, to));
    memory_read_bytes(&m, to, got, 16);
    judge_exactly(b, "labels", "1, 2, 3", got, known, 16);
    OK(b->engine->ops->coarsen_labels(b->engine, from, 2, dim, most, to));
    memory_read_bytes(&m, to, got, 2);
    judge_exactly(b, "labels", "2, 4, 6", got, known_most, 2);
    memory_clear(&m);
    bench_report(b, "coarsen");
}

static void sum_and_count(void *context, const double *in, double *out) {
    int *calls = context;
    out[0] = in[0] + in[1] + in[2];
    out[1] = ++*calls;
}

static void stretch(void *context, const double *in, double *out) {
    for (int i = 0; i < 3; i++) out[i] = in[0] * *(const double *)context + i;
}

/* The second call reads what the first one wrote, and the first one later what the second wrote. */
void host_calls_run_between_operations(void **state) {
    static const double numbers[3] = {1, 2, 4}, zeros[3] = {0, 0, 0};
    static const double first[2] = {7, 1}, stretched[3] = {70, 71, 72}, second[2] = {213, 2};
    bench *b = *state;
    const pleat_engine_ops *ops = b->engine->ops;
    int calls = 0;
    double ten = 10, got[3];
    memory m = {.engine = b->engine};
    double *in = memory_put(&m, PLEAT_F64, numbers, 3), *out = memory_put(&m, PLEAT_F64, NULL, 2);
    pleat_host_call *sum = NULL, *more = NULL;
    OK(ops->host_call_create(b->engine, sum_and_count, &calls, 3, 2, &sum));
    OK(ops->host_call_create(b->engine, stretch, &ten, 1, 3, &more));
    OK(ops->host_call_run(b->engine, sum, in, out));
    memory_read(&m, PLEAT_F64, out, got, 2);
    judge_exactly(b, "results", "first", got, first, 2);
    OK(ops->host_call_run(b->engine, more, out, in));
    OK(ops->host_call_run(b->engine, sum, in, out));
    memory_read(&m, PLEAT_F64, in, got, 3);
    judge_exactly(b, "results", "stretched", got, stretched, 3);
    memory_read(&m, PLEAT_F64, out, got, 2);
    judge_exactly(b, "results", "second", got, second, 2);
    OK(ops->zero(b->engine, in, 3 * sizeof(double)));
    OK(ops->host_call_run(b->engine, sum, in, out));
    memory_read(&m, PLEAT_F64, out, got, 2);
    judge_exactly(b, "results", "zeroed", got, zeros, 1);
    ops->host_call_destroy(b->engine, sum);
    ops->host_call_destroy(b->engine, more);
    ops->host_call_destroy(b->engine, NULL);
    memory_clear(&m);
    bench_report(b, "host call");
}

/* ---- loss ---- */

/* Two voxels of classes 0 and 3, then a third of no class; the numbers are the original's. */
void loss_is_the_originals(void **state) {
    static const double probs[3][4] = {
        {0.7, 0.1, 0.15, 0.05}, {0.2, 0.1, 0.1, 0.6}, {0.25, 0.25, 0.25, 0.25}};
    static const struct {
        int voxels;
        double known[5]; /* loss, Tversky, soft Dice, Dice and cross-entropy; cross-entropy */
    } rows[] = {
        {2, {2.969616844, 2.535866560, 0.366051967, 1.067698317, 0.433750284}},
        {3, {3.006415961, 2.717249105, 0.320696880, 1 - 0.320696880 + 0.289166856, 0.289166856}},
    };
    static uint8_t labels[3] = {0, 3, 255};
    bench *b = *state;
    const double limit = float_limit(b, 2e-9, 2e-6);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const loss_case c = {1, rows[i].voxels, 4, 0, 1, 1, 0};
        const loss_in in = {take(b, 12), labels, NULL};
        const loss_out out = {take(b, 12), take(b, 12), take(b, 14), take(b, 12)};
        for (int k = 0; k < 12; k++) in.logits[k] = log(probs[k / 4][k % 4]);
        double got[PLEAT_MOST_METRICS];
        run_loss(b->engine, &c, &in, &out);
        pleat_losses[0]->values(out.sums, 1, c.voxels, 4, got);
        got[4] = out.sums[12] / c.voxels;
        for (int k = 0; k < 5; k++)
            if (!(fabs(got[k] - rows[i].known[k]) < limit))
                fail_msg("number %d of %d voxels is %.9g, not %.9g", k, c.voxels, got[k],
                         rows[i].known[k]);
    }
}

/* Both voxels are sure and wrong: p_label is 0, its logarithm is that of 1e-7. */
void loss_has_no_gradient_where_clamped(void **state) {
    static const loss_case c = {1, 2, 2, 0, 1, 1, 0};
    static uint8_t labels[2] = {1, 1};
    bench *b = *state;
    const loss_in in = {take(b, 4), labels, NULL};
    const loss_out out = {take(b, 4), take(b, 4), take(b, 8), take(b, 4)};
    in.logits[0] = in.logits[2] = 2000; /* e^2000 is infinite, its softmax is not */
    run_loss(b->engine, &c, &in, &out);
    assert_true(fabs(out.sums[6] - 2 * 16.11809565095832) < 1e-4);
    for (int i = 0; i < 4; i++) assert_true(fabs(out.dlogits[i]) < 1e-9);
}

/* ---- Adam ---- */

/* One weight, and its update is known to 1e-5 of it. */
static void check_small_adam(bench *b, double grad, double known) {
    const pleat_adam adam = {1e-3, 0.9, 0.999, 1e-7, 1, 0};
    double w = 0, m = 0, v = 0;
    run_adam(b->engine, adam, 1, 1, &grad, &w, &m, &v, NULL);
    assert_true(fabs(w - known) < 1e-5 * fabs(known));
}

/* Kingma & Ba 2015, section 2, with epsilon as Keras places it; w, m and v of one weight. */
void adam_is_keras_adam(void **state) {
    static const double grads[5] = {0.5, -0.25, 0.125, 3, -1};
    const pleat_adam adam = {1e-3, 0.9, 0.999, 1e-7, 1, 0};
    bench *b = *state;
    double known[3] = {1, 0, 0}, b1t = 1, b2t = 1;
    for (int i = 0; i < 5; i++) {
        b1t *= adam.beta1;
        b2t *= adam.beta2;
        known[1] = adam.beta1 * known[1] + (1 - adam.beta1) * grads[i];
        known[2] = adam.beta2 * known[2] + (1 - adam.beta2) * grads[i] * grads[i];
        const double rate = adam.lr * sqrt(1 - b2t) / (1 - b1t);
        known[0] -= rate * known[1] / (sqrt(known[2]) + adam.epsilon);
        if (i == 0) assert_true(fabs(known[0] - (1 - 0.99999368e-3)) < 1e-11);
    }
    double w = 1, m = 0, v = 0;
    run_adam(b->engine, adam, 5, 1, grads, &w, &m, &v, NULL);
    assert_true(fabs(w - known[0]) < float_limit(b, 1e-14, 5e-7));
    assert_true(fabs(m - known[1]) < float_limit(b, 1e-14, 5e-7));
    assert_true(fabs(v - known[2]) < float_limit(b, 1e-14, 5e-7));
    /* 1e-3 sqrt(0.001)/0.1 * 0.1 g / (sqrt(0.001) g + 1e-7): epsilon rules a small gradient */
    check_small_adam(b, 1e-8, -3.1522788e-6);
    check_small_adam(b, 1, -0.99999684e-3);
}

/* v falls from 4, and from the second update on it is the first one's that divides. */
void amsgrad_divides_by_the_largest(void **state) {
    static const double grads[2] = {1, -0.5};
    const pleat_adam adam = {1e-3, 0.9, 0.999, 1e-7, 1, 0};
    bench *b = *state;
    double w = 1, m = 0, v = 4, largest = 0;
    run_adam(b->engine, adam, 2, 1, grads, &w, &m, &v, &largest);
    const double most = 0.999 * 4 + 0.001, divisor = sqrt(most) + 1e-7;
    const double last = 0.999 * most + 0.001 * 0.25;
    const double known = 1 - 1e-3 * sqrt(0.001) / 0.1 * 0.1 / divisor -
                         1e-3 * sqrt(1 - 0.999 * 0.999) / (1 - 0.81) * (0.09 - 0.05) / divisor;
    assert_true(last < most);
    assert_true(fabs(largest - most) < float_limit(b, 1e-14, 1e-6));
    assert_true(fabs(v - last) < float_limit(b, 1e-14, 1e-6));
    assert_true(fabs(w - known) < float_limit(b, 1e-14, 5e-7));
}

/* ---- threads ---- */

static pleat_engine *ordered_engine(const bench *b, int threads) {
    const pleat_engine_options options = {.engine = b->engine->ops->name,
                                          .precision = b->engine->precision,
                                          .threads = threads,
                                          .deterministic = 1};
    pleat_engine *engine = NULL;
    OK(pleat_engine_create(&options, &engine));
    assert_true(engine->ordered);
    return engine;
}

static void conv_has_the_same_bits(bench *b, pleat_engine *const *engines, const conv_case *c) {
    const size_t n = shape_size(conv_x_shape(c)), y = shape_size(conv_y_shape(c));
    const size_t k = conv_weight_count(c), biases = (size_t)c->cout;
    const conv_in in = {
        draw(b, n), draw(b, k), draw(b, biases), draw(b, y), draw(b, k), draw(b, biases), 0, 0};
    conv_out out[2];
    for (int i = 0; i < 2; i++) {
        out[i] = (conv_out){take(b, y), take(b, n), take(b, k), take(b, biases), NULL};
        run_conv(engines[i], c, 1, &in, &out[i]);
    }
    assert_memory_equal(out[0].y, out[1].y, y * sizeof(double));
    assert_memory_equal(out[0].dx, out[1].dx, n * sizeof(double));
    assert_memory_equal(out[0].dweights, out[1].dweights, k * sizeof(double));
    assert_memory_equal(out[0].dbias, out[1].dbias, biases * sizeof(double));
    bench_clear(b);
}

static void norm_has_the_same_bits(bench *b, pleat_engine *const *engines) {
    static const norm_case norm = {2, 5, 4, 3, 7, 1, {0, 0}};
    const size_t z = (size_t)120 * 7;
    const norm_in in = {draw(b, z), draw(b, 7), draw(b, 7), draw(b, 7), draw_range(b, 7, 1, 2),
                        draw(b, z), draw(b, 7), draw(b, 7), NULL,       NULL,
                        0,          draw(b, 7)};
    norm_out out[2];
    for (int i = 0; i < 2; i++) {
        out[i] =
            (norm_out){take(b, 14), take(b, z),  take(b, 8), take(b, 8), take(b, 8), take(b, 8),
                       take(b, z),  take(b, 14), take(b, 8), take(b, 8), take(b, z), take(b, 8)};
        run_norm(engines[i], &norm, &in, &out[i]);
    }
    assert_memory_equal(out[0].y, out[1].y, z * sizeof(double));
    assert_memory_equal(out[0].dx, out[1].dx, z * sizeof(double));
    assert_memory_equal(out[0].dbias, out[1].dbias, 7 * sizeof(double));
}

void an_ordered_engine_has_the_same_bits_on_any_number_of_threads(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 5, 4, 3, 17, 9, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 4, 6, 8, 16, 32, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 6, 8, 16, 17, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 3, 5, 7, 32, 16, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 1, 12, 9, 16, 16, {1, 3, 3}, {1, 2, 1}, {0, 0, 1}, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 5, 6, 4, 16, 16, {3, 3, 3}, {1, 1, 1}, {0, 1, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 3, 5, 4, 3, 17, 33, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_UP, 3, 2, 3, 4, 17, 16, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, 0, 0, 0, {0, 16}},
    };
    bench *b = *state;
    if (!b->engine->ordered) skip();
    pleat_engine *engines[2] = {ordered_engine(b, 1), ordered_engine(b, 0)};
    for (size_t i = 0; i < COUNT(cases); i++) conv_has_the_same_bits(b, engines, &cases[i]);
    norm_has_the_same_bits(b, engines);
    for (int i = 0; i < 2; i++) pleat_engine_destroy(engines[i]);
}

/* OpenMP's number is the caller's: an engine has one of its own. */
void the_caller_keeps_its_number_of_threads(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 3, 4, 5, 3, 4, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_UP, 2, 3, 2, 1, 4, 3, UP2, 0, 0, 0, {0, 0}},
    };
    bench *b = *state;
    const int before = omp_get_max_threads(), mine = b->engine->threads + 2;
    omp_set_num_threads(mine);
    for (int deterministic = 0; deterministic < 2; deterministic++) {
        const pleat_engine_options options = {.engine = b->engine->ops->name,
                                              .precision = b->engine->precision,
                                              .deterministic = deterministic};
        pleat_engine *engine = NULL;
        OK(pleat_engine_create(&options, &engine));
        assert_int_equal(omp_get_max_threads(), mine);
        for (size_t i = 0; i < COUNT(cases); i++) {
            const conv_case *c = &cases[i];
            const size_t xs = shape_size(conv_x_shape(c)), ys = shape_size(conv_y_shape(c));
            const size_t k = conv_weight_count(c), biases = (size_t)c->cout;
            const conv_in in = {draw(b, xs), draw(b, k), draw(b, biases),
                                draw(b, ys), draw(b, k), draw(b, biases),
                                0,           0};
            const conv_out out = {take(b, ys), take(b, xs), take(b, k), take(b, biases), NULL};
            run_conv(engine, c, 1, &in, &out);
            assert_int_equal(omp_get_max_threads(), mine);
        }
        pleat_engine_destroy(engine);
        assert_int_equal(omp_get_max_threads(), mine);
    }
    omp_set_num_threads(before);
}
