/*
 * test_optimizers.c - updates against numbers that PyTorch gave in float64, and the average of the
 * weights against its definition.
 */
#include "pleat/optimizers.h"
#include "support_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 3, STEPS = 3 };

static void close_to(const char *what, double got, double want) {
    if (!(fabs(got - want) <= 1e-14 * fmax(1, fabs(want))))
        fail_msg("%s: %.17g, not %.17g", what, got, want);
}

typedef struct golden_update {
    const char *name;
    pleat_update how;
    double rate, after[STEPS][N];
} golden_update;

static const golden_update golden_updates[] = {
    {.name = "sgd",
     .how = {.momentum = 0.99, .decay = 3e-5},
     .rate = 0.01,
     .after = {{0.998009403, -1.996018806, 0.4940297015},
               {0.9930484131583863, -1.9900768263167727, 0.48810395954926816},
               {0.9841467367740789, -1.982193671172098, 0.4817323303468012}}},
    {.name = "adamw",
     .how = {.decay = 0.03},
     .rate = 0.01,
     .after = {{0.9897000009999999, -1.9894000005, 0.4898500003333333},
               {0.9797512713518253, -1.97880318099985, 0.48038124933821974},
               {0.9698773341727788, -1.9682095405455502, 0.47150555011226314}}},
    {.name = "adamw",
     .how = {.decay = 0.03, .amsgrad = 1},
     .rate = 0.01,
     .after = {{0.98970000001, -1.9894000005, 0.4898500003333333},
               {0.9825570312428602, -1.97880318099985, 0.48038124933821974},
               {0.9767812434601367, -1.9682095405455502, 0.47150555011226314}}},
    /* By the formula of docs/math.md, in Python. */
    {.name = "adam",
     .how = {.amsgrad = 1},
     .rate = 0.01,
     .after = {{0.9900000031622767, -1.990000158111383, 0.49000010540814426},
               {0.9831539465503736, -1.9800002699414927, 0.48067839694111597},
               {0.9776729276007847, -1.970000361273414, 0.47194689061282474}}},
    {.name = "adam",
     .rate = 0.01,
     .after = {{0.9900003162177663, -1.990000158111383, 0.49000010540814426},
               {0.9803486324686208, -1.9800002699414927, 0.48067839694111597},
               {0.9707687012101871, -1.970000361273414, 0.4719468906128247}}},
};

static int place_of(const char *name) {
    for (int i = 0; pleat_optimizers[i] != NULL; i++)
        if (strcmp(pleat_optimizers[i]->name, name) == 0) return i;
    fail_msg("there is no optimizer '%s'", name);
    return 0;
}

/* w = (1, -2, .5), g_t = (.1 t, -.2, .3/t); with amsgrad the first is 10 at first, and the second
 * moment of that falls. */
static void updates_are_pytorchs(void **state) {
    (void)state;
    pleat_engine *engine = net_engine("ref64", PLEAT_PRECISION_AUTO);
    for (size_t r = 0; r < COUNT(golden_updates); r++) {
        const golden_update *row = &golden_updates[r];
        const pleat_optimizer *optimizer = pleat_optimizers[place_of(row->name)];
        double w[N] = {1, -2, 0.5}, first[N] = {0}, second[N] = {0}, most[N] = {0};
        void *const moments[] = {first, second, row->how.amsgrad ? most : NULL};
        for (int t = 1; t <= STEPS; t++) {
            const double g[N] = {row->how.amsgrad && t == 1 ? 10 : 0.1 * t, -0.2, 0.3 / t};
            OK(optimizer->update(engine, &row->how, row->rate, t, N, w, g, moments));
            for (int i = 0; i < N; i++) close_to(row->name, w[i], row->after[t - 1][i]);
        }
    }
    pleat_engine_destroy(engine);
}

static void no_optimizer_is_left_out(void **state) {
    (void)state;
    for (int i = 0; pleat_optimizers[i] != NULL; i++) {
        int found = 0;
        for (size_t r = 0; r < COUNT(golden_updates); r++)
            found = found || strcmp(golden_updates[r].name, pleat_optimizers[i]->name) == 0;
        if (!found) fail_msg("optimizer '%s' has no golden numbers", pleat_optimizers[i]->name);
    }
}

static void clipping_is_pytorchs(void **state) {
    (void)state;
    static const double known[N] = {6.352940802768187, 8.47058773702425, 5.6470584913495};
    pleat_engine *engine = net_engine("ref64", PLEAT_PRECISION_AUTO);
    double g[N] = {9, 12, 8}, small[N] = {1, -2, 2};
    OK(engine->ops->clip(engine, 12, N, g));
    for (int i = 0; i < N; i++) close_to("clipped", g[i], known[i]);
    OK(engine->ops->clip(engine, 12, N, small));
    assert_true(small[0] == 1 && small[1] == -2 && small[2] == 2);
    pleat_engine_destroy(engine);
}

/* --- amsgrad ---------------------------------------------------------------------------------- */

static void amsgrad_is_of_those_that_have_a_second_moment(void **state) {
    (void)state;
    for (int i = 0; pleat_optimizers[i] != NULL; i++) {
        const int adaptive = strncmp(pleat_optimizers[i]->name, "adam", 4) == 0;
        const pleat_update with = {.optimizer = i, .amsgrad = 1}, without = {.optimizer = i};
        assert_int_equal(pleat_update_amsgrad(&with), adaptive);
        assert_int_equal(pleat_update_amsgrad(&without), 0);
    }
}

/* --- a model's update: clipping, then the optimizer, then the average ------------------------- */

static double *state_of(pleat_model *model, pleat_state state) {
    return pleat_model_data(model, state);
}

static void a_model_clips_updates_and_averages(void **state) {
    (void)state;
    const pleat_network network = {
        .channels = 1, .depth = 1, .filters = 1, .classes = 2, .norm = 1};
    const pleat_update how = {
        .optimizer = place_of("sgd"), .momentum = 0.5, .clip = 1, .average = 0.3};
    pleat_engine *engine = net_engine("ref64", PLEAT_PRECISION_AUTO);
    pleat_graph graph = {0}; /* net_graph frees what was there */
    pleat_model *model = NULL;
    net_graph(&graph, &network);
    OK(pleat_model_create(&graph, engine, 1, &model));
    OK(pleat_model_init(model, 1, 0));
    assert_int_equal(pleat_model_count(model, PLEAT_STATE_AVERAGE), 0);
    OK(pleat_model_begin_average(model));
    const size_t n = graph.params;
    assert_int_equal(pleat_model_count(model, PLEAT_STATE_AVERAGE), n);
    double *w = calloc(4 * n, sizeof *w), *v = w + n, *mean = w + 2 * n;
    assert_non_null(w);
    memcpy(w, state_of(model, PLEAT_STATE_PARAMS), n * sizeof *w);
    memcpy(mean, w, n * sizeof *w);
    double running = 1; /* the average of a variance */
    for (int step = 1; step <= 4; step++) {
        double squares = 0;
        for (size_t i = 0; i < n; i++) {
            const double g = (double)step * ((double)(i % 5) - 1.5);
            state_of(model, PLEAT_STATE_GRADS)[i] = g;
            squares += g * g;
        }
        double *variance = state_of(model, PLEAT_STATE_STATS) + 1;
        *variance = 1 + step;
        /* (1+1)/(10+1) is below 0.3; from step 2 on, where it is 3/12 .. 5/14, 0.3 is the limit */
        const double keep = step == 1 ? 2.0 / 11 : step == 2 ? 0.25 : 0.3;
        for (size_t i = 0; i < n; i++) {
            const double g = (double)step * ((double)(i % 5) - 1.5) / (sqrt(squares) + 1e-6);
            v[i] = 0.5 * v[i] + g;
            w[i] -= 0.1 * (g + 0.5 * v[i]);
            mean[i] = keep * mean[i] + (1 - keep) * w[i];
        }
        running = keep * running + (1 - keep) * (1 + step);
        OK(pleat_model_update(model, &how, 0.1, step));
    }
    for (int swapped = 0; swapped < 3; swapped++) { /* and back */
        const double *now = state_of(model, PLEAT_STATE_PARAMS);
        const double *other = state_of(model, PLEAT_STATE_AVERAGE);
        for (size_t i = 0; i < n; i++) {
            close_to("weight", swapped == 1 ? other[i] : now[i], w[i]);
            close_to("average", swapped == 1 ? now[i] : other[i], mean[i]);
        }
        close_to("variance", state_of(model, PLEAT_STATE_STATS)[1], swapped == 1 ? running : 5);
        pleat_model_swap_average(model);
    }
    free(w);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_are_pytorchs),
        cmocka_unit_test(no_optimizer_is_left_out),
        cmocka_unit_test(clipping_is_pytorchs),
        cmocka_unit_test(amsgrad_is_of_those_that_have_a_second_moment),
        cmocka_unit_test(a_model_clips_updates_and_averages),
    };
    return cmocka_run_group_tests_name("optimizers", tests, NULL, NULL);
}
