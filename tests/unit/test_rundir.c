/* test_rundir.c - where a run's files are, as docs/cli.md lists them. */
#include "pleat/rundir.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static void the_files_of_a_run_are_where_the_manual_says(void **state) {
    (void)state;
    static const struct {
        pleat_run_file file;
        const char *path;
    } files[] = {
        {PLEAT_RUN_CONFIG, "RUN/config.yaml"},
        {PLEAT_RUN_RECORD, "RUN/run.json"},
        {PLEAT_RUN_SPLITS, "RUN/splits_final.json"},
        {PLEAT_RUN_STOP, "RUN/STOP"},
        {PLEAT_RUN_LOGS, "RUN/log"},
        {PLEAT_RUN_STORE, "RUN/store"},
        {PLEAT_RUN_STORE_RAW, "RUN/store-raw"},
        {PLEAT_RUN_DETAILED, "RUN/cv_results.detailed.csv"},
        {PLEAT_RUN_FINAL, "RUN/cv_results.final.csv"},
        {PLEAT_RUN_SUMMARY, "RUN/summary.json"},
        {PLEAT_RUN_SCORES, "RUN/scores.csv"},
        {PLEAT_RUN_STATISTICS, "RUN/statistics.csv"},
        {PLEAT_RUN_STATISTICS_JSON, "RUN/statistics.json"},
        {PLEAT_RUN_FIGURES, "RUN/figures"},
        {PLEAT_RUN_REPORT, "RUN/report"},
        {PLEAT_RUN_PAGE, "RUN/report/report.html"},
        {PLEAT_RUN_LABELS_ITKSNAP, "RUN/labels.itksnap.txt"},
        {PLEAT_RUN_LABELS_SLICER, "RUN/labels.ctbl"},
        {PLEAT_RUN_METHODS, "RUN/methods.md"},
        {PLEAT_RUN_CRATE, "RUN/ro-crate-metadata.json"},
        {PLEAT_RUN_DATASET, "RUN/dataset_description.json"},
        {PLEAT_RUN_ABLATION, "RUN/ablation.csv"},
        {PLEAT_RUN_ABLATION_DETAILED, "RUN/ablation.detailed.csv"},
    };
    char path[PLEAT_PATH_BYTES];
    for (size_t i = 0; i < COUNT(files); i++) {
        OK(pleat_run_path("RUN", files[i].file, path));
        assert_string_equal(path, files[i].path);
        assert_string_equal(pleat_run_file_name(files[i].file), strchr(path, '/') + 1);
    }
    OK(pleat_run_log("RUN", 7, path));
    assert_string_equal(path, "RUN/log/rank-0007.log");
}

static void the_files_of_a_fold_are_in_its_folder(void **state) {
    (void)state;
    static const struct {
        pleat_fold_file file;
        const char *name;
    } files[] = {
        {PLEAT_FOLD_BEST, "checkpoint_best.h5"}, {PLEAT_FOLD_LATEST, "checkpoint_latest.h5"},
        {PLEAT_FOLD_HISTORY, "history.tsv"},     {PLEAT_FOLD_KERAS_LOG, "logs.csv"},
        {PLEAT_FOLD_EVENTS, "events.jsonl"},     {PLEAT_FOLD_TENSORBOARD, "events.out.tfevents"},
        {PLEAT_FOLD_PREDICTIONS, "predictions"}, {PLEAT_FOLD_TABLE, "scores.csv"},
        {PLEAT_FOLD_SCORES, "scores.json"},
    };
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], again[PLEAT_PATH_BYTES];
    OK(pleat_fold_folder("RUN", 3, folder));
    assert_string_equal(folder, "RUN/fold_3");
    for (size_t i = 0; i < COUNT(files); i++) {
        OK(pleat_fold_path(folder, files[i].file, path));
        assert_memory_equal(path, "RUN/fold_3/", 11);
        assert_string_equal(path + 11, files[i].name);
        assert_string_equal(pleat_fold_file_name(files[i].file), files[i].name);
        OK(pleat_run_fold_path("RUN", 3, files[i].file, again));
        assert_string_equal(again, path);
    }
    OK(pleat_labels_path("RUN/fold_3/predictions", "case_001", path));
    assert_string_equal(path, "RUN/fold_3/predictions/case_001.nii.gz");
}

static void train_weights_chooses_the_checkpoint_of_its_name(void **state) {
    (void)state;
    int n = 0;
    for (; pleat_weights_name(n) != NULL; n++) {
        char name[64];
        (void)snprintf(name, sizeof name, "checkpoint_%s.h5", pleat_weights_name(n));
        assert_string_equal(pleat_fold_file_name(pleat_weights_file(n)), name);
    }
    assert_int_equal(n, 2);
}

static void a_path_that_does_not_fit_is_refused_not_cut(void **state) {
    (void)state;
    char run[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    memset(run, 'a', sizeof run - 1);
    run[sizeof run - 6] = '\0';
    REFUSED(pleat_run_path(run, PLEAT_RUN_CONFIG, path), PLEAT_ERR_ARG, "");
    REFUSED(pleat_run_fold_path(run, 1, PLEAT_FOLD_SCORES, path), PLEAT_ERR_ARG, "");
    OK(pleat_run_path(run, PLEAT_RUN_STOP, path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_of_a_run_are_where_the_manual_says),
        cmocka_unit_test(the_files_of_a_fold_are_in_its_folder),
        cmocka_unit_test(train_weights_chooses_the_checkpoint_of_its_name),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused_not_cut),
    };
    return cmocka_run_group_tests_name("rundir", tests, NULL, NULL);
}
