/*
 * test_figures.c - the figures' data are the right numbers, and gnuplot draws them.
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
static char *with_gnuplot;    /* PATH; in most tests there is none, for they are of the data */

static int make_results(void **state) {
    const char *path = getenv("PATH");
    with_gnuplot = strdup(path != NULL ? path : "/usr/bin:/bin");
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    static const char *const names[] = {"rest", "it's_a spot"};
    results = counted_results(cases, 3, names, 2, 3);
    return make_root(state);
}

static int free_results(void **state) {
    pleat_results_free(&results);
    assert_int_equal(setenv("PATH", with_gnuplot, 1), 0);
    free(with_gnuplot);
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

/* ROOT/figures/NAME; freed by the caller. */
static char *text_of(const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_path(path, sizeof path, "%s/figures/%s", root, name));
    OK(pleat_file_read_all(path, &text, NULL));
    return text;
}

static void assert_has(const char *name, const char *part) {
    char *text = text_of(name);
    if (strstr(text, part) == NULL) fail_msg("'%s' has no '%s':\n%s", name, part, text);
    free(text);
}

static void a_box_holds_every_defined_score(void **state) {
    (void)state;
    const pleat_results first = pleat_results_part(&results, 0, 2);
    const pleat_results second = pleat_results_part(&results, 2, 1);
    const pleat_report_variant groups[] = {{"first", &first}, {"second", &second}};
    OK(pleat_figures_boxes(root, "boxes", 0, groups, 2, 1));
    char *text = text_of("boxes.csv");
    assert_string_equal(text, "panel,row,value,fold,case,class,group\n"
                              "0,0,0.8,0,a,it's_a spot,first\n"
                              "0,1,0.5,2,c,it's_a spot,second\n");
    free(text);
    assert_has("boxes.gp", "'it''s_a spot'");
    assert_has("boxes.gp", "set xrange [0:1]");          /* of a share, whatever the scores */
    assert_has("boxes.gp", "set y2tics ('1' 0, '1' 1)"); /* n */
}

static void lesions_are_counts_of_the_classes_that_have_them(void **state) {
    (void)state;
    pleat_classes classes;
    pleat_judging how;
    pleat_results r;
    pleat_case_result *one = NULL;
    OK(pleat_classes_parse("background,organ,spot", &classes));
    OK(pleat_judging_make(&classes, PLEAT_SURFACE_DEEPMIND, "", "spot", 0.1, &how));
    OK(pleat_results_begin_as(&classes, 1, &how, &r));
    OK(pleat_results_add(&r, "a", 0, "p", "t", &one));
    for (int s = 0; s < pleat_scores_count(r.scores); s++)
        if (strcmp(pleat_scores_at(r.scores, s)->name, "LesFound") == 0)
            one->values[3 * s + 2] = 12;
    OK(pleat_figures_run(root, &r, 0));
    assert_has("lesions.csv", "0,0,12,0,a,LesFound,spot\n");
    assert_has("lesions.gp", "set y2tics ('1' 0)"); /* no row for the organ */
    assert_has("lesions.gp", "set xrange [0:15]\nset xtics 0,5,15\n");
    pleat_results_free(&r);
    pleat_classes_free(&classes);
}

static void a_box_goes_from_quartile_to_quartile(void **state) {
    (void)state;
    /* Sens = tp / 100: 0.1, 0.5, 0.6, 0.7, 0.8. NumPy's quartiles 0.5, 0.6, 0.7; 0.1 is farther
     * than 1.5 boxes from the first of them, so the whisker ends at the box. */
    static const counted five[] = {
        {"a", 0, {{900, 0, 0, 100}, {10, 0, 90, 900}}, "p", "r"},
        {"b", 0, {{900, 0, 0, 100}, {50, 0, 50, 900}}, "p", "r"},
        {"c", 0, {{900, 0, 0, 100}, {60, 0, 40, 900}}, "p", "r"},
        {"d", 0, {{900, 0, 0, 100}, {70, 0, 30, 900}}, "p", "r"},
        {"e", 0, {{900, 0, 0, 100}, {80, 0, 20, 900}}, "p", "r"},
    };
    static const char *const names[] = {"rest", "spot"};
    pleat_results of = counted_results(five, 5, names, 2, 1);
    const pleat_report_variant groups[] = {{"all", &of}};
    OK(pleat_figures_boxes(root, "quartiles", 2, groups, 1, 1));
    assert_has("quartiles.gp", "$boxes << EOD\n0,0,0.5,0.5,0.6,0.7,0.8\nEOD\n");
    pleat_results_free(&of);
}

static void a_group_without_a_defined_score_has_no_box(void **state) {
    (void)state;
    const pleat_results none = pleat_results_part(&results, 1, 1);
    const pleat_results some = pleat_results_part(&results, 0, 1);
    const pleat_report_variant groups[] = {{"none", &none}, {"some", &some}};
    OK(pleat_figures_boxes(root, "gap", 0, groups, 2, 1));
    assert_has("gap.gp", "$boxes << EOD\n0,1,0.8,0.8,0.8,0.8,0.8\nEOD\n");
    assert_has("gap.gp", "set y2tics ('0' 0, '1' 1)");
}

static void a_run_has_a_box_per_fold_and_one_of_all(void **state) {
    (void)state;
    write_history(0);
    write_history(2);
    OK(pleat_figures_run(root, &results, 1));
    assert_has("dice.csv", "0,0,0.8,0,a,it's_a spot,fold 0\n0,1,0.5,2,c,it's_a spot,fold 2\n"
                           "0,2,0.8,0,a,it's_a spot,all\n0,2,0.5,2,c,it's_a spot,all\n");
    assert_has("histogram.csv", "1,0.5,0.55,1,it's_a spot\n");
    assert_has("histogram.csv", "1,0.8,0.85,1,it's_a spot\n");
    /* Sens = tp / (tp + fn) */
    assert_has("sensitivity.csv", "1,1,0.8,0,a,it's_a spot\n1,0.5,0.5,2,c,it's_a spot\n");
}

/* Fold 1 has the losses 2.5, 1.5; fold 2 1.5 alone: it ended after an epoch. */
static void curves_are_means_over_the_folds_that_reached_an_epoch(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    static const char text[] = "epoch\tloss\tdice_soft\tval_loss\tval_dice_soft\n"
                               "1\t1.5\t0.6\t3\t0.5\n";
    write_history(0);
    write_history(2);
    OK(pleat_path(path, sizeof path, "%s/fold_2/history.tsv", root));
    OK(pleat_file_write_atomic(path, text, sizeof text - 1));
    OK(pleat_figures_run(root, &results, 1));
    char *data = text_of("curves.csv");
    assert_string_equal(data, "series,epoch,folds,mean,least,most,metric,part\n"
                              "0,1,2,2,1.5,2.5,loss,training\n0,2,1,1.5,1.5,1.5,loss,training\n"
                              "1,1,1,3,3,3,loss,held out\n1,2,1,1.4,1.4,1.4,loss,held out\n"
                              "2,1,2,0.5,0.4,0.6,dice_soft,training\n"
                              "2,2,1,0.6,0.6,0.6,dice_soft,training\n"
                              "3,1,2,0.5,0.5,0.5,dice_soft,held out\n"
                              "3,2,1,0.7,0.7,0.7,dice_soft,held out\n");
    free(data);
    assert_has("curves.gp", "mean of 2 folds; band: least to most");
    assert_has("curves.gp", "set xtics 1,1"); /* no epoch 1.5 */
}

static void agreement_has_mean_difference_and_limits(void **state) {
    (void)state;
    pleat_results of = counted_results(cases, 3, (const char *const[]){"rest", "spot"}, 2, 3);
    const int n = of.classes.n;
    static const double volumes[3][2] = {{10, 12}, {20, 26}, {30, 34}}; /* differences 2, 6, 4 */
    for (int s = 0; s < pleat_scores_count(of.scores); s++)
        for (int i = 0; i < 3; i++) {
            const char *name = pleat_scores_at(of.scores, s)->name;
            if (strcmp(name, "TruthVol") == 0) of.cases[i].values[s * n + 1] = volumes[i][0];
            if (strcmp(name, "PredVol") == 0) of.cases[i].values[s * n + 1] = volumes[i][1];
        }
    OK(pleat_figures_run(root, &of, 1));
    assert_has("agreement.csv", "1,11,2,10,12,0,a,spot\n1,23,6,20,26,0,b,spot\n");
    assert_has("agreement.gp", "'mean 4'");
    assert_has("agreement.gp", "'-1.96 SD 0.08'"); /* SD is 2 */
    assert_has("agreement.gp", "'+1.96 SD 7.92'");
    assert_has("volumes.csv", ",PredVol,spot\n");
    pleat_results_free(&of);
}

static void differences_are_drawn_with_their_mean(void **state) {
    (void)state;
    double difference[] = {-0.1, 0.3};
    int at[] = {1, 0};
    const char *const names[] = {"runs/a", "runs/b"}, *const ids[] = {"one", "two"};
    pleat_paired row = {.b = 1,
                        .score = "DSC",
                        .class_name = "spot",
                        .n = 2,
                        .mean = 0.1,
                        .bca = {-0.05, 0.25},
                        .difference = difference,
                        .at = at};
    const pleat_comparison c = {
        .names = names, .ids = ids, .sets = 2, .cases = 2, .row = &row, .n = 1};
    OK(pleat_figures_differences(root, &c));
    char *text = text_of("differences.csv");
    assert_string_equal(text, "panel,row,value,b,case,score,class\n"
                              "0,0,-0.1,1,two,\"DSC: B - A, higher is better\",spot\n"
                              "0,0,0.3,1,one,\"DSC: B - A, higher is better\",spot\n");
    free(text);
    assert_has("differences.gp", "$marks << EOD\n0,0,0.1,-0.05,0.25\nEOD\n");
    assert_has("differences.gp", "set xrange [-0.1:0.3");
    assert_has("differences.gp", "A: a, B: b");
}

static void gnuplot_draws_them_in_three_formats(void **state) {
    (void)state;
    assert_int_equal(setenv("PATH", with_gnuplot, 1), 0);
    if (system("command -v gnuplot > /dev/null") != 0) skip();
    static const char *const ending[] = {"svg", "pdf", "png"};
    static const char *const starts[] = {"<?xml", "%PDF", "\x89PNG"};
    write_history(0);
    write_history(2);
    OK(pleat_figures_run(root, &results, 1));
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    int drawn = 0;
    for (int f = 0; pleat_figures_name(f) != NULL; f++) {
        char path[PLEAT_PATH_BYTES], *bytes = NULL;
        size_t n = 0;
        OK(pleat_path(path, sizeof path, "%s/figures/%s.gp", root, pleat_figures_name(f)));
        for (int k = 0; pleat_file_exists(path) && k < 3; k++) {
            OK(pleat_path(path, sizeof path, "%s/figures/%s.%s", root, pleat_figures_name(f),
                          ending[k]));
            OK(pleat_file_read_all(path, &bytes, &n));
            assert_true(n > 1000);
            assert_memory_equal(bytes, starts[k], strlen(starts[k]));
            free(bytes);
            drawn++;
        }
    }
    assert_true(drawn >= 15); /* curves, dice, scores, histogram, sensitivity */
}

/* A picture that cannot be drawn again would show other data than stand beside it. */
static void without_gnuplot_no_older_picture_stays(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/figures/dice.svg", root));
    OK(pleat_file_write_atomic(path, "old", 3));
    OK(pleat_figures_run(root, &results, 1));
    assert_false(pleat_file_exists(path));
    assert_has("dice.csv", "fold 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_holds_every_defined_score),
        cmocka_unit_test(lesions_are_counts_of_the_classes_that_have_them),
        cmocka_unit_test(a_box_goes_from_quartile_to_quartile),
        cmocka_unit_test(a_group_without_a_defined_score_has_no_box),
        cmocka_unit_test(a_run_has_a_box_per_fold_and_one_of_all),
        cmocka_unit_test(curves_are_means_over_the_folds_that_reached_an_epoch),
        cmocka_unit_test(agreement_has_mean_difference_and_limits),
        cmocka_unit_test(differences_are_drawn_with_their_mean),
        cmocka_unit_test(gnuplot_draws_them_in_three_formats),
        cmocka_unit_test(without_gnuplot_no_older_picture_stays),
    };
    return cmocka_run_group_tests(tests, make_results, free_results);
}
