/* verb_score.c - score: compares label maps. */
#include "app.h"

#include "pleat/file.h"
#include "pleat/score.h"

#include <stdlib.h>

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
    pleat_config config = {0};
    char text[1024];
    const char *classes[PLEAT_MAX_CLASSES];
    (void)snprintf(config.classes, sizeof config.classes, "%s", names);
    const int n_classes = pleat_config_classes(&config, text, classes);
    PLEAT_CHECK(words.n == 1 && truth != NULL && n_classes >= 2, PLEAT_ERR_ARG,
                "usage: pleat %s %s", self->name, self->arguments);
    if (a->session->rank != 0) return PLEAT_OK;
    const pleat_report_info info = {.version = PLEAT_VERSION, .command = a->command};
    pleat_case_result *results = NULL;
    pleat_status status = pleat_score_folders(words.item[0], truth, n_classes, &results, &n);
    if (status == PLEAT_OK && out != NULL) status = pleat_file_make_folder(out);
    if (status == PLEAT_OK && out != NULL)
        status = pleat_report_write(out, results, n, classes, n_classes, 1, &info);
    if (status == PLEAT_OK)
        status = pleat_report_print(stdout, results, n, classes, n_classes, 1, all);
    free(results);
    return status;
}
