/* test_foreground.c - foreground voxels are listed in the store, and patches lie around them. */
#include "pleat/augment.h"
#include "pleat/store.h"
#include "pleat/volume.h"
#include "support.h"

#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 20, H = 30, W = 40, N = D * H * W };

static const int dim[3] = {D, H, W};

typedef struct mask {
    uint8_t label[N];
    int32_t (*row)[4];
    int n, first[4];
    pleat_foreground foreground;
} mask;

/* Class 2 is one half of the volume, class 5 seven voxels, class 9 one in a corner. */
static int make_mask(void **state) {
    mask *m = calloc(1, sizeof *m);
    if (m == NULL) return 1;
    for (int i = 0; i < N; i++) m->label[i] = i % W < W / 2 ? 2 : 0;
    for (int i = 0; i < 7; i++) m->label[((size_t)(3 + i) * H + 12) * W + 31] = 5;
    m->label[N - 1] = 9;
    if (pleat_foreground_list(dim, m->label, 0, &m->row, &m->n) != PLEAT_OK) return 1;
    m->first[1] = PLEAT_FOREGROUND_VOXELS;
    m->first[2] = PLEAT_FOREGROUND_VOXELS + 7;
    m->first[3] = PLEAT_FOREGROUND_VOXELS + 8;
    m->foreground = (pleat_foreground){3, m->first, (const int32_t(*)[4])m->row, 0};
    *state = m;
    return 0;
}

static int free_mask(void **state) {
    mask *m = *state;
    free(m->row);
    free(m);
    return 0;
}

static void test_every_class_is_listed_by_voxels_of_its_own_and_none_twice(void **state) {
    const mask *m = *state;
    assert_int_equal(m->n, PLEAT_FOREGROUND_VOXELS + 7 + 1);
    uint8_t seen[N] = {0};
    for (int r = 0; r < m->n; r++) {
        const int32_t *row = m->row[r];
        const int expected = r < m->first[1] ? 2 : r < m->first[2] ? 5 : 9;
        const int at = (row[1] * H + row[2]) * W + row[3];
        assert_int_equal(row[0], expected);
        assert_in_range(at, 0, N - 1);
        assert_int_equal(m->label[at], expected);
        assert_int_equal(seen[at], 0);
        seen[at] = 1;
    }
}

static void test_the_voxels_of_a_large_class_are_chosen_evenly(void **state) {
    const mask *m = *state;
    double mean[3] = {0};
    for (int r = 0; r < m->first[1]; r++)
        for (int a = 0; a < 3; a++) mean[a] += m->row[r][1 + a] / (double)m->first[1];
    /* Uniform on 0 .. k-1 has deviation k / sqrt(12); four standard errors of 1000. */
    assert_float_equal(mean[0], (D - 1) / 2.0, 4 * D / sqrt(12.0 * 1000));
    assert_float_equal(mean[1], (H - 1) / 2.0, 4 * H / sqrt(12.0 * 1000));
    assert_float_equal(mean[2], (W / 2 - 1) / 2.0, 4 * W / 2 / sqrt(12.0 * 1000));
}

static void test_a_mask_of_background_and_what_is_ignored_has_no_list(void **state) {
    (void)state;
    const uint8_t label[8] = {0, 0, PLEAT_IGNORED, PLEAT_IGNORED};
    const int small[3] = {2, 2, 2};
    int32_t(*row)[4] = (int32_t(*)[4])1;
    int n = 3;
    OK(pleat_foreground_list(small, label, 0, &row, &n));
    assert_null(row);
    assert_int_equal(n, 0);
}

/* 100 voxels of class 1, 3000 of background, the rest is to be ignored. */
static void sparse(uint8_t label[N]) {
    for (int i = 0; i < N; i++) label[i] = i < 100 ? 1 : i < 3100 ? 0 : PLEAT_IGNORED;
}

static void test_where_a_label_is_ignored_annotated_voxels_are_listed_behind(void **state) {
    (void)state;
    static uint8_t label[N];
    int32_t(*row)[4] = NULL;
    int n = 0, first[257], background = 0;
    sparse(label);
    OK(pleat_foreground_list(dim, label, 1, &row, &n));
    const pleat_foreground f = pleat_foreground_of((const int32_t(*)[4])row, n, first);
    assert_int_equal(f.classes, 1);
    assert_int_equal(f.first[1], 100);
    assert_int_equal(f.annotated, PLEAT_FOREGROUND_VOXELS);
    for (int r = 100; r < n; r++) {
        assert_int_equal(row[r][0], PLEAT_ANNOTATED);
        const int at = (row[r][1] * H + row[r][2]) * W + row[r][3];
        assert_int_not_equal(label[at], PLEAT_IGNORED);
        background += label[at] == 0;
    }
    assert_in_range(background, 1000 * 30 / 31 - 23, 999); /* four deviations */
    free(row);
}

/* --- in the store ------------------------------------------------------------------------------*/

static void assert_stored_list(const mask *m) {
    pleat_store *store = NULL;
    int32_t(*row)[4] = NULL;
    int n = 0;
    OK(pleat_store_open(root, NULL, &store));
    OK(pleat_store_foreground(store, 0, &row, &n));
    assert_int_equal(n, m->n);
    assert_memory_equal(row, m->row, (size_t)n * sizeof *row);
    free(row);
    pleat_store_close(store);
}

/* Of the mask as case a, below an image of zeros. */
static void write_store(const mask *m, const char *preprocessing) {
    static float voxels[N];
    const pleat_image image = {{D, H, W}, {1, 1, 1}, 1, voxels};
    const pleat_label label = {{D, H, W}, {1, 1, 1}, (uint8_t *)m->label};
    pleat_case_info info = {.id = "a"};
    const char *const ids[] = {"a"};
    OK(pleat_store_write_case(root, preprocessing, &info, &image, &label));
    OK(pleat_store_write_index(root, preprocessing, ids, 1));
}

static void test_a_store_keeps_the_list_and_one_without_it_gives_the_same(void **state) {
    const mask *m = *state;
    assert_int_equal(make_root(NULL), 0);
    write_store(m, "none");
    assert_stored_list(m);

    /* as older versions wrote it */
    const hid_t file = H5Fopen(in_root(NULL, "cases/a.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Lexists(file, "foreground", H5P_DEFAULT) > 0);
    assert_true(H5Ldelete(file, "foreground", H5P_DEFAULT) >= 0);
    assert_true(H5Fclose(file) >= 0);
    assert_stored_list(m);
    assert_int_equal(remove_root(NULL), 0);
}

/* Of a store whose files have a label to ignore, without the rows of annotated voxels. */
static void test_an_older_stores_list_is_made_again_with_annotated_voxels(void **state) {
    const mask *m = *state;
    assert_int_equal(make_root(NULL), 0);
    const hsize_t count[2] = {(hsize_t)m->n, 4};
    pleat_store *store = NULL;
    int32_t(*row)[4] = NULL;
    write_store(m, "labels: 0,2,5,9,ignore 10\n");
    for (int older = 0; older < 2; older++) {
        int n = 0, first[257];
        OK(pleat_store_open(root, NULL, &store));
        OK(pleat_store_foreground(store, 0, &row, &n));
        pleat_store_close(store);
        assert_int_equal(pleat_foreground_of((const int32_t(*)[4])row, n, first).annotated, 1000);
        assert_memory_equal(row, m->row, (size_t)m->n * sizeof *row);
        free(row);
        const hid_t file = H5Fopen(in_root(NULL, "cases/a.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
        const hid_t space = H5Screate_simple(2, count, NULL);
        assert_true(H5Ldelete(file, "foreground", H5P_DEFAULT) >= 0);
        const hid_t list = H5Dcreate2(file, "foreground", H5T_STD_I32LE, space, H5P_DEFAULT,
                                      H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Dwrite(list, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, m->row) >= 0);
        assert_true(H5Dclose(list) >= 0 && H5Sclose(space) >= 0 && H5Fclose(file) >= 0);
    }
    assert_int_equal(remove_root(NULL), 0);
}

/* --- samples -----------------------------------------------------------------------------------*/

static const int patch[3] = {8, 12, 10};

static pleat_sample draw(const mask *m, int sample, double share) {
    const pleat_augment_config augment = pleat_augment_defaults();
    const pleat_sample_key key = {3, 1, 4, sample, 5000, 1};
    pleat_sample s;
    pleat_sampler_draw(&key, 1, (const int(*)[3])dim, patch, &augment, &s);
    pleat_sampler_oversample(&key, share, dim, patch, &m->foreground, &s);
    return s;
}

/* Class of the listed voxel in the middle of a patch that is not deformed; 0: there is none. */
static int class_in_the_middle(const mask *m, const pleat_sample *s) {
    for (int r = m->n - 1; r >= 0; r--) {
        int fits = 1;
        for (int a = 0; a < 3; a++) {
            const int v = s->mirror[a] ? dim[a] - 1 - m->row[r][1 + a] : m->row[r][1 + a];
            int start = v - patch[a] / 2;
            if (start < 0) start = 0;
            if (start > dim[a] - patch[a]) start = dim[a] - patch[a];
            fits &= s->start[a] == start;
        }
        if (fits) return m->row[r][0];
    }
    return 0;
}

static void test_every_class_is_in_the_middle_equally_often(void **state) {
    const mask *m = *state;
    int count[10] = {0};
    enum { SAMPLES = 3000 };
    for (int i = 0; i < SAMPLES; i++) {
        const pleat_sample s = draw(m, i, 1.0);
        for (int a = 0; a < 3; a++) assert_in_range(s.start[a], 0, dim[a] - patch[a]);
        count[class_in_the_middle(m, &s)]++;
    }
    /* Four standard deviations of a third: 4 sqrt(3000 * 2 / 9). Class 9 lies in a corner, where
     * patches around other voxels may begin too. */
    assert_int_equal(count[0], 0);
    assert_in_range(count[5], 1000 - 104, 1000 + 104);
    assert_in_range(count[9], 1000 - 104, 1000 + 104);
}

static void test_the_share_is_kept_and_the_other_draws_stay_as_they_were(void **state) {
    const mask *m = *state;
    enum { SAMPLES = 3000 };
    int moved = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const pleat_sample plain = draw(m, i, 0.0);
        pleat_sample some = draw(m, i, 0.3);
        moved += memcmp(some.start, plain.start, sizeof some.start) != 0;
        memcpy(some.start, plain.start, sizeof some.start);
        memcpy(some.centre, plain.centre, sizeof some.centre);
        assert_memory_equal(&some, &plain, sizeof some);
    }
    assert_in_range(moved, 900 - 101, 900 + 101); /* four deviations; hardly any stays by chance */
}

/* 1 when the centre is a listed voxel, moved no further than the patch has room for. */
static int is_around_foreground(const mask *m, const pleat_sample *s) {
    for (int r = 0; r < m->n; r++) {
        int fits = 1;
        for (int a = 0; a < 3; a++) {
            const int v = s->mirror[a] ? dim[a] - 1 - m->row[r][1 + a] : m->row[r][1 + a];
            const double most = dim[a] - patch[a] / 2.0;
            fits &= s->centre[a] == fmin(fmax(v, patch[a] / 2.0), most);
        }
        if (fits) return 1;
    }
    return 0;
}

static void test_the_centre_of_a_deformed_patch_is_a_foreground_voxel_too(void **state) {
    const mask *m = *state;
    int deformed = 0, by_chance = 0;
    for (int i = 0; i < 400; i++) {
        const pleat_sample s = draw(m, i, 1.0), far = draw(m, i, 0.0);
        if (s.scale == 0.0 && s.rotation[0] == 0.0 && s.elastic_alpha == 0.0) {
            for (int a = 0; a < 3; a++) assert_true(s.centre[a] == 0.0);
            continue;
        }
        deformed++;
        assert_true(is_around_foreground(m, &s));
        by_chance += is_around_foreground(m, &far);
    }
    assert_in_range(deformed, 110, 200); /* 1 - 0.85^3 = 0.386 of 400 */
    assert_int_equal(by_chance, 0);
}

static void test_a_case_without_foreground_and_a_small_one_stay_as_drawn(void **state) {
    (void)state;
    const int small[3] = {6, 12, 9};
    const int first[2] = {0, 1};
    const int32_t row[1][4] = {{1, 2, 3, 4}};
    const pleat_foreground none = {0, first, NULL, 0}, one = {1, first, row, 0};
    const pleat_sample_key one_sample = {.seed = 1, .samples = 1};
    pleat_sample s = {.start = {-1, 0, -1}}, before = s;
    pleat_sampler_oversample(&one_sample, 1.0, dim, patch, &none, &s);
    pleat_sampler_oversample(&one_sample, 1.0, dim, patch, NULL, &s);
    pleat_sampler_oversample(&one_sample, 1.0, small, patch, &one, &s);
    assert_memory_equal(&s, &before, sizeof s);
}

/* Rows 0 to 1 are of class 1, row 2 of an annotated voxel: patches of training that are not forced,
 * and those of validation, lie around that. */
static void test_other_patches_lie_around_an_annotated_voxel(void **state) {
    (void)state;
    static const int32_t rows[3][4] = {{1, 9, 9, 9}, {1, 9, 9, 10}, {PLEAT_ANNOTATED, 10, 15, 20}};
    int first[257];
    const pleat_foreground f = pleat_foreground_of(rows, 3, first);
    const pleat_augment_config off = {0}, nnunet = {.like = PLEAT_AUGMENT_NNUNET};
    const pleat_augment_config *const ways[] = {&off, &nnunet, NULL};
    for (int way = 0; way < 3; way++)
        for (int i = 0; i < 40; i++) {
            const pleat_sample_key key = {3, 1, 4, i, 5000, 2};
            pleat_sample s;
            pleat_sampler_draw(&key, 1, (const int(*)[3])dim, patch, ways[way], &s);
            if (ways[way] == NULL)
                pleat_sampler_annotate(&key, dim, patch, &f, &s);
            else
                pleat_sampler_oversample(&key, way == 1 ? 0.5 : 0.0, dim, patch, &f, &s);
            const int forced = way == 1 && i % 2 == 1;
            for (int a = 0; a < 3; a++)
                if (!forced || a < 2)
                    assert_int_equal(s.start[a], (forced ? 9 : rows[2][1 + a]) - patch[a] / 2);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_class_is_listed_by_voxels_of_its_own_and_none_twice),
        cmocka_unit_test(test_the_voxels_of_a_large_class_are_chosen_evenly),
        cmocka_unit_test(test_a_mask_of_background_and_what_is_ignored_has_no_list),
        cmocka_unit_test(test_a_store_keeps_the_list_and_one_without_it_gives_the_same),
        cmocka_unit_test(test_where_a_label_is_ignored_annotated_voxels_are_listed_behind),
        cmocka_unit_test(test_an_older_stores_list_is_made_again_with_annotated_voxels),
        cmocka_unit_test(test_other_patches_lie_around_an_annotated_voxel),
        cmocka_unit_test(test_every_class_is_in_the_middle_equally_often),
        cmocka_unit_test(test_the_share_is_kept_and_the_other_draws_stay_as_they_were),
        cmocka_unit_test(test_the_centre_of_a_deformed_patch_is_a_foreground_voxel_too),
        cmocka_unit_test(test_a_case_without_foreground_and_a_small_one_stay_as_drawn),
    };
    return cmocka_run_group_tests(tests, make_mask, free_mask);
}
