/*
 * test_estimates.c - statistics of cases that were found, missed, spurious and empty, worked out by
 * hand, and the files and the table that tell them.
 *
 *   case   fold   spot of 10 voxels in the truth      DSC   HD (set here)
 *   a      0      found, 8 of 10, 2 too many          0.8   2 mm
 *   b      0      found whole                         1     0 mm
 *   c      1      missed                              0     -
 *   d      1      none, but 5 voxels are predicted    0     -
 *   e      1      none, and none is predicted         -     -
 *
 * Images of 3 x 4 x 12 voxels of 1 mm: their diagonal is 13 mm.
 */
#include "pleat/estimates.h"
#include "pleat/figures.h"
#include "pleat/measured.h"
#include "pleat/report.h"
#include "support.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"rest", "spot, small"};
static const struct {
    const char *id;
    int fold;
    pleat_counts spot;
    double hd;
} cases[] = {
    {"p1_a", 0, {8, 2, 2, 132}, 2.0},          {"p1_b", 0, {10, 0, 0, 134}, 0.0},
    {"p2_c", 1, {0, 0, 10, 134}, (double)NAN}, {"p3_d", 1, {0, 5, 0, 139}, (double)NAN},
    {"p3_e", 1, {0, 0, 0, 144}, (double)NAN},
};

static int score_named(const pleat_scores *scores, const char *name) {
    int s = 0;
    while (strcmp(pleat_scores_at(scores, s)->name, name) != 0) s++;
    return s;
}

static pleat_results five_cases(int with_grids) {
    pleat_classes classes;
    pleat_results r;
    OK(pleat_classes_make(names, 2, &classes));
    OK(pleat_results_begin(&classes, 3, pleat_scores_all(), &r));
    pleat_classes_free(&classes);
    const int hd = score_named(r.scores, "HD");
    for (size_t i = 0; i < COUNT(cases); i++) {
        pleat_case_result *one = NULL;
        OK(pleat_results_add(&r, cases[i].id, cases[i].fold, "p", "r", &one));
        const pleat_counts k = cases[i].spot;
        one->counts[0] = (pleat_counts){k.tn, k.fn, k.fp, k.tp};
        one->counts[1] = k;
        for (int a = 0; with_grids && a < 3; a++) {
            one->dim[a] = (const int[]){3, 4, 12}[a];
            one->spacing[a] = 1.0;
        }
        OK(pleat_scores_compute(r.scores, &r.how, NULL, 2, one->counts, one->values));
        if (with_grids) one->values[2 * hd + 1] = cases[i].hd;
    }
    return r;
}

static void assert_holds(const char *text, const char *wanted) {
    if (strstr(text, wanted) == NULL) fail_msg("no '%s' in:\n%s", wanted, text);
}

static char *printed(const pleat_estimates *e, int all) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    pleat_estimates_print(out, e, all);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void a_miss_is_counted_and_makes_no_mean_better(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    const pleat_estimate *dsc = pleat_estimates_at(&e, PLEAT_OVER_ALL, 0, 1);
    assert_int_equal(dsc->cases, 5);
    assert_int_equal(dsc->states[PLEAT_PRESENT], 2);
    assert_int_equal(dsc->states[PLEAT_MISSED], 1);
    assert_int_equal(dsc->states[PLEAT_SPURIOUS], 1);
    assert_int_equal(dsc->states[PLEAT_ABSENT], 1);
    assert_int_equal(dsc->n, 4);
    assert_true(fabs(dsc->mean - 0.45) < 1e-15 && fabs(dsc->penalised - 0.45) < 1e-15);
    assert_true(fabs(dsc->median - 0.4) < 1e-15);
    assert_true(fabs(dsc->quartile[1] - 0.85) < 1e-15 && dsc->least == 0.0 && dsc->most == 1.0);
    const pleat_estimate *hd =
        pleat_estimates_at(&e, PLEAT_OVER_ALL, score_named(r.scores, "HD"), 1);
    assert_int_equal(hd->n, 2);
    assert_true(hd->mean == 1.0);
    assert_true(fabs(hd->penalised - (2.0 + 0.0 + 13.0 + 13.0) / 4) < 1e-12);
    const pleat_estimate *prec = pleat_estimates_at(&e, 1, score_named(r.scores, "Prec"), 1);
    assert_int_equal(prec->cases, 3); /* of fold 1; of c it is 0/0, of d 0 */
    assert_int_equal(prec->n, 1);
    assert_true(prec->mean == 0.0 && prec->penalised == 0.0);
    assert_int_equal(pleat_estimates_at(&e, 2, 0, 1)->cases, 0); /* a fold that failed */
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

/* Case b's spot is predicted, but elsewhere: it stays ok in the files, and the table counts it. */
static void no_overlap_at_all_is_counted(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    r.cases[1].counts[1] = (pleat_counts){0, 10, 10, 124};
    OK(pleat_scores_compute(r.scores, &r.how, NULL, 2, r.cases[1].counts, r.cases[1].values));
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    for (int s = 0; s < 2; s++) {
        const pleat_estimate *one = pleat_estimates_at(&e, PLEAT_OVER_ALL, s, 1);
        assert_int_equal(one->states[PLEAT_PRESENT], 2);
        assert_int_equal(one->apart, 1);
    }
    assert_int_equal(pleat_estimates_at(&e, PLEAT_OVER_ALL, 0, 0)->apart, 0);
    char *text = printed(&e, 0);
    assert_holds(text, "  spot, small: 2 ok (1 without overlap), 1 missed, 1 spurious, 1 empty\n");
    free(text);
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

static void a_class_missed_in_all_cases_keeps_the_rows_that_punish_it(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    for (int i = 0; i < r.n; i++) {
        r.cases[i].counts[1] = (pleat_counts){0, 0, 10, 134};
        OK(pleat_scores_compute(r.scores, &r.how, NULL, 2, r.cases[i].counts, r.cases[i].values));
    }
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    char *text = printed(&e, 0);
    assert_holds(text, /* 13: the diagonal */
                 "\n    HD95, mm  0  -            -   -              -          13\n");
    free(text);
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

static void a_worst_that_is_not_known_gives_no_penalised_mean(void **state) {
    (void)state;
    pleat_results r = five_cases(0);
    pleat_estimates e;
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    const pleat_estimate *hd =
        pleat_estimates_at(&e, PLEAT_OVER_ALL, score_named(r.scores, "HD"), 1);
    assert_int_equal(hd->unknown, 5); /* as in a run of before: no size, no distance */
    assert_true(hd->n == 0 && isnan(hd->mean) && isnan(hd->penalised));
    assert_int_equal(pleat_estimates_at(&e, PLEAT_OVER_ALL, 0, 1)->unknown, 0);
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

static void intervals_are_over_patients_where_they_are_named(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    pleat_interval want;
    const double x[] = {0.8, 1.0, 0.0, 0.0};
    const int patient[] = {0, 0, 1, 2};
    OK(pleat_estimates_make(&r, "^(p[0-9])_", 1, &e));
    assert_int_equal(e.groups, 3);
    OK(pleat_interval_t(&(pleat_observed){x, patient, 4}, 0.95, &want));
    const pleat_estimate *dsc = pleat_estimates_at(&e, PLEAT_OVER_ALL, 0, 1);
    assert_true(fabs(dsc->t.low - want.low) < 1e-12 && fabs(dsc->t.high - want.high) < 1e-12);
    OK(pleat_interval_bca(&(pleat_observed){x, patient, 4}, 0.95, PLEAT_RESAMPLES, 1, &want));
    assert_true(fabs(dsc->bca.low - want.low) < 1e-12 && fabs(dsc->bca.high - want.high) < 1e-12);
    pleat_estimates_free(&e);
    REFUSED(pleat_estimates_make(&r, "^q", 1, &e), PLEAT_ERR_DATA, "p1_a");
    pleat_results_free(&r);
}

static char *file_text(const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_file_read_all(in_root(path, name), &text, NULL));
    return text;
}

static void the_files_have_every_case_and_every_state(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    OK(pleat_estimates_write(root, &e, 0));
    char *text = file_text("scores.csv");
    assert_holds(text, "case,fold,class,label,score,value,unit,state,definition\n");
    assert_holds(text, "\np2_c,1,\"spot, small\",1,DSC,0,,missed,2 TP / (2 TP + FP + FN)\n");
    assert_holds(text, "\np2_c,1,\"spot, small\",1,HD,,mm,missed,deepmind\n");
    assert_holds(text, "\np3_d,1,\"spot, small\",1,NSD,,,spurious,\"deepmind, 1 mm\"\n");
    assert_holds(text, "\np3_e,1,\"spot, small\",1,DSC,,,empty,");
    free(text);
    text = file_text("statistics.csv");
    assert_holds(text, "\nall,\"spot, small\",1,HD,mm,5,2,1,1,1,0,2,1,1.414213562,");
    assert_holds(text, ",7,,,deepmind,5\n"); /* its penalised mean; no repeats */
    assert_null(strstr(text, "\n2,"));       /* fold 2 has no cases */
    assert_null(strstr(text, ",LesF1,"));
    assert_null(strstr(text, "rest,0,HD,"));
    free(text);
    text = file_text("statistics.json");
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "pleat/statistics/1");
    assert_int_equal(json_array_size(json_object_get(json, "cases")), 5);
    const size_t scores = (size_t)pleat_scores_count(r.scores);
    int apply = 0; /* no surfaces of the background, no lesions */
    for (int k = 0; k < 2 * (int)scores; k++)
        apply += pleat_scores_apply(r.scores, k / 2, &r.how, k % 2);
    assert_int_equal(apply, 2 * (scores - 6) - 5);
    assert_int_equal(json_array_size(json_object_get(json, "statistics")), 3 * apply);
    const json_t *empty = json_object_get(json, "folds_without_scores");
    assert_int_equal(json_array_size(empty), 1);
    assert_int_equal(json_integer_value(json_array_get(empty, 0)), 2);
    const json_t *c = json_array_get(json_object_get(json, "cases"), 2);
    const json_t *spot = json_object_get(json_object_get(c, "classes"), "spot, small");
    assert_string_equal(json_string_value(json_object_get(spot, "state")), "missed");
    assert_true(json_is_null(json_object_get(spot, "HD")));
    json_decref(json);
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

static void the_table_says_what_it_covers_and_warns_of_few_cases(void **state) {
    (void)state;
    pleat_results r = five_cases(1);
    pleat_estimates e;
    OK(pleat_estimates_make(&r, "^(p[0-9])_", 9, &e));
    char *text = printed(&e, 0);
    assert_holds(text, "  spot, small: 2 ok, 1 missed, 1 spurious, 1 empty\n");
    assert_holds(text, "\n    DSC  4  0.45 [");
    assert_columns(text, "    ", "    DSC ");
    assert_holds(text, "BCa bootstrap over 3 groups of cases, seed 9");
    assert_holds(text, "cover these cases for these folds' models: not other seeds");
    assert_holds(text, "warning: 3 groups are fewer than 50");
    assert_holds(text, "warning: no scores of fold 2: its cases are in none of these numbers\n");
    assert_null(strstr(text, "rest:"));
    free(text);
    text = printed(&e, 1);
    assert_holds(text, "  rest: 5 ok");
    assert_holds(text, "\n    HD, mm        2  1    "); /* of one patient: no interval */
    free(text);
    pleat_estimates_free(&e);
    /* A wide number moves no column. */
    for (int i = 0; i < r.n; i++) r.cases[i].values[2 * score_named(r.scores, "HD") + 1] += 1e7 * i;
    OK(pleat_estimates_make(&r, NULL, 9, &e));
    text = printed(&e, 1);
    assert_columns(text, "    ", "    HD, mm ");
    assert_columns(text, "    ", "    DSC ");
    free(text);
    pleat_estimates_free(&e);
    pleat_results_free(&r);
}

/* Four cases in two repeats of two folds, DSC 2 tp / (2 tp + fn), and HD set here. Fold means of
 * HD: 2, 6 and 5, 5; means of the cases: 1.5, 4, 5, 7.5. */
static void a_case_judged_in_two_repeats_stays_one_case(void **state) {
    (void)state;
    static const struct {
        const char *id;
        int fold;
        double hd;
    } judged[] = {{"a", 0, 1}, {"b", 0, 3}, {"c", 1, 5}, {"d", 1, 7},
                  {"a", 2, 2}, {"d", 2, 8}, {"b", 3, 5}, {"c", 3, 5}};
    static const double of_cases[] = {1.5, 4, 5, 7.5}, of_folds[] = {2, 6, 5, 5};
    pleat_classes classes;
    pleat_results r;
    pleat_estimates e;
    pleat_measured m;
    pleat_interval want;
    const pleat_report_info info = {.version = "0"};
    OK(pleat_classes_make(names, 2, &classes));
    OK(pleat_results_begin(&classes, 4, pleat_scores_all(), &r));
    pleat_classes_free(&classes);
    r.repeats = 2;
    const int hd = score_named(r.scores, "HD");
    for (size_t i = 0; i < COUNT(judged); i++) {
        pleat_case_result *one = NULL;
        OK(pleat_results_add(&r, judged[i].id, judged[i].fold, "p", "r", &one));
        one->counts[0] = (pleat_counts){10, 0, 0, 10};
        one->counts[1] = (pleat_counts){10, 0, 0, 10};
        one->values[2 * hd + 1] = judged[i].hd;
    }
    OK(pleat_estimates_make(&r, NULL, 1, &e));
    const pleat_estimate *got = pleat_estimates_at(&e, PLEAT_OVER_ALL, hd, 1);
    assert_int_equal(e.groups, 4);
    assert_int_equal(got->cases, 4);
    assert_int_equal(got->judged, 8);
    assert_int_equal(got->n, 4);
    assert_true(fabs(got->mean - 4.5) < 1e-12);
    OK(pleat_interval_t(&(pleat_observed){of_cases, NULL, 4}, PLEAT_LEVEL, &want));
    assert_true(fabs(got->t.low - want.low) < 1e-9 && fabs(got->t.high - want.high) < 1e-9);
    want = pleat_interval_resampled(of_folds, 4, 1.0, PLEAT_LEVEL);
    assert_true(fabs(got->resampled.low - want.low) < 1e-9);
    assert_true(fabs(got->resampled.high - want.high) < 1e-9);
    assert_true(isnan(pleat_estimates_at(&e, 0, hd, 1)->resampled.low)); /* of a fold: none */
    char *text = printed(&e, 1);
    assert_holds(text, "Statistics over all cases (4), each evaluated 2 times\n");
    assert_holds(text, "  spot, small: of 8 evaluations of 4 cases: 8 ok, 0 missed");
    assert_holds(text, "\n    HD, mm        4  4.5 [");
    free(text);
    pleat_estimates_free(&e);
    OK(pleat_figures_run(root, &r, 0));
    text = file_text("figures/distances.gp"); /* a point a case */
    assert_holds(text, "set y2tics ('4' 0)");
    free(text);
    text = file_text("figures/distances.csv");
    assert_holds(text, ",1.5,0,a,HD,");
    free(text);
    OK(pleat_measured_results(&r, &m));
    int found = 0;
    for (int i = 0; i < m.n; i++)
        if (strcmp(m.scores.name[m.list[i].score], "HD") == 0)
            assert_true(m.list[i].x == of_cases[found++]);
    assert_int_equal(found, 4);
    pleat_measured_free(&m);
    OK(pleat_report_write(root, &r, &info));
    text = file_text("cv_results.detailed.csv");
    assert_holds(text, "index,score,rest,\"spot, small\",fold\na,DSC,,,0\n");
    assert_holds(text, "\na,DSC,,,2\n");
    free(text);
    r.cases[4].fold = 1; /* twice in one repeat */
    REFUSED(pleat_report_write(root, &r, &info), PLEAT_ERR_DATA, "case 'a' was scored twice");
    pleat_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_judged_in_two_repeats_stays_one_case),
        cmocka_unit_test(a_miss_is_counted_and_makes_no_mean_better),
        cmocka_unit_test(no_overlap_at_all_is_counted),
        cmocka_unit_test(a_class_missed_in_all_cases_keeps_the_rows_that_punish_it),
        cmocka_unit_test(a_worst_that_is_not_known_gives_no_penalised_mean),
        cmocka_unit_test(intervals_are_over_patients_where_they_are_named),
        cmocka_unit_test(the_files_have_every_case_and_every_state),
        cmocka_unit_test(the_table_says_what_it_covers_and_warns_of_few_cases),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
