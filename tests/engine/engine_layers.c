/* engine_layers.c - instance norm, activations, mean pooling and gates against the oracle's, and
 * against numbers known beforehand. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WHERE 80

static const slice packed = {0, 0};

/* ---- instance norm ---- */

typedef struct instance_case {
    shape s;
    double slope;
    slice y;
    int each; /* the samples' gradients apart */
} instance_case;

typedef struct instance_in {
    const double *x, *dy, *gamma, *beta, *dgamma, *dbeta;
} instance_in;

enum { FORWARD, MEAN, INV_STD, DATA, GAMMA, BETA, RESULTS };

/* Gradients of gamma and beta are [N,C]; where they are not apart the first row is used. */
static void run_instance(pleat_engine *engine, const instance_case *c, const instance_in *in,
                         double *const out[RESULTS]) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act, real = engine->real;
    const size_t channels = (size_t)c->s.c, all = (size_t)c->s.n * channels;
    const pleat_instance norm = {.gamma = memory_put(&m, real, in->gamma, channels),
                                 .beta = memory_put(&m, real, in->beta, channels),
                                 .mean = memory_put(&m, real, NULL, all),
                                 .inv_std = memory_put(&m, real, NULL, all),
                                 .sums = memory_put(&m, PLEAT_F64, NULL, 2 * all),
                                 .epsilon = 1e-5,
                                 .slope = c->slope,
                                 .sample_stride = c->each ? channels : 0};
    const pleat_tensor x = memory_tensor(&m, act, in->x, c->s, packed);
    const pleat_tensor y = memory_tensor(&m, act, NULL, c->s, c->y);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, c->s, c->y);
    const pleat_tensor dx = memory_tensor(&m, act, NULL, c->s, packed);
    void *dgamma = memory_put(&m, real, in->dgamma, all);
    void *dbeta = memory_put(&m, real, in->dbeta, all);
    OK(engine->ops->instance_forward(engine, &norm, &x, &y));
    memory_read_tensor(&m, act, &y, c->y, out[FORWARD]);
    OK(engine->ops->instance_backward(engine, &norm, &x, &dy, dgamma, dbeta, &dx));
    memory_read(&m, real, norm.mean, out[MEAN], all);
    memory_read(&m, real, norm.inv_std, out[INV_STD], all);
    memory_read_tensor(&m, act, &dx, packed, out[DATA]);
    memory_read(&m, real, dgamma, out[GAMMA], all);
    memory_read(&m, real, dbeta, out[BETA], all);
    memory_clear(&m);
}

static void compare_instance(bench *b, const instance_case *c) {
    static const char *const names[RESULTS] = {"forward",       "mean",           "inv_std",
                                               "backward data", "backward gamma", "backward beta"};
    const size_t n = shape_size(c->s), channels = (size_t)c->s.c, all = (size_t)c->s.n * channels;
    const size_t sizes[RESULTS] = {n, all, all, n, all, all};
    const instance_in in = {draw_range(b, n, -1, 2), draw(b, n),   draw_range(b, channels, 0.5, 2),
                            draw(b, channels),       draw(b, all), draw(b, all)};
    double *got[RESULTS], *want[RESULTS];
    char where[WHERE];
    for (int i = 0; i < RESULTS; i++) {
        got[i] = take(b, sizes[i]);
        want[i] = take(b, sizes[i]);
    }
    (void)snprintf(where, sizeof where, "%dx%dx%dx%dx%d, slope %g, slice %d+%d%s", c->s.n, c->s.d,
                   c->s.h, c->s.w, c->s.c, c->slope, c->y.before, c->y.after,
                   c->each ? ", each" : "");
    run_instance(b->engine, c, &in, got);
    run_instance(b->oracle, c, &in, want);
    for (int i = 0; i < RESULTS; i++) judge(b, names[i], where, got[i], want[i], sizes[i]);
    bench_clear(b);
}

void instance_agrees_with_the_oracle(void **state) {
    static const instance_case cases[] = {
        {{1, 2, 3, 4, 1}, 0.01, {0, 0}, 0},   {{2, 5, 4, 3, 3}, 0.01, {0, 0}, 0},
        {{3, 4, 5, 6, 17}, 0.1, {2, 1}, 0},   {{2, 4, 4, 4, 32}, 0.01, {32, 0}, 0},
        {{2, 3, 4, 4, 8}, 1, {0, 8}, 0},      {{1, 1, 9, 7, 16}, 0, {0, 0}, 0},
        {{4, 1, 2, 2, 130}, 0.01, {0, 0}, 0}, {{1, 9, 11, 13, 48}, 0.01, {0, 0}, 0},
        {{3, 2, 3, 3, 5}, 0.01, {0, 0}, 1},   {{2, 4, 3, 5, 40}, 0.01, {8, 0}, 1}};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!cases[i].each || b->engine->ordered) compare_instance(b, &cases[i]);
    bench_report(b, "instance norm");
}

/* On one thread and on all there are. */
void instance_and_clipping_have_the_same_bits_on_any_number_of_threads(void **state) {
    static const instance_case c = {{2, 9, 11, 13, 17}, 0.01, {0, 0}, 0};
    bench *b = *state;
    if (!b->engine->ordered) skip();
    const size_t n = shape_size(c.s), all = (size_t)c.s.n * (size_t)c.s.c;
    const size_t sizes[RESULTS] = {n, all, all, n, all, all};
    const instance_in in = {draw(b, n),  draw(b, n),   draw(b, 17),
                            draw(b, 17), draw(b, all), draw(b, all)};
    double *out[2][RESULTS], *clipped[2];
    for (int i = 0; i < 2; i++) {
        const pleat_engine_options options = {.engine = b->engine->ops->name,
                                              .precision = b->engine->precision,
                                              .threads = i == 0 ? 1 : 0,
                                              .deterministic = 1};
        pleat_engine *engine = NULL;
        memory m = {0};
        for (int k = 0; k < RESULTS; k++) out[i][k] = take(b, sizes[k]);
        clipped[i] = take(b, n);
        OK(pleat_engine_create(&options, &engine));
        run_instance(engine, &c, &in, out[i]);
        m.engine = engine;
        void *data = memory_put(&m, engine->real, in.x, n);
        OK(engine->ops->clip(engine, 1, n, data));
        memory_read(&m, engine->real, data, clipped[i], n);
        memory_clear(&m);
        pleat_engine_destroy(engine);
    }
    for (int k = 0; k < RESULTS; k++)
        assert_memory_equal(out[0][k], out[1][k], sizes[k] * sizeof(double));
    assert_memory_equal(clipped[0], clipped[1], n * sizeof(double));
    bench_clear(b);
}

/* x = -1, 3 of a sample and channel: xhat = -1, 1 but for epsilon; a constant has xhat 0. */
void instance_of_two_voxels_is_known(void **state) {
    bench *b = *state;
    static const instance_case c = {{2, 1, 1, 2, 2}, 0.25, {0, 0}, 0};
    static const double x[8] = {-1, 5, 3, 5, 0, 8, 8, 0}, dy[8] = {1, 1, 1, 1, 1, 0, 0, 0};
    static const double gamma[2] = {2, 1}, beta[2] = {0, -4}, none[4] = {0};
    const instance_in in = {x, dy, gamma, beta, none, none};
    double *out[RESULTS];
    for (int i = 0; i < RESULTS; i++) out[i] = take(b, 8);
    run_instance(b->engine, &c, &in, out);
    static const double known[8] = {-0.5, -1, 2, -1, -0.5, -0.75, 2, -1.25};
    for (int i = 0; i < 8; i++)
        if (!(fabs(out[FORWARD][i] - known[i]) < 1e-2)) /* bf16 has 3 digits */
            fail_msg("y[%d] = %g, not %g", i, out[FORWARD][i], known[i]);
    assert_true(fabs(out[BETA][0] - (0.25 + 1 + 0.25)) < 1e-2);
    assert_true(fabs(out[BETA][1] - 2 * 0.25) < 1e-2);
    assert_true(fabs(out[GAMMA][0] - (-0.25 + 1 - 0.25)) < 1e-2);
    assert_true(fabs(out[GAMMA][1]) < 1e-2);
    bench_clear(b);
}

/* ---- activations, mean pooling, gates ---- */

typedef struct layer_case {
    shape s;      /* of x */
    int block[3]; /* x's sizes over those of y or the gate */
    int accumulate;
    slice x, other;
} layer_case;

static const layer_case layers[] = {{{1, 2, 2, 2, 1}, {2, 2, 2}, 0, {0, 0}, {0, 0}},
                                    {{2, 4, 2, 6, 3}, {2, 2, 2}, 1, {1, 0}, {0, 2}},
                                    {{3, 3, 4, 4, 17}, {1, 2, 2}, 0, {0, 3}, {0, 0}},
                                    {{2, 4, 5, 4, 32}, {2, 1, 2}, 1, {32, 0}, {0, 0}},
                                    {{1, 4, 4, 4, 40}, {1, 1, 1}, 1, {0, 0}, {8, 0}},
                                    {{2, 1, 8, 6, 16}, {1, 2, 2}, 0, {0, 0}, {16, 16}}};

static shape coarse_of(const layer_case *c) {
    return (shape){c->s.n, c->s.d / c->block[0], c->s.h / c->block[1], c->s.w / c->block[2],
                   c->s.c};
}

static void name_case(const layer_case *c, char where[WHERE]) {
    (void)snprintf(where, WHERE, "%dx%dx%dx%dx%d, block %dx%dx%d%s, slices %d+%d, %d+%d", c->s.n,
                   c->s.d, c->s.h, c->s.w, c->s.c, c->block[0], c->block[1], c->block[2],
                   c->accumulate ? ", add" : "", c->x.before, c->x.after, c->other.before,
                   c->other.after);
}

typedef struct layer_in {
    double *x, *dy, *gate, *dx; /* dx: so far */
} layer_in;

typedef void (*layer_run)(pleat_engine *engine, const layer_case *c, const layer_in *in,
                          double *const out[3]);

static void run_leaky(pleat_engine *engine, const layer_case *c, const layer_in *in,
                      double *const out[3]) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act;
    const pleat_tensor x = memory_tensor(&m, act, in->x, c->s, c->x);
    const pleat_tensor y = memory_tensor(&m, act, NULL, c->s, c->other);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, c->s, c->other);
    const pleat_tensor dx = memory_tensor(&m, act, in->dx, c->s, c->x);
    OK(engine->ops->activate(engine, PLEAT_LEAKY_RELU, 0.25, &x, &y));
    OK(engine->ops->activate_backward(engine, PLEAT_LEAKY_RELU, 0.25, &y, &dy, c->accumulate, &dx));
    memory_read_tensor(&m, act, &y, c->other, out[0]);
    memory_read_tensor(&m, act, &dx, c->x, out[1]);
    memory_clear(&m);
}

static void run_sigmoid(pleat_engine *engine, const layer_case *c, const layer_in *in,
                        double *const out[3]) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act;
    const pleat_tensor x = memory_tensor(&m, act, in->x, c->s, c->x);
    const pleat_tensor y = memory_tensor(&m, act, NULL, c->s, c->other);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, c->s, c->other);
    const pleat_tensor dx = memory_tensor(&m, act, in->dx, c->s, c->x);
    OK(engine->ops->activate(engine, PLEAT_SIGMOID, 0, &x, &y));
    OK(engine->ops->activate_backward(engine, PLEAT_SIGMOID, 0, &y, &dy, c->accumulate, &dx));
    memory_read_tensor(&m, act, &y, c->other, out[0]);
    memory_read_tensor(&m, act, &dx, c->x, out[1]);
    memory_clear(&m);
}

static void run_mean(pleat_engine *engine, const layer_case *c, const layer_in *in,
                     double *const out[3]) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act;
    const shape coarse = coarse_of(c);
    const pleat_tensor x = memory_tensor(&m, act, in->x, c->s, c->x);
    const pleat_tensor y = memory_tensor(&m, act, NULL, coarse, c->other);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, coarse, c->other);
    const pleat_tensor dx = memory_tensor(&m, act, in->dx, c->s, c->x);
    OK(engine->ops->mean_forward(engine, &x, &y));
    OK(engine->ops->mean_backward(engine, &dy, c->accumulate, &dx));
    memory_read_tensor(&m, act, &y, c->other, out[0]);
    memory_read_tensor(&m, act, &dx, c->x, out[1]);
    memory_clear(&m);
}

static void run_gate(pleat_engine *engine, const layer_case *c, const layer_in *in,
                     double *const out[3]) {
    memory m = {.engine = engine};
    const pleat_dtype act = engine->act;
    shape coarse = coarse_of(c);
    coarse.c = 1;
    const pleat_tensor x = memory_tensor(&m, act, in->x, c->s, c->x);
    const pleat_tensor gate = memory_tensor(&m, act, in->gate, coarse, c->other);
    const pleat_tensor y = memory_tensor(&m, act, NULL, c->s, c->other);
    const pleat_tensor dy = memory_tensor(&m, act, in->dy, c->s, c->other);
    const pleat_tensor dgate = memory_tensor(&m, act, NULL, coarse, c->other);
    const pleat_tensor dx = memory_tensor(&m, act, in->dx, c->s, c->x);
    OK(engine->ops->gate_forward(engine, &x, &gate, &y));
    OK(engine->ops->gate_backward(engine, &x, &gate, &dy, &dgate, c->accumulate, &dx));
    memory_read_tensor(&m, act, &y, c->other, out[0]);
    memory_read_tensor(&m, act, &dx, c->x, out[1]);
    memory_read_tensor(&m, act, &dgate, c->other, out[2]);
    memory_clear(&m);
}

static void compare_layers(bench *b, const char *name, layer_run run) {
    static const char *const names[3] = {"forward", "backward", "backward gate"};
    for (size_t i = 0; i < COUNT(layers); i++) {
        const size_t n = shape_size(layers[i].s);
        const layer_in in = {draw(b, n), draw(b, n), draw(b, n), draw(b, n)};
        double *got[3], *want[3];
        char where[WHERE];
        for (int k = 0; k < 3; k++) {
            got[k] = take(b, n);
            want[k] = take(b, n);
        }
        name_case(&layers[i], where);
        run(b->engine, &layers[i], &in, got);
        run(b->oracle, &layers[i], &in, want);
        for (int k = 0; k < 3; k++) judge(b, names[k], where, got[k], want[k], n);
        bench_clear(b);
    }
    bench_report(b, name);
}

void activations_agree_with_the_oracle(void **state) {
    compare_layers(*state, "leaky ReLU", run_leaky);
    compare_layers(*state, "sigmoid", run_sigmoid);
}

void mean_agrees_with_the_oracle(void **state) { compare_layers(*state, "mean", run_mean); }

void gate_agrees_with_the_oracle(void **state) { compare_layers(*state, "gate", run_gate); }

/* Of one row of two voxels and a half as coarse gate. */
void layers_of_two_voxels_are_known(void **state) {
    bench *b = *state;
    static const layer_case c = {{1, 1, 1, 2, 1}, {1, 1, 2}, 1, {0, 0}, {0, 0}};
    double x[2] = {-4, 2}, dy[2] = {1, 8}, gate[2] = {0.5, 0}, dx[2] = {10, 20};
    const layer_in in = {x, dy, gate, dx};
    double *out[3];
    for (int i = 0; i < 3; i++) out[i] = take(b, 2);
    run_leaky(b->engine, &c, &in, out);
    assert_true(out[0][0] == -1 && out[0][1] == 2);
    assert_true(out[1][0] == 10.25 && out[1][1] == 28);
    run_mean(b->engine, &c, &in, out);
    assert_true(out[0][0] == -1);
    assert_true(out[1][0] == 10.5 && out[1][1] == 20.5);
    run_gate(b->engine, &c, &in, out);
    assert_true(out[0][0] == -2 && out[0][1] == 1);
    assert_true(out[1][0] == 10.5 && out[1][1] == 24);
    assert_true(out[2][0] == -4 + 16);
    x[0] = 0;
    run_sigmoid(b->engine, &c, &in, out);
    assert_true(out[0][0] == 0.5 && fabs(out[0][1] - 0.880797) < 4e-3);
    assert_true(out[1][0] == 10.25);
    bench_clear(b);
}
