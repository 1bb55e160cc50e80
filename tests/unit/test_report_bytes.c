/*
 * test_report_bytes.c - a run's report is, byte by byte, what version 0.1.0 wrote of it.
 *
 * tests/lib/report is such a run: run.json and the scores of two of its three folds, with a class
 * absent, spurious and missed and a comma in a name, and the files and tables that the program of
 * commit c4b6085 made of them by `pleat report`. One text is of later: the title of the loss's
 * curves no longer names the loss.
 */
#include "../../src/eval/scores/families.h"
#include "pleat/crossval.h"
#include "pleat/report.h"
#include "pleat/rundir.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char recorded[] = RECORDED; /* tests/lib/report */
/* The scores that pleat had when the files were recorded: later families do not matter here. */
static const pleat_score_family *const families_then[] = {&pleat_scores_overlap};
static const pleat_scores of_then = {families_then, COUNT(families_then)};

static pleat_record record;
static pleat_results results; /* of its folds */

static int read_run(void **state) {
    pleat_classes classes;
    char path[PLEAT_PATH_BYTES];
    OK(pleat_record_read(recorded, &record));
    OK(pleat_classes_parse(record.classes, &classes));
    OK(pleat_results_begin(&classes, record.folds, &of_then, &results));
    pleat_classes_free(&classes);
    for (int fold = 0; fold < record.folds; fold += 2) {
        OK(pleat_fold_folder(recorded, fold, path));
        OK(pleat_report_read_fold(path, fold, &results, NULL));
    }
    return make_root(state);
}

static int free_run(void **state) {
    pleat_results_free(&results);
    return remove_root(state);
}

static void assert_text(const char *name, const char *got, size_t n) {
    char path[PLEAT_PATH_BYTES], *want = NULL;
    size_t bytes = 0;
    OK(pleat_path(path, sizeof path, "%s/%s", recorded, name));
    OK(pleat_file_read_all(path, &want, &bytes));
    size_t same = 0;
    while (same < n && same < bytes && got[same] == want[same]) same++;
    if (same < n || same < bytes)
        fail_msg("%s differs at byte %zu: '%.60s', not '%.60s'", name, same, got + same,
                 want + same);
    free(want);
}

/* ROOT/NAME is the recorded NAME. */
static void assert_file(const char *name) {
    char path[PLEAT_PATH_BYTES], *got = NULL;
    size_t n = 0;
    OK(pleat_file_read_all(in_root(path, name), &got, &n));
    assert_text(name, got, n);
    free(got);
}

static void the_files_over_all_folds_are_the_same(void **state) {
    (void)state;
    const pleat_report_info info = {.version = record.version,
                                    .command = record.command,
                                    .config_digest = record.digest,
                                    .engine = record.engine,
                                    .precision = record.precision,
                                    .weights = record.weights,
                                    .seed = record.seed};
    OK(pleat_report_write(root, &results, &info));
    assert_file("cv_results.detailed.csv");
    assert_file("cv_results.final.csv");
    assert_file("summary.json");
}

static void the_tables_are_the_same(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);
        assert_non_null(out);
        OK(pleat_report_print(out, &results, all));
        (void)fputs("\nresults: .\n", out);
        assert_int_equal(fclose(out), 0);
        assert_text(all ? "all.txt" : "short.txt", text, n);
        free(text);
    }
}

/* ROOT/NAME is the recorded NAME, but for the schema's number and the digests at its end. */
static void assert_sealed_file(const char *name) {
    char path[PLEAT_PATH_BYTES], *got = NULL;
    size_t n = 0;
    OK(pleat_file_read_all(in_root(path, name), &got, &n));
    char *schema = strstr(got, "pleat/scores/2"), *added = strstr(got, ",\n \"history_digest\"");
    if (added == NULL) added = strstr(got, ",\n \"checksum\"");
    assert_non_null(schema);
    assert_non_null(added);
    schema[strlen("pleat/scores/")] = '1';
    memcpy(added, "\n}", 2);
    assert_text(name, got, (size_t)(added - got) + 2);
    free(got);
}

static void a_folds_counts_are_written_as_they_were_read(void **state) {
    (void)state;
    static const char *const folds[] = {"fold_0", "fold_2"};
    const pleat_results part[] = {pleat_results_part(&results, 0, 3),
                                  pleat_results_part(&results, 3, 2)};
    for (int i = 0; i < 2; i++) {
        char path[PLEAT_PATH_BYTES], name[64];
        OK(pleat_file_make_folder(in_root(path, folds[i])));
        OK(pleat_report_write_fold(path, &part[i], NULL));
        (void)snprintf(name, sizeof name, "%s/scores.json", folds[i]);
        assert_sealed_file(name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_over_all_folds_are_the_same),
        cmocka_unit_test(the_tables_are_the_same),
        cmocka_unit_test(a_folds_counts_are_written_as_they_were_read),
    };
    return cmocka_run_group_tests(tests, read_run, free_run);
}
