/* verb_split.c - split: chooses the folds, or checks them. */
#include "app.h"

#include "pleat/cases.h"
#include "pleat/file.h"
#include "pleat/folds.h"
#include "pleat/text.h"

#include <string.h>

/* A file that is there holds just these folds, so there is nothing to write. */
static pleat_status check_same(const char *path, const pleat_cases *c, const pleat_folds *folds) {
    pleat_folds there = {0};
    const int same = pleat_folds_read(path, c->ids, c->n, &there) == PLEAT_OK &&
                     there.k == folds->k && there.repeats == folds->repeats &&
                     memcmp(there.fold_of, folds->fold_of,
                            (size_t)folds->repeats * (size_t)c->n * sizeof *folds->fold_of) == 0;
    pleat_folds_free(&there);
    PLEAT_CHECK(same, PLEAT_ERR_ARG,
                "--out '%s' is there already, and does not hold these folds; choose another name, "
                "or remove the file",
                path);
    return PLEAT_OK;
}

static pleat_status make_split(const pleat_config *config, const char *out) {
    pleat_cases c = {0};
    pleat_folds folds = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_cases_find(config, &c));
    PLEAT_TRY_GOTO(status, done, pleat_cases_folds(config, c.paths, c.n, NULL, &folds));
    if (pleat_file_exists(out))
        PLEAT_TRY_GOTO(status, done, check_same(out, &c, &folds));
    else
        PLEAT_TRY_GOTO(status, done, pleat_folds_write(out, c.ids, &folds));
    pleat_text_print("%d cases in %d folds: %s\n", c.n, folds.k, out);
done:
    pleat_folds_free(&folds);
    pleat_cases_free(&c);
    return status;
}

static pleat_status check_split(const pleat_config *config, const char *path) {
    pleat_cases c = {0};
    pleat_folds folds = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_cases_find(config, &c));
    PLEAT_TRY_GOTO(status, done, pleat_folds_read(path, c.ids, c.n, &folds));
    PLEAT_TRY_GOTO(status, done, pleat_cases_check_folds(config, c.paths, c.n, &folds));
    pleat_text_print("%s: %d cases, %d folds, each case held out once%s%s\n", path, c.n, folds.k,
                     folds.repeats > 1 ? " in each repeat" : "",
                     config->group_by[0] != '\0' ? ", no group in two folds" : "");
done:
    pleat_folds_free(&folds);
    pleat_cases_free(&c);
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
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 0));
    PLEAT_CHECK((out != NULL) != (check != NULL), PLEAT_ERR_ARG,
                "split needs --out FILE, to write the splits, or --check FILE, to check "
                "some, and not both");
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    if (a->session->rank != 0) return PLEAT_OK;
    return out != NULL ? make_split(&config, out) : check_split(&config, check);
}
