/* verb_score.c - score: compares label maps. */
#include "app.h"

#include "pleat/file.h"
#include "pleat/report.h"
#include "pleat/score.h"

#include <string.h>

pleat_status verb_score(app *a, const verb *self, int argc, char **argv) {
    const char *truth = NULL, *out = NULL, *names = "";
    text_list words = {0};
    int all = 0, go = 0;
    const option rows[] = {
        {"--truth", OPTION_TEXT, &truth, "DATA", "folder of the annotated cases"},
        {"--classes", OPTION_TEXT, &names, "A,B,...", "names, background first"},
        {"--out", OPTION_TEXT, &out, "FOLDER", "also write the CSV and JSON files there"},
        {"--all-scores", OPTION_FLAG, &all, NULL,
         "a table for each score, not for the first alone"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    pleat_classes classes;
    PLEAT_CHECK(words.n == 1 && truth != NULL && strchr(names, ',') != NULL, PLEAT_ERR_ARG,
                "usage: pleat %s %s", self->name, self->arguments);
    if (a->session->rank != 0) return PLEAT_OK;
    PLEAT_TRY(pleat_classes_parse(names, &classes));
    const pleat_report_info info = {.version = PLEAT_VERSION, .command = a->command};
    pleat_results results;
    pleat_status status = pleat_results_begin(&classes, 1, pleat_scores_all(), &results);
    pleat_classes_free(&classes);
    if (status == PLEAT_OK) status = pleat_score_folders(words.item[0], truth, &results);
    if (status == PLEAT_OK && out != NULL) status = pleat_file_make_folder(out);
    if (status == PLEAT_OK && out != NULL) status = pleat_report_write(out, &results, &info);
    if (status == PLEAT_OK) status = pleat_report_print(stdout, &results, all);
    pleat_results_free(&results);
    return status;
}
