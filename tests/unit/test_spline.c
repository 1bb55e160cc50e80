/* test_spline.c - cubic B-splines interpolate, mirror at the ends, and equal scipy's numbers. */
#include "pleat/rng.h"
#include "pleat/spline.h"
#include "support.h"

#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The spline through c at u as scipy samples it in mode "constant": 0 outside. */
static double sample(const float *c, int n, double u) {
    if (u < 0.0 || u > n - 1) return 0.0;
    const int base = (int)floor(u);
    const pleat_spline_tap tap = pleat_spline_tap_at(base, u - base, n);
    double sum = 0.0;
    for (int j = 0; j < 4; j++) sum += tap.weight[j] * c[tap.index[j]];
    return sum;
}

static void test_coefficients_and_samples_are_those_of_scipy(void **state) {
    (void)state;
    float line[8] = {3, 7, 1, 8, 2, 9, 4, 6};
    const double coefficient[8] = {-1.589832, 12.179663, -5.128822, 14.335623,
                                   -4.213672, 14.519066, 0.137410,  8.931295};
    const double u[8] = {-0.01, 0, 0.25, 1.5, 3.3, 6.9, 7.0, 7.01};
    const double value[8] = {0, 3, 3.707945, 3.644066, 6.765485, 5.918855, 6, 0};
    OK(pleat_spline_prefilter(line, (int[3]){1, 1, 8}));
    for (int i = 0; i < 8; i++) assert_float_equal(line[i], coefficient[i], 2e-6);
    for (int i = 0; i < 8; i++) assert_float_equal(sample(line, 8, u[i]), value[i], 2e-6);
}

static void test_a_ramp_bends_at_its_mirrored_ends(void **state) {
    (void)state;
    float line[5] = {10, 20, 30, 40, 50};
    OK(pleat_spline_prefilter(line, (int[3]){5, 1, 1}));
    assert_float_equal(sample(line, 5, 0.2), 10.628571, 1e-5);
    assert_float_equal(sample(line, 5, 2.5), 34.464286, 1e-5);
}

static void test_weights_sum_to_one_and_weigh_the_nearer_side(void **state) {
    (void)state;
    double w[4];
    for (int i = 0; i <= 10; i++) {
        pleat_spline_weights(i / 10.0, w);
        assert_float_equal(w[0] + w[1] + w[2] + w[3], 1.0, 1e-15);
    }
    pleat_spline_weights(0.0, w);
    assert_float_equal(w[0], 1.0 / 6.0, 1e-15);
    assert_float_equal(w[1], 4.0 / 6.0, 1e-15);
    assert_float_equal(w[3], 0.0, 0.0);
    pleat_spline_weights(0.5, w); /* 1/48, 23/48, 23/48, 1/48 */
    assert_float_equal(w[0], 1.0 / 48.0, 1e-15);
    assert_float_equal(w[2], 23.0 / 48.0, 1e-15);
}

static void test_indices_fold_back_at_both_ends(void **state) {
    (void)state;
    const int folded[14] = {2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3}; /* i = -4 .. 9, n = 4 */
    for (int i = -4; i < 10; i++) assert_int_equal(pleat_spline_mirror(i, 4), folded[i + 4]);
    for (int i = -3; i < 4; i++) assert_int_equal(pleat_spline_mirror(i, 1), 0);
    for (int i = -3; i < 4; i++) assert_int_equal(pleat_spline_mirror(i, 2), abs(i) % 2);
}

/* Every axis length, odd tails of the line blocks included: the defining property of coefficients,
 * sum_j B(j) c[mirror(i+j)] = x[i] with B = 1/6, 4/6, 1/6 on each axis. */
static void test_coefficients_interpolate_every_voxel_of_a_volume(void **state) {
    (void)state;
    const int shapes[][3] = {{1, 1, 1},  {2, 3, 5},   {1, 17, 33},
                             {40, 2, 1}, {7, 16, 50}, {61, 5, 3}};
    const pleat_rng rng = pleat_rng_at(1, PLEAT_STREAM_NOISE, 0, 0, 0);
    for (size_t s = 0; s < COUNT(shapes); s++) {
        const int *dim = shapes[s], n = dim[0] * dim[1] * dim[2];
        float *x = malloc(2 * (size_t)n * sizeof *x), *c = x + n;
        assert_non_null(x);
        for (int i = 0; i < n; i++) x[i] = (float)pleat_rng_range(&rng, (uint32_t)i, -100, 100);
        memcpy(c, x, (size_t)n * sizeof *x);
        OK(pleat_spline_prefilter(c, dim));
        for (int i = 0; i < n; i++) {
            const int at[3] = {i / (dim[1] * dim[2]), i / dim[2] % dim[1], i % dim[2]};
            double sum = 0.0;
            for (int j = 0; j < 27; j++) {
                const int step[3] = {j / 9 - 1, j / 3 % 3 - 1, j % 3 - 1};
                int p = 0;
                double weight = 1.0;
                for (int a = 0; a < 3; a++) {
                    p = p * dim[a] + pleat_spline_mirror(at[a] + step[a], dim[a]);
                    weight *= step[a] == 0 ? 4.0 / 6.0 : 1.0 / 6.0;
                }
                sum += weight * c[p];
            }
            assert_float_equal(sum, x[i], 2e-3);
        }
        free(x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coefficients_and_samples_are_those_of_scipy),
        cmocka_unit_test(test_a_ramp_bends_at_its_mirrored_ends),
        cmocka_unit_test(test_weights_sum_to_one_and_weigh_the_nearer_side),
        cmocka_unit_test(test_indices_fold_back_at_both_ends),
        cmocka_unit_test(test_coefficients_interpolate_every_voxel_of_a_volume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
