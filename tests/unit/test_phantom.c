/* test_phantom.c - phantoms are reproducible chests, left is left, and no threshold solves them. */
#include "pleat/file.h"
#include "pleat/nifti.h"
#include "pleat/phantom.h"
#include "support.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct made_case {
    pleat_image image;
    pleat_label label;
    pleat_geometry geometry;
    size_t voxels;
} made_case;

static made_case make(uint64_t seed, int number, const pleat_phantom_config *config) {
    made_case c;
    OK(pleat_phantom_make(seed, number, config, &c.image, &c.label, &c.geometry));
    c.voxels = pleat_voxels(c.image.dim);
    return c;
}

static void drop(made_case *c) {
    pleat_image_free(&c->image);
    pleat_label_free(&c->label);
}

/* By value: a file holds no -0. */
static int equal(const made_case *a, const made_case *b) {
    if (memcmp(a->image.dim, b->image.dim, sizeof a->image.dim) != 0) return 0;
    for (size_t i = 0; i < a->voxels; i++)
        if (a->image.data[i] != b->image.data[i]) return 0;
    return memcmp(a->label.data, b->label.data, a->voxels) == 0;
}

static void test_seed_and_number_make_the_case_and_threads_do_not(void **state) {
    (void)state;
    const pleat_phantom_config config = pleat_phantom_default();
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    made_case one = make(5, 1, &config);
    omp_set_num_threads(3);
    made_case again = make(5, 1, &config);
    omp_set_num_threads(before);
    made_case next = make(5, 2, &config), other = make(6, 1, &config);
    assert_true(equal(&one, &again));
    assert_false(equal(&one, &next));
    assert_false(equal(&one, &other));
    drop(&one);
    drop(&again);
    drop(&next);
    drop(&other);
}

static void test_cases_vary_within_the_limits_and_hold_every_class(void **state) {
    (void)state;
    const pleat_phantom_config config = pleat_phantom_default();
    int sizes_differ = 0;
    for (int number = 1; number <= 6; number++) {
        made_case c = make(1, number, &config);
        for (int a = 0; a < 3; a++) {
            assert_true(abs(c.image.dim[a] - config.dim[a]) <= config.vary * config.dim[a] + 0.5);
            assert_true(fabs(c.image.spacing[a] / config.spacing[a] - 1) <= config.vary);
            assert_float_equal(c.image.spacing[a], c.geometry.spacing[a], 1e-12);
            assert_float_equal(c.image.spacing[a], c.label.spacing[a], 0);
            assert_int_equal(c.image.dim[a], c.geometry.dim[a]);
            sizes_differ += c.image.dim[a] != config.dim[a];
        }
        double count[4] = {0};
        for (size_t i = 0; i < c.voxels; i++) {
            assert_in_range(c.label.data[i], 0, 3);
            count[c.label.data[i]]++;
        }
        const double lungs = count[1] + count[2] + count[3];
        assert_true(lungs > 0.10 * (double)c.voxels && lungs < 0.30 * (double)c.voxels);
        assert_true(count[1] > 0.3 * lungs && count[2] > 0.3 * lungs);
        assert_true(count[3] >= config.infected[0] * lungs);
        assert_true(count[3] <= (config.infected[1] + 0.05) * lungs); /* the last lesion adds */
        drop(&c);
    }
    assert_true(sizes_differ > 0);
}

static void test_every_third_case_is_stored_in_the_window(void **state) {
    (void)state;
    const pleat_phantom_config config = pleat_phantom_default();
    for (int number = 1; number <= 3; number++) {
        made_case c = make(1, number, &config);
        float low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < c.voxels; i++) {
            assert_true(c.image.data[i] == rintf(c.image.data[i]));
            low = fminf(low, c.image.data[i]);
            high = fmaxf(high, c.image.data[i]);
        }
        if (number == 3) {
            assert_true(low >= 0.0f && high == 255.0f);
        } else {
            assert_true(low == -1024.0f && high > 300.0f && high < 3072.0f);
        }
        drop(&c);
    }
}

/* NIfTI's x grows to the patient's right (nifti1.h), so the left lung has the smaller mm. */
static void test_the_left_lung_is_on_the_left_the_spine_behind_and_the_liver_below(void **state) {
    (void)state;
    const pleat_phantom_config config = pleat_phantom_default();
    for (int number = 1; number <= 2; number++) {
        made_case c = make(2, number, &config);
        double sum[4] = {0}, count[4] = {0}, air = 0, bone = 0, airs = 0, bones = 0, top[3] = {0};
        const int *dim = c.image.dim;
        for (size_t i = 0; i < c.voxels; i++) {
            const int d = (int)(i / (size_t)(dim[1] * dim[2])), h = (int)i / dim[2] % dim[1];
            const int w = (int)i % dim[2], label = c.label.data[i];
            const double(*m)[4] = (const double(*)[4])c.geometry.affine;
            const double x = m[0][0] * w + m[0][1] * h + m[0][2] * d + m[0][3];
            const double y = m[1][0] * w + m[1][1] * h + m[1][2] * d + m[1][3];
            const double z = m[2][0] * w + m[2][1] * h + m[2][2] * d + m[2][3];
            sum[label] += x;
            count[label]++;
            if (label != 0 && label != 3) air += y;
            if (label != 0 && label != 3) airs++;
            if (label == 0 && fabs(x) < 25.0 && c.image.data[i] > 180.0f) bone += y;
            if (label == 0 && fabs(x) < 25.0 && c.image.data[i] > 180.0f) bones++;
            if (d < dim[0] / 4 && label == 1) top[1] += z < 0.0;
            if (d < dim[0] / 4 && label == 2) top[2] += z < 0.0;
        }
        assert_true(sum[1] / count[1] < -20.0);
        assert_true(sum[2] / count[2] > 20.0);
        assert_true(bone / bones < air / airs); /* y grows to the front */
        assert_true(top[1] > top[2]);           /* the liver pushes the right lung up */
        drop(&c);
    }
}

static void test_the_lungs_do_not_touch(void **state) {
    (void)state;
    const pleat_phantom_config config = pleat_phantom_default();
    for (int number = 1; number <= 4; number++) {
        made_case c = make(3, number, &config);
        const size_t step[3] = {1, (size_t)c.image.dim[2],
                                (size_t)c.image.dim[1] * (size_t)c.image.dim[2]};
        for (int a = 0; a < 3; a++)
            for (size_t i = step[a]; i < c.voxels; i++)
                assert_false(c.label.data[i] + c.label.data[i - step[a]] == 3 &&
                             c.label.data[i] % 3 != 0);
        drop(&c);
    }
}

/* Even inside the true lungs, and with the window fitted to these very cases. */
static void test_no_window_of_intensities_finds_the_infection(void **state) {
    (void)state;
    enum { BINS = 160, WIDTH = 10, LOWEST = -1200 };
    pleat_phantom_config config = pleat_phantom_default();
    config.windowed_every = 0;
    double lesion[BINS + 1] = {0}, lung[BINS + 1] = {0}; /* voxels below the bin */
    for (int number = 1; number <= 8; number++) {
        made_case c = make(1, number, &config);
        for (size_t i = 0; i < c.voxels; i++) {
            int bin = ((int)c.image.data[i] - LOWEST) / WIDTH;
            bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
            if (c.label.data[i] == 3) lesion[bin + 1]++;
            if (c.label.data[i] == 1 || c.label.data[i] == 2) lung[bin + 1]++;
        }
        drop(&c);
    }
    for (int b = 0; b < BINS; b++) {
        lesion[b + 1] += lesion[b];
        lung[b + 1] += lung[b];
    }
    double best = 0.0;
    for (int a = 0; a < BINS; a++) {
        for (int b = a + 1; b <= BINS; b++) {
            const double tp = lesion[b] - lesion[a], fp = lung[b] - lung[a];
            best = fmax(best, 2.0 * tp / (tp + fp + lesion[BINS]));
        }
    }
    if (best >= 0.6) fail_msg("a window reaches a DSC of %.3f", best);
    assert_true(best > 0.3); /* it is no noise either */
}

static void test_a_small_configuration_still_is_a_chest(void **state) {
    (void)state;
    pleat_phantom_config config = pleat_phantom_default();
    memcpy(config.dim, ((int[]){16, 32, 32}), sizeof config.dim);
    memcpy(config.spacing, ((double[]){15, 10, 10}), sizeof config.spacing);
    made_case c = make(1, 1, &config);
    int seen[4] = {0};
    for (size_t i = 0; i < c.voxels; i++) seen[c.label.data[i]]++;
    for (int k = 0; k < 4; k++) assert_true(seen[k] > 20);
    drop(&c);
}

static void test_written_cases_read_back_equal(void **state) {
    (void)state;
    pleat_phantom_config config = pleat_phantom_default();
    memcpy(config.dim, ((int[]){16, 32, 32}), sizeof config.dim);
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    OK(pleat_path(folder, sizeof folder, "%s/new/data", root));
    OK(pleat_phantom_write(folder, 3, 4, &config));
    for (int number = 1; number <= 3; number++) {
        made_case made = make(4, number, &config), read = {.voxels = made.voxels};
        (void)pleat_path(path, sizeof path, "%s/case_%03d/imaging.nii.gz", folder, number);
        OK(pleat_nifti_read_image(path, &read.image, &read.geometry));
        (void)pleat_path(path, sizeof path, "%s/case_%03d/segmentation.nii.gz", folder, number);
        OK(pleat_nifti_read_label(path, &read.label, NULL));
        assert_true(equal(&made, &read));
        for (int row = 0; row < 3; row++)
            for (int k = 0; k < 4; k++)
                assert_float_equal(read.geometry.affine[row][k], made.geometry.affine[row][k],
                                   1e-4);
        drop(&made);
        drop(&read);
    }
}

static void test_what_cannot_be_made_is_refused(void **state) {
    (void)state;
    pleat_phantom_config config = pleat_phantom_default();
    made_case c;
    config.dim[1] = 2;
    REFUSED(pleat_phantom_make(1, 1, &config, &c.image, &c.label, &c.geometry), PLEAT_ERR_ARG,
            "96 x 2 x 40");
    config = pleat_phantom_default();
    config.vary = 0.9;
    assert_int_equal(pleat_phantom_make(1, 1, &config, &c.image, &c.label, &c.geometry),
                     PLEAT_ERR_ARG);
    config = pleat_phantom_default();
    config.infected[0] = 0.3; /* above infected[1] */
    assert_int_equal(pleat_phantom_make(1, 1, &config, &c.image, &c.label, &c.geometry),
                     PLEAT_ERR_ARG);
    config = pleat_phantom_default();
    assert_int_equal(pleat_phantom_write(root, 0, 1, &config), PLEAT_ERR_ARG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_and_number_make_the_case_and_threads_do_not),
        cmocka_unit_test(test_cases_vary_within_the_limits_and_hold_every_class),
        cmocka_unit_test(test_every_third_case_is_stored_in_the_window),
        cmocka_unit_test(test_the_left_lung_is_on_the_left_the_spine_behind_and_the_liver_below),
        cmocka_unit_test(test_the_lungs_do_not_touch),
        cmocka_unit_test(test_no_window_of_intensities_finds_the_infection),
        cmocka_unit_test(test_a_small_configuration_still_is_a_chest),
        cmocka_unit_test(test_written_cases_read_back_equal),
        cmocka_unit_test(test_what_cannot_be_made_is_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
