/* engine_conv.c - the convolutions of an engine against the oracle's. */
#include "engine_suite.h"

#include <math.h>
#include <stdio.h>

#define WHERE 128 /* bytes of a case's name */

static void mask_half(bench *b, double *values, size_t n) { /* as ReLU's backward leaves them */
    for (size_t i = 0; i < n; i++)
        if (draw_below(b, 2) == 0) values[i] = 0;
}

static conv_out conv_results(bench *b, const conv_case *c) {
    return (conv_out){.y = take(b, shape_size(conv_y_shape(c))),
                      .dx = take(b, shape_size(conv_x_shape(c))),
                      .dweights = take(b, conv_weight_count(c)),
                      .dbias = take(b, (size_t)c->cout)};
}

static void name_conv(const conv_case *c, char *out) {
    const int *k = c->kernel, *s = c->stride, *p = c->before;
    (void)snprintf(out, WHERE,
                   "%dx%dx%dx%d, %d to %d, kernel %d%d%d, stride %d%d%d, before %d%d%d%s%s, "
                   "slice %d+%d",
                   c->n, c->d, c->h, c->w, c->cin, c->cout, k[0], k[1], k[2], s[0], s[1], s[2],
                   p[0], p[1], p[2], c->relu ? ", relu" : "", c->no_bias ? ", no bias" : "",
                   c->y.before, c->y.after);
}

static conv_in conv_numbers(bench *b, const conv_case *c) {
    const size_t ys = shape_size(conv_y_shape(c)), weights = conv_weight_count(c);
    const conv_in in = {.x = draw(b, shape_size(conv_x_shape(c))),
                        .weights = draw(b, weights),
                        .bias = draw(b, (size_t)c->cout),
                        .dy = draw(b, ys),
                        .dweights = draw(b, weights),
                        .dbias = draw(b, (size_t)c->cout)};
    if (c->relu) mask_half(b, in.dy, ys);
    return in;
}

static void compare_conv(bench *b, const conv_case *c) {
    const size_t xs = shape_size(conv_x_shape(c)), ys = shape_size(conv_y_shape(c));
    conv_in in = conv_numbers(b, c);
    const conv_out got = conv_results(b, c), want = conv_results(b, c);
    const conv_out infer = conv_results(b, c);
    const int ways = conv_ways(b->engine, c);
    char where[WHERE];
    name_conv(c, where);
    run_conv(b->engine, c, 0, &in, &infer);
    run_conv(b->oracle, c, 1, &in, &want);
    judge(b, "forward, infer", where, infer.y, want.y, ys);
    for (; in.way < ways; in.way++) {
        run_conv(b->engine, c, 1, &in, &got);
        judge(b, "forward", where, got.y, want.y, ys);
        judge(b, "backward weights", where, got.dweights, want.dweights, conv_weight_count(c));
        if (!c->no_bias) judge(b, "backward bias", where, got.dbias, want.dbias, (size_t)c->cout);
        if (!c->first) judge(b, "backward data", where, got.dx, want.dx, xs);
    }
    bench_clear(b);
}

void conv3_agrees_with_the_oracle(void **state) {
    static const conv_case cases[] = {
        /* kind, n, d, h, w, cin, cout, kernel and the like, relu, first, no_bias, slice */
        {PLEAT_CONV, 1, 1, 1, 1, 1, 1, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 1, 1, 1, 3, 4, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 3, 4, 5, 1, 8, CONV3, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 5, 3, 7, 3, 16, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 2, 2, 2, 17, 3, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 1, 6, 5, 8, 17, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 4, 4, 4, 16, 16, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 7, 5, 3, 32, 48, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 6, 3, 48, 32, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 5, 5, 1, 32, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 9, 8, 17, 1, 32, CONV3, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 1, 1, 33, 4, 1, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 6, 6, 6, 64, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 3, 3, 3, 128, 64, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 16, 16, 8, 32, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 9, 3, 10, 32, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 5, 9, 6, 64, 32, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 7, 8, 32, 64, CONV3, 1, 0, 1, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_conv(*state, &cases[i]);
    bench_report(*state, "conv3");
}

/* Many planes, long rows, channels that fill no register, more than a thread has alone. */
void conv3_of_all_sizes_agrees(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 21, 2, 3, 16, 24, CONV3, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 2, 3, 263, 9, 20, CONV3, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 3, 41, 18, 24, 16, CONV3, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 2, 3, 2, 30, 320, CONV3, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 3, 2, 5, 320, 131, CONV3, 0, 1, 1, {0, 0}},
        {PLEAT_CONV, 1, 2, 3, 2, 128, 160, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 1, 70, 5, 16, 16, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 9, 5, 4, 13, 135, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 1, 1, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_conv(*state, &cases[i]);
    bench_report(*state, "conv3");
}

/* Every two axes in every pair of ways: the third axis' way is the sum of theirs, modulo 6. */
void conv_agrees_for_every_kernel_stride_and_padding(void **state) {
    static const struct {
        int kernel, stride, before, sizes[3];
    } ways[6] = {{1, 1, 0, {3, 1, 5}}, {1, 2, 0, {2, 6, 4}}, {3, 1, 1, {5, 4, 1}},
                 {3, 1, 0, {4, 1, 3}}, {3, 2, 1, {4, 2, 6}}, {3, 2, 0, {6, 4, 2}}};
    static const int channels[6] = {1, 16, 3, 32, 2, 17};
    for (int i = 0; i < 36; i++) {
        const int of_axis[3] = {i / 6, i % 6, (i / 6 + i % 6) % 6};
        conv_case c = {.kind = PLEAT_CONV,
                       .n = 1 + i % 2,
                       .cin = channels[i % 6],
                       .cout = channels[(i / 6 + 2 * i + 1) % 6],
                       .relu = i % 3 == 0,
                       .first = i % 5 == 0,
                       .no_bias = i % 4 == 1};
        int size[3];
        for (int axis = 0; axis < 3; axis++) {
            const int way = of_axis[axis];
            size[axis] = ways[way].sizes[(i + axis) % 3];
            c.kernel[axis] = ways[way].kernel;
            c.stride[axis] = ways[way].stride;
            c.before[axis] = ways[way].before;
        }
        c.d = size[0];
        c.h = size[1];
        c.w = size[2];
        compare_conv(*state, &c);
    }
    bench_report(*state, "conv");
}

/* Layers as networks have them: strided in place of pooling, shortcuts, two dimensions. */
void conv_of_flat_and_strided_layers_agrees(void **state) {
    static const conv_case cases[] = {
        /* kind, n, d, h, w, cin, cout, kernel, stride, before, relu, first, no_bias, slice */
        {PLEAT_CONV, 1, 8, 8, 4, 32, 64, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, 0, 0, 1, {0, 0}},
        {PLEAT_CONV, 2, 8, 6, 4, 16, 32, {3, 3, 3}, {1, 2, 2}, {1, 0, 0}, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 4, 6, 8, 64, 32, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0, 1, {0, 0}},
        {PLEAT_CONV, 2, 4, 6, 8, 32, 64, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}, 0, 0, 1, {0, 0}},
        {PLEAT_CONV, 1, 4, 4, 4, 17, 33, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 1, 17, 16, 32, 32, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 1, 16, 32, 16, 32, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, 0, 0, 1, {0, 0}},
        {PLEAT_CONV, 3, 1, 16, 16, 1, 32, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 5, 8, 8, 16, 16, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 1, 0, 1, {0, 0}},
        {PLEAT_CONV, 2, 6, 8, 8, 2, 32, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 6, 5, 7, 16, 17, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, 0, 1, 1, {0, 0}},
        {PLEAT_CONV, 1, 2, 2, 2, 64, 64, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, 0, 0, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_conv(*state, &cases[i]);
    bench_report(*state, "conv");
}

void head_agrees_with_the_oracle(void **state) {
    static const conv_case cases[] = {
        {PLEAT_HEAD, 1, 1, 1, 1, 1, 2, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 1, 3, 4, 5, 3, 4, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 5, 3, 7, 8, 3, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 3, 1, 6, 5, 17, 5, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 8, 8, 4, 32, 4, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 1, 4, 4, 4, 16, 17, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 1, 9, 8, 32, 33, HEAD1, 0, 0, 1, {0, 0}},
        {PLEAT_HEAD, 1, 2, 7, 3, 16, 254, HEAD1, 0, 0, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_conv(*state, &cases[i]);
    bench_report(*state, "head");
}

void up_agrees_with_the_oracle(void **state) {
    static const conv_case cases[] = {
        {PLEAT_UP, 1, 1, 1, 1, 1, 1, UP2, 0, 0, 0, {0, 0}},
        {PLEAT_UP, 1, 1, 1, 1, 4, 3, UP2, 0, 0, 0, {0, 3}},
        {PLEAT_UP, 2, 3, 1, 2, 3, 8, UP2, 0, 0, 0, {0, 8}},
        {PLEAT_UP, 1, 2, 3, 5, 16, 8, UP2, 0, 0, 0, {8, 0}},
        {PLEAT_UP, 3, 1, 2, 2, 17, 4, UP2, 0, 0, 0, {2, 3}},
        {PLEAT_UP, 1, 4, 3, 2, 32, 16, UP2, 0, 0, 0, {0, 16}},
        {PLEAT_UP, 2, 2, 2, 3, 64, 32, UP2, 0, 0, 0, {0, 32}},
        {PLEAT_UP, 1, 3, 3, 3, 48, 17, UP2, 0, 0, 0, {17, 17}},
        {PLEAT_UP, 1, 8, 8, 4, 32, 32, UP2, 0, 0, 0, {0, 32}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) compare_conv(*state, &cases[i]);
    bench_report(*state, "up");
}

void up_agrees_for_every_stride(void **state) {
    static const conv_case cases[] = {
        {.n = 2, .d = 3, .h = 1, .w = 5, .cin = 16, .cout = 17, .y = {17, 0}},
        {.n = 1, .d = 1, .h = 4, .w = 3, .cin = 32, .cout = 16, .y = {0, 16}, .no_bias = 1},
        {.n = 2, .d = 2, .h = 3, .w = 1, .cin = 3, .cout = 2, .y = {0, 0}},
        {.n = 1, .d = 1, .h = 5, .w = 6, .cin = 17, .cout = 32, .y = {32, 0}, .no_bias = 1},
    };
    for (int i = 0; i < 8; i++)
        for (size_t k = (size_t)i % 2; k < COUNT(cases); k += 2) {
            conv_case c = cases[k];
            c.kind = PLEAT_UP;
            for (int axis = 0; axis < 3; axis++)
                c.kernel[axis] = c.stride[axis] = 1 + (i >> axis) % 2;
            compare_conv(*state, &c);
        }
    bench_report(*state, "up");
}

static void compare_fresh(bench *b, const conv_case *c, int way, int each) {
    const size_t n = conv_weight_count(c), all = (size_t)c->n * (n + (size_t)c->cout);
    conv_in in = conv_numbers(b, c);
    double *got[2];
    char where[WHERE];
    name_conv(c, where);
    in.way = way;
    for (in.fresh = 0; in.fresh < 2; in.fresh++) {
        conv_out out = conv_results(b, c);
        if (each) out.each = take(b, all);
        for (size_t i = 0; i < n; i++) in.dweights[i] = in.fresh ? NAN : 0;
        run_conv(b->engine, c, 1, &in, &out);
        got[in.fresh] = each ? out.each : out.dweights;
    }
    for (size_t i = 0; i < (each ? all : n); i++)
        if (!(got[0][i] == got[1][i]))
            fail_msg("%s: gradient %zu is %.9g, where it was zero %.9g", where, i, got[1][i],
                     got[0][i]);
    bench_clear(b);
}

/* Whatever was there before, to the bit. */
void a_fresh_gradient_is_what_is_added_to_zeros(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 1, 6, 5, 8, 17, CONV3, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 1, 5, 8, 9, 1, 32, CONV3, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 3, 5, 6, 32, 48, CONV3, 1, 1, 1, {0, 0}},
        {PLEAT_CONV, 3, 1, 9, 4, 16, 16, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 5, 3, 32, 16, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 1, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 6, 2, 16, 17, {3, 3, 3}, {2, 1, 2}, {1, 1, 0}, 0, 1, 0, {0, 0}},
    };
    bench *b = *state;
    for (size_t i = 0; b->engine->starts_gradients && i < COUNT(cases); i++)
        for (int way = 0; way < conv_ways(b->engine, &cases[i]); way++)
            for (int each = 0; each <= b->engine->ordered; each++)
                compare_fresh(b, &cases[i], way, each);
}

/* Sums that are made beside y, where the engine makes some, are those of a y that is read. */
void norm_sums_of_a_convolution_are_those_of_its_y(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 5, 9, 11, 32, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 9, 8, 17, 64, 32, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 1, 3, 10, 7, 32, 64, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 9, 13, 1, 32, CONV3, 1, 1, 0, {0, 0}},
    };
    static const slice packed = {0, 0};
    bench *b = *state;
    const pleat_engine_ops *ops = b->engine->ops;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const conv_case *c = &cases[i];
        const size_t width = 2 * (size_t)c->cout;
        const double voxels = (double)c->n * c->d * c->h * c->w;
        const conv_in in = conv_numbers(b, c);
        pleat_conv_desc desc = conv_desc(c, 1);
        pleat_conv *conv = NULL;
        memory m = {.engine = b->engine};
        void *weights = memory_put(&m, b->engine->real, in.weights, conv_weight_count(c));
        void *bias = memory_put(&m, b->engine->real, in.bias, (size_t)c->cout);
        const pleat_tensor x = memory_tensor(&m, b->engine->act, in.x, conv_x_shape(c), packed);
        const pleat_tensor y = memory_tensor(&m, b->engine->act, NULL, conv_y_shape(c), packed);
        double *sums = memory_put(&m, PLEAT_F64, NULL, width), *got[2];
        desc.normed = 1;
        OK(ops->conv_create(b->engine, &desc, &conv));
        OK(ops->conv_pack(b->engine, conv, weights, bias));
        OK(ops->conv_forward(b->engine, conv, weights, bias, &x, &y));
        for (int again = 0; again < 2; again++) { /* the second time y is read */
            got[again] = take(b, width);
            OK(ops->norm_sums(b->engine, &y, sums));
            memory_read(&m, PLEAT_F64, sums, got[again], width);
        }
        for (size_t k = 0; k < width; k++) {
            const double squares = got[1][width / 2 + k % (width / 2)];
            const double size = k < width / 2 ? sqrt(voxels * squares) : squares; /* the most */
            if (!(fabs(got[0][k] - got[1][k]) <= 1e-6 * size))
                fail_msg("sum %zu of case %zu: %.9g, of y %.9g", k, i, got[0][k], got[1][k]);
        }
        ops->conv_destroy(b->engine, conv);
        memory_clear(&m);
        bench_clear(b);
    }
}

/* Both layers' weights first, then both inputs, each by its own dy. */
void up_layers_do_not_mix_their_gradients(void **state) {
    static const conv_case c = {PLEAT_UP, 1, 2, 3, 2, 16, 8, UP2, 0, 0, 0, {0, 0}};
    static const slice packed = {0, 0};
    bench *b = *state;
    const pleat_engine_ops *ops = b->engine->ops;
    const pleat_conv_desc desc = conv_desc(&c, 1);
    const size_t n = shape_size(conv_x_shape(&c));
    memory m = {.engine = b->engine};
    pleat_conv *conv[2];
    pleat_tensor x[2], dy[2], dx[2];
    void *weights[2], *dweights[2];
    conv_in in[2];
    for (int i = 0; i < 2; i++) {
        in[i] = conv_numbers(b, &c);
        weights[i] = memory_put(&m, b->engine->real, in[i].weights, conv_weight_count(&c));
        dweights[i] = memory_put(&m, b->engine->real, in[i].dweights, conv_weight_count(&c));
        x[i] = memory_tensor(&m, b->engine->act, in[i].x, conv_x_shape(&c), packed);
        dy[i] = memory_tensor(&m, b->engine->act, in[i].dy, conv_y_shape(&c), packed);
        dx[i] = memory_tensor(&m, b->engine->act, NULL, conv_x_shape(&c), packed);
        OK(ops->conv_create(b->engine, &desc, &conv[i]));
        OK(ops->conv_pack(b->engine, conv[i], weights[i], NULL));
    }
    for (int i = 0; i < 2; i++)
        OK(ops->conv_backward_weights(b->engine, conv[i], &x[i], &dy[i], dweights[i], NULL));
    for (int i = 0; i < 2; i++)
        OK(ops->conv_backward_data(b->engine, conv[i], weights[i], &dy[i], &dx[i]));
    for (int i = 0; i < 2; i++) {
        const conv_out want = conv_results(b, &c);
        double *got = take(b, n);
        run_conv(b->oracle, &c, 1, &in[i], &want);
        memory_read_tensor(&m, b->engine->act, &dx[i], packed, got);
        judge(b, "backward data", i == 0 ? "first" : "second", got, want.dx, n);
        ops->conv_destroy(b->engine, conv[i]);
    }
    memory_clear(&m);
    bench_clear(b);
    bench_report(b, "up");
}

/* Of an engine that adds all samples' gradients it is refused. */
static void each_is_refused(const bench *b) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 2, 2, 2, 2, 4, 4, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 2, 2, 2, 4, 4, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_UP, 2, 2, 2, 2, 4, 4, UP2, 0, 0, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pleat_conv *conv = NULL;
        pleat_conv_desc desc = conv_desc(&cases[i], 1);
        desc.sample_stride = 1000;
        REFUSED(b->engine->ops->conv_create(b->engine, &desc, &conv), PLEAT_ERR_UNSUPPORTED,
                b->engine->ops->name);
    }
}

static void compare_each(bench *b, const conv_case *c, int way) {
    const size_t k = conv_weight_count(c), biases = (size_t)c->cout;
    conv_in in = conv_numbers(b, c);
    conv_out got = conv_results(b, c), want = conv_results(b, c);
    const size_t n = k + biases;
    char where[WHERE];
    name_conv(c, where);
    in.way = way;
    got.each = take(b, (size_t)c->n * n);
    want.each = take(b, (size_t)c->n * n);
    run_conv(b->engine, c, 1, &in, &got);
    run_conv(b->oracle, c, 1, &in, &want);
    for (int s = 0; s < c->n; s++)
        judge(b, "gradients", where, got.each + (size_t)s * n, want.each + (size_t)s * n, n);
    if (!c->first) judge(b, "backward data", where, got.dx, want.dx, shape_size(conv_x_shape(c)));
    bench_clear(b);
}

void each_samples_gradient_agrees_with_the_oracle(void **state) {
    static const conv_case cases[] = {
        {PLEAT_CONV, 3, 5, 3, 7, 3, 16, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 2, 4, 6, 3, 17, 9, CONV3, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 5, 8, 8, 4, 1, 32, CONV3, 1, 1, 0, {0, 0}},
        {PLEAT_CONV, 3, 5, 3, 7, 16, 24, CONV3, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 3, 5, 3, 7, 17, 5, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 8, 8, 4, 32, 4, HEAD1, 0, 0, 0, {0, 0}},
        {PLEAT_UP, 3, 1, 2, 2, 17, 4, UP2, 0, 0, 0, {2, 3}},
        {PLEAT_UP, 2, 4, 3, 2, 32, 16, UP2, 0, 0, 0, {0, 16}},
        {PLEAT_CONV, 3, 4, 6, 2, 16, 17, {3, 3, 3}, {2, 1, 2}, {1, 1, 0}, 0, 0, 1, {0, 0}},
        {PLEAT_CONV, 2, 4, 5, 3, 32, 16, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 1, 9, 8, 16, 16, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, 1, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 5, 6, 4, 16, 17, {3, 3, 3}, {1, 1, 1}, {0, 1, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_CONV, 3, 4, 6, 2, 17, 16, {1, 1, 1}, {2, 2, 1}, {0, 0, 0}, 0, 0, 0, {0, 0}},
        {PLEAT_HEAD, 2, 1, 8, 9, 3, 33, HEAD1, 0, 0, 1, {0, 0}},
        {PLEAT_UP, 3, 2, 3, 4, 17, 3, {1, 2, 1}, {1, 2, 1}, {0, 0, 0}, 0, 0, 1, {1, 0}},
    };
    bench *b = *state;
    for (size_t i = 0; b->engine->ordered && i < COUNT(cases); i++)
        for (int way = 0; way < conv_ways(b->engine, &cases[i]); way++)
            compare_each(b, &cases[i], way);
    if (!b->engine->ordered) each_is_refused(b);
    bench_report(b, "each");
}
