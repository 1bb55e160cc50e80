/* test_score.c - folders of NIfTI label maps, compared. */
#include "pleat/file.h"
#include "pleat/nifti.h"
#include "pleat/score.h"
#include "pleat/warn.h"
#include "support.h"
#include "support_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"rest", "left", "right"};

/* Writes 1 x 2 x n/2 voxels of labels to ROOT/FOLDER/NAME. */
static void write_labels(const char *folder, const char *name, const uint8_t *labels, int n) {
    const double spacing[3] = {2, 1, 1};
    char path[PLEAT_PATH_BYTES];
    pleat_label label;
    pleat_geometry geometry;
    OK(pleat_label_make((int[]){1, 2, n / 2}, spacing, &label));
    memcpy(label.data, labels, (size_t)n);
    pleat_nifti_plain_geometry(label.dim, spacing, &geometry);
    OK(pleat_file_make_folder(in_root(path, folder)));
    OK(pleat_path(path, sizeof path, "%s/%s/%s", root, folder, name));
    OK(pleat_nifti_write_label(path, &label, &geometry));
    pleat_label_free(&label);
}

static const uint8_t truth_of_a[6] = {0, 0, 1, 1, 2, 2}, guess_of_a[6] = {0, 1, 1, 1, 2, 0};
static const uint8_t truth_of_b[6] = {0, 0, 0, 0, 0, 1};

static void test_each_case_with_a_prediction_is_scored_and_others_are_left_out(void **state) {
    (void)state;
    char guesses[PLEAT_PATH_BYTES], data[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    static const char *const ids[] = {"a", "b_0001", "c"};
    for (int i = 0; i < 3; i++) {
        char folder[64];
        const uint8_t *truth = i == 0 ? truth_of_a : truth_of_b;
        (void)snprintf(folder, sizeof folder, "data/%s", ids[i]);
        write_labels(folder, "imaging.nii.gz", truth, 6); /* never read */
        write_labels(folder, "segmentation.nii.gz", truth, 6);
    }
    write_labels("guesses", "a.nii.gz", guess_of_a, 6);
    write_labels("guesses", "b_0001.nii", truth_of_b, 6);
    write_labels("guesses", "stranger.nii.gz", truth_of_b, 6);
    OK(pleat_score_folders(in_root(guesses, "guesses"), in_root(data, "data"), PLEAT_PLACE_SAME,
                           &got));
    assert_int_equal(got.n, 2);
    assert_non_null(strstr(pleat_warn_text(pleat_warn_count() - 1), "1 of the 3 predictions in '"));
    assert_non_null(strstr(pleat_warn_text(pleat_warn_count() - 1), "left out: stranger"));
    assert_string_equal(got.cases[0].id, "a");
    assert_string_equal(got.cases[1].id, "b_0001");
    assert_non_null(strstr(got.cases[0].prediction, "guesses/a.nii.gz"));
    assert_non_null(strstr(got.cases[0].reference, "data/a/segmentation.nii.gz"));
    const pleat_counts want[3] = {{1, 1, 1, 3}, {2, 1, 0, 3}, {1, 0, 1, 4}};
    assert_memory_equal(got.cases[0].counts, want, sizeof want);
    assert_int_equal(got.cases[1].counts[1].tp, 1);
    assert_int_equal(got.cases[1].counts[1].fp + got.cases[1].counts[1].fn, 0);
    assert_true(pleat_results_at(&got, 0, 0, 1).x == 4.0 / 5.0); /* the Dice of a's left */
    pleat_results_free(&got);
}

static void test_a_folder_of_label_maps_alone_may_be_the_truth(void **state) {
    (void)state;
    char guesses[PLEAT_PATH_BYTES], data[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    write_labels("alone/guesses", "a.nii.gz", guess_of_a, 6);
    write_labels("alone/labels", "a.nii.gz", truth_of_a, 6);
    OK(pleat_score_folders(in_root(guesses, "alone/guesses"), in_root(data, "alone/labels"),
                           PLEAT_PLACE_SAME, &got));
    assert_int_equal(got.n, 1);
    assert_int_equal(got.cases[0].counts[1].tp, 2);
    pleat_results_free(&got);
}

static void test_two_files_and_two_folders_of_cases_are_pairs_too(void **state) {
    (void)state;
    char guess[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES];
    pleat_map_pair *pairs = NULL;
    pleat_classes classes;
    int n = 0;
    write_labels("any/guesses/a", "segmentation.nii.gz", guess_of_a, 6);
    write_labels("any/guesses/a", "imaging.nii.gz", truth_of_b, 6);
    write_labels("any/maps", "a.nii.gz", truth_of_a, 6);
    write_labels("any/maps", "b.nii.gz", truth_of_b, 6);
    OK(pleat_score_find(in_root(guess, "any/guesses"), in_root(truth, "any/maps"), &pairs, &n));
    assert_int_equal(n, 1);
    assert_string_equal(pairs[0].id, "a");
    assert_non_null(strstr(pairs[0].prediction, "any/guesses/a/segmentation.nii.gz"));
    assert_non_null(strstr(pairs[0].truth, "any/maps/a.nii.gz"));
    OK(pleat_score_classes(truth, pairs, n, &classes)); /* labels 0, 1, 2 are there */
    assert_int_equal(classes.n, 3);
    assert_string_equal(classes.name[2], "2");
    pleat_classes_free(&classes);
    free(pairs);
    OK(pleat_score_find(in_root(guess, "any/guesses/a/segmentation.nii.gz"),
                        in_root(truth, "any/maps/b.nii.gz"), &pairs, &n));
    assert_int_equal(n, 1);
    assert_non_null(strstr(pairs[0].truth, "any/maps/b.nii.gz"));
    free(pairs);
    OK(pleat_score_find(in_root(guess, "any/maps/b.nii.gz"), in_root(truth, "any/maps"), &pairs,
                        &n));
    assert_string_equal(pairs[0].id, "b");
    free(pairs);
    write_labels("any", "c.nii.gz", truth_of_b, 6);
    REFUSED(pleat_score_find(in_root(guess, "any/c.nii.gz"), truth, &pairs, &n),
            PLEAT_ERR_NOT_FOUND, "no label map of case 'c'");
}

static void assert_pair_refused(pleat_status want, const char *const told[], size_t n_told) {
    char guess[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    assert_int_equal(pleat_score_files("a", 0, in_root(guess, "bad/guess.nii"),
                                       in_root(truth, "bad/truth.nii"), PLEAT_PLACE_SAME, &got),
                     want);
    for (size_t i = 0; i < n_told; i++) TOLD(told[i]);
    pleat_results_free(&got);
}

static void test_a_pair_that_does_not_fit_is_refused_naming_the_case(void **state) {
    (void)state;
    const uint8_t strange[6] = {0, 0, 3, 0, 0, 0};
    write_labels("bad", "truth.nii", truth_of_a, 6);
    write_labels("bad", "guess.nii", truth_of_b, 4);
    assert_pair_refused(PLEAT_ERR_SHAPE,
                        (const char *const[]){"case 'a'", "2 x 2 x 1", "3 x 2 x 1"}, 3);
    write_labels("bad", "guess.nii", strange, 6);
    assert_pair_refused(PLEAT_ERR_DATA,
                        (const char *const[]){"case 'a'", "bad/guess.nii' has label 3",
                                              "labels of the classes are 0 to 2"},
                        3);
    write_labels("bad", "truth.nii", strange, 6);
    write_labels("bad", "guess.nii", truth_of_a, 6);
    assert_pair_refused(
        PLEAT_ERR_DATA,
        (const char *const[]){"bad/truth.nii' has label 3", "voxel (x, y, z) = (2, 0, 0)"}, 2);
}

static void test_a_folder_without_predictions_is_not_found(void **state) {
    (void)state;
    char guesses[PLEAT_PATH_BYTES], data[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    write_labels("none/labels", "a.nii.gz", truth_of_a, 6);
    (void)in_root(data, "none/labels");
    assert_int_equal(pleat_score_folders(in_root(guesses, "none/no"), data, PLEAT_PLACE_SAME, &got),
                     PLEAT_ERR_NOT_FOUND);
    OK(pleat_file_make_folder(in_root(guesses, "none/empty")));
    REFUSED(pleat_score_folders(guesses, data, PLEAT_PLACE_SAME, &got), PLEAT_ERR_NOT_FOUND,
            "none/empty/a.nii.gz");
    assert_int_equal(got.n, 0);
    pleat_results_free(&got);
}

/* Labels of 5 x 4 x 2 voxels without symmetry, mirrored in memory and in the affine when asked;
 * `origin` is along x, mm. */
static void write_placed(const char *name, int mirrored, double origin) {
    const double spacing[3] = {2, 1, 1};
    pleat_label label;
    pleat_geometry g;
    char path[PLEAT_PATH_BYTES];
    OK(pleat_label_make((int[]){2, 4, 5}, spacing, &label));
    for (int i = 0; i < 40; i++) {
        const int x = i % 5, from = mirrored ? i - x + 4 - x : i;
        label.data[i] = (uint8_t)(from * from % 7 % 3);
    }
    pleat_nifti_plain_geometry(label.dim, spacing, &g);
    g.affine[0][3] = g.sform[0][3] = g.affine[0][3] + origin + (mirrored ? 4 : 0);
    if (mirrored) g.affine[0][0] = g.sform[0][0] = -1;
    OK(pleat_file_make_folder(in_root(path, "placed")));
    OK(pleat_path(path, sizeof path, "%s/placed/%s", root, name));
    OK(pleat_nifti_write_label(path, &label, &g));
    pleat_label_free(&label);
}

/* The mean Dice of left and right. */
static double placed_dice(pleat_place place) {
    char guess[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    OK(pleat_score_files("a", 0, in_root(guess, "placed/guess.nii"),
                         in_root(truth, "placed/truth.nii"), place, &got));
    const double dice = (pleat_results_at(&got, 0, 0, 1).x + pleat_results_at(&got, 0, 0, 2).x) / 2;
    pleat_results_free(&got);
    return dice;
}

static void test_a_map_that_lies_elsewhere_is_refused_or_resampled(void **state) {
    (void)state;
    char guess[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES];
    pleat_results got = counted_results(NULL, 0, names, 3, 1);
    (void)in_root(guess, "placed/guess.nii");
    (void)in_root(truth, "placed/truth.nii");
    write_placed("truth.nii", 0, 0);
    write_placed("guess.nii", 1, 0); /* the same labels in the same places */
    REFUSED(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_SAME, &got), PLEAT_ERR_DATA,
            "4 voxels");
    TOLD("case 'a'");
    TOLD("--by-header");
    assert_true(placed_dice(PLEAT_PLACE_HEADER) == 1.0);
    assert_true(placed_dice(PLEAT_PLACE_VOXELS) < 0.7);
    write_placed("guess.nii", 0, 2); /* all of it two voxels off */
    REFUSED(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_SAME, &got), PLEAT_ERR_DATA,
            "2 voxels");
    assert_true(placed_dice(PLEAT_PLACE_VOXELS) == 1.0);
    assert_true(placed_dice(PLEAT_PLACE_HEADER) < 0.7);
    write_placed("guess.nii", 0, 100);
    REFUSED(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_HEADER, &got), PLEAT_ERR_DATA,
            "no place in common");
    pleat_warn_forget();
    write_placed("guess.nii", 0, 0.4);
    assert_true(placed_dice(PLEAT_PLACE_SAME) == 1.0);
    assert_int_equal(pleat_warn_count(), 1);
    assert_non_null(strstr(pleat_warn_text(0), "0.4 voxels"));
    pleat_warn_forget();
    assert_int_equal(got.n, 0);
    pleat_results_free(&got);
}

/* Slices of 2 mm, and rows whose columns of the affine are (0, 0.6, 0.8) and (0, 0, 1): 0.6 mm3 in
 * the plane of 1 x 1, where the axes are at asin(0.6) from each other. */
static void test_skewed_voxels_are_measured_by_the_determinant_and_told_once(void **state) {
    (void)state;
    char path[2][PLEAT_PATH_BYTES];
    pleat_classes classes;
    pleat_judging how;
    pleat_results got;
    pleat_label map;
    pleat_geometry g;
    OK(pleat_label_make((int[]){2, 3, 4}, (double[]){1, 1, 2}, &map));
    pleat_nifti_plain_geometry(map.dim, map.spacing, &g);
    g.affine[1][1] = g.sform[1][1] = 0.6;
    g.affine[2][1] = g.sform[2][1] = 0.8;
    map.data[0] = map.data[1] = 1;
    OK(pleat_file_make_folder(in_root(path[0], "skewed")));
    OK(pleat_nifti_write_label(in_root(path[0], "skewed/truth.nii"), &map, &g));
    map.data[2] = 1;
    OK(pleat_nifti_write_label(in_root(path[1], "skewed/guess.nii"), &map, &g));
    pleat_label_free(&map);
    OK(pleat_classes_parse("rest,spot", &classes));
    OK(pleat_judging_make(&classes, 0, "", "", 0, &how));
    OK(pleat_results_begin_as(&classes, 1, &how, &got));
    pleat_warn_forget();
    for (int i = 0; i < 2; i++)
        OK(pleat_score_files(i == 0 ? "a" : "b", 0, path[1], path[0], PLEAT_PLACE_SAME, &got));
    const int role[2] = {PLEAT_TRUE_VOLUME, PLEAT_PREDICTED_VOLUME};
    for (int i = 0; i < 2; i++) {
        const int s = pleat_scores_role(got.scores, role[i]);
        assert_true(fabs(pleat_results_at(&got, 1, s, 1).x - (2 + i) * 1.2e-3) < 1e-9);
    }
    assert_int_equal(pleat_warn_count(), 1);
    assert_non_null(strstr(pleat_warn_text(0), "case 'a'"));
    assert_non_null(strstr(pleat_warn_text(0), "53.13 degrees"));
    pleat_warn_forget();
    pleat_results_free(&got);
    pleat_classes_free(&classes);
}

/* Labels with gaps, one that counts for nothing, and regions: counts of every class by hand. */
static void test_labels_are_counted_as_the_classes_say(void **state) {
    (void)state;
    static const struct {
        const char *classes;
        uint8_t truth[6], guess[6];
        pleat_counts counts[3];
    } rows[] = {{"rest, left=5, right=7, ignore=9",
                 {0, 5, 5, 7, 9, 9},
                 {0, 5, 7, 7, 5, 0},
                 {{1, 0, 0, 3}, {1, 0, 1, 2}, {1, 1, 0, 2}}},
                {"rest, both=5+7:5, right=7",
                 {0, 5, 5, 7, 0, 0},
                 {0, 5, 7, 7, 7, 0},
                 {{2, 0, 1, 3}, {3, 1, 0, 2}, {1, 2, 0, 3}}},
                {"rest, both=5+7:5, right=7, ignore=9",
                 {9, 5, 5, 7, 0, 0},
                 {7, 5, 7, 7, 7, 0},
                 {{1, 0, 1, 3}, {3, 1, 0, 1}, {1, 2, 0, 2}}}};
    char guess[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES];
    (void)in_root(guess, "labels/guess.nii");
    (void)in_root(truth, "labels/truth.nii");
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_classes classes;
        pleat_results got;
        pleat_judging how;
        OK(pleat_classes_parse(rows[i].classes, &classes));
        OK(pleat_judging_make(&classes, 0, "", "", 0, &how));
        OK(pleat_results_begin_as(&classes, 1, &how, &got));
        write_labels("labels", "truth.nii", rows[i].truth, 6);
        write_labels("labels", "guess.nii", rows[i].guess, 6);
        OK(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_SAME, &got));
        assert_memory_equal(got.cases[0].counts, rows[i].counts, sizeof rows[i].counts);
        write_labels("labels", "guess.nii", truth_of_b, 6); /* label 1 is none */
        REFUSED(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_SAME, &got), PLEAT_ERR_DATA,
                "label 1 at voxel (x, y, z) = (2, 1, 0), but the labels of the classes are 0,5,7");
        uint8_t ignores[6];
        memcpy(ignores, rows[i].truth, sizeof ignores);
        ignores[2] = 9;
        write_labels("labels", "guess.nii", ignores, 6);
        REFUSED(pleat_score_files("a", 0, guess, truth, PLEAT_PLACE_SAME, &got), PLEAT_ERR_DATA,
                classes.ignore > 0 ? "guess.nii' has label 9, which is ignored, at voxel (x, y, "
                                     "z) = (2, 0, 0), where the truth is of a class; give"
                                   : "label 9 at voxel (x, y, z) = (2, 0, 0), but the labels");
        pleat_results_free(&got);
        pleat_classes_free(&classes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_case_with_a_prediction_is_scored_and_others_are_left_out),
        cmocka_unit_test(test_a_folder_of_label_maps_alone_may_be_the_truth),
        cmocka_unit_test(test_two_files_and_two_folders_of_cases_are_pairs_too),
        cmocka_unit_test(test_a_pair_that_does_not_fit_is_refused_naming_the_case),
        cmocka_unit_test(test_a_folder_without_predictions_is_not_found),
        cmocka_unit_test(test_a_map_that_lies_elsewhere_is_refused_or_resampled),
        cmocka_unit_test(test_skewed_voxels_are_measured_by_the_determinant_and_told_once),
        cmocka_unit_test(test_labels_are_counted_as_the_classes_say),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
