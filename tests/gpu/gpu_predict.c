/*
 * gpu_predict.c - windows merged in the GPU's memory give the labels of those merged on the host.
 *
 * Takes the module as the program does: beside it, or in PLEAT_MODULE_PATH.
 * Leaves with 77, which CTest calls skipped, where there is no module or no GPU.
 */
#include "pleat/device.h"
#include "pleat/predict.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { BATCH = 3, CLASSES = 4, MODELS = 2, SKIPPED = 77 };

static const int patch[3] = {4, 8, 16}, overlap[3] = {1, 5, 9};
static const pleat_merge merges[] = {PLEAT_MERGE_ORIGINAL, PLEAT_MERGE_UNIFORM,
                                     PLEAT_MERGE_GAUSSIAN, PLEAT_MERGE_NNUNET};
/* One patch; not divisible; smaller in one axis, in all; smaller and longer. */
static const int volumes[][3] = {{4, 8, 16}, {7, 13, 25}, {9, 5, 23}, {1, 1, 1}, {3, 15, 16}};

static float *random_floats(uint64_t seed, size_t n) {
    const pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    float *data = malloc(n * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) data[i] = (float)pleat_rng_range(&rng, (uint32_t)i, -1, 1);
    return data;
}

/* Probabilities of a window. Of some voxels they are equal, or NaN, or so near each other that a
 * product rounded otherwise gives another label. */
static float *window_probs(uint64_t seed, size_t n) {
    float *probs = random_floats(seed, n);
    for (size_t i = 0; i < n; i++) {
        probs[i] = fabsf(probs[i]);
        const size_t kind = i / CLASSES % 5;
        if (kind == 0) probs[i] = i % CLASSES < 2 ? 0.0F : 1.0F;
        if (kind >= 3) probs[i] = 0.7F + 6e-8F * floorf(4 * probs[i]);
        if (i % 301 == 0) probs[i] = NAN;
    }
    return probs;
}

/* The sum and labels of one volume both ways, from the same probabilities, mirrored or not. */
static void compare_sums(pleat_engine *engine, const int dim[3], pleat_merge merge, int classes) {
    const pleat_window_ops *gpu = pleat_device_of(engine)->windows;
    const size_t voxels = pleat_voxels(dim), each = pleat_voxels(patch) * (size_t)classes;
    pleat_window window;
    pleat_window_sum *sum = NULL;
    void *on_gpu = NULL;
    float *on_host = calloc(voxels * (size_t)classes, sizeof *on_host), *brought = NULL;
    uint8_t *got = malloc(voxels), *want = malloc(voxels);
    assert_non_null(on_host);
    assert_non_null(got);
    assert_non_null(want);
    OK(pleat_window_make(dim, patch, overlap, merge, &window));
    assert_true(gpu->bytes(&window, classes) >= voxels * (size_t)classes * sizeof *on_host);
    OK(gpu->create(engine, &window, classes, &sum));
    OK(engine->ops->alloc(engine, each * sizeof *on_host, &on_gpu));
    for (int i = 0; i < pleat_window_count(&window); i++) {
        const int mirror = i % 8;
        float *probs = window_probs((uint64_t)i, each);
        OK(engine->ops->upload(engine, on_gpu, probs, each * sizeof *probs));
        OK(gpu->add(sum, i, mirror, on_gpu));
        pleat_window_accumulate(&window, i, mirror, probs, classes, on_host);
        free(probs);
    }
    memset(got, 77, voxels);
    OK(gpu->label(sum, got));
    OK(pleat_argmax(on_host, voxels, classes, want));
    for (size_t v = 0; v < voxels; v++)
        if (got[v] != want[v])
            fail_msg("%s, %d x %d x %d: voxel %zu is %d, not %d", pleat_merge_name(merge), dim[0],
                     dim[1], dim[2], v, got[v], want[v]);
    OK(gpu->values(sum, &brought));
    for (size_t i = 0; i < voxels * (size_t)classes; i++)
        if (isnan(brought[i]) ? !isnan(on_host[i]) : brought[i] != on_host[i])
            fail_msg("%s: value %zu is %.9g, not %.9g", pleat_merge_name(merge), i, brought[i],
                     on_host[i]);
    free(brought);
    gpu->destroy(sum);
    engine->ops->free(engine, on_gpu);
    pleat_window_free(&window);
    free(on_host);
    free(got);
    free(want);
}

static void the_same_windows_give_the_same_labels(void **state) {
    (void)state;
    pleat_engine *engine = net_engine("cudnn", PLEAT_PRECISION_F32);
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (size_t m = 0; m < COUNT(merges); m++)
            for (int classes = 1; classes <= CLASSES; classes += 3)
                compare_sums(engine, volumes[v], merges[m], classes);
    pleat_engine_destroy(engine);
}

static void a_label_has_room_for_254_classes(void **state) {
    (void)state;
    pleat_engine *engine = net_engine("cudnn", PLEAT_PRECISION_F32);
    pleat_window window;
    pleat_window_sum *sum = NULL;
    OK(pleat_window_make(volumes[0], patch, overlap, PLEAT_MERGE_UNIFORM, &window));
    REFUSED(pleat_device_of(engine)->windows->create(engine, &window, 256, &sum), PLEAT_ERR_ARG,
            "1 to 254");
    assert_null(sum);
    pleat_device_of(engine)->windows->destroy(NULL);
    pleat_window_free(&window);
    compare_sums(engine, volumes[0], PLEAT_MERGE_UNIFORM, 254);
    pleat_engine_destroy(engine);
}

static void predict(const pleat_predict_config *config, pleat_net *const *nets, int n,
                    const pleat_source *source, uint8_t *labels) {
    memset(labels, 77, pleat_voxels(source->dim));
    OK(pleat_predict_volume(config, nets, n, source, labels));
}

static pleat_status no_memory(pleat_engine *engine, size_t *unused, size_t *total) {
    (void)engine;
    *unused = *total = 0;
    return PLEAT_OK;
}

/* The host's way is taken by an engine whose device has no memory left. */
static void compare_labels(pleat_net *const *nets, int n, const int dim[3], pleat_merge merge,
                           int seen[CLASSES]) {
    pleat_engine *engine = pleat_net_engine(nets[0]);
    const pleat_engine_ops *ops = engine->ops;
    pleat_engine_ops without = *ops;
    pleat_device_ops device = *ops->device;
    const size_t voxels = pleat_voxels(dim);
    const pleat_predict_config config = {.patch = {patch[0], patch[1], patch[2]},
                                         .overlap = {overlap[0], overlap[1], overlap[2]},
                                         .batch = BATCH,
                                         .merge = merge,
                                         .mirror = n > 1 ? PLEAT_AXIS(0) | PLEAT_AXIS(2) : 0,
                                         .classes = CLASSES};
    float *image = random_floats(5, voxels);
    const pleat_source source = {.dim = {dim[0], dim[1], dim[2]}, .channels = 1, .image = image};
    uint8_t *got = malloc(voxels), *want = malloc(voxels);
    assert_non_null(got);
    assert_non_null(want);
    predict(&config, nets, n, &source, got);
    device.memory = no_memory;
    without.device = &device;
    engine->ops = &without;
    predict(&config, nets, n, &source, want);
    engine->ops = ops;
    size_t differ = 0;
    for (size_t v = 0; v < voxels; v++) {
        differ += got[v] != want[v];
        seen[want[v]]++;
    }
    if (differ > 0)
        fail_msg("%s, %d models, %d x %d x %d: %zu of %zu labels differ", pleat_merge_name(merge),
                 n, dim[0], dim[1], dim[2], differ, voxels);
    free(image);
    free(got);
    free(want);
}

static void a_volume_is_labelled_as_by_the_host(void **state) {
    (void)state;
    static pleat_graph graph; /* large */
    const pleat_network network = {.depth = 2, .filters = 4, .classes = CLASSES, .norm = 1};
    int seen[CLASSES] = {0};
    pleat_engine *engine = net_engine("cudnn", PLEAT_PRECISION_AUTO);
    pleat_model *models[MODELS];
    pleat_net *nets[MODELS];
    net_graph(&graph, &network);
    for (int i = 0; i < MODELS; i++) {
        models[i] = net_model(&graph, engine, 0);
        if (i > 0) OK(pleat_model_init(models[i], (uint64_t)i, 1)); /* of its own opinion */
        nets[i] = net_compile(models[i], BATCH, patch, 0, NULL);
    }
    for (size_t v = 0; v < COUNT(volumes); v++)
        for (size_t m = 0; m < COUNT(merges); m++)
            for (int n = 1; n <= MODELS; n++) compare_labels(nets, n, volumes[v], merges[m], seen);
    print_message("voxels of each class: %d %d %d %d\n", seen[0], seen[1], seen[2], seen[3]);
    int classes = 0;
    for (int c = 0; c < CLASSES; c++) classes += seen[c] > 0;
    assert_true(classes >= 2); /* else they would agree on nothing much */
    for (int i = 0; i < MODELS; i++) {
        pleat_net_destroy(nets[i]);
        pleat_model_destroy(models[i]);
    }
    pleat_engine_destroy(engine);
}

int main(void) {
    const char *why = net_engine_missing("cudnn");
    if (why != NULL) {
        (void)fprintf(stderr, "gpu_predict: SKIPPED: %s\n", why);
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_windows_give_the_same_labels),
        cmocka_unit_test(a_label_has_room_for_254_classes),
        cmocka_unit_test(a_volume_is_labelled_as_by_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
