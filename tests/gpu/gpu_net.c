/*
 * gpu_net.c - whole training steps on the GPU are those of the oracle, however their batches come
 * and whether they are played from a recording or not.
 *
 *   gpu_net            patches of 48x32x16
 *   gpu_net --few      of 16x16x8, for an emulated GPU; bf16's roundings are larger beside so few
 *
 * Takes the module as the program does: beside it, or in PLEAT_MODULE_PATH.
 * Leaves with 77, which CTest calls skipped, where there is no module or no GPU.
 */
#include "../../src/net/net_impl.h"
#include "pleat/batch_source.h"
#include "pleat/device.h"
#include "pleat/log.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_augment.h"
#include "support_net.h"
#include "support_trial.h"

enum { BATCH = 2, CLASSES = 4, STEPS = 3, SKIPPED = 77 };

static int dim[3] = {16, 32, 48};
static double bf16_limit = 1e-3;
static pleat_graph graph; /* large */

typedef struct trial {
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    float *images;
    uint8_t *labels;
    double sums[BATCH * PLEAT_LOSS_SUMS(CLASSES)];
    int64_t step;
} trial;

/* A ramp under noise, and its classes: pure noise has gradients as small as bf16's roundings. */
static void make_batch(uint64_t seed, float *images, uint8_t *labels) {
    const size_t n = BATCH * pleat_voxels(dim);
    net_batch(seed, n, CLASSES, images, labels);
    for (size_t i = 0; i < n; i++) {
        const int w = (int)(i % (size_t)dim[2]), h = (int)(i / (size_t)dim[2] % (size_t)dim[1]);
        const float ramp = (float)(w + h) / (float)(dim[1] + dim[2]);
        images[i] = 2 * ramp - 1 + 0.2F * images[i];
        if (labels[i] < CLASSES) labels[i] = (uint8_t)(ramp * CLASSES);
    }
}

static trial start(const char *engine, pleat_precision precision) {
    const size_t n = BATCH * pleat_voxels(dim);
    trial t = {.engine = net_engine(engine, precision)};
    t.model = net_model(&graph, t.engine, 1);
    t.net = net_compile(t.model, BATCH, dim, 1, NULL);
    t.images = malloc(n * sizeof *t.images);
    t.labels = malloc(n);
    assert_non_null(t.images);
    assert_non_null(t.labels);
    make_batch(3, t.images, t.labels);
    return t;
}

static void finish(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t->images);
    free(t->labels);
}

static double loss_of(const trial *t) { return net_loss(t->net, t->sums, BATCH); }

static void gradients_are_the_oracles(void **state) {
    (void)state;
    const struct {
        pleat_precision precision;
        double limit; /* of the normalised mean squared error */
    } rows[] = {{PLEAT_PRECISION_F32, 1e-7},
                {PLEAT_PRECISION_TF32, 2e-4}, /* tensor cores cut, not round: an H100 has 6.5e-5 */
                {PLEAT_PRECISION_BF16, bf16_limit}};
    trial ref = start("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_net_train(ref.net, ref.images, ref.labels, BATCH, NULL, ref.sums));
    float *want = net_state(ref.model, PLEAT_STATE_GRADS);
    for (size_t r = 0; r < COUNT(rows); r++) {
        trial t = start("cudnn", rows[r].precision);
        for (int step = 0; step < STEPS; step++) { /* plain, recorded, played */
            OK(pleat_net_train(t.net, t.images, t.labels, BATCH, NULL, t.sums));
            float *got = net_state(t.model, PLEAT_STATE_GRADS);
            const double error = net_nmse(got, want, graph.params);
            free(got);
            print_message(
                "%s, step %d%s: gradients' error %.2e (limit %.0e), loss %.6f, not %.6f\n",
                pleat_precision_name(t.engine->precision), step,
                t.net->recording != NULL ? ", played" : "", error, rows[r].limit, loss_of(&t),
                loss_of(&ref));
            assert_true(error <= rows[r].limit);
        }
        finish(&t);
    }
    free(want);
    finish(&ref);
}

/* Two channels; flat, strided and single kernels, both paddings, without bias; strides of pooling
 * and of up-convolutions that differ by axis; a sum; a second head of half the size. */
static void build_other(pleat_graph *g) {
    static const int flat[3] = {1, 2, 2}, uneven[3] = {2, 1, 2};
    const pleat_conv_shape same = {.relu = 1}, one = {.kernel = {1, 1, 1}, .no_bias = 1};
    const pleat_conv_shape strided = {.kernel = {1, 3, 3}, .stride = {1, 2, 2}, .relu = 1};
    const pleat_conv_shape late = {.stride = {2, 1, 2}, .late = 1};
    const int fork = pleat_graph_conv(g, pleat_graph_input(g, 2), 8, &same, "fork");
    int x = pleat_graph_conv(g, fork, 16, &strided, "strided");
    x = pleat_graph_norm(g, x, "strided.norm");
    x = pleat_graph_up(g, pleat_graph_conv(g, x, 8, &one, "one"), 8, flat, "strided.up");
    const int low = pleat_graph_conv(g, fork, 7, &late, "late");
    const int y = pleat_graph_up(g, low, 8, uneven, "late.up");
    const int half = pleat_graph_pool(g, fork, NULL, "pool");
    (void)pleat_graph_head(g, half, CLASSES, 0.25, "coarse");
    const int z = pleat_graph_up(g, pleat_graph_pool(g, fork, flat, "flat"), 5, flat, "flat.up");
    const int parts[3] = {pleat_graph_sum(g, x, y, "sum"), z,
                          pleat_graph_up(g, half, 3, NULL, "up")};
    (void)pleat_graph_head(g, pleat_graph_concat(g, parts, 3, "join"), CLASSES, 1, "head");
    OK(pleat_graph_finish(g));
}

/* With the default loss, and with one of the voxels of the largest terms. */
static void compare_other(const pleat_loss *of) {
    static const struct {
        pleat_precision precision;
        double limit;
    } rows[] = {{PLEAT_PRECISION_F32, 1e-7},
                {PLEAT_PRECISION_TF32, 1e-2}}; /* labels are noise: tf32 is far off */
    static pleat_graph other;
    build_other(&other);
    net_trial ref = net_trial_start(&other, "ref", PLEAT_PRECISION_AUTO, dim, of);
    const double loss = net_trial_train(&ref);
    float *want = net_state(ref.model, PLEAT_STATE_GRADS);
    for (size_t r = 0; r < COUNT(rows); r++) {
        net_trial t = net_trial_start(&other, "cudnn", rows[r].precision, dim, of);
        for (int step = 0; step < STEPS; step++) { /* plain, recorded, played */
            assert_true(fabs(net_trial_train(&t) - loss) < 1e-3 * loss);
            float *got = net_state(t.model, PLEAT_STATE_GRADS);
            const double error = net_nmse(got, want, other.params);
            free(got);
            print_message("%s, step %d%s: gradients' error %.2e (limit %.0e)\n",
                          pleat_precision_name(t.engine->precision), step,
                          t.net->recording != NULL ? ", played" : "", error, rows[r].limit);
            assert_true(error <= rows[r].limit);
        }
        net_trial_finish(&t);
    }
    free(want);
    net_trial_finish(&ref);
    pleat_graph_free(&other);
}

static void another_networks_gradients_are_the_oracles_too(void **state) {
    (void)state;
    compare_other(NULL);
    for (int i = 0; pleat_losses[i] != NULL; i++)
        if (pleat_losses[i]->top > 0) compare_other(pleat_losses[i]);
}

/* Parameters after some steps, an evaluation between them; caller frees. */
static float *learn(const char *graphs, int *recorded) {
    (void)setenv("PLEAT_CUDA_GRAPH", graphs, 1);
    trial t = start("cudnn", PLEAT_PRECISION_AUTO);
    for (int step = 1; step <= 6; step++) {
        make_batch((uint64_t)step, t.images, t.labels);
        OK(pleat_net_train(t.net, t.images, t.labels, BATCH, NULL, t.sums));
        OK(pleat_model_update(t.model, NULL, 1e-2 / step, step));
        if (step == 3) OK(pleat_net_evaluate(t.net, t.images, t.labels, t.sums));
    }
    *recorded = t.net->recording != NULL;
    float *params = net_state(t.model, PLEAT_STATE_PARAMS);
    finish(&t);
    (void)unsetenv("PLEAT_CUDA_GRAPH");
    return params;
}

static void a_played_step_teaches_what_a_plain_one_does(void **state) {
    (void)state;
    int played = 0, plain = 0;
    float *got = learn("on", &played), *want = learn("off", &plain);
    const double error = net_nmse(got, want, graph.params);
    print_message("steps %s; parameters differ by %.2e\n",
                  played ? "were played from a recording" : "COULD NOT BE RECORDED", error);
    assert_int_equal(plain, 0);
    assert_true(error < 1e-12); /* plans are deterministic, but may differ */
    free(got);
    free(want);
}

static void a_staged_batch_is_the_hosts(void **state) {
    (void)state;
    const size_t n = BATCH * pleat_voxels(dim);
    trial t = start("cudnn", PLEAT_PRECISION_AUTO);
    const pleat_device_ops *device = pleat_device_of(t.engine);
    pleat_staging *staging = NULL;
    void *x = NULL;
    uint8_t *labels = NULL;
    double sums[BATCH * PLEAT_LOSS_SUMS(CLASSES)];
    OK(device->staging_create(t.engine, n, 1, &staging));
    OK(pleat_net_inputs(t.net, &x, &labels));
    for (uint64_t step = 0; step < 5; step++) {
        make_batch(step, t.images, t.labels);
        OK(device->staging_put(staging, t.images, t.labels));
        OK(pleat_net_train(t.net, t.images, t.labels, BATCH, NULL, sums));
        OK(device->staging_take(staging, x, labels));
        OK(pleat_net_train(t.net, NULL, NULL, BATCH, NULL, t.sums));
        for (size_t i = 0; i < COUNT(sums); i++)
            assert_true(fabs(t.sums[i] - sums[i]) <= 1e-9 * fabs(sums[i]));
    }
    device->staging_destroy(staging);
    finish(&t);
}

/* The loss of each of some steps on a case, as the feed gives its patches. */
static void feed_losses(const support_case *c, const char *kind, double device_memory,
                        double losses[STEPS]) {
    const pleat_source *sources[] = {&c->source};
    const pleat_augment_config paper = pleat_augment_defaults();
    const pleat_loader_config config = {.sources = sources,
                                        .n_sources = 1,
                                        .seed = 9,
                                        .augment = &paper,
                                        .patch = {dim[0], dim[1], dim[2]},
                                        .iterations = STEPS,
                                        .batch = BATCH,
                                        .count = BATCH,
                                        .depth = 2,
                                        .threads = 2};
    trial t = start("cudnn", PLEAT_PRECISION_F32);
    pleat_batch_source *feed = NULL;
    OK(pleat_batch_source_open(&config, t.net, device_memory, &feed));
    assert_string_equal(pleat_batch_source_kind(feed), kind);
    for (int step = 0; step < STEPS; step++) {
        const float *images = NULL;
        const uint8_t *labels = NULL;
        OK(pleat_batch_source_next(feed, &images, &labels));
        OK(pleat_net_queue(t.net, images, labels, BATCH, NULL));
        OK(pleat_batch_source_ahead(feed));
        OK(pleat_net_finish(t.net, NULL, t.sums));
        losses[step] = loss_of(&t);
    }
    pleat_batch_source_close(feed);
    finish(&t);
}

static void resident_cases_give_the_loaders_patches(void **state) {
    (void)state;
    const int size[3] = {20, 35, 60};
    support_case *c = support_case_make(size, 1);
    assert_non_null(c);
    double resident[STEPS], streamed[STEPS];
    feed_losses(c, "resident", 0, resident);
    feed_losses(c, "streamed", 1, streamed);
    for (int step = 0; step < STEPS; step++) {
        print_message("loss of resident patches %.7f, of streamed ones %.7f\n", resident[step],
                      streamed[step]);
        assert_true(fabs(resident[step] / streamed[step] - 1) < 1e-4);
    }
    support_case_free(c);
}

static void the_gpu_tells_its_memory_and_perhaps_its_energy(void **state) {
    (void)state;
    size_t unused = 0, total = 0;
    pleat_meters m = {0};
    pleat_engine *engine = net_engine("cudnn", PLEAT_PRECISION_AUTO);
    OK(pleat_device_of(engine)->memory(engine, &unused, &total));
    pleat_device_of(engine)->meter(engine, &m);
    print_message("memory: %.1f of %.1f GiB unused; energy %.0f mJ, %.0f %% busy, %.0f C, %.0f MHz "
                  "(-1: not known)\n",
                  (double)unused / 0x1p30, (double)total / 0x1p30, m.energy_mj, m.busy, m.celsius,
                  m.mhz);
    assert_true(unused > 0 && unused <= total);
    pleat_engine_destroy(engine);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--few") == 0) {
        dim[0] = 8;
        dim[1] = dim[2] = 16;
        bf16_limit = 1e-2;
    }
    const char *why = net_engine_missing("cudnn");
    if (why != NULL) {
        (void)fprintf(stderr, "gpu_net: SKIPPED: %s\n", why);
        return SKIPPED;
    }
    const pleat_network network = {.depth = 2, .filters = 8, .classes = CLASSES, .norm = 1};
    if (pleat_network_build(&network, &graph) != PLEAT_OK) return 1;
    pleat_log_set_level(PLEAT_DEBUG); /* why a step is not recorded */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_oracles),
        cmocka_unit_test(another_networks_gradients_are_the_oracles_too),
        cmocka_unit_test(a_played_step_teaches_what_a_plain_one_does),
        cmocka_unit_test(a_staged_batch_is_the_hosts),
        cmocka_unit_test(resident_cases_give_the_loaders_patches),
        cmocka_unit_test(the_gpu_tells_its_memory_and_perhaps_its_energy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
