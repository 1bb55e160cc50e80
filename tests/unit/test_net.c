/* test_net.c - whole networks: gradients are slopes, engines agree, training changes what it should
 * and inference nothing. */
#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/net/node.h"
#include "support_trial.h"

enum { BATCH = TRIAL_BATCH, CLASSES = 3, V = 4 * 4 * 8 }; /* voxels of a small patch */

static const int small[3] = {4, 4, 8};

static pleat_graph graph;

static net_trial start(const char *engine, pleat_precision precision, const int dim[3]) {
    return net_trial_start(&graph, engine, precision, dim, NULL);
}

static void make_unet(int filters, int norm) {
    const pleat_network c = {.depth = 2, .filters = filters, .classes = CLASSES, .norm = norm};
    net_graph(&graph, &c);
}

/* --- gradients are slopes --------------------------------------------------------------------- */

static void gradients_of_a_unet_with_norm_are_slopes(void **state) {
    (void)state;
    make_unet(2, 1);
    net_gradients_are_slopes(&graph, small, NULL);
}

static void gradients_of_a_unet_without_norm_are_slopes(void **state) {
    (void)state;
    make_unet(3, 0);
    net_gradients_are_slopes(&graph, small, NULL);
}

static void a_batch_or_patch_that_cannot_be_is_refused(void **state) {
    (void)state;
    make_unet(2, 1);
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    pleat_model *model = net_model(&graph, engine, 0);
    pleat_net *net = NULL;
    const pleat_net_options none = {.dim = {4, 4, 4}};
    const pleat_net_options odd = {.batch = 1, .dim = {4, 6, 4}};
    const pleat_net_options training = {.batch = 1, .dim = {4, 4, 4}, .train = 1};
    REFUSED(pleat_net_create(model, &none, &net), PLEAT_ERR_ARG, "batch = 0");
    REFUSED(pleat_net_create(model, &odd, &net), PLEAT_ERR_SHAPE, "4x8x4");
    REFUSED(pleat_net_create(model, &training, &net), PLEAT_ERR_ARG, "cannot be trained");
    assert_null(net);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
}

/* --- engines agree ---------------------------------------------------------------------------- */

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Loss and gradients of one engine at one precision against ref64's. Where products are rounded to
 * bfloat16, ReLU and pooling sometimes choose other voxels: the gradient's direction is what
 * holds. */
static void compare_to_oracle(const char *engine, pleat_precision precision, const float *want,
                              double want_loss) {
    static const int dim[3] = {16, 16, 16};
    net_trial t = start(engine, precision, dim);
    const double loss = net_trial_train(&t);
    float *grads = net_state(t.model, PLEAT_STATE_GRADS);
    const double nmse = net_nmse(grads, want, graph.params);
    const double angle = cosine(grads, want, graph.params);
    const int exact = t.engine->precision == PLEAT_PRECISION_F32;
    if (fabs(loss / want_loss - 1) > (exact ? 1e-5 : 2e-2))
        fail_msg("%s %s: loss %g, not %g", engine, pleat_precision_name(precision), loss,
                 want_loss);
    if (exact ? nmse > 1e-7 : angle < 0.98)
        fail_msg("%s %s: gradients off by %g, cosine %g", engine, pleat_precision_name(precision),
                 nmse, angle);
    free(grads);
    net_trial_finish(&t);
}

static void every_engine_gives_the_oracles_loss_and_gradients(void **state) {
    (void)state;
    static const int dim[3] = {16, 16, 16};
    for (int norm = 0; norm < 2; norm++) {
        make_unet(5, norm);
        net_trial oracle = start("ref64", PLEAT_PRECISION_AUTO, dim);
        const double loss = net_trial_train(&oracle);
        float *want = net_state(oracle.model, PLEAT_STATE_GRADS);
        for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
            if (e->missing() != NULL) continue;
            compare_to_oracle(e->name, PLEAT_PRECISION_F32, want, loss);
            compare_to_oracle(e->name, PLEAT_PRECISION_AUTO, want, loss);
        }
        free(want);
        net_trial_finish(&oracle);
    }
}

/* --- inference -------------------------------------------------------------------------------- */

static void probabilities_are_the_same_from_a_net_made_for_training(void **state) {
    (void)state;
    make_unet(4, 1);
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        if (e->missing() != NULL) continue;
        net_trial t = start(e->name, PLEAT_PRECISION_AUTO, small);
        (void)net_trial_train(&t); /* the running statistics have moved */
        pleat_net *infer = net_compile(t.model, BATCH, small, 0, NULL);
        float *probs = malloc(t.voxels * CLASSES * sizeof *probs);
        OK(pleat_net_predict(t.net, t.images, t.probs));
        OK(pleat_net_predict(infer, t.images, probs));
        if (t.engine->host_memory)
            assert_memory_equal(t.probs, probs, t.voxels * CLASSES * sizeof *probs);
        else
            assert_true(net_nmse(t.probs, probs, t.voxels * CLASSES) < 1e-4);
        for (size_t v = 0; v < t.voxels; v++) {
            double sum = 0;
            for (size_t k = 0; k < CLASSES; k++) {
                const double p = (double)t.probs[v * CLASSES + k];
                assert_true(p >= 0 && p <= 1);
                sum += p;
            }
            assert_true(fabs(sum - 1) < 1e-6);
        }
        assert_true(pleat_net_arena(infer) < pleat_net_arena(t.net));
        size_t counted = 0;
        for (int train = 0; train < 2; train++) {
            const pleat_net_options options = {
                .batch = BATCH, .dim = {small[0], small[1], small[2]}, .train = train};
            OK(pleat_net_count(pleat_model_graph(t.model), t.engine, &options, &counted));
            assert_int_equal(counted, pleat_net_arena(train ? t.net : infer));
        }
        free(probs);
        pleat_net_destroy(infer);
        net_trial_finish(&t);
    }
}

static void the_oracle_in_double_predicts_the_same(void **state) {
    (void)state;
    make_unet(3, 1);
    net_trial t = start("ref64", PLEAT_PRECISION_AUTO, small);
    net_trial single = start("ref", PLEAT_PRECISION_AUTO, small);
    OK(pleat_net_predict(t.net, t.images, t.probs));
    OK(pleat_net_predict(single.net, single.images, single.probs));
    assert_true(net_nmse(t.probs, single.probs, t.voxels * CLASSES) < 1e-10);
    net_trial_finish(&single);
    net_trial_finish(&t);
}

/* The loss by hand from the probabilities: docs/math.md. */
static double loss_of_probabilities(const net_trial *t) {
    double loss = 0;
    const size_t voxels = t->voxels / BATCH;
    for (size_t b = 0; b < BATCH; b++) {
        double entropy = 0, tversky = CLASSES;
        for (size_t k = 0; k < CLASSES; k++) {
            double both = 0, p = 0, y = 0;
            for (size_t v = b * voxels; v < (b + 1) * voxels; v++) {
                const double probability = (double)t->probs[v * CLASSES + k];
                p += probability;
                if (t->labels[v] != k) continue;
                y += 1;
                both += probability;
                entropy -= log(probability);
            }
            tversky -= (both + 1e-6) / (0.5 * p + 0.5 * y + 1e-6);
        }
        loss += (tversky + entropy / (double)voxels) / BATCH;
    }
    return loss;
}

static void evaluation_is_the_loss_of_the_prediction_and_changes_nothing(void **state) {
    (void)state;
    make_unet(4, 1);
    net_trial t = start("auto", PLEAT_PRECISION_F32, small);
    (void)net_trial_train(&t);
    float *before[PLEAT_STATES];
    for (int s = 0; s < PLEAT_STATES; s++) before[s] = net_state(t.model, (pleat_state)s);
    OK(pleat_net_evaluate(t.net, t.images, t.labels, t.sums));
    const double loss = net_loss(t.net, t.sums, BATCH);
    OK(pleat_net_predict(t.net, t.images, t.probs));
    assert_true(fabs(loss / loss_of_probabilities(&t) - 1) < 1e-5);
    for (int s = 0; s < PLEAT_STATES; s++) {
        float *after = net_state(t.model, (pleat_state)s);
        assert_memory_equal(after, before[s],
                            pleat_model_count(t.model, (pleat_state)s) * sizeof *after);
        free(after);
        free(before[s]);
    }
    net_trial_finish(&t);
}

/* --- the model -------------------------------------------------------------------------------- */

static float *initial(pleat_engine *engine, uint64_t seed, int fold) {
    pleat_model *model = NULL;
    OK(pleat_model_create(&graph, engine, 1, &model));
    OK(pleat_model_init(model, seed, fold));
    float *params = net_state(model, PLEAT_STATE_PARAMS);
    pleat_model_destroy(model);
    return params;
}

static void initial_weights_are_a_function_of_seed_and_fold_alone(void **state) {
    (void)state;
    make_unet(2, 1);
    pleat_engine *ref = net_engine("ref", PLEAT_PRECISION_AUTO);
    pleat_engine *fast = net_engine("auto", PLEAT_PRECISION_AUTO);
    const size_t bytes = graph.params * sizeof(float);
    float *one = initial(ref, 1, 0), *again = initial(ref, 1, 0), *other = initial(fast, 1, 0);
    float *seed = initial(ref, 2, 0), *fold = initial(ref, 1, 1);
    assert_memory_equal(one, again, bytes);
    assert_memory_equal(one, other, bytes);
    assert_memory_not_equal(one, seed, bytes);
    assert_memory_not_equal(one, fold, bytes);
    assert_memory_not_equal(seed, fold, bytes);
    float *const all[] = {one, again, other, seed, fold};
    for (size_t i = 0; i < COUNT(all); i++) free(all[i]);
    pleat_engine_destroy(ref);
    pleat_engine_destroy(fast);
}

/* Glorot & Bengio 2010: uniform in +-sqrt(6 / (fan in + fan out)), of variance limit^2 / 3. */
static void check_glorot(const pleat_node *node, const float *params, double taps) {
    const double in = graph.node[node->input[0]].channels, out = node->channels;
    const double limit = sqrt(6.0 / (taps * in + taps * out)), n = (double)node->n_weights;
    double sum = 0, squares = 0, most = 0;
    assert_int_equal(node->n_weights, (size_t)(taps * in * out));
    for (size_t i = 0; i < node->n_weights; i++) {
        const double w = (double)params[node->weights + i];
        sum += w;
        squares += w * w;
        most = fmax(most, fabs(w));
    }
    assert_true(most <= limit * (1 + 1e-7));
    /* five standard errors */
    assert_true(fabs(sum / n) < 5 * limit / sqrt(3 * n));
    assert_true(fabs(squares / n / (limit * limit / 3) - 1) < 5 * sqrt(0.8 / n));
    for (size_t i = 0; i < node->n_bias; i++) assert_true(params[node->bias + i] == 0.0f);
}

static void initial_weights_are_glorots(void **state) {
    (void)state;
    make_unet(6, 1);
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    pleat_model *model = NULL;
    OK(pleat_model_create(&graph, engine, 0, &model));
    OK(pleat_model_init(model, 1, 0));
    float *params = net_state(model, PLEAT_STATE_PARAMS),
          *stats = net_state(model, PLEAT_STATE_STATS);
    for (int i = 1; i < graph.n; i++) {
        const pleat_node *node = &graph.node[i];
        if (node->kind == &pleat_node_conv) check_glorot(node, params, 27);
        if (node->kind == &pleat_node_up) check_glorot(node, params, 8);
        if (node->kind == &pleat_node_head) check_glorot(node, params, 1);
        if (node->kind != &pleat_node_norm) continue;
        for (size_t c = 0; c < (size_t)node->channels; c++) {
            assert_true(params[node->weights + c] == 1.0f && params[node->bias + c] == 0.0f);
            assert_true(stats[node->stats + c] == 0.0f);
            assert_true(stats[node->stats + (size_t)node->channels + c] == 1.0f);
        }
    }
    free(params);
    free(stats);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
}

/* --- a step ----------------------------------------------------------------------------------- */

static void a_step_changes_what_every_net_of_the_model_predicts(void **state) {
    (void)state;
    make_unet(4, 1);
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        if (e->missing() != NULL) continue;
        net_trial t = start(e->name, PLEAT_PRECISION_F32, small);
        pleat_net *infer = net_compile(t.model, BATCH, small, 0, NULL);
        const size_t bytes = t.voxels * CLASSES * sizeof *t.probs;
        float *before = malloc(bytes), *fresh = malloc(bytes);
        OK(pleat_net_predict(infer, t.images, before));
        const double loss = net_trial_train(&t);
        OK(pleat_model_update(t.model, NULL, 1e-2, 1));
        OK(pleat_net_predict(infer, t.images, t.probs));
        assert_memory_not_equal(t.probs, before, bytes);
        /* a net that never saw the old weights predicts the same */
        pleat_net *later = net_compile(t.model, BATCH, small, 0, NULL);
        OK(pleat_net_predict(later, t.images, fresh));
        assert_true(net_nmse(t.probs, fresh, t.voxels * CLASSES) < 1e-12);
        assert_true(net_trial_train(&t) < loss);
        free(before);
        free(fresh);
        pleat_net_destroy(later);
        pleat_net_destroy(infer);
        net_trial_finish(&t);
    }
}

static void gradients_start_from_zero_at_every_step(void **state) {
    (void)state;
    make_unet(3, 1);
    net_trial t = start("ref", PLEAT_PRECISION_AUTO, small);
    (void)net_trial_train(&t);
    float *once = net_state(t.model, PLEAT_STATE_GRADS);
    (void)net_trial_train(&t);
    float *twice = net_state(t.model, PLEAT_STATE_GRADS);
    assert_memory_equal(once, twice, graph.params * sizeof *once);
    free(once);
    free(twice);
    net_trial_finish(&t);
}

/* The 3x3x3 convolution of a one-channel batch by weights [kD,kH,kW], bias, ReLU; by definition. */
static double relu_conv(const float *image, const int dim[3], const float *weights, float bias,
                        const int at[3]) {
    double sum = (double)bias;
    for (int k = 0; k < 27; k++) {
        const int d = at[0] + k / 9 - 1, h = at[1] + k / 3 % 3 - 1, w = at[2] + k % 3 - 1;
        if (d < 0 || h < 0 || w < 0 || d >= dim[0] || h >= dim[1] || w >= dim[2]) continue;
        sum += (double)weights[k] * (double)image[(d * dim[1] + h) * dim[2] + w];
    }
    return fmax(sum, 0);
}

/* Three steps on the same batch with the same weights: kept is momentum^3. */
static void check_running(double momentum, double kept) {
    net_trial t = start("auto", PLEAT_PRECISION_F32, small);
    pleat_net_destroy(t.net);
    const pleat_net_options options = {
        .batch = BATCH, .dim = {4, 4, 8}, .train = 1, .norm_momentum = momentum};
    OK(pleat_net_create(t.model, &options, &t.net));
    float *params = net_state(t.model, PLEAT_STATE_PARAMS);
    for (int i = 0; i < 3; i++) (void)net_trial_train(&t);
    float *stats = net_state(t.model, PLEAT_STATE_STATS);
    const double n = BATCH * V;
    for (int c = 0; c < 2; c++) {
        double mean = 0, square = 0;
        for (int v = 0; v < BATCH * V; v++) {
            const int at[3] = {v % V / 32, v / 8 % 4, v % 8};
            const double y = relu_conv(t.images + v / V * V, small, params + 27 * c,
                                       params[graph.node[1].bias + (size_t)c], at);
            mean += y / n;
            square += y * y / n;
        }
        const double variance = square - mean * mean;
        assert_true(fabs((double)stats[c] - (1 - kept) * mean) < 1e-6);
        assert_true(fabs((double)stats[2 + c] - (kept + (1 - kept) * variance)) < 1e-6);
    }
    free(params);
    free(stats);
    net_trial_finish(&t);
}

static void running_statistics_follow_the_batch_by_the_momentum(void **state) {
    (void)state;
    pleat_graph_free(&graph);
    int x = pleat_graph_conv(&graph, pleat_graph_input(&graph, 1), 2,
                             &(pleat_conv_shape){.relu = 1}, "conv");
    x = pleat_graph_norm(&graph, x, "norm");
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    OK(pleat_graph_finish(&graph));
    check_running(0, 0.970299); /* not given: 0.99 */
    check_running(0.9, 0.729);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_a_unet_with_norm_are_slopes),
        cmocka_unit_test(gradients_of_a_unet_without_norm_are_slopes),
        cmocka_unit_test(a_batch_or_patch_that_cannot_be_is_refused),
        cmocka_unit_test(every_engine_gives_the_oracles_loss_and_gradients),
        cmocka_unit_test(probabilities_are_the_same_from_a_net_made_for_training),
        cmocka_unit_test(the_oracle_in_double_predicts_the_same),
        cmocka_unit_test(evaluation_is_the_loss_of_the_prediction_and_changes_nothing),
        cmocka_unit_test(initial_weights_are_a_function_of_seed_and_fold_alone),
        cmocka_unit_test(initial_weights_are_glorots),
        cmocka_unit_test(a_step_changes_what_every_net_of_the_model_predicts),
        cmocka_unit_test(gradients_start_from_zero_at_every_step),
        cmocka_unit_test(running_statistics_follow_the_batch_by_the_momentum),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
