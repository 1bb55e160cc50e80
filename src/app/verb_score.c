/* verb_score.c - score: compares label maps. */
#include "app.h"

#include "pleat/file.h"
#include "pleat/score.h"

#include <stdlib.h>
#include <string.h>

pleat_status verb_score(app *a, const verb *self, int argc, char **argv) {
    const char *truth = NULL, *out = NULL, *names = "";
    text_list words = {0};
    int all = 0, go = 0, n = 0;
    const option rows[] = {
        {"--truth", OPTION_TEXT, &truth, "DATA", "folder of the annotated cases"},
        {"--classes", OPTION_TEXT, &names, "A,B,...", "names, background first"},
        {"--out", OPTION_TEXT, &out, "FOLDER", "also write the CSV and JSON files there"},
        {"--all-scores", OPTION_FLAG, &all, NULL, "a table for each of the six scores"},
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
    pleat_case_result *results = NULL;
    pleat_status status = pleat_score_folders(words.item[0], truth, classes.n, &results, &n);
    if (status == PLEAT_OK && out != NULL) status = pleat_file_make_folder(out);
    if (status == PLEAT_OK && out != NULL)
        status = pleat_report_write(out, results, n, classes.name, classes.n, 1, &info);
    if (status == PLEAT_OK)
        status = pleat_report_print(stdout, results, n, classes.name, classes.n, 1, all);
    free(results);
    pleat_classes_free(&classes);
    return status;
}
