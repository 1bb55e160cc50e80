/* verb_shared.c - what verbs have in common: the options, the configuration. */
#include "app.h"

#include "pleat/file.h"
#include "pleat/terminal.h"

#include <stdio.h>
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

pleat_status verb_data_config(const verb *self, const char *word, const text_list *assignments,
                              int *given, pleat_config *out) {
    char who[32];
    *given = pleat_file_exists(word) && !pleat_file_is_folder(word);
    if (*given) return verb_config(word, assignments, out);
    (void)snprintf(who, sizeof who, "pleat %s", self->name);
    PLEAT_TRY(verb_config(NULL, assignments, out));
    return pleat_config_set_key(who, "data", word, out);
}

pleat_status verb_weights_file(const char *run, const char *weights, pleat_fold_file *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_config config;
    pleat_config_defaults(&config);
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_CONFIG, path));
    if (weights != NULL)
        PLEAT_TRY(pleat_config_set_key("--weights", "train.weights", weights, &config));
    else if (pleat_file_exists(path))
        PLEAT_TRY(pleat_config_read(path, &config));
    *out = pleat_weights_file(config.weights);
    return PLEAT_OK;
}

pleat_status verb_live(const char *how) {
    static const char *const names[] = {"auto", "always", "never"}; /* of pleat_live */
    int at = 0;
    if (how == NULL) return PLEAT_OK;
    while (at < 3 && strcmp(names[at], how) != 0) at++;
    PLEAT_CHECK(at < 3, PLEAT_ERR_ARG, "--live '%s': must be auto, always or never", how);
    pleat_terminal_live((pleat_live)at);
    return PLEAT_OK;
}
