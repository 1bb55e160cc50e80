/* verb_run.c - run: a whole cross-validation; train: the same without predictions. */
#include "app.h"

#include "pleat/crossval.h"
#include "pleat/halt.h"

#include <limits.h>

static pleat_status run_or_train(app *a, const verb *self, int argc, char **argv, int train_only) {
    const char *out = NULL, *max_time = NULL;
    text_list sets = {0}, words = {0};
    pleat_run_options options = {.command = a->command, .only_fold = -1};
    int go = 0, fold = INT_MIN; /* not given */
    options.train_only = train_only;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", "folder of the run; started again, it goes on there"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {"--fold", OPTION_INT, &fold, "K", "this fold alone, from 0"},
        {"--max-time", OPTION_TEXT, &max_time, "TIME",
         "seconds or HH:MM:SS; before they are over it checkpoints and leaves with 85"},
        {"--redo", OPTION_FLAG, &options.redo, NULL,
         "do again the folds that a changed case touches; without, one is refused"},
        {"--dry-run", OPTION_FLAG, &options.dry_run, NULL, "print who trains what, and stop"},
        {"--all-scores", OPTION_FLAG, &options.verbose, NULL,
         "a table for each score, not for the first alone"},
        {0},
    };
    pleat_config config;
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(pleat_session_check_launch(a->session));
    PLEAT_CHECK(words.n == 1, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_CHECK(out != NULL || options.dry_run, PLEAT_ERR_ARG,
                "pleat %s needs --out RUN, the folder of the results", self->name);
    PLEAT_CHECK(fold >= 0 || fold == INT_MIN, PLEAT_ERR_ARG, "--fold %d: folds count from 0", fold);
    if (fold >= 0) options.only_fold = fold;
    options.out = out != NULL ? out : ""; /* a dry run may have none */
    if (max_time != NULL) PLEAT_TRY(pleat_halt_parse("--max-time", max_time, &options.max_time));
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    return pleat_crossval_run(a->session, &config, &options);
}

pleat_status verb_run(app *a, const verb *self, int argc, char **argv) {
    return run_or_train(a, self, argc, argv, 0);
}

pleat_status verb_train(app *a, const verb *self, int argc, char **argv) {
    return run_or_train(a, self, argc, argv, 1);
}
