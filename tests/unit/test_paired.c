/*
 * test_paired.c - scores read from files of several tools, and compared over the same cases.
 *
 * B is A and ten differences more, whose signed ranks and t test are those of SciPy 1.17.
 */
#include "pleat/paired.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double a_of[10] = {0.83, 0.79, 0.91, 0.62, 0.88, 0.85, 0.77, 0.35, 0.66, 0.71};
static const double more[10] = {0.03, -0.02, 0.06, 0.07, 0.005, 0.061, 0.05, -0.062, 0.021, 0.11};
#define WILCOXON_P 0.083984375         /* scipy.stats.wilcoxon(more, method="exact") */
#define T_TEST_P   0.06672782808796218 /* scipy.stats.ttest_1samp(more, 0) */

static const char *write_text(const char *name, const char *text) {
    static char path[PLEAT_PATH_BYTES];
    OK(pleat_file_write_atomic(in_root(path, name), text, strlen(text)));
    return path;
}

static pleat_measured read_text(const char *name, const char *text) {
    pleat_measured m;
    OK(pleat_measured_read(write_text(name, text), &m));
    return m;
}

/* The value of a case, class and score; NaN as well when there is none. */
static double value_of(const pleat_measured *m, const char *id, const char *class_name,
                       const char *score) {
    const int at = pleat_names_find(&m->cases, id);
    const int label = pleat_names_find(&m->classes, class_name);
    const int s = pleat_names_find(&m->scores, score);
    for (int i = 0; i < m->n; i++)
        if (m->list[i].at == at && m->list[i].label == label && m->list[i].score == s)
            return m->list[i].x;
    return (double)NAN;
}

/* --- files ------------------------------------------------------------------------------------ */

static void every_shape_of_csv_is_read(void **state) {
    (void)state;
    pleat_measured m = read_text("tidy.csv", "fold,case,class,score,value,definition\r\n"
                                             "0,\"a,1\",lung,HD95,2.5,\"medpy, \"\"x\"\"\"\r\n"
                                             "0,\"a,1\",lung,DSC,,\n\n"
                                             "0,b,lung,DSC,0.5,\n");
    assert_int_equal(m.n, 3);
    assert_true(value_of(&m, "a,1", "lung", "HD95") == 2.5);
    assert_true(isnan(value_of(&m, "a,1", "lung", "DSC")));
    assert_true(value_of(&m, "b", "lung", "DSC") == 0.5);
    assert_string_equal(m.definitions.name[m.list[0].definition], "medpy, \"x\"");
    pleat_measured_free(&m);
    m = read_text("detailed.csv", "index,score,rest,lung\na,DSC,0.9,0.8\na,IoU,,0.7\n");
    assert_true(value_of(&m, "a", "lung", "DSC") == 0.8);
    assert_true(value_of(&m, "a", "rest", "DSC") == 0.9);
    assert_true(value_of(&m, "a", "lung", "IoU") == 0.7);
    pleat_measured_free(&m);
    m = read_text("wide.csv", "subject,Dice,HD95,path\ns1,0.8,3,/x/y\ns2,0.7,inf,/x/z\n");
    assert_true(value_of(&m, "s1", "1", "DSC") == 0.8);
    assert_true(value_of(&m, "s1", "1", "HD95") == 3.0);
    assert_true(isnan(value_of(&m, "s2", "1", "HD95")));
    assert_int_equal(pleat_names_find(&m.scores, "path"), -1);
    pleat_measured_free(&m);
    m = read_text("classes.csv", "name,label,Dice\ns1,1,0.8\ns1,2,0.6\n");
    assert_true(value_of(&m, "s1", "2", "DSC") == 0.6);
    pleat_measured_free(&m);
}

/* In every shape: the mean over the folds, as compare takes it of a run; a score that one of them
 * does not have is of the others. */
static void a_case_of_several_folds_has_the_mean(void **state) {
    (void)state;
    static const char *const texts[][2] = {
        {"r.csv", "case,fold,class,score,value\na,0,lung,DSC,0.5\nb,1,lung,DSC,0.7\n"
                  "a,2,lung,DSC,0.9\nb,3,lung,DSC,\na,0,lung,HD95,\na,2,lung,HD95,3\n"},
        {"w.csv", "index,score,rest,lung,fold\na,DSC,1,0.5,0\na,HD95,,,0\nb,DSC,1,0.7,1\n"
                  "a,DSC,1,0.9,2\na,HD95,,3,2\nb,DSC,1,,3\n"},
        {"r.json",
         "{\"repeats\": 2, \"cases\": ["
         "{\"case\": \"a\", \"fold\": 0, \"classes\": {\"lung\": {\"DSC\": 0.5, \"HD95\": null}}},"
         "{\"case\": \"b\", \"fold\": 1, \"classes\": {\"lung\": {\"DSC\": 0.7}}},"
         "{\"case\": \"a\", \"fold\": 2, \"classes\": {\"lung\": {\"DSC\": 0.9, \"HD95\": 3}}},"
         "{\"case\": \"b\", \"fold\": 3, \"classes\": {\"lung\": {\"DSC\": null}}}]}"}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        pleat_measured m = read_text(texts[i][0], texts[i][1]);
        assert_int_equal(m.cases.n, 2);
        assert_true(fabs(value_of(&m, "a", "lung", "DSC") - 0.7) < 1e-12);
        assert_true(value_of(&m, "b", "lung", "DSC") == 0.7);
        assert_true(value_of(&m, "a", "lung", "HD95") == 3.0);
        assert_int_equal(pleat_names_find(&m.scores, "fold"), -1);
        pleat_measured_free(&m);
    }
}

static void nnunets_summary_is_read_with_its_nan(void **state) {
    (void)state;
    static const char text[] =
        "{\"foreground_mean\": {\"Dice\": NaN}, \"mean\": {}, \"metric_per_case\": [\n"
        "{\"metrics\": {\"1\": {\"Dice\": 0.75, \"FN\": 3, \"IoU\": 0.6, \"n_ref\": 9},\n"
        " \"2\": {\"Dice\": NaN, \"FN\": 0}},\n"
        " \"prediction_file\": \"/NaN/pred \\\"x\\\"/case_7.nii.gz\", \"reference_file\": \"r\"}]}";
    pleat_measured m = read_text("summary.json", text);
    assert_int_equal(m.cases.n, 1);
    assert_true(value_of(&m, "case_7", "1", "DSC") == 0.75);
    assert_true(value_of(&m, "case_7", "1", "IoU") == 0.6);
    assert_true(isnan(value_of(&m, "case_7", "2", "DSC")));
    assert_int_equal(pleat_names_find(&m.scores, "FN"), -1);
    assert_true(value_of(&m, "case_7", "1", PLEAT_TRUTH_VOXELS) == 9.0);
    pleat_measured_free(&m);
    m = read_text(
        "ours.json",
        "{\"definitions\": {\"lung\": {\"HD\": \"monai\"}}, \"cases\": [{\"case\": \"a\", "
        "\"classes\": {\"lung\": {\"state\": \"ok\", \"HD\": 4, \"DSC\": null}}}]}");
    assert_true(value_of(&m, "a", "lung", "HD") == 4.0);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.definitions.name[m.list[0].definition], "monai");
    pleat_measured_free(&m);
}

static void what_is_no_file_of_scores_is_refused(void **state) {
    (void)state;
    pleat_measured m;
    REFUSED(pleat_measured_read(write_text("a.csv", "one\n1\n"), &m), PLEAT_ERR_FORMAT, "a.csv");
    REFUSED(pleat_measured_read(write_text("b.csv", "case,Dice\na\n"), &m), PLEAT_ERR_FORMAT,
            "line 2: 1 columns");
    REFUSED(pleat_measured_read(write_text("c.csv", "case,Dice\na,1\na,1\n"), &m), PLEAT_ERR_DATA,
            "c.csv': case 'a' has two values of DSC");
    REFUSED(pleat_measured_read(write_text("f.csv", "case,fold,Dice\na,1,1\nb,0,1\na,1,0.5\n"), &m),
            PLEAT_ERR_DATA, "case 'a' has two values of DSC");
    REFUSED(pleat_measured_read(write_text("d.json", "{\"mean\": 1}"), &m), PLEAT_ERR_FORMAT,
            "metric_per_case");
    REFUSED(pleat_measured_read(write_text("e.csv", "case,Dice\n"), &m), PLEAT_ERR_FORMAT,
            "no scores");
    REFUSED(pleat_measured_read(in_root(NULL, "none.csv"), &m), PLEAT_ERR_NOT_FOUND, "none.csv");
}

/* Refused by file, line and column; the values that a score may just have are not. */
static void what_no_score_can_be_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *told[2];
        pleat_status code;
    } rows[] = {
        {"percent.csv",
         "case,class,score,value\nb,a,DSC,1\nc,a,DSC,50\n",
         {"percent.csv' line 3, column 'value': DSC of 50", "divide them by 100"},
         PLEAT_ERR_DATA},
        {"below.csv",
         "case,Dice\nb,0\nc,-0.5\n",
         {"line 3, column 'Dice'", "0 to 1"},
         PLEAT_ERR_DATA},
        {"above.csv", "case,class,NSD\nb,1,1.5\n", {"line 2, column 'NSD'", ""}, PLEAT_ERR_DATA},
        {"near.csv",
         "case,HD95\nb,-2\n",
         {"line 2, column 'HD95'", "0 mm or more"},
         PLEAT_ERR_DATA},
        {"index.csv", "index,score,lung\na,IoU,7\n", {"line 2, column 'lung'", ""}, PLEAT_ERR_DATA},
        {"hex.csv",
         "case,class,score,value\nb,a,DSC,0x1\n",
         {"line 2, column 'value': '0x1' is no number", "decimal"},
         PLEAT_ERR_FORMAT},
        {"comma.csv",
         "case,Dice\nb,\"0,5\"\n",
         {"column 'Dice': '0,5'", "a point"},
         PLEAT_ERR_FORMAT},
        {"sign.csv", "case,Dice\nb,50 %\n", {"'50 %'", "a share of 1"}, PLEAT_ERR_FORMAT},
        {"words.csv",
         "case,class,score,value\nb,a,DSC,N/A\nc,a,DSC,inf\n",
         {"words.csv' has no number", "all its 2 values"},
         PLEAT_ERR_FORMAT},
        {"ours.json",
         "{\"cases\": [{\"case\": \"a\", \"classes\": {\"lung\": {\"DSC\": 90}}}]}",
         {"ours.json', case 'a', class 'lung': DSC of 90", "percent"},
         PLEAT_ERR_DATA},
        {"theirs.json",
         "{\"metric_per_case\": [{\"metrics\": {\"1\": {\"Dice\": -1}}, \"prediction_file\": "
         "\"c.nii\"}]}",
         {"case 'c', class '1': DSC of -1", ""},
         PLEAT_ERR_DATA}};
    pleat_measured m;
    for (size_t i = 0; i < COUNT(rows); i++) {
        REFUSED(pleat_measured_read(write_text(rows[i].name, rows[i].text), &m), rows[i].code,
                rows[i].told[0]);
        TOLD(rows[i].told[1]);
    }
    m = read_text("just.csv", "case,DSC,HD,VolDiff,day\nb,1.0000001,0,-7e1,2026-11-27\n");
    assert_true(value_of(&m, "b", "1", "VolDiff") == -70.0);
    pleat_measured_free(&m);
}

/* --- comparisons ------------------------------------------------------------------------------ */

/* `factor`: 1 for A, 1 and the differences for B. Cases in another order than `first` says. */
static pleat_measured ten_cases(const char *name, const char *class_name, int with_more,
                                int first) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    (void)fputs("case,class,score,value,definition\n", out);
    for (int k = 0; k < 10; k++) {
        const int i = (first + k) % 10;
        const double x = a_of[i] + (with_more ? more[i] : 0.0);
        (void)fprintf(out, "p%d_c%d,%s,DSC,%.17g,\n", i / 2, i, class_name, x);
        (void)fprintf(out, "p%d_c%d,%s,HD95,", i / 2, i, class_name);
        if (i != 3 || !with_more) (void)fprintf(out, "%d", 10 - with_more);
        (void)fprintf(out, ",%s\n", with_more ? "monai" : "deepmind");
        (void)fprintf(out, "p%d_c%d,%s,ASSD,", i / 2, i, class_name);
        if (i != 3 || !with_more) (void)fprintf(out, "%d", 10 - with_more);
        (void)fputs(",deepmind\n", out);
        (void)fprintf(out, "p%d_c%d,background,DSC,0.99,\n", i / 2, i);
    }
    assert_int_equal(fclose(out), 0);
    pleat_measured m = read_text(name, text);
    free(text);
    return m;
}

static void a_comparison_agrees_with_scipy(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    pleat_measured of[2] = {ten_cases("A.csv", "lung", 0, 0), ten_cases("B.csv", "lung", 1, 7)};
    pleat_comparison c;
    OK(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c));
    assert_int_equal(c.n, 2); /* HD95 is of two definitions */
    assert_int_equal(c.unlike, 1);
    assert_non_null(strstr(c.what, "HD95 of lung is 'deepmind' in 'A', 'monai' in 'B'"));
    const pleat_paired *dsc = &c.row[0], *assd = &c.row[1];
    assert_string_equal(dsc->score, "DSC");
    assert_string_equal(dsc->class_name, "lung");
    assert_true(dsc->n == 10 && dsc->higher == 8 && dsc->lower == 2 && dsc->left_out == 0);
    assert_true(fabs(dsc->wilcoxon.p - WILCOXON_P) < 1e-6);
    assert_true(fabs(dsc->p_holm - WILCOXON_P) < 1e-6);
    assert_true(fabs(dsc->false_ranking - 0.5 * T_TEST_P) < 1e-6);
    assert_true(fabs(dsc->mean - 0.0325) < 1e-9 && fabs(dsc->mean_a - 0.737) < 1e-9);
    pleat_interval want;
    OK(pleat_interval_bca(&(pleat_observed){more, NULL, 10}, 0.95, PLEAT_RESAMPLES, 1, &want));
    assert_true(fabs(dsc->bca.low - want.low) < 1e-6 && fabs(dsc->bca.high - want.high) < 1e-6);
    assert_true(assd->n == 9 && assd->left_out == 1 && assd->lower == 9); /* B has missed one */
    pleat_measured turned[2] = {ten_cases("C.csv", "lung", 0, 4), ten_cases("D.csv", "lung", 1, 1)};
    pleat_comparison again;
    OK(pleat_compare_sets(turned, names, 2, NULL, NULL, 1, &again));
    assert_true(again.row[0].bca.low == dsc->bca.low && again.row[0].bca.high == dsc->bca.high);
    pleat_comparison_free(&again);
    pleat_comparison_free(&c);
    for (int i = 0; i < 2; i++) {
        pleat_measured_free(&of[i]);
        pleat_measured_free(&turned[i]);
    }
}

static char *printed(const pleat_comparison *c, int form) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    if (form == 0) pleat_comparison_print(out, c, 0);
    if (form == 1) OK(pleat_comparison_csv(out, c));
    if (form == 2) OK(pleat_comparison_json(out, c));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_table_stays_in_its_columns_and_warns_where_no_difference_was_found(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    static const char missed[] = "warning: with 10 cases, fewer than 50, a real difference may be "
                                 "missed\n";
    pleat_measured of[2] = {ten_cases("A.csv", "the left lung's upper lobe", 0, 0),
                            ten_cases("B.csv", "the left lung's upper lobe", 1, 7)};
    pleat_comparison c;
    OK(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c));
    c.row[0].mean_a = 123456.789;
    c.row[0].mean_b = -1.23456e-7;
    char *text = printed(&c, 0);
    assert_columns(text, "    ", "    the left lung's upper lobe");
    assert_non_null(strstr(text, "  wrong sign\n"));
    assert_non_null(strstr(text, "wrong sign: how likely the true"));
    assert_non_null(strstr(text, missed)); /* p is 0.08 */
    free(text);
    for (int i = 0; i < c.n; i++) c.row[i].p_holm = 0.01;
    text = printed(&c, 0);
    assert_null(strstr(text, missed));
    free(text);
    pleat_comparison_free(&c);
    for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
}

static void patients_are_drawn_and_ranked_as_one(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    pleat_measured of[2] = {ten_cases("A.csv", "lung", 0, 0), ten_cases("B.csv", "lung", 1, 7)};
    pleat_comparison c;
    OK(pleat_compare_sets(of, names, 2, NULL, "^(p[0-9])", 1, &c));
    assert_int_equal(c.groups, 5);
    assert_int_equal(c.row[0].wilcoxon.n, 5);
    /* Means of pairs: 0.005, 0.065, 0.033, -0.006, 0.0655: only the second smallest is minus. */
    assert_true(c.row[0].wilcoxon.minus == 2.0);
    assert_true(fabs(c.row[0].wilcoxon.p - 2.0 * 3 / 32) < 1e-12);
    assert_true(c.row[0].n == 10);
    pleat_comparison_free(&c);
    for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
}

/* Differences of 0.1, as far as doubles have it, of which 4 are for B and 3 for A, and one that is
 * no difference; then by patients, the first of whom has one of each. */
static void rounding_neither_makes_nor_breaks_a_tie(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    pleat_measured of[2] = {
        read_text("A.csv", "case,DSC\np0_a,.5\np1_b,.6\np2_c,.7\np3_d,.8\np0_e,.4\np4_f,.3\n"
                           "p5_g,.9\np6_h,.30000000000000004\n"),
        read_text("B.csv", "case,DSC\np0_a,.6\np1_b,.7\np2_c,.8\np3_d,.9\np0_e,.3\np4_f,.2\n"
                           "p5_g,.8\np6_h,.3\n")};
    pleat_comparison c;
    OK(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c));
    const pleat_paired *row = &c.row[0];
    assert_true(row->higher == 4 && row->lower == 3 && row->equal == 1);
    assert_true(row->wilcoxon.plus == 16.0 && row->wilcoxon.minus == 12.0);
    assert_true(row->wilcoxon.p == 1.0 && row->p_holm == 1.0);
    pleat_comparison_free(&c);
    OK(pleat_compare_sets(of, names, 2, NULL, "^(p[0-9])", 1, &c));
    assert_int_equal(c.row[0].wilcoxon.n, 5); /* the mean of the first is 0 */
    assert_true(c.row[0].wilcoxon.plus == 9.0 && c.row[0].wilcoxon.minus == 6.0);
    pleat_comparison_free(&c);
    for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
}

static void a_class_may_be_called_by_its_label(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B", "C"};
    pleat_measured of[3] = {ten_cases("A.csv", "lung", 0, 0), ten_cases("B.csv", "1", 1, 7),
                            ten_cases("C.csv", "lung", 1, 2)};
    pleat_classes classes;
    pleat_comparison c;
    OK(pleat_classes_parse("background,lung", &classes));
    OK(pleat_compare_sets(of, names, 3, &classes, NULL, 1, &c));
    assert_int_equal(c.n, 4); /* DSC with B and C, ASSD with B and C */
    assert_true(c.row[0].b == 1 && c.row[1].b == 2);
    assert_true(fabs(c.row[1].p_holm - 2 * WILCOXON_P) < 1e-6); /* two tests of one score */
    pleat_comparison_free(&c);
    REFUSED(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c), PLEAT_ERR_DATA, "in common");
    pleat_classes_free(&classes);
    for (int i = 0; i < 3; i++) pleat_measured_free(&of[i]);
}

static void other_cases_are_refused_and_named(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    pleat_measured of[2] = {read_text("A.csv", "case,Dice\na,1\nb,1\nc,1\n"),
                            read_text("B.csv", "case,Dice\na,1\nd,1\n")};
    pleat_comparison c;
    REFUSED(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c), PLEAT_ERR_DATA,
            "2 only in the first (b, c), 1 only in the second (d)");
    pleat_measured_free(&of[1]);
    of[1] = read_text("B.csv", "case,Dice\na,1\nb,1\nc,1\nd,1\n");
    REFUSED(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c), PLEAT_ERR_DATA,
            "not of the same cases: 1 only in the second (d); compare");
    for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
}

static void another_truth_is_refused_and_its_cases_named(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"};
    static const char json[] = /* 12 voxels of 2 mm3 */
        "{\"cases\": [{\"case\": \"a\", \"grid\": {\"size\": [9, 9, 9], \"spacing\": [1, 1, 2]}, "
        "\"classes\": {\"1\": {\"state\": \"ok\", \"DSC\": 1, \"TruthVol\": 0.024}}}]}";
    static const char *const of_nnunet =
        "{\"metric_per_case\": [{\"metrics\": {\"1\": {\"Dice\": 1, \"n_ref\": %d}}, "
        "\"prediction_file\": \"a.nii.gz\"}]}";
    for (int voxels = 12; voxels < 14; voxels++) {
        char summary[256];
        (void)snprintf(summary, sizeof summary, of_nnunet, voxels);
        pleat_measured of[2] = {read_text("A.json", json), read_text("B.json", summary)};
        pleat_comparison c = {0};
        if (voxels == 12) OK(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c));
        if (voxels == 12) assert_int_equal(c.n, 1); /* the size of the truth is no score */
        if (voxels == 13)
            REFUSED(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c), PLEAT_ERR_DATA,
                    "different truths: 1 case is of another size in them (a)");
        pleat_comparison_free(&c);
        for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
    }
}

static void the_table_says_what_was_left_out(void **state) {
    (void)state;
    static const char *const names[] = {"A", "B"}, *const wanted[3][4] = {
                                                       {"A: A\nB: B\n", "  0.737  0.7695  +0.0325",
                                                        "8 : 2", "not compared, since HD95"},
                                                       {"a,b,score,class,n,",
                                                        "\nA,B,DSC,lung,10,0,8,2,0,1,0.737,",
                                                        "\nA,B,ASSD,lung,9,1,", ""},
                                                       {"\"schema\": \"pleat/comparison/1\"",
                                                        "\"false_ranking\": 0.0333639",
                                                        "\"cases\": 10", ""},
                                                   };
    pleat_measured of[2] = {ten_cases("A.csv", "lung", 0, 0), ten_cases("B.csv", "lung", 1, 7)};
    pleat_comparison c;
    OK(pleat_compare_sets(of, names, 2, NULL, NULL, 1, &c));
    for (int form = 0; form < 3; form++) {
        char *text = printed(&c, form);
        for (int k = 0; k < 4; k++)
            if (strstr(text, wanted[form][k]) == NULL)
                fail_msg("no '%s' in:\n%s", wanted[form][k], text);
        if (form == 0) assert_non_null(strstr(text, "1 more score: --all-scores"));
        if (form == 0) assert_null(strstr(text, "left out")); /* that is of ASSD, not printed */
        free(text);
    }
    pleat_comparison_free(&c);
    for (int i = 0; i < 2; i++) pleat_measured_free(&of[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_csv_is_read),
        cmocka_unit_test(a_case_of_several_folds_has_the_mean),
        cmocka_unit_test(nnunets_summary_is_read_with_its_nan),
        cmocka_unit_test(what_is_no_file_of_scores_is_refused),
        cmocka_unit_test(what_no_score_can_be_is_refused),
        cmocka_unit_test(a_comparison_agrees_with_scipy),
        cmocka_unit_test(the_table_stays_in_its_columns_and_warns_where_no_difference_was_found),
        cmocka_unit_test(patients_are_drawn_and_ranked_as_one),
        cmocka_unit_test(rounding_neither_makes_nor_breaks_a_tie),
        cmocka_unit_test(a_class_may_be_called_by_its_label),
        cmocka_unit_test(other_cases_are_refused_and_named),
        cmocka_unit_test(another_truth_is_refused_and_its_cases_named),
        cmocka_unit_test(the_table_says_what_was_left_out),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
