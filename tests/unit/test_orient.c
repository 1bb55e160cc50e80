/* test_orient.c - turned volumes keep every voxel where it lies in the patient, and come back. */
#include "pleat/nifti.h"
#include "pleat/orient.h"
#include "pleat/prep.h"
#include "pleat/store.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { X = 4, Y = 3, Z = 2, N = X * Y * Z };

/* x, y, z lead along order[] of the patient, backwards by the bits of `back`; a little oblique. */
static void lie(const int order[3], int back, pleat_geometry *g) {
    const int dim[3] = {Z, Y, X};
    const double spacing[3] = {5.0, 2.0, 1.0};
    pleat_nifti_plain_geometry(dim, spacing, g);
    for (int a = 0; a < 3; a++)
        for (int r = 0; r < 3; r++) {
            const double along = r == order[a] ? 1.0 : 0.1 * (r - 1);
            g->affine[r][a] = (back >> a & 1 ? -1.0 : 1.0) * along * spacing[2 - a];
        }
    for (int r = 0; r < 3; r++) g->affine[r][3] = 10.0 * r - 7.0;
}

static void place(const pleat_geometry *g, int d, int h, int w, double out[3]) {
    for (int r = 0; r < 3; r++)
        out[r] = g->affine[r][0] * w + g->affine[r][1] * h + g->affine[r][2] * d + g->affine[r][3];
}

/* One of the 48 ways to lie, turned to `orient`. */
static void turn_one(const int order[3], int back, int orient) {
    pleat_geometry from, to;
    float voxels[N], there[N], again[N];
    char letters[4];
    lie(order, back, &from);
    const pleat_turn turn = pleat_turn_to(&from, orient), home = pleat_turn_back(&turn);
    pleat_turn_geometry(&turn, &from, &to);
    pleat_orient_text(to.affine, letters);
    assert_string_equal(letters, pleat_orient_name(orient));
    for (int i = 0; i < N; i++) voxels[i] = (float)i;
    pleat_turn_voxels(&turn, voxels, from.dim, sizeof *voxels, there);
    pleat_turn_voxels(&home, there, to.dim, sizeof *voxels, again);
    assert_memory_equal(again, voxels, sizeof voxels);
    for (int d = 0, i = 0; d < to.dim[0]; d++)
        for (int h = 0; h < to.dim[1]; h++)
            for (int w = 0; w < to.dim[2]; w++, i++) {
                const int v = (int)there[i];
                double was[3], is[3];
                place(&from, v / (X * Y), v / X % Y, v % X, was);
                place(&to, d, h, w, is);
                for (int r = 0; r < 3; r++) assert_true(fabs(was[r] - is[r]) < 1e-9);
            }
}

static void test_every_voxel_stays_where_it_lies_in_the_patient(void **state) {
    (void)state;
    static const int orders[6][3] = {{0, 1, 2}, {1, 0, 2}, {2, 1, 0},
                                     {0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
    for (int k = 0; k < 6; k++)
        for (int back = 0; back < 8; back++)
            for (int orient = PLEAT_ORIENT_RAS; pleat_orient_name(orient) != NULL; orient++)
                turn_one(orders[k], back, orient);
}

/* The same case, written as it is and with other axes: with orient both are prepared alike, and
 * predictions come back to each one's own grid. */
static void test_other_axes_are_prepared_alike_and_come_back(void **state) {
    (void)state;
    static const int order[3] = {2, 0, 1};
    char path[2][PLEAT_PATH_BYTES];
    pleat_geometry from, to, native;
    pleat_image a = {0}, b = {0}, prepared[2];
    pleat_label grid = {0}, back = {0}, turned = {0};
    memset(prepared, 0, sizeof prepared);
    float *values = NULL, *probs, *same;
    pleat_prep_config config = {
        .resample = 1, .orient = PLEAT_ORIENT_LPS, .spacing = {2.5, 1.0, 0.5}};
    lie(order, 5, &from);
    const pleat_turn turn = pleat_turn_to(&from, PLEAT_ORIENT_RAS);
    pleat_turn_geometry(&turn, &from, &to);
    OK(pleat_image_make(1, from.dim, from.spacing, &a));
    for (int i = 0; i < N; i++) a.data[i] = (float)(i * i % 31);
    OK(pleat_image_make(1, from.dim, from.spacing, &b));
    memcpy(b.data, a.data, sizeof(float) * N);
    OK(pleat_turn_image(&turn, &b));
    from.sform_code = to.sform_code = 1;
    memcpy(from.sform, from.affine, sizeof from.sform);
    memcpy(to.sform, to.affine, sizeof to.sform);
    (void)in_root(path[0], "a.nii");
    (void)in_root(path[1], "b.nii");
    OK(pleat_nifti_write_image(path[0], &a, &from, 0));
    OK(pleat_nifti_write_image(path[1], &b, &to, 0));
    for (int i = 0; i < 2; i++) {
        const char *image[1] = {path[i]};
        pleat_case_paths one = {.id = "one", .images = 1};
        one.image[0] = (char *)(uintptr_t)image[0];
        OK(pleat_prep_load(&config, &one, &prepared[i], &native));
    }
    assert_memory_equal(prepared[0].dim, prepared[1].dim, sizeof prepared[0].dim);
    const size_t n = pleat_voxels(prepared[0].dim);
    assert_memory_equal(prepared[0].data, prepared[1].data, n * sizeof(float));
    /* Back: on b's grid it is what is on a's, turned. */
    OK(pleat_label_make(prepared[0].dim, prepared[0].spacing, &grid));
    for (size_t i = 0; i < n; i++) grid.data[i] = (uint8_t)(i * 7 / 40 % 3);
    OK(pleat_prep_unresample(&config, &grid, &from, &back));
    OK(pleat_prep_unresample(&config, &grid, &to, &turned));
    OK(pleat_turn_label(&turn, &back));
    assert_memory_equal(back.data, turned.data, N);
    values = malloc(2 * n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < 2 * n; i++) values[i] = (float)(i % 13) / 13.0F;
    for (int planar = 0; planar < 2; planar++) {
        float there[2 * N];
        OK(pleat_prep_unresample_values(&config, values, grid.dim, 2, &from, planar, &probs));
        OK(pleat_prep_unresample_values(&config, values, grid.dim, 2, &to, planar, &same));
        for (int k = 0; k < (planar ? 2 : 1); k++)
            pleat_turn_voxels(&turn, probs + (size_t)k * N, from.dim,
                              (planar ? 1 : 2) * sizeof *probs, there + (size_t)k * N);
        assert_memory_equal(there, same, sizeof there);
        free(probs);
        free(same);
    }
    /* Without resampling to the bit, whatever lies there. */
    config.resample = 0;
    pleat_label_free(&grid);
    pleat_label_free(&back);
    const pleat_turn there = pleat_turn_to(&from, PLEAT_ORIENT_LPS);
    OK(pleat_label_make(from.dim, from.spacing, &grid));
    for (int i = 0; i < N; i++) grid.data[i] = (uint8_t)i;
    OK(pleat_turn_label(&there, &grid));
    OK(pleat_prep_unresample(&config, &grid, &from, &back));
    assert_memory_equal(back.dim, from.dim, sizeof from.dim);
    for (int i = 0; i < N; i++) assert_int_equal(back.data[i], i);
    free(values);
    pleat_image_free(&a);
    pleat_image_free(&b);
    pleat_image_free(&prepared[0]);
    pleat_image_free(&prepared[1]);
    pleat_label_free(&grid);
    pleat_label_free(&back);
    pleat_label_free(&turned);
}

static void test_the_text_of_the_preprocessing_has_it(void **state) {
    (void)state;
    char text[PLEAT_PREPROCESSING_BYTES];
    pleat_prep_config config = {.orient = PLEAT_ORIENT_LAS}, read;
    pleat_prep_text(&config, text, sizeof text);
    assert_non_null(strstr(text, "\norient: LAS\n"));
    OK(pleat_prep_parse_text(text, &read));
    assert_int_equal(read.orient, PLEAT_ORIENT_LAS);
    assert_true(pleat_prep_does_something(&read));
    *(strstr(text, "LAS")) = 'X';
    REFUSED(pleat_prep_parse_text(text, &read), PLEAT_ERR_FORMAT, "orient: XAS");
    config.orient = PLEAT_ORIENT_NONE;
    pleat_prep_text(&config, text, sizeof text);
    assert_null(strstr(text, "orient"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_voxel_stays_where_it_lies_in_the_patient),
        cmocka_unit_test(test_other_axes_are_prepared_alike_and_come_back),
        cmocka_unit_test(test_the_text_of_the_preprocessing_has_it),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
