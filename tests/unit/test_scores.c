/*
 * test_scores.c - the scores are their formulas, and a score more is a row more: a list with a
 * family of this test's own goes through every table and file of a report.
 */
#include "../../src/eval/scores/families.h"
#include "pleat/figures.h"
#include "pleat/report.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const six[] = {"DSC", "IoU", "Sens", "Spec", "Prec", "Acc"};

static const pleat_score *named(const char *name) {
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all); s++)
        if (strcmp(pleat_scores_at(all, s)->name, name) == 0) return pleat_scores_at(all, s);
    fail_msg("there is no score '%s'", name);
    return NULL;
}

static double of_counts(const char *name, pleat_counts counts) {
    return named(name)->compute(&(pleat_judged){.counts = counts}, NULL);
}

static void the_originals_scores_are_six_in_its_order_and_come_first(void **state) {
    (void)state;
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all); s++) {
        assert_int_equal(pleat_scores_at(all, s)->original, s < 6);
        if (s < 6) assert_string_equal(pleat_scores_at(all, s)->name, six[s]);
    }
}

static void names_are_unique_and_no_column_is_missing(void **state) {
    (void)state;
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all); s++) {
        const pleat_score *score = pleat_scores_at(all, s);
        assert_true(score->name[0] != '\0' && score->name[strcspn(score->name, " ,\"")] == '\0');
        assert_true(score->title[0] != '\0' && score->unit != NULL && score->compute != NULL);
        assert_true(score->what != NULL || pleat_scores_family(all, s)->define != NULL);
        assert_ptr_equal(named(score->name), score);
    }
}

static void the_six_scores_are_their_formulas(void **state) {
    (void)state;
    const pleat_counts c = {6, 2, 4, 88};
    const double want[] = {12.0 / 18, 6.0 / 12, 6.0 / 10, 88.0 / 90, 6.0 / 8, 94.0 / 100};
    for (int s = 0; s < 6; s++) assert_true(of_counts(six[s], c) == want[s]);
}

static void nought_by_nought_is_undefined_and_nought_by_some_is_nought(void **state) {
    (void)state;
    const double u = (double)NAN;
    static const pleat_counts counts[] = {
        {0, 0, 0, 9}, /* in neither */
        {0, 3, 0, 6}, /* absent in truth */
        {0, 0, 3, 6}, /* absent in prediction */
        {9, 0, 0, 0}, /* everywhere in both */
    };
    const double want[][6] = {/* DSC IoU Sens Spec Prec Acc */
                              {u, u, u, 1, u, 1},
                              {0, 0, u, 6.0 / 9, 0, 6.0 / 9},
                              {0, 0, 0, 1, u, 6.0 / 9},
                              {1, 1, 1, u, 1, 1}};
    for (int i = 0; i < 4; i++)
        for (int s = 0; s < 6; s++) {
            const double got = of_counts(six[s], counts[i]);
            if (isnan(want[i][s]) ? !isnan(got) : got != want[i][s])
                fail_msg("%s of row %d is %g, not %g", six[s], i, got, want[i][s]);
        }
}

/* --- volumes, surfaces, lesions --------------------------------------------------------------- */

/* Of class 1 in a pair of rows of voxels of 10 x 10 x 10 mm, 1 ml each. */
static double of_row(const char *name, const char *truth, const char *predicted) {
    const pleat_scores *all = pleat_scores_all();
    const int n = (int)strlen(truth), scores = pleat_scores_count(all);
    uint8_t t[64], p[64];
    double *values = malloc(2 * (size_t)scores * sizeof *values), x = 0.0;
    pleat_counts counts[2];
    pleat_classes classes;
    pleat_judging how;
    assert_non_null(values);
    for (int i = 0; i < n; i++) {
        t[i] = truth[i] == '#';
        p[i] = predicted[i] == '#';
    }
    const pleat_pair pair = {t, p, {1, 1, n}, {10, 10, 10}, 1000};
    OK(pleat_classes_parse("rest,spot", &classes));
    OK(pleat_judging_make(&classes, PLEAT_SURFACE_MONAI, "spot=10", "spot", 0.5, &how));
    OK(pleat_metrics_count(t, p, (size_t)n, 2, counts));
    OK(pleat_scores_compute(all, &how, &pair, 2, counts, values));
    for (int s = 0; s < scores; s++)
        if (strcmp(pleat_scores_at(all, s)->name, name) == 0) x = values[2 * s + 1];
    pleat_classes_free(&classes);
    free(values);
    return x;
}

static void volumes_surfaces_and_lesions_of_rows_are_known(void **state) {
    (void)state;
    const double u = (double)NAN;
    static const char none[] = "..............";
    static const char truth[] = "####..##....#.", guess[] = ".###..#.###..#";
    const struct {
        const char *name, *truth, *guess;
        double want;
    } rows[] = {
        {"TruthVol", truth, guess, 7},
        {"PredVol", truth, guess, 8},
        {"VolDiff", truth, guess, 1},
        {"VolSim", truth, guess, 14.0 / 15},
        {"FPVol", truth, guess, u},
        {"FPVol", none, guess, 8},
        {"FPVol", none, none, 0},
        {"VolSim", none, none, u},
        {"VolSim", truth, none, 0},
        {"HD", truth, guess, 20},
        {"NSD", truth, guess, 13.0 / 15}, /* two voxels of ### are 20 mm away */
        {"HD95", truth, none, u},
        {"NSD", truth, none, 0},
        {"NSD", none, none, u},
        {"LesFound", truth, guess, 2}, /* 3 of 4, 1 of 2, 0 of 1 */
        {"LesMissed", truth, guess, 1},
        {"LesFalse", truth, guess, 2}, /* ### and # are beside the truth */
        {"LesSens", truth, guess, 2.0 / 3},
        {"LesPrec", truth, guess, 2.0 / 4},
        {"LesF1", truth, guess, 2.0 * 2 / 3 * 0.5 / (2.0 / 3 + 0.5)},
        {"LesF1", truth, none, 0},
        {"LesF1", none, none, u},
        {"LesSens", none, guess, u},
        {"LesFound", "##########", "#.##......", 0}, /* 3 of 10 are too few */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const double got = of_row(rows[i].name, rows[i].truth, rows[i].guess);
        if (isnan(rows[i].want) ? !isnan(got) : !(fabs(got - rows[i].want) < 1e-12))
            fail_msg("row %zu: %s is %.12g, not %.12g", i, rows[i].name, got, rows[i].want);
    }
}

static void of_a_case_whose_voxels_do_not_count_no_volume_is_known(void **state) {
    (void)state;
    static const char *const names[] = {"TruthVol", "PredVol", "VolDiff", "VolSim", "FPVol"};
    const double mm3 = 1000;
    for (size_t i = 0; i < COUNT(names); i++) {
        const pleat_score *score = named(names[i]);
        assert_true(isnan(score->compute(&(pleat_judged){.counts = {0}}, &mm3)));
    }
}

static void choices_are_read_by_class_and_strangers_refused(void **state) {
    (void)state;
    pleat_classes classes;
    pleat_judging how;
    char text[PLEAT_JUDGING_BYTES];
    OK(pleat_classes_parse("rest,lung,infection,tumour", &classes));
    REFUSED(pleat_judging_make(&classes, 0, "tumour=2,tumour=3", "", 0.1, &how), PLEAT_ERR_ARG,
            "report.tolerance: 'tumour' comes twice");
    OK(pleat_judging_make(&classes, PLEAT_SURFACE_DEEPMIND, "", "", 0.1, &how));
    assert_true(how.tolerance[1] == 1.0 && how.tolerance[2] == 3.0 && how.tolerance[3] == 1.0);
    assert_string_equal(pleat_judging_text(&how, &classes, text),
                        "surface deepmind; tolerance in mm 1 3 1");
    assert_true(pleat_scores_asked(&how)->n == pleat_scores_all()->n - 1);
    OK(pleat_judging_make(&classes, PLEAT_SURFACE_MEDPY, "tumour=0.5 , 2", "tumour, lung", 0.25,
                          &how));
    assert_string_equal(pleat_judging_text(&how, &classes, text),
                        "surface medpy; tolerance in mm 2 2 0.5; overlap 0.25; lesions of 1 3");
    assert_ptr_equal(pleat_scores_asked(&how), pleat_scores_all());
    REFUSED(pleat_judging_make(&classes, 0, "liver=1", "", 0, &how), PLEAT_ERR_ARG,
            "'liver' is no class; there are rest, lung");
    REFUSED(pleat_judging_make(&classes, 0, "wide", "", 0, &how), PLEAT_ERR_ARG, "'wide'");
    REFUSED(pleat_judging_make(&classes, 0, "-1", "", 0, &how), PLEAT_ERR_ARG, "'-1'");
    REFUSED(pleat_judging_make(&classes, 0, "", "rest", 0, &how), PLEAT_ERR_ARG, "background");
    REFUSED(pleat_judging_make(&classes, 0, "", "liver", 0, &how), PLEAT_ERR_ARG, "report.lesions");
    pleat_classes_free(&classes);
}

/* --- a score more ----------------------------------------------------------------------------- */

/* Volumes of a class in mm3, which the voxels and their size decide. */
typedef struct volumes {
    double truth, predicted;
} volumes;

static int prepared, released;

static pleat_status measure_volumes(const pleat_judged *of, void **shared) {
    volumes *v = calloc(1, sizeof *v);
    assert_non_null(v);
    const double *s = of->pair->spacing;
    for (size_t i = 0; i < pleat_voxels(of->pair->dim); i++) {
        v->truth += (of->pair->truth[i] == of->label) * s[0] * s[1] * s[2];
        v->predicted += (of->pair->predicted[i] == of->label) * s[0] * s[1] * s[2];
    }
    prepared++;
    *shared = v;
    return PLEAT_OK;
}

static void free_volumes(void *shared) {
    released++;
    free(shared);
}

static double difference(const pleat_judged *of, const void *shared) {
    const volumes *v = shared;
    (void)of;
    return fabs(v->predicted - v->truth);
}

static double ratio(const pleat_judged *of, const void *shared) {
    const volumes *v = shared;
    (void)of;
    return v->truth > 0.0 ? v->predicted / v->truth : (double)NAN;
}

static const pleat_score volume_rows[] = {
    {.name = "SpotDiff",
     .title = "Difference of volumes (SpotDiff)",
     .unit = "mm3",
     .better = PLEAT_LOWER_IS_BETTER,
     .compute = difference},
    {.name = "SpotRatio", .title = "Ratio of volumes (SpotRatio)", .unit = "", .compute = ratio},
};
static const pleat_score_family volume_family = {
    .score = volume_rows, .n = 2, .prepare = measure_volumes, .release = free_volumes};

/* Everything there is, and the two. */
static const pleat_scores *with_volumes(void) {
    static const pleat_score_family *families[16];
    static pleat_scores list = {families, 0};
    const pleat_scores *all = pleat_scores_all();
    assert_true(all->n < 16);
    for (int f = 0; f < all->n; f++) families[f] = all->family[f];
    families[all->n] = &volume_family;
    list.n = all->n + 1;
    return &list;
}

static const char *const names[] = {"rest", "spot"};

static pleat_results no_cases(const pleat_scores *scores) {
    pleat_classes classes;
    pleat_results results;
    OK(pleat_classes_make(names, 2, &classes));
    OK(pleat_results_begin(&classes, 2, scores, &results));
    pleat_classes_free(&classes);
    return results;
}

/* Case "a" of fold 0: one voxel of spot is missed of two. Case "b" of fold 1: one is too many, and
 * there are none in the truth. Voxels of 0.5 x 1 x 3 mm. */
static pleat_results two_cases(const pleat_scores *scores) {
    static const uint8_t truth[2][4] = {{0, 1, 1, 0}, {0, 0, 0, 0}};
    static const uint8_t guess[2][4] = {{0, 1, 0, 0}, {0, 0, 1, 0}};
    pleat_results results = no_cases(scores);
    for (int i = 0; i < 2; i++) {
        pleat_case_result *one = NULL;
        const pleat_pair pair = {truth[i], guess[i], {1, 2, 2}, {0.5, 1.0, 3.0}, 1.5};
        OK(pleat_results_add(&results, i == 0 ? "a" : "b", i, "p", "r", &one));
        OK(pleat_metrics_count(truth[i], guess[i], 4, 2, one->counts));
        OK(pleat_scores_compute(scores, &results.how, &pair, 2, one->counts, one->values));
    }
    return results;
}

static char *text_of(const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_file_read_all(in_root(path, name), &text, NULL));
    return text;
}

static void assert_holds(const char *name, const char *wanted, int holds) {
    char *text = text_of(name);
    if ((strstr(text, wanted) != NULL) != holds)
        fail_msg("%s %s '%s':\n%s", name, holds ? "lacks" : "holds", wanted, text);
    free(text);
}

static void a_family_is_prepared_once_for_a_case_and_class(void **state) {
    (void)state;
    const pleat_scores *list = with_volumes();
    const int at = pleat_scores_count(pleat_scores_all());
    prepared = released = 0;
    pleat_results results = two_cases(list);
    assert_int_equal(prepared, 4); /* 2 cases of 2 classes, for 2 scores each */
    assert_int_equal(released, 4);
    assert_true(pleat_results_at(&results, 0, 0, 1).x == 2.0 / 3.0); /* the first score's still */
    assert_true(pleat_results_at(&results, 0, at, 1).x == 1.5);
    assert_true(pleat_results_at(&results, 0, at + 1, 1).x == 0.5);
    assert_true(pleat_results_at(&results, 1, at, 1).x == 1.5);
    assert_true(isnan(pleat_results_at(&results, 1, at + 1, 1).x));
    assert_int_equal(pleat_results_at(&results, 1, at, 1).presence, PLEAT_SPURIOUS);
    pleat_results_free(&results);
}

static void a_row_more_is_a_score_more_everywhere_but_in_the_originals_files(void **state) {
    (void)state;
    const pleat_scores *list = with_volumes();
    pleat_results results = two_cases(list), without = two_cases(pleat_scores_all());
    const pleat_report_variant both[] = {{"one", &results}, {"two", &results}};
    const pleat_report_info info = {.version = "0"};
    char path[PLEAT_PATH_BYTES], other[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    OK(pleat_file_make_folder(in_root(path, "more")));
    OK(pleat_file_make_folder(in_root(other, "six")));
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    OK(pleat_report_write(path, &results, &info));
    OK(pleat_report_write(other, &without, &info));
    OK(pleat_report_compare(out, path, both, 2));
    OK(pleat_report_print(out, &results, 1));
    OK(pleat_figures_boxes(path, "volume", pleat_scores_count(list) - 2, both, 2, 1));
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\nDifference of volumes (SpotDiff), mm3, lower is better\n"));
    assert_non_null(strstr(text, "\nRatio of volumes (SpotRatio)\n"));
    free(text);
    static const char *const originals[] = {"cv_results.detailed.csv", "cv_results.final.csv"};
    for (int i = 0; i < 2; i++) { /* as with the six alone */
        (void)snprintf(path, sizeof path, "six/%s", originals[i]);
        text = text_of(path);
        (void)snprintf(path, sizeof path, "more/%s", originals[i]);
        char *same = text_of(path);
        assert_string_equal(same, text);
        free(text);
        free(same);
    }
    assert_holds("more/summary.json", "SpotDiff", 0); /* which has what follows from the counts */
    assert_holds("more/summary.json", "\"Dice\": ", 1);
    assert_holds("more/ablation.csv", "SpotDiff,spot,1.5,1.5\n", 1);
    assert_holds("more/ablation.detailed.csv", "two,b,SpotRatio,0.75,\n", 1);
    assert_holds("more/figures/volume.gp", "Difference of volumes (SpotDiff), mm3", 1);
    pleat_results_free(&results);
    pleat_results_free(&without);
}

static void a_folds_file_keeps_what_its_counts_do_not_tell(void **state) {
    (void)state;
    const pleat_scores *list = with_volumes();
    const int at = pleat_scores_count(pleat_scores_all());
    char path[PLEAT_PATH_BYTES];
    pleat_results both = two_cases(list), got = no_cases(list), without = no_cases(list);
    const pleat_results second = pleat_results_part(&both, 1, 1);
    OK(pleat_file_make_folder(in_root(path, "fold")));
    OK(pleat_report_write_fold(path, &second, NULL));
    assert_holds("fold/scores.csv", "b,SpotDiff,1.5,1.5\n", 1);
    OK(pleat_report_read_fold(path, 1, &got, NULL));
    for (int s = 0; s < at + 2; s++)
        for (int c = 0; c < 2; c++) {
            const double want = pleat_results_at(&second, 0, s, c).x;
            const double is = pleat_results_at(&got, 0, s, c).x;
            assert_true(isnan(want) ? isnan(is) : is == want);
        }
    /* A file of before the score: what follows from the counts is there, the rest is not. */
    static const pleat_score_family *const families_then[] = {&pleat_scores_overlap};
    static const pleat_scores of_then = {families_then, 1};
    pleat_results old = two_cases(&of_then);
    const pleat_results second_of_old = pleat_results_part(&old, 1, 1);
    OK(pleat_report_write_fold(path, &second_of_old, NULL));
    assert_holds("fold/scores.json", "values", 0);
    OK(pleat_report_read_fold(path, 1, &without, NULL));
    assert_true(pleat_results_at(&without, 0, 0, 0).x == 6.0 / 7.0);
    assert_true(isnan(pleat_results_at(&without, 0, at, 1).x));
    pleat_results_free(&both);
    pleat_results_free(&old);
    pleat_results_free(&got);
    pleat_results_free(&without);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_originals_scores_are_six_in_its_order_and_come_first),
        cmocka_unit_test(names_are_unique_and_no_column_is_missing),
        cmocka_unit_test(the_six_scores_are_their_formulas),
        cmocka_unit_test(nought_by_nought_is_undefined_and_nought_by_some_is_nought),
        cmocka_unit_test(volumes_surfaces_and_lesions_of_rows_are_known),
        cmocka_unit_test(of_a_case_whose_voxels_do_not_count_no_volume_is_known),
        cmocka_unit_test(choices_are_read_by_class_and_strangers_refused),
        cmocka_unit_test(a_family_is_prepared_once_for_a_case_and_class),
        cmocka_unit_test(a_row_more_is_a_score_more_everywhere_but_in_the_originals_files),
        cmocka_unit_test(a_folds_file_keeps_what_its_counts_do_not_tell),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
