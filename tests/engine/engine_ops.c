/* engine_ops.c - the other operations of an engine against the oracle's, over tables of shapes. */
#include "engine_suite.h"

#include <stdio.h>
#include <string.h>

#define WHERE 96 /* bytes of a case's name */

/* ---- activations ---- */

void relu_backward_passes_where_y_is_positive(void **state) {
    static const shape shapes[] = {
        {1, 1, 1, 1, 1}, {2, 3, 1, 5, 3}, {1, 4, 5, 3, 17}, {3, 2, 4, 4, 32}};
    static const slice packed = {0, 0};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const size_t n = shape_size(shapes[i]);
        double *y = draw(b, n), *dy = draw(b, n), *want = take(b, n), *got = take(b, n);
        for (size_t k = 0; k < n; k++) y[k] = draw_below(b, 2) * y[k]; /* half are 0 */
        for (size_t k = 0; k < n; k++) want[k] = y[k] > 0 ? dy[k] : 0;
        for (int in_place = 0; in_place < 2; in_place++) {
            const pleat_dtype act = b->engine->act;
            memory m = {.engine = b->engine};
            const pleat_tensor ty = memory_tensor(&m, act, y, shapes[i], packed);
            const pleat_tensor from = memory_tensor(&m, act, dy, shapes[i], packed);
            const pleat_tensor other = memory_tensor(&m, act, NULL, shapes[i], packed);
            const pleat_tensor *to = in_place ? &from : &other;
            OK(b->engine->ops->relu_backward(b->engine, &ty, &from, to));
            memory_read_tensor(&m, act, to, packed, got);
            judge_exactly(b, "backward", in_place ? "in place" : "apart", got, want, n);
            memory_clear(&m);
        }
        bench_clear(b);
    }
    bench_report(b, "relu");
}

/* Values the activation type holds come through unchanged. */
void input_becomes_activations(void **state) {
    static const size_t sizes[] = {1, 7, 64, 1001};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const size_t n = sizes[i];
        float host[1001];
        double *want = draw_range(b, n, -300, 300), *got = take(b, n);
        for (size_t k = 0; k < n; k++) host[k] = (float)want[k];
        memory m = {.engine = b->engine};
        void *x = memory_put(&m, b->engine->act, NULL, n);
        OK(b->engine->ops->input(b->engine, host, n, x));
        memory_read(&m, b->engine->act, x, got, n);
        judge_exactly(b, "values", "", got, want, n);
        memory_clear(&m);
        bench_clear(b);
    }
    bench_report(b, "input");
}

void copy_moves_or_adds_slices(void **state) {
    static const struct {
        shape s;
        slice from, to;
    } rows[] = {{{1, 1, 1, 1, 1}, {0, 0}, {0, 0}},   {{2, 3, 1, 5, 3}, {0, 0}, {3, 0}},
                {{1, 4, 5, 3, 17}, {2, 3}, {0, 0}},  {{3, 2, 4, 4, 32}, {0, 32}, {32, 0}},
                {{1, 4, 4, 4, 16}, {0, 0}, {16, 0}}, {{1, 2, 2, 2, 8}, {8, 0}, {0, 1}}};
    bench *b = *state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const int row = (int)(i / 2), accumulate = (int)(i % 2);
        const size_t n = shape_size(rows[row].s);
        const pleat_dtype act = b->engine->act;
        const double *from = draw(b, n), *there = draw(b, n);
        double *want = take(b, n), *got = take(b, n);
        for (size_t k = 0; k < n; k++) want[k] = from[k] + (accumulate ? there[k] : 0);
        memory m = {.engine = b->engine};
        const pleat_tensor x = memory_tensor(&m, act, from, rows[row].s, rows[row].from);
        const pleat_tensor y = memory_tensor(&m, act, there, rows[row].s, rows[row].to);
        OK(b->engine->ops->copy(b->engine, &x, accumulate, &y));
        memory_read_tensor(&m, act, &y, rows[row].to, got);
        if (accumulate)
            judge(b, "sums", "", got, want, n); /* rounded to the activation type */
        else
            judge_exactly(b, "values", "", got, want, n);
        memory_clear(&m);
        bench_clear(b);
    }
    bench_report(b, "copy");
}

/* ---- batch norm ---- */

static norm_in norm_inputs(bench *b, const norm_case *c) {
    const size_t n = (size_t)c->n * (size_t)c->d * (size_t)c->h * (size_t)c->w * (size_t)c->c;
    const size_t channels = (size_t)c->c;
    norm_in in = {.x = draw_range(b, n, -1, 2),
                  .gamma = draw(b, channels),
                  .beta = draw(b, channels),
                  .running_mean = draw(b, channels),
                  .running_var = draw_range(b, channels, 0.1, 2),
                  .dy = draw(b, n),
                  .dgamma = draw(b, channels),
                  .dbeta = draw(b, channels),
                  .others = draw_range(b, 2 * channels, -5, 5),
                  .others_back = draw(b, 2 * channels),
                  .others_count = 10,
                  .dbias = draw(b, channels)};
    for (size_t i = 0; i < channels; i++) in.others[channels + i] += 15; /* squares of 10 voxels */
    for (size_t i = 0; i < n && c->relu_mask; i++) in.x[i] = in.x[i] > 0 ? in.x[i] : 0;
    return in;
}

static norm_out norm_results(bench *b, size_t n, size_t channels) {
    return (norm_out){.sums = take(b, 2 * channels),
                      .y = take(b, n),
                      .mean = take(b, channels),
                      .inv_std = take(b, channels),
                      .running_mean = take(b, channels),
                      .running_var = take(b, channels),
                      .y_infer = take(b, n),
                      .back_sums = take(b, 2 * channels),
                      .dgamma = take(b, channels),
                      .dbeta = take(b, channels),
                      .dx = take(b, n),
                      .dbias = take(b, channels)};
}

static void compare_norm(bench *b, const norm_case *c) {
    const size_t channels = (size_t)c->c;
    const size_t n = (size_t)c->n * (size_t)c->d * (size_t)c->h * (size_t)c->w * channels;
    const norm_in in = norm_inputs(b, c);
    const norm_out got = norm_results(b, n, channels), want = norm_results(b, n, channels);
    char where[WHERE];
    (void)snprintf(where, sizeof where, "%dx%dx%dx%dx%d%s, slice %d+%d", c->n, c->d, c->h, c->w,
                   c->c, c->relu_mask ? ", relu" : "", c->y.before, c->y.after);
    run_norm(b->engine, c, &in, &got);
    run_norm(b->oracle, c, &in, &want);
    judge(b, "sums", where, got.sums, want.sums, channels);
    judge(b, "sums of squares", where, got.sums + channels, want.sums + channels, channels);
    judge(b, "forward", where, got.y, want.y, n);
    judge(b, "mean", where, got.mean, want.mean, channels);
    judge(b, "inv_std", where, got.inv_std, want.inv_std, channels);
    judge(b, "running_mean", where, got.running_mean, want.running_mean, channels);
    judge(b, "running_var", where, got.running_var, want.running_var, channels);
    judge(b, "infer", where, got.y_infer, want.y_infer, n);
    judge(b, "backward sums", where, got.back_sums, want.back_sums, 2 * channels);
    judge(b, "backward gamma", where, got.dgamma, want.dgamma, channels);
    judge(b, "backward beta", where, got.dbeta, want.dbeta, channels);
    judge(b, "backward data", where, got.dx, want.dx, n);
    judge(b, "backward bias", where, got.dbias, want.dbias, channels);
    bench_clear(b);
}

void norm_agrees_with_the_oracle(void **state) {
    static const norm_case cases[] = {
        /* n, d, h, w, c, relu_mask, slice of y and dy */
        {1, 1, 1, 1, 1, 0, {0, 0}},   {1, 1, 1, 1, 8, 1, {0, 8}},      {2, 3, 5, 1, 3, 1, {3, 0}},
        {1, 4, 4, 4, 16, 0, {0, 0}},  {3, 2, 3, 7, 17, 1, {2, 1}},     {2, 5, 5, 5, 32, 1, {32, 0}},
        {1, 7, 3, 3, 48, 0, {0, 48}}, {2, 1, 9, 2, 64, 1, {64, 0}},    {1, 16, 16, 8, 4, 1, {0, 0}},
        {2, 2, 2, 2, 128, 1, {0, 0}}, {1, 17, 16, 15, 32, 1, {32, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_norm(*state, &cases[i]);
    bench_report(*state, "norm");
}

/* ---- pooling ---- */

static void compare_pool(bench *b, const pool_case *c) {
    const size_t small = shape_size(pool_y_shape(c)), big = shape_size(pool_x_shape(c));
    const pool_in in = {.x = draw(b, big), .dy = draw(b, small), .dx = draw(b, big)};
    for (size_t i = 0; i < big; i += 2) in.x[i] = draw_below(b, 3) - 1.0; /* ties */
    const pool_out got = {take(b, small), take(b, small), take(b, big)};
    const pool_out want = {take(b, small), take(b, small), take(b, big)};
    char where[WHERE];
    (void)snprintf(where, sizeof where, "%dx%dx%dx%dx%d, block %d%d%d%s, slice %d+%d", c->n, c->d,
                   c->h, c->w, c->c, c->block[0], c->block[1], c->block[2],
                   c->accumulate ? ", accumulate" : "", c->x.before, c->x.after);
    run_pool(b->engine, c, &in, &got);
    run_pool(b->oracle, c, &in, &want);
    judge_exactly(b, "forward", where, got.y, want.y, small);
    judge_exactly(b, "index", where, got.index, want.index, small);
    if (c->accumulate)
        judge(b, "backward, added", where, got.dx, want.dx, big);
    else
        judge_exactly(b, "backward", where, got.dx, want.dx, big);
    bench_clear(b);
}

void pool_agrees_with_the_oracle(void **state) {
    static const pool_case cases[] = {
        /* n, d, h, w, c of y, block, accumulate, slice of x and dx */
        {1, 1, 1, 1, 1, {2, 2, 2}, 0, {0, 0}},   {1, 1, 1, 1, 3, {2, 2, 2}, 1, {3, 0}},
        {2, 3, 1, 2, 4, {2, 2, 2}, 0, {0, 0}},   {1, 2, 5, 3, 8, {2, 2, 2}, 1, {8, 0}},
        {3, 1, 2, 2, 16, {2, 2, 2}, 0, {16, 0}}, {2, 2, 2, 3, 17, {2, 2, 2}, 1, {2, 3}},
        {1, 4, 4, 2, 32, {2, 2, 2}, 1, {32, 0}}, {1, 3, 3, 1, 48, {2, 2, 2}, 0, {0, 48}},
        {2, 4, 3, 5, 32, {2, 2, 2}, 0, {0, 0}},  {2, 1, 5, 4, 32, {1, 2, 2}, 1, {0, 32}},
        {1, 3, 2, 5, 17, {2, 2, 1}, 0, {1, 0}},  {2, 3, 3, 2, 16, {2, 1, 2}, 1, {0, 0}},
        {1, 2, 3, 7, 3, {1, 1, 2}, 0, {0, 0}},   {2, 5, 1, 3, 33, {1, 2, 1}, 1, {2, 0}},
        {1, 3, 2, 2, 2, {2, 1, 1}, 0, {0, 5}},   {2, 3, 4, 5, 1, {1, 1, 1}, 1, {0, 1}},
        {1, 1, 8, 8, 16, {1, 2, 2}, 0, {0, 0}},  {1, 2, 3, 2, 48, {1, 1, 1}, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_pool(*state, &cases[i]);
    bench_report(*state, "pool");
}

/* ---- softmax and loss ---- */

typedef struct loss_row {
    loss_case shape;
    double range;       /* of the logits */
    int padded, absent; /* a fifth of the voxels of no class; the last class never true */
    int any_slopes;     /* not those of the default loss */
} loss_row;

static void draw_labels(bench *b, const loss_row *row, uint8_t *labels, size_t n) {
    const uint32_t classes = (uint32_t)row->shape.classes;
    for (size_t i = 0; i < n; i++) {
        labels[i] = (uint8_t)draw_below(b, row->absent ? classes - 1 : classes);
        if (row->padded && draw_below(b, 5) == 0) labels[i] = i % 2 ? 255 : (uint8_t)classes;
    }
}

static void compare_loss(bench *b, const loss_row *row) {
    const loss_case *c = &row->shape;
    const size_t all = (size_t)c->n * (size_t)c->voxels, values = all * (size_t)c->classes;
    const size_t sums = (size_t)c->n * PLEAT_LOSS_SUMS((size_t)c->classes);
    uint8_t labels[4096];
    assert_true(all <= sizeof labels);
    draw_labels(b, row, labels, all);
    const loss_in in = {draw_range(b, values, -row->range, row->range), labels,
                        row->any_slopes ? draw(b, 2 * (size_t)c->n * (size_t)c->classes) : NULL};
    const loss_out got = {take(b, values), take(b, values), take(b, sums), take(b, values)};
    const loss_out want = {take(b, values), take(b, values), take(b, sums), take(b, values)};
    char where[WHERE];
    (void)snprintf(where, sizeof where, "%dx%dx%d, kind %d, logits to %g%s%s%s%s", c->n, c->voxels,
                   c->classes, c->kind, row->range, c->in_place ? ", in place" : "",
                   row->padded ? ", padded" : "", row->absent ? ", a class absent" : "",
                   row->any_slopes ? ", any slopes" : "");
    run_loss(b->engine, c, &in, &got);
    run_loss(b->oracle, c, &in, &want);
    judge(b, "softmax", where, got.softmax, want.softmax, values);
    judge(b, "probabilities", where, got.probs, want.probs, values);
    for (size_t i = 0; i < sums; i++) judge(b, "sums", where, got.sums + i, want.sums + i, 1);
    judge(b, "backward", where, got.dlogits, want.dlogits, values);
    bench_clear(b);
}

void softmax_and_loss_agree_with_the_oracle(void **state) {
    static const loss_row rows[] = {
        /* {n, voxels, classes, in_place, scale, crossentropy, kind}, range, padded, absent, any */
        {{1, 1, 2, 0, 1, 1, 0}, 1, 0, 0, 0},      {{1, 8, 4, 1, 1, 1, 0}, 3, 0, 0, 0},
        {{2, 105, 4, 0, 0.5, 1, 0}, 3, 1, 0, 0},  {{3, 64, 3, 1, 0.25, 1, 0}, 3, 0, 1, 0},
        {{2, 1000, 4, 1, 0.5, 1, 0}, 5, 1, 1, 0}, {{1, 333, 2, 0, 128, 1, 0}, 2, 1, 0, 0},
        {{2, 77, 5, 0, 0.5, 1, 0}, 40, 1, 0, 0},  {{1, 4096, 4, 0, 1, 1, 0}, 8, 0, 0, 0},
        {{1, 50, 17, 1, 1, 1, 0}, 3, 1, 1, 0},    {{2, 200, 33, 0, 0.5, 1, 0}, 4, 1, 0, 0},
        {{2, 700, 254, 1, 1, 1, 0}, 3, 1, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) compare_loss(*state, &rows[i]);
    bench_report(*state, "loss");
}

/* Regions, focus, a label to ignore and the largest terms, alone and together. */
void loss_of_any_targets_agrees_with_the_oracle(void **state) {
    static const loss_row rows[] = {
        {{2, 105, 3, 0, 0.5, 1, LOSS_REGIONS}, 3, 1, 0, 0},
        {{2, 130, 3, 1, 1, 1, LOSS_REGIONS | LOSS_IGNORES}, 3, 1, 0, 1},
        {{1, 64, 4, 0, 1, 1, LOSS_FOCUS}, 3, 0, 0, 0},
        {{2, 77, 5, 1, 0.5, 1, LOSS_FOCUS | LOSS_IGNORES}, 3, 1, 0, 1},
        {{2, 200, 4, 0, 1, 1, LOSS_IGNORES}, 3, 1, 0, 0},
        {{1, 333, 17, 1, 2, 3, LOSS_IGNORES}, 3, 1, 1, 1},
        {{2, 130, 3, 0, 0.5, 1, LOSS_TOP}, 3, 1, 0, 0},
        {{3, 77, 4, 1, 1, 2, LOSS_TOP | LOSS_IGNORES}, 3, 1, 0, 1},
        {{1, 200, 5, 1, 1, 1, LOSS_TOP | LOSS_FOCUS}, 3, 1, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) compare_loss(*state, &rows[i]);
    bench_report(*state, "loss");
}

/* As another loss would give them, with and without the cross-entropy. */
void loss_backward_takes_any_slopes(void **state) {
    static const loss_row rows[] = {
        {{2, 130, 2, 0, 1, 0, 0}, 3, 1, 0, 1},    {{2, 130, 2, 1, 1, 1, 0}, 3, 1, 0, 1},
        {{3, 65, 4, 0, 0.5, 0, 0}, 3, 1, 1, 1},   {{1, 500, 4, 0, 2, 40, 0}, 5, 0, 0, 1},
        {{2, 99, 17, 0, 1, 0, 0}, 2, 1, 0, 1},    {{2, 99, 17, 1, 0.25, 7, 0}, 2, 1, 1, 1},
        {{2, 256, 33, 0, 1, 0, 0}, 3, 1, 0, 1},   {{2, 300, 254, 0, 1, 0, 0}, 3, 1, 0, 1},
        {{1, 400, 254, 0, 0.5, 9, 0}, 3, 0, 0, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) compare_loss(*state, &rows[i]);
    bench_report(*state, "loss");
}

/* ---- Adam ---- */

void adam_agrees_with_the_oracle(void **state) {
    static const struct {
        size_t n;
        int64_t first_step;
        double decay;
        int steps, amsgrad;
    } rows[] = {{1, 1, 0, 1, 0},        {3, 1, 0.01, 5, 1},    {1000, 1, 0, 3, 0},
                {4099, 90, 0.25, 2, 0}, {64, 100000, 0, 3, 0}, {4099, 90, 0.25, 2, 1},
                {1000, 1, 0, 3, 1}};
    bench *b = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t n = rows[i].n, bytes = n * sizeof(double);
        const pleat_adam adam = {1e-3, 0.9, 0.999, 1e-7, rows[i].first_step, rows[i].decay};
        const double *grads = draw(b, n * (size_t)rows[i].steps);
        double *w[2] = {draw_range(b, n, -1e-2, 1e-2), take(b, n)};
        double *m[2] = {draw(b, n), take(b, n)}, *v[2] = {draw_range(b, n, 0, 1), take(b, n)};
        memcpy(w[1], w[0], bytes);
        memcpy(m[1], m[0], bytes);
        double *most[2] = {draw_range(b, n, 0, 1), take(b, n)};
        memcpy(v[1], v[0], bytes);
        memcpy(most[1], most[0], bytes);
        const int amsgrad = rows[i].amsgrad;
        run_adam(b->engine, adam, rows[i].steps, n, grads, w[0], m[0], v[0],
                 amsgrad ? most[0] : NULL);
        run_adam(b->oracle, adam, rows[i].steps, n, grads, w[1], m[1], v[1],
                 amsgrad ? most[1] : NULL);
        char where[WHERE];
        (void)snprintf(where, sizeof where, "%zu weights, step %d", n, (int)rows[i].first_step);
        judge(b, "weights", where, w[0], w[1], n);
        judge(b, "m", where, m[0], m[1], n);
        judge(b, "v", where, v[0], v[1], n);
        judge(b, "largest v", where, most[0], most[1], n);
        bench_clear(b);
    }
    bench_report(b, "adam");
}
