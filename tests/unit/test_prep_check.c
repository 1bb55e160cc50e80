/* test_prep_check.c - no case is lost by preprocessing, and no mask read elsewhere than its image,
 * without a word. */
#include "pleat/comm.h"
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/store.h"
#include "pleat/warn.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { X = 20, Y = 18, Z = 10, VOXELS = X * Y * Z };

static const double usual[3] = {3.0, 1.5, 1.5}; /* mm, D, H, W */

typedef struct made { /* a case on disk */
    char image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES], store[PLEAT_PATH_BYTES];
    pleat_case_paths paths;
    pleat_geometry geometry; /* of both */
} made;

/* A ramp of `low` to `high`; a cube of label 1 and one voxel of label 2. */
static void make(made *out, const char *id, const double spacing[3], double low, double high) {
    const int dim[3] = {Z, Y, X};
    pleat_image image = {0};
    pleat_label label = {0};
    char name[64];
    OK(pleat_image_make(1, dim, spacing, &image));
    OK(pleat_label_make(dim, spacing, &label));
    for (int i = 0; i < VOXELS; i++) image.data[i] = (float)(low + (high - low) * i / (VOXELS - 1));
    for (int z = 2; z < 8; z++)
        for (int y = 4; y < 12; y++)
            for (int x = 4; x < 12; x++) label.data[(z * Y + y) * X + x] = 1;
    label.data[(9 * Y + 16) * X + 18] = 2;
    pleat_nifti_plain_geometry(dim, spacing, &out->geometry);
    (void)snprintf(name, sizeof name, "%s.nii", id);
    (void)in_root(out->image, name);
    (void)snprintf(name, sizeof name, "%s_label.nii", id);
    (void)in_root(out->label, name);
    (void)snprintf(name, sizeof name, "%s_store", id);
    (void)in_root(out->store, name);
    OK(pleat_nifti_write_image(out->image, &image, &out->geometry, 0));
    OK(pleat_nifti_write_label(out->label, &label, &out->geometry));
    static char ids[8][16];
    static int next;
    char *kept = ids[next++ % 8];
    (void)snprintf(kept, sizeof ids[0], "%s", id);
    out->paths =
        (pleat_case_paths){.id = kept, .image = {out->image}, .images = 1, .label = out->label};
    pleat_image_free(&image);
    pleat_label_free(&label);
}

/* The mask again, with `geometry`. */
static void move_mask(const made *one, const pleat_geometry *geometry) {
    pleat_label label = {0};
    OK(pleat_nifti_read_label(one->label, &label, NULL));
    OK(pleat_nifti_write_label(one->label, &label, geometry));
    pleat_label_free(&label);
}

static void set_affine(pleat_geometry *g, int row, int column, double value) {
    g->affine[row][column] = g->sform[row][column] = value;
}

static pleat_prep_config resampling(double d, double h, double w) {
    return (pleat_prep_config){.resample = 1, .spacing = {d, h, w}};
}

static pleat_prep_config clipping(double low, double high) {
    pleat_prep_config config = {0};
    const pleat_prep_steps steps = {.clip = 1, .clip_range = {low, high}};
    pleat_prep_all_channels(&config, &steps);
    return config;
}

/* The only warning holds `text`; with "" there is none. */
static void assert_warned(const char *text) {
    if (pleat_warn_count() != (text[0] != '\0') ||
        (text[0] != '\0' && strstr(pleat_warn_text(0), text) == NULL))
        fail_msg("%d warnings, not '%s': %s", pleat_warn_count(), text,
                 pleat_warn_count() > 0 ? pleat_warn_text(0) : "");
    pleat_warn_forget();
}

static void a_mask_elsewhere_than_its_image_is_refused_unless_told(void **state) {
    (void)state;
    pleat_prep_config config = {0};
    made one;
    int channels = 0;
    make(&one, "placed", usual, -300, 200);
    const pleat_geometry plain = one.geometry;
    pleat_geometry there, image;
    const struct {
        int row, column;
        double value, row_origin;
        const char *told;
    } rows[] = {
        {0, 0, -1.5, 1.5 * (X - 1), "19 voxels"}, /* mirrored about its own middle */
        {0, 0, -1.5, 1.5 * (X - 1), "mirrored along x"},
        {1, 1, 1.7, 0, "2.27 voxels"},                         /* of another spacing */
        {2, 3, plain.affine[2][3] + 1.6, NAN, "0.533 voxels"}, /* of slices of 3 mm */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        there = plain;
        set_affine(&there, rows[i].row, rows[i].column, rows[i].value);
        if (!isnan(rows[i].row_origin))
            set_affine(&there, rows[i].row, 3, plain.affine[rows[i].row][3] + rows[i].row_origin);
        move_mask(&one, &there);
        config.affine = PLEAT_AFFINE_ERROR;
        REFUSED(pleat_prep_check_case(&config, &one.paths, &image, &channels), PLEAT_ERR_DATA,
                rows[i].told);
        TOLD("case 'placed'");
        TOLD("data.affine: warn");
        TOLD(one.label);
        pleat_warn_forget();
        config.affine = PLEAT_AFFINE_WARN;
        OK(pleat_prep_check_case(&config, &one.paths, &image, &channels));
        assert_int_equal(pleat_warn_count() >= 1, 1);
        assert_non_null(strstr(pleat_warn_text(pleat_warn_count() - 1), rows[i].told));
        pleat_warn_forget();
    }
    /* less than half a voxel is told, rounding is not */
    config.affine = PLEAT_AFFINE_ERROR;
    there = plain;
    set_affine(&there, 2, 3, plain.affine[2][3] + 1.4);
    move_mask(&one, &there);
    OK(pleat_prep_check_case(&config, &one.paths, &image, &channels));
    assert_warned("0.467 voxels");
    set_affine(&there, 2, 3, plain.affine[2][3] + 1e-4);
    move_mask(&one, &there);
    OK(pleat_prep_check_case(&config, &one.paths, &image, &channels));
    assert_warned("");
}

static void one_value_left_of_many_is_refused_by_case_and_key(void **state) {
    (void)state;
    pleat_prep_config config = clipping(-1250, 250);
    made one;
    pleat_image image = {0};
    make(&one, "mri", usual, 900, 2100); /* as of case 04: an MRI under the range of a CT */
    REFUSED(pleat_prep_case(&config, &one.paths, 3, one.store), PLEAT_ERR_DATA, "case 'mri'");
    TOLD("preprocess.clip [-1250, 250]");
    TOLD("900 to 2100");
    REFUSED(pleat_prep_load(&config, &one.paths, &image, NULL), PLEAT_ERR_DATA, "preprocess.clip");
    config = clipping(2500, 3000); /* all below */
    REFUSED(pleat_prep_case(&config, &one.paths, 3, one.store), PLEAT_ERR_DATA, "case 'mri'");
    config = clipping(900, 2100);
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("");
    make(&one, "air", usual, -1000, -1000); /* the file has no more itself */
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("is -1000; there is nothing to learn from it");
    OK(pleat_prep_load(&config, &one.paths, &image, NULL)); /* for a prediction */
    pleat_image_free(&image);
    assert_warned("is -1000; nothing is to be seen in it, so do not trust the prediction");
}

static void little_that_is_left_is_told(void **state) {
    (void)state;
    pleat_prep_config config = clipping(-1250, 250);
    made one;
    make(&one, "half", usual, 0, 400); /* 37.5 % are above 250 */
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("");
    make(&one, "most", usual, 0, 2000);
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("cuts 88 % of the voxels");
    /* a CT in a narrow window: most is below, which is air */
    config = clipping(190, 250);
    make(&one, "window", usual, -1000, 220);
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("");
    /* one voxel of metal takes all levels of grayscale */
    pleat_image image = {0};
    make(&one, "metal", usual, 0, 100);
    OK(pleat_nifti_read_image(one.image, &image, NULL));
    image.data[7] = 1e6F;
    OK(pleat_nifti_write_image(one.image, &image, &one.geometry, 0));
    pleat_image_free(&image);
    const pleat_prep_steps gray = {.grayscale = 1};
    pleat_prep_all_channels(&config, &gray);
    OK(pleat_prep_case(&config, &one.paths, 3, one.store));
    assert_warned("preprocess.grayscale puts 100.0 %");
}

static void a_grid_that_holds_nothing_or_too_much_is_refused_before_it_is_made(void **state) {
    (void)state;
    const pleat_prep_config config = resampling(2.7, 1.58, 1.58);
    made one;
    pleat_image image = {0};
    const struct {
        double factor; /* of the spacing */
        const char *told;
    } bad[] = {
        {1e-3, "makes 1 x 1 x 1"},       /* metres that are called mm */
        {0.11, "makes 2 x 1 x 1"},       /* centimetres */
        {1e3, "18987 x 17088 x 11111"},  /* the reverse: terabytes */
        {1e4, "more than can be meant"}, /* and more than an axis may have */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double f = bad[i].factor;
        make(&one, "scaled", (const double[3]){f * 3.0, f * 1.5, f * 1.5}, -300, 200);
        REFUSED(pleat_prep_load(&config, &one.paths, &image, NULL), PLEAT_ERR_DATA, bad[i].told);
        TOLD("case 'scaled'");
        TOLD("preprocess.resample [1.58, 1.58, 2.7]");
        TOLD("20 x 18 x 10 voxels of");
        REFUSED(pleat_prep_case(&config, &one.paths, 3, one.store), PLEAT_ERR_DATA, bad[i].told);
    }
    assert_warned("");
    make(&one, "fine", (const double[3]){3.0, 0.14, 0.14}, -300, 200);
    const pleat_prep_config coarse = resampling(2.7, 1.5, 1.0);
    REFUSED(pleat_prep_load(&coarse, &one.paths, &image, NULL), PLEAT_ERR_DATA, "2 x 1 x 11");
    const pleat_prep_config shrinking = resampling(2.7, 1.2, 1.2);
    OK(pleat_prep_load(&shrinking, &one.paths, &image, NULL)); /* 8.6 times: as of a fine CT */
    pleat_image_free(&image);
    assert_warned("");
    make(&one, "coarse", usual, -300, 200);
    const pleat_prep_config finer = resampling(0.5, 0.3, 0.3);
    OK(pleat_prep_load(&finer, &one.paths, &image, NULL)); /* 150 times the voxels */
    pleat_image_free(&image);
    assert_warned("if that is not meant");
}

static void a_class_that_vanishes_is_told_and_kept_with_the_case(void **state) {
    (void)state;
    const pleat_prep_config config = resampling(6.0, 4.5, 4.5);
    made one;
    pleat_comm *self = NULL;
    pleat_store *store = NULL;
    make(&one, "small", usual, -300, 200);
    OK(pleat_comm_self(&self));
    for (int start = 0; start < 2; start++) { /* the second finds the case there */
        OK(pleat_prep_run(self, &config, &one.paths, 1, 3, one.store));
        assert_warned("preprocess.resample leaves no voxel of label 2, of which");
    }
    OK(pleat_store_open(one.store, NULL, &store));
    assert_non_null(strstr(pleat_store_info(store, 0)->warnings, "case 'small'"));
    pleat_store_close(store);
    pleat_comm_destroy(self);
}

static void one_start_tells_of_all_cases_that_are_refused(void **state) {
    (void)state;
    const pleat_prep_config config = resampling(2.7, 1.58, 1.58);
    made one[3];
    pleat_case_paths cases[3];
    pleat_comm *self = NULL;
    OK(pleat_comm_self(&self));
    for (int i = 0; i < 3; i++) {
        const char *const ids[] = {"a", "b", "c"};
        const double f = i == 1 ? 1.0 : 1e-3;
        make(&one[i], ids[i], (const double[3]){f * 3.0, f * 1.5, f * 1.5}, -300, 200);
        cases[i] = one[i].paths;
    }
    REFUSED(pleat_prep_run(self, &config, cases, 3, 3, one[0].store), PLEAT_ERR_DATA,
            "2 of 3 cases cannot be prepared, for the reasons above: a, c");
    REFUSED(pleat_prep_run(self, &config, cases, 2, 3, one[0].store), PLEAT_ERR_DATA,
            "case 'a'"); /* one alone has its reason in the message */
    assert_false(pleat_file_exists(one[0].store));
    pleat_comm_destroy(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mask_elsewhere_than_its_image_is_refused_unless_told),
        cmocka_unit_test(one_value_left_of_many_is_refused_by_case_and_key),
        cmocka_unit_test(little_that_is_left_is_told),
        cmocka_unit_test(a_grid_that_holds_nothing_or_too_much_is_refused_before_it_is_made),
        cmocka_unit_test(a_class_that_vanishes_is_told_and_kept_with_the_case),
        cmocka_unit_test(one_start_tells_of_all_cases_that_are_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
