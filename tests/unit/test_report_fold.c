/* test_report_fold.c - a fold's scores.json is believed only where its checksum, counts, cases and
 * history agree. */
#include "pleat/file.h"
#include "pleat/report.h"
#include "support.h"
#include "support_results.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const original_names[] = {"background", "lung_L", "lung_R", "infection"};

/* Of 100 voxels each. */
static const counted three[] = {
    {"b", 0, {{70, 5, 5, 20}, {8, 2, 2, 88}, {3, 1, 1, 95}, {4, 1, 0, 95}}, "p/b", "r/b"},
    {"c,1", 1, {{60, 0, 0, 40}, {10, 0, 0, 90}, {10, 0, 10, 80}, {0, 4, 0, 96}}, "p/c", "r/c"},
    {"a", 0, {{80, 2, 3, 15}, {4, 1, 1, 94}, {6, 2, 0, 92}, {0, 0, 0, 100}}, "p/a", "r/a"},
};

static void write_fold(const char *folder, const counted *cases, int n) {
    pleat_results results = counted_results(cases, n, original_names, 4, 1);
    OK(pleat_report_write_fold(folder, &results, NULL));
    pleat_results_free(&results);
}

static const char *folder_named(const char *name) {
    static char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/%s", root, name));
    OK(pleat_file_make_folder(path));
    return path;
}

/* A fold that has held out "a" and "b" and was trained on "c". */
static const char fold_cases[] = "val 100 1:2:3 4:5:6 a\nval 100 1:2:3 4:5:6 b\n"
                                 "train 100 1:2:3 4:5:6 c\n";

static void write_traced(const char *folder, const char *of) {
    const counted two[] = {three[0], three[2]};
    pleat_results results = counted_results(two, 2, original_names, 4, 1);
    OK(pleat_report_write_fold(folder, &results, of));
    pleat_results_free(&results);
}

static pleat_status read_traced(const char *folder, pleat_results *got, pleat_provenance *of) {
    *got = counted_results(NULL, 0, original_names, 4, 1);
    *of = (pleat_provenance){0};
    return pleat_report_read_fold(folder, 0, got, of);
}

static void test_a_fold_says_which_cases_it_is_of(void **state) {
    (void)state;
    const char *folder = folder_named("traced");
    pleat_results got;
    pleat_provenance of;
    write_traced(folder, fold_cases);
    OK(read_traced(folder, &got, &of));
    assert_int_equal(of.n, 3);
    assert_true(of.of[1].held_out && !of.of[2].held_out);
    assert_string_equal(of.of[2].id, "c");
    pleat_provenance_free(&of);
    OK(pleat_report_read_cases(folder, &of));
    assert_int_equal(of.n, 3);
    pleat_provenance_free(&of);
    pleat_results_free(&got);
    write_traced(folder, NULL); /* as where it is not known */
    OK(read_traced(folder, &got, &of));
    assert_int_equal(of.n, 0);
    pleat_results_free(&got);
}

static void test_scores_that_do_not_fit_their_cases_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *of, *message;
    } rows[] = {
        {"val 100 1:2:3 4:5:6 a\n", "scores case 'b', which the fold has not held out"},
        {"val 100 1:2:3 4:5:6 a\ntrain 100 1:2:3 4:5:6 b\n",
         "scores case 'b', which the fold has not held out"},
        {"val 100 1:2:3 4:5:6 a\nval 101 1:2:3 4:5:6 b\n",
         "counts 100 voxels of case 'b', which has 101"},
        {"val 100 1:2:3 4:5:6 a\nval 100 1:2:3 4:5:6 b\nval 100 1:2:3 4:5:6 c\n",
         "scores 2 cases, the fold has held out 3"},
    };
    const char *folder = folder_named("misfit");
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_results got;
        pleat_provenance of;
        write_traced(folder, rows[i].of);
        REFUSED(read_traced(folder, &got, &of), PLEAT_ERR_FORMAT, rows[i].message);
        TOLD("scores.json");
        pleat_results_free(&got);
    }
}

static void test_each_flipped_byte_is_noticed_or_means_the_same(void **state) {
    (void)state;
    const char *folder = folder_named("flipped");
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    pleat_results whole, got;
    pleat_provenance of;
    write_traced(folder, fold_cases);
    OK(pleat_path(path, sizeof path, "%s/scores.json", folder));
    OK(pleat_file_read_all(path, &text, &n));
    OK(read_traced(folder, &whole, &of));
    pleat_provenance_free(&of);
    int refused = 0;
    for (size_t i = 0; i < n; i++) {
        text[i] ^= 1; /* digits and letters become others */
        OK(pleat_file_write(path, text, n));
        if (read_traced(folder, &got, &of) == PLEAT_OK) {
            assert_int_equal(got.n, whole.n);
            for (int k = 0; k < whole.n; k++) {
                assert_string_equal(got.cases[k].id, whole.cases[k].id);
                assert_string_equal(got.cases[k].reference, whole.cases[k].reference);
                assert_memory_equal(got.cases[k].counts, whole.cases[k].counts,
                                    4 * sizeof(pleat_counts));
            }
            assert_int_equal(of.n, 3);
        } else {
            TOLD(path);
            refused++;
        }
        pleat_provenance_free(&of);
        pleat_results_free(&got);
        text[i] ^= 1;
    }
    assert_true(refused > (int)n / 2);
    pleat_results_free(&whole);
    free(text);
}

static void test_counts_that_do_not_add_up_are_refused(void **state) {
    (void)state;
    const char *folder = folder_named("sums");
    counted wrong = three[0];
    wrong.counts[2].tn++;
    write_fold(folder, &wrong, 1);
    pleat_results got = counted_results(NULL, 0, original_names, 4, 1);
    REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_FORMAT,
            "its counts do not add up to its volume");
    pleat_results_free(&got);
}

static void test_more_voxels_than_a_sum_can_hold_are_refused(void **state) {
    (void)state;
    enum { MANY = 9 };
    const int64_t most = INT64_C(1) << 55;
    const char *folder = folder_named("overflow");
    counted cases[MANY];
    char names[MANY][8];
    for (int i = 0; i < MANY; i++) {
        cases[i] = three[0];
        (void)snprintf(names[i], sizeof names[i], "%d", i);
        cases[i].id = names[i];
        for (int c = 0; c < 4; c++) cases[i].counts[c] = (pleat_counts){most, most, most, most};
    }
    for (int n = MANY - 1; n <= MANY; n++) {
        write_fold(folder, cases, n);
        pleat_results got = counted_results(NULL, 0, original_names, 4, 1);
        if (n < MANY)
            OK(pleat_report_read_fold(folder, 0, &got, NULL));
        else
            REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_FORMAT,
                    "more voxels than can be");
        pleat_results_free(&got);
    }
}

static void test_a_grid_of_other_voxels_is_refused(void **state) {
    (void)state;
    const char *folder = folder_named("grid");
    for (int width = 10; width <= 11; width++) {
        pleat_results results = counted_results(three, 1, original_names, 4, 1), got;
        const int dim[3] = {2, 5, width};
        memcpy(results.cases[0].dim, dim, sizeof dim);
        for (int a = 0; a < 3; a++) results.cases[0].spacing[a] = 1.5;
        OK(pleat_report_write_fold(folder, &results, NULL));
        pleat_results_free(&results);
        got = counted_results(NULL, 0, original_names, 4, 1);
        if (width == 10)
            OK(pleat_report_read_fold(folder, 0, &got, NULL));
        else
            REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_FORMAT,
                    "do not add up to its volume");
        pleat_results_free(&got);
    }
}

static void test_classes_of_other_names_are_refused(void **state) {
    (void)state;
    static const char *const swapped[] = {"background", "lung_R", "lung_L", "infection"};
    const char *folder = folder_named("names");
    write_fold(folder, three, 1);
    pleat_results got = counted_results(NULL, 0, swapped, 4, 1);
    REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_DATA,
            "the class 'lung_L', which the run's run.json calls 'lung_R'");
    pleat_results_free(&got);
}

static void test_a_history_that_was_changed_is_refused(void **state) {
    (void)state;
    const char *folder = folder_named("history");
    char path[PLEAT_PATH_BYTES];
    pleat_results got;
    pleat_provenance of;
    OK(pleat_path(path, sizeof path, "%s/history.tsv", folder));
    OK(pleat_file_write(path, "epoch\tloss\n1\t2\n", 15));
    write_traced(folder, fold_cases);
    OK(read_traced(folder, &got, &of));
    pleat_provenance_free(&of);
    pleat_results_free(&got);
    OK(pleat_file_write(path, "epoch\tloss\n1\t1\n", 15));
    REFUSED(read_traced(folder, &got, &of), PLEAT_ERR_FORMAT, "history.tsv' is not as it was");
    pleat_results_free(&got);
    assert_int_equal(unlink(path), 0);
    OK(read_traced(folder, &got, &of));
    pleat_provenance_free(&of);
    pleat_results_free(&got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fold_says_which_cases_it_is_of),
        cmocka_unit_test(test_scores_that_do_not_fit_their_cases_are_refused),
        cmocka_unit_test(test_each_flipped_byte_is_noticed_or_means_the_same),
        cmocka_unit_test(test_counts_that_do_not_add_up_are_refused),
        cmocka_unit_test(test_more_voxels_than_a_sum_can_hold_are_refused),
        cmocka_unit_test(test_a_grid_of_other_voxels_is_refused),
        cmocka_unit_test(test_classes_of_other_names_are_refused),
        cmocka_unit_test(test_a_history_that_was_changed_is_refused),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
