/*
 * test_blend.c - the mean of models that differ in network and preprocessing, and how unsure they
 * are.
 *
 * Most models here have the same opinion of every voxel, so that what comes of several is known
 * whatever the grids.
 */
#include "pleat/checkpoint.h"
#include "pleat/nifti.h"
#include "pleat/predictor.h"
#include "pleat/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { CLASSES = 3, WANT_ALL = PLEAT_WANT_PROBABILITIES | PLEAT_WANT_UNCERTAINTY };

static const int patch[3] = {4, 6, 8}, dim[3] = {7, 9, 10};
static const double spacing[3] = {2, 1.5, 1};

static pleat_graph graph; /* large */

typedef struct opinion {
    int filters;
    double mm;             /* of the grid it was trained on; 0: each image's own */
    float logits[CLASSES]; /* all 0: weights of its own, and an opinion of each voxel */
} opinion;

/* own[2]: what its configuration sets, "key=value"; NULL: nothing. */
static void write_model(const char *path, const opinion *o, const char *const *own) {
    static pleat_checkpoint c; /* large */
    pleat_config config;
    pleat_config_defaults(&config);
    config.network.depth = 1;
    config.network.filters = o->filters;
    config.network.classes = CLASSES;
    memcpy(config.patch, patch, sizeof patch);
    for (int a = 0; a < 3; a++) config.overlap[a] = 2;
    config.prep.resample = o->mm > 0.0;
    for (int a = 0; a < 3; a++) config.prep.spacing[a] = o->mm;
    for (int i = 0; own != NULL && i < 2 && own[i] != NULL; i++)
        OK(pleat_config_set(own[i], &config));
    c = (pleat_checkpoint){.finished = 1};
    net_graph(&graph, &config.network);
    pleat_network_text(&config.network, c.network, sizeof c.network);
    OK(pleat_config_text(&config, 0, c.config, sizeof c.config));
    pleat_prep_text(&config.prep, c.preprocessing, sizeof c.preprocessing);
    (void)snprintf(c.classes, sizeof c.classes, "a,b,c");
    c.n_params = graph.params;
    c.n_stats = graph.stats;
    c.params = malloc(graph.params * sizeof *c.params);
    c.stats = malloc(graph.stats * sizeof *c.stats);
    assert_non_null(c.params);
    assert_non_null(c.stats);
    const pleat_node *head = &graph.node[graph.n - 1];
    const int same = o->logits[0] != 0.0F || o->logits[1] != 0.0F || o->logits[2] != 0.0F;
    for (size_t i = 0; i < graph.params; i++)
        c.params[i] = (float)((i * i * 29 + 7 * i + (size_t)o->filters) % 31) / 31.0F - 0.5F;
    for (size_t i = 0; same && i < head->n_weights; i++) c.params[head->weights + i] = 0.0F;
    for (size_t i = 0; i < CLASSES; i++) c.params[head->bias + i] = o->logits[i];
    for (size_t i = 0; i < graph.stats; i++) c.stats[i] = 1.0F;
    OK(pleat_checkpoint_write(path, &c, 0));
    free(c.params);
    free(c.stats);
}

static pleat_case_paths write_case(char path[PLEAT_PATH_BYTES]) {
    pleat_geometry geometry;
    pleat_image image = {0};
    (void)in_root(path, "case.nii.gz");
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    OK(pleat_image_make(1, dim, spacing, &image));
    for (size_t i = 0; i < pleat_voxels(dim); i++)
        image.data[i] = (float)((i * 7919) % 1201) - 800.0F;
    OK(pleat_nifti_write_image(path, &image, &geometry, 0));
    pleat_image_free(&image);
    return (pleat_case_paths){.id = "case", .image = {path}, .images = 1};
}

typedef struct fixture {
    pleat_engine *engine;
    char image[PLEAT_PATH_BYTES];
    pleat_case_paths one;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(make_root(NULL), 0);
    f->engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    f->one = write_case(f->image);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pleat_engine_destroy(f->engine);
    free(f);
    return remove_root(NULL);
}

/* Models of these opinions, in this order. */
static pleat_predictor *open_models(const fixture *f, const opinion *opinions, int n,
                                    const char *const *sets) {
    char path[8][PLEAT_PATH_BYTES];
    const char *paths[8];
    pleat_predictor *p = NULL;
    for (int i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "model%d.h5", i);
        (void)in_root(path[i], name);
        write_model(path[i], &opinions[i], NULL);
        paths[i] = path[i];
    }
    OK(pleat_predictor_open(f->engine, paths, n, NULL, sets, &p));
    return p;
}

/* By hand: what n models of these logits say together. */
static void together(const opinion *o, int n, double mean[CLASSES], double *entropy,
                     double *information) {
    double inner = 0.0;
    *entropy = 0.0;
    for (int c = 0; c < CLASSES; c++) mean[c] = 0.0;
    for (int i = 0; i < n; i++) {
        double e[CLASSES], sum = 0.0;
        for (int c = 0; c < CLASSES; c++) sum += e[c] = exp((double)o[i].logits[c]);
        for (int c = 0; c < CLASSES; c++) {
            mean[c] += e[c] / sum / n;
            inner -= e[c] / sum * log(e[c] / sum) / n;
        }
    }
    for (int c = 0; c < CLASSES; c++) *entropy -= mean[c] * log(mean[c]);
    *information = *entropy - inner;
}

static void models_are_averaged_each_counting_once_whatever_their_grids(void **state) {
    const fixture *f = *state;
    static const opinion o[] = {{2, 0, {1, 0, 2}},
                                {2, 0, {0.5F, 3, 0}},
                                {3, 0, {2, 1, 0}},
                                {2, 1, {0, 1, 4}},
                                {3, 1.2, {1, 5, 1}}};
    const size_t voxels = pleat_voxels(dim);
    for (int n = 1; n <= (int)COUNT(o); n++) { /* from 4 on of several grids */
        double mean[CLASSES], entropy, information;
        pleat_prediction got = {0};
        pleat_geometry native;
        int best = 0;
        pleat_predictor *p = open_models(f, o, n, NULL);
        together(o, n, mean, &entropy, &information);
        for (int c = 1; c < CLASSES; c++) best = mean[c] > mean[best] ? c : best;
        OK(pleat_predictor_case(p, &f->one, WANT_ALL, &got, &native));
        assert_memory_equal(native.dim, dim, sizeof dim);
        assert_memory_equal(got.label.dim, dim, sizeof dim);
        assert_memory_equal(got.entropy.dim, dim, sizeof dim);
        assert_int_equal(got.probabilities.channels, CLASSES);
        for (size_t v = 0; v < voxels; v++) {
            assert_int_equal(got.label.data[v], best);
            assert_float_equal(got.entropy.data[v], entropy, 2e-6);
            assert_float_equal(got.information.data[v], information, 2e-6);
            for (size_t c = 0; c < CLASSES; c++)
                assert_float_equal(got.probabilities.data[c * voxels + v], mean[c], 1e-6);
        }
        if (n == 1) assert_true(got.information.data[0] == 0.0F);
        pleat_prediction_free(&got);
        OK(pleat_predictor_case(p, &f->one, 0, &got, &native)); /* nothing but labels */
        for (size_t v = 0; v < voxels; v++) assert_int_equal(got.label.data[v], best);
        assert_true(got.probabilities.data == NULL && got.entropy.data == NULL);
        pleat_prediction_free(&got);
        pleat_predictor_close(p);
    }
}

/* Of a model that looks at the voxels: each step is another module's, tested there. */
static void probabilities_lie_where_the_image_lies(void **state) {
    const fixture *f = *state;
    static const double spacings[] = {0, 1.3};
    static const char *const sets[] = {"predict.mirror=true", "predict.merge=nnunet", NULL};
    for (size_t k = 0; k < COUNT(spacings); k++) {
        const opinion one = {4, spacings[k], {0, 0, 0}};
        pleat_predictor *p = open_models(f, &one, 1, k == 0 ? NULL : sets);
        const pleat_config *config = pleat_predictor_config(p);
        pleat_prediction all = {0}, alone = {0};
        pleat_geometry native;
        pleat_image image = {0};
        float *stored = NULL, *want = malloc(pleat_voxels(dim) * CLASSES * sizeof *want);
        OK(pleat_predictor_case(p, &f->one, WANT_ALL, &all, &native));
        OK(pleat_predictor_case(p, &f->one, 0, &alone, &native));
        assert_memory_equal(all.label.data, alone.label.data, pleat_voxels(dim));
        assert_true(pleat_label_any(&alone.label));

        OK(pleat_prep_load(&config->prep, &f->one, &image, NULL));
        const pleat_source source = {
            .dim = {image.dim[0], image.dim[1], image.dim[2]}, .channels = 1, .image = image.data};
        const pleat_predict_config how = {.patch = {patch[0], patch[1], patch[2]},
                                          .overlap = {2, 2, 2},
                                          .batch = config->predict_batch,
                                          .merge =
                                              k == 0 ? PLEAT_MERGE_ORIGINAL : PLEAT_MERGE_NNUNET,
                                          .mirror = k == 0 ? 0 : PLEAT_ALL_AXES,
                                          .classes = CLASSES};
        pleat_model *model = net_model(&graph, f->engine, 0); /* of write_model's last */
        pleat_checkpoint c = {0};
        OK(pleat_checkpoint_read(in_root(NULL, "model0.h5"), &c));
        OK(pleat_model_set(model, PLEAT_STATE_PARAMS, c.params));
        OK(pleat_model_set(model, PLEAT_STATE_STATS, c.stats));
        pleat_checkpoint_free(&c);
        pleat_net *net = net_compile(model, config->predict_batch, patch, 0, NULL);
        OK(pleat_predict_probabilities(&how, &net, 1, &source, &stored));
        OK(pleat_resample_values(stored, image.dim, CLASSES, dim, 1, want));
        assert_memory_equal(all.probabilities.data, want,
                            pleat_voxels(dim) * CLASSES * sizeof *want);
        pleat_net_destroy(net);
        pleat_model_destroy(model);
        free(stored);
        free(want);
        pleat_image_free(&image);
        pleat_prediction_free(&all);
        pleat_prediction_free(&alone);
        pleat_predictor_close(p);
    }
}

static void what_is_set_counts_for_every_network(void **state) {
    const fixture *f = *state;
    static const opinion o[] = {{2, 0, {1, 0, 2}}, {3, 1.2, {1, 5, 1}}};
    static const char *const sets[] = {"overlap=0,0,8", NULL};
    char path[2][PLEAT_PATH_BYTES];
    const char *const paths[] = {path[0], path[1]};
    pleat_predictor *p = NULL;
    for (int i = 0; i < 2; i++) write_model(in_root(path[i], i ? "b.h5" : "a.h5"), &o[i], NULL);
    pleat_config first;
    OK(pleat_predictor_config_of(path[0], &first));
    REFUSED(pleat_predictor_open(f->engine, paths, 2, &first, sets, &p), PLEAT_ERR_ARG,
            "overlap 8 along z");
    assert_null(p);
    pleat_label label = {0};
    pleat_geometry native = {.dim = {4, 6, 8}, .spacing = {1, 1, 1}};
    const pleat_source source = {.dim = {4, 6, 8}, .channels = 1};
    OK(pleat_predictor_open(f->engine, paths, 2, &first, NULL, &p));
    REFUSED(pleat_predictor_source(p, &source, spacing, &native, &label), PLEAT_ERR_ARG,
            "several networks, preprocessings or patches");
    pleat_predictor_close(p);
}

/* The probabilities of the case by models[n]. */
static float *probabilities_by(const fixture *f, const char *const *models, int n,
                               const char *const *sets) {
    pleat_prediction got = {0};
    pleat_geometry native;
    pleat_predictor *p = NULL;
    OK(pleat_predictor_open(f->engine, models, n, NULL, sets, &p));
    OK(pleat_predictor_case(p, &f->one, WANT_ALL, &got, &native));
    pleat_predictor_close(p);
    float *values = got.probabilities.data;
    got.probabilities.data = NULL;
    pleat_prediction_free(&got);
    return values;
}

/* The network and its weights are the same: nothing else tells two models apart. */
static void each_model_predicts_by_its_own_settings_unless_they_are_set(void **state) {
    const fixture *f = *state;
    static const opinion one = {4, 0, {0, 0, 0}};
    static const char *const own[][2][2] = {
        {{"patch=8,6,4", "overlap=2,2,2"}, {"patch=4,6,8", "overlap=2,2,2"}},
        {{"overlap=2,2,2", NULL}, {"overlap=4,2,1", NULL}},
        {{"patch=8,6,8", "pad=background"}, {"patch=8,6,8", "pad=zero"}},
        {{"predict.merge=original", NULL}, {"predict.merge=gaussian", NULL}},
        {{"predict.mirror=false", NULL}, {"predict.mirror=true", NULL}},
    };
    const size_t values = pleat_voxels(dim) * CLASSES;
    char a[PLEAT_PATH_BYTES], b[PLEAT_PATH_BYTES];
    const char *const orders[2][2] = {{a, b}, {b, a}};
    (void)in_root(a, "a.h5");
    (void)in_root(b, "b.h5");
    for (size_t k = 0; k < COUNT(own); k++) {
        const char *const sets[] = {own[k][1][0], own[k][1][1], NULL};
        write_model(a, &one, own[k][0]);
        write_model(b, &one, own[k][1]);
        float *by_a = probabilities_by(f, orders[0], 1, NULL),
              *by_b = probabilities_by(f, orders[1], 1, NULL),
              *set = probabilities_by(f, orders[0], 2, sets);
        assert_memory_not_equal(by_a, by_b, values * sizeof *by_a);
        assert_memory_equal(set, by_b, values * sizeof *set);
        for (int order = 0; order < 2; order++) {
            float *both = probabilities_by(f, orders[order], 2, NULL);
            for (size_t i = 0; i < values; i++)
                assert_float_equal(both[i], (by_a[i] + by_b[i]) / 2, 1e-6);
            free(both);
        }
        free(by_a);
        free(by_b);
        free(set);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(models_are_averaged_each_counting_once_whatever_their_grids,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(probabilities_lie_where_the_image_lies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_set_counts_for_every_network, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_model_predicts_by_its_own_settings_unless_they_are_set,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("blend", tests, NULL, NULL);
}
