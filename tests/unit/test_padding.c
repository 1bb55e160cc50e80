/* test_padding.c - what lies around a volume smaller than the patch, in training and after. */
#include "pleat/augment.h"
#include "pleat/predict.h"
#include "pleat/volume.h"
#include "support_net.h"

#include <stdlib.h>
#include <string.h>

enum { D = 6, H = 9, W = 7, N = D * H * W };
enum { PD = 10, PH = 12, PW = 8, P = PD * PH * PW };

static const int dim[3] = {D, H, W}, patch[3] = {PD, PH, PW};

typedef struct volume {
    float image[N];
    uint8_t label[N];
    pleat_histogram histogram;
    pleat_source source;
} volume;

static int make_volume(void **state) {
    volume *v = calloc(1, sizeof *v);
    if (v == NULL) return 1;
    for (int i = 0; i < N; i++) {
        v->image[i] = 2.0f + (float)(i * 37 % 101) / 50.0f; /* 2 to 4: never the padding's 0 */
        v->label[i] = (uint8_t)(1 + i % 3);                 /* never the background */
    }
    pleat_histogram_make(v->image, N, &v->histogram);
    v->source = (pleat_source){.dim = {D, H, W},
                               .channels = 1,
                               .image = v->image,
                               .label = v->label,
                               .histogram = &v->histogram};
    *state = v;
    return 0;
}

static int free_volume(void **state) {
    free(*state);
    return 0;
}

/* Sample i of a training with every transform more often than the paper has it. */
static pleat_sample draw(int i, int spatial) {
    pleat_augment_config augment = pleat_augment_defaults();
    augment.contrast_p = augment.brightness_p = augment.gamma_p = 0.5;
    augment.elastic_p = augment.rotation_p = augment.scale_p = spatial ? 0.5 : 0.0;
    augment.noise_p = 0.0; /* the values of padding are looked at */
    pleat_sample s;
    pleat_sampler_draw(&(pleat_sample_key){5, 0, 0, i, 100, 1}, 1, (const int(*)[3])dim, patch,
                       &augment, &s);
    return s;
}

static int is_padding(const pleat_sample *s, int i) {
    const int at[3] = {i / (PH * PW), i / PW % PH, i % PW};
    for (int a = 0; a < 3; a++)
        if (s->start[a] + at[a] < 0 || s->start[a] + at[a] >= dim[a]) return 1;
    return 0;
}

static void test_by_default_training_pads_with_zeros_of_no_class(void **state) {
    const volume *v = *state;
    float image[P];
    uint8_t label[P];
    for (int n = 0; n < 20; n++) {
        const pleat_sample s = draw(n, 0);
        OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_ZERO, image, label));
        int padded = 0;
        for (int i = 0; i < P; i++) {
            padded += is_padding(&s, i);
            assert_int_equal(label[i] == PLEAT_NO_CLASS, is_padding(&s, i));
            if (is_padding(&s, i)) assert_true(image[i] == 0.0f);
        }
        assert_int_equal(padded, P - N);
    }
}

static void test_background_padding_is_the_volumes_minimum_as_background(void **state) {
    const volume *v = *state;
    float image[P];
    uint8_t label[P];
    for (int n = 0; n < 20; n++) {
        const pleat_sample s = draw(n, 0);
        OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_BACKGROUND, image, label));
        float low = 1e9f;
        for (int i = 0; i < P; i++)
            if (!is_padding(&s, i) && image[i] < low) low = image[i];
        for (int i = 0; i < P; i++) {
            assert_int_equal(label[i] == 0, is_padding(&s, i));
            if (is_padding(&s, i)) assert_float_equal(image[i], low, 1e-5);
        }
    }
}

static void test_a_deformed_patch_is_padded_alike(void **state) {
    const volume *v = *state;
    float zero[P], background[P];
    uint8_t no_class[P], class_0[P];
    int deformed = 0, outside = 0;
    for (int n = 0; n < 20; n++) {
        const pleat_sample s = draw(n, 1);
        deformed += s.scale != 0.0 || s.rotation[0] != 0.0 || s.elastic_alpha != 0.0;
        OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_ZERO, zero, no_class));
        OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_BACKGROUND, background, class_0));
        for (int i = 0; i < P; i++) {
            assert_int_equal(no_class[i] == PLEAT_NO_CLASS, class_0[i] == 0);
            if (no_class[i] == PLEAT_NO_CLASS)
                assert_true(zero[i] == 0.0f && background[i] != 0.0f);
            else
                assert_true(zero[i] == background[i] && no_class[i] == class_0[i]);
            outside += no_class[i] == PLEAT_NO_CLASS;
        }
    }
    assert_in_range(deformed, 10, 20);
    assert_in_range(outside, 20 * (P - N) / 2, 20 * P);
}

/* --- prediction --------------------------------------------------------------------------------*/

/* Class 1 where the 27 neighbours sum to more than `limit`. */
static pleat_model *make_model(pleat_engine *engine, pleat_graph *graph, float limit) {
    pleat_model *model = NULL;
    const int sum = pleat_graph_conv(graph, pleat_graph_input(graph, 1), 2, NULL, "sum");
    const int head = pleat_graph_head(graph, sum, 2, 1, "head");
    OK(pleat_graph_finish(graph));
    OK(pleat_model_create(graph, engine, 0, &model));
    float *params = calloc(graph->params, sizeof *params);
    for (int tap = 0; tap < 27; tap++) params[graph->node[sum].weights + (size_t)tap] = 1.0f;
    params[graph->node[head].weights + 2] = 1.0f; /* class 1, channel 0 */
    params[graph->node[head].bias + 1] = -limit;
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, params));
    free(params);
    return model;
}

static void test_prediction_pads_as_training_does(void **state) {
    (void)state;
    enum { SIDE = 8 };
    float image[8];
    uint8_t label[8];
    for (int i = 0; i < 8; i++) image[i] = 5.0f + (float)i; /* sum 68, minimum 5 */
    pleat_histogram histogram;
    pleat_histogram_make(image, 8, &histogram);
    const pleat_source source = {
        .dim = {2, 2, 2}, .channels = 1, .image = image, .histogram = &histogram};
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_F32);
    pleat_graph graph = {0};
    pleat_model *model = make_model(engine, &graph, 100.0f);
    pleat_net *net = net_compile(model, 1, (int[3]){SIDE, SIDE, SIDE}, 0, NULL);
    pleat_predict_config config = {.patch = {SIDE, SIDE, SIDE},
                                   .batch = 1,
                                   .merge = PLEAT_MERGE_ORIGINAL,
                                   .pad = PLEAT_PAD_ZERO,
                                   .classes = 2};
    /* Every voxel's neighbours are all 8 voxels and 19 of padding: 68, or 68 + 19 * 5 = 163. */
    OK(pleat_predict_volume(&config, &net, 1, &source, label));
    for (int i = 0; i < 8; i++) assert_int_equal(label[i], 0);
    config.pad = PLEAT_PAD_BACKGROUND;
    OK(pleat_predict_volume(&config, &net, 1, &source, label));
    for (int i = 0; i < 8; i++) assert_int_equal(label[i], 1);
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_default_training_pads_with_zeros_of_no_class),
        cmocka_unit_test(test_background_padding_is_the_volumes_minimum_as_background),
        cmocka_unit_test(test_a_deformed_patch_is_padded_alike),
        cmocka_unit_test(test_prediction_pads_as_training_does),
    };
    return cmocka_run_group_tests(tests, make_volume, free_volume);
}
