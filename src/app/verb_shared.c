/* verb_shared.c - what verbs have in common: the options, the configuration. */
#include "app.h"

#include "pleat/crossval.h"
#include "pleat/file.h"
#include "pleat/layout.h"
#include "pleat/terminal.h"
#include "pleat/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

pleat_status verb_options(app *a, const verb *self, const option *rows, int argc, char **argv,
                          text_list *words, int *go) {
    int help = 0;
    PLEAT_TRY(options_parse(rows, self->name, argc, argv, words, &help));
    *go = !help;
    if (!help || a->session->rank != 0) return PLEAT_OK;
    if (a->tell != NULL) {
        a->tell(self, rows);
        return PLEAT_OK;
    }
    const int columns = pleat_terminal_columns(STDOUT_FILENO);
    (void)printf("usage: pleat %s %s\n\n", self->name, self->arguments);
    pleat_text_wrap(stdout, self->what, 0, columns);
    (void)fputc('\n', stdout);
    options_print(stdout, rows, columns);
    return PLEAT_OK;
}

static int is_given(const option *row) {
    switch (row->kind) {
    case OPTION_TEXT: return *(const char *const *)row->value != NULL;
    case OPTION_LIST: return ((const text_list *)row->value)->n > 0;
    case OPTION_INT:
    case OPTION_FLAG:
    case OPTION_SIZE: break;
    }
    return 1;
}

/* The next word of `arguments`, without brackets and dots; *optional: it stands in brackets. NULL
 * after the last. */
static const char *next_word(const char *at, char word[32], int *optional, int *depth, int *many) {
    size_t n = 0;
    while (*at == ' ') at++;
    if (*at == '\0') return NULL;
    *many = 0;
    *optional = *depth > 0 || *at == '[';
    for (; *at != '\0' && *at != ' '; at++) {
        if (*at == '[') ++*depth;
        if (*at == ']') --*depth;
        if (strncmp(at, "...", 3) == 0)
            *many = 1, at += 2;
        else if (strchr("[]", *at) == NULL && n < 31)
            word[n++] = *at;
    }
    word[n] = '\0';
    return at;
}

pleat_status verb_needs(const verb *self, const option *rows, const text_list *words, int all) {
    char word[32], unused[32];
    int optional = 0, depth = 0, many = 0, found = 0, any = 0, unused_flag = 0;
    for (const char *at = self->arguments; (at = next_word(at, word, &optional, &depth, &many));) {
        const option *row = rows;
        while (row->name != NULL && strcmp(row->name, word) != 0) row++;
        char *instead = strstr(word, "|--"); /* an option that stands for it, and its argument */
        if (instead != NULL) {
            *instead = '\0';
            at = next_word(at, unused, &unused_flag, &depth, &unused_flag);
            if (at == NULL) at = "";
        }
        if (word[0] != '-') {
            PLEAT_CHECK(optional || found < words->n, PLEAT_ERR_ARG,
                        "%s is missing: pleat %s %s; see pleat %s --help", word, self->name,
                        self->arguments, self->name);
            found++;
            any |= many;
            continue;
        }
        PLEAT_CHECK(optional || !all || row->name == NULL || is_given(row), PLEAT_ERR_ARG,
                    "%s needs %s %s: %s", self->name, row->name, row->argument, row->help);
        at = next_word(at, word, &optional, &depth, &many); /* its argument */
        if (at == NULL) break;
    }
    PLEAT_CHECK(words->n <= found || any, PLEAT_ERR_ARG,
                "'%s' is one argument too many: pleat %s %s; see pleat %s --help",
                words->item[found], self->name, self->arguments, self->name);
    return PLEAT_OK;
}

/* All but what is joined and checked; over the defaults, or what is set already. */
static pleat_status read_config(const text_list *assignments, pleat_config *out) {
    PLEAT_TRY(pleat_config_environment(out));
    for (int i = 0; i < assignments->n; i++) PLEAT_TRY(pleat_config_set(assignments->item[i], out));
    if (out->fidelity) out->prep.edge_zero = 1;
    return PLEAT_OK;
}

pleat_status verb_config(const char *path, const text_list *assignments, pleat_config *out) {
    pleat_config_defaults(out);
    PLEAT_CHECK(path == NULL || !pleat_file_is_folder(path), PLEAT_ERR_ARG,
                "'%s' is a folder, not a configuration; of a data folder `pleat suggest %s > "
                "my.yaml` writes one, and `pleat run --suggest %s --out RUN` runs by it",
                path, path, path);
    if (path != NULL) PLEAT_TRY(pleat_config_read(path, out));
    PLEAT_TRY(read_config(assignments, out));
    PLEAT_TRY(pleat_config_join_data(out));
    return pleat_config_check(out);
}

pleat_status verb_config_text(const char *text, const char *name, const text_list *assignments,
                              pleat_config *out) {
    pleat_config_defaults(out);
    PLEAT_TRY(pleat_config_parse(text, strlen(text), name, out));
    PLEAT_TRY(read_config(assignments, out));
    PLEAT_TRY(pleat_config_join_data(out));
    return pleat_config_check(out);
}

pleat_status verb_data_config(const verb *self, const char *word, const text_list *assignments,
                              int *given, pleat_config *out) {
    char who[32];
    *given =
        pleat_file_exists(word) && !pleat_file_is_folder(word) && !pleat_layout_is_described(word);
    if (*given) return verb_config(word, assignments, out);
    (void)snprintf(who, sizeof who, "pleat %s", self->name);
    pleat_config_defaults(out);
    PLEAT_TRY(pleat_config_set("preprocess.clip=none", out)); /* the defaults are for CT */
    PLEAT_TRY(pleat_config_set("preprocess.grayscale=false", out));
    PLEAT_TRY(read_config(assignments, out));
    PLEAT_TRY(pleat_config_set_key(who, "data", word, out));
    PLEAT_TRY(pleat_config_join_data(out));
    return pleat_config_check(out);
}

pleat_status verb_weights_file(const char *run, const char *weights, pleat_fold_file *out) {
    pleat_config config;
    pleat_config_defaults(&config);
    if (weights != NULL)
        PLEAT_TRY(pleat_config_set_key("--weights", "train.weights", weights, &config));
    else
        PLEAT_TRY(pleat_run_config(run, &config));
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

pleat_status verb_file_start(const char *path, unsigned char *out, size_t n, size_t *got) {
    int64_t size = 0;
    int fd = -1;
    PLEAT_TRY(pleat_file_open(path, &fd, &size));
    const ssize_t read_bytes = pread(fd, out, n, 0);
    const int why = errno;
    (void)close(fd);
    PLEAT_CHECK(read_bytes >= 0, pleat_file_status(why), "cannot read '%s': %s", path,
                strerror(why));
    *got = (size_t)read_bytes;
    return PLEAT_OK;
}
