/* engine_update.c - gradient descent, clipping and averages against the oracle's. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { W, G, V, ARRAYS };

/* Of one engine: descent, then the clipped gradient, then the average of the weights in v. */
static void run_updates(pleat_engine *engine, size_t n, double decay, double *const host[ARRAYS],
                        double *const out[ARRAYS]) {
    memory m = {.engine = engine};
    const pleat_sgd sgd = {.lr = 0.02, .momentum = 0.9, .decay = decay};
    void *data[ARRAYS];
    for (int i = 0; i < ARRAYS; i++) data[i] = memory_put(&m, engine->real, host[i], n);
    for (int step = 0; step < 3; step++)
        OK(engine->ops->sgd(engine, &sgd, n, data[W], data[G], data[V]));
    OK(engine->ops->clip(engine, 2.5, n, data[G]));
    OK(engine->ops->average(engine, 0.75, n, data[W], data[V]));
    for (int i = 0; i < ARRAYS; i++) memory_read(&m, engine->real, data[i], out[i], n);
    memory_clear(&m);
}

void updates_agree_with_the_oracle(void **state) {
    static const char *const names[ARRAYS] = {"weights", "clipped", "average"};
    static const size_t sizes[] = {1, 3, 1000, 4099, 30011};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        double *host[ARRAYS], *got[ARRAYS], *want[ARRAYS];
        for (int a = 0; a < ARRAYS; a++) {
            host[a] = draw(b, n);
            got[a] = take(b, n);
            want[a] = take(b, n);
        }
        run_updates(b->engine, n, i % 2 * 0.01, host, got);
        run_updates(b->oracle, n, i % 2 * 0.01, host, want);
        char where[64];
        (void)snprintf(where, sizeof where, "%zu weights", n);
        for (int a = 0; a < ARRAYS; a++) judge(b, names[a], where, got[a], want[a], n);
        bench_clear(b);
    }
    bench_report(b, "updates");
}

/* Steps made by hand; a norm below the limit is left alone to the bit. */
void updates_of_two_weights_are_known(void **state) {
    bench *b = *state;
    pleat_engine *engine = b->engine;
    memory m = {.engine = engine};
    const pleat_sgd sgd = {.lr = 0.5, .momentum = 0.5, .decay = 0.25};
    double w[2] = {1, -2}, g[2] = {3, 4}, v[2] = {0, 2};
    void *weights = memory_put(&m, engine->real, w, 2), *slope = memory_put(&m, engine->real, g, 2);
    void *speed = memory_put(&m, engine->real, v, 2);
    OK(engine->ops->clip(engine, 6, 2, slope));
    memory_read(&m, engine->real, slope, g, 2);
    assert_true(g[0] == 3 && g[1] == 4);
    OK(engine->ops->sgd(engine, &sgd, 2, weights, slope, speed));
    memory_read(&m, engine->real, weights, w, 2);
    memory_read(&m, engine->real, speed, v, 2);
    assert_true(v[0] == 3.25 && v[1] == 4.5); /* .5 v + g + .25 w */
    assert_true(w[0] == 1 - 0.5 * (3.25 + 1.625) && w[1] == -2 - 0.5 * (3.5 + 2.25));
    OK(engine->ops->average(engine, 0.25, 2, weights, speed));
    memory_read(&m, engine->real, speed, v, 2);
    assert_true(v[0] == 0.25 * 3.25 + 0.75 * w[0] && v[1] == 0.25 * 4.5 + 0.75 * w[1]);
    OK(engine->ops->clip(engine, 2.5, 2, slope));
    memory_read(&m, engine->real, slope, g, 2);
    assert_true(fabs(g[0] - 1.5) < 1e-6 && fabs(g[1] - 2) < 1e-6);
    memory_clear(&m);
}
