/* verb_prep.c - prep: NIfTI to store. */
#include "app.h"

#include "pleat/cases.h"
#include "pleat/halt.h"
#include "pleat/prep.h"
#include "pleat/text.h"

pleat_status verb_prep(app *a, const verb *self, int argc, char **argv) {
    const char *out = NULL;
    text_list sets = {0}, words = {0};
    pleat_config config;
    pleat_cases c = {0};
    pleat_classes classes = {0};
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "STORE", "folder of the store; cases already there are kept"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_TRY(verb_config(words.item[0], &sets, &config));
    PLEAT_TRY(pleat_session_check_launch(a->session));
    pleat_status status = pleat_cases_find(&config, &c);
    if (status == PLEAT_OK) status = pleat_cases_check_apart(&config, "--out", out);
    if (status == PLEAT_OK) status = pleat_cases_classes(&config, &classes);
    if (status == PLEAT_OK) status = pleat_classes_check_written("classes", &classes);
    status = pleat_comm_agree(a->session->world, status);
    pleat_halt_catch();
    pleat_halt_after_job();
    if (status == PLEAT_OK)
        status = pleat_prep_run(a->session->world, &config.prep, c.paths, c.n, classes.n, out);
    if (status == PLEAT_OK && a->session->rank == 0)
        pleat_text_print("%d case%s in %s\n", c.n, pleat_plural(c.n), out);
    pleat_classes_free(&classes);
    pleat_cases_free(&c);
    return status;
}
