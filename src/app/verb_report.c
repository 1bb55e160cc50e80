/* verb_report.c - report: writes the report of a run again. */
#include "app.h"

#include "pleat/crossval.h"

#include <limits.h>

pleat_status verb_report(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0}, cases = {0};
    pleat_page_options page = {0};
    int pictures = INT_MIN; /* not given */
    int all = 0, rescore = 0, check = 0, go = 0;
    const option rows[] = {
        {"--all-scores", OPTION_FLAG, &all, NULL, "a table for each score, not only for the first"},
        {"--rescore", OPTION_FLAG, &rescore, NULL,
         "score the predictions again, with the scores of this version"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", "report.*, folds.group_by; implies --rescore"},
        {"--single-file", OPTION_FLAG, &page.single_file, NULL,
         "put the pictures into the page, to be mailed"},
        {"--pictures", OPTION_INT, &pictures, "N",
         "number of cases shown, worst first (default: report.pictures)"},
        {"--case", OPTION_LIST, &cases, "ID", "show only this case; may be repeated"},
        {"--check", OPTION_FLAG, &check, NULL,
         "write nothing; compare inputs, store and files with their digests in run.json"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(pictures >= 0 || pictures == INT_MIN, PLEAT_ERR_ARG, "--pictures %d: 0 shows none",
                pictures);
    page.pictures = pictures == INT_MIN ? PLEAT_PAGE_AS_SET : pictures;
    const pleat_rescore anew = {sets.item, sets.n};
    page.ids = cases.item;
    page.n = cases.n;
    const pleat_report_options options = {
        .anew = rescore || sets.n > 0 ? &anew : NULL, .verbose = all, .page = &page};
    PLEAT_CHECK(!check || (!all && !rescore && !page.single_file && sets.n + cases.n == 0 &&
                           pictures == INT_MIN),
                PLEAT_ERR_ARG, "--check writes nothing and scores nothing; give it alone");
    if (a->session->rank != 0) return PLEAT_OK;
    if (check) return pleat_crossval_check(words.item[0]);
    return pleat_crossval_report(words.item[0], &options);
}
