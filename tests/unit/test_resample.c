/* test_resample.c - images and masks on another grid equal scipy's numbers and the definition. */
#include "pleat/resample.h"
#include "pleat/rng.h"
#include "support.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static const double MM[3] = {1, 1, 1};

/* (4,5,3) voxels, v = ((31x + 17y + 7z) mod 23) * 10. */
static pleat_image golden_image(void) {
    pleat_image image;
    OK(pleat_image_make(1, (int[3]){4, 5, 3}, MM, &image));
    for (int i = 0; i < 60; i++) {
        const int x = i / 15, y = i / 3 % 5, z = i % 3;
        image.data[i] = (float)((31 * x + 17 * y + 7 * z) % 23 * 10);
    }
    return image;
}

static float at(const pleat_image *v, int a, int b, int c) {
    return v->data[(a * v->dim[1] + b) * v->dim[2] + c];
}

static void test_sizes_are_the_floor_of_the_extent(void **state) {
    (void)state;
    int out[3];
    const double target[3] = {2.70, 1.58, 1.58};
    pleat_resample_size((int[3]){134, 512, 512}, (double[3]){3.0, 0.977, 0.977}, target, out);
    assert_int_equal(out[0], 148); /* 148.9 */
    assert_int_equal(out[1], 316); /* 316.6 */
    assert_int_equal(out[2], 316);
    pleat_resample_size((int[3]){100, 3, 1}, (double[3]){0.1, 0.1, 0.1}, (double[3]){0.1, 0.3, 5.0},
                        out);
    assert_int_equal(out[0], 100);
    assert_int_equal(out[1], 1); /* 3 * 0.1 / 0.3 is 1 */
    assert_int_equal(out[2], 1); /* never none */
    pleat_resample_size((int[3]){267, 254, 104},
                        (double[3]){(double)2.70f, (double)1.58f, (double)1.58f}, target, out);
    assert_int_equal(out[0], 267); /* a float32 spacing is the spacing */
    assert_int_equal(out[1], 254);
    assert_int_equal(out[2], 104);
}

static void test_an_image_with_black_edges_is_that_of_the_original(void **state) {
    (void)state;
    pleat_image in = golden_image(), out;
    const double row[3][3] = {{60.937037, 31.594879, 96.273197},
                              {85.17, 41.25, 127.74},
                              {46.948499, 91.632846, 157.975318}};
    const double spacing[3] = {4.0 / 3, 5.0 / 7, 3.0 / 5};
    OK(pleat_resample_image(&in, (int[3]){3, 7, 5}, spacing, PLEAT_EDGE_ZERO, &out));
    double sum_in = 0, sum_out = 0;
    for (int i = 0; i < 60; i++) sum_in += in.data[i];
    for (int i = 0; i < 105; i++) sum_out += out.data[i];
    assert_float_equal(sum_in, 6500, 0);
    assert_float_equal(sum_out, 4835.541328, 1e-3);
    for (int i = 0; i < 105; i++) {
        const int y = i / 5 % 7, z = i % 5;
        if (y == 0 || y == 6 || z == 0 || z == 4) assert_true(out.data[i] == 0.0f);
    }
    for (int z = 0; z < 3; z++) {
        assert_float_equal(at(&out, 0, 1, z + 1), row[0][z], 5e-5);
        assert_float_equal(at(&out, 1, 3, z + 1), row[1][z], 5e-5);
        assert_float_equal(at(&out, 2, 5, z + 1), row[2][z], 5e-5);
    }
    assert_float_equal(out.spacing[1], 5.0 / 7, 0);
    pleat_image_free(&in);
    pleat_image_free(&out);
}

static void test_replicated_edges_hold_the_value_of_the_outermost_centre(void **state) {
    (void)state;
    pleat_image in = golden_image(), zero, edge;
    const int dim[3] = {4, 5, 12}; /* a quarter: u = -0.375, -0.125, 0.125 .. on the last axis */
    OK(pleat_resample_image(&in, dim, MM, PLEAT_EDGE_ZERO, &zero));
    OK(pleat_resample_image(&in, dim, MM, PLEAT_EDGE_REPLICATE, &edge));
    for (int x = 0; x < 4; x++) {
        for (int y = 0; y < 5; y++) {
            for (int z = 0; z < 12; z++) {
                const int outside = z < 2 || z >= 10;
                const float outermost = at(&in, x, y, z < 2 ? 0 : 2);
                if (outside) assert_float_equal(at(&edge, x, y, z), outermost, 1e-4);
                if (outside) assert_true(at(&zero, x, y, z) == 0.0f);
                if (!outside) assert_true(at(&zero, x, y, z) == at(&edge, x, y, z));
            }
        }
    }
    pleat_image_free(&in);
    pleat_image_free(&zero);
    pleat_image_free(&edge);
}

static void test_an_equal_size_is_a_copy(void **state) {
    (void)state;
    pleat_image in = golden_image(), out;
    OK(pleat_resample_image(&in, in.dim, MM, PLEAT_EDGE_ZERO, &out));
    assert_memory_equal(in.data, out.data, 60 * sizeof(float));
    assert_ptr_not_equal(in.data, out.data);
    pleat_image_free(&in);
    pleat_image_free(&out);
}

static void test_a_step_does_not_overshoot_the_range_of_the_input(void **state) {
    (void)state;
    pleat_image in, out;
    OK(pleat_image_make(1, (int[3]){2, 2, 10}, MM, &in));
    for (int i = 0; i < 40; i++) in.data[i] = i % 10 < 5 ? 20.0f : 70.0f;
    OK(pleat_resample_image(&in, (int[3]){3, 2, 33}, MM, PLEAT_EDGE_REPLICATE, &out));
    for (int i = 0; i < 3 * 2 * 33; i++) assert_in_range((int)ceilf(out.data[i]), 20, 70);
    for (int i = 0; i < 3 * 2 * 33; i++) assert_true(out.data[i] >= 20.0f);
    pleat_image_free(&in);
    pleat_image_free(&out);
}

static void test_threads_do_not_change_an_image(void **state) {
    (void)state;
    pleat_image in = golden_image(), one, three;
    const int before = omp_get_max_threads(), dim[3] = {9, 3, 40};
    omp_set_num_threads(1);
    OK(pleat_resample_image(&in, dim, MM, PLEAT_EDGE_REPLICATE, &one));
    omp_set_num_threads(3);
    OK(pleat_resample_image(&in, dim, MM, PLEAT_EDGE_REPLICATE, &three));
    omp_set_num_threads(before);
    assert_memory_equal(one.data, three.data, pleat_voxels(dim) * sizeof(float));
    pleat_image_free(&in);
    pleat_image_free(&one);
    pleat_image_free(&three);
}

static void test_a_size_below_one_is_refused_with_both_shapes(void **state) {
    (void)state;
    pleat_image in = golden_image(), out;
    REFUSED(pleat_resample_image(&in, (int[3]){3, 0, 5}, MM, PLEAT_EDGE_ZERO, &out),
            PLEAT_ERR_SHAPE, "3 x 5 x 4");
    TOLD("5 x 0 x 3");
    pleat_image_free(&in);
}

static void test_a_mask_is_that_of_the_original(void **state) {
    (void)state;
    pleat_label in, out;
    OK(pleat_label_make((int[3]){4, 5, 3}, MM, &in));
    for (int i = 0; i < 60; i++)
        in.data[i] = (uint8_t)((i / 15 + 2 * (i / 3 % 5) + 3 * (i % 3)) % 4);
    OK(pleat_resample_label(&in, (int[3]){3, 7, 5}, MM, &out));
    int count[4] = {0};
    for (int i = 0; i < 105; i++) count[out.data[i]]++;
    assert_int_equal(count[0], 64);
    assert_int_equal(count[1], 16);
    assert_int_equal(count[2], 14);
    assert_int_equal(count[3], 11);
    assert_memory_equal(out.data, ((uint8_t[]){0, 0, 3, 2, 2}), 5);
    assert_memory_equal(out.data + 2 * 5, ((uint8_t[]){2, 0, 1, 0, 0}), 5);
    assert_memory_equal(out.data + 7 * 5, ((uint8_t[]){2, 1, 1, 0, 3}), 5);
    assert_memory_equal(out.data + (2 * 7 + 2) * 5, ((uint8_t[]){1, 0, 0, 0, 3}), 5);
    pleat_label_free(&in);
    pleat_label_free(&out);
}

/* One 0/1 mask of label c at an output voxel: trilinear with u clamped, in plain double. */
static double mask_at(const pleat_label *in, const int dim[3], const int voxel[3], int c) {
    int base[3];
    double t[3], sum = 0.0;
    for (int a = 0; a < 3; a++) {
        const double f = (double)in->dim[a] / dim[a];
        const double u = fmin(fmax(f * (voxel[a] + 0.5) - 0.5, 0.0), in->dim[a] - 1.0);
        base[a] = (int)u;
        t[a] = u - base[a];
    }
    for (int corner = 0; corner < 8; corner++) {
        double weight = 1.0;
        int p = 0;
        for (int a = 0; a < 3; a++) {
            const int up = corner >> a & 1, i = base[a] + up;
            weight *= up ? t[a] : 1.0 - t[a];
            p = p * in->dim[a] + (i < in->dim[a] ? i : in->dim[a] - 1);
        }
        sum += in->data[p] == c ? weight : 0.0;
    }
    return sum;
}

/* The definition, label by label; a voxel whose outcome hangs on rounding is left out. */
static void test_a_mask_in_one_pass_is_the_mask_label_by_label(void **state) {
    (void)state;
    const int from[][3] = {{7, 9, 11}, {12, 5, 8}, {1, 6, 6}};
    const int to[][3] = {{13, 5, 17}, {7, 13, 8}, {3, 2, 19}};
    const pleat_rng rng = pleat_rng_at(2, PLEAT_STREAM_NOISE, 0, 0, 0);
    for (int s = 0; s < 3; s++) {
        pleat_label in, out;
        size_t compared = 0;
        OK(pleat_label_make(from[s], MM, &in));
        for (size_t i = 0; i < pleat_voxels(from[s]); i++)
            in.data[i] = (uint8_t)(pleat_rng_below(&rng, (uint32_t)i, 3) * 2); /* 0, 2, 4 */
        OK(pleat_resample_label(&in, to[s], MM, &out));
        for (size_t i = 0; i < pleat_voxels(to[s]); i++) {
            const int row = (int)i / to[s][2];
            const int voxel[3] = {row / to[s][1], row % to[s][1], (int)i % to[s][2]};
            int expected = 0, near_tie = 0;
            for (int c = 0; c <= 4; c++) {
                const double mask = mask_at(&in, to[s], voxel, c);
                if (mask >= 0.5) expected = c;
                near_tie |= fabs(mask - 0.5) < 1e-12;
            }
            if (near_tie) continue;
            assert_int_equal(out.data[i], expected);
            compared++;
        }
        assert_true(compared > pleat_voxels(to[s]) * 3 / 4);
        pleat_label_free(&in);
        pleat_label_free(&out);
    }
}

static void test_the_higher_label_wins_a_tie_and_three_in_a_corner_leave_background(void **state) {
    (void)state;
    pleat_label in, out;
    OK(pleat_label_make((int[3]){1, 2, 2}, MM, &in));
    memcpy(in.data, ((uint8_t[]){3, 1, 3, 1}), 4); /* halving: u = 0.5 on both axes */
    OK(pleat_resample_label(&in, (int[3]){1, 1, 1}, MM, &out));
    assert_int_equal(out.data[0], 3);
    pleat_label_free(&out);
    memcpy(in.data, ((uint8_t[]){1, 2, 3, 2}), 4); /* 2 has exactly half */
    OK(pleat_resample_label(&in, (int[3]){1, 1, 1}, MM, &out));
    assert_int_equal(out.data[0], 2);
    pleat_label_free(&out);
    memcpy(in.data, ((uint8_t[]){1, 2, 3, 4}), 4); /* a quarter each */
    OK(pleat_resample_label(&in, (int[3]){1, 1, 1}, MM, &out));
    assert_int_equal(out.data[0], 0);
    pleat_label_free(&out);
    pleat_label_free(&in);
}

static void test_a_mask_survives_the_way_to_a_finer_grid_and_back(void **state) {
    (void)state;
    const int native[3] = {9, 20, 20}, finer[3] = {20, 31, 31};
    pleat_label in, there, back;
    OK(pleat_label_make(native, MM, &in));
    for (int i = 0; i < 9 * 20 * 20; i++) {
        const int d = i / 400 - 4, h = i / 20 % 20 - 10, w = i % 20 - 9;
        in.data[i] = 4 * d * d + h * h + w * w < 50 ? (w < 0 ? 1 : 2) : 0;
    }
    OK(pleat_resample_label(&in, finer, MM, &there));
    OK(pleat_resample_label(&there, native, MM, &back));
    int changed = 0, foreground = 0;
    for (int i = 0; i < 9 * 20 * 20; i++) {
        changed += in.data[i] != back.data[i];
        foreground += in.data[i] != 0;
    }
    assert_in_range(changed, 0, foreground / 20); /* corners of single voxels */
    pleat_label_free(&in);
    pleat_label_free(&there);
    pleat_label_free(&back);
}

/* Of values beside one another: the mean of the eight neighbours, weighted by how near they are. */
static double nearby(const float *values, const int from[3], int n, const double u[3], int c) {
    double sum = 0.0;
    for (int d = 0; d < from[0]; d++)
        for (int h = 0; h < from[1]; h++)
            for (int w = 0; w < from[2]; w++) {
                const double weight = fmax(0.0, 1.0 - fabs(u[0] - d)) *
                                      fmax(0.0, 1.0 - fabs(u[1] - h)) *
                                      fmax(0.0, 1.0 - fabs(u[2] - w));
                sum += weight * (double)values[((d * from[1] + h) * from[2] + w) * n + c];
            }
    return sum;
}

static void test_values_are_interpolated_linearly_in_either_order(void **state) {
    (void)state;
    enum { N = 3 };
    const int from[3] = {3, 4, 5}, sizes[][3] = {{3, 4, 5}, {5, 4, 2}, {1, 9, 7}};
    float values[3 * 4 * 5 * N], beside[5 * 9 * 7 * N], planes[5 * 9 * 7 * N];
    for (size_t i = 0; i < COUNT(values); i++) values[i] = (float)((i * 37) % 101) / 101.0F;
    for (size_t k = 0; k < COUNT(sizes); k++) {
        const int *to = sizes[k];
        const size_t voxels = pleat_voxels(to);
        OK(pleat_resample_values(values, from, N, to, 0, beside));
        OK(pleat_resample_values(values, from, N, to, 1, planes));
        for (size_t v = 0; v < voxels; v++) {
            const int place[3] = {(int)v / (to[1] * to[2]), (int)v / to[2] % to[1], (int)v % to[2]};
            double u[3];
            for (int a = 0; a < 3; a++)
                u[a] = fmin(fmax((place[a] + 0.5) * from[a] / to[a] - 0.5, 0.0), from[a] - 1.0);
            for (int c = 0; c < N; c++) {
                const float got = beside[v * N + (size_t)c];
                assert_float_equal(got, nearby(values, from, N, u, c), 1e-6);
                assert_true(planes[(size_t)c * voxels + v] == got);
            }
        }
        if (k == 0) assert_memory_equal(beside, values, sizeof values);
    }
    REFUSED(pleat_resample_values(values, from, N, (const int[3]){0, 1, 1}, 0, beside),
            PLEAT_ERR_SHAPE, "each size must be");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_the_floor_of_the_extent),
        cmocka_unit_test(test_an_image_with_black_edges_is_that_of_the_original),
        cmocka_unit_test(test_replicated_edges_hold_the_value_of_the_outermost_centre),
        cmocka_unit_test(test_an_equal_size_is_a_copy),
        cmocka_unit_test(test_a_step_does_not_overshoot_the_range_of_the_input),
        cmocka_unit_test(test_threads_do_not_change_an_image),
        cmocka_unit_test(test_a_size_below_one_is_refused_with_both_shapes),
        cmocka_unit_test(test_a_mask_is_that_of_the_original),
        cmocka_unit_test(test_a_mask_in_one_pass_is_the_mask_label_by_label),
        cmocka_unit_test(test_the_higher_label_wins_a_tie_and_three_in_a_corner_leave_background),
        cmocka_unit_test(test_values_are_interpolated_linearly_in_either_order),
        cmocka_unit_test(test_a_mask_survives_the_way_to_a_finer_grid_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
