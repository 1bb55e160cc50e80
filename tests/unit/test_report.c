/* test_report.c - the result files and the table against text worked out elsewhere.
 *
 * Three cases in two folds, 100 voxels each; every expected number below was computed from these
 * counts with Python's own division and statistics module. "a" has no infection at all, "c,1"
 * has none in the truth and a comma in its name. */
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/report.h"
#include "support.h"
#include "support_results.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const original_names[] = {"background", "lung_L", "lung_R", "infection"};

static const counted three[] = {
    {"b", 0, {{70, 5, 5, 20}, {8, 2, 2, 88}, {3, 1, 1, 95}, {4, 1, 0, 95}}, "p/b", "r/b"},
    {"c,1", 1, {{60, 0, 0, 40}, {10, 0, 0, 90}, {10, 0, 10, 80}, {0, 4, 0, 96}}, "p/c", "r/c"},
    {"a", 0, {{80, 2, 3, 15}, {4, 1, 1, 94}, {6, 2, 0, 92}, {0, 0, 0, 100}}, "p/a", "r/a"},
};

static const pleat_report_info info = {"0.1.0", "pleat run x.yaml",      "00ff",    "ref",
                                       "f32",   "best by training loss", UINT64_MAX};

/* Of cases[n] of the original's classes. */
static void write_report(const char *folder, const counted *cases, int n, int folds) {
    pleat_results results = counted_results(cases, n, original_names, 4, folds);
    OK(pleat_report_write(folder, &results, &info));
    pleat_results_free(&results);
}

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

static char *text_of(const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    OK(pleat_path(path, sizeof path, "%s/%s", folder, name));
    OK(pleat_file_read_all(path, &text, NULL));
    return text;
}

static void assert_text(const char *folder, const char *name, const char *want) {
    char *text = text_of(folder, name);
    assert_string_equal(text, want);
    free(text);
}

static const char detailed_of_a_and_b[] =
    "index,score,background,lung_L,lung_R,infection\n"
    "a,DSC,0.9696969696969697,0.8,0.8571428571428571,\n"
    "a,IoU,0.9411764705882353,0.6666666666666666,0.75,\n"
    "a,Sens,0.963855421686747,0.8,1,\n"
    "a,Spec,0.8823529411764706,0.9894736842105263,0.9787234042553191,1\n"
    "a,Prec,0.975609756097561,0.8,0.75,\n"
    "a,Acc,0.95,0.98,0.98,1\n"
    "b,DSC,0.9333333333333333,0.8,0.75,0.8888888888888888\n"
    "b,IoU,0.875,0.6666666666666666,0.6,0.8\n"
    "b,Sens,0.9333333333333333,0.8,0.75,1\n"
    "b,Spec,0.8,0.9777777777777777,0.9895833333333334,0.9895833333333334\n"
    "b,Prec,0.9333333333333333,0.8,0.75,0.8\n"
    "b,Acc,0.9,0.96,0.98,0.99\n";

/* The rows of a scores.csv that the original has too. */
static void keep_originals(char *text) {
    char *to = text;
    for (char *line = text, *end = NULL; *line != '\0'; line = end) {
        end = strchr(line, '\n') + 1;
        static const char *const names[] = {"score", "DSC", "IoU", "Sens", "Spec", "Prec", "Acc"};
        const char *name = strchr(line, ',') + 1;
        int kept = 0;
        for (size_t i = 0; i < COUNT(names); i++)
            kept |= strncmp(name, names[i], strlen(names[i])) == 0 && name[strlen(names[i])] == ',';
        if (!kept) continue;
        memmove(to, line, (size_t)(end - line));
        to += end - line;
    }
    *to = '\0';
}

static const char detailed_of_c[] = "\"c,1\",DSC,1,1,0.6666666666666666,0\n"
                                    "\"c,1\",IoU,1,1,0.5,0\n"
                                    "\"c,1\",Sens,1,1,0.5,\n"
                                    "\"c,1\",Spec,1,1,1,0.96\n"
                                    "\"c,1\",Prec,1,1,1,0\n"
                                    "\"c,1\",Acc,1,1,0.9,0.96\n";

static void test_the_detailed_csv_has_six_rows_per_case_by_id_and_empty_undefined(void **state) {
    (void)state;
    char want[2048];
    const char *folder = folder_named("csv");
    write_report(folder, three, 3, 2);
    (void)snprintf(want, sizeof want, "%s%s", detailed_of_a_and_b, detailed_of_c);
    assert_text(folder, "cv_results.detailed.csv", want);
}

static void test_the_final_csv_joins_the_lungs_of_the_originals_classes(void **state) {
    (void)state;
    const char *folder = folder_named("lungs");
    write_report(folder, three, 3, 2);
    assert_text(folder, "cv_results.final.csv",
                "score,background,infection,lungs,fold\n"
                "Acc,0.925,0.995,0.975,fold_0\n"
                "DSC,0.9515151515151515,0.8888888888888888,0.8017857142857143,fold_0\n"
                "IoU,0.9080882352941176,0.8,0.6708333333333334,fold_0\n"
                "Prec,0.9544715447154472,0.8,0.775,fold_0\n"
                "Sens,0.9485943775100402,1,0.8375,fold_0\n"
                "Spec,0.8411764705882353,0.9947916666666667,0.9838895498942392,fold_0\n"
                "Acc,1,0.96,0.95,fold_1\n"
                "DSC,1,0,0.8333333333333333,fold_1\n"
                "IoU,1,0,0.75,fold_1\n"
                "Prec,1,0,1,fold_1\n"
                "Sens,1,,0.75,fold_1\n"
                "Spec,1,0.96,1,fold_1\n");
}

static void
test_the_final_csv_keeps_other_classes_and_leaves_out_a_fold_without_cases(void **state) {
    (void)state;
    const char *const names[] = {"rest", "anterior"};
    const counted one = {"x", 1, {{3, 1, 0, 0}, {0, 0, 1, 3}}, "", ""};
    pleat_results results = counted_results(&one, 1, names, 2, 3);
    const char *folder = folder_named("other");
    OK(pleat_report_write(folder, &results, &info));
    pleat_results_free(&results);
    assert_text(folder, "cv_results.final.csv",
                "score,rest,anterior,fold\n"
                "Acc,0.75,0.75,fold_1\n"
                "DSC,0.8571428571428571,0,fold_1\n"
                "IoU,0.75,0,fold_1\n"
                "Prec,0.75,,fold_1\n"
                "Sens,1,0,fold_1\n"
                "Spec,0,1,fold_1\n");
}

/* The number or null at a path of keys, a digit being an index. */
static void assert_at(const json_t *at, const char *path, double want) {
    char keys[128], *rest = NULL;
    (void)snprintf(keys, sizeof keys, "%s", path);
    for (char *key = strtok_r(keys, "/", &rest); key != NULL; key = strtok_r(NULL, "/", &rest))
        at = json_is_array(at) ? json_array_get(at, (size_t)(key[0] - '0'))
                               : json_object_get(at, key);
    if (isnan(want) ? !json_is_null(at)
                    : !json_is_number(at) || fabs(json_number_value(at) - want) > 1e-14)
        fail_msg("%s is %s%.17g, not %.17g", path, at == NULL ? "absent " : "",
                 json_number_value(at), want);
}

static void test_summary_json_has_nnunets_keys_and_means(void **state) {
    (void)state;
    static const char *const keys[] = {"Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"};
    const char *folder = folder_named("nnunet");
    write_report(folder, three, 3, 2);
    char *text = text_of(folder, "summary.json");
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(json);
    const json_t *cases = json_object_get(json, "metric_per_case");
    assert_int_equal(json_array_size(cases), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(cases, i), *metrics = json_object_get(one, "metrics");
        const char *const prediction[] = {"p/a", "p/b", "p/c"};
        assert_int_equal(json_object_size(one), 3);
        assert_int_equal(json_object_size(metrics), 3); /* labels 1 to 3, no background */
        assert_string_equal(json_string_value(json_object_get(one, "prediction_file")),
                            prediction[i]);
        for (size_t k = 0; k < 8; k++) {
            const json_t *value = json_object_get(json_object_get(metrics, "1"), keys[k]);
            const int is_score = strcmp(keys[k], "Dice") == 0 || strcmp(keys[k], "IoU") == 0;
            assert_true(is_score ? json_is_real(value) : json_is_integer(value));
        }
        assert_int_equal(json_object_size(json_object_get(metrics, "1")), 8);
    }
    assert_at(json, "metric_per_case/0/metrics/3/Dice", (double)NAN);
    assert_at(json, "metric_per_case/0/metrics/2/Dice", 6.0 / 7);
    assert_at(json, "metric_per_case/0/metrics/2/FP", 2);
    assert_at(json, "metric_per_case/2/metrics/2/FN", 10);
    assert_at(json, "metric_per_case/2/metrics/2/n_pred", 10);
    assert_at(json, "metric_per_case/2/metrics/2/n_ref", 20);
    assert_at(json, "mean/1/Dice", 2.6 / 3);
    assert_at(json, "mean/2/TP", 19.0 / 3);
    assert_at(json, "mean/3/Dice", 4.0 / 9); /* of 8/9 and 0; one is undefined */
    assert_at(json, "mean/3/TN", 97);
    assert_at(json, "foreground_mean/Dice", (2.6 / 3 + 0.7579365079365079 + 4.0 / 9) / 3);
    assert_at(json, "foreground_mean/TP", (22.0 + 19 + 4) / 9);
    json_decref(json);
}

static void test_summary_json_adds_spread_folds_and_what_made_it(void **state) {
    (void)state;
    const char *folder = folder_named("ours");
    write_report(folder, three, 3, 2);
    char *text = text_of(folder, "summary.json");
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    assert_at(json, "std/0/Dice", 0.03337921543809758);
    assert_at(json, "std/3/Sens", (double)NAN); /* one value alone */
    assert_at(json, "median/2/Sens", 0.75);
    assert_at(json, "mean_scores/1/Spec", 0.989083820662768);
    assert_at(json, "undefined/3/Sens", 2);
    assert_at(json, "undefined/3/Dice", 1);
    assert_at(json, "undefined/0/Dice", 0);
    assert_at(json, "folds", 2);
    assert_at(json, "per_fold/1/fold", 1);
    assert_at(json, "per_fold/0/mean/0/Dice", (32.0 / 33 + 14.0 / 15) / 2);
    assert_at(json, "per_fold/0/median/3/Dice", 8.0 / 9);
    assert_at(json, "headline/lungs/Dice", 0.8175595238095238);
    assert_at(json, "headline/infection/Sens", 1);
    const json_t *run = json_object_get(json, "run");
    assert_string_equal(json_string_value(json_object_get(run, "weights")),
                        "best by training loss");
    assert_string_equal(json_string_value(json_object_get(run, "seed")), "18446744073709551615");
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "pleat/summary/1");
    const json_t *names = json_object_get(json, "classes");
    assert_string_equal(json_string_value(json_object_get(names, "3")), "infection");
    json_decref(json);
}

static void assert_same_case(const pleat_results *got, int i, const counted *want) {
    assert_string_equal(got->cases[i].id, want->id);
    assert_string_equal(got->cases[i].prediction, want->prediction);
    assert_string_equal(got->cases[i].reference, want->reference);
    assert_int_equal(got->cases[i].fold, want->fold);
    assert_memory_equal(got->cases[i].counts, want->counts, sizeof want->counts);
}

static void test_a_fold_is_read_back_exactly_as_written(void **state) {
    (void)state;
    const int64_t huge = INT64_C(9007199254740993); /* 2^53 + 1: lost if it passed a double */
    counted fold0[] = {three[0], three[2]};
    for (int c = 0; c < 4; c++) fold0[0].counts[c].tn += huge - three[0].counts[0].tn;
    const char *folder = folder_named("fold_0");
    pleat_results got = counted_results(NULL, 0, original_names, 4, 2);
    REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_NOT_FOUND, "scores.json");
    write_fold(folder, fold0, 2);
    OK(pleat_report_read_fold(folder, 0, &got, NULL));
    assert_int_equal(got.n, 2);
    assert_same_case(&got, 0, &fold0[1]); /* by id: a before b */
    assert_same_case(&got, 1, &fold0[0]);
    assert_true(pleat_results_at(&got, 1, 0, 1).x == 0.8); /* and its scores are known again */
    REFUSED(pleat_report_read_fold(folder, 1, &got, NULL), PLEAT_ERR_DATA,
            "of fold 0, not of fold 1");
    pleat_results_free(&got);
    got = counted_results(NULL, 0, original_names, 3, 2);
    REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_DATA,
            "4 classes, the run has 3");
    pleat_results_free(&got);
    fold0[0] = three[0];
    write_fold(folder, fold0, 2);
    char *text = text_of(folder, "scores.csv");
    assert_non_null(strstr(text, "\na,HD95,,,,\n")); /* not known, where only counts are */
    keep_originals(text);
    assert_string_equal(text, detailed_of_a_and_b);
    free(text);
}

static void test_a_damaged_fold_is_refused_naming_the_file(void **state) {
    (void)state;
    static const char *const damaged[] = {
        "{\"schema\": \"pleat/scores/1\"",
        "[]",
        "{\"schema\": \"other\", \"fold\": 0, \"classes\": [\"a\"], \"cases\": [{}]}",
        "{\"schema\": \"pleat/scores/1\", \"fold\": 0, \"classes\": [], \"cases\": [{}]}",
        "{\"schema\": \"pleat/scores/1\", \"fold\": 0, \"classes\": [\"a\"], \"cases\": []}",
        "{\"schema\": \"pleat/scores/1\", \"fold\": 0, \"classes\": [\"a\"], \"cases\": [{}]}",
    };
    const char *folder = folder_named("damaged");
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/scores.json", folder));
    const char *const one[] = {"a"};
    for (size_t i = 0; i < COUNT(damaged); i++) {
        pleat_results got = counted_results(NULL, 0, one, 1, 1);
        OK(pleat_file_write_atomic(path, damaged[i], strlen(damaged[i])));
        REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_FORMAT, path);
        assert_int_equal(got.n, 0);
        pleat_results_free(&got);
    }
}

/* Sets the false positives of class 2 of the first case of the folder's scores, and seals them. */
static void set_count(const char *folder, int64_t fp) {
    char path[PLEAT_PATH_BYTES], *text = text_of(folder, "scores.json");
    OK(pleat_path(path, sizeof path, "%s/scores.json", folder));
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    const json_t *first = json_array_get(json_object_get(json, "cases"), 0);
    json_t *counts = json_array_get(json_object_get(first, "counts"), 2);
    assert_int_equal(json_object_set_new(counts, "fp", json_integer(fp)), 0);
    OK(pleat_json_seal(json, "pleat/scores/2"));
    text = json_dumps(json, 0);
    json_decref(json);
    OK(pleat_file_write_atomic(path, text, strlen(text)));
    free(text);
}

static void test_a_count_that_cannot_be_is_refused(void **state) {
    (void)state;
    const char *folder = folder_named("negative");
    static const int64_t wrong[] = {-1, INT64_MAX - 1}; /* the sums of the second would overflow */
    pleat_results got = counted_results(NULL, 0, original_names, 4, 1);
    write_fold(folder, three, 1);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        set_count(folder, wrong[i]);
        REFUSED(pleat_report_read_fold(folder, 0, &got, NULL), PLEAT_ERR_FORMAT, "case 0");
    }
    set_count(folder, three[0].counts[2].fp);
    OK(pleat_report_read_fold(folder, 0, &got, NULL));
    pleat_results_free(&got);
}

/* Reports cases[n] in `folds` folds, which is refused. */
static void assert_refused_results(const char *folder, const counted *cases, int n, int folds,
                                   pleat_status status, const char *text) {
    pleat_results results = counted_results(cases, n, original_names, 4, folds);
    REFUSED(pleat_report_write(folder, &results, &info), status, text);
    pleat_results_free(&results);
}

static void test_results_that_do_not_belong_together_are_refused(void **state) {
    (void)state;
    const char *folder = folder_named("refused");
    const counted twice[] = {three[0], three[0]};
    assert_refused_results(folder, three, 0, 2, PLEAT_ERR_ARG, "no case results");
    assert_refused_results(folder, three, 3, 1, PLEAT_ERR_ARG, "'c,1' is of fold 1");
    assert_refused_results(folder, twice, 2, 2, PLEAT_ERR_DATA, "'b' was scored twice");
    pleat_results results = counted_results(three, 3, original_names, 4, 2);
    REFUSED(pleat_report_write_fold(folder, &results, NULL), PLEAT_ERR_ARG, "several folds");
    pleat_results_free(&results);
    assert_int_equal(rmdir(folder), 0); /* nothing was written */
}

static void test_text_that_is_not_utf8_does_not_lose_the_results(void **state) {
    (void)state;
    counted latin = three[0];
    const char *folder = folder_named("latin");
    latin.prediction = "/donn\xe9"
                       "es/b.nii.gz";
    write_fold(folder, &latin, 1);
    write_report(folder, &latin, 1, 1);
    pleat_results got = counted_results(NULL, 0, original_names, 4, 1);
    OK(pleat_report_read_fold(folder, 0, &got, NULL));
    assert_string_equal(got.cases[0].prediction, "/donn?es/b.nii.gz");
    assert_int_equal(got.cases[0].counts[3].tp, 4);
    pleat_results_free(&got);
}

static void test_a_comparison_has_a_column_a_variant_and_quotes_its_names(void **state) {
    (void)state;
    const char *folder = folder_named("ablation");
    const char *const names[] = {"rest", "left \"upper\", lobe"};
    const counted cases[] = {{"a,1", 0, {{3, 1, 0, 0}, {0, 0, 1, 3}}, "", ""},
                             {"b", 0, {{1, 2, 0, 1}, {0, 0, 0, 4}}, "", ""}};
    pleat_results first = counted_results(cases, 2, names, 2, 1);
    pleat_results second = counted_results(cases, 1, names, 2, 1);
    const pleat_report_variant variants[] = {{"none", &first}, {"x, y", &second}};
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    OK(pleat_report_compare(out, folder, variants, 2));
    assert_int_equal(fclose(out), 0);
    /* Of the rest: 6/7 and 1/2, to ten digits; of the lobe: 0, and 0/0. */
    assert_string_equal(text, "\nDSC, median over the cases\n"
                              "                           rest left \"upper\"\n"
                              "  none                   0.6786       0.0000\n"
                              "  x, y                   0.8571       0.0000\n");
    free(text);
    text = text_of(folder, "ablation.csv");
    assert_non_null(strstr(text, "score,class,none,\"x, y\"\n"
                                 "DSC,rest,0.6785714286,0.8571428571\n"
                                 "DSC,\"left \"\"upper\"\", lobe\",0,0\n"
                                 "IoU,rest,"));
    free(text);
    text = text_of(folder, "ablation.detailed.csv");
    assert_non_null(strstr(text, "variant,index,score,rest,\"left \"\"upper\"\", lobe\"\n"
                                 "none,\"a,1\",DSC,0.8571428571,0\n"));
    assert_non_null(strstr(text, "none,b,DSC,0.5,\n"));
    assert_non_null(strstr(text, "\"x, y\",\"a,1\",DSC,0.8571428571,0\n"));
    free(text);
    pleat_results_free(&first);
    pleat_results_free(&second);
}

static void test_what_a_spreadsheet_would_compute_is_text(void **state) {
    (void)state;
    static const char *const names[] = {"=1+1", "-x"};
    static const counted cases[] = {{"=HYPERLINK(\"u\")", 0, {{3, 1, 0, 0}, {0, 0, 1, 3}}, "", ""},
                                    {"@a", 0, {{1, 2, 0, 1}, {0, 0, 0, 4}}, "", ""},
                                    {"a-b", 0, {{1, 2, 0, 1}, {0, 0, 0, 4}}, "", ""}};
    const char *folder = folder_named("formulas");
    pleat_results results = counted_results(cases, 3, names, 2, 1);
    OK(pleat_report_write(folder, &results, &info));
    char *text = text_of(folder, "cv_results.detailed.csv");
    assert_non_null(strstr(text, ",\"'=1+1\",\"'-x\""));
    assert_non_null(strstr(text, "\n\"'=HYPERLINK(\"\"u\"\")\",DSC,0."));
    assert_non_null(strstr(text, "\n\"'@a\",DSC,0.5,"));
    assert_non_null(strstr(text, "\na-b,DSC,0.5,"));
    free(text);
    pleat_results_free(&results);
}

static char *printed(const counted *cases, int n, const char *const *names, int classes, int folds,
                     int verbose) {
    char *text = NULL;
    size_t bytes = 0;
    pleat_results results = counted_results(cases, n, names, classes, folds);
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    OK(pleat_report_print(out, &results, verbose));
    assert_int_equal(fclose(out), 0);
    pleat_results_free(&results);
    return text;
}

static void test_the_table_is_aligned_and_says_what_was_left_out(void **state) {
    (void)state;
    char *text = printed(three, 3, original_names, 4, 2, 0);
    assert_string_equal(
        text,
        "Dice (DSC)\n"
        "             cases  background  lung_L  lung_R  infection  foreground\n"
        "  fold 0         2      0.9515  0.8000  0.8036     0.8889      0.8308\n"
        "  fold 1         1      1.0000  1.0000  0.6667     0.0000      0.5556\n"
        "  mean           3      0.9677  0.8667  0.7579     0.4444      0.6897\n"
        "  SD                    0.0334  0.1155  0.0955     0.6285\n"
        "  median                0.9697  0.8000  0.7500     0.4444\n"
        "  undefined                  0       0       0          1\n"
        "  DSC, mean over folds of the fold medians (convention of Mueller et al. 2021):\n"
        "    background 0.9758, infection 0.4444, lungs 0.8176\n"
        "\n"
        "Mean foreground Dice: 0.6897 (3 cases, 2 folds; undefined scores, 0/0, are left out)\n");
    free(text);
}

static void test_one_fold_prints_no_rows_of_folds_and_verbose_prints_six_blocks(void **state) {
    (void)state;
    static const char *const titles[] = {"Dice (DSC)\n",         "Intersection over union (IoU)\n",
                                         "Sensitivity (Sens)\n", "Specificity (Spec)\n",
                                         "Precision (Prec)\n",   "Accuracy (Acc)\n"};
    const char *const names[] = {"rest", "l\u00e9sion"}; /* an accent is two bytes, one column */
    const counted one = {"x", 0, {{3, 1, 0, 0}, {0, 0, 0, 4}}, "", ""};
    char *text = printed(&one, 1, names, 2, 1, 1);
    const char *at = text;
    for (size_t i = 0; i < COUNT(titles); i++) {
        at = strstr(at, titles[i]);
        assert_non_null(at);
    }
    const char dice[] = "Dice (DSC)\n"
                        "             cases    rest  l\u00e9sion  foreground\n"
                        "  mean           1  0.8571       -           -\n"
                        "  SD                     -       -\n"
                        "  median            0.8571       -\n"
                        "  undefined              0       1\n"
                        "\n";
    assert_memory_equal(text, dice, sizeof dice - 1);
    assert_null(strstr(text, "fold"));
    assert_non_null(strstr(text, "Mean foreground Dice: undefined (1 case; it is over all classes, "
                                 "and in no case is one defined, but 0/0, of l\u00e9sion)\n"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_detailed_csv_has_six_rows_per_case_by_id_and_empty_undefined),
        cmocka_unit_test(test_the_final_csv_joins_the_lungs_of_the_originals_classes),
        cmocka_unit_test(
            test_the_final_csv_keeps_other_classes_and_leaves_out_a_fold_without_cases),
        cmocka_unit_test(test_summary_json_has_nnunets_keys_and_means),
        cmocka_unit_test(test_summary_json_adds_spread_folds_and_what_made_it),
        cmocka_unit_test(test_a_fold_is_read_back_exactly_as_written),
        cmocka_unit_test(test_a_damaged_fold_is_refused_naming_the_file),
        cmocka_unit_test(test_a_count_that_cannot_be_is_refused),
        cmocka_unit_test(test_results_that_do_not_belong_together_are_refused),
        cmocka_unit_test(test_text_that_is_not_utf8_does_not_lose_the_results),
        cmocka_unit_test(test_what_a_spreadsheet_would_compute_is_text),
        cmocka_unit_test(test_a_comparison_has_a_column_a_variant_and_quotes_its_names),
        cmocka_unit_test(test_the_table_is_aligned_and_says_what_was_left_out),
        cmocka_unit_test(test_one_fold_prints_no_rows_of_folds_and_verbose_prints_six_blocks),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
