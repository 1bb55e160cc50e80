/* engine_top.c - keys of probabilities and their counts; a loss whose terms are weighed by p. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>

/* Doubles: counts of one round from the key `first` on. */
static void run_counts(pleat_engine *engine, const double *probs, const uint8_t *labels, int n,
                       int voxels, int classes, int round, double first, double *counts) {
    memory m = {.engine = engine};
    const size_t all = (size_t)n * (size_t)voxels;
    const pleat_targets targets = {.ignored = LOSS_IGNORED};
    const void *p = memory_put(&m, engine->real, probs, all * (size_t)classes);
    const double *from = memory_put(&m, PLEAT_F64, &first, 1);
    double *to = memory_put(&m, PLEAT_F64, NULL, PLEAT_LOSS_BINS);
    OK(engine->ops->loss_counts(engine, &targets, p, memory_put_bytes(&m, labels, all), n,
                                (size_t)voxels, classes, round, from, to));
    memory_read(&m, PLEAT_F64, to, counts, PLEAT_LOSS_BINS);
    memory_clear(&m);
}

/* 0x33d6bf95 is 1e-7f; a quarter is 0x3e800000, its key 0x0aa9406b. */
void keys_of_probabilities_are_known(void **state) {
    static const double probs[] = {0.25, 0, 0.5, 0, 0, 0, 1, 0, NAN, 0, 0.25, 0, 0.25, 0};
    static const uint8_t labels[] = {0, 0, 0, 0, 0, 7, LOSS_IGNORED}; /* 7: of no class */
    static const struct {
        int round;
        double first;
        int bins[5], counts[5]; /* the others are 0 */
    } rows[] = {{0, 0, {0, 682, 714, 746}, {2, 1, 1, 2}},
                {1, 682 << 18, {320}, {1}},
                {2, (682 << 18) + (320 << 8), {107}, {1}},
                {2, 0, {0}, {2}},
                {1, 746 << 18, {320}, {2}},
                {2, (746 << 18) + (320 << 8), {105, 107}, {1, 1}}};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        double *got = take(b, PLEAT_LOSS_BINS), *want = take(b, PLEAT_LOSS_BINS);
        for (int k = 0; k < 5 && rows[i].counts[k] > 0; k++)
            want[rows[i].bins[k]] = rows[i].counts[k];
        run_counts(b->engine, probs, labels, 1, 7, 2, rows[i].round, rows[i].first, got);
        char where[32];
        (void)snprintf(where, sizeof where, "row %zu", i);
        judge_exactly(b, "counts", where, got, want, PLEAT_LOSS_BINS);
    }
    bench_clear(b);
}

void counts_of_keys_agree_with_the_oracle(void **state) {
    static const struct {
        int n, voxels, classes;
    } rows[] = {{1, 1, 2}, {2, 1000, 3}, {3, 333, 4}, {1, 9001, 2}, {2, 100, 17}};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t all = (size_t)rows[i].n * (size_t)rows[i].voxels;
        const size_t values = all * (size_t)rows[i].classes;
        uint8_t labels[9001];
        assert_true(all <= sizeof labels);
        double *probs = draw_range(b, values, 0, 1), first = 0;
        for (size_t k = 0; k < values; k++) probs[k] = (double)(float)pow(probs[k], 4);
        for (size_t k = 0; k < all; k++)
            labels[k] = (uint8_t)draw_below(b, (uint32_t)rows[i].classes + 2);
        for (int round = 0; round < PLEAT_LOSS_ROUNDS; round++) {
            double *got = take(b, PLEAT_LOSS_BINS), *want = take(b, PLEAT_LOSS_BINS), most = 0;
            run_counts(b->engine, probs, labels, rows[i].n, rows[i].voxels, rows[i].classes, round,
                       first, got);
            run_counts(b->oracle, probs, labels, rows[i].n, rows[i].voxels, rows[i].classes, round,
                       first, want);
            char where[80];
            (void)snprintf(where, sizeof where, "%dx%dx%d, round %d", rows[i].n, rows[i].voxels,
                           rows[i].classes, round);
            judge_exactly(b, "counts", where, got, want, PLEAT_LOSS_BINS);
            int fullest = 0;
            for (int k = 0; k < PLEAT_LOSS_BINS; k++)
                if (want[k] > most) most = want[fullest = k];
            first += (double)((uint32_t)fullest << PLEAT_LOSS_SHIFT(round));
        }
        bench_clear(b);
    }
    bench_report(b, "counts");
}

/* p of the label 1/4, 1/2, 1/8, 1/2; the fifth voxel is of no class, the sixth sure and wrong. */
void terms_are_weighed_by_their_probability(void **state) {
    enum { V = 6, K = 2 };
    static const double probs[V * K] = {0.25, 0.75, 0.5, 0.5, 0.125, 0.875,
                                        0.5,  0.5,  0.5, 0.5, 0,     1};
    static const uint8_t labels[V] = {0, 0, 0, 0, 9, 0};
    static const struct {
        double top[3], weights[V];
    } rows[] = {{{0.5, 2, 0.5}, {2, 0.5, 2, 0.5, 0, 2}},
                {{0.25, 3, 1}, {1, 0, 3, 0, 0, 3}},
                {{1e-3, 4, 9}, {0, 0, 0, 0, 0, 4}}};
    bench *b = *state;
    pleat_engine *engine = b->engine;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int in_place = 0; in_place < 2; in_place++) {
            memory m = {.engine = engine};
            double sums[PLEAT_LOSS_SUMS(K)], kept[V * K], dz[V * K], want = 0;
            const double slopes[PLEAT_LOSS_SLOPES(K)] = {0, 0, 0, 0, 1};
            const pleat_targets targets = {.top = memory_put(&m, PLEAT_F64, rows[i].top, 3)};
            const uint8_t *y = memory_put_bytes(&m, labels, V);
            void *p = memory_put(&m, engine->real, probs, (size_t)V * K);
            void *to = in_place ? p : memory_put(&m, engine->real, NULL, (size_t)V * K);
            void *dlogits = memory_put(&m, engine->act, NULL, (size_t)V * K);
            double *of = memory_put(&m, PLEAT_F64, NULL, COUNT(sums));
            const pleat_loss_gradient gradient = {memory_put(&m, PLEAT_F64, slopes, COUNT(slopes)),
                                                  1};
            OK(engine->ops->loss_forward(engine, &targets, p, y, 1, V, K, to, of));
            OK(engine->ops->loss_backward(engine, &targets, to, y, 1, V, K, &gradient, dlogits));
            memory_read(&m, PLEAT_F64, of, sums, COUNT(sums));
            memory_read(&m, engine->real, to, kept, (size_t)V * K);
            memory_read(&m, engine->act, dlogits, dz, (size_t)V * K);
            for (size_t v = 0; v < V; v++)
                want -= rows[i].weights[v] * log(fmax(probs[2 * v], 1e-7));
            assert_true(fabs(sums[0] - 1.375) < 1e-6 && sums[7] == V); /* TP; voxels that count */
            if (!(fabs(sums[6] - want) < 1e-6 * want)) fail_msg("E is %g, not %g", sums[6], want);
            for (size_t v = 0; v < V; v++) { /* what is cut has no gradient */
                const double w = v == 5 ? 0 : rows[i].weights[v], q = probs[2 * v];
                assert_true(kept[2 * v] == q && kept[2 * v + 1] == probs[2 * v + 1]);
                if (dz[2 * v] != w * (q - 1) || dz[2 * v + 1] != w * (1 - q))
                    fail_msg("voxel %zu: %g, not %g", v, dz[2 * v], w * (q - 1));
            }
            memory_clear(&m);
        }
}
