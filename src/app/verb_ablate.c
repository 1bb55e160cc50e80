/* verb_ablate.c - ablate: with and without preprocessing and augmentation, side by side. */
#include "app.h"

#include "pleat/ablation.h"

pleat_status verb_ablate(app *a, const verb *self, int argc, char **argv) {
    const char *live = NULL, *out = NULL;
    text_list sets = {0}, words = {0};
    pleat_run_options options = {.command = a->command, .only_fold = -1};
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", "folder of the four runs; if it exists, they resume"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {"--redo", OPTION_FLAG, &options.redo, NULL,
         "retrain the folds affected by changed cases; without it a changed case is an error"},
        {"--live", OPTION_TEXT, &live, VERB_LIVE_ARGUMENT, VERB_LIVE_HELP},
        {"--dry-run", OPTION_FLAG, &options.dry_run, NULL,
         "print which ranks train which folds, and stop"},
        {0},
    };
    pleat_config config;
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, !options.dry_run));
    options.out = out != NULL ? out : ""; /* a dry run may have none */
    PLEAT_TRY(verb_live(live));
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    PLEAT_CHECK(config.train.augment && pleat_prep_does_something(&config.prep), PLEAT_ERR_ARG,
                "pleat ablate needs a configuration with preprocessing and augmentation; it turns "
                "them off itself");
    return pleat_ablation_run(a->session, &config, &options);
}
