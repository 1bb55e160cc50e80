/*
 * test_ordered.c - an ordered net gives the same bits on any number of threads, and the gradients
 * of an ordinary one.
 *
 * This test has four processors, whatever the machine has: see sched_getaffinity below.
 */
#include "pleat/rng.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { THREADS = 4, BATCH = 3, CLASSES = 3 };

static pleat_graph graph; /* large */

/* In place of the system's: the engines ask it how many threads they may have. */
int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set) {
    (void)process;
    CPU_ZERO_S(bytes, set);
    for (size_t i = 0; i < THREADS; i++) CPU_SET_S(i, bytes, set);
    return 0;
}

typedef struct trial {
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    size_t voxels; /* of the batch */
    float *images, *probs;
    uint8_t *labels;
    double sums[BATCH * PLEAT_LOSS_SUMS(CLASSES)];
} trial;

typedef struct setting {
    const char *engine;
    pleat_precision precision;
    int depth, filters, norm;
    int dim[3];
} setting;

static pleat_engine *make(const setting *s, int threads, int deterministic) {
    const pleat_engine_options options = {.engine = s->engine,
                                          .precision = s->precision,
                                          .threads = threads,
                                          .device = -1,
                                          .deterministic = deterministic};
    pleat_engine *engine = NULL;
    OK(pleat_engine_create(&options, &engine));
    assert_int_equal(engine->threads, threads);
    return engine;
}

static trial start(const setting *s, int threads, int ordered) {
    const pleat_network c = {
        .depth = s->depth, .filters = s->filters, .classes = CLASSES, .norm = s->norm};
    const pleat_net_options options = {
        .batch = BATCH, .dim = {s->dim[0], s->dim[1], s->dim[2]}, .train = 1, .ordered = ordered};
    trial t = {.voxels = (size_t)BATCH * (size_t)(s->dim[0] * s->dim[1] * s->dim[2])};
    net_graph(&graph, &c);
    t.engine = make(s, threads, ordered);
    t.model = net_model(&graph, t.engine, 1);
    OK(pleat_net_create(t.model, &options, &t.net));
    t.images = malloc(t.voxels * sizeof *t.images);
    t.probs = malloc(t.voxels * CLASSES * sizeof *t.probs);
    t.labels = malloc(t.voxels);
    net_batch(5, t.voxels, CLASSES, t.images, t.labels);
    return t;
}

static void train(trial *t, int steps) {
    for (int step = 1; step <= steps; step++) {
        OK(pleat_net_train(t->net, t->images, t->labels, BATCH, NULL, t->sums));
        OK(pleat_model_update(t->model, NULL, 1e-2, step));
    }
    OK(pleat_net_predict(t->net, t->images, t->probs));
}

static void finish(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t->images);
    free(t->probs);
    free(t->labels);
}

static void check_same(const setting *s, const char *what, int threads, const void *got,
                       const void *want, size_t bytes) {
    if (memcmp(got, want, bytes) != 0)
        fail_msg("%s %s, %d filters: %s on %d threads are not those of one", s->engine,
                 pleat_precision_name(s->precision), s->filters, what, threads);
}

static void compare(const setting *s, int threads) {
    static const char *const names[PLEAT_STATES] = {"weights", "statistics", "gradients",
                                                    "first moments", "second moments"};
    trial one = start(s, 1, 1), many = start(s, threads, 1);
    train(&one, 3);
    train(&many, 3);
    check_same(s, "the loss's sums", threads, many.sums, one.sums, sizeof one.sums);
    for (pleat_state state = 0; state < PLEAT_STATES; state++) {
        float *got = net_state(many.model, state), *want = net_state(one.model, state);
        check_same(s, names[state], threads, got, want,
                   pleat_model_count(one.model, state) * sizeof *got);
        free(got);
        free(want);
    }
    check_same(s, "probabilities", threads, many.probs, one.probs,
               one.voxels * CLASSES * sizeof *one.probs);
    finish(&one);
    finish(&many);
}

/* Few channels and many, sizes that no number of threads divides, with and without norm. */
static const setting settings[] = {
    {"ref", PLEAT_PRECISION_F32, 1, 3, 1, {4, 6, 10}},
    {"auto", PLEAT_PRECISION_F32, 2, 5, 1, {12, 12, 20}},
    {"auto", PLEAT_PRECISION_F32, 2, 16, 0, {8, 12, 20}},
    {"auto", PLEAT_PRECISION_F32, 2, 32, 1, {8, 16, 12}},
    {"auto", PLEAT_PRECISION_BF16, 2, 5, 1, {12, 12, 20}},
    {"auto", PLEAT_PRECISION_BF16, 2, 32, 1, {8, 16, 12}},
};

static void any_number_of_threads_gives_the_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++)
        for (int threads = 2; threads <= THREADS; threads++) compare(&settings[i], threads);
}

/* --- the engine's own sums, of numbers so unlike that their order shows ---------------------- */

enum { D = 9, H = 11, W = 30, VOXELS = D * H * W, CHANNELS = 20 };

typedef struct sums {
    double norm[2 * CHANNELS], back[2 * CHANNELS], loss[PLEAT_LOSS_SUMS(CLASSES)];
    float dgamma[CHANNELS], dbeta[CHANNELS];
    float head[2 * CLASSES * (CHANNELS + 1)]; /* [2 samples, weights and biases] */
} sums;

/* n floats of either sign, 2^-20 to 2^20 in size, in the engine's memory. */
static void *unlike(pleat_engine *e, uint32_t stream, size_t n) {
    const pleat_rng rng = pleat_rng_at(3, PLEAT_STREAM_PHANTOM, (int)stream, 0, 0);
    float *host = malloc(n * sizeof *host);
    void *data = NULL;
    for (size_t i = 0; i < n; i++) {
        const double size = exp2(20 * sin(2e-4 * (double)i)); /* a tile's are alike */
        host[i] = (float)(size * pleat_rng_range(&rng, (uint32_t)i, -1, 1));
    }
    OK(e->ops->alloc(e, n * sizeof *host, &data));
    OK(e->ops->input(e, host, n, data));
    free(host);
    return data;
}

static void take_norm(pleat_engine *e, const pleat_tensor *x, const pleat_tensor *dy, sums *out) {
    float ones[CHANNELS], zeros[CHANNELS] = {0};
    for (int c = 0; c < CHANNELS; c++) ones[c] = 1;
    const pleat_norm norm = {.gamma = ones, .mean = zeros, .inv_std = ones};
    OK(e->ops->norm_sums(e, x, out->norm));
    OK(e->ops->norm_backward_sums(e, &norm, x, dy, out->back, out->dgamma, out->dbeta));
}

static void take_head(pleat_engine *e, const pleat_tensor *x, const pleat_tensor *dy, sums *out) {
    const pleat_conv_desc desc = {.kind = PLEAT_HEAD,
                                  .n = 2,
                                  .d = D,
                                  .h = H,
                                  .w = W,
                                  .cin = CHANNELS,
                                  .cout = CLASSES,
                                  .train = 1,
                                  .kernel = {1, 1, 1},
                                  .stride = {1, 1, 1},
                                  .sample_stride = (size_t)CLASSES * (CHANNELS + 1)};
    pleat_conv *conv = NULL;
    OK(e->ops->conv_create(e, &desc, &conv));
    OK(e->ops->conv_backward_weights(e, conv, x, dy, out->head, out->head + CLASSES * CHANNELS));
    e->ops->conv_destroy(e, conv);
}

static sums sums_of(int threads, pleat_precision precision) {
    const setting s = {.engine = "auto", .precision = precision};
    sums out = {0};
    pleat_engine *e = make(&s, threads, 1);
    uint8_t labels[VOXELS];
    float probs[VOXELS * CLASSES], logits[VOXELS * CLASSES];
    for (size_t v = 0; v < VOXELS; v++) {
        labels[v] = (uint8_t)(v * v % CLASSES);
        for (size_t k = 0; k < CLASSES; k++)
            logits[v * CLASSES + k] = (float)((v * 37 + k * 101) % 331) * 0.1F;
    }
    const pleat_tensor x = {
        unlike(e, 0, (size_t)2 * VOXELS * CHANNELS), 2, D, H, W, CHANNELS, CHANNELS};
    const pleat_tensor dy = {
        unlike(e, 1, (size_t)2 * VOXELS * CHANNELS), 2, D, H, W, CHANNELS, CHANNELS};
    pleat_tensor narrow = dy;
    narrow.c = narrow.pitch = CLASSES;
    take_norm(e, &x, &dy, &out);
    take_head(e, &x, &narrow, &out);
    const pleat_targets plain = {0};
    OK(e->ops->loss_forward(e, &plain, logits, labels, 1, VOXELS, CLASSES, probs, out.loss));
    e->ops->free(e, x.data);
    e->ops->free(e, dy.data);
    pleat_engine_destroy(e);
    return out;
}

static void sums_are_cut_alike_on_any_number_of_threads(void **state) {
    (void)state;
    static const pleat_precision precisions[] = {PLEAT_PRECISION_F32, PLEAT_PRECISION_BF16};
    for (size_t i = 0; i < COUNT(precisions); i++) {
        const sums one = sums_of(1, precisions[i]);
        for (int threads = 2; threads <= THREADS; threads++) {
            const sums many = sums_of(threads, precisions[i]);
            const setting s = {.engine = "auto", .precision = precisions[i]};
            check_same(&s, "norm's sums", threads, many.norm, one.norm, sizeof one.norm);
            check_same(&s, "norm's backward sums", threads, many.back, one.back, sizeof one.back);
            check_same(&s, "the loss's sums", threads, many.loss, one.loss, sizeof one.loss);
            check_same(&s, "gamma's gradient", threads, many.dgamma, one.dgamma, sizeof one.dgamma);
            check_same(&s, "beta's gradient", threads, many.dbeta, one.dbeta, sizeof one.dbeta);
            check_same(&s, "the head's gradient", threads, many.head, one.head, sizeof one.head);
        }
    }
}

/* The sum is another, but of the same numbers. bf16 is left out: a rounding apart, ReLU and pooling
 * choose other voxels. */
static void gradients_are_those_of_an_ordinary_net(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(settings); i++) {
        if (settings[i].precision == PLEAT_PRECISION_BF16) continue;
        trial got = start(&settings[i], 2, 1), want = start(&settings[i], 2, 0);
        OK(pleat_net_train(got.net, got.images, got.labels, BATCH, NULL, NULL));
        OK(pleat_net_train(want.net, want.images, want.labels, BATCH, NULL, NULL));
        float *a = net_state(got.model, PLEAT_STATE_GRADS),
              *b = net_state(want.model, PLEAT_STATE_GRADS);
        const double error = net_nmse(a, b, graph.params);
        if (!(error < 1e-8)) fail_msg("setting %zu: off by %g", i, error);
        free(a);
        free(b);
        finish(&got);
        finish(&want);
    }
}

/* ref is always ordered; there are no other engines to refuse where oneDNN is not built in. */
static void an_engine_that_is_not_ordered_is_refused(void **state) {
    (void)state;
    const setting s = {"auto", PLEAT_PRECISION_F32, 1, 2, 1, {4, 4, 4}};
    const pleat_net_options options = {.batch = 1, .dim = {4, 4, 4}, .train = 1, .ordered = 1};
    const pleat_network c = {.depth = 1, .filters = 2, .classes = CLASSES};
    pleat_engine *engine = make(&s, 1, 0);
    if (engine->ordered) {
        pleat_engine_destroy(engine);
        return;
    }
    net_graph(&graph, &c);
    pleat_model *model = net_model(&graph, engine, 1);
    pleat_net *net = NULL;
    REFUSED(pleat_net_create(model, &options, &net), PLEAT_ERR_UNSUPPORTED, engine->ops->name);
    assert_null(net);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(sums_are_cut_alike_on_any_number_of_threads),
        cmocka_unit_test(gradients_are_those_of_an_ordinary_net),
        cmocka_unit_test(an_engine_that_is_not_ordered_is_refused),
    };
    return cmocka_run_group_tests_name("ordered", tests, NULL, NULL);
}
