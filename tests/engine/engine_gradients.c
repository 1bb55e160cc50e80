/* engine_gradients.c - the double oracle's gradients against central finite differences. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pleat/losses.h"

#define STEP  1e-5
#define LIMIT 1e-6 /* of the largest error, as a part of the largest slope */
#define KINK  1e-3 /* closer than this to ReLU's corner the difference says nothing */

typedef double (*objective)(const void *problem);

/* at[n] is part of what f reads; slope[n] is said to be df/dat. */
static void check_slope(const char *name, double *at, const double *slope, size_t n, objective f,
                        const void *problem) {
    double worst = 0, most = 0;
    size_t where = 0;
    for (size_t i = 0; i < n; i++) {
        const double centre = at[i];
        at[i] = centre + STEP;
        const double above = f(problem);
        at[i] = centre - STEP;
        const double below = f(problem);
        at[i] = centre;
        const double error = fabs((above - below) / (2 * STEP) - slope[i]);
        most = fmax(most, fabs(slope[i]));
        if (error <= worst) continue;
        worst = error;
        where = i;
    }
    if (!(worst <= LIMIT * most) || most == 0)
        fail_msg("%s: gradient %zu is %.12g, wrong by %.3g; the largest is %.3g", name, where,
                 slope[where], worst, most);
}

static double weighted(const double *y, const double *weight, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += y[i] * weight[i];
    return sum;
}

/* ---- convolutions: f = sum over y of dy y ---- */

typedef struct conv_problem {
    pleat_engine *engine;
    const conv_case *c;
    conv_in in;
    conv_out out;
} conv_problem;

static double conv_value(const void *problem) {
    const conv_problem *p = problem;
    run_conv(p->engine, p->c, 0, &p->in, &p->out);
    return weighted(p->out.y, p->in.dy, shape_size(conv_y_shape(p->c)));
}

/* dy becomes zero where ReLU cuts (the convolution wants it masked) and near its corner. */
static void mask_kinks(const conv_problem *p) {
    conv_case linear = *p->c;
    linear.relu = 0;
    run_conv(p->engine, &linear, 0, &p->in, &p->out);
    for (size_t i = 0; i < shape_size(conv_y_shape(p->c)); i++)
        if (p->out.y[i] < KINK) p->in.dy[i] = 0;
}

static void check_conv(bench *b, const conv_case *c, const char *name) {
    const size_t xs = shape_size(conv_x_shape(c)), ys = shape_size(conv_y_shape(c));
    const size_t weights = conv_weight_count(c), biases = (size_t)c->cout;
    const conv_problem p = {.engine = b->engine,
                            .c = c,
                            .in = {draw(b, xs), draw(b, weights), draw(b, biases), draw(b, ys),
                                   take(b, weights), take(b, biases)},
                            .out = {take(b, ys), take(b, xs), take(b, weights), take(b, biases)}};
    if (c->relu) mask_kinks(&p);
    run_conv(b->engine, c, 1, &p.in, &p.out);
    char label[64];
    (void)snprintf(label, sizeof label, "%s, x", name);
    check_slope(label, p.in.x, p.out.dx, xs, conv_value, &p);
    (void)snprintf(label, sizeof label, "%s, weights", name);
    check_slope(label, p.in.weights, p.out.dweights, weights, conv_value, &p);
    (void)snprintf(label, sizeof label, "%s, bias", name);
    if (!c->no_bias) check_slope(label, p.in.bias, p.out.dbias, biases, conv_value, &p);
    bench_clear(b);
}

void conv_gradients_are_slopes(void **state) {
    static const struct {
        const char *name;
        conv_case c;
    } rows[] = {
        {"conv3", {PLEAT_CONV, 2, 3, 2, 4, 3, 2, CONV3, 0, 0, 0, {0, 0}}},
        {"conv3 with relu", {PLEAT_CONV, 1, 2, 3, 4, 2, 3, CONV3, 1, 0, 0, {0, 0}}},
        {"head", {PLEAT_HEAD, 2, 2, 1, 3, 3, 4, HEAD1, 0, 0, 0, {0, 0}}},
        {"up", {PLEAT_UP, 2, 2, 1, 3, 3, 2, UP2, 0, 0, 0, {1, 2}}},
        {"strided",
         {PLEAT_CONV, 2, 4, 2, 6, 2, 3, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, 0, 0, 0, {0, 0}}},
        {"strided, padded behind",
         {PLEAT_CONV, 1, 4, 6, 2, 3, 2, {3, 3, 3}, {2, 2, 2}, {0, 0, 0}, 0, 0, 1, {0, 0}}},
        {"padded behind",
         {PLEAT_CONV, 1, 3, 4, 3, 2, 2, {3, 3, 3}, {1, 1, 1}, {0, 0, 0}, 0, 0, 0, {0, 0}}},
        {"anisotropic with relu",
         {PLEAT_CONV, 2, 3, 4, 4, 3, 2, {1, 3, 3}, {1, 2, 1}, {0, 0, 1}, 1, 0, 0, {0, 0}}},
        {"mixed", {PLEAT_CONV, 2, 4, 2, 5, 2, 3, {3, 1, 3}, {2, 2, 1}, {1, 0, 1}, 0, 0, 0, {0, 0}}},
        {"flat", {PLEAT_CONV, 2, 1, 4, 5, 2, 3, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 0, 0, 0, {0, 0}}},
        {"1x1x1", {PLEAT_CONV, 2, 2, 3, 2, 4, 3, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0, 1, {0, 0}}},
        {"shortcut",
         {PLEAT_CONV, 1, 4, 4, 2, 3, 4, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}, 0, 0, 0, {0, 0}}},
        {"up of planes",
         {PLEAT_UP, 2, 2, 3, 2, 3, 2, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, 0, 0, 0, {1, 0}}},
        {"up along one axis",
         {PLEAT_UP, 1, 3, 2, 2, 2, 3, {1, 2, 1}, {1, 2, 1}, {0, 0, 0}, 0, 0, 1, {0, 0}}},
        {"up that stays",
         {PLEAT_UP, 1, 2, 2, 3, 3, 2, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0, 0, {0, 0}}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) check_conv(*state, &rows[i].c, rows[i].name);
}

/* ---- batch norm: the other ranks' forward sums count, their dy is zero ---- */

typedef struct norm_problem {
    pleat_engine *engine;
    const norm_case *c;
    norm_in in;
    norm_out out;
    double *z; /* with relu_mask x = max(0, z) */
    size_t n;
} norm_problem;

static double norm_value(const void *problem) {
    const norm_problem *p = problem;
    for (size_t i = 0; i < p->n; i++) p->in.x[i] = p->c->relu_mask ? fmax(0, p->z[i]) : p->z[i];
    run_norm(p->engine, p->c, &p->in, &p->out);
    return weighted(p->out.y, p->in.dy, p->n);
}

static void check_norm(bench *b, const norm_case *c, double others_count) {
    const size_t k = (size_t)c->c;
    const size_t n = (size_t)c->n * (size_t)c->d * (size_t)c->h * (size_t)c->w * k;
    norm_problem p = {
        .engine = b->engine,
        .c = c,
        .in = {take(b, n), draw(b, k), draw(b, k), draw(b, k), draw_range(b, k, 0.5, 2), draw(b, n),
               take(b, k), take(b, k), take(b, 2 * k), NULL, others_count, NULL},
        .out = {take(b, 2 * k), take(b, n), take(b, k), take(b, k), take(b, k), take(b, k),
                take(b, n), take(b, 2 * k), take(b, k), take(b, k), take(b, n), NULL},
        .z = draw(b, n),
        .n = n};
    for (size_t i = 0; i < k; i++) p.in.others[k + i] = others_count;
    for (size_t i = 0; i < n; i++) p.z[i] += p.z[i] < 0 ? -KINK : KINK;
    double *dx = take(b, n), *dgamma = take(b, k), *dbeta = take(b, k);
    (void)norm_value(&p);
    for (size_t i = 0; i < n; i++) dx[i] = p.out.dx[i]; /* norm_value writes over p.out */
    for (size_t i = 0; i < k; i++) dgamma[i] = p.out.dgamma[i];
    for (size_t i = 0; i < k; i++) dbeta[i] = p.out.dbeta[i];
    check_slope("norm, x", p.z, dx, n, norm_value, &p);
    check_slope("norm, gamma", p.in.gamma, dgamma, k, norm_value, &p);
    check_slope("norm, beta", p.in.beta, dbeta, k, norm_value, &p);
    bench_clear(b);
}

void norm_gradients_are_slopes(void **state) {
    static const norm_case plain = {2, 2, 3, 2, 3, 0, {0, 0}}, relu = {1, 3, 3, 2, 2, 1, {2, 1}};
    check_norm(*state, &plain, 0);
    check_norm(*state, &relu, 0);
    check_norm(*state, &relu, 7);
}

/* ---- pooling ---- */

typedef struct pool_problem {
    pleat_engine *engine;
    const pool_case *c;
    pool_in in;
    pool_out out;
    size_t n; /* of y */
} pool_problem;

static double pool_value(const void *problem) {
    const pool_problem *p = problem;
    run_pool(p->engine, p->c, &p->in, &p->out);
    return weighted(p->out.y, p->in.dy, p->n);
}

static void check_pool(bench *b, const pool_case *c) {
    const size_t n = shape_size(pool_y_shape(c)), big = shape_size(pool_x_shape(c));
    const pool_problem p = {b->engine,
                            c,
                            {draw(b, big), draw(b, n), draw(b, big)},
                            {take(b, n), take(b, n), take(b, big)},
                            n};
    double *dx = take(b, big);
    (void)pool_value(&p);
    for (size_t i = 0; i < big; i++) dx[i] = p.out.dx[i];
    check_slope("pool, x", p.in.x, dx, big, pool_value, &p);
    bench_clear(b);
}

void pool_gradient_is_the_slope(void **state) {
    static const pool_case cases[] = {{2, 1, 2, 2, 3, {2, 2, 2}, 0, {1, 1}},
                                      {2, 3, 2, 2, 3, {1, 2, 2}, 0, {0, 1}},
                                      {1, 2, 3, 5, 2, {2, 1, 1}, 0, {0, 0}}};
    for (size_t i = 0; i < COUNT(cases); i++) check_pool(*state, &cases[i]);
}

/* ---- loss: f is the loss as it is logged, mean over the samples ---- */

typedef struct loss_problem {
    pleat_engine *engine;
    loss_case c;
    loss_in in;
    loss_out out;
} loss_problem;

static double loss_value(const void *problem) {
    const loss_problem *p = problem;
    double values[PLEAT_MOST_METRICS];
    run_loss(p->engine, &p->c, &p->in, &p->out);
    pleat_losses[0]->values(p->out.sums, p->c.n, p->c.voxels, p->c.classes, values);
    return values[0];
}

/* Two samples; 4 and 255 are padding, the second sample has no class 3. */
static void check_loss(bench *b, int kind) {
    static uint8_t labels[] = {0, 1, 2, 3, 255, 0, 4, 1, 0, 2, 2, 255};
    const size_t n = COUNT(labels) * 4, sums = 2 * PLEAT_LOSS_SUMS(4);
    const loss_problem p = {b->engine,
                            {2, 6, 4, 0, 0.5, 1, kind},
                            {draw_range(b, n, -2, 2), labels, NULL},
                            {take(b, n), take(b, n), take(b, sums), take(b, n)}};
    p.in.logits[0] = -30; /* p_label < 1e-7: clamped */
    double *slope = take(b, n);
    (void)loss_value(&p);
    for (size_t i = 0; i < n; i++) slope[i] = p.out.dlogits[i];
    check_slope("loss, logits", p.in.logits, slope, n, loss_value, &p);
    bench_clear(b);
}

void loss_gradient_is_the_slope(void **state) {
    static const int kinds[] = {LOSS_CLASSES,
                                LOSS_REGIONS,
                                LOSS_FOCUS,
                                LOSS_IGNORES,
                                LOSS_REGIONS | LOSS_IGNORES,
                                LOSS_FOCUS | LOSS_IGNORES};
    for (size_t i = 0; i < COUNT(kinds); i++) check_loss(*state, kinds[i]);
}
