/* test_sampler.c - which case, crop and augmentation a sample has. */
#include "pleat/rng.h"
#include "pleat/sampler.h"
#include "support.h"

#include <math.h>
#include <string.h>

enum { CASES = 16, SAMPLES = 300 };

static const int patch[3] = {80, 160, 160};

static void make_dims(int dims[CASES][3]) {
    for (int i = 0; i < CASES; i++) {
        dims[i][0] = 82;  /* three starts */
        dims[i][1] = 160; /* one */
        dims[i][2] = 157; /* padded by 2 and 1 */
    }
}

static pleat_sample draw(int epoch, int sample, const pleat_augment_config *augment) {
    int dims[CASES][3];
    make_dims(dims);
    pleat_sample out;
    pleat_sampler_draw(&(pleat_sample_key){77, 2, epoch, sample, SAMPLES, 1}, CASES,
                       (const int(*)[3])dims, patch, augment, &out);
    return out;
}

static void test_every_sixteen_samples_see_every_case_once_in_a_new_order_each_epoch(void **state) {
    (void)state;
    const pleat_augment_config augment = pleat_augment_defaults();
    int first[2][CASES];
    for (int epoch = 0; epoch < 2; epoch++)
        for (int round = 0; round < SAMPLES / CASES; round++) {
            int seen[CASES] = {0};
            for (int i = 0; i < CASES; i++) {
                const int item = draw(epoch, round * CASES + i, &augment).item;
                assert_in_range(item, 0, CASES - 1);
                seen[item]++;
                if (round == 0) first[epoch][i] = item;
                assert_int_equal(item, first[epoch][i]);
            }
            for (int i = 0; i < CASES; i++) assert_int_equal(seen[i], 1);
        }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
}

static void test_the_order_is_the_shuffle_of_the_order_stream(void **state) {
    (void)state;
    const pleat_augment_config augment = pleat_augment_defaults();
    int order[CASES];
    for (int i = 0; i < CASES; i++) order[i] = i;
    const pleat_rng rng = pleat_rng_at(77, PLEAT_STREAM_ORDER, 2, 5, 0);
    pleat_rng_shuffle(&rng, 0, order, CASES);
    for (int i = 0; i < CASES; i++)
        assert_int_equal(draw(5, i, &augment).item, order[(5 * SAMPLES + i) % CASES]);
}

static void test_validation_goes_through_the_list_and_only_crops(void **state) {
    (void)state;
    int dims[CASES][3];
    make_dims(dims);
    int seen[CASES] = {0};
    for (int epoch = 0; epoch < 4; epoch++)
        for (int i = 0; i < 4; i++) {
            pleat_sample s, expected = {0};
            pleat_sampler_draw(&(pleat_sample_key){1, 0, epoch, i, 4, 1}, CASES,
                               (const int(*)[3])dims, patch, NULL, &s);
            seen[s.item]++;
            expected.item = s.item;
            memcpy(expected.start, s.start, sizeof s.start);
            assert_memory_equal(&s, &expected, sizeof s);
        }
    for (int i = 0; i < CASES; i++) assert_int_equal(seen[i], 1);
}

static void test_crops_start_anywhere_legal_and_short_axes_are_centred(void **state) {
    (void)state;
    int count[3] = {0};
    for (int i = 0; i < 3000; i++) {
        const pleat_sample s = draw(i / SAMPLES, i % SAMPLES, NULL);
        assert_in_range(s.start[0], 0, 2);
        count[s.start[0]]++;
        assert_int_equal(s.start[1], 0);
        assert_int_equal(s.start[2], -2); /* floor(-3 / 2) */
    }
    for (int i = 0; i < 3; i++) assert_in_range(count[i], 900, 1100); /* 1000 +- 4 sigma */
}

/* Counts of 20,000 samples and the extremes of what was drawn. */
static void test_the_laws_of_the_draws_are_the_originals(void **state) {
    (void)state;
    enum { N = 20000 };
    const pleat_augment_config augment = pleat_augment_defaults();
    int mirror[3] = {0}, contrast = 0, low_contrast = 0, brightness = 0, gamma = 0, low_gamma = 0;
    int noise = 0, spatial = 0, dim_brightness = 0;
    for (int i = 0; i < N; i++) {
        const pleat_sample s = draw(i / SAMPLES, i % SAMPLES, &augment);
        for (int a = 0; a < 3; a++) mirror[a] += s.mirror[a];
        contrast += s.contrast[0] > 0.0;
        low_contrast += s.contrast[0] > 0.0 && s.contrast[0] < 1.0;
        brightness += s.brightness[0] > 0.0;
        dim_brightness += s.brightness[0] > 0.0 && s.brightness[0] < 1.0;
        gamma += s.gamma[0] > 0.0;
        low_gamma += s.gamma[0] > 0.0 && s.gamma[0] < 1.0;
        noise += s.noise > 0.0;
        spatial += s.scale > 0.0 || s.elastic_alpha > 0.0 || s.rotation[0] != 0.0;
        if (s.contrast[0] > 0.0) assert_true(s.contrast[0] >= 0.3 && s.contrast[0] < 3.0);
        if (s.brightness[0] > 0.0) assert_true(s.brightness[0] >= 0.5 && s.brightness[0] < 2.0);
        if (s.gamma[0] > 0.0) assert_true(s.gamma[0] >= 0.7 && s.gamma[0] < 1.5);
        assert_true(s.noise >= 0.0 && s.noise < 0.05);
        assert_true(s.elastic_alpha == 0.0 || (s.elastic_sigma >= 9 && s.elastic_sigma < 13));
        for (int a = 0; a < 3; a++) assert_true(fabs(s.rotation[a]) <= 0.261800);
        if (s.scale > 0.0) assert_true(s.scale >= 0.85 && s.scale < 1.25);
        if (s.centre[0] > 0.0) assert_true(s.centre[0] >= 40.0 && s.centre[0] <= 42.0);
    }
    /* Four standard deviations of a binomial count. */
    for (int a = 0; a < 3; a++) assert_in_range(mirror[a], 10000 - 283, 10000 + 283);
    const int gated[] = {contrast, brightness, gamma, noise};
    for (int i = 0; i < 4; i++) assert_in_range(gated[i], 3000 - 202, 3000 + 202);
    assert_in_range(spatial, 7718 - 276, 7718 + 276); /* 1 - 0.85^3 */
    assert_in_range(low_contrast, contrast / 2 - 110, contrast / 2 + 110);
    assert_in_range(low_gamma, gamma / 2 - 110, gamma / 2 + 110);
    assert_in_range(dim_brightness, brightness / 3 - 105, brightness / 3 + 105); /* uniform */
}

static void test_a_transform_turned_off_moves_no_other_draw(void **state) {
    (void)state;
    const pleat_augment_config all = pleat_augment_defaults();
    pleat_augment_config less = all;
    less.contrast_p = less.elastic_p = less.rotation_p = less.scale_p = 0.0;
    for (int i = 0; i < SAMPLES; i++) {
        pleat_sample a = draw(0, i, &all), b = draw(0, i, &less);
        assert_true(b.contrast[0] == 0.0 && b.scale == 0.0 && b.elastic_alpha == 0.0);
        assert_memory_equal(a.start, b.start, sizeof a.start);
        assert_memory_equal(a.mirror, b.mirror, sizeof a.mirror);
        assert_true(a.item == b.item && a.brightness[0] == b.brightness[0] &&
                    a.gamma[0] == b.gamma[0] && a.noise == b.noise && a.noise_seed == b.noise_seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sixteen_samples_see_every_case_once_in_a_new_order_each_epoch),
        cmocka_unit_test(test_the_order_is_the_shuffle_of_the_order_stream),
        cmocka_unit_test(test_validation_goes_through_the_list_and_only_crops),
        cmocka_unit_test(test_crops_start_anywhere_legal_and_short_axes_are_centred),
        cmocka_unit_test(test_the_laws_of_the_draws_are_the_originals),
        cmocka_unit_test(test_a_transform_turned_off_moves_no_other_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
