/* test_intensity.c - clip, grayscale and z-score by hand-computed numbers. */
#include "pleat/intensity.h"
#include "support.h"

#include <stdint.h>

#include <math.h>
#include <omp.h>
#include <stdlib.h>

static void test_clip_keeps_what_lies_inside(void **state) {
    (void)state;
    float x[5] = {-3024, -1250, 0.5f, 250, 3071};
    const float expected[5] = {-1250, -1250, 0.5f, 250, 250};
    pleat_intensity_clip(x, 5, -1250, 250);
    for (int i = 0; i < 5; i++) assert_true(x[i] == expected[i]);
}

static void test_grayscale_rounds_half_to_even_between_its_own_extremes(void **state) {
    (void)state;
    /* 510 wide: the grey value is (x + 100) / 2. */
    float x[7] = {-100, 410, -99, -97, -95, 154, 155};
    const float expected[7] = {0, 255, 0, 2, 2, 127, 128}; /* 0.5 1.5 2.5 127 127.5 */
    pleat_intensity_grayscale(x, 7);
    for (int i = 0; i < 7; i++) assert_true(x[i] == expected[i]);
}

static void test_statistics_are_those_of_the_population(void **state) {
    (void)state;
    const float x[8] = {2, 4, 4, 4, 5, 5, 7, 9};
    const pleat_intensity_stats stats = pleat_intensity_measure(x, 8);
    assert_float_equal(stats.min, 2, 0);
    assert_float_equal(stats.max, 9, 0);
    assert_float_equal(stats.mean, 5, 1e-15);
    assert_float_equal(stats.std, 2, 1e-15);
}

/* Of mean 100 and deviation 40 it is (x - 100) / 40, of any volume. */
static void test_scale_is_of_all_volumes_alike(void **state) {
    (void)state;
    float x[4] = {60, 100, 140, 300};
    const float expected[4] = {-1, 0, 1, 5};
    pleat_intensity_scale(x, 4, 60, 140);
    assert_memory_equal(x, expected, sizeof x);
}

static void test_zscore_gives_mean_zero_and_deviation_one(void **state) {
    (void)state;
    float x[8] = {2, 4, 4, 4, 5, 5, 7, 9};
    const float expected[8] = {-1.5f, -0.5f, -0.5f, -0.5f, 0, 0, 1, 2};
    pleat_intensity_zscore(x, 8);
    for (int i = 0; i < 8; i++) assert_float_equal(x[i], expected[i], 1e-7);
}

static void test_a_constant_volume_becomes_zero(void **state) {
    (void)state;
    float x[3] = {0.1f, 0.1f, 0.1f}, y[3] = {-7, -7, -7}, z[1] = {5};
    pleat_intensity_zscore(x, 3);
    pleat_intensity_grayscale(y, 3);
    pleat_intensity_zscore(z, 1);
    for (int i = 0; i < 3; i++) assert_true(x[i] == 0.0f && y[i] == 0.0f);
    assert_true(z[0] == 0.0f);
}

static void test_a_large_offset_costs_no_precision_and_threads_change_nothing(void **state) {
    (void)state;
    enum { N = 100003 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < N; i++) x[i] = 1e6f + (float)(i % 3 - 1); /* -1, 0, 1 about a million */
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const pleat_intensity_stats one = pleat_intensity_measure(x, N);
    omp_set_num_threads(3);
    const pleat_intensity_stats three = pleat_intensity_measure(x, N);
    omp_set_num_threads(before);
    assert_float_equal(one.std, sqrt(2.0 / 3.0), 1e-5);
    assert_true(one.mean == three.mean && one.std == three.std);
    free(x);
}

static void test_a_voxel_that_is_not_finite_shows_in_the_mean(void **state) {
    (void)state;
    const float x[3] = {1, NAN, 2}, y[3] = {1, INFINITY, 2};
    assert_false(isfinite(pleat_intensity_measure(x, 3).mean));
    assert_false(isfinite(pleat_intensity_measure(y, 3).mean));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip_keeps_what_lies_inside),
        cmocka_unit_test(test_grayscale_rounds_half_to_even_between_its_own_extremes),
        cmocka_unit_test(test_statistics_are_those_of_the_population),
        cmocka_unit_test(test_scale_is_of_all_volumes_alike),
        cmocka_unit_test(test_zscore_gives_mean_zero_and_deviation_one),
        cmocka_unit_test(test_a_constant_volume_becomes_zero),
        cmocka_unit_test(test_a_large_offset_costs_no_precision_and_threads_change_nothing),
        cmocka_unit_test(test_a_voxel_that_is_not_finite_shows_in_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
