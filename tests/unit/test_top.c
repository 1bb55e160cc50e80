/*
 * test_top.c - losses of the voxels of the largest cross-entropy, of whole nets: against numbers
 * that PyTorch gave in float64 by nnU-Net's formula, and where voxels are alike by hand.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_trial.h"

enum { N = 2, K = 3, V = 4 * 4 * 8, IGNORED = 200, PARAMS = K * K + K };

static const int dim[3] = {4, 4, 8};

static pleat_graph graph;

static const pleat_loss *loss_of(const char *name) {
    for (int i = 0; pleat_losses[i] != NULL; i++)
        if (strcmp(pleat_losses[i]->name, name) == 0) return pleat_losses[i];
    fail_msg("there is no loss '%s'", name);
    return NULL;
}

/* Heads that read K channels, the last of the graph the main one. */
static void make_heads(int heads, const double *weights) {
    static const char *const names[] = {"one", "two"};
    pleat_graph_free(&graph);
    const int input = pleat_graph_input(&graph, K);
    for (int h = 0; h < heads; h++) (void)pleat_graph_head(&graph, input, K, weights[h], names[h]);
    OK(pleat_graph_finish(&graph));
}

typedef struct trial {
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    float images[N * V * K], params[2 * PARAMS];
    uint8_t labels[N * V];
    double sums[2 * N * PLEAT_LOSS_SUMS(K)];
} trial;

static trial *start(const char *engine, const char *loss, int batch, const int size[3],
                    int ignored) {
    trial *t = calloc(1, sizeof *t);
    assert_non_null(t);
    const pleat_net_options options = {.batch = batch,
                                       .dim = {size[0], size[1], size[2]},
                                       .train = 1,
                                       .loss = loss_of(loss),
                                       .ignored = ignored};
    t->engine = net_engine(engine, PLEAT_PRECISION_F32);
    OK(pleat_model_create(&graph, t->engine, 1, &t->model));
    OK(pleat_net_create(t->model, &options, &t->net));
    return t;
}

static void finish(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t);
}

/* The loss of a step. */
static double train(trial *t, int batch) {
    OK(pleat_model_set(t->model, PLEAT_STATE_PARAMS, t->params));
    OK(pleat_net_train(t->net, t->images, t->labels, batch, NULL, t->sums));
    return net_loss(t->net, t->sums, batch);
}

static double gradient(trial *t, size_t i) {
    double wide;
    float narrow;
    const size_t size = pleat_dtype_size(t->engine->real);
    const char *at = (const char *)pleat_model_data(t->model, PLEAT_STATE_GRADS) + i * size;
    OK(t->engine->ops->download(t->engine, size == 8 ? (void *)&wide : &narrow, at, size));
    return size == 8 ? wide : (double)narrow;
}

static void close_to(const char *what, double got, double want, double limit) {
    if (!(fabs(got - want) <= limit)) fail_msg("%s: %.15g, not %.15g", what, got, want);
}

/* --- nnU-Net's -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int ignores;
    double value, gradient[PARAMS];
} golden[] = {
    {"topk_crossentropy",
     0,
     3.4207390190341993,
     {1.4004344376597286, 0.15865072675809905, -1.2031966890001582, -0.055024369933783256,
      0.08602523015012918, 0.16197265129222768, -1.3454100677259448, -0.24467595690822821,
      1.0412240377079303, -0.6408927418262057, 0.1916291669828517, 0.44926357484335394}},
    {"topk_crossentropy",
     1,
     3.4539365346159974,
     {1.4116443570099955, 0.12773554379958482, -1.2528409767049955, -0.0646724655293144,
      0.07440527117766639, 0.1571745827178503, -1.346971891480681, -0.2021408149772512,
      1.095666393987145, -0.6389137069304157, 0.186079223398297, 0.4528344835321187}},
    {"dice_topk",
     0,
     3.0850784096479558,
     {1.4266526715459753, 0.16431332079135105, -1.222375072534076, -0.08304597050164221,
      0.06531722632979897, 0.16424964846922707, -1.3436067010443318, -0.22963054712115008,
      1.0581254240648486, -0.6063291509469533, 0.16135879854489177, 0.4449703524020615}},
    {"dice_topk",
     1,
     3.1157680102196075,
     {1.4396359984703764, 0.13471650617939673, -1.272153746140631, -0.09575031061286006,
      0.05522380413463645, 0.1644056453410568, -1.3438856878575165, -0.1899403103140332,
      1.1077481007995742, -0.604346756319321, 0.15550441050149483, 0.44884234581782617}},
    {"batch_dice_topk",
     0,
     3.0849077096813415,
     {1.4267421394765327, 0.16435217837989177, -1.2224162319446643, -0.0831972796236325,
      0.06525354530096074, 0.16432178809247464, -1.3435448598528998, -0.22960572368085225,
      1.0580944438521898, -0.6062503585348203, 0.16138283472288842, 0.44486752381193184}},
    {"batch_dice_topk",
     1,
     3.1160558825781512,
     {1.4397249980336135, 0.13454484913127243, -1.2724561531764567, -0.09576211388264882,
      0.05527427396839141, 0.16448019373555023, -1.3439628841509639, -0.18981912309966395,
      1.1079759594409067, -0.6041629856081636, 0.15545431119391984, 0.44870867441424384}},
};

/* x_j = 2 sin(.9 j + .3); W = the identity + .1 ((5 i) mod 7 - 3), b = .2 (-1, 0, 1); label of
 * voxel i: (3 i + i / 4) mod 3; where some are ignored, each i with i mod 5 = 2 is. */
static void fill(trial *t, int ignores) {
    for (int j = 0; j < N * V * K; j++) t->images[j] = (float)(2 * sin(0.9 * j + 0.3));
    for (int i = 0; i < K * K; i++)
        t->params[i] = (float)((i % (K + 1) == 0 ? 1.0 : 0.0) + 0.1 * (5 * i % 7 - 3));
    for (int c = 0; c < K; c++) t->params[K * K + c] = (float)(0.2 * (c - 1));
    for (int i = 0; i < N * V; i++)
        t->labels[i] = ignores && i % 5 == 2 ? IGNORED : (uint8_t)((3 * i + i / 4) % K);
}

static void values_and_gradients_are_nnunets(void **state) {
    (void)state;
    make_heads(1, (double[]){1});
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++)
        for (size_t g = 0; e->missing() == NULL && g < COUNT(golden); g++) {
            const double limit = strcmp(e->name, "ref64") == 0 ? 1e-12 : 1e-5;
            const int ignored = golden[g].ignores ? IGNORED : 0;
            trial *t = start(e->name, golden[g].name, N, dim, ignored);
            fill(t, golden[g].ignores);
            close_to(golden[g].name, train(t, N), golden[g].value, limit);
            for (size_t i = 0; i < PARAMS; i++)
                close_to("a gradient", gradient(t, i), golden[g].gradient[i], limit);
            finish(t);
        }
}

/* --- by hand ---------------------------------------------------------------------------------- */

/* Logits that are the same everywhere, by a bias alone: p = e^b. The labels 0, 1, 2 and of no class
 * have `voxels` each, scattered; `places` of each among the N V / 10 = 25 with the smallest p. */
static const struct {
    double p[K];
    int voxels[4];
    double places[K];
} alike[] = {
    {{0.2, 0.3, 0.5}, {26, 30, 200, 0}, {25, 0, 0}},  /* 26 share 25 */
    {{0.2, 0.3, 0.5}, {25, 31, 200, 0}, {25, 0, 0}},  /* just so many */
    {{0.2, 0.3, 0.5}, {10, 30, 216, 0}, {10, 15, 0}}, /* 30 share what is left */
    {{0.5, 0.3, 0.2}, {100, 1, 20, 135}, {4, 1, 20}}, {{0.2, 0.3, 0.5}, {0, 0, 256, 0}, {0, 0, 25}},
    {{0.2, 0.3, 0.5}, {3, 4, 5, 244}, {3, 4, 5}}, /* padding has the places left, with 0 */
    {{0.2, 0.3, 0.5}, {0, 0, 0, 256}, {0, 0, 0}},
};

static void voxels_that_are_alike_share_the_last_places(void **state) {
    enum { TENTH = N * V / 10 };
    (void)state;
    make_heads(1, (double[]){1});
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++)
        for (size_t r = 0; e->missing() == NULL && r < COUNT(alike); r++) {
            trial *t = start(e->name, "topk_crossentropy", N, dim, 0);
            int next = 0;
            for (int l = 0; l < 4; l++)
                for (int i = 0; i < alike[r].voxels[l]; i++, next++) /* 101 is prime to 256 */
                    t->labels[next * 101 % (N * V)] = l < K ? (uint8_t)l : 255;
            assert_int_equal(next, N * V);
            double value = 0, slope[K] = {0};
            for (int l = 0; l < K; l++) {
                t->params[K * K + l] = (float)log(alike[r].p[l]);
                value -= alike[r].places[l] * log(alike[r].p[l]) / TENTH;
                for (int c = 0; c < K; c++)
                    slope[c] += alike[r].places[l] * (alike[r].p[c] - (c == l)) / TENTH;
            }
            close_to("loss", train(t, N), value, 1e-6);
            for (size_t c = 0; c < K; c++)
                close_to("of a bias", gradient(t, PARAMS - K + c), slope[c], 1e-6);
            finish(t);
        }
}

/* Sure and wrong: the term is cut at 1e-7 and has no gradient, as that of other losses. */
static void what_is_cut_has_no_gradient(void **state) {
    (void)state;
    make_heads(1, (double[]){1});
    trial *t = start("ref64", "topk_crossentropy", N, dim, 0);
    t->params[K * K + 1] = 100;
    close_to("loss", train(t, N), -log(1e-7), 1e-12);
    for (size_t i = 0; i < PARAMS; i++) assert_true(gradient(t, i) == 0);
    finish(t);
}

/* int(M / 10) is 0: nnU-Net's mean is then of nothing. */
static void fewer_than_ten_voxels_have_one_that_is_the_worst(void **state) {
    static const int tiny[3] = {1, 2, 3};
    (void)state;
    make_heads(1, (double[]){1});
    trial *t = start("ref64", "topk_crossentropy", 1, tiny, 0);
    for (size_t c = 0; c < K; c++) t->params[c * K] = (float)log(c == 0 ? 0.125 : 0.4375);
    for (size_t v = 0; v < 6; v++) t->images[v * K] = v == 4 ? 1 : 0; /* else p = 1/3 */
    close_to("loss", train(t, 1), log(8), 1e-6);
    finish(t);
}

static void each_head_has_its_own(void **state) {
    (void)state;
    double value[2], slope[2];
    for (int h = 0; h < 2; h++) { /* the second has twice the weights and bias */
        make_heads(1, (double[]){1});
        trial *t = start("ref64", "dice_topk", N, dim, 0);
        fill(t, 0);
        for (int i = 0; i < PARAMS; i++) t->params[i] *= (float)(h + 1);
        value[h] = train(t, N);
        slope[h] = gradient(t, 1);
        finish(t);
    }
    make_heads(2, (double[]){0.25, 0.75});
    trial *t = start("ref64", "dice_topk", N, dim, 0);
    fill(t, 0);
    for (int i = 0; i < PARAMS; i++) t->params[PARAMS + i] = 2 * t->params[i];
    close_to("loss", train(t, N), 0.25 * value[0] + 0.75 * value[1], 1e-12);
    close_to("first head", gradient(t, 1), 0.25 * slope[0], 1e-12);
    close_to("second head", gradient(t, PARAMS + 1), 0.75 * slope[1], 1e-12);
    finish(t);
}

/* As in training with a batch of that sample. */
static void each_patch_of_validation_is_by_itself(void **state) {
    static const char *const names[] = {"topk_crossentropy", "dice_topk", "batch_dice_topk"};
    (void)state;
    make_heads(1, (double[]){1});
    for (size_t l = 0; l < COUNT(names); l++)
        for (int ignored = 0; ignored <= IGNORED; ignored += IGNORED) {
            trial *both = start("ref64", names[l], N, dim, ignored);
            trial *one = start("ref64", names[l], 1, dim, ignored);
            fill(both, ignored > 0);
            fill(one, ignored > 0);
            OK(pleat_model_set(both->model, PLEAT_STATE_PARAMS, both->params));
            OK(pleat_net_evaluate(both->net, both->images, both->labels, both->sums));
            for (int b = 0; b < N; b++) {
                memcpy(one->images, both->images + (size_t)b * V * K, sizeof both->images / N);
                memcpy(one->labels, both->labels + (size_t)b * V, V);
                const double *sums = both->sums + (size_t)b * pleat_net_sample_sums(both->net);
                close_to(names[l], net_loss(both->net, sums, 1), train(one, 1), 1e-12);
            }
            finish(both);
            finish(one);
        }
}

static void gradients_of_a_unet_and_of_several_heads_are_slopes(void **state) {
    static const int patch[3] = {8, 8, 8};
    (void)state;
    const pleat_network unet = {.depth = 1, .filters = 3, .classes = K, .norm = 1};
    pleat_network deep;
    net_graph(&graph, &unet);
    net_gradients_are_slopes(&graph, patch, loss_of("dice_topk"));
    net_gradients_are_slopes(&graph, patch, loss_of("topk_crossentropy"));
    OK(pleat_network_parse("plainconv depth=2 filters=3 classes=3 strides=222,222", &deep));
    net_graph(&graph, &deep);
    net_gradients_are_slopes(&graph, patch, loss_of("batch_dice_topk"));
}

/* Nobody annotated the second patch; without the rule its Dice would be 1. */
static void a_patch_of_what_is_ignored_is_in_no_mean(void **state) {
    static const char *const losses[] = {"dice_ce", "batch_dice_ce"};
    static const double weights[] = {0.3, 0.7};
    (void)state;
    for (int heads = 1; heads <= 2; heads++)
        for (int l = 0; l < 2; l++) {
            double both[PLEAT_MOST_METRICS], alone[PLEAT_MOST_METRICS];
            make_heads(heads, heads == 1 ? weights + 1 : weights);
            trial *t = start("ref", losses[l], N, dim, IGNORED);
            fill(t, 1);
            memset(t->labels + V, IGNORED, V);
            (void)train(t, N);
            assert_int_equal(pleat_net_metrics(t->net, t->sums, N, both), 1);
            assert_int_equal(pleat_net_metrics(t->net, t->sums, 1, alone), 1);
            for (int m = 0; m < loss_of(losses[l])->n_metrics; m++)
                close_to(losses[l], both[m], alone[m], 1e-6);
            memset(t->labels, IGNORED, V);
            (void)train(t, N);
            assert_int_equal(pleat_net_metrics(t->net, t->sums, N, both), 0);
            finish(t);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_gradients_are_nnunets),
        cmocka_unit_test(voxels_that_are_alike_share_the_last_places),
        cmocka_unit_test(what_is_cut_has_no_gradient),
        cmocka_unit_test(fewer_than_ten_voxels_have_one_that_is_the_worst),
        cmocka_unit_test(each_head_has_its_own),
        cmocka_unit_test(each_patch_of_validation_is_by_itself),
        cmocka_unit_test(a_patch_of_what_is_ignored_is_in_no_mean),
        cmocka_unit_test(gradients_of_a_unet_and_of_several_heads_are_slopes),
    };
    const int failed = cmocka_run_group_tests_name("top", tests, NULL, NULL);
    pleat_graph_free(&graph);
    return failed;
}
