/* test_predict.c - every voxel of a volume gets the label of the network's opinion of it. */
#include "pleat/checkpoint.h"
#include "pleat/file.h"
#include "pleat/predict.h"
#include "pleat/predictor.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_device.h"
#include "support_net.h"

enum { CLASSES = 3, BATCH = 3 };

static const int patch[3] = {4, 6, 8};
static const pleat_merge merges[] = {PLEAT_MERGE_ORIGINAL, PLEAT_MERGE_UNIFORM,
                                     PLEAT_MERGE_GAUSSIAN, PLEAT_MERGE_NNUNET};
static const int volumes[][3] = {{4, 6, 8}, {11, 17, 9}, {3, 5, 7}, {1, 1, 1}, {4, 13, 5}};

static pleat_graph graph;

/* Class 1 where the voxel is above a half, else class 0: a convolution that copies its input. */
static pleat_model *threshold_model(pleat_engine *engine) {
    pleat_graph_free(&graph);
    const int x = pleat_graph_conv(&graph, pleat_graph_input(&graph, 1), 1, NULL, "copy");
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    OK(pleat_graph_finish(&graph));
    float params[27 + 1 + CLASSES + CLASSES] = {0};
    params[13] = 1.0f;
    params[28 + 1] = 100.0f; /* logits: 0, 100 x - 50, -1000 */
    params[28 + CLASSES + 1] = -50.0f;
    params[28 + CLASSES + 2] = -1000.0f;
    pleat_model *model = NULL;
    OK(pleat_model_create(&graph, engine, 0, &model));
    assert_int_equal(pleat_model_count(model, PLEAT_STATE_PARAMS), COUNT(params));
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, params));
    return model;
}

/* A U-Net that gives every voxel the same logits. */
static void constant_params(const float logits[CLASSES], float *params) {
    const pleat_node *head = &graph.node[graph.n - 1];
    for (size_t i = 0; i < graph.params; i++) params[i] = (float)(i % 7) * 0.1f - 0.3f;
    for (size_t i = 0; i < head->n_weights; i++) params[head->weights + i] = 0.0f;
    for (size_t i = 0; i < CLASSES; i++) params[head->bias + i] = logits[i];
}

static pleat_model *unet_model(pleat_engine *engine, const float *logits) {
    const pleat_network c = {.depth = 1, .filters = 2, .classes = CLASSES, .norm = 1};
    net_graph(&graph, &c);
    pleat_model *model = net_model(&graph, engine, 0);
    if (logits == NULL) return model;
    float *params = malloc(graph.params * sizeof *params);
    assert_non_null(params);
    constant_params(logits, params);
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, params));
    free(params);
    return model;
}

static float *noise(const int dim[3]) {
    const size_t n = pleat_voxels(dim);
    const pleat_rng rng = pleat_rng_at(9, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    float *data = malloc(n * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) {
        const double u = pleat_rng_uniform(&rng, (uint32_t)i);
        data[i] = (float)(u < 0.5 ? 0.9 * u : 0.1 + 0.9 * u); /* not too near a half */
    }
    return data;
}

static uint8_t *predict(pleat_net *const *nets, int n, pleat_merge merge, const int dim[3],
                        const float *image) {
    const pleat_predict_config config = {.patch = {patch[0], patch[1], patch[2]},
                                         .overlap = {1, 3, 5},
                                         .batch = BATCH,
                                         .merge = merge,
                                         .classes = CLASSES};
    const pleat_source source = {.dim = {dim[0], dim[1], dim[2]}, .channels = 1, .image = image};
    uint8_t *labels = malloc(pleat_voxels(dim));
    assert_non_null(labels);
    memset(labels, 77, pleat_voxels(dim));
    OK(pleat_predict_volume(&config, nets, n, &source, labels));
    return labels;
}

static void each_voxel_is_labelled_by_its_own_value(void **state) {
    (void)state;
    pleat_engine *engine = net_engine("auto", PLEAT_PRECISION_F32);
    pleat_model *model = threshold_model(engine);
    pleat_net *net = net_compile(model, BATCH, patch, 0, NULL);
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (size_t m = 0; m < COUNT(merges); m++) {
            float *image = noise(volumes[v]);
            uint8_t *labels = predict(&net, 1, merges[m], volumes[v], image);
            for (size_t i = 0; i < pleat_voxels(volumes[v]); i++)
                assert_int_equal(labels[i], image[i] > 0.5f);
            free(image);
            free(labels);
        }
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
}

static void a_network_sure_of_one_class_labels_all_with_it(void **state) {
    (void)state;
    static const float logits[CLASSES] = {1, 0, 4};
    pleat_engine *engine = net_engine("auto", PLEAT_PRECISION_AUTO);
    pleat_model *model = unet_model(engine, logits);
    pleat_net *net = net_compile(model, BATCH, patch, 0, NULL);
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (size_t m = 0; m < COUNT(merges); m++) {
            float *image = noise(volumes[v]);
            uint8_t *labels = predict(&net, 1, merges[m], volumes[v], image);
            for (size_t i = 0; i < pleat_voxels(volumes[v]); i++) assert_int_equal(labels[i], 2);
            free(image);
            free(labels);
        }
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
}

static void two_models_give_the_class_of_their_mean_probability(void **state) {
    (void)state;
    static const float logits[CLASSES] = {0, 2, 1};
    enum { V = 4 * 6 * 8 };
    pleat_engine *engine = net_engine("auto", PLEAT_PRECISION_F32);
    pleat_model *models[2] = {unet_model(engine, NULL), unet_model(engine, logits)};
    pleat_net *nets[2];
    float *image = noise(patch), *images = calloc(BATCH * V, sizeof *images);
    float *probs[2];
    assert_non_null(images);
    memcpy(images, image, V * sizeof *image);
    for (int i = 0; i < 2; i++) {
        nets[i] = net_compile(models[i], BATCH, patch, 0, NULL);
        probs[i] = malloc(BATCH * V * CLASSES * sizeof *probs[i]);
        OK(pleat_net_predict(nets[i], images, probs[i]));
    }
    /* the volume is one patch, so nothing is merged but the models */
    uint8_t *labels = predict(nets, 2, PLEAT_MERGE_ORIGINAL, patch, image);
    uint8_t *alone = predict(nets, 1, PLEAT_MERGE_ORIGINAL, patch, image);
    int changed = 0;
    for (size_t i = 0; i < V; i++) {
        int best = 0;
        double mean[CLASSES];
        for (int c = 0; c < CLASSES; c++) {
            mean[c] = 0.5 * ((double)probs[0][i * CLASSES + (size_t)c] +
                             (double)probs[1][i * CLASSES + (size_t)c]);
            if (mean[c] > mean[best] + 1e-6) best = c;
        }
        if (mean[labels[i]] < mean[best] - 1e-6) fail_msg("voxel %zu is %d", i, labels[i]);
        changed += labels[i] != alone[i];
    }
    assert_true(changed > 0); /* the second model was heard */
    for (int i = 0; i < 2; i++) {
        free(probs[i]);
        pleat_net_destroy(nets[i]);
        pleat_model_destroy(models[i]);
    }
    free(image);
    free(images);
    free(labels);
    free(alone);
    pleat_engine_destroy(engine);
}

/* What pleat_predict_probabilities says of itself, written down: each net, of each window as it is
 * and mirrored, its probabilities turned back; the weighted mean. */
static double *mean_of_all(pleat_net *const *nets, int n_nets, const pleat_predict_config *config,
                           const int dim[3], const float *image) {
    enum { V = 4 * 6 * 8 };
    static float images[BATCH * V], probs[BATCH * V * CLASSES];
    double *sum = calloc(pleat_voxels(dim) * CLASSES, sizeof *sum);
    double *weights = calloc(pleat_voxels(dim), sizeof *weights);
    pleat_window grid;
    assert_non_null(sum);
    assert_non_null(weights);
    OK(pleat_window_make(dim, patch, config->overlap, config->merge, &grid));
    for (int i = 0; i < pleat_window_count(&grid); i++)
        for (int k = 0; k < 8 * n_nets; k++) {
            const int mirror = k % 8;
            pleat_window_part part;
            if ((mirror & ~config->mirror) != 0) continue;
            pleat_window_part_of(&grid, i, &part);
            for (int filled = 0; filled < 2; filled++) {
                if (filled) OK(pleat_net_predict(nets[k / 8], images, probs));
                for (int v = 0; v < V; v++) {
                    const int at[3] = {v / 48, v / 8 % 6, v % 8};
                    int to[3], inside = 1, turned = 0;
                    double weight = 1.0;
                    for (int a = 0; a < 3; a++) {
                        to[a] = part.start[a] + at[a];
                        inside &= to[a] >= 0 && to[a] < dim[a];
                        turned =
                            turned * patch[a] + (mirror >> a & 1 ? patch[a] - 1 - at[a] : at[a]);
                        weight *= part.weight[a][at[a]];
                    }
                    const int voxel = (to[0] * dim[1] + to[1]) * dim[2] + to[2];
                    if (!filled) images[turned] = inside ? image[voxel] : 0.0F;
                    if (!filled || !inside) continue;
                    weight = fmax(weight, grid.least);
                    weights[voxel] += weight;
                    for (int c = 0; c < CLASSES; c++)
                        sum[voxel * CLASSES + c] += weight * (double)probs[turned * CLASSES + c];
                }
            }
        }
    for (size_t i = 0; i < pleat_voxels(dim) * CLASSES; i++) sum[i] /= weights[i / CLASSES];
    free(weights);
    pleat_window_free(&grid);
    return sum;
}

static void probabilities_are_the_mean_over_windows_mirrors_and_models(void **state) {
    (void)state;
    static const int dim[3] = {6, 9, 15}, axes[] = {0, PLEAT_AXIS(0) | PLEAT_AXIS(2), 7};
    pleat_engine *engine = net_engine("auto", PLEAT_PRECISION_F32);
    pleat_model *models[2] = {unet_model(engine, NULL), threshold_model(engine)};
    pleat_net *nets[2];
    for (int i = 0; i < 2; i++) nets[i] = net_compile(models[i], BATCH, patch, 0, NULL);
    float *image = noise(dim);
    const pleat_source source = {.dim = {6, 9, 15}, .channels = 1, .image = image};
    const size_t values = pleat_voxels(dim) * CLASSES;
    for (size_t k = 0; k < COUNT(axes) * COUNT(merges); k++) {
        const pleat_predict_config config = {.patch = {patch[0], patch[1], patch[2]},
                                             .overlap = {2, 3, 4},
                                             .batch = BATCH,
                                             .merge = merges[k % COUNT(merges)],
                                             .mirror = axes[k / COUNT(merges)],
                                             .classes = CLASSES};
        const int n = k % 2 == 0 ? 2 : 1;
        double *want = mean_of_all(nets, n, &config, dim, image);
        float *got = NULL, *there = NULL;
        uint8_t labels[6 * 9 * 15], of_got[6 * 9 * 15];
        OK(pleat_predict_probabilities(&config, nets, n, &source, &got));
        for (size_t i = 0; i < values; i++) assert_float_equal(got[i], want[i], 2e-6);
        OK(pleat_predict_volume(&config, nets, n, &source, labels));
        OK(pleat_argmax(got, pleat_voxels(dim), CLASSES, of_got));
        assert_memory_equal(labels, of_got, sizeof labels);
        support_device *device = support_device_give(engine); /* the same in a device's memory */
        device->unused = 1 << 20;
        OK(pleat_predict_probabilities(&config, nets, n, &source, &there));
        assert_true(device->windows > 0);
        assert_memory_equal(there, got, values * sizeof *got);
        support_device_release(device);
        free(want);
        free(got);
        free(there);
    }
    free(image);
    for (int i = 0; i < 2; i++) {
        pleat_net_destroy(nets[i]);
        pleat_model_destroy(models[i]);
    }
    pleat_engine_destroy(engine);
}

static void of_equal_classes_the_first_wins(void **state) {
    (void)state;
    static const float second[CLASSES] = {0, 2, 1}, third[CLASSES] = {0, 1, 2};
    static const int dim[3] = {3, 6, 7}; /* one window: sums of several are rounded */
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    pleat_model *models[2] = {unet_model(engine, third), unet_model(engine, second)};
    pleat_net *nets[2];
    for (int i = 0; i < 2; i++) nets[i] = net_compile(models[i], BATCH, patch, 0, NULL);
    float *image = noise(dim);
    for (int swap = 0; swap < 2; swap++) {
        pleat_net *order[2] = {nets[swap], nets[1 - swap]};
        uint8_t *labels = predict(order, 2, PLEAT_MERGE_UNIFORM, dim, image);
        for (size_t i = 0; i < pleat_voxels(dim); i++) assert_int_equal(labels[i], 1);
        free(labels);
    }
    free(image);
    for (int i = 0; i < 2; i++) {
        pleat_net_destroy(nets[i]);
        pleat_model_destroy(models[i]);
    }
    pleat_engine_destroy(engine);
}

/* A device sums the windows, of all models, of what fits four fifths of its free memory. */
static void a_device_merges_what_its_memory_holds(void **state) {
    (void)state;
    static const float logits[CLASSES] = {0, 1, 1};
    static const int dim[3] = {11, 17, 9};
    enum { WINDOWS = 4 * 5 * 2, BYTES = 11 * 17 * 9 * CLASSES * 4 };
    static const struct {
        size_t unused;
        pleat_status refuse;
        int windows;
    } rows[] = {
        {2 * BYTES, PLEAT_OK, 2 * WINDOWS}, {BYTES, PLEAT_OK, 0}, {2 * BYTES, PLEAT_ERR_MEMORY, 0}};
    pleat_engine *engine = net_engine("auto", PLEAT_PRECISION_F32);
    pleat_model *models[2] = {unet_model(engine, NULL), unet_model(engine, logits)};
    pleat_net *nets[2];
    for (int i = 0; i < 2; i++) nets[i] = net_compile(models[i], BATCH, patch, 0, NULL);
    float *image = noise(dim);
    uint8_t *want = predict(nets, 2, PLEAT_MERGE_GAUSSIAN, dim, image);
    support_device *device = support_device_give(engine);
    for (size_t r = 0; r < COUNT(rows); r++) {
        device->windows = 0;
        device->unused = rows[r].unused;
        device->refuse = rows[r].refuse;
        uint8_t *got = predict(nets, 2, PLEAT_MERGE_GAUSSIAN, dim, image);
        assert_int_equal(device->windows, rows[r].windows);
        assert_memory_equal(got, want, pleat_voxels(dim));
        free(got);
    }
    device->refuse = PLEAT_ERR_ENGINE;
    const pleat_predict_config config = {
        .patch = {patch[0], patch[1], patch[2]}, .batch = BATCH, .classes = CLASSES};
    const pleat_source source = {.dim = {dim[0], dim[1], dim[2]}, .channels = 1, .image = image};
    REFUSED(pleat_predict_volume(&config, nets, 2, &source, want), PLEAT_ERR_ENGINE,
            "a sum of windows was refused");
    support_device_release(device);
    for (int i = 0; i < 2; i++) {
        pleat_net_destroy(nets[i]);
        pleat_model_destroy(models[i]);
    }
    free(image);
    free(want);
    pleat_engine_destroy(engine);
}

/* Sums of NaN and of infinities on both sides alike; on the host, and in a device's memory. */
static void probabilities_that_are_not_finite_are_refused(void **state) {
    (void)state;
    static const int dim[3] = {11, 9, 10};
    uint8_t labels[11 * 9 * 10];
    for (int kind = 0; kind < 2; kind++) {
        pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
        const float logits[CLASSES] = {0, kind == 0 ? (float)NAN : (float)INFINITY, 0};
        pleat_model *model = unet_model(engine, logits);
        pleat_net *net = net_compile(model, BATCH, patch, 0, NULL);
        const pleat_predict_config config = {
            .patch = {patch[0], patch[1], patch[2]}, .batch = BATCH, .classes = CLASSES};
        float *image = noise(dim);
        const pleat_source source = {.dim = {11, 9, 10}, .channels = 1, .image = image};
        REFUSED(pleat_predict_volume(&config, &net, 1, &source, labels), PLEAT_ERR_NUMERIC,
                "probabilities are not finite");
        free(image);
        pleat_net_destroy(net);
        pleat_model_destroy(model);
        pleat_engine_destroy(engine);
    }
}

/* --- checkpoints ------------------------------------------------------------------------------ */

typedef struct fixture {
    pleat_engine *engine;
} fixture;

/* What a test's checkpoint differs in from the others; NULL: nothing. */
typedef struct oddity {
    int filters;
    const char *classes;
    double spacing;
    size_t missing; /* parameters */
    int lost;       /* 1: a weight is NaN, 2: a running statistic is */
    int channels;   /* 0: one */
} oddity;

static void write_model(const char *path, const oddity *odd) {
    static const float logits[CLASSES] = {0, 3, 1};
    static pleat_checkpoint c; /* large */
    pleat_config config;
    pleat_config_defaults(&config);
    config.network.depth = 1;
    config.network.filters = odd->filters;
    config.network.classes = CLASSES;
    config.network.channels = odd->channels > 0 ? odd->channels : 1;
    memcpy(config.patch, patch, sizeof patch);
    memset(config.overlap, 0, sizeof config.overlap);
    config.prep.spacing[0] = odd->spacing;
    c = (pleat_checkpoint){.finished = 1};
    net_graph(&graph, &config.network);
    pleat_network_text(&config.network, c.network, sizeof c.network);
    OK(pleat_config_text(&config, 0, c.config, sizeof c.config));
    pleat_prep_text(&config.prep, c.preprocessing, sizeof c.preprocessing);
    (void)snprintf(c.classes, sizeof c.classes, "%s", odd->classes);
    c.n_params = graph.params - odd->missing;
    c.n_stats = graph.stats;
    c.params = malloc(graph.params * sizeof *c.params);
    c.stats = malloc(graph.stats * sizeof *c.stats);
    constant_params(logits, c.params);
    for (size_t i = 0; i < graph.stats; i++) c.stats[i] = 1.0f;
    if (odd->lost == 1) c.params[5] = (float)NAN;
    if (odd->lost == 2) c.stats[1] = (float)INFINITY;
    OK(pleat_checkpoint_write(path, &c, 0));
    free(c.params);
    free(c.stats);
}

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(make_root(NULL), 0);
    f->engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pleat_engine_destroy(f->engine);
    free(f);
    return remove_root(NULL);
}

static void a_checkpoint_is_all_that_prediction_needs(void **state) {
    const fixture *f = *state;
    char path[PLEAT_PATH_BYTES];
    const char *const paths[2] = {path, path};
    const oddity normal = {2, "a,b,c", 2, 0, 0, 0};
    (void)in_root(path, "model.h5");
    write_model(path, &normal);
    static const int dim[3] = {5, 9, 7};
    static const double spacing[3] = {2, 1, 1};
    pleat_geometry native = {.dim = {10, 9, 7}, .spacing = {1, 1, 1}};
    float *image = noise(dim);
    const pleat_source source = {.dim = {5, 9, 7}, .channels = 1, .image = image};
    for (int n = 1; n <= 2; n++) {
        pleat_predictor *p = NULL;
        pleat_label out = {0};
        OK(pleat_predictor_open(f->engine, paths, n, NULL, NULL, &p));
        assert_memory_equal(pleat_predictor_config(p)->patch, patch, sizeof patch);
        OK(pleat_predictor_source(p, &source, spacing, &native, &out));
        assert_memory_equal(out.dim, native.dim, sizeof out.dim);
        for (size_t i = 0; i < pleat_voxels(out.dim); i++) assert_int_equal(out.data[i], 1);
        pleat_label_free(&out);
        pleat_predictor_close(p);
    }
    free(image);
}

static void a_configuration_changes_how_it_predicts_but_not_what(void **state) {
    const fixture *f = *state;
    char path[PLEAT_PATH_BYTES];
    const char *const paths[] = {path};
    const oddity normal = {2, "a,b,c", 2, 0, 0, 0};
    pleat_predictor *p = NULL;
    pleat_config config;
    (void)in_root(path, "model.h5");
    write_model(path, &normal);
    OK(pleat_predictor_config_of(path, &config));
    OK(pleat_config_set("predict.merge=gaussian", &config));
    OK(pleat_config_set("overlap=1,2,3", &config));
    OK(pleat_config_set("network.filters=5", &config));
    OK(pleat_predictor_open(f->engine, paths, 1, &config, NULL, &p));
    assert_int_equal(pleat_predictor_config(p)->merge, PLEAT_MERGE_GAUSSIAN);
    assert_int_equal(pleat_predictor_config(p)->overlap[0], 3);
    assert_int_equal(pleat_predictor_config(p)->network.filters, 2);
    assert_int_equal(pleat_predictor_config(p)->network.classes, CLASSES);
    pleat_predictor_close(p);
    OK(pleat_config_set("patch=16,16,15", &config));
    REFUSED(pleat_predictor_open(f->engine, paths, 1, &config, NULL, &p), PLEAT_ERR_SHAPE,
            "16x16x16");
}

static void models_that_do_not_belong_together_are_refused_by_name(void **state) {
    const fixture *f = *state;
    static const struct {
        oddity odd;
        pleat_status status;
        const char *message;
    } wrong[] = {
        {{2, "a,b,d", 2, 0, 0, 0}, PLEAT_ERR_DATA, "knows the classes a,b,d, '"},
        {{3, "a,b,d", 3, 0, 0, 0}, PLEAT_ERR_DATA, "knows the classes a,b,d, '"},
        {{2, "a,b,c", 2, 0, 0, 2}, PLEAT_ERR_DATA, "images of 2 channels, '"},
        {{2, "a,b,c", 2, 1, 0, 0}, PLEAT_ERR_FORMAT, "parameters, its network"},
        {{2, "a,b,c", 2, 0, 1, 0}, PLEAT_ERR_NUMERIC, "weights are not finite"},
        {{2, "a,b,c", 2, 0, 2, 0}, PLEAT_ERR_NUMERIC, "running statistics are not finite"},
    };
    char first[PLEAT_PATH_BYTES], second[PLEAT_PATH_BYTES];
    const oddity normal = {2, "a,b,c", 2, 0, 0, 0};
    const char *const paths[] = {first, first, second};
    pleat_predictor *p = NULL;
    (void)in_root(first, "first.h5");
    (void)in_root(second, "odd_one.h5");
    write_model(first, &normal);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        write_model(second, &wrong[i].odd);
        REFUSED(pleat_predictor_open(f->engine, paths, 3, NULL, NULL, &p), wrong[i].status,
                wrong[i].message);
        TOLD("odd_one.h5");
        if (wrong[i].status == PLEAT_ERR_DATA) TOLD("first.h5' ");
        assert_null(p);
    }
    (void)unlink(second);
    REFUSED(pleat_predictor_open(f->engine, paths, 3, NULL, NULL, &p), PLEAT_ERR_NOT_FOUND,
            "odd_one.h5");
    REFUSED(pleat_predictor_open(f->engine, paths, 0, NULL, NULL, &p), PLEAT_ERR_ARG, "no model");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_voxel_is_labelled_by_its_own_value),
        cmocka_unit_test(a_network_sure_of_one_class_labels_all_with_it),
        cmocka_unit_test(two_models_give_the_class_of_their_mean_probability),
        cmocka_unit_test(probabilities_are_the_mean_over_windows_mirrors_and_models),
        cmocka_unit_test(of_equal_classes_the_first_wins),
        cmocka_unit_test(a_device_merges_what_its_memory_holds),
        cmocka_unit_test(probabilities_that_are_not_finite_are_refused),
        cmocka_unit_test_setup_teardown(a_checkpoint_is_all_that_prediction_needs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_configuration_changes_how_it_predicts_but_not_what,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(models_that_do_not_belong_together_are_refused_by_name,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
