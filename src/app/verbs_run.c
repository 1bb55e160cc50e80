/* verbs_run.c - run, train, report, and what all verbs share. */
#include "app.h"

#include "pleat/ablation.h"
#include "pleat/crossval.h"
#include "pleat/halt.h"

#include <limits.h>
#include <string.h>

pleat_status verb_options(app *a, const verb *self, const option *rows, int argc, char **argv,
                          text_list *words, int *go) {
    int help = 0;
    PLEAT_TRY(options_parse(rows, self->name, argc, argv, words, &help));
    *go = !help;
    if (!help || a->session->rank != 0) return PLEAT_OK;
    (void)printf("usage: pleat %s %s\n\n%s\n\n", self->name, self->arguments, self->what);
    options_print(stdout, rows);
    return PLEAT_OK;
}

pleat_status verb_config(const char *path, const text_list *assignments, pleat_config *out) {
    pleat_config_defaults(out);
    if (path != NULL) PLEAT_TRY(pleat_config_read(path, out));
    PLEAT_TRY(pleat_config_environment(out));
    for (int i = 0; i < assignments->n; i++) PLEAT_TRY(pleat_config_set(assignments->item[i], out));
    if (out->fidelity) out->prep.edge_zero = 1;
    return pleat_config_check(out);
}

void print_json_text(const char *text) {
    (void)putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            (void)printf("\\%c", *c);
        else if (*c < 32)
            (void)printf("\\u%04x", *c);
        else
            (void)putchar(*c);
    }
    (void)putchar('"');
}

static const char *const set_help = "change a key of the configuration; may be repeated";

static pleat_status run_or_train(app *a, const verb *self, int argc, char **argv, int train_only) {
    const char *out = NULL, *max_time = NULL;
    text_list sets = {0}, words = {0};
    pleat_run_options options = {.command = a->command, .only_fold = -1};
    int go = 0, fold = INT_MIN; /* not given */
    options.train_only = train_only;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", "folder of the run; started again, it goes on there"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", set_help},
        {"--fold", OPTION_INT, &fold, "K", "this fold alone, from 0"},
        {"--max-time", OPTION_TEXT, &max_time, "TIME",
         "seconds or HH:MM:SS; before they are over it checkpoints and leaves with 85"},
        {"--dry-run", OPTION_FLAG, &options.dry_run, NULL, "print who trains what, and stop"},
        {"--all-scores", OPTION_FLAG, &options.verbose, NULL, "a table for each of the six scores"},
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

pleat_status verb_ablate(app *a, const verb *self, int argc, char **argv) {
    const char *out = NULL;
    text_list sets = {0}, words = {0};
    pleat_run_options options = {.command = a->command, .only_fold = -1};
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "RUN", "folder of the four runs; started again, it goes on"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", set_help},
        {"--dry-run", OPTION_FLAG, &options.dry_run, NULL, "print who trains what, and stop"},
        {0},
    };
    pleat_config config;
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1 && out != NULL, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name,
                self->arguments);
    options.out = out;
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    PLEAT_CHECK(config.augment && (pleat_prep_does_something(&config.prep)),
                PLEAT_ERR_ARG,
                "pleat ablate needs a configuration with preprocessing and augmentation; it turns "
                "them off itself");
    return pleat_ablation_run(a->session, &config, &options);
}

pleat_status verb_report(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    int all = 0, go = 0;
    const option rows[] = {
        {"--all-scores", OPTION_FLAG, &all, NULL, "a table for each of the six scores"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1, PLEAT_ERR_ARG, "usage: pleat report RUN");
    return a->session->rank == 0 ? pleat_crossval_report(words.item[0], all) : PLEAT_OK;
}
