/*
 * app.h - the table of verbs, and what they share.
 *
 * A verb is a function in a file of its own, as in src/app/verb_run.c, and a row of the table in
 * src/app/verbs.c.
 */
#ifndef PLEAT_APP_H
#define PLEAT_APP_H

#include "options.h"

#include "pleat/config.h"
#include "pleat/rundir.h"
#include "pleat/session.h"

struct verb;

typedef struct app {
    pleat_session *session;
    char command[2048]; /* as typed */
    /* Asked for their help, verbs hand their options to this instead; NULL: they print it. */
    void (*tell)(const struct verb *of, const option *rows);
} app;

typedef struct verb {
    const char *name;
    pleat_status (*run)(app *a, const struct verb *self, int argc, char **argv);
    int patient;           /* told to leave it finishes a step, saves, and goes on another time */
    const char *arguments; /* of the usage line */
    const char *what;      /* one line */
} verb;

/* Ends with a NULL name. */
extern const verb verbs[];

/* NULL when there is none of this name. */
const verb *verb_find(const char *name);
/* ERR_ARG; names the verb that was meant, where one is near. */
pleat_status verb_unknown(const char *name);

#define VERB_SET_HELP "change a key of the configuration; may be repeated"

/* Reads the options; *go is 0 when help was asked for and given. */
pleat_status verb_options(app *a, const verb *self, const option *rows, int argc, char **argv,
                          text_list *words, int *go);

/* ERR_ARG names the first of self->arguments that is missing, or a word too many. all 0: options
 * may be missing. */
pleat_status verb_needs(const verb *self, const option *rows, const text_list *words, int all);

/* Defaults, the file (NULL: none), the environment, the assignments; -> a checked configuration. */
pleat_status verb_config(const char *path, const text_list *assignments, pleat_config *out);

/* The same of a file's `text`, whose `name` messages have. */
pleat_status verb_config_text(const char *text, const char *name, const text_list *assignments,
                              pleat_config *out);

/* The same of a data folder, by the defaults but without clip and grayscale, which are for CT; or
 * of the file of a configuration, *given 1. */
pleat_status verb_data_config(const verb *self, const char *word, const text_list *assignments,
                              int *given, pleat_config *out);

/* Which checkpoints of a run predict: `weights` (best, latest), or where that is NULL those that
 * the run itself scored with. */
pleat_status verb_weights_file(const char *run, const char *weights, pleat_fold_file *out);

/* The first n bytes of a file; fewer when it is shorter. ERR_NOT_FOUND, ERR_IO, ERR_MEMORY. */
pleat_status verb_file_start(const char *path, unsigned char *out, size_t n, size_t *got);

#define VERB_LIVE_ARGUMENT "auto|always|never"
#define VERB_LIVE_HELP     "a table that is redrawn in place; auto: on a terminal (default auto)"
/* --live; NULL: not given. */
pleat_status verb_live(const char *how);

pleat_status verb_run(app *a, const verb *self, int argc, char **argv);
pleat_status verb_train(app *a, const verb *self, int argc, char **argv);
pleat_status verb_fetch(app *a, const verb *self, int argc, char **argv);
pleat_status verb_check(app *a, const verb *self, int argc, char **argv);
pleat_status verb_explore(app *a, const verb *self, int argc, char **argv);
pleat_status verb_suggest(app *a, const verb *self, int argc, char **argv);
pleat_status verb_plan(app *a, const verb *self, int argc, char **argv);
pleat_status verb_report(app *a, const verb *self, int argc, char **argv);
pleat_status verb_status(app *a, const verb *self, int argc, char **argv);
pleat_status verb_prep(app *a, const verb *self, int argc, char **argv);
pleat_status verb_split(app *a, const verb *self, int argc, char **argv);
pleat_status verb_config_show(app *a, const verb *self, int argc, char **argv);
pleat_status verb_predict(app *a, const verb *self, int argc, char **argv);
pleat_status verb_import(app *a, const verb *self, int argc, char **argv);
pleat_status verb_export(app *a, const verb *self, int argc, char **argv);
pleat_status verb_score(app *a, const verb *self, int argc, char **argv);
pleat_status verb_compare(app *a, const verb *self, int argc, char **argv);
pleat_status verb_phantom(app *a, const verb *self, int argc, char **argv);
pleat_status verb_augment(app *a, const verb *self, int argc, char **argv);
pleat_status verb_ablate(app *a, const verb *self, int argc, char **argv);
pleat_status verb_info(app *a, const verb *self, int argc, char **argv);
pleat_status verb_bench(app *a, const verb *self, int argc, char **argv);

#endif /* PLEAT_APP_H */
