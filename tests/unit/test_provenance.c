/* test_provenance.c - the list of a fold's cases comes back as it was, and a case that has changed
 * is named. */
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/provenance.h"
#include "pleat/store.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pleat_traced_case cases[] = {
    {"a", 0, 9000, {{41250, 0x0123456789abcdef}, 0xfedcba9876543210}, {{812, 5}, 6}},
    {"b with blanks", 1, INT64_MAX, {{UINT64_MAX, UINT64_MAX}, UINT64_MAX}, {{0, 0}, 0}},
    {"c", 0, 1, {{1, 2}, 3}, {{4, 5}, 6}},
};
static const pleat_provenance three = {COUNT(cases), cases, "0123456789abcdef"};

static const char text_of_three[] =
    "settings 0123456789abcdef\n"
    "train 9000 41250:0123456789abcdef:fedcba9876543210 812:0000000000000005:0000000000000006 a\n"
    "val 9223372036854775807 18446744073709551615:ffffffffffffffff:ffffffffffffffff "
    "0:0000000000000000:0000000000000000 b with blanks\n"
    "train 1 1:0000000000000002:0000000000000003 4:0000000000000005:0000000000000006 c\n";

static void the_list_is_read_back_as_it_was(void **state) {
    (void)state;
    char *text = NULL;
    pleat_provenance got = {0};
    OK(pleat_provenance_text(&three, &text));
    assert_string_equal(text, text_of_three);
    OK(pleat_provenance_parse(text, "file", &got));
    assert_int_equal(got.n, 3);
    assert_string_equal(got.settings, "0123456789abcdef");
    for (int i = 0; i < 3; i++) {
        assert_string_equal(got.of[i].id, cases[i].id);
        assert_int_equal(got.of[i].held_out, cases[i].held_out);
        assert_true(got.of[i].voxels == cases[i].voxels);
        assert_memory_equal(&got.of[i].image, &cases[i].image, sizeof cases[i].image);
        assert_memory_equal(&got.of[i].mask, &cases[i].mask, sizeof cases[i].mask);
    }
    OK(pleat_provenance_compare(&three, "file", &got));
    pleat_provenance_free(&got);
    pleat_provenance_free(&got);
    free(text);
}

static void many_cases_are_read(void **state) {
    (void)state;
    enum { MANY = 1000 };
    pleat_traced_case *many = calloc(MANY, sizeof *many);
    pleat_provenance got = {0};
    char *text = NULL;
    for (int i = 0; i < MANY; i++) {
        many[i] = cases[0];
        (void)snprintf(many[i].id, sizeof many[i].id, "case_%04d", i);
    }
    OK(pleat_provenance_text(&(pleat_provenance){.n = MANY, .of = many}, &text));
    OK(pleat_provenance_parse(text, "file", &got));
    assert_int_equal(got.n, MANY);
    assert_ptr_equal(pleat_provenance_find(&got, "case_0999"), &got.of[999]);
    assert_null(pleat_provenance_find(&got, "case_1000"));
    pleat_provenance_free(&got);
    free(text);
    free(many);
}

static void a_damaged_line_is_refused_with_file_and_number(void **state) {
    (void)state;
    static const char *const damaged[] = {
        "train",
        "train 9000 1:2:3 4:5:6 a", /* no end of the line */
        "trai 9000 1:2:3 4:5:6 a\n",
        "train x 1:2:3 4:5:6 a\n",
        "train 9000 1:2 4:5:6 a\n",
        "train 9000 1:2:g 4:5:6 a\n",
        "train 9000 1:2:3 4:5:6 \n",
        "train 9223372036854775808 1:2:3 4:5:6 a\n",
        "train 9000 1:2:3\n",
        "train 9000 1:2:3 4:5:6 earlier\n", /* not in order */
        "train 9000 1:2:3 4:5:6 first\n",   /* twice */
    };
    for (size_t i = 0; i < COUNT(damaged); i++) {
        char text[256];
        pleat_provenance got = {0};
        (void)snprintf(text, sizeof text, "val 1 1:2:3 4:5:6 first\n%s", damaged[i]);
        REFUSED(pleat_provenance_parse(text, "some/file", &got), PLEAT_ERR_FORMAT, "'some/file'");
        TOLD("line 2");
        assert_null(got.of);
    }
}

static void contents_decide_where_files_differ(void **state) {
    (void)state;
    const pleat_traced one = {{10, 20}, 30};
    const pleat_traced packed_anew = {{11, 21}, 30}, another = {{11, 21}, 31};
    const pleat_traced older = {{10, 20}, 0}, older_other = {{11, 21}, 0};
    assert_true(pleat_traced_same(&one, &one));
    assert_true(pleat_traced_same(&one, &packed_anew));
    assert_false(pleat_traced_same(&one, &another));
    assert_true(pleat_traced_same(&one, &older));
    assert_false(pleat_traced_same(&older, &older_other)); /* two unknown contents are not one */
    assert_false(pleat_traced_same(&one, &older_other));
}

static void what_differs_is_named(void **state) {
    (void)state;
    pleat_traced_case other[COUNT(cases)];
    const pleat_provenance now = {.n = COUNT(other), .of = other}, fewer = {.n = 2, .of = other};
    memcpy(other, cases, sizeof other);
    OK(pleat_provenance_compare(&three, "it", &now));
    other[2].mask = (pleat_traced){{4, 6}, 7};
    REFUSED(pleat_provenance_compare(&three, "it", &now), PLEAT_ERR_DATA,
            "another mask of case 'c'");
    TOLD("--redo");
    other[2].image = (pleat_traced){{4, 6}, 7};
    REFUSED(pleat_provenance_compare(&three, "it", &now), PLEAT_ERR_DATA,
            "another image of case 'c'");
    other[1].held_out = 0;
    REFUSED(pleat_provenance_compare(&three, "it", &now), PLEAT_ERR_DATA,
            "when case 'b with blanks' was held out, and now it is trained on");
    memcpy(other, cases, sizeof other);
    other[0].id[0] = 'z';
    REFUSED(pleat_provenance_compare(&three, "it", &now), PLEAT_ERR_DATA,
            "'it' knows nothing of case 'z'");
    memcpy(other, cases, sizeof other);
    REFUSED(pleat_provenance_compare(&three, "it", &fewer), PLEAT_ERR_DATA, "of 3 cases");
    const pleat_provenance of_others = {COUNT(other), other, "0123456789abcdee"};
    memcpy(other, cases, sizeof other);
    REFUSED(pleat_provenance_compare(&three, "it", &of_others), PLEAT_ERR_DATA,
            "'it' is of a run with another configuration");
    OK(pleat_provenance_check(&three, "it", ""));
    OK(pleat_provenance_check(&three, "it", three.settings));
}

static void weights_have_learnt_what_they_began_with_and_their_own_cases(void **state) {
    (void)state;
    const pleat_learnt nothing = {0};
    const pleat_provenance unknown = {0};
    pleat_traced_case other[COUNT(cases)];
    const pleat_provenance of_others = {COUNT(other), other, ""};
    pleat_learnt first = {0}, second = {0}, third = {0};
    int trained = 0;
    memcpy(other, cases, sizeof other);
    for (size_t i = 0; i < COUNT(other); i++) other[i].image = (pleat_traced){{9, i}, 100 + i};
    OK(pleat_learnt_make(&nothing, &three, &first));
    OK(pleat_learnt_make(&first, &of_others, &second));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int learnt = !cases[i].held_out;
        trained += learnt;
        assert_int_equal(pleat_learnt_has(&first, &cases[i].image), learnt);
        assert_int_equal(pleat_learnt_has(&first, &other[i].image), 0);
        assert_int_equal(pleat_learnt_has(&second, &cases[i].image), learnt);
        assert_int_equal(pleat_learnt_has(&second, &other[i].image), learnt);
    }
    assert_int_equal(second.n, 2 * trained);
    pleat_learnt_free(&second);
    OK(pleat_learnt_make(&first, &three, &second)); /* the same again: each once */
    assert_int_equal(second.n, trained);
    assert_int_equal(pleat_learnt_is_whole(&second), 1);
    OK(pleat_learnt_make(&second, &unknown, &third));
    assert_int_equal(pleat_learnt_is_whole(&third), 0);
    assert_int_equal(pleat_learnt_has(&third, &(pleat_traced){{0, 0}, 33}), 0);
    pleat_learnt_free(&first);
    pleat_learnt_free(&second);
    pleat_learnt_free(&third);
}

static void the_content_is_size_spacing_and_voxels(void **state) {
    (void)state;
    const int dim[3] = {2, 3, 4}, turned[3] = {4, 3, 2};
    const double spacing[3] = {1, 2, 3}, other[3] = {1, 2, 3.0000001};
    pleat_image image, image_turned, image_other;
    pleat_label label, label_other;
    OK(pleat_image_make(1, dim, spacing, &image));
    OK(pleat_image_make(1, turned, spacing, &image_turned));
    OK(pleat_image_make(1, dim, other, &image_other));
    OK(pleat_label_make(dim, spacing, &label));
    OK(pleat_label_make(dim, other, &label_other));
    const uint64_t zeros = pleat_content_image(&image), background = pleat_content_label(&label);
    assert_true(zeros != pleat_content_image(&image_turned));
    assert_true(zeros != pleat_content_image(&image_other));
    assert_true(background != pleat_content_label(&label_other));
    for (int i = 0; i < 24; i++) {
        image.data[i] = 1.0f;
        label.data[i] = 1;
        assert_true(zeros != pleat_content_image(&image));
        assert_true(background != pleat_content_label(&label));
        image.data[i] = 0.0f;
        label.data[i] = 0;
    }
    assert_true(zeros == pleat_content_image(&image));
    pleat_image_free(&image);
    pleat_image_free(&image_turned);
    pleat_image_free(&image_other);
    pleat_label_free(&label);
    pleat_label_free(&label_other);
}

/* Writes ROOT/NAME, of 4 x 5 x 3 voxels, voxel 7 of value `seventh`, `shift` mm along x. */
static void write_volume(char path[PLEAT_PATH_BYTES], const char *name, int seventh, double shift) {
    const int dim[3] = {3, 5, 4};
    const double spacing[3] = {5.0, 2.8, 1.75};
    pleat_image image;
    pleat_geometry geometry;
    OK(pleat_image_make(1, dim, spacing, &image));
    for (int i = 0; i < 60; i++) image.data[i] = (float)(i % 4);
    image.data[7] = (float)seventh;
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    geometry.affine[0][3] += shift;
    geometry.sform[0][3] += shift;
    OK(pleat_nifti_write_image(in_root(path, name), &image, &geometry, 1));
    pleat_image_free(&image);
}

/* The paths are kept as they are. NOLINTNEXTLINE(readability-non-const-parameter) */
static uint64_t content(char *image, char *mask, int of_mask) {
    const pleat_case_paths paths = {.id = "case", .image = {image}, .images = 1, .label = mask};
    uint64_t out = 0;
    OK(pleat_prep_content(&paths, of_mask, PLEAT_ORIENT_NONE, &out));
    return out;
}

static void the_store_knows_what_the_files_hold_whatever_their_packing(void **state) {
    (void)state;
    char image[PLEAT_PATH_BYTES], mask[PLEAT_PATH_BYTES], other[PLEAT_PATH_BYTES];
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    const pleat_prep_config config = {.resample = 1, .spacing = {3.0, 2.0, 2.0}};
    pleat_case_info info;
    write_volume(image, "image.nii.gz", 3, 0.0);
    write_volume(mask, "mask.nii.gz", 3, 0.0);
    const pleat_case_paths paths = {.id = "case", .image = {image}, .images = 1, .label = mask};
    OK(pleat_prep_case(&config, &paths, 0, in_root(folder, "store")));
    OK(pleat_store_look(in_root(path, "store/cases/case.h5"), &info, preprocessing));
    assert_true(info.image_content == content(image, mask, 0));
    assert_true(info.label_content == content(image, mask, 1));
    write_volume(other, "other.nii", 3, 50.0); /* not packed, at another place in space */
    assert_true(content(other, mask, 0) == info.image_content);
    assert_true(content(image, other, 1) == info.label_content);
    write_volume(other, "other.nii", 2, 0.0);
    assert_true(content(other, mask, 0) != info.image_content);
    assert_true(content(image, other, 1) != info.label_content);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_read_back_as_it_was),
        cmocka_unit_test(many_cases_are_read),
        cmocka_unit_test(a_damaged_line_is_refused_with_file_and_number),
        cmocka_unit_test(contents_decide_where_files_differ),
        cmocka_unit_test(what_differs_is_named),
        cmocka_unit_test(weights_have_learnt_what_they_began_with_and_their_own_cases),
        cmocka_unit_test(the_content_is_size_spacing_and_voxels),
        cmocka_unit_test(the_store_knows_what_the_files_hold_whatever_their_packing),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
