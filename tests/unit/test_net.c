/* test_net.c - whole networks: gradients are slopes, engines agree, training changes what it should
 * and inference nothing. */
#include "pleat/loss.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { BATCH = 2, CLASSES = 3, V = 4 * 4 * 8 }; /* voxels of a small patch */

static const int small[3] = {4, 4, 8};

static pleat_graph graph; /* large */

/* One network running on one engine with one batch. */
typedef struct trial {
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    float *images, *probs;
    uint8_t *labels;
    double *sums;
    size_t voxels; /* of the batch */
} trial;

static trial start(const char *engine, pleat_precision precision, const int dim[3]) {
    trial t = {.engine = net_engine(engine, precision)};
    t.voxels = BATCH * (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
    t.model = net_model(&graph, t.engine, 1);
    t.net = net_compile(t.model, BATCH, dim, 1, NULL);
    t.images = malloc(t.voxels * sizeof *t.images);
    t.probs = malloc(t.voxels * CLASSES * sizeof *t.probs);
    t.labels = malloc(t.voxels);
    t.sums = malloc(pleat_net_sums(t.net) * sizeof *t.sums);
    net_batch(3, t.voxels, CLASSES, t.images, t.labels);
    return t;
}

static void finish(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t->images);
    free(t->probs);
    free(t->labels);
    free(t->sums);
}

static double train(trial *t) {
    pleat_loss_values values;
    OK(pleat_net_train(t->net, t->images, t->labels, BATCH, NULL, t->sums));
    pleat_loss_from_sums(t->sums, BATCH, t->voxels / BATCH, CLASSES, &values);
    return values.loss;
}

static void make_unet(int filters, int norm) {
    const pleat_unet_config c = {.depth = 2, .filters = filters, .classes = CLASSES, .norm = norm};
    OK(pleat_unet(&c, &graph));
}

/* --- gradients are slopes --------------------------------------------------------------------- */

/* The loss at params + t * direction, where direction is `way` over [from, from + n). */
static double loss_at(trial *t, double *params, size_t from, size_t n, const double *way,
                      double step) {
    double kept[4096];
    assert_true(n <= COUNT(kept));
    memcpy(kept, params + from, n * sizeof *kept);
    for (size_t i = 0; i < n; i++) params[from + i] += step * way[i];
    pleat_model_touch(t->model);
    const double loss = train(t);
    memcpy(params + from, kept, n * sizeof *kept);
    pleat_model_touch(t->model);
    return loss;
}

typedef struct tally {
    int checked, kinks;
} tally;

/* A difference of losses near 4 over 2e-5 is known to about 1e-10. Two step sizes that disagree
 * stand across a kink of ReLU or pooling: there is no slope to compare. */
static void check_slope(trial *t, const double *grads, size_t from, size_t n, const double *way,
                        tally *count) {
    double *params = pleat_model_data(t->model, PLEAT_STATE_PARAMS);
    double slope[2], gradient = 0;
    for (int k = 0; k < 2; k++) {
        const double h = k == 0 ? 2e-5 : 1e-5;
        slope[k] =
            (loss_at(t, params, from, n, way, h) - loss_at(t, params, from, n, way, -h)) / (2 * h);
    }
    for (size_t i = 0; i < n; i++) gradient += grads[from + i] * way[i];
    count->checked++;
    const double limit = 1e-6 * fabs(slope[1]) + 1e-9;
    if (fabs(slope[0] - slope[1]) > limit)
        count->kinks++;
    else if (fabs(slope[1] - gradient) > limit)
        fail_msg("parameters %zu..%zu: gradient %.12g, slope %.12g", from, from + n - 1, gradient,
                 slope[1]);
}

/* Every bias, gamma and beta and some weights one by one; all weights of a node in one random
 * direction. */
static void check_node(trial *t, const double *grads, const pleat_node *node, tally *count) {
    const double one = 1.0;
    double way[4096] = {0};
    const pleat_rng rng = pleat_rng_at(5, PLEAT_STREAM_PHANTOM, (uint32_t)node->weights, 0, 0);
    const int norm = node->kind == PLEAT_NODE_NORM;
    for (size_t i = 0; i < node->n_weights; i += norm ? 1 : 1 + node->n_weights / 4)
        check_slope(t, grads, node->weights + i, 1, &one, count);
    for (size_t i = 0; i < node->n_bias; i++) check_slope(t, grads, node->bias + i, 1, &one, count);
    for (size_t i = 0; i < node->n_weights; i++) way[i] = 0.1 * pleat_rng_normal(&rng, (uint32_t)i);
    check_slope(t, grads, node->weights, node->n_weights, way, count);
}

static void assert_gradients_are_slopes(const int dim[3]) {
    trial t = start("ref64", PLEAT_PRECISION_AUTO, dim);
    (void)train(&t);
    double *grads = malloc(graph.params * sizeof *grads);
    assert_non_null(grads);
    OK(t.engine->ops->download(t.engine, grads, pleat_model_data(t.model, PLEAT_STATE_GRADS),
                               graph.params * sizeof *grads));
    tally count = {0};
    double largest = 0;
    for (size_t i = 0; i < graph.params; i++) largest = fmax(largest, fabs(grads[i]));
    assert_true(largest > 0.01);
    for (int i = 0; i < graph.n; i++)
        if (graph.node[i].n_weights > 0) check_node(&t, grads, &graph.node[i], &count);
    if (4 * count.kinks > count.checked)
        fail_msg("%d of %d parameters stand at a kink", count.kinks, count.checked);
    free(grads);
    finish(&t);
}

static void gradients_of_a_unet_with_norm_are_slopes(void **state) {
    (void)state;
    make_unet(2, 1);
    assert_gradients_are_slopes(small);
}

static void gradients_of_a_unet_without_norm_are_slopes(void **state) {
    (void)state;
    make_unet(3, 0);
    assert_gradients_are_slopes(small);
}

/* What a U-Net has not: the input pooled and joined, a convolution without ReLU as a concat's first
 * half, a concat of a concat. */
static void gradients_of_another_network_are_slopes(void **state) {
    (void)state;
    graph = (pleat_graph){0};
    const int in = pleat_graph_input(&graph, 1);
    const int pooled = pleat_graph_pool(&graph, in, "pool");
    int low = pleat_graph_conv(&graph, pooled, 2, 1, "low");
    low = pleat_graph_norm(&graph, low, "low.norm");
    const int lower = pleat_graph_pool(&graph, low, "pool2");
    int x = pleat_graph_conv(&graph, lower, 3, 1, "mid");
    x = pleat_graph_up(&graph, x, 2, "up1");
    x = pleat_graph_concat(&graph, low, x, "join1");
    x = pleat_graph_up(&graph, x, 3, "up0");
    x = pleat_graph_concat(&graph, x, in, "join0");
    const int side = pleat_graph_conv(&graph, in, 2, 0, "side");
    x = pleat_graph_concat(&graph, side, x, "join");
    (void)pleat_graph_head(&graph, x, CLASSES, "head");
    OK(pleat_graph_finish(&graph));
    assert_gradients_are_slopes(small);
}

/* Ways to go on from "fork" that backward cannot take; each returns what the head reads. */
static int read_by_pool_and_conv(int fork) {
    const int low = pleat_graph_pool(&graph, fork, "pool");
    const int side = pleat_graph_conv(&graph, fork, 2, 1, "conv");
    return pleat_graph_concat(&graph, pleat_graph_up(&graph, low, 2, "up"), side, "join");
}
static int read_by_two_convs(int fork) {
    const int a = pleat_graph_conv(&graph, fork, 2, 1, "a");
    return pleat_graph_concat(&graph, a, pleat_graph_conv(&graph, fork, 2, 1, "b"), "join");
}
static int read_by_two_pools(int fork) {
    const int a = pleat_graph_pool(&graph, fork, "a"), b = pleat_graph_pool(&graph, fork, "b");
    return pleat_graph_up(&graph, pleat_graph_concat(&graph, a, b, "join"), 2, "up");
}
static int read_by_concat_before_pool(int fork) {
    const int joined = pleat_graph_concat(&graph, fork, 0, "join0");
    const int low = pleat_graph_pool(&graph, fork, "pool");
    return pleat_graph_concat(&graph, pleat_graph_up(&graph, low, 2, "up"), joined, "join1");
}
static int read_twice_by_a_concat(int fork) {
    return pleat_graph_concat(&graph, fork, fork, "join");
}
static int read_by_none(int fork) {
    (void)fork;
    return pleat_graph_conv(&graph, 0, 2, 1, "other");
}

static void networks_whose_gradients_would_collide_are_refused(void **state) {
    (void)state;
    int (*const wrong[])(int) = {read_by_pool_and_conv,  read_by_two_convs,
                                 read_by_two_pools,      read_by_concat_before_pool,
                                 read_twice_by_a_concat, read_by_none};
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        graph = (pleat_graph){0};
        const int fork = pleat_graph_conv(&graph, pleat_graph_input(&graph, 1), 2, 1, "fork");
        (void)pleat_graph_head(&graph, wrong[i](fork), CLASSES, "head");
        OK(pleat_graph_finish(&graph));
        pleat_model *model = NULL;
        pleat_net *net = NULL;
        const pleat_net_options options = {.batch = 1, .dim = {4, 4, 4}, .train = 1};
        OK(pleat_model_create(&graph, engine, 1, &model));
        REFUSED(pleat_net_create(model, &options, &net), PLEAT_ERR_UNSUPPORTED, "'fork' is read");
        assert_null(net);
        pleat_model_destroy(model);
    }
    pleat_engine_destroy(engine);
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
    trial t = start(engine, precision, dim);
    const double loss = train(&t);
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
    finish(&t);
}

static void every_engine_gives_the_oracles_loss_and_gradients(void **state) {
    (void)state;
    static const int dim[3] = {16, 16, 16};
    for (int norm = 0; norm < 2; norm++) {
        make_unet(5, norm);
        trial oracle = start("ref64", PLEAT_PRECISION_AUTO, dim);
        const double loss = train(&oracle);
        float *want = net_state(oracle.model, PLEAT_STATE_GRADS);
        for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
            if (e->missing() != NULL) continue;
            compare_to_oracle(e->name, PLEAT_PRECISION_F32, want, loss);
            compare_to_oracle(e->name, PLEAT_PRECISION_AUTO, want, loss);
        }
        free(want);
        finish(&oracle);
    }
}

/* --- inference -------------------------------------------------------------------------------- */

static void probabilities_are_the_same_from_a_net_made_for_training(void **state) {
    (void)state;
    make_unet(4, 1);
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        if (e->missing() != NULL || strcmp(e->name, "ref64") == 0) continue;
        trial t = start(e->name, PLEAT_PRECISION_AUTO, small);
        (void)train(&t); /* the running statistics have moved */
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
        free(probs);
        pleat_net_destroy(infer);
        finish(&t);
    }
}

static void ref64_does_not_predict(void **state) {
    (void)state;
    make_unet(2, 1);
    trial t = start("ref64", PLEAT_PRECISION_AUTO, small);
    REFUSED(pleat_net_predict(t.net, t.images, t.probs), PLEAT_ERR_UNSUPPORTED, "ref64");
    finish(&t);
}

/* The loss by hand from the probabilities: docs/math.md. */
static double loss_of_probabilities(const trial *t) {
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
    trial t = start("auto", PLEAT_PRECISION_F32, small);
    (void)train(&t);
    float *before[PLEAT_STATES];
    for (int s = 0; s < PLEAT_STATES; s++) before[s] = net_state(t.model, (pleat_state)s);
    OK(pleat_net_evaluate(t.net, t.images, t.labels, t.sums));
    pleat_loss_values values;
    pleat_loss_from_sums(t.sums, BATCH, t.voxels / BATCH, CLASSES, &values);
    OK(pleat_net_predict(t.net, t.images, t.probs));
    assert_true(fabs(values.loss / loss_of_probabilities(&t) - 1) < 1e-5);
    for (int s = 0; s < PLEAT_STATES; s++) {
        float *after = net_state(t.model, (pleat_state)s);
        assert_memory_equal(after, before[s],
                            pleat_model_count(t.model, (pleat_state)s) * sizeof *after);
        free(after);
        free(before[s]);
    }
    finish(&t);
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
        if (node->kind == PLEAT_NODE_CONV) check_glorot(node, params, 27);
        if (node->kind == PLEAT_NODE_UP) check_glorot(node, params, 8);
        if (node->kind == PLEAT_NODE_HEAD) check_glorot(node, params, 1);
        if (node->kind != PLEAT_NODE_NORM) continue;
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
        if (e->missing() != NULL || strcmp(e->name, "ref64") == 0) continue;
        trial t = start(e->name, PLEAT_PRECISION_F32, small);
        pleat_net *infer = net_compile(t.model, BATCH, small, 0, NULL);
        const size_t bytes = t.voxels * CLASSES * sizeof *t.probs;
        float *before = malloc(bytes), *fresh = malloc(bytes);
        OK(pleat_net_predict(infer, t.images, before));
        const double loss = train(&t);
        const pleat_adam adam = {1e-2, 0.9, 0.999, 1e-7, 1};
        OK(pleat_model_adam(t.model, &adam));
        OK(pleat_net_predict(infer, t.images, t.probs));
        assert_memory_not_equal(t.probs, before, bytes);
        /* a net that never saw the old weights predicts the same */
        pleat_net *later = net_compile(t.model, BATCH, small, 0, NULL);
        OK(pleat_net_predict(later, t.images, fresh));
        assert_true(net_nmse(t.probs, fresh, t.voxels * CLASSES) < 1e-12);
        assert_true(train(&t) < loss);
        free(before);
        free(fresh);
        pleat_net_destroy(later);
        pleat_net_destroy(infer);
        finish(&t);
    }
}

static void gradients_start_from_zero_at_every_step(void **state) {
    (void)state;
    make_unet(3, 1);
    trial t = start("ref", PLEAT_PRECISION_AUTO, small);
    (void)train(&t);
    float *once = net_state(t.model, PLEAT_STATE_GRADS);
    (void)train(&t);
    float *twice = net_state(t.model, PLEAT_STATE_GRADS);
    assert_memory_equal(once, twice, graph.params * sizeof *once);
    free(once);
    free(twice);
    finish(&t);
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
    trial t = start("auto", PLEAT_PRECISION_F32, small);
    pleat_net_destroy(t.net);
    const pleat_net_options options = {
        .batch = BATCH, .dim = {4, 4, 8}, .train = 1, .norm_momentum = momentum};
    OK(pleat_net_create(t.model, &options, &t.net));
    float *params = net_state(t.model, PLEAT_STATE_PARAMS);
    for (int i = 0; i < 3; i++) (void)train(&t);
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
    finish(&t);
}

static void running_statistics_follow_the_batch_by_the_momentum(void **state) {
    (void)state;
    graph = (pleat_graph){0};
    int x = pleat_graph_conv(&graph, pleat_graph_input(&graph, 1), 2, 1, "conv");
    x = pleat_graph_norm(&graph, x, "norm");
    (void)pleat_graph_head(&graph, x, CLASSES, "head");
    OK(pleat_graph_finish(&graph));
    check_running(0, 0.970299); /* not given: 0.99 */
    check_running(0.9, 0.729);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_a_unet_with_norm_are_slopes),
        cmocka_unit_test(gradients_of_a_unet_without_norm_are_slopes),
        cmocka_unit_test(gradients_of_another_network_are_slopes),
        cmocka_unit_test(networks_whose_gradients_would_collide_are_refused),
        cmocka_unit_test(a_batch_or_patch_that_cannot_be_is_refused),
        cmocka_unit_test(every_engine_gives_the_oracles_loss_and_gradients),
        cmocka_unit_test(probabilities_are_the_same_from_a_net_made_for_training),
        cmocka_unit_test(ref64_does_not_predict),
        cmocka_unit_test(evaluation_is_the_loss_of_the_prediction_and_changes_nothing),
        cmocka_unit_test(initial_weights_are_a_function_of_seed_and_fold_alone),
        cmocka_unit_test(initial_weights_are_glorots),
        cmocka_unit_test(a_step_changes_what_every_net_of_the_model_predicts),
        cmocka_unit_test(gradients_start_from_zero_at_every_step),
        cmocka_unit_test(running_statistics_follow_the_batch_by_the_momentum),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
