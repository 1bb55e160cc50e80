/* test_patch_augment.c - nnU-Net's augmentation and sampling, against SciPy and by count. */
#include "pleat/patch_augment.h"

#include "pleat/config.h"
#include "pleat/volume.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 9, H = 11, W = 13, N = D * H * W, PD = 6, PH = 8, PW = 7, P = PD * PH * PW };

static const int dim[3] = {D, H, W}, patch[3] = {PD, PH, PW};

typedef struct volume {
    float image[2 * N]; /* two channels */
    uint8_t label[N];
    pleat_source source;
} volume;

static volume *make_volume(int channels) {
    volume *v = calloc(1, sizeof *v);
    assert_non_null(v);
    for (int i = 0; i < N; i++) {
        v->image[i] = (float)(sin(.37 * i + .1) + .5 * cos(.011 * i * i));
        v->image[N + i] = (float)i;
        v->label[i] = (uint8_t)((i / (H * W) / 3 + i / W % H / 4 + i % W / 5) % 4);
    }
    v->source = (pleat_source){
        .dim = {D, H, W}, .channels = channels, .image = v->image, .label = v->label};
    return v;
}

/* A crop that hangs over at three faces. */
#define START .like = PLEAT_AUGMENT_NNUNET, .start = {-2, -3, 5}, .crop = {10, 12, 11}

/* By SciPy 1.17: map_coordinates of order 1 in mode grid-constant, of the image and of each label's
 * mask (times 1000, as float16), correlate1d in mode mirror, numpy.interp. */
static const struct golden {
    const char *name;
    pleat_sample sample;
    double weighted; /* sum of x[j] ((j mod 17) - 8) */
    double some[3];  /* x[0], x[123], x[335] */
    int labels;      /* as weighted */
} golden[] = {
    {"crop", {START}, 36.2221448, {0, -0.48379105, 0}, -31},
    {"blur",
     {START, .blur = {{0.5, 0.7, 1.0}}},
     12.6003803,
     {0.14277552, -0.068958057, -0.059446186},
     -31},
    {"contrast",
     {START, .contrast = {1.2}},
     40.6708689,
     {-0.0041101192, -0.58465938, -0.0041101192},
     -31},
    {"brightness", {START, .brightness = {0.8}}, 28.9777158, {0, -0.38703284, 0}, -31},
    {"low resolution", {START, .coarsen = {0.55}}, 55.2777197, {-1.19959, 0.050797034, 0}, -31},
    {"gamma", {START, .gamma = {0.7}}, 37.0205819, {0.055627434, -0.43171011, 0.055627434}, -31},
    {"inverted gamma",
     {START, .inverted = {1.5}},
     36.0035532,
     {0.08776346, -0.44770688, 0.08776346},
     -31},
    {"about D", {START, .rotation = {0, 0, 0.3}}, 26.0775559, {1.130303, -0.12080152, 0}, -40},
    {"rotation and scale",
     {START, .rotation = {0.2, -0.5, 0.3}, .scale = 1.3},
     -43.0001952,
     {0, 0, 0},
     38},
    {"scale", {START, .scale = 0.7}, 1.98397471, {-0.044752204, 0.49357136, 0.26918227}, -59},
    {"planar",
     {START, .planar = 1, .rotation = {0, 0, 2.5}, .scale = 1.2, .coarsen = {0.6}},
     -8.26223795,
     {-0.85695951, 0.043550072, 0},
     -24},
    {"all, mirrored",
     {START, .mirror = {1, 0, 1}, .rotation = {0.2, -0.5, 0.3}, .scale = 1.3,
      .blur = {{0.9, 0.95, 0.6}}, .brightness = {1.2}, .contrast = {0.8}, .coarsen = {0.8},
      .inverted = {0.9}, .gamma = {1.3}},
     -0.477513282,
     {0.0055681075, 0.072439889, -0.0057882953},
     40},
};

static void each_transform_is_that_of_numpy_and_scipy(void **state) {
    (void)state;
    volume *v = make_volume(1);
    float x[P];
    uint8_t l[P];
    for (size_t i = 0; i < COUNT(golden); i++) {
        const struct golden *g = &golden[i];
        double weighted = 0.0;
        int labels = 0;
        OK(pleat_augment_patch(&g->sample, &v->source, patch, PLEAT_PAD_NNUNET, x, l));
        for (int j = 0; j < P; j++) {
            weighted += (double)x[j] * (j % 17 - 8);
            labels += l[j] * (j % 17 - 8);
        }
        const int at[3] = {0, 123, 335};
        for (int k = 0; k < 3; k++)
            if (!(fabs((double)x[at[k]] - g->some[k]) <= 1e-5))
                fail_msg("%s: voxel %d is %.8g, not %.8g", g->name, at[k], (double)x[at[k]],
                         g->some[k]);
        if (!(fabs(weighted - g->weighted) <= 1e-3))
            fail_msg("%s: sum %.9g, not %.9g", g->name, weighted, g->weighted);
        if (labels != g->labels) fail_msg("%s: labels %d, not %d", g->name, labels, g->labels);
    }
    free(v);
}

static void padding_is_what_the_key_says(void **state) {
    (void)state;
    volume *v = make_volume(1);
    pleat_histogram histogram;
    pleat_histogram_make(v->image, N, &histogram);
    v->source.histogram = &histogram;
    static const struct {
        pleat_pad pad;
        int label, lowest;
    } pads[] = {{PLEAT_PAD_ZERO, PLEAT_NO_CLASS, 0},
                {PLEAT_PAD_BACKGROUND, 0, 1},
                {PLEAT_PAD_NNUNET, 0, 0}};
    float x[P];
    uint8_t l[P];
    for (size_t i = 0; i < COUNT(pads); i++) {
        pleat_sample away = {START};
        away.start[0] = 50;
        OK(pleat_augment_patch(&away, &v->source, patch, pads[i].pad, x, l));
        for (int j = 0; j < P; j++) {
            assert_true(x[j] == (pads[i].lowest ? (float)histogram.min : 0.0f));
            assert_int_equal(l[j], pads[i].label);
        }
    }
    free(v);
}

/* A box of the volume, which is all that a store that is not in memory gives. */
static pleat_status read_box(void *context, int channel, const int start[3], const int size[3],
                             float *image, uint8_t *label) {
    const volume *v = context;
    for (int i = 0; i < size[0] * size[1] * size[2]; i++) {
        const int d = start[0] + i / size[2] / size[1], h = start[1] + i / size[2] % size[1];
        const int w = start[2] + i % size[2], at = (d * H + h) * W + w;
        assert_true(d >= 0 && d < D && h >= 0 && h < H && w >= 0 && w < W);
        image[i] = v->image[channel * N + at];
        if (label) label[i] = v->label[at];
    }
    return PLEAT_OK;
}

static void a_reader_gives_the_patches_of_a_volume_in_memory(void **state) {
    (void)state;
    volume *v = make_volume(2);
    const pleat_source reader = {.dim = {D, H, W}, .channels = 2, .read = read_box, .context = v};
    float x[2 * P], y[2 * P];
    uint8_t l[P], m[P];
    for (size_t i = 0; i < COUNT(golden); i++) {
        OK(pleat_augment_patch(&golden[i].sample, &v->source, patch, PLEAT_PAD_NNUNET, x, l));
        OK(pleat_augment_patch(&golden[i].sample, &reader, patch, PLEAT_PAD_NNUNET, y, m));
        assert_memory_equal(x, y, sizeof x);
        assert_memory_equal(l, m, sizeof l);
    }
    free(v);
}

/* The second channel is changed by its own numbers, and both are moved alike. */
static void channels_are_moved_together_and_changed_apart(void **state) {
    (void)state;
    volume *v = make_volume(2);
    pleat_sample s = {START, .rotation = {0.1, 0.2, 0.3}};
    float plain[2 * P], x[2 * P];
    OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_NNUNET, plain, NULL));
    s.brightness[1] = 2.0;
    OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_NNUNET, x, NULL));
    for (int j = 0; j < P; j++) {
        assert_true(x[2 * j] == plain[2 * j]);
        assert_true(x[2 * j + 1] == 2.0f * plain[2 * j + 1]);
    }
    free(v);
}

static void noise_is_a_normal_deviate_of_each_voxel_of_the_patch(void **state) {
    (void)state;
    volume *v = make_volume(1);
    pleat_sample s = {START};
    float plain[P], x[P];
    double squares = 0.0;
    OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_NNUNET, plain, NULL));
    s.noise = 0.1;
    s.noise_seed = 5;
    OK(pleat_augment_patch(&s, &v->source, patch, PLEAT_PAD_NNUNET, x, NULL));
    for (int j = 0; j < P; j++) squares += pow((double)(x[j] - plain[j]) / 0.1, 2.0);
    assert_true(fabs(squares / P - 1.0) < 4.0 * sqrt(2.0 / P));
    free(v);
}

/* --- sampling --------------------------------------------------------------------------------- */

static pleat_augment_config nnunet(void) {
    pleat_config c;
    pleat_config_defaults(&c);
    OK(pleat_config_set("augment.like=nnunet", &c));
    return c.train.transforms;
}

static pleat_sample draw(int i, int cases, const int (*dims)[3], const int size[3]) {
    const pleat_augment_config augment = nnunet();
    const pleat_sample_key key = {3, 1, 4, i, 5000, 2};
    pleat_sample s;
    pleat_sampler_draw(&key, cases, dims, size, &augment, &s);
    return s;
}

/* Those of nnU-Net's get_patch_size. */
static void crops_are_as_large_as_nnunets(void **state) {
    (void)state;
    static const int sizes[][2][3] = {
        {{128, 128, 128}, {205, 205, 205}}, {{40, 56, 40}, {73, 80, 64}},
        {{20, 256, 224}, {20, 301, 301}},   {{1, 56, 40}, {1, 65, 65}},
        {{1, 64, 32}, {1, 82, 37}},
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const pleat_sample s = draw(0, 1, &dim, sizes[i][0]);
        for (int a = 0; a < 3; a++) assert_int_equal(s.crop[a], sizes[i][1][a]);
        assert_int_equal(s.planar, i >= 2);
    }
}

static void crops_begin_where_nnunets_do(void **state) {
    (void)state;
    /* crop 73 80 64: need 33 24 24; the last volume is smaller than the crop along all axes */
    static const struct {
        int dim[3], first[3], last[3];
    } of[] = {{{100, 90, 95}, {-17, -12, -12}, {44, 22, 43}},
              {{30, 40, 50}, {-22, -20, -12}, {-21, -20, -2}}};
    static const int size[3] = {40, 56, 40};
    for (size_t k = 0; k < COUNT(of); k++) {
        int first[3] = {999, 999, 999}, last[3] = {-999, -999, -999};
        for (int i = 0; i < 3000; i++) {
            const pleat_sample s = draw(i, 1, &of[k].dim, size);
            for (int a = 0; a < 3; a++) {
                first[a] = s.start[a] < first[a] ? s.start[a] : first[a];
                last[a] = s.start[a] > last[a] ? s.start[a] : last[a];
            }
        }
        for (int a = 0; a < 3; a++) {
            assert_int_equal(first[a], of[k].first[a]);
            assert_int_equal(last[a], of[k].last[a]);
        }
    }
}

static void cases_come_with_replacement(void **state) {
    (void)state;
    const int dims[4][3] = {{50, 50, 50}, {50, 50, 50}, {50, 50, 50}, {50, 50, 50}};
    int seen[4] = {0}, twice = 0, before = -1;
    for (int i = 0; i < 4000; i++) {
        const pleat_sample s = draw(i, 4, dims, patch);
        seen[s.item]++;
        twice += s.item == before;
        before = s.item;
    }
    for (int c = 0; c < 4; c++) assert_in_range(seen[c], 900, 1100);
    assert_in_range(twice, 900, 1100);
}

static void transforms_come_as_often_as_nnunets(void **state) {
    (void)state;
    enum { DRAWS = 6000 };
    static const char *const names[] = {"rotation",       "scale",          "noise",
                                        "blur",           "brightness",     "contrast",
                                        "low resolution", "inverted gamma", "gamma"};
    /* blur and low resolution: of half of the channels */
    static const double p[] = {0.2, 0.2, 0.1, 0.1, 0.15, 0.15, 0.125, 0.1, 0.3};
    static const double ranges[][2] = {{-0.5236, 0.5236}, {0.7, 1.4},   {0, 0.1},
                                       {0.5, 1},          {0.75, 1.25}, {0.75, 1.25},
                                       {0.5, 1},          {0.7, 1.5},   {0.7, 1.5}};
    int on[COUNT(p)] = {0}, below = 0, bright = 0;
    const int whole[3] = {100, 100, 100};
    for (int i = 0; i < DRAWS; i++) {
        const pleat_sample s = draw(i, 1, &whole, patch);
        const double value[] = {s.rotation[1], s.scale,         s.noise,
                                s.blur[3][1],  s.brightness[2], s.contrast[0],
                                s.coarsen[1],  s.inverted[5],   s.gamma[15]};
        for (size_t t = 0; t < COUNT(p); t++) {
            on[t] += value[t] != 0.0;
            if (value[t] != 0.0 && !(value[t] >= ranges[t][0] && value[t] <= ranges[t][1]))
                fail_msg("%s: %g", names[t], value[t]);
        }
        bright += s.brightness[2] != 0.0;
        below += s.brightness[2] != 0.0 && s.brightness[2] < 1.0;
    }
    for (size_t t = 0; t < COUNT(p); t++)
        if (fabs(on[t] - p[t] * DRAWS) > 4.0 * sqrt(p[t] * DRAWS))
            fail_msg("%s: %d of %d, not %g", names[t], on[t], DRAWS, p[t] * DRAWS);
    assert_true(abs(2 * below - bright) < 4 * (int)sqrt((double)bright)); /* both sides of 1 */
}

/* round(B (1 - 0.33)) samples of B are anywhere: of 2 one, of 9 six. */
static void the_last_samples_of_a_batch_are_around_foreground(void **state) {
    (void)state;
    static const int first[] = {0, 1}, voxel[1][4] = {{2, 60, 3, 50}};
    const pleat_foreground foreground = {1, first, voxel, 0};
    static const struct { int batch, anywhere; } of[] = {{2, 1}, {9, 6}, {4, 3}, {1, 1}};
    const pleat_augment_config augment = nnunet();
    const int whole[3] = {100, 100, 100}, size[3] = {40, 56, 40};
    for (size_t k = 0; k < COUNT(of); k++)
        for (int i = 0; i < 4 * of[k].batch; i++) {
            const pleat_sample_key key = {3, 1, 4, i, 5000, of[k].batch};
            pleat_sample s, before;
            pleat_sampler_draw(&key, 1, &whole, size, &augment, &s);
            before = s;
            pleat_sampler_oversample(&key, 0.33, whole, size, &foreground, &s);
            const int forced = i % of[k].batch >= of[k].anywhere;
            assert_int_equal(s.start[0], forced ? 60 - 73 / 2 : before.start[0]);
            assert_int_equal(s.start[1], forced ? -12 : before.start[1]); /* not further out */
            assert_int_equal(s.start[2], forced ? 50 - 64 / 2 : before.start[2]);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_transform_is_that_of_numpy_and_scipy),
        cmocka_unit_test(padding_is_what_the_key_says),
        cmocka_unit_test(a_reader_gives_the_patches_of_a_volume_in_memory),
        cmocka_unit_test(channels_are_moved_together_and_changed_apart),
        cmocka_unit_test(noise_is_a_normal_deviate_of_each_voxel_of_the_patch),
        cmocka_unit_test(crops_are_as_large_as_nnunets),
        cmocka_unit_test(crops_begin_where_nnunets_do),
        cmocka_unit_test(cases_come_with_replacement),
        cmocka_unit_test(transforms_come_as_often_as_nnunets),
        cmocka_unit_test(the_last_samples_of_a_batch_are_around_foreground),
    };
    return cmocka_run_group_tests_name("patch_augment", tests, NULL, NULL);
}
