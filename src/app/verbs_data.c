/* verbs_data.c - prep, split, phantom, config: from volumes to what a run begins with. */
#include "app.h"

#include "pleat/file.h"
#include "pleat/folds.h"
#include "pleat/halt.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/phantom.h"
#include "pleat/prep.h"

#include <stdlib.h>

static const char *const set_help = "change a key of the configuration; may be repeated";

typedef struct data_cases {
    pleat_case_paths *cases;
    const char **ids;
    int n;
} data_cases;

static pleat_status find_cases(const pleat_config *config, data_cases *out) {
    PLEAT_CHECK(config->data[0] != '\0', PLEAT_ERR_ARG,
                "no data: set data: FOLDER in the configuration or --set data=FOLDER");
    PLEAT_TRY(pleat_layout_scan(config->data, 1, &out->cases, &out->n));
    out->ids = calloc((size_t)out->n, sizeof *out->ids);
    PLEAT_CHECK(out->ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", out->n);
    for (int i = 0; i < out->n; i++) out->ids[i] = out->cases[i].id;
    return PLEAT_OK;
}

static void free_cases(data_cases *c) {
    free(c->ids);
    pleat_layout_free(c->cases, c->n);
}

/* Options that these verbs share: CONFIG --out --set. */
static pleat_status config_verb(app *a, const verb *self, const option *rows, int argc, char **argv,
                                const text_list *sets, const char *const *out, pleat_config *config,
                                int *go) {
    text_list words = {0};
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, go));
    if (!*go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1 && (out == NULL || *out != NULL), PLEAT_ERR_ARG, "usage: pleat %s %s",
                self->name, self->arguments);
    return verb_config(words.item[0], sets, config);
}

pleat_status verb_prep(app *a, const verb *self, int argc, char **argv) {
    const char *out = NULL;
    text_list sets = {0};
    pleat_config config;
    data_cases c = {0};
    pleat_classes classes = {0};
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "STORE", "folder of the store; cases already there are kept"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", set_help},
        {0},
    };
    PLEAT_TRY(config_verb(a, self, rows, argc, argv, &sets, &out, &config, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(pleat_session_check_launch(a->session));
    pleat_status status = pleat_comm_agree(a->session->world, find_cases(&config, &c));
    if (status == PLEAT_OK) status = pleat_classes_parse(config.classes, &classes);
    pleat_halt_catch();
    pleat_halt_after_job();
    if (status == PLEAT_OK)
        status = pleat_prep_run(a->session->world, &config.prep, c.cases, c.n, classes.n,
                                out); /* 0: any label */
    ;
    if (status == PLEAT_OK && a->session->rank == 0) (void)printf("%d cases in %s\n", c.n, out);
    pleat_classes_free(&classes);
    free_cases(&c);
    return status;
}

static pleat_status make_split(const pleat_config *config, const char *out) {
    data_cases c = {0};
    pleat_folds folds = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, find_cases(config, &c));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_folds_make(c.ids, c.n, config->folds, config->seed, config->group_by, &folds));
    PLEAT_TRY_GOTO(status, done, pleat_folds_write(out, c.ids, &folds));
    (void)printf("%d cases in %d folds: %s\n", c.n, folds.k, out);
done:
    pleat_folds_free(&folds);
    free_cases(&c);
    return status;
}

static pleat_status check_split(const pleat_config *config, const char *path) {
    data_cases c = {0};
    pleat_folds folds = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, find_cases(config, &c));
    PLEAT_TRY_GOTO(status, done, pleat_folds_read(path, c.ids, c.n, &folds));
    PLEAT_TRY_GOTO(status, done, pleat_folds_check(c.ids, &folds, config->group_by));
    (void)printf("%s: %d cases, %d folds, each case held out once%s\n", path, c.n, folds.k,
                 config->group_by[0] != '\0' ? ", no group in two folds" : "");
done:
    pleat_folds_free(&folds);
    free_cases(&c);
    return status;
}

pleat_status verb_split(app *a, const verb *self, int argc, char **argv) {
    const char *out = NULL, *check = NULL;
    text_list sets = {0}, words = {0};
    pleat_config config;
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "FILE", "splits_final.json to write"},
        {"--check", OPTION_TEXT, &check, "FILE",
         "check these splits instead: every case once, no group (folds.group_by) in two folds"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", set_help},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1 && (out != NULL) != (check != NULL), PLEAT_ERR_ARG,
                "usage: pleat split CONFIG --out FILE, or pleat split CONFIG --check FILE");
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    if (a->session->rank != 0) return PLEAT_OK;
    return out != NULL ? make_split(&config, out) : check_split(&config, check);
}

pleat_status verb_phantom(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0};
    int cases = 10, seed = 1, go = 0;
    const option rows[] = {
        {"--cases", OPTION_INT, &cases, "N", "how many; 10"},
        {"--seed", OPTION_INT, &seed, "N", "of their anatomy; 1"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 1, PLEAT_ERR_ARG, "usage: pleat phantom FOLDER");
    PLEAT_CHECK(cases >= 1 && cases <= 9999 && seed >= 0, PLEAT_ERR_ARG,
                "--cases must be 1 to 9999, --seed not negative");
    if (a->session->rank != 0) return PLEAT_OK;
    const pleat_phantom_config config = pleat_phantom_default();
    PLEAT_TRY(pleat_phantom_write(words.item[0], cases, (uint64_t)seed, &config));
    (void)printf("%d cases in %s\n", cases, words.item[0]);
    return PLEAT_OK;
}

pleat_status verb_config_show(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0};
    int go = 0;
    const option rows[] = {{"--set", OPTION_LIST, &sets, "KEY=VALUE", set_help}, {0}};
    pleat_config config;
    char text[16384];
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n <= 1, PLEAT_ERR_ARG, "usage: pleat config [CONFIG]");
    PLEAT_TRY(verb_config(words.n == 1 ? words.item[0] : NULL, &sets, &config));
    PLEAT_TRY(pleat_config_text(&config, 1, text, sizeof text));
    if (a->session->rank == 0) (void)fputs(text, stdout);
    return PLEAT_OK;
}
