/* test_channels.c - several channels are deformed alike and toned apart, and come channels-last. */
#include "pleat/loader.h"
#include "pleat/prep.h"
#include "pleat/volume.h"
#include "support.h"
#include "support_augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3 };
static const int dim[3] = {19, 24, 30}, patch[3] = {12, 10, 14};
static const size_t voxels = 12 * 10 * 14;

/* --- draws ------------------------------------------------------------------------------------ */

static void a_transform_is_on_for_all_channels_and_drawn_for_each(void **state) {
    (void)state;
    const pleat_augment_config paper = pleat_augment_defaults();
    int on = 0, below[PLEAT_MAX_CHANNELS] = {0};
    for (int i = 0; i < 4000; i++) {
        const pleat_sample_key key = {5, 1, 2, i, 4000, 1};
        pleat_sample s;
        pleat_sampler_draw(&key, 1, (const int(*)[3])dim, patch, &paper, &s);
        for (int c = 1; c < PLEAT_MAX_CHANNELS; c++) {
            assert_int_equal(s.contrast[c] != 0.0, s.contrast[0] != 0.0);
            assert_int_equal(s.brightness[c] != 0.0, s.brightness[0] != 0.0);
            assert_int_equal(s.gamma[c] != 0.0, s.gamma[0] != 0.0);
        }
        if (s.contrast[0] == 0.0) continue;
        on++;
        for (int c = 0; c < PLEAT_MAX_CHANNELS; c++) {
            below[c] += s.contrast[c] < 1.0;
            assert_true(s.contrast[c] >= 0.3 && s.contrast[c] < 3.0);
            for (int b = 0; b < c; b++) assert_true(s.contrast[c] != s.contrast[b]);
        }
    }
    /* 0.15 and 0.5 of that, within five standard deviations */
    assert_in_range(on, 600 - 113, 600 + 113);
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++)
        assert_in_range(below[c], on / 2 - 62, on / 2 + 62);
}

/* --- patches ---------------------------------------------------------------------------------- */

/* Channel c alone, as a case of its own. */
static pleat_source alone(const support_case *c, int channel) {
    pleat_source source = c->source;
    source.channels = 1;
    source.image += (size_t)channel * pleat_voxels(dim);
    source.histogram += channel;
    return source;
}

static void assert_channel(const float *image, int channel, const float *expected,
                           const char *kind) {
    for (size_t i = 0; i < voxels; i++)
        if (image[i * CHANNELS + (size_t)channel] != expected[i])
            fail_msg("%s, channel %d, voxel %zu: %.9g, alone %.9g", kind, channel, i,
                     (double)image[i * CHANNELS + (size_t)channel], (double)expected[i]);
}

static void a_channel_is_what_it_would_be_alone(void **state) {
    (void)state;
    support_case *c = support_case_make(dim, CHANNELS);
    float *image = malloc(CHANNELS * voxels * sizeof *image);
    float *expected = malloc(voxels * sizeof *expected);
    uint8_t *label = malloc(voxels), *expected_label = malloc(voxels);
    assert_true(c != NULL && image && expected && label && expected_label);
    for (int kind = 0; kind < SUPPORT_SAMPLE_KINDS; kind++) {
        for (int pad = 0; pad < 2; pad++) {
            pleat_sample s, mine;
            const char *name = support_sample(kind, 3 + pad, dim, patch, &s);
            s.noise = 0.0; /* every channel has its own, see below */
            OK(pleat_augment_patch(&s, &c->source, patch, (pleat_pad)pad, image, label));
            for (int k = 0; k < CHANNELS; k++) {
                const pleat_source source = alone(c, k);
                mine = s;
                mine.contrast[0] = s.contrast[k];
                mine.brightness[0] = s.brightness[k];
                mine.gamma[0] = s.gamma[k];
                OK(pleat_augment_patch(&mine, &source, patch, (pleat_pad)pad, expected,
                                       expected_label));
                assert_channel(image, k, expected, name);
                assert_memory_equal(label, expected_label, voxels);
            }
        }
    }
    free(image);
    free(expected);
    free(label);
    free(expected_label);
    support_case_free(c);
}

static void each_channel_has_noise_of_its_own_and_the_first_todays(void **state) {
    (void)state;
    support_case *c = support_case_make(dim, CHANNELS);
    float *image = malloc(CHANNELS * voxels * sizeof *image);
    float *expected = malloc(voxels * sizeof *expected);
    assert_true(c != NULL && image != NULL && expected != NULL);
    memset(c->image, 0, CHANNELS * pleat_voxels(dim) * sizeof *c->image);
    const pleat_sample s = {.start = {2, 3, 5}, .noise = 1.0, .noise_seed = 77};
    const pleat_source first = alone(c, 0);
    OK(pleat_augment_patch(&s, &c->source, patch, PLEAT_PAD_ZERO, image, NULL));
    OK(pleat_augment_patch(&s, &first, patch, PLEAT_PAD_ZERO, expected, NULL));
    assert_channel(image, 0, expected, "noise");
    for (int a = 0; a < CHANNELS; a++)
        for (int b = 0; b <= a; b++) { /* correlation 1 with itself, else 0 within 5 deviations */
            double sum = 0.0;
            for (size_t i = 0; i < voxels; i++)
                sum += (double)image[i * CHANNELS + (size_t)a] * image[i * CHANNELS + (size_t)b];
            const double r = sum / (double)voxels, far = 5.0 / sqrt((double)voxels);
            if (a == b ? fabs(r - 1.0) > 1.5 * far : fabs(r) > far)
                fail_msg("channels %d and %d: correlation %g", a, b, r);
        }
    free(image);
    free(expected);
    support_case_free(c);
}

/* --- readers and batches ---------------------------------------------------------------------- */

static pleat_status read_box(void *context, int channel, const int start[3], const int size[3],
                             float *image, uint8_t *label) {
    const support_case *c = context;
    const float *from = c->image + (size_t)channel * pleat_voxels(dim);
    for (int d = 0; d < size[0]; d++)
        for (int h = 0; h < size[1]; h++)
            for (int w = 0; w < size[2]; w++) {
                const size_t row = (size_t)(start[0] + d) * (size_t)dim[1] + (size_t)(start[1] + h);
                const size_t i = row * (size_t)dim[2] + (size_t)(start[2] + w);
                *image++ = from[i];
                if (label != NULL) *label++ = c->label[i];
            }
    return PLEAT_OK;
}

static void a_loader_gives_the_patches_of_memory_and_reader(void **state) {
    (void)state;
    enum { BATCH = 2, STEPS = 6 };
    support_case *c = support_case_make(dim, CHANNELS);
    float *expected = malloc(CHANNELS * voxels * sizeof *expected);
    uint8_t *expected_label = malloc(voxels);
    assert_true(c != NULL && expected != NULL && expected_label != NULL);
    pleat_source reader = c->source;
    reader.image = NULL;
    reader.label = NULL;
    reader.read = read_box;
    reader.context = c;
    const pleat_source *sources[2] = {&c->source, &reader};
    const pleat_augment_config paper = pleat_augment_defaults();
    const pleat_loader_config config = {.seed = 3,
                                        .sources = sources,
                                        .n_sources = 2,
                                        .augment = &paper,
                                        .patch = {patch[0], patch[1], patch[2]},
                                        .iterations = STEPS,
                                        .batch = BATCH,
                                        .count = BATCH,
                                        .depth = 2,
                                        .threads = 2};
    const int dims[2][3] = {{dim[0], dim[1], dim[2]}, {dim[0], dim[1], dim[2]}};
    pleat_loader *loader = NULL;
    OK(pleat_loader_start(&config, &loader));
    for (int t = 0; t < STEPS * BATCH; t++) {
        static float *images;
        static uint8_t *labels;
        pleat_sample s;
        if (t % BATCH == 0) OK(pleat_loader_next(loader, &images, &labels));
        pleat_loader_draw(&config, dims, t, &s);
        OK(pleat_augment_patch(&s, &c->source, patch, PLEAT_PAD_ZERO, expected, expected_label));
        const size_t at = (size_t)(t % BATCH) * voxels;
        assert_memory_equal(images + CHANNELS * at, expected, CHANNELS * voxels * sizeof *expected);
        assert_memory_equal(labels + at, expected_label, voxels);
    }
    pleat_loader_stop(loader);
    reader.channels = 1;
    REFUSED(pleat_loader_start(&config, &loader), PLEAT_ERR_SHAPE,
            "case 1 of a loader has 1 channels, case 0 has 3");
    free(expected);
    free(expected_label);
    support_case_free(c);
}

static void planes_are_put_together_by_voxel(void **state) {
    (void)state;
    enum { N = 1300, C = 16 }; /* more than two blocks, the last not whole */
    static float planes[C * N], out[C * N];
    for (size_t c = 0; c < C; c++)
        for (size_t i = 0; i < N; i++) planes[c * N + i] = (float)(10000 * c + i);
    pleat_interleave(planes, N, C, out);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < C; c++) assert_true(out[i * C + c] == (float)(10000 * c + i));
}

/* Clipped to 0..200; 60 becomes -1 and 140 1, so 200 is 2.5. The other channel stays. */
static void a_channel_is_scaled_after_it_was_clipped(void **state) {
    (void)state;
    const double spacing[3] = {1, 1, 1};
    const float values[6] = {-50, 100, 999, 7, 8, 9}, made[6] = {-2.5F, 0, 2.5F, 7, 8, 9};
    pleat_prep_config config = {0};
    pleat_image image = {0};
    config.channel[0] =
        (pleat_prep_steps){.clip = 1, .clip_range = {0, 200}, .scale = 1, .scale_range = {60, 140}};
    OK(pleat_image_make(2, (const int[]){1, 1, 3}, spacing, &image));
    memcpy(image.data, values, sizeof values);
    OK(pleat_prep_image(&config, &image));
    assert_memory_equal(image.data, made, sizeof made);
    pleat_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_scaled_after_it_was_clipped),
        cmocka_unit_test(a_transform_is_on_for_all_channels_and_drawn_for_each),
        cmocka_unit_test(a_channel_is_what_it_would_be_alone),
        cmocka_unit_test(each_channel_has_noise_of_its_own_and_the_first_todays),
        cmocka_unit_test(a_loader_gives_the_patches_of_memory_and_reader),
        cmocka_unit_test(planes_are_put_together_by_voxel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
