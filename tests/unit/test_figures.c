/*
 * test_figures.c - the scripts of the figures hold the right numbers, and gnuplot can draw them.
 */
#include "pleat/figures.h"
#include "pleat/file.h"
#include "support.h"
#include "support_results.h"

#include <stdlib.h>
#include <string.h>

/* Dice 2tp / (2tp + fp + fn) of "spot": 0.8, undefined, 0.5; of "rest" 1 throughout. */
static const counted cases[] = {
    {"a", 0, {{8, 0, 0, 2}, {2, 1, 0, 7}}, "p", "r"},
    {"b", 0, {{9, 0, 0, 1}, {0, 0, 0, 10}}, "p", "r"},
    {"c", 2, {{7, 0, 0, 3}, {1, 1, 1, 7}}, "p", "r"},
};
static pleat_results results; /* of them */

static int make_results(void **state) {
    static const char *const names[] = {"rest", "it's_a spot"};
    results = counted_results(cases, 3, names, 2, 3);
    return make_root(state);
}

static int free_results(void **state) {
    pleat_results_free(&results);
    return remove_root(state);
}

/* fold_K/history.tsv of two epochs; the held-out loss of the first is not known. */
static void write_history(int fold) {
    char path[PLEAT_PATH_BYTES];
    static const char text[] = "epoch\tloss\tdice_soft\tval_loss\tval_dice_soft\n"
                               "1\t2.5\t0.4\t\t0.5\n2\t1.5\t0.6\t1.4\t0.7\n";
    OK(pleat_path(path, sizeof path, "%s/fold_%d", root, fold));
    OK(pleat_file_make_folder(path));
    OK(pleat_path(path, sizeof path, "%s/fold_%d/history.tsv", root, fold));
    OK(pleat_file_write_atomic(path, text, sizeof text - 1));
}

static char *script_of(const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_path(path, sizeof path, "%s/figures/%s.gp", root, name));
    OK(pleat_file_read_all(path, &text, NULL));
    return text;
}

static void a_box_holds_every_defined_score(void **state) {
    (void)state;
    const pleat_results first = pleat_results_part(&results, 0, 2);
    const pleat_results second = pleat_results_part(&results, 2, 1);
    const pleat_report_variant groups[] = {{"first", &first}, {"second", &second}};
    OK(pleat_figures_boxes(root, "boxes", 0, groups, 2));
    char *text = script_of("boxes");
    /* The blocks in order: rest of first, of second, spot of first, of second. */
    const char *want[] = {"EOD\n1.000000 ",  "\n1.000000 ",     "\n\n\n1.000000 ",
                          "\n\n\n0.800000 ", "\n\n\n0.500000 ", "EOD\n"};
    const char *at = text;
    for (size_t i = 0; i < COUNT(want); i++) {
        at = strstr(at, want[i]);
        assert_non_null(at);
        at += strlen(want[i]) - 1;
    }
    assert_non_null(strstr(text, "'it''s_a spot'"));
    assert_non_null(strstr(text, "set yrange [0.5:1]"));
    assert_null(strstr(text, "'rest'")); /* the background has no panel */
    free(text);
}

static void a_group_without_a_defined_score_has_no_box(void **state) {
    (void)state;
    const pleat_results none = pleat_results_part(&results, 1, 1);
    const pleat_results some = pleat_results_part(&results, 0, 1);
    const pleat_report_variant groups[] = {{"none", &none}, {"some", &some}};
    OK(pleat_figures_boxes(root, "gap", 0, groups, 2));
    char *text = script_of("gap");
    assert_null(strstr(text, "index 2 "));
    assert_non_null(strstr(text, "index 3 "));
    free(text);
}

static void a_run_has_a_box_per_fold_and_one_of_all(void **state) {
    (void)state;
    write_history(0);
    write_history(2);
    OK(pleat_figures_run(root, &results));
    char *text = script_of("dice");
    assert_non_null(strstr(text, "'fold 0' 1, 'fold 2' 2, 'all' 3"));
    free(text);
    text = script_of("curves");
    assert_non_null(strstr(text, "../fold_0/history.tsv"));
    assert_non_null(strstr(text, "../fold_2/history.tsv"));
    assert_null(strstr(text, "fold_1"));
    free(text);
}

static void gnuplot_draws_them(void **state) {
    (void)state;
    if (system("command -v gnuplot > /dev/null") != 0) skip();
    const pleat_results none = pleat_results_part(&results, 1, 1);
    const pleat_report_variant groups[] = {{"none", &none}, {"all", &results}};
    write_history(0);
    write_history(2);
    OK(pleat_figures_run(root, &results));
    OK(pleat_figures_boxes(root, "gap", 0, groups, 2));
    static const char *const names[] = {"dice.png",   "dice.svg", "curves.png",
                                        "curves.svg", "gap.png",  "gap.svg"};
    static const char *const starts[] = {"\x89PNG", "<?xml"};
    for (int i = 0; i < 6; i++) {
        char path[PLEAT_PATH_BYTES], *bytes = NULL;
        size_t n = 0;
        OK(pleat_path(path, sizeof path, "%s/figures/%s", root, names[i]));
        OK(pleat_file_read_all(path, &bytes, &n));
        assert_true(n > 1000);
        assert_memory_equal(bytes, starts[i % 2], strlen(starts[i % 2]));
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_holds_every_defined_score),
        cmocka_unit_test(a_group_without_a_defined_score_has_no_box),
        cmocka_unit_test(a_run_has_a_box_per_fold_and_one_of_all),
        cmocka_unit_test(gnuplot_draws_them),
    };
    return cmocka_run_group_tests(tests, make_results, free_results);
}
